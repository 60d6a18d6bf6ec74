/* Answers a connection's ApiVersions, and the requests that follow once it is ready, with the
 * input, over a real socket. Whatever comes: every request gets exactly one outcome, and the
 * connection ends. */
#include <arpa/inet.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/net/connection.h"
#include "client/wire/message/heartbeat.h"

#define INPUT_BYTES_MAX    ((size_t)60000) /* fits into the socket's buffers */
#define RESPONSE_BYTES_MAX ((size_t)50000)
#define REQUEST_COUNT      3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct scene {
    struct loop *loop;
    struct connection *connection;
    struct bytes input;
    int listener;
    int outcomes;
    int sent;
    bool closed;
};

static void on_answer(void *context, enum error error, int16_t version, struct wire_reader *body) {
    struct scene *scene = context;

    (void)version;
    CHECK((error == ERR_NONE) == (body != NULL));
    scene->outcomes++;
}

static void on_ready(void *context) {
    struct scene *scene = context;
    struct heartbeat_request request;

    heartbeat_request_init(&request);
    for (; scene->sent < REQUEST_COUNT; scene->sent++)
        connection_send(scene->connection, &heartbeat_api, 4, &request, 0, true, on_answer, scene);
}

static void on_closed(void *context, enum error error) {
    struct scene *scene = context;

    CHECK(error != ERR_NONE);
    scene->closed = true;
    loop_stop(scene->loop);
}

static void on_accept(evutil_socket_t listener, short events, void *context) {
    struct scene *scene = context;
    char ignored[4096];
    int fd = accept(listener, NULL, NULL);

    (void)events;
    CHECK(fd >= 0);
    CHECK(scene->input.size == 0 ||
          send(fd, scene->input.data, scene->input.size, MSG_NOSIGNAL | MSG_DONTWAIT) ==
              (ssize_t)scene->input.size);
    /* What was not read when we close would reset the connection and drop the input. */
    CHECK(shutdown(fd, SHUT_WR) == 0);
    while (recv(fd, ignored, sizeof(ignored), MSG_DONTWAIT) > 0)
        continue;
    close(fd);
}

static uint16_t listen_anywhere(int *listener) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);

    *listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(*listener >= 0);
    CHECK(bind(*listener, (struct sockaddr *)&address, size) == 0);
    CHECK(listen(*listener, 1) == 0);
    CHECK(getsockname(*listener, (struct sockaddr *)&address, &size) == 0);
    return ntohs(address.sin_port);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct loop *loop;
    static int listener;
    static uint16_t port;
    struct scene scene = {.input = bytes_of(data, size < INPUT_BYTES_MAX ? size : INPUT_BYTES_MAX)};
    struct event *acceptable;

    if (loop == NULL) {
        CHECK(loop_new(&loop) == ERR_NONE);
        port = listen_anywhere(&listener);
    }
    const struct connection_config config = {
        .host = "127.0.0.1",
        .port = port,
        .client_id = "fuzzer",
        .connect_timeout_ms = 10000,
        .request_timeout_ms = 10000,
        .response_bytes_max = RESPONSE_BYTES_MAX,
        .negotiate = true,
        .on_ready = on_ready,
        .on_closed = on_closed,
        .context = &scene,
    };
    scene.loop = loop;
    acceptable = event_new(loop_base(loop), listener, EV_READ | EV_PERSIST, on_accept, &scene);
    CHECK(acceptable != NULL && event_add(acceptable, NULL) == 0);
    CHECK(connection_open(loop, &config, &scene.connection) == ERR_NONE);
    loop_run(loop);
    CHECK(scene.closed);
    connection_close(scene.connection);
    CHECK(scene.outcomes == scene.sent);
    event_free(acceptable);
    return 0;
}

#include "ops/cli/http_get.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>

#define BODY_BYTES_MAX ((ev_ssize_t)64 << 20)

struct answer {
    struct event_base *base;
    json_t *json;
};

/* The request is NULL if the connection failed. */
static void on_done(struct evhttp_request *request, void *context) {
    struct answer *answer = context;
    struct evbuffer *body = request == NULL ? NULL : evhttp_request_get_input_buffer(request);

    if (body != NULL && evhttp_request_get_response_code(request) == HTTP_OK)
        answer->json = json_loadb((const char *)evbuffer_pullup(body, -1),
                                  evbuffer_get_length(body), JSON_REJECT_DUPLICATES, NULL);
    event_base_loopbreak(answer->base);
}

static void ask(struct answer *answer, struct evhttp_connection *connection, const char *host,
                const char *path) {
    struct evhttp_request *request = evhttp_request_new(on_done, answer);

    if (request == NULL)
        return;
    evhttp_add_header(evhttp_request_get_output_headers(request), "Host", host);
    evhttp_add_header(evhttp_request_get_output_headers(request), "Connection", "close");
    if (evhttp_make_request(connection, request, EVHTTP_REQ_GET, path) == 0)
        event_base_dispatch(answer->base);
}

json_t *http_get_json(const char *host, uint16_t port, const char *path, int timeout_ms) {
    const struct timeval timeout = {timeout_ms / 1000, timeout_ms % 1000 * 1000};
    struct answer answer = {.base = event_base_new()};
    struct evhttp_connection *connection =
        answer.base == NULL ? NULL : evhttp_connection_base_new(answer.base, NULL, host, port);

    if (connection != NULL) {
        evhttp_connection_set_timeout_tv(connection, &timeout);
        evhttp_connection_set_max_body_size(connection, BODY_BYTES_MAX);
        ask(&answer, connection, host, path);
        evhttp_connection_free(connection);
    }
    if (answer.base != NULL)
        event_base_free(answer.base);
    return answer.json;
}

/*
 * A broker process with nothing but its registration and its controller, to be driven by a test:
 * commands on standard input, one per line; what happens on standard output, one line each.
 * controller_test.py is its test.
 *
 *   controller_driver CONNECT TIMEOUT_MS BROKER_ID
 *
 * commands                             lines
 *   create NAME PARTITIONS REPLICAS      created NAME ERROR ms=N
 *   delete NAME                          deleted NAME ERROR ms=N
 *   elect                                elected ERROR count=N ms=N      preferred, all partitions
 * Also: registered EPOCH, active EPOCH, retired.
 */
#include <event2/event.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "client/net/loop.h"
#include "controller/shell/controller_shell.h"
#include "zk-schema/broker_registration.h"
#include "zk-schema/broker_znode.h"
#include "zk-schema/paths.h"
#include "zk-schema/zk_client.h"

struct driver {
    struct loop *loop;
    struct event *input;
    struct zk_client *client;
    struct zk_listener listener;
    struct broker_registration *registration;
    struct controller_shell *shell;
    struct controller_timer timer;
    struct loop_timer loop_timer;
    int32_t broker_id;
    bool started;
    size_t line_size;
    char line[4096];
};

static struct driver driver;

struct asked {
    char name[256];
    int64_t at_ms;
};

static void say(const char *format, ...) PRINTF_LIKE(1, 2);

static void say(const char *format, ...) {
    va_list arguments;

    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
}

/* ---- The broker */

static void timer_expired(struct loop_timer *timer) {
    (void)timer;
    driver.timer.expired(driver.timer.context);
}

static void timer_arm(struct controller_timer *timer, int64_t delay_ms) {
    (void)timer;
    loop_timer_arm(&driver.loop_timer, delay_ms);
}

static void timer_cancel(struct controller_timer *timer) {
    (void)timer;
    loop_timer_cancel(&driver.loop_timer);
}

static void on_registered(void *context, int64_t broker_epoch) {
    (void)context;
    say("registered %lld", (long long)broker_epoch);
    controller_shell_broker_registered(driver.shell, broker_epoch);
}

static void path_made(void *context, const struct zk_result *result) {
    (void)context;
    (void)result; /* it may exist */
}

static void on_session(struct zk_listener *listener, enum zk_session_state state) {
    (void)listener;
    controller_shell_on_session(driver.shell, state);
    if (driver.started) {
        broker_registration_on_session(driver.registration, state);
    } else if (state == ZK_SESSION_NEW) {
        driver.started = true;
        for (size_t i = 0; i < startup_path_count; i++)
            zk_create(zk_client_zk(driver.client), startup_paths[i], BYTES_NULL, ZK_PERSISTENT,
                      path_made, NULL);
        broker_registration_start(driver.registration);
    }
}

static void on_watch(struct zk_listener *listener, enum zk_event_kind kind, const char *path) {
    (void)listener;
    broker_registration_on_watch(driver.registration, kind, path);
    controller_shell_on_watch(driver.shell, kind, path);
}

static void on_term(void *context, bool active, int32_t controller_epoch) {
    (void)context;
    if (active)
        say("active %d", controller_epoch);
    else
        say("retired");
}

static void start(const char *connect, int32_t timeout_ms) {
    const struct broker_endpoint endpoint = {"PLAINTEXT", "127.0.0.1", 9000, "PLAINTEXT"};
    const struct broker_znode znode = {.endpoints = &endpoint, .endpoint_count = 1};
    struct zk_client_config session = {
        .connect = connect,
        .session_timeout_ms = timeout_ms,
        .executor = loop_executor(driver.loop),
        .listener = &driver.listener,
    };
    struct controller_shell_config shell = {
        .timer = &driver.timer,
        .clock = clock_system(),
        .broker_id = driver.broker_id,
        .rng_seed = (uint64_t)driver.broker_id,
        .delete_topic_enable = true,
        .on_term = on_term,
    };
    struct broker_registration_config registration = {
        .broker_id = driver.broker_id,
        .on_registered = on_registered,
    };
    struct arena arena;

    driver.listener = (struct zk_listener){on_session, on_watch};
    driver.timer = (struct controller_timer){.arm = timer_arm, .cancel = timer_cancel};
    loop_timer_init(&driver.loop_timer, driver.loop, timer_expired);
    CHECK(zk_client_open(&session, &driver.client) == ERR_NONE);
    shell.zk = registration.zk = zk_client_zk(driver.client);
    CHECK(controller_shell_new(&shell, &driver.shell) == ERR_NONE);
    arena_init(&arena, 1 << 20);
    registration.data = broker_znode_encode(&znode, &arena);
    CHECK(broker_registration_new(&registration, &driver.registration) == ERR_NONE);
    arena_done(&arena);
}

/* ---- Commands */

static struct asked *asked_new(const char *name) {
    struct asked *asked = calloc(1, sizeof(*asked));

    CHECK(asked != NULL);
    snprintf(asked->name, sizeof(asked->name), "%s", name);
    asked->at_ms = clock_monotonic_ms(clock_system());
    return asked;
}

static int64_t asked_done(struct asked *asked) {
    int64_t ms = clock_monotonic_ms(clock_system()) - asked->at_ms;

    free(asked);
    return ms;
}

static void on_created(void *context, const struct controller_create_topics_response *response) {
    struct asked *asked = context;
    enum error error = response->error;
    char name[256];

    if (error == ERR_NONE)
        error = response->results[0].error;
    snprintf(name, sizeof(name), "%s", asked->name);
    say("created %s %s ms=%lld", name, error_name(error), (long long)asked_done(asked));
}

static void on_deleted(void *context, const struct controller_delete_topics_response *response) {
    struct asked *asked = context;
    enum error error = response->error;
    char name[256];

    if (error == ERR_NONE)
        error = response->results[0].error;
    snprintf(name, sizeof(name), "%s", asked->name);
    say("deleted %s %s ms=%lld", name, error_name(error), (long long)asked_done(asked));
}

static void on_elected(void *context, const struct controller_elect_leaders_response *response) {
    say("elected %s count=%zu ms=%lld", error_name(response->error), response->result_count,
        (long long)asked_done(context));
}

static void run_line(const char *line) {
    char name[256];
    int partitions, replicas;

    if (sscanf(line, "create %255s %d %d", name, &partitions, &replicas) == 3) {
        struct controller_create_topic topic = {
            .name = bytes_of_text(name),
            .partition_count = partitions,
            .replication_factor = replicas,
        };
        controller_shell_create_topics(driver.shell,
                                       &(struct controller_create_topics_request){&topic, 1, false},
                                       on_created, asked_new(name));
    } else if (sscanf(line, "delete %255s", name) == 1) {
        struct controller_delete_topic topic = {.name = bytes_of_text(name)};
        controller_shell_delete_topics(driver.shell,
                                       &(struct controller_delete_topics_request){&topic, 1},
                                       on_deleted, asked_new(name));
    } else if (strcmp(line, "elect") == 0) {
        controller_shell_elect_leaders(driver.shell,
                                       &(struct controller_elect_leaders_request){.all = true},
                                       on_elected, asked_new("all"));
    } else {
        say("what? %s", line);
    }
}

static void on_input(evutil_socket_t fd, short what, void *context) {
    ssize_t size =
        read(fd, driver.line + driver.line_size, sizeof(driver.line) - driver.line_size - 1);
    char *end;

    (void)what;
    (void)context;
    if (size <= 0) {
        loop_stop(driver.loop);
        return;
    }
    driver.line_size += (size_t)size;
    driver.line[driver.line_size] = '\0';
    while ((end = strchr(driver.line, '\n')) != NULL) {
        *end = '\0';
        run_line(driver.line);
        driver.line_size -= (size_t)(end + 1 - driver.line);
        memmove(driver.line, end + 1, driver.line_size + 1);
    }
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: controller_driver CONNECT TIMEOUT_MS BROKER_ID\n");
        return 2;
    }
    CHECK(loop_new(&driver.loop) == ERR_NONE);
    driver.broker_id = (int32_t)strtol(argv[3], NULL, 10);
    start(argv[1], (int32_t)strtol(argv[2], NULL, 10));
    driver.input =
        event_new(loop_base(driver.loop), STDIN_FILENO, EV_READ | EV_PERSIST, on_input, NULL);
    CHECK(driver.input != NULL && event_add(driver.input, NULL) == 0);
    loop_run(driver.loop);
    zk_client_close(driver.client);
    controller_shell_free(driver.shell);
    broker_registration_free(driver.registration);
    event_free(driver.input);
    loop_timer_done(&driver.loop_timer);
    loop_free(driver.loop);
    return 0;
}

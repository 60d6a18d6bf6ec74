#include "broker/server/server.h"

#include <malloc.h>
#include <stdlib.h>
#include <unistd.h>

#include "broker/server/acceptor.h"
#include "broker/server/reactor.h"
#include "client/base/logger.h"

/* glibc would map and unmap larger blocks each time, and give the top of the heap back. */
#define MAPPED_FROM_BYTES  (32 << 20)
#define TRIMMED_FROM_BYTES (64 << 20)

const struct server_config server_config_default = {
    .listen_backlog = 50,
    .send_buffer_bytes = -1,
    .receive_buffer_bytes = -1,
    .connections_max = INT32_MAX,
    .connections_per_ip_max = INT32_MAX,
    .connection_idle_ms_max = 600000,
    .frame_bytes_max = 104857600,
    .queued_request_bytes_max = -1,
    .outstanding_requests_max = 64,
    .unsent_response_bytes_max = (size_t)1 << 20,
    .arena_bytes_max = (size_t)64 << 20,
    .response_bytes_max = (size_t)256 << 20,
};

struct server {
    struct reactor_shared shared;
    struct server_listener *listeners; /* with strings of our own */
    struct task stop_task;             /* runs in the first reactor */
    bool started;
};

static char *copy_text(const char *text) {
    return text == NULL ? NULL : strdup(text);
}

static void listeners_free(struct server_listener *listeners, size_t count) {
    for (size_t i = 0; listeners != NULL && i < count; i++) {
        free((char *)(uintptr_t)listeners[i].name);
        free((char *)(uintptr_t)listeners[i].security_protocol);
        free((char *)(uintptr_t)listeners[i].host);
        free((char *)(uintptr_t)listeners[i].advertised_host);
    }
    free(listeners);
}

static struct server_listener *listeners_copy(const struct server_config *config) {
    struct server_listener *copies = calloc(config->listener_count, sizeof(*copies));
    bool failed = false;

    for (size_t i = 0; copies != NULL && i < config->listener_count; i++) {
        const struct server_listener *from = &config->listeners[i];

        copies[i] = *from;
        copies[i].name = copy_text(from->name);
        copies[i].security_protocol = copy_text(from->security_protocol);
        copies[i].host = copy_text(from->host);
        copies[i].advertised_host = copy_text(from->advertised_host);
        failed |= (from->name != NULL && copies[i].name == NULL) ||
                  (from->security_protocol != NULL && copies[i].security_protocol == NULL) ||
                  (from->host != NULL && copies[i].host == NULL) ||
                  (from->advertised_host != NULL && copies[i].advertised_host == NULL);
    }
    if (failed) {
        listeners_free(copies, config->listener_count);
        return NULL;
    }
    return copies;
}

static size_t reactor_count_of(const struct server_config *config) {
    long cores;

    if (config->reactor_count > 0)
        return (size_t)config->reactor_count;
    cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores > 2 ? (size_t)cores - 1 : 1;
}

/* In the first reactor. What its acceptor handed over lies before these tasks in the inboxes. */
static void server_on_stop(struct task *task) {
    struct server *server = CONTAINER_OF(task, struct server, stop_task);
    struct reactor_shared *shared = &server->shared;

    acceptor_stop(shared->acceptor);
    for (size_t i = 0; i < shared->reactor_count; i++)
        executor_post(loop_executor(shared->reactors[i].loop), &shared->reactors[i].drain_task);
}

enum error server_new(const struct server_config *config, struct server **created) {
    struct server *server = calloc(1, sizeof(*server));
    struct reactor_shared *shared;
    enum error error = ERR_OUT_OF_MEMORY;

    CHECK(config->listener_count > 0);
    CHECK(config->on_request != NULL);
    CHECK(config->outstanding_requests_max > 0);
    CHECK(config->frame_bytes_max > 0);
    if (server == NULL)
        return error;
    /* Wishes: other allocators have none of it. */
    (void)mallopt(M_MMAP_THRESHOLD, MAPPED_FROM_BYTES);
    (void)mallopt(M_TRIM_THRESHOLD, TRIMMED_FROM_BYTES);
    shared = &server->shared;
    shared->config = *config;
    server->stop_task.run = server_on_stop;
    if ((error = connection_quota_init(&shared->quota, config)) != ERR_NONE) {
        free(server);
        return error;
    }
    shared->config.address_limits = NULL;
    shared->config.congestion_control = copy_text(config->congestion_control);
    server->listeners = listeners_copy(config);
    shared->config.listeners = server->listeners;
    shared->reactor_count = reactor_count_of(config);
    shared->reactors = calloc(shared->reactor_count, sizeof(*shared->reactors));
    error = ERR_OUT_OF_MEMORY;
    if (server->listeners == NULL || shared->reactors == NULL)
        goto out;
    for (size_t i = 0; i < shared->reactor_count; i++) {
        if ((error = reactor_init(&shared->reactors[i], shared, i)) != ERR_NONE)
            goto out;
    }
    error = acceptor_open(shared, shared->reactors[0].loop, server->listeners,
                          config->listener_count, &shared->acceptor);
    if (error != ERR_NONE)
        goto out;
    *created = server;
    server = NULL;
out:
    server_free(server);
    return error;
}

enum error server_start(struct server *server) {
    struct reactor_shared *shared = &server->shared;

    CHECK(!server->started);
    acceptor_start(shared->acceptor);
    /* The first reactor, which accepts, comes last: until then there is no connection. */
    for (size_t i = shared->reactor_count; i-- > 0;) {
        char name[16];
        enum error error;

        snprintf(name, sizeof(name), "reactor-%zu", i % 10000);
        if ((error = loop_start(shared->reactors[i].loop, name)) == ERR_NONE)
            continue;
        for (size_t j = i + 1; j < shared->reactor_count; j++) {
            loop_stop(shared->reactors[j].loop);
            loop_join(shared->reactors[j].loop);
        }
        return error;
    }
    server->started = true;
    return ERR_NONE;
}

void server_stop(struct server *server, int64_t drain_ms) {
    struct reactor_shared *shared = &server->shared;

    if (!server->started)
        return;
    server->started = false;
    for (size_t i = 0; i < shared->reactor_count; i++)
        shared->reactors[i].drain_ms = drain_ms;
    executor_post(loop_executor(shared->reactors[0].loop), &server->stop_task);
    for (size_t i = 0; i < shared->reactor_count; i++)
        loop_join(shared->reactors[i].loop);
}

void server_free(struct server *server) {
    struct reactor_shared *shared;

    if (server == NULL)
        return;
    shared = &server->shared;
    server_stop(server, 0);
    acceptor_free(shared->acceptor);
    for (size_t i = 0; shared->reactors != NULL && i < shared->reactor_count; i++)
        reactor_done(&shared->reactors[i]);
    free(shared->reactors);
    connection_quota_done(&shared->quota);
    listeners_free(server->listeners, shared->config.listener_count);
    free((char *)(uintptr_t)shared->config.congestion_control);
    free(server);
}

enum error server_set_limits(struct server *server, const struct server_limits *limits) {
    bool retry = false;
    enum error error = connection_quota_set_limits(&server->shared.quota, limits, &retry);

    if (retry)
        acceptor_retry(server->shared.acceptor);
    return error;
}

size_t server_listener_count(const struct server *server) {
    return server->shared.config.listener_count;
}

const struct server_listener *server_listener_at(const struct server *server, size_t index) {
    CHECK(index < server->shared.config.listener_count);
    return &server->listeners[index];
}

size_t server_reactor_count(const struct server *server) {
    return server->shared.reactor_count;
}

struct executor *server_reactor_executor(struct server *server, size_t index) {
    CHECK(index < server->shared.reactor_count);
    return loop_executor(server->shared.reactors[index].loop);
}

static uint64_t busy_ns(const struct reactor *reactor) {
    struct timespec used;

    if (!atomic_load(&reactor->cpu_clock_known) ||
        clock_gettime((clockid_t)atomic_load(&reactor->cpu_clock), &used) != 0)
        return 0;
    return (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec;
}

struct server_counters server_reactor_counters(const struct server *server, size_t index) {
    const struct reactor *reactor = &server->shared.reactors[index];
    const struct reactor_counters *counters = &reactor->counters;

    CHECK(index < server->shared.reactor_count);
    return (struct server_counters){
        .connections = (uint64_t)atomic_load(&reactor->connections),
        .requests_outstanding = atomic_load(&counters->requests_outstanding),
        .requests_stashed = counter_read(&counters->requests_stashed),
        .connections_accepted = atomic_load(&counters->connections_accepted),
        .connections_closed_idle = atomic_load(&counters->connections_closed_idle),
        .connections_refused = atomic_load(&counters->connections_refused),
        .frames_refused = atomic_load(&counters->frames_refused),
        .requests = atomic_load(&counters->requests),
        .responses = atomic_load(&counters->responses),
        .bytes_in = atomic_load(&counters->bytes_in),
        .bytes_out = atomic_load(&counters->bytes_out),
        .busy_ns = busy_ns(reactor),
    };
}

struct server_listener_counters
server_listener_counters(const struct server *server, size_t reactor_index, size_t listener_index) {
    const struct reactor *reactor = &server->shared.reactors[reactor_index];
    const struct listener_counters *counters = &reactor->of_listeners[listener_index];

    CHECK(reactor_index < server->shared.reactor_count);
    CHECK(listener_index < server->shared.config.listener_count);
    return (struct server_listener_counters){
        .connections = (uint64_t)atomic_load(&counters->connections),
        .connections_accepted = counter_read(&counters->connections_accepted),
    };
}

int64_t server_waiting_requests(const struct server *server, uint8_t kind) {
    uint64_t waiting = 0;

    for (size_t i = 0; i < server->shared.reactor_count; i++)
        waiting += counter_read(&server->shared.reactors[i].counters.waiting[kind]);
    return (int64_t)waiting;
}

int64_t server_queued_request_bytes(const struct server *server) {
    return atomic_load(&server->shared.held_bytes);
}

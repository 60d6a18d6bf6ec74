/* HTTP for the pages: the only file that knows evhttp. */
#include "broker/admin/admin.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "broker/admin/admin_page.h"
#include "broker/control/control.h"
#include "broker/control/zk_meter.h"
#include "broker/server/server.h"
#include "client/base/clock.h"
#include "client/base/logger.h"
#include "client/base/sync.h"
#include "client/net/loop.h"

#define HEADERS_BYTES_MAX 8192
#define BODY_BYTES_MAX    8192
#define IDLE_SECONDS_MAX  60
#define PARAMETERS_MAX    16

struct admin {
    struct loop *loop;
    struct evhttp *http;
    struct loop_timer recent_timer;
    struct loop_timer pulse_timer;
    struct admin_view view; /* the admin thread's */
};

/* ---- A request ---- */

static size_t list_parameters(struct evkeyvalq *parsed, struct admin_parameter *parameters) {
    const struct evkeyval *pair;
    size_t count = 0;

    TAILQ_FOREACH (pair, parsed, next) {
        if (count == PARAMETERS_MAX)
            break;
        parameters[count++] = (struct admin_parameter){pair->key, pair->value};
    }
    return count;
}

static void run_page(struct admin *admin, const struct admin_page *page, const char *query_text,
                     enum admin_method method, struct admin_reply *reply) {
    struct admin_parameter parameters[PARAMETERS_MAX];
    struct admin_query query = {.method = method, .parameters = parameters};
    struct evkeyvalq parsed = {0};

    if (evhttp_parse_query_str(query_text != NULL ? query_text : "", &parsed) != 0) {
        admin_reply_text(reply, HTTP_BADREQUEST, "the query cannot be read\n");
        return;
    }
    query.parameter_count = list_parameters(&parsed, parameters);
    page->make(&admin->view, &query, reply);
    evhttp_clear_headers(&parsed);
}

static void free_body(const void *data, size_t size, void *context) {
    (void)data;
    (void)size;
    free(context);
}

static void send_reply(struct evhttp_request *request, struct admin_reply *reply) {
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);

    /* Without memory for either the client gets an empty reply, and asks again. */
    (void)evhttp_add_header(headers, "Content-Type", reply->content_type);
    (void)evhttp_add_header(headers, "Cache-Control", "no-store");
    if (reply->body != NULL &&
        evbuffer_add_reference(evhttp_request_get_output_buffer(request), reply->body, reply->size,
                               free_body, reply->body) != 0)
        free(reply->body);
    evhttp_send_reply(request, reply->status, NULL, NULL);
}

static int method_of(struct evhttp_request *request) {
    switch (evhttp_request_get_command(request)) {
    case EVHTTP_REQ_GET:
    case EVHTTP_REQ_HEAD:
        return ADMIN_GET;
    case EVHTTP_REQ_PUT:
        return ADMIN_PUT;
    default:
        return 0;
    }
}

static void on_request(struct evhttp_request *request, void *context) {
    struct admin *admin = context;
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
    const char *path = uri == NULL ? NULL : evhttp_uri_get_path(uri);
    const struct admin_page *page = path == NULL ? NULL : admin_page_find(path);
    const int method = method_of(request);
    struct admin_reply reply = {0};

    if (page == NULL)
        admin_reply_text(&reply, HTTP_NOTFOUND, "there is no such page\n");
    else if ((page->methods & method) == 0)
        admin_reply_text(&reply, HTTP_BADMETHOD, "this page has no such method\n");
    else
        run_page(admin, page, evhttp_uri_get_query(uri), (enum admin_method)method, &reply);
    send_reply(request, &reply);
}

/* ---- Work for the admin thread, which the caller waits for ---- */

struct admin_order {
    struct task task;
    struct admin *admin;
    const struct admin_parts *parts;
    struct log_manager *logs;
    enum broker_phase phase;
    struct mutex lock;
    struct condition done;
    bool is_done; /* lock */
};

static void watch_threads(struct admin_view *view) {
    const struct admin_parts *parts = &view->parts;
    char name[32];

    for (size_t i = 0; i < server_reactor_count(parts->server); i++) {
        snprintf(name, sizeof(name), "reactor-%zu", i);
        pulse_watch(&view->pulse, name, server_reactor_executor(parts->server, i));
    }
    for (size_t i = 0; i < ADMIN_THREADS_MAX && parts->threads[i].name != NULL; i++)
        pulse_watch(&view->pulse, parts->threads[i].name, parts->threads[i].executor);
}

static void run_order(struct task *task) {
    struct admin_order *order = CONTAINER_OF(task, struct admin_order, task);
    struct admin_view *view = &order->admin->view;

    view->phase = order->phase;
    view->logs = order->logs;
    view->is_attached = order->parts != NULL;
    if (order->parts != NULL)
        view->parts = *order->parts;
    if (order->parts != NULL && view->pulse.count == 0) {
        watch_threads(view);
        view->recent.noted_ns_last = clock_system()->monotonic_ns(clock_system());
        view->recent.noted_ns_before = view->recent.noted_ns_last;
    }
    mutex_lock(&order->lock);
    order->is_done = true;
    condition_broadcast(&order->done);
    mutex_unlock(&order->lock);
}

static void give_order(struct admin *admin, const struct admin_parts *parts,
                       struct log_manager *logs, enum broker_phase phase) {
    struct admin_order order = {
        .task.run = run_order, .admin = admin, .parts = parts, .logs = logs, .phase = phase};

    mutex_init(&order.lock);
    condition_init(&order.done);
    executor_post(loop_executor(admin->loop), &order.task);
    mutex_lock(&order.lock);
    while (!order.is_done)
        (void)condition_wait(&order.done, &order.lock, INT64_MAX);
    mutex_unlock(&order.lock);
    condition_done(&order.done);
    mutex_done(&order.lock);
}

void admin_attach_logs(struct admin *admin, struct log_manager *logs) {
    if (admin != NULL)
        give_order(admin, NULL, logs, BROKER_STARTING);
}

void admin_attach(struct admin *admin, const struct admin_parts *parts) {
    if (admin != NULL)
        give_order(admin, parts, parts->logs, BROKER_SERVING);
}

void admin_note_stopping(struct admin *admin) {
    struct admin_parts parts;

    if (admin == NULL)
        return;
    parts = admin->view.parts; /* which only orders write */
    give_order(admin, admin->view.is_attached ? &parts : NULL, admin->view.logs, BROKER_STOPPING);
}

void admin_detach(struct admin *admin) {
    if (admin != NULL)
        give_order(admin, NULL, NULL, BROKER_STOPPING);
}

/* ---- Life ---- */

static void note_busy(struct admin_view *view) {
    size_t count = server_reactor_count(view->parts.server);
    int64_t *busy_ns = calloc(count, sizeof(*busy_ns));

    CHECK(busy_ns != NULL);
    for (size_t i = 0; i < count; i++)
        busy_ns[i] = (int64_t)server_reactor_counters(view->parts.server, i).busy_ns;
    recent_note_busy(&view->recent, busy_ns, count, clock_system()->monotonic_ns(clock_system()));
    free(busy_ns);
}

static void on_recent_timer(struct loop_timer *timer) {
    struct admin *admin = CONTAINER_OF(timer, struct admin, recent_timer);

    if (admin->view.is_attached) {
        note_busy(&admin->view);
        recent_note(&admin->view.recent, admin->view.parts.metrics,
                    &control_zk_meter(admin->view.parts.control)->latency, admin->view.parts.logs);
    }
    loop_timer_arm(timer, RECENT_INTERVAL_MS);
}

/* Threads of a broker that stops end one by one. */
static void on_pulse_timer(struct loop_timer *timer) {
    struct admin *admin = CONTAINER_OF(timer, struct admin, pulse_timer);

    if (admin->view.phase == BROKER_SERVING)
        pulse_ask(&admin->view.pulse, clock_monotonic_ms(clock_system()));
    loop_timer_arm(timer, PULSE_INTERVAL_MS);
}

static uint16_t bound_port(struct evhttp_bound_socket *bound) {
    struct sockaddr_storage address;
    socklen_t size = sizeof(address);

    CHECK(getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&address, &size) == 0);
    return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                               : ((struct sockaddr_in *)&address)->sin_port);
}

static enum error listen_at(struct admin *admin, const char *host, uint16_t port) {
    struct evhttp_bound_socket *bound;

    admin->http = evhttp_new(loop_base(admin->loop));
    if (admin->http == NULL)
        return ERR_OUT_OF_MEMORY;
    evhttp_set_allowed_methods(admin->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT);
    evhttp_set_max_headers_size(admin->http, HEADERS_BYTES_MAX);
    evhttp_set_max_body_size(admin->http, BODY_BYTES_MAX);
    evhttp_set_timeout(admin->http, IDLE_SECONDS_MAX);
    evhttp_set_gencb(admin->http, on_request, admin);
    errno = 0;
    bound = evhttp_bind_socket_with_handle(admin->http, host, port);
    if (bound == NULL) {
        LOG_ERROR("admin_listener_failed", "host=%s port=%d reason=\"%s\"", LOG_QUOTED_TEXT(host),
                  port, errno != 0 ? strerror(errno) : "the name is not known");
        return ERR_ADDRESS_UNAVAILABLE;
    }
    LOG_INFO("admin_listening", "host=%s port=%d", LOG_QUOTED_TEXT(host), bound_port(bound));
    return ERR_NONE;
}

static void admin_free(struct admin *admin) {
    loop_timer_done(&admin->recent_timer);
    loop_timer_done(&admin->pulse_timer);
    pulse_done(&admin->view.pulse);
    if (admin->http != NULL)
        evhttp_free(admin->http);
    loop_free(admin->loop);
    recent_done(&admin->view.recent);
    free(admin);
}

enum error admin_start(const char *host, uint16_t port, struct admin **started) {
    struct admin *admin = calloc(1, sizeof(*admin));
    enum error error;

    if (admin == NULL)
        return ERR_OUT_OF_MEMORY;
    if ((error = loop_new(&admin->loop)) != ERR_NONE) {
        free(admin);
        return error;
    }
    loop_timer_init(&admin->recent_timer, admin->loop, on_recent_timer);
    loop_timer_arm(&admin->recent_timer, RECENT_INTERVAL_MS);
    loop_timer_init(&admin->pulse_timer, admin->loop, on_pulse_timer);
    loop_timer_arm(&admin->pulse_timer, PULSE_INTERVAL_MS);
    if ((error = listen_at(admin, host, port)) != ERR_NONE ||
        (error = loop_start(admin->loop, "admin")) != ERR_NONE) {
        admin_free(admin);
        return error;
    }
    *started = admin;
    return ERR_NONE;
}

void admin_stop(struct admin *admin) {
    if (admin == NULL)
        return;
    loop_stop(admin->loop);
    loop_join(admin->loop);
    admin_free(admin);
}

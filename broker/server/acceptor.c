#include "broker/server/acceptor.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#include "broker/server/channel.h"
#include "client/base/logger.h"

/* Established connections must not wait behind a storm of new ones. */
#define ACCEPTS_PER_TURN 32
/* With no descriptor or memory left, the socket stays readable: look again a little later. */
#define EXHAUSTED_PAUSE_MS 100
/* Every kernel has it, for everybody, and it does not pace: on a loopback address there is no path
 * to learn about, and bbr's timers took half of a fetch's CPU time. A socket that once was paced
 * stays so. Therefore listeners have it, and connections from elsewhere get the system's back. */
#define LOOPBACK_CONGESTION_CONTROL "reno"
#define CONGESTION_NAME_BYTES       16 /* the kernel's TCP_CA_NAME_MAX */

struct acceptor_socket {
    struct acceptor *acceptor;
    const struct server_listener *listener;
    int fd; /* -1: closed */
    struct event *event;
};

struct acceptor {
    struct reactor_shared *shared;
    struct loop *loop;
    struct acceptor_socket *sockets;
    size_t socket_count;
    struct loop_timer resume_timer;
    struct task retry_task;
    atomic_bool retry_posted;
    bool started;
    char congestion_control[CONGESTION_NAME_BYTES + 1]; /* the system's */
};

static bool is_wildcard(const char *host) {
    return host == NULL || host[0] == '\0';
}

static bool names_congestion_control(const struct server_config *config) {
    return config->congestion_control != NULL && config->congestion_control[0] != '\0';
}

static bool is_loopback(const struct in6_addr *address) {
    return IN6_IS_ADDR_LOOPBACK(address) ||
           (IN6_IS_ADDR_V4MAPPED(address) && address->s6_addr[12] == IN_LOOPBACKNET);
}

static void set_option(int fd, int level, int option, int value) {
    /* Each is a wish about speed; a kernel that refuses it still serves. */
    (void)setsockopt(fd, level, option, &value, sizeof(value));
}

static bool set_congestion_control(int fd, const char *name) {
    return setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, (socklen_t)strlen(name)) == 0;
}

/* Accepted sockets inherit all of it. */
static void set_options(int fd, const struct server_config *config) {
    set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (config->send_buffer_bytes > 0)
        set_option(fd, SOL_SOCKET, SO_SNDBUF, config->send_buffer_bytes);
    if (config->receive_buffer_bytes > 0)
        set_option(fd, SOL_SOCKET, SO_RCVBUF, config->receive_buffer_bytes);
    if (!names_congestion_control(config))
        (void)set_congestion_control(fd, LOOPBACK_CONGESTION_CONTROL);
    else if (!set_congestion_control(fd, config->congestion_control))
        LOG_WARN("congestion_control_refused", "name=%s errno=%d",
                 LOG_QUOTED_TEXT(config->congestion_control), errno);
}

/* Returns the socket or -1 with errno. */
static int listen_at(const struct addrinfo *address, const struct server_config *config) {
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int saved;

    if (fd < 0)
        return -1;
    set_options(fd, config);
    if (address->ai_family == AF_INET6)
        set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    if (bind(fd, address->ai_addr, address->ai_addrlen) == 0 &&
        listen(fd, config->listen_backlog) == 0)
        return fd;
    saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

/* All interfaces: one IPv6 socket that takes IPv4 too, or IPv4 where there is no IPv6. A name:
 * its IPv4 address first, as Java binds it. */
static const struct addrinfo *pick(const struct addrinfo *all, int family) {
    for (const struct addrinfo *a = all; a != NULL; a = a->ai_next) {
        if (a->ai_family == family)
            return a;
    }
    return NULL;
}

static void log_failure(const struct server_listener *listener, const char *reason) {
    LOG_ERROR("listener_failed", "listener=%s host=%s port=%u reason=%s",
              LOG_QUOTED_TEXT(listener->name),
              LOG_QUOTED_TEXT(is_wildcard(listener->host) ? "*" : listener->host),
              (unsigned)listener->port, LOG_QUOTED_TEXT(reason));
}

static enum error socket_open(struct acceptor_socket *opened, struct server_listener *listener,
                              const struct server_config *config) {
    const bool wildcard = is_wildcard(listener->host);
    const struct addrinfo hints = {.ai_family = AF_UNSPEC,
                                   .ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    const int families[] = {wildcard ? AF_INET6 : AF_INET, wildcard ? AF_INET : AF_INET6};
    struct addrinfo *found = NULL;
    struct sockaddr_storage bound;
    socklen_t bound_size = sizeof(bound);
    char service[8];
    int failed;

    snprintf(service, sizeof(service), "%u", (unsigned)listener->port);
    failed = getaddrinfo(wildcard ? NULL : listener->host, service, &hints, &found);
    if (failed != 0) {
        log_failure(listener, gai_strerror(failed));
        return ERR_NAME_UNRESOLVED;
    }
    for (size_t i = 0; i < ARRAY_COUNT(families) && opened->fd < 0; i++) {
        const struct addrinfo *address = pick(found, families[i]);

        if (address == NULL)
            continue;
        opened->fd = listen_at(address, config);
        if (opened->fd < 0 && !(wildcard && families[i] == AF_INET6 && errno == EAFNOSUPPORT))
            break;
    }
    failed = errno;
    freeaddrinfo(found);
    if (opened->fd < 0) {
        log_failure(listener, strerror(failed));
        return ERR_ADDRESS_UNAVAILABLE;
    }
    CHECK(getsockname(opened->fd, (struct sockaddr *)&bound, &bound_size) == 0);
    listener->port =
        ntohs(bound.ss_family == AF_INET ? ((struct sockaddr_in *)(void *)&bound)->sin_port
                                         : ((struct sockaddr_in6 *)(void *)&bound)->sin6_port);
    opened->listener = listener;
    return ERR_NONE;
}

static void pause_accepting(struct acceptor *acceptor) {
    for (size_t i = 0; i < acceptor->socket_count; i++) {
        if (acceptor->sockets[i].fd >= 0)
            CHECK(event_del(acceptor->sockets[i].event) == 0);
    }
}

static void resume_accepting(struct acceptor *acceptor) {
    for (size_t i = 0; i < acceptor->socket_count; i++) {
        if (acceptor->sockets[i].fd >= 0)
            CHECK(event_add(acceptor->sockets[i].event, NULL) == 0);
    }
}

static void on_resume_timer(struct loop_timer *timer) {
    resume_accepting(CONTAINER_OF(timer, struct acceptor, resume_timer));
}

static void on_retry(struct task *task) {
    struct acceptor *acceptor = CONTAINER_OF(task, struct acceptor, retry_task);

    atomic_store(&acceptor->retry_posted, false);
    if (acceptor->started)
        resume_accepting(acceptor);
}

void acceptor_retry(struct acceptor *acceptor) {
    if (!atomic_exchange(&acceptor->retry_posted, true))
        executor_post(loop_executor(acceptor->loop), &acceptor->retry_task);
}

static struct reactor *least_loaded(struct reactor_shared *shared) {
    struct reactor *best = &shared->reactors[0];

    for (size_t i = 1; i < shared->reactor_count; i++) {
        struct reactor *reactor = &shared->reactors[i];

        if (atomic_load_explicit(&reactor->connections, memory_order_relaxed) <
            atomic_load_explicit(&best->connections, memory_order_relaxed))
            best = reactor;
    }
    return best;
}

static void refuse(struct acceptor *acceptor, int fd, const char *reason) {
    struct reactor *first = &acceptor->shared->reactors[0];
    uint64_t suppressed;

    close(fd);
    (void)connection_quota_release(&acceptor->shared->quota, NULL); /* we try again anyway */
    counter_add(&first->counters.connections_refused, 1);
    if (reactor_may_log(first, &suppressed))
        LOG_WARN("connection_refused", "reason=%s suppressed=%" PRIu64, reason, suppressed);
}

/* False: nothing more can be accepted now. */
static bool accept_one(struct acceptor_socket *from) {
    struct acceptor *acceptor = from->acceptor;
    struct connection_quota *quota = &acceptor->shared->quota;
    struct sockaddr_storage peer;
    socklen_t peer_size = sizeof(peer);
    struct in6_addr address;
    int fd;

    if (!connection_quota_reserve(quota, from->listener->exempt_from_connections_max)) {
        /* The listener's event would fire for ever; a release brings us back. An exempt
         * listener beside this one goes on. */
        CHECK(event_del(from->event) == 0);
        return false;
    }
    fd = accept4(from->fd, (struct sockaddr *)&peer, &peer_size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        int failed = errno;

        if (connection_quota_release(quota, NULL))
            acceptor_retry(acceptor);
        if (failed == EMFILE || failed == ENFILE || failed == ENOBUFS || failed == ENOMEM) {
            uint64_t suppressed;

            if (reactor_may_log(&acceptor->shared->reactors[0], &suppressed))
                LOG_ERROR("accept_failed", "reason=%s suppressed=%" PRIu64,
                          LOG_QUOTED_TEXT(strerror(failed)), suppressed);
            pause_accepting(acceptor);
            loop_timer_arm(&acceptor->resume_timer, EXHAUSTED_PAUSE_MS);
            return false;
        }
        /* A client that gave up meanwhile is no reason to stop. */
        return failed == ECONNABORTED || failed == EINTR || failed == EPROTO;
    }
    if (!connection_address(&peer, &address)) {
        refuse(acceptor, fd, "address_family");
        return true;
    }
    if (!connection_quota_admit(quota, &address)) {
        refuse(acceptor, fd, "max.connections.per.ip");
        return true;
    }
    if (!names_congestion_control(&acceptor->shared->config) && !is_loopback(&address))
        (void)set_congestion_control(fd, acceptor->congestion_control);
    channel_adopt(least_loaded(acceptor->shared), from->listener, fd, &address);
    return true;
}

static void on_acceptable(evutil_socket_t fd, short events, void *context) {
    struct acceptor_socket *from = context;

    (void)fd;
    (void)events;
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        if (!accept_one(from))
            return;
    }
}

static void note_congestion_control(struct acceptor *acceptor) {
    socklen_t size = CONGESTION_NAME_BYTES;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return;
    (void)getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, acceptor->congestion_control, &size);
    close(fd);
}

enum error acceptor_open(struct reactor_shared *shared, struct loop *loop,
                         struct server_listener *listeners, size_t listener_count,
                         struct acceptor **opened) {
    struct acceptor *acceptor = calloc(1, sizeof(*acceptor));
    enum error error = ERR_OUT_OF_MEMORY;

    if (acceptor == NULL)
        return error;
    acceptor->shared = shared;
    acceptor->loop = loop;
    acceptor->retry_task.run = on_retry;
    loop_timer_init(&acceptor->resume_timer, loop, on_resume_timer);
    note_congestion_control(acceptor);
    acceptor->sockets = calloc(listener_count, sizeof(*acceptor->sockets));
    if (acceptor->sockets == NULL)
        goto out;
    for (size_t i = 0; i < listener_count; i++) {
        struct acceptor_socket *socket = &acceptor->sockets[acceptor->socket_count++];

        *socket = (struct acceptor_socket){.acceptor = acceptor, .fd = -1};
        if ((error = socket_open(socket, &listeners[i], &shared->config)) != ERR_NONE)
            goto out;
        socket->event =
            event_new(loop_base(loop), socket->fd, EV_READ | EV_PERSIST, on_acceptable, socket);
        if (socket->event == NULL) {
            error = ERR_OUT_OF_MEMORY;
            goto out;
        }
    }
    *opened = acceptor;
    acceptor = NULL;
    error = ERR_NONE;
out:
    acceptor_free(acceptor);
    return error;
}

void acceptor_start(struct acceptor *acceptor) {
    acceptor->started = true;
    resume_accepting(acceptor);
}

void acceptor_stop(struct acceptor *acceptor) {
    acceptor->started = false;
    loop_timer_cancel(&acceptor->resume_timer);
    for (size_t i = 0; i < acceptor->socket_count; i++) {
        struct acceptor_socket *socket = &acceptor->sockets[i];

        if (socket->event != NULL)
            event_free(socket->event);
        socket->event = NULL;
        if (socket->fd >= 0)
            close(socket->fd);
        socket->fd = -1;
    }
}

void acceptor_free(struct acceptor *acceptor) {
    if (acceptor == NULL)
        return;
    acceptor_stop(acceptor);
    loop_timer_done(&acceptor->resume_timer);
    free(acceptor->sockets);
    free(acceptor);
}

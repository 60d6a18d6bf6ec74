#include "client/net/dialer.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/base/clock.h"

static int64_t now_ms(void) {
    return clock_monotonic_ms(clock_system());
}

static void try_next(struct dialer *dialer);

/* Lets go of the address that is being tried. */
static void drop_address(struct dialer *dialer) {
    if (dialer->event != NULL)
        event_free(dialer->event);
    if (dialer->fd >= 0)
        close(dialer->fd);
    dialer->event = NULL;
    dialer->fd = -1;
}

static void on_writable(evutil_socket_t fd, short events, void *context) {
    struct dialer *dialer = context;
    socklen_t size = sizeof(int);
    int refused = 0;

    (void)events;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &refused, &size) != 0 || refused != 0) {
        try_next(dialer);
        return;
    }
    dialer->fd = -1; /* handed over */
    dialer_stop(dialer);
    dialer->connected(dialer, fd);
}

/* False: this address cannot even be tried. */
static bool try_address(struct dialer *dialer, const struct sockaddr_storage *address) {
    const int one = 1;
    socklen_t size =
        address->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return false;
    dialer->fd = fd;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
    if (connect(fd, (const struct sockaddr *)address, size) != 0 && errno != EINPROGRESS)
        return false;
    dialer->event = event_new(loop_base(dialer->loop), fd, EV_WRITE, on_writable, dialer);
    return dialer->event != NULL && event_add(dialer->event, NULL) == 0;
}

static void try_next(struct dialer *dialer) {
    bool trying = false;

    drop_address(dialer);
    while (!trying && dialer->next_address < dialer->resolved.count) {
        size_t left = dialer->resolved.count - dialer->next_address;
        int64_t left_ms = dialer->deadline_ms - now_ms();

        loop_timer_arm(&dialer->timer, left_ms > 0 ? left_ms / (int64_t)left : 0);
        trying = try_address(dialer, &dialer->resolved.addresses[dialer->next_address++]);
        if (!trying)
            drop_address(dialer);
    }
    if (trying)
        return;
    dialer_stop(dialer);
    dialer->failed(dialer, ERR_CONNECTION_FAILED);
}

static void on_timer(struct loop_timer *timer) {
    try_next(CONTAINER_OF(timer, struct dialer, timer));
}

static void on_resolved(void *context, enum error error, const struct resolved *resolved) {
    struct dialer *dialer = context;

    dialer->lookup = NULL;
    dialer->resolved = *resolved;
    if (error != ERR_NONE)
        dialer->failed(dialer, error);
    else
        try_next(dialer);
}

void dialer_init(struct dialer *dialer, struct loop *loop) {
    dialer->loop = loop;
    dialer->lookup = NULL;
    dialer->event = NULL;
    dialer->fd = -1;
    loop_timer_init(&dialer->timer, loop, on_timer);
}

void dialer_start_resolved(struct dialer *dialer, const struct resolved *resolved,
                           int64_t within_ms) {
    dialer->resolved = *resolved;
    dialer->next_address = 0;
    dialer->deadline_ms = now_ms() + within_ms;
    loop_timer_arm(&dialer->timer, 0);
}

enum error dialer_start(struct dialer *dialer, const char *host, uint16_t port, int64_t within_ms) {
    struct resolved resolved;

    if (resolver_numeric(host, port, &resolved)) {
        dialer_start_resolved(dialer, &resolved, within_ms);
        return ERR_NONE;
    }
    dialer->next_address = 0;
    dialer->deadline_ms = now_ms() + within_ms;
    return resolver_start(dialer->loop, host, port, on_resolved, dialer, &dialer->lookup);
}

void dialer_stop(struct dialer *dialer) {
    resolver_cancel(dialer->lookup);
    dialer->lookup = NULL;
    loop_timer_cancel(&dialer->timer);
    drop_address(dialer);
}

void dialer_done(struct dialer *dialer) {
    dialer_stop(dialer);
    loop_timer_done(&dialer->timer);
}

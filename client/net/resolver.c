#include "client/net/resolver.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Shared by the caller and the helper thread; the last of the two frees it. The helper announces
 * the result through the eventfd only, so that the loop may be gone before it ends. */
struct resolver_lookup {
    atomic_int owners;
    int done_fd;
    char *host;
    uint16_t port;
    enum error error;         /* written by the helper before done_fd */
    struct resolved resolved; /* likewise */
    struct event *done_event; /* the loop's thread, like all below */
    void (*done)(void *context, enum error error, const struct resolved *resolved);
    void *context;
};

static void set_port(struct sockaddr_storage *address, uint16_t port) {
    if (address->ss_family == AF_INET)
        ((struct sockaddr_in *)(void *)address)->sin_port = htons(port);
    else
        ((struct sockaddr_in6 *)(void *)address)->sin6_port = htons(port);
}

bool resolver_numeric(const char *host, uint16_t port, struct resolved *resolved) {
    struct sockaddr_storage *address = &resolved->addresses[0];

    memset(resolved, 0, sizeof(*resolved));
    if (inet_pton(AF_INET, host, &((struct sockaddr_in *)(void *)address)->sin_addr) == 1)
        address->ss_family = AF_INET;
    else if (inet_pton(AF_INET6, host, &((struct sockaddr_in6 *)(void *)address)->sin6_addr) == 1)
        address->ss_family = AF_INET6;
    else
        return false;
    set_port(address, port);
    resolved->count = 1;
    return true;
}

static void lookup_release(struct resolver_lookup *lookup) {
    if (atomic_fetch_sub(&lookup->owners, 1) > 1)
        return;
    if (lookup->done_fd >= 0)
        close(lookup->done_fd);
    free(lookup->host);
    free(lookup);
}

static void *lookup_thread(void *argument) {
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct resolver_lookup *lookup = argument;
    struct resolved *resolved = &lookup->resolved;
    struct addrinfo *found = NULL;
    uint64_t one = 1;
    ssize_t ignored;

    if (getaddrinfo(lookup->host, NULL, &hints, &found) == 0) {
        for (const struct addrinfo *a = found;
             a != NULL && resolved->count < RESOLVED_ADDRESSES_MAX; a = a->ai_next) {
            if (a->ai_family != AF_INET && a->ai_family != AF_INET6)
                continue;
            memcpy(&resolved->addresses[resolved->count], a->ai_addr, a->ai_addrlen);
            set_port(&resolved->addresses[resolved->count], lookup->port);
            resolved->count++;
        }
        freeaddrinfo(found);
    }
    lookup->error = resolved->count > 0 ? ERR_NONE : ERR_NAME_UNRESOLVED;
    ignored = write(lookup->done_fd, &one, sizeof(one));
    (void)ignored; /* cannot fail: it is the only write to this eventfd */
    lookup_release(lookup);
    return NULL;
}

static void lookup_on_done(evutil_socket_t fd, short events, void *context) {
    struct resolver_lookup *lookup = context;
    uint64_t count;

    (void)fd;
    (void)events;
    if (read(lookup->done_fd, &count, sizeof(count)) != sizeof(count))
        return;
    event_free(lookup->done_event);
    lookup->done(lookup->context, lookup->error, &lookup->resolved);
    lookup_release(lookup);
}

static bool start_thread(struct resolver_lookup *lookup) {
    pthread_t thread;
    sigset_t all, before;
    bool started;

    sigfillset(&all);
    CHECK(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    started = pthread_create(&thread, NULL, lookup_thread, lookup) == 0;
    CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    if (started)
        CHECK(pthread_detach(thread) == 0);
    return started;
}

enum error resolver_start(struct loop *loop, const char *host, uint16_t port,
                          void (*done)(void *context, enum error error,
                                       const struct resolved *resolved),
                          void *context, struct resolver_lookup **started) {
    struct resolver_lookup *lookup = calloc(1, sizeof(*lookup));

    if (lookup == NULL)
        return ERR_OUT_OF_MEMORY;
    atomic_store(&lookup->owners, 1);
    lookup->done_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    lookup->host = strdup(host);
    lookup->port = port;
    lookup->done = done;
    lookup->context = context;
    if (lookup->done_fd < 0 || lookup->host == NULL)
        goto fail;
    lookup->done_event =
        event_new(loop_base(loop), lookup->done_fd, EV_READ | EV_PERSIST, lookup_on_done, lookup);
    if (lookup->done_event == NULL)
        goto fail;
    if (event_add(lookup->done_event, NULL) != 0)
        goto fail;
    atomic_store(&lookup->owners, 2);
    if (!start_thread(lookup)) {
        atomic_store(&lookup->owners, 1);
        goto fail;
    }
    *started = lookup;
    return ERR_NONE;
fail:
    if (lookup->done_event != NULL)
        event_free(lookup->done_event);
    lookup_release(lookup);
    return ERR_OUT_OF_MEMORY;
}

void resolver_cancel(struct resolver_lookup *lookup) {
    if (lookup == NULL)
        return;
    event_free(lookup->done_event);
    lookup_release(lookup);
}

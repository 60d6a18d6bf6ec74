/*
 * The server's end of one connection.
 *
 *   socket → frame_reader → on_request → exchange, in the order of arrival → socket
 *
 * `exchanges` is both the order in which responses leave and the queue of what is still to be
 * sent: an exchange stays on it from the frame's arrival until its response is in the kernel. Its
 * head is looked at only: sending goes on while the head has ended.
 *
 * Reading pauses while too much is outstanding, unsent, throttled, or in flight broker-wide, and
 * while a request holds the connection; what was read and may not run yet is stashed in the frame
 * reader.
 *
 * A channel lives until its socket is closed and its last exchange has ended.
 * Threads: its reactor's.
 */
#ifndef BROKER_SERVER_CHANNEL_H
#define BROKER_SERVER_CHANNEL_H

#include <netinet/in.h>

#include "broker/server/frame_reader.h"
#include "broker/server/reactor.h"
#include "broker/server/request.h"

/* Activity is noted at this fraction of the idle time, so that a busy connection is seldom moved
 * in the reactor's list. */
#define CHANNEL_IDLE_GRANULARITY 16

enum exchange_state {
    EXCHANGE_RUNNING,    /* the handler owes its end */
    EXCHANGE_ANSWERED,   /* `response` waits for its turn, or is being sent */
    EXCHANGE_UNANSWERED, /* ended; there is nothing to send */
    EXCHANGE_FATAL       /* ended; the connection ends when its turn comes */
};

/* A request and its response. */
struct exchange {
    struct request request; /* first: what the handler sees */
    struct channel *channel;
    enum exchange_state state;
    struct buffer kept_frame;
    struct reactor_timer deadline;
    void (*expired)(struct request *request);
    void (*abandoned)(struct request *request);
    struct wire_writer response;
    size_t sent;       /* bytes of `response` that are in the kernel */
    size_t slice;      /* the next file range of `response` */
    size_t slice_sent; /* bytes of it that are in the kernel */
    struct request_times times;
    TAILQ_ENTRY(exchange) in_channel;
    LIST_ENTRY(exchange) in_reactor;
    SLIST_ENTRY(exchange) spare;
};

TAILQ_HEAD(exchange_list, exchange);

struct channel {
    struct reactor *reactor;
    const struct server_listener *listener;
    uint64_t id;
    int fd; /* -1: closed */
    struct event *read_event;
    struct event *write_event; /* NULL until the socket was full once */
    bool read_armed;
    bool write_armed;
    bool blocked;     /* nothing is sent before the write event */
    bool peer_closed; /* the client sends no more */
    bool stopped;     /* runs no more requests: fatal input, or the server drains */
    bool stashed;     /* the frame reader may hold whole frames: that many, or none */
    bool throttled;   /* until throttle expires */
    bool busy;        /* a function below is at work on it: it must not go away */
    bool touched;     /* on the reactor's list */
    bool starved;     /* on the reactor's list */
    struct frame_reader reader;
    uint64_t stashed_count;
    int64_t read_ns; /* when it was last read from: what is stashed was whole then */
    struct exchange_list exchanges;
    size_t exchange_count;
    const struct exchange *holder; /* while it runs, later requests don't; NULL: nobody */
    size_t unsent_bytes;           /* of ended exchanges, in memory */
    struct reactor_timer throttle;
    int64_t throttled_until_ms;
    int64_t listed_ms; /* when it was last moved to the end of by_activity */
    void *user;
    struct task adopt_task;
    struct in6_addr address;
    char address_text[INET6_ADDRSTRLEN];
    TAILQ_ENTRY(channel) by_activity;
    TAILQ_ENTRY(channel) in_touched;
    TAILQ_ENTRY(channel) in_starved;
};

/* By the acceptor, on its thread: takes over the socket (closes it on failure), the reservation
 * and the address's place, and hands itself to its reactor. */
void channel_adopt(struct reactor *reactor, const struct server_listener *listener, int fd,
                   const struct in6_addr *address);

/* End-of-turn work: sends, runs what was stashed, resumes reading, closes. */
void channel_look_after(struct channel *channel);

/* Reads again, the broker being below its bound. */
void channel_unstarve(struct channel *channel);

/* Runs nothing more; closes as soon as nothing is outstanding. */
void channel_drain(struct channel *channel);

/* Closes at once. Running requests are abandoned. */
void channel_close(struct channel *channel);

/* Runs and reads nothing for that long. */
void channel_throttle(struct channel *channel, int64_t delay_ms);

/* Frees what is closed and has no requests left, unless somebody above on the stack uses it. */
void channel_free_if_over(struct channel *channel);

/* Something was received or sent just now, at the reactor's now_ns. */
void channel_note_activity(struct channel *channel);

/* Whether it waits for nothing but the client: for its next request, or until it reads what is
 * there for it. */
bool channel_is_idle(const struct channel *channel);

/* response_queue.c */

/* Sends what may be sent in this turn. False: the connection is to be closed. */
MUST_CHECK bool channel_send(struct channel *channel);

/* exchange.c */

struct exchange *exchange_new(struct channel *channel, struct bytes frame); /* NULL: no memory */
/* Takes it off the channel and frees it. */
void exchange_free(struct exchange *exchange);
/* Ends it in the given state. */
void exchange_end(struct exchange *exchange, enum exchange_state state);

#endif

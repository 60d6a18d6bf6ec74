/*
 * One request frame and the response it gets.
 *
 * The handler is called on the connection's reactor thread, inline, once per frame, in the order
 * of arrival. It ends every request exactly once, now or later, by request_send,
 * request_finish_without_response or request_close_connection. Requests of one connection may
 * end in any order: responses leave in the order of arrival.
 *
 * A request outlives its connection: ending it then frees it and sends nothing.
 *
 * Threads: every function only on the request's reactor. Whoever learns elsewhere that a waiting
 * request can go on posts `task` (or one of his own) to `executor`.
 * Ownership: the request belongs to the server, from the handler's call until it is ended; after
 * that call it must not be touched, nor may a task of it still be posted.
 */
#ifndef BROKER_SERVER_REQUEST_H
#define BROKER_SERVER_REQUEST_H

#include "client/base/arena.h"
#include "client/base/bytes.h"
#include "client/base/check.h"
#include "client/base/error.h"
#include "client/base/executor.h"
#include "client/wire/writer.h"

struct server_listener;

/* What the handler calls its request, for whoever is told when it is over; zero at first. The
 * arena is gone by then. */
struct request_label {
    uint8_t kind;
    uint8_t part_of_kind; /* 0: its kind is not divided */
    int16_t version;
    int32_t correlation_id;
    uint8_t client_id_size; /* of what was kept of it */
    char client_id[44];
};

struct request {
    const struct server_listener *listener; /* where the client came in */
    const char *client_address;             /* numeric, without port */
    uint64_t connection_id;                 /* unique in this process */
    /* What followed the frame's size: header and body. May be written to (batches are stamped in
     * place). Valid until the handler returns; see request_keep_frame. */
    struct bytes frame;
    struct arena arena;        /* empty at first; freed when the request ends */
    struct executor *executor; /* the reactor that the request belongs to */
    struct task task;          /* the handler's, to come back to `executor` */
    void *user;                /* the handler's; NULL at first */
    struct request_label label;
};

/* When things happened to a request that is over, in ns of the monotonic clock. */
struct request_times {
    int64_t received_ns; /* its last bytes were read */
    int64_t started_ns;  /* its handler was called: those before it had had their turn */
    int64_t waited_ns;   /* its handler returned before its end; 0: the end came first */
    int64_t ended_ns;
    int64_t sending_ns; /* its response was first offered to the socket; 0: there was none */
    int64_t sent_ns;    /* its response was in the kernel; or its turn to leave came */
    size_t request_bytes;
    size_t response_bytes; /* with file ranges and the size in front; 0: no response */
};

/* Keeps the frame until the request ends. The bytes may move: `frame` is where they are then,
 * and views taken before stay good only until the handler returns, so take them again. Counts
 * against queued.max.request.bytes. Where only a few names are needed later, arena_copy them
 * instead: keeping copies the frame, unless it came in a buffer of its own.
 * Errors: OUT_OF_MEMORY. */
MUST_CHECK enum error request_keep_frame(struct request *request);

/* Begins the response, or begins it anew: forgets what was written. The writer holds four bytes
 * then, for the frame's size, which request_send fills in; the response header comes next. */
struct wire_writer *request_response(struct request *request);

/* Ends the request with what was written into its response. If the writer has failed, or the
 * response does not fit into a frame, the connection is closed instead. */
void request_send(struct request *request);

/* Ends the request; the client expects no answer (Produce with acks=0). */
void request_finish_without_response(struct request *request);

/* Ends the request and the connection: responses to earlier requests are sent first, nothing
 * that came later is run or answered. For bad input, and errors no response can tell. */
void request_close_connection(struct request *request);

/* Calls `expired` in `delay_ms` (with a resolution of 10 ms, never early), unless the request
 * ends or the deadline is cancelled before. Setting it again moves it. */
void request_set_deadline(struct request *request, int64_t delay_ms,
                          void (*expired)(struct request *request));
void request_cancel_deadline(struct request *request);

/* Calls `abandoned` when the client has gone before the request ended, so that what waits for it
 * can be dropped; it may end the request. Not called if the client only stopped sending. NULL
 * takes it back. */
void request_on_abandoned(struct request *request, void (*abandoned)(struct request *request));

/* Reads nothing more from the connection for `delay_ms` (KIP-219); what was read goes on. A later
 * end wins over an earlier one. */
void request_throttle_connection(struct request *request, int64_t delay_ms);

/* Runs no later request of the connection until request_release_connection or this request's end:
 * for what must not be overtaken by them while it waits. From inside of the handler's call. */
void request_hold_connection(struct request *request);
/* Only by who holds it. */
void request_release_connection(struct request *request);

/* State that the handler keeps per connection; NULL at first. Given to the server's
 * on_connection_closed when the connection and all its requests are over. */
void *request_connection_user(const struct request *request);
void request_set_connection_user(struct request *request, void *user);

#endif

/*
 * One connection: frames in, answers out. Bytes of several answers leave in one call, records by
 * sendfile.
 *
 * Threads: one.
 */
#ifndef TESTS_BENCH_IDEAL_SERVER_IDEAL_CONNECTION_H
#define TESTS_BENCH_IDEAL_SERVER_IDEAL_CONNECTION_H

#include <stdbool.h>
#include <sys/queue.h>

#include "client/base/bytes.h"
#include "client/wire/writer.h"

#define INPUT_BYTES (64 * 1024)

/* Bytes, and then a range of a file. */
struct ideal_answer {
    STAILQ_ENTRY(ideal_answer) next;
    uint8_t *data; /* from malloc */
    size_t size;
    size_t sent;
    struct file_range records;
};

struct ideal_connection {
    int fd;
    STAILQ_HEAD(, ideal_answer) answers;
    bool wants_write;
    bool is_doomed; /* malformed, or gone */
    bool is_ready;  /* on the server's list of those with answers */

    /* A fetch that waits: its frame, kept. */
    uint8_t *waiting;
    size_t waiting_size;
    int64_t deadline_ms;

    uint8_t *large; /* a frame that does not fit into `input`; from malloc */
    size_t large_size, large_have;
    size_t have;
    uint8_t input[INPUT_BYTES];
};

/* False: `frame` has to be kept, the connection waits. */
typedef bool ideal_handler(void *context, struct ideal_connection *connection, uint8_t *frame,
                           size_t size);

/* Reads what is there and handles every whole frame. Dooms the connection at its end. */
void ideal_connection_read(struct ideal_connection *connection, ideal_handler *handle,
                           void *context);

/* Handles the frames that came while it was waiting. */
void ideal_connection_go_on(struct ideal_connection *connection, ideal_handler *handle,
                            void *context);

/* Takes over the writer's content, which begins with four bytes for the size. */
void ideal_connection_answer(struct ideal_connection *connection, struct wire_writer *writer,
                             struct file_range records);

/* Sends what can be sent; false while some is left. */
bool ideal_connection_send(struct ideal_connection *connection);

void ideal_connection_free(struct ideal_connection *connection);

#endif

/*
 * How much is read from one connection before the others of its thread get their turn.
 *
 * What was read is run at once, and how long that takes is not the connection's alone to say: a
 * produced byte takes half a nanosecond while the page cache takes it, and ten times that while the
 * system has to find memory first or holds back who writes. So a turn is as many bytes as lately
 * took READ_TURN_NS: beside others who send as much as they can, who sends little waits for a short
 * turn of each, however slow writing is. On average: the system holds back seldom and long.
 *
 * Pure: bytes and nanoseconds in, bytes out. Threads: the reactor's.
 */
#ifndef BROKER_SERVER_READ_TURN_H
#define BROKER_SERVER_READ_TURN_H

#include <stddef.h>
#include <stdint.h>

#define READ_TURN_NS         INT64_C(250000)
#define READ_TURN_BYTES_MIN  ((size_t)64 << 10) /* less costs more than it brings */
#define READ_TURN_BYTES_MAX  ((size_t)1 << 20)
#define READ_TURN_BYTES_LATE ((uint64_t)4 << 20) /* what was read so long ago counts half */

struct read_turn {
    uint64_t bytes; /* lately read and run */
    uint64_t ns;    /* what that took */
    size_t size;    /* bytes of the next turn */
};

void read_turn_init(struct read_turn *turn);

/* `bytes` were read at once, and took `ns` to run. Small reads say nothing: what they take, they do
 * not take by the byte. */
void read_turn_note(struct read_turn *turn, size_t bytes, int64_t ns);

#endif

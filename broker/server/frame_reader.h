/*
 * Cuts a connection's byte stream into frames: size:i32 (big-endian), then that many bytes.
 *
 * Frames that arrived whole are handed out where they lie in the reactor's read buffer. Only an
 * unfinished one moves into `tail`, and the rest of it is read straight into that (room and
 * received). The tail grows with what has arrived, not with what was announced: a size of 100 MB
 * costs its sender 100 MB.
 *
 * Pure: no socket, no clock. Threads: one reactor.
 */
#ifndef BROKER_SERVER_FRAME_READER_H
#define BROKER_SERVER_FRAME_READER_H

#include "broker/server/buffer_pool.h"
#include "client/base/bytes.h"
#include "client/base/check.h"

struct frame_reader {
    struct buffer_pool *pool;
    size_t frame_bytes_max;
    struct buffer tail; /* frames that were stashed, then at most one unfinished frame */
    size_t parsed;      /* parsed <= received <= tail.capacity */
    size_t received;
};

enum frame_status {
    FRAME_READY,
    FRAME_NEEDS_MORE, /* all input is used up */
    FRAME_REFUSED,    /* the size is negative or over the bound */
    FRAME_NO_MEMORY
};

void frame_reader_init(struct frame_reader *reader, struct buffer_pool *pool,
                       size_t frame_bytes_max);
void frame_reader_done(struct frame_reader *reader);

/* Takes the next frame off what is held and the front of `*input`. `*frame`, without its size,
 * is valid until the next call of any function here but frame_reader_steal, and no longer than
 * the input. */
MUST_CHECK enum frame_status frame_reader_next(struct frame_reader *reader, struct bytes *input,
                                               struct bytes *frame);

/* Keeps the rest of the input, of which no more shall be taken now. False: out of memory. */
MUST_CHECK bool frame_reader_stash(struct frame_reader *reader, struct bytes input);

/* How many whole frames are held. */
size_t frame_reader_whole_frames(const struct frame_reader *reader);

/* Where the missing bytes of the unfinished frame can be read to; `*size` is 0 if there is none
 * or its size is not known yet. Call after FRAME_NEEDS_MORE. False: out of memory. */
MUST_CHECK bool frame_reader_room(struct frame_reader *reader, uint8_t **at, size_t *size);
void frame_reader_received(struct frame_reader *reader, size_t size);

/* Hands over the buffer of the frame that was just taken, if it holds nothing else. */
bool frame_reader_steal(struct frame_reader *reader, struct bytes frame, struct buffer *stolen);

/* The announced size of the frame at the front of what is held, for the log; 0 if unknown. */
int32_t frame_reader_announced_size(const struct frame_reader *reader, struct bytes input);

#endif

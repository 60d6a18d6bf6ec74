/*
 * Memory for frames that outlive the reactor's read buffer, in size classes from 1 KiB to 4 MiB.
 *
 * Fresh memory is the dearest thing there is (every first touch of a page is a fault), so freed
 * buffers are kept, up to a bound. Larger sizes than the last class come from malloc and go back
 * to it. What is taken is counted, for the bound on bytes in flight.
 *
 * Threads: a pool belongs to one reactor; `held_bytes` is shared by all.
 */
#ifndef BROKER_SERVER_BUFFER_POOL_H
#define BROKER_SERVER_BUFFER_POOL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUFFER_CLASS_COUNT 7

struct buffer {
    uint8_t *data; /* NULL: no buffer */
    size_t capacity;
};

struct free_buffer;

struct buffer_pool {
    struct free_buffer *free[BUFFER_CLASS_COUNT];
    size_t free_bytes; /* <= free_bytes_max */
    size_t free_bytes_max;
    _Atomic int64_t *held_bytes; /* of all pools together: capacity taken and not given back */
};

void buffer_pool_init(struct buffer_pool *pool, size_t free_bytes_max, _Atomic int64_t *held_bytes);
void buffer_pool_done(struct buffer_pool *pool);

/* At least `size` bytes, not zeroed. False when memory is out. */
bool buffer_pool_take(struct buffer_pool *pool, size_t size, struct buffer *taken);

/* Takes the buffer back and clears `buffer`; accepts none. */
void buffer_pool_give(struct buffer_pool *pool, struct buffer *buffer);

#endif

/*
 * Large blocks of memory that are used again: what was fetched is copied into one, read, and given
 * back. Memory fresh from the kernel costs more than the copy itself, and malloc gives blocks of
 * this size back to it.
 *
 * Bounded: keeps at most BLOCK_POOL_BLOCKS of them, of at most BLOCK_POOL_BYTES together. Smaller
 * ones than BLOCK_BYTES_MIN are malloc's business.
 *
 * Threads: any; its lock is the innermost of all.
 */
#ifndef CLIENT_CONSUMER_BLOCK_POOL_H
#define CLIENT_CONSUMER_BLOCK_POOL_H

#include <stddef.h>

#include "client/base/sync.h"

#define BLOCK_POOL_BLOCKS 16
#define BLOCK_POOL_BYTES  ((size_t)32 << 20)
#define BLOCK_BYTES_MIN   ((size_t)64 << 10)

struct pooled_block {
    void *data; /* from malloc */
    size_t size;
};

struct block_pool {
    struct mutex lock;
    struct pooled_block blocks[BLOCK_POOL_BLOCKS];
    size_t count;
    size_t bytes;
};

void block_pool_init(struct block_pool *pool);
void block_pool_done(struct block_pool *pool);

/* A block of at least `size` bytes, and not of more than twice as many, with its true size in
 * `*given`; NULL if there is none: then the caller allocates. */
void *block_pool_take(struct block_pool *pool, size_t size, size_t *given);

/* Keeps it, or frees it. */
void block_pool_give(struct block_pool *pool, void *data, size_t size);

#endif

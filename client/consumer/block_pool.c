#include "client/consumer/block_pool.h"

#include <stdlib.h>
#include <string.h>

void block_pool_init(struct block_pool *pool) {
    memset(pool, 0, sizeof(*pool));
    mutex_init(&pool->lock);
}

static void remove_at(struct block_pool *pool, size_t index) REQUIRES(pool->lock) {
    pool->bytes -= pool->blocks[index].size;
    pool->count--;
    for (size_t i = index; i < pool->count; i++)
        pool->blocks[i] = pool->blocks[i + 1];
}

void *block_pool_take(struct block_pool *pool, size_t size, size_t *given) {
    void *data = NULL;

    mutex_lock(&pool->lock);
    /* The one given back last is the likeliest to be in the processor's cache. */
    for (size_t i = pool->count; i > 0 && data == NULL; i--) {
        struct pooled_block block = pool->blocks[i - 1];

        if (block.size >= size && block.size / 2 <= size) {
            remove_at(pool, i - 1);
            *given = block.size;
            data = block.data;
        }
    }
    mutex_unlock(&pool->lock);
    return data;
}

void block_pool_give(struct block_pool *pool, void *data, size_t size) {
    if (size < BLOCK_BYTES_MIN || size > BLOCK_POOL_BYTES / 2) {
        free(data);
        return;
    }
    mutex_lock(&pool->lock);
    /* Room is made by the oldest: sizes that are asked for no more go. */
    while (pool->count == BLOCK_POOL_BLOCKS || pool->bytes + size > BLOCK_POOL_BYTES) {
        free(pool->blocks[0].data);
        remove_at(pool, 0);
    }
    pool->blocks[pool->count++] = (struct pooled_block){data, size};
    pool->bytes += size;
    mutex_unlock(&pool->lock);
}

void block_pool_done(struct block_pool *pool) {
    for (size_t i = 0; i < pool->count; i++)
        free(pool->blocks[i].data);
    mutex_done(&pool->lock);
}

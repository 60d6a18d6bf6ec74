#include "broker/server/buffer_pool.h"

#include <stdlib.h>

#include "client/base/check.h"

#define CLASS_BYTES_MIN   ((size_t)1024)
#define CLASS_GROWTH_BITS 2

/* A free buffer's own bytes hold the link to the next. */
struct free_buffer {
    struct free_buffer *next;
};

static size_t class_bytes(size_t class) {
    return CLASS_BYTES_MIN << (class * CLASS_GROWTH_BITS);
}

/* BUFFER_CLASS_COUNT when the size is beyond the last class. */
static size_t class_of(size_t size) {
    size_t class = 0;

    while (class < BUFFER_CLASS_COUNT && class_bytes(class) < size)
        class ++;
    return class;
}

void buffer_pool_init(struct buffer_pool *pool, size_t free_bytes_max,
                      _Atomic int64_t *held_bytes) {
    *pool = (struct buffer_pool){.free_bytes_max = free_bytes_max, .held_bytes = held_bytes};
}

void buffer_pool_done(struct buffer_pool *pool) {
    for (size_t class = 0; class < BUFFER_CLASS_COUNT; class ++) {
        while (pool->free[class] != NULL) {
            struct free_buffer *buffer = pool->free[class];
            pool->free[class] = buffer->next;
            free(buffer);
        }
    }
    pool->free_bytes = 0;
}

bool buffer_pool_take(struct buffer_pool *pool, size_t size, struct buffer *taken) {
    size_t class = class_of(size);
    size_t capacity = class < BUFFER_CLASS_COUNT ? class_bytes(class) : size;
    uint8_t *data;

    if (class < BUFFER_CLASS_COUNT && pool->free[class] != NULL) {
        data = (uint8_t *)pool->free[class];
        pool->free[class] = pool->free[class]->next;
        pool->free_bytes -= capacity;
    } else {
        data = malloc(capacity);
        if (data == NULL)
            return false;
    }
    atomic_fetch_add(pool->held_bytes, (int64_t)capacity);
    *taken = (struct buffer){data, capacity};
    return true;
}

void buffer_pool_give(struct buffer_pool *pool, struct buffer *buffer) {
    size_t class;

    if (buffer->data == NULL)
        return;
    atomic_fetch_sub(pool->held_bytes, (int64_t)buffer->capacity);
    class = class_of(buffer->capacity);
    if (class < BUFFER_CLASS_COUNT && pool->free_bytes + buffer->capacity <= pool->free_bytes_max) {
        struct free_buffer *freed = (struct free_buffer *)(void *)buffer->data;
        DCHECK(class_bytes(class) == buffer->capacity);
        freed->next = pool->free[class];
        pool->free[class] = freed;
        pool->free_bytes += buffer->capacity;
    } else {
        free(buffer->data);
    }
    *buffer = (struct buffer){NULL, 0};
}

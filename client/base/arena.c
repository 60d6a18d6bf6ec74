#include "client/base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>

#include "client/base/check.h"

#define BLOCK_BYTES      ((size_t)4096)
#define KEPT_BYTES_MAX   ((size_t)65536)
#define BLOCK_BYTES_LAST ((size_t)1 << 20)

struct arena_block {
    struct arena_block *older;
    size_t size; /* of the payload */
    alignas(max_align_t) char payload[];
};

void arena_init(struct arena *arena, size_t bytes_max) {
    *arena = (struct arena){.bytes_max = bytes_max};
}

void arena_done(struct arena *arena) {
    struct arena_block *block = arena->blocks;

    while (block != NULL) {
        struct arena_block *older = block->older;
        free(block);
        block = older;
    }
    arena_init(arena, arena->bytes_max);
}

void arena_reset(struct arena *arena) {
    struct arena_block *kept = arena->blocks;

    if (kept == NULL)
        return;
    if (kept->size > KEPT_BYTES_MAX) {
        arena_done(arena);
        return;
    }
    while (kept->older != NULL) {
        struct arena_block *older = kept->older;
        kept->older = older->older;
        free(older);
    }
    arena->next = kept->payload;
    arena->end = kept->payload + kept->size;
    arena->allocated = kept->size;
}

static bool add_block(struct arena *arena, size_t size) {
    struct arena_block *block;

    if (size > arena->bytes_max || arena->allocated > arena->bytes_max - size)
        return false;
    block = malloc(sizeof(*block) + size);
    if (block == NULL)
        return false;
    block->older = arena->blocks;
    block->size = size;
    arena->blocks = block;
    arena->next = block->payload;
    arena->end = block->payload + size;
    arena->allocated += size;
    return true;
}

static bool arena_grow(struct arena *arena, size_t size) {
    size_t block_size = arena->blocks == NULL ? BLOCK_BYTES : arena->blocks->size * 2;

    if (block_size > BLOCK_BYTES_LAST)
        block_size = BLOCK_BYTES_LAST;
    if (block_size < size)
        block_size = size;
    if (arena->allocated + block_size > arena->bytes_max)
        block_size = size;
    return add_block(arena, block_size);
}

static bool has_room(const struct arena *arena, size_t size) {
    return arena->next != NULL && (size_t)(arena->end - arena->next) >= size;
}

bool arena_reserve(struct arena *arena, size_t size) {
    return has_room(arena, size) || add_block(arena, size);
}

void *arena_alloc(struct arena *arena, size_t count, size_t size) {
    size_t total;
    void *memory;

    if (__builtin_mul_overflow(count, size, &total) || total > SIZE_MAX - alignof(max_align_t))
        return NULL;
    total = (total + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    if (total == 0)
        total = alignof(max_align_t);
    if (!has_room(arena, total) && !arena_grow(arena, total))
        return NULL;
    memory = arena->next;
    arena->next += total;
    memset(memory, 0, total);
    return memory;
}

struct bytes arena_copy(struct arena *arena, struct bytes source) {
    char *copy;

    if (source.data == NULL)
        return BYTES_NULL;
    copy = arena_alloc(arena, source.size + 1, 1);
    if (copy == NULL)
        return BYTES_NULL;
    memcpy(copy, source.data, source.size);
    return bytes_of(copy, source.size);
}

/*
 * Memory that is freed all at once: what one request decodes into.
 *
 * Allocations are zeroed, aligned for any type, never freed singly. An arena has a bound: past
 * it, and when memory is out, arena_alloc returns NULL and stays failed for that call only.
 * arena_reset keeps one block for the next use, so that a steady load allocates nothing.
 *
 * Threads: one at a time.
 */
#ifndef CLIENT_BASE_ARENA_H
#define CLIENT_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "client/base/bytes.h"

struct arena_block;

struct arena {
    struct arena_block *blocks; /* newest first */
    char *next;                 /* first free byte of the newest block */
    char *end;                  /* end of the newest block */
    size_t allocated;           /* bytes held in all blocks */
    size_t bytes_max;           /* bound of `allocated` */
};

void arena_init(struct arena *arena, size_t bytes_max);
void arena_done(struct arena *arena);

/* Forgets all allocations; keeps at most one block of up to 64 KiB. */
void arena_reset(struct arena *arena);

/* Zeroed memory for `count` things of `size` bytes, or NULL past the bound or on overflow. */
void *arena_alloc(struct arena *arena, size_t count, size_t size);

/* One block for the next allocations and no more, for an arena that is kept: their bytes and
 * ARENA_ROUNDING_MAX for each. False past the bound; then, and if it was too little, allocations
 * get blocks as usual. */
#define ARENA_ROUNDING_MAX ((size_t)16)
bool arena_reserve(struct arena *arena, size_t size);

/* Copies into the arena, with a zero behind that is not counted. Null stays null; failure is
 * null too. */
struct bytes arena_copy(struct arena *arena, struct bytes source);

#endif

/*
 * Which things of a request are named more than once: found by sorting, since a frame has room for
 * millions of names.
 *
 * Threads: any.
 */
#ifndef CLIENT_BASE_REPEATED_H
#define CLIENT_BASE_REPEATED_H

#include <stdbool.h>

#include "client/base/arena.h"

/* One flag for each of `count` names, in the arena; NULL past its bound. */
bool *repeated_names(struct arena *arena, const struct bytes *names, size_t count);

#endif

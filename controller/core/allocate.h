/*
 * Zeroed memory that is always there: the controller cannot go on without knowing the cluster,
 * so a failed allocation stops the process and another broker takes over.
 */
#ifndef CONTROLLER_CORE_ALLOCATE_H
#define CONTROLLER_CORE_ALLOCATE_H

#include <stdint.h>
#include <stdlib.h>

#include "client/base/check.h"

static inline void *controller_allocate(size_t count, size_t size) {
    void *memory = calloc(count == 0 ? 1 : count, size == 0 ? 1 : size);

    CHECK(memory != NULL);
    return memory;
}

/* Makes room for one more thing of `size` bytes in an array. */
static inline void *controller_grow(void *items, size_t count, size_t *capacity, size_t size) {
    if (count < *capacity)
        return items;
    *capacity = *capacity == 0 ? 16 : *capacity * 2;
    CHECK(*capacity < SIZE_MAX / size);
    items = realloc(items, *capacity * size);
    CHECK(items != NULL);
    return items;
}

#endif

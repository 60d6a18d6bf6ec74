#include "broker/log/recovery_size.h"

#include <stdlib.h>
#include <string.h>

#include "broker/log/segment.h"

void recovery_size_add_file(void *context, const char *name, int64_t size) {
    struct recovery_size *sizes = context;
    int64_t base_offset;

    if (strlen(name) < SEGMENT_NAME_DIGITS || !segment_parse_base_offset(name, &base_offset) ||
        strcmp(name + SEGMENT_NAME_DIGITS, SEGMENT_SUFFIX_LOG) != 0)
        return;
    if (sizes->count == sizes->capacity) {
        size_t capacity = sizes->capacity == 0 ? 8 : sizes->capacity * 2;
        struct sized_segment *grown = realloc(sizes->segments, capacity * sizeof(*grown));
        if (grown == NULL)
            return;
        sizes->segments = grown;
        sizes->capacity = capacity;
    }
    sizes->segments[sizes->count++] = (struct sized_segment){base_offset, size};
}

int64_t recovery_size_bytes(const struct recovery_size *sizes) {
    int64_t first = 0;
    int64_t bytes = 0;

    for (size_t i = 0; i < sizes->count; i++) {
        int64_t base_offset = sizes->segments[i].base_offset;
        if (base_offset <= sizes->recovery_point && base_offset > first)
            first = base_offset;
    }
    for (size_t i = 0; i < sizes->count; i++)
        bytes += sizes->segments[i].base_offset >= first ? sizes->segments[i].size : 0;
    return bytes;
}

void recovery_size_done(struct recovery_size *sizes) {
    free(sizes->segments);
}

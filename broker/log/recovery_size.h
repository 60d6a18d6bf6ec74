/*
 * How much of a log recovery reads after a crash: the segment that holds the recovery point and all
 * behind it. Told of a folder's files one by one, in any order.
 *
 * Pure. Zeroed but for `recovery_point`: nothing yet.
 */
#ifndef BROKER_LOG_RECOVERY_SIZE_H
#define BROKER_LOG_RECOVERY_SIZE_H

#include <stddef.h>
#include <stdint.h>

struct recovery_size {
    int64_t recovery_point;
    struct sized_segment {
        int64_t base_offset;
        int64_t size;
    } * segments; /* owned */
    size_t count;
    size_t capacity;
};

/* As disk_warm_dir's `each`; the context is the struct. What is no segment does not count, nor what
 * there is no memory for. */
void recovery_size_add_file(void *context, const char *name, int64_t size);

int64_t recovery_size_bytes(const struct recovery_size *sizes);

void recovery_size_done(struct recovery_size *sizes);

#endif

#include "tests/bench/ideal_server/ideal_log.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "client/wire/record_batch.h"

void ideal_log_open(struct ideal_log *log, const char *folder, const char *name, size_t name_size) {
    char path[512];

    *log = (struct ideal_log){0};
    snprintf(log->name, sizeof(log->name), "%.*s", (int)name_size, name);
    snprintf(path, sizeof(path), "%s/%s.log", folder, log->name);
    log->fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CHECK(log->fd >= 0);
}

static void note_batch(struct ideal_log *log, int64_t offset, int64_t position) {
    if (log->batch_count == log->batch_capacity) {
        log->batch_capacity = log->batch_capacity == 0 ? 1024 : log->batch_capacity * 2;
        log->batches = realloc(log->batches, log->batch_capacity * sizeof(*log->batches));
        CHECK(log->batches != NULL);
    }
    log->batches[log->batch_count++] = (struct ideal_batch){offset, position};
}

static void write_all(struct ideal_log *log, const uint8_t *data, size_t size) {
    while (size > 0) {
        ssize_t written = pwrite(log->fd, data, size, log->size);
        CHECK(written > 0);
        data += written;
        size -= (size_t)written;
        log->size += written;
    }
}

enum error ideal_log_append(struct ideal_log *log, uint8_t *records, size_t size,
                            int64_t *base_offset) {
    int64_t next = log->next_offset;
    size_t at = 0;

    while (at < size) {
        struct record_batch batch;
        enum error error;
        if ((error = record_batch_decode(bytes_of(records + at, size - at), &batch)) != ERR_NONE)
            return error;
        if (!record_batch_crc_is_valid(&batch))
            return ERR_CORRUPT_MESSAGE;
        if (record_batch_codec(&batch) == COMPRESSION_NONE &&
            (error = record_batch_check_structure(&batch)) != ERR_NONE)
            return error;
        record_batch_stamp_base_offset(records + at, next);
        record_batch_stamp_leader_epoch(records + at, 0);
        note_batch(log, next, log->size + (int64_t)at);
        next += batch.last_offset_delta + 1;
        at += batch.whole.size;
    }
    write_all(log, records, size);
    *base_offset = log->next_offset;
    log->next_offset = next;
    return ERR_NONE;
}

/* The last batch that begins at or before `offset`. */
static size_t batch_of(const struct ideal_log *log, int64_t offset) {
    size_t low = 0;
    size_t high = log->batch_count;

    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (log->batches[middle].offset <= offset)
            low = middle;
        else
            high = middle;
    }
    return low;
}

size_t ideal_log_find(const struct ideal_log *log, int64_t offset, size_t bytes_max,
                      int64_t *position) {
    int64_t left;
    int64_t first_end;
    size_t at;

    if (offset < 0 || offset >= log->next_offset)
        return 0;
    at = batch_of(log, offset);
    *position = log->batches[at].position;
    first_end = at + 1 < log->batch_count ? log->batches[at + 1].position : log->size;
    left = log->size - *position;
    if (left > (int64_t)bytes_max)
        left = (int64_t)bytes_max;
    return (size_t)(left < first_end - *position ? first_end - *position : left);
}

#include "tests/simulation/model_log.h"

#include <stdlib.h>

#include "client/base/check.h"

void model_log_done(struct model_log *log) {
    free(log->records);
    *log = (struct model_log){0};
}

void model_log_append(struct model_log *log, struct model_record record) {
    CHECK(record.leader_epoch >= model_log_last_epoch(log));
    if (log->end == log->capacity) {
        log->capacity = log->capacity * 2 + 16;
        log->records = realloc(log->records, (size_t)log->capacity * sizeof(*log->records));
        CHECK(log->records != NULL);
    }
    log->records[log->end++] = record;
}

void model_log_truncate(struct model_log *log, int64_t end) {
    CHECK(end >= 0);
    if (end < log->end)
        log->end = end;
    if (log->flushed > log->end)
        log->flushed = log->end;
}

int32_t model_log_last_epoch(const struct model_log *log) {
    return log->end == 0 ? -1 : log->records[log->end - 1].leader_epoch;
}

int32_t model_log_epoch_end(const struct model_log *log, int32_t leader_epoch, int64_t *end) {
    int64_t i = log->end;

    while (i > 0 && log->records[i - 1].leader_epoch > leader_epoch)
        i--;
    *end = i;
    if (i == 0)
        return log->end == 0 ? -1 : leader_epoch;
    return log->records[i - 1].leader_epoch;
}

int64_t model_log_common(const struct model_log *a, const struct model_log *b) {
    int64_t i = 0;

    while (i < a->end && i < b->end && a->records[i].number == b->records[i].number)
        i++;
    return i;
}

#include "broker/log/compaction_plan.h"

/* Files of a group are held open while it is exchanged; what is left is merged next time. */
#define GROUP_SEGMENTS_MAX 32

static int64_t lower(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static bool is_older(int64_t timestamp, int64_t now_ms, int64_t age_ms) {
    int64_t age;

    return !__builtin_sub_overflow(now_ms, timestamp, &age) && age > age_ms;
}

/* The index of the segment that holds `offset`; of the first one if it lies before it. */
static size_t segment_of(const struct compaction_log *log, int64_t offset) {
    size_t i = 0;

    while (i + 1 < log->segment_count && log->segments[i + 1].base_offset <= offset)
        i++;
    return i;
}

static int64_t first_dirty(const struct compaction_log *log, bool *checkpoint_is_wrong) {
    *checkpoint_is_wrong = log->checkpointed_offset > log->log_end_offset;
    if (log->checkpointed_offset < log->log_start_offset || *checkpoint_is_wrong)
        return log->log_start_offset;
    return log->checkpointed_offset;
}

static int64_t first_uncleanable(const struct compaction_log *log, size_t dirty_from) {
    size_t active = log->segment_count - 1;
    int64_t offset = lower(log->last_stable_offset, log->segments[active].base_offset);

    for (size_t i = dirty_from; i < active && log->min_lag_ms > 0; i++) {
        if (!is_older(log->segments[i].max_timestamp, log->now_ms, log->min_lag_ms - 1)) {
            offset = lower(offset, log->segments[i].base_offset);
            break;
        }
    }
    /* Whole segments only. */
    return log->segments[segment_of(log, offset)].base_offset;
}

/* max.compaction.lag.ms: some record has waited too long. */
static bool is_overdue(const struct compaction_log *log, size_t dirty_from) {
    for (size_t i = dirty_from; i + 1 < log->segment_count; i++) {
        int64_t timestamp = log->segments[i].first_timestamp;
        if (timestamp > 0 && is_older(timestamp, log->now_ms, log->max_lag_ms))
            return true;
    }
    return false;
}

struct compaction_choice compaction_choose(const struct compaction_log *log) {
    struct compaction_choice choice = {0};
    int64_t clean_bytes = 0;
    size_t dirty_from;

    choice.first_dirty = first_dirty(log, &choice.checkpoint_is_wrong);
    dirty_from = segment_of(log, choice.first_dirty);
    choice.first_uncleanable = first_uncleanable(log, dirty_from);
    for (size_t i = 0; i < log->segment_count; i++) {
        const struct compaction_segment *segment = &log->segments[i];
        if (segment->base_offset < choice.first_dirty)
            clean_bytes += segment->size;
        if (i >= dirty_from && segment->base_offset < choice.first_uncleanable)
            choice.cleanable_bytes += segment->size;
    }
    if (choice.first_uncleanable <= choice.first_dirty)
        choice.cleanable_bytes = 0;
    if (choice.cleanable_bytes > 0)
        choice.dirty_ratio =
            (double)choice.cleanable_bytes / (double)(clean_bytes + choice.cleanable_bytes);
    choice.is_due = choice.cleanable_bytes > 0 &&
                    (choice.dirty_ratio > log->dirty_ratio_min || is_overdue(log, dirty_from));
    return choice;
}

size_t compaction_group(const struct compaction_segment *segments, size_t count,
                        int64_t segment_bytes, int64_t segment_index_bytes) {
    int64_t size = segments[0].size;
    int64_t index_bytes = segments[0].index_bytes;
    int64_t time_index_bytes = segments[0].time_index_bytes;
    size_t taken = 1;

    while (taken < count && taken < GROUP_SEGMENTS_MAX) {
        const struct compaction_segment *next = &segments[taken];
        size += next->size;
        index_bytes += next->index_bytes;
        time_index_bytes += next->time_index_bytes;
        if (size > segment_bytes || index_bytes > segment_index_bytes ||
            time_index_bytes > segment_index_bytes ||
            (next->size > 0 && next->next_base - 1 - segments[0].base_offset > INT32_MAX))
            break;
        taken++;
    }
    return taken;
}

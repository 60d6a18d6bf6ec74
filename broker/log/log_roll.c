/*
 * Ending the active segment, and beginning the next one.
 */
#include "broker/log/log_internal.h"

/* Drawn for every segment that may be appended to, as in Kafka: also for the first of a log, and
 * for those that a start finds. */
static int64_t draw_jitter(struct log *log) {
    int64_t bound = log->config.segment_jitter_ms < log->config.segment_ms
                        ? log->config.segment_jitter_ms
                        : log->config.segment_ms;
    int64_t jitter;

    if (bound <= 0)
        return 0;
    mutex_lock(&log->dir->lock);
    jitter = (int64_t)rng_below(&log->dir->rng, (uint64_t)bound);
    mutex_unlock(&log->dir->lock);
    return jitter;
}

enum error log_new_segment(struct log *log, int64_t base_offset, int64_t now_ms,
                           struct segment **created) {
    enum error error = segment_new(base_offset, now_ms, created);

    if (error == ERR_NONE)
        (*created)->jitter_ms = draw_jitter(log);
    return error;
}

/* An empty active segment whose base does not fit what comes next has no use. */
static enum error drop_empty_segment(struct log *log) {
    struct segment *segment = log_active_segment(log);
    enum error error;

    CHECK(segment->size == 0);
    mutex_lock(&log->state_lock);
    log->segment_count--;
    log_clear_ends(log);
    mutex_unlock(&log->state_lock);
    error = segment_remove_files(&log->home, segment);
    segment_unref(segment, log->dir->cache);
    return error;
}

static enum error finish_segment(struct log *log, int64_t base_offset) {
    enum error error;

    if (log_active_segment(log)->size == 0)
        return drop_empty_segment(log);
    if ((error = log_write_snapshot(log, base_offset, false)) != ERR_NONE)
        return error;
    return segment_finish(&log->home, log_active_segment(log));
}

enum error log_roll_to(struct log *log, int64_t base_offset, int64_t now_ms) {
    struct segment *segment = NULL;
    enum error error;

    if ((error = log_new_segment(log, base_offset, now_ms, &segment)) != ERR_NONE)
        return error;
    if ((error = finish_segment(log, base_offset)) != ERR_NONE) {
        segment_unref(segment, log->dir->cache);
        return error;
    }
    mutex_lock(&log->state_lock);
    error = log_add_segment(log, segment);
    log->dir_changes++;
    mutex_unlock(&log->state_lock);
    if (error != ERR_NONE) {
        segment_unref(segment, log->dir->cache);
        return error;
    }
    log_request_flush(log, log->end_offset);
    return ERR_NONE;
}

enum error log_roll(struct log *log, int64_t now_ms) {
    enum error error = log_open_to_change(log);

    if (error != ERR_NONE || log_active_segment(log)->size == 0)
        return error;
    return log_fail(log, log_roll_to(log, log->end_offset, now_ms), "roll a segment");
}

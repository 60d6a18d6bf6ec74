/*
 * Where segments begin and when their files were changed: what ListOffsets tells old clients.
 * Source: Apache Kafka 3.9, UnifiedLog.legacyFetchOffsetsBefore.
 */
#include "broker/log/log_internal.h"

/* The base offsets for now. The end follows if the last segment holds something. */
static enum error copy_bases(struct log *log, struct arena *arena,
                             struct log_segment_start **starts, size_t *count, bool *has_end) {
    enum error error = ERR_NONE;
    struct log_segment_start *copy;
    size_t total;

    mutex_lock(&log->state_lock);
    total = log->segment_count;
    copy = arena_alloc(arena, total + 1, sizeof(*copy));
    if (copy == NULL)
        error = ERR_OUT_OF_MEMORY;
    for (size_t i = 0; copy != NULL && i < total; i++)
        copy[i] = (struct log_segment_start){log->segments[i]->base_offset, 0};
    *has_end = total > 0 && log->segments[total - 1]->size > 0;
    mutex_unlock(&log->state_lock);
    *starts = copy;
    *count = total;
    return error;
}

/* Nothing was written yet if there is no file. */
static int64_t modified_ms(struct log *log, int64_t base_offset, int64_t now_ms) {
    char path[SEGMENT_PATH_MAX];
    struct disk_stat stat;

    segment_path(&log->home, base_offset, SEGMENT_SUFFIX_LOG, path);
    if (disk_stat(log->dir->disk, path, &stat) != ERR_NONE || !stat.exists)
        return now_ms;
    return stat.modified_ms;
}

enum error log_segment_starts(struct log *log, bool with_times, int64_t now_ms, struct arena *arena,
                              struct log_segment_start **starts, size_t *count) {
    struct log_segment_start *found;
    int64_t log_start;
    bool has_end;
    size_t total;
    enum error error = log_open(log);

    if (error == ERR_NONE)
        error = copy_bases(log, arena, &found, &total, &has_end);
    if (error != ERR_NONE)
        return error;
    log_start = log_start_offset(log);
    for (size_t i = 0; i < total; i++) {
        if (with_times)
            found[i].modified_ms = modified_ms(log, found[i].offset, now_ms);
        if (found[i].offset < log_start)
            found[i].offset = log_start;
    }
    if (has_end)
        found[total++] = (struct log_segment_start){log_end_offset(log), now_ms};
    *starts = found;
    *count = total;
    return ERR_NONE;
}

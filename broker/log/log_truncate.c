/*
 * Cutting a log: at its end, at its start, or altogether.
 */
#include <stdlib.h>

#include "broker/log/disk.h"
#include "broker/log/log_internal.h"

void log_advance_start_offset(struct log *log, int64_t offset) {
    if (offset > log->end_offset)
        offset = log->end_offset;
    if (offset <= log->start_offset)
        return;
    offset_store(&log->start_offset, offset);
    leader_epochs_truncate_from_start(log->epochs, offset);
}

/* Readers and flushes see the new end before a byte is touched. Takes the segments behind `kept`
 * out of the list; they are `*dropped` (from malloc) then. */
static enum error lower_end(struct log *log, int64_t end, size_t kept, struct segment ***dropped) {
    size_t count = log->segment_count - kept;
    struct segment **taken = malloc((count + 1) * sizeof(*taken));

    if (taken == NULL)
        return ERR_OUT_OF_MEMORY;
    mutex_lock(&log->state_lock);
    memcpy(taken, log->segments + kept, count * sizeof(*taken));
    log->segment_count = kept;
    log->truncations++;
    log->generation++;
    log_clear_ends(log);
    offset_store(&log->end_offset, end);
    if (log->flushed_offset > end)
        offset_store(&log->flushed_offset, end);
    if (log->flush_wanted_offset > end)
        log->flush_wanted_offset = end;
    mutex_unlock(&log->state_lock);
    taken[count] = NULL;
    *dropped = taken;
    return ERR_NONE;
}

/* From the last to the first, so that a crash between leaves no hole. */
static enum error remove_segments(struct log *log, struct segment **dropped) {
    enum error error = ERR_NONE;
    size_t count = 0;

    while (dropped[count] != NULL)
        count++;
    for (size_t i = count; i > 0; i--) {
        if (error == ERR_NONE)
            error = segment_remove_files(&log->home, dropped[i - 1]);
        segment_unref(dropped[i - 1], log->dir->cache);
    }
    free(dropped);
    if (error == ERR_NONE && count > 0)
        error = disk_sync_dir(log->dir->disk, log->dir_name);
    return error;
}

/* The checkpoint must never promise that more is on disk than was flushed after the cut. */
static enum error lower_recovery_point(struct log *log, int64_t offset) {
    bool must_write;

    mutex_lock(&log->dir->checkpoint_lock);
    must_write = log->recovery_point_written > offset;
    mutex_unlock(&log->dir->checkpoint_lock);
    return must_write ? log_dir_checkpoint_recovery_points(log->dir) : ERR_NONE;
}

/* What comes instead of the cut part is not compacted. */
static enum error lower_compacted_offset(struct log *log, int64_t offset) {
    if (offset_load(&log->compacted_offset) <= offset)
        return ERR_NONE;
    offset_store(&log->compacted_offset, offset);
    return log_dir_checkpoint_compacted(log->dir);
}

static int64_t segments_size(const struct log *log) {
    int64_t size = 0;

    for (size_t i = 0; i < log->segment_count; i++)
        size += log->segments[i]->size;
    return size;
}

static void publish_cut(struct log *log) {
    mutex_lock(&log->state_lock);
    log->generation++;
    offset_store(&log->end_offset, log_active_segment(log)->next_offset);
    offset_store(&log->size, segments_size(log));
    if (log->durable_base > log_active_segment(log)->base_offset)
        log->durable_base = log_active_segment(log)->base_offset;
    if (log->flushed_offset > log->end_offset)
        offset_store(&log->flushed_offset, log->end_offset);
    if (log->flush_wanted_offset > log->end_offset)
        log->flush_wanted_offset = log->end_offset;
    if (log->start_offset > log->end_offset)
        offset_store(&log->start_offset, log->end_offset);
    if (offset_load(&log->high_watermark) > log->end_offset)
        offset_store(&log->high_watermark, log->end_offset);
    mutex_unlock(&log->state_lock);
}

int64_t log_hole(const struct log *log) {
    return log->hole_offset;
}

static void forget_hole_above(struct log *log, int64_t end) {
    if (log->hole_offset >= end)
        log->hole_offset = -1;
}

static enum error cut(struct log *log, size_t kept, int64_t offset) {
    struct segment *segment = log->segments[kept - 1];
    int64_t position = segment->size;
    struct segment **dropped;
    struct stored_batch batch;
    enum error error;
    bool found;

    error = segment_find(&log->home, segment, offset, segment->size, &batch, &found);
    if (error != ERR_NONE)
        return error;
    if (found)
        position = batch.position;
    if ((error = lower_end(log, offset, kept, &dropped)) != ERR_NONE)
        return error;
    error = lower_recovery_point(log, offset);
    if (error == ERR_NONE)
        error = lower_compacted_offset(log, offset);
    if (error != ERR_NONE) {
        for (size_t i = 0; dropped[i] != NULL; i++)
            segment_unref(dropped[i], log->dir->cache);
        free(dropped);
        return error;
    }
    if ((error = remove_segments(log, dropped)) != ERR_NONE)
        return error;
    if (segment->has_file &&
        (error = segment_truncate(&log->home, segment, position, offset)) != ERR_NONE)
        return error;
    publish_cut(log);
    /* In a compacted segment nothing may lie right before `offset`. */
    if ((error = lower_compacted_offset(log, log->end_offset)) != ERR_NONE)
        return error;
    forget_hole_above(log, log->end_offset);
    leader_epochs_truncate_from_end(log->epochs, log->end_offset);
    return log_rebuild_producers(log, log->end_offset, false);
}

enum error log_truncate(struct log *log, int64_t offset) {
    enum error error = log_check_usable(log);
    size_t kept;

    if (error != ERR_NONE)
        return error;
    if (offset >= log->end_offset) {
        leader_epochs_truncate_from_end(log->epochs, log->end_offset);
        return ERR_NONE;
    }
    if ((error = log_open_to_change(log)) != ERR_NONE)
        return error;
    kept = log->segment_count;
    while (kept > 0 && log->segments[kept - 1]->base_offset > offset)
        kept--;
    if (kept == 0)
        return log_truncate_fully_and_start_at(log, offset);
    return log_fail(log, cut(log, kept, offset), "truncate");
}

enum error log_begin_at(struct log *log, int64_t offset) {
    struct segment *segment = NULL;
    struct open_file *file = NULL;
    enum error error;

    error = log_new_segment(log, offset, clock_wall_ms(log->dir->clock), &segment);
    if (error != ERR_NONE)
        return error;
    if (offset > 0) {
        error = segment_open_file(&log->home, segment, DISK_OPEN_TRUNCATED, &file);
        if (error == ERR_NONE)
            error = disk_sync_dir(log->dir->disk, log->dir_name);
        open_file_unref(file);
        segment->has_file = true;
    }
    if (error == ERR_NONE) {
        mutex_lock(&log->state_lock);
        CHECK(log->segment_count == 0);
        error = log_add_segment(log, segment);
        log->durable_base = offset;
        mutex_unlock(&log->state_lock);
    }
    if (error != ERR_NONE)
        segment_unref(segment, log->dir->cache);
    return error;
}

static enum error start_over(struct log *log, int64_t offset) {
    struct segment **dropped;
    enum error error;

    /* A flush or a read that still runs finds fewer bytes than it expected, and starts again. */
    if ((error = lower_end(log, log->start_offset < offset ? log->start_offset : offset, 0,
                           &dropped)) != ERR_NONE)
        return error;
    if ((error = lower_recovery_point(log, log->flushed_offset)) != ERR_NONE ||
        (error = lower_compacted_offset(log, 0)) != ERR_NONE) {
        for (size_t i = 0; dropped[i] != NULL; i++)
            segment_unref(dropped[i], log->dir->cache);
        free(dropped);
        return error;
    }
    if ((error = remove_segments(log, dropped)) != ERR_NONE ||
        (error = log_begin_at(log, offset)) != ERR_NONE)
        return error;
    mutex_lock(&log->state_lock);
    offset_store(&log->size, 0);
    offset_store(&log->start_offset, offset);
    offset_store(&log->end_offset, offset);
    offset_store(&log->flushed_offset, offset);
    offset_store(&log->high_watermark, offset);
    mutex_unlock(&log->state_lock);
    log->hole_offset = -1;
    leader_epochs_clear(log->epochs);
    if ((error = leader_epochs_sync(log->epochs)) != ERR_NONE)
        return error;
    return log_rebuild_producers(log, offset, true);
}

enum error log_truncate_fully_and_start_at(struct log *log, int64_t offset) {
    enum error error = log_open_to_change(log);

    CHECK(offset >= 0);
    return error != ERR_NONE ? error : log_fail(log, start_over(log, offset), "start over");
}

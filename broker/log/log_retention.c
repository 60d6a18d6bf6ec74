/*
 * Letting the oldest segments go: the log start moves first, then their files get another name,
 * and after file.delete.delay.ms they are removed. What a crash leaves under the other name is
 * removed at the next start.
 */
#include <stdlib.h>

#include "broker/log/disk.h"
#include "broker/log/log_internal.h"
#include "broker/log/retention.h"
#include "client/base/logger.h"

struct doomed_file {
    STAILQ_ENTRY(doomed_file) next;
    int64_t due_ms; /* monotonic */
    char path[];
};

/* ---- Which ---- */

int64_t log_segment_timestamp(struct log *log, const struct segment *segment) {
    char path[SEGMENT_PATH_MAX];
    struct disk_stat stat;

    if (segment->max_timestamp != RECORD_NO_TIMESTAMP)
        return segment->max_timestamp;
    segment_path(&log->home, segment->base_offset, SEGMENT_SUFFIX_LOG, path);
    if (disk_stat(log->dir->disk, path, &stat) != ERR_NONE || !stat.exists)
        return INT64_MAX; /* stays */
    return stat.modified_ms;
}

/* The partition's lock keeps the list as it is. */
static enum error count_old(struct log *log, int64_t now_ms, const struct retention_guard *guard,
                            size_t *count) {
    struct retention_segment *segments = calloc(log->segment_count, sizeof(*segments));
    const struct log_config *config = &log->config;
    struct retention_rules rules = {
        .log_start_offset = log_start_offset(log),
        .high_watermark = log_high_watermark(log),
        .by_age_and_size = config->delete_old,
        .retention_ms = config->retention_ms,
        .retention_bytes = config->retention_bytes,
        .now_ms = now_ms,
        .guard = guard,
    };

    if (segments == NULL)
        return ERR_OUT_OF_MEMORY;
    for (size_t i = 0; i < log->segment_count; i++) {
        const struct segment *segment = log->segments[i];
        segments[i] = (struct retention_segment){
            .next_offset = i + 1 < log->segment_count ? log->segments[i + 1]->base_offset
                                                      : segment->next_offset,
            .size = segment->size,
            .timestamp = config->delete_old && config->retention_ms >= 0
                             ? log_segment_timestamp(log, segment)
                             : RECORD_NO_TIMESTAMP,
        };
    }
    *count = retention_count(segments, log->segment_count, &rules);
    free(segments);
    return ERR_NONE;
}

/* ---- Files ---- */

enum error log_doom_file(struct log *log, int64_t base_offset, const char *suffix) {
    struct log_dir *dir = log->dir;
    char path[SEGMENT_PATH_MAX];
    size_t size = SEGMENT_PATH_MAX + sizeof(LOG_SUFFIX_DELETED);
    struct doomed_file *file;
    struct disk_stat stat;
    enum error error;

    segment_path(&log->home, base_offset, suffix, path);
    if ((error = disk_stat(dir->disk, path, &stat)) != ERR_NONE || !stat.exists)
        return error;
    file = malloc(sizeof(*file) + size);
    if (file == NULL)
        return ERR_OUT_OF_MEMORY;
    CHECK(snprintf(file->path, size, "%s" LOG_SUFFIX_DELETED, path) < (int)size);
    if ((error = disk_rename(dir->disk, path, file->path)) != ERR_NONE) {
        free(file);
        return error;
    }
    file->due_ms = clock_monotonic_ms(dir->clock) + log->config.file_delete_delay_ms;
    mutex_lock(&dir->lock);
    STAILQ_INSERT_TAIL(&dir->doomed, file, next);
    mutex_unlock(&dir->lock);
    return ERR_NONE;
}

static enum error doom_segment(struct log *log, const struct segment *segment) {
    static const char *const suffixes[] = {SEGMENT_SUFFIX_LOG, SEGMENT_SUFFIX_INDEX,
                                           SEGMENT_SUFFIX_TIME_INDEX, SEGMENT_SUFFIX_TXN_INDEX,
                                           SEGMENT_SUFFIX_SNAPSHOT};
    enum error error = ERR_NONE;

    for (size_t i = 0; i < ARRAY_COUNT(suffixes) && error == ERR_NONE; i++)
        error = log_doom_file(log, segment->base_offset, suffixes[i]);
    return error;
}

/* The first that is due, taken out; NULL if there is none. Delays may differ, so all are looked
 * at. */
static struct doomed_file *take_due(struct log_dir *dir, int64_t now_ms) {
    struct doomed_file *file;

    mutex_lock(&dir->lock);
    STAILQ_FOREACH (file, &dir->doomed, next) {
        if (file->due_ms <= now_ms)
            break;
    }
    if (file != NULL)
        STAILQ_REMOVE(&dir->doomed, file, doomed_file, next);
    mutex_unlock(&dir->lock);
    return file;
}

void log_dir_remove_doomed(struct log_dir *dir, int64_t now_ms) {
    struct doomed_file *file;

    while (!log_dir_is_offline(dir) && (file = take_due(dir, now_ms)) != NULL) {
        enum error error = disk_unlink(dir->disk, file->path);
        if (error != ERR_NONE)
            (void)log_dir_fail(dir, error, "remove a deleted segment");
        free(file);
    }
}

bool log_dir_has_doomed(struct log_dir *dir) {
    bool has;

    mutex_lock(&dir->lock);
    has = !STAILQ_EMPTY(&dir->doomed);
    mutex_unlock(&dir->lock);
    return has;
}

void log_dir_forget_doomed(struct log_dir *dir) {
    struct doomed_file *file;

    while ((file = STAILQ_FIRST(&dir->doomed)) != NULL) {
        STAILQ_REMOVE_HEAD(&dir->doomed, next);
        free(file);
    }
}

/* ---- Letting go ---- */

/* Readers begin behind them from now on; who holds one already reads on. */
static void take_out(struct log *log, size_t count, struct segment **taken) {
    int64_t size = 0;

    mutex_lock(&log->state_lock);
    memcpy(taken, log->segments, count * sizeof(*taken));
    log->segment_count -= count;
    memmove(log->segments, log->segments + count, log->segment_count * sizeof(*taken));
    for (size_t i = 0; i < count; i++)
        size += taken[i]->size;
    __atomic_store_n(&log->size, log->size - size, __ATOMIC_RELEASE);
    log->generation++;
    mutex_unlock(&log->state_lock);
}

static enum error let_go(struct log *log, size_t count) {
    int64_t start_offset = log->segments[count]->base_offset;
    struct segment **taken = malloc(count * sizeof(struct segment *));
    enum error error = ERR_NONE;

    if (taken == NULL)
        return ERR_OUT_OF_MEMORY;
    log_advance_start_offset(log, start_offset);
    take_out(log, count, taken);
    for (size_t i = 0; i < count; i++) {
        if (error == ERR_NONE && taken[i]->has_file)
            error = doom_segment(log, taken[i]);
        segment_unref(taken[i], log->dir->cache);
    }
    free(taken);
    LOG_INFO("segments_deleted",
             "topic=%.*s partition=%d segments=%zu log_start_offset=%" PRId64
             " bytes_left=%" PRId64,
             (int)log->topic.size, (const char *)log->topic.data, log->partition, count,
             log_start_offset(log), log_size(log));
    return error;
}

enum error log_apply_retention(struct log *log, int64_t now_ms,
                               const struct retention_guard *guard) {
    enum error error;
    size_t count;

    if ((error = log_open_to_change(log)) != ERR_NONE ||
        (error = count_old(log, now_ms, guard, &count)) != ERR_NONE || count == 0)
        return error;
    /* An active segment remains, an empty one if need be. */
    if (count == log->segment_count && (error = log_roll(log, now_ms)) != ERR_NONE)
        return error;
    return log_fail(log, let_go(log, count), "delete old segments");
}

/*
 * Putting a log on disk. A flush takes the log end as it is, syncs what lies before it, publishes
 * the new flushed offset and tells the listener; what was appended meanwhile is the next group.
 * So the size of a group regulates itself, without a timer.
 *
 * After a crash everything is scanned from the segment that holds the recovery point on. So the
 * recovery point may pass a segment only when its indexes are on disk too, which they are not
 * when it was flushed before it was rolled: `durable_base` keeps track of that.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "broker/log/disk.h"
#include "broker/log/log_internal.h"
#include "client/base/logger.h"

/* What one flush has to do, taken under the state lock. */
struct flush {
    int64_t target;
    uint32_t generation;
    uint32_t dir_changes;
    bool sync_dir;
    size_t count;
    struct segment **segments; /* references; all but the last are complete */
};

static enum error begin(struct log *log, struct flush *flush) {
    size_t first = 0;
    enum error error = ERR_NONE;

    *flush = (struct flush){0};
    mutex_lock(&log->state_lock);
    flush->target = log->end_offset;
    flush->generation = log->generation;
    flush->dir_changes = log->dir_changes;
    flush->sync_dir = log->dir_changes != log->dir_changes_synced && log->size > 0;
    while (first < log->segment_count && log->segments[first]->base_offset < log->durable_base &&
           log->segments[first]->next_offset <= log->flushed_offset)
        first++;
    flush->segments = malloc((log->segment_count - first + 1) * sizeof(flush->segments[0]));
    if (flush->segments == NULL) {
        error = ERR_OUT_OF_MEMORY;
    } else {
        for (size_t i = first; i < log->segment_count; i++) {
            segment_ref(log->segments[i]);
            flush->segments[flush->count++] = log->segments[i];
        }
    }
    mutex_unlock(&log->state_lock);
    return error;
}

/* Syncs a small file in the partition's folder, if it is there. */
static enum error sync_named(struct log *log, const char *path) {
    enum error error;
    int fd;

    if ((error = disk_open(log->dir->disk, path, DISK_OPEN_READ, &fd)) != ERR_NONE || fd < 0)
        return error;
    error = disk_sync(log->dir->disk, fd);
    close(fd);
    return error;
}

static enum error sync_snapshot(struct log *log, int64_t offset) {
    char path[SEGMENT_PATH_MAX];

    segment_path(&log->home, offset, SEGMENT_SUFFIX_SNAPSHOT, path);
    return sync_named(log, path);
}

static enum error sync_folder(struct log *log) {
    const char *dir_name = __atomic_load_n(&log->home.dir, __ATOMIC_ACQUIRE);
    char path[PATH_MAX];
    enum error error;

    /* The first leader epoch is written without waiting for it; see assign_epoch. */
    CHECK(snprintf(path, sizeof(path), "%s/leader-epoch-checkpoint", dir_name) < PATH_MAX);
    if ((error = sync_named(log, path)) != ERR_NONE ||
        (error = disk_sync_dir(log->dir->disk, dir_name)) != ERR_NONE)
        return error;
    return disk_sync_dir(log->dir->disk, log->dir->path);
}

static enum error sync_all(struct log *log, const struct flush *flush) {
    enum error error = ERR_NONE;

    for (size_t i = 0; i < flush->count && error == ERR_NONE; i++) {
        error = segment_sync(&log->home, flush->segments[i]);
        if (error != ERR_NONE || i + 1 == flush->count)
            continue;
        error = segment_sync_indexes(&log->home, flush->segments[i]);
        if (error == ERR_NONE)
            error = sync_snapshot(log, flush->segments[i + 1]->base_offset);
    }
    return error == ERR_NONE && flush->sync_dir ? sync_folder(log) : error;
}

static void end(struct log *log, struct flush *flush) {
    for (size_t i = 0; i < flush->count; i++)
        segment_unref(flush->segments[i], log->dir->cache);
    free(flush->segments);
}

/* True if the flushed offset rose. A truncation meanwhile makes the flush worthless: what it
 * synced may not be what lies there now. */
static bool publish(struct log *log, const struct flush *flush) {
    bool risen;

    mutex_lock(&log->state_lock);
    risen = flush->generation == log->generation && flush->target > log->flushed_offset;
    /* Only now: another flush that runs meanwhile must not rely on this one. */
    if (flush->sync_dir && (int32_t)(flush->dir_changes - log->dir_changes_synced) > 0)
        log->dir_changes_synced = flush->dir_changes;
    if (risen)
        __atomic_store_n(&log->flushed_offset, flush->target, __ATOMIC_RELEASE);
    if (flush->generation == log->generation && flush->count > 0 &&
        flush->segments[flush->count - 1]->base_offset > log->durable_base)
        log->durable_base = flush->segments[flush->count - 1]->base_offset;
    mutex_unlock(&log->state_lock);
    return risen;
}

static void tell_listener(struct log *log) {
    struct log_dir *dir = log->dir;
    struct log_listener *listener;

    mutex_lock(&dir->listener_lock);
    listener = log->listener;
    if (listener != NULL)
        log->listener_calls++;
    mutex_unlock(&dir->listener_lock);
    if (listener == NULL)
        return;
    listener->on_flushed(listener, log, log_flushed_offset(log));
    mutex_lock(&dir->listener_lock);
    if (--log->listener_calls == 0)
        pthread_cond_broadcast(&dir->listener_idle);
    mutex_unlock(&dir->listener_lock);
}

void log_set_listener(struct log *log, struct log_listener *listener) {
    struct log_dir *dir = log->dir;

    mutex_lock(&dir->listener_lock);
    log->listener = listener;
    while (log->listener_calls > 0)
        pthread_cond_wait(&dir->listener_idle, &dir->listener_lock.raw);
    mutex_unlock(&dir->listener_lock);
}

/* State lock. */
static bool has_unsynced_indexes(const struct log *log) {
    return log->segment_count > 0 && log->durable_base < log_active_segment(log)->base_offset;
}

bool log_has_unflushed(struct log *log) {
    bool has;

    mutex_lock(&log->state_lock);
    has = log->flushed_offset < log->end_offset || has_unsynced_indexes(log) ||
          (log->dir_changes != log->dir_changes_synced && log->size > 0);
    mutex_unlock(&log->state_lock);
    return has;
}

int64_t log_recovery_point(struct log *log) {
    int64_t offset;

    mutex_lock(&log->state_lock);
    offset = log->flushed_offset;
    if (has_unsynced_indexes(log) && log->durable_base < offset)
        offset = log->durable_base;
    mutex_unlock(&log->state_lock);
    return offset;
}

static enum error sync_timed(struct log *log, const struct flush *flush) {
    struct clock *clock = clock_system(); /* a test's stands still while the disk works */
    int64_t began_ns = clock->monotonic_ns(clock);
    enum error error = sync_all(log, flush);

    histogram_record_shared_ns(&log->dir->flush_times, clock->monotonic_ns(clock) - began_ns);
    return error;
}

/* What is not flushed counts as flushed after `sync`; NULL: it is on disk already. */
static enum error flush_by(struct log *log,
                           enum error (*sync)(struct log *log, const struct flush *flush)) {
    struct flush flush;
    enum error error;

    if ((error = log_check_usable(log)) != ERR_NONE || !log_has_unflushed(log))
        return error;
    if ((error = begin(log, &flush)) != ERR_NONE)
        return error;
    if (sync != NULL)
        error = log_fail(log, sync(log, &flush), "flush");
    if (error == ERR_NONE && publish(log, &flush))
        tell_listener(log);
    end(log, &flush);
    return error;
}

enum error log_flush(struct log *log) {
    return flush_by(log, sync_timed);
}

/* Nothing was changed since before the sync: so what there is now is what was synced. */
enum error log_note_synced(struct log *log) {
    return flush_by(log, NULL);
}

/* ---- in the background ---- */

static void run_flush(struct task *task) {
    struct log *log = CONTAINER_OF(task, struct log, flush_task);
    enum error error = log_flush(log);
    bool again;

    mutex_lock(&log->state_lock);
    again = (error == ERR_NONE || error == ERR_OUT_OF_MEMORY) &&
            (log->flush_wanted_offset > log->flushed_offset || has_unsynced_indexes(log));
    log->flush_is_running = again;
    mutex_unlock(&log->state_lock);
    /* To the end of the queue, so that other logs have their turn. */
    if (again)
        worker_pool_post(log->dir->pool, &log->flush_task);
    else
        log_unref(log);
}

void log_request_flush(struct log *log, int64_t offset) {
    bool post;

    mutex_lock(&log->state_lock);
    if (offset > log->end_offset)
        offset = log->end_offset;
    if (offset > log->flush_wanted_offset)
        log->flush_wanted_offset = offset;
    post = !log->flush_is_running &&
           (log->flush_wanted_offset > log->flushed_offset || has_unsynced_indexes(log)) &&
           log_check_usable(log) == ERR_NONE;
    if (post)
        log->flush_is_running = true;
    mutex_unlock(&log->state_lock);
    if (!post)
        return;
    log_ref(log);
    worker_pool_post(log->dir->pool, &log->flush_task);
}

void log_flush_recovered(struct log *log) {
    bool is_due = log->config.flush_messages != INT64_MAX || log->config.flush_ms != INT64_MAX;

    mutex_lock(&log->state_lock);
    is_due = is_due || has_unsynced_indexes(log);
    mutex_unlock(&log->state_lock);
    if (is_due)
        log_request_flush(log, log_end_offset(log));
}

/* Starts writing dirty pages early, so that they never pile up into a stall. */
static void run_writeback(struct task *task) {
    struct log *log = CONTAINER_OF(task, struct log, writeback_task);
    struct segment *segment = NULL;
    struct open_file *file = NULL;

    mutex_lock(&log->state_lock);
    if (log->segment_count > 0) {
        segment = log_active_segment(log);
        segment_ref(segment);
    }
    mutex_unlock(&log->state_lock);
    if (segment != NULL && log_check_usable(log) == ERR_NONE &&
        segment_open_file(&log->home, segment, DISK_OPEN_EXISTING, &file) == ERR_NONE &&
        file != NULL) {
        /* Only a hint; a real failure shows at the next fdatasync. */
        (void)sync_file_range(file->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
    }
    open_file_unref(file);
    segment_unref(segment, log->dir->cache);
    mutex_lock(&log->state_lock);
    log->writeback_is_running = false;
    mutex_unlock(&log->state_lock);
    log_unref(log);
}

void log_flush_init(struct log *log) {
    log->flush_task.run = run_flush;
    log->writeback_task.run = run_writeback;
}

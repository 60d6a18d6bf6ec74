/*
 * Opening a log that is known only by what the last clean stop told of it.
 *
 * Until then it has offsets, leader epochs and a size, which is all that it takes to give it a role
 * and to answer who asks for its end; the first append, read or look at its segments opens it, as
 * the start would have done. What is found must be what was told: others were told it, too.
 *
 * INVARIANT: no file of the folder is touched before; so a crash meanwhile finds the recovery point
 * of the checkpoint, which is the log end, as right as it was after the stop.
 *
 * Source: the idea that a start after a clean stop need not look at what nobody uses is that of
 * LazyIndex in Apache Kafka 3.9.
 */
#include <stdlib.h>

#include "broker/log/disk.h"
#include "broker/log/log_internal.h"
#include "broker/log/partition_metadata.h"
#include "broker/log/shutdown_summary.h"
#include "client/base/logger.h"

/* What was told of an unopened log and is not kept elsewhere. */
struct log_told {
    int64_t first_base_offset;
    int64_t start_offset;
    struct leader_epochs *epochs;
};

static void told_free(struct log_told *told) {
    if (told == NULL)
        return;
    leader_epochs_free(told->epochs);
    free(told);
}

void log_forget_told(struct log *log) {
    told_free(log->told);
    log->told = NULL;
}

enum error log_new_unopened(struct log_dir *dir, const struct log_load_options *options,
                            const struct summarised_log *summarised, struct log **created) {
    struct log_told *told = calloc(1, sizeof(*told));
    struct log *log = NULL;
    enum error error = ERR_OUT_OF_MEMORY;

    if (told == NULL || (error = log_new(dir, options, &log)) != ERR_NONE)
        goto out;
    if ((error = leader_epochs_restore(dir->disk, log->dir_name, summarised->epochs,
                                       summarised->epoch_count, &log->epochs)) != ERR_NONE ||
        (error = leader_epochs_restore(dir->disk, log->dir_name, summarised->epochs,
                                       summarised->epoch_count, &told->epochs)) != ERR_NONE)
        goto out;
    /* As every start forgets epochs that had no batch. */
    leader_epochs_truncate_from_end(log->epochs, summarised->end_offset);
    leader_epochs_truncate_from_end(told->epochs, summarised->end_offset);
    told->first_base_offset = summarised->first_base_offset;
    told->start_offset = summarised->start_offset;
    log->topic_id = summarised->topic_id;
    log->start_offset = summarised->start_offset;
    log->end_offset = summarised->end_offset;
    log->flushed_offset = summarised->end_offset;
    log->size = summarised->size;
    log->is_open = false;
    log->told = told;
    told = NULL;
    *created = log;
    log = NULL;
out:
    told_free(told);
    log_unref(log);
    return error;
}

/* ---- opening ---- */

struct mutex *log_open_lock(struct log *log) {
    return &log->dir
                ->open_locks[((uintptr_t)log / sizeof(*log)) % ARRAY_COUNT(log->dir->open_locks)];
}

static bool is_as_told(const struct log *log, const struct log *found) {
    return found->start_offset == log->told->start_offset && found->end_offset == log->end_offset &&
           found->size == log->size;
}

/* What was told has a checksum, the file has none. */
static enum error mend_topic_id(struct log *log, const struct log *found) {
    struct uuid topic_id = log_topic_id(log);

    if (uuid_is_zero(&topic_id) || uuid_equal(&topic_id, &found->topic_id))
        return ERR_NONE;
    LOG_ERROR("partition_metadata_corrupt", "topic=%.*s partition=%d action=write_anew",
              BYTES_FORMAT(log->topic), log->partition);
    return partition_metadata_write(log->dir->disk, log->dir_name, &topic_id, true);
}

/* Open lock. The log gets what was loaded; `found` keeps the rest. */
static void take_over(struct log *log, struct log *found) {
    struct log_told *told = log->told;
    struct producer_state *producers = log->producers;

    if (!leader_epochs_are_equal(found->epochs, told->epochs)) {
        LOG_ERROR("leader_epochs_corrupt", "topic=%.*s partition=%d action=write_anew",
                  BYTES_FORMAT(log->topic), log->partition);
        __atomic_store_n(&log->epochs_file_is_wrong, true, __ATOMIC_RELEASE);
    }
    mutex_lock(&log->state_lock);
    log->segments = found->segments;
    log->segment_count = found->segment_count;
    log->segment_capacity = found->segment_capacity;
    log->unstable = found->unstable;
    log->durable_base = found->durable_base;
    log->producers = found->producers;
    log->snapshot_offset = found->snapshot_offset;
    log->told = NULL;
    found->segments = NULL;
    found->segment_count = 0;
    found->segment_capacity = 0;
    found->unstable = (struct unstable_transactions){0};
    found->producers = producers;
    mutex_unlock(&log->state_lock);
    log_end_rebuilding_transactions(log);
    told_free(told);
    __atomic_store_n(&log->is_open, true, __ATOMIC_RELEASE);
}

static enum error load(struct log *log) {
    struct log_config config;
    const struct log_load_options options = {
        .topic = log->topic,
        .partition = log->partition,
        .dir_name = log->dir_name,
        .config = &config,
        .recovery_point = log_end_offset(log),
        .checkpointed_start = log->told->start_offset,
        .high_watermark = log_high_watermark(log),
        .was_clean = true,
    };
    struct log *found = NULL;
    enum error error;

    mutex_lock(&log->state_lock);
    config = log->config;
    mutex_unlock(&log->state_lock);
    if ((error = log_load(log->dir, &options, &found)) != ERR_NONE)
        return error;
    if (is_as_told(log, found)) {
        if ((error = mend_topic_id(log, found)) == ERR_NONE)
            take_over(log, found);
    } else {
        /* Whoever leads it or follows it was told of an end that is not there. After the next start
         * the controller knows that records may be missing. */
        LOG_ERROR("log_is_not_as_it_was_closed",
                  "path=%s log_start_offset=%" PRId64 " log_end_offset=%" PRId64 " bytes=%" PRId64
                  " closed_log_start_offset=%" PRId64 " closed_log_end_offset=%" PRId64
                  " closed_bytes=%" PRId64,
                  LOG_QUOTED_TEXT(log->dir_name), found->start_offset, found->end_offset,
                  found->size, log->told->start_offset, log->end_offset, log->size);
        error = ERR_DISK_CORRUPT;
    }
    log_unref(found);
    return error;
}

int64_t log_first_base_offset(struct log *log) {
    int64_t base_offset = log_start_offset(log);

    mutex_lock(&log->state_lock);
    if (log->segment_count > 0)
        base_offset = log->segments[0]->base_offset;
    else if (log->told != NULL)
        base_offset = log->told->first_base_offset;
    mutex_unlock(&log->state_lock);
    return base_offset;
}

bool log_is_open(const struct log *log) {
    return __atomic_load_n(&log->is_open, __ATOMIC_ACQUIRE);
}

enum error log_open(struct log *log) {
    struct mutex *lock = log_open_lock(log);
    enum error error = log_check_usable(log);

    if (error != ERR_NONE || log_is_open(log))
        return error;
    mutex_lock(lock);
    /* Meanwhile it may have been opened, or its folder have another name. */
    if ((error = log_check_usable(log)) == ERR_NONE && !log_is_open(log))
        error = log_fail(log, load(log), "open a partition");
    mutex_unlock(lock);
    return error;
}

enum error log_open_to_change(struct log *log) {
    enum error error = log_open(log);

    if (error == ERR_NONE &&
        __atomic_exchange_n(&log->epochs_file_is_wrong, false, __ATOMIC_ACQ_REL))
        leader_epochs_distrust_file(log->epochs);
    return error;
}

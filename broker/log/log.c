#include "broker/log/log.h"

#include <stdlib.h>

#include "broker/log/log_internal.h"
#include "broker/log/partition_metadata.h"

/* ---- identity, references ---- */

struct bytes log_topic(const struct log *log) {
    return log->topic;
}

int32_t log_partition(const struct log *log) {
    return log->partition;
}

struct uuid log_topic_id(const struct log *log) {
    struct log *locked = (struct log *)log;
    struct uuid topic_id;

    mutex_lock(&locked->state_lock);
    topic_id = log->topic_id;
    mutex_unlock(&locked->state_lock);
    return topic_id;
}

struct log_dir *log_directory(const struct log *log) {
    return log->dir;
}

void log_ref(struct log *log) {
    (void)__atomic_add_fetch(&log->refs, 1, __ATOMIC_RELAXED);
}

void log_unref(struct log *log) {
    if (log == NULL || __atomic_sub_fetch(&log->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    for (size_t i = 0; i < log->segment_count; i++)
        segment_unref(log->segments[i], log->dir->cache);
    free(log->segments);
    log_forget_told(log);
    free(log->ends);
    leader_epochs_free(log->epochs);
    producer_state_free(log->producers);
    verifications_clear(&log->verifications);
    unstable_transactions_done(&log->unstable);
    for (size_t i = 0; i < ARRAY_COUNT(log->dir_names_later); i++)
        free(log->dir_names_later[i]);
    mutex_done(&log->state_lock);
    free(log);
}

int64_t log_start_offset(const struct log *log) {
    return offset_load(&log->start_offset);
}

int64_t log_end_offset(const struct log *log) {
    return offset_load(&log->end_offset);
}

int64_t log_flushed_offset(const struct log *log) {
    return offset_load(&log->flushed_offset);
}

int64_t log_size(const struct log *log) {
    return offset_load(&log->size);
}

size_t log_segment_count(const struct log *log) {
    return log->segment_count;
}

size_t log_producer_count(const struct log *log) {
    return log_is_open(log) ? producer_state_count(log->producers) : 0;
}

int64_t log_high_watermark(const struct log *log) {
    int64_t high_watermark = offset_load(&log->high_watermark);
    int64_t start = offset_load(&log->start_offset);
    int64_t end = offset_load(&log->end_offset);

    if (high_watermark > end)
        high_watermark = end;
    return high_watermark < start ? start : high_watermark;
}

void log_note_high_watermark(struct log *log, int64_t high_watermark) {
    offset_store(&log->high_watermark, high_watermark);
    log_forget_replicated_transactions(log, high_watermark);
}

/* ---- making one ---- */

enum error log_new(struct log_dir *dir, const struct log_load_options *options,
                   struct log **created) {
    size_t dir_name_size = strlen(options->dir_name) + 1;
    struct log *log = calloc(1, sizeof(*log) + options->topic.size + 1 + dir_name_size);

    if (log == NULL)
        return ERR_OUT_OF_MEMORY;
    mutex_init(&log->state_lock);
    log_flush_init(log);
    memcpy(log->names, options->topic.data, options->topic.size);
    log->topic = bytes_of(log->names, options->topic.size);
    log->dir_name = memcpy(log->names + options->topic.size + 1, options->dir_name, dir_name_size);
    log->partition = options->partition;
    log->dir = dir;
    log->refs = 1;
    log->config = *options->config;
    log->is_open = true;
    log->snapshot_offset = -1;
    log->hole_offset = -1;
    log->flush_aged_due_ms = -1;
    log->recovery_point_written = options->recovery_point;
    log->high_watermark = options->high_watermark;
    log->compacted_offset = options->compacted_offset;
    log->first_unstable_offset = NO_UNSTABLE_OFFSET;
    log->oldest_transaction_ms = -1;
    log->home = (struct segment_home){.disk = dir->disk,
                                      .cache = dir->cache,
                                      .state_lock = &log->state_lock,
                                      .dir = log->dir_name,
                                      .config = &log->config};
    if (producer_state_new(&log->producers) != ERR_NONE) {
        log_unref(log);
        return ERR_OUT_OF_MEMORY;
    }
    *created = log;
    return ERR_NONE;
}

enum error log_set_dir_name(struct log *log, const char *dir_name) {
    char *copy = strdup(dir_name);

    if (copy == NULL)
        return ERR_OUT_OF_MEMORY;
    /* A folder is renamed twice at most: when it was a future one, and when it is deleted. */
    CHECK(log->dir_names_later[1] == NULL);
    log->dir_names_later[1] = log->dir_names_later[0];
    log->dir_names_later[0] = copy;
    log->dir_name = copy;
    leader_epochs_set_dir(log->epochs, copy);
    __atomic_store_n(&log->home.dir, copy, __ATOMIC_RELEASE);
    return ERR_NONE;
}

void log_mark_closed(struct log *log) {
    __atomic_store_n(&log->is_closed, true, __ATOMIC_RELEASE);
}

enum error log_check_usable(const struct log *log) {
    return __atomic_load_n(&log->is_closed, __ATOMIC_ACQUIRE) || log_dir_is_offline(log->dir)
               ? ERR_KAFKA_STORAGE_ERROR
               : ERR_NONE;
}

enum error log_fail(struct log *log, enum error error, const char *what) {
    /* A log that was deleted meanwhile has no files to find; that is nobody's failure. */
    if (__atomic_load_n(&log->is_closed, __ATOMIC_ACQUIRE))
        return error == ERR_NONE ? ERR_NONE : ERR_KAFKA_STORAGE_ERROR;
    if (error != ERR_DISK_FAILED && error != ERR_DISK_FULL && error != ERR_DISK_CORRUPT)
        return error;
    return log_dir_fail(log->dir, error, what);
}

struct segment *log_active_segment(const struct log *log) {
    CHECK(log->segment_count > 0);
    return log->segments[log->segment_count - 1];
}

enum error log_add_segment(struct log *log, struct segment *segment) {
    size_t capacity = log->segment_capacity == 0 ? 1 : log->segment_capacity * 2;
    struct segment **grown;

    if (log->segment_count == log->segment_capacity) {
        if ((grown = realloc(log->segments, capacity * sizeof(*grown))) == NULL)
            return ERR_OUT_OF_MEMORY;
        log->segments = grown;
        log->segment_capacity = capacity;
    }
    CHECK(log->segment_count == 0 || log_active_segment(log)->base_offset < segment->base_offset);
    log->segments[log->segment_count++] = segment;
    log_clear_ends(log);
    return ERR_NONE;
}

void log_clear_ends(struct log *log) {
    if (log->ends != NULL)
        log->ends->count = 0;
}

/* ---- settings ---- */

void log_set_config(struct log *log, const struct log_config *config) {
    mutex_lock(&log->state_lock); /* for log_open, which has no other */
    log->config = *config;
    mutex_unlock(&log->state_lock);
}

const struct log_config *log_get_config(const struct log *log) {
    return &log->config;
}

enum error log_set_topic_id(struct log *log, const struct uuid *topic_id) {
    struct uuid known = log_topic_id(log);
    enum error error;

    if (uuid_equal(&known, topic_id))
        return ERR_NONE;
    if (!uuid_is_zero(&known))
        return ERR_INCONSISTENT_TOPIC_ID;
    if ((error = log_check_usable(log)) != ERR_NONE)
        return error;
    error = partition_metadata_write(log->dir->disk, log->dir_name, topic_id, true);
    if (error != ERR_NONE)
        return log_fail(log, error, "write partition.metadata");
    mutex_lock(&log->state_lock);
    log->topic_id = *topic_id;
    mutex_unlock(&log->state_lock);
    return ERR_NONE;
}

/* ---- epochs ---- */

/* An epoch without batches need not survive: the first append writes it. A broker that becomes
 * leader of thousands of partitions waits for no disk. */
enum error log_assign_leader_epoch(struct log *log, int32_t leader_epoch) {
    enum error error = log_check_usable(log);

    if (error != ERR_NONE || leader_epochs_latest(log->epochs).leader_epoch == leader_epoch)
        return error;
    return leader_epochs_assign(log->epochs, leader_epoch, log->end_offset);
}

struct epoch_end log_epoch_end(const struct log *log, int32_t leader_epoch) {
    return leader_epochs_end(log->epochs, leader_epoch, log->end_offset);
}

int32_t log_latest_leader_epoch(const struct log *log) {
    return leader_epochs_latest(log->epochs).leader_epoch;
}

int32_t log_leader_epoch_at(const struct log *log, int64_t offset) {
    return leader_epochs_at(log->epochs, offset);
}

const struct leader_epochs *log_leader_epochs(const struct log *log) {
    return log->epochs;
}

/* ---- closing ---- */

/* An epoch that has no batch is not kept: the next start forgets it, ours and Kafka's (LogLoader).
 * So a log that was not appended to has nothing to write, whoever led it meanwhile. */
static enum error finish(struct log *log, bool durable) {
    struct segment *active;
    enum error error;
    bool synced;

    leader_epochs_truncate_from_end(log->epochs, log->end_offset);
    error =
        durable ? leader_epochs_sync(log->epochs) : leader_epochs_catch_up(log->epochs, &synced);
    if (error != ERR_NONE || !log_is_open(log) || log->size == 0)
        return error;
    active = log_active_segment(log);
    if ((error = segment_finish(&log->home, active)) != ERR_NONE ||
        (durable && (error = segment_sync_indexes(&log->home, active)) != ERR_NONE))
        return error;
    return log_write_snapshot(log, log->end_offset, durable);
}

enum error log_close_clean(struct log *log) {
    enum error error = finish(log, true);

    return error != ERR_NONE || !log_is_open(log) || log->size == 0 ? error : log_flush(log);
}

enum error log_finish(struct log *log) {
    return finish(log, false);
}

bool log_is_finished(struct log *log) {
    return !log_is_open(log) || log->size == 0 ||
           (log->snapshot_offset == log->end_offset && !log_has_unflushed(log));
}

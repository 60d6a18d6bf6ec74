#include "broker/log/log.h"

#include <stdlib.h>

#include "broker/log/append_check.h"
#include "broker/log/disk.h"
#include "broker/log/log_internal.h"
#include "broker/log/partition_metadata.h"
#include "client/wire/big_endian.h"

#define WRITEBACK_BYTES ((int64_t)8 << 20) /* dirty bytes of a segment that start writeback */

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
    free(log->ends);
    leader_epochs_free(log->epochs);
    producer_state_free(log->producers);
    unstable_transactions_done(&log->unstable);
    free(log->dir_name);
    free(log->dir_name_old);
    mutex_done(&log->state_lock);
    free(log);
}

static int64_t load(const int64_t *value) {
    return __atomic_load_n(value, __ATOMIC_ACQUIRE);
}

static void store(int64_t *value, int64_t to) {
    __atomic_store_n(value, to, __ATOMIC_RELEASE);
}

int64_t log_start_offset(const struct log *log) {
    return load(&log->start_offset);
}

int64_t log_end_offset(const struct log *log) {
    return load(&log->end_offset);
}

int64_t log_flushed_offset(const struct log *log) {
    return load(&log->flushed_offset);
}

int64_t log_size(const struct log *log) {
    return load(&log->size);
}

int64_t log_high_watermark(const struct log *log) {
    int64_t high_watermark = load(&log->high_watermark);
    int64_t start = load(&log->start_offset);
    int64_t end = load(&log->end_offset);

    if (high_watermark > end)
        high_watermark = end;
    return high_watermark < start ? start : high_watermark;
}

void log_note_high_watermark(struct log *log, int64_t high_watermark) {
    store(&log->high_watermark, high_watermark);
    log_forget_replicated_transactions(log, high_watermark);
}

/* ---- making one ---- */

enum error log_new(struct log_dir *dir, const struct log_load_options *options,
                   struct log **created) {
    struct log *log = calloc(1, sizeof(*log) + options->topic.size + 1);

    if (log == NULL)
        return ERR_OUT_OF_MEMORY;
    mutex_init(&log->state_lock);
    log_flush_init(log);
    memcpy(log->names, options->topic.data, options->topic.size);
    log->topic = bytes_of(log->names, options->topic.size);
    log->partition = options->partition;
    log->dir = dir;
    log->refs = 1;
    log->config = *options->config;
    log->snapshot_offset = -1;
    log->flush_aged_due_ms = -1;
    log->recovery_point_written = options->recovery_point;
    log->high_watermark = options->high_watermark;
    log->compacted_offset = options->compacted_offset;
    log->first_unstable_offset = NO_UNSTABLE_OFFSET;
    log->home = (struct segment_home){.disk = dir->disk,
                                      .cache = dir->cache,
                                      .state_lock = &log->state_lock,
                                      .config = &log->config};
    if ((log->dir_name = strdup(options->dir_name)) == NULL ||
        producer_state_new(&log->producers) != ERR_NONE) {
        log_unref(log);
        return ERR_OUT_OF_MEMORY;
    }
    log->home.dir = log->dir_name;
    *created = log;
    return ERR_NONE;
}

enum error log_set_dir_name(struct log *log, const char *dir_name) {
    char *copy = strdup(dir_name);
    enum error error;

    if (copy == NULL)
        return ERR_OUT_OF_MEMORY;
    if ((error = leader_epochs_set_dir(log->epochs, dir_name)) != ERR_NONE) {
        free(copy);
        return error;
    }
    CHECK(log->dir_name_old == NULL); /* a folder is renamed once at most */
    log->dir_name_old = log->dir_name;
    log->dir_name = copy;
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

/* ---- settings ---- */

void log_set_config(struct log *log, const struct log_config *config) {
    log->config = *config;
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

void log_expire_producers(struct log *log, int64_t now_ms, int64_t expiration_ms) {
    producer_state_expire(log->producers, now_ms, expiration_ms);
}

size_t log_list_producers(const struct log *log, struct producer_view *views, size_t capacity) {
    return producer_state_list(log->producers, views, capacity);
}

/* ---- epochs ---- */

/* The first entry of all need not be durable: no older one can be lost with it, and until the
 * first flush, which syncs the file too, recovery finds the epoch in the batches. So a new
 * partition costs no fsync here. Later ones go to disk before the batch: a crash between them
 * leaves an epoch that starts at the log end, which is harmless; the reverse would hide a
 * divergence. */
static enum error assign_epoch(struct log *log, int32_t leader_epoch, int64_t start_offset) {
    bool synced = true;
    enum error error = ERR_NONE;

    if (leader_epochs_latest(log->epochs).leader_epoch != leader_epoch)
        error = leader_epochs_assign(log->epochs, leader_epoch, start_offset);
    if (error == ERR_NONE)
        error = leader_epochs_catch_up(log->epochs, &synced);
    if (!synced) {
        mutex_lock(&log->state_lock);
        log->dir_changes++;
        mutex_unlock(&log->state_lock);
    }
    return log_fail(log, error, "write leader-epoch-checkpoint");
}

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

/* ---- rolling ---- */

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

static enum error roll_to(struct log *log, int64_t base_offset, int64_t now_ms) {
    struct segment *segment = NULL;
    enum error error;

    if ((error = segment_new(base_offset, now_ms, &segment)) != ERR_NONE)
        return error;
    if ((error = finish_segment(log, base_offset)) != ERR_NONE) {
        segment_unref(segment, log->dir->cache);
        return error;
    }
    segment->jitter_ms = draw_jitter(log);
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
    enum error error = log_check_usable(log);

    if (error != ERR_NONE || log_active_segment(log)->size == 0)
        return error;
    return log_fail(log, roll_to(log, log->end_offset, now_ms), "roll a segment");
}

/* ---- appending ---- */

void log_clear_ends(struct log *log) {
    if (log->ends != NULL)
        log->ends->count = 0;
}

static void note_end(struct log *log, const struct segment *segment) {
    struct batch_ends *ends = log->ends;
    uint32_t slot = ends->count % BATCH_ENDS;

    ends->ends[slot].next_offset = (uint32_t)(segment->next_offset - segment->base_offset);
    ends->ends[slot].position = (uint32_t)segment->size;
    ends->count = ends->count == 2 * BATCH_ENDS - 1 ? BATCH_ENDS : ends->count + 1;
}

/* What one append writes: whole batches, checked, in ascending order. */
struct append_set {
    const uint8_t *data;
    size_t size;
    uint32_t batch_count;
    int64_t base_offset;
    int64_t last_offset;
    int64_t max_timestamp;
};

/* Counts the written batches in, and shows them to readers. */
static void publish(struct log *log, struct segment *segment, const struct append_set *set) {
    struct bytes rest = bytes_of(set->data, set->size);
    struct stored_batch batch;

    mutex_lock(&log->state_lock);
    while (rest.size > 0) {
        CHECK(stored_batch_decode(rest, &batch) == ERR_NONE);
        batch.position = segment->size;
        segment_publish(&log->home, segment, &batch);
        note_end(log, segment);
        rest = bytes_of(rest.data + batch.size, rest.size - batch.size);
    }
    store(&log->size, log->size + (int64_t)set->size);
    store(&log->end_offset, segment->next_offset);
    mutex_unlock(&log->state_lock);
}

static enum error note_producers(struct log *log, struct segment *segment,
                                 const struct append_set *set) {
    struct bytes rest = bytes_of(set->data, set->size);
    struct producer_batch producer;
    struct stored_batch batch;
    enum error error = ERR_NONE;

    while (rest.size > 0 && error == ERR_NONE) {
        CHECK(stored_batch_decode(rest, &batch) == ERR_NONE);
        batch.whole = bytes_of(rest.data, batch.size);
        if (stored_batch_producer(&batch, &producer))
            error = log_apply_producer(log, segment, &producer);
        rest = bytes_of(rest.data + batch.size, rest.size - batch.size);
    }
    return error;
}

/* flush.ms: from the oldest byte that is not on disk. */
static void note_unflushed(struct log *log, int64_t now_ms) {
    struct log_dir *dir = log->dir;

    mutex_lock(&dir->lock);
    if (log->flush_aged_due_ms < 0) {
        log->flush_aged_due_ms = now_ms + log->config.flush_ms;
        TAILQ_INSERT_TAIL(&dir->flush_aged, log, in_flush_aged);
    }
    mutex_unlock(&dir->lock);
}

static void start_writeback(struct log *log, struct segment *segment) {
    bool post;

    mutex_lock(&log->state_lock);
    post = !log->writeback_is_running;
    log->writeback_is_running = true;
    mutex_unlock(&log->state_lock);
    if (!post)
        return;
    segment->writeback_position = segment->size;
    log_ref(log);
    worker_pool_post(log->dir->pool, &log->writeback_task);
}

static void after_append(struct log *log, struct segment *segment, int64_t now_ms) {
    if (log->end_offset - log_flushed_offset(log) >= log->config.flush_messages)
        log_request_flush(log, log->end_offset);
    if (log->config.flush_ms != INT64_MAX)
        note_unflushed(log, now_ms);
    if (segment->size - segment->writeback_position >= WRITEBACK_BYTES)
        start_writeback(log, segment);
}

static enum error append_set(struct log *log, const struct append_set *set, int64_t now_ms) {
    struct segment *segment = log_active_segment(log);
    bool is_first; /* batch in its segment */
    enum error error;

    if (log->ends == NULL) {
        struct batch_ends *ends = calloc(1, sizeof(*ends));
        if (ends == NULL)
            return ERR_OUT_OF_MEMORY;
        mutex_lock(&log->state_lock);
        log->ends = ends;
        mutex_unlock(&log->state_lock);
    }
    if (segment_must_roll(segment, &log->config, set->size, set->last_offset, set->max_timestamp,
                          now_ms)) {
        if ((error = roll_to(log, set->base_offset, now_ms)) != ERR_NONE)
            return log_fail(log, error, "roll a segment");
        segment = log_active_segment(log);
    }
    is_first = !segment->has_file;
    if ((error = segment_write(&log->home, segment, set->data, set->size, set->batch_count)) !=
        ERR_NONE)
        return log_fail(log, error, "append");
    /* INVARIANT: counted when the file is there, before its batches show: a flush that finds them
     * makes the file's name durable too. */
    if (is_first) {
        mutex_lock(&log->state_lock);
        log->dir_changes++;
        mutex_unlock(&log->state_lock);
    }
    if ((error = note_producers(log, segment, set)) != ERR_NONE)
        return log_fail(log, error, "append to a transaction index");
    publish(log, segment, set);
    if ((error = segment_spill_indexes(&log->home, segment)) != ERR_NONE)
        return log_fail(log, error, "append to an index");
    after_append(log, segment, now_ms);
    return ERR_NONE;
}

static void fill_offsets(const struct log *log, struct log_append_result *result) {
    result->log_start_offset = log_start_offset(log);
    result->log_end_offset = log_end_offset(log);
}

/* INVARIANT: what flush.messages promises to be on disk is acknowledged only when it is, also when
 * it is a repetition of something that is still on its way there. */
static int64_t flush_offset_for(struct log *log, int64_t last_offset) {
    int64_t offset = -1;

    if (log->config.flush_messages == INT64_MAX || last_offset < 0)
        return -1;
    mutex_lock(&log->state_lock);
    if (log->flushed_offset <= last_offset && log->flush_wanted_offset > last_offset)
        offset = last_offset + 1;
    mutex_unlock(&log->state_lock);
    return offset;
}

static enum error check_producer(struct log *log, struct append_checked *checked,
                                 enum log_append_origin origin, struct log_append_result *result) {
    struct producer_duplicate duplicate;
    struct producer_batch producer;
    struct stored_batch batch;
    enum error error;

    CHECK(stored_batch_decode(bytes_of(checked->data, checked->size), &batch) == ERR_NONE);
    batch.whole = bytes_of(checked->data, checked->size);
    if (!stored_batch_producer(&batch, &producer))
        return ERR_NONE;
    error = producer_state_check(
        log->producers, &producer,
        origin == LOG_APPEND_CLIENT ? PRODUCER_CHECK_ALL : PRODUCER_CHECK_EPOCH_ONLY, &duplicate);
    if (error == ERR_DUPLICATE_BATCH) {
        result->base_offset = duplicate.base_offset;
        result->last_offset = duplicate.last_offset;
        result->max_timestamp = duplicate.timestamp;
        result->log_append_time = log->config.log_append_time ? duplicate.timestamp : -1;
    }
    if (error != ERR_NONE)
        return error;
    return log_prepare_producer(log, &producer, 0);
}

static enum error append_checked(struct log *log, struct append_checked *checked,
                                 int32_t leader_epoch, int64_t now_ms,
                                 enum log_append_origin origin, struct log_append_result *result) {
    int64_t base_offset = log->end_offset;
    struct append_set set = {
        .data = checked->data,
        .size = checked->size,
        .batch_count = 1,
        .base_offset = base_offset,
        .last_offset = base_offset + checked->batch.last_offset_delta,
        .max_timestamp = checked->batch.max_timestamp,
    };
    enum error error;

    if (base_offset > INT64_MAX - 1 - checked->batch.last_offset_delta)
        return ERR_INVALID_RECORD;
    record_batch_stamp_base_offset(checked->data, base_offset);
    record_batch_stamp_leader_epoch(checked->data, leader_epoch);
    if ((error = check_producer(log, checked, origin, result)) != ERR_NONE ||
        (error = assign_epoch(log, leader_epoch, base_offset)) != ERR_NONE ||
        (error = append_set(log, &set, now_ms)) != ERR_NONE)
        return error;
    result->base_offset = set.base_offset;
    result->last_offset = set.last_offset;
    return ERR_NONE;
}

enum error log_append_as_leader(struct log *log, uint8_t *records, size_t size,
                                int32_t leader_epoch, int64_t now_ms,
                                const struct log_append_options *options, struct arena *arena,
                                struct log_append_result *result) {
    struct append_checked checked;
    enum error error;

    CHECK(leader_epoch >= 0);
    *result = (struct log_append_result){
        .base_offset = -1,
        .last_offset = -1,
        .log_append_time = -1,
        .max_timestamp = RECORD_NO_TIMESTAMP,
        .flush_offset = -1,
    };
    fill_offsets(log, result);
    if ((error = log_check_usable(log)) != ERR_NONE)
        return error;
    error =
        append_check(records, size, &log->config, options->origin, now_ms, arena, &checked, result);
    if (error != ERR_NONE)
        return error;
    error = append_checked(log, &checked, leader_epoch, now_ms, options->origin, result);
    free(checked.rebuilt);
    fill_offsets(log, result);
    result->flush_offset = flush_offset_for(log, result->last_offset);
    return error;
}

/* ---- appending as a follower ---- */

/* Takes whole batches off the front of `rest` into a set: as many as fit one segment. */
static enum error take_set(struct log *log, struct bytes *rest, int64_t next_offset,
                           struct append_set *set) {
    struct stored_batch batch;
    struct producer_batch producer;
    enum error error;

    *set = (struct append_set){.data = rest->data, .max_timestamp = RECORD_NO_TIMESTAMP};
    while (rest->size >= RECORD_BATCH_PREFIX_BYTES) {
        int32_t length = (int32_t)big_endian_load_u32(rest->data + 8);
        if (length >= 0 && (size_t)length + RECORD_BATCH_LENGTH_OVERHEAD > rest->size)
            break; /* torn, as the end of a fetch may be */
        if (stored_batch_decode(*rest, &batch) != ERR_NONE ||
            !stored_batch_crc_is_valid(&batch, *rest))
            return ERR_CORRUPT_MESSAGE;
        if (batch.base_offset < next_offset)
            return ERR_OFFSET_OUT_OF_RANGE;
        if (set->batch_count > 0 && (set->size + batch.size > (size_t)log->config.segment_bytes ||
                                     batch.last_offset - set->base_offset > INT32_MAX / 2))
            return ERR_NONE;
        if (stored_batch_producer(&batch, &producer) &&
            (error = log_prepare_producer(log, &producer, set->batch_count)) != ERR_NONE)
            return error;
        if (set->batch_count++ == 0)
            set->base_offset = batch.base_offset;
        set->last_offset = batch.last_offset;
        if (batch.max_timestamp > set->max_timestamp)
            set->max_timestamp = batch.max_timestamp;
        set->size += batch.size;
        next_offset = batch.last_offset + 1;
        *rest = bytes_of(rest->data + batch.size, rest->size - batch.size);
    }
    rest->size = 0;
    return ERR_NONE;
}

static enum error assign_epochs(struct log *log, const struct append_set *set) {
    struct bytes rest = bytes_of(set->data, set->size);
    struct stored_batch batch;
    enum error error = ERR_NONE;

    while (rest.size > 0 && error == ERR_NONE) {
        CHECK(stored_batch_decode(rest, &batch) == ERR_NONE);
        if (batch.leader_epoch >= 0)
            error = assign_epoch(log, batch.leader_epoch, batch.base_offset);
        else
            leader_epochs_clear(log->epochs);
        rest = bytes_of(rest.data + batch.size, rest.size - batch.size);
    }
    return error;
}

/* An empty log whose end lies inside the first batch begins anew where that batch begins: the
 * leader's first batch may start below its log start offset. */
static enum error restart_within(struct log *log, struct bytes records) {
    struct stored_batch batch;

    if (log->end_offset != log->start_offset || stored_batch_decode(records, &batch) != ERR_NONE ||
        batch.base_offset >= log->end_offset || batch.last_offset < log->end_offset)
        return ERR_NONE;
    return log_truncate_fully_and_start_at(log, batch.base_offset);
}

enum error log_append_as_follower(struct log *log, const uint8_t *records, size_t size,
                                  int64_t now_ms, struct log_append_result *result) {
    struct bytes rest = bytes_of(records, size);
    struct append_set set;
    enum error error;

    *result = (struct log_append_result){
        .base_offset = -1,
        .last_offset = -1,
        .log_append_time = -1,
        .max_timestamp = RECORD_NO_TIMESTAMP,
        .flush_offset = -1,
    };
    if ((error = log_check_usable(log)) == ERR_NONE)
        error = restart_within(log, rest);
    while (error == ERR_NONE && rest.size > 0) {
        if ((error = take_set(log, &rest, log->end_offset, &set)) != ERR_NONE ||
            set.batch_count == 0 || (error = assign_epochs(log, &set)) != ERR_NONE ||
            (error = append_set(log, &set, now_ms)) != ERR_NONE)
            break;
        if (result->base_offset < 0)
            result->base_offset = set.base_offset;
        result->last_offset = set.last_offset;
    }
    fill_offsets(log, result);
    result->flush_offset = flush_offset_for(log, result->last_offset);
    return error;
}

/* ---- truncating ---- */

void log_advance_start_offset(struct log *log, int64_t offset) {
    if (offset > log->end_offset)
        offset = log->end_offset;
    if (offset <= log->start_offset)
        return;
    store(&log->start_offset, offset);
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
    store(&log->end_offset, end);
    if (log->flushed_offset > end)
        store(&log->flushed_offset, end);
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
    if (load(&log->compacted_offset) <= offset)
        return ERR_NONE;
    store(&log->compacted_offset, offset);
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
    store(&log->end_offset, log_active_segment(log)->next_offset);
    store(&log->size, segments_size(log));
    if (log->durable_base > log_active_segment(log)->base_offset)
        log->durable_base = log_active_segment(log)->base_offset;
    if (log->flushed_offset > log->end_offset)
        store(&log->flushed_offset, log->end_offset);
    if (log->flush_wanted_offset > log->end_offset)
        log->flush_wanted_offset = log->end_offset;
    if (log->start_offset > log->end_offset)
        store(&log->start_offset, log->end_offset);
    if (load(&log->high_watermark) > log->end_offset)
        store(&log->high_watermark, log->end_offset);
    mutex_unlock(&log->state_lock);
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
    leader_epochs_truncate_from_end(log->epochs, log->end_offset);
    return log_rebuild_producers(log, log->end_offset, false);
}

enum error log_truncate(struct log *log, int64_t offset) {
    enum error error = log_check_usable(log);
    size_t kept = log->segment_count;

    if (error != ERR_NONE)
        return error;
    if (offset >= log->end_offset) {
        leader_epochs_truncate_from_end(log->epochs, log->end_offset);
        return ERR_NONE;
    }
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

    if ((error = segment_new(offset, clock_wall_ms(log->dir->clock), &segment)) != ERR_NONE)
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
    store(&log->size, 0);
    store(&log->start_offset, offset);
    store(&log->end_offset, offset);
    store(&log->flushed_offset, offset);
    store(&log->high_watermark, offset);
    mutex_unlock(&log->state_lock);
    leader_epochs_clear(log->epochs);
    if ((error = leader_epochs_sync(log->epochs)) != ERR_NONE)
        return error;
    return log_rebuild_producers(log, offset, true);
}

enum error log_truncate_fully_and_start_at(struct log *log, int64_t offset) {
    enum error error = log_check_usable(log);

    CHECK(offset >= 0);
    return error != ERR_NONE ? error : log_fail(log, start_over(log, offset), "start over");
}

/* ---- closing ---- */

enum error log_close_clean(struct log *log) {
    struct segment *active = log_active_segment(log);
    enum error error;

    if (log->size == 0)
        return leader_epochs_sync(log->epochs);
    if ((error = segment_finish(&log->home, active)) != ERR_NONE ||
        (error = segment_sync_indexes(&log->home, active)) != ERR_NONE ||
        (error = leader_epochs_sync(log->epochs)) != ERR_NONE ||
        (error = log_write_snapshot(log, log->end_offset, true)) != ERR_NONE)
        return error;
    return log_flush(log);
}

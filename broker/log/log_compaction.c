#include "broker/log/log_compaction.h"

#include <stdlib.h>

#include "broker/log/compaction_transactions.h"
#include "broker/log/disk.h"
#include "broker/log/log_compaction_internal.h"
#include "client/base/rng.h"
#include "client/wire/message_set.h"

#define PACE_BYTES ((size_t)65536) /* the throttle is asked no more often */

/* ---- beginning and ending ---- */

static bool is_set(const bool *flag) {
    return __atomic_load_n(flag, __ATOMIC_ACQUIRE);
}

void log_compaction_failed(struct log *log) {
    __atomic_store_n(&log->compaction_failed, true, __ATOMIC_RELEASE);
}

bool log_compaction_has_failed(const struct log *log) {
    return is_set(&log->compaction_failed);
}

static void take_segment(struct log_compaction *compaction, size_t i) {
    struct log *log = compaction->log;
    struct segment *segment = log->segments[i];
    bool is_active = i + 1 == log->segment_count;

    segment_ref(segment);
    compaction->segments[i] = segment;
    compaction->infos[i] = (struct compaction_segment){
        .base_offset = segment->base_offset,
        .next_base = is_active ? log_end_offset(log) : log->segments[i + 1]->base_offset,
        .size = segment->size,
        .index_bytes = (int64_t)index_file_count(&segment->offset_index) * OFFSET_INDEX_ENTRY_BYTES,
        .time_index_bytes =
            (int64_t)index_file_count(&segment->time_index) * TIME_INDEX_ENTRY_BYTES,
        .max_timestamp = segment->max_timestamp,
        .first_timestamp = segment->first_timestamp,
    };
}

/* What lies behind it may still turn out to be aborted. */
static int64_t last_stable_offset(const struct log *log) {
    int64_t high_watermark = log_high_watermark(log); /* before the other: see there */
    int64_t unstable = log_first_unstable_offset(log);

    return unstable < high_watermark ? unstable : high_watermark;
}

bool log_is_being_compacted(const struct log *log) {
    return is_set(&log->is_being_compacted);
}

enum error log_compaction_begin(struct log *log, int64_t now_ms, struct log_compaction **begun) {
    struct log_compaction *compaction;
    enum error error;

    *begun = NULL;
    if (!log->config.compact || is_set(&log->is_being_compacted) || is_set(&log->compaction_failed))
        return log_check_usable(log);
    if ((error = log_open_to_change(log)) != ERR_NONE)
        return error;
    if ((compaction = calloc(1, sizeof(*compaction))) == NULL)
        return ERR_OUT_OF_MEMORY;
    compaction->segments = calloc(log->segment_count, sizeof(compaction->segments[0]));
    compaction->infos = calloc(log->segment_count, sizeof(compaction->infos[0]));
    if (compaction->segments == NULL || compaction->infos == NULL) {
        free(compaction->segments);
        free(compaction->infos);
        free(compaction);
        return ERR_OUT_OF_MEMORY;
    }
    log_ref(log);
    compaction->log = log;
    compaction->config = log->config;
    compaction->truncations = log->truncations;
    for (size_t i = 0; i < log->segment_count; i++)
        take_segment(compaction, i);
    compaction->view = (struct compaction_log){
        .segments = compaction->infos,
        .segment_count = log->segment_count,
        .log_start_offset = log_start_offset(log),
        .log_end_offset = log_end_offset(log),
        .last_stable_offset = last_stable_offset(log),
        .checkpointed_offset = __atomic_load_n(&log->compacted_offset, __ATOMIC_ACQUIRE),
        .now_ms = now_ms,
        .min_lag_ms = log->config.min_compaction_lag_ms,
        .max_lag_ms = log->config.max_compaction_lag_ms,
        .dirty_ratio_min = log->config.min_cleanable_dirty_ratio,
    };
    __atomic_store_n(&log->is_being_compacted, true, __ATOMIC_RELEASE);
    *begun = compaction;
    return ERR_NONE;
}

void log_compaction_end(struct log_compaction *compaction) {
    struct compaction_producer *producer;
    struct compaction_producer *next;

    if (compaction == NULL)
        return;
    HASH_ITER (by_id, compaction->producers, producer, next) {
        HASH_DELETE(by_id, compaction->producers, producer);
        free(producer);
    }
    for (size_t i = 0; i < compaction->view.segment_count; i++)
        segment_unref(compaction->segments[i], compaction->log->dir->cache);
    compaction_aborts_done(&compaction->aborts);
    key_offsets_free(compaction->newest);
    free(compaction->segments);
    free(compaction->infos);
    __atomic_store_n(&compaction->log->is_being_compacted, false, __ATOMIC_RELEASE);
    log_unref(compaction->log);
    free(compaction);
}

/* ---- reading sources ---- */

/* Retention took it, or the log was cut, or it was deleted. */
#define SOURCE_IS_GONE ERR_OFFSET_OUT_OF_RANGE

/* SOURCE_IS_GONE: as it says. */
static enum error open_source(struct log_compaction *compaction, size_t i,
                              struct open_file **file) {
    enum error error = segment_open_file(&compaction->log->home, compaction->segments[i],
                                         DISK_OPEN_EXISTING, file);

    return error == ERR_NONE && *file == NULL ? SOURCE_IS_GONE : error;
}

static enum error first_timestamp(struct log_compaction *compaction, size_t i) {
    struct compaction_segment *info = &compaction->infos[i];
    struct stored_batch batch;
    struct batch_walk walk;
    struct open_file *file;
    enum error error;
    bool found;

    if (info->first_timestamp >= 0 || info->size == 0)
        return ERR_NONE;
    if ((error = open_source(compaction, i, &file)) != ERR_NONE)
        return error;
    batch_walk_init(&walk, compaction->log->dir->disk, file->fd, BATCH_WALK_HEADERS, 0, info->size);
    error = batch_walk_next(&walk, &batch, &found);
    if (error == ERR_NONE && found)
        info->first_timestamp = batch.max_timestamp;
    batch_walk_done(&walk);
    open_file_unref(file);
    return error;
}

enum error log_compaction_examine(struct log_compaction *compaction,
                                  struct compaction_choice *choice) {
    struct compaction_log *view = &compaction->view;
    enum error error = ERR_NONE;

    for (size_t i = 0; i + 1 < view->segment_count && error == ERR_NONE; i++) {
        struct compaction_segment *info = &compaction->infos[i];
        if (info->next_base <= view->checkpointed_offset)
            continue;
        if (view->min_lag_ms > 0)
            info->max_timestamp = log_segment_timestamp(compaction->log, compaction->segments[i]);
        if (view->max_lag_ms != INT64_MAX)
            error = first_timestamp(compaction, i);
    }
    if (error == SOURCE_IS_GONE)
        return ERR_CANCELLED;
    if (error != ERR_NONE)
        return log_fail(compaction->log, error, "look at what is dirty");
    *choice = compaction->choice = compaction_choose(view);
    return ERR_NONE;
}

enum error log_compaction_pace(struct log_compaction *compaction, size_t bytes) {
    const struct compaction_means *means = compaction->means;
    enum error error = log_check_usable(compaction->log);

    if (error != ERR_NONE)
        return error;
    compaction->unpaced_bytes += bytes;
    if (compaction->unpaced_bytes < PACE_BYTES)
        return ERR_NONE;
    bytes = compaction->unpaced_bytes;
    compaction->unpaced_bytes = 0;
    return means->pace(means->context, bytes);
}

/* Called for each batch of a source, whole. */
typedef enum error (*on_batch)(void *context, const struct stored_batch *batch);

static enum error read_source(struct log_compaction *compaction, size_t i, on_batch visit,
                              void *context) {
    const struct compaction_segment *info = &compaction->infos[i];
    struct stored_batch batch;
    struct batch_walk walk;
    struct open_file *file;
    enum error error;
    bool found;

    if (info->size == 0)
        return ERR_NONE;
    if ((error = open_source(compaction, i, &file)) != ERR_NONE)
        return error;
    batch_walk_init(&walk, compaction->log->dir->disk, file->fd, BATCH_WALK_WHOLE, 0, info->size);
    while ((error = batch_walk_next(&walk, &batch, &found)) == ERR_NONE && found) {
        if ((error = visit(context, &batch)) != ERR_NONE ||
            (error = log_compaction_pace(compaction, batch.size)) != ERR_NONE)
            break;
    }
    if (error == ERR_NONE && walk.position < info->size)
        error = ERR_CORRUPT_MESSAGE;
    batch_walk_done(&walk);
    open_file_unref(file);
    return error;
}

static bool was_cut(struct log_compaction *compaction) {
    const struct compaction_lock *lock = compaction->lock;
    bool cut;

    lock->lock(lock->context);
    cut = compaction->log->truncations != compaction->truncations;
    lock->unlock(lock->context);
    return cut;
}

/* ---- 1. the newest offset of each key ---- */

struct mapping {
    struct log_compaction *compaction;
    struct compaction_transactions *transactions;
    bool is_full;
};

static void note_latest(struct log_compaction *compaction, int64_t offset) {
    if (offset > compaction->latest_offset)
        compaction->latest_offset = offset;
}

/* False: the map is full. */
static bool map_record(struct mapping *mapping, const struct record *record) {
    struct log_compaction *compaction = mapping->compaction;

    if (bytes_is_null(record->key) || record->offset < compaction->choice.first_dirty)
        return true;
    if (!key_offsets_put(compaction->newest, record->key, record->offset)) {
        mapping->is_full = true;
        return false;
    }
    note_latest(compaction, record->offset);
    return true;
}

static enum error map_records(struct mapping *mapping, const struct stored_batch *batch) {
    struct record_iterator iterator;
    struct record_batch decoded;
    struct record record;
    enum error error;

    if ((error = record_batch_decode(batch->whole, &decoded)) != ERR_NONE ||
        (error = record_iterator_init(&iterator, &decoded, COMPACTION_PLAIN_BYTES_MAX)) != ERR_NONE)
        return error;
    while (record_iterator_next(&iterator, &record, &error) && map_record(mapping, &record))
        continue;
    record_iterator_done(&iterator);
    return error;
}

static enum error map_messages(struct mapping *mapping, const struct stored_batch *batch) {
    struct message_set_iterator iterator;
    struct message_set_entry entry;
    struct record record;
    enum error error;

    if ((error = message_set_entry_decode(batch->whole, &entry)) != ERR_NONE ||
        (error = message_set_iterator_init(&iterator, &entry, COMPACTION_PLAIN_BYTES_MAX)) !=
            ERR_NONE)
        return error;
    while (message_set_iterator_next(&iterator, &record) && map_record(mapping, &record))
        continue;
    message_set_iterator_done(&iterator);
    return ERR_NONE;
}

static enum error map_batch(void *context, const struct stored_batch *batch) {
    struct mapping *mapping = context;
    struct log_compaction *compaction = mapping->compaction;
    const struct aborted_transaction *abort;
    bool is_control = batch->magic == 2 && (batch->header.attributes & RECORD_BATCH_CONTROL) != 0;
    bool discard = compaction_transactions_discard(mapping->transactions, batch, &abort);
    enum error error = ERR_NONE;

    if (mapping->is_full)
        return ERR_NONE;
    if (batch->magic < 2)
        error = map_messages(mapping, batch);
    else if (!is_control && !discard)
        error = map_records(mapping, batch);
    if (error == ERR_NONE && !mapping->is_full &&
        batch->last_offset >= compaction->choice.first_dirty)
        note_latest(compaction, batch->last_offset);
    return error;
}

static enum error make_map(struct log_compaction *compaction) {
    const struct compaction_means *means = compaction->means;
    const struct compaction_choice *choice = &compaction->choice;
    uint64_t span = (uint64_t)(choice->first_uncleanable - choice->first_dirty);
    size_t slots = means->map_bytes / KEY_OFFSETS_SLOT_BYTES;
    double load_factor = means->load_factor;
    uint64_t secret[2];
    struct rng rng;

    if (!(load_factor > 0 && load_factor <= 1))
        load_factor = 1;
    /* There are no more keys than offsets. */
    if ((double)span / load_factor + 1 < (double)slots)
        slots = (size_t)((double)span / load_factor + 1);
    rng_seed_from_kernel(&rng);
    secret[0] = rng_next(&rng);
    secret[1] = rng_next(&rng);
    return key_offsets_new(slots > 0 ? slots : 1, load_factor, secret, &compaction->newest);
}

static enum error fill_map(struct log_compaction *compaction) {
    const struct compaction_choice *choice = &compaction->choice;
    struct mapping mapping = {.compaction = compaction};
    enum error error;

    compaction->latest_offset = choice->first_dirty - 1;
    if ((error = make_map(compaction)) != ERR_NONE ||
        (error = compaction_transactions_new(compaction->aborts.aborts, compaction->aborts.count,
                                             &mapping.transactions)) != ERR_NONE)
        return error;
    for (size_t i = 0; i < compaction->view.segment_count; i++) {
        const struct compaction_segment *info = &compaction->infos[i];
        if (info->next_base <= choice->first_dirty)
            continue;
        if (info->base_offset >= choice->first_uncleanable || mapping.is_full)
            break;
        error = read_source(compaction, i, map_batch, &mapping);
        if (error == SOURCE_IS_GONE && !was_cut(compaction))
            error = ERR_NONE; /* its records are gone too */
        if (error != ERR_NONE)
            break;
        if (!mapping.is_full)
            note_latest(compaction, info->next_base - 1);
    }
    compaction_transactions_free(mapping.transactions);
    return error;
}

/* ---- 2. what stays ---- */

struct filtering {
    struct log_compaction *compaction;
    struct compaction_transactions *transactions;
    struct compaction_rules rules;
    struct compaction_target target;
};

static bool is_last_of_producer(const struct log_compaction *compaction,
                                const struct stored_batch *batch) {
    struct compaction_producer *producer = NULL;
    int64_t producer_id = batch->header.producer_id;

    if (batch->magic < 2 || producer_id < 0)
        return false;
    HASH_FIND(by_id, compaction->producers, &producer_id, sizeof(producer_id), producer);
    if (producer == NULL)
        return false;
    if (producer->last_data_offset >= 0)
        return batch->last_offset == producer->last_data_offset;
    return (batch->header.attributes & RECORD_BATCH_CONTROL) != 0 &&
           batch->header.producer_epoch == producer->producer_epoch;
}

static enum error filter_batch(void *context, const struct stored_batch *stored) {
    struct filtering *filtering = context;
    const struct aborted_transaction *abort;
    struct compaction_batch batch = {
        .batch = stored,
        .is_discarded = compaction_transactions_discard(filtering->transactions, stored, &abort),
        .is_last_of_producer = is_last_of_producer(filtering->compaction, stored),
    };
    enum error error = ERR_NONE;

    if (abort != NULL)
        error = compaction_aborts_add(&filtering->target.aborts, abort);
    if (error == ERR_NONE)
        error = compaction_filter(&filtering->rules, &batch, &filtering->target.output);
    return error == ERR_NONE ? compaction_target_write(&filtering->target, false) : error;
}

static enum error modified_ms(struct log_compaction *compaction, size_t i, int64_t *modified) {
    struct log *log = compaction->log;
    char path[SEGMENT_PATH_MAX];
    struct disk_stat stat;
    enum error error;

    segment_path(&log->home, compaction->infos[i].base_offset, SEGMENT_SUFFIX_LOG, path);
    if ((error = disk_stat(log->dir->disk, path, &stat)) != ERR_NONE)
        return error;
    if (!stat.exists)
        return SOURCE_IS_GONE;
    *modified = stat.modified_ms;
    return ERR_NONE;
}

/* Tombstones of magic 0 and 1 stay in segments that were changed after this. */
static enum error legacy_horizon(struct log_compaction *compaction, int64_t *horizon) {
    int64_t modified;
    size_t clean = 0;
    enum error error;

    *horizon = 0;
    while (clean < compaction->view.segment_count &&
           compaction->infos[clean].base_offset < compaction->choice.first_dirty)
        clean++;
    if (clean == 0)
        return ERR_NONE;
    if ((error = modified_ms(compaction, clean - 1, &modified)) == ERR_NONE)
        *horizon = modified - compaction->config.delete_retention_ms;
    return error == SOURCE_IS_GONE ? ERR_NONE : error;
}

static enum error filter_group(struct filtering *filtering, size_t first, size_t count,
                               int64_t horizon) {
    struct log_compaction *compaction = filtering->compaction;
    int64_t modified = 0;
    enum error error = ERR_NONE;

    for (size_t i = first; i < first + count && error == ERR_NONE; i++) {
        if ((error = modified_ms(compaction, i, &modified)) != ERR_NONE)
            break;
        filtering->rules.keep_legacy_tombstones = modified > horizon;
        error = read_source(compaction, i, filter_batch, filtering);
    }
    return error == ERR_NONE ? compaction_target_finish(&filtering->target, modified) : error;
}

static void note_result(struct filtering *filtering, size_t first, size_t count) {
    struct compaction_result *result = &filtering->compaction->result;

    for (size_t i = first; i < first + count; i++)
        result->bytes_before += filtering->compaction->infos[i].size;
    result->bytes_after += filtering->target.segment->size;
    result->records_read += filtering->target.output.records_read;
    result->records_kept += filtering->target.output.records_kept;
    result->segments_before += count;
    result->segments_after++;
}

static enum error compact_group(struct filtering *filtering, size_t first, size_t count,
                                int64_t horizon) {
    struct log_compaction *compaction = filtering->compaction;
    bool swapped = false;
    enum error error;

    error = compaction_target_begin(&filtering->target, compaction,
                                    compaction->infos[first].base_offset);
    if (error == ERR_NONE)
        error = filter_group(filtering, first, count, horizon);
    if (error == ERR_NONE)
        error = compaction_target_swap(&filtering->target, first, count, &swapped);
    if (swapped)
        note_result(filtering, first, count);
    compaction_target_done(&filtering->target);
    return error == SOURCE_IS_GONE && !was_cut(compaction) ? ERR_NONE : error;
}

static enum error compact_groups(struct log_compaction *compaction) {
    struct filtering filtering = {
        .compaction = compaction,
        .rules = {.newest = compaction->newest,
                  .latest_offset = compaction->latest_offset,
                  .now_ms = compaction->view.now_ms,
                  .delete_retention_ms = compaction->config.delete_retention_ms},
    };
    size_t end = 0;
    int64_t horizon;
    enum error error;

    while (compaction->infos[end].base_offset <= compaction->latest_offset &&
           compaction->infos[end].base_offset < compaction->choice.first_uncleanable)
        end++;
    if ((error = legacy_horizon(compaction, &horizon)) != ERR_NONE ||
        (error = compaction_transactions_new(compaction->aborts.aborts, compaction->aborts.count,
                                             &filtering.transactions)) != ERR_NONE)
        return error;
    for (size_t first = 0; first < end && error == ERR_NONE;) {
        size_t count = compaction_group(compaction->infos + first, end - first,
                                        compaction->config.segment_bytes,
                                        compaction->config.segment_index_bytes);
        error = compact_group(&filtering, first, count, horizon);
        first += count;
    }
    compaction_transactions_free(filtering.transactions);
    return error;
}

/* ---- the pass ---- */

static void note_producer(void *context, int64_t producer_id, int16_t producer_epoch,
                          int64_t last_data_offset) {
    struct log_compaction *compaction = context;
    struct compaction_producer *producer = calloc(1, sizeof(*producer));

    CHECK(producer != NULL);
    producer->producer_id = producer_id;
    producer->producer_epoch = producer_epoch;
    producer->last_data_offset = last_data_offset;
    HASH_ADD(by_id, compaction->producers, producer_id, sizeof(producer_id), producer);
}

/* Of all segments: a transaction that began in one may have been ended in any later one. */
static enum error read_aborts(struct log_compaction *compaction) {
    enum error error = ERR_NONE;

    for (size_t i = 0; i < compaction->view.segment_count && error == ERR_NONE; i++)
        error = compaction_aborts_read(&compaction->aborts, &compaction->log->home,
                                       compaction->segments[i]);
    return error;
}

/* Locked. */
static enum error note_compacted(struct log_compaction *compaction) {
    struct log *log = compaction->log;

    if (log->truncations != compaction->truncations)
        return ERR_CANCELLED;
    compaction->result.compacted_offset = compaction->latest_offset + 1;
    __atomic_store_n(&log->compacted_offset, compaction->result.compacted_offset, __ATOMIC_RELEASE);
    return ERR_NONE;
}

static enum error run(struct log_compaction *compaction) {
    const struct compaction_lock *lock = compaction->lock;
    enum error error;

    lock->lock(lock->context);
    producer_state_for_each(compaction->log->producers, note_producer, compaction);
    lock->unlock(lock->context);
    if ((error = read_aborts(compaction)) != ERR_NONE ||
        (error = fill_map(compaction)) != ERR_NONE ||
        (error = compact_groups(compaction)) != ERR_NONE)
        return error;
    lock->lock(lock->context);
    error = note_compacted(compaction);
    lock->unlock(lock->context);
    return error == ERR_NONE ? log_dir_checkpoint_compacted(compaction->log->dir) : error;
}

enum error log_compaction_run(struct log_compaction *compaction,
                              const struct compaction_means *means,
                              const struct compaction_lock *lock,
                              struct compaction_result *result) {
    enum error error;

    CHECK(compaction->choice.cleanable_bytes > 0 && compaction->means == NULL);
    compaction->means = means;
    compaction->lock = lock;
    error = run(compaction);
    *result = compaction->result;
    if (error == SOURCE_IS_GONE || ((error == ERR_CORRUPT_MESSAGE || error == ERR_INVALID_RECORD ||
                                     error == ERR_DISK_CORRUPT) &&
                                    was_cut(compaction)))
        error = ERR_CANCELLED;
    /* What is damaged is this log's misfortune, not the directory's. */
    if (error == ERR_DISK_CORRUPT)
        return error;
    return log_fail(compaction->log, error, "compact");
}

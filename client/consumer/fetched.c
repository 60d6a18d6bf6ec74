#include "client/consumer/fetched.h"

#include <stdlib.h>
#include <string.h>

#define CONTROL_TYPE_ABORT 0

/* Whether its offsets are ones that a log can have. */
static bool offsets_are_sane(const struct record_batch *batch) {
    return batch->base_offset >= 0 && batch->last_offset_delta >= 0 &&
           batch->base_offset < INT64_MAX - batch->last_offset_delta;
}

/* The batch at the front of `*rest` if it is there whole. False at the end; then `*error` tells
 * whether because of a fault. */
static bool take_batch(struct bytes *rest, struct record_batch *batch, enum error *error) {
    size_t size;

    *error = ERR_NONE;
    if (rest->size < RECORD_BATCH_LENGTH_OVERHEAD)
        return false;
    if ((*error = record_batch_total_size(*rest, &size)) != ERR_NONE)
        return false;
    if (size > rest->size)
        return false; /* cut off by the byte limit */
    if ((*error = record_batch_decode(bytes_of(rest->data, size), batch)) != ERR_NONE)
        return false;
    if (!offsets_are_sane(batch)) {
        *error = ERR_CORRUPT_MESSAGE;
        return false;
    }
    *rest = bytes_of(rest->data + size, rest->size - size);
    return true;
}

enum error fetched_summarise(struct bytes records, struct fetched_summary *summary) {
    struct fetched_summary found = {-1, -1, 0};
    struct record_batch batch;
    struct bytes rest = records;
    enum error error;

    while (take_batch(&rest, &batch, &error)) {
        found.next_offset = record_batch_last_offset(&batch) + 1;
        found.leader_epoch = batch.partition_leader_epoch;
        found.size = records.size - rest.size;
    }
    if (error != ERR_NONE)
        return error;
    *summary = found;
    return ERR_NONE;
}

void fetched_walk_init(struct fetched_walk *walk, const struct fetched_options *options,
                       struct bytes records, int64_t from_offset,
                       const struct aborted_transaction *aborted, size_t aborted_count) {
    memset(walk, 0, sizeof(*walk));
    walk->options = *options;
    walk->rest = records;
    walk->from_offset = from_offset;
    walk->aborted = aborted;
    walk->aborted_count = aborted_count;
}

void fetched_walk_done(struct fetched_walk *walk) {
    if (walk->begun)
        record_iterator_done(&walk->iterator);
    walk->begun = false;
    free(walk->aborting);
    walk->aborting = NULL;
}

int64_t fetched_walk_position(const struct fetched_walk *walk) {
    return walk->from_offset;
}

/* --- aborted transactions ---------------------------------------------------------------- */

static size_t aborting_index(const struct fetched_walk *walk, int64_t producer_id) {
    size_t i = 0;

    while (i < walk->aborting_count && walk->aborting[i] != producer_id)
        i++;
    return i;
}

/* Those that begin at or before `offset` concern what is read from now on. */
static enum error aborted_begin(struct fetched_walk *walk, int64_t offset) {
    while (walk->aborted_count > 0 && walk->aborted->first_offset <= offset) {
        if (walk->aborting_count == walk->aborting_capacity) {
            size_t capacity = walk->aborting_capacity == 0 ? 8 : walk->aborting_capacity * 2;
            int64_t *more = reallocarray(walk->aborting, capacity, sizeof(*more));

            if (more == NULL)
                return ERR_OUT_OF_MEMORY;
            walk->aborting = more;
            walk->aborting_capacity = capacity;
        }
        if (aborting_index(walk, walk->aborted->producer_id) == walk->aborting_count)
            walk->aborting[walk->aborting_count++] = walk->aborted->producer_id;
        walk->aborted++;
        walk->aborted_count--;
    }
    return ERR_NONE;
}

static void aborted_end(struct fetched_walk *walk, int64_t producer_id) {
    size_t index = aborting_index(walk, producer_id);

    if (index < walk->aborting_count)
        walk->aborting[index] = walk->aborting[--walk->aborting_count];
}

/* A marker's key is version i16, type i16. */
static bool marks_abort(const struct record_batch *batch) {
    struct record_iterator iterator;
    struct record record;
    enum error error;
    bool abort;

    if (record_iterator_init(&iterator, batch, batch->records.size) != ERR_NONE)
        return false;
    abort = record_iterator_next(&iterator, &record, &error) && record.key.size >= 4 &&
            record.key.data[2] == 0 && record.key.data[3] == CONTROL_TYPE_ABORT;
    record_iterator_done(&iterator);
    return abort;
}

/* --- the walk ---------------------------------------------------------------------------- */

/* Whether the batch holds something to deliver; keeps the account of transactions. */
static enum error batch_is_wanted(struct fetched_walk *walk, const struct record_batch *batch,
                                  bool *wanted) {
    int16_t attributes = batch->attributes;
    enum error error;

    *wanted = (attributes & RECORD_BATCH_CONTROL) == 0 &&
              record_batch_last_offset(batch) >= walk->from_offset;
    if (!walk->options.committed_only || (attributes & RECORD_BATCH_TRANSACTIONAL) == 0)
        return ERR_NONE;
    if ((error = aborted_begin(walk, record_batch_last_offset(batch))) != ERR_NONE)
        return error;
    if ((attributes & RECORD_BATCH_CONTROL) != 0) {
        if (marks_abort(batch))
            aborted_end(walk, batch->producer_id);
    } else if (aborting_index(walk, batch->producer_id) < walk->aborting_count) {
        *wanted = false;
    }
    return ERR_NONE;
}

static void pass(struct fetched_walk *walk, int64_t next_offset) {
    if (next_offset > walk->from_offset)
        walk->from_offset = next_offset;
}

/* Begins the next batch that is wanted; false at the end or on an error. */
static bool begin_batch(struct fetched_walk *walk, enum error *error) {
    struct record_batch batch;
    bool wanted;

    while (take_batch(&walk->rest, &batch, error)) {
        if (walk->options.check_crcs && !record_batch_crc_is_valid(&batch)) {
            *error = ERR_CORRUPT_MESSAGE;
            return false;
        }
        if ((*error = batch_is_wanted(walk, &batch, &wanted)) != ERR_NONE)
            return false;
        if (!wanted) {
            pass(walk, record_batch_last_offset(&batch) + 1);
            continue;
        }
        *error = record_iterator_init(&walk->iterator, &batch, walk->options.batch_bytes_max);
        walk->begun = *error == ERR_NONE;
        return walk->begun;
    }
    return false;
}

enum fetched_step fetched_walk_next(struct fetched_walk *walk, struct record *record,
                                    struct record_batch *batch, uint8_t **plain,
                                    enum error *error) {
    *error = ERR_NONE;
    if (!walk->begun && !begin_batch(walk, error))
        return *error == ERR_NONE ? FETCHED_END : FETCHED_ERROR;
    while (record_iterator_next(&walk->iterator, record, error)) {
        if (record->offset_delta < 0 ||
            record->offset_delta > walk->iterator.batch.last_offset_delta) {
            *error = ERR_INVALID_RECORD;
            return FETCHED_ERROR;
        }
        if (record->offset < walk->from_offset)
            continue; /* batches are sent whole */
        pass(walk, record->offset + 1);
        *batch = walk->iterator.batch;
        return FETCHED_RECORD;
    }
    if (*error != ERR_NONE)
        return FETCHED_ERROR;
    pass(walk, record_batch_last_offset(&walk->iterator.batch) + 1);
    *plain = walk->iterator.plain;
    walk->iterator.plain = NULL;
    record_iterator_done(&walk->iterator);
    walk->begun = false;
    return FETCHED_BATCH;
}

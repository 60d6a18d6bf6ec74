#include "broker/log/producer_state.h"

#include <stdlib.h>

#include "client/wire/big_endian.h"
#include "client/wire/crc32c.h"
#include "client/wire/record_batch.h"

#define WINDOW                5 /* batches; a producer has at most as many in flight */
#define BUCKETS_MIN           1 /* most partitions have one producer */
#define SNAPSHOT_VERSION      1
#define SNAPSHOT_HEADER_BYTES 10
#define SNAPSHOT_CRC_FROM     6
#define SNAPSHOT_ENTRY_BYTES  46

struct window_batch {
    int32_t base_sequence;
    int32_t last_sequence;
    int64_t last_offset;
    int32_t offset_delta; /* last offset - base offset */
    int64_t timestamp;
};

struct producer {
    struct producer *next; /* in the bucket */
    int64_t producer_id;
    int64_t last_timestamp;
    int64_t current_txn_first_offset; /* -1: no transaction is open */
    int32_t coordinator_epoch;        /* -1: no marker seen */
    int16_t producer_epoch;           /* -1: nothing known yet */
    int8_t batch_count;
    int8_t batch_capacity;         /* 1 or WINDOW: a snapshot tells of one batch */
    struct window_batch batches[]; /* oldest first */
};

struct producer_state {
    struct producer **buckets;
    size_t bucket_count;  /* a power of two, or 0 */
    _Atomic size_t count; /* read by any thread */
};

/* ---- the table ---- */

static size_t bucket_of(const struct producer_state *state, int64_t producer_id) {
    uint64_t hash = (uint64_t)producer_id * 0x9e3779b97f4a7c15u;

    return (size_t)(hash >> 32) & (state->bucket_count - 1);
}

static struct producer *find(const struct producer_state *state, int64_t producer_id) {
    struct producer *producer;

    if (state->bucket_count == 0)
        return NULL;
    producer = state->buckets[bucket_of(state, producer_id)];
    while (producer != NULL && producer->producer_id != producer_id)
        producer = producer->next;
    return producer;
}

static enum error grow(struct producer_state *state) {
    struct producer_state grown = {NULL, state->bucket_count * 2, state->count};

    if (state->count < state->bucket_count)
        return ERR_NONE;
    if (grown.bucket_count == 0)
        grown.bucket_count = BUCKETS_MIN;
    if ((grown.buckets = calloc(grown.bucket_count, sizeof(grown.buckets[0]))) == NULL)
        return ERR_OUT_OF_MEMORY;
    for (size_t i = 0; i < state->bucket_count; i++) {
        struct producer *producer = state->buckets[i];
        while (producer != NULL) {
            struct producer *next = producer->next;
            size_t bucket = bucket_of(&grown, producer->producer_id);
            producer->next = grown.buckets[bucket];
            grown.buckets[bucket] = producer;
            producer = next;
        }
    }
    free(state->buckets);
    *state = grown;
    return ERR_NONE;
}

static size_t producer_size(int8_t batch_capacity) {
    return sizeof(struct producer) + (size_t)batch_capacity * sizeof(struct window_batch);
}

static enum error insert(struct producer_state *state, int64_t producer_id, int8_t batch_capacity,
                         struct producer **inserted) {
    struct producer *producer;
    enum error error;
    size_t bucket;

    if ((error = grow(state)) != ERR_NONE)
        return error;
    if ((producer = calloc(1, producer_size(batch_capacity))) == NULL)
        return ERR_OUT_OF_MEMORY;
    producer->batch_capacity = batch_capacity;
    producer->producer_id = producer_id;
    producer->producer_epoch = -1;
    producer->coordinator_epoch = -1;
    producer->current_txn_first_offset = -1;
    producer->last_timestamp = RECORD_NO_TIMESTAMP;
    bucket = bucket_of(state, producer_id);
    producer->next = state->buckets[bucket];
    state->buckets[bucket] = producer;
    state->count++;
    *inserted = producer;
    return ERR_NONE;
}

enum error producer_state_new(struct producer_state **created) {
    struct producer_state *state = calloc(1, sizeof(*state));

    if (state == NULL)
        return ERR_OUT_OF_MEMORY;
    *created = state;
    return ERR_NONE;
}

void producer_state_clear(struct producer_state *state) {
    for (size_t i = 0; i < state->bucket_count; i++) {
        struct producer *producer = state->buckets[i];
        while (producer != NULL) {
            struct producer *next = producer->next;
            free(producer);
            producer = next;
        }
    }
    free(state->buckets);
    *state = (struct producer_state){NULL, 0, 0};
}

void producer_state_free(struct producer_state *state) {
    if (state == NULL)
        return;
    producer_state_clear(state);
    free(state);
}

size_t producer_state_count(const struct producer_state *state) {
    return state->count;
}

void producer_state_for_each(const struct producer_state *state, producer_state_visit *visit,
                             void *context) {
    for (size_t i = 0; i < state->bucket_count; i++) {
        const struct producer *producer;
        for (producer = state->buckets[i]; producer != NULL; producer = producer->next)
            visit(context, producer->producer_id, producer->producer_epoch,
                  producer->batch_count > 0
                      ? producer->batches[producer->batch_count - 1].last_offset
                      : -1);
    }
}

/* The time of its last batch is what a client says. */
static bool is_expired(const struct producer *producer, int64_t now_ms, int64_t expiration_ms) {
    int64_t idle_ms;

    if (producer->current_txn_first_offset >= 0)
        return false;
    if (__builtin_sub_overflow(now_ms, producer->last_timestamp, &idle_ms))
        return producer->last_timestamp < 0;
    return idle_ms >= expiration_ms;
}

void producer_state_expire(struct producer_state *state, int64_t now_ms, int64_t expiration_ms) {
    for (size_t i = 0; i < state->bucket_count; i++) {
        struct producer **link = &state->buckets[i];
        while (*link != NULL) {
            struct producer *producer = *link;
            if (!is_expired(producer, now_ms, expiration_ms)) {
                link = &producer->next;
                continue;
            }
            *link = producer->next;
            free(producer);
            state->count--;
        }
    }
}

int64_t producer_state_first_open_offset(const struct producer_state *state) {
    int64_t first = -1;

    for (size_t i = 0; i < state->bucket_count; i++) {
        for (const struct producer *p = state->buckets[i]; p != NULL; p = p->next) {
            if (p->current_txn_first_offset >= 0 &&
                (first < 0 || p->current_txn_first_offset < first))
                first = p->current_txn_first_offset;
        }
    }
    return first;
}

int64_t producer_state_open_offset(const struct producer_state *state, int64_t producer_id) {
    const struct producer *producer = find(state, producer_id);

    return producer == NULL ? -1 : producer->current_txn_first_offset;
}

int64_t producer_state_last_timestamp(const struct producer_state *state, int64_t producer_id) {
    const struct producer *producer = find(state, producer_id);

    return producer == NULL ? -1 : producer->last_timestamp;
}

int32_t producer_state_coordinator_epoch(const struct producer_state *state, int64_t producer_id) {
    const struct producer *producer = find(state, producer_id);

    return producer == NULL ? -1 : producer->coordinator_epoch;
}

enum error producer_state_each_open(const struct producer_state *state,
                                    enum error (*each)(void *context, int64_t producer_id,
                                                       int64_t first_offset),
                                    void *context) {
    enum error error = ERR_NONE;

    for (size_t i = 0; i < state->bucket_count; i++) {
        for (const struct producer *p = state->buckets[i]; p != NULL && error == ERR_NONE;
             p = p->next) {
            if (p->current_txn_first_offset >= 0)
                error = each(context, p->producer_id, p->current_txn_first_offset);
        }
    }
    return error;
}

static int by_producer_id(const void *a, const void *b) {
    const struct producer_view *left = a;
    const struct producer_view *right = b;

    return (left->producer_id > right->producer_id) - (left->producer_id < right->producer_id);
}

size_t producer_state_list(const struct producer_state *state, struct producer_view *views,
                           size_t capacity) {
    size_t count = 0;

    for (size_t i = 0; i < state->bucket_count; i++) {
        for (const struct producer *p = state->buckets[i]; p != NULL; p = p->next) {
            if (p->producer_epoch < 0)
                continue; /* prepared, but its append failed */
            if (count < capacity)
                views[count] = (struct producer_view){
                    .producer_id = p->producer_id,
                    .last_timestamp = p->last_timestamp,
                    .current_txn_first_offset = p->current_txn_first_offset,
                    .last_sequence = p->batch_count == 0
                                         ? RECORD_NO_SEQUENCE
                                         : p->batches[p->batch_count - 1].last_sequence,
                    .coordinator_epoch = p->coordinator_epoch,
                    .producer_epoch = p->producer_epoch,
                };
            count++;
        }
    }
    if (count > 1 && capacity > 1)
        qsort(views, count < capacity ? count : capacity, sizeof(*views), by_producer_id);
    return count;
}

/* ---- the rules ---- */

static const struct window_batch *find_duplicate(const struct producer *producer,
                                                 const struct producer_batch *batch) {
    if (producer->producer_epoch != batch->producer_epoch)
        return NULL;
    for (int i = 0; i < producer->batch_count; i++) {
        if (producer->batches[i].base_sequence == batch->base_sequence &&
            producer->batches[i].last_sequence == batch->last_sequence)
            return &producer->batches[i];
    }
    return NULL;
}

static enum error check_sequence(const struct producer *producer,
                                 const struct producer_batch *batch) {
    int32_t last_sequence = RECORD_NO_SEQUENCE;
    int32_t expected;

    if (producer->producer_epoch < 0)
        return ERR_NONE; /* never seen or expired here: any sequence is accepted */
    if (batch->producer_epoch == producer->producer_epoch && producer->batch_count > 0)
        last_sequence = producer->batches[producer->batch_count - 1].last_sequence;
    expected = last_sequence < 0 ? 0 : record_sequence_add(last_sequence, 1);
    return batch->base_sequence == expected ? ERR_NONE : ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
}

enum error producer_state_check(const struct producer_state *state,
                                const struct producer_batch *batch, enum producer_check check,
                                struct producer_duplicate *duplicate) {
    const struct producer *producer = find(state, batch->producer_id);
    const struct window_batch *same;
    enum error error;

    CHECK(batch->producer_id >= 0);
    if (producer == NULL)
        return ERR_NONE;
    if (batch->is_control) {
        if (batch->producer_epoch < producer->producer_epoch)
            return ERR_INVALID_PRODUCER_EPOCH;
        return batch->coordinator_epoch < producer->coordinator_epoch
                   ? ERR_TRANSACTION_COORDINATOR_FENCED
                   : ERR_NONE;
    }
    if (check == PRODUCER_CHECK_ALL && (same = find_duplicate(producer, batch)) != NULL) {
        *duplicate = (struct producer_duplicate){same->last_offset - same->offset_delta,
                                                 same->last_offset, same->timestamp};
        return ERR_DUPLICATE_BATCH;
    }
    if (batch->producer_epoch < producer->producer_epoch)
        return ERR_INVALID_PRODUCER_EPOCH;
    if (check == PRODUCER_CHECK_ALL && (error = check_sequence(producer, batch)) != ERR_NONE)
        return error;
    if (!batch->is_transactional && producer->current_txn_first_offset >= 0)
        return ERR_INVALID_TXN_STATE;
    return ERR_NONE;
}

/* The whole window for a producer that has part of it; it may move. */
static enum error widen(struct producer_state *state, int64_t producer_id) {
    struct producer **link = &state->buckets[bucket_of(state, producer_id)];
    struct producer *grown;

    while ((*link)->producer_id != producer_id)
        link = &(*link)->next;
    if ((grown = realloc(*link, producer_size(WINDOW))) == NULL)
        return ERR_OUT_OF_MEMORY;
    grown->batch_capacity = WINDOW;
    *link = grown;
    return ERR_NONE;
}

enum error producer_state_prepare(struct producer_state *state, int64_t producer_id,
                                  size_t batches_before) {
    struct producer *producer = find(state, producer_id);

    if (producer == NULL)
        return insert(state, producer_id, batches_before == 0 ? 1 : WINDOW, &producer);
    if (producer->batch_capacity == WINDOW || (producer->batch_count == 0 && batches_before == 0))
        return ERR_NONE;
    return widen(state, producer_id);
}

static void push_batch(struct producer *producer, const struct producer_batch *batch) {
    if (producer->batch_count == WINDOW) {
        memmove(producer->batches, producer->batches + 1,
                (WINDOW - 1) * sizeof(producer->batches[0]));
        producer->batch_count--;
    }
    CHECK(producer->batch_count < producer->batch_capacity);
    producer->batches[producer->batch_count++] = (struct window_batch){
        .base_sequence = batch->base_sequence,
        .last_sequence = batch->last_sequence,
        .last_offset = batch->last_offset,
        .offset_delta = (int32_t)(batch->last_offset - batch->base_offset),
        .timestamp = batch->timestamp,
    };
}

void producer_state_apply(struct producer_state *state, const struct producer_batch *batch) {
    struct producer *producer = find(state, batch->producer_id);

    CHECK(producer != NULL);
    if (producer->producer_epoch != batch->producer_epoch) {
        producer->producer_epoch = batch->producer_epoch;
        producer->batch_count = 0;
    }
    producer->last_timestamp = batch->timestamp;
    if (batch->is_control) {
        producer->coordinator_epoch = batch->coordinator_epoch;
        producer->current_txn_first_offset = -1;
        return;
    }
    push_batch(producer, batch);
    if (batch->is_transactional && producer->current_txn_first_offset < 0)
        producer->current_txn_first_offset = batch->base_offset;
}

/* ---- snapshots ---- */

static void encode_entry(const struct producer *producer, uint8_t *at) {
    const struct window_batch none = {-1, -1, -1, 0, -1};
    const struct window_batch *last =
        producer->batch_count == 0 ? &none : &producer->batches[producer->batch_count - 1];

    big_endian_store_u64(at, (uint64_t)producer->producer_id);
    big_endian_store_u16(at + 8, (uint16_t)producer->producer_epoch);
    big_endian_store_u32(at + 10, (uint32_t)last->last_sequence);
    big_endian_store_u64(at + 14, (uint64_t)last->last_offset);
    big_endian_store_u32(at + 22, (uint32_t)last->offset_delta);
    big_endian_store_u64(at + 26, (uint64_t)producer->last_timestamp);
    big_endian_store_u32(at + 34, (uint32_t)producer->coordinator_epoch);
    big_endian_store_u64(at + 38, (uint64_t)producer->current_txn_first_offset);
}

enum error producer_state_encode(const struct producer_state *state, uint8_t **bytes,
                                 size_t *size) {
    size_t encoded_size = SNAPSHOT_HEADER_BYTES + state->count * SNAPSHOT_ENTRY_BYTES;
    uint8_t *encoded = malloc(encoded_size);
    uint8_t *at = encoded + SNAPSHOT_HEADER_BYTES;

    if (encoded == NULL)
        return ERR_OUT_OF_MEMORY;
    for (size_t i = 0; i < state->bucket_count; i++) {
        for (const struct producer *p = state->buckets[i]; p != NULL; p = p->next) {
            if (p->producer_epoch < 0)
                continue; /* prepared, but its append failed */
            encode_entry(p, at);
            at += SNAPSHOT_ENTRY_BYTES;
        }
    }
    encoded_size = (size_t)(at - encoded);
    big_endian_store_u16(encoded, SNAPSHOT_VERSION);
    big_endian_store_u32(encoded + 6,
                         (uint32_t)((encoded_size - SNAPSHOT_HEADER_BYTES) / SNAPSHOT_ENTRY_BYTES));
    big_endian_store_u32(encoded + 2,
                         crc32c(0, encoded + SNAPSHOT_CRC_FROM, encoded_size - SNAPSHOT_CRC_FROM));
    *bytes = encoded;
    *size = encoded_size;
    return ERR_NONE;
}

static enum error decode_entry(struct producer_state *state, const uint8_t *at) {
    int64_t producer_id = (int64_t)big_endian_load_u64(at);
    int32_t last_sequence = (int32_t)big_endian_load_u32(at + 10);
    int64_t last_offset = (int64_t)big_endian_load_u64(at + 14);
    int32_t offset_delta = (int32_t)big_endian_load_u32(at + 22);
    struct producer *producer;
    enum error error;

    if (producer_id < 0 || offset_delta < 0 || find(state, producer_id) != NULL)
        return ERR_DISK_CORRUPT;
    if ((error = insert(state, producer_id, 1, &producer)) != ERR_NONE)
        return error;
    producer->producer_epoch = (int16_t)big_endian_load_u16(at + 8);
    producer->last_timestamp = (int64_t)big_endian_load_u64(at + 26);
    producer->coordinator_epoch = (int32_t)big_endian_load_u32(at + 34);
    producer->current_txn_first_offset = (int64_t)big_endian_load_u64(at + 38);
    if (last_offset < 0)
        return ERR_NONE;
    if (offset_delta > last_offset)
        return ERR_DISK_CORRUPT;
    producer->batch_count = 1;
    producer->batches[0] = (struct window_batch){
        .base_sequence = last_sequence < 0 ? -1 : record_sequence_add(last_sequence, -offset_delta),
        .last_sequence = last_sequence,
        .last_offset = last_offset,
        .offset_delta = offset_delta,
        .timestamp = producer->last_timestamp,
    };
    return ERR_NONE;
}

enum error producer_state_decode(struct producer_state *state, struct bytes bytes) {
    enum error error = ERR_NONE;
    uint32_t count;

    producer_state_clear(state);
    if (bytes.size < SNAPSHOT_HEADER_BYTES || big_endian_load_u16(bytes.data) != SNAPSHOT_VERSION)
        return ERR_DISK_CORRUPT;
    count = big_endian_load_u32(bytes.data + 6);
    if ((bytes.size - SNAPSHOT_HEADER_BYTES) % SNAPSHOT_ENTRY_BYTES != 0 ||
        count != (bytes.size - SNAPSHOT_HEADER_BYTES) / SNAPSHOT_ENTRY_BYTES ||
        big_endian_load_u32(bytes.data + 2) !=
            crc32c(0, bytes.data + SNAPSHOT_CRC_FROM, bytes.size - SNAPSHOT_CRC_FROM))
        return ERR_DISK_CORRUPT;
    for (uint32_t i = 0; i < count && error == ERR_NONE; i++)
        error = decode_entry(state,
                             bytes.data + SNAPSHOT_HEADER_BYTES + (size_t)i * SNAPSHOT_ENTRY_BYTES);
    if (error != ERR_NONE)
        producer_state_clear(state);
    return error;
}

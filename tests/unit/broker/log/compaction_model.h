/*
 * What the tests of compaction share: a log of keyed records, and the list of all records ever
 * appended to it as its model.
 */
#ifndef TESTS_UNIT_BROKER_LOG_COMPACTION_MODEL_H
#define TESTS_UNIT_BROKER_LOG_COMPACTION_MODEL_H

#include "tests/unit/broker/log/log_fixture.h"

#include <stdio.h>

#include "broker/log/log_compaction.h"
#include "client/base/rng.h"

#define KEYS        40
#define RECORDS_MAX 20000

struct model_record {
    int key;       /* -1: a marker, or lost */
    bool is_value; /* not a tombstone */
    int serial;    /* what the value says */
};

struct model {
    struct fixture f;
    struct log *log;
    struct rng rng;
    struct model_record records[RECORDS_MAX]; /* by offset */
    int64_t end;
    int serial;
    struct compaction_means means;
    struct compaction_lock lock;
    int locked; /* by a compaction */
    int paces_left;
    void (*at_pace)(struct model *model); /* something else happens in the middle of a pass */
    void (*at_lock)(struct model *model, int time);
    int locks;
};

static inline void on_lock(void *context) {
    struct model *model = context;

    assert_int_equal(model->locked++, 0);
    if (model->at_lock != NULL)
        model->at_lock(model, model->locks);
    model->locks++;
}

static inline void on_unlock(void *context) {
    assert_int_equal(--((struct model *)context)->locked, 0);
}

static inline enum error on_pace(void *context, size_t bytes) {
    struct model *model = context;

    assert_int_equal(model->locked, 0);
    assert_true(bytes > 0);
    if (model->at_pace != NULL)
        model->at_pace(model);
    return model->paces_left-- > 0 ? ERR_NONE : ERR_CANCELLED;
}

static inline void model_init(struct model *model) {
    memset(model, 0, sizeof(*model));
    fixture_init(&model->f);
    rng_seed(&model->rng, 1);
    model->f.config.compact = true;
    model->f.config.delete_old = false;
    model->f.config.segment_bytes = 2000;
    model->f.config.index_interval_bytes = 200;
    model->f.config.min_cleanable_dirty_ratio = 0;
    model->paces_left = INT32_MAX;
    model->means = (struct compaction_means){.map_bytes = 1 << 20,
                                             .load_factor = 0.9,
                                             .buffer_bytes = 700,
                                             .pace = on_pace,
                                             .context = model};
    model->lock = (struct compaction_lock){on_lock, on_unlock, model};
    model->log = fixture_load(&model->f, true, 0);
}

static inline void model_done(struct model *model) {
    fixture_crash(&model->f, model->log);
    fixture_done(&model->f);
}

static inline uint64_t below(struct model *model, uint64_t bound) {
    return rng_below(&model->rng, bound);
}

static inline enum compression random_codec(struct model *model) {
    static const enum compression codecs[] = {COMPRESSION_NONE, COMPRESSION_NONE, COMPRESSION_GZIP,
                                              COMPRESSION_SNAPPY, COMPRESSION_LZ4};
    return codecs[below(model, ARRAY_COUNT(codecs))];
}

/* One batch with records of random keys, or all of `key`. */
static inline void append(struct model *model, int count, int key, bool is_value) {
    struct record_batch_options options = record_batch_options_default;
    struct record_batch_builder *builder;
    struct log_append_result result;
    uint8_t *bytes;
    size_t size;

    options.codec = key < 0 ? random_codec(model) : COMPRESSION_NONE;
    assert_int_equal(record_batch_builder_new(&options, &builder), ERR_NONE);
    for (int i = 0; i < count; i++) {
        struct model_record record = {key, is_value, ++model->serial};
        char key_text[16];
        char value_text[64];
        if (key < 0) {
            record.key = (int)below(model, KEYS);
            record.is_value = below(model, 5) != 0;
        }
        snprintf(key_text, sizeof(key_text), "key-%d", record.key);
        snprintf(value_text, sizeof(value_text), "value-%d-and-something-to-fill", record.serial);
        assert_int_equal(record_batch_builder_add(
                             builder, clock_wall_ms(&model->f.clock.clock) + i,
                             bytes_of_text(key_text),
                             record.is_value ? bytes_of_text(value_text) : BYTES_NULL, NULL, 0),
                         ERR_NONE);
        assert_true(model->end + i < RECORDS_MAX);
        model->records[model->end + i] = record;
    }
    assert_int_equal(record_batch_builder_finish(builder, &bytes, &size), ERR_NONE);
    record_batch_builder_free(builder);
    assert_int_equal(append_bytes(&model->f, model->log, bytes, size, 0, &result), ERR_NONE);
    assert_int_equal(result.base_offset, model->end);
    free(bytes);
    model->end += count;
    log_note_high_watermark(model->log, model->end);
}

static inline enum error compact(struct model *model, struct compaction_result *result) {
    struct log_compaction *compaction;
    struct compaction_choice choice;
    enum error error;

    *result = (struct compaction_result){0};
    error = log_compaction_begin(model->log, clock_wall_ms(&model->f.clock.clock), &compaction);
    if (error != ERR_NONE)
        return error;
    assert_non_null(compaction);
    error = log_compaction_examine(compaction, &choice);
    if (error == ERR_NONE && choice.is_due)
        error = log_compaction_run(compaction, &model->means, &model->lock, result);
    log_compaction_end(compaction);
    return error;
}

/* ---- reading all of it ---- */

struct seen {
    int64_t count;
    int64_t newest[KEYS];        /* offset of the newest record of each key; -1 */
    int64_t per_key_clean[KEYS]; /* records of the key below the bound */
};

static inline void see_record(struct model *model, const struct record *record, int64_t clean_end,
                              struct seen *seen) {
    const struct model_record *expected = &model->records[record->offset];
    char text[64];
    int key;

    assert_true(record->offset < model->end);
    snprintf(text, sizeof(text), "%.*s", BYTES_FORMAT(record->key));
    assert_int_equal(sscanf(text, "key-%d", &key), 1);
    assert_int_equal(key, expected->key);
    assert_int_equal(!bytes_is_null(record->value), expected->is_value);
    if (expected->is_value) {
        snprintf(text, sizeof(text), "value-%d-and-something-to-fill", expected->serial);
        assert_true(bytes_equal_text(record->value, text));
    }
    seen->count++;
    assert_true(record->offset > seen->newest[key]);
    seen->newest[key] = record->offset;
    if (record->offset < clean_end)
        seen->per_key_clean[key]++;
}

static inline void see_batches(struct model *model, struct bytes data, int64_t *offset,
                               int64_t clean_end, struct seen *seen) {
    while (data.size > 0) {
        struct record_iterator iterator;
        struct record_batch batch;
        struct record record;
        enum error error;
        if (record_batch_decode(data, &batch) != ERR_NONE)
            return; /* the range ended inside it */
        assert_true(record_batch_crc_is_valid(&batch));
        assert_true(record_batch_last_offset(&batch) >= *offset);
        assert_int_equal(record_iterator_init(&iterator, &batch, 1 << 20), ERR_NONE);
        while (record_iterator_next(&iterator, &record, &error)) {
            assert_true(record.offset >= *offset);
            see_record(model, &record, clean_end, seen);
        }
        assert_int_equal(error, ERR_NONE);
        record_iterator_done(&iterator);
        *offset = record_batch_last_offset(&batch) + 1;
        data = bytes_of(data.data + batch.whole.size, data.size - batch.whole.size);
    }
}

static inline void see_all(struct model *model, int64_t clean_end, struct seen *seen) {
    int64_t offset = log_start_offset(model->log);

    *seen = (struct seen){0};
    for (int i = 0; i < KEYS; i++)
        seen->newest[i] = -1;
    while (offset < log_end_offset(model->log)) {
        int64_t before = offset;
        size_t size;
        uint8_t *data = read_bytes(model->log, offset, 500, &size);
        if (size == 0) {
            free(data);
            return;
        }
        see_batches(model, bytes_of(data, size), &offset, clean_end, seen);
        assert_true(offset > before);
        free(data);
    }
}

/* The newest record of each key is there, but a tombstone below `clean_end` may be gone. */
static inline void check_newest(struct model *model, int64_t clean_end, struct seen *seen) {
    int64_t newest[KEYS];

    for (int i = 0; i < KEYS; i++)
        newest[i] = -1;
    for (int64_t offset = 0; offset < model->end; offset++)
        newest[model->records[offset].key] = offset;
    assert_int_equal(log_end_offset(model->log), model->end);
    see_all(model, clean_end, seen);
    for (int i = 0; i < KEYS; i++) {
        bool is_value = newest[i] >= 0 && model->records[newest[i]].is_value;
        if (is_value || newest[i] >= clean_end)
            assert_int_equal(seen->newest[i], newest[i]);
        else
            assert_true(seen->newest[i] == newest[i] || seen->newest[i] == -1);
    }
}

/* Besides, everything from `clean_end` on is there, and of each key at most one record below. */
static inline void check(struct model *model, int64_t clean_end) {
    struct seen seen;

    check_newest(model, clean_end, &seen);
    for (int i = 0; i < KEYS; i++) {
        assert_true(seen.per_key_clean[i] <= 1);
        seen.count -= seen.per_key_clean[i];
    }
    assert_int_equal(seen.count, model->end - clean_end);
}

static inline void reopen(struct model *model, bool clean) {
    int64_t compacted = model->log->compacted_offset;

    if (clean)
        fixture_close(&model->f, model->log);
    else
        fixture_crash(&model->f, model->log);
    model->log = fixture_load(&model->f, clean, 0);
    model->log->compacted_offset = compacted; /* the manager reads it */
    log_note_high_watermark(model->log, model->end);
}

#endif

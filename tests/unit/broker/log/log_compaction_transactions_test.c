/* Compaction of what transactions leave: aborted records go, markers stay as long as they say
 * something. */
#include "client/wire/end_transaction_marker.h"
#include "tests/unit/broker/log/compaction_model.h"

static void append_in_transaction(struct model *model, int64_t producer_id, int32_t sequence) {
    struct batch_spec spec = {.records = 2,
                              .value_bytes = 20,
                              .timestamp = FIXTURE_NOW_MS,
                              .producer_id = producer_id,
                              .base_sequence = sequence,
                              .is_transactional = true};
    struct log_append_result result;

    assert_int_equal(append_batch(&model->f, model->log, &spec, &result), ERR_NONE);
}

static void end_transaction(struct model *model, int64_t producer_id, bool is_commit) {
    struct log_append_options options = {.origin = LOG_APPEND_COORDINATOR};
    struct end_transaction_marker one = {producer_id, 0, 5, is_commit, FIXTURE_NOW_MS};
    uint8_t batch[END_TRANSACTION_MARKER_BYTES];
    struct log_append_result result;

    end_transaction_marker_encode(&one, batch);
    assert_int_equal(log_append_as_leader(model->log, batch, sizeof(batch), 0, FIXTURE_NOW_MS,
                                          &options, &model->f.arena, &result),
                     ERR_NONE);
    log_note_high_watermark(model->log, log_end_offset(model->log));
}

/* Batches of the producer as text: "<records>" of data, "c" a marker. */
static void describe_producer(struct model *model, int64_t producer_id, char text[64]) {
    int64_t offset = 0;
    size_t length = 0;

    text[0] = '\0';
    while (offset < log_end_offset(model->log)) {
        struct record_batch batch;
        size_t size;
        uint8_t *data = read_bytes(model->log, offset, 1, &size);
        if (size == 0) {
            free(data);
            return;
        }
        assert_int_equal(record_batch_decode(bytes_of(data, size), &batch), ERR_NONE);
        offset = record_batch_last_offset(&batch) + 1;
        if (batch.producer_id == producer_id && (batch.attributes & RECORD_BATCH_CONTROL) != 0)
            length += (size_t)snprintf(text + length, 64 - length, "c");
        else if (batch.producer_id == producer_id)
            length += (size_t)snprintf(text + length, 64 - length, "%d", batch.record_count);
        free(data);
    }
}

static int32_t count_aborted(struct model *model) {
    struct log_aborted_list list;
    struct file_range range;

    arena_reset(&model->f.arena);
    assert_int_equal(log_read(model->log, 0, log_end_offset(model->log), 1 << 20, true, &range),
                     ERR_NONE);
    assert_int_equal(log_aborted_transactions(model->log, 0, log_end_offset(model->log), &range,
                                              &model->f.arena, &list),
                     ERR_NONE);
    log_range_release(&range);
    return list.count;
}

static void fill_segments(struct model *model) {
    model->end = log_end_offset(model->log);
    for (int i = 0; i < 40; i++)
        append(model, 1, 3, true);
}

/* Producer 1000 commits, 2000 aborts, 3000 is open. */
static void what_was_aborted_goes_and_what_is_open_stays(void **state) {
    struct compaction_result result;
    struct model *model = malloc(sizeof(*model));
    int64_t open_from;
    char text[64];
    (void)state;

    model_init(model);
    append_in_transaction(model, 2000, 0);
    append_in_transaction(model, 1000, 0);
    append_in_transaction(model, 2000, 2);
    end_transaction(model, 2000, false);
    end_transaction(model, 1000, true);
    fill_segments(model);
    open_from = log_end_offset(model->log);
    append_in_transaction(model, 3000, 0);
    fill_segments(model);
    assert_int_equal(count_aborted(model), 1);
    assert_int_equal(compact(model, &result), ERR_NONE);
    assert_in_range(result.compacted_offset, 20, open_from);
    /* Of the aborted one the last header stays, for its sequence, and with it the marker. */
    describe_producer(model, 2000, text);
    assert_string_equal(text, "0c");
    describe_producer(model, 1000, text);
    assert_string_equal(text, "1c"); /* both records have the same key */
    describe_producer(model, 3000, text);
    assert_string_equal(text, "2");
    assert_int_equal(count_aborted(model), 1);
    end_transaction(model, 3000, true);
    fill_segments(model);
    /* The producers are forgotten: what held their headers back is gone. */
    log_expire_producers(model->log, FIXTURE_NOW_MS + 1000000000, 1);
    assert_int_equal(compact(model, &result), ERR_NONE);
    describe_producer(model, 2000, text);
    assert_string_equal(text, "c");
    assert_int_equal(count_aborted(model), 1);
    /* Then nothing is left that the marker tells of: its time begins. */
    fill_segments(model);
    assert_int_equal(compact(model, &result), ERR_NONE);
    describe_producer(model, 2000, text);
    assert_string_equal(text, "c");
    assert_int_equal(count_aborted(model), 0);
    fixture_close(&model->f, model->log);
    model->log = fixture_load(&model->f, true, 0);
    log_note_high_watermark(model->log, log_end_offset(model->log));
    model->f.clock.wall_ms_now += model->f.config.delete_retention_ms;
    fill_segments(model);
    assert_int_equal(compact(model, &result), ERR_NONE);
    describe_producer(model, 2000, text);
    assert_string_equal(text, "");
    model_done(model);
    free(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_aborted_goes_and_what_is_open_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

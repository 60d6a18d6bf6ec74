/* Transactions in a log: what is stable, what was aborted, and both found again after anything. */
#include "tests/unit/broker/log/log_fixture.h"

#include "client/base/rng.h"
#include "client/wire/end_transaction_marker.h"

#define A 1000
#define B 2000

static enum error try_data(struct fixture *f, struct log *log, int64_t producer_id,
                           int32_t sequence, int32_t records) {
    struct batch_spec spec = {
        .records = records,
        .value_bytes = 20,
        .timestamp = FIXTURE_NOW_MS,
        .producer_id = producer_id,
        .base_sequence = sequence,
        .is_transactional = true,
    };
    struct log_append_result result;

    return append_batch(f, log, &spec, &result);
}

static void data(struct fixture *f, struct log *log, int64_t producer_id, int32_t sequence,
                 int32_t records) {
    assert_int_equal(try_data(f, log, producer_id, sequence, records), ERR_NONE);
}

static void marker(struct fixture *f, struct log *log, int64_t producer_id, bool is_commit) {
    struct log_append_options options = {.origin = LOG_APPEND_COORDINATOR};
    struct end_transaction_marker one = {producer_id, 0, 5, is_commit, FIXTURE_NOW_MS};
    uint8_t batch[END_TRANSACTION_MARKER_BYTES];
    struct log_append_result result;

    end_transaction_marker_encode(&one, batch);
    assert_int_equal(log_append_as_leader(log, batch, sizeof(batch), 0, FIXTURE_NOW_MS, &options,
                                          &f->arena, &result),
                     ERR_NONE);
}

static struct log_aborted_list aborted(struct fixture *f, struct log *log, int64_t from,
                                       size_t bytes_max) {
    int64_t end = log_end_offset(log);
    struct log_aborted_list list;
    struct file_range range;

    arena_reset(&f->arena);
    assert_int_equal(log_read(log, from, end, bytes_max, true, &range), ERR_NONE);
    assert_int_equal(log_aborted_transactions(log, from, end, &range, &f->arena, &list), ERR_NONE);
    log_range_release(&range);
    return list;
}

static void an_open_transaction_holds_back_what_is_stable(void **state) {
    struct fixture f;
    struct log *log;
    (void)state;

    fixture_init(&f);
    log = fixture_load(&f, true, 0);
    assert_int_equal(log_first_unstable_offset(log), INT64_MAX);
    append_records(&f, log, 3);
    data(&f, log, A, 0, 2); /* 3 and 4 */
    data(&f, log, B, 0, 1); /* 5 */
    data(&f, log, A, 2, 1); /* 6 */
    assert_int_equal(log_first_unstable_offset(log), 3);
    log_note_high_watermark(log, 7);
    marker(&f, log, A, true); /* 7 */
    assert_int_equal(log_first_unstable_offset(log), 3);
    log_note_high_watermark(log, 7);
    assert_int_equal(log_first_unstable_offset(log), 3);
    log_note_high_watermark(log, 8);
    assert_int_equal(log_first_unstable_offset(log), 5);
    data(&f, log, A, 3, 1);    /* 8 */
    marker(&f, log, B, false); /* 9 */
    log_note_high_watermark(log, 10);
    assert_int_equal(log_first_unstable_offset(log), 8);
    log_advance_start_offset(log, 9);
    assert_int_equal(log_first_unstable_offset(log), 9);
    fixture_close(&f, log);
    fixture_done(&f);
}

static void the_oldest_open_transaction_has_the_time_of_its_newest_batch(void **state) {
    struct batch_spec late = {.records = 1,
                              .value_bytes = 20,
                              .timestamp = FIXTURE_NOW_MS + 5,
                              .producer_id = A,
                              .base_sequence = 1,
                              .is_transactional = true};
    struct log_append_result result;
    struct fixture f;
    struct log *log;
    (void)state;

    fixture_init(&f);
    log = fixture_load(&f, true, 0);
    append_records(&f, log, 1);
    assert_int_equal(log_oldest_transaction_ms(log), -1);
    data(&f, log, A, 0, 1);
    data(&f, log, B, 0, 1);
    assert_int_equal(log_oldest_transaction_ms(log), FIXTURE_NOW_MS);
    assert_int_equal(append_batch(&f, log, &late, &result), ERR_NONE);
    assert_int_equal(log_oldest_transaction_ms(log), FIXTURE_NOW_MS + 5);
    marker(&f, log, A, true); /* not on the high watermark's side yet, but ended */
    assert_int_equal(log_oldest_transaction_ms(log), FIXTURE_NOW_MS);
    fixture_close(&f, log);
    log = fixture_load(&f, true, 0);
    assert_int_equal(log_oldest_transaction_ms(log), FIXTURE_NOW_MS);
    marker(&f, log, B, false);
    assert_int_equal(log_oldest_transaction_ms(log), -1);
    fixture_close(&f, log);
    fixture_done(&f);
}

static void an_aborted_transaction_is_indexed_with_kafkas_bytes(void **state) {
    static const uint8_t expected[] = {
        0, 0, 0, 0, 0, 0, 0, 0, 0x03, 0xe8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,    0,    0, 0,
        0, 0, 3, 0, 0, 0, 0, 0, 0,    0,    2, 0, 0, 0, 0, 0, 0, 0, 0, 0x07, 0xd0, 0, 0,
        0, 0, 0, 0, 0, 2, 0, 0, 0,    0,    0, 0, 0, 4, 0, 0, 0, 0, 0, 0,    0,    5,
    };
    struct fixture f;
    struct log *log;
    uint8_t *bytes;
    size_t size;
    (void)state;

    fixture_init(&f);
    log = fixture_load(&f, true, 0);
    data(&f, log, A, 0, 2);
    data(&f, log, B, 0, 1);
    marker(&f, log, A, false); /* 3; B is open from 2 on */
    marker(&f, log, B, false); /* 4 */
    data(&f, log, A, 2, 1);
    marker(&f, log, A, true);
    marker(&f, log, B, false); /* nothing to abort */
    bytes = slurp(path_in(f.log_path, "00000000000000000000.txnindex"), &size);
    assert_int_equal(size, sizeof(expected));
    assert_memory_equal(bytes, expected, size);
    free(bytes);
    fixture_close(&f, log);
    fixture_done(&f);
}

static void a_reader_is_told_of_those_that_overlap(void **state) {
    struct log_aborted_list list;
    struct fixture f;
    struct log *log;
    (void)state;

    fixture_init(&f);
    log = fixture_load(&f, true, 0);
    data(&f, log, B, 0, 1);    /* 0 */
    data(&f, log, A, 0, 1);    /* 1 */
    marker(&f, log, A, false); /* 2 */
    assert_int_equal(log_roll(log, FIXTURE_NOW_MS), ERR_NONE);
    append_records(&f, log, 1); /* 3 */
    marker(&f, log, B, false);  /* 4 */
    list = aborted(&f, log, 0, 1 << 20);
    assert_int_equal(list.count, 2);
    assert_int_equal(list.all[0].producer_id, B); /* by first offset, not by marker */
    assert_int_equal(list.all[1].producer_id, A);
    list = aborted(&f, log, 3, 1 << 20);
    assert_int_equal(list.count, 1);
    assert_int_equal(list.all[0].first_offset, 0);
    fixture_close(&f, log);
    fixture_done(&f);
}

/* Else whoever catches up is told of all that ever was, again and again. */
static void a_reader_far_behind_is_told_of_what_it_reads(void **state) {
    struct fixture f;
    struct log *log;
    (void)state;

    fixture_init(&f);
    f.config.index_interval_bytes = 256;
    log = fixture_load(&f, true, 0);
    for (int32_t i = 0; i < 500; i++) {
        data(&f, log, A, i, 1);
        marker(&f, log, A, false);
    }
    assert_in_range(aborted(&f, log, 0, 1000).count, 5, 15);
    assert_in_range(aborted(&f, log, 0, 100000).count, 450, 500);
    assert_int_equal(aborted(&f, log, 0, 1 << 20).count, 500);
    fixture_close(&f, log);
    fixture_done(&f);
}

static void a_damaged_index_is_rebuilt(void **state) {
    static const char *const contents[] = {"", "junk", "0123456789012345678901234567890123"};
    struct fixture f;
    struct log *log;
    uint8_t *good;
    size_t size;
    (void)state;

    for (size_t i = 0; i < ARRAY_COUNT(contents); i++) {
        const char *path;
        uint8_t *found;
        size_t found_size;
        fixture_init(&f);
        path = path_in(f.log_path, "00000000000000000000.txnindex");
        log = fixture_load(&f, true, 0);
        data(&f, log, A, 0, 1);
        data(&f, log, B, 0, 1);
        marker(&f, log, A, false);
        assert_int_equal(log_roll(log, FIXTURE_NOW_MS), ERR_NONE);
        marker(&f, log, B, false);
        fixture_close(&f, log);
        good = slurp(path, &size);
        spit(path, contents[i], strlen(contents[i]));
        log = fixture_load(&f, contents[i][0] != '\0', 0);
        found = slurp(path, &found_size);
        assert_int_equal(found_size, size);
        assert_memory_equal(found, good, size);
        assert_int_equal(aborted(&f, log, 0, 1 << 20).count, 2);
        free(found);
        free(good);
        fixture_close(&f, log);
        fixture_done(&f);
    }
}

/* ---- against a model ---- */

#define PRODUCERS 4
#define OFFSETS   4096

/* What happened at each offset. */
struct model {
    int64_t producer_id[OFFSETS]; /* 0: a record without a transaction */
    enum { DATA, COMMIT, ABORT } what[OFFSETS];
    int64_t end;
    int64_t high_watermark;
};

static int64_t model_open(const struct model *model, int64_t producer_id, int64_t end) {
    int64_t open = -1;

    for (int64_t i = 0; i < end; i++) {
        if (model->producer_id[i] != producer_id)
            continue;
        if (model->what[i] != DATA)
            open = -1;
        else if (open < 0)
            open = i;
    }
    return open;
}

/* Of what is open, or was ended at or above the high watermark. */
static int64_t model_first_unstable(const struct model *model) {
    int64_t first = INT64_MAX;

    for (int p = 1; p <= PRODUCERS; p++) {
        for (int64_t end = model->high_watermark; end <= model->end; end++) {
            int64_t open = model_open(model, p, end);
            bool counts = end == model->end || (end < model->end && model->producer_id[end] == p &&
                                                model->what[end] != DATA);
            if (counts && open >= 0 && open < first)
                first = open;
        }
    }
    return first;
}

static bool model_is_aborted(const struct model *model, int64_t offset) {
    for (int64_t i = offset; i < model->end; i++) {
        if (model->producer_id[i] == model->producer_id[offset] && model->what[i] != DATA)
            return model->what[i] == ABORT;
    }
    return false;
}

/* Skips as a consumer does. */
static void check_reading(struct fixture *f, struct log *log, const struct model *model,
                          int64_t from) {
    bool skips[PRODUCERS + 1] = {false};
    struct log_aborted_list list;

    if (from >= model->end)
        return;
    list = aborted(f, log, from, 1 << 20);
    for (int64_t i = from; i < model->end; i++) {
        int64_t p = model->producer_id[i];
        for (int32_t j = 0; j < list.count; j++) {
            if (list.all[j].first_offset <= i && list.all[j].first_offset >= 0) {
                skips[list.all[j].producer_id] = true;
                list.all[j].first_offset = -1;
            }
        }
        if (p > 0 && model->what[i] == ABORT)
            skips[p] = false;
        if (p > 0 && model->what[i] == DATA)
            assert_int_equal(skips[p], model_is_aborted(model, i));
    }
}

static void check_model(struct fixture *f, struct log *log, struct rng *rng,
                        const struct model *model) {
    assert_int_equal(log_end_offset(log), model->end);
    assert_int_equal(log_first_unstable_offset(log), model_first_unstable(model));
    check_reading(f, log, model, (int64_t)rng_below(rng, (uint64_t)model->end + 1));
}

static void step_append(struct fixture *f, struct log *log, struct rng *rng, struct model *model) {
    int64_t p = (int64_t)rng_below(rng, PRODUCERS + 1);
    bool ends = p > 0 && rng_below(rng, 3) == 0;

    model->producer_id[model->end] = p;
    model->what[model->end] = !ends ? DATA : rng_below(rng, 2) == 0 ? COMMIT : ABORT;
    if (p == 0) {
        append_records(f, log, 1);
    } else if (ends) {
        marker(f, log, p, model->what[model->end] == COMMIT);
    } else {
        /* Any sequence but the one that follows may be refused: ask what the log expects. */
        struct producer_view views[PRODUCERS];
        size_t count = log_list_producers(log, views, PRODUCERS);
        int32_t sequence = 0;
        for (size_t i = 0; i < count; i++)
            sequence = views[i].producer_id == p ? views[i].last_sequence + 1 : sequence;
        data(f, log, p, sequence, 1);
    }
    model->end++;
}

static struct log *step_reopen(struct fixture *f, struct log *log, struct rng *rng,
                               struct model *model) {
    bool was_clean = rng_below(rng, 2) == 0;
    int64_t recovery_point = (int64_t)rng_below(rng, (uint64_t)model->end + 1);

    if (was_clean) {
        fixture_close(f, log);
    } else {
        /* What lies below the recovery point was flushed. */
        assert_int_equal(log_flush(log), ERR_NONE);
        fixture_crash(f, log);
    }
    log = fixture_load(f, was_clean, recovery_point);
    model->high_watermark = model->end; /* as above */
    log_note_high_watermark(log, model->high_watermark);
    return log;
}

static void it_is_what_a_model_says_whatever_happens(void **state) {
    static struct model model;
    (void)state;

    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct fixture f;
        struct log *log;
        struct rng rng;
        rng_seed(&rng, seed);
        fixture_init(&f);
        model = (struct model){0};
        log = fixture_load(&f, true, 0);
        for (int i = 0; i < 300; i++) {
            switch (rng_below(&rng, 20)) {
            case 0:
                /* The snapshot does not tell of what ended before it. */
                model.high_watermark = model.end;
                log_note_high_watermark(log, model.end);
                assert_int_equal(log_roll(log, FIXTURE_NOW_MS), ERR_NONE);
                break;
            case 1:
                model.end -=
                    (int64_t)rng_below(&rng, (uint64_t)(model.end - model.high_watermark) + 1);
                assert_int_equal(log_truncate(log, model.end), ERR_NONE);
                break;
            case 2:
                log = step_reopen(&f, log, &rng, &model);
                break;
            case 3:
            case 4:
                model.high_watermark +=
                    (int64_t)rng_below(&rng, (uint64_t)(model.end - model.high_watermark) + 1);
                log_note_high_watermark(log, model.high_watermark);
                break;
            default:
                step_append(&f, log, &rng, &model);
                break;
            }
            check_model(&f, log, &rng, &model);
        }
        fixture_close(&f, log);
        fixture_done(&f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_open_transaction_holds_back_what_is_stable),
        cmocka_unit_test(the_oldest_open_transaction_has_the_time_of_its_newest_batch),
        cmocka_unit_test(an_aborted_transaction_is_indexed_with_kafkas_bytes),
        cmocka_unit_test(a_reader_is_told_of_those_that_overlap),
        cmocka_unit_test(a_reader_far_behind_is_told_of_what_it_reads),
        cmocka_unit_test(a_damaged_index_is_rebuilt),
        cmocka_unit_test(it_is_what_a_model_says_whatever_happens),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

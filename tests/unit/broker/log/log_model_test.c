/*
 * Random operations on a log, compared after each with a model: a plain array of batches. Each run
 * has a seed of its own, which is printed if it fails.
 *
 *   BARNABAS_MODEL_STEPS=1000000  so many operations in all, in place of those of every test
 *   BARNABAS_SEED=N               one run, with this seed
 */
#include "tests/unit/broker/log/log_fixture.h"

#include <inttypes.h>
#include <time.h>

#include "broker/log/shutdown_summary.h"
#include "client/base/rng.h"

#define OPERATIONS  400
#define STEPS       12000 /* in all */
#define BATCHES_MAX 2000

struct model_batch {
    uint8_t *bytes;
    size_t size;
    int64_t base_offset;
    int64_t last_offset;
    int64_t max_timestamp; /* its records are 1 ms apart up to it */
    int32_t records;
    int32_t leader_epoch;
};

struct model {
    struct model_batch batches[BATCHES_MAX];
    size_t count;
    int64_t start_offset;
    int64_t end_offset;
    int32_t leader_epoch;
};

struct run {
    struct fixture f;
    struct log *log;
    struct model model;
    struct rng rng;
};

static uint64_t below(struct run *run, uint64_t bound) {
    return rng_below(&run->rng, bound);
}

static void model_cut(struct model *model, size_t count) {
    while (model->count > count)
        free(model->batches[--model->count].bytes);
}

static void model_add(struct model *model, uint8_t *bytes, size_t size) {
    struct stored_batch batch;

    assert_true(model->count < BATCHES_MAX);
    assert_int_equal(stored_batch_decode(bytes_of(bytes, size), &batch), ERR_NONE);
    model->batches[model->count++] = (struct model_batch){
        bytes,
        size,
        batch.base_offset,
        batch.last_offset,
        batch.max_timestamp,
        batch.header.record_count,
        batch.leader_epoch,
    };
    model->end_offset = batch.last_offset + 1;
}

static struct batch_spec random_spec(struct run *run) {
    return (struct batch_spec){
        .records = 1 + (int32_t)below(run, 5),
        .value_bytes = below(run, 120),
        .timestamp = FIXTURE_NOW_MS + (int64_t)below(run, 2000),
        .leader_epoch = run->model.leader_epoch,
        .codec = below(run, 4) == 0 ? COMPRESSION_LZ4 : COMPRESSION_NONE,
    };
}

static void append_as_leader(struct run *run) {
    struct batch_spec spec = random_spec(run);
    struct log_append_result result;
    size_t size;
    uint8_t *bytes = make_batch(&spec, &size);

    assert_int_equal(append_bytes(&run->f, run->log, bytes, size, spec.leader_epoch, &result),
                     ERR_NONE);
    assert_int_equal(result.base_offset, run->model.end_offset);
    model_add(&run->model, bytes, size);
}

/* Several batches at once, sometimes with a gap and a torn one at the end. */
static void append_as_follower(struct run *run) {
    struct log_append_result result;
    uint8_t data[16384];
    size_t size = 0;
    int count = 1 + (int)below(run, 6);

    for (int i = 0; i < count; i++) {
        struct batch_spec spec = random_spec(run);
        size_t batch_size;
        uint8_t *bytes;
        spec.base_offset = run->model.end_offset + (below(run, 5) == 0 ? 7 : 0);
        bytes = make_batch(&spec, &batch_size);
        memcpy(data + size, bytes, batch_size);
        size += batch_size;
        model_add(&run->model, bytes, batch_size);
    }
    memcpy(data + size, data, 40);
    assert_int_equal(log_append_as_follower(run->log, data, size + below(run, 2) * 40, INT32_MAX,
                                            FIXTURE_NOW_MS, &result),
                     ERR_NONE);
}

static void truncate_somewhere(struct run *run) {
    struct model *model = &run->model;
    int64_t offset = (int64_t)below(run, (uint64_t)model->end_offset + 3);
    size_t kept = 0;

    if (offset < model->start_offset && below(run, 4) != 0)
        return;
    /* Most cuts are near the end, as in life. */
    if (below(run, 3) != 0 && model->end_offset - offset > 30)
        offset = model->end_offset - 30 > model->start_offset ? model->end_offset - 30
                                                              : model->start_offset;
    assert_int_equal(log_truncate(run->log, offset), ERR_NONE);
    if (offset >= model->end_offset)
        return;
    while (kept < model->count && model->batches[kept].last_offset < offset)
        kept++;
    model_cut(model, kept);
    if (log_end_offset(run->log) > model->end_offset)
        fail_msg("truncation raised the end");
    /* Where the last batch ends, or where the segment begins that would hold the next. */
    if (kept > 0)
        assert_true(log_end_offset(run->log) >= model->batches[kept - 1].last_offset + 1);
    assert_true(log_end_offset(run->log) <= offset);
    model->end_offset = log_end_offset(run->log);
    model->start_offset = log_start_offset(run->log);
    assert_true(model->start_offset <= model->end_offset);
}

static void start_over(struct run *run) {
    int64_t offset = (int64_t)below(run, (uint64_t)run->model.end_offset + 100);

    assert_int_equal(log_truncate_fully_and_start_at(run->log, offset), ERR_NONE);
    model_cut(&run->model, 0);
    run->model.start_offset = run->model.end_offset = offset;
}

static void reopen(struct run *run, bool clean) {
    int64_t flushed = log_recovery_point(run->log);

    if (clean)
        fixture_close(&run->f, run->log);
    else
        fixture_crash(&run->f, run->log);
    assert_int_equal(fixture_try_load(&run->f, clean, flushed, run->model.start_offset, &run->log),
                     ERR_NONE);
}

/* As the manager does after a clean stop: what is known is told, and no file is looked at. */
static void reopen_unopened(struct run *run) {
    struct epoch_start epochs[SHUTDOWN_SUMMARY_EPOCHS_MAX];
    struct log *log = run->log;
    size_t count = leader_epochs_count(log->epochs);
    struct log_load_options options = {
        .topic = bytes_of_text("topic"),
        .dir_name = run->f.log_path,
        .config = &run->f.config,
        .was_clean = true,
    };
    struct summarised_log told = {.epochs = epochs, .epoch_count = count};

    if (count > ARRAY_COUNT(epochs)) {
        reopen(run, true);
        return;
    }
    worker_pool_drain(run->f.pool);
    assert_int_equal(log_close_clean(log), ERR_NONE);
    for (size_t i = 0; i < count; i++)
        epochs[i] = leader_epochs_get(log->epochs, i);
    told.first_base_offset = log_first_base_offset(log);
    told.start_offset = log_start_offset(log);
    told.end_offset = log_end_offset(log);
    told.size = log_size(log);
    options.recovery_point = told.end_offset;
    fixture_crash(&run->f, log);
    assert_int_equal(log_new_unopened(&run->f.dir, &options, &told, &run->log), ERR_NONE);
    assert_false(log_is_open(run->log));
}

/* The oldest segments go, but what is newer than the high watermark stays. */
static void retain(struct run *run) {
    struct model *model = &run->model;
    int64_t high_watermark =
        model->start_offset +
        (int64_t)below(run, (uint64_t)(model->end_offset - model->start_offset) + 1);
    int64_t before = log_size(run->log);
    bool by_size_only = log_first_base_offset(run->log) >= model->start_offset;

    log_note_high_watermark(run->log, high_watermark);
    run->f.config.retention_bytes = (int64_t)below(run, (uint64_t)before + 1);
    run->f.config.delete_old = true;
    log_set_config(run->log, &run->f.config);
    assert_int_equal(log_apply_retention(run->log, FIXTURE_NOW_MS, NULL), ERR_NONE);
    assert_true(log_start_offset(run->log) >= model->start_offset);
    assert_true(log_start_offset(run->log) == model->start_offset ||
                log_start_offset(run->log) <= high_watermark);
    model->start_offset = log_start_offset(run->log);
    /* Neither too few went nor too many. */
    if (run->log->segment_count > 1)
        assert_true(log_size(run->log) - run->log->segments[0]->size <
                        run->f.config.retention_bytes ||
                    run->log->segments[1]->base_offset > high_watermark);
    if (by_size_only && log_size(run->log) < before)
        assert_true(log_size(run->log) >= run->f.config.retention_bytes);
    log_note_high_watermark(run->log, model->end_offset);
}

static void raise_start(struct run *run) {
    int64_t length = run->model.end_offset - run->model.start_offset;

    run->model.start_offset += (int64_t)below(run, (uint64_t)length / 4 + 1);
    log_advance_start_offset(run->log, run->model.start_offset);
}

/* ---- comparing ---- */

static size_t batch_of(const struct model *model, int64_t offset) {
    size_t i = 0;

    while (i < model->count && model->batches[i].last_offset < offset)
        i++;
    return i;
}

static void check_read(struct run *run, int64_t offset, int64_t limit) {
    const struct model *model = &run->model;
    size_t bytes_max = below(run, 3) == 0 ? below(run, 2000) : 1 << 20;
    size_t at = batch_of(model, offset);
    struct file_range range;
    uint8_t *data;
    size_t size;
    size_t compared = 0;

    assert_int_equal(log_read(run->log, offset, limit, bytes_max, true, &range), ERR_NONE);
    data = malloc(range.size + 1);
    assert_non_null(data);
    assert_int_equal(log_range_copy(run->log, &range, data, &size), ERR_NONE);
    assert_int_equal(size, range.size);
    if (offset < limit && at < model->count && model->batches[at].last_offset < limit)
        assert_true(size >= model->batches[at].size);
    for (; compared < size; at++) {
        size_t part = model->batches[at].size;
        assert_true(at < model->count);
        assert_true(model->batches[at].last_offset < limit);
        if (part > size - compared)
            part = size - compared;
        assert_memory_equal(data + compared, model->batches[at].bytes, part);
        compared += part;
    }
    free(data);
    log_range_release(&range);
}

static void check_timestamp(struct run *run, int64_t timestamp) {
    const struct model *model = &run->model;
    struct log_timestamp_offset found;
    int64_t expected = -1;

    for (size_t i = 0; i < model->count && expected < 0; i++) {
        const struct model_batch *batch = &model->batches[i];
        for (int32_t j = 0; j < batch->records && expected < 0; j++) {
            if (batch->max_timestamp - batch->records + 1 + j >= timestamp &&
                batch->base_offset + j >= model->start_offset)
                expected = batch->base_offset + j;
        }
    }
    assert_int_equal(log_offset_for_timestamp(run->log, timestamp, model->end_offset, &found),
                     ERR_NONE);
    assert_int_equal(found.offset, expected);
}

/* How far an epoch reached is known for all epochs that have batches. */
static void check_epochs(struct run *run) {
    const struct model *model = &run->model;

    for (size_t i = 0; i + 1 < model->count; i++) {
        const struct model_batch *batch = &model->batches[i];
        const struct model_batch *next = &model->batches[i + 1];
        struct epoch_end end;
        if (batch->leader_epoch == next->leader_epoch || next->base_offset < model->start_offset)
            continue;
        end = log_epoch_end(run->log, batch->leader_epoch);
        if (batch->last_offset >= model->start_offset)
            assert_int_equal(end.leader_epoch, batch->leader_epoch);
        assert_in_range(end.end_offset, batch->last_offset + 1, next->base_offset);
    }
}

static void check_all(struct run *run) {
    const struct model *model = &run->model;
    int64_t length = model->end_offset - model->start_offset;

    assert_int_equal(log_start_offset(run->log), model->start_offset);
    assert_int_equal(log_end_offset(run->log), model->end_offset);
    for (int i = 0; i < 4; i++) {
        int64_t offset = model->start_offset + (int64_t)below(run, (uint64_t)length + 1);
        int64_t limit = below(run, 2) == 0
                            ? model->end_offset
                            : model->start_offset + (int64_t)below(run, (uint64_t)length + 1);
        check_read(run, offset, limit);
    }
    check_timestamp(run, FIXTURE_NOW_MS + (int64_t)below(run, 2100));
    check_epochs(run);
}

static void operate(struct run *run) {
    uint64_t choice = below(run, 100);

    if (choice < 45)
        append_as_leader(run);
    else if (choice < 70)
        append_as_follower(run);
    else if (choice < 76)
        truncate_somewhere(run);
    else if (choice < 77)
        start_over(run);
    else if (choice < 80)
        reopen(run, true);
    else if (choice < 83)
        reopen_unopened(run);
    else if (choice < 89)
        reopen(run, false);
    else if (choice < 92)
        assert_int_equal(log_roll(run->log, FIXTURE_NOW_MS), ERR_NONE);
    else if (choice < 94)
        raise_start(run);
    else if (choice < 96)
        assert_int_equal(log_flush(run->log), ERR_NONE);
    else if (choice < 97)
        retain(run);
    else
        run->model.leader_epoch++;
}

static uint64_t seed_under_way;

static void run_seed(uint64_t seed, uint64_t steps) {
    struct run *run = calloc(1, sizeof(*run));

    assert_non_null(run);
    seed_under_way = seed;
    fixture_init(&run->f);
    rng_seed(&run->rng, seed);
    run->f.config.segment_bytes = 1000 + (int32_t)below(run, 20000);
    run->f.config.index_interval_bytes = (int32_t)below(run, 600);
    run->f.config.flush_messages = below(run, 2) == 0 ? 5 : INT64_MAX;
    run->f.config.retention_ms = -1;
    run->log = fixture_load(&run->f, true, 0);
    for (uint64_t i = 0; i < steps; i++) {
        operate(run);
        check_all(run);
    }
    fixture_crash(&run->f, run->log);
    model_cut(&run->model, 0);
    fixture_done(&run->f);
    free(run);
    seed_under_way = 0;
}

static int tell_seed(void **state) {
    (void)state;
    if (seed_under_way != 0)
        print_message("the seed was %" PRIu64 "\n", seed_under_way);
    return 0;
}

static uint64_t number_from(const char *variable, uint64_t otherwise) {
    const char *text = getenv(variable);

    return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

static void a_log_and_its_model_agree_after_every_operation(void **state) {
    uint64_t steps = number_from("BARNABAS_MODEL_STEPS", STEPS);
    uint64_t seed = number_from("BARNABAS_SEED", 0);
    (void)state;

    if (seed != 0) {
        run_seed(seed, OPERATIONS);
        return;
    }
    seed = (uint64_t)time(NULL) * 1000000;
    for (uint64_t done = 0; done < steps; done += OPERATIONS)
        run_seed(seed + done / OPERATIONS, steps - done < OPERATIONS ? steps - done : OPERATIONS);
    print_message("%" PRIu64 " operations\n", steps);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_log_and_its_model_agree_after_every_operation, tell_seed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

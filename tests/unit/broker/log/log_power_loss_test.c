/* The power goes at any moment: what a log said to be on disk is there, each record once, and the
 * log opens. */
#include <time.h>

#include "tests/unit/broker/log/compaction_model.h"
#include "tests/unit/broker/log/power_loss.h"

#define LIVES 150

static void return_power(struct fixture *f) {
    power_return();
    faulty_disk_init(&f->disk);
    fixture_close_dir(f);
    fixture_open_dir(f);
}

/* ---- appending, rolling, truncating ---- */

struct life {
    uint64_t seed;
    struct fixture f;
    struct rng rng;
    struct log *log;
    uint8_t *batches[1000]; /* as they were appended */
    size_t sizes[1000];
    int64_t ends[1000]; /* offset behind each */
    size_t count;
    int64_t surely;     /* everything below must be there */
    int64_t checkpoint; /* what the file of recovery points says */
};

static enum error append_one(struct life *life) {
    struct batch_spec spec = {.records = 1 + (int32_t)rng_below(&life->rng, 4),
                              .value_bytes = rng_below(&life->rng, 100),
                              .timestamp = FIXTURE_NOW_MS + (int64_t)life->count,
                              .leader_epoch = (int32_t)life->count / 20};
    struct log_append_result result;
    size_t size;
    uint8_t *bytes = make_batch(&spec, &size);
    enum error error = append_bytes(&life->f, life->log, bytes, size, spec.leader_epoch, &result);

    /* Even what failed may be there. */
    life->batches[life->count] = bytes;
    life->sizes[life->count] = size;
    life->ends[life->count] = (life->count == 0 ? 0 : life->ends[life->count - 1]) + spec.records;
    life->count++;
    return error;
}

static enum error truncate_some(struct life *life) {
    size_t kept = life->count - rng_below(&life->rng, life->count < 8 ? life->count : 8);
    int64_t offset = kept == 0 ? 0 : life->ends[kept - 1];
    enum error error;

    if (life->checkpoint > offset)
        life->checkpoint = offset;
    if (life->surely > offset)
        life->surely = offset;
    if ((error = log_truncate(life->log, offset)) != ERR_NONE)
        return error; /* it may be done or not */
    assert_int_equal(log_end_offset(life->log), offset);
    while (life->count > kept)
        free(life->batches[--life->count]);
    return ERR_NONE;
}

static enum error step(struct life *life) {
    uint64_t choice = rng_below(&life->rng, 100);

    if (life->count > 900)
        return ERR_CANCELLED;
    if (choice < 70 || life->count == 0)
        return append_one(life);
    if (choice < 80)
        return log_flush(life->log);
    if (choice < 85)
        return log_roll(life->log, FIXTURE_NOW_MS);
    if (choice < 90)
        return truncate_some(life);
    if (choice < 95)
        worker_pool_drain(life->f.pool);
    else
        life->checkpoint = log_recovery_point(life->log);
    return ERR_NONE;
}

/* Behind what was surely on disk anything whole may be left: what had been cut off (a follower cuts
 * it off again, by the leader's epochs), and, as with Kafka, later segments although the end of an
 * earlier one is lost. */
static void check_left(struct life *life) {
    int64_t end = log_end_offset(life->log);
    int64_t offset = 0;

    if (end < life->surely)
        fail_msg("seed %llu: %lld is the end, %lld was on disk", (unsigned long long)life->seed,
                 (long long)end, (long long)life->surely);
    for (size_t i = 0; offset < end; i++) {
        struct record_batch batch;
        size_t size;
        uint8_t *data = read_bytes(life->log, offset, 1, &size);
        if (size == 0 && offset >= life->surely) {
            free(data);
            return; /* the last segment says where the log ended; the end itself is lost */
        }
        assert_int_equal(record_batch_decode(bytes_of(data, size), &batch), ERR_NONE);
        assert_true(record_batch_crc_is_valid(&batch));
        assert_true(batch.base_offset >= offset);
        if (offset < life->surely) {
            assert_int_equal(batch.base_offset, offset);
            assert_true(i < life->count);
            if (size != life->sizes[i] || memcmp(data, life->batches[i], size) != 0)
                fail_msg("seed %llu: at offset %lld lies another batch than was on disk up to %lld",
                         (unsigned long long)life->seed, (long long)offset,
                         (long long)life->surely);
        }
        offset = record_batch_last_offset(&batch) + 1;
        free(data);
    }
    assert_int_equal(offset, end);
}

static void live_and_lose_power(uint64_t seed) {
    struct life *life = calloc(1, sizeof(*life));
    enum error error = ERR_NONE;

    assert_non_null(life);
    life->seed = seed;
    fixture_init(&life->f);
    logger_set_level(LOG_LEVEL_ERROR + 1);
    rng_seed(&life->rng, seed);
    life->f.config.segment_bytes = 400 + (int32_t)rng_below(&life->rng, 3000);
    life->f.config.index_interval_bytes = (int32_t)rng_below(&life->rng, 300);
    life->f.config.flush_messages = rng_below(&life->rng, 2) == 0 ? 1 : INT64_MAX;
    life->log = fixture_load(&life->f, true, 0);
    power_watch(&life->f.disk.disk, life->f.log_path, seed, (int64_t)rng_below(&life->rng, 300));
    while (error == ERR_NONE) {
        error = step(life);
        if (error == ERR_NONE && log_flushed_offset(life->log) > life->surely)
            life->surely = log_flushed_offset(life->log);
    }
    fixture_crash(&life->f, life->log);
    return_power(&life->f);
    life->log = fixture_load(&life->f, false, life->checkpoint);
    check_left(life);
    append_records(&life->f, life->log, 1);
    fixture_crash(&life->f, life->log);
    for (size_t i = 0; i < life->count; i++)
        free(life->batches[i]);
    fixture_done(&life->f);
    free(life);
}

static uint64_t first_seed(void) {
    const char *given = getenv("BARNABAS_SEED");

    return given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL) * 100000;
}

static void what_was_on_disk_is_there_when_the_power_returns(void **state) {
    uint64_t seed = first_seed();
    (void)state;

    print_message("seed %llu and on\n", (unsigned long long)seed);
    for (uint64_t i = 0; i < (getenv("BARNABAS_SEED") != NULL ? 1 : LIVES); i++)
        live_and_lose_power(seed + i);
}

/* ---- compacting ---- */

static void compact_and_lose_power(uint64_t seed) {
    struct model *model = malloc(sizeof(*model));
    struct compaction_result result;
    struct seen seen;

    model_init(model);
    rng_seed(&model->rng, seed);
    model->f.config.segment_bytes = 600 + (int32_t)below(model, 4000);
    model->f.config.delete_retention_ms = 0;
    log_set_config(model->log, &model->f.config);
    logger_set_level(LOG_LEVEL_ERROR + 1);
    for (int i = 0; i < 60; i++)
        append(model, 1 + (int)below(model, 4), -1, true);
    assert_int_equal(log_flush(model->log), ERR_NONE);
    worker_pool_drain(model->f.pool);
    if (below(model, 2) == 0) {
        assert_int_equal(compact(model, &result), ERR_NONE);
        for (int i = 0; i < 30; i++)
            append(model, 1 + (int)below(model, 4), -1, true);
        assert_int_equal(log_flush(model->log), ERR_NONE);
        worker_pool_drain(model->f.pool);
    }
    power_watch(&model->f.disk.disk, model->f.log_path, seed, (int64_t)below(model, 120));
    power_sync_all();
    (void)!compact(model, &result);
    fixture_crash(&model->f, model->log);
    return_power(&model->f);
    model->log = fixture_load(&model->f, false, 0);
    log_note_high_watermark(model->log, model->end);
    check_newest(model, model->end, &seen);
    assert_int_equal(compact(model, &result), ERR_NONE);
    check(model, model->log->compacted_offset);
    model_done(model);
    free(model);
}

static void a_compaction_loses_nothing_with_the_power(void **state) {
    uint64_t seed = first_seed();
    (void)state;

    for (uint64_t i = 0; i < (getenv("BARNABAS_SEED") != NULL ? 1 : LIVES); i++)
        compact_and_lose_power(seed + i);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_on_disk_is_there_when_the_power_returns),
        cmocka_unit_test(a_compaction_loses_nothing_with_the_power),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

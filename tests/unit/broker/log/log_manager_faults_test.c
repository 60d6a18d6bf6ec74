/*
 * Data directories through a whole life: logs are made, filled, rolled, flushed, cut at their
 * start and at their end, compacted, moved to another directory, deleted and made again;
 * checkpoints are written; the broker stops and starts, crashes and recovers what it finds then. At
 * every single operation on the disk of that life, recovery included, the disk fails, once or for
 * good, or the power goes; and after the power came back the disk may fail once more. Afterwards
 * the directories open, what was promised is there, and what was deleted is not.
 */
#include "tests/unit/broker/log/manager_fixture.h"
#include "tests/unit/broker/log/power_loss.h"

#include <time.h>

#include "broker/log/log_manager_internal.h"
#include "broker/log/log_move.h"

#define LOGS           3
#define COMPACTED      2 /* the last one */
#define OPERATIONS_MAX 20000
#define SEED_STEP      100000
#define REWRITTEN_MS   5000 /* records that take the place of some that were cut are later */

/* What is known of one partition. */
struct known {
    int generation;       /* of the log that was made last; 0: none was */
    bool is_there;        /* it was made */
    bool may_be_there;    /* likewise, or that failed */
    bool may_be_gone;     /* deletion was begun, or it is not on disk */
    int64_t surely;       /* everything below is on disk */
    int64_t acknowledged; /* everything below was taken */
    int64_t possible;     /* nothing is above it */
    int64_t start_offset; /* no log start is above it */
    int64_t cut_at;       /* the log was cut here, other records may have followed; 0: it was not */
};

struct life {
    struct home home;
    struct log_manager *manager; /* NULL: stopped */
    struct known known[LOGS];
    bool loses_power;
    bool syncs_together; /* all logs, at a clean stop */
    int64_t ends_at;     /* the operation on the disk */
};

static struct uuid id_of(int generation, int32_t partition) {
    return (struct uuid){{1, (uint8_t)generation, (uint8_t)partition}};
}

/* Every record tells by its time where it belongs. */
static int64_t time_of(int generation, int32_t partition, int64_t offset) {
    return FIXTURE_NOW_MS - 100000000 + generation * 1000000 + partition * 10000 + offset;
}

static bool is_rewritten(const struct known *known, int64_t offset) {
    return known->cut_at > 0 && offset >= known->cut_at;
}

static struct log *log_of(struct life *life, int32_t partition) {
    return find(life->manager, "t", partition);
}

static struct log_config config_of(const struct life *life, int32_t partition) {
    struct log_config config = life->home.config;

    config.compact = partition == COMPACTED;
    config.delete_old = partition != COMPACTED;
    config.min_cleanable_dirty_ratio = 0;
    return config;
}

/* ---- one step each; an error ends the life ---- */

static enum error make(struct life *life, int32_t partition) {
    struct known *known = &life->known[partition];
    struct log_config config = config_of(life, partition);
    struct uuid id = id_of(known->generation + 1, partition);
    struct log *log;
    enum error error;

    *known = (struct known){
        .generation = known->generation + 1, .may_be_there = true, .may_be_gone = true};
    error = log_manager_find_or_create(life->manager, bytes_of_text("t"), partition, &id, &config,
                                       true, &log);
    known->is_there = error == ERR_NONE;
    /* Its name is on disk with its first records. */
    known->may_be_gone = error != ERR_NONE || life->loses_power;
    return error;
}

static enum error append_some(struct life *life, int32_t partition, int count) {
    struct known *known = &life->known[partition];
    struct log_append_options options = {.origin = LOG_APPEND_CLIENT};
    struct log_append_result result;
    enum error error = ERR_NONE;
    struct arena arena;

    arena_init(&arena, 65536);
    for (int i = 0; i < count && error == ERR_NONE; i++) {
        struct log *log = log_of(life, partition);
        struct batch_spec spec = {.records = 1 + i % 3, .value_bytes = 40, .leader_epoch = i / 5};
        uint8_t *batch;
        size_t size;
        if (log == NULL) {
            error = ERR_KAFKA_STORAGE_ERROR;
            break;
        }
        spec.timestamp = time_of(known->generation, partition, log_end_offset(log)) +
                         (is_rewritten(known, log_end_offset(log)) ? REWRITTEN_MS : 0);
        batch = make_batch(&spec, &size);
        if (known->possible < log_end_offset(log) + spec.records)
            known->possible = log_end_offset(log) + spec.records;
        error =
            log_append_as_leader(log, batch, size, spec.leader_epoch,
                                 clock_wall_ms(&life->home.clock.clock), &options, &arena, &result);
        if (error == ERR_NONE)
            known->acknowledged = log_end_offset(log);
        free(batch);
    }
    arena_done(&arena);
    return error;
}

static enum error flush(struct life *life, int32_t partition) {
    struct log *log = log_of(life, partition);
    struct known *known = &life->known[partition];
    enum error error = log == NULL ? ERR_KAFKA_STORAGE_ERROR : log_flush(log);

    if (error != ERR_NONE)
        return error;
    known->surely = log_flushed_offset(log);
    known->may_be_gone = known->may_be_gone && known->surely == 0;
    return ERR_NONE;
}

/* At the base of a batch; a negative offset counts from the end. What was cut off may come back,
 * with the power only. */
static enum error cut(struct life *life, int32_t partition, int64_t offset) {
    struct log *log = log_of(life, partition);
    struct known *known = &life->known[partition];
    enum error error;

    if (log == NULL)
        return ERR_KAFKA_STORAGE_ERROR;
    if (offset < 0)
        offset += log_end_offset(log);
    if (known->cut_at == 0 || known->cut_at > offset)
        known->cut_at = offset;
    known->acknowledged = offset;
    if (known->surely > offset)
        known->surely = offset;
    if ((error = log_truncate(log, offset)) != ERR_NONE)
        return error;
    assert_int_equal(log_end_offset(log), offset);
    if (!life->loses_power)
        known->possible = offset;
    return ERR_NONE;
}

/* As a follower that is behind its leader's start. */
static enum error start_over(struct life *life, int32_t partition, int64_t offset) {
    struct log *log = log_of(life, partition);
    struct known *known = &life->known[partition];
    enum error error;

    if (log == NULL)
        return ERR_KAFKA_STORAGE_ERROR;
    known->surely = known->acknowledged = 0;
    known->start_offset = known->possible = offset;
    if ((error = log_truncate_fully_and_start_at(log, offset)) != ERR_NONE)
        return error;
    assert_int_equal(log_start_offset(log), offset);
    known->acknowledged = offset;
    return ERR_NONE;
}

/* DeleteRecords, and the segments that go with it. */
static enum error delete_records(struct life *life, int32_t partition, int64_t offset) {
    struct log *log = log_of(life, partition);

    if (log == NULL)
        return ERR_KAFKA_STORAGE_ERROR;
    log_note_high_watermark(log, log_end_offset(log));
    log_advance_start_offset(log, offset);
    life->known[partition].start_offset = offset;
    return log_apply_retention(log, clock_wall_ms(&life->home.clock.clock), NULL);
}

static enum error compact(struct life *life) {
    struct log *log = log_of(life, COMPACTED);

    if (log == NULL)
        return ERR_KAFKA_STORAGE_ERROR;
    log_note_high_watermark(log, log_end_offset(log));
    return compact_log(log, clock_wall_ms(&life->home.clock.clock));
}

static enum error copy(struct log *from, struct log *to) {
    enum error error = ERR_NONE;

    if (log_end_offset(to) < log_start_offset(from))
        error = log_truncate_fully_and_start_at(to, log_start_offset(from));
    while (log_end_offset(to) < log_end_offset(from) && error == ERR_NONE) {
        struct log_append_result result;
        struct file_range range;
        uint8_t data[4096];
        size_t size;
        error = log_read(from, log_end_offset(to), log_end_offset(from), 1000, true, &range);
        if (error != ERR_NONE)
            return error;
        assert_in_range(range.size, 1, sizeof(data));
        error = log_range_copy(from, &range, data, &size);
        log_range_release(&range);
        if (error == ERR_NONE)
            error = log_append_as_follower(to, data, size, INT32_MAX, FIXTURE_NOW_MS, &result);
    }
    return error;
}

/* AlterReplicaLogDirs. */
static enum error move_log(struct life *life, int32_t partition) {
    struct log_manager *manager = life->manager;
    struct log *current = log_of(life, partition);
    struct log *future;
    enum error error;
    int to;

    if (current == NULL)
        return ERR_KAFKA_STORAGE_ERROR;
    to = log_manager_dir_holds(manager, 0, current) ? 1 : 0;
    if ((error = log_manager_make_future(manager, current, to, &future)) != ERR_NONE ||
        (error = copy(current, future)) != ERR_NONE ||
        (error = log_take_leader_epochs(future, current)) != ERR_NONE)
        return error;
    log_advance_start_offset(future, log_start_offset(current));
    log_note_high_watermark(future, log_high_watermark(current));
    if ((error = log_prepare_promotion(future)) != ERR_NONE)
        return error;
    worker_pool_drain(log_manager_pool(manager));
    if ((error = log_manager_promote(manager, current, future)) != ERR_NONE)
        return error;
    log_ref(current);
    if ((error = log_manager_delete_replaced(manager, current)) == ERR_NONE)
        log_note_promotion(current, future);
    log_unref(current);
    return error;
}

static enum error remove_log(struct life *life, int32_t partition) {
    struct log *log = log_of(life, partition);
    struct known *known = &life->known[partition];
    enum error error;

    if (log == NULL)
        return ERR_KAFKA_STORAGE_ERROR;
    known->may_be_gone = true;
    if ((error = log_manager_delete(life->manager, log)) != ERR_NONE)
        return error;
    worker_pool_drain(log_manager_pool(life->manager));
    if (life->home.failures > 0)
        return ERR_KAFKA_STORAGE_ERROR;
    known->is_there = false;
    known->may_be_there = false;
    return ERR_NONE;
}

/* Checkpoints, and files whose time has come. */
static enum error pass_time(struct life *life) {
    clock_manual_advance_ms(&life->home.clock, 61000);
    log_manager_run_due(life->manager);
    worker_pool_drain(log_manager_pool(life->manager));
    return life->home.failures > 0 ? ERR_KAFKA_STORAGE_ERROR : ERR_NONE;
}

static enum error stop(struct life *life) {
    log_manager_close(life->manager, 7);
    life->manager = NULL;
    if (life->home.failures > 0)
        return ERR_KAFKA_STORAGE_ERROR;
    for (int i = 0; i < LOGS; i++) {
        struct known *known = &life->known[i];
        known->surely = known->acknowledged;
        known->may_be_gone = known->may_be_gone && known->surely == 0;
    }
    return ERR_NONE;
}

static enum error try_start(struct life *life) {
    struct log_manager_options options = options_of(&life->home);
    enum error error;

    options.sync_together_min = life->syncs_together ? 1 : SIZE_MAX;
    error = log_manager_open(&options, &life->manager);
    if (error != ERR_NONE) {
        life->manager = NULL;
        return error;
    }
    if ((error = log_manager_set_identity(life->manager, 3, "cluster")) == ERR_NONE)
        error = log_manager_load(life->manager);
    if (error == ERR_NONE)
        return life->home.failures > 0 ? ERR_KAFKA_STORAGE_ERROR : ERR_NONE;
    log_manager_abandon(life->manager);
    life->manager = NULL;
    return error;
}

static enum error leave_file(struct life *life, int32_t partition, const char *name,
                             const void *data, size_t size) {
    struct log *log = log_of(life, partition); /* NULL: its directory has failed */
    char path[4096];

    if (log == NULL)
        return ERR_KAFKA_STORAGE_ERROR;
    snprintf(path, sizeof(path), "%s/%s", log->dir_name, name);
    return disk_replace_file(&life->home.disk.disk, path, data, size, true);
}

/* What a crash leaves that met a compaction before and after its exchange of files, a deletion, and
 * an append. */
static enum error leave_unfinished(struct life *life) {
    struct log *log = log_of(life, 0);
    char name[64];
    enum error error;
    uint8_t *data;
    size_t size;
    FILE *file;

    if (log == NULL || log_of(life, 1) == NULL || log_of(life, COMPACTED) == NULL)
        return ERR_KAFKA_STORAGE_ERROR;
    snprintf(name, sizeof(name), "%020" PRId64 ".log", log->segments[0]->base_offset);
    data = slurp(path_in(log->dir_name, name), &size);
    snprintf(name, sizeof(name), "%020" PRId64 ".log.swap", log->segments[0]->base_offset);
    if ((error = leave_file(life, 0, name, data, size)) == ERR_NONE)
        error = leave_file(life, COMPACTED, "00000000000000000000.log.cleaned", "half", 4);
    if (error == ERR_NONE)
        error = leave_file(life, 1, "00000000000000000000.index.deleted", "old", 3);
    free(data);
    if (error != ERR_NONE)
        return error;
    if ((log = log_of(life, 1)) == NULL)
        return ERR_KAFKA_STORAGE_ERROR;
    snprintf(name, sizeof(name), "%020" PRId64 ".log", log_active_segment(log)->base_offset);
    file = fopen(path_in(log->dir_name, name), "ab");
    assert_non_null(file);
    assert_int_equal(fwrite("torn", 1, 4, file), 4);
    assert_int_equal(fclose(file), 0);
    return ERR_NONE;
}

/* The process ends, and begins again with what it finds. */
static enum error crash_and_start(struct life *life) {
    enum error error = leave_unfinished(life);

    if (error != ERR_NONE)
        return error;
    log_manager_abandon(life->manager);
    life->manager = NULL;
    return try_start(life);
}

static void apply_configs(struct life *life) {
    for (int32_t i = 0; i < LOGS; i++) {
        struct log_config config = config_of(life, i);
        if (log_of(life, i) != NULL)
            log_set_config(log_of(life, i), &config);
    }
}

/* ---- the life ---- */

static enum error first_half(struct life *life) {
    enum error error;

    if ((error = try_start(life)) != ERR_NONE || (error = make(life, 0)) != ERR_NONE ||
        (error = make(life, 1)) != ERR_NONE || (error = make(life, COMPACTED)) != ERR_NONE ||
        (error = append_some(life, 0, 12)) != ERR_NONE || (error = flush(life, 0)) != ERR_NONE ||
        (error = append_some(life, COMPACTED, 14)) != ERR_NONE ||
        (error = append_some(life, 1, 3)) != ERR_NONE || (error = pass_time(life)) != ERR_NONE ||
        (error = compact(life)) != ERR_NONE || (error = flush(life, COMPACTED)) != ERR_NONE ||
        (error = delete_records(life, 0, 9)) != ERR_NONE ||
        (error = cut(life, 0, 15)) != ERR_NONE || (error = append_some(life, 0, 7)) != ERR_NONE)
        return error;
    return pass_time(life);
}

/* Recovery of what was cut and not flushed since, of what was compacted, and of what was begun. */
static enum error middle(struct life *life) {
    enum error error;

    if ((error = crash_and_start(life)) != ERR_NONE)
        return error;
    apply_configs(life);
    if ((error = append_some(life, 0, 2)) != ERR_NONE || (error = flush(life, 0)) != ERR_NONE ||
        (error = cut(life, 0, -3)) != ERR_NONE || (error = start_over(life, 1, 40)) != ERR_NONE ||
        (error = append_some(life, 1, 4)) != ERR_NONE)
        return error;
    return crash_and_start(life);
}

static enum error second_half(struct life *life) {
    enum error error;

    if ((error = stop(life)) != ERR_NONE || (error = try_start(life)) != ERR_NONE)
        return error;
    apply_configs(life);
    if ((error = append_some(life, 0, 4)) != ERR_NONE || (error = move_log(life, 0)) != ERR_NONE ||
        (error = append_some(life, 0, 3)) != ERR_NONE ||
        (error = remove_log(life, 1)) != ERR_NONE || (error = make(life, 1)) != ERR_NONE ||
        (error = append_some(life, 1, 2)) != ERR_NONE || (error = flush(life, 1)) != ERR_NONE ||
        (error = append_some(life, COMPACTED, 5)) != ERR_NONE ||
        (error = compact(life)) != ERR_NONE || (error = pass_time(life)) != ERR_NONE ||
        (error = append_some(life, 0, 1)) != ERR_NONE) /* which only the stop puts on disk */
        return error;
    return stop(life);
}

static enum error whole_life(struct life *life) {
    enum error error;

    if ((error = first_half(life)) != ERR_NONE || (error = middle(life)) != ERR_NONE)
        return error;
    apply_configs(life);
    return second_half(life);
}

static void end_life(struct life *life) {
    log_manager_abandon(life->manager);
    life->manager = NULL;
}

/* ---- afterwards ---- */

/* Where the log was cut, the records that were there before or those that came after may be found
 * unless they are surely on disk, but not first the ones, then the others. */
static void check_time(const struct life *life, int32_t partition, const struct record_batch *batch,
                       int64_t surely, int *kind) {
    const struct known *known = &life->known[partition];
    int64_t expected = time_of(known->generation, partition, batch->base_offset);
    bool is_rewritten_one = batch->base_timestamp == expected + REWRITTEN_MS;

    if (!is_rewritten(known, batch->base_offset)) {
        assert_int_equal(batch->base_timestamp, expected);
        return;
    }
    if (!is_rewritten_one)
        assert_int_equal(batch->base_timestamp, expected);
    if (batch->base_offset < surely)
        assert_true(is_rewritten_one);
    if (*kind >= 0 && *kind != (int)is_rewritten_one)
        fail_msg("partition %d has records of before and after a cut at %lld, when it ended at "
                 "operation %lld",
                 partition, (long long)known->cut_at, (long long)life->ends_at);
    *kind = is_rewritten_one;
}

static void check_records(struct life *life, int32_t partition, struct log *log, int64_t surely,
                          bool holes_are_told) {
    int64_t offset = log_start_offset(log);
    int kind = -1;

    while (offset < log_end_offset(log)) {
        struct record_batch batch;
        size_t size;
        uint8_t *data = read_bytes(log, offset, 1, &size);
        if (size == 0 && (partition == COMPACTED || offset >= surely)) {
            free(data);
            return; /* nothing is left up to the end; or a segment behind it was lost */
        }
        assert_int_equal(record_batch_decode(bytes_of(data, size), &batch), ERR_NONE);
        assert_true(record_batch_crc_is_valid(&batch));
        if (offset < surely && partition != COMPACTED)
            assert_true(batch.base_offset <= offset);
        if (batch.base_offset > offset && partition != COMPACTED && holes_are_told)
            assert_in_range(log_hole(log), 0, offset);
        assert_true(record_batch_last_offset(&batch) >= offset);
        if (batch.record_count > 0 && partition != COMPACTED)
            check_time(life, partition, &batch, surely, &kind);
        offset = record_batch_last_offset(&batch) + 1;
        free(data);
    }
    if (kind == 0)
        life->known[partition].cut_at = 0; /* that was forgotten */
}

/* All records of the compacted log have one key: the newest one is there. */
static void check_newest(struct log *log, int64_t surely) {
    int64_t newest = -1;
    int64_t offset = log_start_offset(log);

    while (offset < log_end_offset(log)) {
        struct record_batch batch;
        size_t size;
        uint8_t *data = read_bytes(log, offset, 1, &size);
        if (size == 0) {
            free(data);
            break;
        }
        assert_int_equal(record_batch_decode(bytes_of(data, size), &batch), ERR_NONE);
        if (batch.record_count > 0)
            newest = record_batch_last_offset(&batch);
        offset = record_batch_last_offset(&batch) + 1;
        free(data);
    }
    assert_true(newest + 1 >= surely);
}

static void check_log(struct life *life, int32_t partition, bool holes_are_told) {
    const struct known *known = &life->known[partition];
    struct log *log = log_of(life, partition);
    int64_t surely = life->loses_power ? known->surely : known->acknowledged;
    struct uuid id;

    if (log == NULL) {
        if (known->is_there && !known->may_be_gone)
            fail_msg("partition %d is gone, when it ended at operation %lld", partition,
                     (long long)life->ends_at);
        return;
    }
    assert_true(known->may_be_there);
    assert_int_equal(log_open(log), ERR_NONE);
    if (log_end_offset(log) < surely || log_end_offset(log) > known->possible)
        fail_msg("partition %d ends at %lld, not in %lld to %lld, when it ended at operation %lld",
                 partition, (long long)log_end_offset(log), (long long)surely,
                 (long long)known->possible, (long long)life->ends_at);
    assert_true(log_start_offset(log) <= known->start_offset ||
                log_start_offset(log) == log_end_offset(log));
    if (surely > 0) {
        struct uuid expected = id_of(known->generation, partition);
        id = log_topic_id(log);
        if (!uuid_equal(&id, &expected))
            fail_msg("partition %d, generation %d has id %d %d, when it ended at operation %lld",
                     partition, known->generation, id.bytes[1], id.bytes[2],
                     (long long)life->ends_at);
    }
    check_records(life, partition, log, surely, holes_are_told);
    if (partition == COMPACTED)
        check_newest(log, surely);
}

/* As a broker does that is told of its partitions: what was made without its topic id adopts it. */
static void adopt_ids(struct life *life) {
    for (int32_t i = 0; i < LOGS; i++) {
        struct log_config config = config_of(life, i);
        struct uuid id = id_of(life->known[i].generation, i);
        struct log *log = log_of(life, i);
        if (log != NULL && log_end_offset(log) == 0)
            assert_int_equal(log_manager_find_or_create(life->manager, bytes_of_text("t"), i, &id,
                                                        &config, true, &log),
                             ERR_NONE);
    }
}

static void must(const struct life *life, enum error error) {
    if (error != ERR_NONE)
        fail_msg("%s, when it ended at operation %lld", error_name(error),
                 (long long)life->ends_at);
}

/* Twice: what the first start repaired is taken over by the second, after a clean stop. */
static void check_afterwards(struct life *life) {
    int64_t surely[LOGS] = {0};

    faulty_disk_init(&life->home.disk);
    life->home.failures = 0;
    must(life, try_start(life));
    for (int32_t i = 0; i < LOGS; i++)
        check_log(life, i, true);
    adopt_ids(life);
    for (int32_t i = 0; i < LOGS; i++) {
        if (log_of(life, i) == NULL) {
            life->known[i] = (struct known){.generation = life->known[i].generation};
            continue;
        }
        life->known[i].is_there = true;
        life->known[i].may_be_gone = false;
        life->known[i].acknowledged = life->known[i].possible = log_end_offset(log_of(life, i));
        must(life, append_some(life, i, 1));
        surely[i] = life->known[i].surely;
    }
    must(life, stop(life));
    must(life, try_start(life));
    for (int32_t i = 0; i < LOGS; i++) {
        /* Above it there may be holes: a later segment may be on disk, the end of an earlier one
         * not. The first start told of them. */
        if (log_of(life, i) != NULL)
            life->known[i].surely = surely[i];
        check_log(life, i, false);
    }
    end_life(life);
}

static struct life *new_life(bool loses_power, bool syncs_together, int64_t ends_at) {
    struct life *life = calloc(1, sizeof(*life));

    assert_non_null(life);
    home_init(&life->home);
    logger_set_level(LOG_LEVEL_ERROR + 1);
    life->home.config.segment_bytes = 450;
    life->home.config.index_interval_bytes = 100;
    life->home.config.delete_retention_ms = 0;
    life->loses_power = loses_power;
    life->syncs_together = syncs_together;
    life->ends_at = ends_at;
    return life;
}

/* ---- the disk fails ---- */

/* Each run tries some of the moments, and all if it is told so. */
static int64_t stride_of(int64_t stride) {
    return getenv("BARNABAS_LONG") != NULL ? 1 : stride;
}

static void fail_everywhere(enum error injected, bool keeps_failing, bool syncs_together) {
    int64_t stride = stride_of(16);

    for (int64_t n = (int64_t)time(NULL) % stride; n < OPERATIONS_MAX; n += stride) {
        struct life *life = new_life(false, syncs_together, n);
        bool failed;
        life->home.disk.error = injected;
        life->home.disk.keeps_failing = keeps_failing;
        life->home.disk.fail_at = n;
        (void)!whole_life(life);
        end_life(life);
        failed = life->home.disk.failed; /* its threads have ended */
        check_afterwards(life);
        remove_tree(life->home.root);
        free(life);
        if (!failed)
            return;
    }
    fail_msg("a life takes more than %d operations", OPERATIONS_MAX);
}

static void one_failed_operation_loses_nothing(void **state) {
    (void)state;
    fail_everywhere(ERR_DISK_FAILED, false, false);
    fail_everywhere(ERR_DISK_FAILED, false, true);
}

static void a_disk_that_is_full_from_some_moment_on_loses_nothing(void **state) {
    (void)state;
    fail_everywhere(ERR_DISK_FULL, true, false);
    fail_everywhere(ERR_DISK_FULL, true, true);
}

/* ---- the power goes ---- */

#define START_OPERATIONS 200

static void fail_a_start(struct life *life, int64_t at) {
    faulty_disk_init(&life->home.disk);
    life->home.disk.fail_at = at;
    life->home.disk.keeps_failing = at % 2 == 0;
    life->home.failures = 0;
    (void)!try_start(life);
    end_life(life);
}

static bool lose_power(uint64_t seed, int64_t left) {
    struct life *life = new_life(true, seed % 2 == 0, left);
    bool was_lost;

    power_watch(&life->home.disk.disk, life->home.root, seed, left);
    (void)!whole_life(life);
    was_lost = power_is_gone();
    end_life(life);
    power_return();
    fail_a_start(life, (int64_t)(seed * 7 % START_OPERATIONS));
    check_afterwards(life);
    remove_tree(life->home.root);
    free(life);
    return was_lost;
}

static void the_power_may_go_at_any_moment(void **state) {
    const char *given = getenv("BARNABAS_SEED");
    int64_t stride = stride_of(32);
    uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL) * SEED_STEP;
    int64_t left = (int64_t)(seed / SEED_STEP) % stride;
    (void)state;

    print_message("seed %llu and on\n", (unsigned long long)seed);
    if (given != NULL) {
        (void)lose_power(seed, (int64_t)(seed % SEED_STEP));
        return;
    }
    for (; lose_power(seed + (uint64_t)left, left); left += stride)
        assert_true(left < OPERATIONS_MAX);
    print_message("the last of them before operation %lld\n", (long long)left);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_failed_operation_loses_nothing),
        cmocka_unit_test(a_disk_that_is_full_from_some_moment_on_loses_nothing),
        cmocka_unit_test(the_power_may_go_at_any_moment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

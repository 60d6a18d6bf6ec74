/* A replica moves between two directories: whatever happens meanwhile, and wherever it stops, its
 * records are there once, and under its name. */
#include "tests/unit/broker/log/log_fixture.h"

#include "broker/log/log_manager.h"
#include "broker/log/log_move.h"
#include "broker/replica/partition_move.h"

#define SELF  1
#define OTHER 2
#define DIRS  2

static const struct uuid topic_id = {{1, 2, 3}};

struct bench {
    struct log_manager_owner owner; /* first */
    char root[64];
    char dirs[DIRS][128];
    struct faulty_disk disk;
    struct clock_manual clock;
    struct log_config config;
    struct partition_environment environment;
    struct log_manager *logs;
    struct partition *partition;
    struct move_buffer buffer;
    struct arena arena;
};

static void config_of_topic(struct log_manager_owner *owner, struct bytes topic,
                            struct log_config *config) {
    (void)topic;
    *config = ((struct bench *)owner)->config;
}

static void directory_failed(struct log_manager_owner *owner, const char *path, int live) {
    (void)owner;
    (void)path;
    (void)live;
}

static bool is_alive(void *context, int32_t broker_id) {
    (void)context;
    (void)broker_id;
    return true;
}

static void propose(void *context, struct partition *partition) {
    (void)context;
    (void)partition;
}

static void open_logs(struct bench *bench) {
    const char *const dirs[DIRS] = {bench->dirs[0], bench->dirs[1]};
    struct log_manager_options options = {
        .disk = &bench->disk.disk,
        .clock = &bench->clock.clock,
        .dirs = dirs,
        .dir_count = DIRS,
        .recovery_threads_per_dir = 1,
        .background_threads = 1,
        .recovery_point_checkpoint_ms = 60000,
        .start_offset_checkpoint_ms = 60000,
        .high_watermark_checkpoint_ms = 5000,
        .open_files_max = 16,
        .owner = &bench->owner,
    };

    assert_int_equal(log_manager_open(&options, &bench->logs), ERR_NONE);
    assert_int_equal(log_manager_set_identity(bench->logs, SELF, "cluster"), ERR_NONE);
    assert_int_equal(log_manager_load(bench->logs), ERR_NONE);
}

static void apply(struct bench *bench, int32_t leader, int32_t leader_epoch) {
    int32_t replicas[] = {SELF, OTHER};
    struct metadata_partition state = {
        .leader = leader,
        .leader_epoch = leader_epoch,
        .replicas = replicas,
        .replica_count = leader == SELF ? 1 : 2,
        .isr = replicas,
        .isr_count = leader == SELF ? 1 : 2,
    };

    (void)partition_apply(bench->partition, &state, 1);
}

static void host(struct bench *bench) {
    struct log *log;

    assert_int_equal(log_manager_find_or_create(bench->logs, bytes_of_text("t"), 0, &topic_id,
                                                &bench->config, true, &log),
                     ERR_NONE);
    log_set_config(log, &bench->config);
    bench->partition =
        partition_new(&bench->environment, "t", 0, &topic_id, log, log_high_watermark(log));
}

static void bench_init(struct bench *bench) {
    memset(bench, 0, sizeof(*bench));
    logger_set_level(LOG_LEVEL_ERROR);
    bench->owner = (struct log_manager_owner){config_of_topic, directory_failed};
    bench->config = log_config_default;
    bench->config.segment_bytes = 6000;
    snprintf(bench->root, sizeof(bench->root), "%s/barnabas-move-XXXXXX", test_root());
    assert_non_null(mkdtemp(bench->root));
    for (int i = 0; i < DIRS; i++)
        snprintf(bench->dirs[i], sizeof(bench->dirs[i]), "%s/%d", bench->root, i);
    faulty_disk_init(&bench->disk);
    clock_manual_init(&bench->clock, FIXTURE_NOW_MS);
    arena_init(&bench->arena, 1 << 20);
    bench->environment = (struct partition_environment){
        .broker_id = SELF,
        .replica_lag_ms_max = 30000,
        .clock = &bench->clock.clock,
        .is_broker_alive = is_alive,
        .propose_isr = propose,
    };
    open_logs(bench);
    host(bench);
}

static void leave(struct bench *bench) {
    assert_int_equal(partition_retire(bench->partition, bench->logs, RETIRED_LOG_KEEP), ERR_NONE);
    partition_unref(bench->partition);
    bench->partition = NULL;
}

/* The process dies; what it wrote is there. */
static void crash(struct bench *bench) {
    leave(bench);
    log_manager_abandon(bench->logs);
    bench->disk.fail_at = -1;
}

static void bench_done(struct bench *bench) {
    if (bench->partition != NULL)
        leave(bench);
    log_manager_close(bench->logs, 1);
    free(bench->buffer.data);
    arena_done(&bench->arena);
    remove_tree(bench->root);
}

static enum error try_append(struct bench *bench, int32_t records, struct commit *commit) {
    struct log *log = partition_log(bench->partition);
    struct batch_spec spec = {
        .records = records, .value_bytes = 100, .timestamp = FIXTURE_NOW_MS + log_end_offset(log)};
    struct partition_append options = {.acks = 1,
                                       .wall_ms = FIXTURE_NOW_MS,
                                       .arena = &bench->arena,
                                       .origin = LOG_APPEND_CLIENT,
                                       .leader_epoch = ANY_LEADER_EPOCH};
    struct log_append_result result;
    size_t size;
    uint8_t *bytes = make_batch(&spec, &size);
    enum error error;

    arena_reset(&bench->arena);
    error = partition_append_as_leader(bench->partition, bytes, size, &options, &result,
                                       &commit->leader_epoch);
    commit->flush_offset = result.flush_offset;
    commit->required_offset = -1;
    free(bytes);
    return error;
}

static void append(struct bench *bench, int32_t records) {
    struct commit commit;

    assert_int_equal(try_append(bench, records, &commit), ERR_NONE);
}

/* Every record has the value that its timestamp says, and that says its offset. */
static void check_records(struct bench *bench, int64_t from, int64_t end) {
    struct log *log = partition_log(bench->partition);
    int64_t expected = from;

    assert_int_equal(log_start_offset(log), from);
    assert_int_equal(log_end_offset(log), end);
    while (expected < end) {
        size_t size;
        uint8_t *data = read_bytes(log, expected, 1 << 20, &size);
        struct bytes rest = bytes_of(data, size);
        assert_true(size > 0);
        while (rest.size > 0) {
            struct record_batch batch;
            size_t whole;
            assert_int_equal(record_batch_total_size(rest, &whole), ERR_NONE);
            assert_int_equal(record_batch_decode(bytes_of(rest.data, whole), &batch), ERR_NONE);
            assert_true(record_batch_crc_is_valid(&batch));
            assert_true(batch.base_offset <= expected);
            assert_int_equal(batch.base_timestamp, FIXTURE_NOW_MS + batch.base_offset);
            expected = record_batch_last_offset(&batch) + 1;
            rest = bytes_of(rest.data + whole, rest.size - whole);
        }
        free(data);
    }
    assert_int_equal(expected, end);
}

static int other_dir(struct bench *bench) {
    return log_manager_dir_holds(bench->logs, 0, partition_log(bench->partition)) ? 1 : 0;
}

static struct log *begin(struct bench *bench) {
    struct log *future;

    assert_int_equal(log_manager_make_future(bench->logs, partition_log(bench->partition),
                                             other_dir(bench), &future),
                     ERR_NONE);
    assert_int_equal(partition_begin_move(bench->partition, future), ERR_NONE);
    return future;
}

static enum move_step step(struct bench *bench, struct move_result *result) {
    return partition_move_step(bench->partition, bench->logs, &bench->buffer, result);
}

static void finish(struct bench *bench) {
    struct move_result result = {0};
    enum move_step last = MOVE_GOES_ON;

    for (int i = 0; i < 100000 && (last == MOVE_GOES_ON || last == MOVE_WAITS); i++) {
        last = step(bench, &result);
        if (last == MOVE_WAITS)
            worker_pool_drain(log_manager_pool(bench->logs));
    }
    assert_int_equal(last, MOVE_ENDED);
    assert_true(result.is_moved);
}

/* Which folders of the partition there are in a directory, by their suffix. */
static int count_folders(const struct bench *bench, int dir, const char *suffix) {
    DIR *listing = opendir(bench->dirs[dir]);
    struct dirent *entry;
    int count = 0;

    assert_non_null(listing);
    while ((entry = readdir(listing)) != NULL) {
        size_t size = strlen(entry->d_name);
        if (strncmp(entry->d_name, "t-0", 3) == 0 && size >= strlen(suffix) &&
            strcmp(entry->d_name + size - strlen(suffix), suffix) == 0 &&
            (suffix[0] == '-' || size == 3))
            count++;
    }
    closedir(listing);
    return count;
}

static void restart(struct bench *bench) {
    struct log *future;

    open_logs(bench);
    host(bench);
    apply(bench, SELF, 9);
    future = log_manager_find_future(bench->logs, bytes_of_text("t"), 0);
    if (future != NULL)
        assert_int_equal(partition_begin_move(bench->partition, future), ERR_NONE);
}

static void a_leader_moves_while_it_takes_appends(void **state) {
    struct move_result result;
    struct bench bench;
    struct log *former;
    int from;
    (void)state;

    bench_init(&bench);
    apply(&bench, SELF, 3);
    for (int i = 0; i < 40; i++)
        append(&bench, 5);
    former = partition_log(bench.partition);
    from = !other_dir(&bench);
    (void)begin(&bench);
    assert_int_equal(count_folders(&bench, !from, "-future"), 1);
    for (int i = 0; i < 7; i++) {
        assert_int_equal(step(&bench, &result), MOVE_GOES_ON);
        assert_true(result.bytes_copied > 0);
        append(&bench, 5);
    }
    finish(&bench);
    assert_ptr_not_equal(partition_log(bench.partition), former);
    assert_int_equal(log_check_usable(former), ERR_KAFKA_STORAGE_ERROR);
    assert_int_equal(other_dir(&bench), from);
    assert_int_equal(count_folders(&bench, from, ""), 0);
    assert_int_equal(count_folders(&bench, from, "-delete"), 1);
    assert_int_equal(count_folders(&bench, !from, ""), 1);
    assert_int_equal(count_folders(&bench, !from, "-future"), 0);
    append(&bench, 5);
    check_records(&bench, 0, 48 * 5);
    assert_int_equal(log_latest_leader_epoch(partition_log(bench.partition)), 3);
    /* And back: a folder is renamed more than once. */
    (void)begin(&bench);
    finish(&bench);
    check_records(&bench, 0, 48 * 5);
    assert_ptr_equal(log_manager_find(bench.logs, bytes_of_text("t"), 0),
                     partition_log(bench.partition));
    leave(&bench);
    log_manager_close(bench.logs, 1);
    restart(&bench);
    check_records(&bench, 0, 48 * 5);
    bench_done(&bench);
}

static void its_start_comes_along_and_epochs_without_records(void **state) {
    struct bench bench;
    int64_t required;
    int32_t epoch;
    (void)state;

    bench_init(&bench);
    apply(&bench, SELF, 3);
    for (int i = 0; i < 60; i++)
        append(&bench, 5);
    assert_int_equal(partition_delete_records(bench.partition, 152, &required, &epoch), ERR_NONE);
    partition_apply_retention(bench.partition);
    apply(&bench, SELF, 4);
    apply(&bench, SELF, 6);
    (void)begin(&bench);
    finish(&bench);
    check_records(&bench, 152, 300);
    assert_int_equal(log_latest_leader_epoch(partition_log(bench.partition)), 6);
    assert_int_equal(log_epoch_end(partition_log(bench.partition), 3).end_offset, 300);
    /* Right after the exchange, and without a clean stop. */
    crash(&bench);
    restart(&bench);
    check_records(&bench, 152, 300);
    bench_done(&bench);
}

static void its_start_may_pass_the_copy(void **state) {
    struct move_result result;
    struct bench bench;
    int64_t required;
    int32_t epoch;
    (void)state;

    bench_init(&bench);
    apply(&bench, SELF, 3);
    for (int i = 0; i < 60; i++)
        append(&bench, 5);
    (void)begin(&bench);
    assert_int_equal(step(&bench, &result), MOVE_GOES_ON);
    assert_int_equal(partition_delete_records(bench.partition, 251, &required, &epoch), ERR_NONE);
    partition_apply_retention(bench.partition);
    finish(&bench);
    check_records(&bench, 251, 300);
    bench_done(&bench);
}

static void take_as_follower(struct bench *bench, int32_t leader_epoch, int32_t records) {
    int64_t end = log_end_offset(partition_log(bench->partition));
    struct batch_spec spec = {.records = records,
                              .value_bytes = 100,
                              .base_offset = end,
                              .leader_epoch = leader_epoch,
                              .timestamp = FIXTURE_NOW_MS + end};
    size_t size;
    uint8_t *bytes = make_batch(&spec, &size);

    assert_int_equal(partition_append_as_follower(bench->partition, leader_epoch, end,
                                                  bytes_of(bytes, size), end, 0),
                     ERR_NONE);
    free(bytes);
}

static void a_follower_is_cut_meanwhile(void **state) {
    struct move_result result;
    struct bench bench;
    struct log *future;
    bool complete;
    (void)state;

    bench_init(&bench);
    apply(&bench, OTHER, 2);
    for (int i = 0; i < 60; i++)
        take_as_follower(&bench, 2, 5);
    future = begin(&bench);
    while (log_end_offset(future) < 300)
        assert_int_equal(step(&bench, &result), MOVE_GOES_ON);
    apply(&bench, OTHER, 5);
    assert_int_equal(partition_truncate_by_epoch(bench.partition, 5, 2, 120, &complete), ERR_NONE);
    assert_int_equal(log_end_offset(partition_log(bench.partition)), 120);
    assert_int_equal(log_end_offset(future), 120);
    for (int i = 0; i < 10; i++)
        take_as_follower(&bench, 5, 3);
    finish(&bench);
    check_records(&bench, 0, 150);
    assert_int_equal(log_epoch_end(partition_log(bench.partition), 2).end_offset, 120);
    bench_done(&bench);
}

/* Both logs were written after they were on disk last, and not equally far. */
static void after_a_crash_it_goes_on_with_what_both_logs_share(void **state) {
    struct move_result result;
    struct bench bench;
    struct log *future;
    (void)state;

    bench_init(&bench);
    apply(&bench, OTHER, 2);
    for (int i = 0; i < 40; i++)
        take_as_follower(&bench, 2, 5);
    future = begin(&bench);
    while (log_end_offset(future) < 200)
        assert_int_equal(step(&bench, &result), MOVE_GOES_ON);
    /* The log loses its end, and gets another one, of which the future log knows nothing. */
    log_unref(partition_end_move(bench.partition));
    apply(&bench, OTHER, 4);
    assert_int_equal(log_truncate(partition_log(bench.partition), 100), ERR_NONE);
    for (int i = 0; i < 20; i++)
        take_as_follower(&bench, 4, 3);
    crash(&bench);
    restart(&bench);
    future = partition_future_log(bench.partition);
    assert_non_null(future);
    assert_int_equal(log_end_offset(future), 100);
    log_unref(future);
    finish(&bench);
    check_records(&bench, 0, 160);
    bench_done(&bench);
}

static void a_move_that_ends_leaves_the_replica_where_it_is(void **state) {
    struct move_result result;
    struct bench bench;
    struct log *future;
    int to;
    (void)state;

    bench_init(&bench);
    apply(&bench, SELF, 3);
    for (int i = 0; i < 40; i++)
        append(&bench, 5);
    to = other_dir(&bench);
    (void)begin(&bench);
    assert_int_equal(step(&bench, &result), MOVE_GOES_ON);
    future = partition_end_move(bench.partition);
    assert_non_null(future);
    assert_int_equal(log_manager_drop_future(bench.logs, future), ERR_NONE);
    log_unref(future);
    assert_int_equal(step(&bench, &result), MOVE_ENDED);
    assert_false(result.is_moved);
    assert_int_equal(count_folders(&bench, to, "-delete"), 1);
    append(&bench, 5);
    check_records(&bench, 0, 205);
    (void)begin(&bench);
    finish(&bench);
    check_records(&bench, 0, 205);
    /* Deleted in the middle of a move. */
    (void)begin(&bench);
    assert_int_equal(partition_retire(bench.partition, bench.logs, RETIRED_LOG_DELETE), ERR_NONE);
    partition_unref(bench.partition);
    bench.partition = NULL;
    for (int i = 0; i < DIRS; i++) {
        assert_int_equal(count_folders(&bench, i, ""), 0);
        assert_int_equal(count_folders(&bench, i, "-future"), 0);
    }
    bench_done(&bench);
}

static void what_is_acknowledged_as_flushed_stays_so(void **state) {
    struct waiter waiter;
    struct commit commit;
    struct bench bench;
    (void)state;

    bench_init(&bench);
    bench.config.flush_messages = 1;
    log_set_config(partition_log(bench.partition), &bench.config);
    apply(&bench, SELF, 3);
    for (int i = 0; i < 40; i++)
        append(&bench, 5);
    (void)begin(&bench);
    assert_int_equal(try_append(&bench, 5, &commit), ERR_NONE);
    worker_pool_drain(log_manager_pool(bench.logs));
    assert_int_equal(partition_commit_status(bench.partition, &commit, &waiter), ERR_NONE);
    finish(&bench);
    assert_int_equal(partition_commit_status(bench.partition, &commit, &waiter), ERR_NONE);
    assert_int_equal(log_flushed_offset(partition_log(bench.partition)), 205);
    /* Its own settings count again. */
    assert_int_equal(log_get_config(partition_log(bench.partition))->flush_messages, 1);
    bench_done(&bench);
}

static bool move_with_failure_at(struct bench *bench, int64_t failing) {
    struct move_result result = {0};
    struct log *future = NULL;
    enum move_step last = MOVE_GOES_ON;

    worker_pool_drain(log_manager_pool(bench->logs)); /* what appending left to do is not counted */
    bench->disk.calls = 0;
    bench->disk.failed = false;
    bench->disk.fail_at = failing;
    bench->disk.keeps_failing = true;
    if (log_manager_make_future(bench->logs, partition_log(bench->partition), other_dir(bench),
                                &future) != ERR_NONE)
        return false;
    if (partition_begin_move(bench->partition, future) != ERR_NONE)
        return false;
    while (last == MOVE_GOES_ON || last == MOVE_WAITS) {
        last = step(bench, &result);
        worker_pool_drain(log_manager_pool(bench->logs));
    }
    return result.is_moved && !__atomic_load_n(&bench->disk.failed, __ATOMIC_RELAXED);
}

/* From the n-th operation on nothing reaches the disk, for all n. */
static void wherever_it_stops_the_records_are_there_once(void **state) {
    int64_t failing = 0;
    bool is_done = false;
    (void)state;

    for (; !is_done && failing < 2000; failing++) {
        struct bench bench;
        int with_name = 0;

        bench_init(&bench);
        apply(&bench, SELF, 3);
        for (int i = 0; i < 25; i++)
            append(&bench, 5);
        logger_set_level(LOG_LEVEL_ERROR + 1);
        is_done = move_with_failure_at(&bench, failing);
        crash(&bench);
        restart(&bench);
        check_records(&bench, 0, 125);
        for (int i = 0; i < DIRS; i++)
            with_name += count_folders(&bench, i, "");
        assert_int_equal(with_name, 1);
        /* What was under way goes on. */
        if (partition_end_move(bench.partition) != NULL) {
            struct log *future = log_manager_find_future(bench.logs, bytes_of_text("t"), 0);
            log_unref(future);
            assert_int_equal(partition_begin_move(bench.partition, future), ERR_NONE);
            finish(&bench);
            check_records(&bench, 0, 125);
        }
        append(&bench, 5);
        check_records(&bench, 0, 130);
        bench_done(&bench);
    }
    assert_true(is_done);
    assert_true(failing > 20);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_leader_moves_while_it_takes_appends),
        cmocka_unit_test(its_start_comes_along_and_epochs_without_records),
        cmocka_unit_test(its_start_may_pass_the_copy),
        cmocka_unit_test(a_follower_is_cut_meanwhile),
        cmocka_unit_test(after_a_crash_it_goes_on_with_what_both_logs_share),
        cmocka_unit_test(a_move_that_ends_leaves_the_replica_where_it_is),
        cmocka_unit_test(what_is_acknowledged_as_flushed_stays_so),
        cmocka_unit_test(wherever_it_stops_the_records_are_there_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

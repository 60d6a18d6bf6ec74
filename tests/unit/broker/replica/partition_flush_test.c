/* With flush.messages=1: nothing is acknowledged that is not on disk. The disk of these tests syncs
 * when it is told to. */
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "tests/unit/broker/log/log_fixture.h"

#include "broker/replica/partition.h"

#define SELF  1
#define OTHER 2

struct slow_disk {
    struct mutex lock;
    pthread_cond_t opened;
    bool is_open; /* lock: syncs may pass */
    int waiting;  /* lock: syncs that wait for that */
};

static struct slow_disk slow;

static enum error before(struct disk *disk, enum disk_operation operation, const char *path,
                         size_t *size) {
    (void)disk;
    (void)path;
    (void)size;
    if (operation != DISK_SYNC)
        return ERR_NONE;
    mutex_lock(&slow.lock);
    slow.waiting++;
    while (!slow.is_open)
        pthread_cond_wait(&slow.opened, &slow.lock.raw);
    slow.waiting--;
    mutex_unlock(&slow.lock);
    return ERR_NONE;
}

static void hold_syncs(void) {
    mutex_lock(&slow.lock);
    slow.is_open = false;
    mutex_unlock(&slow.lock);
}

static int waiting_syncs(void) {
    int waiting;

    mutex_lock(&slow.lock);
    waiting = slow.waiting;
    mutex_unlock(&slow.lock);
    return waiting;
}

static void let_syncs_pass(void) {
    mutex_lock(&slow.lock);
    slow.is_open = true;
    pthread_cond_broadcast(&slow.opened);
    mutex_unlock(&slow.lock);
}

struct bench {
    struct fixture f;
    struct partition_environment environment;
    struct log *log;
    struct partition *partition;
    struct waiter waiter;
    struct executor executor;
    sem_t posted;
};

static bool is_alive(void *context, int32_t broker_id) {
    (void)context;
    (void)broker_id;
    return true;
}

static void propose(void *context, struct partition *partition) {
    (void)context;
    (void)partition;
}

static void post(struct executor *executor, struct task *task) {
    (void)task;
    sem_post(&CONTAINER_OF(executor, struct bench, executor)->posted);
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

static void bench_init(struct bench *bench) {
    const struct uuid id = {{1}};

    memset(bench, 0, sizeof(*bench));
    fixture_init(&bench->f);
    mutex_init(&slow.lock);
    pthread_cond_init(&slow.opened, NULL);
    slow.is_open = true;
    bench->f.disk.disk.before = before;
    bench->f.config.flush_messages = 1;
    bench->log = fixture_load(&bench->f, true, 0);
    bench->environment = (struct partition_environment){
        .broker_id = SELF,
        .replica_lag_ms_max = 30000,
        .clock = &bench->f.clock.clock,
        .is_broker_alive = is_alive,
        .propose_isr = propose,
    };
    bench->partition = partition_new(&bench->environment, "topic", 0, &id, bench->log, 0);
    bench->executor.post = post;
    bench->waiter.executor = &bench->executor;
    assert_int_equal(sem_init(&bench->posted, 0, 0), 0);
}

static void bench_done(struct bench *bench) {
    let_syncs_pass();
    assert_int_equal(partition_retire(bench->partition, NULL, RETIRED_LOG_KEEP), ERR_NONE);
    partition_unref(bench->partition);
    fixture_close(&bench->f, bench->log);
    fixture_done(&bench->f);
    sem_destroy(&bench->posted);
    pthread_cond_destroy(&slow.opened);
    mutex_done(&slow.lock);
}

static struct commit append(struct bench *bench, int16_t acks) {
    struct batch_spec spec = {.records = 3, .value_bytes = 10, .timestamp = FIXTURE_NOW_MS};
    struct partition_append options = {.acks = acks,
                                       .wall_ms = FIXTURE_NOW_MS,
                                       .arena = &bench->f.arena,
                                       .origin = LOG_APPEND_CLIENT,
                                       .leader_epoch = ANY_LEADER_EPOCH};
    struct log_append_result result;
    struct commit commit;
    size_t size;
    uint8_t *bytes = make_batch(&spec, &size);

    assert_int_equal(partition_append_as_leader(bench->partition, bytes, size, &options, &result,
                                                &commit.leader_epoch),
                     ERR_NONE);
    free(bytes);
    commit.flush_offset = result.flush_offset;
    commit.required_offset = acks == -1 ? result.last_offset + 1 : -1;
    return commit;
}

static void an_append_is_acknowledged_only_when_it_is_on_disk(void **state) {
    static const int16_t acks[] = {1, -1};
    (void)state;

    for (size_t i = 0; i < ARRAY_COUNT(acks); i++) {
        struct bench bench;
        struct commit commit;
        bench_init(&bench);
        apply(&bench, SELF, 0);
        hold_syncs();
        commit = append(&bench, acks[i]);
        assert_int_equal(commit.flush_offset, 3);
        assert_int_equal(partition_commit_status(bench.partition, &commit, &bench.waiter),
                         ERR_REQUEST_TIMED_OUT);
        assert_int_equal(bench.waiter.kind, WAIT_FLUSHED);
        assert_true(partition_wait(bench.partition, &bench.waiter, commit.leader_epoch));
        let_syncs_pass();
        sem_wait(&bench.posted);
        assert_int_equal(partition_commit_status(bench.partition, &commit, &bench.waiter),
                         ERR_NONE);
        bench_done(&bench);
    }
}

static void who_waits_for_the_disk_is_told_when_leadership_is_lost(void **state) {
    struct bench bench;
    struct commit commit;
    (void)state;

    bench_init(&bench);
    apply(&bench, SELF, 0);
    hold_syncs();
    commit = append(&bench, 1);
    assert_int_equal(partition_commit_status(bench.partition, &commit, &bench.waiter),
                     ERR_REQUEST_TIMED_OUT);
    assert_true(partition_wait(bench.partition, &bench.waiter, commit.leader_epoch));
    apply(&bench, OTHER, 1);
    sem_wait(&bench.posted);
    assert_int_equal(partition_commit_status(bench.partition, &commit, &bench.waiter),
                     ERR_NOT_LEADER_OR_FOLLOWER);
    bench_done(&bench);
}

static void a_follower_has_on_disk_what_its_next_fetch_confirms(void **state) {
    struct batch_spec spec = {.records = 3, .value_bytes = 10, .timestamp = FIXTURE_NOW_MS};
    struct bench bench;
    size_t size;
    uint8_t *bytes = make_batch(&spec, &size);
    (void)state;

    bench_init(&bench);
    apply(&bench, OTHER, 0);
    assert_int_equal(
        partition_append_as_follower(bench.partition, 0, 0, bytes_of(bytes, size), 0, 0), ERR_NONE);
    assert_int_equal(log_flushed_offset(bench.log), 3);
    free(bytes);
    bench_done(&bench);
}

static void what_came_before_an_error_is_on_disk_too(void **state) {
    struct batch_spec first = {.records = 3, .value_bytes = 10, .timestamp = FIXTURE_NOW_MS};
    struct batch_spec second = {.records = 3, .value_bytes = 10, .base_offset = 3};
    struct bench bench;
    size_t first_size, second_size;
    uint8_t *bytes = make_batch(&first, &first_size);
    uint8_t *more = make_batch(&second, &second_size);
    (void)state;

    bench_init(&bench);
    bench.f.config.segment_bytes = (int32_t)first_size; /* one batch in each */
    partition_set_log_config(bench.partition, &bench.f.config);
    apply(&bench, OTHER, 0);
    bytes = realloc(bytes, first_size + 2 * second_size);
    assert_non_null(bytes);
    memcpy(bytes + first_size, more, second_size);
    memcpy(bytes + first_size + second_size, more, second_size); /* it does not ascend */
    assert_int_equal(partition_append_as_follower(bench.partition, 0, 0,
                                                  bytes_of(bytes, first_size + 2 * second_size), 0,
                                                  0),
                     ERR_OFFSET_OUT_OF_RANGE);
    assert_true(partition_fetch_position(bench.partition).fetch_offset > 0);
    assert_int_equal(log_flushed_offset(bench.log),
                     partition_fetch_position(bench.partition).fetch_offset);
    free(bytes);
    free(more);
    bench_done(&bench);
}

struct following {
    struct bench *bench;
    struct fetch_position position;
    int64_t flushed_offset;
    enum error error;
    atomic_bool is_over;
};

static void *begin_following(void *context) {
    struct following *following = context;

    following->error =
        partition_begin_following(following->bench->partition, 1, &following->position);
    following->flushed_offset = log_flushed_offset(following->bench->log);
    atomic_store(&following->is_over, true);
    return NULL;
}

/* Its first fetch confirms what it appended when it led, and counts for the high watermark. */
static void a_leader_that_comes_to_follow_has_on_disk_what_its_first_fetch_confirms(void **state) {
    struct following following = {0};
    struct bench bench;
    pthread_t thread;
    (void)state;

    bench_init(&bench);
    apply(&bench, SELF, 0);
    hold_syncs();
    assert_int_equal(append(&bench, 1).flush_offset, 3);
    apply(&bench, OTHER, 1);
    following.bench = &bench;
    assert_int_equal(pthread_create(&thread, NULL, begin_following, &following), 0);
    /* The flush that the append asked for, and its own. */
    while (!atomic_load(&following.is_over) && waiting_syncs() < 2)
        sched_yield();
    let_syncs_pass();
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(following.error, ERR_NONE);
    assert_int_equal(following.position.fetch_offset, 3);
    assert_int_equal(following.flushed_offset, 3);
    bench_done(&bench);
}

static void without_the_setting_nobody_waits_for_the_disk(void **state) {
    struct bench bench;
    struct commit commit;
    (void)state;

    bench_init(&bench);
    bench.f.config.flush_messages = INT64_MAX;
    partition_set_log_config(bench.partition, &bench.f.config);
    apply(&bench, SELF, 0);
    hold_syncs();
    commit = append(&bench, 1);
    assert_int_equal(commit.flush_offset, -1);
    assert_int_equal(partition_commit_status(bench.partition, &commit, &bench.waiter), ERR_NONE);
    bench_done(&bench);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_append_is_acknowledged_only_when_it_is_on_disk),
        cmocka_unit_test(who_waits_for_the_disk_is_told_when_leadership_is_lost),
        cmocka_unit_test(a_follower_has_on_disk_what_its_next_fetch_confirms),
        cmocka_unit_test(what_came_before_an_error_is_on_disk_too),
        cmocka_unit_test(a_leader_that_comes_to_follow_has_on_disk_what_its_first_fetch_confirms),
        cmocka_unit_test(without_the_setting_nobody_waits_for_the_disk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A replica whose log lost records in its middle with the power: as follower it gives up what lies
 * behind them and copies again; as leader it keeps what it has. */
#include "tests/unit/broker/log/log_fixture.h"

#include "broker/replica/partition.h"

#define SELF    1
#define OTHER   2
#define RECORDS 6

struct bench {
    struct fixture f;
    struct partition_environment environment;
    struct log *log;
    struct partition *partition;
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

static void apply(struct bench *bench, int32_t leader, int32_t leader_epoch) {
    int32_t replicas[] = {SELF, OTHER};
    struct metadata_partition state = {
        .leader = leader,
        .leader_epoch = leader_epoch,
        .replicas = replicas,
        .replica_count = 2,
        .isr = replicas,
        .isr_count = 2,
    };

    (void)partition_apply(bench->partition, &state, 1);
}

/* Two segments of three records, of which the last one of the first is lost. */
static void bench_init(struct bench *bench) {
    const struct uuid id = {{1}};
    int64_t size;

    memset(bench, 0, sizeof(*bench));
    fixture_init(&bench->f);
    bench->log = fixture_load(&bench->f, true, 0);
    for (int i = 0; i < RECORDS; i++) {
        if (i == RECORDS / 2)
            assert_int_equal(log_roll(bench->log, FIXTURE_NOW_MS), ERR_NONE);
        append_records(&bench->f, bench->log, 1);
    }
    size = bench->log->segments[0]->size;
    fixture_crash(&bench->f, bench->log);
    assert_int_equal(truncate(path_in(bench->f.log_path, "00000000000000000000.log"), size / 3 * 2),
                     0);
    bench->log = fixture_load(&bench->f, false, 0);
    assert_int_equal(log_end_offset(bench->log), RECORDS);
    bench->environment = (struct partition_environment){
        .broker_id = SELF,
        .replica_lag_ms_max = 30000,
        .clock = &bench->f.clock.clock,
        .is_broker_alive = is_alive,
        .propose_isr = propose,
    };
    bench->partition = partition_new(&bench->environment, "topic", 0, &id, bench->log, 4);
}

static void bench_done(struct bench *bench) {
    assert_int_equal(partition_retire(bench->partition, NULL, RETIRED_LOG_KEEP), ERR_NONE);
    partition_unref(bench->partition);
    fixture_close(&bench->f, bench->log);
    fixture_done(&bench->f);
}

static void a_follower_asks_again_for_what_it_lost(void **state) {
    struct batch_spec spec = {
        .records = 4, .value_bytes = 20, .timestamp = FIXTURE_NOW_MS, .base_offset = 2};
    struct fetch_position position;
    struct bench bench;
    size_t size;
    uint8_t *bytes = make_batch(&spec, &size);
    (void)state;

    bench_init(&bench);
    apply(&bench, OTHER, 1);
    assert_int_equal(partition_begin_following(bench.partition, 1, &position), ERR_NONE);
    assert_int_equal(position.fetch_offset, 2);
    assert_int_equal(log_end_offset(bench.log), 2);
    assert_int_equal(
        partition_append_as_follower(bench.partition, 1, 2, bytes_of(bytes, size), 6, 0), ERR_NONE);
    assert_int_equal(partition_begin_following(bench.partition, 1, &position), ERR_NONE);
    assert_int_equal(position.fetch_offset, RECORDS);
    free(bytes);
    bench_done(&bench);
}

static void a_leader_keeps_what_it_has(void **state) {
    struct bench bench;
    (void)state;

    bench_init(&bench);
    apply(&bench, SELF, 1);
    assert_int_equal(log_end_offset(bench.log), RECORDS);
    assert_int_equal(log_hole(bench.log), 2);
    bench_done(&bench);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_follower_asks_again_for_what_it_lost),
        cmocka_unit_test(a_leader_keeps_what_it_has),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What a leader does with the answers of the controller and with assignments. */
#include "tests/unit/broker/log/log_fixture.h"

#include "broker/replica/partition.h"

#define SELF  1
#define OTHER 2

struct bench {
    struct fixture f;
    struct partition_environment environment;
    struct log *log;
    struct partition *partition;
    int proposals;
    bool loses_leadership; /* when it makes a proposal, which is in the middle of a fetch */
};

static void apply_epoch(struct bench *bench, int32_t leader, int32_t leader_epoch,
                        int32_t replica_count, int32_t isr_count);

static bool is_alive(void *context, int32_t broker_id) {
    (void)context;
    (void)broker_id;
    return true;
}

static void propose(void *context, struct partition *partition) {
    struct bench *bench = context;

    (void)partition;
    bench->proposals++;
    if (bench->loses_leadership)
        apply_epoch(bench, OTHER, 1, 2, 1);
}

/* `replica_count` of the replicas SELF and OTHER, `isr_count` of them in the isr. */
static void apply_epoch(struct bench *bench, int32_t leader, int32_t leader_epoch,
                        int32_t replica_count, int32_t isr_count) {
    int32_t replicas[] = {SELF, OTHER};
    struct metadata_partition state = {
        .leader = leader,
        .leader_epoch = leader_epoch,
        .partition_epoch = leader_epoch,
        .replicas = replicas,
        .replica_count = replica_count,
        .isr = replicas,
        .isr_count = isr_count,
    };

    (void)partition_apply(bench->partition, &state, 1);
}

static void apply(struct bench *bench, int32_t replica_count, int32_t isr_count) {
    apply_epoch(bench, SELF, 0, replica_count, isr_count);
}

static void bench_init(struct bench *bench) {
    const struct uuid id = {{1}};

    memset(bench, 0, sizeof(*bench));
    fixture_init(&bench->f);
    bench->log = fixture_load(&bench->f, true, 0);
    bench->environment = (struct partition_environment){
        .broker_id = SELF,
        .replica_lag_ms_max = 30000,
        .clock = &bench->f.clock.clock,
        .is_broker_alive = is_alive,
        .propose_isr = propose,
        .context = bench,
    };
    bench->partition = partition_new(&bench->environment, "topic", 0, &id, bench->log, 0);
}

static void bench_done(struct bench *bench) {
    assert_int_equal(partition_retire(bench->partition, NULL, RETIRED_LOG_KEEP), ERR_NONE);
    partition_unref(bench->partition);
    fixture_close(&bench->f, bench->log);
    fixture_done(&bench->f);
}

/* The leader's epoch. */
static int32_t append(struct bench *bench) {
    struct batch_spec spec = {.records = 3, .value_bytes = 10, .timestamp = FIXTURE_NOW_MS};
    struct partition_append options = {.acks = -1,
                                       .wall_ms = FIXTURE_NOW_MS,
                                       .arena = &bench->f.arena,
                                       .origin = LOG_APPEND_CLIENT,
                                       .leader_epoch = ANY_LEADER_EPOCH};
    struct log_append_result result;
    int32_t leader_epoch;
    size_t size;
    uint8_t *bytes = make_batch(&spec, &size);

    assert_int_equal(
        partition_append_as_leader(bench->partition, bytes, size, &options, &result, &leader_epoch),
        ERR_NONE);
    free(bytes);
    return leader_epoch;
}

static void follower_fetches(struct bench *bench, int64_t offset, int64_t broker_epoch) {
    struct partition_read read = {
        .replica_id = OTHER,
        .replica_epoch = broker_epoch,
        .current_leader_epoch = 0,
        .fetch_offset = offset,
        .last_fetched_epoch = -1,
        .isolation = READ_LOG_END,
        .update_progress = true,
    };
    struct partition_read_result result;

    assert_int_equal(partition_read(bench->partition, &read, &result), ERR_NONE);
}

static void a_proposal_names_the_registration_that_was_seen(void **state) {
    struct isr_proposal proposal;
    struct bench bench;
    (void)state;

    bench_init(&bench);
    apply(&bench, 2, 1);
    follower_fetches(&bench, 0, 77);
    assert_int_equal(bench.proposals, 1);
    assert_true(partition_isr_proposal(bench.partition, &proposal));
    assert_int_equal(proposal.isr_count, 2);
    assert_int_equal(proposal.isr[1], OTHER);
    assert_int_equal(proposal.broker_epochs[1], 77);
    assert_int_equal(proposal.broker_epochs[0], BROKER_EPOCH_UNKNOWN);
    bench_done(&bench);
}

/* It may have lost its office with the deletion of the topic not yet written. */
static void a_controller_that_does_not_know_the_topic_is_asked_again(void **state) {
    static const enum error errors[] = {ERR_UNKNOWN_TOPIC_OR_PARTITION, ERR_UNKNOWN_TOPIC_ID};
    struct isr_proposal proposal;
    struct bench bench;
    (void)state;

    bench_init(&bench);
    apply(&bench, 2, 1);
    follower_fetches(&bench, 0, 77);
    assert_true(partition_isr_proposal(bench.partition, &proposal));
    for (size_t i = 0; i < ARRAY_COUNT(errors); i++)
        assert_true(partition_isr_answer(bench.partition, &proposal, errors[i], NULL));
    assert_false(
        partition_isr_answer(bench.partition, &proposal, ERR_INVALID_UPDATE_VERSION, NULL));
    bench_done(&bench);
}

/* The controller may fail before it gives a new leader epoch with it. */
static void nobody_waits_for_a_replica_that_is_none_any_more(void **state) {
    struct bench bench;
    (void)state;

    bench_init(&bench);
    apply(&bench, 2, 1);
    follower_fetches(&bench, 0, 77); /* caught up, and about to join */
    (void)append(&bench);
    assert_int_equal(partition_high_watermark(bench.partition), 0);
    apply(&bench, 1, 1);
    assert_int_equal(partition_high_watermark(bench.partition), 3);
    bench_done(&bench);
}

/* As when the follower dies: what waits for it is committed without it, and not refused. */
static void a_new_epoch_of_the_same_leader_does_not_end_a_wait(void **state) {
    struct waiter waiter = {0};
    struct commit commit;
    struct bench bench;
    (void)state;

    bench_init(&bench);
    apply(&bench, 2, 2);
    commit = (struct commit){append(&bench), 3, -1};
    assert_int_equal(partition_commit_status(bench.partition, &commit, &waiter),
                     ERR_REQUEST_TIMED_OUT);
    apply_epoch(&bench, SELF, 1, 2, 2);
    assert_int_equal(partition_commit_status(bench.partition, &commit, &waiter),
                     ERR_REQUEST_TIMED_OUT);
    apply_epoch(&bench, SELF, 2, 2, 1);
    assert_int_equal(partition_commit_status(bench.partition, &commit, &waiter), ERR_NONE);
    bench_done(&bench);
}

static void a_wait_ends_if_another_has_led_meanwhile(void **state) {
    struct waiter waiter = {0};
    struct commit commit;
    struct bench bench;
    (void)state;

    bench_init(&bench);
    apply(&bench, 2, 2);
    commit = (struct commit){append(&bench), 3, -1};
    apply_epoch(&bench, OTHER, 1, 2, 2);
    assert_int_equal(partition_commit_status(bench.partition, &commit, &waiter),
                     ERR_NOT_LEADER_OR_FOLLOWER);
    apply_epoch(&bench, SELF, 2, 2, 1);
    assert_int_equal(partition_commit_status(bench.partition, &commit, &waiter),
                     ERR_NOT_LEADER_OR_FOLLOWER);
    assert_false(partition_wait(bench.partition, &waiter, commit.leader_epoch));
    bench_done(&bench);
}

static enum error fail_truncate(struct disk *disk, enum disk_operation operation, const char *path,
                                size_t *size) {
    (void)disk;
    (void)path;
    (void)size;
    return operation == DISK_TRUNCATE ? ERR_DISK_FAILED : ERR_NONE;
}

/* After an unclean election. Before it hears of the disk, the controller may elect this replica. */
static void a_disk_that_fails_in_a_truncation_takes_only_its_directory(void **state) {
    struct batch_spec spec = {.records = 3, .value_bytes = 10, .timestamp = FIXTURE_NOW_MS};
    struct bench bench;
    bool complete;
    size_t size;
    uint8_t *bytes = make_batch(&spec, &size);
    (void)state;

    bench_init(&bench);
    apply_epoch(&bench, OTHER, 0, 2, 2);
    assert_int_equal(
        partition_append_as_follower(bench.partition, 0, 0, bytes_of(bytes, size), 3, 0), ERR_NONE);
    assert_int_equal(partition_high_watermark(bench.partition), 3);
    apply_epoch(&bench, OTHER, 1, 2, 2);
    bench.f.disk.disk.before = fail_truncate;
    assert_int_equal(partition_truncate_by_epoch(bench.partition, 1, 0, 0, &complete),
                     ERR_DISK_FAILED);
    apply_epoch(&bench, SELF, 2, 2, 1);
    assert_int_equal(partition_high_watermark(bench.partition), log_end_offset(bench.log));
    assert_int_equal(bench.f.failures, 1);
    free(bytes);
    assert_int_equal(partition_retire(bench.partition, NULL, RETIRED_LOG_KEEP), ERR_NONE);
    partition_unref(bench.partition);
    fixture_crash(&bench.f, bench.log);
    fixture_done(&bench.f);
}

/* From then on the log may be cut, and be filled with what the new leader has. */
static void a_follower_is_told_nothing_by_who_does_not_lead_any_more(void **state) {
    struct partition_read read = {
        .replica_id = OTHER,
        .replica_epoch = 77,
        .fetch_offset = 3,
        .last_fetched_epoch = -1,
        .bytes_max = 1000,
        .isolation = READ_LOG_END,
        .update_progress = true,
    };
    struct partition_read_result result;
    struct bench bench;
    (void)state;

    bench_init(&bench);
    apply(&bench, 2, 1);
    (void)append(&bench);
    bench.loses_leadership = true;
    assert_int_equal(partition_read(bench.partition, &read, &result), ERR_NOT_LEADER_OR_FOLLOWER);
    assert_int_equal(bench.proposals, 1);
    assert_int_equal(result.high_watermark, -1);
    assert_null(result.records.owner);
    bench_done(&bench);
}

static uint64_t counted(struct traffic_meter *traffic, enum traffic kind) {
    struct traffic_totals totals;

    traffic_meter_read(traffic, &totals);
    return totals.of[kind];
}

/* Only what replicas get that a reassignment adds, and only while it does. */
static void what_a_reassignment_moves_is_counted(void **state) {
    struct traffic_meter *traffic = traffic_meter_new(NULL);
    int32_t replicas[] = {SELF, OTHER}, added[] = {OTHER};
    struct metadata_partition moving = {.leader = SELF,
                                        .leader_epoch = 0,
                                        .replicas = replicas,
                                        .replica_count = 2,
                                        .isr = replicas,
                                        .isr_count = 1,
                                        .adding_replicas = added,
                                        .adding_count = 1};
    struct bench bench;

    (void)state;
    bench_init(&bench);
    partition_set_traffic(bench.partition, traffic);
    apply(&bench, 2, 1);
    partition_record_given(bench.partition, OTHER, 10);
    assert_int_equal(counted(traffic, TRAFFIC_REASSIGNMENT_BYTES_OUT), 0);
    /* The assignment changes, the state does not. */
    (void)partition_apply(bench.partition, &moving, 1);
    partition_record_given(bench.partition, OTHER, 100);
    partition_record_given(bench.partition, OTHER + 1, 1000);
    assert_int_equal(counted(traffic, TRAFFIC_REASSIGNMENT_BYTES_OUT), 100);
    apply_epoch(&bench, SELF, 1, 2, 2);
    partition_record_given(bench.partition, OTHER, 10);
    assert_int_equal(counted(traffic, TRAFFIC_REASSIGNMENT_BYTES_OUT), 100);
    assert_int_equal(counted(traffic, TRAFFIC_REPLICATION_BYTES_OUT), 1120);
    bench_done(&bench);
    traffic_meter_unref(traffic);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_proposal_names_the_registration_that_was_seen),
        cmocka_unit_test(a_controller_that_does_not_know_the_topic_is_asked_again),
        cmocka_unit_test(nobody_waits_for_a_replica_that_is_none_any_more),
        cmocka_unit_test(a_new_epoch_of_the_same_leader_does_not_end_a_wait),
        cmocka_unit_test(a_wait_ends_if_another_has_led_meanwhile),
        cmocka_unit_test(a_disk_that_fails_in_a_truncation_takes_only_its_directory),
        cmocka_unit_test(a_follower_is_told_nothing_by_who_does_not_lead_any_more),
        cmocka_unit_test(what_a_reassignment_moves_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

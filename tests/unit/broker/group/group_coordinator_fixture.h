/*
 * A coordinator over a real journal on a disk; requests wait for their answers, unless they are
 * only begun. See internal_topic_fixture.h for what lies below.
 */
#ifndef TESTS_UNIT_BROKER_GROUP_GROUP_COORDINATOR_FIXTURE_H
#define TESTS_UNIT_BROKER_GROUP_GROUP_COORDINATOR_FIXTURE_H

#include "tests/unit/broker/journal/internal_topic_fixture.h"

#include "broker/group/group_coordinator.h"
#include "broker/journal/coordinator_key.h"
#include "broker/metadata/metadata_watcher.h"

#define NONE_FOUND   (-1)
#define RETENTION_MS 100000
#define SESSION_MS   10000

struct bench {
    struct broker_fixture f;
    struct group_coordinator_config config;
    struct group_coordinator *coordinator;
};

/* ---- Life ---- */

static inline void bench_tell(struct bench *bench) {
    const struct metadata *metadata = metadata_cache_get(&bench->f.metadata);
    const struct metadata_update update = {.metadata = metadata};

    group_coordinator_on_metadata(bench->coordinator, &update);
    metadata_unref(metadata);
}

static inline void bench_init(struct bench *bench) {
    memset(bench, 0, sizeof(*bench));
    broker_fixture_init(&bench->f, "__consumer_offsets");
    bench->f.partition_count = 3;
    bench->config = (struct group_coordinator_config){
        .group = {6000, 1800000, 0, INT32_MAX},
        .background = &bench->f.background.executor,
        .clock = &bench->f.clock.clock,
        .metadata = &bench->f.metadata,
        .replicas = bench->f.replicas,
        .load_bytes = 1000,
        .offset_metadata_size_max = 10,
        .commit_timeout_ms = 60000,
        .retention_ms = RETENTION_MS,
        .retention_check_ms = 3600000,
    };
}

static inline void bench_start(struct bench *bench) {
    assert_int_equal(group_coordinator_start(&bench->config, &bench->coordinator), ERR_NONE);
}

static inline void bench_stop(struct bench *bench) {
    replica_manager_retire_all(bench->f.replicas);
    group_coordinator_stop(bench->coordinator);
}

static inline void bench_done(struct bench *bench) {
    broker_fixture_drain(&bench->f);
    group_coordinator_free(bench->coordinator);
    broker_fixture_stop_loop(&bench->f);
    broker_fixture_done(&bench->f);
}

static inline void bench_end(struct bench *bench) {
    bench_stop(bench);
    bench_done(bench);
}

/* ---- On the coordinator's thread ---- */

/* One request, and what came of it. */
struct op {
    struct bench *bench;
    const char *group;
    const char *member;
    const char *instance;
    int32_t generation;
    int16_t producer_epoch; /* of a commit in a transaction */
    const char *topic;
    int32_t partition;
    struct bytes assignment; /* what a sync assigns to its own member */
    enum error error;
    int64_t offset;
    int32_t count;
    char id[128];
    struct group_join_result joined;
    char assigned[128];
    sem_t done;
    int answers;
};

static inline void on(struct bench *bench, void (*run)(void *context), struct op *op) {
    op->bench = bench;
    call_on(group_coordinator_executor(bench->coordinator), run, op);
}

static inline void op_begin(struct op *op) {
    assert_int_equal(sem_init(&op->done, 0, 0), 0);
}

static inline void op_answered(struct op *op) {
    op->answers++;
    sem_post(&op->done);
}

static inline void op_wait(struct op *op) {
    while (sem_wait(&op->done) != 0)
        continue;
    assert_int_equal(op->answers, 1);
    sem_destroy(&op->done);
}

static inline void run_check(void *context) {
    struct op *op = context;

    op->error = group_coordinator_check(op->bench->coordinator, bytes_of_text(op->group));
}

static inline enum error check(struct bench *bench, const char *group) {
    struct op op = {.group = group};

    on(bench, run_check, &op);
    return op.error;
}

/* Until the coordinator serves, or does not: each partition, for each is loaded by itself. */
static inline void wait_until(struct bench *bench, enum error wanted) {
    static const char *const one_of_each[] = {"c", "a", "b"};
    int64_t deadline_ms = fixture_deadline_ms();

    for (size_t i = 0; i < ARRAY_COUNT(one_of_each); i++) {
        assert_int_equal(
            coordinator_partition(bytes_of_text(one_of_each[i]), bench->f.partition_count), i);
        while (check(bench, one_of_each[i]) != wanted)
            assert_true(clock_monotonic_ms(clock_system()) < deadline_ms);
    }
}

static inline void lead_with(struct bench *bench, int32_t leader_epoch, int32_t isr_count) {
    decide(&bench->f, (struct leadership){SELF, leader_epoch, isr_count});
    bench_tell(bench);
    wait_until(bench, ERR_NONE);
}

static inline void lead(struct bench *bench, int32_t leader_epoch) {
    lead_with(bench, leader_epoch, 1);
}

static inline void give_up(struct bench *bench, int32_t leader_epoch) {
    decide(&bench->f, (struct leadership){OTHER, leader_epoch, 1});
    bench_tell(bench);
    wait_until(bench, ERR_NOT_COORDINATOR);
}

/* What the next coordinator knows: everything is read anew from the log. */
static inline void move(struct bench *bench, int32_t leader_epoch) {
    give_up(bench, leader_epoch);
    lead(bench, leader_epoch + 1);
}

/* ---- Committed offsets ---- */

struct committing {
    struct op *op;
    struct group_commit commit;
    struct group_commit_offset offset;
};

static inline void on_committed(struct group_commit *commit) {
    struct committing *committing = CONTAINER_OF(commit, struct committing, commit);

    committing->op->error = committing->offset.error;
    op_answered(committing->op);
}

static inline void run_commit(void *context) {
    struct committing *committing = context;

    group_coordinator_commit(committing->op->bench->coordinator, &committing->commit);
}

#define NO_PRODUCER (-1)

/* A commit of `op`'s partition. */
static inline void make_commit(struct bench *bench, struct committing *committing, struct op *op,
                               int64_t producer_id, const char *metadata) {
    op_begin(op);
    op->bench = bench;
    *committing = (struct committing){
        .op = op,
        .commit = {.group_id = bytes_of_text(op->group),
                   .member_id = bytes_of_text(op->member == NULL ? "" : op->member),
                   .instance_id = bytes_of_text(op->instance),
                   .generation = op->generation,
                   .producer_id = producer_id,
                   .producer_epoch = producer_id == NO_PRODUCER ? -1 : op->producer_epoch,
                   .offsets = &committing->offset,
                   .count = 1,
                   .done = on_committed},
        .offset = {.topic = bytes_of_text(op->topic),
                   .partition = op->partition,
                   .record = {op->offset, 5, bytes_of_text(metadata), -1, -1}},
    };
}

/* Begun, not waited for. */
static inline void begin_commit(struct bench *bench, struct committing *committing, struct op *op,
                                int64_t producer_id, const char *metadata) {
    make_commit(bench, committing, op, producer_id, metadata);
    call_on(group_coordinator_executor(bench->coordinator), run_commit, committing);
}

static inline enum error commit_as(struct bench *bench, struct op op, int64_t producer_id,
                                   const char *metadata) {
    struct committing committing;

    begin_commit(bench, &committing, &op, producer_id, metadata);
    op_wait(&op);
    return op.error;
}

/* By one who is no member. */
static inline enum error commit(struct bench *bench, const char *group, const char *topic,
                                int32_t partition, int64_t offset) {
    struct op op = {
        .group = group, .topic = topic, .partition = partition, .offset = offset, .generation = -1};

    return commit_as(bench, op, NO_PRODUCER, "md");
}

static inline void run_find(void *context) {
    struct op *op = context;
    const struct group_offsets *offsets =
        group_coordinator_offsets(op->bench->coordinator, bytes_of_text(op->group));
    const struct offset_record *record =
        offsets == NULL ? NULL
                        : group_offsets_find(offsets, bytes_of_text(op->topic), op->partition);

    op->offset = record == NULL ? NONE_FOUND : record->offset;
}

static inline int64_t committed(struct bench *bench, const char *group, const char *topic,
                                int32_t partition) {
    struct op op = {.group = group, .topic = topic, .partition = partition};

    on(bench, run_find, &op);
    return op.offset;
}

/* ---- Members ---- */

static inline void on_joined(void *request, const struct group_join_result *result) {
    struct op *op = request;

    op->joined = *result;
    op->error = result->error;
    op->generation = result->generation;
    assert_true(result->member_id.size < sizeof(op->id));
    snprintf(op->id, sizeof(op->id), "%.*s", BYTES_FORMAT(result->member_id));
    op_answered(op);
}

static inline void run_join(void *context) {
    struct op *op = context;
    const struct group_protocol protocol = {bytes_of_text("range"),
                                            bytes_of("\0\0\0\0\0\1\0\1t", 9)};
    const struct group_join join = {
        .member_id = bytes_of_text(op->member == NULL ? "" : op->member),
        .instance_id = bytes_of_text(op->instance),
        .client_id = bytes_of_text("client"),
        .client_host = bytes_of_text("/127.0.0.1"),
        .rebalance_timeout_ms = 60000,
        .session_timeout_ms = op->offset > 0 ? (int32_t)op->offset : SESSION_MS,
        .protocol_type = bytes_of_text("consumer"),
        .protocols = &protocol,
        .protocol_count = 1,
        .joined = on_joined,
        .request = op,
    };

    group_coordinator_join(op->bench->coordinator, bytes_of_text(op->group), &join);
}

static inline void begin_join(struct bench *bench, struct op *op) {
    op_begin(op);
    on(bench, run_join, op);
}

static inline void on_synced(void *request, const struct group_sync_result *result) {
    struct op *op = request;

    op->error = result->error;
    if (result->assignment.size < sizeof(op->assigned))
        snprintf(op->assigned, sizeof(op->assigned), "%.*s", BYTES_FORMAT(result->assignment));
    op_answered(op);
}

static inline void run_sync(void *context) {
    struct op *op = context;
    const struct group_assignment own = {bytes_of_text(op->member), op->assignment};
    const struct group_sync sync = {
        .member_id = bytes_of_text(op->member),
        .instance_id = bytes_of_text(op->instance),
        .generation = op->generation,
        .assignments = &own,
        .assignment_count = 1,
        .synced = on_synced,
        .request = op,
    };

    group_coordinator_sync(op->bench->coordinator, bytes_of_text(op->group), &sync);
}

static inline struct op sync_group(struct bench *bench, struct op op) {
    op.answers = 0;
    op_begin(&op);
    on(bench, run_sync, &op);
    op_wait(&op);
    return op;
}

/* The first and only member of a group, with an assignment. Its id is in `op->id`. */
static inline void make_member(struct bench *bench, struct op *op) {
    struct op sync;

    begin_join(bench, op);
    op_wait(op);
    assert_int_equal(op->error, ERR_NONE);
    sync = (struct op){.group = op->group,
                       .member = op->id,
                       .instance = op->instance,
                       .generation = op->generation,
                       .assignment = bytes_of_text("mine")};
    sync = sync_group(bench, sync);
    assert_int_equal(sync.error, ERR_NONE);
    assert_string_equal(sync.assigned, "mine");
}

static inline void run_heartbeat(void *context) {
    struct op *op = context;

    op->error = group_coordinator_heartbeat(op->bench->coordinator, bytes_of_text(op->group),
                                            bytes_of_text(op->member), bytes_of_text(op->instance),
                                            op->generation);
}

static inline enum error heartbeat(struct bench *bench, const char *group, const char *member,
                                   int32_t generation) {
    struct op op = {.group = group, .member = member, .generation = generation};

    on(bench, run_heartbeat, &op);
    return op.error;
}

static inline void run_leave(void *context) {
    struct op *op = context;
    struct group_leaving leaving = {bytes_of_text(op->member), bytes_of_text(op->instance),
                                    ERR_NONE};

    op->error =
        group_coordinator_leave(op->bench->coordinator, bytes_of_text(op->group), &leaving, 1);
    if (op->error == ERR_NONE)
        op->error = leaving.error;
}

static inline enum error leave(struct bench *bench, const char *group, const char *member) {
    struct op op = {.group = group, .member = member};

    on(bench, run_leave, &op);
    return op.error;
}

static inline void run_state(void *context) {
    struct op *op = context;
    const struct group *group =
        group_coordinator_find(op->bench->coordinator, bytes_of_text(op->group));

    op->count = group == NULL ? -1 : (int32_t)group_state(group);
}

/* -1: there is no such group. */
static inline int32_t state_of(struct bench *bench, const char *group) {
    struct op op = {.group = group};

    on(bench, run_state, &op);
    return op.count;
}

/* ---- Administration ---- */

static inline void on_removed(void *context, enum error error) {
    struct op *op = context;

    op->error = error;
    op_answered(op);
}

static inline void run_delete(void *context) {
    struct op *op = context;

    group_coordinator_delete(op->bench->coordinator, bytes_of_text(op->group), on_removed, op);
}

static inline enum error delete_group(struct bench *bench, const char *group) {
    struct op op = {.group = group};

    op_begin(&op);
    on(bench, run_delete, &op);
    op_wait(&op);
    return op.error;
}

#endif

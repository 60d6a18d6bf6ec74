/*
 * What the tests of watch.h share: one partition that this broker leads, and its two followers,
 * each with a fetch session that has nothing else.
 */
#ifndef TESTS_UNIT_BROKER_REPLICA_WATCH_FIXTURE_H
#define TESTS_UNIT_BROKER_REPLICA_WATCH_FIXTURE_H

#include <semaphore.h>

#include "tests/unit/broker/log/log_fixture.h"

#include "broker/replica/fetch_session.h"
#include "broker/replica/partition.h"

#define SELF         1
#define OTHER        2
#define THIRD        3
#define LAG_MS       30000
#define BROKER_EPOCH 77

/* One follower, as its leader sees it. */
struct follower {
    struct bench *bench;
    int32_t id;
    int64_t broker_epoch;
    int32_t session_id, session_epoch;
    struct fetch_item item; /* what the next request says */
    bool says_it;           /* the session does not know the item as it is */
    bool leaves;            /* the item is to be forgotten */
    struct arena arena;
    struct executor executor;
    sem_t posted;
    /* what it was told last */
    int64_t high_watermark, log_start_offset;
    enum error error;
    int32_t looked_at; /* partitions, by the last fetch */
    int32_t resting;
    bool was_told;
};

struct bench {
    struct fixture f;
    struct partition_environment environment;
    struct log *log;
    struct partition *partition;
    struct fetch_sessions *sessions;
    struct follower other, third;
    int32_t leader_epoch, partition_epoch;
    int proposals;
};

static inline bool is_alive(void *context, int32_t broker_id) {
    (void)context;
    (void)broker_id;
    return true;
}

static inline void propose(void *context, struct partition *partition) {
    (void)partition;
    ((struct bench *)context)->proposals++;
}

static inline void post(struct executor *executor, struct task *task) {
    (void)task;
    sem_post(&CONTAINER_OF(executor, struct follower, executor)->posted);
}

/* Of SELF, OTHER and THIRD the first are replicas, and the first in the ISR. */
static inline void assign(struct bench *bench, int32_t leader, int32_t replica_count,
                          int32_t isr_count) {
    int32_t replicas[] = {SELF, OTHER, THIRD};
    struct metadata_partition state = {
        .leader = leader,
        .leader_epoch = bench->leader_epoch,
        .partition_epoch = bench->partition_epoch,
        .replicas = replicas,
        .replica_count = replica_count,
        .isr = replicas,
        .isr_count = isr_count,
    };

    (void)partition_apply(bench->partition, &state, 1);
}

static inline void apply(struct bench *bench, int32_t leader, int32_t isr_count) {
    bench->partition_epoch++;
    assign(bench, leader, 3, isr_count);
}

static inline void follower_init(struct bench *bench, struct follower *follower, int32_t id) {
    follower->bench = bench;
    follower->id = id;
    follower->broker_epoch = BROKER_EPOCH;
    follower->item =
        (struct fetch_item){.topic_id = {{1}}, .last_fetched_epoch = -1, .bytes_max = 1 << 20};
    follower->says_it = true;
    follower->executor.post = post;
    arena_init(&follower->arena, 1 << 24);
    assert_int_equal(sem_init(&follower->posted, 0, 0), 0);
}

static inline void bench_init(struct bench *bench) {
    memset(bench, 0, sizeof(*bench));
    fixture_init(&bench->f);
    bench->log = fixture_load(&bench->f, true, 0);
    bench->environment = (struct partition_environment){
        .broker_id = SELF,
        .replica_lag_ms_max = LAG_MS,
        .clock = &bench->f.clock.clock,
        .is_broker_alive = is_alive,
        .propose_isr = propose,
        .context = bench,
    };
    bench->partition =
        partition_new(&bench->environment, "topic", 0, &(struct uuid){{1}}, bench->log, 0);
    assert_int_equal(fetch_sessions_new(8, &bench->sessions), ERR_NONE);
    follower_init(bench, &bench->other, OTHER);
    follower_init(bench, &bench->third, THIRD);
    apply(bench, SELF, 3);
}

static inline void bench_done(struct bench *bench) {
    assert_int_equal(partition_retire(bench->partition, NULL, RETIRED_LOG_KEEP), ERR_NONE);
    partition_unref(bench->partition);
    fixture_close(&bench->f, bench->log);
    fetch_sessions_free(bench->sessions);
    fixture_done(&bench->f);
    arena_done(&bench->other.arena);
    arena_done(&bench->third.arena);
    sem_destroy(&bench->other.posted);
    sem_destroy(&bench->third.posted);
}

static inline int64_t now_ms(struct bench *bench) {
    return clock_monotonic_ms(&bench->f.clock.clock);
}

static inline void append(struct bench *bench) {
    struct batch_spec spec = {.records = 1, .value_bytes = 10, .timestamp = FIXTURE_NOW_MS};
    struct partition_append options = {.acks = 1,
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
    arena_reset(&bench->f.arena);
}

/* ---- A follower's fetch ---- */

static inline void begin(struct follower *follower, struct fetch_context *context) {
    struct fetch_session_request request = {
        .session_id = follower->session_id,
        .session_epoch = follower->session_epoch,
        .uses_topic_ids = true,
        .is_follower = true,
        .replica_id = follower->id,
        .replica_epoch = follower->broker_epoch,
        .items = &follower->item,
        .item_count = follower->says_it ? 1 : 0,
        .forgotten = &follower->item,
        .forgotten_count = follower->leaves ? 1 : 0,
        .now_ms = now_ms(follower->bench),
    };

    assert_int_equal(
        fetch_context_begin(follower->bench->sessions, &request, &follower->arena, context),
        ERR_NONE);
    follower->says_it = follower->leaves = false;
    follower->session_id = context->session_id;
    follower->session_epoch++;
    follower->looked_at = context->item_count;
    follower->resting = context->resting_count;
}

static inline enum error read_for(struct follower *follower, const struct fetch_item *item,
                                  bool update_progress, struct partition_read_result *result) {
    struct partition_read read = {
        .replica_id = follower->id,
        .replica_epoch = follower->broker_epoch,
        .current_leader_epoch = item->current_leader_epoch,
        .fetch_offset = item->fetch_offset,
        .last_fetched_epoch = item->last_fetched_epoch,
        .follower_log_start_offset = item->log_start_offset,
        .bytes_max = 1 << 20,
        .at_least_one_batch = true,
        .isolation = READ_LOG_END,
        .update_progress = update_progress,
    };

    return partition_read(follower->bench->partition, &read, result);
}

/* Reads, answers, and takes the answer: the follower has then what the log had before. */
static inline void serve(struct follower *follower, struct fetch_context *context,
                         const struct fetch_item *item, bool update_progress) {
    struct partition *partition = follower->bench->partition;
    int64_t end = log_end_offset(partition_log(partition));
    struct partition_read_result result;
    enum error error = read_for(follower, item, update_progress, &result);
    struct fetch_answer answer = {
        .high_watermark = result.high_watermark,
        .log_start_offset = result.log_start_offset,
        .has_records = result.records.size > 0,
        .has_error = error != ERR_NONE,
        .must_send = result.diverged,
        .partition = partition,
    };

    log_range_release(&result.records);
    if (!fetch_context_includes(context, item, &answer))
        return;
    follower->was_told = true;
    follower->error = error;
    if (error != ERR_NONE)
        return;
    follower->high_watermark = result.high_watermark;
    follower->log_start_offset = result.log_start_offset;
    follower->says_it =
        answer.has_records || follower->item.log_start_offset != result.log_start_offset;
    follower->item.log_start_offset = result.log_start_offset;
    if (answer.has_records)
        follower->item.fetch_offset = end;
}

static inline void fetch(struct follower *follower) {
    struct fetch_context context;

    follower->was_told = false;
    begin(follower, &context);
    for (int32_t i = 0; i < context.item_count; i++)
        serve(follower, &context, &context.items[i], true);
    fetch_context_done(&context);
    arena_reset(&follower->arena);
}

/* Until there is nothing to tell any more. */
static inline void catch_up(struct bench *bench) {
    for (int i = 0; i < 4; i++) {
        fetch(&bench->other);
        fetch(&bench->third);
    }
}

static inline void assert_rests(struct follower *follower) {
    fetch(follower);
    assert_int_equal(follower->looked_at, 0);
    assert_int_equal(follower->resting, 1);
}

#endif

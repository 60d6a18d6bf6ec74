/*
 * A broker as far as a coordinator sees it: logs on a disk, partitions in roles that the test
 * gives, metadata, and a background that the test may hold up. One topic, of one name.
 */
#ifndef TESTS_UNIT_BROKER_JOURNAL_INTERNAL_TOPIC_FIXTURE_H
#define TESTS_UNIT_BROKER_JOURNAL_INTERNAL_TOPIC_FIXTURE_H

#include <semaphore.h>

#include "tests/unit/broker/log/log_fixture.h"

#include "broker/log/worker_pool.h"
#include "broker/metadata/metadata_cache.h"
#include "broker/replica/replica_manager.h"
#include "client/base/sync.h"
#include "client/net/loop.h"

#define SELF          1
#define OTHER         2
#define PARTITION_MAX 4

/* Time that stands still until it is moved, from any thread. */
struct shared_clock {
    struct clock clock;
    _Atomic int64_t wall_ms;
    _Atomic int64_t monotonic_ms;
};

/* Tasks for the pool, which may be kept back. */
struct held_executor {
    struct executor executor;
    struct worker_pool *pool;
    struct mutex lock;
    struct task_list kept; /* lock */
    bool is_held;          /* lock */
};

struct broker_fixture {
    const char *topic;
    char root[64];
    struct log_manager_owner owner;
    struct log_manager *logs;
    struct replica_manager *replicas;
    struct metadata_cache metadata;
    struct shared_clock clock;
    struct held_executor background;
    struct uuid topic_id;
    int32_t partition_count;
    int32_t partition_epoch;
    _Atomic int32_t min_isr;
    int64_t zxid;
    struct loop *loop; /* a thread of its own */
};

/* ---- Ports ---- */

static inline int64_t shared_wall_ms(struct clock *clock) {
    return ((struct shared_clock *)clock)->wall_ms;
}

static inline int64_t shared_monotonic_ns(struct clock *clock) {
    return ((struct shared_clock *)clock)->monotonic_ms * 1000000;
}

static inline void shared_clock_advance(struct shared_clock *clock, int64_t ms) {
    clock->wall_ms += ms;
    clock->monotonic_ms += ms;
}

static inline void held_post(struct executor *executor, struct task *task) {
    struct held_executor *held = CONTAINER_OF(executor, struct held_executor, executor);
    bool is_held;

    mutex_lock(&held->lock);
    is_held = held->is_held;
    if (is_held)
        STAILQ_INSERT_TAIL(&held->kept, task, next);
    mutex_unlock(&held->lock);
    if (!is_held)
        worker_pool_post(held->pool, task);
}

static inline void hold_background(struct broker_fixture *f) {
    mutex_lock(&f->background.lock);
    f->background.is_held = true;
    mutex_unlock(&f->background.lock);
}

static inline void release_background(struct broker_fixture *f) {
    struct task_list kept = STAILQ_HEAD_INITIALIZER(kept);

    mutex_lock(&f->background.lock);
    f->background.is_held = false;
    STAILQ_CONCAT(&kept, &f->background.kept);
    mutex_unlock(&f->background.lock);
    while (!STAILQ_EMPTY(&kept)) {
        struct task *task = STAILQ_FIRST(&kept);
        STAILQ_REMOVE_HEAD(&kept, next);
        worker_pool_post(f->background.pool, task);
    }
}

static inline void fixture_follow(void *context, struct partition *partition, int32_t leader_id,
                                  int32_t leader_epoch) {
    (void)context;
    (void)partition;
    (void)leader_id;
    (void)leader_epoch;
}

static inline void fixture_on_partition(void *context, struct partition *partition) {
    (void)context;
    (void)partition;
}

static inline bool fixture_is_alive(void *context, int32_t broker_id) {
    (void)context;
    (void)broker_id;
    return true;
}

static inline void fixture_topic_settings(void *context, const struct metadata_topic *topic,
                                          struct log_config *log_config, int32_t *min_isr) {
    (void)topic;
    *log_config = log_config_default;
    *min_isr = ((struct broker_fixture *)context)->min_isr;
}

static inline void fixture_config_of_topic(struct log_manager_owner *owner, struct bytes topic,
                                           struct log_config *config) {
    (void)owner;
    (void)topic;
    *config = log_config_default;
}

static inline void fixture_directory_failed(struct log_manager_owner *owner, const char *path,
                                            int live_directories) {
    (void)owner;
    (void)path;
    (void)live_directories;
}

/* ---- Life ---- */

static inline void open_logs(struct broker_fixture *f) {
    const char *dirs[] = {f->root};
    const struct log_manager_options options = {
        .clock = &f->clock.clock,
        .dirs = dirs,
        .dir_count = 1,
        .recovery_threads_per_dir = 1,
        .background_threads = 1,
        .recovery_point_checkpoint_ms = 60000,
        .start_offset_checkpoint_ms = 60000,
        .high_watermark_checkpoint_ms = 60000,
        .owner = &f->owner,
    };

    f->owner = (struct log_manager_owner){fixture_config_of_topic, fixture_directory_failed};
    assert_int_equal(log_manager_open(&options, &f->logs), ERR_NONE);
    assert_int_equal(log_manager_set_identity(f->logs, SELF, "cluster"), ERR_NONE);
    assert_int_equal(log_manager_load(f->logs), ERR_NONE);
}

static inline void broker_fixture_init(struct broker_fixture *f, const char *topic) {
    struct replica_manager_config config = {
        .broker_id = SELF,
        .replica_lag_ms_max = 30000,
        .clock = &f->clock.clock,
        .source = {fixture_follow, fixture_on_partition, f},
        .is_broker_alive = fixture_is_alive,
        .propose_isr = fixture_on_partition,
        .topic_settings = fixture_topic_settings,
        .context = f,
    };

    memset(f, 0, sizeof(*f));
    logger_set_level(LOG_LEVEL_ERROR);
    f->topic = topic;
    f->min_isr = 1;
    f->topic_id = (struct uuid){{7}};
    f->clock = (struct shared_clock){{shared_wall_ms, shared_monotonic_ns}, FIXTURE_NOW_MS, 1000};
    snprintf(f->root, sizeof(f->root), "%s/barnabas-journal-XXXXXX", test_root());
    assert_non_null(mkdtemp(f->root));
    open_logs(f);
    config.logs = f->logs;
    assert_int_equal(replica_manager_new(&config, &f->replicas), ERR_NONE);
    metadata_cache_init(&f->metadata);
    f->background.executor.post = held_post;
    f->background.pool = log_manager_pool(f->logs);
    mutex_init(&f->background.lock);
    STAILQ_INIT(&f->background.kept);
    assert_int_equal(loop_new(&f->loop), ERR_NONE);
    assert_int_equal(loop_start(f->loop, "test"), ERR_NONE);
}

/* Everything that was posted anywhere has run. */
static inline void broker_fixture_drain(struct broker_fixture *f) {
    release_background(f);
    worker_pool_drain(f->background.pool);
}

static inline void broker_fixture_stop_loop(struct broker_fixture *f) {
    loop_stop(f->loop);
    loop_join(f->loop);
}

static inline void broker_fixture_done(struct broker_fixture *f) {
    loop_free(f->loop);
    replica_manager_retire_all(f->replicas);
    replica_manager_free(f->replicas);
    metadata_cache_done(&f->metadata);
    mutex_done(&f->background.lock);
    log_manager_close(f->logs, -1);
    remove_tree(f->root);
}

/* ---- The cluster ---- */

struct leadership {
    int32_t leader;
    int32_t leader_epoch;
    int32_t isr_count; /* 1: SELF alone; 2: with OTHER, who never fetches */
};

static inline void set_topic(struct broker_fixture *f, struct metadata_builder *builder) {
    static const int32_t replicas[] = {SELF, OTHER};
    struct metadata_assignment assignments[PARTITION_MAX];

    for (int32_t i = 0; i < f->partition_count; i++)
        assignments[i] =
            (struct metadata_assignment){.index = i, .replicas = replicas, .replica_count = 2};
    assert_true(metadata_builder_set_topic(builder, bytes_of_text(f->topic), &f->topic_id,
                                           ++f->zxid, assignments, f->partition_count));
}

/* The controller has decided so, for all partitions; the broker has taken it over, and the caller
 * is to tell the coordinator. */
static inline void decide(struct broker_fixture *f, struct leadership leadership) {
    static const int32_t both[] = {SELF, OTHER}, other[] = {OTHER};
    const struct metadata *now = metadata_cache_get(&f->metadata);
    struct metadata_builder *builder = metadata_builder_new(now);
    const struct metadata *next;
    struct metadata_topic_change *changes;
    int32_t count;

    set_topic(f, builder);
    f->partition_epoch++;
    for (int32_t i = 0; i < f->partition_count; i++) {
        const struct metadata_state state = {
            .index = i,
            .leader = leadership.leader,
            .leader_epoch = leadership.leader_epoch,
            .controller_epoch = 1,
            .partition_epoch = f->partition_epoch,
            .zxid = ++f->zxid,
            .isr = leadership.leader == OTHER ? other : both,
            .isr_count = leadership.leader == OTHER ? 1 : leadership.isr_count,
        };
        assert_true(metadata_builder_set_state(builder, &f->topic_id, &state));
    }
    next = metadata_builder_finish(builder, &changes, &count);
    replica_manager_apply(f->replicas, changes, count, RETIRED_LOG_DELETE);
    metadata_cache_publish(&f->metadata, next);
    free(changes);
    metadata_unref(now);
}

static inline struct partition *find_partition(struct broker_fixture *f, int32_t index) {
    struct partition *partition = replica_manager_find(f->replicas, bytes_of_text(f->topic), index);

    assert_non_null(partition);
    return partition;
}

/* For condition_wait: a test that comes to it has failed. */
static inline int64_t fixture_deadline_ms(void) {
    return clock_monotonic_ms(clock_system()) + 30000;
}

/* ---- On the loop's thread ---- */

struct call {
    struct task task;
    void (*run)(void *context);
    void *context;
    sem_t ran;
};

static inline void run_call(struct task *task) {
    struct call *call = CONTAINER_OF(task, struct call, task);

    call->run(call->context);
    sem_post(&call->ran);
}

/* Runs it on the executor's thread, and returns when it has run. */
static inline void call_on(struct executor *executor, void (*run)(void *context), void *context) {
    struct call call = {.task = {.run = run_call}, .run = run, .context = context};

    assert_int_equal(sem_init(&call.ran, 0, 0), 0);
    executor_post(executor, &call.task);
    while (sem_wait(&call.ran) != 0)
        continue;
    sem_destroy(&call.ran);
}

#endif

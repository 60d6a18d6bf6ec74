#include "broker/replica/replica_mover.h"

#include <stdlib.h>

#include "broker/log/log_dir.h"
#include "broker/replica/partition_move.h"
#include "client/base/logger.h"
#include "client/base/sync.h"

#define THREADS_MAX 64
#define WAIT_MS     50 /* for the throttle, or for something in the background */

struct moved {
    TAILQ_ENTRY(moved) next;
    struct partition *partition; /* a reference */
    bool is_taken;               /* a thread is at it */
    bool is_added_again;         /* meanwhile */
    int64_t not_before_ms;
    int64_t begun_ms;
    int64_t bytes;
};

struct mover_thread {
    struct replica_mover *mover;
    pthread_t thread;
    struct move_buffer buffer;
};

struct replica_mover {
    struct log_manager *logs;
    struct replication_quota quota;
    struct mutex lock;
    struct condition changed;
    TAILQ_HEAD(, moved) all;                  /* lock; in the order in which they are worked at */
    bool is_closing;                          /* lock */
    int32_t thread_max;                       /* fixed */
    int32_t thread_count;                     /* lock */
    int32_t idle_count;                       /* lock; threads that have nothing to do */
    struct mover_thread threads[THREADS_MAX]; /* thread_count of them run */
};

static int64_t now_ms(void) {
    return clock_monotonic_ms(clock_system());
}

struct replica_mover *replica_mover_new(struct log_manager *logs, int32_t thread_max) {
    struct replica_mover *mover = calloc(1, sizeof(*mover));

    CHECK(thread_max > 0);
    if (mover == NULL)
        return NULL;
    mover->logs = logs;
    mover->thread_max = thread_max < THREADS_MAX ? thread_max : THREADS_MAX;
    replication_quota_init(&mover->quota);
    mutex_init(&mover->lock);
    condition_init(&mover->changed);
    TAILQ_INIT(&mover->all);
    return mover;
}

void replica_mover_throttle(struct replica_mover *mover, int64_t bytes_per_second) {
    replication_quota_set(&mover->quota, bytes_per_second);
}

/* ---- One replica ---- */

/* False: it is to end. */
static bool wait_a_little(struct replica_mover *mover) {
    int64_t until_ms = now_ms() + WAIT_MS;
    bool goes_on;

    mutex_lock(&mover->lock);
    while (!mover->is_closing && now_ms() < until_ms)
        (void)condition_wait(&mover->changed, &mover->lock, until_ms);
    goes_on = !mover->is_closing;
    mutex_unlock(&mover->lock);
    return goes_on;
}

static bool is_closing(struct replica_mover *mover) {
    bool closing;

    mutex_lock(&mover->lock);
    closing = mover->is_closing;
    mutex_unlock(&mover->lock);
    return closing;
}

static void report(const struct moved *moved, enum move_step step,
                   const struct move_result *result) {
    struct partition *partition = moved->partition;

    if (result->is_moved)
        LOG_INFO("replica_moved",
                 "topic=%s partition=%d path=%s bytes=%" PRId64 " duration_ms=%" PRId64,
                 partition_topic(partition), partition_index(partition),
                 LOG_QUOTED_TEXT(log_dir_path(log_directory(partition_log(partition)))),
                 moved->bytes, now_ms() - moved->begun_ms);
    else if (step == MOVE_FAILED)
        LOG_ERROR("replica_not_moved",
                  "topic=%s partition=%d error=%s reason=\"%s\" "
                  "action=\"it stays where it is; asked for again, it is tried again\"",
                  partition_topic(partition), partition_index(partition), error_name(result->error),
                  error_text(result->error));
}

/* True if it has to be looked at again, later. */
static bool work_at(struct replica_mover *mover, struct moved *moved, struct move_buffer *buffer) {
    struct move_result result;
    enum move_step step = MOVE_GOES_ON;

    while (step == MOVE_GOES_ON && !is_closing(mover)) {
        if (replication_quota_is_exceeded(&mover->quota, now_ms())) {
            if (!wait_a_little(mover))
                break;
            continue;
        }
        step = partition_move_step(moved->partition, mover->logs, buffer, &result);
        moved->bytes += (int64_t)result.bytes_copied;
        if (result.bytes_copied > 0)
            replication_quota_record(&mover->quota, (int64_t)result.bytes_copied, now_ms());
        report(moved, step, &result);
    }
    return step == MOVE_WAITS;
}

/* ---- Threads ---- */

static struct moved *find_due(struct replica_mover *mover, int64_t *soonest_ms) {
    int64_t now = now_ms();
    struct moved *moved;

    *soonest_ms = INT64_MAX;
    TAILQ_FOREACH (moved, &mover->all, next) {
        if (moved->is_taken)
            continue;
        if (moved->not_before_ms <= now)
            return moved;
        if (moved->not_before_ms < *soonest_ms)
            *soonest_ms = moved->not_before_ms;
    }
    return NULL;
}

/* Waits for something to do; NULL: the thread is to end. */
static struct moved *take(struct replica_mover *mover) {
    struct moved *moved = NULL;
    int64_t soonest_ms;

    mutex_lock(&mover->lock);
    mover->idle_count++;
    while (!mover->is_closing && (moved = find_due(mover, &soonest_ms)) == NULL)
        (void)condition_wait(&mover->changed, &mover->lock, soonest_ms);
    mover->idle_count--;
    if (mover->is_closing)
        moved = NULL;
    if (moved != NULL)
        moved->is_taken = true;
    mutex_unlock(&mover->lock);
    return moved;
}

static void moved_free(struct moved *moved) {
    partition_unref(moved->partition);
    free(moved);
}

static void give_back(struct replica_mover *mover, struct moved *moved, bool again) {
    mutex_lock(&mover->lock);
    TAILQ_REMOVE(&mover->all, moved, next);
    if (again || moved->is_added_again) {
        if (moved->is_added_again)
            moved->begun_ms = now_ms();
        moved->is_taken = moved->is_added_again = false;
        moved->not_before_ms = now_ms() + WAIT_MS;
        TAILQ_INSERT_TAIL(&mover->all, moved, next);
        moved = NULL;
    }
    mutex_unlock(&mover->lock);
    if (moved != NULL)
        moved_free(moved);
}

static void *run(void *context) {
    struct mover_thread *thread = context;
    struct moved *moved;

    while ((moved = take(thread->mover)) != NULL)
        give_back(thread->mover, moved, work_at(thread->mover, moved, &thread->buffer));
    free(thread->buffer.data);
    return NULL;
}

/* Under the lock. */
static bool wants_thread(const struct replica_mover *mover) {
    const struct moved *moved;
    int32_t waiting = 0;

    TAILQ_FOREACH (moved, &mover->all, next)
        waiting += moved->is_taken ? 0 : 1;
    return waiting > mover->idle_count && mover->thread_count < mover->thread_max;
}

/* Under the lock. */
static void start_thread(struct replica_mover *mover) {
    struct mover_thread *thread = &mover->threads[mover->thread_count];

    *thread = (struct mover_thread){.mover = mover};
    if (pthread_create(&thread->thread, NULL, run, thread) == 0)
        mover->thread_count++;
    else
        LOG_ERROR("mover_thread_not_started", "threads=%d", mover->thread_count);
}

void replica_mover_add(struct replica_mover *mover, struct partition *partition) {
    struct moved *moved;

    mutex_lock(&mover->lock);
    TAILQ_FOREACH (moved, &mover->all, next) {
        if (moved->partition == partition)
            break;
    }
    if (moved != NULL) {
        moved->is_added_again = moved->is_taken;
    } else {
        moved = calloc(1, sizeof(*moved));
        CHECK(moved != NULL);
        partition_ref(partition);
        moved->partition = partition;
        moved->begun_ms = now_ms();
        TAILQ_INSERT_TAIL(&mover->all, moved, next);
    }
    if (wants_thread(mover))
        start_thread(mover);
    condition_broadcast(&mover->changed);
    mutex_unlock(&mover->lock);
}

void replica_mover_free(struct replica_mover *mover) {
    struct moved *moved;

    if (mover == NULL)
        return;
    mutex_lock(&mover->lock);
    mover->is_closing = true;
    condition_broadcast(&mover->changed);
    mutex_unlock(&mover->lock);
    for (int32_t i = 0; i < mover->thread_count; i++)
        CHECK(pthread_join(mover->threads[i].thread, NULL) == 0);
    while ((moved = TAILQ_FIRST(&mover->all)) != NULL) {
        TAILQ_REMOVE(&mover->all, moved, next);
        moved_free(moved);
    }
    replication_quota_done(&mover->quota);
    condition_done(&mover->changed);
    mutex_done(&mover->lock);
    free(mover);
}

/*
 * The shell of parallel consumption: the caller's thread polls, hands out and commits; workers
 * work.
 *
 * Threads: `lock` guards everything marked so, and is not held while work runs or the consumer is
 * used. Partitions are made and freed by the caller's thread; a job's partition lives until the
 * close.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "client/base/clock.h"
#include "client/base/hash_table.h"
#include "client/base/sync.h"
#include "client/patterns/offset_book.h"
#include "client/patterns/parallel_job.h"
#include "client/patterns/partition_key.h"

#include <barnabas/parallel.h>

#define WORKERS_MAX             1000
#define QUEUED_MAX_DEFAULT      1000
#define COMMIT_INTERVAL_DEFAULT 1000
#define COMMIT_MS_MAX           30000

struct parallel_partition {
    UT_hash_handle hh;
    struct partition_key key; /* fixed */
    uint64_t generation;      /* lock; what was handed out under an older one does not count */
    struct offset_book book;  /* lock */
    int64_t committed;        /* the caller's; -1: nothing yet */
};

struct worker {
    struct barnabas_parallel *parallel;
    pthread_t thread;
    struct condition changed;      /* there is a job, or the end */
    struct parallel_job_list jobs; /* lock */
};

struct barnabas_parallel {
    struct barnabas_consumer *consumer;
    barnabas_work *work;
    void *context;
    size_t queued_max;
    int64_t commit_interval_ms;
    int64_t commit_at_ms;                  /* the caller's */
    bool paused;                           /* the caller's; all partitions are */
    struct parallel_partition *partitions; /* the caller's */

    struct mutex lock;
    struct condition ended; /* a job has ended */
    size_t queued;          /* lock; jobs that have not ended */
    int work_error;         /* lock; the first; nothing is begun afterwards */
    bool closing;           /* lock */
    size_t worker_count;
    struct worker *workers;
};

/* --- workers ----------------------------------------------------------------------------- */

/* The job is over, or was dropped. */
static void job_end(struct barnabas_parallel *parallel, struct parallel_job *job, bool done)
    REQUIRES(parallel->lock) {
    if (done && job->generation == job->partition->generation)
        offset_book_end(&job->partition->book, job->message.offset);
    parallel->queued--;
    condition_broadcast(&parallel->ended);
    free(job);
}

static bool job_counts(const struct barnabas_parallel *parallel, const struct parallel_job *job)
    REQUIRES(parallel->lock) {
    return parallel->work_error == ERR_NONE && job->generation == job->partition->generation;
}

static void *worker_run(void *argument) {
    struct worker *worker = argument;
    struct barnabas_parallel *parallel = worker->parallel;
    struct parallel_job *job;
    int error;

    mutex_lock(&parallel->lock);
    for (;;) {
        while ((job = STAILQ_FIRST(&worker->jobs)) == NULL && !parallel->closing)
            (void)condition_wait(&worker->changed, &parallel->lock, INT64_MAX);
        if (job == NULL)
            break;
        STAILQ_REMOVE_HEAD(&worker->jobs, next);
        if (!job_counts(parallel, job)) {
            job_end(parallel, job, false);
            continue;
        }
        mutex_unlock(&parallel->lock);
        error = parallel->work(parallel->context, &job->message);
        mutex_lock(&parallel->lock);
        if (error != ERR_NONE && parallel->work_error == ERR_NONE)
            parallel->work_error = error;
        job_end(parallel, job, error == ERR_NONE);
    }
    mutex_unlock(&parallel->lock);
    return NULL;
}

static enum error workers_start(struct barnabas_parallel *parallel, size_t count) {
    parallel->workers = calloc(count, sizeof(*parallel->workers));
    if (parallel->workers == NULL)
        return ERR_OUT_OF_MEMORY;
    while (parallel->worker_count < count) {
        struct worker *worker = &parallel->workers[parallel->worker_count];

        worker->parallel = parallel;
        condition_init(&worker->changed);
        STAILQ_INIT(&worker->jobs);
        if (pthread_create(&worker->thread, NULL, worker_run, worker) != 0) {
            condition_done(&worker->changed);
            return ERR_OUT_OF_MEMORY;
        }
        parallel->worker_count++;
    }
    return ERR_NONE;
}

static void workers_stop(struct barnabas_parallel *parallel) {
    mutex_lock(&parallel->lock);
    parallel->closing = true;
    for (size_t i = 0; i < parallel->worker_count; i++)
        condition_broadcast(&parallel->workers[i].changed);
    mutex_unlock(&parallel->lock);
    for (size_t i = 0; i < parallel->worker_count; i++) {
        (void)pthread_join(parallel->workers[i].thread, NULL);
        condition_done(&parallel->workers[i].changed);
    }
    free(parallel->workers);
}

/* --- partitions and commits -------------------------------------------------------------- */

static struct parallel_partition *partition_get(struct barnabas_parallel *parallel,
                                                const char *topic, int32_t index) {
    struct partition_key key = partition_key_of(topic, index);
    struct parallel_partition *partition;

    HASH_FIND(hh, parallel->partitions, &key, sizeof(key), partition);
    if (partition != NULL)
        return partition;
    partition = calloc(1, sizeof(*partition));
    if (partition == NULL)
        return NULL;
    partition->key = key;
    partition->committed = -1;
    offset_book_init(&partition->book);
    HASH_ADD(hh, parallel->partitions, key, sizeof(key), partition);
    if (!HASH_WAS_ADDED(hh, partition)) {
        free(partition);
        return NULL;
    }
    return partition;
}

/* A partition that is not ours any more, or is ours anew. */
static void partition_reset(struct barnabas_parallel *parallel,
                            struct parallel_partition *partition) {
    mutex_lock(&parallel->lock);
    partition->generation++;
    offset_book_done(&partition->book);
    mutex_unlock(&parallel->lock);
    partition->committed = -1;
}

/* Inside the poll. What was refused is news again: it may be all that there is to commit. */
static void on_committed(void *context, int error, const struct barnabas_offset *offsets,
                         size_t count) {
    struct barnabas_parallel *parallel = context;

    for (size_t i = 0; i < count; i++) {
        struct partition_key key = partition_key_of(offsets[i].topic, offsets[i].partition);
        struct parallel_partition *partition;

        HASH_FIND(hh, parallel->partitions, &key, sizeof(key), partition);
        if (partition != NULL && (error != ERR_NONE || offsets[i].error != ERR_NONE))
            partition->committed = -1;
    }
}

/* Commits how far the work has come where that is news. `wait`: until the coordinator has it. */
static int commit(struct barnabas_parallel *parallel, bool wait) {
    size_t count = HASH_COUNT(parallel->partitions);
    struct barnabas_offset *offsets = calloc(count + 1, sizeof(*offsets));
    struct parallel_partition *partition;
    size_t used = 0;
    int error = ERR_NONE;

    if (offsets == NULL)
        return ERR_OUT_OF_MEMORY;
    mutex_lock(&parallel->lock);
    for (partition = parallel->partitions; partition != NULL; partition = partition->hh.next) {
        int64_t next = offset_book_committable(&partition->book);

        if (next < 0 || (!wait && next == partition->committed))
            continue;
        partition->committed = next;
        offsets[used++] = (struct barnabas_offset){
            partition->key.topic, partition->key.partition, next, -1, NULL, ERR_NONE};
    }
    mutex_unlock(&parallel->lock);
    if (used > 0)
        error = wait ? barnabas_consumer_commit(parallel->consumer, offsets, used, COMMIT_MS_MAX)
                     : barnabas_consumer_commit_async(parallel->consumer, offsets, used,
                                                      on_committed, parallel);
    free(offsets);
    return error;
}

/* Until the work on these partitions has ended, or there will be no more. */
static void drain(struct barnabas_parallel *parallel,
                  const struct barnabas_topic_partition *partitions, size_t count) {
    mutex_lock(&parallel->lock);
    for (size_t i = 0; i < count; i++) {
        struct partition_key key = partition_key_of(partitions[i].topic, partitions[i].partition);
        struct parallel_partition *partition;

        HASH_FIND(hh, parallel->partitions, &key, sizeof(key), partition);
        while (partition != NULL && !offset_book_is_idle(&partition->book) &&
               parallel->work_error == ERR_NONE)
            (void)condition_wait(&parallel->ended, &parallel->lock, INT64_MAX);
    }
    mutex_unlock(&parallel->lock);
}

/* All that the group gave us. What cannot be paused is not ours any more. */
static void pause_all(struct barnabas_parallel *parallel, bool paused) {
    struct parallel_partition *partition;

    for (partition = parallel->partitions; partition != NULL; partition = partition->hh.next) {
        if (paused)
            (void)barnabas_consumer_pause(parallel->consumer, partition->key.topic,
                                          partition->key.partition);
        else
            (void)barnabas_consumer_resume(parallel->consumer, partition->key.topic,
                                           partition->key.partition);
    }
    parallel->paused = paused;
}

/* Runs inside the poll. A commit that is refused here means that the messages come again. */
static void on_rebalance(void *context, struct barnabas_consumer *consumer,
                         enum barnabas_rebalance_kind kind,
                         const struct barnabas_topic_partition *partitions, size_t count) {
    struct barnabas_parallel *parallel = context;

    (void)consumer;
    if (kind == BARNABAS_REBALANCE_REVOKED && count > 0) {
        drain(parallel, partitions, count);
        (void)commit(parallel, true);
    }
    for (size_t i = 0; i < count; i++) {
        struct parallel_partition *partition =
            partition_get(parallel, partitions[i].topic, partitions[i].partition);

        if (partition != NULL)
            partition_reset(parallel, partition);
    }
    /* What is new is not paused: all are alike again, and balance pauses them if need be. */
    if (parallel->paused)
        pause_all(parallel, false);
}

/* --- handing out ------------------------------------------------------------------------- */

static int hand_out(struct barnabas_parallel *parallel, const struct barnabas_message *message) {
    struct parallel_partition *partition =
        partition_get(parallel, message->topic, message->partition);
    struct parallel_job *job = parallel_job_new(message);
    struct worker *worker = &parallel->workers[parallel_worker_of(message, parallel->worker_count)];
    int error = ERR_OUT_OF_MEMORY;

    if (partition == NULL || job == NULL) {
        free(job);
        return error;
    }
    /* The position was moved back: what was begun behind it will come again. */
    if (message->offset < partition->book.next)
        partition_reset(parallel, partition);
    mutex_lock(&parallel->lock);
    error = offset_book_begin(&partition->book, message->offset);
    if (error == ERR_NONE) {
        job->partition = partition;
        job->generation = partition->generation;
        STAILQ_INSERT_TAIL(&worker->jobs, job, next);
        parallel->queued++;
        condition_broadcast(&worker->changed);
        job = NULL; /* handed over */
    }
    mutex_unlock(&parallel->lock);
    free(job);
    return error;
}

/* While too much waits, partitions are paused and polling goes on, as the group demands. Returns
 * what work returned. */
static int balance(struct barnabas_parallel *parallel, int64_t wait_ms) {
    int64_t until_ms = clock_monotonic_ms(clock_system()) + wait_ms;
    size_t queued;
    int error;

    mutex_lock(&parallel->lock);
    while (parallel->paused && parallel->queued > parallel->queued_max / 2 &&
           parallel->work_error == ERR_NONE &&
           condition_wait(&parallel->ended, &parallel->lock, until_ms))
        continue;
    queued = parallel->queued;
    error = parallel->work_error;
    mutex_unlock(&parallel->lock);
    if (!parallel->paused && queued >= parallel->queued_max)
        pause_all(parallel, true);
    else if (parallel->paused && queued <= parallel->queued_max / 2)
        pause_all(parallel, false);
    return error;
}

static int turn(struct barnabas_parallel *parallel, int64_t wait_ms) {
    struct barnabas_polled polled;
    int error = balance(parallel, wait_ms);

    if (error == ERR_NONE)
        error = barnabas_consumer_poll(parallel->consumer, parallel->paused ? 0 : wait_ms, &polled);
    if (error != ERR_NONE)
        return error;
    for (size_t i = 0; i < polled.message_count && error == ERR_NONE; i++)
        error = hand_out(parallel, &polled.messages[i]);
    for (size_t i = 0; i < polled.event_count && error == ERR_NONE; i++)
        if (polled.events[i].kind == BARNABAS_PARTITION_FAILED)
            error = polled.events[i].error;
    return error;
}

int barnabas_parallel_run(struct barnabas_parallel *parallel, int64_t timeout_ms) {
    int64_t begin_ms = clock_monotonic_ms(clock_system());
    int error = ERR_NONE;

    for (;;) {
        int64_t now_ms = clock_monotonic_ms(clock_system());
        int64_t wait_ms = parallel->commit_at_ms - now_ms;

        if (timeout_ms >= 0 && begin_ms + timeout_ms - now_ms < wait_ms)
            wait_ms = begin_ms + timeout_ms - now_ms;
        error = turn(parallel, wait_ms > 0 ? wait_ms : 0);
        now_ms = clock_monotonic_ms(clock_system());
        if (error == ERR_NONE && now_ms >= parallel->commit_at_ms) {
            error = commit(parallel, false);
            parallel->commit_at_ms = now_ms + parallel->commit_interval_ms;
        }
        if (error != ERR_NONE || (timeout_ms >= 0 && now_ms >= begin_ms + timeout_ms))
            return error;
    }
}

/* --- opening and closing ----------------------------------------------------------------- */

static int open_consumer(struct barnabas_parallel *parallel, const struct barnabas_config *config,
                         const char *const *topics, size_t count, struct barnabas_reason *reason) {
    struct barnabas_config *own = barnabas_config_copy(config);
    int error = own == NULL ? ERR_OUT_OF_MEMORY : ERR_NONE;

    if (error == ERR_NONE)
        error = barnabas_config_set(own, "enable.auto.commit", "false", reason);
    if (error == ERR_NONE)
        error = barnabas_consumer_open(own, &parallel->consumer, reason);
    if (error == ERR_NONE)
        error =
            barnabas_consumer_subscribe(parallel->consumer, topics, count, on_rebalance, parallel);
    barnabas_config_free(own);
    return error;
}

int barnabas_parallel_open(const struct barnabas_config *config, const char *const *topics,
                           size_t count, const struct barnabas_parallel_options *options,
                           barnabas_work *work, void *context, struct barnabas_parallel **opened,
                           struct barnabas_reason *reason) {
    struct barnabas_parallel *parallel;
    int error;

    if (options->worker_count == 0 || options->worker_count > WORKERS_MAX)
        return ERR_INVALID_REQUEST;
    parallel = calloc(1, sizeof(*parallel));
    if (parallel == NULL)
        return ERR_OUT_OF_MEMORY;
    mutex_init(&parallel->lock);
    condition_init(&parallel->ended);
    parallel->work = work;
    parallel->context = context;
    parallel->queued_max = options->queued_max == 0 ? QUEUED_MAX_DEFAULT : options->queued_max;
    parallel->commit_interval_ms =
        options->commit_interval_ms == 0 ? COMMIT_INTERVAL_DEFAULT : options->commit_interval_ms;
    parallel->commit_at_ms = clock_monotonic_ms(clock_system()) + parallel->commit_interval_ms;
    error = workers_start(parallel, options->worker_count);
    if (error == ERR_NONE)
        error = open_consumer(parallel, config, topics, count, reason);
    if (error == ERR_NONE)
        *opened = parallel;
    else
        barnabas_parallel_close(parallel);
    return error;
}

void barnabas_parallel_close(struct barnabas_parallel *parallel) {
    struct parallel_partition *partition;
    struct parallel_partition *next;

    if (parallel == NULL)
        return;
    /* Leaving gives the partitions up, which finishes and commits them. */
    barnabas_consumer_close(parallel->consumer);
    workers_stop(parallel);
    HASH_ITER (hh, parallel->partitions, partition, next) {
        HASH_DEL(parallel->partitions, partition);
        offset_book_done(&partition->book);
        free(partition);
    }
    condition_done(&parallel->ended);
    mutex_done(&parallel->lock);
    free(parallel);
}

/*
 * What comes with time: checkpoints, flush.ms, and the removal of what was deleted.
 */
#include <stdlib.h>

#include "broker/log/disk.h"
#include "broker/log/log_manager_internal.h"
#include "client/base/logger.h"

#define START_DELAY_MS 30000 /* before the first checkpoint, as Kafka */

typedef enum error (*checkpoint_write)(struct log_dir *dir);

static const checkpoint_write checkpoint_writers[] = {
    [CHECKPOINT_RECOVERY_POINTS] = log_dir_checkpoint_recovery_points,
    [CHECKPOINT_START_OFFSETS] = log_dir_checkpoint_start_offsets,
    [CHECKPOINT_HIGH_WATERMARKS] = log_dir_checkpoint_high_watermarks,
};

static void checkpoint_all(struct log_manager *manager, enum checkpoint_kind kind) {
    for (size_t i = 0; i < manager->dir_count; i++) {
        struct log_dir *dir = &manager->dirs[i].dir;
        enum error error;
        if (log_dir_is_offline(dir))
            continue;
        /* A disk's failure was reported when it took the directory offline. */
        if ((error = checkpoint_writers[kind](dir)) == ERR_OUT_OF_MEMORY)
            LOG_WARN("checkpoint_skipped", "path=%s error=%s", LOG_QUOTED_TEXT(dir->path),
                     error_name(error));
    }
}

static void run_checkpoint(struct task *task) {
    struct checkpoint_job *job = CONTAINER_OF(task, struct checkpoint_job, task);

    checkpoint_all(job->manager, job->kind);
    __atomic_store_n(&job->runs, false, __ATOMIC_RELEASE);
}

void log_manager_init_checkpoints(struct log_manager *manager,
                                  const struct log_manager_options *options) {
    const int64_t intervals_ms[] = {
        [CHECKPOINT_RECOVERY_POINTS] = options->recovery_point_checkpoint_ms,
        [CHECKPOINT_START_OFFSETS] = options->start_offset_checkpoint_ms,
        [CHECKPOINT_HIGH_WATERMARKS] = options->high_watermark_checkpoint_ms,
    };
    int64_t now_ms = clock_monotonic_ms(manager->clock);

    for (size_t i = 0; i < ARRAY_COUNT(manager->checkpoints); i++) {
        int64_t delay_ms = intervals_ms[i] < START_DELAY_MS ? intervals_ms[i] : START_DELAY_MS;
        manager->checkpoints[i] = (struct checkpoint_job){
            .task.run = run_checkpoint,
            .manager = manager,
            .kind = (enum checkpoint_kind)i,
            .interval_ms = intervals_ms[i],
            .due_ms = now_ms + delay_ms,
        };
    }
}

/* The list holds only logs with flush.ms that have unflushed data. */
static struct log *take_aged(struct log_dir *dir, int64_t now_ms) {
    struct log *log;

    mutex_lock(&dir->lock);
    TAILQ_FOREACH (log, &dir->flush_aged, in_flush_aged) {
        if (log->flush_aged_due_ms <= now_ms)
            break;
    }
    if (log != NULL) {
        TAILQ_REMOVE(&dir->flush_aged, log, in_flush_aged);
        log->flush_aged_due_ms = -1;
        log_ref(log);
    }
    mutex_unlock(&dir->lock);
    return log;
}

static void request_aged_flushes(struct log_dir *dir, int64_t now_ms) {
    struct log *log;

    while ((log = take_aged(dir, now_ms)) != NULL) {
        log_request_flush(log, log_end_offset(log));
        log_unref(log);
    }
}

struct doomed_job {
    struct task task;
    struct log_manager *manager;
    struct log_dir *dir;
};

static void run_doomed(struct task *task) {
    struct doomed_job *job = CONTAINER_OF(task, struct doomed_job, task);

    log_dir_remove_doomed(job->dir, clock_monotonic_ms(job->manager->clock));
    free(job);
}

static void post_doomed(struct log_manager *manager, struct log_dir *dir) {
    struct doomed_job *job;

    if (!log_dir_has_doomed(dir) || (job = malloc(sizeof(*job))) == NULL)
        return; /* without memory, the next time */
    *job = (struct doomed_job){{.run = run_doomed}, manager, dir};
    worker_pool_post(manager->pool, &job->task);
}

void log_manager_run_due(struct log_manager *manager) {
    int64_t now_ms = clock_monotonic_ms(manager->clock);

    for (size_t i = 0; i < ARRAY_COUNT(manager->checkpoints); i++) {
        struct checkpoint_job *job = &manager->checkpoints[i];
        if (now_ms < job->due_ms || __atomic_load_n(&job->runs, __ATOMIC_ACQUIRE))
            continue;
        job->due_ms = now_ms + job->interval_ms;
        job->runs = true;
        worker_pool_post(manager->pool, &job->task);
    }
    for (size_t i = 0; i < manager->dir_count; i++) {
        request_aged_flushes(&manager->dirs[i].dir, clock_wall_ms(manager->clock));
        post_doomed(manager, &manager->dirs[i].dir);
    }
    log_manager_post_due_removals(manager, now_ms);
}

void log_manager_checkpoint(struct log_manager *manager) {
    for (size_t kind = 0; kind < ARRAY_COUNT(checkpoint_writers); kind++)
        checkpoint_all(manager, (enum checkpoint_kind)kind);
}

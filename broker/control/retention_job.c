#include "broker/control/retention_job.h"

static void run(struct task *task) {
    struct retention_job *job = CONTAINER_OF(task, struct retention_job, task);

    replica_manager_apply_retention(job->replicas);
    atomic_store(&job->runs, false);
}

void retention_job_init(struct retention_job *job, const struct config *config,
                        struct replica_manager *replicas, struct worker_pool *pool) {
    *job = (struct retention_job){
        .task.run = run,
        .replicas = replicas,
        .pool = pool,
        .interval_ms = config->log_retention_check_interval_ms,
        .due_ms = clock_monotonic_ms(clock_system()) + config->log_initial_task_delay_ms,
    };
    atomic_init(&job->runs, false);
}

void retention_job_on_time(struct retention_job *job, int64_t now_ms) {
    if (now_ms < job->due_ms || atomic_exchange(&job->runs, true))
        return;
    job->due_ms = now_ms + job->interval_ms;
    worker_pool_post(job->pool, &job->task);
}

void retention_job_stop(struct retention_job *job) {
    job->due_ms = INT64_MAX;
    if (atomic_load(&job->runs))
        worker_pool_drain(job->pool);
}

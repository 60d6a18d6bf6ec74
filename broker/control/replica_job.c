#include "broker/control/replica_job.h"

static void run(struct task *task) {
    struct replica_job *job = CONTAINER_OF(task, struct replica_job, task);

    job->look(job);
    atomic_store(&job->runs, false);
}

void replica_job_init(struct replica_job *job, struct replica_manager *replicas,
                      struct worker_pool *pool, void (*look)(const struct replica_job *job),
                      int64_t delay_ms, int64_t interval_ms) {
    *job = (struct replica_job){
        .task.run = run,
        .replicas = replicas,
        .pool = pool,
        .look = look,
        .interval_ms = interval_ms,
        .due_ms = clock_monotonic_ms(clock_system()) + delay_ms,
    };
    atomic_init(&job->runs, false);
    atomic_init(&job->limit, 0);
}

void replica_job_on_time(struct replica_job *job, int64_t now_ms) {
    if (now_ms < job->due_ms || atomic_exchange(&job->runs, true))
        return;
    job->due_ms = now_ms + job->interval_ms;
    worker_pool_post(job->pool, &job->task);
}

void replica_job_stop(struct replica_job *job) {
    job->due_ms = INT64_MAX;
    if (atomic_load(&job->runs))
        worker_pool_drain(job->pool);
}

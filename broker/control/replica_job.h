/*
 * A regular look at all replicas: for segments that may go (log.retention.check.interval.ms), for
 * producers that may be forgotten (producer.id.expiration.check.interval.ms). It runs on the logs'
 * pool; the control thread only says when.
 *
 * Threads: the control thread.
 */
#ifndef BROKER_CONTROL_REPLICA_JOB_H
#define BROKER_CONTROL_REPLICA_JOB_H

#include <stdatomic.h>

#include "broker/log/worker_pool.h"
#include "broker/replica/replica_manager.h"

struct replica_job {
    struct task task;
    struct replica_manager *replicas;
    struct worker_pool *pool;
    void (*look)(const struct replica_job *job); /* on the pool */
    int64_t interval_ms;
    int64_t due_ms;        /* monotonic */
    _Atomic int64_t limit; /* what the look goes by, where a setting that changes says it */
    atomic_bool runs;      /* posted, or at work */
};

/* Begins in `delay_ms`. */
void replica_job_init(struct replica_job *job, struct replica_manager *replicas,
                      struct worker_pool *pool, void (*look)(const struct replica_job *job),
                      int64_t delay_ms, int64_t interval_ms);
void replica_job_on_time(struct replica_job *job, int64_t now_ms);

/* Waits until it is not at work: afterwards the replicas may be freed. */
void replica_job_stop(struct replica_job *job);

#endif

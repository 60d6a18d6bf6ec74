/*
 * The regular look at all replicas for segments that may go (log.retention.check.interval.ms). It
 * runs on the logs' pool; the control thread only says when.
 *
 * Threads: the control thread.
 */
#ifndef BROKER_CONTROL_RETENTION_JOB_H
#define BROKER_CONTROL_RETENTION_JOB_H

#include <stdatomic.h>

#include "broker/config/config.h"
#include "broker/log/worker_pool.h"
#include "broker/replica/replica_manager.h"

struct retention_job {
    struct task task;
    struct replica_manager *replicas;
    struct worker_pool *pool;
    int64_t interval_ms;
    int64_t due_ms;   /* monotonic */
    atomic_bool runs; /* posted, or at work */
};

void retention_job_init(struct retention_job *job, const struct config *config,
                        struct replica_manager *replicas, struct worker_pool *pool);
void retention_job_on_time(struct retention_job *job, int64_t now_ms);

/* Waits until it is not at work: afterwards the replicas may be freed. */
void retention_job_stop(struct retention_job *job);

#endif

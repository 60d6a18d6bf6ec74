/*
 * The cleaner (log_cleaner.h) with the settings in force, if log.cleaner.enable lets it run.
 *
 * Threads: the control thread. Start from {0}.
 */
#ifndef BROKER_CONTROL_CLEANER_JOB_H
#define BROKER_CONTROL_CLEANER_JOB_H

#include "broker/config/config.h"
#include "broker/replica/log_cleaner.h"

struct cleaner_job {
    struct log_cleaner *cleaner; /* NULL: nothing is compacted */
};

/* Errors: OUT_OF_MEMORY. */
MUST_CHECK enum error cleaner_job_start(struct cleaner_job *job, const struct config *config,
                                        struct replica_manager *replicas);
void cleaner_job_on_settings(struct cleaner_job *job, const struct config *now);

/* Gives up what is under way: afterwards the replicas may be freed. */
void cleaner_job_stop(struct cleaner_job *job);

#endif

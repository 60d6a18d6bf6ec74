/*
 * A message that waits for its worker: a copy in one block of memory. And which worker that is.
 */
#ifndef CLIENT_PATTERNS_PARALLEL_JOB_H
#define CLIENT_PATTERNS_PARALLEL_JOB_H

#include <barnabas/consumer.h>
#include <sys/queue.h>

struct parallel_partition;

struct parallel_job {
    STAILQ_ENTRY(parallel_job) next;
    struct parallel_partition *partition;
    uint64_t generation; /* of the partition, when it was handed out */
    struct barnabas_message message;
};

STAILQ_HEAD(parallel_job_list, parallel_job);

/* NULL if memory is out; freed with free(). Pointers of the message lead into the block. */
struct parallel_job *parallel_job_new(const struct barnabas_message *message);

/* The worker for a message, below `worker_count`: always the same for a key in a partition, by
 * turns for messages without. Pure. */
size_t parallel_worker_of(const struct barnabas_message *message, size_t worker_count);

#endif

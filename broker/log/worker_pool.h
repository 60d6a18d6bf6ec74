/*
 * A few threads for work that may wait for a disk: fsync, deletion, writeback, cold reads.
 *
 * Tasks run in the order of posting, several at a time. A task is embedded in what it is about;
 * it must not be posted again before its `run` has begun, and may then be freed by it.
 * Threads: any may post.
 */
#ifndef BROKER_LOG_WORKER_POOL_H
#define BROKER_LOG_WORKER_POOL_H

#include "client/base/check.h"
#include "client/base/error.h"
#include "client/base/executor.h"

struct worker_pool;

/* Errors: OUT_OF_MEMORY (also when no thread can be made). */
MUST_CHECK enum error worker_pool_new(int thread_count, const char *name,
                                      struct worker_pool **created);

/* Runs what was posted, then ends the threads. Accepts NULL. */
void worker_pool_free(struct worker_pool *pool);

void worker_pool_post(struct worker_pool *pool, struct task *task);

/* Waits until nothing is queued or running. Not from a task. */
void worker_pool_drain(struct worker_pool *pool);

/* The pool as an executor; tasks posted to it may run concurrently. */
struct executor *worker_pool_executor(struct worker_pool *pool);

#endif

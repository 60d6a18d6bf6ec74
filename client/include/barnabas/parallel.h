/*
 * Parallel consumption in order: several threads work on the messages of a group's member, those of
 * one key one after the other and in the order of their partition, those of different keys at the
 * same time. So slow work is not bound to the number of partitions.
 *
 * What is promised. Messages of one partition with one key are worked on in order, by one thread at
 * a time; messages without a key in any order. An offset is committed when the work on everything
 * before it has ended: after a crash what was not committed comes again, to whoever reads the
 * partition then, so each message is worked on at least once. Before partitions are given up in a
 * rebalance, the work on their messages is finished and committed; if they were lost, what is not
 * begun is dropped.
 *
 * Threads: open, run and close on one thread; the work runs on the workers' threads, and must not
 * call any of them. Bounded: at most queued_max messages and one poll's besides wait for a worker.
 */
#ifndef BARNABAS_PARALLEL_H
#define BARNABAS_PARALLEL_H

#include <barnabas/consumer.h>

#ifdef __cplusplus
extern "C" {
#endif

struct barnabas_parallel;

struct barnabas_parallel_options {
    size_t worker_count;        /* threads, 1 to 1,000 */
    size_t queued_max;          /* 0: 1,000 */
    int64_t commit_interval_ms; /* 0: 1,000 */
};

/* Returns BARNABAS_OK, or an error that ends the run: then the message is not committed, nor is
 * anything behind it. `message` is valid during the call. */
typedef int barnabas_work(void *context, const struct barnabas_message *message);

/* group.id must be set; enable.auto.commit does not matter. Starts the workers.
 * Errors: CONFIG_INVALID, INVALID_TOPIC, INVALID_GROUP_ID, INVALID_REQUEST (options),
 * OUT_OF_MEMORY. */
BARNABAS_API int barnabas_parallel_open(const struct barnabas_config *config,
                                        const char *const *topics, size_t count,
                                        const struct barnabas_parallel_options *options,
                                        barnabas_work *work, void *context,
                                        struct barnabas_parallel **opened,
                                        struct barnabas_reason *reason);

/* Polls, hands out and commits for `timeout_ms` (-1: for ever). Returns what work returned if that
 * was an error, then and from then on; else errors of barnabas_consumer_poll. */
BARNABAS_API int barnabas_parallel_run(struct barnabas_parallel *parallel, int64_t timeout_ms);

/* Finishes the work on what was handed out, commits, leaves the group. Accepts NULL. */
BARNABAS_API void barnabas_parallel_close(struct barnabas_parallel *parallel);

#ifdef __cplusplus
}
#endif

#endif

/*
 * Compacts the replicas of this broker whose topics want it: a few threads, each of which takes the
 * dirtiest partition that is due and nobody works at, until there is none; then they pause.
 *
 * A partition whose segments are damaged is left alone until the next start.
 *
 * Threads: new, set and free on one thread, the control thread.
 * Source: Apache Kafka 3.9, LogCleaner, LogCleanerManager.
 */
#ifndef BROKER_REPLICA_LOG_CLEANER_H
#define BROKER_REPLICA_LOG_CLEANER_H

#include "broker/replica/replica_manager.h"

struct log_cleaner;

/* log.cleaner.*; those of memory and rate are for all threads together. */
struct log_cleaner_settings {
    int threads;
    int64_t dedupe_buffer_bytes;
    int32_t io_buffer_bytes;
    double load_factor;
    double io_bytes_per_second;
    int64_t backoff_ms;
};

/* Starts the threads. `replicas` outlives it. Errors: OUT_OF_MEMORY (also when no thread
 * can be made). */
MUST_CHECK enum error log_cleaner_new(struct replica_manager *replicas,
                                      const struct log_cleaner_settings *settings,
                                      struct log_cleaner **created);

/* Takes effect at once, but for memory: with the next pass. Fewer threads: those that are too many
 * end after their pass; the call does not wait for them. */
void log_cleaner_set(struct log_cleaner *cleaner, const struct log_cleaner_settings *settings);

/* Gives up what is under way, and waits for the threads. Accepts NULL. */
void log_cleaner_free(struct log_cleaner *cleaner);

#endif

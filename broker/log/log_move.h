/*
 * Moving a partition's log to another data directory of this broker.
 *
 *   <to>/<topic>-<partition>.<unique>-future    is filled with the batches of
 *   <from>/<topic>-<partition>                  until it holds the same, and takes its place:
 *
 *   1. the future folder is on disk as far as the current one, and its directory's checkpoints
 *      speak of it;
 *   2. it gets the current one's name, durably;
 *   3. the current one is renamed to -delete, and removed later.
 *
 * Whatever a crash leaves, a whole log has the partition's name: before 2 the old one (and the copy
 * goes on), behind 3 the new one, in between both, which hold the same; log_manager_load then keeps
 * one. A future log is in the checkpoints of its directory under the partition's name, as in Kafka.
 *
 * Who copies is broker/replica/partition_move.c.
 * Source: Apache Kafka 3.9, LogManager.replaceCurrentWithFutureLog, UnifiedLog.
 */
#ifndef BROKER_LOG_LOG_MOVE_H
#define BROKER_LOG_LOG_MOVE_H

#include "broker/log/log_manager.h"

/* ---- directories: any thread ---- */

/* The index of the directory of that path in log.dirs, -1: it is none of them. */
int log_manager_find_dir(const struct log_manager *manager, struct bytes path);
bool log_manager_dir_is_offline(const struct log_manager *manager, int dir);
/* Whether it lies in that directory. */
bool log_manager_dir_holds(const struct log_manager *manager, int dir, const struct log *log);

/* If the partition's log or future log is made, it is in that directory. Remembered until then, or
 * until the broker ends; of very many the oldest are forgotten. */
void log_manager_prefer_dir(struct log_manager *manager, struct bytes topic, int32_t partition,
                            int dir);

/* ---- future logs: one thread at a time per partition ---- */

/* Makes an empty future log for `current` in another directory. It is the manager's, as logs are.
 * Its settings are the current one's, but for what is flushed when: it need not be on disk before
 * it is complete.
 * Errors: KAFKA_STORAGE_ERROR (that or any directory is offline: the partition may have a future
 * log there), INVALID_TOPIC_EXCEPTION (the folder's name would be too long), OUT_OF_MEMORY, the
 * disk's. */
MUST_CHECK enum error log_manager_make_future(struct log_manager *manager, struct log *current,
                                              int dir, struct log **made);
/* NULL: there is none, or its directory is offline. */
struct log *log_manager_find_future(struct log_manager *manager, struct bytes topic,
                                    int32_t partition);

/* The copy is not wanted any more: as log_manager_delete. */
MUST_CHECK enum error log_manager_drop_future(struct log_manager *manager, struct log *future);
/* Its directory failed: forgets it, touching nothing. */
void log_manager_forget_future(struct log_manager *manager, struct log *future);

/* What a future log needs on disk before it may be promoted; waits for the disk. Without a lock. */
MUST_CHECK enum error log_prepare_promotion(struct log *future);
/* Step 2. Under the partition's lock: both logs end at the same offset, the future log is quiet
 * and flushed. From now on the manager finds the future log instead.
 * Errors: KAFKA_STORAGE_ERROR, the disk's: then its directory is offline, and the current log is
 * what it was. */
MUST_CHECK enum error log_manager_promote(struct log_manager *manager, struct log *current,
                                          struct log *future);
/* Step 3, when nobody finds `replaced` any more. Under the partition's lock. Every operation on it
 * fails with KAFKA_STORAGE_ERROR; its memory goes with its last reference.
 * Errors: the disk's: its directory is offline. */
MUST_CHECK enum error log_manager_delete_replaced(struct log_manager *manager,
                                                  struct log *replaced);
/* The checkpoints of both directories say what is true now, and the files of the old log, to which
 * somebody may still refer, are closed, so that their blocks are free when they are removed; waits
 * for the disk. Without a lock. */
void log_note_promotion(struct log *replaced, struct log *promoted);

/* ---- one log ---- */

/* What a future log has of the current one's settings. */
struct log_config log_config_of_future(const struct log_config *config);

/* True if no flush and no writeback of it is under way in the background. */
bool log_is_quiet(struct log *log);

/* Nothing follows up to `offset`, as where compaction removed the last batches: the log end becomes
 * that. Needs the partition's lock. Errors: OUT_OF_MEMORY, the disk's. */
MUST_CHECK enum error log_advance_end_offset(struct log *log, int64_t offset, int64_t now_ms);

/* Makes `log`'s leader epochs, durably, those of `from`, which ends at the same offset: epochs of
 * which no batch is left, too. Needs the locks of both. Errors: OUT_OF_MEMORY, the disk's. */
MUST_CHECK enum error log_take_leader_epochs(struct log *log, const struct log *from);

#endif

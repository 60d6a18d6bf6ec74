/*
 * All logs of this broker: the data directories, which partitions live in which, starting,
 * stopping, creating and deleting them.
 *
 * Life: open (locks the directories, reads meta.properties) -> the broker settles its ids ->
 * set_identity -> load -> create, find, delete, run_due ... -> close.
 *
 * Per directory: .lock, meta.properties, .kafka_cleanshutdown, .barnabas_logs, and the
 * recovery-point-, log-start- and replication-offset-checkpoint of all its logs.
 *
 * Threads: any, after load; the table has a lock of its own, which is held for no I/O. Making and
 * deleting logs is serialised. Returned logs are the manager's: valid until
 * log_manager_delete or close, take a reference (log_ref) to keep one longer.
 * Source: Apache Kafka 3.9, LogManager, BrokerMetadataCheckpoint.
 */
#ifndef BROKER_LOG_LOG_MANAGER_H
#define BROKER_LOG_LOG_MANAGER_H

#include "broker/log/log.h"
#include "broker/log/log_config.h"
#include "broker/log/log_dir.h"
#include "client/base/clock.h"

struct disk;
struct histogram;
struct log_manager;
struct worker_pool;

/* What the manager asks or tells its owner. */
struct log_manager_owner {
    /* The settings of a topic's logs; during load from several threads at once. */
    void (*config_of_topic)(struct log_manager_owner *owner, struct bytes topic,
                            struct log_config *config);
    /* Once per directory, from any thread, with locks held: note it, post, return. `path` lives as
     * long as the manager. */
    void (*on_directory_failed)(struct log_manager_owner *owner, const char *path,
                                int live_directories);
};

struct log_manager_options {
    struct disk *disk;       /* NULL: disk_system() */
    struct clock *clock;     /* NULL: clock_system() */
    const char *const *dirs; /* absolute; copied */
    size_t dir_count;
    int recovery_threads_per_dir;         /* num.recovery.threads.per.data.dir */
    int background_threads;               /* of the pool; 0: 4 */
    int64_t recovery_point_checkpoint_ms; /* log.flush.offset.checkpoint.interval.ms */
    int64_t start_offset_checkpoint_ms;   /* log.flush.start.offset.checkpoint.interval.ms */
    int64_t high_watermark_checkpoint_ms; /* replica.high.watermark.checkpoint.interval.ms */
    size_t open_files_max;                /* descriptors for segments; 0: by RLIMIT_NOFILE */
    size_t sync_together_min; /* changed logs of a directory that a clean stop syncs with one
                               * syncfs(2); 0: 256 */
    struct log_manager_owner *owner;
};

/* What the directories' meta.properties say. */
struct log_manager_identity {
    int32_t broker_id;   /* -1: none says */
    char cluster_id[64]; /* empty: none says */
};

/* Makes missing directories, locks all and reads their meta.properties. A directory that does not
 * work is offline from the start.
 * Errors (logged): CONFIG_INVALID (locked by another process, contradicting ids or an unreadable
 * setup: do not start), KAFKA_STORAGE_ERROR (no directory works), OUT_OF_MEMORY. */
MUST_CHECK enum error log_manager_open(const struct log_manager_options *options,
                                       struct log_manager **opened);

struct log_manager_identity log_manager_identity(const struct log_manager *manager);

/* Writes meta.properties where it is missing or incomplete. CONFIG_INVALID if a directory belongs
 * to another broker or cluster. */
MUST_CHECK enum error log_manager_set_identity(struct log_manager *manager, int32_t broker_id,
                                               const char *cluster_id);

/* The broker epoch of the clean stop before, -1 if any directory with logs was not stopped cleanly
 * or did not say. Valid after load. */
int64_t log_manager_previous_broker_epoch(const struct log_manager *manager);
/* False if any directory that held logs lacked the marker of a clean stop. Valid after load. */
bool log_manager_was_clean(const struct log_manager *manager);

/* Whether what the logs held before this start may be gone from their ends, or gone altogether: a
 * directory lacked the marker of a clean stop, or a log was damaged all the same. One that is empty
 * or cannot be read may have held logs; a process that stopped before it had registered could not
 * tell anybody what it had found. Valid after load. */
bool log_manager_may_have_lost_records(const struct log_manager *manager);

/* Knows all logs then. After a clean stop they are opened when they are needed (see log_open); else
 * now, recovering those that need it. Folders that are no partition's are left alone.
 * Errors (logged): KAFKA_STORAGE_ERROR (no directory left), DISK_CORRUPT (a partition in two
 * directories), OUT_OF_MEMORY. */
MUST_CHECK enum error log_manager_load(struct log_manager *manager);

/* Opens, one by one in the background, what log_manager_load did not need to open: so that whoever
 * uses it later finds it open, and damage is found soon. */
void log_manager_open_logs(struct log_manager *manager);

/* Stops background work, flushes and closes all logs, writes checkpoints and the marker of a clean
 * stop with `broker_epoch`. Frees the manager; nobody may use its logs any more. Accepts NULL. */
void log_manager_close(struct log_manager *manager, int64_t broker_epoch);

/* As a crash would: closes descriptors, flushes and marks nothing. For tests. */
void log_manager_abandon(struct log_manager *manager);

/* NULL: not here, or its directory is offline (tell with log_manager_has_offline_directory). */
struct log *log_manager_find(struct log_manager *manager, struct bytes topic, int32_t partition);

bool log_manager_has_offline_directory(const struct log_manager *manager);
int log_manager_failed_directories(const struct log_manager *manager);

/* The log if it is here, else a new empty one in the live directory with the fewest.
 * Errors: INVALID_TOPIC_EXCEPTION, INCONSISTENT_TOPIC_ID (here with another id),
 * KAFKA_STORAGE_ERROR (not here, `is_new` is false and it may be in an offline directory; or no
 * directory is live), OUT_OF_MEMORY, the disk's. `topic_id` may be zero: unknown. */
MUST_CHECK enum error log_manager_find_or_create(struct log_manager *manager, struct bytes topic,
                                                 int32_t partition, const struct uuid *topic_id,
                                                 const struct log_config *config, bool is_new,
                                                 struct log **found);

/* Takes the log out of the table and renames its directory; its files go file.delete.delay.ms
 * later. Needs the partition's lock; afterwards only what holds a reference may use the log, and
 * every operation on it fails with KAFKA_STORAGE_ERROR. */
MUST_CHECK enum error log_manager_delete(struct log_manager *manager, struct log *log);

/* The same for a replica that the cluster does not know: renamed to "-stray" and kept. */
MUST_CHECK enum error log_manager_set_aside(struct log_manager *manager, struct log *log);

/* Every log, each with a reference held during the call; no lock is held. */
typedef void (*log_manager_on_log)(void *context, struct log *log);
void log_manager_for_each(struct log_manager *manager, log_manager_on_log on_log, void *context);
size_t log_manager_log_count(const struct log_manager *manager);

/* Hands everything that is due (checkpoints, flush.ms, removal of deleted folders) to the pool.
 * Call it about every second, from one thread. */
void log_manager_run_due(struct log_manager *manager);

/* Writes the checkpoints of all directories now; waits for the disk. */
void log_manager_checkpoint(struct log_manager *manager);

/* For cold reads and other work that waits for a disk. */
struct worker_pool *log_manager_pool(struct log_manager *manager);

struct log_manager_dir_info {
    const struct log_dir *dir; /* as long as the manager */
    const char *path;
    bool is_offline;
    size_t log_count;
    int64_t total_bytes;
    int64_t usable_bytes;
    const struct histogram *flush_times; /* of its logs; as long as the manager */
    int64_t recovery_bytes;  /* to be read at this start after a crash, as far as it is known */
    int64_t recovered_bytes; /* that were read; at most the former */
};
/* `index` from 0; false past the last. Locks nothing for long; asks the file system. */
bool log_manager_dir_info(struct log_manager *manager, size_t index,
                          struct log_manager_dir_info *info);

#endif

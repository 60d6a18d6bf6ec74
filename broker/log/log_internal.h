/*
 * What the files of broker/log/log*.c share; nobody else includes this.
 *
 * Locks and their order: broker/README.md. In short: the partition's lock (the caller's) before all
 * others; log.state_lock is held for memory only, never for I/O.
 */
#ifndef BROKER_LOG_LOG_INTERNAL_H
#define BROKER_LOG_LOG_INTERNAL_H

#include <sys/queue.h>

#include "broker/log/log.h"
#include "broker/log/log_dir.h"
#include "broker/log/meta_properties.h"
#include "broker/log/producer_state.h"
#include "broker/log/segment.h"
#include "broker/log/unstable_transactions.h"
#include "broker/log/verifications.h"
#include "broker/log/worker_pool.h"
#include "broker/metrics/histogram.h"
#include "client/base/clock.h"
#include "client/base/rng.h"
#include "client/base/sync.h"

TAILQ_HEAD(log_list, log);

/* What deleted segments' files are called until they are removed. */
#define LOG_SUFFIX_DELETED ".deleted"

struct log_dir {
    char *path; /* fixed */
    struct disk *disk;
    struct clock *clock;
    struct file_cache *cache;
    struct worker_pool *pool;
    bool is_offline;   /* atomic */
    bool lost_records; /* atomic; a log that had been closed was found damaged and cut */
    /* Told once, by the first failure; any thread. */
    void (*on_failed)(struct log_dir *dir);
    void *owner; /* of on_failed */

    struct mutex lock;
    struct log_list logs;              /* lock; all but those deleted */
    size_t log_count;                  /* lock */
    struct log_list flush_aged;        /* lock; logs that flush.ms waits for */
    struct rng rng;                    /* lock; segment jitter and folder names */
    STAILQ_HEAD(, doomed_file) doomed; /* lock; to be removed when they are due */
    bool checkpoints_are_stale;        /* lock; they still name a log that was deleted */
    bool sync_is_posted;               /* lock; sync_task waits for its turn */
    struct task sync_task;

    /* Serialise opening logs that the start left unopened, and taking their folders' names away;
     * after the partition's lock and create_lock, before all others. Each is for some logs. */
    struct mutex open_locks[16];

    struct mutex checkpoint_lock; /* serialises writers of the checkpoint files; before `lock` */

    struct mutex listener_lock;
    pthread_cond_t listener_idle; /* a call of a listener returned */

    struct histogram flush_times;    /* shared by its writers */
    _Atomic int64_t recovery_bytes;  /* that are to be read after a crash, as far as it is known */
    _Atomic int64_t recovered_bytes; /* that were read */
    void (*on_recovered)(struct log_dir *dir); /* more were read; by who reads; NULL: nobody asks */
};

/* Batch ends near the log end, so that a reader at the tail and the translation of the high
 * watermark need no index. Offsets and positions are relative to the active segment, ascending. */
#define BATCH_ENDS 64
struct batch_ends {
    uint32_t count; /* ever put in since the last clear */
    struct {
        uint32_t next_offset;
        uint32_t position;
    } ends[BATCH_ENDS];
};

/* In an order without holes: a broker has tens of thousands. */
struct log {
    /* fixed */
    struct log_dir *dir;
    struct bytes topic;
    int32_t partition;
    int refs; /* atomic */

    /* atomics */
    bool is_open;                /* else see log_open.c; never falls */
    bool epochs_file_is_wrong;   /* found when the log was opened */
    bool is_closed;              /* deleted, set aside or closing: every operation fails */
    bool is_being_compacted;     /* a pass is under way */
    bool compaction_failed;      /* and is not tried again */
    bool has_ended_transactions; /* whose marker the high watermark has not passed */
    int64_t start_offset;
    int64_t end_offset;
    int64_t flushed_offset;
    int64_t high_watermark;
    int64_t compacted_offset; /* everything below was compacted; 0: nothing yet */
    int64_t size;
    int64_t first_unstable_offset; /* NO_UNSTABLE_OFFSET: none */
    int64_t oldest_transaction_ms; /* see log_oldest_transaction_ms */

    /* the partition's lock */
    struct log_config config;
    struct leader_epochs *epochs;
    struct producer_state *producers;
    struct verifications verifications;
    int64_t snapshot_offset;        /* of the newest producer snapshot; -1: none */
    int64_t recovery_point_written; /* dir->checkpoint_lock; what the checkpoint file may say */
    int64_t hole_offset;            /* see log_hole; -1: none */
    uint32_t truncations;           /* counted */

    int listener_calls;            /* dir->listener_lock; running now */
    struct log_listener *listener; /* dir->listener_lock */

    struct segment_home home;
    const char *dir_name;     /* what home.dir points to */
    char *dir_names_later[2]; /* by renames; readers may still hold those of before */

    struct mutex state_lock;
    struct uuid topic_id;      /* state_lock */
    struct log_told *told;     /* state_lock; NULL once the log is open */
    struct segment **segments; /* state_lock; ascending; at least one if it is open; last: active */
    _Atomic size_t segment_count;          /* state_lock to change it */
    size_t segment_capacity;               /* state_lock */
    struct batch_ends *ends;               /* state_lock; NULL before the first append */
    struct unstable_transactions unstable; /* state_lock */
    bool transactions_are_rebuilt;         /* state_lock; first_unstable_offset stays meanwhile */
    bool flush_is_running;                 /* state_lock; flush_task is posted or runs */
    bool writeback_is_running;             /* state_lock; writeback_task likewise */
    uint32_t generation;                   /* state_lock; counts truncations */
    uint32_t dir_changes;                  /* state_lock; of the folder's entries, counted */
    uint32_t dir_changes_synced;           /* state_lock; of them durable */
    int64_t flush_wanted_offset;           /* state_lock */
    int64_t durable_base; /* state_lock; segments with a lower base have durable indexes */
    struct task flush_task;
    struct task writeback_task;

    TAILQ_ENTRY(log) in_dir;        /* dir->lock */
    TAILQ_ENTRY(log) in_flush_aged; /* dir->lock */
    int64_t flush_aged_due_ms;      /* dir->lock; wall clock; -1: not in the list */

    struct log *next_in_bucket; /* the manager's lock */
    char names[];               /* the topic; behind its zero, dir_name before any rename */
};

struct log_load_options {
    struct bytes topic;
    int32_t partition;
    const char *dir_name; /* of the partition's folder, with the directory's path */
    const struct log_config *config;
    int64_t recovery_point;     /* from the checkpoint, else 0 */
    int64_t checkpointed_start; /* from the checkpoint, else 0 */
    int64_t high_watermark;     /* from the checkpoint, else 0 */
    int64_t compacted_offset;   /* from the checkpoint, else 0 */
    bool was_clean;
};

/* log_load.c: opens what is in the folder, repairing it. It has one reference.
 * Errors: the disk's, OUT_OF_MEMORY; what is corrupt is repaired, loudly. */
MUST_CHECK enum error log_load(struct log_dir *dir, const struct log_load_options *options,
                               struct log **loaded);
/* A log without any segment yet, or one empty segment if `base_offset` is given. */
MUST_CHECK enum error log_new(struct log_dir *dir, const struct log_load_options *options,
                              struct log **created);

/* log_load_epochs.c: before the segments are looked at, and when the log's offsets are known. With
 * `*rebuild` the file was corrupt, and the batches are asked. */
MUST_CHECK enum error log_open_epochs(struct log *log, bool *rebuild);
MUST_CHECK enum error log_settle_epochs(struct log *log, bool rebuild, bool was_clean);

/* Offsets that are read without a lock. */
static inline int64_t offset_load(const int64_t *value) {
    return __atomic_load_n(value, __ATOMIC_ACQUIRE);
}

static inline void offset_store(int64_t *value, int64_t to) {
    __atomic_store_n(value, to, __ATOMIC_RELEASE);
}

/* log_open.c */
struct log_told;
struct summarised_log;
/* A log as the last clean stop left it, whose files nobody looks at before they are needed. */
MUST_CHECK enum error log_new_unopened(struct log_dir *dir, const struct log_load_options *options,
                                       const struct summarised_log *summarised,
                                       struct log **created);
bool log_is_open(const struct log *log);
/* The base offset of the first segment; the log start if there is none. */
int64_t log_first_base_offset(struct log *log);
/* With the partition's lock: before anything is changed or the segments are looked at. */
MUST_CHECK enum error log_open_to_change(struct log *log);
/* Held while the folder loses its name. */
struct mutex *log_open_lock(struct log *log);
void log_forget_told(struct log *log);

/* log.c */
/* Everything complete and on disk; afterwards only log_unref. Nobody else uses the log. */
MUST_CHECK enum error log_close_clean(struct log *log);
/* The same in two steps, so that many logs share one sync: everything complete, but only in the
 * page cache; then, when the file system was synced, known to be on disk. Nobody else uses it. */
MUST_CHECK enum error log_finish(struct log *log);
MUST_CHECK enum error log_note_synced(struct log *log);
/* Nothing is to be synced: it was not changed since it was opened, or never had records. */
bool log_is_finished(struct log *log);
/* From now on every operation fails; nobody needs a lock for it. */
void log_mark_closed(struct log *log);
/* The folder has another name now. Partition's lock. */
MUST_CHECK enum error log_set_dir_name(struct log *log, const char *dir_name);
/* KAFKA_STORAGE_ERROR if it may not be used. */
MUST_CHECK enum error log_check_usable(const struct log *log);
/* A disk's error takes the directory offline; others pass. Returns the error to answer. */
enum error log_fail(struct log *log, enum error error, const char *what);
/* Where recovery has to start after a crash: below lies what is on disk, with its indexes. */
int64_t log_recovery_point(struct log *log);
/* State lock. */
MUST_CHECK enum error log_add_segment(struct log *log, struct segment *segment);
void log_clear_ends(struct log *log);
struct segment *log_active_segment(const struct log *log);

/* log_roll.c */
/* See segment_new; with a jitter of its own. */
MUST_CHECK enum error log_new_segment(struct log *log, int64_t base_offset, int64_t now_ms,
                                      struct segment **created);
/* The active segment, if it is not empty, is finished, and one that begins at `base_offset` takes
 * its place. Partition's lock. */
MUST_CHECK enum error log_roll_to(struct log *log, int64_t base_offset, int64_t now_ms);

/* log_truncate.c */
/* Makes the log empty, from `offset` on; there must be no segment. The file is made at once, but
 * for offset 0, which is where a log without files begins. */
MUST_CHECK enum error log_begin_at(struct log *log, int64_t offset);

/* log_read.c */
/* State lock: the last segment whose base is at or below `offset`, the first if none is. */
size_t log_segment_index_of(const struct log *log, int64_t offset);
/* Changes whenever what a reader found may have been pulled away. */
uint32_t log_generation(struct log *log);

/* log_transactions.c. Partition's lock, or nobody else has the log yet. */
/* Makes room, so that log_apply_producer fails by the disk only: call it before the batch is
 * written, with the number of batches that are written before it in one go. */
MUST_CHECK enum error log_prepare_producer(struct log *log, const struct producer_batch *batch,
                                           size_t batches_before);
/* INVARIANT: called before the batch, which is in `segment`, is published: what is not stable must
 * never be seen as if it were, and what was aborted not without being known as such. */
MUST_CHECK enum error log_apply_producer(struct log *log, struct segment *segment,
                                         const struct producer_batch *batch);
/* Any thread. */
void log_forget_replicated_transactions(struct log *log, int64_t high_watermark);
/* Around a replay: begin, take what the snapshot says, log_apply_producer for the batches, end. */
void log_begin_rebuilding_transactions(struct log *log);
MUST_CHECK enum error log_take_open_transactions(struct log *log);
void log_end_rebuilding_transactions(struct log *log);

/* log_move.c */
/* Drops its files from the cache: of a log that is deleted, but still referred to. */
void log_close_files(struct log *log);

/* log_flush.c */
/* Of a log that was just loaded: what a crash left in the page cache only goes to disk soon, if the
 * next append would have to wait for it, or the next recovery would read several segments again.
 * Others wait for their next roll, as in Kafka: thousands of logs would keep the disk busy for
 * nothing while clients come back. */
void log_flush_recovered(struct log *log);
void log_flush_init(struct log *log);
bool log_has_unflushed(struct log *log);

/* log_producers.c: whether the batch, which is whole, may be appended as far as its producer is
 * concerned; makes room for it then. A duplicate's offsets go into the result. */
MUST_CHECK enum error log_check_producer(struct log *log, struct bytes data,
                                         const struct log_append_options *options,
                                         struct log_append_result *result);

/* log_producers.c: snapshots and replay. Partition's lock, or nobody else has the log yet. */
/* Of all batches below the log end, which is `offset`; nothing if there is one already. */
MUST_CHECK enum error log_write_snapshot(struct log *log, int64_t offset, bool durable);
/* Loads the newest valid snapshot at or below `snapshot_max`, and replays the batches from there to
 * the log end. Snapshots above it go. With `trust_absence` no snapshot file at all means
 * no producers. Source: UnifiedLog.rebuildProducerState, reloadFromCleanShutdown. */
MUST_CHECK enum error log_rebuild_producers(struct log *log, int64_t snapshot_max,
                                            bool trust_absence);

/* The same in steps, for who reads all batches behind `snapshot_max` anyway: begin; replay the
 * segments that there are, which lie before; replay each batch, whole, in the order of the log,
 * before it is published; end, once the log end and all segments are known. */
struct producers_rebuild {
    int64_t snapshot_max;
    int64_t *snapshots; /* owned; the newest first */
    size_t snapshot_count;
    size_t snapshot_capacity;
};

MUST_CHECK enum error log_begin_producers(struct log *log, int64_t snapshot_max,
                                          struct producers_rebuild *rebuild);
MUST_CHECK enum error log_replay_segments(struct log *log);
MUST_CHECK enum error log_replay_batch(struct log *log, struct segment *segment,
                                       const struct stored_batch *batch);
MUST_CHECK enum error log_end_producers(struct log *log, const struct producers_rebuild *rebuild);
/* Also after an error, or if it is zeroed. */
void producers_rebuild_done(struct producers_rebuild *rebuild);

/* log_retention.c */
/* Gives a file of a segment its name for what is deleted, to be removed after
 * file.delete.delay.ms. A missing one is no error. */
MUST_CHECK enum error log_doom_file(struct log *log, int64_t base_offset, const char *suffix);
/* The segment's largest timestamp, or that of its file's change where no record has one; INT64_MAX
 * if that is not to be known. */
int64_t log_segment_timestamp(struct log *log, const struct segment *segment);
/* Removes the files that are due; waits for the disk. */
void log_dir_remove_doomed(struct log_dir *dir, int64_t now_ms);
bool log_dir_has_doomed(struct log_dir *dir);
void log_dir_forget_doomed(struct log_dir *dir); /* frees the list, removes nothing */

/* log_dir.c */
/* Any thread. That a folder lost its name is on disk soon: one fsync for all that lost theirs until
 * then, so that a topic of a thousand partitions is deleted without a thousand. */
void log_dir_request_sync(struct log_dir *dir);
#define LOG_DIR_CLEAN_MARKER    ".kafka_cleanshutdown"
#define LOG_DIR_RECOVERY_POINTS "recovery-point-offset-checkpoint"
#define LOG_DIR_START_OFFSETS   "log-start-offset-checkpoint"
#define LOG_DIR_HIGH_WATERMARKS "replication-offset-checkpoint"
#define LOG_DIR_COMPACTED       "cleaner-offset-checkpoint"
/* Errors: OUT_OF_MEMORY. */
MUST_CHECK enum error log_dir_init(struct log_dir *dir, const char *path, struct disk *disk,
                                   struct clock *clock, struct file_cache *cache,
                                   struct worker_pool *pool);
void log_dir_done(struct log_dir *dir);
/* Writes the flushed offset of every log as its recovery point. */
MUST_CHECK enum error log_dir_checkpoint_recovery_points(struct log_dir *dir);
MUST_CHECK enum error log_dir_checkpoint_start_offsets(struct log_dir *dir);
MUST_CHECK enum error log_dir_checkpoint_high_watermarks(struct log_dir *dir);
/* How far each log was compacted, where anything was. */
MUST_CHECK enum error log_dir_checkpoint_compacted(struct log_dir *dir);

#endif

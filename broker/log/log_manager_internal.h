/*
 * What log_manager*.c share.
 *
 * Locks: `create_lock` (making, deleting) before a directory's locks before `lock` (the table).
 */
#ifndef BROKER_LOG_LOG_MANAGER_INTERNAL_H
#define BROKER_LOG_LOG_MANAGER_INTERNAL_H

#include "broker/log/checkpoint_file.h"
#include "broker/log/log_folder.h"
#include "broker/log/log_internal.h"
#include "broker/log/log_manager.h"
#include "broker/log/shutdown_summary.h"

/* One checkpoint file as read at start, sorted for look-ups. */
struct checkpoint_table {
    struct offset_checkpoint *entries;
    size_t count;
};

struct manager_dir {
    struct log_dir dir; /* first */
    int lock_fd;        /* of .lock; -1 */
    struct meta_properties meta;
    bool has_meta;                 /* meta is initialised */
    bool syncs_together;           /* during a clean stop */
    uint64_t device;               /* valid if syncs_together */
    bool was_clean;                /* the marker was there, or there was nothing to mark */
    bool had_marker;               /* of a clean stop of a registered broker, when it was loaded */
    bool has_logs;                 /* likewise */
    int64_t previous_broker_epoch; /* -1: unknown */
    struct arena arena;            /* of the tables; only during load */
    struct checkpoint_table recovery_points;
    struct checkpoint_table start_offsets;
    struct checkpoint_table high_watermarks;
    struct checkpoint_table compacted_offsets;
    struct shutdown_summary summary; /* only during load; empty if there is none to believe */
    char *summary_text;              /* what it points into */
    size_t summary_size;
};

struct dir_preference; /* log_manager_move.c */

/* A folder on its way out. */
struct removal {
    struct task task;
    TAILQ_ENTRY(removal) next;
    struct log_manager *manager;
    struct manager_dir *dir;
    int64_t due_ms; /* monotonic */
    char path[];
};

enum checkpoint_kind {
    CHECKPOINT_RECOVERY_POINTS,
    CHECKPOINT_START_OFFSETS,
    CHECKPOINT_HIGH_WATERMARKS,
    CHECKPOINT_KINDS
};

/* Writes one kind of checkpoint of all directories, again and again. */
struct checkpoint_job {
    struct task task;
    struct log_manager *manager;
    enum checkpoint_kind kind;
    int64_t interval_ms;
    int64_t due_ms; /* run_due's thread; monotonic */
    bool runs;      /* atomic; posted or running */
};

struct log_manager {
    struct disk *disk;
    struct clock *clock;
    struct log_manager_owner *owner;
    struct file_cache *cache;
    struct worker_pool *pool;
    struct manager_dir *dirs;
    size_t dir_count;
    int recovery_threads_per_dir;
    size_t sync_together_min;
    bool is_loaded;
    bool is_closing; /* atomic */
    struct checkpoint_job checkpoints[CHECKPOINT_KINDS];

    struct mutex create_lock;

    struct mutex lock;
    struct log **buckets;                       /* lock; chained by next_in_bucket */
    size_t bucket_count;                        /* lock; a power of two */
    size_t log_count;                           /* lock */
    TAILQ_HEAD(removal_list, removal) removals; /* lock; by due time */
    struct log *futures;                        /* lock; chained by next_in_bucket */
    TAILQ_HEAD(, dir_preference) preferences;   /* lock; oldest first */
    size_t preference_count;                    /* lock */
};

/* log_manager_table.c */
/* Takes over the log's reference and shows it to log_manager_find. */
MUST_CHECK enum error log_manager_insert(struct log_manager *manager, struct log *log);
/* `lock` is held: also what is in an offline directory. */
struct log *log_manager_find_locked(const struct log_manager *manager, struct bytes topic,
                                    int32_t partition);
/* Takes the log out of table and directory; the reference becomes the caller's. */
void log_manager_take_out(struct log_manager *manager, struct log *log);
/* The log's place in the table is taken by `by`; both stay in their directories' lists. */
void log_manager_replace_in_table(struct log_manager *manager, struct log *log, struct log *by);
/* Into and out of the list of its directory. */
void log_manager_join_dir(struct log *log);
void log_manager_leave_dir(struct log_manager *manager, struct log *log);
/* A reference of every log but future ones, ended by NULL; NULL if memory is out. */
struct log **log_manager_take_all(struct log_manager *manager);

/* log_manager_dirs.c */
/* A directory that does not work is offline from the start, which is no error. */
MUST_CHECK enum error log_manager_open_dir(struct log_manager *manager, struct manager_dir *dir,
                                           const char *path);
void log_manager_close_dir(struct manager_dir *dir);
/* CONFIG_INVALID if the directories are not of one broker and cluster. */
MUST_CHECK enum error log_manager_check_identities(const struct log_manager *manager);
int log_manager_live_directories(const struct log_manager *manager);

/* log_manager_delete.c */
/* Queues a folder for removal `delay_ms` from now. */
MUST_CHECK enum error log_manager_remove_later(struct log_manager *manager, struct manager_dir *dir,
                                               const char *path, int64_t delay_ms);
/* Closes the log and gives its folder another name; `take_out` takes it out of all lists, and its
 * reference goes. What is deleted is removed later. Errors: KAFKA_STORAGE_ERROR, the disk's: its
 * directory is offline, and it stays in the lists. */
typedef void log_manager_take_out_of(struct log_manager *manager, struct log *log);
MUST_CHECK enum error log_manager_put_aside(struct log_manager *manager, struct log *log,
                                            enum log_folder_kind kind,
                                            log_manager_take_out_of *take_out);
void log_manager_post_due_removals(struct log_manager *manager, int64_t now_ms);

/* log_manager_create.c */
/* What the checkpoints say of a deleted log must not be taken for that of a new one. */
MUST_CHECK enum error log_manager_refresh_checkpoints(struct log_dir *dir);

/* log_manager_move.c */
/* Takes over the reference, unless there is another future log of the partition: then false. */
MUST_CHECK bool log_manager_insert_future(struct log_manager *manager, struct log *future);
/* Takes any one out, its reference becomes the caller's; NULL: there is none. Nobody else uses
 * them. */
struct log *log_manager_pop_future(struct log_manager *manager);
/* Where the partition's log is to be made; NULL: anywhere. */
struct manager_dir *log_manager_preferred_dir(struct log_manager *manager, struct bytes topic,
                                              int32_t partition);
void log_manager_forget_preference(struct log_manager *manager, struct bytes topic,
                                   int32_t partition);
void log_manager_forget_preferences(struct log_manager *manager);

/* log_manager_twice.c */
/* Takes over the reference of a log that was found at start. Of two of one partition the one that
 * got further stays, the other one is deleted or set aside. Errors: DISK_CORRUPT (logged; nobody
 * knows which to keep), OUT_OF_MEMORY. */
MUST_CHECK enum error log_manager_insert_or_resolve(struct log_manager *manager, struct log *found);
/* Takes over the reference of a log that is in no list: its folder gets another name. */
void log_manager_discard(struct log_manager *manager, struct log *log, enum log_folder_kind kind);

/* log_manager_summary.c */
/* After the marker of the clean stop. It may fail: the next start is slower then. */
void log_manager_write_summary(struct manager_dir *dir);
/* Before the marker is taken away; into the directory's arena. */
MUST_CHECK enum error log_manager_read_summary(struct manager_dir *dir);
MUST_CHECK enum error log_manager_remove_summary(struct manager_dir *dir);
void log_manager_forget_summary(struct manager_dir *dir);

/* log_manager_due.c */
void log_manager_init_checkpoints(struct log_manager *manager,
                                  const struct log_manager_options *options);

#endif

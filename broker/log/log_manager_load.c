/*
 * Starting: what the data directories hold, opened by a few threads per directory.
 *
 * The marker of a clean stop is removed before the first log is touched, so that a crash while
 * loading looks like one. Logs that the stop told of are not opened now: see log_open.c.
 */
#include <limits.h>
#include <stdlib.h>

#include "broker/log/disk.h"
#include "broker/log/log_folder.h"
#include "broker/log/log_manager_internal.h"
#include "broker/log/recovery_size.h"
#include "client/base/logger.h"

#define MARKER_BYTES_MAX     4096
#define CHECKPOINT_ARENA_MAX ((size_t)1 << 30)

/* ---- the marker ---- */

/* {"version":0,"brokerEpoch":N}; anything else only says that the stop was clean. */
static int64_t parse_broker_epoch(const char *text) {
    const char *key = strstr(text, "\"brokerEpoch\"");
    const char *colon = key == NULL ? NULL : strchr(key, ':');
    char *end;
    long long value;

    if (colon == NULL)
        return -1;
    value = strtoll(colon + 1, &end, 10);
    return end == colon + 1 || value < 0 ? -1 : value;
}

static enum error take_marker(struct manager_dir *dir) {
    char path[PATH_MAX];
    enum error error;
    char *text;
    size_t size;

    CHECK(snprintf(path, sizeof(path), "%s/" LOG_DIR_CLEAN_MARKER, dir->dir.path) < PATH_MAX);
    error = disk_read_file(dir->dir.disk, path, MARKER_BYTES_MAX, &text, &size);
    if (error == ERR_DISK_CORRUPT) {
        /* Too large to be read, but there. */
        text = NULL;
        dir->was_clean = true;
    } else if (error != ERR_NONE) {
        return error;
    } else if (text != NULL) {
        dir->was_clean = true;
        dir->previous_broker_epoch = parse_broker_epoch(text);
    }
    free(text);
    dir->had_marker = dir->previous_broker_epoch >= 0;
    if (dir->was_clean && (error = log_manager_read_summary(dir)) != ERR_NONE)
        return error;
    if ((error = log_manager_remove_summary(dir)) != ERR_NONE || !dir->was_clean)
        return error;
    if ((error = disk_unlink(dir->dir.disk, path)) != ERR_NONE)
        return error;
    return disk_sync_dir(dir->dir.disk, dir->dir.path);
}

/* ---- checkpoints ---- */

static int compare_entries(const struct offset_checkpoint *left,
                           const struct offset_checkpoint *right) {
    size_t common = left->topic.size < right->topic.size ? left->topic.size : right->topic.size;
    int order = memcmp(left->topic.data, right->topic.data, common);

    if (order != 0)
        return order;
    if (left->topic.size != right->topic.size)
        return left->topic.size < right->topic.size ? -1 : 1;
    return left->partition < right->partition ? -1 : left->partition > right->partition;
}

/* A repeated line lies behind the one it replaces. */
static int compare_for_sort(const void *a, const void *b) {
    const struct offset_checkpoint *left = a;
    const struct offset_checkpoint *right = b;
    int order = compare_entries(left, right);

    if (order != 0)
        return order;
    return left->line < right->line ? -1 : left->line > right->line;
}

/* An unreadable checkpoint costs time or accuracy, never data: recovery then begins at 0. */
static enum error read_checkpoint(struct manager_dir *dir, const char *name,
                                  struct checkpoint_table *table) {
    char path[PATH_MAX];
    enum error error;

    CHECK(snprintf(path, sizeof(path), "%s/%s", dir->dir.path, name) < PATH_MAX);
    error =
        offset_checkpoint_read(dir->dir.disk, path, &dir->arena, &table->entries, &table->count);
    if (error == ERR_DISK_CORRUPT) {
        LOG_ERROR("checkpoint_corrupt", "path=%s action=ignore", LOG_QUOTED_TEXT(path));
        *table = (struct checkpoint_table){NULL, 0};
        return ERR_NONE;
    }
    if (error == ERR_NONE && table->count > 0)
        qsort(table->entries, table->count, sizeof(table->entries[0]), compare_for_sort);
    return error;
}

/* The last one of equal entries, or 0. */
static int64_t checkpointed(const struct checkpoint_table *table, struct bytes topic,
                            int32_t partition) {
    struct offset_checkpoint key = {.topic = topic, .partition = partition};
    size_t low = 0;
    size_t high = table->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_entries(&table->entries[middle], &key) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0 || compare_entries(&table->entries[low - 1], &key) != 0)
        return 0;
    return table->entries[low - 1].offset;
}

/* ---- folders ---- */

struct load_job {
    struct task task;
    struct task warm_task;
    struct log_manager *manager;
    struct manager_dir *dir;
    enum log_folder_kind kind; /* CURRENT or FUTURE, once it has run */
    struct log *log;           /* result; NULL: failed */
    enum error error;
    bool is_warm; /* atomic; or need not be any more */
    uint64_t inode;
    char name[LOG_FOLDER_NAME_MAX + 1];
};

struct scan {
    struct log_manager *manager;
    struct manager_dir *dir;
    struct load_job **jobs;
    size_t count;
    size_t capacity;
    struct worker_pool *pool;    /* NULL: nothing to load */
    struct worker_pool *warming; /* likewise */
};

static void run_load(struct task *task);
static void run_warm(struct task *task);

static enum error add_job(struct scan *scan, const struct disk_entry *entry) {
    struct load_job *job;

    if (scan->count == scan->capacity) {
        size_t capacity = scan->capacity == 0 ? 64 : scan->capacity * 2;
        struct load_job **grown = realloc(scan->jobs, capacity * sizeof(*grown));
        if (grown == NULL)
            return ERR_OUT_OF_MEMORY;
        scan->jobs = grown;
        scan->capacity = capacity;
    }
    if ((job = calloc(1, sizeof(*job))) == NULL)
        return ERR_OUT_OF_MEMORY;
    job->task.run = run_load;
    job->warm_task.run = run_warm;
    job->manager = scan->manager;
    job->dir = scan->dir;
    memcpy(job->name, entry->name, strlen(entry->name) + 1);
    job->inode = entry->inode;
    scan->jobs[scan->count++] = job;
    return ERR_NONE;
}

static enum error on_folder(void *context, const struct disk_entry *entry) {
    struct scan *scan = context;
    char path[PATH_MAX];
    struct bytes topic;
    int32_t partition;

    if (!entry->is_dir || strlen(entry->name) > LOG_FOLDER_NAME_MAX)
        return ERR_NONE;
    switch (log_folder_parse(entry->name, &topic, &partition)) {
    case LOG_FOLDER_CURRENT:
    case LOG_FOLDER_FUTURE:
        return add_job(scan, entry);
    case LOG_FOLDER_DELETED:
        if (snprintf(path, sizeof(path), "%s/%s", scan->dir->dir.path, entry->name) >=
            (int)sizeof(path))
            return ERR_DISK_FAILED;
        return log_manager_remove_later(scan->manager, scan->dir, path,
                                        log_config_default.file_delete_delay_ms);
    case LOG_FOLDER_STRAY:
        LOG_WARN("folder_set_aside", "path=%s folder=%s action=keep",
                 LOG_QUOTED_TEXT(scan->dir->dir.path), LOG_QUOTED_TEXT(entry->name));
        return ERR_NONE;
    case LOG_FOLDER_UNKNOWN:
        if (entry->name[0] != '.')
            LOG_WARN("folder_unknown", "path=%s folder=%s action=ignore",
                     LOG_QUOTED_TEXT(scan->dir->dir.path), LOG_QUOTED_TEXT(entry->name));
        return ERR_NONE;
    }
    return ERR_NONE;
}

/* Once for each log, by who comes to it first: a thread that runs ahead, or the one that loads it.
 * After a crash that also tells how much there is to read. */
static void warm(struct load_job *job) {
    struct manager_dir *dir = job->dir;
    struct recovery_size sizes = {0};
    char path[PATH_MAX];
    struct bytes topic;
    int32_t partition;

    if (__atomic_exchange_n(&job->is_warm, true, __ATOMIC_RELAXED) ||
        snprintf(path, sizeof(path), "%s/%s", dir->dir.path, job->name) >= (int)sizeof(path))
        return;
    (void)log_folder_parse(job->name, &topic, &partition);
    sizes.recovery_point = checkpointed(&dir->recovery_points, topic, partition);
    disk_warm_dir(path, recovery_size_add_file, &sizes);
    if (!dir->was_clean)
        atomic_fetch_add(&dir->dir.recovery_bytes, recovery_size_bytes(&sizes));
    recovery_size_done(&sizes);
}

static enum error load(struct load_job *job) {
    struct manager_dir *dir = job->dir;
    struct log_config config = log_config_default;
    const struct summarised_log *summarised;
    char path[PATH_MAX];
    struct bytes topic;
    int32_t partition;
    struct log_load_options options;

    job->kind = log_folder_parse(job->name, &topic, &partition);
    CHECK(job->kind == LOG_FOLDER_CURRENT || job->kind == LOG_FOLDER_FUTURE);
    if (snprintf(path, sizeof(path), "%s/%s", dir->dir.path, job->name) >= (int)sizeof(path))
        return ERR_DISK_FAILED;
    if (job->manager->owner != NULL)
        job->manager->owner->config_of_topic(job->manager->owner, topic, &config);
    options = (struct log_load_options){
        .topic = topic,
        .partition = partition,
        .dir_name = path,
        .config = &config,
        .recovery_point = checkpointed(&dir->recovery_points, topic, partition),
        .checkpointed_start = checkpointed(&dir->start_offsets, topic, partition),
        .high_watermark = checkpointed(&dir->high_watermarks, topic, partition),
        .compacted_offset = checkpointed(&dir->compacted_offsets, topic, partition),
        .was_clean = dir->was_clean,
    };
    summarised = job->kind == LOG_FOLDER_CURRENT
                     ? shutdown_summary_find(&dir->summary, topic, partition)
                     : NULL;
    return summarised == NULL || summarised->folder_inode != job->inode
               ? log_load(&dir->dir, &options, &job->log)
               : log_new_unopened(&dir->dir, &options, summarised, &job->log);
}

static void run_load(struct task *task) {
    struct load_job *job = CONTAINER_OF(task, struct load_job, task);
    struct log_dir *dir = &job->dir->dir;

    if (!job->dir->was_clean && !log_dir_is_offline(dir))
        warm(job);
    else
        __atomic_store_n(&job->is_warm, true, __ATOMIC_RELAXED);
    job->error = log_dir_is_offline(dir) ? ERR_KAFKA_STORAGE_ERROR : load(job);
    if (job->error == ERR_DISK_FAILED || job->error == ERR_DISK_FULL ||
        job->error == ERR_DISK_CORRUPT)
        job->error = log_dir_fail(dir, job->error, "load a partition");
}

/* What a log is loaded from is a handful of small files all over the disk: a thread that reads one
 * after the other waits for each. These run ahead of the recovery threads and only ask for them, so
 * that the disk has several to fetch, however few threads may recover. */
#define WARMING_THREADS 8

static void run_warm(struct task *task) {
    struct load_job *job = CONTAINER_OF(task, struct load_job, warm_task);

    if (!log_dir_is_offline(&job->dir->dir))
        warm(job);
}

/* ---- a directory ---- */

static int by_inode(const void *a, const void *b) {
    const struct load_job *left = *(struct load_job *const *)a;
    const struct load_job *right = *(struct load_job *const *)b;

    return left->inode < right->inode ? -1 : left->inode > right->inode;
}

/* A file system lists folders in an order of its own, by hashes of their names. In the order of
 * their inodes thousands of folders that nothing is cached of are read in about one sweep. */
static void sort_jobs(struct scan *scan) {
    if (scan->count > 0)
        qsort(scan->jobs, scan->count, sizeof(struct load_job *), by_inode);
}

static enum error scan_dir(struct scan *scan) {
    struct manager_dir *dir = scan->dir;
    enum error error;

    arena_init(&dir->arena, CHECKPOINT_ARENA_MAX);
    if ((error = take_marker(dir)) != ERR_NONE ||
        (error = read_checkpoint(dir, LOG_DIR_RECOVERY_POINTS, &dir->recovery_points)) !=
            ERR_NONE ||
        (error = read_checkpoint(dir, LOG_DIR_START_OFFSETS, &dir->start_offsets)) != ERR_NONE ||
        (error = read_checkpoint(dir, LOG_DIR_HIGH_WATERMARKS, &dir->high_watermarks)) !=
            ERR_NONE ||
        (error = read_checkpoint(dir, LOG_DIR_COMPACTED, &dir->compacted_offsets)) != ERR_NONE)
        return error;
    return disk_list(dir->dir.disk, dir->dir.path, on_folder, scan);
}

static enum error insert_loaded(struct log_manager *manager, struct load_job *job) {
    struct log *log = job->log;

    job->log = NULL;
    if (job->kind == LOG_FOLDER_FUTURE) {
        if (!log_manager_insert_future(manager, log))
            log_manager_discard(manager, log, LOG_FOLDER_DELETED); /* a copy is not missed */
        return ERR_NONE;
    }
    log_flush_recovered(log);
    return log_manager_insert_or_resolve(manager, log);
}

static enum error finish_dir(struct scan *scan) {
    enum error error = ERR_NONE;

    for (size_t i = 0; i < scan->count; i++) {
        struct load_job *job = scan->jobs[i];
        if (error == ERR_NONE && job->error == ERR_OUT_OF_MEMORY)
            error = ERR_OUT_OF_MEMORY;
        if (error == ERR_NONE && job->log != NULL && !log_dir_is_offline(&scan->dir->dir))
            error = insert_loaded(scan->manager, job);
        log_unref(job->log);
        free(job);
    }
    free(scan->jobs);
    log_manager_forget_summary(scan->dir);
    arena_done(&scan->dir->arena);
    return error;
}

/* No more than there is to do. */
static int threads_for(const struct scan *scan, int threads) {
    return scan->count < (size_t)threads ? (int)scan->count : threads;
}

/* Logs that the stop told of are not opened, so there is nothing to ask for. */
static enum error post_jobs(struct scan *scan) {
    bool warms = scan->dir->summary.count == 0;
    enum error error;

    if (scan->count == 0)
        return ERR_NONE;
    sort_jobs(scan);
    error = worker_pool_new(threads_for(scan, scan->manager->recovery_threads_per_dir), "recovery",
                            &scan->pool);
    if (error == ERR_NONE && warms)
        error = worker_pool_new(threads_for(scan, WARMING_THREADS), "warming", &scan->warming);
    if (error != ERR_NONE)
        return error;
    for (size_t i = 0; i < scan->count; i++) {
        if (warms)
            worker_pool_post(scan->warming, &scan->jobs[i]->warm_task);
        worker_pool_post(scan->pool, &scan->jobs[i]->task);
    }
    return ERR_NONE;
}

/* All directories at once, each with its own threads. */
static enum error load_dirs(struct log_manager *manager, struct scan *scans) {
    enum error error = ERR_NONE;

    for (size_t i = 0; i < manager->dir_count && error == ERR_NONE; i++) {
        struct manager_dir *dir = &manager->dirs[i];
        scans[i] = (struct scan){.manager = manager, .dir = dir};
        if (log_dir_is_offline(&dir->dir))
            continue;
        error = scan_dir(&scans[i]);
        dir->has_logs = scans[i].count > 0;
        dir->was_clean = dir->was_clean || !dir->has_logs;
        if (error == ERR_DISK_FAILED || error == ERR_DISK_FULL || error == ERR_DISK_CORRUPT) {
            (void)log_dir_fail(&dir->dir, error, "read directory");
            error = ERR_NONE;
            continue;
        }
        if (error == ERR_NONE)
            error = post_jobs(&scans[i]);
    }
    for (size_t i = 0; i < manager->dir_count; i++) {
        worker_pool_free(scans[i].pool);
        worker_pool_free(scans[i].warming);
    }
    return error;
}

enum error log_manager_load(struct log_manager *manager) {
    int64_t began_ms = clock_monotonic_ms(manager->clock);
    struct scan *scans = calloc(manager->dir_count, sizeof(*scans));
    enum error error = ERR_OUT_OF_MEMORY;

    CHECK(!manager->is_loaded);
    if (scans != NULL)
        error = load_dirs(manager, scans);
    for (size_t i = 0; scans != NULL && i < manager->dir_count; i++) {
        enum error finished;
        if (scans[i].dir == NULL)
            continue;
        finished = finish_dir(&scans[i]);
        if (error == ERR_NONE)
            error = finished;
    }
    free(scans);
    if (error != ERR_NONE)
        return error;
    if (log_manager_live_directories(manager) == 0)
        return ERR_KAFKA_STORAGE_ERROR;
    manager->is_loaded = true;
    LOG_INFO("logs_loaded", "logs=%zu clean=%s duration_ms=%" PRId64,
             log_manager_log_count(manager), log_manager_was_clean(manager) ? "yes" : "no",
             clock_monotonic_ms(manager->clock) - began_ms);
    return ERR_NONE;
}

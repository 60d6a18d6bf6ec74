#include "broker/log/log_manager.h"

#include <sys/resource.h>
#include <sys/statvfs.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "broker/log/disk.h"
#include "broker/log/log_folder.h"
#include "broker/log/log_manager_internal.h"
#include "broker/log/partition_metadata.h"
#include "client/base/logger.h"

#define BUCKETS_MIN        64
#define BACKGROUND_THREADS 4
#define OPEN_FILES_PERCENT 60 /* of RLIMIT_NOFILE; the rest is for connections */
#define OPEN_FILES_MIN     16
#define LOCK_FILE          ".lock"
#define START_DELAY_MS     30000 /* before the first checkpoint, as Kafka */

/* ---- the table ---- */

static size_t bucket_of(const struct log_manager *manager, struct bytes topic, int32_t partition) {
    uint64_t hash = 0xcbf29ce484222325u;

    for (size_t i = 0; i < topic.size; i++)
        hash = (hash ^ topic.data[i]) * 0x100000001b3u;
    hash = (hash ^ (uint32_t)partition) * 0x9e3779b97f4a7c15u;
    return (size_t)(hash >> 32) & (manager->bucket_count - 1);
}

static enum error grow_table(struct log_manager *manager) {
    size_t old_count = manager->bucket_count;
    struct log **old = manager->buckets;
    struct log **grown;

    if (manager->log_count < old_count)
        return ERR_NONE;
    if ((grown = calloc(old_count == 0 ? BUCKETS_MIN : old_count * 2, sizeof(*grown))) == NULL)
        return ERR_OUT_OF_MEMORY;
    manager->buckets = grown;
    manager->bucket_count = old_count == 0 ? BUCKETS_MIN : old_count * 2;
    for (size_t i = 0; i < old_count; i++) {
        struct log *log = old[i];
        while (log != NULL) {
            struct log *next = log->next_in_bucket;
            size_t bucket = bucket_of(manager, log->topic, log->partition);
            log->next_in_bucket = grown[bucket];
            grown[bucket] = log;
            log = next;
        }
    }
    free(old);
    return ERR_NONE;
}

static struct log *find_locked(const struct log_manager *manager, struct bytes topic,
                               int32_t partition) {
    struct log *log;

    if (manager->bucket_count == 0)
        return NULL;
    log = manager->buckets[bucket_of(manager, topic, partition)];
    while (log != NULL && (log->partition != partition || !bytes_equal(log->topic, topic)))
        log = log->next_in_bucket;
    return log;
}

enum error log_manager_insert(struct log_manager *manager, struct log *log) {
    enum error error;
    size_t bucket;

    mutex_lock(&manager->lock);
    if ((error = grow_table(manager)) == ERR_NONE) {
        CHECK(find_locked(manager, log->topic, log->partition) == NULL);
        bucket = bucket_of(manager, log->topic, log->partition);
        log->next_in_bucket = manager->buckets[bucket];
        manager->buckets[bucket] = log;
        manager->log_count++;
    }
    mutex_unlock(&manager->lock);
    if (error != ERR_NONE)
        return error;
    mutex_lock(&log->dir->lock);
    TAILQ_INSERT_TAIL(&log->dir->logs, log, in_dir);
    log->dir->log_count++;
    mutex_unlock(&log->dir->lock);
    return ERR_NONE;
}

/* Takes the log out of table and directory; the reference becomes the caller's. */
static void take_out(struct log_manager *manager, struct log *log) {
    struct log **link;

    mutex_lock(&manager->lock);
    link = &manager->buckets[bucket_of(manager, log->topic, log->partition)];
    while (*link != log)
        link = &(*link)->next_in_bucket;
    *link = log->next_in_bucket;
    manager->log_count--;
    mutex_unlock(&manager->lock);
    mutex_lock(&log->dir->lock);
    TAILQ_REMOVE(&log->dir->logs, log, in_dir);
    log->dir->log_count--;
    if (log->flush_aged_due_ms >= 0)
        TAILQ_REMOVE(&log->dir->flush_aged, log, in_flush_aged);
    log->flush_aged_due_ms = -1;
    mutex_unlock(&log->dir->lock);
}

struct log *log_manager_find(struct log_manager *manager, struct bytes topic, int32_t partition) {
    struct log *log;

    mutex_lock(&manager->lock);
    log = find_locked(manager, topic, partition);
    mutex_unlock(&manager->lock);
    return log == NULL || log_dir_is_offline(log->dir) ? NULL : log;
}

size_t log_manager_log_count(const struct log_manager *manager) {
    struct log_manager *locked = (struct log_manager *)manager;
    size_t count;

    mutex_lock(&locked->lock);
    count = manager->log_count;
    mutex_unlock(&locked->lock);
    return count;
}

/* A reference of every log, ended by NULL; NULL if memory is out. */
static struct log **take_all(struct log_manager *manager) {
    struct log **logs;
    size_t count = 0;

    mutex_lock(&manager->lock);
    logs = malloc((manager->log_count + 1) * sizeof(*logs));
    for (size_t i = 0; logs != NULL && i < manager->bucket_count; i++) {
        for (struct log *log = manager->buckets[i]; log != NULL; log = log->next_in_bucket) {
            log_ref(log);
            logs[count++] = log;
        }
    }
    mutex_unlock(&manager->lock);
    if (logs != NULL)
        logs[count] = NULL;
    return logs;
}

void log_manager_for_each(struct log_manager *manager, log_manager_on_log on_log, void *context) {
    struct log **logs = take_all(manager);

    for (size_t i = 0; logs != NULL && logs[i] != NULL; i++) {
        on_log(context, logs[i]);
        log_unref(logs[i]);
    }
    free(logs);
}

/* ---- directories ---- */

int log_manager_live_directories(const struct log_manager *manager) {
    int live = 0;

    for (size_t i = 0; i < manager->dir_count; i++)
        live += log_dir_is_offline(&manager->dirs[i].dir) ? 0 : 1;
    return live;
}

bool log_manager_has_offline_directory(const struct log_manager *manager) {
    return log_manager_live_directories(manager) < (int)manager->dir_count;
}

int log_manager_failed_directories(const struct log_manager *manager) {
    return (int)manager->dir_count - log_manager_live_directories(manager);
}

static void on_dir_failed(struct log_dir *dir) {
    struct log_manager *manager = dir->owner;

    if (manager->owner != NULL && manager->owner->on_directory_failed != NULL)
        manager->owner->on_directory_failed(manager->owner, dir->path,
                                            log_manager_live_directories(manager));
}

/* Makes the directory with its parents. */
static enum error make_dirs(struct disk *disk, const char *path) {
    char partial[PATH_MAX];
    enum error error;

    if (strlen(path) >= sizeof(partial))
        return ERR_DISK_FAILED;
    memcpy(partial, path, strlen(path) + 1);
    for (char *slash = strchr(partial + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if ((error = disk_make_dir(disk, partial)) != ERR_NONE)
            return error;
        *slash = '/';
    }
    return disk_make_dir(disk, partial);
}

/* The same kind of lock that Java's FileChannel.tryLock takes, so that a Java broker and this one
 * exclude each other. Errors: CONFIG_INVALID (held by another), the disk's. */
static enum error lock_dir(struct manager_dir *dir) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char path[PATH_MAX];
    enum error error;

    if (snprintf(path, sizeof(path), "%s/" LOCK_FILE, dir->dir.path) >= (int)sizeof(path))
        return ERR_DISK_FAILED;
    error = disk_open(dir->dir.disk, path, DISK_OPEN_CREATE, &dir->lock_fd);
    if (error != ERR_NONE)
        return error;
    if (fcntl(dir->lock_fd, F_OFD_SETLK, &lock) == 0)
        return ERR_NONE;
    if (errno != EAGAIN && errno != EACCES)
        return ERR_DISK_FAILED;
    LOG_ERROR("log_directory_locked",
              "path=%s reason=another_process_or_a_second_entry_of_log.dirs_uses_it",
              LOG_QUOTED_TEXT(dir->dir.path));
    return ERR_CONFIG_INVALID;
}

static enum error open_dir(struct log_manager *manager, struct manager_dir *dir, const char *path) {
    enum error error;

    dir->lock_fd = -1;
    dir->previous_broker_epoch = -1;
    error =
        log_dir_init(&dir->dir, path, manager->disk, manager->clock, manager->cache, manager->pool);
    if (error != ERR_NONE)
        return error;
    dir->dir.on_failed = on_dir_failed;
    dir->dir.owner = manager;
    if ((error = make_dirs(manager->disk, path)) == ERR_NONE)
        error = lock_dir(dir);
    if (error == ERR_NONE) {
        dir->has_meta = true;
        error = meta_properties_read(manager->disk, path, &dir->meta);
    }
    if (error == ERR_DISK_FAILED || error == ERR_DISK_FULL || error == ERR_DISK_CORRUPT) {
        (void)log_dir_fail(&dir->dir, error, "open directory");
        return ERR_NONE;
    }
    return error;
}

static void close_dir(struct manager_dir *dir) {
    if (dir->has_meta)
        meta_properties_done(&dir->meta);
    if (dir->dir.path != NULL && dir->lock_fd >= 0)
        close(dir->lock_fd);
    log_dir_done(&dir->dir);
}

/* ---- identity ---- */

static enum error check_identities(const struct log_manager *manager) {
    const struct meta_properties *first = NULL;

    for (size_t i = 0; i < manager->dir_count; i++) {
        const struct manager_dir *dir = &manager->dirs[i];
        if (log_dir_is_offline(&dir->dir) || !dir->meta.exists)
            continue;
        if (first == NULL) {
            first = &dir->meta;
            continue;
        }
        if (first->broker_id != dir->meta.broker_id ||
            strcmp(first->cluster_id, dir->meta.cluster_id) != 0) {
            LOG_ERROR("meta_properties_contradict",
                      "path=%s broker_id=%d cluster_id=%s other_broker_id=%d other_cluster_id=%s",
                      LOG_QUOTED_TEXT(dir->dir.path), dir->meta.broker_id,
                      LOG_QUOTED_TEXT(dir->meta.cluster_id), first->broker_id,
                      LOG_QUOTED_TEXT(first->cluster_id));
            return ERR_CONFIG_INVALID;
        }
    }
    return ERR_NONE;
}

struct log_manager_identity log_manager_identity(const struct log_manager *manager) {
    struct log_manager_identity identity = {.broker_id = -1};

    for (size_t i = 0; i < manager->dir_count; i++) {
        const struct manager_dir *dir = &manager->dirs[i];
        if (log_dir_is_offline(&dir->dir) || !dir->meta.exists)
            continue;
        if (dir->meta.broker_id >= 0)
            identity.broker_id = dir->meta.broker_id;
        if (dir->meta.cluster_id[0] != '\0')
            memcpy(identity.cluster_id, dir->meta.cluster_id, sizeof(identity.cluster_id));
    }
    return identity;
}

static enum error set_dir_identity(struct log_manager *manager, struct manager_dir *dir,
                                   int32_t broker_id, const char *cluster_id) {
    const struct meta_properties *meta = &dir->meta;
    enum error error;

    if (meta->broker_id >= 0 && meta->broker_id != broker_id) {
        LOG_ERROR("meta_properties_contradict",
                  "path=%s broker_id=%d configured_broker_id=%d "
                  "action=\"this is another broker's data: correct broker.id or log.dirs\"",
                  LOG_QUOTED_TEXT(dir->dir.path), meta->broker_id, broker_id);
        return ERR_CONFIG_INVALID;
    }
    if (meta->cluster_id[0] != '\0' && strcmp(meta->cluster_id, cluster_id) != 0) {
        LOG_ERROR(
            "meta_properties_contradict",
            "path=%s cluster_id=%s zookeeper_cluster_id=%s "
            "action=\"this is another cluster's data: correct zookeeper.connect or log.dirs\"",
            LOG_QUOTED_TEXT(dir->dir.path), LOG_QUOTED_TEXT(meta->cluster_id),
            LOG_QUOTED_TEXT(cluster_id));
        return ERR_CONFIG_INVALID;
    }
    if (meta->broker_id == broker_id && strcmp(meta->cluster_id, cluster_id) == 0)
        return ERR_NONE;
    error = meta_properties_write(manager->disk, dir->dir.path, &dir->meta, broker_id, cluster_id,
                                  clock_wall_ms(manager->clock));
    if (error == ERR_DISK_FAILED || error == ERR_DISK_FULL) {
        (void)log_dir_fail(&dir->dir, error, "write meta.properties");
        return ERR_NONE;
    }
    return error;
}

enum error log_manager_set_identity(struct log_manager *manager, int32_t broker_id,
                                    const char *cluster_id) {
    enum error error = ERR_NONE;

    for (size_t i = 0; i < manager->dir_count && error == ERR_NONE; i++) {
        if (!log_dir_is_offline(&manager->dirs[i].dir))
            error = set_dir_identity(manager, &manager->dirs[i], broker_id, cluster_id);
    }
    return error;
}

int64_t log_manager_previous_broker_epoch(const struct log_manager *manager) {
    int64_t epoch = -1;

    for (size_t i = 0; i < manager->dir_count; i++) {
        const struct manager_dir *dir = &manager->dirs[i];
        if (log_dir_is_offline(&dir->dir) || !dir->has_logs)
            continue;
        if (!dir->was_clean || dir->previous_broker_epoch < 0)
            return -1;
        if (epoch < 0 || dir->previous_broker_epoch < epoch)
            epoch = dir->previous_broker_epoch;
    }
    return epoch;
}

bool log_manager_was_clean(const struct log_manager *manager) {
    for (size_t i = 0; i < manager->dir_count; i++) {
        const struct manager_dir *dir = &manager->dirs[i];
        if (dir->has_logs && !dir->was_clean)
            return false;
    }
    return true;
}

bool log_manager_may_have_lost_records(const struct log_manager *manager) {
    for (size_t i = 0; i < manager->dir_count; i++)
        if (!manager->dirs[i].had_marker)
            return true;
    return false;
}

/* ---- opening ---- */

static size_t open_files_by_limit(void) {
    struct rlimit limit;
    size_t open_max;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return OPEN_FILES_MIN;
    if (limit.rlim_cur < limit.rlim_max) {
        rlim_t soft = limit.rlim_cur;
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
            limit.rlim_cur = soft;
    }
    open_max = (size_t)(limit.rlim_cur / 100 * OPEN_FILES_PERCENT);
    return open_max < OPEN_FILES_MIN ? OPEN_FILES_MIN : open_max;
}

static void run_checkpoint(struct task *task);

static enum error fill(struct log_manager *manager, const struct log_manager_options *options) {
    size_t open_max = options->open_files_max > 0 ? options->open_files_max : open_files_by_limit();
    int threads =
        options->background_threads > 0 ? options->background_threads : BACKGROUND_THREADS;
    const int64_t intervals_ms[] = {
        [CHECKPOINT_RECOVERY_POINTS] = options->recovery_point_checkpoint_ms,
        [CHECKPOINT_START_OFFSETS] = options->start_offset_checkpoint_ms,
        [CHECKPOINT_HIGH_WATERMARKS] = options->high_watermark_checkpoint_ms,
    };
    int64_t now_ms = clock_monotonic_ms(manager->clock);
    enum error error;

    manager->owner = options->owner;
    manager->recovery_threads_per_dir =
        options->recovery_threads_per_dir > 0 ? options->recovery_threads_per_dir : 1;
    for (size_t i = 0; i < ARRAY_COUNT(manager->checkpoints); i++) {
        int64_t delay_ms = intervals_ms[i] < START_DELAY_MS ? intervals_ms[i] : START_DELAY_MS;
        manager->checkpoints[i] = (struct checkpoint_job){
            .task.run = run_checkpoint,
            .manager = manager,
            .kind = (enum checkpoint_kind)i,
            .interval_ms = intervals_ms[i],
            .due_ms = now_ms + delay_ms,
        };
    }
    if ((error = file_cache_new(open_max, &manager->cache)) != ERR_NONE ||
        (error = worker_pool_new(threads, "log", &manager->pool)) != ERR_NONE)
        return error;
    LOG_INFO("log_manager_open", "directories=%zu open_files_max=%zu background_threads=%d",
             options->dir_count, open_max, threads);
    manager->dirs = calloc(options->dir_count, sizeof(manager->dirs[0]));
    if (manager->dirs == NULL)
        return ERR_OUT_OF_MEMORY;
    for (size_t i = 0; i < options->dir_count; i++) {
        manager->dir_count++;
        if ((error = open_dir(manager, &manager->dirs[i], options->dirs[i])) != ERR_NONE)
            return error;
    }
    if (log_manager_live_directories(manager) == 0)
        return ERR_KAFKA_STORAGE_ERROR;
    return check_identities(manager);
}

enum error log_manager_open(const struct log_manager_options *options,
                            struct log_manager **opened) {
    struct log_manager *manager = calloc(1, sizeof(*manager));
    enum error error;

    CHECK(options->dir_count > 0);
    if (manager == NULL)
        return ERR_OUT_OF_MEMORY;
    manager->disk = options->disk != NULL ? options->disk : disk_system();
    manager->clock = options->clock != NULL ? options->clock : clock_system();
    mutex_init(&manager->lock);
    mutex_init(&manager->create_lock);
    TAILQ_INIT(&manager->removals);
    if ((error = fill(manager, options)) != ERR_NONE) {
        log_manager_abandon(manager);
        return error;
    }
    *opened = manager;
    return ERR_NONE;
}

/* ---- making logs ---- */

static struct manager_dir *emptiest_dir(struct log_manager *manager) {
    struct manager_dir *emptiest = NULL;
    size_t fewest = 0;

    for (size_t i = 0; i < manager->dir_count; i++) {
        struct manager_dir *dir = &manager->dirs[i];
        size_t count;
        if (log_dir_is_offline(&dir->dir))
            continue;
        mutex_lock(&dir->dir.lock);
        count = dir->dir.log_count;
        mutex_unlock(&dir->dir.lock);
        if (emptiest == NULL || count < fewest) {
            emptiest = dir;
            fewest = count;
        }
    }
    return emptiest;
}

/* What the checkpoints say of a deleted log must not be taken for the new one's. */
static enum error refresh_stale_checkpoints(struct log_dir *dir) {
    enum error error;
    bool stale;

    mutex_lock(&dir->lock);
    stale = dir->checkpoints_are_stale;
    dir->checkpoints_are_stale = false;
    mutex_unlock(&dir->lock);
    if (!stale)
        return ERR_NONE;
    if ((error = log_dir_checkpoint_recovery_points(dir)) != ERR_NONE ||
        (error = log_dir_checkpoint_start_offsets(dir)) != ERR_NONE ||
        (error = log_dir_checkpoint_compacted(dir)) != ERR_NONE)
        return error;
    return log_dir_checkpoint_high_watermarks(dir);
}

/* The folder costs one fsync, that of the topic id. Its name becomes durable with the first flush
 * of data: until then nothing is lost with it. */
static enum error create_in(struct log_manager *manager, struct manager_dir *dir,
                            const struct log_load_options *options, const struct uuid *topic_id,
                            struct log **created) {
    struct log *log = NULL;
    enum error error;

    if ((error = refresh_stale_checkpoints(&dir->dir)) != ERR_NONE ||
        (error = disk_make_dir(manager->disk, options->dir_name)) != ERR_NONE)
        return error;
    if (!uuid_is_zero(topic_id) &&
        (error = partition_metadata_write(manager->disk, options->dir_name, topic_id, false)) !=
            ERR_NONE)
        return error;
    if ((error = log_load(&dir->dir, options, &log)) != ERR_NONE)
        return error;
    if ((error = log_manager_insert(manager, log)) != ERR_NONE) {
        log_unref(log);
        return error;
    }
    *created = log;
    return ERR_NONE;
}

static enum error create(struct log_manager *manager, struct bytes topic, int32_t partition,
                         const struct uuid *topic_id, const struct log_config *config,
                         struct log **created) {
    struct manager_dir *dir = emptiest_dir(manager);
    char name[LOG_FOLDER_NAME_MAX + 1];
    char path[PATH_MAX];
    struct log_load_options options = {
        .topic = topic,
        .partition = partition,
        .dir_name = path,
        .config = config,
        .was_clean = true,
    };
    enum error error;

    if (dir == NULL)
        return ERR_KAFKA_STORAGE_ERROR;
    log_folder_name(topic, partition, name);
    if (snprintf(path, sizeof(path), "%s/%s", dir->dir.path, name) >= (int)sizeof(path))
        return ERR_INVALID_TOPIC_EXCEPTION;
    error = create_in(manager, dir, &options, topic_id, created);
    if (error == ERR_DISK_FAILED || error == ERR_DISK_FULL || error == ERR_DISK_CORRUPT)
        return log_dir_fail(&dir->dir, error, "create a partition");
    return error;
}

static enum error adopt_topic_id(struct log *log, const struct uuid *topic_id) {
    return uuid_is_zero(topic_id) ? ERR_NONE : log_set_topic_id(log, topic_id);
}

enum error log_manager_find_or_create(struct log_manager *manager, struct bytes topic,
                                      int32_t partition, const struct uuid *topic_id,
                                      const struct log_config *config, bool is_new,
                                      struct log **found) {
    struct log *log;
    enum error error = ERR_NONE;

    CHECK(partition >= 0);
    if (!log_folder_topic_is_valid(topic))
        return ERR_INVALID_TOPIC_EXCEPTION;
    mutex_lock(&manager->create_lock);
    mutex_lock(&manager->lock);
    log = find_locked(manager, topic, partition);
    mutex_unlock(&manager->lock);
    if (log != NULL && log_dir_is_offline(log->dir))
        error = ERR_KAFKA_STORAGE_ERROR;
    else if (log != NULL)
        error = adopt_topic_id(log, topic_id);
    else if (!is_new && log_manager_has_offline_directory(manager))
        error = ERR_KAFKA_STORAGE_ERROR; /* it may be there */
    else
        error = create(manager, topic, partition, topic_id, config, &log);
    mutex_unlock(&manager->create_lock);
    if (error == ERR_NONE)
        *found = log;
    return error;
}

/* ---- deleting logs ---- */

enum error log_manager_remove_later(struct log_manager *manager, struct manager_dir *dir,
                                    const char *path, int64_t delay_ms) {
    struct removal *removal = malloc(sizeof(*removal) + strlen(path) + 1);
    struct removal *before;

    if (removal == NULL)
        return ERR_OUT_OF_MEMORY;
    removal->manager = manager;
    removal->dir = dir;
    removal->due_ms = clock_monotonic_ms(manager->clock) + delay_ms;
    memcpy(removal->path, path, strlen(path) + 1);
    mutex_lock(&manager->lock);
    TAILQ_FOREACH_REVERSE(before, &manager->removals, removal_list, next) {
        if (before->due_ms <= removal->due_ms)
            break;
    }
    if (before == NULL)
        TAILQ_INSERT_HEAD(&manager->removals, removal, next);
    else
        TAILQ_INSERT_AFTER(&manager->removals, before, removal, next);
    mutex_unlock(&manager->lock);
    return ERR_NONE;
}

static void run_removal(struct task *task) {
    struct removal *removal = CONTAINER_OF(task, struct removal, task);
    struct log_dir *dir = &removal->dir->dir;
    enum error error = ERR_NONE;

    if (!log_dir_is_offline(dir))
        error = disk_remove_dir(dir->disk, removal->path);
    if (error != ERR_NONE)
        (void)log_dir_fail(dir, error, "remove a deleted partition");
    free(removal);
}

static enum error rename_aside(struct log_manager *manager, struct log *log,
                               enum log_folder_kind kind, char path[PATH_MAX]) {
    char name[LOG_FOLDER_NAME_MAX + 1];
    struct uuid unique;
    enum error error;

    mutex_lock(&log->dir->lock);
    unique = uuid_random(&log->dir->rng);
    mutex_unlock(&log->dir->lock);
    log_folder_name_aside(log->topic, log->partition, &unique, kind, name);
    if (snprintf(path, PATH_MAX, "%s/%s", log->dir->path, name) >= PATH_MAX)
        return ERR_DISK_FAILED;
    if ((error = disk_rename(manager->disk, log->dir_name, path)) != ERR_NONE)
        return error;
    return log_set_dir_name(log, path);
}

static enum error put_aside(struct log_manager *manager, struct log *log,
                            enum log_folder_kind kind) {
    struct log_dir *dir = log->dir;
    char path[PATH_MAX];
    enum error error;

    if (log_dir_is_offline(dir))
        return ERR_KAFKA_STORAGE_ERROR;
    mutex_lock(&manager->create_lock);
    /* First of all, so that whoever misses the folder's old name knows why. */
    log_mark_closed(log);
    if ((error = rename_aside(manager, log, kind, path)) != ERR_NONE) {
        mutex_unlock(&manager->create_lock);
        return log_dir_fail(dir, error, "rename a deleted partition");
    }
    take_out(manager, log);
    mutex_lock(&dir->lock);
    dir->checkpoints_are_stale = true;
    mutex_unlock(&dir->lock);
    mutex_unlock(&manager->create_lock);
    if (kind == LOG_FOLDER_DELETED &&
        log_manager_remove_later(manager, (struct manager_dir *)dir, path,
                                 log->config.file_delete_delay_ms) != ERR_NONE)
        LOG_WARN("removal_postponed", "path=%s until=restart", LOG_QUOTED_TEXT(path));
    log_unref(log);
    return ERR_NONE;
}

enum error log_manager_delete(struct log_manager *manager, struct log *log) {
    return put_aside(manager, log, LOG_FOLDER_DELETED);
}

enum error log_manager_set_aside(struct log_manager *manager, struct log *log) {
    return put_aside(manager, log, LOG_FOLDER_STRAY);
}

/* ---- what comes with time ---- */

typedef enum error (*checkpoint_write)(struct log_dir *dir);

static const checkpoint_write checkpoint_writers[] = {
    [CHECKPOINT_RECOVERY_POINTS] = log_dir_checkpoint_recovery_points,
    [CHECKPOINT_START_OFFSETS] = log_dir_checkpoint_start_offsets,
    [CHECKPOINT_HIGH_WATERMARKS] = log_dir_checkpoint_high_watermarks,
};

static void checkpoint_all(struct log_manager *manager, enum checkpoint_kind kind) {
    for (size_t i = 0; i < manager->dir_count; i++) {
        struct log_dir *dir = &manager->dirs[i].dir;
        enum error error;
        if (log_dir_is_offline(dir))
            continue;
        /* A disk's failure was reported when it took the directory offline. */
        if ((error = checkpoint_writers[kind](dir)) == ERR_OUT_OF_MEMORY)
            LOG_WARN("checkpoint_skipped", "path=%s error=%s", LOG_QUOTED_TEXT(dir->path),
                     error_name(error));
    }
}

static void run_checkpoint(struct task *task) {
    struct checkpoint_job *job = CONTAINER_OF(task, struct checkpoint_job, task);

    checkpoint_all(job->manager, job->kind);
    __atomic_store_n(&job->runs, false, __ATOMIC_RELEASE);
}

/* The list holds only logs with flush.ms that have unflushed data. */
static struct log *take_aged(struct log_dir *dir, int64_t now_ms) {
    struct log *log;

    mutex_lock(&dir->lock);
    TAILQ_FOREACH (log, &dir->flush_aged, in_flush_aged) {
        if (log->flush_aged_due_ms <= now_ms)
            break;
    }
    if (log != NULL) {
        TAILQ_REMOVE(&dir->flush_aged, log, in_flush_aged);
        log->flush_aged_due_ms = -1;
        log_ref(log);
    }
    mutex_unlock(&dir->lock);
    return log;
}

static void request_aged_flushes(struct log_dir *dir, int64_t now_ms) {
    struct log *log;

    while ((log = take_aged(dir, now_ms)) != NULL) {
        log_request_flush(log, log_end_offset(log));
        log_unref(log);
    }
}

static void post_due_removals(struct log_manager *manager, int64_t now_ms) {
    for (;;) {
        struct removal *removal;
        mutex_lock(&manager->lock);
        removal = TAILQ_FIRST(&manager->removals);
        if (removal != NULL && removal->due_ms <= now_ms)
            TAILQ_REMOVE(&manager->removals, removal, next);
        else
            removal = NULL;
        mutex_unlock(&manager->lock);
        if (removal == NULL)
            return;
        removal->task.run = run_removal;
        worker_pool_post(manager->pool, &removal->task);
    }
}

struct doomed_job {
    struct task task;
    struct log_manager *manager;
    struct log_dir *dir;
};

static void run_doomed(struct task *task) {
    struct doomed_job *job = CONTAINER_OF(task, struct doomed_job, task);

    log_dir_remove_doomed(job->dir, clock_monotonic_ms(job->manager->clock));
    free(job);
}

static void post_doomed(struct log_manager *manager, struct log_dir *dir) {
    struct doomed_job *job;

    if (!log_dir_has_doomed(dir) || (job = malloc(sizeof(*job))) == NULL)
        return; /* without memory, the next time */
    *job = (struct doomed_job){{.run = run_doomed}, manager, dir};
    worker_pool_post(manager->pool, &job->task);
}

void log_manager_run_due(struct log_manager *manager) {
    int64_t now_ms = clock_monotonic_ms(manager->clock);

    for (size_t i = 0; i < ARRAY_COUNT(manager->checkpoints); i++) {
        struct checkpoint_job *job = &manager->checkpoints[i];
        if (now_ms < job->due_ms || __atomic_load_n(&job->runs, __ATOMIC_ACQUIRE))
            continue;
        job->due_ms = now_ms + job->interval_ms;
        job->runs = true;
        worker_pool_post(manager->pool, &job->task);
    }
    for (size_t i = 0; i < manager->dir_count; i++) {
        request_aged_flushes(&manager->dirs[i].dir, clock_wall_ms(manager->clock));
        post_doomed(manager, &manager->dirs[i].dir);
    }
    post_due_removals(manager, now_ms);
}

void log_manager_checkpoint(struct log_manager *manager) {
    for (size_t kind = 0; kind < ARRAY_COUNT(checkpoint_writers); kind++)
        checkpoint_all(manager, (enum checkpoint_kind)kind);
}

struct worker_pool *log_manager_pool(struct log_manager *manager) {
    return manager->pool;
}

bool log_manager_dir_info(struct log_manager *manager, size_t index,
                          struct log_manager_dir_info *info) {
    struct statvfs stat;
    struct log_dir *dir;

    if (index >= manager->dir_count)
        return false;
    dir = &manager->dirs[index].dir;
    *info = (struct log_manager_dir_info){
        .path = dir->path,
        .is_offline = log_dir_is_offline(dir),
        .total_bytes = -1,
        .usable_bytes = -1,
        .flush_times = &dir->flush_times,
    };
    mutex_lock(&dir->lock);
    info->log_count = dir->log_count;
    mutex_unlock(&dir->lock);
    if (!info->is_offline && statvfs(dir->path, &stat) == 0) {
        info->total_bytes = (int64_t)(stat.f_blocks * stat.f_frsize);
        info->usable_bytes = (int64_t)(stat.f_bavail * stat.f_frsize);
    }
    return true;
}

/* ---- closing ---- */

struct closing {
    struct task task;
    struct log *log;
};

static void run_close(struct task *task) {
    struct closing *closing = CONTAINER_OF(task, struct closing, task);
    struct log *log = closing->log;

    if (log_check_usable(log) == ERR_NONE)
        (void)log_fail(log, log_close_clean(log), "close");
    log_unref(log);
    free(closing);
}

/* Posts the clean closing of all logs to the pool; false if memory is out. */
static bool close_logs(struct log_manager *manager) {
    struct log **logs = take_all(manager);
    bool complete = logs != NULL;

    for (size_t i = 0; logs != NULL && logs[i] != NULL; i++) {
        struct closing *closing = malloc(sizeof(*closing));
        if (closing == NULL) {
            complete = false;
            log_unref(logs[i]);
            continue;
        }
        *closing = (struct closing){.task.run = run_close, .log = logs[i]};
        worker_pool_post(manager->pool, &closing->task);
    }
    free(logs);
    worker_pool_drain(manager->pool);
    return complete;
}

static void write_marker(struct manager_dir *dir, int64_t broker_epoch) {
    char path[PATH_MAX];
    char text[64];
    int size = snprintf(text, sizeof(text), "{\"version\":0,\"brokerEpoch\":%lld}",
                        (long long)broker_epoch);
    enum error error;

    CHECK(snprintf(path, sizeof(path), "%s/" LOG_DIR_CLEAN_MARKER, dir->dir.path) < PATH_MAX);
    error = disk_replace_file(dir->dir.disk, path, text, (size_t)size, true);
    if (error != ERR_NONE)
        (void)log_dir_fail(&dir->dir, error, "write " LOG_DIR_CLEAN_MARKER);
}

void log_manager_close(struct log_manager *manager, int64_t broker_epoch) {
    bool complete;

    if (manager == NULL)
        return;
    worker_pool_drain(manager->pool);
    complete = manager->is_loaded && close_logs(manager);
    if (manager->is_loaded)
        log_manager_checkpoint(manager);
    for (size_t i = 0; i < manager->dir_count && complete; i++) {
        if (!log_dir_is_offline(&manager->dirs[i].dir))
            write_marker(&manager->dirs[i], broker_epoch);
    }
    log_manager_abandon(manager);
}

static void drop_logs(struct log_manager *manager) {
    for (size_t i = 0; i < manager->bucket_count; i++) {
        while (manager->buckets[i] != NULL) {
            struct log *log = manager->buckets[i];
            log_mark_closed(log);
            take_out(manager, log);
            log_unref(log);
        }
    }
    free(manager->buckets);
}

void log_manager_abandon(struct log_manager *manager) {
    struct removal *removal;

    if (manager == NULL)
        return;
    /* Tasks may hold logs, and logs files: the pool goes first, the cache last. */
    worker_pool_free(manager->pool);
    drop_logs(manager);
    while ((removal = TAILQ_FIRST(&manager->removals)) != NULL) {
        TAILQ_REMOVE(&manager->removals, removal, next);
        free(removal);
    }
    for (size_t i = 0; i < manager->dir_count; i++)
        close_dir(&manager->dirs[i]);
    free(manager->dirs);
    file_cache_free(manager->cache);
    mutex_done(&manager->lock);
    mutex_done(&manager->create_lock);
    free(manager);
}

/*
 * What a clean stop tells of the logs, for the next start: see shutdown_summary.h.
 */
#include <limits.h>
#include <malloc.h>
#include <stdlib.h>

#include "broker/log/disk.h"
#include "broker/log/log_folder.h"
#include "broker/log/log_manager_internal.h"
#include "client/base/logger.h"

static void path_in(const struct manager_dir *dir, const char *name, char path[PATH_MAX]) {
    CHECK(snprintf(path, PATH_MAX, "%s/%s", dir->dir.path, name) < PATH_MAX);
}

static enum error identify_marker(const struct manager_dir *dir, struct marker_identity *marker) {
    struct disk_stat stat;
    char path[PATH_MAX];
    enum error error;

    path_in(dir, LOG_DIR_CLEAN_MARKER, path);
    if ((error = disk_stat(dir->dir.disk, path, &stat)) != ERR_NONE)
        return error;
    if (!stat.exists)
        return ERR_DISK_CORRUPT;
    *marker = (struct marker_identity){stat.inode, stat.changed_ns};
    return ERR_NONE;
}

/* ---- at the stop ---- */

/* A log that is set aside, or is no partition's own, is opened as ever; so is one with open
 * transactions, or with so many epochs that they are better read from their file. */
static bool may_be_summarised(struct log *log, char name[LOG_FOLDER_NAME_MAX + 1]) {
    const char *slash = strrchr(log->dir_name, '/');

    log_folder_name(log->topic, log->partition, name);
    return slash != NULL && strcmp(slash + 1, name) == 0 && log_check_usable(log) == ERR_NONE &&
           log_flushed_offset(log) == log_end_offset(log) &&
           offset_load(&log->first_unstable_offset) == NO_UNSTABLE_OFFSET &&
           !__atomic_load_n(&log->has_ended_transactions, __ATOMIC_ACQUIRE) &&
           leader_epochs_count(log->epochs) <= SHUTDOWN_SUMMARY_EPOCHS_MAX;
}

static enum error summarise_log(struct log *log, struct arena *arena,
                                struct summarised_log *summarised) {
    size_t count = leader_epochs_count(log->epochs);
    struct disk_stat folder;
    enum error error = disk_stat(log->dir->disk, log->dir_name, &folder);

    if (error != ERR_NONE)
        return error;
    *summarised = (struct summarised_log){
        .topic = log->topic,
        .partition = log->partition,
        .topic_id = log_topic_id(log),
        .folder_inode = folder.inode,
        .first_base_offset = log_first_base_offset(log),
        .start_offset = log_start_offset(log),
        .end_offset = log_end_offset(log),
        .size = log_size(log),
        .epochs = arena_alloc(arena, count + 1, sizeof(*summarised->epochs)),
        .epoch_count = count,
    };
    if (summarised->epochs == NULL)
        return ERR_OUT_OF_MEMORY;
    for (size_t i = 0; i < count; i++)
        summarised->epochs[i] = leader_epochs_get(log->epochs, i);
    return ERR_NONE;
}

/* Nobody uses the logs any more. */
static enum error summarise(struct manager_dir *dir, struct arena *arena,
                            struct shutdown_summary *summary) {
    char name[LOG_FOLDER_NAME_MAX + 1];
    enum error error = ERR_NONE;
    struct log *log;

    summary->logs = arena_alloc(arena, dir->dir.log_count + 1, sizeof(*summary->logs));
    if (summary->logs == NULL)
        error = ERR_OUT_OF_MEMORY;
    TAILQ_FOREACH (log, &dir->dir.logs, in_dir) {
        if (error == ERR_NONE && may_be_summarised(log, name))
            error = summarise_log(log, arena, &summary->logs[summary->count++]);
    }
    return error;
}

void log_manager_write_summary(struct manager_dir *dir) {
    struct shutdown_summary summary = {0};
    struct arena arena;
    char path[PATH_MAX];
    enum error error;
    char *text = NULL;
    size_t size;

    arena_init(&arena, SHUTDOWN_SUMMARY_BYTES_MAX);
    path_in(dir, SHUTDOWN_SUMMARY_FILE, path);
    if ((error = identify_marker(dir, &summary.marker)) == ERR_NONE &&
        (error = summarise(dir, &arena, &summary)) == ERR_NONE &&
        (error = shutdown_summary_encode(&summary, &text, &size)) == ERR_NONE)
        error = disk_replace_file(dir->dir.disk, path, text, size, false);
    /* It only makes the next start faster. */
    if (error != ERR_NONE)
        LOG_WARN("shutdown_summary_not_written", "path=%s error=%s", LOG_QUOTED_TEXT(path),
                 error_name(error));
    free(text);
    arena_done(&arena);
}

/* ---- at the start ---- */

static enum error parse(struct manager_dir *dir, const char *path, struct bytes text) {
    struct marker_identity marker;
    enum error error = shutdown_summary_parse(text, &dir->arena, &dir->summary);

    if (error == ERR_NONE && (error = identify_marker(dir, &marker)) == ERR_NONE &&
        (marker.inode != dir->summary.marker.inode ||
         marker.changed_ns != dir->summary.marker.changed_ns)) {
        LOG_INFO("shutdown_summary_outdated", "path=%s action=open_all_logs",
                 LOG_QUOTED_TEXT(path));
        dir->summary = (struct shutdown_summary){0};
    }
    if (error != ERR_DISK_CORRUPT)
        return error;
    LOG_WARN("shutdown_summary_corrupt", "path=%s action=open_all_logs", LOG_QUOTED_TEXT(path));
    dir->summary = (struct shutdown_summary){0};
    return ERR_NONE;
}

enum error log_manager_read_summary(struct manager_dir *dir) {
    char path[PATH_MAX];
    enum error error;

    dir->summary = (struct shutdown_summary){0};
    path_in(dir, SHUTDOWN_SUMMARY_FILE, path);
    error = disk_read_file(dir->dir.disk, path, SHUTDOWN_SUMMARY_BYTES_MAX, &dir->summary_text,
                           &dir->summary_size);
    if (error == ERR_DISK_CORRUPT) /* too large */
        return ERR_NONE;
    if (error != ERR_NONE || dir->summary_text == NULL)
        return error;
    return parse(dir, path, bytes_of(dir->summary_text, dir->summary_size));
}

enum error log_manager_remove_summary(struct manager_dir *dir) {
    char path[PATH_MAX];

    path_in(dir, SHUTDOWN_SUMMARY_FILE, path);
    return disk_unlink(dir->dir.disk, path);
}

void log_manager_forget_summary(struct manager_dir *dir) {
    free(dir->summary_text);
    dir->summary_text = NULL;
    dir->summary = (struct shutdown_summary){0};
}

/* ---- opening the rest ---- */

/* One log after the other, each a task of its own at the end of the pool's queue: what somebody
 * waits for is never behind more than one. */
struct opening {
    struct task task;
    struct log_manager *manager;
    struct log **logs; /* references; ends with NULL */
    size_t next;
    size_t opened;
    int64_t began_ms;
};

static void finish_opening(struct opening *opening) {
    LOG_INFO("logs_opened", "logs=%zu duration_ms=%" PRId64, opening->opened,
             clock_monotonic_ms(opening->manager->clock) - opening->began_ms);
    for (; opening->logs[opening->next] != NULL; opening->next++)
        log_unref(opening->logs[opening->next]);
    free(opening->logs);
    free(opening);
    /* What the start has freed lies between what stays: a fifth of all, with many logs. Once, since
     * pages that come back are dear. */
    (void)malloc_trim(0);
}

static void run_opening(struct task *task) {
    struct opening *opening = CONTAINER_OF(task, struct opening, task);
    struct log *log;

    while ((log = opening->logs[opening->next]) != NULL && log_is_open(log)) {
        opening->next++;
        log_unref(log);
    }
    if (log == NULL || __atomic_load_n(&opening->manager->is_closing, __ATOMIC_ACQUIRE)) {
        finish_opening(opening);
        return;
    }
    /* What goes wrong was told, and took its directory offline. */
    if (log_open(log) == ERR_NONE)
        opening->opened++;
    opening->next++;
    log_unref(log);
    worker_pool_post(opening->manager->pool, &opening->task);
}

void log_manager_open_logs(struct log_manager *manager) {
    struct opening *opening = calloc(1, sizeof(*opening));
    struct log **logs = log_manager_take_all(manager);

    if (opening == NULL || logs == NULL) { /* they are opened when they are used */
        for (size_t i = 0; logs != NULL && logs[i] != NULL; i++)
            log_unref(logs[i]);
        free(logs);
        free(opening);
        return;
    }
    *opening = (struct opening){
        .task.run = run_opening,
        .manager = manager,
        .logs = logs,
        .began_ms = clock_monotonic_ms(manager->clock),
    };
    worker_pool_post(manager->pool, &opening->task);
}

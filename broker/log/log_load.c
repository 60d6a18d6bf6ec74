/*
 * Opening a partition's folder, repairing what a crash left behind.
 *
 *   1. Unfinished compactions and deletions are finished or undone by the suffixes of their files.
 *   2. After a clean stop segments are taken over as they are. After a crash those from the one
 * that holds the recovery point on are read whole (log_recovery.c), and whatever comes behind a cut
 * is removed. So are segments whose index can't be right.
 *   3. Leader epochs lose what lies behind the log end, and gain what the batches say
 * (log_load_epochs.c).
 *   4. The producer state is the newest snapshot and the batches behind it; after a crash those
 * that are read whole are followed while they are.
 *
 * Source: Apache Kafka 3.9, LogLoader.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "broker/log/disk.h"
#include "broker/log/log_load_internal.h"
#include "broker/log/partition_metadata.h"
#include "client/base/logger.h"

#define SNAPSHOT_FROM_BYTES ((int64_t)1 << 20) /* smaller logs are read in no time */

#define SUFFIX_CLEANED ".cleaned"
#define SUFFIX_SWAP    ".swap"

/* ---- the folder's files ---- */

struct named_file {
    int64_t base_offset;
    char name[64];
};

struct folder {
    struct named_file *files;
    size_t count;
    size_t capacity;
};

static bool has_suffix(const char *name, const char *suffix) {
    size_t size = strlen(name);
    size_t suffix_size = strlen(suffix);

    return size >= suffix_size && strcmp(name + size - suffix_size, suffix) == 0;
}

static enum error note_file(void *context, const struct disk_entry *entry) {
    struct folder *folder = context;
    struct named_file file;

    if (entry->is_dir || strlen(entry->name) >= sizeof(file.name) ||
        !segment_parse_base_offset(entry->name, &file.base_offset))
        return ERR_NONE;
    memcpy(file.name, entry->name, strlen(entry->name) + 1);
    if (folder->count == folder->capacity) {
        size_t capacity = folder->capacity == 0 ? 8 : folder->capacity * 2;
        struct named_file *grown = realloc(folder->files, capacity * sizeof(*grown));
        if (grown == NULL)
            return ERR_OUT_OF_MEMORY;
        folder->files = grown;
        folder->capacity = capacity;
    }
    folder->files[folder->count++] = file;
    return ERR_NONE;
}

static int by_base_offset(const void *a, const void *b) {
    const struct named_file *left = a;
    const struct named_file *right = b;

    if (left->base_offset != right->base_offset)
        return left->base_offset < right->base_offset ? -1 : 1;
    return strcmp(left->name, right->name);
}

static enum error list_folder(struct log *log, struct folder *folder) {
    enum error error;

    folder->count = 0;
    error = disk_list(log->dir->disk, log->dir_name, note_file, folder);
    if (error == ERR_NONE && folder->count > 0)
        qsort(folder->files, folder->count, sizeof(folder->files[0]), by_base_offset);
    return error;
}

static void file_path(const struct log *log, const char *name, char path[PATH_MAX]) {
    int size = snprintf(path, PATH_MAX, "%s/%s", log->dir_name, name);

    CHECK(size < PATH_MAX);
}

static enum error remove_file(struct log *log, const char *name) {
    char path[PATH_MAX];

    file_path(log, name, path);
    return disk_unlink(log->dir->disk, path);
}

static enum error remove_with_suffix(struct log *log, const struct folder *folder,
                                     const char *suffix, int64_t base_offset_min) {
    enum error error = ERR_NONE;

    for (size_t i = 0; i < folder->count && error == ERR_NONE; i++) {
        if (has_suffix(folder->files[i].name, suffix) &&
            folder->files[i].base_offset >= base_offset_min)
            error = remove_file(log, folder->files[i].name);
    }
    return error;
}

/* ---- 1. what a compaction or a deletion left ---- */

/* The offset behind the last batch of a complete ".log.swap". */
static enum error swap_end(struct log *log, const char *name, int64_t *next_offset) {
    struct stored_batch batch;
    struct batch_walk walk;
    struct disk_stat stat;
    char path[PATH_MAX];
    enum error error;
    bool found;
    int fd;

    file_path(log, name, path);
    if ((error = disk_stat(log->dir->disk, path, &stat)) != ERR_NONE ||
        (error = disk_open(log->dir->disk, path, DISK_OPEN_READ, &fd)) != ERR_NONE || fd < 0)
        return error;
    batch_walk_init(&walk, log->dir->disk, fd, BATCH_WALK_HEADERS, 0, stat.size);
    while ((error = batch_walk_next(&walk, &batch, &found)) == ERR_NONE && found) {
        if (batch.last_offset + 1 > *next_offset)
            *next_offset = batch.last_offset + 1;
    }
    batch_walk_done(&walk);
    close(fd);
    return error;
}

static enum error finish_swap(struct log *log, const char *name) {
    char from[PATH_MAX];
    char to[PATH_MAX];

    file_path(log, name, from);
    memcpy(to, from, sizeof(to));
    to[strlen(to) - strlen(SUFFIX_SWAP)] = '\0';
    return disk_rename(log->dir->disk, from, to);
}

/* Complete swap files replace all files whose offset they cover. */
static enum error finish_swaps(struct log *log, const struct folder *folder) {
    int64_t begin = INT64_MAX;
    int64_t end = -1;
    enum error error = ERR_NONE;

    for (size_t i = 0; i < folder->count && error == ERR_NONE; i++) {
        if (!has_suffix(folder->files[i].name, SEGMENT_SUFFIX_LOG SUFFIX_SWAP))
            continue;
        if (folder->files[i].base_offset < begin)
            begin = folder->files[i].base_offset;
        error = swap_end(log, folder->files[i].name, &end);
    }
    for (size_t i = 0; i < folder->count && error == ERR_NONE; i++) {
        const struct named_file *file = &folder->files[i];
        if (file->base_offset >= begin && file->base_offset < end &&
            !has_suffix(file->name, SUFFIX_SWAP))
            error = remove_file(log, file->name);
    }
    for (size_t i = 0; i < folder->count && error == ERR_NONE; i++) {
        if (has_suffix(folder->files[i].name, SUFFIX_SWAP))
            error = finish_swap(log, folder->files[i].name);
    }
    return error;
}

static enum error finish_interrupted(struct log *log, struct folder *folder) {
    int64_t cleaned_min = INT64_MAX;
    bool has_swaps = false;
    bool has_any = false;
    enum error error;

    for (size_t i = 0; i < folder->count; i++) {
        const struct named_file *file = &folder->files[i];
        bool is_cleaned = has_suffix(file->name, SUFFIX_CLEANED);
        bool is_swap = has_suffix(file->name, SUFFIX_SWAP);
        if (is_cleaned && file->base_offset < cleaned_min)
            cleaned_min = file->base_offset;
        has_swaps = has_swaps || is_swap;
        has_any = has_any || is_cleaned || is_swap || has_suffix(file->name, LOG_SUFFIX_DELETED);
    }
    if (!has_any)
        return ERR_NONE;
    if ((error = remove_with_suffix(log, folder, LOG_SUFFIX_DELETED, 0)) != ERR_NONE)
        return error;
    if (cleaned_min < INT64_MAX &&
        ((error = remove_with_suffix(log, folder, SUFFIX_SWAP, cleaned_min)) != ERR_NONE ||
         (error = remove_with_suffix(log, folder, SUFFIX_CLEANED, 0)) != ERR_NONE))
        return error;
    if ((error = list_folder(log, folder)) != ERR_NONE)
        return error;
    if (has_swaps && (error = finish_swaps(log, folder)) != ERR_NONE)
        return error;
    return list_folder(log, folder);
}

/* ---- 2. segments ---- */

static bool is_log_file(const struct named_file *file) {
    return strcmp(file->name + SEGMENT_NAME_DIGITS, SEGMENT_SUFFIX_LOG) == 0;
}

static enum error file_size(struct log *log, int64_t base_offset, const char *suffix,
                            int64_t *size) {
    char path[SEGMENT_PATH_MAX];
    struct disk_stat stat;
    enum error error;

    segment_path(&log->home, base_offset, suffix, path);
    if ((error = disk_stat(log->dir->disk, path, &stat)) == ERR_NONE)
        *size = stat.exists ? stat.size : -1;
    return error;
}

static enum error file_sizes(struct log *log, int64_t base_offset, struct segment_sizes *sizes) {
    enum error error;

    if ((error = file_size(log, base_offset, SEGMENT_SUFFIX_LOG, &sizes->log)) != ERR_NONE ||
        (error = file_size(log, base_offset, SEGMENT_SUFFIX_INDEX, &sizes->offset_index)) !=
            ERR_NONE ||
        (error = file_size(log, base_offset, SEGMENT_SUFFIX_TIME_INDEX, &sizes->time_index)) !=
            ERR_NONE)
        return error;
    return file_size(log, base_offset, SEGMENT_SUFFIX_TXN_INDEX, &sizes->txn_index);
}

static enum error load_segment(struct loading *loading, struct segment *segment,
                               int64_t next_base) {
    struct log *log = loading->log;
    bool is_last = next_base < 0;
    bool recover =
        !loading->options->was_clean && (is_last || next_base > loading->options->recovery_point);
    struct segment_sizes sizes;
    enum error error;

    if ((error = file_sizes(log, segment->base_offset, &sizes)) != ERR_NONE)
        return error;
    if (!recover) {
        error = segment_load(&log->home, segment, &sizes,
                             is_last ? segment->base_offset + INT32_MAX + 1LL : next_base);
        if (error == ERR_NONE && is_last)
            error = segment_load_tail(&log->home, segment);
        if (error == ERR_NONE && segment->txn_index.last_offset >= segment->next_offset)
            error = ERR_DISK_CORRUPT;
        if (error != ERR_DISK_CORRUPT)
            return error;
        LOG_WARN("segment_index_unusable",
                 "topic=%.*s partition=%d base_offset=%" PRId64 " action=rebuild",
                 BYTES_FORMAT(log->topic), log->partition, segment->base_offset);
    }
    /* Indexes behind the recovery point are made anew after the next crash, too. Before it they
     * would be believed then, so that they must be right at any moment. */
    return log_recover_segment(loading, segment, &sizes, next_base, recover);
}

static enum error remove_segment_files(struct log *log, int64_t base_offset) {
    static const char *const suffixes[] = {SEGMENT_SUFFIX_LOG, SEGMENT_SUFFIX_INDEX,
                                           SEGMENT_SUFFIX_TIME_INDEX, SEGMENT_SUFFIX_TXN_INDEX};
    char path[SEGMENT_PATH_MAX];
    enum error error = ERR_NONE;

    for (size_t i = 0; i < ARRAY_COUNT(suffixes) && error == ERR_NONE; i++) {
        segment_path(&log->home, base_offset, suffixes[i], path);
        error = disk_unlink(log->dir->disk, path);
    }
    return error;
}

static int64_t next_log_base(const struct folder *folder, size_t after) {
    for (size_t i = after + 1; i < folder->count; i++) {
        if (is_log_file(&folder->files[i]))
            return folder->files[i].base_offset;
    }
    return -1;
}

/* Behind the recovery point a segment ends where the next one begins, unless records at its end
 * were compacted away, or lost with the power: the next one's name may be on disk before its own
 * bytes. */
static void note_hole(struct loading *loading, const struct segment *segment, int64_t next_base) {
    struct log *log = loading->log;

    if (loading->options->was_clean || next_base <= loading->options->recovery_point ||
        segment->next_offset >= next_base || log->hole_offset >= 0)
        return;
    log->hole_offset = segment->next_offset;
    LOG_WARN("log_may_have_a_hole",
             "path=%s offset=%" PRId64 " next_segment=%" PRId64
             " action=\"as follower it copies again from there\"",
             LOG_QUOTED_TEXT(log->dir_name), log->hole_offset, next_base);
}

static enum error load_one(struct loading *loading, size_t index) {
    struct log *log = loading->log;
    int64_t base_offset = loading->folder->files[index].base_offset;
    int64_t next_base = next_log_base(loading->folder, index);
    struct segment *segment;
    enum error error;

    error = log_new_segment(log, base_offset, clock_wall_ms(log->dir->clock), &segment);
    if (error != ERR_NONE)
        return error;
    if (base_offset > loading->expected_offset)
        loading->expected_offset = base_offset;
    error = load_segment(loading, segment, next_base);
    if (error == ERR_NONE) {
        if (!loading->was_cut)
            note_hole(loading, segment, next_base);
        loading->expected_offset = segment->next_offset;
        mutex_lock(&log->state_lock);
        error = log_add_segment(log, segment);
        mutex_unlock(&log->state_lock);
    }
    if (error != ERR_NONE)
        segment_unref(segment, log->dir->cache);
    return error;
}

static enum error load_segments(struct loading *loading) {
    const struct folder *folder = loading->folder;
    enum error error = ERR_NONE;

    for (size_t i = 0; i < folder->count && error == ERR_NONE; i++) {
        if (!is_log_file(&folder->files[i]))
            continue;
        /* What was cut off before it began came back with the power: it does not follow. */
        if (folder->files[i].base_offset < loading->expected_offset)
            loading->was_cut = true;
        if (!loading->was_cut) {
            error = load_one(loading, i);
            continue;
        }
        /* Behind a cut nothing may stay: it would not follow what comes before. */
        loading->segments_removed++;
        error = remove_segment_files(loading->log, folder->files[i].base_offset);
    }
    return error;
}

/* Indexes without their .log. */
static enum error remove_orphans(struct log *log, const struct folder *folder) {
    static const char *const suffixes[] = {SEGMENT_SUFFIX_INDEX, SEGMENT_SUFFIX_TIME_INDEX,
                                           SEGMENT_SUFFIX_TXN_INDEX};
    int64_t log_base = -1;
    enum error error = ERR_NONE;

    /* Sorted by name within a base offset, ".index" comes before ".log". */
    for (size_t i = 0; i < folder->count && error == ERR_NONE; i++) {
        const struct named_file *file = &folder->files[i];
        if (log_base != file->base_offset) {
            for (size_t j = i; j < folder->count; j++) {
                if (folder->files[j].base_offset != file->base_offset)
                    break;
                if (is_log_file(&folder->files[j]))
                    log_base = file->base_offset;
            }
        }
        for (size_t j = 0; j < ARRAY_COUNT(suffixes); j++) {
            if (log_base != file->base_offset &&
                strcmp(file->name + SEGMENT_NAME_DIGITS, suffixes[j]) == 0)
                error = remove_file(log, file->name);
        }
    }
    return error;
}

/* A log that lost what its start was set to holds nothing any more. After a clean stop it lost
 * nothing: then the checkpoint is wrong, which has no checksum, and no record goes for it. */
static enum error begin_if_empty(struct loading *loading) {
    struct log *log = loading->log;
    int64_t start = loading->options->checkpointed_start;
    enum error error = ERR_NONE;

    if (log->segment_count > 0 && log_active_segment(log)->next_offset >= start)
        return ERR_NONE;
    if (log->segment_count > 0 && loading->options->was_clean && !loading->was_cut) {
        LOG_ERROR("log_start_checkpoint_is_wrong",
                  "path=%s checkpointed_start=%" PRId64 " log_end_offset=%" PRId64 " action=ignore",
                  LOG_QUOTED_TEXT(log->dir_name), start, log_active_segment(log)->next_offset);
        return ERR_NONE;
    }
    while (log->segment_count > 0 && error == ERR_NONE) {
        struct segment *segment = log_active_segment(log);
        error = segment_remove_files(&log->home, segment);
        mutex_lock(&log->state_lock);
        log->segment_count--;
        mutex_unlock(&log->state_lock);
        segment_unref(segment, log->dir->cache);
        loading->segments_removed++;
    }
    leader_epochs_clear(log->epochs);
    loading->follows_producers = false; /* of batches that are gone */
    return error == ERR_NONE ? log_begin_at(log, start) : error;
}

/* ---- all of it ---- */

static void settle_offsets(struct loading *loading) {
    struct log *log = loading->log;
    const struct log_load_options *options = loading->options;
    int64_t recovered_from = loading->recovered_from;

    log->start_offset = log->segments[0]->base_offset;
    log->end_offset = log_active_segment(log)->next_offset;
    if (options->checkpointed_start > log->start_offset &&
        options->checkpointed_start <= log->end_offset)
        log->start_offset = options->checkpointed_start;
    for (size_t i = 0; i < log->segment_count; i++)
        log->size += log->segments[i]->size;
    log->flushed_offset = log->end_offset;
    if (!options->was_clean && options->recovery_point < log->end_offset)
        log->flushed_offset = options->recovery_point;
    log->durable_base = log_active_segment(log)->base_offset;
    if (recovered_from < log->durable_base)
        log->durable_base = recovered_from;
    log->dir_changes = options->was_clean ? 0 : 1;
}

static enum error read_topic_id(struct log *log) {
    enum error error = partition_metadata_read(log->dir->disk, log->dir_name, &log->topic_id);

    if (error != ERR_DISK_CORRUPT)
        return error;
    LOG_ERROR("partition_metadata_corrupt", "topic=%.*s partition=%d action=adopt_next_topic_id",
              BYTES_FORMAT(log->topic), log->partition);
    return ERR_NONE;
}

static void report(const struct loading *loading, int64_t began_ms) {
    const struct log *log = loading->log;

    if (loading->recovered_from == INT64_MAX && loading->segments_removed == 0)
        return;
    if (loading->options->was_clean && (loading->cut_bytes > 0 || loading->segments_removed > 0)) {
        LOG_ERROR("closed_log_is_damaged", "path=%s action=cut", LOG_QUOTED_TEXT(log->dir_name));
        __atomic_store_n(&log->dir->lost_records, true, __ATOMIC_RELEASE);
    }
    LOG_INFO("log_recovered",
             "topic=%.*s partition=%d log_end_offset=%" PRId64 " recovery_point=%" PRId64
             " cut_bytes=%" PRId64 " segments_removed=%d duration_ms=%" PRId64,
             BYTES_FORMAT(log->topic), log->partition, log->end_offset,
             loading->options->recovery_point, loading->cut_bytes, loading->segments_removed,
             clock_monotonic_ms(log->dir->clock) - began_ms);
}

static enum error settle_producers(struct loading *loading) {
    struct log *log = loading->log;
    /* Snapshots beyond what was certainly on disk may tell of batches that are gone. And what was
     * aborted in a segment that was recovered is found by what comes before. */
    bool trust_all = loading->options->was_clean && loading->recovered_from == INT64_MAX;
    int64_t snapshot_max = log->end_offset;
    enum error error;

    if (loading->recovered_from < snapshot_max)
        snapshot_max = loading->recovered_from;
    error = loading->follows_producers ? log_end_producers(log, &loading->producers)
                                       : log_rebuild_producers(log, snapshot_max, trust_all);
    if (error != ERR_NONE)
        return error;
    /* Without any snapshot the next truncation would read the whole log for producers. */
    if (log->snapshot_offset < 0 && log->size >= SNAPSHOT_FROM_BYTES)
        error = log_write_snapshot(log, log->end_offset, false);
    return error;
}

static enum error load_into(struct loading *loading, struct folder *folder) {
    struct log *log = loading->log;
    bool rebuild_epochs;
    enum error error;

    if ((error = read_topic_id(log)) != ERR_NONE ||
        (error = log_open_epochs(log, &rebuild_epochs)) != ERR_NONE ||
        (error = list_folder(log, folder)) != ERR_NONE ||
        (error = finish_interrupted(log, folder)) != ERR_NONE ||
        (error = remove_orphans(log, folder)) != ERR_NONE ||
        (error = load_segments(loading)) != ERR_NONE ||
        (error = begin_if_empty(loading)) != ERR_NONE)
        return error;
    settle_offsets(loading);
    if ((error = log_settle_epochs(log, rebuild_epochs, loading->options->was_clean)) != ERR_NONE ||
        (error = settle_producers(loading)) != ERR_NONE)
        return error;
    /* Most logs are idle: who uses one opens its files again. */
    log_close_files(log);
    return ERR_NONE;
}

/* No recovery point lies behind the log end: either the checkpoint says something else than was
 * written into it, or the disk lost what it had synced. Nothing is taken for granted then. */
static bool must_read_all(const struct loading *loading) {
    return !loading->options->was_clean &&
           loading->options->recovery_point > loading->log->end_offset;
}

enum error log_load(struct log_dir *dir, const struct log_load_options *options,
                    struct log **loaded) {
    int64_t began_ms = clock_monotonic_ms(dir->clock);
    struct loading loading = {.options = options, .recovered_from = INT64_MAX};
    struct folder folder = {0};
    struct log *log = NULL;
    enum error error;

    loading.folder = &folder;
    if ((error = log_new(dir, options, &log)) != ERR_NONE)
        return error;
    loading.log = log;
    if ((error = load_into(&loading, &folder)) != ERR_NONE)
        goto out;
    if (must_read_all(&loading)) {
        struct log_load_options from_start = *options;
        LOG_ERROR("recovery_point_is_wrong",
                  "path=%s recovery_point=%" PRId64 " log_end_offset=%" PRId64 " action=read_all",
                  LOG_QUOTED_TEXT(log->dir_name), options->recovery_point, log->end_offset);
        from_start.recovery_point = 0;
        error = log_load(dir, &from_start, loaded);
        goto out;
    }
    report(&loading, began_ms);
    *loaded = log;
    log = NULL;
out:
    producers_rebuild_done(&loading.producers);
    free(folder.files);
    log_unref(log);
    return error;
}

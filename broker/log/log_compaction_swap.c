/*
 * Writing a compacted segment, and putting it in the place of its sources. Under the partition's
 * lock, so that nothing truncates meanwhile:
 *
 *   1. .cleaned gets the name .swap; the folder is synced
 *   2. the sources get names that end in .deleted; the folder is synced
 *   3. .swap gets its final name, and the segment is shown to readers
 *
 * A crash before 1 is over leaves the sources, after it the new segment: log_load.c finishes what
 * it finds. Without the syncs a file system could forget 1 and remember 2.
 */
#include <stdlib.h>

#include "broker/log/disk.h"
#include "broker/log/log_compaction_internal.h"

#define SUFFIX_CLEANED ".cleaned"
#define SUFFIX_SWAP    ".swap"

static const char *const suffixes[] = {SEGMENT_SUFFIX_LOG, SEGMENT_SUFFIX_INDEX,
                                       SEGMENT_SUFFIX_TIME_INDEX, SEGMENT_SUFFIX_TXN_INDEX};

/* ---- writing ---- */

static enum error remove_unfinished(struct compaction_target *target, int64_t base_offset) {
    char path[SEGMENT_PATH_MAX];
    enum error error = ERR_NONE;

    for (size_t i = 0; i < ARRAY_COUNT(suffixes) && error == ERR_NONE; i++) {
        segment_path(&target->home, base_offset, suffixes[i], path);
        error = disk_unlink(target->home.disk, path);
    }
    return error;
}

enum error compaction_target_begin(struct compaction_target *target,
                                   struct log_compaction *compaction, int64_t base_offset) {
    struct log *log = compaction->log;
    struct open_file *file = NULL;
    enum error error;

    *target = (struct compaction_target){.compaction = compaction};
    mutex_init(&target->lock);
    target->home = (struct segment_home){
        .disk = log->dir->disk,
        .cache = log->dir->cache,
        .state_lock = &target->lock,
        .dir = __atomic_load_n(&log->home.dir, __ATOMIC_ACQUIRE),
        .config = &compaction->config,
        .name_suffix = SUFFIX_CLEANED,
    };
    /* A pass that failed may have left them. */
    if ((error = remove_unfinished(target, base_offset)) != ERR_NONE ||
        (error = segment_new(base_offset, compaction->view.now_ms, &target->segment)) != ERR_NONE)
        return error;
    error = segment_open_file(&target->home, target->segment, DISK_OPEN_TRUNCATED, &file);
    open_file_unref(file);
    target->segment->has_file = true;
    return error;
}

static void publish(struct compaction_target *target) {
    struct bytes rest = bytes_of(target->output.data, target->output.size);
    struct stored_batch batch;

    mutex_lock(&target->lock);
    while (rest.size > 0) {
        CHECK(stored_batch_decode(rest, &batch) == ERR_NONE);
        batch.position = target->segment->size;
        segment_publish(&target->home, target->segment, &batch);
        rest = bytes_of(rest.data + batch.size, rest.size - batch.size);
    }
    mutex_unlock(&target->lock);
}

enum error compaction_target_write(struct compaction_target *target, bool all) {
    struct compaction_output *output = &target->output;
    size_t size = output->size;
    enum error error;

    if (size == 0 || (!all && size < target->compaction->means->buffer_bytes))
        return ERR_NONE;
    error = segment_write(&target->home, target->segment, output->data, size, output->batch_count);
    if (error != ERR_NONE)
        return error;
    publish(target);
    compaction_output_clear(output);
    if ((error = segment_spill_indexes(&target->home, target->segment)) != ERR_NONE)
        return error;
    return log_compaction_pace(target->compaction, size);
}

static enum error write_aborts(struct compaction_target *target) {
    char path[SEGMENT_PATH_MAX];
    enum error error;

    if (target->aborts.count == 0)
        return ERR_NONE;
    segment_path(&target->home, target->segment->base_offset, SEGMENT_SUFFIX_TXN_INDEX, path);
    error = compaction_aborts_write(&target->aborts, target->home.disk, path);
    if (error != ERR_NONE)
        return error;
    return segment_load_aborted(&target->home, target->segment,
                                (int64_t)target->aborts.count * TXN_INDEX_ENTRY_BYTES);
}

static enum error set_modified(struct compaction_target *target, int64_t modified_ms) {
    struct open_file *file;
    enum error error;

    error = segment_open_file(&target->home, target->segment, DISK_OPEN_EXISTING, &file);
    if (error != ERR_NONE || file == NULL)
        return error == ERR_NONE ? ERR_CANCELLED : error; /* the log was deleted meanwhile */
    error = disk_set_modified(target->home.disk, file->fd, modified_ms);
    open_file_unref(file);
    return error;
}

enum error compaction_target_finish(struct compaction_target *target, int64_t modified_ms) {
    enum error error;

    if ((error = compaction_target_write(target, true)) != ERR_NONE ||
        (error = segment_finish(&target->home, target->segment)) != ERR_NONE ||
        (error = set_modified(target, modified_ms)) != ERR_NONE ||
        (error = segment_sync(&target->home, target->segment)) != ERR_NONE ||
        (error = segment_sync_indexes(&target->home, target->segment)) != ERR_NONE)
        return error;
    return write_aborts(target);
}

/* ---- exchanging ---- */

/* Where the first source lies in the log's list; -1 if any of them is gone or active. */
static ptrdiff_t find_sources(const struct log *log, struct segment *const *sources, size_t count) {
    for (size_t i = 0; i + count < log->segment_count; i++) {
        if (log->segments[i] == sources[0])
            return memcmp(log->segments + i, sources, count * sizeof(*sources)) == 0 ? (ptrdiff_t)i
                                                                                     : -1;
    }
    return -1;
}

static enum error rename_all(struct compaction_target *target, const char *from, const char *to) {
    struct segment_home home = target->home;
    char old_path[SEGMENT_PATH_MAX];
    char new_path[SEGMENT_PATH_MAX];
    enum error error = ERR_NONE;

    /* The .log first: what is left of a segment without it is only renamed at the next start. */
    for (size_t i = 0; i < ARRAY_COUNT(suffixes) && error == ERR_NONE; i++) {
        if (i == 3 && target->aborts.count == 0)
            continue; /* no transaction index */
        home.name_suffix = from;
        segment_path(&home, target->segment->base_offset, suffixes[i], old_path);
        home.name_suffix = to;
        segment_path(&home, target->segment->base_offset, suffixes[i], new_path);
        error = disk_rename(home.disk, old_path, new_path);
    }
    return error;
}

static enum error doom_sources(struct log *log, struct segment *const *sources, size_t count) {
    enum error error = ERR_NONE;

    for (size_t i = 0; i < count && error == ERR_NONE; i++) {
        for (size_t j = 0; j < ARRAY_COUNT(suffixes) && error == ERR_NONE; j++)
            error = log_doom_file(log, sources[i]->base_offset, suffixes[j]);
        /* The first one's snapshot is that of the new segment. */
        if (error == ERR_NONE && i > 0)
            error = log_doom_file(log, sources[i]->base_offset, SEGMENT_SUFFIX_SNAPSHOT);
    }
    return error;
}

static enum error exchange_files(struct compaction_target *target, struct segment *const *sources,
                                 size_t count) {
    struct log *log = target->compaction->log;
    enum error error = ERR_NONE;

    for (size_t i = 0; i < count && error == ERR_NONE; i++)
        error = segment_pin_files(&log->home, sources[i]);
    if (error != ERR_NONE ||
        (error = rename_all(target, SUFFIX_CLEANED, SUFFIX_SWAP)) != ERR_NONE ||
        (error = disk_sync_dir(log->dir->disk, log->dir_name)) != ERR_NONE ||
        (error = doom_sources(log, sources, count)) != ERR_NONE ||
        (error = disk_sync_dir(log->dir->disk, log->dir_name)) != ERR_NONE)
        return error;
    return rename_all(target, SUFFIX_SWAP, "");
}

static void exchange_in_list(struct log *log, struct segment *segment, size_t at, size_t count) {
    int64_t size = segment->size;

    mutex_lock(&log->state_lock);
    for (size_t i = 0; i < count; i++)
        size -= log->segments[at + i]->size;
    log->segments[at] = segment;
    memmove(log->segments + at + 1, log->segments + at + count,
            (log->segment_count - at - count) * sizeof(log->segments[0]));
    log->segment_count -= count - 1;
    __atomic_store_n(&log->size, log->size + size, __ATOMIC_RELEASE);
    log->dir_changes++;
    log->generation++; /* who goes through the list by index begins anew */
    mutex_unlock(&log->state_lock);
}

static enum error swap_locked(struct compaction_target *target, size_t first, size_t count,
                              bool *swapped) {
    struct log_compaction *compaction = target->compaction;
    struct segment **sources = compaction->segments + first;
    struct log *log = compaction->log;
    enum error error;
    ptrdiff_t at;

    if ((error = log_check_usable(log)) != ERR_NONE)
        return error;
    if (log->truncations != compaction->truncations)
        return ERR_CANCELLED;
    if ((at = find_sources(log, sources, count)) < 0)
        return ERR_NONE;
    if ((error = exchange_files(target, sources, count)) != ERR_NONE)
        return error;
    target->segment->next_offset = sources[count - 1]->next_offset;
    segment_ref(target->segment); /* the log's */
    exchange_in_list(log, target->segment, (size_t)at, count);
    for (size_t i = 0; i < count; i++)
        segment_unref(sources[i], log->dir->cache); /* the log's; the compaction has its own */
    *swapped = true;
    return ERR_NONE;
}

enum error compaction_target_swap(struct compaction_target *target, size_t first, size_t count,
                                  bool *swapped) {
    const struct compaction_lock *lock = target->compaction->lock;
    enum error error;

    *swapped = false;
    lock->lock(lock->context);
    error = swap_locked(target, first, count, swapped);
    lock->unlock(lock->context);
    return error;
}

void compaction_target_done(struct compaction_target *target) {
    struct log *log = target->compaction->log;

    /* What was not exchanged; the next start would remove it too. */
    if (target->segment != NULL && log_check_usable(log) == ERR_NONE)
        (void)remove_unfinished(target, target->segment->base_offset);
    segment_unref(target->segment, log->dir->cache);
    compaction_output_done(&target->output);
    compaction_aborts_done(&target->aborts);
    mutex_done(&target->lock);
}

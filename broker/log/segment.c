#include "broker/log/segment.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>

#include "broker/log/disk.h"
#include "broker/log/segment_internal.h"

#define ALLOCATE_FROM_BYTES ((int64_t)1 << 20) /* smaller segments are not worth reserving for */
#define ALLOCATE_STEP_MAX   ((int64_t)64 << 20)
#define SURPLUS_MAX         ((int64_t)1 << 20) /* reserved blocks behind a segment that was rolled */
#define SURPLUS_SHARE       64                 /* the same, as a share of its size */

bool segment_parse_base_offset(const char *name, int64_t *base_offset) {
    int64_t value = 0;

    for (int i = 0; i < SEGMENT_NAME_DIGITS; i++) {
        if (!isdigit((unsigned char)name[i]) || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, name[i] - '0', &value))
            return false;
    }
    if (name[SEGMENT_NAME_DIGITS] != '.')
        return false;
    *base_offset = value;
    return true;
}

void segment_path(const struct segment_home *home, int64_t base_offset, const char *suffix,
                  char path[SEGMENT_PATH_MAX]) {
    const char *dir = __atomic_load_n(&home->dir, __ATOMIC_ACQUIRE);
    int size = snprintf(path, SEGMENT_PATH_MAX, "%s/%020lld%s%s", dir, (long long)base_offset,
                        suffix, home->name_suffix != NULL ? home->name_suffix : "");

    CHECK(size < SEGMENT_PATH_MAX);
}

enum error segment_new(int64_t base_offset, int64_t now_ms, struct segment **created) {
    struct segment *segment = calloc(1, sizeof(*segment));

    if (segment == NULL)
        return ERR_OUT_OF_MEMORY;
    segment->base_offset = base_offset;
    segment->refs = 1;
    segment->next_offset = base_offset;
    segment->max_timestamp = RECORD_NO_TIMESTAMP;
    segment->offset_of_max_timestamp = base_offset;
    segment->first_timestamp = RECORD_NO_TIMESTAMP;
    segment->created_ms = now_ms;
    index_file_init(&segment->offset_index, INDEX_OF_OFFSETS);
    index_file_init(&segment->time_index, INDEX_OF_TIMES);
    txn_index_init(&segment->txn_index);
    *created = segment;
    return ERR_NONE;
}

void segment_ref(struct segment *segment) {
    (void)__atomic_add_fetch(&segment->refs, 1, __ATOMIC_RELAXED);
}

void segment_unref(struct segment *segment, struct file_cache *cache) {
    if (segment == NULL || __atomic_sub_fetch(&segment->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    file_cache_forget(cache, &segment->log_file);
    index_file_done(&segment->offset_index, cache);
    index_file_done(&segment->time_index, cache);
    txn_index_done(&segment->txn_index, cache);
    free(segment);
}

void segment_close_files(struct segment *segment, struct file_cache *cache) {
    file_cache_forget(cache, &segment->log_file);
    file_cache_forget(cache, &segment->offset_index.file);
    file_cache_forget(cache, &segment->time_index.file);
    file_cache_forget(cache, &segment->txn_index.file);
}

enum error segment_open_file(const struct segment_home *home, struct segment *segment,
                             enum disk_open_mode mode, struct open_file **file) {
    char path[SEGMENT_PATH_MAX];

    if ((*file = file_cache_find(home->cache, &segment->log_file)) != NULL)
        return ERR_NONE;
    segment_path(home, segment->base_offset, SEGMENT_SUFFIX_LOG, path);
    return file_cache_open(home->cache, &segment->log_file, home->disk, path, mode, file);
}

struct index_place segment_index_place(const struct segment_home *home,
                                       const struct segment *segment,
                                       const struct index_file *index,
                                       char path[SEGMENT_PATH_MAX]) {
    segment_path(home, segment->base_offset,
                 index->kind == INDEX_OF_OFFSETS ? SEGMENT_SUFFIX_INDEX : SEGMENT_SUFFIX_TIME_INDEX,
                 path);
    return (struct index_place){home->disk, home->cache, home->state_lock, path};
}

static struct index_place txn_place_of(const struct segment_home *home,
                                       const struct segment *segment, char path[SEGMENT_PATH_MAX]) {
    segment_path(home, segment->base_offset, SEGMENT_SUFFIX_TXN_INDEX, path);
    return (struct index_place){home->disk, home->cache, home->state_lock, path};
}

/* ---- loading ---- */

static enum error load_index(const struct segment_home *home, struct segment *segment,
                             struct index_file *index, int64_t bytes) {
    char path[SEGMENT_PATH_MAX];
    struct index_place place = segment_index_place(home, segment, index, path);

    return index_file_load(index, &place, bytes);
}

enum error segment_load_aborted(const struct segment_home *home, struct segment *segment,
                                int64_t bytes) {
    char path[SEGMENT_PATH_MAX];
    struct index_place place = txn_place_of(home, segment, path);

    return txn_index_load(&segment->txn_index, &place, bytes, segment->base_offset);
}

enum error segment_load(const struct segment_home *home, struct segment *segment,
                        const struct segment_sizes *sizes, int64_t next_offset_max) {
    const struct index_entry *last = &segment->offset_index.last;
    const struct index_entry *last_time = &segment->time_index.last;
    int64_t relative_max = next_offset_max - segment->base_offset; /* exclusive */
    enum error error;

    segment->has_file = true;
    segment->size = sizes->log;
    segment->next_offset = next_offset_max;
    segment->writeback_position = sizes->log;
    if (sizes->offset_index < 0 && sizes->log > 0)
        return ERR_DISK_CORRUPT;
    if (sizes->offset_index > 0 && (error = load_index(home, segment, &segment->offset_index,
                                                       sizes->offset_index)) != ERR_NONE)
        return error;
    if (sizes->time_index > 0 &&
        (error = load_index(home, segment, &segment->time_index, sizes->time_index)) != ERR_NONE)
        return error;
    /* The first batch has no entry, so zeros are none either. */
    if (sizes->offset_index > 0 && (last->key <= 0 || last->key >= relative_max ||
                                    last->value <= 0 || last->value >= sizes->log))
        return ERR_DISK_CORRUPT;
    if (sizes->time_index > 0) {
        if (last_time->key < 0 || last_time->value < 0 || last_time->value >= relative_max)
            return ERR_DISK_CORRUPT;
        segment->max_timestamp = last_time->key;
        segment->offset_of_max_timestamp = segment->base_offset + last_time->value;
    }
    segment->last_index_position = sizes->offset_index > 0 ? last->value : 0;
    if ((error = segment_load_aborted(home, segment, sizes->txn_index)) != ERR_NONE)
        return error;
    return segment->txn_index.last_offset >= next_offset_max ? ERR_DISK_CORRUPT : ERR_NONE;
}

static void note_timestamp(struct segment *segment, const struct stored_batch *batch) {
    if (batch->position == 0)
        segment->first_timestamp = batch->max_timestamp;
    if (batch->max_timestamp > segment->max_timestamp) {
        segment->max_timestamp = batch->max_timestamp;
        segment->offset_of_max_timestamp = batch->last_offset;
    }
}

/* The first batch's timestamp decides when the segment rolls by age. */
static enum error load_first_timestamp(const struct segment_home *home, struct segment *segment,
                                       int fd) {
    struct batch_walk walk;
    struct stored_batch batch;
    enum error error;
    bool found;

    batch_walk_init(&walk, home->disk, fd, BATCH_WALK_HEADERS, 0, segment->size);
    error = batch_walk_next(&walk, &batch, &found);
    if (error == ERR_NONE && found)
        segment->first_timestamp = batch.max_timestamp;
    batch_walk_done(&walk);
    return error;
}

static enum error walk_tail(const struct segment_home *home, struct segment *segment, int fd) {
    int64_t indexed = segment->offset_index.last.key;
    int64_t expected = segment->base_offset;
    struct batch_walk walk;
    struct stored_batch batch;
    enum error error;
    bool found;

    batch_walk_init(&walk, home->disk, fd, BATCH_WALK_HEADERS, segment->last_index_position,
                    segment->size);
    while ((error = batch_walk_next(&walk, &batch, &found)) == ERR_NONE && found) {
        /* Kafka's followers index sets of several batches: the last offset of the set at the
         * position of its first batch. So the entry may be ahead of the batch, never behind. */
        if (batch.base_offset < expected || batch.last_offset - segment->base_offset > INT32_MAX ||
            (indexed >= 0 && expected == segment->base_offset &&
             batch.last_offset > segment->base_offset + indexed)) {
            error = ERR_DISK_CORRUPT;
            break;
        }
        expected = batch.last_offset + 1;
        mutex_lock(home->state_lock);
        note_timestamp(segment, &batch);
        mutex_unlock(home->state_lock);
    }
    if (error == ERR_NONE && walk.position != segment->size)
        error = ERR_DISK_CORRUPT;
    batch_walk_done(&walk);
    if (error == ERR_NONE) {
        mutex_lock(home->state_lock);
        segment->next_offset = expected;
        mutex_unlock(home->state_lock);
    }
    return error;
}

enum error segment_load_tail(const struct segment_home *home, struct segment *segment) {
    struct open_file *file;
    enum error error;

    if (segment->size == 0) {
        segment->next_offset = segment->base_offset;
        return ERR_NONE;
    }
    if ((error = segment_open_file(home, segment, DISK_OPEN_EXISTING, &file)) != ERR_NONE)
        return error;
    if (file == NULL)
        return ERR_DISK_CORRUPT;
    if ((error = walk_tail(home, segment, file->fd)) == ERR_NONE &&
        segment->last_index_position > 0)
        error = load_first_timestamp(home, segment, file->fd);
    open_file_unref(file);
    if (error != ERR_NONE)
        return error;
    if (segment->offset_index.last.key >= segment->next_offset - segment->base_offset ||
        segment->time_index.last.value >= segment->next_offset - segment->base_offset)
        return ERR_DISK_CORRUPT;
    return ERR_NONE;
}

/* ---- writing ---- */

static bool is_too_old(const struct segment *segment, const struct log_config *config,
                       int64_t max_timestamp, int64_t now_ms) {
    int64_t age_max = config->segment_ms;
    int64_t waited;

    if (config->compact && config->max_compaction_lag_ms < age_max)
        age_max = config->max_compaction_lag_ms;
    if (segment->size == 0)
        return false;
    if (segment->first_timestamp < 0)
        waited = now_ms - segment->created_ms;
    else if (__builtin_sub_overflow(max_timestamp, segment->first_timestamp, &waited))
        return false; /* a time before all times, which is what a client says */
    return waited > age_max - segment->jitter_ms;
}

bool segment_must_roll(const struct segment *segment, const struct log_config *config, size_t size,
                       int64_t last_offset, int64_t max_timestamp, int64_t now_ms) {
    int64_t index_max = config->segment_index_bytes / OFFSET_INDEX_ENTRY_BYTES;
    int64_t time_index_max = config->segment_index_bytes / TIME_INDEX_ENTRY_BYTES;

    if (segment->size > 0 && segment->size > (int64_t)config->segment_bytes - (int64_t)size)
        return true;
    if (last_offset - segment->base_offset > INT32_MAX)
        return true;
    if (segment->size > 0 && (index_file_count(&segment->offset_index) >= index_max ||
                              index_file_count(&segment->time_index) >= time_index_max - 1))
        return true;
    return is_too_old(segment, config, max_timestamp, now_ms);
}

static void allocate_ahead(const struct segment_home *home, struct segment *segment, int fd,
                           int64_t end) {
    int64_t step = segment->size;
    int64_t limit = home->config->segment_bytes;

    if (end <= segment->allocated || end < ALLOCATE_FROM_BYTES)
        return;
    if (step < ALLOCATE_FROM_BYTES)
        step = ALLOCATE_FROM_BYTES;
    if (step > ALLOCATE_STEP_MAX)
        step = ALLOCATE_STEP_MAX;
    if (end + step > limit)
        step = limit > end ? limit - end : 0;
    segment->allocated = disk_allocate(home->disk, fd, segment->size, end - segment->size + step)
                             ? end + step
                             : INT64_MAX;
}

static enum error reserve_entries(const struct segment_home *home, struct segment *segment,
                                  size_t size, uint32_t batch_count) {
    size_t interval =
        home->config->index_interval_bytes > 0 ? (size_t)home->config->index_interval_bytes : 1;
    uint32_t entries = batch_count;
    enum error error;

    if (size / interval + 2 < entries)
        entries = (uint32_t)(size / interval + 2);
    mutex_lock(home->state_lock);
    error = index_file_reserve(&segment->offset_index, entries);
    if (error == ERR_NONE)
        error = index_file_reserve(&segment->time_index, entries);
    mutex_unlock(home->state_lock);
    return error;
}

enum error segment_write(const struct segment_home *home, struct segment *segment, const void *data,
                         size_t size, uint32_t batch_count) {
    struct open_file *file;
    enum error error;

    if (segment->size > INT32_MAX - (int64_t)size)
        return ERR_RECORD_LIST_TOO_LARGE; /* positions in the index have 31 bits */
    if ((error = reserve_entries(home, segment, size, batch_count)) != ERR_NONE)
        return error;
    error = segment_open_file(home, segment,
                              segment->has_file ? DISK_OPEN_EXISTING : DISK_OPEN_CREATE, &file);
    if (error != ERR_NONE)
        return error;
    if (file == NULL)
        return ERR_DISK_CORRUPT;
    segment->has_file = true;
    allocate_ahead(home, segment, file->fd, segment->size + (int64_t)size);
    error = disk_write(home->disk, file->fd, data, size, segment->size);
    if (error != ERR_NONE) {
        /* Best effort: what stays behind the end is cut by recovery. */
        (void)!disk_truncate(home->disk, file->fd, segment->size);
        segment->allocated = 0;
    }
    open_file_unref(file);
    return error;
}

static void append_time_entry(struct segment *segment) {
    const struct index_entry *last = &segment->time_index.last;
    int64_t relative_offset = segment->offset_of_max_timestamp - segment->base_offset;

    /* The second condition fails only behind an index that was taken over and is wrong. */
    if (segment->max_timestamp > last->key && relative_offset >= last->value)
        index_file_append(&segment->time_index,
                          (struct index_entry){segment->max_timestamp, (int32_t)relative_offset});
}

void segment_publish(const struct segment_home *home, struct segment *segment,
                     const struct stored_batch *batch) {
    int64_t since_entry = segment->size - segment->last_index_position;

    CHECK(batch->base_offset >= segment->next_offset || batch->magic < 2);
    CHECK(batch->last_offset >= segment->next_offset);
    CHECK(batch->position == segment->size);
    note_timestamp(segment, batch);
    if (since_entry > home->config->index_interval_bytes) {
        index_file_append(&segment->offset_index,
                          (struct index_entry){batch->last_offset - segment->base_offset,
                                               (int32_t)segment->size});
        segment->last_index_position = segment->size;
        append_time_entry(segment);
    }
    segment->size += (int64_t)batch->size;
    segment->next_offset = batch->last_offset + 1;
}

static enum error spill(const struct segment_home *home, struct segment *segment,
                        struct index_file *index) {
    char path[SEGMENT_PATH_MAX];
    struct index_place place = segment_index_place(home, segment, index, path);

    return index_file_spill(index, &place);
}

enum error segment_spill_indexes(const struct segment_home *home, struct segment *segment) {
    enum error error = ERR_NONE;

    if (segment->offset_index.tail_count >= INDEX_TAIL_ENTRIES)
        error = spill(home, segment, &segment->offset_index);
    if (error == ERR_NONE && segment->time_index.tail_count >= INDEX_TAIL_ENTRIES)
        error = spill(home, segment, &segment->time_index);
    return error;
}

static enum error finish_index(const struct segment_home *home, struct segment *segment,
                               struct index_file *index) {
    char path[SEGMENT_PATH_MAX];
    struct index_place place = segment_index_place(home, segment, index, path);
    enum error error = index_file_spill(index, &place);

    return error == ERR_NONE ? index_file_settle(index, &place) : error;
}

/* Freeing blocks waits for the disk (tens of milliseconds, if it is busy), and whoever rolls waits
 * with it. So what is reserved behind a segment that is as good as full stays reserved. */
static bool is_worth_trimming(const struct segment *segment) {
    int64_t surplus_max = segment->size / SURPLUS_SHARE;

    if (surplus_max > SURPLUS_MAX)
        surplus_max = SURPLUS_MAX;
    return segment->allocated - segment->size > surplus_max;
}

static enum error trim(const struct segment_home *home, struct segment *segment) {
    struct open_file *file;
    enum error error;

    if (!is_worth_trimming(segment))
        return ERR_NONE;
    if ((error = segment_open_file(home, segment, DISK_OPEN_EXISTING, &file)) != ERR_NONE)
        return error;
    if (file == NULL)
        return ERR_DISK_CORRUPT;
    error = disk_truncate(home->disk, file->fd, segment->size);
    open_file_unref(file);
    segment->allocated = 0;
    return error;
}

enum error segment_finish(const struct segment_home *home, struct segment *segment) {
    enum error error;

    if (!segment->has_file)
        return ERR_NONE;
    mutex_lock(home->state_lock);
    error = index_file_reserve(&segment->time_index, 1);
    if (error == ERR_NONE)
        append_time_entry(segment);
    mutex_unlock(home->state_lock);
    if (error != ERR_NONE ||
        (error = finish_index(home, segment, &segment->offset_index)) != ERR_NONE ||
        (error = finish_index(home, segment, &segment->time_index)) != ERR_NONE)
        return error;
    return trim(home, segment);
}

static enum error sync_index(const struct segment_home *home, struct segment *segment,
                             struct index_file *index) {
    char path[SEGMENT_PATH_MAX];
    struct index_place place = segment_index_place(home, segment, index, path);

    return index_file_sync(index, &place);
}

enum error segment_sync(const struct segment_home *home, struct segment *segment) {
    struct open_file *file;
    enum error error;

    if ((error = segment_open_file(home, segment, DISK_OPEN_EXISTING, &file)) != ERR_NONE)
        return error;
    if (file != NULL)
        error = disk_sync(home->disk, file->fd);
    open_file_unref(file);
    return error;
}

enum error segment_sync_indexes(const struct segment_home *home, struct segment *segment) {
    char path[SEGMENT_PATH_MAX];
    struct index_place place = txn_place_of(home, segment, path);
    enum error error;

    if ((error = sync_index(home, segment, &segment->offset_index)) != ERR_NONE ||
        (error = sync_index(home, segment, &segment->time_index)) != ERR_NONE)
        return error;
    return txn_index_sync(&segment->txn_index, &place);
}

/* ---- cutting ---- */

static enum error truncate_index(const struct segment_home *home, struct segment *segment,
                                 struct index_file *index, enum index_column column,
                                 int64_t bound) {
    char path[SEGMENT_PATH_MAX];
    struct index_place place = segment_index_place(home, segment, index, path);

    return index_file_truncate(index, &place, column, bound);
}

static enum error clear_index(const struct segment_home *home, struct segment *segment,
                              struct index_file *index) {
    char path[SEGMENT_PATH_MAX];
    struct index_place place = segment_index_place(home, segment, index, path);

    return index_file_clear(index, &place);
}

static enum error truncate_txn_index(const struct segment_home *home, struct segment *segment,
                                     int64_t offset) {
    char path[SEGMENT_PATH_MAX];
    struct index_place place = txn_place_of(home, segment, path);

    return txn_index_truncate(&segment->txn_index, &place, offset);
}

static enum error truncate_indexes(const struct segment_home *home, struct segment *segment,
                                   int64_t position, int64_t next_offset) {
    const struct index_entry *last = &segment->offset_index.last;
    int64_t relative = next_offset - segment->base_offset;
    enum error error;

    error = truncate_index(home, segment, &segment->offset_index, INDEX_KEY, relative);
    if (error == ERR_NONE)
        error = truncate_index(home, segment, &segment->time_index, INDEX_VALUE, relative);
    if (error == ERR_NONE)
        error = truncate_txn_index(home, segment, next_offset);
    /* An entry that can't be right was taken over unseen. Without entries the index is only
     * slower. */
    if (error == ERR_NONE && index_file_count(&segment->offset_index) > 0 &&
        (last->key <= 0 || last->value <= 0 || last->value >= position))
        error = clear_index(home, segment, &segment->offset_index);
    return error;
}

enum error segment_truncate(const struct segment_home *home, struct segment *segment,
                            int64_t position, int64_t next_offset) {
    const struct index_entry *last_time = &segment->time_index.last;
    struct open_file *file;
    enum error error;

    mutex_lock(home->state_lock);
    segment->size = position;
    segment->next_offset = next_offset;
    mutex_unlock(home->state_lock);
    if ((error = truncate_indexes(home, segment, position, next_offset)) != ERR_NONE)
        return error;
    if ((error = segment_open_file(home, segment, DISK_OPEN_EXISTING, &file)) != ERR_NONE)
        return error;
    if (file == NULL)
        return segment->has_file ? ERR_DISK_CORRUPT : ERR_NONE;
    error = disk_truncate(home->disk, file->fd, position);
    open_file_unref(file);
    if (error != ERR_NONE)
        return error;
    segment->allocated = 0;
    segment->writeback_position = position;
    segment->last_index_position =
        segment->offset_index.last.key < 0 ? 0 : segment->offset_index.last.value;
    mutex_lock(home->state_lock);
    segment->max_timestamp = last_time->key;
    segment->offset_of_max_timestamp =
        segment->base_offset + (last_time->key < 0 ? 0 : last_time->value);
    mutex_unlock(home->state_lock);
    if (position == 0)
        segment->first_timestamp = RECORD_NO_TIMESTAMP;
    /* Timestamps behind the last entry are found again, and the end proves itself. */
    return segment_load_tail(home, segment);
}

static enum error reset_index(const struct segment_home *home, struct segment *segment,
                              struct index_file *index, bool in_place) {
    char path[SEGMENT_PATH_MAX];
    struct index_place place = segment_index_place(home, segment, index, path);

    if (!in_place)
        return index_file_clear(index, &place);
    index_file_restart(index, &place);
    return ERR_NONE;
}

enum error segment_reset_indexes(const struct segment_home *home, struct segment *segment,
                                 bool in_place) {
    enum error error;

    if ((error = reset_index(home, segment, &segment->offset_index, in_place)) != ERR_NONE ||
        (error = reset_index(home, segment, &segment->time_index, in_place)) != ERR_NONE ||
        (error = truncate_txn_index(home, segment, 0)) != ERR_NONE)
        return error;
    segment->txn_index.is_rebuilt = true;
    mutex_lock(home->state_lock);
    segment->size = 0;
    segment->next_offset = segment->base_offset;
    segment->max_timestamp = RECORD_NO_TIMESTAMP;
    segment->offset_of_max_timestamp = segment->base_offset;
    mutex_unlock(home->state_lock);
    segment->first_timestamp = RECORD_NO_TIMESTAMP;
    segment->last_index_position = 0;
    return ERR_NONE;
}

enum error segment_remove_files(const struct segment_home *home, struct segment *segment) {
    static const char *const suffixes[] = {SEGMENT_SUFFIX_LOG, SEGMENT_SUFFIX_INDEX,
                                           SEGMENT_SUFFIX_TIME_INDEX, SEGMENT_SUFFIX_TXN_INDEX};
    char path[SEGMENT_PATH_MAX];
    enum error error;

    for (size_t i = 0; i < ARRAY_COUNT(suffixes); i++) {
        segment_path(home, segment->base_offset, suffixes[i], path);
        if ((error = disk_unlink(home->disk, path)) != ERR_NONE)
            return error;
    }
    return ERR_NONE;
}

enum error segment_pin_files(const struct segment_home *home, struct segment *segment) {
    static const char *const suffixes[] = {SEGMENT_SUFFIX_LOG, SEGMENT_SUFFIX_INDEX,
                                           SEGMENT_SUFFIX_TIME_INDEX, SEGMENT_SUFFIX_TXN_INDEX};
    struct cached_file *files[] = {&segment->log_file, &segment->offset_index.file,
                                   &segment->time_index.file, &segment->txn_index.file};
    char path[SEGMENT_PATH_MAX];
    enum error error = ERR_NONE;

    for (size_t i = 0; i < ARRAY_COUNT(files) && error == ERR_NONE; i++) {
        segment_path(home, segment->base_offset, suffixes[i], path);
        error = file_cache_pin(home->cache, files[i], home->disk, path);
    }
    return error;
}

/* ---- aborted transactions ---- */

enum error segment_note_aborted(const struct segment_home *home, struct segment *segment,
                                const struct aborted_transaction *aborted) {
    char path[SEGMENT_PATH_MAX];
    struct index_place place = txn_place_of(home, segment, path);

    return txn_index_append(&segment->txn_index, &place, aborted);
}

enum error segment_find_aborted(const struct segment_home *home, struct segment *segment,
                                uint32_t count, int64_t offset, uint32_t *found) {
    char path[SEGMENT_PATH_MAX];
    struct index_place place = txn_place_of(home, segment, path);

    return txn_index_find(&segment->txn_index, &place, count, offset, found);
}

enum error segment_read_aborted(const struct segment_home *home, struct segment *segment,
                                uint32_t at, struct aborted_transaction *entries, uint32_t capacity,
                                uint32_t *read_count) {
    char path[SEGMENT_PATH_MAX];
    struct index_place place = txn_place_of(home, segment, path);

    return txn_index_read(&segment->txn_index, &place, at, entries, capacity, read_count);
}

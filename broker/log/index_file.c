#include "broker/log/index_file.h"

#include <stdlib.h>
#include <string.h>

#include "client/wire/big_endian.h"

#define ENTRY_BYTES_MAX    TIME_INDEX_ENTRY_BYTES
#define SEARCH_BLOCK_BYTES 4096 /* read at once when a bisection has come this close */

static const struct index_entry no_entry = {-1, -1};

size_t index_entry_bytes(enum index_kind kind) {
    return kind == INDEX_OF_OFFSETS ? OFFSET_INDEX_ENTRY_BYTES : TIME_INDEX_ENTRY_BYTES;
}

static struct index_entry decode(enum index_kind kind, const uint8_t *at) {
    if (kind == INDEX_OF_OFFSETS)
        return (struct index_entry){(int32_t)big_endian_load_u32(at),
                                    (int32_t)big_endian_load_u32(at + 4)};
    return (struct index_entry){(int64_t)big_endian_load_u64(at),
                                (int32_t)big_endian_load_u32(at + 8)};
}

static void encode(enum index_kind kind, struct index_entry entry, uint8_t *at) {
    if (kind == INDEX_OF_OFFSETS) {
        big_endian_store_u32(at, (uint32_t)entry.key);
        big_endian_store_u32(at + 4, (uint32_t)entry.value);
        return;
    }
    big_endian_store_u64(at, (uint64_t)entry.key);
    big_endian_store_u32(at + 8, (uint32_t)entry.value);
}

static int64_t column_of(struct index_entry entry, enum index_column column) {
    return column == INDEX_KEY ? entry.key : entry.value;
}

void index_file_init(struct index_file *index, enum index_kind kind) {
    *index = (struct index_file){.kind = kind, .last = no_entry};
}

void index_file_done(struct index_file *index, struct file_cache *cache) {
    file_cache_forget(cache, &index->file);
    free(index->tail);
    index->tail = NULL;
}

uint32_t index_file_count(const struct index_file *index) {
    return index->file_count + index->tail_count;
}

/* `*file` is NULL if it is missing and not to be made. */
static enum error acquire(struct index_file *index, const struct index_place *place,
                          enum disk_open_mode mode, struct open_file **file) {
    if ((*file = file_cache_find(place->cache, &index->file)) != NULL)
        return ERR_NONE;
    return file_cache_open(place->cache, &index->file, place->disk, place->path, mode, file);
}

/* Reads entry `at` of the file; `*is_stale` if the file ends before it. */
static enum error read_entry(const struct index_file *index, struct disk *disk, int fd, uint32_t at,
                             struct index_entry *entry, bool *is_stale) {
    size_t size = index_entry_bytes(index->kind);
    uint8_t raw[ENTRY_BYTES_MAX];
    enum error error;
    size_t got;

    error = disk_read(disk, fd, raw, size, (int64_t)at * (int64_t)size, &got);
    if (error != ERR_NONE)
        return error;
    if (got < size)
        *is_stale = true;
    else
        *entry = decode(index->kind, raw);
    return ERR_NONE;
}

enum error index_file_load(struct index_file *index, const struct index_place *place,
                           int64_t file_bytes) {
    int64_t size = (int64_t)index_entry_bytes(index->kind);
    struct index_entry last = no_entry;
    struct open_file *file;
    bool is_stale = false;
    enum error error;

    if (file_bytes % size != 0 || file_bytes / size > INT32_MAX)
        return ERR_DISK_CORRUPT;
    if (file_bytes > 0) {
        if ((error = acquire(index, place, DISK_OPEN_EXISTING, &file)) != ERR_NONE)
            return error;
        if (file == NULL)
            return ERR_DISK_CORRUPT;
        error = read_entry(index, place->disk, file->fd, (uint32_t)(file_bytes / size) - 1, &last,
                           &is_stale);
        open_file_unref(file);
        if (error != ERR_NONE)
            return error;
        if (is_stale)
            return ERR_DISK_CORRUPT;
    }
    index->file_count = (uint32_t)(file_bytes / size);
    index->last = last;
    return ERR_NONE;
}

/* ---- writing ---- */

enum error index_file_reserve(struct index_file *index, uint32_t count) {
    uint32_t needed = index->tail_count + count;
    uint32_t capacity = index->tail_capacity == 0 ? 4 : index->tail_capacity;
    uint8_t *grown;

    if (needed <= index->tail_capacity)
        return ERR_NONE;
    while (capacity < needed)
        capacity *= 2;
    if ((grown = realloc(index->tail, capacity * index_entry_bytes(index->kind))) == NULL)
        return ERR_OUT_OF_MEMORY;
    index->tail = grown;
    index->tail_capacity = capacity;
    return ERR_NONE;
}

void index_file_append(struct index_file *index, struct index_entry entry) {
    CHECK(index->tail_count < index->tail_capacity);
    CHECK(index_file_count(index) == 0 || entry.key > index->last.key);
    CHECK(entry.value >= 0 && (index_file_count(index) == 0 || entry.value >= index->last.value));
    encode(index->kind, entry, index->tail + index->tail_count * index_entry_bytes(index->kind));
    index->tail_count++;
    index->last = entry;
}

/* Whether the file already holds the tail where it belongs. */
static enum error holds_tail(const struct index_file *index, const struct index_place *place,
                             int fd, bool *holds) {
    size_t wanted = index->tail_count * index_entry_bytes(index->kind);
    size_t position = index->file_count * index_entry_bytes(index->kind);
    uint8_t block[SEARCH_BLOCK_BYTES];
    enum error error = ERR_NONE;
    size_t got;

    *holds = true;
    for (size_t at = 0; at < wanted && *holds && error == ERR_NONE; at += sizeof(block)) {
        size_t size = wanted - at < sizeof(block) ? wanted - at : sizeof(block);
        error = disk_read(place->disk, fd, block, size, (int64_t)(position + at), &got);
        *holds = error == ERR_NONE && got == size && memcmp(block, index->tail + at, size) == 0;
    }
    return error;
}

static enum error write_tail(struct index_file *index, const struct index_place *place, int fd) {
    size_t size = index_entry_bytes(index->kind);
    enum error error = ERR_NONE;
    bool holds = false;

    if (index->has_leftovers)
        error = holds_tail(index, place, fd, &holds);
    if (error == ERR_NONE && !holds)
        error = disk_write(place->disk, fd, index->tail, index->tail_count * size,
                           (int64_t)(index->file_count * size));
    __atomic_store_n(&index->is_dirty, true, __ATOMIC_RELAXED);
    return error;
}

enum error index_file_spill(struct index_file *index, const struct index_place *place) {
    struct open_file *file;
    enum error error;
    uint8_t *surplus;

    if ((error = acquire(index, place, DISK_OPEN_CREATE, &file)) != ERR_NONE)
        return error;
    if (index->tail_count > 0)
        error = write_tail(index, place, file->fd);
    open_file_unref(file);
    if (error != ERR_NONE)
        return error;
    mutex_lock(place->state_lock);
    index->file_count += index->tail_count;
    index->tail_count = 0;
    index->tail_capacity = 0;
    surplus = index->tail;
    index->tail = NULL;
    mutex_unlock(place->state_lock);
    free(surplus);
    return ERR_NONE;
}

enum error index_file_sync(struct index_file *index, const struct index_place *place) {
    struct open_file *file;
    enum error error;

    if (!__atomic_exchange_n(&index->is_dirty, false, __ATOMIC_RELAXED))
        return ERR_NONE;
    if ((error = acquire(index, place, DISK_OPEN_EXISTING, &file)) != ERR_NONE || file == NULL)
        return error;
    error = disk_sync(place->disk, file->fd);
    open_file_unref(file);
    return error;
}

/* ---- searching ---- */

/* The number of the `count` entries at `entries` whose `column` is at or below `bound`. */
static uint32_t count_up_to(enum index_kind kind, const uint8_t *entries, uint32_t count,
                            enum index_column column, int64_t bound) {
    uint32_t low = 0;
    uint32_t high = count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        struct index_entry entry = decode(kind, entries + middle * index_entry_bytes(kind));
        if (column_of(entry, column) <= bound)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The same for the first `count` entries of the file. */
static enum error count_in_file(const struct index_file *index, struct disk *disk, int fd,
                                uint32_t count, enum index_column column, int64_t bound,
                                uint32_t *result, struct index_entry *last, bool *is_stale) {
    size_t size = index_entry_bytes(index->kind);
    uint8_t block[SEARCH_BLOCK_BYTES];
    uint32_t low = 0; /* entries below `low` are in, those from `high` on are out */
    uint32_t high = count;
    struct index_entry entry;
    enum error error;
    size_t got;

    while ((high - low) * size > sizeof(block)) {
        uint32_t middle = low + (high - low) / 2;
        error = read_entry(index, disk, fd, middle, &entry, is_stale);
        if (error != ERR_NONE || *is_stale)
            return error;
        if (column_of(entry, column) <= bound) {
            low = middle + 1;
            *last = entry;
        } else {
            high = middle;
        }
    }
    error = disk_read(disk, fd, block, (high - low) * size, (int64_t)(low * size), &got);
    if (error != ERR_NONE)
        return error;
    if (got < (high - low) * size) {
        *is_stale = true;
        return ERR_NONE;
    }
    count = count_up_to(index->kind, block, high - low, column, bound);
    if (count > 0)
        *last = decode(index->kind, block + (count - 1) * size);
    *result = low + count;
    return ERR_NONE;
}

struct index_view index_file_view(const struct index_file *index, int64_t key) {
    struct index_view view = {.file_count = index->file_count};
    uint32_t count = count_up_to(index->kind, index->tail, index->tail_count, INDEX_KEY, key);

    if (count > 0) {
        view.found_in_tail = true;
        view.entry =
            decode(index->kind, index->tail + (count - 1) * index_entry_bytes(index->kind));
    }
    return view;
}

enum error index_file_search(struct index_file *index, const struct index_place *place,
                             const struct index_view *view, int64_t key, bool *found,
                             struct index_entry *entry, bool *is_stale) {
    struct index_entry last = no_entry;
    struct open_file *file;
    enum error error;
    uint32_t count = 0;

    *is_stale = false;
    if (view->found_in_tail || view->file_count == 0) {
        *found = view->found_in_tail;
        *entry = view->entry;
        return ERR_NONE;
    }
    if ((error = acquire(index, place, DISK_OPEN_EXISTING, &file)) != ERR_NONE)
        return error;
    if (file == NULL) {
        *is_stale = true;
        return ERR_NONE;
    }
    error = count_in_file(index, place->disk, file->fd, view->file_count, INDEX_KEY, key, &count,
                          &last, is_stale);
    open_file_unref(file);
    *found = count > 0;
    *entry = last;
    return error;
}

/* In memory: whether the first entry above the bound is there for certain, or is one of the file's
 * `*file_count`, and if not, `*entry`. */
static bool find_above_in_tail(struct index_file *index, const struct index_place *place,
                               enum index_column column, int64_t bound, uint32_t *file_count,
                               bool *found, struct index_entry *entry) {
    uint32_t at;

    mutex_lock(place->state_lock);
    at = count_up_to(index->kind, index->tail, index->tail_count, column, bound);
    *file_count = index->file_count;
    *found = at < index->tail_count;
    if (*found)
        *entry = decode(index->kind, index->tail + at * index_entry_bytes(index->kind));
    mutex_unlock(place->state_lock);
    return at > 0 || *file_count == 0;
}

enum error index_file_find_above(struct index_file *index, const struct index_place *place,
                                 enum index_column column, int64_t bound, bool *found,
                                 struct index_entry *entry, bool *is_stale) {
    struct index_entry last;
    struct open_file *file;
    uint32_t file_count;
    uint32_t at = 0;
    enum error error;

    *is_stale = false;
    if (find_above_in_tail(index, place, column, bound, &file_count, found, entry))
        return ERR_NONE;
    if ((error = acquire(index, place, DISK_OPEN_EXISTING, &file)) != ERR_NONE)
        return error;
    if (file == NULL) {
        *is_stale = true;
        return ERR_NONE;
    }
    error = count_in_file(index, place->disk, file->fd, file_count, column, bound, &at, &last,
                          is_stale);
    if (error == ERR_NONE && !*is_stale && at < file_count) {
        *found = true;
        error = read_entry(index, place->disk, file->fd, at, entry, is_stale);
    }
    open_file_unref(file);
    return error;
}

/* ---- truncating ---- */

enum error index_file_truncate(struct index_file *index, const struct index_place *place,
                               enum index_column column, int64_t bound) {
    size_t size = index_entry_bytes(index->kind);
    struct index_entry last = no_entry;
    struct open_file *file = NULL;
    bool is_stale = false;
    uint32_t kept = 0;
    enum error error;

    if (index->tail_count > 0 && (error = index_file_spill(index, place)) != ERR_NONE)
        return error;
    if ((error = acquire(index, place, DISK_OPEN_EXISTING, &file)) != ERR_NONE)
        return error;
    if (file == NULL)
        return index->file_count == 0 ? ERR_NONE : ERR_DISK_CORRUPT;
    error = count_in_file(index, place->disk, file->fd, index->file_count, column, bound - 1, &kept,
                          &last, &is_stale);
    if (error == ERR_NONE && is_stale)
        error = ERR_DISK_CORRUPT;
    if (error != ERR_NONE)
        goto out;
    mutex_lock(place->state_lock);
    index->file_count = kept;
    mutex_unlock(place->state_lock);
    index->last = last;
    error = disk_truncate(place->disk, file->fd, (int64_t)(kept * size));
    __atomic_store_n(&index->is_dirty, true, __ATOMIC_RELAXED);
out:
    open_file_unref(file);
    return error;
}

enum error index_file_clear(struct index_file *index, const struct index_place *place) {
    struct open_file *file;
    enum error error;

    mutex_lock(place->state_lock);
    index->file_count = 0;
    index->tail_count = 0;
    mutex_unlock(place->state_lock);
    index->last = no_entry;
    if ((error = acquire(index, place, DISK_OPEN_EXISTING, &file)) != ERR_NONE || file == NULL)
        return error;
    error = disk_truncate(place->disk, file->fd, 0);
    __atomic_store_n(&index->is_dirty, true, __ATOMIC_RELAXED);
    open_file_unref(file);
    return error;
}

void index_file_restart(struct index_file *index, const struct index_place *place) {
    mutex_lock(place->state_lock);
    index->file_count = 0;
    index->tail_count = 0;
    mutex_unlock(place->state_lock);
    index->last = no_entry;
    index->has_leftovers = true;
    /* Also what is right in the file may be there in the page cache only. */
    __atomic_store_n(&index->is_dirty, true, __ATOMIC_RELAXED);
}

enum error index_file_settle(struct index_file *index, const struct index_place *place) {
    int64_t size = (int64_t)(index->file_count * index_entry_bytes(index->kind));
    struct open_file *file;
    struct disk_stat stat;
    enum error error;

    CHECK(index->tail_count == 0);
    if (!index->has_leftovers)
        return ERR_NONE;
    index->has_leftovers = false;
    if ((error = disk_stat(place->disk, place->path, &stat)) != ERR_NONE || stat.size == size)
        return error;
    if ((error = acquire(index, place, DISK_OPEN_CREATE, &file)) != ERR_NONE)
        return error;
    error = disk_truncate(place->disk, file->fd, size);
    open_file_unref(file);
    return error;
}

#include "broker/log/txn_index.h"

#include <string.h>

#include "client/wire/big_endian.h"

#define ENTRY_VERSION 0
#define BLOCK_ENTRIES 64

void txn_index_init(struct txn_index *index) {
    *index = (struct txn_index){.last_offset = -1};
}

void txn_index_done(struct txn_index *index, struct file_cache *cache) {
    file_cache_forget(cache, &index->file);
}

void aborted_transaction_encode(const struct aborted_transaction *aborted,
                                uint8_t raw[TXN_INDEX_ENTRY_BYTES]) {
    big_endian_store_u16(raw, ENTRY_VERSION);
    big_endian_store_u64(raw + 2, (uint64_t)aborted->producer_id);
    big_endian_store_u64(raw + 10, (uint64_t)aborted->first_offset);
    big_endian_store_u64(raw + 18, (uint64_t)aborted->last_offset);
    big_endian_store_u64(raw + 26, (uint64_t)aborted->last_stable_offset);
}

enum error aborted_transaction_decode(const uint8_t raw[TXN_INDEX_ENTRY_BYTES],
                                      struct aborted_transaction *aborted) {
    *aborted = (struct aborted_transaction){
        .producer_id = (int64_t)big_endian_load_u64(raw + 2),
        .first_offset = (int64_t)big_endian_load_u64(raw + 10),
        .last_offset = (int64_t)big_endian_load_u64(raw + 18),
        .last_stable_offset = (int64_t)big_endian_load_u64(raw + 26),
    };
    return big_endian_load_u16(raw) == ENTRY_VERSION && aborted->producer_id >= 0 &&
                   aborted->first_offset >= 0 && aborted->last_offset >= aborted->first_offset
               ? ERR_NONE
               : ERR_DISK_CORRUPT;
}

static enum error acquire(struct txn_index *index, const struct index_place *place,
                          enum disk_open_mode mode, struct open_file **file) {
    if ((*file = file_cache_find(place->cache, &index->file)) != NULL)
        return ERR_NONE;
    return file_cache_open(place->cache, &index->file, place->disk, place->path, mode, file);
}

static void set_count(struct txn_index *index, const struct index_place *place, uint32_t count) {
    mutex_lock(place->state_lock);
    index->count = count;
    mutex_unlock(place->state_lock);
}

/* ---- reading ---- */

enum error txn_index_read(struct txn_index *index, const struct index_place *place, uint32_t at,
                          struct aborted_transaction *entries, uint32_t capacity,
                          uint32_t *read_count) {
    uint8_t block[BLOCK_ENTRIES * TXN_INDEX_ENTRY_BYTES];
    uint32_t wanted = capacity < BLOCK_ENTRIES ? capacity : BLOCK_ENTRIES;
    struct open_file *file;
    enum error error;
    size_t got = 0;

    *read_count = 0;
    error = acquire(index, place, DISK_OPEN_EXISTING, &file);
    if (error != ERR_NONE || file == NULL)
        return error;
    error = disk_read(place->disk, file->fd, block, wanted * (size_t)TXN_INDEX_ENTRY_BYTES,
                      (int64_t)at * TXN_INDEX_ENTRY_BYTES, &got);
    open_file_unref(file);
    for (uint32_t i = 0; i < got / TXN_INDEX_ENTRY_BYTES && error == ERR_NONE; i++) {
        error = aborted_transaction_decode(block + (size_t)i * TXN_INDEX_ENTRY_BYTES, &entries[i]);
        ++*read_count;
    }
    return error;
}

enum error txn_index_find(struct txn_index *index, const struct index_place *place, uint32_t count,
                          int64_t offset, uint32_t *found) {
    uint32_t low = 0;
    uint32_t high = count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        struct aborted_transaction entry;
        uint32_t read_count;
        enum error error = txn_index_read(index, place, middle, &entry, 1, &read_count);
        if (error != ERR_NONE)
            return error;
        if (read_count == 1 && entry.last_offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    *found = low;
    return ERR_NONE;
}

/* ---- loading ---- */

enum error txn_index_load(struct txn_index *index, const struct index_place *place,
                          int64_t file_bytes, int64_t base_offset) {
    struct aborted_transaction entries[BLOCK_ENTRIES];
    int64_t last_offset = base_offset - 1;
    uint32_t count;
    uint32_t got;
    enum error error;

    if (file_bytes <= 0)
        return ERR_NONE;
    if (file_bytes % TXN_INDEX_ENTRY_BYTES != 0 || file_bytes / TXN_INDEX_ENTRY_BYTES > INT32_MAX)
        return ERR_DISK_CORRUPT;
    count = (uint32_t)(file_bytes / TXN_INDEX_ENTRY_BYTES);
    for (uint32_t at = 0; at < count; at += got) {
        error = txn_index_read(index, place, at, entries, BLOCK_ENTRIES, &got);
        if (error != ERR_NONE)
            return error;
        if (got == 0)
            return ERR_DISK_CORRUPT;
        for (uint32_t i = 0; i < got; i++) {
            if (entries[i].last_offset <= last_offset)
                return ERR_DISK_CORRUPT;
            last_offset = entries[i].last_offset;
        }
    }
    index->last_offset = last_offset;
    set_count(index, place, count);
    return ERR_NONE;
}

/* ---- writing ---- */

enum error txn_index_append(struct txn_index *index, const struct index_place *place,
                            const struct aborted_transaction *aborted) {
    uint8_t raw[TXN_INDEX_ENTRY_BYTES];
    struct open_file *file;
    enum error error;

    CHECK(aborted->last_offset > index->last_offset);
    aborted_transaction_encode(aborted, raw);
    if ((error = acquire(index, place, DISK_OPEN_CREATE, &file)) != ERR_NONE)
        return error;
    error = disk_write(place->disk, file->fd, raw, sizeof(raw),
                       (int64_t)index->count * TXN_INDEX_ENTRY_BYTES);
    __atomic_store_n(&index->is_dirty, true, __ATOMIC_RELAXED);
    open_file_unref(file);
    if (error != ERR_NONE)
        return error;
    index->last_offset = aborted->last_offset;
    set_count(index, place, index->count + 1);
    return ERR_NONE;
}

enum error txn_index_sync(struct txn_index *index, const struct index_place *place) {
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

enum error txn_index_truncate(struct txn_index *index, const struct index_place *place,
                              int64_t offset) {
    struct aborted_transaction last = {.last_offset = -1};
    struct open_file *file;
    uint32_t kept = 0;
    uint32_t got;
    enum error error;

    if (index->last_offset >= 0 && index->last_offset < offset)
        return ERR_NONE;
    if (offset > 0 &&
        (error = txn_index_find(index, place, index->count, offset, &kept)) != ERR_NONE)
        return error;
    if (kept > 0 && (error = txn_index_read(index, place, kept - 1, &last, 1, &got)) != ERR_NONE)
        return error;
    set_count(index, place, kept);
    index->last_offset = last.last_offset;
    /* Also where there is no entry: what a file holds that was not taken over has to go too. */
    if ((error = acquire(index, place, DISK_OPEN_EXISTING, &file)) != ERR_NONE || file == NULL)
        return error;
    error = disk_truncate(place->disk, file->fd, (int64_t)kept * TXN_INDEX_ENTRY_BYTES);
    __atomic_store_n(&index->is_dirty, true, __ATOMIC_RELAXED);
    open_file_unref(file);
    return error;
}

/*
 * A segment's index: fixed-size entries in ascending order, in Kafka's two formats.
 *
 *   .index      i32 relative offset, i32 position                             8 bytes
 *   .timeindex  i64 timestamp, i32 relative offset                           12 bytes
 *
 * (relative offset = offset - base offset of the segment.) No file is mapped: the newest entries
 * stay in memory, up to 64 and then go to the file; the rest is found by bisection with pread(2).
 * The files hold exactly their entries, never zeros behind them.
 *
 * An index is a hint, rebuilt from the .log whenever it is not believed.
 *
 * Threads: one writer (who holds the partition's lock). Readers take a view under the log's state
 * lock; entries in the file are not changed but by truncation, after which a reader may find
 * fewer and then starts again.
 * Source: Apache Kafka 3.9, OffsetIndex, TimeIndex.
 */
#ifndef BROKER_LOG_INDEX_FILE_H
#define BROKER_LOG_INDEX_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/log/file_cache.h"
#include "client/base/check.h"
#include "client/base/error.h"
#include "client/base/sync.h"

#define INDEX_TAIL_ENTRIES       64
#define OFFSET_INDEX_ENTRY_BYTES 8
#define TIME_INDEX_ENTRY_BYTES   12

enum index_kind { INDEX_OF_OFFSETS, INDEX_OF_TIMES };

struct index_entry {
    int64_t key;   /* relative offset, or timestamp */
    int32_t value; /* position, or relative offset */
};

struct index_file {
    struct cached_file file;
    uint8_t *tail;           /* state lock; entries behind those in the file, as on disk */
    uint32_t tail_count;     /* state lock */
    uint32_t tail_capacity;  /* state lock */
    uint32_t file_count;     /* state lock; entries in the file */
    uint8_t kind;            /* fixed; enum index_kind */
    bool is_dirty;           /* atomic; the file may hold what was not synced yet */
    bool has_leftovers;      /* writer; behind file_count the file may hold entries of before */
    struct index_entry last; /* writer; {-1, -1} if there is none */
};

/* What it takes to reach the file. */
struct index_place {
    struct disk *disk;
    struct file_cache *cache;
    struct mutex *state_lock;
    const char *path; /* valid during the call */
};

void index_file_init(struct index_file *index, enum index_kind kind);
void index_file_done(struct index_file *index, struct file_cache *cache);

size_t index_entry_bytes(enum index_kind kind);

/* Takes over an existing file of `file_bytes` bytes, and reads its last entry.
 * Errors: DISK_CORRUPT (size is no multiple of an entry), the disk's. */
MUST_CHECK enum error index_file_load(struct index_file *index, const struct index_place *place,
                                      int64_t file_bytes);

/* State lock. Room for `count` more entries in memory. */
MUST_CHECK enum error index_file_reserve(struct index_file *index, uint32_t count);

/* State lock. The entry's key must be above the last one; its room must be reserved. */
void index_file_append(struct index_file *index, struct index_entry entry);

/* Entries in file and memory. */
uint32_t index_file_count(const struct index_file *index);

/* Writer, without the state lock: moves the entries from memory to the file, which is made if
 * missing. */
MUST_CHECK enum error index_file_spill(struct index_file *index, const struct index_place *place);

/* fdatasync if anything was written. */
MUST_CHECK enum error index_file_sync(struct index_file *index, const struct index_place *place);

/* Which number of an entry is compared. */
enum index_column { INDEX_KEY, INDEX_VALUE };

struct index_view {
    uint32_t file_count;
    bool found_in_tail;
    struct index_entry entry; /* if found_in_tail */
};

/* State lock: the greatest entry whose key is at or below `key`, if it is in memory; else how many
 * entries of the file to search. */
struct index_view index_file_view(const struct index_file *index, int64_t key);

/* Without any lock: the rest of the search. `*found` is false if there is none. `*is_stale` is
 * set if the file has become shorter: start again. */
MUST_CHECK enum error index_file_search(struct index_file *index, const struct index_place *place,
                                        const struct index_view *view, int64_t key, bool *found,
                                        struct index_entry *entry, bool *is_stale);

/* Any thread, without the state lock: the first entry whose `column` is above `bound`. `*found` is
 * false if there is none; `*is_stale` as above. */
MUST_CHECK enum error index_file_find_above(struct index_file *index,
                                            const struct index_place *place,
                                            enum index_column column, int64_t bound, bool *found,
                                            struct index_entry *entry, bool *is_stale);

/* Writer, without the state lock: drops all entries. A missing file stays so. */
MUST_CHECK enum error index_file_clear(struct index_file *index, const struct index_place *place);

/* Writer: drops all entries, but leaves the file as it is: what is appended from now on is written
 * only where it differs, and index_file_settle cuts off what is left behind the end. Until then a
 * crash leaves new and old entries in the file: whoever opens it after one must not believe it. */
void index_file_restart(struct index_file *index, const struct index_place *place);
MUST_CHECK enum error index_file_settle(struct index_file *index, const struct index_place *place);

/* Writer, without the state lock: keeps the entries whose `column` is below `bound`. */
MUST_CHECK enum error index_file_truncate(struct index_file *index, const struct index_place *place,
                                          enum index_column column, int64_t bound);

#endif

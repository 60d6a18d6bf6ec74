/*
 * What is known of the progress of groups, from one look to the next: per partition where its log
 * begins and ends, and per group of it what it has committed.
 *
 * Pure. Threads: one at a time.
 */
#ifndef BROKER_LAG_LAG_TABLE_H
#define BROKER_LAG_LAG_TABLE_H

#include <sys/queue.h>

#include <uthash.h>

#include "broker/lag/lag_estimate.h"
#include "client/base/bytes.h"

/* One group on one partition. */
struct lag_entry {
    LIST_ENTRY(lag_entry) link;
    struct bytes group; /* owned */
    bool is_seen;       /* in this look */
    int64_t committed;
    struct lag_progress progress;
    int64_t first_unread_ms; /* of the record at `timed_offset` */
    int64_t timed_offset;    /* -1: none */
    int64_t told_end;        /* of the losses that were told */
    int64_t lost_records;
};

LIST_HEAD(lag_entries, lag_entry);

struct lag_place {
    UT_hash_handle by_key;
    struct lag_entries entries;
    int32_t leader; /* of this look; negative: none */
    bool has_start; /* of this look */
    bool has_end;
    int64_t log_start_offset;
    int64_t log_end_offset;
    double record_bytes; /* on average; 0: unknown */
    int32_t partition;
    struct bytes topic; /* in the key */
    size_t key_size;
    uint8_t key[];
};

struct lag_table {
    struct lag_place *places;
    size_t entry_count;
};

void lag_table_done(struct lag_table *table);

struct lag_place *lag_table_find(const struct lag_table *table, struct bytes topic,
                                 int32_t partition);

/* A look begins: nothing is seen yet. */
void lag_table_begin(struct lag_table *table);
/* The group has committed that. */
void lag_table_see(struct lag_table *table, struct bytes group, struct bytes topic,
                   int32_t partition, int64_t committed);
/* Forgets what was not seen. */
void lag_table_sweep(struct lag_table *table);

#endif

/*
 * The inside of a journal: for broker/journal/journal*.c only.
 */
#ifndef BROKER_JOURNAL_JOURNAL_INTERNAL_H
#define BROKER_JOURNAL_JOURNAL_INTERNAL_H

#include <stdatomic.h>
#include <sys/queue.h>

#include "broker/journal/journal.h"
#include "broker/replica/replica_manager.h"
#include "client/base/arena.h"
#include "client/net/loop.h"

struct journal_load;

struct journal_partition {
    enum journal_state state;
    struct partition *partition; /* a reference, unless NOT_LED */
    int32_t leader_epoch;        /* that is being or was loaded */
    int64_t loaded_end;          /* LOADING, READY: records below it come by loading */
    struct journal_load *load;   /* LOADING */
};

struct journal {
    struct journal_config config;
    struct journal_partition *partitions;
    int32_t partition_count;
    bool is_stopped;
    struct arena arena; /* of one append */
    struct task look;   /* posted when the metadata changed */
    atomic_bool is_look_posted;
    int32_t appends; /* under way */
};

/* journal_load.c. Begins to read the partition; `*load` ends by itself, or when it is dropped. */
void journal_load_begin(struct journal *journal, int32_t index);
/* Its result is not wanted any more; it frees itself when the background is done with it. */
void journal_load_drop(struct journal_load *load);

#endif

/*
 * An internal topic as the journal of a coordinator: whoever leads a partition of it coordinates
 * what is in that partition.
 *
 *     NOT_LED --- becomes leader of an epoch ---> LOADING --- read to the end ---> READY
 *        ^                                           |                               |
 *        +---------------- leads it no more, or in another epoch --------------------+
 *
 * The owner's state is what the journal says: it is read from the first record to the log's end
 * before the partition is READY, and nothing changes that was not appended first. An append is
 * over when the high watermark has passed it, as with acks=all.
 *
 * INVARIANT: an append is made in the leader epoch whose records were loaded, or fails. If others
 * led in between, what they wrote is not in the owner's state.
 *
 * Threads: the loop's, for everything but journal_metadata_changed. Chunks are read in the
 * background, the next one while the owner takes in the last.
 */
#ifndef BROKER_JOURNAL_JOURNAL_H
#define BROKER_JOURNAL_JOURNAL_H

#include "client/base/bytes.h"
#include "client/base/check.h"
#include "client/base/error.h"
#include "client/base/executor.h"
#include "client/wire/record_batch.h"

struct clock;
struct journal;
struct loop;
struct metadata;
struct metadata_cache;
struct replica_manager;

enum journal_state { JOURNAL_NOT_LED, JOURNAL_LOADING, JOURNAL_READY };

/* All called on the loop's thread; views are valid during the call. */
struct journal_owner {
    /* The partition is LOADING: all state of it is to be begun anew. */
    void (*on_loading)(void *context, int32_t partition);
    /* The next record, of a control batch too. */
    void (*on_record)(void *context, int32_t partition, const struct record_batch *batch,
                      const struct record *record);
    /* The partition is READY. */
    void (*on_loaded)(void *context, int32_t partition);
    /* The partition is NOT_LED: all state of it is another broker's now. Appends under way have
     * been or will be answered with an error. */
    void (*on_lost)(void *context, int32_t partition);
    /* The metadata is this now. Called before the partitions' changes that come with it. */
    void (*on_metadata)(void *context, const struct metadata *metadata);
    void *context;
};

struct journal_config {
    const char *topic;
    struct loop *loop;
    struct executor *background; /* for what waits for a disk */
    struct clock *clock;
    struct metadata_cache *metadata;
    struct replica_manager *replicas;
    struct journal_owner owner;
    int32_t load_bytes; /* of a chunk; a larger batch still comes whole */
    int64_t append_timeout_ms;
};

/* All must outlive the journal. To be told of the metadata that is there: journal_metadata_changed.
 */
struct journal *journal_new(const struct journal_config *config);

/* All partitions become NOT_LED, now; the owner is told. Nothing is loaded any more. */
void journal_stop(struct journal *journal);

/* After journal_stop, when the loop has ended and the background is drained. Accepts NULL. */
void journal_free(struct journal *journal);

/* Any thread. The journal looks for what has changed, soon. */
void journal_metadata_changed(struct journal *journal);

/* Of the topic; 0 if it does not exist yet. */
int32_t journal_partition_count(const struct journal *journal);
enum journal_state journal_state(const struct journal *journal, int32_t partition);
/* Which partition has what is about `key`, of a group or a transactional id; -1: there is none. */
int32_t journal_partition_of(const struct journal *journal, struct bytes key);
/* Whether this broker coordinates it. Errors: NOT_COORDINATOR, COORDINATOR_LOAD_IN_PROGRESS. */
MUST_CHECK enum error journal_check(const struct journal *journal, struct bytes key);
/* In which it is or was led here last: the coordinator's epoch. */
int32_t journal_leader_epoch(const struct journal *journal, int32_t partition);

/* LOADING or READY: records below this offset are or were given to on_record; of those above it the
 * owner knows from whoever appended them. */
int64_t journal_loaded_end(const struct journal *journal, int32_t partition);

/* `base_offset` is that of the batch's first record; -1 on an error. */
typedef void journal_appended(void *context, enum error error, int64_t base_offset);

/* A whole batch; it is stamped in place. */
struct journal_batch {
    uint8_t *data;
    size_t size;
    bool must_be_verified; /* it is part of a client's transaction: see log_append_options */
    uint64_t guard;
};

/* Appends the batch, which is not needed after the call. False if it was refused and is not in the
 * log. `done` is called later in any case, exactly once. Errors: NOT_LEADER_OR_FOLLOWER,
 * NOT_ENOUGH_REPLICAS(_AFTER_APPEND), REQUEST_TIMED_OUT (it may have been appended), and the log's.
 */
bool journal_append(struct journal *journal, int32_t partition, const struct journal_batch *batch,
                    journal_appended *done, void *context);

#endif

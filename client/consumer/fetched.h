/*
 * Records of one partition as a broker sent them, and the walk through them: whole batches,
 * decompressed one at a time, without the markers of transactions and, for readers of committed
 * records, without what was aborted.
 *
 *   batches of magic 2, one after the other; the last may be cut off and is then ignored
 *
 * Threads: one at a time. Source: Kafka 3.9, CompletedFetch.
 */
#ifndef CLIENT_CONSUMER_FETCHED_H
#define CLIENT_CONSUMER_FETCHED_H

#include "client/base/check.h"
#include "client/base/error.h"
#include "client/wire/record_batch.h"

struct aborted_transaction {
    int64_t producer_id;
    int64_t first_offset;
};

/* What the end of a run of batches says without looking into them. */
struct fetched_summary {
    int64_t next_offset;  /* behind the last whole batch; -1: there is none */
    int32_t leader_epoch; /* of that batch */
    size_t size;          /* of the whole batches */
};

/* Errors: CORRUPT_MESSAGE, UNSUPPORTED_FOR_MESSAGE_FORMAT (magic 0 or 1). */
MUST_CHECK enum error fetched_summarise(struct bytes records, struct fetched_summary *summary);

struct fetched_options {
    bool check_crcs;
    bool committed_only;
    size_t batch_bytes_max; /* of a decompressed batch */
};

struct fetched_walk {
    struct fetched_options options;
    struct bytes rest; /* batches not begun */
    int64_t from_offset;
    struct record_iterator iterator; /* of the batch begun */
    bool begun;
    const struct aborted_transaction *aborted; /* by first_offset; those not yet begun */
    size_t aborted_count;
    int64_t *aborting; /* producers in an aborted transaction here */
    size_t aborting_count;
    size_t aborting_capacity;
};

/* Walks `records`, leaving out what is before `from_offset`. Both arrays must outlive the walk.
 * `aborted` must be ordered by first_offset. */
void fetched_walk_init(struct fetched_walk *walk, const struct fetched_options *options,
                       struct bytes records, int64_t from_offset,
                       const struct aborted_transaction *aborted, size_t aborted_count);
void fetched_walk_done(struct fetched_walk *walk);

enum fetched_step {
    FETCHED_RECORD, /* *record, of *batch */
    FETCHED_BATCH,  /* a batch ends: its plain bytes, from malloc or NULL, become the caller's */
    FETCHED_END,
    FETCHED_ERROR
};

/* One step. A record's views live as long as the records walked and the batch's plain bytes. */
enum fetched_step fetched_walk_next(struct fetched_walk *walk, struct record *record,
                                    struct record_batch *batch, uint8_t **plain, enum error *error);

/* Behind all that the walk has passed, also what it left out. */
int64_t fetched_walk_position(const struct fetched_walk *walk);

#endif

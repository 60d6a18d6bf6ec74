/*
 * The producers whose transaction is to be verified before a partition takes its first batch.
 *
 * A producer that has no transaction open in this log may have one at its coordinator, or not: a
 * batch that comes late, after the marker, would begin a transaction here that nobody ends, and
 * readers of committed records would wait for ever. So before such a batch is appended the
 * coordinator is asked, and what it says is worth something only as long as nothing has happened
 * here meanwhile:
 *
 *   begin (guard G) -> ask the coordinator -> append with G
 *                           ^
 *                a marker: G is gone; the append is refused
 *
 * INVARIANT: a guard is never given twice in a log, and it is gone as soon as the producer's
 * transaction has begun or ended here. A yes that was given before a marker can't be used behind
 * it, not even if the next transaction is being verified then.
 *
 * The lowest sequence that waits is remembered: were a later batch appended first, of a producer
 * that is not known here, its predecessors would be refused for ever.
 *
 * Pure. Threads: callers hold the partition's lock. Times are of the wall clock, in ms.
 * Source: Apache Kafka 3.9, VerificationStateEntry, VerificationGuard; KIP-890 part 1.
 */
#ifndef BROKER_LOG_VERIFICATIONS_H
#define BROKER_LOG_VERIFICATIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "client/base/check.h"
#include "client/base/error.h"

struct verification;

/* Zeroed: empty. */
struct verifications {
    struct verification *by_producer; /* a table; NULL: none, which is the usual case */
    uint64_t guards;                  /* given so far */
};

void verifications_clear(struct verifications *verifications);

/* The producer's batch that begins with `base_sequence` waits. `*guard`, never 0, is that of all
 * its batches until it is removed. OUT_OF_MEMORY. */
MUST_CHECK enum error verifications_begin(struct verifications *verifications, int64_t producer_id,
                                          int16_t producer_epoch, int32_t base_sequence,
                                          int64_t now_ms, uint64_t *guard);

/* Whether the guard is the producer's; 0 is nobody's. */
bool verifications_match(const struct verifications *verifications, int64_t producer_id,
                         uint64_t guard);

/* Whether batches with a lower sequence wait. */
bool verifications_is_early(const struct verifications *verifications, int64_t producer_id,
                            int32_t base_sequence);

/* The producer's transaction has begun here, or ended. */
void verifications_remove(struct verifications *verifications, int64_t producer_id);

/* Forgets those that began `expiration_ms` ago. */
void verifications_expire(struct verifications *verifications, int64_t now_ms,
                          int64_t expiration_ms);

#endif

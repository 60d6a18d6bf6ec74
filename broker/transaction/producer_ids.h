/*
 * Producer ids for idempotent producers, from blocks that the controller hands out.
 *
 * producer_ids_next never waits: the next block is asked for when a tenth of the present one is
 * left, and COORDINATOR_LOAD_IN_PROGRESS (retriable) is the answer while there is none.
 *
 * Threads: any. Source: Kafka 3.9, RPCProducerIdManager.
 */
#ifndef BROKER_TRANSACTION_PRODUCER_IDS_H
#define BROKER_TRANSACTION_PRODUCER_IDS_H

#include "client/base/check.h"
#include "client/base/error.h"

struct producer_ids;

struct producer_ids_config {
    /* Asks for a block: producer_ids_add_block or producer_ids_block_failed follows. Any thread,
     * no lock held. */
    void (*request_block)(void *context);
    void *context;
};

MUST_CHECK enum error producer_ids_new(const struct producer_ids_config *config,
                                       struct producer_ids **created);
void producer_ids_free(struct producer_ids *ids); /* accepts NULL */

MUST_CHECK enum error producer_ids_next(struct producer_ids *ids, int64_t *producer_id);

/* A block that begins below the end of the present one is refused (false): ids are never given
 * twice, even if the controller's record went back. */
bool producer_ids_add_block(struct producer_ids *ids, int64_t first_id, int32_t count);
void producer_ids_block_failed(struct producer_ids *ids);

#endif

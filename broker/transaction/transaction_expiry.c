#include "broker/transaction/transaction_coordinator_internal.h"

#include "client/base/logger.h"

/* Its producer has gone, or hangs: others wait for its partitions to become stable. */
static void abort_one(struct transaction_entry *entry, int64_t now_ms) {
    const struct transaction_values *values = transaction_values(entry->transaction);

    LOG_INFO("transaction_timed_out",
             "transactional_id=%s producer_id=%" PRId64 " producer_epoch=%d timeout_ms=%d",
             LOG_QUOTED(transaction_id(entry->transaction)), values->producer_id,
             values->producer_epoch, values->timeout_ms);
    transaction_store(entry, transaction_fence(entry->transaction, now_ms), NULL, NULL);
}

static bool is_served(const struct transaction_entry *entry) {
    return journal_state(entry->coordinator->journal, entry->partition) == JOURNAL_READY;
}

void transaction_coordinator_abort_timed_out(struct loop_timer *timer) {
    struct transaction_coordinator *coordinator =
        CONTAINER_OF(timer, struct transaction_coordinator, abort_timer);
    int64_t now_ms = clock_wall_ms(coordinator->config.clock);
    struct transaction_entry *entry, *next;

    HASH_ITER (by_id, coordinator->entries, entry, next) {
        if (is_served(entry) && transaction_is_timed_out(entry->transaction, now_ms))
            abort_one(entry, now_ms);
    }
    loop_timer_arm(timer, coordinator->config.abort_check_ms);
}

void transaction_coordinator_expire(struct loop_timer *timer) {
    struct transaction_coordinator *coordinator =
        CONTAINER_OF(timer, struct transaction_coordinator, expiration_timer);
    int64_t expiration_ms = coordinator->config.expiration_ms;
    int64_t now_ms = clock_wall_ms(coordinator->config.clock);
    struct transaction_entry *entry, *next;

    HASH_ITER (by_id, coordinator->entries, entry, next) {
        if (!is_served(entry) || !transaction_is_expired(entry->transaction, now_ms, expiration_ms))
            continue;
        transaction_bury(entry->transaction);
        transaction_store(entry, NULL, NULL, NULL);
    }
    loop_timer_arm(timer, coordinator->config.expiration_check_ms);
}

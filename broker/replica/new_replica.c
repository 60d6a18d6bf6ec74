#include "broker/replica/new_replica.h"

#include "broker/replica/replica_progress.h"

/* INVARIANT: a member of an ISR has what the ISR has. A partition may be in its first leader epoch
 * for years: what a state says that is older than this process, an earlier one has seen, and made
 * the log. Newer ones of that epoch are those of new partitions, since controllers give a new epoch
 * when a member has registered anew, and leaders name only those whose logs they have seen. */
bool replica_is_new(const struct metadata_partition *state, int32_t broker_id,
                    int64_t registered_since) {
    bool is_counted_on = broker_ids_contain(state->isr, state->isr_count, broker_id);

    if (state->leader_epoch == 0)
        return !is_counted_on || state->state_zxid > registered_since;
    return !is_counted_on &&
           broker_ids_contain(state->adding_replicas, state->adding_count, broker_id);
}

#include "controller/core/isr_plan.h"

static bool same_isr(const struct controller_partition_state *state,
                     const struct isr_proposal *proposal) {
    return state->isr_count == proposal->isr_count &&
           (state->isr_count == 0 ||
            memcmp(state->isr, proposal->isr, state->isr_count * sizeof(*state->isr)) == 0);
}

static bool names(const struct isr_proposal *proposal, int32_t broker_id) {
    for (size_t i = 0; i < proposal->isr_count; i++)
        if (proposal->isr[i] == broker_id)
            return true;
    return false;
}

static enum error refusal(const struct controller_partition_state *state, int32_t version,
                          const struct isr_proposal *proposal) {
    if (proposal->partition_epoch < version)
        return ERR_INVALID_UPDATE_VERSION;
    if (proposal->leader_recovery_state == CONTROLLER_LEADER_RECOVERING &&
        (proposal->isr_count > 1 || state->leader_recovery_state == CONTROLLER_LEADER_RECOVERED))
        return ERR_INVALID_REQUEST;
    /* Kafka trusts its leaders with these; a leader outside its own ISR would never be elected
     * again. */
    if (proposal->isr_count == 0 || !proposal->all_replicas ||
        proposal->broker_id != state->leader || !names(proposal, state->leader))
        return ERR_INVALID_REQUEST;
    if (!proposal->all_eligible)
        return ERR_INELIGIBLE_REPLICA;
    return ERR_NONE;
}

enum isr_verdict controller_isr_plan_judge(const struct controller_partition_state *state,
                                           int32_t version, const struct isr_proposal *proposal,
                                           enum error *error) {
    *error = ERR_NONE;
    if (proposal->partition_epoch > version || proposal->leader_epoch > state->leader_epoch) {
        /* The leader knows more than we do: another controller has spoken since. */
        *error = ERR_NOT_CONTROLLER;
        return ISR_REFUSED;
    }
    if (proposal->leader_epoch < state->leader_epoch) {
        *error = ERR_FENCED_LEADER_EPOCH;
        return ISR_REFUSED;
    }
    if (proposal->broker_id == state->leader && same_isr(state, proposal) &&
        proposal->leader_recovery_state == state->leader_recovery_state)
        return ISR_UNCHANGED;
    *error = refusal(state, version, proposal);
    return *error == ERR_NONE ? ISR_ACCEPTED : ISR_REFUSED;
}

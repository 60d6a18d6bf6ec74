#include "controller/core/election_plan.h"

#include "client/base/check.h"

#define HEALTH_BIT(health) (1u << (health))

static const unsigned anybody =
    HEALTH_BIT(REPLICA_ONLINE) | HEALTH_BIT(REPLICA_STALE) | HEALTH_BIT(REPLICA_UNCLEAN);

enum replica_health controller_election_health_of(const struct election_input *input,
                                                  int32_t broker_id) {
    for (size_t i = 0; i < input->replica_count; i++)
        if (input->replicas[i] == broker_id)
            return input->health[i];
    return REPLICA_OFFLINE;
}

bool controller_election_in_isr(const struct election_input *input, int32_t broker_id) {
    for (size_t i = 0; i < input->isr_count; i++)
        if (input->isr[i] == broker_id)
            return true;
    return false;
}

bool controller_election_is_offline(enum replica_health health) {
    return health == REPLICA_OFFLINE || health == REPLICA_OFFLINE_UNCLEAN;
}

bool controller_election_is_leaderless(const struct election_input *input) {
    enum replica_health health = controller_election_health_of(input, input->leader);

    return controller_election_is_offline(health) || health == REPLICA_STALE ||
           health == REPLICA_UNCLEAN;
}

/* The first replica in the order of the assignment whose health is one of `healths`; -1 if none. */
static int32_t first_replica(const struct election_input *input, unsigned healths, bool in_isr) {
    for (size_t i = 0; i < input->replica_count; i++) {
        if ((HEALTH_BIT(input->health[i]) & healths) == 0)
            continue;
        if (!in_isr || controller_election_in_isr(input, input->replicas[i]))
            return input->replicas[i];
    }
    return -1;
}

static void keep_isr(const struct election_input *input, unsigned healths,
                     struct election_plan *plan) {
    plan->isr_count = 0;
    for (size_t i = 0; i < input->isr_count; i++)
        if ((HEALTH_BIT(controller_election_health_of(input, input->isr[i])) & healths) != 0)
            plan->isr[plan->isr_count++] = input->isr[i];
}

static void plan_leader(struct election_plan *plan, int32_t leader, bool recovering) {
    plan->changed = true;
    plan->leader = leader;
    plan->recovering = recovering;
}

void controller_election_plan_first(const struct election_input *input,
                                    struct election_plan *plan) {
    plan->changed = false;
    plan->isr_count = 0;
    /* Nothing was written yet that a replica could have lost, so anybody is as good. */
    for (size_t i = 0; i < input->replica_count; i++)
        if ((HEALTH_BIT(input->health[i]) & anybody) != 0)
            plan->isr[plan->isr_count++] = input->replicas[i];
    if (plan->isr_count > 0)
        plan_leader(plan, plan->isr[0], false);
}

/* The leader can stay; others may have to leave the ISR. */
static void plan_shrink(const struct election_input *input, unsigned kept,
                        struct election_plan *plan) {
    keep_isr(input, kept, plan);
    if (plan->isr_count < input->isr_count && plan->isr_count > 0)
        plan_leader(plan, input->leader, input->recovering);
}

/* A leader of the ISR among those of `healths`, who alone stay in it. */
static bool plan_from_isr(const struct election_input *input, unsigned healths,
                          struct election_plan *plan) {
    int32_t candidate = first_replica(input, healths, true);

    if (candidate < 0)
        return false;
    keep_isr(input, healths, plan);
    plan_leader(plan, candidate, input->recovering);
    return true;
}

/* Somebody of the ISR who can take over, the safest first. */
static bool plan_clean(const struct election_input *input, struct election_plan *plan) {
    const unsigned online = HEALTH_BIT(REPLICA_ONLINE);
    bool is_leaving = controller_election_health_of(input, input->leader) == REPLICA_LEAVING &&
                      controller_election_in_isr(input, input->leader);

    if (plan_from_isr(input, online, plan))
        return true;
    if (is_leaving) {
        /* Nobody can take over: it leads until it goes. */
        plan_shrink(input, online | HEALTH_BIT(REPLICA_LEAVING), plan);
        return true;
    }
    if (plan_from_isr(input, online | HEALTH_BIT(REPLICA_STALE), plan))
        return true;
    if (!plan_from_isr(input, HEALTH_BIT(REPLICA_UNCLEAN), plan))
        return false;
    /* Whoever leaves has what the unclean one may have lost: it leads until that has caught up. */
    if (plan_from_isr(input, HEALTH_BIT(REPLICA_LEAVING), plan))
        return true;
    /* What one of them kept another may have lost. */
    plan->isr[0] = plan->leader;
    plan->isr_count = 1;
    return true;
}

/* Nobody can lead. While a member that is gone may have lost records that the state counts on, that
 * state stays: a newer one would not be older than that member's restart, and so make it count. */
static void plan_nobody(const struct election_input *input, struct election_plan *plan) {
    for (size_t i = 0; i < input->isr_count; i++)
        if (controller_election_health_of(input, input->isr[i]) == REPLICA_OFFLINE_UNCLEAN)
            return;
    keep_isr(input, ~0U, plan);
    plan_leader(plan, -1, input->recovering);
}

void controller_election_plan_repair(const struct election_input *input,
                                     struct election_plan *plan) {
    enum replica_health leader_health = controller_election_health_of(input, input->leader);
    int32_t candidate;

    plan->changed = false;
    if (leader_health == REPLICA_ONLINE && controller_election_in_isr(input, input->leader)) {
        plan_shrink(input, HEALTH_BIT(REPLICA_ONLINE), plan);
        return;
    }
    if (plan_clean(input, plan))
        return;
    if (input->unclean_allowed && (candidate = first_replica(input, anybody, false)) >= 0) {
        plan->isr[0] = candidate;
        plan->isr_count = 1;
        plan_leader(plan, candidate, true);
        return;
    }
    if (input->leader >= 0)
        plan_nobody(input, plan);
}

void controller_election_plan_preferred(const struct election_input *input,
                                        struct election_plan *plan) {
    plan->changed = false;
    if (input->replica_count == 0 || input->leader == input->replicas[0])
        return;
    if (input->health[0] != REPLICA_ONLINE ||
        !controller_election_in_isr(input, input->replicas[0]))
        return;
    for (size_t i = 0; i < input->isr_count; i++)
        plan->isr[i] = input->isr[i];
    plan->isr_count = input->isr_count;
    plan_leader(plan, input->replicas[0], input->recovering);
}

void controller_election_plan_unclean(const struct election_input *input,
                                      struct election_plan *plan) {
    struct election_input forced = *input;

    plan->changed = false;
    if (!controller_election_is_leaderless(input))
        return;
    forced.unclean_allowed = true;
    controller_election_plan_repair(&forced, plan);
}

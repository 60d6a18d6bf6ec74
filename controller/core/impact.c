#include "controller/core/impact.h"

#include <stdlib.h>
#include <string.h>

#include "controller/core/allocate.h"
#include "controller/core/reassignment_plan.h"

/* A partition that is played with: what would come of it, step by step. */
struct trial {
    struct election_input input; /* health and isr point below */
    enum replica_health *health;
    int32_t *isr;
    int32_t *planned_isr;
};

static void trial_open(struct trial *trial, const struct election_input *input) {
    const size_t isr_room = input->isr_count > 0 ? input->isr_count : 1;

    trial->input = *input;
    trial->health = controller_allocate(input->replica_count, sizeof(*trial->health));
    trial->isr = controller_allocate(isr_room, sizeof(*trial->isr));
    trial->planned_isr = controller_allocate(isr_room, sizeof(*trial->planned_isr));
    if (input->replica_count > 0)
        memcpy(trial->health, input->health, input->replica_count * sizeof(*trial->health));
    if (input->isr_count > 0)
        memcpy(trial->isr, input->isr, input->isr_count * sizeof(*trial->isr));
    trial->input.health = trial->health;
    trial->input.isr = trial->isr;
}

static void trial_close(struct trial *trial) {
    free(trial->health);
    free(trial->isr);
    free(trial->planned_isr);
}

static void trial_apply(struct trial *trial, const struct election_plan *plan) {
    if (!plan->changed)
        return;
    trial->input.leader = plan->leader;
    trial->input.recovering = plan->recovering;
    trial->input.isr_count = plan->isr_count;
    memcpy(trial->isr, plan->isr, plan->isr_count * sizeof(*plan->isr));
}

static int32_t count_in_sync(const struct election_input *input) {
    int32_t count = 0;

    if (controller_election_is_leaderless(input))
        return 0;
    for (size_t i = 0; i < input->isr_count; i++)
        count +=
            !controller_election_is_offline(controller_election_health_of(input, input->isr[i]));
    return count;
}

/* Source of the bound: Apache Kafka 3.9, Partition.effectiveMinIsr. */
static int32_t min_isr_that_counts(int32_t min_isr, size_t replica_count) {
    return (size_t)min_isr < replica_count ? min_isr : (int32_t)replica_count;
}

static void compare(const struct impact_partition *before, const struct election_input *after,
                    struct impact *impact) {
    const struct election_input *now = &before->election;
    const bool is_led_now = !controller_election_is_leaderless(now);
    const bool is_led_then = !controller_election_is_leaderless(after);

    *impact = (struct impact){
        .leader = is_led_then ? after->leader : -1,
        .in_sync = count_in_sync(after),
        .in_sync_now = count_in_sync(now),
        .min_isr = min_isr_that_counts(before->min_isr, after->replica_count),
        .leader_moves = is_led_now && (!is_led_then || after->leader != now->leader),
        .goes_offline = is_led_now && !is_led_then,
        .is_unclean = is_led_then && !controller_election_in_isr(now, after->leader),
    };
    impact->below_min_isr = impact->in_sync < impact->min_isr;
    impact->at_min_isr = impact->in_sync == impact->min_isr;
}

/* ---- Brokers go */

static bool trial_set_health(struct trial *trial, const int32_t *ids, size_t id_count,
                             enum replica_health health) {
    bool any = false;

    for (size_t r = 0; r < trial->input.replica_count; r++)
        if (controller_ids_contain(ids, id_count, trial->input.replicas[r])) {
            any = true;
            if (!controller_election_is_offline(trial->health[r]))
                trial->health[r] = health;
        }
    return any;
}

static void trial_repair(struct trial *trial) {
    struct election_plan plan = {.isr = trial->planned_isr};

    controller_election_plan_repair(&trial->input, &plan);
    trial_apply(trial, &plan);
}

bool controller_impact_of_departure(const struct impact_partition *partition, const int32_t *ids,
                                    size_t id_count, enum impact_departure departure,
                                    struct impact *impact) {
    bool no_successor = false;
    struct trial trial;
    bool concerned;

    trial_open(&trial, &partition->election);
    concerned = trial_set_health(&trial, ids, id_count, REPLICA_LEAVING);
    if (concerned && departure == IMPACT_STOPPED) {
        trial_repair(&trial);
        no_successor =
            controller_election_health_of(&trial.input, trial.input.leader) == REPLICA_LEAVING;
    }
    if (concerned) {
        (void)trial_set_health(&trial, ids, id_count, REPLICA_OFFLINE);
        trial_repair(&trial);
        compare(partition, &trial.input, impact);
        impact->no_successor = no_successor;
    }
    trial_close(&trial);
    return concerned;
}

/* ---- Replicas move */

/* The partition with all replicas, old and new, once everybody who is there is in sync. */
static void copied_everywhere(const struct election_input *now,
                              const struct controller_partition_assignment *under_way,
                              bool (*is_live)(const void *context, int32_t broker_id),
                              const void *context, enum replica_health *health, int32_t *isr,
                              struct election_input *then) {
    *then = (struct election_input){
        .replicas = under_way->replicas,
        .health = health,
        .replica_count = under_way->replica_count,
        .leader = now->leader,
        .isr = isr,
        .recovering = now->recovering,
        .unclean_allowed = now->unclean_allowed,
    };
    for (size_t r = 0; r < under_way->replica_count; r++) {
        const int32_t id = under_way->replicas[r];

        health[r] = controller_election_health_of(now, id);
        if (controller_ids_contain(under_way->adding, under_way->adding_count, id))
            health[r] = is_live(context, id) ? REPLICA_ONLINE : REPLICA_OFFLINE;
        if (!controller_election_is_offline(health[r]))
            isr[then->isr_count++] = id;
    }
}

/* Who is removed goes out of the ISR, then off the assignment. */
static void leave(const struct controller_partition_assignment *under_way,
                  struct election_input *then, int32_t *isr, int32_t *planned_isr) {
    struct election_plan plan = {.isr = planned_isr};

    controller_reassignment_plan_leave(under_way, then, &plan);
    if (!plan.changed)
        return;
    then->leader = plan.leader;
    then->isr_count = plan.isr_count;
    memcpy(isr, plan.isr, plan.isr_count * sizeof(*isr));
}

void controller_impact_of_move(const struct impact_partition *partition, const int32_t *target,
                               size_t target_count,
                               bool (*is_live)(const void *context, int32_t broker_id),
                               const void *context, struct impact_move *move) {
    const struct election_input *now = &partition->election;
    const struct controller_partition_assignment assigned = {.replicas = now->replicas,
                                                             .replica_count = now->replica_count};
    struct controller_partition_assignment *under_way =
        controller_reassignment_plan_begin(&assigned, target, target_count);
    enum replica_health *health = controller_allocate(under_way->replica_count, sizeof(*health));
    int32_t *isr = controller_allocate(under_way->replica_count, sizeof(*isr));
    int32_t *planned_isr = controller_allocate(under_way->replica_count, sizeof(*planned_isr));
    struct election_input then;

    copied_everywhere(now, under_way, is_live, context, health, isr, &then);
    move->adding_count = under_way->adding_count;
    if (under_way->adding_count > 0)
        memcpy(move->adding, under_way->adding, under_way->adding_count * sizeof(*move->adding));
    move->removing_count = under_way->removing_count;
    /* Without a leader there is nobody to copy from. */
    move->cannot_end = controller_election_is_leaderless(now) ||
                       !controller_reassignment_is_complete(under_way, isr, then.isr_count);
    if (!move->cannot_end) {
        leave(under_way, &then, isr, planned_isr);
        then.replica_count = target_count; /* the target stands first */
    }
    compare(partition, &then, &move->then);
    move->then.is_unclean = false; /* who is new has copied everything */
    free(planned_isr);
    free(isr);
    free(health);
    free(under_way);
}

/* ---- Unclean elections */

bool controller_impact_of_unclean_election(const struct impact_partition *partition,
                                           struct impact *impact) {
    struct election_plan plan;
    struct trial trial;
    bool changed;

    trial_open(&trial, &partition->election);
    plan = (struct election_plan){.isr = trial.planned_isr};
    controller_election_plan_unclean(&trial.input, &plan);
    changed = plan.changed && plan.leader >= 0;
    if (changed) {
        trial_apply(&trial, &plan);
        compare(partition, &trial.input, impact);
    }
    trial_close(&trial);
    return changed;
}

int64_t controller_impact_records_lost(int64_t known_end, int64_t candidate_end) {
    if (known_end < 0 || candidate_end < 0)
        return -1;
    return known_end > candidate_end ? known_end - candidate_end : 0;
}

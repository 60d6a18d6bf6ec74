#include "controller/core/balance.h"

#include "controller/core/state.h"

static const int64_t first_look_ms = 5000;

bool controller_balance_is_due(size_t preferred, size_t led_by_others, int32_t percentage) {
    return preferred > 0 && led_by_others * 100 > preferred * (size_t)percentage;
}

static void arm(struct controller *c, int64_t delay_ms, struct controller_effects *effects) {
    controller_effect_add(c, effects, CONTROLLER_EFFECT_ARM_BALANCE_TIMER)->delay_ms = delay_ms;
}

void controller_balance_begin(struct controller *c, struct controller_effects *effects) {
    if (c->config.auto_leader_rebalance_enable)
        arm(c, first_look_ms, effects);
}

/* Partitions that are changed anyway are left alone. */
static bool counts(const struct partition *p, const struct broker *broker) {
    return p->exists && p->topic->phase == TOPIC_LIVE && p->replica_ids[0] == broker->id &&
           !controller_partition_is_reassigning(p);
}

static void look_at_broker(struct controller *c, const struct broker *broker) {
    const struct replica *replica;
    size_t preferred = 0, led_by_others = 0;

    TAILQ_FOREACH (replica, &broker->replicas, on_broker) {
        if (!counts(replica->partition, broker))
            continue;
        preferred++;
        led_by_others += replica->partition->state.leader != broker->id ? 1 : 0;
    }
    if (!controller_balance_is_due(preferred, led_by_others,
                                   c->config.leader_imbalance_per_broker_percentage))
        return;
    TAILQ_FOREACH (replica, &broker->replicas, on_broker) {
        struct partition *p = replica->partition;
        if (!counts(p, broker) || p->state.leader == broker->id)
            continue;
        p->preferred_wanted = true;
        controller_partition_touch(c, p);
    }
}

void controller_balance_on_timer(struct controller *c, struct controller_effects *effects) {
    struct broker *broker, *next;

    if (c->role != ROLE_ACTIVE || !c->config.auto_leader_rebalance_enable)
        return;
    HASH_ITER (hh, c->cluster.brokers, broker, next)
        if (controller_broker_is_live(broker))
            look_at_broker(c, broker);
    arm(c, c->config.leader_imbalance_check_interval_ms, effects);
}

/*
 * From standing by to being controller and back.
 *
 *   IDLE ──registered──▶ STANDBY ──/controller is free──▶ ELECTING ──won──▶ LOADING ──▶ ACTIVE
 *                           ▲                                │ lost              │ fence or
 *                           └────────────────────────────────┴─────/controller lost┘
 *
 * An election whose outcome is unknown is resolved by reading: if /controller is held by this
 * session and /controller_epoch has the number we asked for, it was won. If /controller is ours
 * and we hold no office, it is given back, or nobody could ever be elected.
 */
#include "controller/core/request.h"

static const int64_t retry_delay_ms = 1000;

static void stand_by(struct controller *c, struct controller_effects *effects) {
    c->role = ROLE_STANDBY;
    controller_effect_read(c, effects, CONTROLLER_EFFECT_READ_CONTROLLER, BYTES_NULL);
}

/* Nothing that belongs to the term may be held by anybody afterwards. */
static void forget_term(struct controller *c, struct controller_effects *effects) {
    struct topic *topic, *next;

    HASH_ITER (by_name, c->cluster.by_name, topic, next)
        controller_topic_detach_items(topic);
    controller_writes_abandon(c);
    controller_cluster_done(&c->cluster);
    controller_request_refuse_all(c, effects);
    c->changes.first = c->changes.end = 0;
    c->changes.known = false;
    c->producer_ids_busy = false;
    c->backing_off = false;
    c->registrations_outdated = false;
    c->announce_wanted = false;
    controller_reassignment_forget_node(c);
    c->loads = 0;
    c->epoch = 0;
}

static void end_term(struct controller *c, struct controller_effects *effects) {
    bool was_active = c->role == ROLE_ACTIVE;

    forget_term(c, effects);
    c->term++;
    if (was_active)
        controller_effect_add(c, effects, CONTROLLER_EFFECT_TERM_ENDED);
}

void controller_term_resign(struct controller *c, struct controller_effects *effects) {
    end_term(c, effects);
    stand_by(c, effects);
}

void controller_term_on_registered(struct controller *c, struct controller_effects *effects) {
    if (c->role == ROLE_IDLE)
        stand_by(c, effects);
}

void controller_term_on_session_over(struct controller *c, struct controller_effects *effects) {
    end_term(c, effects);
    c->role = ROLE_IDLE;
    c->attempt_epoch = 0;
}

void controller_term_on_controller_changed(struct controller *c,
                                           struct controller_effects *effects) {
    if (c->role != ROLE_IDLE)
        controller_effect_read(c, effects, CONTROLLER_EFFECT_READ_CONTROLLER, BYTES_NULL);
}

static void standby_on_controller_read(struct controller *c, const struct controller_event *event,
                                       struct controller_effects *effects) {
    if (event->controller_read.exists && !event->controller_read.ours) {
        c->attempt_epoch = 0;
        return;
    }
    if (event->controller_read.exists && c->attempt_epoch == 0) {
        controller_effect_add(c, effects, CONTROLLER_EFFECT_RELINQUISH);
        return;
    }
    if (!event->controller_read.exists)
        c->attempt_epoch = 0;
    c->role = ROLE_ELECTING;
    controller_effect_read(c, effects, CONTROLLER_EFFECT_READ_CONTROLLER_EPOCH, BYTES_NULL);
}

void controller_term_on_controller_read(struct controller *c, const struct controller_event *event,
                                        struct controller_effects *effects) {
    switch (c->role) {
    case ROLE_IDLE:
    case ROLE_ELECTING: /* the attempt's own answer decides */
        break;
    case ROLE_STANDBY:
        standby_on_controller_read(c, event, effects);
        break;
    case ROLE_LOADING:
    case ROLE_ACTIVE:
        if (!event->controller_read.exists || !event->controller_read.ours)
            controller_term_resign(c, effects);
        break;
    }
}

static void begin_loading(struct controller *c, int32_t epoch, int32_t epoch_version,
                          struct controller_effects *effects) {
    static const enum controller_effect_kind reads[] = {CONTROLLER_EFFECT_READ_BROKERS,
                                                        CONTROLLER_EFFECT_READ_TOPICS};

    c->role = ROLE_LOADING;
    c->attempt_epoch = 0;
    c->marks_loaded = false;
    c->epoch = epoch;
    c->epoch_version = c->config.test_without_fence ? -1 : epoch_version;
    for (size_t i = 0; i < ARRAY_COUNT(reads); i++)
        controller_effect_read(c, effects, reads[i], BYTES_NULL);
    controller_writes_list_changes(c, effects);
}

void controller_term_on_controller_epoch_read(struct controller *c,
                                              const struct controller_event *event,
                                              struct controller_effects *effects) {
    struct controller_effect *effect;

    if (c->role != ROLE_ELECTING)
        return;
    if (c->attempt_epoch > 0) {
        /* /controller is ours; did the epoch come with it? */
        if (event->controller_epoch_read.epoch == c->attempt_epoch) {
            begin_loading(c, c->attempt_epoch, event->controller_epoch_read.version, effects);
            return;
        }
        c->attempt_epoch = 0;
        c->role = ROLE_STANDBY;
        controller_effect_add(c, effects, CONTROLLER_EFFECT_RELINQUISH);
        return;
    }
    c->attempt_epoch = event->controller_epoch_read.epoch + 1;
    effect = controller_effect_add(c, effects, CONTROLLER_EFFECT_ELECT);
    effect->elect.epoch = c->attempt_epoch;
    effect->elect.version = event->controller_epoch_read.version;
}

void controller_term_on_elected(struct controller *c, const struct controller_event *event,
                                struct controller_effects *effects) {
    if (c->role != ROLE_ELECTING)
        return;
    switch ((int)event->error) {
    case ERR_NONE:
        begin_loading(c, c->attempt_epoch, event->elected_version, effects);
        return;
    case ERR_ZK_NODE_EXISTS:
    case ERR_ZK_BAD_VERSION:
        c->attempt_epoch = 0;
        stand_by(c, effects);
        return;
    case ERR_ZK_OUTCOME_UNKNOWN:
    case ERR_ZK_SESSION_EXPIRED:
        stand_by(c, effects);
        return;
    default:
        c->attempt_epoch = 0;
        c->role = ROLE_STANDBY;
        controller_effect_add(c, effects, CONTROLLER_EFFECT_ARM_TIMER)->delay_ms = retry_delay_ms;
    }
}

void controller_term_on_timer(struct controller *c, struct controller_effects *effects) {
    c->backing_off = false;
    if (c->role == ROLE_STANDBY)
        stand_by(c, effects);
}

static void begin_acting(struct controller *c, struct controller_effects *effects) {
    struct topic *topic, *next;

    c->role = ROLE_ACTIVE;
    c->announce_wanted = true;
    controller_effect_add(c, effects, CONTROLLER_EFFECT_TERM_BEGUN)->term_epoch = c->epoch;
    HASH_ITER (by_name, c->cluster.by_name, topic, next) {
        for (size_t i = 0; i < topic->partition_count; i++)
            controller_liveness_find_stale(topic->partitions[i]);
        /* Whether the controller before told the leader of the new replicas, nobody knows. */
        for (size_t i = 0; i < topic->partition_count; i++)
            topic->partitions[i]->epoch_wanted =
                controller_partition_is_reassigning(topic->partitions[i]);
        controller_topic_touch(c, topic);
        for (size_t i = 0; i < topic->partition_count; i++)
            controller_partition_touch(c, topic->partitions[i]);
    }
    controller_effect_read(c, effects, CONTROLLER_EFFECT_READ_PREFERRED_ELECTION, BYTES_NULL);
    controller_effect_read(c, effects, CONTROLLER_EFFECT_READ_REASSIGN_PARTITIONS, BYTES_NULL);
    controller_balance_begin(c, effects);
}

void controller_term_loaded_one(struct controller *c, struct controller_effects *effects) {
    if (c->role != ROLE_LOADING || --c->loads > 0)
        return;
    if (c->marks_loaded) {
        begin_acting(c, effects);
        return;
    }
    /* A topic whose deletion was begun has lost states already: it must be known as such before
     * anything is written, or it would get new ones. */
    c->marks_loaded = true;
    controller_effect_read(c, effects, CONTROLLER_EFFECT_READ_DELETE_TOPICS, BYTES_NULL);
}

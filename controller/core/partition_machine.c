/*
 * The state of one partition: what is known, what is wanted, what is on its way.
 *
 *            touch              look: something to write          written
 *   SETTLED ───────▶ QUEUED ─────────────────────────▶ WRITING ────────────▶ SETTLED
 *                      │ nothing to write                 │ refused, unknown
 *                      ▼                                  ▼            read
 *                   SETTLED                            READING ──────────────▶ QUEUED
 *
 * Nothing is decided when something happens; the partition is only queued. When a multi has room
 * it is looked at with what is known by then: first what liveness demands, then the requests that
 * wait for it, one write at a time. So an event that comes while a write is on its way needs no
 * special case: the partition is looked at again.
 */
#include "controller/core/isr_plan.h"
#include "controller/core/reassignment_plan.h"
#include "controller/core/request.h"

#define REPLICAS_ON_STACK 64

/* Scratch space for the election of a partition. */
struct election_space {
    enum replica_health health_small[REPLICAS_ON_STACK];
    int32_t isr_small[REPLICAS_ON_STACK];
    enum replica_health *health;
    int32_t *isr;
    struct election_input input;
    struct election_plan plan;
};

static void election_open(struct election_space *space, const struct partition *p) {
    size_t isr_room = p->state.isr_count > p->replica_count ? p->state.isr_count : p->replica_count;

    space->health = space->health_small;
    space->isr = space->isr_small;
    if (p->replica_count > REPLICAS_ON_STACK)
        space->health = controller_allocate(p->replica_count, sizeof(*space->health));
    if (isr_room + 1 > REPLICAS_ON_STACK)
        space->isr = controller_allocate(isr_room + 1, sizeof(*space->isr));
    space->input = controller_partition_election_input(p, space->health);
    space->plan = (struct election_plan){.isr = space->isr};
}

static void election_close(struct election_space *space) {
    if (space->health != space->health_small)
        free(space->health);
    if (space->isr != space->isr_small)
        free(space->isr);
}

bool controller_partition_is_unsettled(const struct partition *partition) {
    return partition->phase == PARTITION_QUEUED || partition->phase == PARTITION_WRITING ||
           partition->phase == PARTITION_READING;
}

static bool is_leaderless(const struct partition *p) {
    const struct replica *leader = controller_partition_replica(p, p->state.leader);

    return p->exists &&
           (leader == NULL || !leader->broker->registered || leader->eviction != EVICTION_NONE ||
            controller_replica_is_offline(leader));
}

void controller_partition_touch(struct controller *c, struct partition *p) {
    switch (p->phase) {
    case PARTITION_SETTLED:
    case PARTITION_QUEUED:
        p->phase = PARTITION_QUEUED;
        controller_writes_queue(c, &p->unit, is_leaderless(p));
        break;
    case PARTITION_WRITING:
    case PARTITION_READING:
        p->dirty = true;
        break;
    case PARTITION_BROKEN:
        break;
    }
}

/* ---- Items: requests that wait for the partition */

void controller_partition_fail_items(struct controller *c, struct partition *p, enum error error,
                                     struct controller_effects *effects) {
    struct request_item *item;

    if (p->writing_item != NULL) {
        TAILQ_INSERT_HEAD(&p->waiting, p->writing_item, entry);
        p->writing_item = NULL;
    }
    while ((item = TAILQ_FIRST(&p->waiting)) != NULL) {
        TAILQ_REMOVE(&p->waiting, item, entry);
        controller_item_set_error(item, error, NULL);
        controller_item_done(c, item, effects);
    }
}

void controller_partition_unawait(struct controller *c, struct partition *p,
                                  struct controller_effects *effects) {
    if (!p->awaited)
        return;
    p->awaited = false;
    if (--p->topic->awaited_count == 0)
        controller_topic_on_partitions_done(c, p->topic, effects);
}

/* The answer to AlterPartition is the state as it now is. */
static void alter_item_done(struct controller *c, struct partition *p, struct request_item *item,
                            enum error error, struct controller_effects *effects) {
    struct request *request = item->request;
    struct controller_alter_partition_result *result =
        &request->results.alter_partition[item->index];

    result->error = error;
    if (error == ERR_NONE) {
        int32_t *isr = controller_request_allocate(request, p->state.isr_count, sizeof(*isr));
        memcpy(isr, p->state.isr, p->state.isr_count * sizeof(*isr));
        result->isr = isr;
        result->isr_count = p->state.isr_count;
        result->leader = p->state.leader;
        result->leader_epoch = p->state.leader_epoch;
        result->partition_epoch = p->version;
        result->leader_recovery_state = p->state.leader_recovery_state;
    }
    controller_item_done(c, item, effects);
}

static bool isr_is_assigned(const struct partition *p, const int32_t *isr, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (controller_partition_replica(p, isr[i]) == NULL)
            return false;
        for (size_t j = 0; j < i; j++)
            if (isr[j] == isr[i])
                return false;
    }
    return true;
}

/* A member is eligible if it is live and, where the leader says so, the incarnation it saw. */
static bool isr_is_eligible(const struct partition *p,
                            const struct controller_alter_partition *wanted) {
    for (size_t i = 0; i < wanted->new_isr_count; i++) {
        const struct replica *replica = controller_partition_replica(p, wanted->new_isr[i]);
        int64_t epoch =
            wanted->new_isr_broker_epochs == NULL ? -1 : wanted->new_isr_broker_epochs[i];
        if (replica == NULL || !controller_broker_is_live(replica->broker) ||
            controller_replica_is_offline(replica))
            return false;
        if (controller_reassignment_bars(p, wanted->new_isr[i]))
            return false;
        if (epoch >= 0 && epoch != replica->broker->epoch)
            return false;
    }
    return true;
}

/* Whether `item` needs a write, which is then in p->next; otherwise it is answered. */
static bool alter_item_decide(struct controller *c, struct partition *p, struct request_item *item,
                              struct controller_effects *effects) {
    const struct controller_alter_partition *wanted =
        &item->request->alter_partition.proposals[item->index];
    struct isr_proposal proposal = {
        .broker_id = item->request->alter_partition.broker_id,
        .leader_epoch = wanted->leader_epoch,
        .partition_epoch = wanted->partition_epoch,
        .isr = wanted->new_isr,
        .isr_count = wanted->new_isr_count,
        .leader_recovery_state = wanted->leader_recovery_state,
        .all_replicas = isr_is_assigned(p, wanted->new_isr, wanted->new_isr_count),
        .all_eligible = isr_is_eligible(p, wanted),
    };
    struct controller_partition_state next = p->state;
    enum error error;

    if (controller_isr_plan_judge(&p->state, p->version, &proposal, &error) != ISR_ACCEPTED) {
        alter_item_done(c, p, item, error, effects);
        return false;
    }
    next.isr = wanted->new_isr;
    next.isr_count = wanted->new_isr_count;
    next.leader_recovery_state = wanted->leader_recovery_state;
    next.controller_epoch = c->epoch;
    controller_partition_state_copy(&p->next, &next);
    return true;
}

static void plan_next(struct controller *c, struct partition *p, const struct election_plan *plan) {
    struct controller_partition_state next = {
        .leader = plan->leader,
        .leader_epoch = p->exists ? p->state.leader_epoch + 1 : 0,
        .controller_epoch = c->epoch,
        .leader_recovery_state =
            plan->recovering ? CONTROLLER_LEADER_RECOVERING : CONTROLLER_LEADER_RECOVERED,
        .isr = plan->isr,
        .isr_count = plan->isr_count,
    };

    controller_partition_state_copy(&p->next, &next);
}

/* A new leader epoch tells brokers everything there is to tell. */
static void take_epoch_wanted(struct partition *p) {
    p->epoch_writing = p->epoch_wanted;
    p->epoch_wanted = false;
}

static void give_epoch_wanted_back(struct partition *p) {
    p->epoch_wanted = p->epoch_wanted || p->epoch_writing;
    p->epoch_writing = false;
}

/* What the partition's reassignment demands, once somebody leads who is there. Returns whether
 * p->next is to be written. */
static bool look_at_reassignment(struct controller *c, struct partition *p) {
    struct controller_partition_assignment now = controller_partition_assignment_of(p);
    struct election_space space;
    bool changed;

    if (!p->exists || p->state.leader < 0)
        return false;
    election_open(&space, p);
    if (controller_election_is_leaderless(&space.input)) {
        election_close(&space);
        return false;
    }
    if (controller_reassignment_is_complete(&now, p->state.isr, p->state.isr_count))
        controller_reassignment_plan_leave(&now, &space.input, &space.plan);
    changed = space.plan.changed || p->epoch_wanted;
    if (space.plan.changed) {
        plan_next(c, p, &space.plan);
    } else if (p->epoch_wanted) {
        struct controller_partition_state next = p->state;
        next.leader_epoch++;
        next.controller_epoch = c->epoch;
        controller_partition_state_copy(&p->next, &next);
    }
    election_close(&space);
    if (changed)
        take_epoch_wanted(p);
    return changed;
}

/* Leadership for the preferred replica, if it is time for that. Returns whether p->next is to be
 * written. */
static bool look_at_preference(struct controller *c, struct partition *p) {
    struct election_space space;
    bool changed;

    if (!p->preferred_wanted)
        return false;
    p->preferred_wanted = false;
    election_open(&space, p);
    controller_election_plan_preferred(&space.input, &space.plan);
    if ((changed = space.plan.changed && p->exists))
        plan_next(c, p, &space.plan);
    election_close(&space);
    return changed;
}

static enum error election_refusal(enum controller_election_type type, const struct partition *p,
                                   const struct election_input *input) {
    if (type == CONTROLLER_ELECTION_PREFERRED)
        return p->replica_count > 0 && p->state.leader == p->replica_ids[0]
                   ? ERR_ELECTION_NOT_NEEDED
                   : ERR_PREFERRED_LEADER_NOT_AVAILABLE;
    return controller_election_is_leaderless(input) ? ERR_ELIGIBLE_LEADERS_NOT_AVAILABLE
                                                    : ERR_ELECTION_NOT_NEEDED;
}

static bool elect_item_decide(struct controller *c, struct partition *p, struct request_item *item,
                              struct controller_effects *effects) {
    enum controller_election_type type = item->request->elect_leaders.type;
    struct election_space space;
    bool changed;

    election_open(&space, p);
    if (type == CONTROLLER_ELECTION_PREFERRED)
        controller_election_plan_preferred(&space.input, &space.plan);
    else
        controller_election_plan_unclean(&space.input, &space.plan);
    changed = space.plan.changed;
    if (changed)
        plan_next(c, p, &space.plan);
    else
        controller_item_set_error(item, election_refusal(type, p, &space.input), NULL);
    election_close(&space);
    if (!changed)
        controller_item_done(c, item, effects);
    return changed;
}

static bool item_decide(struct controller *c, struct partition *p, struct request_item *item,
                        struct controller_effects *effects) {
    return item->request->kind == CONTROLLER_EVENT_ALTER_PARTITION
               ? alter_item_decide(c, p, item, effects)
               : elect_item_decide(c, p, item, effects);
}

static void item_written(struct controller *c, struct partition *p,
                         struct controller_effects *effects) {
    struct request_item *item = p->writing_item;

    p->writing_item = NULL;
    if (item == NULL)
        return;
    if (item->request->kind == CONTROLLER_EVENT_ALTER_PARTITION) {
        alter_item_done(c, p, item, ERR_NONE, effects);
        return;
    }
    controller_item_set_error(item, ERR_NONE, NULL);
    controller_item_done(c, item, effects);
}

/* ---- Looking */

/* Whether there were any. */
static bool set_evictions(struct partition *p, enum replica_eviction from,
                          enum replica_eviction to) {
    bool changed = false;

    for (size_t r = 0; r < p->replica_count; r++) {
        if (p->replicas[r].eviction != from)
            continue;
        p->replicas[r].eviction = to;
        changed = true;
    }
    return changed;
}

static void add_state_write(struct partition *p, struct batch *batch,
                            struct controller_effects *effects) {
    struct topic *topic = p->topic;
    struct controller_write write = {
        .topic = topic->name,
        .topic_id = topic->id,
        .partition = p->index,
    };

    if (!p->exists && !p->node_exists) {
        write.kind = CONTROLLER_WRITE_PARTITION_CREATE;
        controller_batch_add(batch, &p->unit, topic, &write, effects);
    }
    if (p->noting)
        write.kind = CONTROLLER_WRITE_NOTE_STATE;
    else
        write.kind = p->exists ? CONTROLLER_WRITE_STATE_SET : CONTROLLER_WRITE_STATE_CREATE;
    write.version = p->exists ? p->version : -1;
    write.state = p->next;
    controller_batch_add(batch, &p->unit, topic, &write, effects);
    p->phase = PARTITION_WRITING;
    p->dirty = false;
    p->unclean_allowed = false;
}

/* Whether somebody who is not in the ISR could lead, if the topic's config allowed it. */
static bool unclean_could_help(const struct partition *p, const struct election_input *input) {
    for (size_t r = 0; r < p->replica_count; r++)
        if (!controller_election_is_offline(input->health[r]) &&
            input->health[r] != REPLICA_LEAVING)
            return p->exists;
    return false;
}

/* What liveness demands. Returns whether p->next is to be written. */
static bool look_at_liveness(struct controller *c, struct partition *p,
                             struct controller_effects *effects) {
    struct election_space space;
    bool leaderless, changed;

    election_open(&space, p);
    if (p->exists)
        controller_election_plan_repair(&space.input, &space.plan);
    else
        controller_election_plan_first(&space.input, &space.plan);
    changed = space.plan.changed;
    leaderless = changed ? space.plan.leader < 0 : p->state.leader < 0;
    if (leaderless && unclean_could_help(p, &space.input))
        controller_topic_read_config(c, p->topic, effects);
    if (changed)
        plan_next(c, p, &space.plan);
    election_close(&space);
    return changed;
}

void controller_partition_look(struct controller *c, struct partition *p, struct batch *batch,
                               struct controller_effects *effects) {
    struct request_item *item;

    p->phase = PARTITION_SETTLED;
    p->dirty = false;
    if (!controller_topic_allows_partition(p->topic, p->index))
        return; /* the topic queues them again when its znode is there */
    if (p->planned != NULL)
        return; /* its replicas are being changed; queued again when that is written */
    if (look_at_liveness(c, p, effects)) {
        take_epoch_wanted(p);
        (void)set_evictions(p, EVICTION_WANTED, EVICTION_WRITING);
        add_state_write(p, batch, effects);
        return;
    }
    p->unclean_allowed = false;
    (void)set_evictions(p, EVICTION_WANTED, EVICTION_NONE);
    controller_partition_unawait(c, p, effects);
    if (look_at_reassignment(c, p)) {
        add_state_write(p, batch, effects);
        return;
    }
    if (look_at_preference(c, p)) {
        add_state_write(p, batch, effects);
        return;
    }
    controller_reassignment_advance(c, p);
    while ((item = TAILQ_FIRST(&p->waiting)) != NULL) {
        TAILQ_REMOVE(&p->waiting, item, entry);
        if (!p->exists) {
            controller_item_set_error(item, ERR_UNKNOWN_TOPIC_OR_PARTITION, NULL);
            controller_item_done(c, item, effects);
        } else if (item_decide(c, p, item, effects)) {
            p->writing_item = item;
            add_state_write(p, batch, effects);
            return;
        }
    }
    if (p->exists && p->note_wanted) {
        controller_partition_state_copy(&p->next, &p->state);
        p->noting = true;
        add_state_write(p, batch, effects);
    }
}

/* ---- Answers */

static void settle(struct controller *c, struct partition *p) {
    p->phase = PARTITION_SETTLED;
    if (p->dirty || !TAILQ_EMPTY(&p->waiting) || !TAILQ_EMPTY(&p->reassignments) ||
        controller_partition_is_reassigning(p))
        controller_partition_touch(c, p);
}

static bool leader_leaves(const struct partition *p) {
    const struct replica *leader = controller_partition_replica(p, p->state.leader);

    return leader != NULL && !controller_broker_is_live(leader->broker);
}

void controller_partition_on_written(struct controller *c, struct partition *p,
                                     int64_t registrations_seen,
                                     struct controller_effects *effects) {
    struct controller_partition_state written = p->next;
    bool registered_anew;

    p->note_wanted = false;
    if (p->noting) {
        p->noting = false;
        settle(c, p);
        return;
    }
    p->version = p->exists ? p->version + 1 : 0;
    p->next = p->state;
    p->state = written;
    p->registrations_seen = registrations_seen;
    p->exists = true;
    p->node_exists = true;
    p->epoch_writing = false;
    /* All had registered anew, so whoever leaves was as good as any; now others are better. */
    registered_anew = set_evictions(p, EVICTION_WRITING, EVICTION_NONE);
    p->dirty = p->dirty || (registered_anew && leader_leaves(p));
    item_written(c, p, effects);
    controller_partition_unawait(c, p, effects);
    settle(c, p);
}

static void take_item_back(struct partition *p) {
    if (p->writing_item == NULL)
        return;
    TAILQ_INSERT_HEAD(&p->waiting, p->writing_item, entry);
    p->writing_item = NULL;
}

void controller_partition_on_undone(struct controller *c, struct partition *p) {
    take_item_back(p);
    give_epoch_wanted_back(p);
    p->noting = false;
    (void)set_evictions(p, EVICTION_WRITING, EVICTION_WANTED);
    p->phase = PARTITION_QUEUED;
    controller_writes_queue_first(c, &p->unit, is_leaderless(p));
}

void controller_partition_on_refused(struct controller *c, struct partition *p, enum error error,
                                     struct controller_effects *effects) {
    struct controller_effect *effect;

    if (error == ERR_ZK_NO_NODE && p->topic->phase == TOPIC_CREATING) {
        /* The topic's own znode was not made; its next attempt queues the partition again. */
        take_item_back(p);
        (void)set_evictions(p, EVICTION_WRITING, EVICTION_WANTED);
        p->phase = PARTITION_SETTLED;
        return;
    }
    p->phase = PARTITION_READING;
    if (error == ERR_ZK_NO_NODE) {
        p->read_token = 0;
        controller_effect_read(c, effects, CONTROLLER_EFFECT_READ_TOPIC, p->topic->name);
        return;
    }
    effect = controller_effect_add(c, effects, CONTROLLER_EFFECT_READ_STATE);
    effect->state.topic = controller_effect_copy_bytes(effects, p->topic->name);
    effect->state.partition = p->index;
    p->read_token = effect->token;
}

void controller_partition_adopt(struct controller *c, struct partition *p,
                                const struct controller_state_read *read,
                                struct controller_effects *effects) {
    int32_t written_version = p->exists ? p->version + 1 : 0;
    bool was_reading = p->phase == PARTITION_READING;

    if (read->error == ERR_ZK_DATA_INVALID ||
        (read->error == ERR_NONE && read->state.controller_epoch > c->epoch)) {
        /* Unreadable, or the work of a newer controller than we are: hands off. */
        controller_partition_fail_items(c, p, ERR_NOT_CONTROLLER, effects);
        p->phase = PARTITION_BROKEN;
        controller_partition_unawait(c, p, effects);
        return;
    }
    if (was_reading && !p->noting && read->error == ERR_NONE && read->version == written_version &&
        controller_partition_state_equal(&read->state, &p->next)) {
        /* It had been applied. */
        controller_partition_on_written(c, p, read->mzxid, effects);
        return;
    }
    take_item_back(p);
    give_epoch_wanted_back(p);
    p->noting = false;
    (void)set_evictions(p, EVICTION_WRITING, EVICTION_WANTED);
    /* A state that is not ours is news to the brokers as well. */
    p->note_wanted = p->note_wanted || (was_reading && read->error == ERR_NONE &&
                                        (!p->exists || read->version != p->version));
    p->exists = read->error == ERR_NONE;
    p->node_exists = p->exists || read->partition_node_exists;
    if (p->exists) {
        controller_partition_state_copy(&p->state, &read->state);
        p->version = read->version;
        p->registrations_seen = read->mzxid;
    }
    p->phase = PARTITION_SETTLED;
    if (was_reading)
        controller_partition_touch(c, p);
}

void controller_partition_on_state_read(struct controller *c, const struct controller_event *event,
                                        struct controller_effects *effects) {
    const struct controller_topic_partition *of = &event->state_read.of;
    struct topic *topic = controller_cluster_topic(&c->cluster, of->topic);
    struct partition *p =
        topic == NULL ? NULL : controller_topic_find_partition(topic, of->partition);

    if (p == NULL || topic->phase == TOPIC_DELETING || p->phase != PARTITION_READING ||
        p->read_token != event->token)
        return;
    controller_partition_adopt(c, p, event->state_read.read, effects);
}

void controller_partition_on_config_read(struct controller *c,
                                         const struct controller_event *event) {
    struct topic *topic = controller_cluster_topic(&c->cluster, event->topic_config_read.name);
    struct bytes value = event->topic_config_read.unclean_leader_election_enable;
    bool allowed = bytes_is_null(value) ? c->config.unclean_leader_election_enable
                                        : bytes_equal_text(value, "true");

    if (topic == NULL)
        return;
    topic->config_reading = false;
    for (size_t i = 0; allowed && i < topic->partition_count; i++) {
        struct partition *p = topic->partitions[i];
        if (p->exists && (p->state.leader < 0 || is_leaderless(p))) {
            p->unclean_allowed = true;
            controller_partition_touch(c, p);
        }
    }
}

static bool has_leaderless(const struct topic *topic) {
    for (size_t i = 0; i < topic->partition_count; i++) {
        const struct partition *p = topic->partitions[i];
        if (p->exists && (p->state.leader < 0 || is_leaderless(p)))
            return true;
    }
    return false;
}

/* Topics with partitions that it could help are asked whether they say otherwise. A controller
 * that takes office later looks at every partition anyway. */
void controller_partition_on_unclean_default(struct controller *c, bool allowed,
                                             struct controller_effects *effects) {
    struct topic *topic, *next;

    c->config.unclean_leader_election_enable = allowed;
    if (!allowed || c->role != ROLE_ACTIVE)
        return;
    HASH_ITER (by_name, c->cluster.by_name, topic, next) {
        if (topic->phase == TOPIC_LIVE && has_leaderless(topic))
            controller_topic_read_config(c, topic, effects);
    }
}

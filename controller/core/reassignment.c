/*
 * Partitions get other replicas (KIP-455).
 *
 *   request ─▶ waits ─▶ the topic's znode has target and origin ─▶ new replicas catch up
 *                                                                         │ all of the target
 *                                                                         ▼ are in the ISR
 *   the topic's znode has the target only ◀─ leader and ISR are of the target
 *
 * What is under way is in the topic's znode, so that the next controller goes on where this one
 * stopped. Each step is decided from what is known by then: the assignment when the topic's write
 * is made, the end of a reassignment whenever the partition's state has been looked at. The
 * assignment is reduced last; before that nobody who will be removed leads or is in the ISR.
 */
#include "controller/core/reassignment_plan.h"
#include "controller/core/request.h"

bool controller_topic_is_reassigning(const struct topic *topic) {
    for (size_t i = 0; i < topic->partition_count; i++) {
        const struct partition *p = topic->partitions[i];
        if (controller_partition_is_reassigning(p) || p->planned != NULL ||
            !TAILQ_EMPTY(&p->reassignments))
            return true;
    }
    return false;
}

void controller_for_each_reassignment(const struct controller *c,
                                      controller_visit_reassignment *visit, void *context) {
    struct topic *topic, *next;

    if (c->role != ROLE_ACTIVE)
        return;
    HASH_ITER (by_name, c->cluster.by_name, topic, next) {
        for (size_t i = 0; i < topic->partition_count && topic->phase == TOPIC_LIVE; i++) {
            struct controller_partition_assignment now =
                controller_partition_assignment_of(topic->partitions[i]);
            if (controller_assignment_is_reassigning(&now))
                visit(context, topic->name, &now);
        }
    }
}

/* ---- Requests */

static void finish(struct controller *c, struct request_item *item, enum error error,
                   const char *message, struct controller_effects *effects) {
    controller_item_set_error(item, error, message);
    controller_item_done(c, item, effects);
}

#define DEAD_TARGET "A broker that would get a new replica is not live."

static const char *explain_target(const struct controller_reassign_partition *wanted) {
    return wanted->target_count == 0 ? "Empty replica list specified in partition reassignment."
                                     : "The replicas hold a broker twice or a negative id.";
}

static bool are_live(struct controller *c, const int32_t *ids, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const struct broker *broker = controller_cluster_broker(&c->cluster, ids[i]);
        if (broker == NULL || !controller_broker_is_live(broker))
            return false;
    }
    return true;
}

/* As Kafka: that the partition is unknown is told last. */
static void refuse_unknown(struct controller *c, struct request_item *item,
                           const struct controller_reassign_partition *wanted,
                           struct controller_effects *effects) {
    enum error error = ERR_UNKNOWN_TOPIC_OR_PARTITION;
    const char *message = NULL;

    if (wanted->target == NULL) {
        error = ERR_NO_REASSIGNMENT_IN_PROGRESS;
    } else if (!controller_reassignment_target_is_valid(wanted->target, wanted->target_count)) {
        error = ERR_INVALID_REPLICA_ASSIGNMENT;
        message = explain_target(wanted);
    } else if (!are_live(c, wanted->target, wanted->target_count)) {
        error = ERR_INVALID_REPLICA_ASSIGNMENT;
        message = DEAD_TARGET;
    }
    finish(c, item, error, message, effects);
}

static void begin_item(struct controller *c, struct request_item *item,
                       struct controller_effects *effects) {
    const struct controller_reassign_partition *wanted = &item->request->reassignments[item->index];
    struct topic *topic = controller_cluster_topic(&c->cluster, wanted->topic);
    struct partition *p =
        topic == NULL ? NULL : controller_topic_find_partition(topic, wanted->partition);

    if (p == NULL || topic->phase != TOPIC_LIVE || !p->exists) {
        refuse_unknown(c, item, wanted, effects);
        return;
    }
    TAILQ_INSERT_TAIL(&p->reassignments, item, entry);
    topic->assignment_wanted = true;
    controller_topic_touch(c, topic);
}

static struct controller_reassign_partition
copy_wanted(struct request *request, const struct controller_reassign_partition *source) {
    struct controller_reassign_partition copy = *source;
    int32_t *target;

    copy.topic = controller_request_copy(request, source->topic);
    if (source->target == NULL)
        return copy;
    target = controller_request_allocate(request, source->target_count, sizeof(*target));
    if (source->target_count > 0)
        memcpy(target, source->target, source->target_count * sizeof(*target));
    copy.target = target;
    return copy;
}

static void begin(struct controller *c, struct request *request,
                  struct controller_alter_reassignments_result *results,
                  const struct controller_reassign_partition *partitions,
                  struct controller_effects *effects) {
    request->results.alter_reassignments = results;
    request->reassignments =
        controller_request_allocate(request, request->item_count, sizeof(*request->reassignments));
    request->open++;
    for (size_t i = 0; i < request->item_count; i++) {
        request->reassignments[i] = copy_wanted(request, &partitions[i]);
        results[i].topic = request->reassignments[i].topic;
        results[i].partition = partitions[i].partition;
        begin_item(c, &request->items[i], effects);
    }
    request->open--;
    controller_request_answer_if_done(c, request, effects);
}

void controller_reassignment_on_request(struct controller *c, const struct controller_event *event,
                                        struct controller_effects *effects) {
    const struct controller_alter_reassignments_request *wanted = event->alter_reassignments;
    struct controller_alter_reassignments_result *results;
    struct request *request = controller_request_new(
        c, event->token, event->kind, wanted->partition_count, sizeof(*results), (void **)&results);

    begin(c, request, results, wanted->partitions, effects);
}

void controller_reassignment_fail_items(struct controller *c, struct partition *p,
                                        struct controller_effects *effects) {
    struct request_item *item;

    if (p->planned_item != NULL)
        TAILQ_INSERT_HEAD(&p->reassignments, p->planned_item, entry);
    p->planned_item = NULL;
    while ((item = TAILQ_FIRST(&p->reassignments)) != NULL) {
        TAILQ_REMOVE(&p->reassignments, item, entry);
        finish(c, item, ERR_UNKNOWN_TOPIC_OR_PARTITION, NULL, effects);
    }
    c->node_reassignments_changed = c->node_reassignment_count > 0;
}

/* ---- Deciding */

/* Whether every broker that gets a new replica is live. */
static bool added_are_live(struct controller *c, const struct partition *p,
                           const struct controller_partition_assignment *planned) {
    for (size_t i = 0; i < planned->replica_count; i++) {
        const struct broker *broker = controller_cluster_broker(&c->cluster, planned->replicas[i]);
        if (controller_partition_replica(p, planned->replicas[i]) == NULL &&
            (broker == NULL || !controller_broker_is_live(broker)))
            return false;
    }
    return true;
}

/* Replicas that an earlier reassignment added are dropped at once: somebody must be there who has
 * all that was committed. */
static bool somebody_stays(const struct partition *p,
                           const struct controller_partition_assignment *planned) {
    bool drops = false;

    for (size_t i = 0; i < p->state.isr_count; i++) {
        const struct replica *replica = controller_partition_replica(p, p->state.isr[i]);
        if (!controller_ids_contain(planned->replicas, planned->replica_count, p->state.isr[i]))
            drops = true;
        else if (replica != NULL && controller_broker_is_live(replica->broker) &&
                 replica->eviction == EVICTION_NONE)
            return true;
    }
    return !drops;
}

static enum error judge(struct controller *c, const struct partition *p,
                        const struct controller_reassign_partition *wanted,
                        const struct controller_partition_assignment *planned,
                        const char **message) {
    *message = NULL;
    if (p->phase == PARTITION_BROKEN)
        return ERR_UNKNOWN_SERVER_ERROR;
    if (wanted->target == NULL && !controller_partition_is_reassigning(p))
        return ERR_NO_REASSIGNMENT_IN_PROGRESS;
    if (planned->replica_count > CONTROLLER_REPLICAS_MAX) {
        *message = "Old and new replicas together are too many.";
        return ERR_INVALID_REPLICA_ASSIGNMENT;
    }
    if (!added_are_live(c, p, planned)) {
        *message = DEAD_TARGET;
        return ERR_INVALID_REPLICA_ASSIGNMENT;
    }
    if (!somebody_stays(p, planned)) {
        *message = "None of the replicas that would stay is live and in sync.";
        return ERR_ELIGIBLE_LEADERS_NOT_AVAILABLE;
    }
    return ERR_NONE;
}

/* Whether the item needs a write, which is then planned; otherwise it is answered. */
static bool decide_item(struct controller *c, struct partition *p, struct request_item *item,
                        struct controller_effects *effects) {
    const struct controller_reassign_partition *wanted = &item->request->reassignments[item->index];
    struct controller_partition_assignment now = controller_partition_assignment_of(p);
    struct controller_partition_assignment *planned;
    const char *message;
    enum error error;
    bool changes;

    if (wanted->target != NULL &&
        !controller_reassignment_target_is_valid(wanted->target, wanted->target_count)) {
        finish(c, item, ERR_INVALID_REPLICA_ASSIGNMENT, explain_target(wanted), effects);
        return false;
    }
    planned = controller_reassignment_plan_begin(&now, wanted->target, wanted->target_count);
    error = judge(c, p, wanted, planned, &message);
    changes = error == ERR_NONE && !controller_assignment_is_equal(planned, &now);
    if (changes) {
        p->planned = planned;
        p->planned_item = item;
        return true;
    }
    free(planned);
    finish(c, item, error, message, effects);
    return false;
}

/* A state on its way could leave somebody in the ISR who loses the replica, and nobody else: one
 * of the two is written at a time. */
static bool is_state_under_way(const struct partition *p) {
    return p->phase == PARTITION_WRITING || p->phase == PARTITION_READING;
}

static bool may_end(const struct partition *p) {
    struct controller_partition_assignment now = controller_partition_assignment_of(p);

    return controller_partition_is_reassigning(p) && p->exists && !is_state_under_way(p) &&
           controller_reassignment_is_complete(&now, p->state.isr, p->state.isr_count) &&
           controller_reassignment_has_left(&now, p->state.leader, p->state.isr,
                                            p->state.isr_count);
}

void controller_reassignment_advance(struct controller *c, struct partition *p) {
    if (!may_end(p) && TAILQ_EMPTY(&p->reassignments))
        return;
    p->topic->assignment_wanted = true;
    controller_topic_touch(c, p->topic);
}

bool controller_reassignment_bars(const struct partition *p, int32_t broker_id) {
    struct controller_partition_assignment now = controller_partition_assignment_of(p);

    return controller_ids_contain(now.removing, now.removing_count, broker_id) &&
           controller_reassignment_is_complete(&now, p->state.isr, p->state.isr_count);
}

/* What was planned for a write that was not made is decided anew. */
static void take_back(struct controller *c, struct partition *p) {
    if (p->planned == NULL)
        return;
    if (p->planned_item != NULL)
        TAILQ_INSERT_HEAD(&p->reassignments, p->planned_item, entry);
    p->planned_item = NULL;
    free(p->planned);
    p->planned = NULL;
    controller_partition_touch(c, p); /* it had to wait */
}

static bool plan_partition(struct controller *c, struct partition *p,
                           struct controller_effects *effects) {
    struct controller_partition_assignment now;
    struct request_item *item;

    take_back(c, p);
    if (is_state_under_way(p))
        return false; /* it is looked at when that is written, and wants this again */
    while ((item = TAILQ_FIRST(&p->reassignments)) != NULL) {
        TAILQ_REMOVE(&p->reassignments, item, entry);
        if (decide_item(c, p, item, effects)) {
            /* The next one is decided when this one is written. */
            return true;
        }
    }
    if (!may_end(p))
        return false;
    now = controller_partition_assignment_of(p);
    p->planned = controller_reassignment_plan_end(&now);
    return true;
}

bool controller_reassignment_plan_topic(struct controller *c, struct topic *topic,
                                        struct controller_effects *effects) {
    bool planned = false;

    if (!topic->assignment_wanted)
        return false;
    topic->assignment_wanted = false;
    for (size_t i = 0; i < topic->written_count; i++)
        planned = plan_partition(c, topic->partitions[i], effects) || planned;
    return planned;
}

/* ---- What came of it */

static void adopt(struct controller *c, struct partition *p,
                  const struct controller_partition_assignment *assignment) {
    controller_cluster_partition_assign(&c->cluster, p, assignment);
    p->epoch_wanted = p->exists;
    if (!controller_assignment_is_reassigning(assignment))
        c->node_reassignments_changed = c->node_reassignment_count > 0;
    controller_partition_touch(c, p);
}

static void planned_is_written(struct controller *c, struct partition *p,
                               struct controller_effects *effects) {
    struct controller_partition_assignment *planned = p->planned;
    struct request_item *item = p->planned_item;

    p->planned = NULL;
    p->planned_item = NULL;
    adopt(c, p, planned);
    free(planned);
    if (item != NULL)
        finish(c, item, ERR_NONE, NULL, effects);
    if (!TAILQ_EMPTY(&p->reassignments))
        p->topic->assignment_wanted = true;
}

void controller_reassignment_on_written(struct controller *c, struct topic *topic,
                                        struct controller_effects *effects) {
    for (size_t i = 0; i < topic->partition_count; i++)
        if (topic->partitions[i]->planned != NULL)
            planned_is_written(c, topic->partitions[i], effects);
}

void controller_reassignment_on_undone(struct topic *topic) {
    for (size_t i = 0; i < topic->partition_count; i++)
        if (topic->partitions[i]->planned != NULL)
            topic->assignment_wanted = true;
}

void controller_reassignment_reconcile(struct controller *c, struct partition *p,
                                       const struct controller_partition_assignment *read,
                                       struct controller_effects *effects) {
    struct controller_partition_assignment now = controller_partition_assignment_of(p);

    if (p->planned != NULL && controller_assignment_is_equal(p->planned, read)) {
        planned_is_written(c, p, effects);
        return;
    }
    if (p->planned != NULL) {
        take_back(c, p);
        p->topic->assignment_wanted = true;
    }
    if (!controller_assignment_is_equal(&now, read))
        adopt(c, p, read);
}

/* ---- /admin/reassign_partitions */

void controller_reassignment_forget_node(struct controller *c) {
    for (size_t i = 0; i < c->node_reassignment_count; i++)
        controller_bytes_release(&c->node_reassignments[i].topic);
    free(c->node_reassignments);
    c->node_reassignments = NULL;
    c->node_reassignment_count = 0;
    c->node_reassignments_changed = false;
}

void controller_reassignment_on_node_read(struct controller *c,
                                          const struct controller_event *event,
                                          struct controller_effects *effects) {
    const struct controller_alter_reassignments_request *wanted = &event->reassign_partitions_read;
    struct controller_alter_reassignments_result *results;
    struct request *request;

    /* As Kafka: only a new node is a wish; what cannot be read is left to whoever wrote it. */
    if (event->error != ERR_NONE || c->role != ROLE_ACTIVE || c->node_reassignment_count > 0)
        return;
    c->node_reassignments =
        controller_allocate(wanted->partition_count, sizeof(*c->node_reassignments));
    for (size_t i = 0; i < wanted->partition_count; i++)
        c->node_reassignments[i] = (struct controller_topic_partition){
            controller_bytes_duplicate(wanted->partitions[i].topic),
            wanted->partitions[i].partition};
    c->node_reassignment_count = wanted->partition_count;
    request = controller_request_new(c, 0, CONTROLLER_EVENT_ALTER_REASSIGNMENTS,
                                     wanted->partition_count, sizeof(*results), (void **)&results);
    request->internal = true;
    begin(c, request, results, wanted->partitions, effects);
}

static bool is_under_way(struct controller *c, const struct controller_topic_partition *of) {
    struct topic *topic = controller_cluster_topic(&c->cluster, of->topic);
    const struct partition *p =
        topic == NULL ? NULL : controller_topic_find_partition(topic, of->partition);

    return p != NULL && topic->phase == TOPIC_LIVE &&
           (controller_partition_is_reassigning(p) || p->planned != NULL ||
            !TAILQ_EMPTY(&p->reassignments));
}

void controller_reassignment_tidy_node(struct controller *c) {
    c->node_reassignments_changed = false;
    if (c->role != ROLE_ACTIVE)
        return;
    for (size_t i = 0; i < c->node_reassignment_count; i++)
        if (is_under_way(c, &c->node_reassignments[i]))
            return;
    controller_reassignment_forget_node(c);
    controller_writes_delete_node(c, "/admin/reassign_partitions", BYTES_NULL);
}

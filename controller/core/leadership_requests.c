/*
 * Requests about the leadership of existing partitions: AlterPartition, ElectLeaders, the old
 * znode that asks for preferred leaders, ControlledShutdown. They become items that wait at their
 * partitions (partition_machine.c), or brokers that are shutting down.
 */
#include "controller/core/request.h"

/* ---- AlterPartition */

static struct controller_alter_partition
copy_proposal(struct request *request, const struct controller_alter_partition *source) {
    struct controller_alter_partition copy = *source;
    size_t count = source->new_isr_count;
    int32_t *isr = controller_request_allocate(request, count, sizeof(*isr));

    copy.topic = controller_request_copy(request, source->topic);
    if (count > 0)
        memcpy(isr, source->new_isr, count * sizeof(*isr));
    copy.new_isr = isr;
    if (source->new_isr_broker_epochs != NULL) {
        int64_t *epochs = controller_request_allocate(request, count, sizeof(*epochs));
        if (count > 0)
            memcpy(epochs, source->new_isr_broker_epochs, count * sizeof(*epochs));
        copy.new_isr_broker_epochs = epochs;
    }
    return copy;
}

static void wait_at(struct controller *c, struct partition *p, struct request_item *item,
                    struct controller_effects *effects) {
    if (p->phase == PARTITION_BROKEN) {
        controller_item_set_error(item, ERR_UNKNOWN_SERVER_ERROR, NULL);
        controller_item_done(c, item, effects);
        return;
    }
    TAILQ_INSERT_TAIL(&p->waiting, item, entry);
    controller_partition_touch(c, p);
}

static void begin_alter(struct controller *c, struct request_item *item,
                        const struct controller_alter_partition *wanted,
                        struct controller_effects *effects) {
    bool by_id = !uuid_is_zero(&wanted->topic_id);
    struct topic *topic = by_id ? controller_cluster_topic_by_id(&c->cluster, &wanted->topic_id)
                                : controller_cluster_topic(&c->cluster, wanted->topic);
    struct partition *p = NULL;

    if (topic != NULL && topic->phase != TOPIC_DELETING)
        p = controller_topic_find_partition(topic, wanted->partition);
    if (p != NULL && p->exists) {
        wait_at(c, p, item, effects);
        return;
    }
    controller_item_set_error(
        item, by_id && topic == NULL ? ERR_UNKNOWN_TOPIC_ID : ERR_UNKNOWN_TOPIC_OR_PARTITION, NULL);
    controller_item_done(c, item, effects);
}

void controller_leadership_on_alter_partition(struct controller *c,
                                              const struct controller_event *event,
                                              struct controller_effects *effects) {
    const struct controller_alter_partition_request *wanted = event->alter_partition;
    const struct broker *broker = controller_cluster_broker(&c->cluster, wanted->broker_id);
    struct controller_alter_partition_result *results;
    struct request *request;

    if (broker == NULL || !broker->registered || broker->epoch != wanted->broker_epoch) {
        controller_request_refuse(c, event->token, event->kind, ERR_STALE_BROKER_EPOCH, effects);
        return;
    }
    request = controller_request_new(c, event->token, event->kind, wanted->partition_count,
                                     sizeof(*results), (void **)&results);
    request->results.alter_partition = results;
    request->alter_partition.broker_id = wanted->broker_id;
    request->alter_partition.proposals = controller_request_allocate(
        request, wanted->partition_count, sizeof(*request->alter_partition.proposals));
    request->open++;
    for (size_t i = 0; i < wanted->partition_count; i++) {
        struct controller_alter_partition *copy = &request->alter_partition.proposals[i];
        *copy = copy_proposal(request, &wanted->partitions[i]);
        results[i].topic = copy->topic;
        results[i].topic_id = copy->topic_id;
        results[i].partition = copy->partition;
        begin_alter(c, &request->items[i], copy, effects);
    }
    request->open--;
    controller_request_answer_if_done(c, request, effects);
}

/* ---- ElectLeaders */

static void begin_elect(struct controller *c, struct request_item *item, struct bytes name,
                        int32_t index, struct controller_effects *effects) {
    struct topic *topic = controller_cluster_topic(&c->cluster, name);
    struct partition *p = topic == NULL ? NULL : controller_topic_find_partition(topic, index);

    if (topic != NULL && topic->phase == TOPIC_DELETING)
        controller_item_set_error(item, ERR_INVALID_TOPIC_EXCEPTION, NULL);
    else if (p == NULL || !p->exists)
        controller_item_set_error(item, ERR_UNKNOWN_TOPIC_OR_PARTITION, NULL);
    else {
        wait_at(c, p, item, effects);
        return;
    }
    controller_item_done(c, item, effects);
}

static void begin_election(struct controller *c, struct request *request,
                           const struct controller_topic_partition *partitions,
                           struct controller_elect_leaders_result *results,
                           struct controller_effects *effects) {
    request->results.elect_leaders = results;
    request->open++;
    for (size_t i = 0; i < request->item_count; i++) {
        results[i].topic = controller_request_copy(request, partitions[i].topic);
        results[i].partition = partitions[i].partition;
        begin_elect(c, &request->items[i], partitions[i].topic, partitions[i].partition, effects);
    }
    request->open--;
    controller_request_answer_if_done(c, request, effects);
}

/* Every partition of topics that stay; the caller frees the array, not the names. */
static struct controller_topic_partition *all_partitions(struct controller *c, size_t *count) {
    struct controller_topic_partition *all =
        controller_allocate(c->cluster.partition_count, sizeof(*all));
    struct topic *topic, *next;

    *count = 0;
    HASH_ITER (by_name, c->cluster.by_name, topic, next) {
        if (topic->phase == TOPIC_DELETING)
            continue;
        for (size_t i = 0; i < topic->partition_count; i++)
            if (topic->partitions[i]->exists)
                all[(*count)++] = (struct controller_topic_partition){topic->name, (int32_t)i};
    }
    return all;
}

void controller_leadership_on_elect_leaders(struct controller *c,
                                            const struct controller_event *event,
                                            struct controller_effects *effects) {
    const struct controller_elect_leaders_request *wanted = event->elect_leaders;
    const struct controller_topic_partition *partitions = wanted->partitions;
    struct controller_topic_partition *all = NULL;
    size_t count = wanted->partition_count;
    struct controller_elect_leaders_result *results;
    struct request *request;

    if (wanted->all)
        partitions = all = all_partitions(c, &count);
    request = controller_request_new(c, event->token, event->kind, count, sizeof(*results),
                                     (void **)&results);
    request->elect_leaders.type = wanted->type;
    request->elect_leaders.all = wanted->all;
    begin_election(c, request, partitions, results, effects);
    free(all);
}

void controller_leadership_on_preferred_election_read(struct controller *c,
                                                      const struct controller_event *event,
                                                      struct controller_effects *effects) {
    struct controller_elect_leaders_result *results;
    struct request *request;

    if (event->error == ERR_ZK_NO_NODE)
        return;
    /* Content that cannot be read is an empty list: the znode is deleted whatever came of it. */
    request = controller_request_new(c, 0, CONTROLLER_EVENT_ELECT_LEADERS,
                                     event->preferred_election_read.count, sizeof(*results),
                                     (void **)&results);
    request->internal = true;
    request->elect_leaders.type = CONTROLLER_ELECTION_PREFERRED;
    begin_election(c, request, event->preferred_election_read.partitions, results, effects);
}

/* ---- ControlledShutdown */

void controller_leadership_on_controlled_shutdown(struct controller *c,
                                                  const struct controller_event *event,
                                                  struct controller_effects *effects) {
    const struct controller_controlled_shutdown_request *wanted = event->controlled_shutdown;
    struct broker *broker = controller_cluster_broker(&c->cluster, wanted->broker_id);
    bool epoch_known = wanted->broker_epoch >= 0;
    struct replica *replica;
    struct request *request;

    if (broker == NULL || !broker->registered) {
        controller_request_refuse(c, event->token, event->kind,
                                  epoch_known ? ERR_UNKNOWN_SERVER_ERROR : ERR_BROKER_NOT_AVAILABLE,
                                  effects);
        return;
    }
    if (epoch_known && wanted->broker_epoch < broker->epoch) {
        controller_request_refuse(c, event->token, event->kind, ERR_STALE_BROKER_EPOCH, effects);
        return;
    }
    request = controller_request_new(c, event->token, event->kind, 0, 0, NULL);
    request->controlled_shutdown.broker_id = wanted->broker_id;
    broker->leaving_epoch = epoch_known ? wanted->broker_epoch : broker->epoch;
    TAILQ_FOREACH (replica, &broker->replicas, on_broker)
        controller_partition_touch(c, replica->partition);
}

static bool has_unsettled(const struct broker *broker) {
    const struct replica *replica;

    TAILQ_FOREACH (replica, &broker->replicas, on_broker)
        if (replica->partition->topic->phase != TOPIC_DELETING &&
            (controller_partition_is_unsettled(replica->partition) ||
             replica->partition->planned != NULL)) /* looked at when that is written */
            return true;
    return false;
}

/* Replicated partitions that it still leads; nobody could take them. */
static void answer_shutdown(struct controller *c, struct request *request, struct broker *broker,
                            struct controller_effects *effects) {
    struct controller_topic_partition *remaining;
    const struct replica *replica;
    size_t count = 0;

    TAILQ_FOREACH (replica, &broker->replicas, on_broker)
        count++;
    remaining = controller_request_allocate(request, count, sizeof(*remaining));
    count = 0;
    TAILQ_FOREACH (replica, &broker->replicas, on_broker) {
        const struct partition *p = replica->partition;
        if (p->exists && p->state.leader == broker->id && p->replica_count > 1 &&
            p->topic->phase != TOPIC_DELETING)
            remaining[count++] = (struct controller_topic_partition){
                controller_request_copy(request, p->topic->name), p->index};
    }
    controller_request_answer_controlled_shutdown(c, request, ERR_NONE, remaining, count, effects);
}

void controller_leadership_answer_shutdowns(struct controller *c,
                                            struct controller_effects *effects) {
    struct request *request, *next;

    for (request = TAILQ_FIRST(&c->requests); request != NULL; request = next) {
        struct broker *broker;
        next = TAILQ_NEXT(request, entry);
        if (request->kind != CONTROLLER_EVENT_CONTROLLED_SHUTDOWN)
            continue;
        broker = controller_cluster_broker(&c->cluster, request->controlled_shutdown.broker_id);
        if (broker == NULL || !broker->registered)
            controller_request_answer_controlled_shutdown(c, request, ERR_BROKER_NOT_AVAILABLE,
                                                          NULL, 0, effects);
        else if (!has_unsettled(broker))
            answer_shutdown(c, request, broker, effects);
    }
}

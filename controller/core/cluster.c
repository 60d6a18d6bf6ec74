#include "controller/core/cluster.h"

#include "controller/core/topic_name.h"

/* A null view stays null; otherwise memory of our own, with a zero behind. */
struct bytes controller_bytes_duplicate(struct bytes source) {
    char *copy;

    if (bytes_is_null(source))
        return BYTES_NULL;
    copy = controller_allocate(source.size + 1, 1);
    if (source.size > 0)
        memcpy(copy, source.data, source.size);
    return bytes_of(copy, source.size);
}

void controller_bytes_release(struct bytes *owned) {
    free((void *)(uintptr_t)owned->data);
    *owned = BYTES_NULL;
}

static void clear_offline(struct broker *broker) {
    for (size_t i = 0; i < broker->offline_count; i++)
        controller_bytes_release(&broker->offline[i].topic);
    free(broker->offline);
    broker->offline = NULL;
    broker->offline_count = 0;
}

static void broker_free(struct broker *broker) {
    controller_bytes_release(&broker->rack);
    clear_offline(broker);
    free(broker);
}

void controller_cluster_init(struct cluster *cluster) {
    *cluster = (struct cluster){0};
}

void controller_cluster_done(struct cluster *cluster) {
    struct topic *topic, *next_topic;
    struct broker *broker, *next_broker;

    HASH_ITER (by_name, cluster->by_name, topic, next_topic)
        controller_cluster_topic_forget(cluster, topic);
    HASH_ITER (hh, cluster->brokers, broker, next_broker) {
        HASH_DEL(cluster->brokers, broker);
        broker_free(broker);
    }
}

/* ---- Brokers */

struct broker *controller_cluster_broker(struct cluster *cluster, int32_t id) {
    struct broker *broker;

    HASH_FIND(hh, cluster->brokers, &id, sizeof(id), broker);
    return broker;
}

struct broker *controller_cluster_broker_ensure(struct cluster *cluster, int32_t id) {
    struct broker *broker = controller_cluster_broker(cluster, id);

    if (broker != NULL)
        return broker;
    broker = controller_allocate(1, sizeof(*broker));
    broker->id = id;
    TAILQ_INIT(&broker->replicas);
    HASH_ADD(hh, cluster->brokers, id, sizeof(broker->id), broker);
    return broker;
}

void controller_cluster_broker_set_rack(struct broker *broker, struct bytes rack) {
    struct bytes copy = controller_bytes_duplicate(rack);

    controller_bytes_release(&broker->rack);
    broker->rack = copy;
}

static int compare_offline(const void *left, const void *right) {
    const struct controller_topic_partition *a = left, *b = right;
    size_t shorter = a->topic.size < b->topic.size ? a->topic.size : b->topic.size;
    int order = memcmp(a->topic.data, b->topic.data, shorter);

    if (order == 0)
        order = (a->topic.size > b->topic.size) - (a->topic.size < b->topic.size);
    return order != 0 ? order : (a->partition > b->partition) - (a->partition < b->partition);
}

bool controller_cluster_broker_set_offline(struct broker *broker,
                                           const struct controller_topic_partition *offline,
                                           size_t count) {
    struct controller_topic_partition *copy = controller_allocate(count + 1, sizeof(*copy));
    bool is_same = count == broker->offline_count;

    for (size_t i = 0; i < count; i++)
        copy[i] = (struct controller_topic_partition){controller_bytes_duplicate(offline[i].topic),
                                                      offline[i].partition};
    if (count > 0)
        qsort(copy, count, sizeof(*copy), compare_offline);
    for (size_t i = 0; i < count && is_same; i++)
        is_same = compare_offline(&copy[i], &broker->offline[i]) == 0;
    clear_offline(broker);
    broker->offline = copy;
    broker->offline_count = count;
    return !is_same;
}

bool controller_replica_is_offline(const struct replica *replica) {
    const struct broker *broker = replica->broker;
    struct controller_topic_partition of = {replica->partition->topic->name,
                                            replica->partition->index};

    return broker->offline_count > 0 && bsearch(&of, broker->offline, broker->offline_count,
                                                sizeof(of), compare_offline) != NULL;
}

static bool is_leaving(const struct broker *broker) {
    return broker->leaving_epoch != 0 && broker->leaving_epoch >= broker->epoch;
}

bool controller_broker_is_live(const struct broker *broker) {
    return broker->registered && !is_leaving(broker);
}

/* ---- Topics */

struct topic *controller_cluster_topic(struct cluster *cluster, struct bytes name) {
    struct topic *topic = NULL;

    if (name.size > 0)
        HASH_FIND(by_name, cluster->by_name, name.data, name.size, topic);
    return topic;
}

struct topic *controller_cluster_topic_by_id(struct cluster *cluster, const struct uuid *id) {
    struct topic *topic = NULL;

    if (!uuid_is_zero(id))
        HASH_FIND(by_id, cluster->by_id, id, sizeof(*id), topic);
    return topic;
}

struct topic *controller_cluster_topic_colliding(struct cluster *cluster, struct bytes name) {
    char folded[TOPIC_NAME_BYTES_MAX];
    struct topic *topic;

    if (name.size > sizeof(folded))
        return NULL;
    controller_topic_name_fold(name, folded);
    HASH_FIND(by_folded, cluster->by_folded, folded, name.size, topic);
    return topic != NULL && !bytes_equal(topic->name, name) ? topic : NULL;
}

struct topic *controller_cluster_topic_add(struct cluster *cluster, struct bytes name,
                                           const struct uuid *id) {
    struct topic *topic = controller_allocate(1, sizeof(*topic));

    topic->unit.kind = UNIT_TOPIC;
    topic->name = controller_bytes_duplicate(name);
    topic->folded = controller_allocate(name.size + 1, 1);
    controller_topic_name_fold(name, topic->folded);
    TAILQ_INIT(&topic->delete_items);
    HASH_ADD_KEYPTR(by_name, cluster->by_name, topic->name.data, name.size, topic);
    HASH_ADD_KEYPTR(by_folded, cluster->by_folded, topic->folded, name.size, topic);
    controller_cluster_topic_set_id(cluster, topic, id);
    return topic;
}

void controller_cluster_topic_set_id(struct cluster *cluster, struct topic *topic,
                                     const struct uuid *id) {
    if (!uuid_is_zero(&topic->id))
        HASH_DELETE(by_id, cluster->by_id, topic);
    topic->id = *id;
    if (!uuid_is_zero(id))
        HASH_ADD(by_id, cluster->by_id, id, sizeof(topic->id), topic);
}

void controller_cluster_topic_clear_configs(struct topic *topic) {
    for (size_t i = 0; i < topic->config_count; i++) {
        controller_bytes_release(&topic->configs[i].key);
        controller_bytes_release(&topic->configs[i].value);
    }
    free(topic->configs);
    topic->configs = NULL;
    topic->config_count = 0;
}

void controller_cluster_topic_set_configs(struct topic *topic,
                                          const struct controller_topic_config_entry *configs,
                                          size_t count) {
    controller_cluster_topic_clear_configs(topic);
    topic->configs = controller_allocate(count, sizeof(*configs));
    topic->config_count = count;
    for (size_t i = 0; i < count; i++) {
        topic->configs[i].key = controller_bytes_duplicate(configs[i].key);
        topic->configs[i].value = controller_bytes_duplicate(configs[i].value);
    }
}

void controller_cluster_topic_clear_tree(struct topic *topic) {
    for (size_t i = 0; i < topic->tree_count; i++)
        controller_bytes_release(&topic->tree[i]);
    free(topic->tree);
    topic->tree = NULL;
    topic->tree_count = 0;
    topic->tree_position = 0;
}

void controller_cluster_topic_set_tree(struct topic *topic, const struct controller_names *paths) {
    controller_cluster_topic_clear_tree(topic);
    topic->tree = controller_allocate(paths->count, sizeof(*topic->tree));
    topic->tree_count = paths->count;
    for (size_t i = 0; i < paths->count; i++)
        topic->tree[i] = controller_bytes_duplicate(paths->names[i]);
}

static void partition_free(struct partition *partition) {
    CHECK(TAILQ_EMPTY(&partition->waiting) && partition->writing_item == NULL);
    controller_partition_state_clear(&partition->state);
    controller_partition_state_clear(&partition->next);
    CHECK(TAILQ_EMPTY(&partition->reassignments) && partition->planned_item == NULL);
    free(partition->planned);
    free(partition->adding_ids);
    free(partition->removing_ids);
    free(partition->replica_ids);
    free(partition->replicas);
    free(partition);
}

static void topic_free(struct topic *topic) {
    CHECK(topic->create_item == NULL && topic->extend_item == NULL);
    CHECK(TAILQ_EMPTY(&topic->delete_items));
    for (size_t i = 0; i < topic->partition_count; i++)
        partition_free(topic->partitions[i]);
    free(topic->partitions);
    controller_cluster_topic_clear_configs(topic);
    controller_cluster_topic_clear_tree(topic);
    controller_bytes_release(&topic->name);
    free(topic->folded);
    free(topic);
}

static void cluster_broker_drop_if_unused(struct cluster *cluster, struct broker *broker) {
    if (broker->registered || broker->unclean_since > 0 || !TAILQ_EMPTY(&broker->replicas))
        return;
    HASH_DEL(cluster->brokers, broker);
    broker_free(broker);
}

static void unlink_replicas(struct cluster *cluster, struct replica *replicas, size_t count) {
    for (size_t r = 0; r < count; r++) {
        struct replica *replica = &replicas[r];
        TAILQ_REMOVE(&replica->broker->replicas, replica, on_broker);
        cluster_broker_drop_if_unused(cluster, replica->broker);
        replica->broker = NULL;
    }
}

static void partition_unlink(struct cluster *cluster, struct partition *partition) {
    unlink_replicas(cluster, partition->replicas, partition->replica_count);
    cluster->partition_count--;
}

void controller_cluster_topic_begin_deletion(struct cluster *cluster, struct topic *topic) {
    topic->phase = TOPIC_DELETING;
    for (size_t i = 0; i < topic->partition_count; i++)
        topic->deleting_replicas += topic->partitions[i]->replica_count;
    cluster->deleting_topics++;
    cluster->deleting_replicas += topic->deleting_replicas;
}

void controller_cluster_topic_forget(struct cluster *cluster, struct topic *topic) {
    CHECK(!topic->forgotten);
    HASH_DELETE(by_name, cluster->by_name, topic);
    HASH_DELETE(by_folded, cluster->by_folded, topic);
    if (!uuid_is_zero(&topic->id))
        HASH_DELETE(by_id, cluster->by_id, topic);
    for (size_t i = 0; i < topic->partition_count; i++)
        partition_unlink(cluster, topic->partitions[i]);
    if (topic->phase == TOPIC_DELETING) {
        cluster->deleting_topics--;
        cluster->deleting_replicas -= topic->deleting_replicas;
    }
    topic->forgotten = true;
    if (topic->in_flight == 0)
        topic_free(topic);
}

void controller_topic_release(struct topic *topic) {
    CHECK(topic->in_flight > 0);
    if (--topic->in_flight == 0 && topic->forgotten)
        topic_free(topic);
}

/* ---- Partitions */

struct partition *controller_cluster_partition_add(struct cluster *cluster, struct topic *topic,
                                                   const int32_t *replicas, size_t replica_count) {
    struct partition *partition = controller_allocate(1, sizeof(*partition));
    size_t room = topic->partition_count;

    if ((room & (room - 1)) == 0) {
        /* The array is full whenever its count is a power of two. */
        topic->partitions =
            realloc(topic->partitions, (room == 0 ? 1 : room * 2) * sizeof(*topic->partitions));
        CHECK(topic->partitions != NULL);
    }
    partition->unit.kind = UNIT_PARTITION;
    partition->topic = topic;
    partition->index = (int32_t)topic->partition_count;
    partition->state.leader = -1;
    TAILQ_INIT(&partition->waiting);
    TAILQ_INIT(&partition->reassignments);
    controller_cluster_partition_assign(cluster, partition,
                                        &(struct controller_partition_assignment){
                                            .replicas = replicas, .replica_count = replica_count});
    topic->partitions[topic->partition_count++] = partition;
    cluster->partition_count++;
    return partition;
}

static int32_t *ids_copy(const int32_t *ids, size_t count) {
    int32_t *copy = NULL;

    if (count > 0) {
        copy = controller_allocate(count, sizeof(*copy));
        memcpy(copy, ids, count * sizeof(*copy));
    }
    return copy;
}

static void set_ids(int32_t **to, size_t *to_count, const int32_t *ids, size_t count) {
    int32_t *copy = ids_copy(ids, count);

    free(*to);
    *to = copy;
    *to_count = count;
}

struct controller_partition_assignment
controller_partition_assignment_of(const struct partition *partition) {
    return (struct controller_partition_assignment){
        .partition = partition->index,
        .replicas = partition->replica_ids,
        .replica_count = partition->replica_count,
        .adding = partition->adding_ids,
        .adding_count = partition->adding_count,
        .removing = partition->removing_ids,
        .removing_count = partition->removing_count,
    };
}

bool controller_partition_is_reassigning(const struct partition *partition) {
    return partition->adding_count > 0 || partition->removing_count > 0;
}

void controller_cluster_partition_assign(struct cluster *cluster, struct partition *partition,
                                         const struct controller_partition_assignment *assignment) {
    size_t count = assignment->replica_count;
    struct replica *before = partition->replicas;
    size_t before_count = partition->replica_count;
    struct replica *after = controller_allocate(count, sizeof(*after));

    for (size_t r = 0; r < count; r++) {
        const struct replica *known =
            controller_partition_replica(partition, assignment->replicas[r]);
        after[r].partition = partition;
        after[r].eviction = known == NULL ? EVICTION_NONE : known->eviction;
        after[r].broker = controller_cluster_broker_ensure(cluster, assignment->replicas[r]);
        TAILQ_INSERT_TAIL(&after[r].broker->replicas, &after[r], on_broker);
    }
    unlink_replicas(cluster, before, before_count);
    free(before);
    partition->replicas = after;
    set_ids(&partition->replica_ids, &partition->replica_count, assignment->replicas, count);
    set_ids(&partition->adding_ids, &partition->adding_count, assignment->adding,
            assignment->adding_count);
    set_ids(&partition->removing_ids, &partition->removing_count, assignment->removing,
            assignment->removing_count);
}

void controller_cluster_partition_remove_last(struct cluster *cluster, struct topic *topic) {
    struct partition *partition = topic->partitions[topic->partition_count - 1];

    CHECK(partition->phase == PARTITION_SETTLED && !partition->unit.queued);
    partition_unlink(cluster, partition);
    topic->partition_count--;
    partition_free(partition);
}

struct partition *controller_topic_find_partition(struct topic *topic, int32_t index) {
    return index >= 0 && (size_t)index < topic->partition_count ? topic->partitions[index] : NULL;
}

void controller_partition_state_clear(struct controller_partition_state *state) {
    free((void *)(uintptr_t)state->isr);
    state->isr = NULL;
    state->isr_count = 0;
}

void controller_partition_state_copy(struct controller_partition_state *to,
                                     const struct controller_partition_state *from) {
    int32_t *isr = controller_allocate(from->isr_count, sizeof(*isr));

    if (from->isr_count > 0)
        memcpy(isr, from->isr, from->isr_count * sizeof(*isr));
    controller_partition_state_clear(to);
    *to = *from;
    to->isr = isr;
}

bool controller_partition_state_equal(const struct controller_partition_state *a,
                                      const struct controller_partition_state *b) {
    return a->leader == b->leader && a->leader_epoch == b->leader_epoch &&
           a->controller_epoch == b->controller_epoch &&
           a->leader_recovery_state == b->leader_recovery_state && a->isr_count == b->isr_count &&
           (a->isr_count == 0 || memcmp(a->isr, b->isr, a->isr_count * sizeof(*a->isr)) == 0);
}

static enum replica_health replica_health(const struct replica *replica) {
    bool unclean = replica->partition->exists &&
                   replica->broker->unclean_since > replica->partition->registrations_seen;

    if (!replica->broker->registered || controller_replica_is_offline(replica))
        return unclean ? REPLICA_OFFLINE_UNCLEAN : REPLICA_OFFLINE;
    if (unclean)
        return REPLICA_UNCLEAN;
    /* Whether it leaves or not: it goes on leading only in a new leader epoch. */
    if (replica->eviction != EVICTION_NONE)
        return REPLICA_STALE;
    return is_leaving(replica->broker) ? REPLICA_LEAVING : REPLICA_ONLINE;
}

struct election_input controller_partition_election_input(const struct partition *partition,
                                                          enum replica_health *health) {
    for (size_t r = 0; r < partition->replica_count; r++)
        health[r] = replica_health(&partition->replicas[r]);
    return (struct election_input){
        .replicas = partition->replica_ids,
        .health = health,
        .replica_count = partition->replica_count,
        .leader = partition->state.leader,
        .isr = partition->state.isr,
        .isr_count = partition->state.isr_count,
        .recovering = partition->state.leader_recovery_state == CONTROLLER_LEADER_RECOVERING,
        .unclean_allowed = partition->unclean_allowed,
    };
}

struct replica *controller_partition_replica(const struct partition *partition, int32_t broker_id) {
    for (size_t r = 0; r < partition->replica_count; r++)
        if (partition->replica_ids[r] == broker_id)
            return &partition->replicas[r];
    return NULL;
}

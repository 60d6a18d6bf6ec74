/*
 * A topic's own znode: made by us on request, found because somebody else made it, extended,
 * given an id, gone.
 *
 * A topic has one write of its own at a time (`writing`), which carries all that its znode and
 * the brokers lack: the znode, more partitions, an id, the node `partitions`, a note in the
 * change log. Partitions of a topic are written only behind that, never before it.
 */
#include "controller/core/request.h"

/* Each replica stands once among all, and may once more among those that are added or removed. */
static size_t partition_bytes(const struct partition *p) {
    size_t replicas = 2 * p->replica_count;

    if (p->planned != NULL)
        replicas = 2 * (p->replica_count + p->planned->replica_count);
    return 16 + 12 * replicas;
}

size_t controller_topic_bytes(const struct topic *topic) {
    size_t bytes = 600 + 6 * topic->name.size;

    for (size_t i = 0; i < topic->partition_count; i++)
        bytes += 2 * partition_bytes(topic->partitions[i]);
    for (size_t i = 0; i < topic->config_count; i++)
        bytes += 2 * (16 + topic->configs[i].key.size + topic->configs[i].value.size);
    return bytes;
}

static bool needs_write(const struct topic *topic) {
    return topic->phase == TOPIC_CREATING || topic->id_wanted || topic->note_wanted ||
           topic->assignment_wanted || !topic->partitions_node_exists ||
           topic->written_count < topic->partition_count;
}

bool controller_topic_allows_partition(const struct topic *topic, int32_t index) {
    if (topic->phase == TOPIC_DELETING)
        return false;
    if (topic->phase == TOPIC_CREATING)
        return topic->writing;
    if ((size_t)index >= topic->written_count)
        return false;
    return topic->writing ||
           !(topic->id_wanted || topic->note_wanted || !topic->partitions_node_exists);
}

void controller_topic_touch(struct controller *c, struct topic *topic) {
    if (topic->phase != TOPIC_DELETING && needs_write(topic) && !topic->writing)
        controller_writes_queue(c, &topic->unit, false);
}

static void touch_stateless(struct controller *c, struct topic *topic) {
    for (size_t i = 0; i < topic->partition_count; i++)
        if (!topic->partitions[i]->exists)
            controller_partition_touch(c, topic->partitions[i]);
}

void controller_topic_read_config(struct controller *c, struct topic *topic,
                                  struct controller_effects *effects) {
    if (topic->config_reading)
        return;
    topic->config_reading = true;
    controller_effect_read(c, effects, CONTROLLER_EFFECT_READ_TOPIC_CONFIG, topic->name);
}

/* ---- Writing */

static struct controller_write describe(const struct topic *topic,
                                        struct controller_partition_assignment *assignments) {
    for (size_t i = 0; i < topic->partition_count; i++)
        assignments[i] = topic->partitions[i]->planned != NULL
                             ? *topic->partitions[i]->planned
                             : controller_partition_assignment_of(topic->partitions[i]);
    return (struct controller_write){
        .topic = topic->name,
        .topic_id = topic->id,
        .assignments = assignments,
        .assignment_count = topic->partition_count,
        .with_configs = topic->configs != NULL,
        .configs = topic->configs,
        .config_count = topic->config_count,
    };
}

static void add_write(struct topic *topic, struct batch *batch, struct controller_write *write,
                      enum controller_write_kind kind, struct controller_effects *effects) {
    write->kind = kind;
    controller_batch_add(batch, &topic->unit, topic, write, effects);
}

void controller_topic_look(struct controller *c, struct topic *topic, struct batch *batch,
                           struct controller_effects *effects) {
    struct controller_partition_assignment *assignments;
    struct controller_write write;
    bool reassigns;

    if (topic->writing || !needs_write(topic))
        return;
    reassigns = controller_reassignment_plan_topic(c, topic, effects);
    if (!reassigns && !needs_write(topic))
        return;
    assignments = controller_allocate(topic->partition_count, sizeof(*assignments));
    write = describe(topic, assignments);
    write.version = topic->version;
    topic->sent_create = topic->phase == TOPIC_CREATING;
    topic->sent_set = !topic->sent_create && (topic->id_wanted || reassigns ||
                                              topic->written_count < topic->partition_count);
    topic->sent_count = topic->partition_count;
    topic->writing = true;
    if (topic->sent_create) {
        add_write(topic, batch, &write,
                  topic->config_node_exists ? CONTROLLER_WRITE_TOPIC_CONFIG_SET
                                            : CONTROLLER_WRITE_TOPIC_CONFIG_CREATE,
                  effects);
        add_write(topic, batch, &write, CONTROLLER_WRITE_TOPIC_CREATE, effects);
    } else if (topic->sent_set) {
        add_write(topic, batch, &write, CONTROLLER_WRITE_TOPIC_SET, effects);
    } else {
        add_write(topic, batch, &write, CONTROLLER_WRITE_NOTE_TOPIC, effects);
    }
    if (!topic->partitions_node_exists)
        add_write(topic, batch, &write, CONTROLLER_WRITE_PARTITIONS_CREATE, effects);
    free(assignments);
    for (size_t i = 0; i < topic->partition_count; i++)
        controller_partition_touch(c, topic->partitions[i]);
}

void controller_topic_on_written(struct controller *c, struct topic *topic,
                                 struct controller_effects *effects) {
    if (topic->sent_create) {
        topic->version = 0;
        topic->phase = TOPIC_LIVE;
        topic->config_node_exists = true;
    } else if (topic->sent_set) {
        topic->version++;
    }
    topic->partitions_node_exists = true;
    topic->written_count = topic->sent_count;
    controller_reassignment_on_written(c, topic, effects);
    /* With an id of its own for the first time, its states are other states to the brokers. */
    for (size_t i = 0; topic->id_wanted && i < topic->partition_count; i++) {
        topic->partitions[i]->note_wanted = topic->partitions[i]->exists;
        controller_partition_touch(c, topic->partitions[i]);
    }
    topic->id_wanted = false;
    topic->note_wanted = false;
    /* Later notes are silent about configs, which may have changed by then. */
    controller_cluster_topic_clear_configs(topic);
    touch_stateless(c, topic);
    controller_topic_touch(c, topic);
    controller_topic_on_partitions_done(c, topic, effects);
}

void controller_topic_on_refused(struct controller *c, struct topic *topic, enum error error,
                                 enum controller_write_kind failed,
                                 struct controller_effects *effects) {
    if (failed == CONTROLLER_WRITE_TOPIC_CONFIG_CREATE && error == ERR_ZK_NODE_EXISTS) {
        topic->config_node_exists = true;
        controller_writes_queue_first(c, &topic->unit, false);
    } else if (failed == CONTROLLER_WRITE_TOPIC_CONFIG_SET && error == ERR_ZK_NO_NODE) {
        topic->config_node_exists = false;
        controller_writes_queue_first(c, &topic->unit, false);
    } else {
        controller_effect_read(c, effects, CONTROLLER_EFFECT_READ_TOPIC, topic->name);
    }
}

/* ---- Requests that wait for the topic */

static void finish_item(struct controller *c, struct request_item **item, enum error error,
                        const char *message, struct controller_effects *effects) {
    struct request_item *finished = *item;

    if (finished == NULL)
        return;
    *item = NULL;
    controller_item_set_error(finished, error, message);
    controller_item_done(c, finished, effects);
}

void controller_topic_on_partitions_done(struct controller *c, struct topic *topic,
                                         struct controller_effects *effects) {
    if (topic->phase != TOPIC_LIVE || topic->awaited_count > 0 ||
        topic->written_count < topic->partition_count)
        return;
    finish_item(c, &topic->create_item, ERR_NONE, NULL, effects);
    finish_item(c, &topic->extend_item, ERR_NONE, NULL, effects);
}

void controller_topic_fail_items(struct controller *c, struct topic *topic, enum error error,
                                 struct controller_effects *effects) {
    for (size_t i = 0; i < topic->partition_count; i++) {
        controller_partition_fail_items(c, topic->partitions[i], ERR_UNKNOWN_TOPIC_OR_PARTITION,
                                        effects);
        controller_reassignment_fail_items(c, topic->partitions[i], effects);
        topic->partitions[i]->awaited = false;
    }
    topic->awaited_count = 0;
    finish_item(c, &topic->create_item, error, NULL, effects);
    finish_item(c, &topic->extend_item, error, NULL, effects);
}

void controller_topic_detach_items(struct topic *topic) {
    topic->create_item = NULL;
    topic->extend_item = NULL;
    TAILQ_INIT(&topic->delete_items);
    for (size_t i = 0; i < topic->partition_count; i++) {
        topic->partitions[i]->writing_item = NULL;
        TAILQ_INIT(&topic->partitions[i]->waiting);
        topic->partitions[i]->planned_item = NULL;
        TAILQ_INIT(&topic->partitions[i]->reassignments);
    }
}

void controller_topic_unqueue(struct controller *c, struct topic *topic) {
    controller_writes_unqueue(c, &topic->unit);
    for (size_t i = 0; i < topic->partition_count; i++) {
        struct partition *p = topic->partitions[i];
        controller_writes_unqueue(c, &p->unit);
        if (p->phase == PARTITION_QUEUED)
            p->phase = PARTITION_SETTLED;
    }
}

void controller_topic_drop(struct controller *c, struct topic *topic, enum error error,
                           struct controller_effects *effects) {
    struct request_item *item;

    controller_topic_unqueue(c, topic);
    controller_topic_fail_items(c, topic, error, effects);
    while ((item = TAILQ_FIRST(&topic->delete_items)) != NULL) {
        TAILQ_REMOVE(&topic->delete_items, item, entry);
        controller_item_done(c, item, effects); /* gone is what it wanted */
    }
    controller_cluster_topic_forget(&c->cluster, topic);
}

/* ---- What was read */

static void add_partitions(struct controller *c, struct topic *topic,
                           const struct controller_topic_read *read,
                           struct controller_effects *effects) {
    for (size_t i = topic->partition_count; i < read->partition_count; i++) {
        struct partition *p = controller_cluster_partition_add(
            &c->cluster, topic, read->assignments[i].replicas, read->assignments[i].replica_count);
        controller_cluster_partition_assign(&c->cluster, p, &read->assignments[i]);
        controller_partition_adopt(c, p, &read->states[i], effects);
        if (c->role == ROLE_ACTIVE) {
            controller_liveness_find_stale(p);
            p->note_wanted = p->exists;
            controller_partition_touch(c, p);
        }
    }
    topic->written_count = read->partition_count;
}

/* A topic that we did not know. */
static void adopt(struct controller *c, const struct controller_topic_read *read,
                  struct controller_effects *effects) {
    struct uuid id = uuid_is_zero(&read->topic_id) ? uuid_random(&c->rng) : read->topic_id;
    struct topic *topic = controller_cluster_topic_add(&c->cluster, read->name, &id);

    topic->phase = TOPIC_LIVE;
    topic->id_wanted = uuid_is_zero(&read->topic_id);
    topic->version = read->version;
    topic->config_node_exists = read->config_node_exists;
    topic->partitions_node_exists = read->partitions_node_exists;
    /* A topic without states was made while nobody, or a controller that stopped half-way,
     * looked after it; brokers that saw it then know no more than its znode. */
    topic->note_wanted = c->role == ROLE_ACTIVE || !read->partitions_node_exists;
    if (topic->note_wanted || topic->id_wanted)
        controller_cluster_topic_set_configs(topic, read->configs, read->config_count);
    add_partitions(c, topic, read, effects);
    if (c->role == ROLE_ACTIVE)
        controller_topic_touch(c, topic);
}

static void gone(struct controller *c, struct topic *topic, struct controller_effects *effects) {
    controller_writes_note_deleted(c, topic->name, &topic->id);
    controller_topic_drop(c, topic, ERR_UNKNOWN_TOPIC_OR_PARTITION, effects);
}

/* Partitions of ours that the znode does not have: the write that adds them was not applied, or
 * somebody else added others. */
static void compare_added(struct controller *c, struct topic *topic,
                          const struct controller_topic_read *read,
                          struct controller_effects *effects) {
    bool foreign = false;

    for (size_t i = topic->written_count; i < topic->partition_count; i++) {
        const struct partition *p = topic->partitions[i];
        if (i >= read->partition_count)
            continue;
        foreign = foreign || p->replica_count != read->assignments[i].replica_count ||
                  memcmp(p->replica_ids, read->assignments[i].replicas,
                         p->replica_count * sizeof(*p->replica_ids)) != 0;
    }
    if (read->partition_count <= topic->written_count)
        return; /* not applied; it will be tried again at the version just read */
    if (!foreign && read->partition_count >= topic->partition_count) {
        topic->written_count = topic->partition_count;
        return;
    }
    while (topic->partition_count > topic->written_count) {
        struct partition *p = topic->partitions[topic->partition_count - 1];
        controller_writes_unqueue(c, &p->unit);
        p->phase = PARTITION_SETTLED;
        if (p->awaited)
            topic->awaited_count--;
        p->awaited = false;
        controller_cluster_partition_remove_last(&c->cluster, topic);
    }
    finish_item(c, &topic->extend_item, ERR_INVALID_PARTITIONS,
                "Partitions were added by somebody else at the same time.", effects);
}

static void reconcile(struct controller *c, struct topic *topic,
                      const struct controller_topic_read *read,
                      struct controller_effects *effects) {
    size_t compared;

    topic->phase = TOPIC_LIVE;
    topic->version = read->version;
    topic->config_node_exists = read->config_node_exists;
    topic->partitions_node_exists = read->partitions_node_exists;
    topic->id_wanted = uuid_is_zero(&read->topic_id);
    compare_added(c, topic, read, effects);
    compared = read->partition_count < topic->partition_count ? read->partition_count
                                                              : topic->partition_count;
    if (topic->written_count < compared)
        topic->written_count = compared;
    for (size_t i = 0; i < compared; i++)
        controller_reassignment_reconcile(c, topic->partitions[i], &read->assignments[i], effects);
    for (size_t i = 0; i < compared; i++)
        if (topic->partitions[i]->phase == PARTITION_READING)
            controller_partition_adopt(c, topic->partitions[i], &read->states[i], effects);
    if (read->partition_count > topic->partition_count) {
        topic->note_wanted = true;
        add_partitions(c, topic, read, effects);
    }
    for (size_t i = 0; i < topic->partition_count; i++)
        controller_partition_touch(c,
                                   topic->partitions[i]); /* some may have had to wait for this */
    controller_topic_touch(c, topic);
    controller_topic_on_partitions_done(c, topic, effects);
}

static void compare(struct controller *c, struct topic *topic,
                    const struct controller_topic_read *read, struct controller_effects *effects) {
    bool replaced = !uuid_is_zero(&read->topic_id) && !uuid_equal(&read->topic_id, &topic->id);

    if (topic->phase == TOPIC_CREATING && (replaced || uuid_is_zero(&read->topic_id))) {
        /* Somebody else made a topic of this name at the same time. */
        controller_topic_drop(c, topic, ERR_TOPIC_ALREADY_EXISTS, effects);
        adopt(c, read, effects);
    } else if (replaced) {
        gone(c, topic, effects);
        adopt(c, read, effects);
    } else {
        reconcile(c, topic, read, effects);
    }
}

void controller_topic_on_topic_read(struct controller *c, const struct controller_event *event,
                                    struct controller_effects *effects) {
    const struct controller_topic_read *read = event->topic_read;
    struct topic *topic = controller_cluster_topic(&c->cluster, read->name);

    if (topic != NULL && topic->phase == TOPIC_DELETING)
        return;
    if (topic != NULL && topic->writing) {
        topic->reread = true;
        return;
    }
    if (topic != NULL && topic->phase == TOPIC_LIVE && read->error == ERR_NONE &&
        uuid_equal(&topic->id, &read->topic_id) && read->version < topic->version) {
        /* Begun before our own last write. */
        controller_effect_read(c, effects, CONTROLLER_EFFECT_READ_TOPIC, topic->name);
        return;
    }
    switch ((int)read->error) {
    case ERR_NONE:
        if (topic == NULL)
            adopt(c, read, effects);
        else
            compare(c, topic, read, effects);
        break;
    case ERR_ZK_NO_NODE:
        if (topic == NULL)
            break;
        if (topic->phase == TOPIC_CREATING)
            controller_topic_touch(c, topic);
        else
            gone(c, topic, effects);
        break;
    default: /* unreadable: left alone */
        break;
    }
}

void controller_topic_on_topics_read(struct controller *c, const struct controller_event *event,
                                     struct controller_effects *effects) {
    struct topic *topic, *next;

    c->topic_listing++;
    for (size_t i = 0; i < event->topics_read.count; i++) {
        struct bytes name = event->topics_read.names[i];
        topic = controller_cluster_topic(&c->cluster, name);
        if (topic != NULL) {
            topic->seen = c->topic_listing;
            continue;
        }
        controller_effect_read(c, effects, CONTROLLER_EFFECT_READ_TOPIC, name);
    }
    HASH_ITER (by_name, c->cluster.by_name, topic, next)
        if (topic->seen != c->topic_listing && topic->phase == TOPIC_LIVE)
            controller_effect_read(c, effects, CONTROLLER_EFFECT_READ_TOPIC, topic->name);
}

/*
 * Deleting a topic: whatever is there below its znode, its config, its mark.
 *
 * It begins when nothing about the topic is on its way any more. Then everything there is is
 * listed, and deleted in that order (children first) in as many multis as it takes, one after
 * the other. The last holds the topic's own znode, its config and its mark, and the entry that
 * tells the brokers; so the topic is there for everybody until it is gone for everybody. More
 * than one multi leaves a mark under /admin/delete_topics first, by which the next controller
 * goes on. No broker is asked: a replica on a dead broker is deleted when that broker sees that
 * the topic is gone. Whatever goes wrong, the rest is listed anew.
 */
#include "controller/core/request.h"

/* The topic's znode, its config, its mark: together with the entry or not at all. */
#define LAST_WRITES 3

void controller_deletion_advance(struct controller *c, struct topic *topic,
                                 struct controller_effects *effects) {
    if (topic->in_flight > 0 || topic->tree_token != 0)
        return;
    if (topic->tree == NULL)
        topic->tree_token =
            controller_effect_read(c, effects, CONTROLLER_EFFECT_READ_TOPIC_TREE, topic->name);
    else
        controller_writes_queue(c, &topic->unit, false);
}

void controller_deletion_begin(struct controller *c, struct topic *topic,
                               struct controller_effects *effects) {
    if (topic->phase == TOPIC_DELETING)
        return;
    controller_cluster_topic_begin_deletion(&c->cluster, topic);
    controller_topic_unqueue(c, topic);
    controller_topic_fail_items(c, topic, ERR_UNKNOWN_TOPIC_OR_PARTITION, effects);
    controller_deletion_advance(c, topic, effects);
}

void controller_deletion_on_tree_read(struct controller *c, const struct controller_event *event,
                                      struct controller_effects *effects) {
    struct topic *topic = controller_cluster_topic(&c->cluster, event->topic_tree_read.name);

    if (topic == NULL || topic->phase != TOPIC_DELETING || topic->tree_token != event->token)
        return;
    topic->tree_token = 0;
    topic->marked = event->topic_tree_read.marked;
    controller_cluster_topic_set_tree(topic, &event->topic_tree_read.paths);
    controller_deletion_advance(c, topic, effects);
}

static size_t chunk_size(const struct topic *topic, size_t room) {
    size_t remaining = topic->tree_count - topic->tree_position;

    if (remaining + 1 <= room)
        return remaining;
    return remaining - LAST_WRITES < room ? remaining - LAST_WRITES : room;
}

void controller_deletion_look(struct topic *topic, struct batch *batch,
                              struct controller_effects *effects) {
    struct controller_write write = {.topic = topic->name, .topic_id = topic->id};
    size_t room = controller_batch_room(batch) - 1; /* for the mark */
    size_t count;

    if (topic->in_flight > 0 || topic->tree == NULL)
        return;
    count = chunk_size(topic, room);
    topic->sent_last = topic->tree_position + count == topic->tree_count;
    if (!topic->sent_last && !topic->marked) {
        write.kind = CONTROLLER_WRITE_DELETE_MARK_CREATE;
        controller_batch_add(batch, &topic->unit, topic, &write, effects);
    }
    for (size_t i = 0; i < count; i++) {
        write.kind = CONTROLLER_WRITE_NODE_DELETE;
        write.path = topic->tree[topic->tree_position + i];
        controller_batch_add(batch, &topic->unit, topic, &write, effects);
    }
    write.path = BYTES_NULL;
    if (topic->sent_last) {
        write.kind = CONTROLLER_WRITE_NOTE_DELETED;
        controller_batch_add(batch, &topic->unit, topic, &write, effects);
    }
    topic->sent_count = count;
    topic->writing_deletion = true;
}

void controller_deletion_on_written(struct controller *c, struct topic *topic,
                                    struct controller_effects *effects) {
    if (topic->sent_last) {
        /* A mark that was set after the listing would stay, and mean the next topic of the name. */
        if (topic->mark_seen && !topic->marked)
            controller_writes_delete_node(c, "/admin/delete_topics", topic->name);
        controller_topic_drop(c, topic, ERR_UNKNOWN_TOPIC_OR_PARTITION, effects);
        return;
    }
    if (!topic->marked) {
        /* The mark just made is not in the list that is being worked off. */
        controller_deletion_on_refused(topic);
        return;
    }
    topic->tree_position += topic->sent_count;
}

void controller_deletion_on_refused(struct topic *topic) {
    controller_cluster_topic_clear_tree(topic);
}

/* ---- Requests and marks */

static struct topic *find_topic(struct controller *c,
                                const struct controller_delete_topic *wanted) {
    return uuid_is_zero(&wanted->topic_id)
               ? controller_cluster_topic(&c->cluster, wanted->name)
               : controller_cluster_topic_by_id(&c->cluster, &wanted->topic_id);
}

void controller_deletion_on_request(struct controller *c, const struct controller_event *event,
                                    struct controller_effects *effects) {
    const struct controller_delete_topics_request *wanted = event->delete_topics;
    struct controller_delete_topic_result *results;
    struct request *request = controller_request_new(
        c, event->token, event->kind, wanted->topic_count, sizeof(*results), (void **)&results);

    request->results.delete_topics = results;
    request->open++; /* not answered before all have been looked at */
    for (size_t i = 0; i < wanted->topic_count; i++) {
        struct topic *topic = find_topic(c, &wanted->topics[i]);
        results[i].name =
            controller_request_copy(request, topic == NULL ? wanted->topics[i].name : topic->name);
        results[i].topic_id = topic == NULL ? wanted->topics[i].topic_id : topic->id;
        if (topic == NULL) {
            controller_item_set_error(&request->items[i],
                                      uuid_is_zero(&wanted->topics[i].topic_id)
                                          ? ERR_UNKNOWN_TOPIC_OR_PARTITION
                                          : ERR_UNKNOWN_TOPIC_ID,
                                      NULL);
            controller_item_done(c, &request->items[i], effects);
        } else if (!c->config.delete_topic_enable) {
            controller_item_set_error(&request->items[i], ERR_TOPIC_DELETION_DISABLED, NULL);
            controller_item_done(c, &request->items[i], effects);
        } else {
            TAILQ_INSERT_TAIL(&topic->delete_items, &request->items[i], entry);
            controller_deletion_begin(c, topic, effects);
        }
    }
    request->open--;
    controller_request_answer_if_done(c, request, effects);
}

void controller_deletion_on_marks_read(struct controller *c, const struct controller_event *event,
                                       struct controller_effects *effects) {
    if (c->role == ROLE_LOADING && !c->marks_loaded)
        return; /* the topics are not known yet; it is read again when they are */
    for (size_t i = 0; i < event->delete_topics_read.count; i++) {
        struct bytes name = event->delete_topics_read.names[i];
        struct topic *topic = controller_cluster_topic(&c->cluster, name);

        if (topic != NULL && topic->phase == TOPIC_DELETING)
            topic->mark_seen = true;
        else if (topic != NULL && c->config.delete_topic_enable)
            controller_deletion_begin(c, topic, effects);
        else
            controller_writes_delete_node(c, "/admin/delete_topics", name);
    }
}

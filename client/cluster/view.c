#include "client/cluster/view.h"

#include <stdlib.h>
#include <string.h>

#include "client/base/hash_table.h"
#include "client/wire/message/metadata.h"

struct topic_entry {
    struct view_topic topic;
    struct view_partition *partitions; /* what topic.partitions points to */
    uint64_t named_in;                 /* the last update that named it */
    UT_hash_handle hh;
    char name[];
};

struct view {
    struct topic_entry *topics; /* by name */
    uint64_t updates;
    struct view_broker *brokers;
    size_t broker_count;
    int32_t controller_id;
};

enum error view_new(struct view **created) {
    struct view *view = calloc(1, sizeof(*view));

    if (view == NULL)
        return ERR_OUT_OF_MEMORY;
    view->controller_id = -1;
    *created = view;
    return ERR_NONE;
}

static void brokers_free(struct view_broker *brokers, size_t count) {
    for (size_t i = 0; i < count; i++) {
        free(brokers[i].host);
        free(brokers[i].rack);
    }
    free(brokers);
}

static void topic_remove(struct view *view, struct topic_entry *entry) {
    HASH_DEL(view->topics, entry);
    free(entry->partitions);
    free(entry);
}

void view_free(struct view *view) {
    if (view == NULL)
        return;
    for (struct topic_entry *entry = view->topics, *next; entry != NULL; entry = next) {
        next = entry->hh.next;
        topic_remove(view, entry);
    }
    brokers_free(view->brokers, view->broker_count);
    free(view);
}

static enum error brokers_update(struct view *view, const struct metadata_response *response) {
    size_t count = response->brokers_count > 0 ? (size_t)response->brokers_count : 0;
    struct view_broker *brokers = calloc(count + 1, sizeof(*brokers));

    if (brokers == NULL)
        return ERR_OUT_OF_MEMORY;
    for (size_t i = 0; i < count; i++) {
        const struct metadata_response_brokers *from = &response->brokers[i];

        brokers[i].id = from->node_id;
        brokers[i].port = (uint16_t)from->port;
        brokers[i].host =
            strndup(from->host.data == NULL ? "" : (const char *)from->host.data, from->host.size);
        brokers[i].rack =
            from->rack.size == 0 ? NULL : strndup((const char *)from->rack.data, from->rack.size);
        if (brokers[i].host == NULL || (from->rack.size > 0 && brokers[i].rack == NULL)) {
            brokers_free(brokers, count);
            return ERR_OUT_OF_MEMORY;
        }
    }
    brokers_free(view->brokers, view->broker_count);
    view->brokers = brokers;
    view->broker_count = count;
    view->controller_id = response->controller_id;
    return ERR_NONE;
}

static enum error topic_entry_get(struct view *view, struct bytes name,
                                  struct topic_entry **found) {
    struct topic_entry *entry;

    HASH_FIND(hh, view->topics, name.data, name.size, entry);
    if (entry == NULL) {
        entry = calloc(1, sizeof(*entry) + name.size + 1);
        if (entry == NULL)
            return ERR_OUT_OF_MEMORY;
        memcpy(entry->name, name.data, name.size);
        entry->topic.name = entry->name;
        HASH_ADD_KEYPTR(hh, view->topics, entry->name, name.size, entry);
        if (!HASH_WAS_ADDED(hh, entry)) {
            free(entry);
            return ERR_OUT_OF_MEMORY;
        }
    }
    *found = entry;
    return ERR_NONE;
}

static enum error partitions_resize(struct topic_entry *entry, int32_t count) {
    struct view_partition *partitions;

    if (count <= entry->topic.partition_count)
        return ERR_NONE;
    partitions = reallocarray(entry->partitions, (size_t)count, sizeof(*partitions));
    if (partitions == NULL)
        return ERR_OUT_OF_MEMORY;
    for (int32_t i = entry->topic.partition_count; i < count; i++)
        partitions[i] = (struct view_partition){.leader_id = VIEW_NO_LEADER, .leader_epoch = -1};
    entry->partitions = partitions;
    entry->topic.partitions = partitions;
    entry->topic.partition_count = count;
    return ERR_NONE;
}

/* Brokers tell of all partitions of a topic, and no cluster has more in one; a larger index is a
 * lie that would cost memory. */
#define PARTITION_COUNT_MAX 1000000
#define LACKING_MAX         1000

/* One past the highest index: a partition that the answer lacks has no leader. */
static int32_t partition_count_of(const struct metadata_response_topics *from) {
    int32_t count_max = from->partitions_count < PARTITION_COUNT_MAX - LACKING_MAX
                            ? from->partitions_count + LACKING_MAX
                            : PARTITION_COUNT_MAX;
    int32_t count = 0;

    for (int32_t i = 0; i < from->partitions_count; i++) {
        int32_t index = from->partitions[i].partition_index;

        if (index >= count && index < count_max)
            count = index + 1;
    }
    return count;
}

/* True if the partition can be used as it is now. */
static bool partition_update(struct view *view, struct view_partition *partition,
                             const struct metadata_response_topics_partitions *from) {
    if (from->leader_epoch >= 0 && from->leader_epoch < partition->leader_epoch)
        return true; /* an answer that lags behind */
    partition->leader_epoch = from->leader_epoch;
    partition->replica_count = from->replica_nodes_count < VIEW_REPLICAS_MAX
                                   ? from->replica_nodes_count
                                   : VIEW_REPLICAS_MAX;
    for (int32_t i = 0; i < partition->replica_count; i++)
        partition->replicas[i] = from->replica_nodes[i];
    partition->leader_id =
        view_broker(view, from->leader_id) != NULL ? from->leader_id : VIEW_NO_LEADER;
    return partition->leader_id != VIEW_NO_LEADER;
}

static enum error topic_update(struct view *view, const struct metadata_response_topics *from,
                               bool *settled) {
    struct topic_entry *entry;
    enum error error;

    if (from->name.data == NULL)
        return ERR_NONE; /* asked by id, which we never do */
    if ((error = topic_entry_get(view, from->name, &entry)) != ERR_NONE)
        return error;
    entry->named_in = view->updates;
    entry->topic.error = from->error_code;
    if (from->error_code != ERR_NONE) {
        if (error_is_retriable(from->error_code))
            *settled = false;
        if (from->error_code != ERR_LEADER_NOT_AVAILABLE)
            entry->topic.partition_count = 0;
        return ERR_NONE;
    }
    if (!uuid_equal(&entry->topic.id, &from->topic_id)) {
        /* Deleted and created anew: its epochs begin again. */
        entry->topic.id = from->topic_id;
        entry->topic.partition_count = 0;
    }
    if ((error = partitions_resize(entry, partition_count_of(from))) != ERR_NONE)
        return error;
    for (int32_t i = 0; i < from->partitions_count; i++) {
        int32_t index = from->partitions[i].partition_index;

        if (index < 0 || index >= entry->topic.partition_count)
            continue;
        if (!partition_update(view, &entry->partitions[index], &from->partitions[i]))
            *settled = false;
    }
    return ERR_NONE;
}

enum error view_update(struct view *view, const struct metadata_response *response, bool *settled) {
    enum error error;

    *settled = true;
    view->updates++;
    if ((error = brokers_update(view, response)) != ERR_NONE)
        return error;
    for (int32_t i = 0; i < response->topics_count; i++)
        if ((error = topic_update(view, &response->topics[i], settled)) != ERR_NONE)
            return error;
    return ERR_NONE;
}

static struct topic_entry *entry_find(const struct view *view, const char *topic) {
    struct topic_entry *entry;

    HASH_FIND_STR(view->topics, topic, entry);
    return entry;
}

bool view_learn_leader(struct view *view, const char *topic, int32_t partition, int32_t leader_id,
                       int32_t leader_epoch) {
    struct topic_entry *entry = entry_find(view, topic);

    if (entry == NULL || partition < 0 || partition >= entry->topic.partition_count)
        return false;
    if (leader_epoch <= entry->partitions[partition].leader_epoch)
        return false;
    if (view_broker(view, leader_id) == NULL)
        return false;
    entry->partitions[partition].leader_id = leader_id;
    entry->partitions[partition].leader_epoch = leader_epoch;
    return true;
}

void view_forget_topic(struct view *view, const char *topic) {
    struct topic_entry *entry = entry_find(view, topic);

    if (entry != NULL)
        topic_remove(view, entry);
}

static void mark_unknown(struct topic_entry *entry) {
    entry->topic.error = ERR_UNKNOWN_TOPIC_OR_PARTITION;
    entry->topic.partition_count = 0;
}

void view_forget_unnamed(struct view *view) {
    for (struct topic_entry *entry = view->topics; entry != NULL; entry = entry->hh.next)
        if (entry->named_in != view->updates)
            mark_unknown(entry);
}

enum error view_note_unnamed(struct view *view, const char *topic) {
    struct topic_entry *entry;
    enum error error = topic_entry_get(view, bytes_of_text(topic), &entry);

    if (error == ERR_NONE && entry->named_in != view->updates)
        mark_unknown(entry);
    return error;
}

void view_each_topic(const struct view *view,
                     void (*visit)(void *context, const struct view_topic *topic), void *context) {
    for (const struct topic_entry *entry = view->topics; entry != NULL; entry = entry->hh.next)
        if (entry->topic.partition_count > 0)
            visit(context, &entry->topic);
}

const struct view_topic *view_topic(const struct view *view, const char *topic) {
    struct topic_entry *entry = entry_find(view, topic);

    return entry == NULL ? NULL : &entry->topic;
}

const struct view_topic *view_topic_by_id(const struct view *view, const struct uuid *id) {
    for (struct topic_entry *entry = view->topics; entry != NULL; entry = entry->hh.next)
        if (uuid_equal(&entry->topic.id, id))
            return &entry->topic;
    return NULL;
}

const struct view_partition *view_partition(const struct view *view, const char *topic,
                                            int32_t partition) {
    const struct view_topic *found = view_topic(view, topic);

    if (found == NULL || partition < 0 || partition >= found->partition_count)
        return NULL;
    return &found->partitions[partition];
}

size_t view_broker_count(const struct view *view) {
    return view->broker_count;
}

const struct view_broker *view_broker_at(const struct view *view, size_t index) {
    CHECK(index < view->broker_count);
    return &view->brokers[index];
}

const struct view_broker *view_broker(const struct view *view, int32_t id) {
    for (size_t i = 0; i < view->broker_count; i++)
        if (view->brokers[i].id == id)
            return &view->brokers[i];
    return NULL;
}

int32_t view_controller_id(const struct view *view) {
    return view->controller_id;
}

/*
 * Reads of one topic: a state, everything about it, its config, everything there is of it.
 */
#include <stdlib.h>

#include "client/base/logger.h"
#include "controller/shell/read.h"
#include "zk-schema/config_znode.h"
#include "zk-schema/partition_state_znode.h"
#include "zk-schema/paths.h"
#include "zk-schema/topic_znode.h"

/* ---- A state */

static void decode_state(struct read *read, const char *path, const struct zk_result *result,
                         struct controller_state_read *state) {
    struct partition_state_znode znode;
    struct znode_error problem;

    state->error = result->error;
    if (result->error != ERR_NONE)
        return;
    state->version = result->stat.version;
    state->mzxid = result->stat.mzxid;
    state->error =
        partition_state_znode_decode(path, result->data, &read->operation.arena, &znode, &problem);
    if (state->error != ERR_NONE) {
        controller_read_warn_invalid(&problem);
        return;
    }
    state->state = (struct controller_partition_state){
        .leader = znode.leader,
        .leader_epoch = znode.leader_epoch,
        .controller_epoch = znode.controller_epoch,
        .leader_recovery_state = znode.leader_recovery_state == 1 ? CONTROLLER_LEADER_RECOVERING
                                                                  : CONTROLLER_LEADER_RECOVERED,
        .isr = znode.isr,
        .isr_count = (size_t)znode.isr_count,
    };
}

static void state_answered(struct read *read, size_t index, const struct zk_result *result) {
    struct znode_path path = path_of_partition_state(read->name, read->partition);

    (void)index;
    decode_state(read, path.text, result, &read->state);
}

static void state_parent_answered(struct read *read, size_t index, const struct zk_result *result) {
    (void)index;
    read->state.partition_node_exists = result->error == ERR_NONE;
}

static void state_done(struct read *read) {
    struct controller_event event = controller_read_answer(read, CONTROLLER_EVENT_STATE_READ);

    event.state_read.of =
        (struct controller_topic_partition){.topic = read->name, .partition = read->partition};
    event.state_read.read = &read->state;
    controller_read_finish(read, &event);
}

void controller_read_state_begin(struct read *read) {
    struct znode_path path = path_of_partition_state(read->name, read->partition);
    struct znode_path parent = path_of_partition(read->name, read->partition);

    read->state = (struct controller_state_read){0};
    read->stage_done = state_done;
    controller_read_sync(read, path.text);
    controller_read_exists(read, parent.text, false, 0, state_parent_answered);
    controller_read_get(read, path.text, 0, state_answered);
}

/* ---- A topic: its znode and config, then its states, then what is missing */

static void topic_done(struct read *read) {
    struct controller_event event = controller_read_answer(read, CONTROLLER_EVENT_TOPIC_READ);

    read->topic.read.name = read->name;
    read->topic.read.assignments = read->topic.assignments;
    read->topic.read.states = read->topic.states;
    event.topic_read = &read->topic.read;
    controller_read_finish(read, &event);
}

static void partition_node_answered(struct read *read, size_t index,
                                    const struct zk_result *result) {
    read->topic.states[index].partition_node_exists = result->error == ERR_NONE;
}

static void partitions_node_answered(struct read *read, size_t index,
                                     const struct zk_result *result) {
    (void)index;
    read->topic.read.partitions_node_exists = result->error == ERR_NONE;
}

/* Where no state is, what of the way to it? */
static void topic_states_done(struct read *read) {
    bool missing = read->topic.read.partition_count == 0;

    for (size_t i = 0; i < read->topic.read.partition_count; i++)
        missing = missing || read->topic.states[i].error == ERR_ZK_NO_NODE;
    read->topic.read.partitions_node_exists = true;
    if (!missing) {
        topic_done(read);
        return;
    }
    read->stage_done = topic_done;
    for (size_t i = 0; i < read->topic.read.partition_count; i++) {
        struct znode_path path = path_of_partition(read->name, (int32_t)i);
        if (read->topic.states[i].error == ERR_ZK_NO_NODE)
            controller_read_exists(read, path.text, false, i, partition_node_answered);
    }
    controller_read_exists(read, path_of_partitions(read->name).text, false, 0,
                           partitions_node_answered);
}

static void topic_state_answered(struct read *read, size_t index, const struct zk_result *result) {
    struct znode_path path = path_of_partition_state(read->name, (int32_t)index);

    decode_state(read, path.text, result, &read->topic.states[index]);
}

static void ask_states(struct read *read) {
    if (read->topic.read.error != ERR_NONE) {
        topic_done(read);
        return;
    }
    if (read->topic.read.partition_count == 0) {
        topic_states_done(read);
        return;
    }
    read->stage_done = topic_states_done;
    for (size_t i = 0; i < read->topic.read.partition_count; i++) {
        struct znode_path path = path_of_partition_state(read->name, (int32_t)i);
        controller_read_get(read, path.text, i, topic_state_answered);
    }
}

static enum error take_assignments(struct read *read, const struct topic_znode *znode) {
    size_t count = (size_t)znode->partition_count;

    read->topic.assignments =
        controller_read_allocate(read, count, sizeof(*read->topic.assignments));
    read->topic.states = controller_read_allocate(read, count, sizeof(*read->topic.states));
    for (size_t i = 0; i < count; i++) {
        const struct topic_znode_partition *partition = &znode->partitions[i];
        if (partition->partition != (int32_t)i) {
            LOG_WARN("topic_partitions_not_contiguous", "topic=%s", LOG_QUOTED(read->name));
            return ERR_ZK_DATA_INVALID;
        }
        read->topic.assignments[i] = (struct controller_partition_assignment){
            .partition = partition->partition,
            .replicas = partition->replicas,
            .replica_count = (size_t)partition->replica_count,
            .adding = partition->adding_replicas,
            .adding_count = (size_t)partition->adding_count,
            .removing = partition->removing_replicas,
            .removing_count = (size_t)partition->removing_count,
        };
    }
    read->topic.read.partition_count = count;
    return ERR_NONE;
}

static void topic_answered(struct read *read, size_t index, const struct zk_result *result) {
    struct znode_path path = path_of_topic(read->name);
    struct znode_error problem;
    struct topic_znode znode;

    (void)index;
    read->topic.read.error = result->error;
    if (result->error != ERR_NONE)
        return;
    read->topic.read.version = result->stat.version;
    read->topic.read.error =
        topic_znode_decode(path.text, result->data, &read->operation.arena, &znode, &problem);
    if (read->topic.read.error != ERR_NONE) {
        controller_read_warn_invalid(&problem);
        return;
    }
    read->topic.read.topic_id = znode.topic_id;
    read->topic.read.error = take_assignments(read, &znode);
}

static void decode_config(struct read *read, const struct zk_result *result,
                          struct config_znode *znode) {
    struct znode_path path = path_of_topic_config(read->name);
    struct znode_error problem;

    *znode = (struct config_znode){0};
    if (config_znode_decode(path.text, result->data, &read->operation.arena, znode, &problem) !=
        ERR_NONE) {
        controller_read_warn_invalid(&problem);
        *znode = (struct config_znode){0};
    }
}

static void topic_config_answered(struct read *read, size_t index, const struct zk_result *result) {
    struct controller_topic_config_entry *entries;
    struct config_znode znode;

    (void)index;
    if (result->error != ERR_NONE)
        return;
    decode_config(read, result, &znode);
    entries = controller_read_allocate(read, (size_t)znode.entry_count, sizeof(*entries));
    for (int32_t i = 0; i < znode.entry_count; i++) {
        entries[i].key = bytes_of_text(znode.entries[i].key);
        entries[i].value = bytes_of_text(znode.entries[i].value);
    }
    read->topic.read.config_node_exists = true;
    read->topic.read.configs = entries;
    read->topic.read.config_count = (size_t)znode.entry_count;
}

void controller_read_topic_begin(struct read *read) {
    memset(&read->topic, 0, sizeof(read->topic));
    read->stage_done = ask_states;
    controller_read_get(read, path_of_topic_config(read->name).text, 0, topic_config_answered);
    controller_read_get(read, path_of_topic(read->name).text, 0, topic_answered);
}

/* ---- /config/topics/T
 * ---------------------------------------------------------------------------- */

static void unclean_answered(struct read *read, size_t index, const struct zk_result *result) {
    struct config_znode znode;

    (void)index;
    if (result->error != ERR_NONE)
        return;
    decode_config(read, result, &znode);
    for (int32_t i = 0; i < znode.entry_count; i++)
        if (strcmp(znode.entries[i].key, "unclean.leader.election.enable") == 0)
            read->unclean = bytes_of_text(znode.entries[i].value);
}

static void topic_config_done(struct read *read) {
    struct controller_event event =
        controller_read_answer(read, CONTROLLER_EVENT_TOPIC_CONFIG_READ);

    event.topic_config_read.name = read->name;
    event.topic_config_read.unclean_leader_election_enable = read->unclean;
    controller_read_finish(read, &event);
}

void controller_read_topic_config_begin(struct read *read) {
    read->unclean = BYTES_NULL;
    read->stage_done = topic_config_done;
    controller_read_get(read, path_of_topic_config(read->name).text, 0, unclean_answered);
}

/* ---- Everything there is of a topic
 * ------------------------------------------------------------------ */

struct tree_node {
    struct bytes path;
    bool exists;
    struct tree_node *next;
};

static void tree_listed(struct read *read, size_t index, const struct zk_result *result);

/* Appends a node and asks for its children. */
static void tree_add(struct read *read, struct bytes path) {
    struct tree_node *node = controller_read_allocate(read, 1, sizeof(*node));

    node->path = path;
    if (read->tree.last == NULL)
        read->tree.first = node;
    else
        read->tree.last->next = node;
    read->tree.last = node;
    read->tree.count++;
    controller_read_children(read, (const char *)path.data, false, (size_t)(uintptr_t)node,
                             tree_listed);
}

static struct bytes join(struct read *read, struct bytes parent, const char *name) {
    size_t name_size = strlen(name);
    char *path = controller_read_allocate(read, parent.size + name_size + 2, 1);

    memcpy(path, parent.data, parent.size);
    path[parent.size] = '/';
    memcpy(path + parent.size + 1, name, name_size);
    return bytes_of(path, parent.size + 1 + name_size);
}

/* `index` is the node's address: nothing is decided by it. */
static void tree_listed(struct read *read, size_t index, const struct zk_result *result) {
    struct tree_node *node = (struct tree_node *)(uintptr_t)index;

    node->exists = result->error == ERR_NONE;
    for (size_t i = 0; node->exists && i < result->child_count; i++)
        tree_add(read, join(read, node->path, result->children[i]));
}

static void tree_config_answered(struct read *read, size_t index, const struct zk_result *result) {
    (void)index;
    read->tree.config_exists = result->error == ERR_NONE;
}

static void tree_mark_answered(struct read *read, size_t index, const struct zk_result *result) {
    (void)index;
    read->tree.mark_exists = result->error == ERR_NONE;
}

static struct bytes path_copy(struct read *read, struct znode_path path) {
    return controller_read_copy(read, bytes_of_text(path.text));
}

static void tree_done(struct read *read) {
    struct controller_event event = controller_read_answer(read, CONTROLLER_EVENT_TOPIC_TREE_READ);
    struct bytes *paths = controller_read_allocate(read, read->tree.count + 2, sizeof(*paths));
    size_t count = 0;

    /* Parents were found before their children, so backwards children come first. */
    for (const struct tree_node *node = read->tree.first; node != NULL; node = node->next)
        count += node->exists ? 1 : 0;
    event.topic_tree_read.paths = (struct controller_names){paths, count};
    for (const struct tree_node *node = read->tree.first; node != NULL; node = node->next)
        if (node->exists)
            paths[--count] = node->path;
    count = event.topic_tree_read.paths.count;
    if (read->tree.config_exists)
        paths[count++] = path_copy(read, path_of_topic_config(read->name));
    if (read->tree.mark_exists)
        paths[count++] = path_copy(read, path_of_deleted_topic(read->name));
    event.topic_tree_read.paths.count = count;
    event.topic_tree_read.name = read->name;
    event.topic_tree_read.marked = read->tree.mark_exists;
    controller_read_finish(read, &event);
}

void controller_read_tree_begin(struct read *read) {
    memset(&read->tree, 0, sizeof(read->tree));
    read->stage_done = tree_done;
    controller_read_sync(read, PATH_TOPICS);
    controller_read_exists(read, path_of_topic_config(read->name).text, false, 0,
                           tree_config_answered);
    controller_read_exists(read, path_of_deleted_topic(read->name).text, false, 0,
                           tree_mark_answered);
    tree_add(read, path_copy(read, path_of_topic(read->name)));
}

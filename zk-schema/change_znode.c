#include "zk-schema/change_znode.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    STATE_PARTITION,
    STATE_LEADER,
    STATE_LEADER_EPOCH,
    STATE_CONTROLLER_EPOCH,
    STATE_VERSION,
    STATE_RECOVERY,
    STATE_ISR
};

/* ---- Encoding ---- */

static json_t *uuid_json(const struct uuid *uuid) {
    char text[UUID_TEXT_SIZE + 1];

    uuid_to_text(uuid, text);
    return json_string(text);
}

static void put_ids(json_t **object, int32_t partition, const int32_t *ids, int32_t count) {
    char key[16];

    if (*object == NULL)
        *object = json_object();
    snprintf(key, sizeof(key), "%d", partition);
    json_object_set_new(*object, key, znode_ids_json(ids, count));
}

static json_t *topic_json(const struct change_topic *topic) {
    json_t *object = json_object();
    json_t *partitions = json_object();
    json_t *adding = NULL;
    json_t *removing = NULL;

    for (int32_t i = 0; i < topic->assignment.partition_count; i++) {
        const struct topic_znode_partition *p = &topic->assignment.partitions[i];
        put_ids(&partitions, p->partition, p->replicas, p->replica_count);
        if (p->adding_count > 0)
            put_ids(&adding, p->partition, p->adding_replicas, p->adding_count);
        if (p->removing_count > 0)
            put_ids(&removing, p->partition, p->removing_replicas, p->removing_count);
    }
    json_object_set_new(object, "n", json_string(topic->name));
    json_object_set_new(object, "i", uuid_json(&topic->assignment.topic_id));
    json_object_set_new(object, "p", partitions);
    if (adding != NULL)
        json_object_set_new(object, "a", adding);
    if (removing != NULL)
        json_object_set_new(object, "r", removing);
    if (topic->has_settings) {
        json_t *settings = json_object();
        for (int32_t i = 0; i < topic->settings.entry_count; i++)
            json_object_set_new(settings, topic->settings.entries[i].key,
                                json_string(topic->settings.entries[i].value));
        json_object_set_new(object, "s", settings);
    }
    return object;
}

static json_t *state_json(const struct change_state *state) {
    json_t *array = json_array();

    json_array_append_new(array, json_integer(state->partition));
    json_array_append_new(array, json_integer(state->state.leader));
    json_array_append_new(array, json_integer(state->state.leader_epoch));
    json_array_append_new(array, json_integer(state->state.controller_epoch));
    json_array_append_new(array, json_integer(state->partition_epoch));
    json_array_append_new(array, json_integer(state->state.leader_recovery_state));
    for (int32_t i = 0; i < state->state.isr_count; i++)
        json_array_append_new(array, json_integer(state->state.isr[i]));
    return array;
}

static json_t *states_json(const struct change_znode *change) {
    json_t *groups = json_array();
    json_t *states = NULL;

    for (int32_t i = 0; i < change->state_count; i++) {
        const struct change_state *state = &change->states[i];
        if (i == 0 || !uuid_equal(&state->topic_id, &change->states[i - 1].topic_id)) {
            json_t *group = json_array();
            states = json_array();
            json_array_append_new(group, uuid_json(&state->topic_id));
            json_array_append_new(group, states);
            json_array_append_new(groups, group);
        }
        json_array_append_new(states, state_json(state));
    }
    return groups;
}

struct bytes change_znode_encode(const struct change_znode *change, struct arena *arena) {
    json_t *object = json_object();
    json_t *controller = json_array();

    json_array_append_new(controller, json_integer(change->controller_id));
    json_array_append_new(controller, json_integer(change->controller_epoch));
    json_object_set_new(object, "v", json_integer(1));
    json_object_set_new(object, "c", controller);
    if (change->topic_count > 0) {
        json_t *topics = json_array();
        for (int32_t i = 0; i < change->topic_count; i++)
            json_array_append_new(topics, topic_json(&change->topics[i]));
        json_object_set_new(object, "t", topics);
    }
    if (change->deletion_count > 0) {
        json_t *deletions = json_array();
        for (int32_t i = 0; i < change->deletion_count; i++) {
            json_t *pair = json_array();
            json_array_append_new(pair, json_string(change->deletions[i].name));
            json_array_append_new(pair, uuid_json(&change->deletions[i].topic_id));
            json_array_append_new(deletions, pair);
        }
        json_object_set_new(object, "d", deletions);
    }
    if (change->state_count > 0)
        json_object_set_new(object, "s", states_json(change));
    return znode_finish(object, arena);
}

/* ---- Decoding ---- */

static json_t *optional_array(struct znode_reader *reader, json_t *object, const char *key) {
    return json_object_get(object, key) == NULL ? NULL : znode_array(reader, object, key);
}

static void decode_uuid(struct znode_reader *reader, const json_t *value, const char *key,
                        struct uuid *uuid) {
    if (uuid_from_text(bytes_of_text(json_string_value(value)), uuid) != ERR_NONE)
        znode_fail(reader, key, "has a bad topic id");
}

static const char *decode_name(struct znode_reader *reader, const json_t *value, const char *key) {
    struct bytes copy = arena_copy(reader->arena, bytes_of_text(json_string_value(value)));

    if (bytes_is_null(copy))
        znode_fail(reader, key, "has a bad topic name");
    return (const char *)copy.data;
}

static void decode_assignment(struct znode_reader *reader, json_t *object,
                              struct topic_znode *assignment) {
    json_t *partitions = znode_object(reader, object, "p");
    json_t *adding = znode_object_or_null(reader, object, "a");
    json_t *removing = znode_object_or_null(reader, object, "r");
    struct topic_znode_partition *decoded =
        znode_alloc(reader, json_object_size(partitions), sizeof(*decoded));
    const char *key;
    json_t *ids;

    if (reader->failed)
        return;
    json_object_foreach (partitions, key, ids) {
        struct topic_znode_partition *p = &decoded[assignment->partition_count++];
        char *end;
        errno = 0;
        p->partition = (int32_t)strtol(key, &end, 10);
        if (*key < '0' || *key > '9' || *end != '\0' || errno != 0 || p->partition < 0)
            znode_fail(reader, "p", "has a key that is no partition number");
        p->replicas = znode_ids(reader, ids, "p", &p->replica_count);
        if (json_object_get(adding, key) != NULL)
            p->adding_replicas =
                znode_ids(reader, json_object_get(adding, key), "a", &p->adding_count);
        if (json_object_get(removing, key) != NULL)
            p->removing_replicas =
                znode_ids(reader, json_object_get(removing, key), "r", &p->removing_count);
    }
    assignment->partitions = decoded;
}

static void decode_settings(struct znode_reader *reader, json_t *object,
                            struct change_topic *topic) {
    json_t *settings = znode_object_or_null(reader, object, "s");
    struct config_entry *entries;
    const char *key;
    json_t *value;

    topic->has_settings = settings != NULL;
    entries = znode_alloc(reader, json_object_size(settings), sizeof(*entries));
    json_object_foreach (settings, key, value) {
        struct config_entry *entry;
        if (reader->failed)
            break;
        entry = &entries[topic->settings.entry_count++];
        entry->key = (const char *)arena_copy(reader->arena, bytes_of_text(key)).data;
        entry->value = znode_text(reader, settings, key);
        if (entry->key == NULL)
            znode_fail(reader, "s", "does not fit into memory");
    }
    topic->settings.entries = entries;
}

static void decode_topics(struct znode_reader *reader, json_t *object,
                          struct change_znode *change) {
    json_t *list = optional_array(reader, object, "t");
    size_t count = json_array_size(list);
    struct change_topic *topics = znode_alloc(reader, count, sizeof(*topics));

    for (size_t i = 0; i < count && !reader->failed; i++) {
        json_t *entry = json_array_get(list, i);
        topics[i].name = znode_text(reader, entry, "n");
        decode_uuid(reader, json_object_get(entry, "i"), "t", &topics[i].assignment.topic_id);
        decode_assignment(reader, entry, &topics[i].assignment);
        decode_settings(reader, entry, &topics[i]);
    }
    change->topics = topics;
    change->topic_count = (int32_t)count;
}

static void decode_deletions(struct znode_reader *reader, json_t *object,
                             struct change_znode *change) {
    json_t *list = optional_array(reader, object, "d");
    size_t count = json_array_size(list);
    struct change_deletion *deletions = znode_alloc(reader, count, sizeof(*deletions));

    for (size_t i = 0; i < count && !reader->failed; i++) {
        json_t *pair = json_array_get(list, i);
        deletions[i].name = decode_name(reader, json_array_get(pair, 0), "d");
        decode_uuid(reader, json_array_get(pair, 1), "d", &deletions[i].topic_id);
    }
    change->deletions = deletions;
    change->deletion_count = (int32_t)count;
}

static void decode_state(struct znode_reader *reader, const json_t *array,
                         struct change_state *state) {
    int32_t count;
    const int32_t *values = znode_ids(reader, array, "s", &count);

    if (reader->failed)
        return;
    if (count <= STATE_ISR) {
        znode_fail(reader, "s", "has a state that is too short");
        return;
    }
    state->partition = values[STATE_PARTITION];
    state->partition_epoch = values[STATE_VERSION];
    state->state = (struct partition_state_znode){
        .leader = values[STATE_LEADER],
        .leader_epoch = values[STATE_LEADER_EPOCH],
        .controller_epoch = values[STATE_CONTROLLER_EPOCH],
        .leader_recovery_state = (int8_t)values[STATE_RECOVERY],
        .isr = &values[STATE_ISR],
        .isr_count = count - STATE_ISR,
    };
}

static void decode_states(struct znode_reader *reader, json_t *object,
                          struct change_znode *change) {
    json_t *groups = optional_array(reader, object, "s");
    struct change_state *states;
    size_t total = 0;

    for (size_t i = 0; i < json_array_size(groups); i++)
        total += json_array_size(json_array_get(json_array_get(groups, i), 1));
    states = znode_alloc(reader, total, sizeof(*states));
    for (size_t i = 0; i < json_array_size(groups) && !reader->failed; i++) {
        json_t *group = json_array_get(groups, i);
        json_t *list = json_array_get(group, 1);
        struct uuid topic_id;
        decode_uuid(reader, json_array_get(group, 0), "s", &topic_id);
        for (size_t j = 0; j < json_array_size(list) && !reader->failed; j++) {
            struct change_state *state = &states[change->state_count++];
            state->topic_id = topic_id;
            decode_state(reader, json_array_get(list, j), state);
        }
    }
    change->states = states;
}

enum error change_znode_decode(const char *path, struct bytes data, struct arena *arena,
                               struct change_znode *change, struct znode_error *error) {
    struct znode_reader reader;
    const int32_t *controller;
    int32_t controller_count;
    json_t *object;

    znode_reader_init(&reader, path, arena, error);
    object = znode_parse(&reader, data);
    if (object == NULL)
        return znode_result(&reader);
    *change = (struct change_znode){0};
    if (znode_int32(&reader, object, "v") != 1)
        znode_fail(&reader, "v", "is a version that this broker does not know");
    controller = znode_ids(&reader, json_object_get(object, "c"), "c", &controller_count);
    if (!reader.failed && controller_count != 2)
        znode_fail(&reader, "c", "is not [controller id, controller epoch]");
    if (!reader.failed) {
        change->controller_id = controller[0];
        change->controller_epoch = controller[1];
    }
    decode_topics(&reader, object, change);
    decode_deletions(&reader, object, change);
    decode_states(&reader, object, change);
    json_decref(object);
    return znode_result(&reader);
}

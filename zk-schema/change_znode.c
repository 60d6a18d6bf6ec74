#include "zk-schema/change_znode.h"

#include "zk-schema/assignment_json.h"

enum {
    STATE_PARTITION,
    STATE_LEADER,
    STATE_LEADER_EPOCH,
    STATE_CONTROLLER_EPOCH,
    STATE_VERSION,
    STATE_RECOVERY,
    STATE_ISR
};

static const struct assignment_keys assignment_keys = {"p", NULL, "a", "r", true};

/* ---- Encoding ---- */

static json_t *topic_json(const struct change_topic *topic) {
    json_t *object = json_object();

    json_object_set_new(object, "n", znode_text_json(topic->name));
    json_object_set_new(object, "i", znode_uuid_json(&topic->assignment.topic_id));
    assignment_encode(&assignment_keys, &topic->assignment, object);
    if (topic->has_settings)
        json_object_set_new(object, "s", config_entries_json(&topic->settings));
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
            json_array_append_new(group, znode_uuid_json(&state->topic_id));
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
            json_array_append_new(pair, znode_text_json(change->deletions[i].name));
            json_array_append_new(pair, znode_uuid_json(&change->deletions[i].topic_id));
            if (change->deletions[i].is_by_others)
                json_array_append_new(pair, json_true());
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

static const char *decode_name(struct znode_reader *reader, const json_t *value, const char *key) {
    struct bytes copy = arena_copy(reader->arena, bytes_of_text(json_string_value(value)));

    if (bytes_is_null(copy))
        znode_fail(reader, key, "has a bad topic name");
    return (const char *)copy.data;
}

static void decode_topics(struct znode_reader *reader, json_t *object,
                          struct change_znode *change) {
    json_t *list = optional_array(reader, object, "t");
    size_t count = json_array_size(list);
    struct change_topic *topics = znode_alloc(reader, count, sizeof(*topics));

    for (size_t i = 0; i < count && !reader->failed; i++) {
        json_t *entry = json_array_get(list, i);
        topics[i].name = znode_text(reader, entry, "n");
        znode_uuid(reader, json_object_get(entry, "i"), "i", &topics[i].assignment.topic_id);
        assignment_decode(reader, &assignment_keys, entry, &topics[i].assignment);
        topics[i].has_settings = json_object_get(entry, "s") != NULL;
        config_entries_decode(reader, entry, "s", &topics[i].settings);
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
        znode_uuid(reader, json_array_get(pair, 1), "d", &deletions[i].topic_id);
        deletions[i].is_by_others = json_is_true(json_array_get(pair, 2));
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
    if (count <= STATE_ISR || values[STATE_PARTITION] < 0 || values[STATE_RECOVERY] < 0 ||
        values[STATE_RECOVERY] > 1) {
        znode_fail(reader, "s", "has a state that is too short or out of range");
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
        znode_uuid(reader, json_array_get(group, 0), "s", &topic_id);
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

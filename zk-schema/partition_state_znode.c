#include "zk-schema/partition_state_znode.h"

struct bytes partition_state_znode_encode(const struct partition_state_znode *state,
                                          struct arena *arena) {
    json_t *object = json_object();

    CHECK(state->isr_count > 0); /* the last member of an ISR is never removed */
    json_object_set_new(object, "controller_epoch", json_integer(state->controller_epoch));
    json_object_set_new(object, "leader", json_integer(state->leader));
    json_object_set_new(object, "version", json_integer(1));
    if (state->leader_recovery_state != 0)
        json_object_set_new(object, "leader_recovery_state",
                            json_integer(state->leader_recovery_state));
    json_object_set_new(object, "leader_epoch", json_integer(state->leader_epoch));
    json_object_set_new(object, "isr", znode_ids_json(state->isr, state->isr_count));
    return znode_finish(object, arena);
}

enum error partition_state_znode_decode(const char *path, struct bytes data, struct arena *arena,
                                        struct partition_state_znode *state,
                                        struct znode_error *error) {
    struct znode_reader reader;
    json_t *object;
    int32_t recovery;

    znode_reader_init(&reader, path, arena, error);
    object = znode_parse(&reader, data);
    if (object == NULL)
        return znode_result(&reader);
    *state = (struct partition_state_znode){0};
    state->leader = znode_int32(&reader, object, "leader");
    state->leader_epoch = znode_int32(&reader, object, "leader_epoch");
    state->controller_epoch = znode_int32(&reader, object, "controller_epoch");
    recovery = znode_int32_or(&reader, object, "leader_recovery_state", 0);
    if (recovery != 0 && recovery != 1)
        znode_fail(&reader, "leader_recovery_state", "is neither 0 nor 1");
    state->leader_recovery_state = (int8_t)recovery;
    state->isr = znode_ids(&reader, json_object_get(object, "isr"), "isr", &state->isr_count);
    if (!reader.failed && state->isr_count == 0)
        znode_fail(&reader, "isr", "is empty");
    json_decref(object);
    return znode_result(&reader);
}

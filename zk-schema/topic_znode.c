#include "zk-schema/topic_znode.h"

#include "zk-schema/assignment_json.h"

static const struct assignment_keys keys = {"partitions", "topic_id", "adding_replicas",
                                            "removing_replicas", false};

struct bytes topic_znode_encode(const struct topic_znode *topic, struct arena *arena) {
    json_t *object = json_object();

    assignment_encode(&keys, topic, object);
    json_object_set_new(object, "version", json_integer(3));
    return znode_finish(object, arena);
}

enum error topic_znode_decode(const char *path, struct bytes data, struct arena *arena,
                              struct topic_znode *topic, struct znode_error *error) {
    struct znode_reader reader;
    json_t *object;

    znode_reader_init(&reader, path, arena, error);
    object = znode_parse(&reader, data);
    if (object == NULL)
        return znode_result(&reader);
    *topic = (struct topic_znode){0};
    if (json_object_get(object, "topic_id") != NULL)
        znode_uuid(&reader, json_object_get(object, "topic_id"), "topic_id", &topic->topic_id);
    assignment_decode(&reader, &keys, object, topic);
    json_decref(object);
    return znode_result(&reader);
}

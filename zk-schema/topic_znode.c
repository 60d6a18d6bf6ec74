#include "zk-schema/topic_znode.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static void put_ids(json_t *object, int32_t partition, const int32_t *ids, int32_t count) {
    char key[16];

    snprintf(key, sizeof(key), "%d", partition);
    json_object_set_new(object, key, znode_ids_json(ids, count));
}

struct bytes topic_znode_encode(const struct topic_znode *topic, struct arena *arena) {
    json_t *object = json_object();
    json_t *partitions = json_object();
    json_t *adding = json_object();
    json_t *removing = json_object();
    char id[UUID_TEXT_SIZE + 1];

    for (int32_t i = 0; i < topic->partition_count; i++) {
        const struct topic_znode_partition *p = &topic->partitions[i];
        put_ids(partitions, p->partition, p->replicas, p->replica_count);
        if (p->adding_count > 0)
            put_ids(adding, p->partition, p->adding_replicas, p->adding_count);
        if (p->removing_count > 0)
            put_ids(removing, p->partition, p->removing_replicas, p->removing_count);
    }
    json_object_set_new(object, "version", json_integer(3));
    if (!uuid_is_zero(&topic->topic_id)) {
        uuid_to_text(&topic->topic_id, id);
        json_object_set_new(object, "topic_id", json_string(id));
    }
    json_object_set_new(object, "partitions", partitions);
    json_object_set_new(object, "adding_replicas", adding);
    json_object_set_new(object, "removing_replicas", removing);
    return znode_finish(object, arena);
}

static int compare_partitions(const void *a, const void *b) {
    const struct topic_znode_partition *x = a;
    const struct topic_znode_partition *y = b;

    return (x->partition > y->partition) - (x->partition < y->partition);
}

static int32_t parse_partition(struct znode_reader *reader, const char *key) {
    char *end;
    long number;

    errno = 0;
    number = strtol(key, &end, 10);
    if (*key < '0' || *key > '9' || *end != '\0' || errno != 0 || number > INT32_MAX) {
        znode_fail(reader, "partitions", "has a key that is no partition number");
        return -1;
    }
    return (int32_t)number;
}

static void decode_partitions(struct znode_reader *reader, json_t *object,
                              struct topic_znode *topic) {
    json_t *partitions = znode_object(reader, object, "partitions");
    json_t *adding = znode_object_or_null(reader, object, "adding_replicas");
    json_t *removing = znode_object_or_null(reader, object, "removing_replicas");
    struct topic_znode_partition *decoded =
        znode_alloc(reader, json_object_size(partitions), sizeof(*decoded));
    const char *key;
    json_t *ids;

    if (reader->failed)
        return;
    json_object_foreach (partitions, key, ids) {
        struct topic_znode_partition *p = &decoded[topic->partition_count++];
        p->partition = parse_partition(reader, key);
        p->replicas = znode_ids(reader, ids, "partitions", &p->replica_count);
        if (json_object_get(adding, key) != NULL)
            p->adding_replicas = znode_ids(reader, json_object_get(adding, key), "adding_replicas",
                                           &p->adding_count);
        if (json_object_get(removing, key) != NULL)
            p->removing_replicas = znode_ids(reader, json_object_get(removing, key),
                                             "removing_replicas", &p->removing_count);
    }
    qsort(decoded, (size_t)topic->partition_count, sizeof(*decoded), compare_partitions);
    topic->partitions = decoded;
}

enum error topic_znode_decode(const char *path, struct bytes data, struct arena *arena,
                              struct topic_znode *topic, struct znode_error *error) {
    struct znode_reader reader;
    const char *id;
    json_t *object;

    znode_reader_init(&reader, path, arena, error);
    object = znode_parse(&reader, data);
    if (object == NULL)
        return znode_result(&reader);
    *topic = (struct topic_znode){0};
    id = znode_text_or(&reader, object, "topic_id", NULL);
    if (id != NULL && !reader.failed &&
        uuid_from_text(bytes_of_text(id), &topic->topic_id) != ERR_NONE)
        znode_fail(&reader, "topic_id", "is no UUID of 22 characters");
    decode_partitions(&reader, object, topic);
    json_decref(object);
    return znode_result(&reader);
}

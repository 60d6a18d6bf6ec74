#include "zk-schema/assignment_json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "zk-schema/java_map.h"

static void put_ids(json_t *object, int32_t partition, const int32_t *ids, int32_t count) {
    char key[16];

    snprintf(key, sizeof(key), "%d", partition);
    json_object_set_new(object, key, znode_ids_json(ids, count));
}

static void put_member(json_t *object, const char *key, json_t *member, bool omits_empty) {
    if (omits_empty && json_object_size(member) == 0)
        json_decref(member);
    else
        json_object_set_new(object, key, java_map_ordered(member, SCALA_HASH_MAP));
}

void assignment_encode(const struct assignment_keys *keys, const struct topic_znode *topic,
                       json_t *object) {
    json_t *replicas = json_object();
    json_t *adding = json_object();
    json_t *removing = json_object();

    for (int32_t i = 0; i < topic->partition_count; i++) {
        const struct topic_znode_partition *p = &topic->partitions[i];
        put_ids(replicas, p->partition, p->replicas, p->replica_count);
        if (p->adding_count > 0)
            put_ids(adding, p->partition, p->adding_replicas, p->adding_count);
        if (p->removing_count > 0)
            put_ids(removing, p->partition, p->removing_replicas, p->removing_count);
    }
    put_member(object, keys->replicas, replicas, false);
    if (keys->topic_id != NULL && !uuid_is_zero(&topic->topic_id))
        json_object_set_new(object, keys->topic_id, znode_uuid_json(&topic->topic_id));
    put_member(object, keys->adding, adding, keys->omits_empty);
    put_member(object, keys->removing, removing, keys->omits_empty);
}

static int compare_partitions(const void *a, const void *b) {
    const struct topic_znode_partition *x = a;
    const struct topic_znode_partition *y = b;

    return (x->partition > y->partition) - (x->partition < y->partition);
}

static int32_t parse_partition(struct znode_reader *reader, const char *key, const char *text) {
    char *end;
    long number;

    errno = 0;
    number = strtol(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || number > INT32_MAX) {
        znode_fail(reader, key, "has a key that is no partition number");
        return -1;
    }
    return (int32_t)number;
}

static const int32_t *optional_ids(struct znode_reader *reader, const json_t *object,
                                   const char *partition, const char *key, int32_t *count) {
    const json_t *ids = json_object_get(object, partition);

    return ids == NULL ? NULL : znode_ids(reader, ids, key, count);
}

void assignment_decode(struct znode_reader *reader, const struct assignment_keys *keys,
                       const json_t *object, struct topic_znode *topic) {
    json_t *replicas = znode_object(reader, object, keys->replicas);
    const json_t *adding = znode_object_or_null(reader, object, keys->adding);
    const json_t *removing = znode_object_or_null(reader, object, keys->removing);
    struct topic_znode_partition *decoded;
    const char *partition;
    const json_t *ids;
    int32_t count = 0;

    if (reader->failed)
        return;
    decoded = znode_alloc(reader, json_object_size(replicas), sizeof(*decoded));
    if (decoded == NULL)
        return;
    json_object_foreach (replicas, partition, ids) {
        struct topic_znode_partition *p = &decoded[count++];
        p->partition = parse_partition(reader, keys->replicas, partition);
        p->replicas = znode_ids(reader, ids, keys->replicas, &p->replica_count);
        p->adding_replicas =
            optional_ids(reader, adding, partition, keys->adding, &p->adding_count);
        p->removing_replicas =
            optional_ids(reader, removing, partition, keys->removing, &p->removing_count);
    }
    qsort(decoded, (size_t)count, sizeof(*decoded), compare_partitions);
    for (int32_t i = 1; i < count; i++) {
        if (decoded[i].partition == decoded[i - 1].partition)
            znode_fail(reader, keys->replicas, "names a partition twice");
    }
    topic->partitions = decoded;
    topic->partition_count = count;
}

#include "zk-schema/admin_znode.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static struct bytes encode_list(const struct admin_partition *partitions, int32_t count,
                                bool with_replicas, struct arena *arena) {
    json_t *object = json_object();
    json_t *list = json_array();

    for (int32_t i = 0; i < count; i++) {
        json_t *entry = json_object();
        json_object_set_new(entry, "topic", json_string(partitions[i].topic));
        json_object_set_new(entry, "partition", json_integer(partitions[i].partition));
        if (with_replicas)
            json_object_set_new(
                entry, "replicas",
                znode_ids_json(partitions[i].replicas, partitions[i].replica_count));
        json_array_append_new(list, entry);
    }
    json_object_set_new(object, "version", json_integer(1));
    json_object_set_new(object, "partitions", list);
    return znode_finish(object, arena);
}

struct bytes partition_list_znode_encode(const struct admin_partition *partitions, int32_t count,
                                         struct arena *arena) {
    return encode_list(partitions, count, false, arena);
}

struct bytes reassign_znode_encode(const struct admin_partition *partitions, int32_t count,
                                   struct arena *arena) {
    return encode_list(partitions, count, true, arena);
}

enum error partition_list_znode_decode(const char *path, struct bytes data, bool with_replicas,
                                       struct arena *arena,
                                       const struct admin_partition **partitions, int32_t *count,
                                       struct znode_error *error) {
    struct znode_reader reader;
    struct admin_partition *decoded;
    json_t *object;
    json_t *list;
    size_t size;

    znode_reader_init(&reader, path, arena, error);
    object = znode_parse(&reader, data);
    if (object == NULL)
        return znode_result(&reader);
    list = znode_array(&reader, object, "partitions");
    size = json_array_size(list);
    decoded = znode_alloc(&reader, size, sizeof(*decoded));
    for (size_t i = 0; i < size && !reader.failed; i++) {
        json_t *entry = json_array_get(list, i);
        decoded[i].topic = znode_text(&reader, entry, "topic");
        decoded[i].partition = znode_int32(&reader, entry, "partition");
        if (with_replicas)
            decoded[i].replicas = znode_ids(&reader, json_object_get(entry, "replicas"), "replicas",
                                            &decoded[i].replica_count);
    }
    json_decref(object);
    *partitions = decoded;
    *count = (int32_t)size;
    return znode_result(&reader);
}

struct bytes offline_replicas_znode_encode(const struct admin_partition *partitions, int32_t count,
                                           struct arena *arena) {
    json_t *object = json_object();
    json_t *topics = json_object();

    for (int32_t i = 0; i < count; i++) {
        json_t *indexes = json_object_get(topics, partitions[i].topic);
        if (indexes == NULL) {
            indexes = json_array();
            json_object_set_new(topics, partitions[i].topic, indexes);
        }
        json_array_append_new(indexes, json_integer(partitions[i].partition));
    }
    json_object_set_new(object, "version", json_integer(1));
    json_object_set_new(object, "topics", topics);
    return znode_finish(object, arena);
}

static size_t count_indexes(json_t *topics) {
    const char *topic;
    json_t *indexes;
    size_t count = 0;

    json_object_foreach (topics, topic, indexes)
        count += json_array_size(indexes);
    return count;
}

/* One row for each of the topic's partitions. Returns how many. */
static int32_t list_topic(struct znode_reader *reader, const char *topic, const json_t *indexes,
                          struct admin_partition *partitions) {
    int32_t count;
    const int32_t *numbers = znode_ids(reader, indexes, "topics", &count);
    struct bytes name = arena_copy(reader->arena, bytes_of(topic, strlen(topic) + 1));

    if (bytes_is_null(name))
        znode_fail(reader, "topics", "do not fit into memory");
    for (int32_t i = 0; i < count && !reader->failed; i++)
        partitions[i] = (struct admin_partition){(const char *)name.data, numbers[i], NULL, 0};
    return reader->failed ? 0 : count;
}

enum error offline_replicas_znode_decode(const char *path, struct bytes data, struct arena *arena,
                                         const struct admin_partition **partitions, int32_t *count,
                                         struct znode_error *error) {
    struct admin_partition *decoded;
    struct znode_reader reader;
    const char *topic;
    json_t *object, *topics, *indexes;

    znode_reader_init(&reader, path, arena, error);
    object = znode_parse(&reader, data);
    if (object == NULL)
        return znode_result(&reader);
    topics = znode_object(&reader, object, "topics");
    decoded = znode_alloc(&reader, count_indexes(topics), sizeof(*decoded));
    *count = 0;
    if (!reader.failed) {
        json_object_foreach (topics, topic, indexes)
            *count += list_topic(&reader, topic, indexes, decoded + *count);
    }
    json_decref(object);
    *partitions = decoded;
    return znode_result(&reader);
}

struct bytes log_dir_event_znode_encode(int32_t broker_id, struct arena *arena) {
    json_t *object = json_object();

    json_object_set_new(object, "version", json_integer(1));
    json_object_set_new(object, "broker", json_integer(broker_id));
    json_object_set_new(object, "event", json_integer(1)); /* a directory failed */
    return znode_finish(object, arena);
}

enum error log_dir_event_znode_decode(const char *path, struct bytes data, struct arena *arena,
                                      int32_t *broker_id, struct znode_error *error) {
    struct znode_reader reader;
    json_t *object;

    znode_reader_init(&reader, path, arena, error);
    object = znode_parse(&reader, data);
    if (object == NULL)
        return znode_result(&reader);
    *broker_id = znode_int32(&reader, object, "broker");
    json_decref(object);
    return znode_result(&reader);
}

struct bytes producer_id_block_znode_encode(const struct producer_id_block *block,
                                            struct arena *arena) {
    json_t *object = json_object();
    char first[32];
    char last[32];

    snprintf(first, sizeof(first), "%lld", (long long)block->first_id);
    snprintf(last, sizeof(last), "%lld", (long long)block->last_id);
    json_object_set_new(object, "version", json_integer(1));
    json_object_set_new(object, "broker", json_integer(block->broker_id));
    json_object_set_new(object, "block_start", json_string(first));
    json_object_set_new(object, "block_end", json_string(last));
    return znode_finish(object, arena);
}

static int64_t number_in_text(struct znode_reader *reader, const json_t *object, const char *key) {
    const char *text = znode_text(reader, object, key);
    char *end;
    long long number;

    errno = 0;
    number = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || number < 0)
        znode_fail(reader, key, "is no decimal number in a string");
    return number;
}

enum error producer_id_block_znode_decode(const char *path, struct bytes data, struct arena *arena,
                                          struct producer_id_block *block,
                                          struct znode_error *error) {
    struct znode_reader reader;
    json_t *object;

    znode_reader_init(&reader, path, arena, error);
    object = znode_parse(&reader, data);
    if (object == NULL)
        return znode_result(&reader);
    block->broker_id = znode_int32(&reader, object, "broker");
    block->first_id = number_in_text(&reader, object, "block_start");
    block->last_id = number_in_text(&reader, object, "block_end");
    if (!reader.failed && block->last_id < block->first_id)
        znode_fail(&reader, "block_end", "is below block_start");
    json_decref(object);
    return znode_result(&reader);
}

struct bytes feature_znode_encode(struct arena *arena) {
    json_t *object = json_object();

    json_object_set_new(object, "features", json_object());
    json_object_set_new(object, "version", json_integer(2));
    json_object_set_new(object, "status", json_integer(1));
    return znode_finish(object, arena);
}

enum error feature_znode_decode(const char *path, struct bytes data, struct arena *arena,
                                struct feature_znode *feature, struct znode_error *error) {
    struct znode_reader reader;
    int32_t version;
    json_t *object;

    znode_reader_init(&reader, path, arena, error);
    object = znode_parse(&reader, data);
    if (object == NULL)
        return znode_result(&reader);
    version = znode_int32(&reader, object, "version");
    if (!reader.failed && version != 1 && version != 2)
        znode_fail(&reader, "version", "is neither 1 nor 2");
    feature->status = znode_int32(&reader, object, "status");
    feature->finalized_features =
        (int32_t)json_object_size(znode_object(&reader, object, "features"));
    json_decref(object);
    return znode_result(&reader);
}

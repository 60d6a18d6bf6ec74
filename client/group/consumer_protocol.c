#include "client/group/consumer_protocol.h"

#include <stdlib.h>

#define VERSION_WRITTEN 3

#define VERSION_WITH_OWNED      1
#define VERSION_WITH_GENERATION 2
#define VERSION_WITH_RACK       3

#define STRING_BYTES_MIN           2
#define TOPIC_PARTITIONS_BYTES_MIN 6

/* What one encoded message may come to; a coordinator takes less. */
#define ENCODED_BYTES_MAX ((size_t)64 << 20)

int name_compare(struct bytes a, struct bytes b) {
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size == 0 ? 0 : memcmp(a.data, b.data, size);

    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

bool partition_list_has(const struct partition_list *list, struct bytes topic, int32_t partition) {
    for (int32_t i = 0; i < list->count; i++)
        for (int32_t j = 0; j < list->topics[i].count; j++)
            if (list->topics[i].partitions[j] == partition &&
                bytes_equal(list->topics[i].topic, topic))
                return true;
    return false;
}

/* --- reading ----------------------------------------------------------------------------- */

void partition_list_read(struct wire_reader *reader, struct arena *arena,
                         struct partition_list *list) {
    int32_t count = wire_read_array_count(reader, false, false, TOPIC_PARTITIONS_BYTES_MIN);
    struct topic_partitions *topics = wire_allocate(reader, arena, &count, sizeof(*topics));

    for (int32_t i = 0; i < count; i++) {
        int32_t *partitions;

        topics[i].topic = wire_read_string(reader, false, false);
        topics[i].count = wire_read_array_count(reader, false, false, sizeof(int32_t));
        partitions = wire_allocate(reader, arena, &topics[i].count, sizeof(*partitions));
        for (int32_t j = 0; j < topics[i].count; j++)
            partitions[j] = wire_read_i32(reader);
        topics[i].partitions = partitions;
    }
    list->count = count;
    list->topics = topics;
}

static void read_topics(struct wire_reader *reader, struct arena *arena,
                        struct subscription *subscription) {
    int32_t count = wire_read_array_count(reader, false, false, STRING_BYTES_MIN);
    struct bytes *topics = wire_allocate(reader, arena, &count, sizeof(*topics));

    for (int32_t i = 0; i < count; i++)
        topics[i] = wire_read_string(reader, false, false);
    subscription->topic_count = count;
    subscription->topics = topics;
}

static int16_t read_version(struct wire_reader *reader) {
    int16_t version = wire_read_i16(reader);

    if (version < 0)
        wire_fail(reader, ERR_MALFORMED);
    return version;
}

enum error subscription_decode(struct bytes data, struct arena *arena,
                               struct subscription *subscription) {
    struct subscription found = {.generation_id = GENERATION_NONE, .rack_id = BYTES_NULL};
    struct wire_reader reader;
    int16_t version;

    wire_reader_init(&reader, data);
    version = read_version(&reader);
    read_topics(&reader, arena, &found);
    found.user_data = wire_read_bytes(&reader, false, true);
    if (version >= VERSION_WITH_OWNED)
        partition_list_read(&reader, arena, &found.owned);
    if (version >= VERSION_WITH_GENERATION)
        found.generation_id = wire_read_i32(&reader);
    if (version >= VERSION_WITH_RACK)
        found.rack_id = wire_read_string(&reader, false, true);
    if (reader.error == ERR_NONE)
        *subscription = found;
    return reader.error;
}

enum error assignment_decode(struct bytes data, struct arena *arena,
                             struct assignment *assignment) {
    struct assignment found = {.user_data = BYTES_NULL};
    struct wire_reader reader;

    if (data.size > 0) {
        wire_reader_init(&reader, data);
        (void)read_version(&reader); /* no version has other fields */
        partition_list_read(&reader, arena, &found.partitions);
        found.user_data = wire_read_bytes(&reader, false, true);
        if (reader.error != ERR_NONE)
            return reader.error;
    }
    *assignment = found;
    return ERR_NONE;
}

/* --- writing ----------------------------------------------------------------------------- */

static int topic_partitions_compare(const void *left, const void *right) {
    const struct topic_partitions *a = left;
    const struct topic_partitions *b = right;

    return name_compare(a->topic, b->topic);
}

static int name_pointers_compare(const void *left, const void *right) {
    const struct bytes *a = left;
    const struct bytes *b = right;

    return name_compare(*a, *b);
}

static int partition_compare(const void *left, const void *right) {
    const int32_t *a = left;
    const int32_t *b = right;

    return (*a > *b) - (*a < *b);
}

/* A copy in the arena, put in order. */
static void *sorted_copy(struct wire_writer *writer, struct arena *arena, const void *items,
                         int32_t count, size_t size, int (*compare)(const void *, const void *)) {
    void *copy;

    if (count <= 0)
        return NULL;
    copy = arena_alloc(arena, (size_t)count, size);
    if (copy == NULL) {
        wire_writer_fail(writer, ERR_OUT_OF_MEMORY);
        return NULL;
    }
    memcpy(copy, items, (size_t)count * size);
    qsort(copy, (size_t)count, size, compare);
    return copy;
}

void partition_list_write(struct wire_writer *writer, const struct partition_list *list,
                          struct arena *arena) {
    struct topic_partitions *topics = sorted_copy(writer, arena, list->topics, list->count,
                                                  sizeof(*topics), topic_partitions_compare);

    wire_write_array_count(writer, list->count, false, false);
    for (int32_t i = 0; topics != NULL && i < list->count; i++) {
        int32_t *partitions = sorted_copy(writer, arena, topics[i].partitions, topics[i].count,
                                          sizeof(*partitions), partition_compare);

        wire_write_string(writer, topics[i].topic, false, false);
        wire_write_array_count(writer, topics[i].count, false, false);
        for (int32_t j = 0; partitions != NULL && j < topics[i].count; j++)
            wire_write_i32(writer, partitions[j]);
    }
}

enum error writer_into_arena(struct wire_writer *writer, struct arena *arena, struct bytes *data) {
    enum error error = writer->error;
    struct bytes copy;

    if (error == ERR_NONE) {
        copy = arena_copy(arena, bytes_of(writer->data, writer->size));
        if (copy.data == NULL)
            error = ERR_OUT_OF_MEMORY;
        else
            *data = copy;
    }
    wire_writer_done(writer);
    return error;
}

enum error subscription_encode(const struct subscription *subscription, struct arena *arena,
                               struct bytes *data) {
    struct wire_writer writer;
    struct bytes *topics;

    wire_writer_init(&writer, ENCODED_BYTES_MAX);
    topics = sorted_copy(&writer, arena, subscription->topics, subscription->topic_count,
                         sizeof(*topics), name_pointers_compare);
    wire_write_i16(&writer, VERSION_WRITTEN);
    wire_write_array_count(&writer, subscription->topic_count, false, false);
    for (int32_t i = 0; topics != NULL && i < subscription->topic_count; i++)
        wire_write_string(&writer, topics[i], false, false);
    wire_write_bytes(&writer, subscription->user_data, false, true);
    partition_list_write(&writer, &subscription->owned, arena);
    wire_write_i32(&writer, subscription->generation_id);
    wire_write_string(&writer, subscription->rack_id, false, true);
    return writer_into_arena(&writer, arena, data);
}

enum error assignment_encode(const struct assignment *assignment, struct arena *arena,
                             struct bytes *data) {
    struct wire_writer writer;

    wire_writer_init(&writer, ENCODED_BYTES_MAX);
    wire_write_i16(&writer, VERSION_WRITTEN);
    partition_list_write(&writer, &assignment->partitions, arena);
    wire_write_bytes(&writer, assignment->user_data, false, true);
    return writer_into_arena(&writer, arena, data);
}

#include "client/producer/topic_queue.h"

#include <stdlib.h>
#include <string.h>

enum error topic_queue_new(const char *name, struct topic_queue **created) {
    struct topic_queue *topic = calloc(1, sizeof(*topic));

    if (topic == NULL)
        return ERR_OUT_OF_MEMORY;
    topic->name = strdup(name);
    if (topic->name == NULL) {
        free(topic);
        return ERR_OUT_OF_MEMORY;
    }
    sticky_partition_init(&topic->sticky);
    STAILQ_INIT(&topic->waiting);
    *created = topic;
    return ERR_NONE;
}

void topic_queue_free(struct topic_queue *topic) {
    struct waiting_record *record;

    if (topic == NULL)
        return;
    while ((record = STAILQ_FIRST(&topic->waiting)) != NULL) {
        STAILQ_REMOVE_HEAD(&topic->waiting, next);
        free(record);
    }
    for (int32_t i = 0; i < topic->partition_count; i++) {
        partition_queue_done(topic->partitions[i]);
        free(topic->partitions[i]);
    }
    free(topic->partitions);
    free(topic->available);
    free(topic->name);
    free(topic);
}

static enum error topic_queue_grow(struct topic_queue *topic, int32_t count) {
    struct partition_queue **partitions;
    bool *available;

    partitions = reallocarray(topic->partitions, (size_t)count, sizeof(struct partition_queue *));
    if (partitions == NULL)
        return ERR_OUT_OF_MEMORY;
    topic->partitions = partitions;
    available = reallocarray(topic->available, (size_t)count, sizeof(*available));
    if (available == NULL)
        return ERR_OUT_OF_MEMORY;
    topic->available = available;
    while (topic->partition_count < count) {
        struct partition_queue *queue = malloc(sizeof(*queue));

        if (queue == NULL)
            return ERR_OUT_OF_MEMORY;
        partition_queue_init(queue, topic->name, topic->partition_count);
        topic->available[topic->partition_count] = false;
        topic->partitions[topic->partition_count++] = queue;
    }
    return ERR_NONE;
}

enum error topic_queue_update(struct topic_queue *topic, const struct view_topic *seen) {
    enum error error;

    topic->error = seen->error;
    if (seen->partition_count > topic->partition_count) {
        error = topic_queue_grow(topic, seen->partition_count);
        if (error != ERR_NONE)
            return error;
    }
    for (int32_t i = 0; i < topic->partition_count; i++)
        topic->available[i] =
            i < seen->partition_count && seen->partitions[i].leader_id != VIEW_NO_LEADER;
    return ERR_NONE;
}

enum error topic_queue_choose(struct topic_queue *topic, enum partitioner partitioner,
                              struct rng *rng, int64_t batch_bytes, const struct new_record *record,
                              int32_t *partition) {
    CHECK(topic->partition_count > 0);
    if (record->partition >= topic->partition_count)
        return ERR_UNKNOWN_TOPIC_OR_PARTITION;
    if (record->partition >= 0) {
        *partition = record->partition;
    } else if (partitioner == PARTITIONER_ROUND_ROBIN) {
        *partition = topic->turn % topic->partition_count;
        topic->turn = *partition + 1;
    } else if (partitioner == PARTITIONER_DEFAULT && !bytes_is_null(record->key)) {
        *partition = partition_of_key(record->key, topic->partition_count);
    } else {
        *partition = sticky_partition_next(&topic->sticky, rng, topic->partition_count,
                                           topic->available, batch_bytes);
        sticky_partition_add(&topic->sticky, (int64_t)record->charged_bytes);
    }
    return ERR_NONE;
}

static struct bytes copy_into(uint8_t **at, struct bytes source) {
    struct bytes copy = {bytes_is_null(source) ? NULL : *at, source.size};

    if (source.size > 0)
        memcpy(*at, source.data, source.size);
    *at += source.size;
    return copy;
}

enum error topic_queue_wait(struct topic_queue *topic, const struct new_record *record,
                            int64_t now_ms) {
    size_t headers_size = (size_t)record->header_count * sizeof(struct record_header);
    size_t size =
        sizeof(struct waiting_record) + headers_size + record->key.size + record->value.size + 1;
    struct waiting_record *waiting;
    uint8_t *at;

    for (int32_t i = 0; i < record->header_count; i++)
        size += record->headers[i].key.size + record->headers[i].value.size;
    waiting = calloc(1, size);
    if (waiting == NULL)
        return ERR_OUT_OF_MEMORY;
    waiting->headers = (struct record_header *)(waiting + 1);
    at = (uint8_t *)waiting->headers + headers_size;
    waiting->accepted_ms = now_ms;
    waiting->timestamp = record->timestamp;
    waiting->partition = record->partition;
    waiting->key = copy_into(&at, record->key);
    waiting->value = copy_into(&at, record->value);
    waiting->header_count = record->header_count;
    for (int32_t i = 0; i < record->header_count; i++) {
        waiting->headers[i].key = copy_into(&at, record->headers[i].key);
        waiting->headers[i].value = copy_into(&at, record->headers[i].value);
    }
    waiting->charged_bytes = record->charged_bytes;
    waiting->report = record->report;
    STAILQ_INSERT_TAIL(&topic->waiting, waiting, next);
    return ERR_NONE;
}

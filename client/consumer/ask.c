#include "client/consumer/ask.h"

#include <stdlib.h>
#include <string.h>

#include "client/cluster/backoff.h"

struct fetched_entry *entry_new(struct barnabas_consumer *consumer,
                                struct consumed_partition *partition, int64_t from_offset,
                                struct bytes records, size_t aborted_count) {
    size_t aborted_size = aborted_count * sizeof(struct aborted_transaction);
    size_t block_bytes = sizeof(struct fetched_entry) + aborted_size + records.size;
    struct fetched_entry *entry = block_pool_take(&consumer->blocks, block_bytes, &block_bytes);

    if (entry == NULL)
        entry = malloc(block_bytes);
    if (entry == NULL)
        return NULL;
    memset(entry, 0, sizeof(*entry));
    entry->block_bytes = block_bytes;
    entry->partition = partition;
    entry->from_offset = from_offset;
    entry->aborted = (struct aborted_transaction *)(entry + 1);
    entry->records = (uint8_t *)(entry + 1) + aborted_size;
    entry->size = records.size;
    if (records.size > 0)
        memcpy(entry->records, records.data, records.size);
    return entry;
}

void fetched_entry_free(struct barnabas_consumer *consumer, struct fetched_entry *entry) {
    if (entry != NULL)
        block_pool_give(&consumer->blocks, entry, entry->block_bytes);
}

void entry_tell(struct fetched_entry *entry, const struct reader_outcome *outcome) {
    if (!outcome->tell)
        return;
    entry->has_event = true;
    entry->event = (struct barnabas_event){
        .kind = outcome->kind,
        .topic = entry->partition->topic->name,
        .partition = entry->partition->index,
        .offset = outcome->offset,
        .error = outcome->error,
    };
}

void entry_queue(struct barnabas_consumer *consumer, struct fetched_entry *entry) {
    if (entry->size == 0 && !entry->has_event) {
        fetched_entry_free(consumer, entry);
        return;
    }
    entry->generation = entry->partition->reader.generation;
    entry->partition->buffered_bytes += entry->size;
    consumer->buffered_bytes += entry->size;
    consumer->fetched_bytes += entry->size;
    STAILQ_INSERT_TAIL(&consumer->ready, entry, next);
    condition_broadcast(&consumer->changed);
}

void outcome_queue(struct barnabas_consumer *consumer, struct consumed_partition *partition,
                   const struct reader_outcome *outcome) {
    struct fetched_entry *entry;

    if (!outcome->tell)
        return;
    entry = entry_new(consumer, partition, outcome->offset, BYTES_NULL, 0);
    if (entry == NULL)
        return;
    entry_tell(entry, outcome);
    entry_queue(consumer, entry);
}

bool ask_same_topic(const struct ask_call *call, size_t index) {
    return index > 0 &&
           call->items[index].partition->topic == call->items[index - 1].partition->topic;
}

static int64_t retry_at(struct barnabas_consumer *consumer, const struct reader *reader) {
    const struct settings *s = consumer->settings;
    struct cluster *cluster = consumer->handle.cluster;

    return cluster_now_ms(cluster) + backoff_ms(cluster_rng(cluster), s->retry_backoff_ms,
                                                s->retry_backoff_ms_max, reader->failures + 1);
}

bool ask_is_current(const struct asked_partition *item) {
    return item->generation == item->partition->reader.generation;
}

void ask_act_on(struct barnabas_consumer *consumer, const struct asked_partition *item,
                enum error error, const struct reader_outcome *outcome) {
    struct cluster *cluster = consumer->handle.cluster;

    if (error != ERR_NONE)
        cluster_log_write(cluster, outcome->refresh ? BARNABAS_LOG_INFO : BARNABAS_LOG_WARN,
                          outcome->refresh ? "fetch_retried" : "fetch_failed",
                          "topic=%s partition=%d error=%s", item->partition->topic->name,
                          item->partition->index, error_name(error));
    if (outcome->refresh)
        cluster_refresh(cluster);
}

/* Only the leader can say that an offset is none of the log's: a follower may lag behind it. */
static enum error believed(const struct ask_call *call, const struct asked_partition *item,
                           enum error error) {
    bool is_near =
        call->kind == &ask_records && item->partition->near_replica_id == call->broker_id;

    return is_near && error == ERR_OFFSET_OUT_OF_RANGE ? ERR_OFFSET_NOT_AVAILABLE : error;
}

void ask_fail(struct ask_call *call, struct asked_partition *item, enum error error) {
    struct barnabas_consumer *consumer = call->consumer;
    enum offset_reset policy = consumer->settings->offset_reset;
    struct reader *reader = &item->partition->reader;
    struct reader_outcome outcome = {0};

    error = believed(call, item, error);
    item->answered = true;
    mutex_lock(&consumer->lock);
    if (ask_is_current(item)) {
        call->kind->fail(reader, error, policy, retry_at(consumer, reader), &outcome);
        outcome_queue(consumer, item->partition, &outcome);
    }
    mutex_unlock(&consumer->lock);
    item->partition->near_replica_id = -1;
    ask_act_on(consumer, item, error, &outcome);
}

struct asked_partition *ask_find(struct ask_call *call, struct bytes topic,
                                 const struct uuid *topic_id, int32_t index) {
    for (size_t i = 0; i < call->count; i++) {
        struct asked_partition *item = &call->items[i];

        if (item->answered || item->partition->index != index)
            continue;
        if (topic_id != NULL ? uuid_equal(topic_id, &item->topic_id)
                             : bytes_equal_text(topic, item->partition->topic->name))
            return item;
    }
    return NULL;
}

/*
 * One topic's records: a queue per partition, the choice of the partition, and the records that
 * came before the topic's partitions were known. Pure.
 *
 * Threads: the producer's lock.
 */
#ifndef CLIENT_PRODUCER_TOPIC_QUEUE_H
#define CLIENT_PRODUCER_TOPIC_QUEUE_H

#include "client/base/hash_table.h"
#include "client/cluster/settings.h"
#include "client/cluster/view.h"
#include "client/producer/partition_queue.h"
#include "client/producer/partitioner.h"

/* A record as it was given, copied into one block of memory. */
struct waiting_record {
    STAILQ_ENTRY(waiting_record) next;
    int64_t accepted_ms;
    int64_t timestamp;
    int32_t partition; /* BARNABAS_PARTITION_ANY if the key decides */
    struct bytes key;
    struct bytes value;
    struct record_header *headers;
    int32_t header_count;
    size_t charged_bytes;
    struct report report;
};

STAILQ_HEAD(waiting_list, waiting_record);

struct topic_queue {
    UT_hash_handle hh; /* of the producer, by name */
    TAILQ_ENTRY(topic_queue) next;
    char *name;
    bool wanted;             /* the cluster was told that we want to know it */
    enum error error;        /* as the view says */
    int32_t partition_count; /* 0: not known yet */
    struct partition_queue **partitions;
    bool *available; /* has a leader */
    struct sticky_partition sticky;
    int32_t turn; /* for taking turns */
    struct waiting_list waiting;
};

/* A record to be added, by views. */
struct new_record {
    int32_t partition;
    int64_t timestamp;
    struct bytes key;
    struct bytes value;
    const struct record_header *headers;
    int32_t header_count;
    size_t charged_bytes;
    struct report report;
};

MUST_CHECK enum error topic_queue_new(const char *name, struct topic_queue **created);
void topic_queue_free(struct topic_queue *topic); /* accepts NULL; drops what it holds */

/* The partitions may have become known, or more, or their leaders others. Partitions that vanish
 * keep their queues, which will fail by age. Errors: OUT_OF_MEMORY, some may have been added. */
MUST_CHECK enum error topic_queue_update(struct topic_queue *topic, const struct view_topic *seen);

/* The partition for a record; the count must be known. UNKNOWN_TOPIC_OR_PARTITION if it names
 * one that does not exist. */
MUST_CHECK enum error topic_queue_choose(struct topic_queue *topic, enum partitioner partitioner,
                                         struct rng *rng, int64_t batch_bytes,
                                         const struct new_record *record, int32_t *partition);

/* Keeps a copy of a record until the partitions are known. Errors: OUT_OF_MEMORY. */
MUST_CHECK enum error topic_queue_wait(struct topic_queue *topic, const struct new_record *record,
                                       int64_t now_ms);

#endif

/*
 * What groups lost to retention, told to all: a record per loss in a topic of one partition,
 * `__barnabas_group_losses`, which is made when the first loss is found.
 *
 * The key is the group, the value JSON:
 *
 *   {"timeMs":..., "group":..., "topic":..., "partition":..., "firstLostOffset":...,
 *    "lastLostOffset":..., "coordinator":...}
 *
 * lastLostOffset is inclusive, timeMs when the loss was found. Brokers are asked in Kafka's
 * protocol, as any client would: the controller for the topic, its leader for the records, with
 * acks=all. What failed is sent again, so a loss may stand there twice; so may one that the
 * coordinator before this one has told, as long as the group has not committed past it.
 *
 * Threads: the loop's.
 */
#ifndef BROKER_LAG_LOSS_TOPIC_H
#define BROKER_LAG_LOSS_TOPIC_H

#include "broker/lag/lag_estimate.h"
#include "client/base/bytes.h"

#define LOSS_TOPIC_NAME    "__barnabas_group_losses"
#define LOSS_WAITING_MAX   1000 /* past that they are only in the log of events */
#define LOSS_BATCH_RECORDS 100

struct loop;
struct loss_topic;
struct metadata_cache;
struct peer_calls;

struct loss_topic_config {
    struct loop *loop;
    struct metadata_cache *metadata;
    struct peer_calls *calls;
    int32_t broker_id;
    int16_t replication_factor; /* of the topic */
};

/* All that the config points to outlives the losses' topic, but for the calls, which are freed
 * first. */
struct loss_topic *loss_topic_new(const struct loss_topic_config *config);
void loss_topic_free(struct loss_topic *losses); /* accepts NULL */

/* Copies. */
void loss_topic_add(struct loss_topic *losses, struct bytes group, struct bytes topic,
                    int32_t partition, const struct lag_loss *loss, int64_t wall_ms);

#endif

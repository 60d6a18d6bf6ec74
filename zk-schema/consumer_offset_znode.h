/*
 * /consumers/GROUP/offsets/TOPIC/PARTITION: what a client of 0.8 has committed, with version 0 of
 * OffsetCommit: the offset in decimal.
 *
 * Source: Kafka 3.9, ZkData.ConsumerOffset, KafkaZkClient.setOrCreateConsumerOffset.
 */
#ifndef ZK_SCHEMA_CONSUMER_OFFSET_ZNODE_H
#define ZK_SCHEMA_CONSUMER_OFFSET_ZNODE_H

#include <stdbool.h>
#include <stddef.h>

#include "client/base/bytes.h"

#define CONSUMER_OFFSET_TEXT_SIZE 24

/* How large a path of these may become, with its zero. */
size_t consumer_offset_path_size(struct bytes group, struct bytes topic);

/* False if ZooKeeper has no such path: an empty name, "." or "..", or control characters. A group
 * with slashes is several names, as in Kafka. */
bool consumer_offset_path(struct bytes group, struct bytes topic, int32_t partition, char *path,
                          size_t size);

/* Into `text`, of CONSUMER_OFFSET_TEXT_SIZE bytes. */
struct bytes consumer_offset_encode(int64_t offset, char *text);
/* False if it is no number of 64 bits. */
bool consumer_offset_decode(struct bytes data, int64_t *offset);

#endif

/*
 * /brokers/topics/T: the topic's id and the replicas of its partitions. Version 3 is written, 1 to
 * 3 are read. During a reassignment `replicas` is the target and then those origin replicas that
 * are not in it.
 */
#ifndef ZK_SCHEMA_TOPIC_ZNODE_H
#define ZK_SCHEMA_TOPIC_ZNODE_H

#include "zk-schema/znode_json.h"

struct topic_znode_partition {
    int32_t partition;
    const int32_t *replicas;
    int32_t replica_count;
    const int32_t *adding_replicas;
    int32_t adding_count;
    const int32_t *removing_replicas;
    int32_t removing_count;
};

struct topic_znode {
    struct uuid topic_id;                           /* zero: none (made before Kafka 2.8) */
    const struct topic_znode_partition *partitions; /* ascending by partition after decoding */
    int32_t partition_count;
};

struct bytes topic_znode_encode(const struct topic_znode *topic, struct arena *arena);
MUST_CHECK enum error topic_znode_decode(const char *path, struct bytes data, struct arena *arena,
                                         struct topic_znode *topic, struct znode_error *error);

#endif

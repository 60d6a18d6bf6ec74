/*
 * What operators and old tools write under /admin, the notifications of brokers, the block of
 * producer ids, and /feature.
 */
#ifndef ZK_SCHEMA_ADMIN_ZNODE_H
#define ZK_SCHEMA_ADMIN_ZNODE_H

#include "zk-schema/znode_json.h"

struct admin_partition {
    const char *topic;
    int32_t partition;
    const int32_t *replicas; /* reassign_partitions only */
    int32_t replica_count;
};

/* /admin/preferred_replica_election and isr_change_: {"version":1,"partitions":[...]} */
struct bytes partition_list_znode_encode(const struct admin_partition *partitions, int32_t count,
                                         struct arena *arena);
/* `with_replicas`: /admin/reassign_partitions. */
MUST_CHECK enum error partition_list_znode_decode(const char *path, struct bytes data,
                                                  bool with_replicas, struct arena *arena,
                                                  const struct admin_partition **partitions,
                                                  int32_t *count, struct znode_error *error);
struct bytes reassign_znode_encode(const struct admin_partition *partitions, int32_t count,
                                   struct arena *arena);

/* /barnabas/offline_replicas/N, ours: {"version":1,"topics":{text:[n...]...}}. By topic, so that
 * what lay in a directory of tens of thousands of partitions fits a request. */
struct bytes offline_replicas_znode_encode(const struct admin_partition *partitions, int32_t count,
                                           struct arena *arena);
MUST_CHECK enum error offline_replicas_znode_decode(const char *path, struct bytes data,
                                                    struct arena *arena,
                                                    const struct admin_partition **partitions,
                                                    int32_t *count, struct znode_error *error);

/* log_dir_event_ */
struct bytes log_dir_event_znode_encode(int32_t broker_id, struct arena *arena);
MUST_CHECK enum error log_dir_event_znode_decode(const char *path, struct bytes data,
                                                 struct arena *arena, int32_t *broker_id,
                                                 struct znode_error *error);

/* /latest_producer_id_block; the ends are strings in the JSON, the last one inclusive. */
struct producer_id_block {
    int32_t broker_id;
    int64_t first_id;
    int64_t last_id;
};

struct bytes producer_id_block_znode_encode(const struct producer_id_block *block,
                                            struct arena *arena);
MUST_CHECK enum error producer_id_block_znode_decode(const char *path, struct bytes data,
                                                     struct arena *arena,
                                                     struct producer_id_block *block,
                                                     struct znode_error *error);

/* /feature */
struct feature_znode {
    int32_t status;             /* 1 enabled, 0 disabled */
    int32_t finalized_features; /* how many; a ZooKeeper-mode broker knows none of them */
};

/* Version 2, enabled, no features. */
struct bytes feature_znode_encode(struct arena *arena);
MUST_CHECK enum error feature_znode_decode(const char *path, struct bytes data, struct arena *arena,
                                           struct feature_znode *feature,
                                           struct znode_error *error);

#endif

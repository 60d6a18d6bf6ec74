/*
 * /controller (ephemeral: who is controller), /controller_epoch (how many there have been; its
 * dataVersion is the fence of all controller writes), and /cluster/id.
 */
#ifndef ZK_SCHEMA_CONTROLLER_ZNODE_H
#define ZK_SCHEMA_CONTROLLER_ZNODE_H

#include "zk-schema/znode_json.h"

struct controller_znode {
    int32_t broker_id;
    int64_t timestamp_ms;
    int32_t kraft_controller_epoch; /* -1; above 0 a KRaft controller owns the cluster */
};

struct bytes controller_znode_encode(const struct controller_znode *controller,
                                     struct arena *arena);
MUST_CHECK enum error controller_znode_decode(const char *path, struct bytes data,
                                              struct arena *arena,
                                              struct controller_znode *controller,
                                              struct znode_error *error);

/* Decimal text. */
struct bytes controller_epoch_znode_encode(int32_t epoch, struct arena *arena);
MUST_CHECK enum error controller_epoch_znode_decode(const char *path, struct bytes data,
                                                    int32_t *epoch, struct znode_error *error);

struct bytes cluster_id_znode_encode(const char *cluster_id, struct arena *arena);
/* `*cluster_id` lives in the arena. */
MUST_CHECK enum error cluster_id_znode_decode(const char *path, struct bytes data,
                                              struct arena *arena, const char **cluster_id,
                                              struct znode_error *error);

#endif

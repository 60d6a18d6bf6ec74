/*
 * /brokers/topics/T/partitions/P/state: who leads the partition and who is in sync. The truth;
 * its dataVersion is the partition epoch.
 */
#ifndef ZK_SCHEMA_PARTITION_STATE_ZNODE_H
#define ZK_SCHEMA_PARTITION_STATE_ZNODE_H

#include "zk-schema/znode_json.h"

struct partition_state_znode {
    int32_t leader; /* -1: none */
    int32_t leader_epoch;
    int32_t controller_epoch;
    const int32_t *isr; /* never empty; order has no meaning */
    int32_t isr_count;
    int8_t leader_recovery_state; /* 1: recovering after an unclean election; 0 is not written */
};

struct bytes partition_state_znode_encode(const struct partition_state_znode *state,
                                          struct arena *arena);
MUST_CHECK enum error partition_state_znode_decode(const char *path, struct bytes data,
                                                   struct arena *arena,
                                                   struct partition_state_znode *state,
                                                   struct znode_error *error);

#endif

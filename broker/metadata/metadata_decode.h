/*
 * From what znodes say to what the metadata holds.
 *
 * Pure. Threads: any, one at a time per builder.
 */
#ifndef BROKER_METADATA_METADATA_DECODE_H
#define BROKER_METADATA_METADATA_DECODE_H

#include "broker/metadata/metadata_builder.h"
#include "zk-schema/change_znode.h"
#include "zk-schema/zk.h"

/* The transaction that wrote something, and when that was by ZooKeeper's clock. */
struct metadata_written {
    int64_t zxid;
    int64_t wall_ms;
};

/* `zxid`: the transaction that wrote the znode. False if the partitions are not numbered 0...n-1.
 */
MUST_CHECK bool metadata_put_topic(struct metadata_builder *builder, struct bytes name,
                                   int64_t zxid, const struct topic_znode *topic);
void metadata_put_state(struct metadata_builder *builder, const struct uuid *topic_id,
                        int32_t partition, int32_t partition_epoch, struct metadata_written written,
                        const struct partition_state_znode *state);
/* An invalid znode is logged, and leaves the settings as they are. */
void metadata_put_settings_znode(struct metadata_builder *builder, struct bytes topic,
                                 const char *path, struct bytes data, struct arena *arena);
/* An entry of the change log: deletions, then topics, then states. */
void metadata_put_change(struct metadata_builder *builder, struct metadata_written written,
                         const struct change_znode *change);

/* What /brokers/ids/`id` says, in the arena. False (logged) if it is invalid. */
MUST_CHECK bool metadata_decode_broker(int32_t id, const struct zk_result *result,
                                       struct arena *arena, struct metadata_broker *broker);

#endif

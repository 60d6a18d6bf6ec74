/*
 * /barnabas/changes/change_##########, ours: what a controller changed in the same transaction,
 * so that every broker follows by one watch. See README.md, "The change log".
 *
 *   {"v":1,"c":[controller id, controller epoch],
 *    "t":[{"n":name,"i":topic id,"p":{"0":[replicas],...},"a":{...},"r":{...},"s":{key:value}}],
 *    "d":[[name, topic id],...],
 *    "s":[[topic id,[[partition,leader,leader epoch,controller
 * epoch,version,recovery,isr...],...]]]}
 *
 * "t": topics made, or whose assignment changed; "a" and "r" (adding, removing) only if any; "s"
 * their settings, only if the topic is new. "d": topics deleted. "s": states, grouped by topic;
 * version is the state znode's after this transaction.
 */
#ifndef ZK_SCHEMA_CHANGE_ZNODE_H
#define ZK_SCHEMA_CHANGE_ZNODE_H

#include "zk-schema/config_znode.h"
#include "zk-schema/partition_state_znode.h"
#include "zk-schema/topic_znode.h"

struct change_topic {
    const char *name;
    struct topic_znode assignment; /* with the topic's id */
    bool has_settings;
    struct config_znode settings;
};

struct change_deletion {
    const char *name;
    struct uuid topic_id;
    bool is_by_others; /* nobody asked the controller for it: perhaps a mistake */
};

struct change_state {
    struct uuid topic_id;
    int32_t partition;
    int32_t partition_epoch;
    struct partition_state_znode state;
};

struct change_znode {
    int32_t controller_id;
    int32_t controller_epoch;
    const struct change_topic *topics;
    int32_t topic_count;
    const struct change_deletion *deletions;
    int32_t deletion_count;
    const struct change_state *states; /* encoding groups neighbours of the same topic */
    int32_t state_count;
};

struct bytes change_znode_encode(const struct change_znode *change, struct arena *arena);
MUST_CHECK enum error change_znode_decode(const char *path, struct bytes data, struct arena *arena,
                                          struct change_znode *change, struct znode_error *error);

#endif

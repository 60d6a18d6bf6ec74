/*
 * The replicas of a topic's partitions as JSON: three objects from partition (a string) to
 * replicas. Both /brokers/topics/T and our change entries hold them, under keys of their own.
 */
#ifndef ZK_SCHEMA_ASSIGNMENT_JSON_H
#define ZK_SCHEMA_ASSIGNMENT_JSON_H

#include "zk-schema/topic_znode.h"

struct assignment_keys {
    const char *replicas;
    const char *topic_id; /* written if there is one; NULL: the caller does */
    const char *adding;
    const char *removing;
    bool omits_empty; /* write `adding` and `removing` only if a partition has some */
};

/* Into members of `object`. */
void assignment_encode(const struct assignment_keys *keys, const struct topic_znode *topic,
                       json_t *object);

/* Fills the partitions of `topic`, ascending, none twice. */
void assignment_decode(struct znode_reader *reader, const struct assignment_keys *keys,
                       const json_t *object, struct topic_znode *topic);

#endif

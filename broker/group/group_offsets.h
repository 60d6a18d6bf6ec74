/*
 * The committed offsets of one group, by topic and partition; and those of transactions that have
 * not ended yet.
 *
 * Changes are ordered by `order`, which grows with each record of the journal partition: an
 * acknowledgement that comes late never undoes what was written after it.
 *
 * Pure. Copies what it keeps. Threads: one at a time.
 * Source: Apache Kafka 3.9, GroupMetadata.scala (offsets, pendingTransactionalOffsetCommits).
 */
#ifndef BROKER_GROUP_GROUP_OFFSETS_H
#define BROKER_GROUP_GROUP_OFFSETS_H

#include "broker/group/group_record.h"

struct group_offsets;

struct group_offsets *group_offsets_new(void);
void group_offsets_free(struct group_offsets *offsets); /* accepts NULL */

/* From now on `*total`, which outlives the offsets, grows and falls with how many are committed. */
void group_offsets_count_in(struct group_offsets *offsets, _Atomic uint64_t *total);

/* `order` is that of its record. An older one than what is known is ignored. */
void group_offsets_put(struct group_offsets *offsets, struct bytes topic, int32_t partition,
                       const struct offset_record *record, int64_t order);
/* A tombstone of that order. */
void group_offsets_remove(struct group_offsets *offsets, struct bytes topic, int32_t partition,
                          int64_t order);

/* The commit was sent to the journal; it ends with group_offsets_end_commit, before which a removal
 * keeps in mind that it came later. */
void group_offsets_begin_commit(struct group_offsets *offsets, struct bytes topic,
                                int32_t partition);
void group_offsets_end_commit(struct group_offsets *offsets, struct bytes topic, int32_t partition);

/* As put, but it counts only once the transaction of that producer commits. Done when it is sent to
 * the journal: the transaction may end before the acknowledgement comes. */
void group_offsets_put_pending(struct group_offsets *offsets, int64_t producer_id,
                               struct bytes topic, int32_t partition,
                               const struct offset_record *record, int64_t order);
/* It is written: what was pending before it does not matter any more. */
void group_offsets_confirm_pending(struct group_offsets *offsets, int64_t producer_id,
                                   struct bytes topic, int32_t partition, int64_t order);
/* It could not be written: what was pending before it is so again. */
void group_offsets_cancel_pending(struct group_offsets *offsets, int64_t producer_id,
                                  struct bytes topic, int32_t partition, int64_t order);
/* What is pending of the producer becomes committed, unless a later commit stands, or is forgotten.
 * A removal does not reach it: it was not committed then. */
void group_offsets_end_transaction(struct group_offsets *offsets, int64_t producer_id,
                                   bool is_committed);

/* NULL: none. Valid until the next change. */
const struct offset_record *group_offsets_find(const struct group_offsets *offsets,
                                               struct bytes topic, int32_t partition);
/* Whether a transaction has a commit of it pending. */
bool group_offsets_is_pending(const struct group_offsets *offsets, struct bytes topic,
                              int32_t partition);
bool group_offsets_has_pending(const struct group_offsets *offsets);
/* How many are committed. */
size_t group_offsets_count(const struct group_offsets *offsets);
/* None committed, none pending, none under way. */
bool group_offsets_is_empty(const struct group_offsets *offsets);

struct group_offset {
    struct bytes topic;
    int32_t partition;
    bool is_committed;
    bool is_being_committed;     /* the first time, or anew */
    struct offset_record record; /* of the committed one */
};

/* As the list below, but only of the topic's partitions [0, partition_count), in no order. `found`
 * has room for all of them. Returns how many there are. */
size_t group_offsets_of_topic(const struct group_offsets *offsets, struct bytes topic,
                              int32_t partition_count, struct group_offset *found);

/* All that are committed or are being, ascending by topic and partition; `*listed` is from malloc,
 * its views are valid until the next change. */
void group_offsets_list(const struct group_offsets *offsets, struct group_offset **listed,
                        size_t *count);

#endif

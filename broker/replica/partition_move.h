/*
 * Moving one replica to another data directory of this broker, while it leads or follows.
 *
 * A future log is filled with the batches of the replica's log, chunk by chunk, whatever the
 * replica's role is and however it changes; when little is missing, appends wait for the rest and
 * the future log takes the other's place.
 *
 * INVARIANT: the future log holds what the log holds, from the same offsets on, up to its own end.
 * Truncations of the log cut it too, under `move_lock`, and a chunk that was read before is not
 * appended after.
 *
 * Source: Apache Kafka 3.9, Partition.maybeReplaceCurrentWithFutureReplica,
 * ReplicaAlterLogDirsThread.
 */
#ifndef BROKER_REPLICA_PARTITION_MOVE_H
#define BROKER_REPLICA_PARTITION_MOVE_H

#include "broker/replica/partition.h"

/* Copies into `future`, of which a reference is taken; what it holds already and the log does not
 * is cut. Errors: NOT_LEADER_OR_FOLLOWER (the partition was retired), INVALID_REQUEST (it is being
 * moved already), and the log's. Control thread. */
MUST_CHECK enum error partition_begin_move(struct partition *partition, struct log *future);

/* It is not moved any more; what it was moved to comes with its reference, NULL if it was not being
 * moved. Control thread. */
struct log *partition_end_move(struct partition *partition);

/* A reference of what it is being moved to, NULL: it is not. Any thread. */
struct log *partition_future_log(struct partition *partition);

enum move_step {
    MOVE_GOES_ON,
    MOVE_WAITS, /* for something in the background: try again a little later */
    MOVE_ENDED, /* done, or given up by somebody */
    MOVE_FAILED
};

/* Belongs to one mover's thread; zeroed at first, the data is to be freed. */
struct move_buffer {
    uint8_t *data;
    size_t capacity;
};

struct move_result {
    size_t bytes_copied;
    bool is_moved;    /* the future log has taken its place, in this step */
    enum error error; /* FAILED */
};

/* Copies a chunk, or exchanges the logs. Waits for disks. One thread at a time for a partition. */
enum move_step partition_move_step(struct partition *partition, struct log_manager *logs,
                                   struct move_buffer *buffer, struct move_result *result);

#endif

/*
 * The threads that move replicas between the data directories of this broker, one replica each at
 * a time, within a rate that they share.
 *
 * Threads: any, unless said. Source: Apache Kafka 3.9, ReplicaAlterLogDirsManager.
 */
#ifndef BROKER_REPLICA_REPLICA_MOVER_H
#define BROKER_REPLICA_REPLICA_MOVER_H

#include "broker/log/log_manager.h"
#include "broker/replica/partition.h"
#include "broker/replica/replication_quota.h"

struct replica_mover;

/* Threads are started when there is something to move, `thread_max` at most. NULL: memory is out.
 */
struct replica_mover *replica_mover_new(struct log_manager *logs, int32_t thread_max);
/* Waits for its threads; what they were at stays as it is. Accepts NULL. */
void replica_mover_free(struct replica_mover *mover);

/* INT64_MAX: no bound. */
void replica_mover_throttle(struct replica_mover *mover, int64_t bytes_per_second);

/* The partition's move has begun (partition_begin_move). Once is enough until it has ended. */
void replica_mover_add(struct replica_mover *mover, struct partition *partition);

#endif

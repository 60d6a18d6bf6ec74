/*
 * The replicas of a simulated cluster: logs, followers that fetch, leaders that commit and propose
 * ISRs. Decisions are the broker's own (broker/replica: replica_progress, truncation_plan); the
 * rest follows broker/replica/partition*.c over model logs. Messages take time, and those of a
 * process that is gone arrive too.
 *
 * Modelled are the first MODELLED_PARTITIONS of each topic; who alters ISRs at will must keep to
 * the others.
 */
#ifndef TESTS_SIMULATION_MODEL_REPLICAS_H
#define TESTS_SIMULATION_MODEL_REPLICAS_H

#include "broker/metadata/metadata.h"

#define MODELLED_PARTITIONS 2

struct model_replicas;
struct simulated_cluster;
struct simulated_broker;

/* `unreliable`: once in so many messages between brokers their connection breaks; 0: never. */
struct model_replicas *model_replicas_new(struct simulated_cluster *cluster, int32_t unreliable);
void model_replicas_free(struct model_replicas *replicas); /* accepts NULL */

/* A process begins; it has no role until it knows the metadata. */
void model_replicas_on_start(struct model_replicas *replicas, struct simulated_broker *broker);
void model_replicas_on_metadata(struct model_replicas *replicas, struct simulated_broker *broker,
                                const struct metadata *metadata);
/* A process ends. If not cleanly, what was not flushed may be lost, and all of it sometimes. */
void model_replicas_on_stop(struct model_replicas *replicas, struct simulated_broker *broker,
                            bool is_clean);

/* How many records have been committed, and given up where nothing could be done. */
int64_t model_replicas_committed(const struct model_replicas *replicas, int64_t *lost);

/* Connections between brokers do not break any more. */
void model_replicas_be_reliable(struct model_replicas *replicas);
/* Nothing is produced any more; flushes go on. */
void model_replicas_be_quiet(struct model_replicas *replicas);
/* Followers have all that leaders have, and all of it is committed. */
void model_replicas_check_end(struct model_replicas *replicas);

#endif

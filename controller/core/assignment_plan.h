/*
 * Which brokers hold the replicas of new partitions.
 *
 * Kafka's algorithm, number for number: first replicas go round the brokers from `start`; the
 * others follow at a distance that grows by one with every round, so that one broker's followers
 * spread over all others. If every broker has a rack, neighbours in the round are of different
 * racks, and a rack takes a second replica only when each has one.
 *
 * Source: Apache Kafka 3.9, AdminUtils.assignReplicasToBrokers.
 */
#ifndef CONTROLLER_CORE_ASSIGNMENT_PLAN_H
#define CONTROLLER_CORE_ASSIGNMENT_PLAN_H

#include "client/base/bytes.h"

struct assignment_broker {
    int32_t id;
    struct bytes rack; /* null: none */
};

struct assignment_request {
    const struct assignment_broker *brokers; /* ascending by id */
    size_t broker_count;
    int32_t partition_first; /* 0, or the count of those that exist */
    int32_t partition_count;
    int32_t replication_factor; /* 1 ... broker_count */
    uint64_t start;             /* any number: chance, or the place of an existing replica */
    uint64_t shift;
};

/* `replicas` has room for partition_count * replication_factor ids. */
void controller_assignment_plan(const struct assignment_request *request, int32_t *replicas);

#endif

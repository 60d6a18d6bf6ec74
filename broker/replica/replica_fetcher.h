/*
 * Fetches for the partitions that this broker follows, over one connection per leader and thread.
 *
 * Each thread has a loop, the partitions given to it by their hash, and for each leader a link: a
 * connection, an incremental fetch session (KIP-227), and at most one request under way. What a
 * response brings is appended straight from the connection's buffer, and the next request says
 * how far we are: that is how the leader learns of it.
 *
 * Threads: replica_fetchers_follow/_unfollow on the control thread; they post.
 * Source: Kafka 3.9, AbstractFetcherThread, ReplicaFetcherThread, FetchSessionHandler.
 */
#ifndef BROKER_REPLICA_REPLICA_FETCHER_H
#define BROKER_REPLICA_REPLICA_FETCHER_H

#include "broker/replica/partition.h"
#include "client/base/check.h"
#include "client/base/error.h"

struct replica_fetchers;

struct replica_fetchers_config {
    int32_t broker_id;
    int32_t thread_count;       /* num.replica.fetchers */
    int32_t wait_ms_max;        /* replica.fetch.wait.max.ms */
    int32_t bytes_min;          /* replica.fetch.min.bytes */
    int32_t bytes_max;          /* replica.fetch.max.bytes, per partition */
    int32_t response_bytes_max; /* replica.fetch.response.max.bytes */
    int32_t backoff_ms;         /* replica.fetch.backoff.ms */
    int32_t timeout_ms;         /* replica.socket.timeout.ms */
    int32_t frame_bytes_max;    /* a response above it is refused */
    /* The inter-broker endpoint of a broker; false if it is not alive. Any thread. */
    bool (*endpoint)(void *context, int32_t broker_id, char *host, size_t host_size,
                     uint16_t *port);
    int64_t (*broker_epoch)(void *context); /* ours; any thread */
    void *context;
};

MUST_CHECK enum error replica_fetchers_start(const struct replica_fetchers_config *config,
                                             struct replica_fetchers **started);
/* Ends the threads; drops all partitions. Accepts NULL. */
void replica_fetchers_stop(struct replica_fetchers *fetchers);

/* As struct follower_source says; `context` is the fetchers. */
void replica_fetchers_follow(void *context, struct partition *partition, int32_t leader_id,
                             int32_t leader_epoch);
void replica_fetchers_unfollow(void *context, struct partition *partition);

#endif

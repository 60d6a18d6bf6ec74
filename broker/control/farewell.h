/*
 * A broker that has given its leaderships away waits until others know who has them now: the other
 * brokers, and then its clients.
 *
 * If it went at once, its clients would find their connections closed and ask another broker who
 * leads; and that one, which hears of the moves a few milliseconds later, might still name the one
 * that has gone. Such a client waits for the dead until it happens to ask again, which can take
 * seconds. So the others are asked for their metadata until none of them names this broker as a
 * leader, or the time is up.
 *
 * Then it stays a moment longer, registered, and answers those who still come that it is not the
 * leader. A client that learns by one answer both that a partition has moved and that the broker is
 * no more may be slow to believe it: librdkafka 2 ends what it has of that broker, moving
 * partitions included, and finds their leaders again with its next look, a second later.
 *
 * Threads: the loop's.
 */
#ifndef BROKER_CONTROL_FAREWELL_H
#define BROKER_CONTROL_FAREWELL_H

#include "broker/metadata/metadata_cache.h"
#include "client/base/check.h"
#include "client/net/loop.h"

/* How long the other brokers may take, and how long the clients get. */
#define FAREWELL_BROKERS_MS_MAX 2000
#define FAREWELL_CLIENTS_MS     300

struct farewell;

struct farewell_config {
    struct loop *loop;
    struct metadata_cache *metadata;
    const char *listener; /* the inter-broker listener's name */
    int32_t broker_id;
    void (*on_said)(void *context); /* once, perhaps from inside of farewell_begin */
    void *context;
};

/* All that the config points to outlives it. Errors: OUT_OF_MEMORY. */
MUST_CHECK enum error farewell_new(const struct farewell_config *config, struct farewell **created);
/* Remembers the topics that this broker leads partitions of: before they are moved. */
void farewell_remember(struct farewell *farewell, const struct metadata *metadata);
void farewell_begin(struct farewell *farewell);
/* Nobody is asked any more, and nobody told. */
void farewell_abandon(struct farewell *farewell);
void farewell_free(struct farewell *farewell); /* accepts NULL */

#endif

/*
 * Whether clients should be sent to this broker. Pure.
 *
 * A broker whose ZooKeeper is away is ready: it serves what it leads from its cache, and if all
 * brokers became unready with their ensemble, an orchestrator would turn its outage into theirs.
 * A broker that has just started is ready once it has caught up with every partition whose leader
 * lives; what falls behind later is a matter for alerts, not for readiness.
 */
#ifndef BROKER_ADMIN_READINESS_H
#define BROKER_ADMIN_READINESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct metadata;

enum broker_phase {
    BROKER_STARTING, /* opens its logs, joins its cluster */
    BROKER_SERVING,
    BROKER_STOPPING /* gives its leaderships away, or has left */
};

/* Of one broker, zeroed at its start. */
struct readiness_memory {
    bool has_caught_up;
};

struct readiness {
    bool is_ready;
    const char *reason; /* a word for machines; NULL if ready */
    int32_t partitions_to_catch_up;
};

/* `metadata` is what the broker knows, NULL if nothing yet. */
struct readiness readiness_decide(enum broker_phase phase, const struct metadata *metadata,
                                  int32_t broker_id, struct readiness_memory *memory);

#endif

/*
 * Controlled shutdown, seen from the broker that is about to stop: it asks the controller to move
 * its leaderships away, asks again if that did not work, and is ready when nothing is left that
 * another broker could take, or when it has tried often enough.
 *
 *   IDLE ──▶ ASKING ──nothing remains──▶ SETTLING ──own metadata agrees──▶ READY
 *              ▲ │ an error, some remain                                     ▲
 *              │ ▼                                                           │
 *           BACKING_OFF ──no tries left, or no other broker is there─────────┘
 *
 * Every step has its bound: an answer comes or fails, the rest waits for a timer. It asks earlier
 * than the timer if the metadata name another controller than the one that was asked.
 *
 * Decides only; what is done is behind the port, whose functions may call back.
 * Threads: one at a time.
 * Source: Apache Kafka 3.9, KafkaServer.controlledShutdown.
 */
#ifndef BROKER_CONTROL_DRAIN_H
#define BROKER_CONTROL_DRAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/base/error.h"

/* How long the news of the last moves may take to this broker. */
#define DRAIN_SETTLE_MS 2000

struct drain_port {
    void (*ask)(void *context);             /* answered by drain_on_answer */
    void (*arm)(void *context, int64_t ms); /* answered by drain_on_timer; again: moves it */
    void (*on_ready)(void *context);        /* once; the timer is not needed any more */
    void *context;
};

struct drain_settings {
    int32_t tries_max; /* controlled.shutdown.max.retries: as in Kafka the first one counts */
    int64_t backoff_ms;
};

/* What this broker's metadata say. */
struct drain_view {
    int32_t controller_id;
    size_t other_brokers;
    size_t led; /* partitions with more than one replica that this broker leads */
};

enum drain_phase { DRAIN_IDLE, DRAIN_ASKING, DRAIN_BACKING_OFF, DRAIN_SETTLING, DRAIN_READY };

struct drain {
    struct drain_port port;
    struct drain_settings settings;
    enum drain_phase phase;
    struct drain_view view;
    int32_t asked_id; /* the controller that was asked last */
    int32_t tries;
    size_t remaining; /* by its answer */
    enum error error; /* the last answer's */
};

void drain_init(struct drain *drain, const struct drain_port *port,
                const struct drain_settings *settings);
void drain_begin(struct drain *drain, const struct drain_view *view);
void drain_on_answer(struct drain *drain, enum error error, size_t remaining);
void drain_on_timer(struct drain *drain);
void drain_on_view(struct drain *drain, const struct drain_view *view);
/* Whether it has begun and is not ready, so that it wants to hear of the metadata. */
bool drain_is_under_way(const struct drain *drain);

#endif

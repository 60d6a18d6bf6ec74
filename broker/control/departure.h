/*
 * What a broker does before it stops: it has its leaderships moved away (drain.h decides, this
 * asks the controller), tells what could not be moved, and waits until the others know of it
 * (farewell.h).
 *
 * Threads: the control thread.
 */
#ifndef BROKER_CONTROL_DEPARTURE_H
#define BROKER_CONTROL_DEPARTURE_H

#include "broker/control/controller_channel.h"

struct departure;

struct departure_config {
    struct loop *loop;
    struct controller_channel *channel; /* freed before the departure: it may hold a call of it */
    struct metadata_cache *metadata;
    const char *listener; /* the inter-broker listener's name */
    int32_t broker_id;
    int64_t (*broker_epoch)(void *context);
    int32_t tries_max;
    int64_t backoff_ms;
    int64_t timeout_ms;              /* of one request */
    void (*on_ready)(void *context); /* once; the broker may stop now, whatever remains */
    void *context;
};

MUST_CHECK enum error departure_new(const struct departure_config *config,
                                    struct departure **created);
void departure_begin(struct departure *departure);
void departure_on_metadata(struct departure *departure, const struct metadata *metadata);
/* Nothing is asked any more, and nobody told. */
void departure_abandon(struct departure *departure); /* accepts NULL */
void departure_free(struct departure *departure);    /* accepts NULL */

#endif

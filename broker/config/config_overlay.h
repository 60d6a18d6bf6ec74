/*
 * Settings that are changed while the broker runs (/config/brokers), laid over those of the file:
 * a new config, so that who works with the former one is not disturbed.
 *
 * Changes come in two layers: for all brokers, and for one broker, which comes first. What can be
 * changed is what is acted upon at once: the defaults of topics' settings, the limits of
 * connections and the means of compaction. Everything else is refused in the words of Kafka, also
 * what Kafka could change.
 *
 * Pure. Threads: any. Source: Apache Kafka 3.9, DynamicBrokerConfig.
 */
#ifndef BROKER_CONFIG_CONFIG_OVERLAY_H
#define BROKER_CONFIG_CONFIG_OVERLAY_H

#include "broker/config/config.h"
#include "broker/config/topic_config.h"

struct config_layer {
    const struct config_pair *pairs;
    size_t count;
};

/* `of_all` and `of_broker` over `file`, which outlives the result. What cannot be changed at run
 * time or is not valid is left out and named in `report`, as a warning; what contradicts other
 * settings, as an error: then there is no result.
 * Errors: CONFIG_INVALID, OUT_OF_MEMORY. */
MUST_CHECK enum error config_overlay(const struct config *file, const struct config_layer *of_all,
                                     const struct config_layer *of_broker,
                                     struct config_report *report, struct config **overlaid);

/* Whether two overlays of one file say the same. */
bool config_is_same(const struct config *a, const struct config *b);

/* Whether a layer may become `after`; `before` is what it is now, and only what differs is looked
 * at: a znode may hold what this broker does not know. `is_of_all` says which layer, `other` is the
 * other one. Errors: INVALID_REQUEST with a message, OUT_OF_MEMORY. */
MUST_CHECK enum error config_layer_check(const struct config *file,
                                         const struct config_layer *before,
                                         const struct config_layer *after, bool is_of_all,
                                         const struct config_layer *other,
                                         char message[CONFIG_MESSAGE_SIZE]);

#endif

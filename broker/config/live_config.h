/*
 * The settings in force: those of the file, overlaid by what /config/brokers says now.
 *
 * Threads: getting and releasing on any thread; changing on the control thread.
 */
#ifndef BROKER_CONFIG_LIVE_CONFIG_H
#define BROKER_CONFIG_LIVE_CONFIG_H

#include "broker/config/config_overlay.h"

struct live_config;

/* `file` outlives it, and stays in force until something is changed. Errors: OUT_OF_MEMORY. */
MUST_CHECK enum error live_config_new(const struct config *file, struct live_config **created);
/* When all that was got is released. Accepts NULL. */
void live_config_free(struct live_config *live);

/* The caller owns a reference. */
const struct config *live_config_get(struct live_config *live);
void live_config_release(const struct config *config);

/* Replaces one layer; the pairs are copied. What has no effect or is not valid goes to `report`.
 * Errors: CONFIG_INVALID (it contradicts other settings: the former ones stay in force, but the
 * layer is kept, since the other one may mend it), OUT_OF_MEMORY. */
MUST_CHECK enum error live_config_set(struct live_config *live, bool is_of_all,
                                      const struct config_pair *pairs, size_t count,
                                      struct config_report *report);

/* The layer as it was set; valid until it is set again. */
struct config_layer live_config_layer(const struct live_config *live, bool is_of_all);

/* The settings of the file alone. */
const struct config *live_config_file(const struct live_config *live);

#endif

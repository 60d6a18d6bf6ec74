/*
 * Follows the settings of brokers that are changed at run time: /config/brokers/<default> for all,
 * /config/brokers/<id> for this one. They are read when the session begins, with every full load
 * of the metadata, and when an entry of /config/changes names them, so that they need no watch.
 *
 * Threads: the control thread. Source: Apache Kafka 3.9, DynamicBrokerConfig.
 */
#ifndef BROKER_CONTROL_BROKER_SETTINGS_H
#define BROKER_CONTROL_BROKER_SETTINGS_H

#include "client/base/check.h"
#include "client/base/error.h"

struct broker_settings;
struct live_config;
struct zk;

struct broker_settings_config {
    struct zk *zk;
    struct live_config *live;
    int32_t broker_id;
    void (*on_changed)(void *context); /* `live` may say something else now */
    void *context;
};

MUST_CHECK enum error broker_settings_new(const struct broker_settings_config *config,
                                          struct broker_settings **created);
/* After the session is closed. Accepts NULL. */
void broker_settings_free(struct broker_settings *settings);

void broker_settings_read(struct broker_settings *settings);

/* Of /config/changes; others than brokers are ignored. */
void broker_settings_on_change(struct broker_settings *settings, const char *entity_path);

#endif

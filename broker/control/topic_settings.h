/*
 * From a topic's overrides and the broker's defaults to what its logs and partitions obey.
 *
 * Pure. Threads: any.
 */
#ifndef BROKER_CONTROL_TOPIC_SETTINGS_H
#define BROKER_CONTROL_TOPIC_SETTINGS_H

#include "broker/config/config.h"
#include "broker/log/log_config.h"
#include "broker/metadata/metadata.h"

/* `topic` NULL: a topic without overrides. Overrides that are invalid are logged and left out. */
void topic_settings_of(const struct config *config, const struct metadata_topic *topic,
                       struct log_config *log_config, int32_t *min_isr);

#endif

/*
 * What stands behind the public struct barnabas_config, for the handles that are opened with it.
 */
#ifndef CLIENT_CLUSTER_CONFIG_H
#define CLIENT_CLUSTER_CONFIG_H

#include <barnabas/base.h>

#include "client/cluster/cluster.h"
#include "client/cluster/interceptors.h"
#include "client/cluster/settings.h"

struct barnabas_config {
    struct settings settings;
    struct cluster_log log;
    struct producer_interceptors producer_interceptors;
    struct consumer_interceptors consumer_interceptors;
    char text[SETTING_TEXT_MAX]; /* what barnabas_config_get returned last */
};

/* `reason` may be NULL; its text is cut to its size. */
void reason_set(struct barnabas_reason *reason, const char *text);

#endif

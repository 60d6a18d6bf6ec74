/*
 * The table of all settings of server.properties: one row per key. The fields of struct config,
 * the parser, DescribeConfigs and SETTINGS.md are made from it.
 *
 * CONFIG_LIST(SUPPORTED, IGNORED, REFUSED) calls one of three macros per row:
 *
 *   SUPPORTED(field, key, type, default, limits, scope, importance, doc)
 *       acted upon; `field` of struct config holds the value;
 *   IGNORED(key, type, default, limits, scope, importance, reason, doc)
 *       checked and accepted, so that Kafka's files work, but without effect, for that reason;
 *       set to something else than the default, it is warned of;
 *   REFUSED(key, type, default, limits, scope, importance, reason, doc)
 *       anything but the default stops the start, because ignoring it would do harm.
 *
 * type        BOOLEAN STRING INT SHORT LONG DOUBLE LIST CLASS PASSWORD, as in Kafka
 * default     as text; NULL for none
 * limits      ANY, AT_LEAST(n), BETWEEN(n, m), ONE_OF("a,b"), SUBSET_OF("a,b"), GZIP_LEVEL
 * scope       whether it can be changed at run time, in Kafka: READ_ONLY no; CLUSTER yes, for
 *             one broker or as the default of all; BROKER yes, for one broker only
 * importance  HIGH MEDIUM LOW, as in Kafka
 * reason      half a sentence
 * doc         one sentence
 *
 * Source: Apache Kafka 3.9, AbstractKafkaConfig, DynamicBrokerConfig. Keys of our own begin with
 * "barnabas.".
 */
#ifndef BROKER_CONFIG_CONFIG_LIST_H
#define BROKER_CONFIG_CONFIG_LIST_H

#include "broker/config/settings_cluster.h"
#include "broker/config/settings_log.h"
#include "broker/config/settings_security.h"
#include "broker/config/settings_server.h"

/* clang-format off */
#define CONFIG_LIST(SUPPORTED, IGNORED, REFUSED) \
    CONFIG_LIST_IDENTITY(SUPPORTED, IGNORED, REFUSED) \
    CONFIG_LIST_NETWORK(SUPPORTED, IGNORED, REFUSED) \
    CONFIG_LIST_REQUESTS(SUPPORTED, IGNORED, REFUSED) \
    CONFIG_LIST_TOPICS(SUPPORTED, IGNORED, REFUSED) \
    CONFIG_LIST_LOG_DIRS(SUPPORTED, IGNORED, REFUSED) \
    CONFIG_LIST_LOG(SUPPORTED, IGNORED, REFUSED) \
    CONFIG_LIST_CLEANER(SUPPORTED, IGNORED, REFUSED) \
    CONFIG_LIST_REPLICATION(SUPPORTED, IGNORED, REFUSED) \
    CONFIG_LIST_CONTROLLER(SUPPORTED, IGNORED, REFUSED) \
    CONFIG_LIST_GROUPS(SUPPORTED, IGNORED, REFUSED) \
    CONFIG_LIST_TRANSACTIONS(SUPPORTED, IGNORED, REFUSED) \
    CONFIG_LIST_QUOTAS(SUPPORTED, IGNORED, REFUSED) \
    CONFIG_LIST_METRICS(SUPPORTED, IGNORED, REFUSED) \
    CONFIG_LIST_SECURITY(SUPPORTED, IGNORED, REFUSED) \
    CONFIG_LIST_SASL(SUPPORTED, IGNORED, REFUSED) \
    CONFIG_LIST_SSL(SUPPORTED, IGNORED, REFUSED) \
    CONFIG_LIST_TOKENS(SUPPORTED, IGNORED, REFUSED) \
    CONFIG_LIST_TIERED(SUPPORTED, IGNORED, REFUSED) \
    CONFIG_LIST_KRAFT(SUPPORTED, IGNORED, REFUSED)
/* clang-format on */

/* The C type of a field, by the type of its setting. A number without a value is
 * CONFIG_UNSET_INT or CONFIG_UNSET_LONG; no text is NULL. */
#define CONFIG_C_BOOLEAN  bool
#define CONFIG_C_STRING   const char *
#define CONFIG_C_INT      int32_t
#define CONFIG_C_SHORT    int16_t
#define CONFIG_C_LONG     int64_t
#define CONFIG_C_DOUBLE   double
#define CONFIG_C_LIST     const char *
#define CONFIG_C_CLASS    const char *
#define CONFIG_C_PASSWORD const char *

#define CONFIG_UNSET_INT  INT32_MIN
#define CONFIG_UNSET_LONG INT64_MIN

#endif

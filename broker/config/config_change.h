/*
 * Changes that are asked for by AlterConfigs and IncrementalAlterConfigs, worked out: from the
 * settings that a topic or broker has of its own and the changes to those that it shall have.
 *
 * Pure; keys and values are views, arrays lie in the caller's arena. Whether the result is allowed
 * is for topic_config_resolve() and config_overlay() to say.
 *
 * Threads: any. Source: Apache Kafka 3.9, ConfigAdminManager, ZkAdminManager.
 */
#ifndef BROKER_CONFIG_CONFIG_CHANGE_H
#define BROKER_CONFIG_CONFIG_CHANGE_H

#include "broker/config/topic_config.h"
#include "client/base/arena.h"

/* config_operation of the protocol. */
enum config_operation { CONFIG_SET = 0, CONFIG_DELETE = 1, CONFIG_APPEND = 2, CONFIG_SUBTRACT = 3 };

struct config_change {
    struct bytes key;
    struct bytes value;              /* null is for CONFIG_DELETE only */
    enum config_operation operation; /* as it came: any number */
};

/* What can be said without knowing the present settings.
 * Errors: INVALID_REQUEST (a key twice, a null value, an unknown operation), OUT_OF_MEMORY. */
MUST_CHECK enum error config_changes_check(const struct config_change *changes, size_t count,
                                           struct arena *arena, char message[CONFIG_MESSAGE_SIZE]);

/* `before` with the changes, which have passed config_changes_check. Items are added to a list and
 * taken out of it once; a list that is not set begins with the default. Settings keep their order,
 * new ones come behind.
 * Errors: INVALID_CONFIG (a list operation on what is no list), OUT_OF_MEMORY. */
MUST_CHECK enum error config_changes_apply(const struct config_pair *before, size_t before_count,
                                           const struct config_change *changes, size_t count,
                                           bool is_topic, struct arena *arena,
                                           struct config_pair **after, size_t *after_count,
                                           char message[CONFIG_MESSAGE_SIZE]);

/* Whether two sets of settings are the same, in whatever order. No key may stand twice. */
bool config_pairs_equal(const struct config_pair *a, size_t a_count, const struct config_pair *b,
                        size_t b_count);

#endif

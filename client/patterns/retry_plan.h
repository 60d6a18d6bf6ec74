/*
 * What retry topics are called, what their header says, where a message goes next and when it is
 * due. Pure.
 */
#ifndef CLIENT_PATTERNS_RETRY_PLAN_H
#define CLIENT_PATTERNS_RETRY_PLAN_H

#include <barnabas/retry.h>

#define RETRY_HEADER_VALUE_MAX 300

/* A copy of the configuration with what the promises rest on, whatever it says of that itself.
 * Errors: OUT_OF_MEMORY. */
int retry_config_of(const struct barnabas_config *config, struct barnabas_config **own);

/* The level of a topic among them: 0 for the first one, then the retry topics. -1: none of them. */
int retry_level_of(const char *topic, size_t delay_count, const char *name);

/* Where a message of this level goes that was handled so: a level, or 0 for the dead-letter topic.
 */
size_t retry_next_level(size_t level, size_t delay_count, enum barnabas_handled handled);

/* When a message of this level may be handled; a message of level 0 at once. */
int64_t retry_due_ms(const struct barnabas_retry_options *options, size_t level,
                     int64_t timestamp_ms);

/* What the message's header says, or what its place says if it has none. `topic` holds the name. */
struct barnabas_attempt retry_attempt_of(const struct barnabas_message *message, char topic[250]);

/* The header of a message that has failed once more. */
size_t retry_header_write(char value[RETRY_HEADER_VALUE_MAX],
                          const struct barnabas_attempt *attempt);

bool retry_header_is(const struct barnabas_header *header);

#endif

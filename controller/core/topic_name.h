/*
 * What a topic may be called: 1 to 249 of [a-zA-Z0-9._-], not "." and not "..". Two names that
 * differ only in '.' and '_' collide, since metrics cannot tell them apart.
 * Source: Apache Kafka 3.9, org.apache.kafka.common.internals.Topic.
 */
#ifndef CONTROLLER_CORE_TOPIC_NAME_H
#define CONTROLLER_CORE_TOPIC_NAME_H

#include <stdbool.h>
#include <stddef.h>

#include "client/base/bytes.h"

#define TOPIC_NAME_BYTES_MAX 249

/* Room for a message that names a name that is too long. */
#define TOPIC_NAME_MESSAGE_SIZE 512

bool controller_topic_name_is_valid(struct bytes name);

/* Why it is not, in Kafka's words; at most `size` bytes with the zero. */
void controller_topic_name_explain(struct bytes name, char *message, size_t size);

/* The name with every '.' as '_': equal for names that collide. `folded` has room for the
 * name's bytes. */
void controller_topic_name_fold(struct bytes name, char *folded);

#endif

/*
 * What a topic may be called: 1 to 249 of [a-zA-Z0-9._-], not "." and not "..". Two names that
 * differ only in '.' and '_' collide, since metrics cannot tell them apart.
 * Source: Apache Kafka 3.9, org.apache.kafka.common.internals.Topic.
 */
#ifndef CONTROLLER_CORE_TOPIC_NAME_H
#define CONTROLLER_CORE_TOPIC_NAME_H

#include "client/base/bytes.h"

#define TOPIC_NAME_BYTES_MAX 249

/* NULL if it is valid, else why not. */
const char *controller_topic_name_fault(struct bytes name);

/* The name with every '.' as '_': equal for names that collide. `folded` has room for the
 * name's bytes. */
void controller_topic_name_fold(struct bytes name, char *folded);

#endif

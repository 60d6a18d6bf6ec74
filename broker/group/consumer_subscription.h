/*
 * What a consumer of protocol type "consumer" subscribes to, as far as the coordinator looks into
 * the bytes that members send: the names of topics, to tell which committed offsets are in use.
 *
 *     i16 version, [str topic], ...
 *
 * Every version begins so. Pure.
 * Source: Apache Kafka 3.9, ConsumerProtocolSubscription.json;
 * GroupMetadata.computeSubscribedTopics.
 */
#ifndef BROKER_GROUP_CONSUMER_SUBSCRIPTION_H
#define BROKER_GROUP_CONSUMER_SUBSCRIPTION_H

#include "client/base/bytes.h"

/* Whether `topic` is subscribed to; `*is_known` is false (and the answer yes) if the bytes cannot
 * be read. */
bool consumer_subscription_has(struct bytes subscription, struct bytes topic, bool *is_known);

#endif

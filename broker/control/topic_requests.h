/*
 * What this broker asks of the controller for its clients' sake: topics that are made when they
 * are first used, and blocks of producer ids.
 *
 * Threads: the control thread, but for topic_requests_create_soon.
 */
#ifndef BROKER_CONTROL_TOPIC_REQUESTS_H
#define BROKER_CONTROL_TOPIC_REQUESTS_H

#include "broker/control/controller_channel.h"

struct config;
struct producer_ids;
struct topic_requests;

MUST_CHECK enum error topic_requests_new(const struct config *config,
                                         struct controller_channel *channel,
                                         struct producer_ids *producer_ids, int32_t broker_id,
                                         struct topic_requests **created);
/* After the channel is freed. Accepts NULL. */
void topic_requests_free(struct topic_requests *requests);

void topic_requests_set_broker_epoch(struct topic_requests *requests, int64_t broker_epoch);

/* As control_create_topic_automatically; on the control thread, whose executor it is. */
void topic_requests_create_soon(struct topic_requests *requests, struct executor *executor,
                                struct bytes topic);

void topic_requests_allocate_producer_ids(struct topic_requests *requests);

#endif

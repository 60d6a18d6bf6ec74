/* Where a reader goes whose partitions are led elsewhere (KIP-951). */
#ifndef BROKER_API_FETCH_LEADERS_H
#define BROKER_API_FETCH_LEADERS_H

#include "broker/api/api.h"
#include "client/wire/message/fetch.h"

/* Tells it beside the errors that say so, from version 16 on. They are `leader_max` at most. */
void fetch_tell_leaders(struct api_call *call, int32_t leader_max, struct fetch_response *response);

#endif

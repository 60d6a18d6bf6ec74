/* What a Fetch request lists, as its session takes it. */
#ifndef BROKER_API_FETCH_ITEMS_H
#define BROKER_API_FETCH_ITEMS_H

#include "broker/api/api.h"
#include "broker/replica/fetch_session.h"
#include "client/wire/message/fetch.h"

/* From this version on topics are named by their ids. */
#define FETCH_TOPIC_ID_VERSION_MIN 13

/* In the call's arena; names are those of the request. NULL: no memory. */
struct fetch_item *fetch_list_items(struct api_call *call, const struct fetch_request *request,
                                    int32_t *count);
/* What an incremental session is to leave out from now on; only topic and index. */
struct fetch_item *fetch_list_forgotten(struct api_call *call, const struct fetch_request *request,
                                        int32_t *count);

#endif

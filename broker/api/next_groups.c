/*
 * ConsumerGroupHeartbeat and ConsumerGroupDescribe: the group protocol of KIP-848 needs KRaft.
 * Kafka 3.9 with ZooKeeper knows the requests and says that it does not serve them; clients then
 * use the classic protocol. Source: Apache Kafka 3.9, KafkaApis, GroupCoordinatorAdapter.
 */
#include "broker/api/handlers.h"
#include "client/wire/message/consumer_group_describe.h"
#include "client/wire/message/consumer_group_heartbeat.h"

static void handle_consumer_group_heartbeat(struct api_call *call) {
    struct consumer_group_heartbeat_request request;
    struct consumer_group_heartbeat_response response;

    if (!api_decode(call, &request))
        return;
    consumer_group_heartbeat_response_init(&response);
    response.error_code = error_to_wire(ERR_UNSUPPORTED_VERSION);
    api_respond(call, &response);
}

const struct api_handler api_consumer_group_heartbeat = {&consumer_group_heartbeat_api, 0,
                                                         handle_consumer_group_heartbeat};

static void handle_consumer_group_describe(struct api_call *call) {
    struct consumer_group_describe_request request;
    struct consumer_group_describe_response response;

    if (!api_decode(call, &request))
        return;
    consumer_group_describe_response_init(&response);
    response.groups = api_alloc(call, (size_t)request.group_ids_count, sizeof(*response.groups));
    for (int32_t i = 0; response.groups != NULL && i < request.group_ids_count; i++) {
        struct consumer_group_describe_response_groups *group =
            &response.groups[response.groups_count++];
        consumer_group_describe_response_groups_init(group);
        group->group_id = request.group_ids[i];
        group->error_code = error_to_wire(ERR_UNSUPPORTED_VERSION);
    }
    if (response.groups == NULL)
        api_close(call);
    else
        api_respond(call, &response);
}

const struct api_handler api_consumer_group_describe = {&consumer_group_describe_api, 0,
                                                        handle_consumer_group_describe};

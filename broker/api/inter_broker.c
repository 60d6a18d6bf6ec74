#include "broker/api/handlers.h"

#include "broker/api/hop.h"
#include "client/base/logger.h"
#include "client/wire/message/allocate_producer_ids.h"
#include "client/wire/message/alter_partition.h"
#include "client/wire/message/controlled_shutdown.h"
#include "controller/shell/controller_shell.h"

/* What brokers ask of the controller. Each goes to the control thread and comes back with the
 * controller's answer in the call's arena. */

static struct controller_shell *shell_of(const struct hop *hop) {
    return control_shell(hop->call->context->control);
}

/* ---- AlterPartition ---- */

struct alter_partition {
    struct hop hop; /* first */
    struct controller_alter_partition_request request;
    struct alter_partition_response response;
};

static void alter_partition_respond(struct hop *hop) {
    api_respond(hop->call, &((struct alter_partition *)hop)->response);
}

static int16_t partition_error(const struct api_call *call, enum error error) {
    /* Older leaders do not know the code. */
    if (error == ERR_INELIGIBLE_REPLICA && call->header.api_version < 2)
        error = ERR_OPERATION_NOT_ATTEMPTED;
    return error_to_wire(error);
}

static bool fill_altered(struct alter_partition *alter,
                         const struct controller_alter_partition_result *result) {
    struct api_call *call = alter->hop.call;
    struct alter_partition_response_topics *topic =
        &alter->response.topics[alter->response.topics_count++];
    struct alter_partition_response_topics_partitions *partition =
        api_alloc(call, 1, sizeof(*partition));
    int32_t *isr = api_alloc(call, result->isr_count, sizeof(*isr));

    if (partition == NULL || isr == NULL)
        return false;
    alter_partition_response_topics_init(topic);
    alter_partition_response_topics_partitions_init(partition);
    topic->topic_id = result->topic_id;
    topic->topic_name = arena_copy(&call->request->arena, result->topic);
    topic->partitions = partition;
    topic->partitions_count = 1;
    partition->partition_index = result->partition;
    partition->error_code = partition_error(call, result->error);
    if (result->error != ERR_NONE)
        return true;
    if (result->isr_count > 0)
        memcpy(isr, result->isr, result->isr_count * sizeof(*isr));
    partition->leader_id = result->leader;
    partition->leader_epoch = result->leader_epoch;
    partition->isr = isr;
    partition->isr_count = (int32_t)result->isr_count;
    partition->leader_recovery_state = (int8_t)result->leader_recovery_state;
    partition->partition_epoch = result->partition_epoch;
    return true;
}

static void on_altered(void *context, const struct controller_alter_partition_response *response) {
    struct alter_partition *alter = context;
    bool is_filled;

    alter_partition_response_init(&alter->response);
    alter->response.error_code = error_to_wire(response->error);
    alter->response.topics =
        api_alloc(alter->hop.call, response->result_count, sizeof(*alter->response.topics));
    is_filled = alter->response.topics != NULL;
    for (size_t i = 0; is_filled && i < response->result_count; i++)
        is_filled = fill_altered(alter, &response->results[i]);
    if (!is_filled) {
        alter->response.topics_count = 0;
        alter->response.error_code = ERR_UNKNOWN_SERVER_ERROR;
    }
    hop_return(&alter->hop, alter_partition_respond);
}

static void alter_partition_run(struct hop *hop) {
    struct alter_partition *alter = (struct alter_partition *)hop;

    controller_shell_alter_partition(shell_of(hop), &alter->request, on_altered, alter);
}

/* One partition of the request, in the controller's form. */
static bool fill_proposal(struct api_call *call, const struct alter_partition_request_topics *topic,
                          const struct alter_partition_request_topics_partitions *from,
                          struct controller_alter_partition *to) {
    bool with_epochs = call->header.api_version >= 3;
    int32_t count = with_epochs ? from->new_isr_with_epochs_count : from->new_isr_count;
    int32_t *isr = api_alloc(call, (size_t)count, sizeof(*isr));
    int64_t *epochs = api_alloc(call, (size_t)count, sizeof(*epochs));

    if (isr == NULL || epochs == NULL)
        return false;
    for (int32_t i = 0; i < count; i++) {
        isr[i] = with_epochs ? from->new_isr_with_epochs[i].broker_id : from->new_isr[i];
        epochs[i] = with_epochs ? from->new_isr_with_epochs[i].broker_epoch : -1;
    }
    *to = (struct controller_alter_partition){
        .topic = topic->topic_name,
        .topic_id = topic->topic_id,
        .partition = from->partition_index,
        .leader_epoch = from->leader_epoch,
        .partition_epoch = from->partition_epoch,
        .new_isr = isr,
        .new_isr_broker_epochs = epochs,
        .new_isr_count = (size_t)count,
        .leader_recovery_state = from->leader_recovery_state == 1 ? CONTROLLER_LEADER_RECOVERING
                                                                  : CONTROLLER_LEADER_RECOVERED,
    };
    return true;
}

static bool fill_proposals(struct api_call *call, const struct alter_partition_request *request,
                           struct alter_partition *alter) {
    struct controller_alter_partition *proposals;
    size_t total = 0;

    for (int32_t i = 0; i < request->topics_count; i++)
        total += (size_t)request->topics[i].partitions_count;
    proposals = api_alloc(call, total, sizeof(*proposals));
    if (proposals == NULL)
        return false;
    alter->request = (struct controller_alter_partition_request){
        request->broker_id, request->broker_epoch, proposals, total};
    for (int32_t i = 0; i < request->topics_count; i++) {
        for (int32_t j = 0; j < request->topics[i].partitions_count; j++) {
            if (!fill_proposal(call, &request->topics[i], &request->topics[i].partitions[j],
                               proposals++))
                return false;
        }
    }
    return true;
}

static void handle_alter_partition(struct api_call *call) {
    struct alter_partition *alter = api_alloc(call, 1, sizeof(*alter));
    struct alter_partition_request request;

    if (alter == NULL || request_keep_frame(call->request) != ERR_NONE) {
        api_close(call);
        return;
    }
    api_reread(call);
    if (!api_decode(call, &request))
        return;
    alter->hop.call = call;
    if (fill_proposals(call, &request, alter))
        hop_to_control(&alter->hop, alter_partition_run);
    else
        api_close(call);
}

const struct api_handler api_alter_partition = {&alter_partition_api, 3, handle_alter_partition};

/* ---- AllocateProducerIds ---- */

struct allocation {
    struct hop hop; /* first */
    struct controller_allocate_producer_ids_request request;
    struct allocate_producer_ids_response response;
};

static void allocation_respond(struct hop *hop) {
    api_respond(hop->call, &((struct allocation *)hop)->response);
}

static void on_allocated(void *context,
                         const struct controller_allocate_producer_ids_response *response) {
    struct allocation *allocation = context;

    allocate_producer_ids_response_init(&allocation->response);
    allocation->response.error_code = error_to_wire(response->error);
    if (response->error == ERR_NONE) {
        allocation->response.producer_id_start = response->producer_id_start;
        allocation->response.producer_id_len = response->producer_id_count;
    }
    hop_return(&allocation->hop, allocation_respond);
}

static void allocation_run(struct hop *hop) {
    struct allocation *allocation = (struct allocation *)hop;

    controller_shell_allocate_producer_ids(shell_of(hop), &allocation->request, on_allocated,
                                           allocation);
}

static void handle_allocate_producer_ids(struct api_call *call) {
    struct allocation *allocation = api_alloc(call, 1, sizeof(*allocation));
    struct allocate_producer_ids_request request;

    if (allocation == NULL) {
        api_close(call);
        return;
    }
    if (!api_decode(call, &request))
        return;
    allocation->hop.call = call;
    allocation->request =
        (struct controller_allocate_producer_ids_request){request.broker_id, request.broker_epoch};
    hop_to_control(&allocation->hop, allocation_run);
}

const struct api_handler api_allocate_producer_ids = {&allocate_producer_ids_api, 0,
                                                      handle_allocate_producer_ids};

/* ---- ControlledShutdown ---- */

struct shutdown {
    struct hop hop; /* first */
    struct controller_controlled_shutdown_request request;
    struct controlled_shutdown_response response;
};

static void shutdown_respond(struct hop *hop) {
    api_respond(hop->call, &((struct shutdown *)hop)->response);
}

static void on_shut_down(void *context,
                         const struct controller_controlled_shutdown_response *response) {
    struct shutdown *shutdown = context;
    struct api_call *call = shutdown->hop.call;
    struct controlled_shutdown_response_remaining_partitions *remaining =
        api_alloc(call, response->remaining_count, sizeof(*remaining));

    controlled_shutdown_response_init(&shutdown->response);
    shutdown->response.error_code =
        error_to_wire(remaining == NULL ? ERR_UNKNOWN_SERVER_ERROR : response->error);
    for (size_t i = 0; remaining != NULL && i < response->remaining_count; i++) {
        remaining[i].topic_name = arena_copy(&call->request->arena, response->remaining[i].topic);
        remaining[i].partition_index = response->remaining[i].partition;
        shutdown->response.remaining_partitions_count++;
    }
    shutdown->response.remaining_partitions = remaining;
    hop_return(&shutdown->hop, shutdown_respond);
}

static void shutdown_run(struct hop *hop) {
    struct shutdown *shutdown = (struct shutdown *)hop;

    controller_shell_controlled_shutdown(shell_of(hop), &shutdown->request, on_shut_down, shutdown);
}

/* Our own: a broker that is asked about itself with this epoch stops, as on SIGTERM. To Kafka it is
 * an epoch of the past, which its controllers refuse. */
#define STOP_YOURSELF (-2)

static bool is_stop(const struct api_call *call,
                    const struct controlled_shutdown_request *request) {
    return request->broker_epoch == STOP_YOURSELF && request->broker_id == call->context->broker_id;
}

static void stop_myself(struct api_call *call) {
    struct controlled_shutdown_response response;
    struct api_context *context = call->context;

    LOG_INFO("stop_requested", "broker=%d client=%s client_id=%s", context->broker_id,
             call->request->client_address, LOG_QUOTED(call->header.client_id));
    controlled_shutdown_response_init(&response);
    api_respond(call, &response);
    context->request_stop(context->stop_context);
}

static void handle_controlled_shutdown(struct api_call *call) {
    struct shutdown *shutdown = api_alloc(call, 1, sizeof(*shutdown));
    struct controlled_shutdown_request request;

    if (shutdown == NULL) {
        api_close(call);
        return;
    }
    if (!api_decode(call, &request))
        return;
    if (is_stop(call, &request)) {
        stop_myself(call);
        return;
    }
    shutdown->hop.call = call;
    shutdown->request =
        (struct controller_controlled_shutdown_request){request.broker_id, request.broker_epoch};
    hop_to_control(&shutdown->hop, shutdown_run);
}

const struct api_handler api_controlled_shutdown = {&controlled_shutdown_api, 3,
                                                    handle_controlled_shutdown};

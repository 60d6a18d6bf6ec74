/*
 * InitProducerId: an id and epoch for an idempotent producer, from this broker's block of ids; or
 * for a transactional one, from the coordinator of its transactional id.
 */
#include "client/wire/message/init_producer_id.h"
#include "broker/api/handlers.h"
#include "broker/api/hop.h"
#include "broker/transaction/producer_ids.h"
#include "broker/transaction/transaction_coordinator.h"

struct initialising {
    struct hop hop; /* first */
    struct init_producer_id_request wire;
    struct transaction_init_request request;
};

static void init_respond(struct hop *hop) {
    const struct transaction_init_request *request = &((struct initialising *)hop)->request;
    struct init_producer_id_response response;
    enum error error = request->error;

    /* Older clients do not know the code. */
    if (error == ERR_PRODUCER_FENCED && hop->call->header.api_version < 4)
        error = ERR_INVALID_PRODUCER_EPOCH;
    init_producer_id_response_init(&response);
    response.error_code = error_to_wire(error);
    response.producer_id = error == ERR_NONE ? request->producer_id : NO_PRODUCER_ID;
    response.producer_epoch = error == ERR_NONE ? request->producer_epoch : NO_PRODUCER_EPOCH;
    api_respond(hop->call, &response);
}

static void on_initialised(struct transaction_init_request *request) {
    hop_return(&CONTAINER_OF(request, struct initialising, request)->hop, init_respond);
}

static void init_run(struct hop *hop) {
    transaction_coordinator_init(hop->call->context->transactions,
                                 &((struct initialising *)hop)->request);
}

static void handle_init_producer_id(struct api_call *call) {
    struct initialising *initialising = hop_new(call, sizeof(*initialising));
    struct transaction_init_request *request;

    if (initialising == NULL || !api_decode(call, &initialising->wire))
        return;
    request = &initialising->request;
    *request = (struct transaction_init_request){
        .wait.may_wait = true,
        .id = initialising->wire.transactional_id,
        .timeout_ms = initialising->wire.transaction_timeout_ms,
        .producer_id = initialising->wire.producer_id,
        .producer_epoch = initialising->wire.producer_epoch,
        .done = on_initialised,
    };
    if ((request->producer_id == NO_PRODUCER_ID) != (request->producer_epoch == NO_PRODUCER_EPOCH))
        request->error = ERR_INVALID_REQUEST;
    if (request->error == ERR_NONE && !bytes_is_null(request->id)) {
        hop_to_transactions(&initialising->hop, init_run);
        return;
    }
    if (request->error == ERR_NONE) {
        request->error = producer_ids_next(call->context->producer_ids, &request->producer_id);
        request->producer_epoch = 0;
    }
    init_respond(&initialising->hop);
}

const struct api_handler api_init_producer_id = {&init_producer_id_api, 5, handle_init_producer_id};

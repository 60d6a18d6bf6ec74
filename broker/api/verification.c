#include "broker/api/verification.h"

#include "broker/config/config.h"
#include "broker/config/live_config.h"
#include "broker/replica/partition.h"

bool verification_is_enabled(const struct api_call *call) {
    const struct config *config = live_config_get(call->context->live_config);
    bool is_enabled = config->transaction_partition_verification_enable;

    live_config_release(config);
    return is_enabled;
}

bool verification_init(struct verification *verification, struct api_call *call, int32_t count) {
    *verification = (struct verification){
        .hop.call = call,
        .partitions = api_alloc(call, (size_t)count, sizeof(*verification->partitions)),
        .request.errors = api_alloc(call, (size_t)count, sizeof(*verification->request.errors)),
        .request.coordinator_epoch = -1,
    };
    verification->request.partitions = verification->partitions;
    return verification->partitions != NULL && verification->request.errors != NULL;
}

void verification_add(struct verification *verification, struct partition *partition,
                      int64_t producer_id, int16_t producer_epoch, int32_t base_sequence,
                      uint64_t *guard) {
    int64_t wall_ms = clock_wall_ms(verification->hop.call->context->clock);
    struct log_verification begun = {.guard = LOG_NO_GUARD};

    *guard = LOG_NO_GUARD;
    if (partition_begin_verification(partition, producer_id, producer_epoch, base_sequence, wall_ms,
                                     &begun) != ERR_NONE ||
        begun.guard == LOG_NO_GUARD)
        return;
    *guard = begun.guard;
    if (verification->request.coordinator_epoch < begun.coordinator_epoch)
        verification->request.coordinator_epoch = begun.coordinator_epoch;
    verification->partitions[verification->request.count++] = (struct transaction_partition){
        bytes_of_text(partition_topic(partition)), partition_index(partition)};
}

static void on_returned(struct hop *hop) {
    struct verification *verification = CONTAINER_OF(hop, struct verification, hop);

    request_release_connection(hop->call->request);
    verification->done(verification);
}

static void on_verified(struct transaction_verify_request *request) {
    hop_return(&CONTAINER_OF(request, struct verification, request)->hop, on_returned);
}

static void ask(struct hop *hop) {
    transaction_coordinator_ask(hop->call->context->transactions,
                                &CONTAINER_OF(hop, struct verification, hop)->request);
}

void verification_ask(struct verification *verification, struct bytes transactional_id,
                      int64_t producer_id, int16_t producer_epoch,
                      void (*done)(struct verification *verification)) {
    CHECK(verification->request.count > 0);
    verification->request.id = transactional_id;
    verification->request.producer_id = producer_id;
    verification->request.producer_epoch = producer_epoch;
    verification->request.done = on_verified;
    verification->done = done;
    request_hold_connection(verification->hop.call->request);
    hop_to_transactions(&verification->hop, ask);
}

enum error verification_error(enum error error, bool knows_transaction_abortable) {
    if (error == ERR_PRODUCER_FENCED)
        return ERR_INVALID_PRODUCER_EPOCH;
    if (error == ERR_TRANSACTION_ABORTABLE && !knows_transaction_abortable)
        return ERR_INVALID_TXN_STATE;
    return error;
}

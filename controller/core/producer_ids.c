/*
 * Blocks of producer ids, one after another: read the newest block, write the next in its place
 * if nobody else was faster. The znode's own version is the fence, so a block is given out once
 * whoever is controller; one whose write is in doubt is skipped.
 * Source: Apache Kafka 3.9, ProducerIdManager.
 */
#include "controller/core/request.h"

static const int64_t block_size = 1000;

/* The oldest request that waits for a block; NULL if none. */
static struct request *first_waiting(struct controller *c) {
    struct request *request;

    TAILQ_FOREACH (request, &c->requests, entry)
        if (request->kind == CONTROLLER_EVENT_ALLOCATE_PRODUCER_IDS)
            return request;
    return NULL;
}

static void read_next(struct controller *c, struct controller_effects *effects) {
    c->producer_ids_busy = first_waiting(c) != NULL;
    if (c->producer_ids_busy)
        controller_effect_read(c, effects, CONTROLLER_EFFECT_READ_PRODUCER_IDS, BYTES_NULL);
}

void controller_producer_ids_on_request(struct controller *c, const struct controller_event *event,
                                        struct controller_effects *effects) {
    const struct controller_allocate_producer_ids_request *wanted = event->allocate_producer_ids;
    const struct broker *broker = controller_cluster_broker(&c->cluster, wanted->broker_id);
    struct request *request;

    if (broker == NULL || !broker->registered) {
        controller_request_refuse(c, event->token, event->kind, ERR_BROKER_ID_NOT_REGISTERED,
                                  effects);
        return;
    }
    if (broker->epoch != wanted->broker_epoch) {
        controller_request_refuse(c, event->token, event->kind, ERR_STALE_BROKER_EPOCH, effects);
        return;
    }
    request = controller_request_new(c, event->token, event->kind, 0, 0, NULL);
    request->allocate_producer_ids = *wanted;
    if (!c->producer_ids_busy)
        read_next(c, effects);
}

void controller_producer_ids_on_read(struct controller *c, const struct controller_event *event,
                                     struct controller_effects *effects) {
    int64_t last = event->producer_ids_read.block_end;
    struct request *request = first_waiting(c);
    struct controller_effect *effect;

    if (request == NULL)
        return;
    if (event->error != ERR_NONE || last > INT64_MAX - block_size) {
        controller_request_answer_allocate_producer_ids(c, request, ERR_UNKNOWN_SERVER_ERROR, -1, 0,
                                                        effects);
        read_next(c, effects);
        return;
    }
    effect = controller_effect_add(c, effects, CONTROLLER_EFFECT_WRITE_PRODUCER_IDS);
    effect->producer_ids.broker_id = request->allocate_producer_ids.broker_id;
    effect->producer_ids.block_start = last + 1;
    effect->producer_ids.block_end = last + block_size;
    effect->producer_ids.version = event->producer_ids_read.version;
    c->producer_ids_start = last + 1;
}

void controller_producer_ids_on_written(struct controller *c, const struct controller_event *event,
                                        struct controller_effects *effects) {
    struct request *request = first_waiting(c);

    if (request == NULL)
        return;
    if (event->error == ERR_NONE)
        controller_request_answer_allocate_producer_ids(c, request, ERR_NONE, c->producer_ids_start,
                                                        (int32_t)block_size, effects);
    else if (event->error != ERR_ZK_BAD_VERSION && event->error != ERR_ZK_OUTCOME_UNKNOWN)
        controller_request_answer_allocate_producer_ids(c, request, ERR_UNKNOWN_SERVER_ERROR, -1, 0,
                                                        effects);
    read_next(c, effects);
}

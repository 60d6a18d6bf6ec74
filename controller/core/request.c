#include "controller/core/request.h"

struct request *controller_request_new(struct controller *c, uint64_t token,
                                       enum controller_event_kind kind, size_t item_count,
                                       size_t result_size, void **results) {
    struct request *request = controller_allocate(1, sizeof(*request));

    request->token = token;
    request->kind = kind;
    request->open = item_count;
    request->item_count = item_count;
    arena_init(&request->arena, SIZE_MAX);
    request->items = controller_request_allocate(request, item_count, sizeof(*request->items));
    for (size_t i = 0; i < item_count; i++)
        request->items[i] = (struct request_item){.request = request, .index = i};
    if (results != NULL)
        *results = controller_request_allocate(request, item_count, result_size);
    TAILQ_INSERT_TAIL(&c->requests, request, entry);
    return request;
}

void *controller_request_allocate(struct request *request, size_t count, size_t size) {
    void *memory = arena_alloc(&request->arena, count == 0 ? 1 : count, size);

    CHECK(memory != NULL);
    return memory;
}

struct bytes controller_request_copy(struct request *request, struct bytes source) {
    char *copy;

    if (bytes_is_null(source))
        return BYTES_NULL;
    copy = controller_request_allocate(request, source.size + 1, 1);
    if (source.size > 0)
        memcpy(copy, source.data, source.size);
    return bytes_of(copy, source.size);
}

void controller_request_free(struct request *request) {
    arena_done(&request->arena);
    free(request);
}

void controller_item_set_error(struct request_item *item, enum error error, const char *message) {
    struct request *request = item->request;

    if (error == ERR_NONE || (message != NULL && *message == 0))
        message = NULL;
    if (message != NULL) /* the bytes have a zero behind them */
        message = (const char *)controller_request_copy(request, bytes_of_text(message)).data;
    switch ((int)request->kind) {
    case CONTROLLER_EVENT_CREATE_TOPICS:
        request->results.create_topics[item->index].error = error;
        request->results.create_topics[item->index].message = message;
        break;
    case CONTROLLER_EVENT_CREATE_PARTITIONS:
        request->results.create_partitions[item->index].error = error;
        request->results.create_partitions[item->index].message = message;
        break;
    case CONTROLLER_EVENT_DELETE_TOPICS:
        request->results.delete_topics[item->index].error = error;
        request->results.delete_topics[item->index].message = message;
        break;
    case CONTROLLER_EVENT_ALTER_PARTITION:
        request->results.alter_partition[item->index].error = error;
        break;
    case CONTROLLER_EVENT_ELECT_LEADERS:
        request->results.elect_leaders[item->index].error = error;
        break;
    case CONTROLLER_EVENT_ALTER_REASSIGNMENTS:
        request->results.alter_reassignments[item->index].error = error;
        request->results.alter_reassignments[item->index].message = message;
        break;
    default:
        CHECK(!"a request of this kind has no items");
    }
}

static struct controller_effect *reply_add(struct controller *c, struct request *request,
                                           struct controller_effects *effects) {
    struct controller_effect *effect = controller_effect_add(c, effects, CONTROLLER_EFFECT_REPLY);

    effect->token = request->token;
    effect->reply.request = request->kind;
    return effect;
}

/* With ElectLeaders of all partitions only those count for which something was to be done. */
static size_t drop_not_needed(struct controller_elect_leaders_result *results, size_t count) {
    size_t kept = 0;

    for (size_t i = 0; i < count; i++)
        if (results[i].error != ERR_ELECTION_NOT_NEEDED)
            results[kept++] = results[i];
    return kept;
}

#define RESPOND(kind_, error_, count_)                                    \
    do {                                                                  \
        struct controller_##kind_##_response *response =                  \
            controller_request_allocate(request, 1, sizeof(*response));   \
        response->error = (error_);                                       \
        response->results = (count_) > 0 ? request->results.kind_ : NULL; \
        response->result_count = (count_);                                \
        reply_add(c, request, effects)->reply.kind_ = response;           \
    } while (0)

static void answer_items(struct controller *c, struct request *request, enum error error,
                         struct controller_effects *effects) {
    size_t count = error == ERR_NONE ? request->item_count : 0;

    switch ((int)request->kind) {
    case CONTROLLER_EVENT_CREATE_TOPICS:
        RESPOND(create_topics, error, count);
        break;
    case CONTROLLER_EVENT_CREATE_PARTITIONS:
        RESPOND(create_partitions, error, count);
        break;
    case CONTROLLER_EVENT_DELETE_TOPICS:
        RESPOND(delete_topics, error, count);
        break;
    case CONTROLLER_EVENT_ALTER_PARTITION:
        RESPOND(alter_partition, error, count);
        break;
    case CONTROLLER_EVENT_ELECT_LEADERS:
        if (request->elect_leaders.all)
            count = drop_not_needed(request->results.elect_leaders, count);
        RESPOND(elect_leaders, error, count);
        break;
    case CONTROLLER_EVENT_ALTER_REASSIGNMENTS:
        RESPOND(alter_reassignments, error, count);
        break;
    default:
        CHECK(!"a request of this kind has no items");
    }
}

/* What the reply points to lives in the request, until the effects are reset. */
static void request_retire(struct controller *c, struct request *request,
                           struct controller_effects *effects) {
    TAILQ_REMOVE(&c->requests, request, entry);
    request->next_answered = effects->answered;
    effects->answered = request;
}

void controller_request_answer_if_done(struct controller *c, struct request *request,
                                       struct controller_effects *effects) {
    if (request->open > 0)
        return;
    if (request->internal && request->kind == CONTROLLER_EVENT_ELECT_LEADERS)
        controller_writes_delete_node(c, "/admin/preferred_replica_election", BYTES_NULL);
    else if (request->internal)
        c->node_reassignments_changed = true;
    else
        answer_items(c, request, ERR_NONE, effects);
    request_retire(c, request, effects);
}

void controller_item_done(struct controller *c, struct request_item *item,
                          struct controller_effects *effects) {
    CHECK(item->request->open > 0);
    item->request->open--;
    controller_request_answer_if_done(c, item->request, effects);
}

void controller_request_answer_allocate_producer_ids(struct controller *c, struct request *request,
                                                     enum error error, int64_t start, int32_t count,
                                                     struct controller_effects *effects) {
    struct controller_allocate_producer_ids_response *response =
        controller_request_allocate(request, 1, sizeof(*response));

    response->error = error;
    response->producer_id_start = start;
    response->producer_id_count = count;
    reply_add(c, request, effects)->reply.allocate_producer_ids = response;
    request_retire(c, request, effects);
}

void controller_request_answer_controlled_shutdown(
    struct controller *c, struct request *request, enum error error,
    const struct controller_topic_partition *remaining, size_t remaining_count,
    struct controller_effects *effects) {
    struct controller_controlled_shutdown_response *response =
        controller_request_allocate(request, 1, sizeof(*response));

    response->error = error;
    response->remaining = remaining;
    response->remaining_count = remaining_count;
    reply_add(c, request, effects)->reply.controlled_shutdown = response;
    request_retire(c, request, effects);
}

static void answer_refused(struct controller *c, struct request *request, enum error error,
                           struct controller_effects *effects) {
    if (request->internal) {
        request_retire(c, request, effects);
    } else if (request->kind == CONTROLLER_EVENT_ALLOCATE_PRODUCER_IDS) {
        controller_request_answer_allocate_producer_ids(c, request, error, -1, 0, effects);
    } else if (request->kind == CONTROLLER_EVENT_CONTROLLED_SHUTDOWN) {
        /* The one request to which Kafka's controllers say it in other words. */
        if (error == ERR_NOT_CONTROLLER)
            error = ERR_STALE_CONTROLLER_EPOCH;
        controller_request_answer_controlled_shutdown(c, request, error, NULL, 0, effects);
    } else {
        answer_items(c, request, error, effects);
        request_retire(c, request, effects);
    }
}

void controller_request_refuse(struct controller *c, uint64_t token,
                               enum controller_event_kind kind, enum error error,
                               struct controller_effects *effects) {
    answer_refused(c, controller_request_new(c, token, kind, 0, 0, NULL), error, effects);
}

void controller_request_refuse_all(struct controller *c, struct controller_effects *effects) {
    while (!TAILQ_EMPTY(&c->requests))
        answer_refused(c, TAILQ_FIRST(&c->requests), ERR_NOT_CONTROLLER, effects);
}

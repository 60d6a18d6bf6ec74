/*
 * DescribeTransactions, ListTransactions: looked up on the thread of the transaction coordinator.
 */
#include "broker/api/handlers.h"
#include "broker/api/hop.h"
#include "broker/transaction/transaction_coordinator.h"
#include "client/base/clock.h"
#include "client/wire/message/describe_transactions.h"
#include "client/wire/message/list_transactions.h"

/* ---- DescribeTransactions ---- */

struct describing {
    struct hop hop; /* first */
    struct describe_transactions_request wire;
    struct describe_transactions_response response;
    bool is_too_large;
};

static void describe_respond(struct hop *hop) {
    struct describing *describing = (struct describing *)hop;

    if (describing->is_too_large)
        api_close(hop->call);
    else
        api_respond(hop->call, &describing->response);
}

/* Partitions ascend: those of one topic stand together. False past the arena's bound. */
static bool tell_topics(struct api_call *call, const struct transaction_values *values,
                        struct describe_transactions_response_transaction_states *to) {
    size_t count = (size_t)values->partition_count;
    struct describe_transactions_response_transaction_states_topics *topic = NULL;
    int32_t *partitions = api_alloc(call, count, sizeof(*partitions));

    to->topics = api_alloc(call, count, sizeof(*to->topics));
    if (partitions == NULL || to->topics == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct transaction_partition *from = &values->partitions[i];
        if (topic == NULL || !bytes_equal(topic->topic, from->topic)) {
            topic = &to->topics[to->topics_count++];
            describe_transactions_response_transaction_states_topics_init(topic);
            topic->topic = arena_copy(&call->request->arena, from->topic);
            topic->partitions = partitions;
            if (bytes_is_null(topic->topic))
                return false;
        }
        *partitions++ = from->index;
        topic->partitions_count++;
    }
    return true;
}

static enum error describe(struct describing *describing,
                           struct describe_transactions_response_transaction_states *to) {
    struct api_call *call = describing->hop.call;
    const struct transaction_values *values;
    const struct transaction *transaction;
    enum error error =
        transaction_coordinator_check(call->context->transactions, to->transactional_id);

    if (error != ERR_NONE)
        return error;
    transaction = transaction_coordinator_find(call->context->transactions, to->transactional_id);
    if (transaction == NULL)
        return ERR_TRANSACTIONAL_ID_NOT_FOUND;
    values = transaction_values(transaction);
    to->transaction_state = bytes_of_text(transaction_state_name(values->state));
    to->transaction_timeout_ms = values->timeout_ms;
    to->transaction_start_time_ms = values->start_ms;
    to->producer_id = values->producer_id;
    to->producer_epoch = values->producer_epoch;
    if (!tell_topics(call, values, to))
        describing->is_too_large = true;
    return ERR_NONE;
}

static void describe_run(struct hop *hop) {
    struct describing *describing = (struct describing *)hop;

    for (int32_t i = 0; i < describing->response.transaction_states_count; i++) {
        struct describe_transactions_response_transaction_states *to =
            &describing->response.transaction_states[i];
        to->error_code = error_to_wire(describe(describing, to));
    }
    hop_return(hop, describe_respond);
}

static void handle_describe(struct api_call *call) {
    struct describing *describing = hop_new(call, sizeof(*describing));
    struct describe_transactions_response *response;
    int32_t count;

    if (describing == NULL || !api_decode(call, &describing->wire))
        return;
    response = &describing->response;
    count = describing->wire.transactional_ids_count;
    describe_transactions_response_init(response);
    response->transaction_states =
        api_alloc(call, (size_t)count, sizeof(*response->transaction_states));
    if (response->transaction_states == NULL) {
        api_close(call);
        return;
    }
    response->transaction_states_count = count;
    for (int32_t i = 0; i < count; i++) {
        describe_transactions_response_transaction_states_init(&response->transaction_states[i]);
        response->transaction_states[i].transactional_id = describing->wire.transactional_ids[i];
        response->transaction_states[i].transaction_state = bytes_of_text("");
    }
    hop_to_transactions(&describing->hop, describe_run);
}

const struct api_handler api_describe_transactions = {&describe_transactions_api, 0,
                                                      handle_describe};

/* ---- ListTransactions ---- */

struct listing {
    struct hop hop; /* first */
    struct list_transactions_request wire;
    struct list_transactions_response response;
    int64_t now_ms;
    bool states[TRANSACTION_STATE_COUNT]; /* that are asked for */
    int32_t capacity;
    bool is_too_large;
};

static void list_respond(struct hop *hop) {
    struct listing *listing = (struct listing *)hop;

    if (listing->is_too_large)
        api_close(hop->call);
    else
        api_respond(hop->call, &listing->response);
}

static bool is_asked_for(const struct listing *listing, const struct transaction_values *values) {
    const struct list_transactions_request *wire = &listing->wire;
    bool is_of_producer = wire->producer_id_filters_count == 0;

    for (int32_t i = 0; i < wire->producer_id_filters_count && !is_of_producer; i++)
        is_of_producer = wire->producer_id_filters[i] == values->producer_id;
    if (!is_of_producer || (wire->state_filters_count > 0 && !listing->states[values->state]))
        return false;
    return wire->duration_filter < 0 ||
           (values->start_ms != NO_TRANSACTION_START &&
            listing->now_ms - values->start_ms > wire->duration_filter);
}

static bool make_room(struct listing *listing) {
    struct list_transactions_response *response = &listing->response;
    int32_t capacity = listing->capacity == 0 ? 16 : listing->capacity * 2;
    struct list_transactions_response_transaction_states *grown;

    if (response->transaction_states_count < listing->capacity)
        return true;
    grown = api_alloc(listing->hop.call, (size_t)capacity, sizeof(*grown));
    if (grown == NULL)
        return false;
    if (response->transaction_states_count > 0)
        memcpy(grown, response->transaction_states,
               (size_t)response->transaction_states_count * sizeof(*grown));
    response->transaction_states = grown;
    listing->capacity = capacity;
    return true;
}

static void list_one(void *context, const struct transaction *transaction) {
    struct listing *listing = context;
    const struct transaction_values *values = transaction_values(transaction);
    struct list_transactions_response_transaction_states *to;

    if (listing->is_too_large || !is_asked_for(listing, values))
        return;
    if (!make_room(listing)) {
        listing->is_too_large = true;
        return;
    }
    to = &listing->response.transaction_states[listing->response.transaction_states_count++];
    list_transactions_response_transaction_states_init(to);
    to->transactional_id =
        arena_copy(&listing->hop.call->request->arena, transaction_id(transaction));
    to->producer_id = values->producer_id;
    to->transaction_state = bytes_of_text(transaction_state_name(values->state));
    listing->is_too_large = bytes_is_null(to->transactional_id);
}

static void list_run(struct hop *hop) {
    struct listing *listing = (struct listing *)hop;
    struct transaction_coordinator *transactions = hop->call->context->transactions;

    if (transaction_coordinator_is_loading(transactions))
        listing->response.error_code = error_to_wire(ERR_COORDINATOR_LOAD_IN_PROGRESS);
    else
        transaction_coordinator_each(transactions, list_one, listing);
    hop_return(hop, list_respond);
}

/* States that there are not are told so. False past the arena's bound. */
static bool take_states(struct listing *listing) {
    const struct list_transactions_request *wire = &listing->wire;
    struct list_transactions_response *response = &listing->response;

    response->unknown_state_filters =
        api_alloc(listing->hop.call, (size_t)wire->state_filters_count,
                  sizeof(*response->unknown_state_filters));
    if (response->unknown_state_filters == NULL)
        return false;
    for (int32_t i = 0; i < wire->state_filters_count; i++) {
        enum transaction_state state;
        if (transaction_state_parse(wire->state_filters[i], &state))
            listing->states[state] = true;
        else
            response->unknown_state_filters[response->unknown_state_filters_count++] =
                wire->state_filters[i];
    }
    return true;
}

static void handle_list(struct api_call *call) {
    struct listing *listing = hop_new(call, sizeof(*listing));

    if (listing == NULL || !api_decode(call, &listing->wire))
        return;
    list_transactions_response_init(&listing->response);
    listing->now_ms = clock_wall_ms(call->context->clock);
    if (call->header.api_version < 1)
        listing->wire.duration_filter = -1;
    if (take_states(listing))
        hop_to_transactions(&listing->hop, list_run);
    else
        api_close(call);
}

const struct api_handler api_list_transactions = {&list_transactions_api, 1, handle_list};

/* Transactions: which there are, and one of them, as its coordinator knows it. */
#include <stdlib.h>
#include <string.h>

#include "client/admin/admin_call.h"
#include "client/wire/message/describe_transactions.h"
#include "client/wire/message/list_transactions.h"

/* --- listing ------------------------------------------------------------------------------ */

struct listing {
    struct admin_call call;
    struct admin_result *gathered;
    struct barnabas_transaction_listing *items;
    size_t count;
    int32_t broker_id; /* that is being asked */
};

static enum error listing_read(struct admin_call *call, const void *message) {
    struct listing *listing = CONTAINER_OF(call, struct listing, call);
    const struct list_transactions_response *response = message;
    struct arena *arena = &listing->gathered->arena;
    struct barnabas_transaction_listing *more;
    size_t count = listing->count;

    if (response->error_code != ERR_NONE)
        return response->error_code;
    more = reallocarray(listing->items, count + (size_t)response->transaction_states_count + 1,
                        sizeof(*more));
    if (more == NULL)
        return ERR_OUT_OF_MEMORY;
    listing->items = more;
    for (int32_t i = 0; i < response->transaction_states_count; i++) {
        const struct list_transactions_response_transaction_states *from =
            &response->transaction_states[i];
        struct barnabas_transaction_listing *item = &listing->items[count++];

        item->transactional_id = text_in_arena(arena, from->transactional_id);
        item->state = text_in_arena(arena, from->transaction_state);
        item->producer_id = from->producer_id;
        item->coordinator = listing->broker_id;
        if (item->transactional_id == NULL || item->state == NULL)
            return ERR_OUT_OF_MEMORY;
    }
    listing->count = count;
    return ERR_NONE;
}

static int listing_compare(const void *left, const void *right) {
    const struct barnabas_transaction_listing *a = left;
    const struct barnabas_transaction_listing *b = right;

    return strcmp(a->transactional_id, b->transactional_id);
}

static enum error ask_broker(struct barnabas_admin *admin, struct listing *listing,
                             const struct list_transactions_request *request, int32_t broker_id,
                             int64_t timeout_ms) {
    struct admin_result *answered = NULL;
    enum error error;

    listing->broker_id = broker_id;
    listing->call = (struct admin_call){
        .target = broker_id,
        .api = &list_transactions_api,
        .request = request,
        .timeout_ms = timeout_ms,
        .read = listing_read,
    };
    error = admin_call_run(admin, &listing->call, &answered);
    if (error == ERR_NONE)
        admin_result_free(answered); /* all is in `gathered` */
    return error;
}

static enum error finish_listing(struct listing *listing) {
    struct barnabas_transactions *transactions = &listing->gathered->transactions;
    struct barnabas_transaction_listing *items =
        arena_alloc(&listing->gathered->arena, listing->count + 1, sizeof(*items));

    if (items == NULL)
        return ERR_OUT_OF_MEMORY;
    if (listing->count > 0)
        memcpy(items, listing->items, listing->count * sizeof(*items));
    qsort(items, listing->count, sizeof(*items), listing_compare);
    transactions->items = items;
    transactions->count = listing->count;
    return ERR_NONE;
}

int barnabas_admin_list_transactions(struct barnabas_admin *admin, const int64_t *producer_ids,
                                     size_t count, int64_t duration_ms, int64_t timeout_ms,
                                     struct barnabas_transactions **transactions) {
    struct barnabas_cluster *cluster = NULL;
    struct listing listing = {.gathered = admin_result_new()};
    struct list_transactions_request request;
    struct barnabas_transactions *found;
    enum error error;

    if (listing.gathered == NULL)
        return ERR_OUT_OF_MEMORY;
    found = &listing.gathered->transactions;
    list_transactions_request_init(&request);
    request.producer_id_filters = (int64_t *)(uintptr_t)producer_ids;
    request.producer_id_filters_count = (int32_t)count;
    request.duration_filter = duration_ms;
    error = barnabas_admin_describe_cluster(admin, timeout_ms, &cluster);
    for (size_t i = 0; error == ERR_NONE && i < cluster->broker_count; i++) {
        enum error failure =
            ask_broker(admin, &listing, &request, cluster->brokers[i].id, timeout_ms);

        if (failure != ERR_NONE) {
            found->silent_brokers++;
            found->error = failure;
        }
    }
    if (error == ERR_NONE && found->silent_brokers == cluster->broker_count)
        error = found->error;
    if (error == ERR_NONE)
        error = finish_listing(&listing);
    free(listing.items);
    barnabas_cluster_free(cluster);
    if (error == ERR_NONE)
        *transactions = found;
    else
        admin_result_free(listing.gathered);
    return error;
}

void barnabas_transactions_free(struct barnabas_transactions *transactions) {
    admin_result_free((struct admin_result *)transactions);
}

/* --- describing --------------------------------------------------------------------------- */

static enum error
read_partitions(struct admin_call *call,
                const struct describe_transactions_response_transaction_states *from) {
    struct barnabas_transaction *transaction = &call->result->transaction;
    struct barnabas_topic_partition *partitions;
    size_t count = 0;

    for (int32_t i = 0; i < from->topics_count; i++)
        count += (size_t)from->topics[i].partitions_count;
    partitions = arena_alloc(&call->result->arena, count + 1, sizeof(*partitions));
    if (partitions == NULL)
        return ERR_OUT_OF_MEMORY;
    transaction->partitions = partitions;
    for (int32_t i = 0; i < from->topics_count; i++) {
        const char *topic = admin_text(call, from->topics[i].topic);

        if (topic == NULL)
            return ERR_OUT_OF_MEMORY;
        for (int32_t j = 0; j < from->topics[i].partitions_count; j++)
            partitions[transaction->partition_count++] =
                (struct barnabas_topic_partition){topic, from->topics[i].partitions[j]};
    }
    return ERR_NONE;
}

static enum error described_read(struct admin_call *call, const void *message) {
    const struct describe_transactions_response *response = message;
    const struct describe_transactions_response_transaction_states *from =
        response->transaction_states;
    struct barnabas_transaction *transaction = &call->result->transaction;

    if (response->transaction_states_count != 1)
        return ERR_MALFORMED;
    if (from->error_code != ERR_NONE)
        return from->error_code;
    transaction->transactional_id = admin_text(call, from->transactional_id);
    transaction->state = admin_text(call, from->transaction_state);
    transaction->producer_id = from->producer_id;
    transaction->producer_epoch = from->producer_epoch;
    transaction->timeout_ms = from->transaction_timeout_ms;
    transaction->start_ms = from->transaction_start_time_ms;
    if (transaction->transactional_id == NULL || transaction->state == NULL)
        return ERR_OUT_OF_MEMORY;
    return read_partitions(call, from);
}

int barnabas_admin_describe_transaction(struct barnabas_admin *admin, const char *transactional_id,
                                        int64_t timeout_ms,
                                        struct barnabas_transaction **transaction) {
    struct describe_transactions_request request;
    struct bytes wanted = bytes_of_text(transactional_id);
    struct admin_result *result = NULL;
    struct admin_call call = {
        .target = CALL_TRANSACTION_COORDINATOR,
        .key = transactional_id,
        .api = &describe_transactions_api,
        .request = &request,
        .timeout_ms = timeout_ms,
        .read = described_read,
    };
    enum error error;

    describe_transactions_request_init(&request);
    request.transactional_ids = &wanted;
    request.transactional_ids_count = 1;
    error = admin_call_run(admin, &call, &result);
    if (error == ERR_NONE)
        *transaction = &result->transaction;
    return error;
}

void barnabas_transaction_free(struct barnabas_transaction *transaction) {
    admin_result_free((struct admin_result *)transaction);
}

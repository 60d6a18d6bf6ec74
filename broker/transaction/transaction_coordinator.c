#include "broker/transaction/transaction_coordinator_internal.h"

#include <stdlib.h>

#include "broker/transaction/producer_ids.h"
#include "client/net/loop_call.h"

#define TOPIC "__transaction_state"

/* ---- Entries ---- */

struct transaction_entry *transaction_entry_find(const struct transaction_coordinator *coordinator,
                                                 struct bytes id) {
    struct transaction_entry *entry = NULL;

    HASH_FIND(by_id, coordinator->entries, id.data, id.size, entry);
    return entry;
}

struct transaction_entry *transaction_entry_add(struct transaction_coordinator *coordinator,
                                                struct bytes id, int32_t partition,
                                                struct transaction_values *values) {
    struct transaction_entry *entry = calloc(1, sizeof(*entry));
    struct bytes key;

    CHECK(entry != NULL);
    entry->coordinator = coordinator;
    entry->partition = partition;
    entry->references = 1;
    TAILQ_INIT(&entry->waiting);
    entry->transaction = transaction_new(id, values);
    key = transaction_id(entry->transaction);
    HASH_ADD_KEYPTR(by_id, coordinator->entries, key.data, key.size, entry);
    return entry;
}

void transaction_entry_remove(struct transaction_entry *entry) {
    CHECK(!entry->is_removed);
    entry->is_removed = true;
    HASH_DELETE(by_id, entry->coordinator->entries, entry);
    if (entry->marking != NULL)
        transaction_marking_stop(entry->marking);
    transaction_waiting_wake(entry);
    transaction_entry_unref(entry);
}

void transaction_entry_unref(struct transaction_entry *entry) {
    if (--entry->references > 0)
        return;
    transaction_free(entry->transaction);
    free(entry);
}

/* ---- Life ---- */

static void stop_on_loop(void *context) {
    struct transaction_coordinator *coordinator = context;

    journal_stop(coordinator->journal);
    transaction_verifier_stop(coordinator->verifier);
    peer_calls_free(coordinator->peers);
    coordinator->peers = NULL;
    loop_timer_done(&coordinator->abort_timer);
    loop_timer_done(&coordinator->expiration_timer);
}

static void make_parts(struct transaction_coordinator *coordinator) {
    const struct transaction_coordinator_config *config = &coordinator->config;
    const struct peer_calls_config peers = {
        .loop = coordinator->loop,
        .metadata = config->metadata,
        .listener = config->listener,
        .purpose = "transactions",
        .broker_id = config->broker_id,
    };
    struct journal_config journal = {
        .topic = TOPIC,
        .loop = coordinator->loop,
        .background = config->background,
        .clock = config->clock,
        .metadata = config->metadata,
        .replicas = config->replicas,
        .owner = transaction_journal_owner,
        .load_bytes = config->load_bytes,
        .append_timeout_ms = config->append_timeout_ms,
    };

    journal.owner.context = coordinator;
    coordinator->peers = peer_calls_new(&peers);
    coordinator->verifier =
        transaction_verifier_new(coordinator, &coordinator->config, coordinator->loop);
    coordinator->journal = journal_new(&journal);
    loop_timer_init(&coordinator->abort_timer, coordinator->loop,
                    transaction_coordinator_abort_timed_out);
    loop_timer_arm(&coordinator->abort_timer, config->abort_check_ms);
    loop_timer_init(&coordinator->expiration_timer, coordinator->loop,
                    transaction_coordinator_expire);
    loop_timer_arm(&coordinator->expiration_timer, config->expiration_check_ms);
    journal_metadata_changed(coordinator->journal);
}

enum error transaction_coordinator_start(const struct transaction_coordinator_config *config,
                                         struct transaction_coordinator **started) {
    struct transaction_coordinator *coordinator = calloc(1, sizeof(*coordinator));
    enum error error;

    if (coordinator == NULL)
        return ERR_OUT_OF_MEMORY;
    coordinator->config = *config;
    error = loop_new(&coordinator->loop);
    if (error != ERR_NONE) {
        free(coordinator);
        return error;
    }
    make_parts(coordinator);
    error = loop_start(coordinator->loop, "transactions");
    CHECK(error == ERR_NONE);
    *started = coordinator;
    return ERR_NONE;
}

void transaction_coordinator_stop(struct transaction_coordinator *coordinator) {
    if (coordinator != NULL)
        loop_call(coordinator->loop, stop_on_loop, coordinator);
}

void transaction_coordinator_free(struct transaction_coordinator *coordinator) {
    if (coordinator == NULL)
        return;
    loop_stop(coordinator->loop);
    loop_join(coordinator->loop);
    CHECK(coordinator->entries == NULL);
    journal_free(coordinator->journal);
    peer_calls_free(coordinator->peers);
    transaction_verifier_free(coordinator->verifier);
    loop_free(coordinator->loop);
    free(coordinator);
}

struct executor *transaction_coordinator_executor(struct transaction_coordinator *coordinator) {
    return loop_executor(coordinator->loop);
}

void transaction_coordinator_on_metadata(struct transaction_coordinator *coordinator) {
    journal_metadata_changed(coordinator->journal);
}

/* ---- Requests ---- */

enum error transaction_coordinator_check(const struct transaction_coordinator *coordinator,
                                         struct bytes id) {
    if (id.size == 0)
        return ERR_INVALID_REQUEST;
    return journal_check(coordinator->journal, id);
}

/* The entry of an id that is known. INVALID_PRODUCER_ID_MAPPING: it is not. */
static enum error find_known(const struct transaction_coordinator *coordinator, struct bytes id,
                             struct transaction_entry **entry) {
    enum error error = transaction_coordinator_check(coordinator, id);

    *entry = NULL;
    if (error != ERR_NONE)
        return error;
    *entry = transaction_entry_find(coordinator, id);
    return *entry == NULL ? ERR_INVALID_PRODUCER_ID_MAPPING : ERR_NONE;
}

/* ---- InitProducerId ---- */

static void finish_init(struct transaction_init_request *request, enum error error) {
    transaction_waiting_done(&request->wait);
    request->error = error;
    if (error != ERR_NONE) {
        request->producer_id = NO_PRODUCER_ID;
        request->producer_epoch = NO_PRODUCER_EPOCH;
    }
    request->done(request);
}

static void on_init_stored(void *context, struct transaction_entry *entry, enum error error) {
    struct transaction_init_request *request = context;
    const struct transaction_values *values = transaction_values(entry->transaction);

    request->producer_id = values->producer_id;
    request->producer_epoch = values->producer_epoch;
    finish_init(request, error);
}

/* The open transaction ends first. */
static void on_fence_stored(void *context, struct transaction_entry *entry, enum error error) {
    struct transaction_init_request *request = context;

    if (error == ERR_NONE && request->wait.may_wait)
        transaction_waiting_add(entry, &request->wait);
    else
        finish_init(request, error == ERR_NONE ? ERR_CONCURRENT_TRANSACTIONS : error);
}

static enum error need_entry(struct transaction_coordinator *coordinator,
                             const struct transaction_init_request *request,
                             struct transaction_entry **entry) {
    struct transaction_values values = {
        .last_producer_id = NO_PRODUCER_ID,
        .producer_epoch = NO_PRODUCER_EPOCH,
        .last_producer_epoch = NO_PRODUCER_EPOCH,
        .timeout_ms = request->timeout_ms,
        .state = TRANSACTION_EMPTY,
        .start_ms = NO_TRANSACTION_START,
        .update_ms = clock_wall_ms(coordinator->config.clock),
    };
    enum error error;

    *entry = transaction_entry_find(coordinator, request->id);
    if (*entry != NULL)
        return ERR_NONE;
    error = producer_ids_next(coordinator->config.producer_ids, &values.producer_id);
    if (error == ERR_NONE)
        *entry =
            transaction_entry_add(coordinator, request->id,
                                  journal_partition_of(coordinator->journal, request->id), &values);
    return error;
}

/* NONE: `request` is being served, or waits. */
static enum error init(struct transaction_init_request *request) {
    struct transaction_coordinator *coordinator = request->coordinator;
    struct transaction_init init = {
        .timeout_ms = request->timeout_ms,
        .expected_producer_id = request->producer_id,
        .expected_producer_epoch = request->producer_epoch,
        .now_ms = clock_wall_ms(coordinator->config.clock),
    };
    const struct transaction_values *next;
    struct transaction_entry *entry;
    bool is_open = false;
    enum error error;

    if ((error = need_entry(coordinator, request, &entry)) != ERR_NONE)
        return error;
    if (transaction_needs_producer_id(entry->transaction, &init) &&
        (error = producer_ids_next(coordinator->config.producer_ids, &init.new_producer_id)) !=
            ERR_NONE)
        return error;
    error = transaction_init_producer(entry->transaction, &init, &next, &is_open);
    if (is_open) {
        transaction_store(entry, transaction_fence(entry->transaction, init.now_ms),
                          on_fence_stored, request);
        return ERR_NONE;
    }
    if (error == ERR_CONCURRENT_TRANSACTIONS && request->wait.may_wait) {
        transaction_waiting_add(entry, &request->wait);
        return ERR_NONE;
    }
    if (error == ERR_NONE)
        transaction_store(entry, next, on_init_stored, request);
    return error;
}

static void try_init(struct transaction_wait *wait) {
    struct transaction_init_request *request =
        CONTAINER_OF(wait, struct transaction_init_request, wait);
    enum error error = transaction_coordinator_check(request->coordinator, request->id);

    if (error == ERR_NONE)
        error = init(request);
    if (error != ERR_NONE)
        finish_init(request, error);
}

void transaction_coordinator_init(struct transaction_coordinator *coordinator,
                                  struct transaction_init_request *request) {
    request->coordinator = coordinator;
    request->wait.again = try_init;
    if (request->id.size == 0)
        finish_init(request, ERR_INVALID_REQUEST);
    else if (request->timeout_ms <= 0 || request->timeout_ms > coordinator->config.timeout_ms_max)
        finish_init(request, ERR_INVALID_TRANSACTION_TIMEOUT);
    else
        try_init(&request->wait);
}

/* ---- AddPartitionsToTxn ---- */

static void finish_add(struct transaction_add_request *request, enum error error) {
    transaction_waiting_done(&request->wait);
    request->error = error;
    request->done(request);
}

static void on_add_stored(void *context, struct transaction_entry *entry, enum error error) {
    (void)entry;
    finish_add(context, error);
}

static void try_add(struct transaction_wait *wait) {
    struct transaction_add_request *request =
        CONTAINER_OF(wait, struct transaction_add_request, wait);
    struct transaction_coordinator *coordinator = request->coordinator;
    const struct transaction_values *next = NULL;
    struct transaction_entry *entry;
    enum error error = find_known(coordinator, request->id, &entry);

    if (error == ERR_NONE)
        error = transaction_add_partitions(
            entry->transaction, request->producer_id, request->producer_epoch, request->partitions,
            request->count, clock_wall_ms(coordinator->config.clock), &next);
    if (next != NULL)
        transaction_store(entry, next, on_add_stored, request);
    else if (error == ERR_CONCURRENT_TRANSACTIONS && request->wait.may_wait)
        transaction_waiting_add(entry, &request->wait);
    else
        finish_add(request, error);
}

void transaction_coordinator_add(struct transaction_coordinator *coordinator,
                                 struct transaction_add_request *request) {
    request->coordinator = coordinator;
    request->wait.again = try_add;
    try_add(&request->wait);
}

enum error transaction_coordinator_verify(struct transaction_coordinator *coordinator,
                                          struct bytes id, int64_t producer_id,
                                          int16_t producer_epoch,
                                          const struct transaction **found) {
    struct transaction_entry *entry;
    enum error error = find_known(coordinator, id, &entry);

    if (error != ERR_NONE)
        return error;
    *found = entry->transaction;
    return transaction_verify(entry->transaction, producer_id, producer_epoch);
}

void transaction_coordinator_ask(struct transaction_coordinator *coordinator,
                                 struct transaction_verify_request *request) {
    transaction_verifier_ask(coordinator->verifier, request);
}

/* ---- EndTxn ---- */

static void finish_end(struct transaction_end_request *request, enum error error) {
    request->error = error;
    request->done(request);
}

static void on_end_stored(void *context, struct transaction_entry *entry, enum error error) {
    (void)entry;
    finish_end(context, error);
}

void transaction_coordinator_end(struct transaction_coordinator *coordinator,
                                 struct transaction_end_request *request) {
    const struct transaction_values *next = NULL;
    struct transaction_entry *entry;
    enum error error = find_known(coordinator, request->id, &entry);

    if (error == ERR_NONE)
        error = transaction_end(entry->transaction, request->producer_id, request->producer_epoch,
                                request->commit, clock_wall_ms(coordinator->config.clock), &next);
    if (next != NULL)
        transaction_store(entry, next, on_end_stored, request);
    else
        finish_end(request, error);
}

/* ---- To look at ---- */

const struct transaction *
transaction_coordinator_find(const struct transaction_coordinator *coordinator, struct bytes id) {
    struct transaction_entry *entry = transaction_entry_find(coordinator, id);

    return entry == NULL ? NULL : entry->transaction;
}

void transaction_coordinator_each(const struct transaction_coordinator *coordinator,
                                  void (*visit)(void *context,
                                                const struct transaction *transaction),
                                  void *context) {
    for (struct transaction_entry *entry = coordinator->entries; entry != NULL;
         entry = entry->by_id.next) {
        if (journal_state(coordinator->journal, entry->partition) == JOURNAL_READY)
            visit(context, entry->transaction);
    }
}

bool transaction_coordinator_is_loading(const struct transaction_coordinator *coordinator) {
    int32_t count = journal_partition_count(coordinator->journal);

    for (int32_t i = 0; i < count; i++) {
        if (journal_state(coordinator->journal, i) == JOURNAL_LOADING)
            return true;
    }
    return false;
}

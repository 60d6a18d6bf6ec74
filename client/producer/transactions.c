/* The public functions of transactions: they change the state and wait for its outcome. */
#include <barnabas/transactions.h>
#include <stdlib.h>
#include <string.h>

#include "client/producer/producer.h"

#define OFFSETS_ARENA_BYTES ((size_t)256 << 20)

/* --- calls that wait ----------------------------------------------------------------------- */

static enum error may_call(const struct barnabas_producer *producer) {
    if (!producer->policy.transactional)
        return ERR_CONFIG_INVALID;
    if (loop_is_current(producer->handle.loop) || producer->transactor.waited_for)
        return ERR_CALL_OUT_OF_TURN;
    return ERR_NONE;
}

static enum error run_call(struct barnabas_producer *producer, enum transaction_call call,
                           int64_t timeout_ms) {
    int64_t deadline_ms = handle_deadline(timeout_ms);
    struct transactor *transactor = &producer->transactor;
    bool in_time = true;
    enum error error;

    mutex_lock(&producer->lock);
    error = may_call(producer);
    if (error == ERR_NONE)
        error = transaction_start(&transactor->state, call);
    if (error == ERR_NONE) {
        transactor->waited_for = true;
        sender_wake(producer);
        while (!transactor->state.over && in_time)
            in_time = producer_wait(producer, deadline_ms);
        error =
            transactor->state.over ? transaction_take(&transactor->state) : ERR_REQUEST_TIMED_OUT;
        transactor->waited_for = false;
        producer_run_callbacks(producer);
    }
    mutex_unlock(&producer->lock);
    return error;
}

int barnabas_producer_init_transactions(struct barnabas_producer *producer, int64_t timeout_ms) {
    return run_call(producer, TRANSACTION_CALL_INIT, timeout_ms);
}

int barnabas_producer_commit_transaction(struct barnabas_producer *producer, int64_t timeout_ms) {
    return run_call(producer, TRANSACTION_CALL_COMMIT, timeout_ms);
}

int barnabas_producer_abort_transaction(struct barnabas_producer *producer, int64_t timeout_ms) {
    return run_call(producer, TRANSACTION_CALL_ABORT, timeout_ms);
}

int barnabas_producer_begin_transaction(struct barnabas_producer *producer) {
    enum error error;

    mutex_lock(&producer->lock);
    error = may_call(producer);
    if (error == ERR_NONE)
        error = transaction_begin(&producer->transactor.state);
    mutex_unlock(&producer->lock);
    return error;
}

void transactor_close(struct barnabas_producer *producer, int64_t timeout_ms) {
    enum transaction_state state;

    mutex_lock(&producer->lock);
    state = producer->transactor.state.state;
    mutex_unlock(&producer->lock);
    /* What is on its way is waited for; it is the caller's to have done so if it matters. */
    if (state == TRANSACTION_COMMITTING)
        (void)run_call(producer, TRANSACTION_CALL_COMMIT, timeout_ms);
    else if (state == TRANSACTION_OPEN || state == TRANSACTION_MUST_ABORT ||
             state == TRANSACTION_ABORTING)
        (void)run_call(producer, TRANSACTION_CALL_ABORT, timeout_ms);
}

enum barnabas_error_class barnabas_producer_error_class(struct barnabas_producer *producer,
                                                        int error) {
    enum barnabas_error_class class = BARNABAS_CLASS_MISUSE;

    mutex_lock(&producer->lock);
    if (producer->transactor.state.state == TRANSACTION_FAILED)
        class = BARNABAS_CLASS_FATAL;
    else if (error == ERR_CALL_OUT_OF_TURN || error == ERR_INVALID_REQUEST)
        class = BARNABAS_CLASS_MISUSE;
    else if (producer->transactor.state.state == TRANSACTION_MUST_ABORT)
        class = BARNABAS_CLASS_ABORTABLE;
    else if (error_is_retriable((enum error)error) ||
             transaction_remedy(TRANSACTION_ASKS_IDENTITY, (enum error)error) ==
                 TRANSACTION_INIT_AGAIN)
        class = BARNABAS_CLASS_RETRIABLE;
    mutex_unlock(&producer->lock);
    return class;
}

/* --- offsets ------------------------------------------------------------------------------- */

static int item_compare(const void *left, const void *right) {
    const struct barnabas_offset *a = left;
    const struct barnabas_offset *b = right;
    int order = strcmp(a->topic, b->topic);

    return order != 0 ? order : (a->partition > b->partition) - (a->partition < b->partition);
}

/* Null stays null; else NULL if memory is out, which `*whole` tells. */
static const char *copy_text(struct arena *arena, const char *text, bool *whole) {
    const char *copy =
        text == NULL ? NULL : (const char *)arena_copy(arena, bytes_of_text(text)).data;

    *whole &= text == NULL || copy != NULL;
    return copy;
}

static struct transaction_offsets *offsets_new(const struct barnabas_offset *items, size_t count,
                                               const struct barnabas_group_metadata *metadata) {
    struct transaction_offsets *offsets = calloc(1, sizeof(*offsets));
    bool whole = true;

    if (offsets == NULL)
        return NULL;
    arena_init(&offsets->arena, OFFSETS_ARENA_BYTES);
    offsets->group_id = copy_text(&offsets->arena, metadata->group_id, &whole);
    offsets->generation_id = metadata->generation_id;
    offsets->member_id = copy_text(&offsets->arena, metadata->member_id, &whole);
    offsets->instance_id = copy_text(&offsets->arena, metadata->instance_id, &whole);
    offsets->items = arena_alloc(&offsets->arena, count + 1, sizeof(*offsets->items));
    for (size_t i = 0; offsets->items != NULL && i < count; i++) {
        struct barnabas_offset *item = &offsets->items[offsets->count++];

        *item = items[i];
        item->topic = copy_text(&offsets->arena, items[i].topic, &whole);
        item->metadata = copy_text(&offsets->arena, items[i].metadata, &whole);
    }
    if (offsets->items == NULL || !whole) {
        arena_done(&offsets->arena);
        free(offsets);
        return NULL;
    }
    qsort(offsets->items, offsets->count, sizeof(*offsets->items), item_compare);
    return offsets;
}

static bool are_plausible(const struct barnabas_offset *items, size_t count,
                          const struct barnabas_group_metadata *metadata) {
    if (metadata == NULL || metadata->group_id == NULL || metadata->group_id[0] == '\0' ||
        metadata->member_id == NULL)
        return false;
    for (size_t i = 0; i < count; i++)
        if (items[i].topic == NULL || items[i].partition < 0 || items[i].offset < 0)
            return false;
    return true;
}

/* Hands the offsets over if they can be taken, and waits for their end. Those given before, whose
 * time was up, come first. `*given` becomes NULL, or what is to be freed. */
static enum error give_and_wait(struct barnabas_producer *producer,
                                struct transaction_offsets **given, int64_t deadline_ms)
    REQUIRES(producer->lock) {
    struct transactor *transactor = &producer->transactor;
    struct transaction_offsets *before;
    bool in_time = true;
    enum error error;

    while (transactor->state.has_offsets && in_time)
        in_time = producer_wait(producer, deadline_ms);
    if (transactor->state.has_offsets)
        return ERR_REQUEST_TIMED_OUT;
    if ((error = transaction_give_offsets(&transactor->state)) != ERR_NONE)
        return error;
    before = transactor->offsets; /* no request refers to them: they have their outcome */
    transactor->offsets = *given;
    *given = before;
    sender_wake(producer);
    while (transactor->state.has_offsets && in_time)
        in_time = producer_wait(producer, deadline_ms);
    return transactor->state.has_offsets ? ERR_REQUEST_TIMED_OUT : transactor->state.offsets_error;
}

int barnabas_producer_send_offsets(struct barnabas_producer *producer,
                                   const struct barnabas_offset *items, size_t count,
                                   const struct barnabas_group_metadata *metadata,
                                   int64_t timeout_ms) {
    int64_t deadline_ms = handle_deadline(timeout_ms);
    struct transaction_offsets *offsets;
    enum error error;

    if (!are_plausible(items, count, metadata))
        return ERR_INVALID_REQUEST;
    offsets = offsets_new(items, count, metadata);
    if (offsets == NULL)
        return ERR_OUT_OF_MEMORY;
    mutex_lock(&producer->lock);
    error = may_call(producer);
    if (error == ERR_NONE)
        error = transaction_may_send(&producer->transactor.state);
    if (error == ERR_NONE && count > 0) {
        producer->transactor.waited_for = true;
        error = give_and_wait(producer, &offsets, deadline_ms);
        producer->transactor.waited_for = false;
    }
    mutex_unlock(&producer->lock);
    transaction_offsets_free(offsets);
    return error;
}

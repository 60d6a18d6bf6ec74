#include "broker/transaction/transaction.h"

#include <stdlib.h>

struct transaction {
    struct bytes id; /* owned */
    struct transaction_values now;
    struct transaction_values next; /* valid while is_pending, unless it is to die */
    bool is_pending;
    bool is_buried;
    bool is_fence;     /* `next` fences */
    bool fence_failed; /* the epoch is raised already, but no record says so */
};

static const char *const state_names[TRANSACTION_STATE_COUNT] = {
    [TRANSACTION_EMPTY] = "Empty",
    [TRANSACTION_ONGOING] = "Ongoing",
    [TRANSACTION_PREPARE_COMMIT] = "PrepareCommit",
    [TRANSACTION_PREPARE_ABORT] = "PrepareAbort",
    [TRANSACTION_COMPLETE_COMMIT] = "CompleteCommit",
    [TRANSACTION_COMPLETE_ABORT] = "CompleteAbort",
    [TRANSACTION_DEAD] = "Dead",
    [TRANSACTION_PREPARE_EPOCH_FENCE] = "PrepareEpochFence",
};

const char *transaction_state_name(enum transaction_state state) {
    return state_names[state];
}

bool transaction_state_parse(struct bytes name, enum transaction_state *state) {
    for (int i = 0; i < TRANSACTION_STATE_COUNT; i++) {
        if (bytes_equal_text(name, state_names[i])) {
            *state = (enum transaction_state)i;
            return true;
        }
    }
    return false;
}

/* ---- Partitions ---- */

static struct bytes copy_of(struct bytes text) {
    char *copy = malloc(text.size + 1);

    CHECK(copy != NULL);
    if (text.size > 0)
        memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    return bytes_of(copy, text.size);
}

static int compare(struct bytes topic, int32_t index, const struct transaction_partition *other) {
    size_t shorter = topic.size < other->topic.size ? topic.size : other->topic.size;
    int order = shorter == 0 ? 0 : memcmp(topic.data, other->topic.data, shorter);

    if (order == 0)
        order = (topic.size > other->topic.size) - (topic.size < other->topic.size);
    return order != 0 ? order : (index > other->index) - (index < other->index);
}

/* Where the partition is, or would be. */
static int32_t find_partition(const struct transaction_values *values, struct bytes topic,
                              int32_t index, bool *found) {
    int32_t low = 0;
    int32_t high = values->partition_count;

    *found = false;
    while (low < high && !*found) {
        int32_t middle = low + (high - low) / 2;
        int order = compare(topic, index, &values->partitions[middle]);
        if (order > 0)
            low = middle + 1;
        else
            high = middle;
        *found = order == 0;
    }
    return high;
}

static void insert_partition(struct transaction_values *values,
                             const struct transaction_partition *partition) {
    bool found;
    int32_t at = find_partition(values, partition->topic, partition->index, &found);

    if (found)
        return;
    memmove(values->partitions + at + 1, values->partitions + at,
            (size_t)(values->partition_count - at) * sizeof(*values->partitions));
    values->partitions[at] =
        (struct transaction_partition){copy_of(partition->topic), partition->index};
    values->partition_count++;
}

void transaction_values_done(struct transaction_values *values) {
    for (int32_t i = 0; i < values->partition_count; i++)
        free((void *)(uintptr_t)values->partitions[i].topic.data);
    free(values->partitions);
    values->partitions = NULL;
    values->partition_count = 0;
}

/* With room for `more` partitions. */
static struct transaction_values copy_values(const struct transaction_values *values,
                                             int32_t more) {
    struct transaction_values copy = *values;
    size_t capacity = (size_t)values->partition_count + (size_t)more + 1;

    copy.partitions = calloc(capacity, sizeof(*copy.partitions));
    CHECK(copy.partitions != NULL);
    for (int32_t i = 0; i < values->partition_count; i++)
        copy.partitions[i] = (struct transaction_partition){copy_of(values->partitions[i].topic),
                                                            values->partitions[i].index};
    return copy;
}

/* ---- Life ---- */

struct transaction *transaction_new(struct bytes id, struct transaction_values *values) {
    struct transaction *transaction = calloc(1, sizeof(*transaction));

    CHECK(transaction != NULL);
    transaction->id = copy_of(id);
    transaction->now = *values;
    *values = (struct transaction_values){0};
    return transaction;
}

void transaction_free(struct transaction *transaction) {
    if (transaction == NULL)
        return;
    transaction_values_done(&transaction->now);
    transaction_values_done(&transaction->next);
    free((void *)(uintptr_t)transaction->id.data);
    free(transaction);
}

struct bytes transaction_id(const struct transaction *transaction) {
    return transaction->id;
}

const struct transaction_values *transaction_values(const struct transaction *transaction) {
    return &transaction->now;
}

bool transaction_is_pending(const struct transaction *transaction) {
    return transaction->is_pending;
}

static bool is_ending(const struct transaction *transaction) {
    return transaction->now.state == TRANSACTION_PREPARE_COMMIT ||
           transaction->now.state == TRANSACTION_PREPARE_ABORT;
}

bool transaction_is_busy(const struct transaction *transaction) {
    return transaction->is_pending || is_ending(transaction);
}

bool transaction_has_partition(const struct transaction *transaction, struct bytes topic,
                               int32_t index) {
    bool found;

    (void)find_partition(&transaction->now, topic, index, &found);
    return found;
}

void transaction_replace(struct transaction *transaction, struct transaction_values *values) {
    CHECK(!transaction->is_pending);
    transaction_values_done(&transaction->now);
    transaction->now = *values;
    *values = (struct transaction_values){0};
}

/* ---- Changes ---- */

static struct transaction_values *prepare(struct transaction *transaction,
                                          enum transaction_state state, int64_t now_ms,
                                          int32_t more) {
    bool keeps_partitions = state == TRANSACTION_ONGOING || state == TRANSACTION_PREPARE_COMMIT ||
                            state == TRANSACTION_PREPARE_ABORT;
    struct transaction_values bare = transaction->now;

    CHECK(!transaction->is_pending);
    bare.partition_count = keeps_partitions ? bare.partition_count : 0;
    transaction->next = copy_values(&bare, more);
    transaction->next.state = state;
    transaction->next.update_ms = now_ms;
    transaction->is_pending = true;
    return &transaction->next;
}

static bool is_used_up(const struct transaction *transaction) {
    return transaction->now.producer_epoch >= PRODUCER_EPOCH_LAST;
}

static bool has_expectation(const struct transaction_init *init) {
    return init->expected_producer_id != NO_PRODUCER_ID;
}

bool transaction_needs_producer_id(const struct transaction *transaction,
                                   const struct transaction_init *init) {
    return is_used_up(transaction) &&
           (!has_expectation(init) ||
            init->expected_producer_epoch == transaction->now.producer_epoch);
}

static bool is_expected_producer(const struct transaction *transaction,
                                 const struct transaction_init *init) {
    const struct transaction_values *now = &transaction->now;

    return !has_expectation(init) || now->producer_epoch == NO_PRODUCER_EPOCH ||
           init->expected_producer_id == now->producer_id ||
           (init->expected_producer_id == now->last_producer_id &&
            init->expected_producer_epoch >= PRODUCER_EPOCH_LAST);
}

static void change_producer(struct transaction *transaction, const struct transaction_init *init,
                            struct transaction_values *next) {
    next->last_producer_id = transaction->now.producer_id;
    next->last_producer_epoch =
        has_expectation(init) ? transaction->now.producer_epoch : NO_PRODUCER_EPOCH;
    next->producer_id = init->new_producer_id;
    next->producer_epoch = 0;
}

/* The epoch that InitProducerId leads to. */
static enum error next_epoch(const struct transaction *transaction,
                             const struct transaction_init *init, int16_t *epoch,
                             int16_t *last_epoch) {
    const struct transaction_values *now = &transaction->now;
    bool is_retry = has_expectation(init) && now->producer_epoch != NO_PRODUCER_EPOCH &&
                    init->expected_producer_epoch != now->producer_epoch;

    if (is_retry && init->expected_producer_epoch != now->last_producer_epoch)
        return ERR_PRODUCER_FENCED;
    if (is_retry) {
        *epoch = now->producer_epoch;
        *last_epoch = now->last_producer_epoch;
        return ERR_NONE;
    }
    *epoch = (int16_t)(now->producer_epoch + (transaction->fence_failed ? 0 : 1));
    *last_epoch = has_expectation(init) ? now->producer_epoch : NO_PRODUCER_EPOCH;
    return ERR_NONE;
}

enum error transaction_init_producer(struct transaction *transaction,
                                     const struct transaction_init *init,
                                     const struct transaction_values **next, bool *is_open) {
    enum transaction_state state = transaction->now.state;
    bool changes_producer = transaction_needs_producer_id(transaction, init);
    struct transaction_values *prepared;
    int16_t last_epoch = NO_PRODUCER_EPOCH;
    int16_t epoch = 0;
    enum error error = ERR_NONE;

    *next = NULL;
    *is_open = false;
    if (transaction->is_pending)
        return ERR_CONCURRENT_TRANSACTIONS;
    if (!is_expected_producer(transaction, init))
        return ERR_PRODUCER_FENCED;
    *is_open = state == TRANSACTION_ONGOING;
    if (*is_open || state == TRANSACTION_PREPARE_COMMIT || state == TRANSACTION_PREPARE_ABORT)
        return ERR_CONCURRENT_TRANSACTIONS;
    if (!changes_producer &&
        (error = next_epoch(transaction, init, &epoch, &last_epoch)) != ERR_NONE)
        return error;
    prepared = prepare(transaction, TRANSACTION_EMPTY, init->now_ms, 0);
    prepared->start_ms = NO_TRANSACTION_START;
    prepared->timeout_ms = init->timeout_ms;
    if (changes_producer) {
        change_producer(transaction, init, prepared);
    } else {
        prepared->producer_epoch = epoch;
        prepared->last_producer_epoch = last_epoch;
    }
    *next = prepared;
    return ERR_NONE;
}

const struct transaction_values *transaction_fence(struct transaction *transaction,
                                                   int64_t now_ms) {
    CHECK(transaction->now.state == TRANSACTION_ONGOING && !transaction->is_pending);
    /* In memory at once: whoever is fenced must not get through, even if writing it fails. */
    if (!transaction->fence_failed && transaction->now.producer_epoch <= PRODUCER_EPOCH_LAST)
        transaction->now.producer_epoch++;
    transaction->now.last_producer_epoch = NO_PRODUCER_EPOCH;
    transaction->is_fence = true;
    return prepare(transaction, TRANSACTION_PREPARE_ABORT, now_ms, 0);
}

static enum error check_producer(const struct transaction *transaction, int64_t producer_id,
                                 int16_t producer_epoch) {
    if (transaction->now.producer_id != producer_id)
        return ERR_INVALID_PRODUCER_ID_MAPPING;
    return transaction->now.producer_epoch != producer_epoch ? ERR_PRODUCER_FENCED : ERR_NONE;
}

enum error transaction_verify(const struct transaction *transaction, int64_t producer_id,
                              int16_t producer_epoch) {
    enum error error = check_producer(transaction, producer_id, producer_epoch);

    if (error != ERR_NONE)
        return error;
    return is_ending(transaction) ? ERR_CONCURRENT_TRANSACTIONS : ERR_NONE;
}

enum error transaction_add_partitions(struct transaction *transaction, int64_t producer_id,
                                      int16_t producer_epoch,
                                      const struct transaction_partition *partitions, int32_t count,
                                      int64_t now_ms, const struct transaction_values **next) {
    bool is_open = transaction->now.state == TRANSACTION_ONGOING;
    bool has_all = is_open;
    struct transaction_values *prepared;
    enum error error;

    *next = NULL;
    if ((error = check_producer(transaction, producer_id, producer_epoch)) != ERR_NONE)
        return error;
    if (transaction_is_busy(transaction))
        return ERR_CONCURRENT_TRANSACTIONS;
    for (int32_t i = 0; i < count && has_all; i++)
        has_all = transaction_has_partition(transaction, partitions[i].topic, partitions[i].index);
    if (has_all)
        return ERR_NONE;
    prepared = prepare(transaction, TRANSACTION_ONGOING, now_ms, count);
    if (!is_open)
        prepared->start_ms = now_ms;
    for (int32_t i = 0; i < count; i++)
        insert_partition(prepared, &partitions[i]);
    *next = prepared;
    return ERR_NONE;
}

/* What EndTxn is told where there is nothing open: the same end again is fine. */
static enum error answer_ended(enum transaction_state state, bool commit) {
    switch (state) {
    case TRANSACTION_COMPLETE_COMMIT:
        return commit ? ERR_NONE : ERR_INVALID_TXN_STATE;
    case TRANSACTION_COMPLETE_ABORT:
        return commit ? ERR_INVALID_TXN_STATE : ERR_NONE;
    case TRANSACTION_PREPARE_COMMIT:
        return commit ? ERR_CONCURRENT_TRANSACTIONS : ERR_INVALID_TXN_STATE;
    case TRANSACTION_PREPARE_ABORT:
        return commit ? ERR_INVALID_TXN_STATE : ERR_CONCURRENT_TRANSACTIONS;
    case TRANSACTION_EMPTY:
    case TRANSACTION_ONGOING:
    case TRANSACTION_DEAD:
    case TRANSACTION_PREPARE_EPOCH_FENCE:
        break;
    }
    return ERR_INVALID_TXN_STATE;
}

enum error transaction_end(struct transaction *transaction, int64_t producer_id,
                           int16_t producer_epoch, bool commit, int64_t now_ms,
                           const struct transaction_values **next) {
    enum error error = check_producer(transaction, producer_id, producer_epoch);

    *next = NULL;
    if (error != ERR_NONE)
        return error;
    if (transaction->is_pending)
        return ERR_CONCURRENT_TRANSACTIONS;
    if (transaction->now.state != TRANSACTION_ONGOING)
        return answer_ended(transaction->now.state, commit);
    *next = prepare(transaction, commit ? TRANSACTION_PREPARE_COMMIT : TRANSACTION_PREPARE_ABORT,
                    now_ms, 0);
    return ERR_NONE;
}

const struct transaction_values *transaction_complete(struct transaction *transaction,
                                                      int64_t now_ms) {
    bool commit = transaction->now.state == TRANSACTION_PREPARE_COMMIT;

    CHECK(is_ending(transaction));
    return prepare(transaction, commit ? TRANSACTION_COMPLETE_COMMIT : TRANSACTION_COMPLETE_ABORT,
                   now_ms, 0);
}

bool transaction_is_timed_out(const struct transaction *transaction, int64_t now_ms) {
    const struct transaction_values *now = &transaction->now;

    return now->state == TRANSACTION_ONGOING && !transaction->is_pending &&
           now_ms - now->start_ms > now->timeout_ms;
}

bool transaction_is_expired(const struct transaction *transaction, int64_t now_ms,
                            int64_t expiration_ms) {
    enum transaction_state state = transaction->now.state;
    bool is_idle = state == TRANSACTION_EMPTY || state == TRANSACTION_COMPLETE_COMMIT ||
                   state == TRANSACTION_COMPLETE_ABORT;

    return is_idle && !transaction->is_pending &&
           now_ms - transaction->now.update_ms >= expiration_ms;
}

void transaction_bury(struct transaction *transaction) {
    CHECK(!transaction->is_pending);
    transaction->is_pending = true;
    transaction->is_buried = true;
}

void transaction_written(struct transaction *transaction) {
    CHECK(transaction->is_pending && !transaction->is_buried);
    transaction_values_done(&transaction->now);
    transaction->now = transaction->next;
    transaction->next = (struct transaction_values){0};
    transaction->is_pending = false;
    transaction->is_fence = false;
    transaction->fence_failed = false;
}

void transaction_not_written(struct transaction *transaction) {
    CHECK(transaction->is_pending);
    transaction_values_done(&transaction->next);
    transaction->is_pending = false;
    transaction->is_buried = false;
    transaction->fence_failed = transaction->fence_failed || transaction->is_fence;
    transaction->is_fence = false;
}

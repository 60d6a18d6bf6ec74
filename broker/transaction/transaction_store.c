#include "broker/transaction/transaction_coordinator_internal.h"

#include <stdlib.h>

#include "broker/transaction/transaction_record.h"
#include "client/base/logger.h"

#define RECORD_BYTES_MAX ((size_t)1 << 30)

struct store {
    struct transaction_entry *entry; /* a reference */
    bool is_tombstone;
    transaction_stored *stored;
    void *context;
    enum error error;    /* before it came to the journal */
    struct task refused; /* posted then */
};

/* What a client is told of a record that could not be written. */
static enum error client_error(enum error error) {
    switch (error) {
    case ERR_UNKNOWN_TOPIC_OR_PARTITION:
    case ERR_NOT_ENOUGH_REPLICAS:
    case ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND:
    case ERR_REQUEST_TIMED_OUT:
        return ERR_COORDINATOR_NOT_AVAILABLE;
    case ERR_NOT_LEADER_OR_FOLLOWER:
    case ERR_KAFKA_STORAGE_ERROR:
        return ERR_NOT_COORDINATOR;
    case ERR_MESSAGE_TOO_LARGE:
    case ERR_RECORD_LIST_TOO_LARGE:
        return ERR_UNKNOWN_SERVER_ERROR;
    default:
        return error;
    }
}

static bool is_ending(const struct transaction_entry *entry) {
    enum transaction_state state = transaction_values(entry->transaction)->state;

    return state == TRANSACTION_PREPARE_COMMIT || state == TRANSACTION_PREPARE_ABORT;
}

static void finish(struct store *store, enum error error) {
    struct transaction_entry *entry = store->entry;

    if (error != ERR_NONE)
        LOG_WARN("transaction_not_stored", "transactional_id=%s partition=%d error=%s",
                 LOG_QUOTED(transaction_id(entry->transaction)), entry->partition,
                 error_name(error));
    /* Another coordinator has read the journal up to here, or further, meanwhile. */
    if (entry->is_removed)
        error = ERR_NOT_COORDINATOR;
    else if (error != ERR_NONE)
        transaction_not_written(entry->transaction);
    else if (store->is_tombstone)
        transaction_entry_remove(entry);
    else
        transaction_written(entry->transaction);
    if (store->stored != NULL)
        store->stored(store->context, entry, client_error(error));
    if (error == ERR_NONE && !store->is_tombstone && is_ending(entry))
        transaction_marking_begin(entry);
    transaction_waiting_wake(entry);
    transaction_entry_unref(entry);
    free(store);
}

static void on_appended(void *context, enum error error, int64_t base_offset) {
    (void)base_offset;
    finish(context, error);
}

static void on_refused(struct task *task) {
    struct store *store = CONTAINER_OF(task, struct store, refused);

    finish(store, store->error);
}

/* A batch with the one record; `*bytes` is from malloc. */
static enum error encode(const struct transaction_entry *entry,
                         const struct transaction_values *next, uint8_t **bytes, size_t *size) {
    struct record_batch_options options = record_batch_options_default;
    int64_t now_ms = clock_wall_ms(entry->coordinator->config.clock);
    struct record_batch_builder *builder = NULL;
    struct wire_writer key, value;
    enum error error;

    wire_writer_init(&key, RECORD_BYTES_MAX);
    wire_writer_init(&value, RECORD_BYTES_MAX);
    transaction_key_encode(&key, transaction_id(entry->transaction));
    if (next != NULL)
        transaction_value_encode(&value, next);
    if ((error = key.error) == ERR_NONE && (error = value.error) == ERR_NONE &&
        (error = record_batch_builder_new(&options, &builder)) == ERR_NONE)
        error = record_batch_builder_add(
            builder, now_ms, bytes_of(key.data, key.size),
            next == NULL ? BYTES_NULL : bytes_of(value.data, value.size), NULL, 0);
    if (error == ERR_NONE)
        error = record_batch_builder_finish(builder, bytes, size);
    record_batch_builder_free(builder);
    wire_writer_done(&key);
    wire_writer_done(&value);
    return error;
}

void transaction_store(struct transaction_entry *entry, const struct transaction_values *next,
                       transaction_stored *stored, void *context) {
    struct transaction_coordinator *coordinator = entry->coordinator;
    struct store *store = calloc(1, sizeof(*store));
    struct journal_batch batch = {0};

    CHECK(store != NULL && transaction_is_pending(entry->transaction));
    *store = (struct store){entry, next == NULL, stored, context, ERR_NONE, {.run = on_refused}};
    entry->references++;
    store->error = encode(entry, next, &batch.data, &batch.size);
    if (store->error != ERR_NONE) {
        executor_post(loop_executor(coordinator->loop), &store->refused);
        return;
    }
    (void)journal_append(coordinator->journal, entry->partition, &batch, on_appended, store);
    free(batch.data);
}

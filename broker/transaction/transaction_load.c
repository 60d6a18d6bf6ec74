#include "broker/transaction/transaction_coordinator_internal.h"

#include "broker/transaction/transaction_record.h"
#include "client/base/logger.h"

static void drop(struct transaction_coordinator *coordinator, int32_t partition) {
    struct transaction_entry *entry, *next;

    HASH_ITER (by_id, coordinator->entries, entry, next) {
        if (entry->partition == partition)
            transaction_entry_remove(entry);
    }
}

static void on_loading(void *context, int32_t partition) {
    drop(context, partition);
}

static void on_lost(void *context, int32_t partition) {
    drop(context, partition);
}

static void on_metadata(void *context, const struct metadata *metadata) {
    (void)context;
    (void)metadata; /* markers look for leaders when they are written */
}

static enum error take_record(struct transaction_coordinator *coordinator, int32_t partition,
                              const struct record *record) {
    struct transaction_entry *entry;
    struct transaction_values values;
    struct bytes id;
    enum error error;

    if ((error = transaction_key_decode(record->key, &id)) != ERR_NONE)
        return error;
    entry = transaction_entry_find(coordinator, id);
    if (bytes_is_null(record->value)) {
        if (entry != NULL)
            transaction_entry_remove(entry);
        return ERR_NONE;
    }
    if ((error = transaction_value_decode(record->value, &values)) != ERR_NONE)
        return error;
    if (entry != NULL)
        transaction_replace(entry->transaction, &values);
    else
        (void)transaction_entry_add(coordinator, id, partition, &values);
    return ERR_NONE;
}

static void on_record(void *context, int32_t partition, const struct record_batch *batch,
                      const struct record *record) {
    enum error error;

    if ((batch->attributes & RECORD_BATCH_CONTROL) != 0)
        return;
    error = take_record(context, partition, record);
    if (error != ERR_NONE)
        LOG_ERROR("transaction_record_not_read",
                  "topic=__transaction_state partition=%d offset=%" PRId64 " error=%s "
                  "action=\"the record is left out; look at it with a dump of the log\"",
                  partition, record->offset, error_name(error));
}

/* What was to end gets its markers, once more where they may have been written before. */
static void on_loaded(void *context, int32_t partition) {
    struct transaction_coordinator *coordinator = context;
    struct transaction_entry *entry, *next;
    int32_t count = 0;
    int32_t ending = 0;

    HASH_ITER (by_id, coordinator->entries, entry, next) {
        enum transaction_state state = transaction_values(entry->transaction)->state;
        if (entry->partition != partition)
            continue;
        count++;
        if (state != TRANSACTION_PREPARE_COMMIT && state != TRANSACTION_PREPARE_ABORT)
            continue;
        ending++;
        transaction_marking_begin(entry);
    }
    if (count > 0)
        LOG_INFO("transactions_loaded", "partition=%d ids=%d ending=%d", partition, count, ending);
}

const struct journal_owner transaction_journal_owner = {
    .on_loading = on_loading,
    .on_record = on_record,
    .on_loaded = on_loaded,
    .on_lost = on_lost,
    .on_metadata = on_metadata,
};

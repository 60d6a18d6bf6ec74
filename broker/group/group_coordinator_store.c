#include "broker/group/group_coordinator_internal.h"

#include <stdlib.h>

#include "client/base/logger.h"

#define RECORD_BYTES_MAX ((size_t)1 << 30)

/* ---- Batches ---- */

/* Records on their way into one batch. */
struct batch {
    struct record_batch_builder *builder;
    struct wire_writer key;
    struct wire_writer value;
    int64_t wall_ms;
    enum error error;
    bool must_be_verified;
    uint64_t guard;
    bool is_appended; /* it is in the log */
};

static void batch_begin(struct batch *batch, const struct group_coordinator *coordinator,
                        int64_t producer_id, int16_t producer_epoch) {
    struct record_batch_options options = record_batch_options_default;

    options.codec = coordinator->config.codec;
    options.producer_id = producer_id;
    options.producer_epoch = producer_epoch;
    if (producer_id != RECORD_NO_PRODUCER_ID) {
        options.attributes = RECORD_BATCH_TRANSACTIONAL;
        options.base_sequence = 0; /* of all of them, as in Kafka: nobody looks at it */
    }
    *batch = (struct batch){.wall_ms = clock_wall_ms(coordinator->config.clock)};
    wire_writer_init(&batch->key, RECORD_BYTES_MAX);
    wire_writer_init(&batch->value, RECORD_BYTES_MAX);
    batch->error = record_batch_builder_new(&options, &batch->builder);
}

/* What is in `value`, or a tombstone. */
static void batch_add(struct batch *batch, const struct group_record_key *key, bool is_tombstone) {
    struct bytes value = is_tombstone ? BYTES_NULL : bytes_of(batch->value.data, batch->value.size);

    group_record_key_encode(&batch->key, key);
    if (batch->error == ERR_NONE)
        batch->error = batch->key.error;
    if (batch->error == ERR_NONE)
        batch->error = batch->value.error;
    if (batch->error == ERR_NONE)
        batch->error =
            record_batch_builder_add(batch->builder, batch->wall_ms,
                                     bytes_of(batch->key.data, batch->key.size), value, NULL, 0);
    wire_writer_reset(&batch->key);
    wire_writer_reset(&batch->value);
}

static void batch_end(struct batch *batch) {
    record_batch_builder_free(batch->builder);
    wire_writer_done(&batch->key);
    wire_writer_done(&batch->value);
}

/* Sends the batch to the entry's partition, whose entry stays until `done`. On an error `done` is
 * not called. */
static enum error batch_append(struct batch *batch, struct group_entry *entry,
                               journal_appended *done, void *context) {
    struct group_coordinator *coordinator = entry->coordinator;
    struct journal_batch whole = {.must_be_verified = batch->must_be_verified,
                                  .guard = batch->guard};

    if (batch->error == ERR_NONE)
        batch->error = record_batch_builder_finish(batch->builder, &whole.data, &whole.size);
    if (batch->error != ERR_NONE)
        return batch->error;
    coordinator->order++;
    entry->references++;
    batch->is_appended =
        journal_append(coordinator->journal, entry->partition, &whole, done, context);
    free(whole.data);
    return ERR_NONE;
}

/* ---- Records of groups ---- */

struct store {
    struct group_entry *entry;
    int64_t ticket;
    enum error error; /* before it came to the journal */
    struct task refused;
};

/* What a member is told of a record that could not be written. */
static enum error group_store_error(enum error error) {
    switch (error) {
    case ERR_UNKNOWN_TOPIC_OR_PARTITION:
    case ERR_NOT_ENOUGH_REPLICAS:
    case ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND:
        return ERR_COORDINATOR_NOT_AVAILABLE;
    case ERR_REQUEST_TIMED_OUT:
        return ERR_REBALANCE_IN_PROGRESS;
    case ERR_NOT_LEADER_OR_FOLLOWER:
    case ERR_KAFKA_STORAGE_ERROR:
        return ERR_NOT_COORDINATOR;
    case ERR_MESSAGE_TOO_LARGE:
    case ERR_RECORD_LIST_TOO_LARGE:
    case ERR_INVALID_FETCH_SIZE:
        return ERR_UNKNOWN_SERVER_ERROR;
    default:
        return error;
    }
}

static void finish_store(struct store *store, enum error error) {
    struct group_entry *entry = store->entry;

    if (error != ERR_NONE)
        LOG_WARN("group_not_stored", "group=%s partition=%d error=%s",
                 LOG_QUOTED(group_id(entry->group)), entry->partition, error_name(error));
    if (!entry->is_removed) {
        group_stored(entry->group, store->ticket, group_store_error(error),
                     group_coordinator_now(entry->coordinator));
        group_entry_rearm(entry);
    }
    group_entry_unref(entry);
    free(store);
}

static void on_stored(void *context, enum error error, int64_t base_offset) {
    (void)base_offset;
    finish_store(context, error);
}

static void on_refused(struct task *task) {
    struct store *store = CONTAINER_OF(task, struct store, refused);

    finish_store(store, store->error);
}

static enum error encode_group(const struct group *group, struct batch *batch) {
    const struct group_record_key key = {.type = GROUP_RECORD_GROUP, .group_id = group_id(group)};
    struct group_record record;
    struct arena arena;
    enum error error;

    arena_init(&arena, RECORD_BYTES_MAX);
    error = group_record_of(group, &arena, &record);
    if (error == ERR_NONE) {
        group_record_encode(&batch->value, &record);
        batch_add(batch, &key, false);
    }
    arena_done(&arena);
    return error;
}

void group_coordinator_store(void *context, struct group *group, int64_t ticket) {
    struct group_coordinator *coordinator = context;
    struct group_entry *entry = group_entry_find(coordinator, group_id(group));
    struct store *store = calloc(1, sizeof(*store));
    struct batch batch;

    CHECK(entry != NULL && store != NULL);
    *store = (struct store){.entry = entry, .ticket = ticket};
    batch_begin(&batch, coordinator, RECORD_NO_PRODUCER_ID, -1);
    store->error = encode_group(group, &batch);
    if (store->error == ERR_NONE)
        store->error = batch_append(&batch, entry, on_stored, store);
    if (store->error != ERR_NONE) {
        entry->references++;
        store->refused.run = on_refused;
        executor_post(loop_executor(coordinator->loop), &store->refused);
    }
    batch_end(&batch);
}

/* ---- Commits ---- */

struct commit_append {
    struct group_entry *entry;
    struct group_commit *commit;
    int64_t order;
};

/* As members are told of it. */
static enum error commit_error(enum error error) {
    switch (error) {
    case ERR_UNKNOWN_TOPIC_OR_PARTITION:
    case ERR_NOT_ENOUGH_REPLICAS:
    case ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND:
        return ERR_COORDINATOR_NOT_AVAILABLE;
    case ERR_NOT_LEADER_OR_FOLLOWER:
    case ERR_KAFKA_STORAGE_ERROR:
        return ERR_NOT_COORDINATOR;
    case ERR_MESSAGE_TOO_LARGE:
    case ERR_RECORD_LIST_TOO_LARGE:
    case ERR_INVALID_FETCH_SIZE:
        return ERR_INVALID_COMMIT_OFFSET_SIZE;
    case ERR_NETWORK_EXCEPTION:
        return ERR_COORDINATOR_LOAD_IN_PROGRESS;
    default:
        return error;
    }
}

/* Those that were not refused before. */
static void fail_commit(struct group_commit *commit, enum error error) {
    for (int32_t i = 0; i < commit->count; i++) {
        if (commit->offsets[i].error == ERR_NONE)
            commit->offsets[i].error = error;
    }
}

static void settle_offset(const struct commit_append *append,
                          const struct group_commit_offset *offset, enum error error) {
    struct group_offsets *offsets = append->entry->offsets;
    int64_t producer_id = append->commit->producer_id;

    if (producer_id != RECORD_NO_PRODUCER_ID && error != ERR_NONE)
        group_offsets_cancel_pending(offsets, producer_id, offset->topic, offset->partition,
                                     append->order);
    else if (producer_id != RECORD_NO_PRODUCER_ID)
        group_offsets_confirm_pending(offsets, producer_id, offset->topic, offset->partition,
                                      append->order);
    else if (error == ERR_NONE)
        group_offsets_put(offsets, offset->topic, offset->partition, &offset->record,
                          append->order);
    group_offsets_end_commit(offsets, offset->topic, offset->partition);
}

static void on_committed(void *context, enum error error, int64_t base_offset) {
    struct commit_append *append = context;
    struct group_commit *commit = append->commit;

    (void)base_offset;
    for (int32_t i = 0; i < commit->count; i++) {
        if (commit->offsets[i].error == ERR_NONE)
            settle_offset(append, &commit->offsets[i], error);
    }
    if (error != ERR_NONE)
        fail_commit(commit, commit_error(error));
    group_entry_unref(append->entry);
    free(append);
    commit->done(commit);
}

/* As Java's String.length: of four bytes of UTF-8 two units are made, of fewer one. */
int32_t group_offset_metadata_length(struct bytes metadata) {
    int32_t length = 0;

    for (size_t i = 0; i < metadata.size; i++) {
        if ((metadata.data[i] & 0xc0) != 0x80)
            length += metadata.data[i] >= 0xf0 ? 2 : 1;
    }
    return length;
}

static void add_offset(struct batch *batch, const struct group_commit *commit,
                       struct group_commit_offset *offset) {
    const struct group_record_key key = {
        .type = GROUP_RECORD_OFFSET,
        .group_id = commit->group_id,
        .topic = offset->topic,
        .partition = offset->partition,
    };

    if (offset->record.commit_ms == -1)
        offset->record.commit_ms = batch->wall_ms;
    offset_record_encode(&batch->value, &offset->record);
    batch_add(batch, &key, false);
}

/* The batch goes to the journal, or is refused as a whole. */
static enum error append_commit(struct group_entry *entry, struct batch *batch,
                                struct group_commit *commit) {
    struct commit_append *append = calloc(1, sizeof(*append));
    enum error error;

    if (append == NULL)
        return ERR_OUT_OF_MEMORY;
    *append = (struct commit_append){entry, commit, entry->coordinator->order + 1};
    error = batch_append(batch, entry, on_committed, append);
    if (error != ERR_NONE) {
        free(append);
        return error;
    }
    for (int32_t i = 0; i < commit->count; i++) {
        const struct group_commit_offset *offset = &commit->offsets[i];
        if (offset->error != ERR_NONE)
            continue;
        group_offsets_begin_commit(entry->offsets, offset->topic, offset->partition);
        /* INVARIANT: only what is in the log is pending. The commit of a producer that was fenced
         * would else take the place of its successor's, which has the same id, when that one ends.
         */
        if (commit->producer_id != RECORD_NO_PRODUCER_ID && batch->is_appended) {
            group_offsets_put_pending(entry->offsets, commit->producer_id, offset->topic,
                                      offset->partition, &offset->record, append->order);
            group_entry_list_pending(entry);
        }
    }
    return ERR_NONE;
}

/* True if it was sent: on_committed ends it. */
static bool send_commit(struct group_entry *entry, struct group_commit *commit) {
    struct group_coordinator *coordinator = entry->coordinator;
    struct batch batch;
    enum error error = ERR_NONE;
    bool is_sent = false;

    batch_begin(&batch, coordinator, commit->producer_id, commit->producer_epoch);
    batch.must_be_verified = commit->must_be_verified;
    batch.guard = commit->guard;
    for (int32_t i = 0; i < commit->count && batch.error == ERR_NONE; i++) {
        struct group_commit_offset *offset = &commit->offsets[i];
        if (offset->error == ERR_NONE && group_offset_metadata_length(offset->record.metadata) >
                                             coordinator->config.offset_metadata_size_max)
            offset->error = ERR_OFFSET_METADATA_TOO_LARGE;
        if (offset->error == ERR_NONE)
            add_offset(&batch, commit, offset);
    }
    if (batch.error != ERR_NONE) {
        error = batch.error;
    } else if (record_batch_builder_count(batch.builder) > 0) {
        error = append_commit(entry, &batch, commit);
        is_sent = error == ERR_NONE;
    }
    batch_end(&batch);
    if (error != ERR_NONE)
        fail_commit(commit, error);
    return is_sent;
}

static enum error find_for_commit(struct group_coordinator *coordinator,
                                  const struct group_commit *commit, struct group_entry **found) {
    bool is_transactional = commit->producer_id != RECORD_NO_PRODUCER_ID;
    enum error error = group_coordinator_check(coordinator, commit->group_id);

    if (error == ERR_NONE)
        error = commit_error(commit->refused);
    if (error != ERR_NONE)
        return error;
    *found = group_entry_find(coordinator, commit->group_id);
    if (*found == NULL) {
        if (commit->generation >= 0 && !is_transactional)
            return ERR_ILLEGAL_GENERATION;
        *found = group_entry_add(coordinator, commit->group_id,
                                 journal_partition_of(coordinator->journal, commit->group_id));
    }
    return group_check_commit((*found)->group, commit->member_id, commit->instance_id,
                              commit->generation, is_transactional,
                              group_coordinator_now(coordinator));
}

void group_coordinator_commit(struct group_coordinator *coordinator, struct group_commit *commit) {
    struct group_entry *entry = NULL;
    enum error error = find_for_commit(coordinator, commit, &entry);

    if (error != ERR_NONE)
        fail_commit(commit, error);
    else if (send_commit(entry, commit))
        return;
    commit->done(commit);
}

/* ---- Tombstones ---- */

struct burial {
    struct group_entry *entry;
    group_removed *removed; /* may be NULL */
    void *context;
};

static void on_buried(void *context, enum error error, int64_t base_offset) {
    struct burial *burial = context;
    struct group_entry *entry = burial->entry;

    (void)base_offset;
    if (error != ERR_NONE)
        LOG_WARN(
            "group_tombstones_not_stored",
            "group=%s partition=%d error=%s reason=\"what was removed comes back with the next "
            "coordinator\"",
            LOG_QUOTED(group_id(entry->group)), entry->partition, error_name(error));
    group_entry_unref(entry);
    if (burial->removed != NULL)
        burial->removed(burial->context, commit_error(error));
    free(burial);
}

static void add_tombstones(struct batch *batch, const struct group *group,
                           const struct group_tombstones *tombstones) {
    struct group_record_key key = {.type = GROUP_RECORD_OFFSET, .group_id = group_id(group)};

    for (size_t i = 0; i < tombstones->offset_count; i++) {
        key.topic = tombstones->offsets[i].topic;
        key.partition = tombstones->offsets[i].partition;
        batch_add(batch, &key, true);
    }
    key = (struct group_record_key){.type = GROUP_RECORD_GROUP, .group_id = group_id(group)};
    if (tombstones->is_of_group)
        batch_add(batch, &key, true);
}

void group_coordinator_bury(struct group_entry *entry, const struct group_tombstones *tombstones,
                            group_removed *removed, void *context) {
    struct burial *burial = calloc(1, sizeof(*burial));
    struct batch batch;
    enum error error;

    CHECK(burial != NULL);
    *burial = (struct burial){entry, removed, context};
    batch_begin(&batch, entry->coordinator, RECORD_NO_PRODUCER_ID, -1);
    add_tombstones(&batch, entry->group, tombstones);
    error = batch_append(&batch, entry, on_buried, burial);
    batch_end(&batch);
    if (error != ERR_NONE) {
        entry->references++;
        on_buried(burial, error, -1);
    }
}

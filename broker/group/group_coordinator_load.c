#include "broker/group/group_coordinator_internal.h"

#include <stdlib.h>

#include "client/base/logger.h"
#include "client/wire/big_endian.h"

#define CONTROL_KEY_SIZE 4 /* i16 version, i16 type */

enum control_type { CONTROL_ABORT = 0, CONTROL_COMMIT = 1 };

/* ---- The partition comes and goes ---- */

static void drop_groups(struct group_coordinator *coordinator, int32_t partition,
                        enum error error) {
    struct group_entry *entry, *next;

    HASH_ITER (by_id, coordinator->entries, entry, next) {
        if (entry->partition == partition)
            group_entry_remove(entry, error);
    }
}

static void on_loading(void *context, int32_t partition) {
    drop_groups(context, partition, ERR_NOT_COORDINATOR);
}

static void on_lost(void *context, int32_t partition) {
    drop_groups(context, partition, ERR_NOT_COORDINATOR);
    group_coordinator_drop_kept_markers(context, partition);
}

static void on_metadata(void *context, const struct metadata *metadata) {
    (void)context;
    (void)metadata; /* what matters here comes by group_coordinator_on_metadata */
}

/* ---- Records ---- */

static struct group_entry *need_entry(struct group_coordinator *coordinator, struct bytes id,
                                      int32_t partition) {
    struct group_entry *entry = group_entry_find(coordinator, id);

    return entry != NULL ? entry : group_entry_add(coordinator, id, partition);
}

/* Only the last record of a group counts: it is decoded when all are read. */
static void keep_group(struct group_entry *entry, struct bytes value) {
    uint8_t *copy = NULL;

    if (!bytes_is_null(value)) {
        copy = malloc(value.size + 1);
        CHECK(copy != NULL);
        memcpy(copy, value.data, value.size);
    }
    free((void *)(uintptr_t)entry->loaded.data);
    entry->loaded = bytes_of(copy, value.size);
}

static enum error take_offset(struct group_coordinator *coordinator, int32_t partition,
                              const struct record_batch *batch, const struct group_record_key *key,
                              struct bytes value) {
    struct group_entry *entry = need_entry(coordinator, key->group_id, partition);
    struct group_offsets *offsets = entry->offsets;
    struct offset_record record;
    enum error error;

    if (bytes_is_null(value)) {
        group_offsets_remove(offsets, key->topic, key->partition, coordinator->order);
        return ERR_NONE;
    }
    error = offset_record_decode(value, &record);
    if (error != ERR_NONE)
        return error;
    if ((batch->attributes & RECORD_BATCH_TRANSACTIONAL) == 0) {
        group_offsets_put(offsets, key->topic, key->partition, &record, coordinator->order);
        return ERR_NONE;
    }
    group_offsets_put_pending(offsets, batch->producer_id, key->topic, key->partition, &record,
                              coordinator->order);
    group_offsets_confirm_pending(offsets, batch->producer_id, key->topic, key->partition,
                                  coordinator->order);
    group_entry_list_pending(entry);
    return ERR_NONE;
}

static enum error take_record(struct group_coordinator *coordinator, int32_t partition,
                              const struct record_batch *batch, const struct record *record) {
    struct group_record_key key;
    enum error error = group_record_key_decode(record->key, &key);

    if (error != ERR_NONE)
        return error;
    switch (key.type) {
    case GROUP_RECORD_OFFSET:
        return take_offset(coordinator, partition, batch, &key, record->value);
    case GROUP_RECORD_GROUP:
        keep_group(need_entry(coordinator, key.group_id, partition), record->value);
        break;
    case GROUP_RECORD_UNKNOWN:
        break; /* of a newer group protocol: kept in the log, not read */
    }
    return ERR_NONE;
}

static void take_marker(struct group_coordinator *coordinator, int32_t partition,
                        const struct record_batch *batch, const struct record *record) {
    struct group_marker marker = {record->offset, batch->producer_id, partition, false};
    int16_t type;

    if (record->key.size < CONTROL_KEY_SIZE)
        return;
    type = (int16_t)big_endian_load_u16(record->key.data + 2);
    marker.is_commit = type == CONTROL_COMMIT;
    if (type == CONTROL_ABORT || type == CONTROL_COMMIT)
        group_coordinator_apply_marker(coordinator, &marker);
}

static void on_record(void *context, int32_t partition, const struct record_batch *batch,
                      const struct record *record) {
    struct group_coordinator *coordinator = context;
    enum error error;

    coordinator->order++;
    if ((batch->attributes & RECORD_BATCH_CONTROL) != 0) {
        take_marker(coordinator, partition, batch, record);
        return;
    }
    error = take_record(coordinator, partition, batch, record);
    if (error != ERR_NONE)
        LOG_ERROR("group_record_not_read",
                  "topic=__consumer_offsets partition=%d offset=%" PRId64 " error=%s "
                  "action=\"the record is left out; look at it with a dump of the log\"",
                  partition, record->offset, error_name(error));
}

/* ---- All is read ---- */

static void begin_group(struct group_entry *entry) {
    struct group_coordinator *coordinator = entry->coordinator;
    struct group_record record;
    enum error error = ERR_NONE;

    if (!bytes_is_null(entry->loaded)) {
        error = group_record_decode(entry->loaded, &coordinator->arena, &record);
        if (error == ERR_NONE)
            group_load(entry->group, &record);
        else
            LOG_ERROR("group_not_read", "group=%s error=%s action=\"its members join anew\"",
                      LOG_QUOTED(group_id(entry->group)), error_name(error));
        arena_reset(&coordinator->arena);
        keep_group(entry, BYTES_NULL);
    }
    group_start(entry->group, group_coordinator_now(coordinator));
    group_entry_rearm(entry);
}

static void on_loaded(void *context, int32_t partition) {
    struct group_coordinator *coordinator = context;
    struct group_entry *entry, *next;
    int32_t count = 0;

    group_coordinator_apply_kept_markers(coordinator, partition);
    HASH_ITER (by_id, coordinator->entries, entry, next) {
        if (entry->partition != partition)
            continue;
        if (bytes_is_null(entry->loaded) && group_offsets_is_empty(entry->offsets)) {
            group_entry_remove(entry, ERR_NOT_COORDINATOR); /* nothing but tombstones */
            continue;
        }
        begin_group(entry);
        count++;
    }
    if (count > 0)
        LOG_INFO("groups_loaded", "partition=%d groups=%d", partition, count);
}

const struct journal_owner group_journal_owner = {
    .on_loading = on_loading,
    .on_record = on_record,
    .on_loaded = on_loaded,
    .on_lost = on_lost,
    .on_metadata = on_metadata,
};

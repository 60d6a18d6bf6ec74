/*
 * What is removed: offsets that nobody has used for the retention time, groups that are empty and
 * have none, offsets of topics that are gone, and what operators delete.
 */
#include <stdlib.h>

#include "broker/group/group_coordinator_internal.h"
#include "client/base/logger.h"

/* Of one batch: it must fit into max.message.bytes. */
#define TOMBSTONES_MAX 1000

/* ---- Burying ---- */

/* Removes them from memory, which is what members see from now on, and writes that down. The last
 * batch carries the group's own tombstone; `removed` is told of it, or of none. */
static void remove_offsets(struct group_entry *entry, const struct group_offset *offsets,
                           size_t count, bool with_group, group_removed *removed, void *context) {
    struct group_coordinator *coordinator = entry->coordinator;
    size_t at = 0;

    while (count - at > TOMBSTONES_MAX) {
        const struct group_tombstones some = {offsets + at, TOMBSTONES_MAX, false};
        group_coordinator_bury(entry, &some, NULL, NULL);
        at += TOMBSTONES_MAX;
    }
    if (count > at || with_group) {
        const struct group_tombstones rest = {offsets + at, count - at, with_group};
        group_coordinator_bury(entry, &rest, removed, context);
    } else if (removed != NULL) {
        removed(context, ERR_NONE);
    }
    for (size_t i = 0; i < count; i++)
        group_offsets_remove(entry->offsets, offsets[i].topic, offsets[i].partition,
                             coordinator->order);
}

/* Kept in order of the list. */
static size_t keep_if(struct group_offset *offsets, size_t count,
                      bool (*goes)(const struct group_offset *offset, void *context),
                      void *context) {
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        if (goes(&offsets[i], context))
            offsets[kept++] = offsets[i];
    }
    return kept;
}

static void remove_group_if_idle(struct group_entry *entry) {
    if (!group_is_unused(entry->group) || !group_offsets_is_empty(entry->offsets))
        return;
    if (group_generation(entry->group) > 0) {
        const struct group_tombstones own = {NULL, 0, true};
        group_coordinator_bury(entry, &own, NULL, NULL);
    }
    group_entry_remove(entry, ERR_COORDINATOR_NOT_AVAILABLE);
}

/* ---- By age ---- */

struct age {
    const struct group *group;
    int64_t wall_ms;
    int64_t retention_ms;
};

static bool is_past(const struct age *age, int64_t since_ms) {
    return age->wall_ms - since_ms >= age->retention_ms;
}

/* Source: GroupMetadata.removeExpiredOffsets. */
static bool is_expired(const struct group_offset *offset, void *context) {
    const struct age *age = context;
    const struct group *group = age->group;
    bool is_simple = bytes_is_null(group_protocol_type(group));
    bool is_empty = group_state(group) == GROUP_EMPTY;
    bool is_left = group_state(group) == GROUP_STABLE && group_has_known_subscriptions(group) &&
                   !group_is_subscribed(group, offset->topic);
    int64_t since_ms = offset->record.commit_ms;

    if (!offset->is_committed || offset->is_being_committed || !(is_simple || is_empty || is_left))
        return false;
    if (offset->record.expire_ms != -1)
        return age->wall_ms >= offset->record.expire_ms;
    /* An empty group's members may have been idle for long before they left. */
    if (is_empty && !is_simple && group_state_ms(group) != -1)
        since_ms = group_state_ms(group);
    return is_past(age, since_ms);
}

static size_t expire_entry(struct group_entry *entry) {
    struct group_coordinator *coordinator = entry->coordinator;
    struct age age = {entry->group, clock_wall_ms(coordinator->config.clock),
                      coordinator->config.retention_ms};
    struct group_offset *offsets;
    size_t count;

    group_offsets_list(entry->offsets, &offsets, &count);
    count = keep_if(offsets, count, is_expired, &age);
    remove_offsets(entry, offsets, count, false, NULL, NULL);
    free(offsets);
    remove_group_if_idle(entry);
    return count;
}

void group_coordinator_expire(struct loop_timer *timer) {
    struct group_coordinator *coordinator =
        CONTAINER_OF(timer, struct group_coordinator, retention);
    struct group_entry *entry, *next;
    size_t expired = 0;

    HASH_ITER (by_id, coordinator->entries, entry, next) {
        if (journal_state(coordinator->journal, entry->partition) == JOURNAL_READY)
            expired += expire_entry(entry);
    }
    if (expired > 0)
        LOG_INFO("offsets_expired", "offsets=%zu", expired);
    loop_timer_arm(timer, coordinator->config.retention_check_ms);
}

/* ---- With their topic ---- */

/* By its partitions and not by a look at all offsets: of thousands of topics that are deleted at
 * once each comes here, and members' heartbeats wait. Source: handleDeletedPartitions. */
static void forget_in(struct group_entry *entry, struct bytes topic, int32_t partition_count,
                      struct group_offset *offsets) {
    size_t count = group_offsets_of_topic(entry->offsets, topic, partition_count, offsets);

    if (count == 0)
        return;
    remove_offsets(entry, offsets, count, false, NULL, NULL);
    remove_group_if_idle(entry);
}

void group_coordinator_forget_topic(struct group_coordinator *coordinator, struct bytes topic,
                                    int32_t partition_count) {
    struct group_offset *offsets = calloc((size_t)partition_count + 1, sizeof(*offsets));
    struct group_entry *entry, *next;

    CHECK(offsets != NULL);
    HASH_ITER (by_id, coordinator->entries, entry, next) {
        if (journal_state(coordinator->journal, entry->partition) == JOURNAL_READY)
            forget_in(entry, topic, partition_count, offsets);
    }
    free(offsets);
}

/* ---- By operators ---- */

void group_coordinator_delete(struct group_coordinator *coordinator, struct bytes group_id,
                              group_removed *removed, void *context) {
    enum error error = group_coordinator_check(coordinator, group_id);
    struct group_entry *entry = error == ERR_NONE ? group_entry_find(coordinator, group_id) : NULL;
    struct group_offset *offsets;
    size_t count;

    if (error == ERR_NONE && entry == NULL)
        error = ERR_GROUP_ID_NOT_FOUND;
    if (error == ERR_NONE && group_state(entry->group) != GROUP_EMPTY)
        error = ERR_NON_EMPTY_GROUP;
    if (error != ERR_NONE) {
        removed(context, error);
        return;
    }
    group_offsets_list(entry->offsets, &offsets, &count);
    entry->references++;
    remove_offsets(entry, offsets, count, group_generation(entry->group) > 0, removed, context);
    free(offsets);
    group_entry_remove(entry, ERR_COORDINATOR_NOT_AVAILABLE);
    group_entry_unref(entry);
}

static struct group_offset_removal *find_removal(struct group_offset_removal *removals,
                                                 int32_t count, const struct group_offset *offset) {
    for (int32_t i = 0; i < count; i++) {
        if (removals[i].error == ERR_NONE && removals[i].partition == offset->partition &&
            bytes_equal(removals[i].topic, offset->topic))
            return &removals[i];
    }
    return NULL;
}

struct wanted {
    struct group_offset_removal *removals;
    int32_t count;
};

static bool is_wanted(const struct group_offset *offset, void *context) {
    const struct wanted *wanted = context;

    return find_removal(wanted->removals, wanted->count, offset) != NULL;
}

/* Whether the group as it is lets its offsets be deleted; `removals` are refused one by one. */
static enum error check_removals(const struct group *group, struct group_offset_removal *removals,
                                 int32_t count) {
    if (group_state(group) == GROUP_EMPTY)
        return ERR_NONE;
    if (!bytes_equal_text(group_protocol_type(group), "consumer"))
        return ERR_NON_EMPTY_GROUP;
    for (int32_t i = 0; i < count; i++) {
        if (removals[i].error == ERR_NONE && group_is_subscribed(group, removals[i].topic))
            removals[i].error = ERR_GROUP_SUBSCRIBED_TO_TOPIC;
    }
    return ERR_NONE;
}

void group_coordinator_delete_offsets(struct group_coordinator *coordinator, struct bytes group_id,
                                      struct group_offset_removal *removals, int32_t count,
                                      group_removed *removed, void *context) {
    enum error error = group_coordinator_check(coordinator, group_id);
    struct group_entry *entry = error == ERR_NONE ? group_entry_find(coordinator, group_id) : NULL;
    struct wanted wanted = {removals, count};
    struct group_offset *offsets;
    size_t offset_count;

    if (error == ERR_NONE)
        error =
            entry == NULL ? ERR_GROUP_ID_NOT_FOUND : check_removals(entry->group, removals, count);
    if (error != ERR_NONE) {
        removed(context, error);
        return;
    }
    group_offsets_list(entry->offsets, &offsets, &offset_count);
    offset_count = keep_if(offsets, offset_count, is_wanted, &wanted);
    remove_offsets(entry, offsets, offset_count, false, removed, context);
    free(offsets);
}

#include "broker/group/group_coordinator_internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "broker/metadata/metadata_watcher.h"
#include "client/base/logger.h"
#include "client/base/uuid.h"
#include "client/net/loop_call.h"

#define ARENA_BYTES_MAX     ((size_t)256 << 20) /* of one group's record */
#define MEMBER_ID_UUID_SIZE 36

struct group_now group_coordinator_now(const struct group_coordinator *coordinator) {
    return (struct group_now){clock_monotonic_ms(coordinator->config.clock),
                              clock_wall_ms(coordinator->config.clock)};
}

/* ---- Entries ---- */

struct group_entry *group_entry_find(const struct group_coordinator *coordinator, struct bytes id) {
    struct group_entry *entry = NULL;

    HASH_FIND(by_id, coordinator->entries, id.data, id.size, entry);
    return entry;
}

static void on_timer(struct loop_timer *timer) {
    struct group_entry *entry = CONTAINER_OF(timer, struct group_entry, timer);

    entry->armed_ms = GROUP_NO_DEADLINE;
    group_expire(entry->group, group_coordinator_now(entry->coordinator));
    group_entry_rearm(entry);
}

struct group_entry *group_entry_add(struct group_coordinator *coordinator, struct bytes id,
                                    int32_t partition) {
    const struct group_port port = {group_coordinator_store, coordinator, group_census_move,
                                    &coordinator->census};
    struct group_entry *entry = calloc(1, sizeof(*entry));
    struct bytes key;

    CHECK(entry != NULL);
    entry->coordinator = coordinator;
    entry->partition = partition;
    entry->references = 1;
    entry->group = group_new(id, &coordinator->config.group, &port);
    counter_add(&coordinator->census.groups[GROUP_EMPTY], 1);
    entry->offsets = group_offsets_new();
    group_offsets_count_in(entry->offsets, &coordinator->census.offsets);
    entry->armed_ms = GROUP_NO_DEADLINE;
    loop_timer_init(&entry->timer, coordinator->loop, on_timer);
    key = group_id(entry->group);
    HASH_ADD_KEYPTR(by_id, coordinator->entries, key.data, key.size, entry);
    return entry;
}

void group_entry_remove(struct group_entry *entry, enum error error) {
    CHECK(!entry->is_removed);
    entry->is_removed = true;
    HASH_DELETE(by_id, entry->coordinator->entries, entry);
    group_entry_unlist_pending(entry);
    loop_timer_done(&entry->timer);
    group_unload(entry->group, error);
    group_entry_unref(entry);
}

void group_entry_unref(struct group_entry *entry) {
    if (--entry->references > 0)
        return;
    CHECK(group_state(entry->group) == GROUP_DEAD);
    counter_add(&entry->coordinator->census.groups[GROUP_DEAD], UINT64_MAX);
    group_free(entry->group);
    group_offsets_free(entry->offsets);
    free((void *)(uintptr_t)entry->loaded.data);
    free(entry);
}

/* The timer is moved only to an earlier time: a deadline that moves away, as with each heartbeat,
 * costs nothing until the timer expires and is armed anew. */
void group_entry_rearm(struct group_entry *entry) {
    int64_t next_ms = group_next_deadline(entry->group);
    int64_t delay_ms;

    if (entry->is_removed || next_ms >= entry->armed_ms)
        return;
    delay_ms = next_ms - group_coordinator_now(entry->coordinator).ms;
    entry->armed_ms = next_ms;
    loop_timer_arm(&entry->timer, delay_ms > 0 ? delay_ms : 0);
}

/* ---- Life ---- */

static void stop_on_loop(void *context) {
    struct group_coordinator *coordinator = context;

    journal_stop(coordinator->journal);
    loop_timer_done(&coordinator->retention);
}

static void make_journal(struct group_coordinator *coordinator) {
    const struct group_coordinator_config *config = &coordinator->config;
    struct journal_config journal = {
        .topic = "__consumer_offsets",
        .loop = coordinator->loop,
        .background = config->background,
        .clock = config->clock,
        .metadata = config->metadata,
        .replicas = config->replicas,
        .owner = group_journal_owner,
        .load_bytes = config->load_bytes,
        .append_timeout_ms = config->commit_timeout_ms,
    };

    journal.owner.context = coordinator;
    coordinator->journal = journal_new(&journal);
    journal_metadata_changed(coordinator->journal);
}

enum error group_coordinator_start(const struct group_coordinator_config *config,
                                   struct group_coordinator **started) {
    struct group_coordinator *coordinator = calloc(1, sizeof(*coordinator));
    enum error error;

    if (coordinator == NULL)
        return ERR_OUT_OF_MEMORY;
    coordinator->config = *config;
    error = loop_new(&coordinator->loop);
    if (error != ERR_NONE) {
        free(coordinator);
        return error;
    }
    STAILQ_INIT(&coordinator->kept_markers);
    LIST_INIT(&coordinator->with_pending);
    rng_seed_from_kernel(&coordinator->rng);
    arena_init(&coordinator->arena, ARENA_BYTES_MAX);
    loop_timer_init(&coordinator->retention, coordinator->loop, group_coordinator_expire);
    loop_timer_arm(&coordinator->retention, config->retention_check_ms);
    make_journal(coordinator);
    error = loop_start(coordinator->loop, "groups");
    CHECK(error == ERR_NONE);
    *started = coordinator;
    return ERR_NONE;
}

void group_coordinator_stop(struct group_coordinator *coordinator) {
    if (coordinator != NULL)
        loop_call(coordinator->loop, stop_on_loop, coordinator);
}

void group_coordinator_free(struct group_coordinator *coordinator) {
    if (coordinator == NULL)
        return;
    loop_stop(coordinator->loop);
    loop_join(coordinator->loop);
    CHECK(coordinator->entries == NULL && STAILQ_EMPTY(&coordinator->kept_markers));
    journal_free(coordinator->journal);
    loop_free(coordinator->loop);
    arena_done(&coordinator->arena);
    free(coordinator);
}

const struct group_census *group_coordinator_census(const struct group_coordinator *coordinator) {
    return &coordinator->census;
}

struct executor *group_coordinator_executor(struct group_coordinator *coordinator) {
    return loop_executor(coordinator->loop);
}

struct loop *group_coordinator_loop(struct group_coordinator *coordinator) {
    return coordinator->loop;
}

/* ---- The cluster changes ---- */

struct gone_topic {
    char *name;
    int32_t partition_count;
};

/* Topics that are gone, on their way to the coordinator's thread. */
struct gone_topics {
    struct task task;
    struct group_coordinator *coordinator;
    struct gone_topic *topics;
    size_t count;
};

static void forget_topics(struct task *task) {
    struct gone_topics *gone = CONTAINER_OF(task, struct gone_topics, task);

    for (size_t i = 0; i < gone->count; i++) {
        group_coordinator_forget_topic(gone->coordinator, bytes_of_text(gone->topics[i].name),
                                       gone->topics[i].partition_count);
        free(gone->topics[i].name);
    }
    free(gone->topics);
    free(gone);
}

/* A mistake of an operator in ZooKeeper is to cost no offsets. */
static bool is_gone(const struct metadata_topic_change *change, bool keeps_gone) {
    if (change->before == NULL)
        return false;
    return change->after == NULL ? !keeps_gone
                                 : !uuid_equal(&change->before->id, &change->after->id);
}

void group_coordinator_on_metadata(struct group_coordinator *coordinator,
                                   const struct metadata_update *update) {
    struct gone_topics *gone = calloc(1, sizeof(*gone));

    CHECK(gone != NULL);
    gone->topics = calloc((size_t)update->change_count + 1, sizeof(*gone->topics));
    CHECK(gone->topics != NULL);
    gone->coordinator = coordinator;
    gone->task.run = forget_topics;
    for (int32_t i = 0; i < update->change_count; i++) {
        const struct metadata_topic *before = update->changes[i].before;
        struct gone_topic *topic = &gone->topics[gone->count];
        if (!is_gone(&update->changes[i], update->keeps_gone))
            continue;
        *topic = (struct gone_topic){strdup(before->name), before->partition_count};
        CHECK(topic->name != NULL);
        gone->count++;
    }
    if (gone->count > 0) {
        executor_post(loop_executor(coordinator->loop), &gone->task);
    } else {
        free(gone->topics);
        free(gone);
    }
    journal_metadata_changed(coordinator->journal);
}

/* ---- Requests ---- */

enum error group_coordinator_check(const struct group_coordinator *coordinator,
                                   struct bytes group_id) {
    return journal_check(coordinator->journal, group_id);
}

static void refuse_join(const struct group_join *join, enum error error) {
    const struct group_join_result result = {
        .error = error,
        .generation = -1,
        .leader = bytes_of_text(""),
        .member_id = join->member_id,
    };

    join->joined(join->request, &result);
}

/* "<client or instance>-<uuid>", in the arena. */
static struct bytes new_member_id(struct group_coordinator *coordinator,
                                  const struct group_join *join) {
    struct bytes prefix = bytes_is_null(join->instance_id) ? join->client_id : join->instance_id;
    struct uuid uuid = uuid_random(&coordinator->rng);
    size_t size = prefix.size + 1 + MEMBER_ID_UUID_SIZE;
    char *text = arena_alloc(&coordinator->arena, size + 1, 1);
    char *at;

    CHECK(text != NULL);
    if (prefix.size > 0)
        memcpy(text, prefix.data, prefix.size);
    at = text + prefix.size;
    *at++ = '-';
    for (size_t i = 0; i < sizeof(uuid.bytes); i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *at++ = '-';
        at += snprintf(at, 3, "%02x", uuid.bytes[i]);
    }
    return bytes_of(text, size);
}

void group_coordinator_join(struct group_coordinator *coordinator, struct bytes group_id,
                            const struct group_join *join) {
    const struct group_settings *settings = &coordinator->config.group;
    enum error error = group_coordinator_check(coordinator, group_id);
    struct group_entry *entry = group_entry_find(coordinator, group_id);
    struct group_join own = *join;

    if (error == ERR_NONE && (join->session_timeout_ms < settings->session_timeout_ms_min ||
                              join->session_timeout_ms > settings->session_timeout_ms_max))
        error = ERR_INVALID_SESSION_TIMEOUT;
    if (error == ERR_NONE && entry == NULL && join->member_id.size > 0)
        error = ERR_UNKNOWN_MEMBER_ID;
    if (error != ERR_NONE) {
        refuse_join(join, error);
        return;
    }
    if (entry == NULL)
        entry = group_entry_add(coordinator, group_id,
                                journal_partition_of(coordinator->journal, group_id));
    if (join->member_id.size == 0)
        own.new_member_id = new_member_id(coordinator, join);
    group_join(entry->group, &own, group_coordinator_now(coordinator));
    arena_reset(&coordinator->arena);
    group_entry_rearm(entry);
}

void group_coordinator_sync(struct group_coordinator *coordinator, struct bytes group_id,
                            const struct group_sync *sync) {
    struct group_sync_result result = {.assignment = bytes_of_text("")};
    struct group_entry *entry = group_entry_find(coordinator, group_id);

    result.error = group_coordinator_check(coordinator, group_id);
    if (result.error == ERR_COORDINATOR_LOAD_IN_PROGRESS)
        result.error = ERR_REBALANCE_IN_PROGRESS; /* the client joins again, and waits there */
    if (result.error == ERR_NONE && entry == NULL)
        result.error = ERR_UNKNOWN_MEMBER_ID;
    if (result.error != ERR_NONE) {
        sync->synced(sync->request, &result);
        return;
    }
    group_sync(entry->group, sync, group_coordinator_now(coordinator));
    group_entry_rearm(entry);
}

enum error group_coordinator_heartbeat(struct group_coordinator *coordinator, struct bytes group_id,
                                       struct bytes member_id, struct bytes instance_id,
                                       int32_t generation) {
    struct group_entry *entry = group_entry_find(coordinator, group_id);
    enum error error = group_coordinator_check(coordinator, group_id);

    if (error == ERR_COORDINATOR_LOAD_IN_PROGRESS)
        return ERR_NONE; /* its session begins when the group is loaded */
    if (error != ERR_NONE)
        return error;
    if (entry == NULL)
        return ERR_UNKNOWN_MEMBER_ID;
    return group_heartbeat(entry->group, member_id, instance_id, generation,
                           group_coordinator_now(coordinator));
}

enum error group_coordinator_leave(struct group_coordinator *coordinator, struct bytes group_id,
                                   struct group_leaving *leaving, int32_t count) {
    struct group_entry *entry = group_entry_find(coordinator, group_id);
    enum error error = group_coordinator_check(coordinator, group_id);

    if (error != ERR_NONE)
        return error;
    for (int32_t i = 0; i < count; i++) {
        leaving[i].error =
            entry == NULL ? ERR_UNKNOWN_MEMBER_ID
                          : group_leave(entry->group, leaving[i].member_id, leaving[i].instance_id,
                                        group_coordinator_now(coordinator));
    }
    if (entry != NULL)
        group_entry_rearm(entry);
    return ERR_NONE;
}

/* ---- To look at ---- */

const struct group *group_coordinator_find(const struct group_coordinator *coordinator,
                                           struct bytes group_id) {
    struct group_entry *entry = group_entry_find(coordinator, group_id);

    return entry == NULL ? NULL : entry->group;
}

const struct group_offsets *group_coordinator_offsets(const struct group_coordinator *coordinator,
                                                      struct bytes group_id) {
    struct group_entry *entry = group_entry_find(coordinator, group_id);

    return entry == NULL ? NULL : entry->offsets;
}

void group_coordinator_each(const struct group_coordinator *coordinator,
                            void (*visit)(void *context, const struct group *group),
                            void *context) {
    for (struct group_entry *entry = coordinator->entries; entry != NULL;
         entry = entry->by_id.next) {
        if (journal_state(coordinator->journal, entry->partition) == JOURNAL_READY)
            visit(context, entry->group);
    }
}

bool group_coordinator_is_loading(const struct group_coordinator *coordinator) {
    int32_t count = journal_partition_count(coordinator->journal);

    for (int32_t i = 0; i < count; i++) {
        if (journal_state(coordinator->journal, i) == JOURNAL_LOADING)
            return true;
    }
    return false;
}

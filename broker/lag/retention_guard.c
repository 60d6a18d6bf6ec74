#include "broker/lag/retention_guard.h"

#include <stdlib.h>

#include "broker/group/group_coordinator.h"
#include "broker/journal/coordinator_key.h"
#include "broker/lag/lag_table.h"
#include "broker/metadata/metadata_cache.h"
#include "broker/peer/peer_calls.h"
#include "broker/replica/replica_manager.h"
#include "client/base/logger.h"
#include "client/net/loop_call.h"
#include "client/wire/message/offset_fetch.h"

#define TIMEOUT_MS           10000
#define OFFSET_FETCH_VERSION 7 /* the last that asks for one group */

struct guarding_group {
    struct retention_guard_watch *watch;
    struct bytes id; /* in the list */
    struct offset_fetch_request request;
};

struct retention_guard_watch {
    struct retention_guard_config config;
    char *list; /* the ids, owned */
    struct guarding_group *groups;
    size_t group_count;
    struct loop *loop;
    struct peer_calls *calls;
    struct lag_table table; /* of one look */
    struct loop_timer timer;
    size_t outstanding; /* groups asked about in this look */
    bool is_answered;   /* by all so far */
    bool is_stopping;
};

/* ---- A look ends ---- */

static void tell_partition(void *context, struct partition *partition) {
    const struct retention_guard_watch *watch = context;
    const struct lag_place *place = lag_table_find(
        &watch->table, bytes_of_text(partition_topic(partition)), partition_index(partition));
    const struct lag_entry *entry;
    int64_t offset = INT64_MAX;

    if (place != NULL) {
        LIST_FOREACH (entry, &place->entries, link) {
            if (entry->committed < offset)
                offset = entry->committed;
        }
    }
    partition_set_guard_offset(partition, offset);
}

static void group_done(struct retention_guard_watch *watch) {
    if (--watch->outstanding > 0 || watch->is_stopping)
        return;
    if (watch->is_answered)
        replica_manager_for_each(watch->config.replicas, tell_partition, watch);
    loop_timer_arm(&watch->timer, watch->config.interval_ms);
}

/* ---- What a group has committed ---- */

static void take_offsets(struct guarding_group *group,
                         const struct offset_fetch_response *response) {
    for (int32_t i = 0; i < response->topics_count; i++) {
        const struct offset_fetch_response_topics *topic = &response->topics[i];
        for (int32_t j = 0; j < topic->partitions_count; j++) {
            if (topic->partitions[j].committed_offset >= 0)
                lag_table_see(&group->watch->table, group->id, topic->name,
                              topic->partitions[j].partition_index,
                              topic->partitions[j].committed_offset);
        }
    }
}

static void on_answered(void *context, enum error error, const void *answer) {
    struct guarding_group *group = context;
    struct retention_guard_watch *watch = group->watch;
    const struct offset_fetch_response *response = answer;

    if (error == ERR_NONE)
        error = (enum error)response->error_code;
    if (error == ERR_NONE) {
        take_offsets(group, response);
    } else {
        watch->is_answered = false;
        if (error != ERR_CANCELLED)
            LOG_WARN("retention_guard_not_known",
                     "group=%s error=%s reason=\"what it read before counts until its coordinator "
                     "answers\"",
                     LOG_QUOTED(group->id), error_name(error));
    }
    group_done(watch);
}

/* Negative: nobody leads its partition at the moment; `*exists` is false if there are no groups. */
static int32_t coordinator_of(const struct retention_guard_watch *watch, struct bytes id,
                              bool *exists) {
    const struct metadata *metadata = metadata_cache_get(watch->config.metadata);
    const struct metadata_topic *topic =
        metadata_find_topic(metadata, bytes_of_text("__consumer_offsets"));
    const struct metadata_partition *partition = NULL;
    int32_t leader;

    *exists = topic != NULL && topic->partition_count > 0;
    if (*exists)
        partition =
            metadata_find_partition(topic, coordinator_partition(id, topic->partition_count));
    leader = partition == NULL ? METADATA_NO_BROKER : partition->leader;
    metadata_unref(metadata);
    return leader;
}

static void ask(struct guarding_group *group) {
    struct retention_guard_watch *watch = group->watch;
    bool exists;
    int32_t coordinator = coordinator_of(watch, group->id, &exists);

    if (!exists) {
        group_done(watch);
        return;
    }
    offset_fetch_request_init(&group->request);
    group->request.group_id = group->id;
    group->request.topics_count = -1; /* all */
    peer_call(watch->calls, coordinator, &offset_fetch_api, OFFSET_FETCH_VERSION, &group->request,
              TIMEOUT_MS, on_answered, group);
}

static void look(struct loop_timer *timer) {
    struct retention_guard_watch *watch = CONTAINER_OF(timer, struct retention_guard_watch, timer);

    lag_table_done(&watch->table);
    watch->is_answered = true;
    watch->outstanding = watch->group_count + 1;
    for (size_t i = 0; i < watch->group_count; i++)
        ask(&watch->groups[i]);
    group_done(watch);
}

/* ---- Life ---- */

static void split_list(struct retention_guard_watch *watch, const char *list) {
    size_t count = 1;
    char *rest;
    char *id;

    for (const char *at = list; *at != '\0'; at++)
        count += *at == ',' ? 1 : 0;
    watch->list = strdup(list);
    watch->groups = calloc(count, sizeof(*watch->groups));
    CHECK(watch->list != NULL && watch->groups != NULL);
    for (id = strtok_r(watch->list, ", ", &rest); id != NULL; id = strtok_r(NULL, ", ", &rest))
        watch->groups[watch->group_count++] =
            (struct guarding_group){.watch = watch, .id = bytes_of_text(id)};
}

static void start_on_loop(void *context) {
    struct retention_guard_watch *watch = context;

    loop_timer_arm(&watch->timer, 0);
}

static void stop_on_loop(void *context) {
    struct retention_guard_watch *watch = context;

    watch->is_stopping = true;
    loop_timer_done(&watch->timer);
    peer_calls_free(watch->calls);
    lag_table_done(&watch->table);
}

struct retention_guard_watch *retention_guard_start(const struct retention_guard_config *config) {
    struct retention_guard_watch *watch = calloc(1, sizeof(*watch));
    struct peer_calls_config calls = {
        .metadata = config->metadata,
        .listener = config->listener,
        .purpose = "guarding-groups",
        .broker_id = config->broker_id,
    };

    CHECK(watch != NULL);
    watch->config = *config;
    watch->loop = group_coordinator_loop(config->groups);
    calls.loop = watch->loop;
    watch->calls = peer_calls_new(&calls);
    split_list(watch, config->group_list);
    loop_timer_init(&watch->timer, watch->loop, look);
    loop_call(watch->loop, start_on_loop, watch);
    return watch;
}

void retention_guard_stop(struct retention_guard_watch *watch) {
    if (watch == NULL)
        return;
    loop_call(watch->loop, stop_on_loop, watch);
    free(watch->groups);
    free(watch->list);
    free(watch);
}

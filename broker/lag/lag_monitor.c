#include <stdlib.h>

#include "broker/lag/lag_monitor_internal.h"
#include "client/base/logger.h"
#include "client/net/loop_call.h"

#define REPORT_BYTES_MAX ((size_t)256 << 20)

/* ---- A look ends ---- */

static void tell_loss(struct lag_monitor *monitor, const struct lag_place *place,
                      struct lag_entry *entry, int64_t wall_ms) {
    struct lag_loss loss;

    if (!lag_find_loss(entry->committed, place->log_start_offset, &entry->told_end, &loss))
        return;
    entry->lost_records += loss.last_offset - loss.first_offset + 1;
    LOG_WARN("group_records_lost",
             "group=%s topic=%.*s partition=%d first_offset=%" PRId64 " last_offset=%" PRId64
             " reason=\"deleted before the group read them\"",
             LOG_QUOTED(entry->group), BYTES_FORMAT(place->topic), place->partition,
             loss.first_offset, loss.last_offset);
    lag_report_add_loss(&monitor->report, entry->group, place->topic, place->partition, &loss,
                        wall_ms);
    loss_topic_add(monitor->losses, entry->group, place->topic, place->partition, &loss, wall_ms);
}

static struct lag_row row_of(const struct lag_place *place, struct lag_entry *entry,
                             struct lag_retention retention, int64_t wall_ms) {
    const struct lag_facts facts = {
        .now_ms = wall_ms,
        .first_unread_ms =
            entry->timed_offset == entry->committed ? entry->first_unread_ms : LAG_UNKNOWN_MS,
        .record_bytes = place->record_bytes,
        .retention = retention,
        .progress = entry->progress,
    };

    return (struct lag_row){
        .group = entry->group,
        .topic = place->topic,
        .partition = place->partition,
        .committed = entry->committed,
        .log_start_offset = place->log_start_offset,
        .log_end_offset = place->log_end_offset,
        .estimate = lag_estimate_of(&facts),
        .lost_records = entry->lost_records,
    };
}

/* The groups of one partition. False past the bound of the report. */
static bool add_rows(struct lag_monitor *monitor, const struct metadata *metadata,
                     const struct lag_place *place, struct lag_findings *found) {
    const struct metadata_topic *topic = metadata_find_topic(metadata, place->topic);
    struct lag_retention retention = {false, -1, -1};
    int64_t wall_ms = clock_wall_ms(monitor->config.clock);
    struct lag_entry *entry;

    if (topic != NULL)
        retention = monitor->config.retention_of(monitor->config.context, topic);
    LIST_FOREACH (entry, &place->entries, link) {
        struct lag_row *row = &found->rows[found->row_count];
        lag_progress_update(&entry->progress, clock_monotonic_ms(monitor->config.clock),
                            entry->committed, place->log_end_offset);
        tell_loss(monitor, place, entry, wall_ms);
        *row = row_of(place, entry, retention, wall_ms);
        row->group = arena_copy(&found->arena, row->group);
        row->topic = arena_copy(&found->arena, row->topic);
        if (bytes_is_null(row->group) || bytes_is_null(row->topic))
            return false;
        found->row_count++;
    }
    return true;
}

static void count_group(void *context, const struct group *group) {
    (void)group;
    ++*(size_t *)context;
}

static void add_group(void *context, const struct group *group) {
    struct lag_findings *found = context;
    struct lag_group *added = &found->groups[found->group_count];

    added->id = arena_copy(&found->arena, group_id(group));
    if (bytes_is_null(added->id))
        return;
    added->member_count = group_member_count(group);
    for (int reason = 0; reason < GROUP_REBALANCE_REASONS; reason++)
        added->rebalances[reason] =
            group_rebalance_count(group, (enum group_rebalance_reason)reason);
    found->group_count++;
}

static void add_groups(struct lag_monitor *monitor, struct lag_findings *found) {
    size_t count = 0;

    group_coordinator_each(monitor->config.groups, count_group, &count);
    found->groups = arena_alloc(&found->arena, count + 1, sizeof(*found->groups));
    if (found->groups != NULL)
        group_coordinator_each(monitor->config.groups, add_group, found);
}

static void publish(struct lag_monitor *monitor) {
    const struct metadata *metadata = metadata_cache_get(monitor->config.metadata);
    struct lag_findings found = {0};

    arena_init(&found.arena, REPORT_BYTES_MAX);
    found.rows = arena_alloc(&found.arena, monitor->table.entry_count + 1, sizeof(*found.rows));
    for (struct lag_place *place = monitor->table.places; found.rows != NULL && place != NULL;
         place = place->by_key.next) {
        if (place->has_start && place->has_end && !add_rows(monitor, metadata, place, &found))
            break;
    }
    add_groups(monitor, &found);
    metadata_unref(metadata);
    lag_report_publish(&monitor->report, &found, clock_wall_ms(monitor->config.clock));
}

void lag_monitor_leader_done(struct lag_monitor *monitor) {
    if (--monitor->outstanding > 0 || monitor->is_stopping)
        return;
    publish(monitor);
    loop_timer_arm(&monitor->timer, monitor->config.interval_ms);
}

/* ---- A look begins ---- */

static void see_group(void *context, const struct group *group) {
    struct lag_monitor *monitor = context;
    const struct group_offsets *offsets =
        group_coordinator_offsets(monitor->config.groups, group_id(group));
    struct group_offset *listed;
    size_t count;

    group_offsets_list(offsets, &listed, &count);
    for (size_t i = 0; i < count; i++) {
        if (listed[i].is_committed)
            lag_table_see(&monitor->table, group_id(group), listed[i].topic, listed[i].partition,
                          listed[i].record.offset);
    }
    free(listed);
}

static int compare(const void *left, const void *right) {
    const struct lag_place *a = *(struct lag_place *const *)left;
    const struct lag_place *b = *(struct lag_place *const *)right;
    size_t shorter = a->topic.size < b->topic.size ? a->topic.size : b->topic.size;
    int order = (a->leader > b->leader) - (a->leader < b->leader);

    if (order == 0)
        order = memcmp(a->topic.data, b->topic.data, shorter);
    if (order == 0)
        order = (a->topic.size > b->topic.size) - (a->topic.size < b->topic.size);
    return order != 0 ? order : (a->partition > b->partition) - (a->partition < b->partition);
}

static int32_t leader_of(const struct metadata *metadata, const struct lag_place *place) {
    const struct metadata_topic *topic = metadata_find_topic(metadata, place->topic);
    const struct metadata_partition *partition =
        topic == NULL ? NULL : metadata_find_partition(topic, place->partition);

    return partition == NULL ? METADATA_NO_BROKER : partition->leader;
}

/* Those with a leader, ordered by it, by topic and by number. */
static struct lag_place **places_by_leader(struct lag_monitor *monitor, size_t *count) {
    const struct metadata *metadata = metadata_cache_get(monitor->config.metadata);
    struct lag_place **places =
        calloc(HASH_CNT(by_key, monitor->table.places) + 1, sizeof(struct lag_place *));

    CHECK(places != NULL);
    *count = 0;
    for (struct lag_place *place = monitor->table.places; place != NULL;
         place = place->by_key.next) {
        place->leader = leader_of(metadata, place);
        if (place->leader >= 0)
            places[(*count)++] = place;
    }
    metadata_unref(metadata);
    if (*count > 0)
        qsort(places, *count, sizeof(struct lag_place *), compare);
    return places;
}

static void look(struct loop_timer *timer) {
    struct lag_monitor *monitor = CONTAINER_OF(timer, struct lag_monitor, timer);
    struct lag_place **places;
    size_t count;

    lag_table_begin(&monitor->table);
    group_coordinator_each(monitor->config.groups, see_group, monitor);
    lag_table_sweep(&monitor->table);
    places = places_by_leader(monitor, &count);
    monitor->outstanding = 1; /* until all are asked */
    for (size_t at = 0, end; at < count; at = end) {
        for (end = at + 1; end < count && places[end]->leader == places[at]->leader; end++)
            ;
        monitor->outstanding++;
        lag_monitor_ask(monitor, places[at]->leader, places + at, end - at);
    }
    free(places);
    lag_monitor_leader_done(monitor);
}

/* ---- Life ---- */

static void start_on_loop(void *context) {
    struct lag_monitor *monitor = context;

    loop_timer_arm(&monitor->timer, monitor->config.interval_ms);
}

static void stop_on_loop(void *context) {
    struct lag_monitor *monitor = context;

    monitor->is_stopping = true;
    loop_timer_done(&monitor->timer);
    peer_calls_free(monitor->calls);
    loss_topic_free(monitor->losses);
    lag_table_done(&monitor->table);
}

struct lag_monitor *lag_monitor_start(const struct lag_monitor_config *config) {
    struct lag_monitor *monitor = calloc(1, sizeof(*monitor));
    struct loss_topic_config losses = {
        .metadata = config->metadata,
        .broker_id = config->broker_id,
        .replication_factor = config->losses_replication_factor,
    };
    struct peer_calls_config calls = {
        .metadata = config->metadata,
        .listener = config->listener,
        .purpose = "lag",
        .broker_id = config->broker_id,
    };

    CHECK(monitor != NULL);
    monitor->config = *config;
    monitor->loop = group_coordinator_loop(config->groups);
    calls.loop = monitor->loop;
    monitor->calls = peer_calls_new(&calls);
    losses.loop = monitor->loop;
    losses.calls = monitor->calls;
    monitor->losses = loss_topic_new(&losses);
    lag_report_init(&monitor->report);
    loop_timer_init(&monitor->timer, monitor->loop, look);
    loop_call(monitor->loop, start_on_loop, monitor);
    return monitor;
}

void lag_monitor_stop(struct lag_monitor *monitor) {
    if (monitor == NULL)
        return;
    loop_call(monitor->loop, stop_on_loop, monitor);
}

void lag_monitor_free(struct lag_monitor *monitor) {
    if (monitor == NULL)
        return;
    lag_report_done(&monitor->report);
    free(monitor);
}

struct lag_report *lag_monitor_report(struct lag_monitor *monitor) {
    return &monitor->report;
}

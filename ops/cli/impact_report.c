#include "ops/cli/impact_report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "ops/cli/json.h"
#include "ops/cli/session.h"
#include "ops/cli/table.h"

static const char *const risk_names[RISK_COUNT] = {
    [RISK_NONE] = "none",
    [RISK_AT_MIN_ISR] = "at-min-isr",
    [RISK_BELOW_MIN_ISR] = "below-min-isr",
    [RISK_CANNOT_END] = "cannot-end",
    [RISK_UNCLEAN] = "unclean",
    [RISK_OFFLINE] = "offline",
};

const char *impact_risk_name(enum impact_risk risk) {
    return risk_names[risk];
}

void impact_report_free(struct impact_report *report) {
    free(report->items);
}

/* --- Gathering ---------------------------------------------------------------------------- */

static enum impact_risk risk_of(const struct impact *impact, bool cannot_end) {
    if (impact->leader < 0)
        return RISK_OFFLINE;
    if (impact->is_unclean)
        return RISK_UNCLEAN;
    if (cannot_end)
        return RISK_CANNOT_END;
    if (impact->below_min_isr)
        return RISK_BELOW_MIN_ISR;
    return impact->at_min_isr ? RISK_AT_MIN_ISR : RISK_NONE;
}

bool impact_report_add(struct impact_report *report, const char *topic,
                       const struct barnabas_partition_info *now, const struct impact *impact,
                       bool cannot_end) {
    enum impact_risk risk = risk_of(impact, cannot_end);

    if (report->count == report->capacity) {
        size_t capacity = report->capacity == 0 ? 64 : report->capacity * 2;
        struct impact_item *items = reallocarray(report->items, capacity, sizeof(*items));

        if (items == NULL)
            return false;
        report->items = items;
        report->capacity = capacity;
    }
    report->items[report->count++] = (struct impact_item){topic, now, *impact, risk};
    report->leaders_moved += impact->leader_moves && impact->leader >= 0;
    report->without_successor += impact->no_successor;
    report->risks[risk]++;
    return true;
}

static enum exit_status add_departure(struct impact_report *report, struct live_cluster *live,
                                      size_t topic_index, const struct barnabas_partition_info *now,
                                      const struct broker_list *ids,
                                      enum impact_departure departure) {
    enum replica_health *health;
    struct impact_partition partition;
    struct impact impact;
    enum exit_status status;
    bool has_replica = false;

    for (size_t r = 0; r < now->replica_count; r++)
        for (size_t i = 0; i < ids->count; i++)
            has_replica |= now->replicas[r] == ids->ids[i];
    if (!has_replica)
        return EXIT_OK; /* its topic's settings need not be asked for */
    health = calloc(now->replica_count, sizeof(*health));
    if (health == NULL)
        return session_fail("cluster", BARNABAS_OUT_OF_MEMORY);
    status = live_cluster_partition(live, topic_index, now, health, &partition);
    if (status == EXIT_OK &&
        controller_impact_of_departure(&partition, ids->ids, ids->count, departure, &impact) &&
        !impact_report_add(report, live->topics->items[topic_index].name, now, &impact, false))
        status = session_fail("cluster", BARNABAS_OUT_OF_MEMORY);
    free(health);
    return status;
}

enum exit_status impact_report_departure(struct impact_report *report, struct live_cluster *live,
                                         const struct broker_list *ids,
                                         enum impact_departure departure) {
    enum exit_status status = EXIT_OK;

    for (size_t t = 0; t < live->topics->count && status == EXIT_OK; t++)
        for (size_t p = 0; p < live->topics->items[t].partition_count && status == EXIT_OK; p++)
            status = add_departure(report, live, t, &live->topics->items[t].partitions[p], ids,
                                   departure);
    return status;
}

/* --- Judging ------------------------------------------------------------------------------ */

enum impact_risk impact_report_worst(const struct impact_report *report) {
    enum impact_risk worst = RISK_NONE;

    for (int risk = RISK_NONE; risk < RISK_COUNT; risk++)
        if (report->risks[risk] > 0)
            worst = (enum impact_risk)risk;
    return worst;
}

bool impact_report_is_harmful(const struct impact_report *report) {
    return impact_report_worst(report) >= RISK_BELOW_MIN_ISR;
}

enum exit_status impact_report_confirm(const struct invocation *invocation,
                                       const struct impact_report *report, const char *question) {
    return session_confirm(
        invocation, question,
        impact_report_is_harmful(report) ? impact_risk_name(impact_report_worst(report)) : NULL);
}

/* --- Showing ------------------------------------------------------------------------------ */

static void print_rows(const struct impact_report *report) {
    struct table *table = table_new("RISK PARTITION LEADER# THEN# IN-SYNC# THEN# MIN#");

    for (size_t i = 0; table != NULL && i < report->count; i++) {
        const struct impact_item *item = &report->items[i];
        char where[300];

        if (item->risk < RISK_BELOW_MIN_ISR)
            continue;
        snprintf(where, sizeof(where), "%s:%" PRId32, item->topic, item->now->partition);
        table_text(table, risk_names[item->risk]);
        table_text(table, where);
        table_number(table, item->now->leader);
        table_number(table, item->impact.leader);
        table_number(table, item->impact.in_sync_now);
        table_number(table, item->impact.in_sync);
        table_number(table, item->impact.min_isr);
    }
    if (table != NULL)
        table_print(table, stdout);
    table_free(table);
    printf("\n");
}

void impact_report_print(const struct impact_report *report, const char *what) {
    if (impact_report_is_harmful(report))
        print_rows(report);
    printf("%s: %zu partitions have a replica there, %zu change their leader\n", what,
           report->count, report->leaders_moved);
    if (report->risks[RISK_OFFLINE] > 0)
        printf("%zu would have no leader: neither written nor read\n", report->risks[RISK_OFFLINE]);
    if (report->risks[RISK_UNCLEAN] > 0)
        printf("%zu would be led by a replica that is not in sync: records may be lost\n",
               report->risks[RISK_UNCLEAN]);
    if (report->risks[RISK_CANNOT_END] > 0)
        printf("%zu would wait for a broker that is not there\n", report->risks[RISK_CANNOT_END]);
    if (report->risks[RISK_BELOW_MIN_ISR] > 0)
        printf("%zu would be below min.insync.replicas: acks=all is refused\n",
               report->risks[RISK_BELOW_MIN_ISR]);
    if (report->risks[RISK_AT_MIN_ISR] > 0)
        printf("%zu would be at min.insync.replicas: the next failure stops acks=all\n",
               report->risks[RISK_AT_MIN_ISR]);
    if (report->count > 0 && impact_report_worst(report) == RISK_NONE)
        printf("nobody would notice\n");
}

void impact_report_json(const struct impact_report *report, json_t *document) {
    json_t *items = json_array();
    json_t *counts = json_object();

    for (int risk = RISK_AT_MIN_ISR; risk < RISK_COUNT; risk++)
        json_object_set_new(counts, risk_names[risk],
                            json_integer((json_int_t)report->risks[risk]));
    for (size_t i = 0; i < report->count; i++) {
        const struct impact_item *item = &report->items[i];

        if (item->risk == RISK_NONE)
            continue;
        json_array_append_new(
            items, json_pack("{s:s, s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:b}", "risk",
                             risk_names[item->risk], "topic", item->topic, "partitionIndex",
                             item->now->partition, "leaderId", item->now->leader, "leaderIdThen",
                             item->impact.leader, "inSync", item->impact.in_sync_now, "inSyncThen",
                             item->impact.in_sync, "minInSyncReplicas", item->impact.min_isr,
                             "noSuccessor", (int)item->impact.no_successor));
    }
    json_object_set_new(document, "harmful", json_boolean(impact_report_is_harmful(report)));
    json_object_set_new(document, "partitions", json_integer((json_int_t)report->count));
    json_object_set_new(document, "leadersMoved", json_integer((json_int_t)report->leaders_moved));
    json_object_set_new(document, "withoutSuccessor",
                        json_integer((json_int_t)report->without_successor));
    json_object_set_new(document, "counts", counts);
    json_object_set_new(document, "items", items);
}

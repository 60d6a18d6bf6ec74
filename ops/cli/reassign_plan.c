#include "ops/cli/reassign_plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ops/cli/json.h"
#include "ops/cli/placement.h"
#include "ops/cli/report.h"
#include "ops/cli/session.h"

#define TEXT_SIZE 512

/* --- The brokers, and what lies on them --------------------------------------------------- */

static void count_replicas(const struct barnabas_topics *topics, struct placement_broker *brokers,
                           size_t count) {
    for (size_t t = 0; t < topics->count; t++)
        for (size_t p = 0; p < topics->items[t].partition_count; p++) {
            const struct barnabas_partition_info *partition = &topics->items[t].partitions[p];
            for (size_t r = 0; r < partition->replica_count; r++)
                for (size_t b = 0; b < count; b++)
                    brokers[b].replica_count += brokers[b].id == partition->replicas[r];
        }
}

static struct placement_broker *make_brokers(const struct reassign_plan *plan,
                                             const struct broker_list *leave) {
    size_t count = plan->cluster->broker_count;
    struct placement_broker *brokers = calloc(count + 1, sizeof(*brokers));

    for (size_t b = 0; brokers != NULL && b < count; b++) {
        brokers[b].id = plan->cluster->brokers[b].id;
        brokers[b].rack = plan->cluster->brokers[b].rack;
        for (size_t i = 0; leave != NULL && i < leave->count; i++)
            brokers[b].leaves = brokers[b].leaves || leave->ids[i] == brokers[b].id;
    }
    if (brokers != NULL)
        count_replicas(plan->topics, brokers, count);
    return brokers;
}

/* --- Rows --------------------------------------------------------------------------------- */

static bool is_same(const struct barnabas_partition_info *now, const int32_t *ids, size_t count) {
    return now->replica_count == count && memcmp(now->replicas, ids, count * sizeof(*ids)) == 0;
}

/* The next row's replicas; their number, or 0 if there are too few brokers. */
static size_t choose(const struct reassign_plan *plan, const struct reassign_wish *wish,
                     const struct reassign_file_row *row, const struct barnabas_partition_info *now,
                     struct placement_broker *brokers) {
    int32_t *ids = plan->rows[plan->count].ids;
    size_t wanted = wish->replication_factor > 0 ? wish->replication_factor : now->replica_count;

    if (row != NULL) {
        memcpy(ids, row->replicas.ids, row->replicas.count * sizeof(*ids));
        return row->replicas.count;
    }
    if (wish->to != NULL) {
        bool alone = wish->name->partition != PARTITION_ALL;
        broker_list_rotate(wish->to, alone ? 0 : (size_t)now->partition, ids);
        return wish->to->count;
    }
    if (now->replica_count > BROKER_LIST_MAX || wanted > BROKER_LIST_MAX)
        return 0;
    return placement_fit(brokers, plan->cluster->broker_count, now->replicas, now->replica_count,
                         wanted, ids)
               ? wanted
               : 0;
}

static enum exit_status add_row(struct reassign_plan *plan, const struct reassign_wish *wish,
                                const struct barnabas_topic_info *topic,
                                const struct barnabas_partition_info *now,
                                struct placement_broker *brokers) {
    struct reassign_row *row = &plan->rows[plan->count];
    struct barnabas_new_replicas *wanted = &plan->wanted[plan->count];
    const struct reassign_file_row *named = NULL;

    if (wish->file != NULL &&
        (named = reassign_file_find(wish->file, topic->name, now->partition)) == NULL)
        return EXIT_OK;
    if (wish->name != NULL && wish->name->partition != PARTITION_ALL &&
        wish->name->partition != now->partition)
        return EXIT_OK;
    *wanted = (struct barnabas_new_replicas){topic->name, now->partition, NULL, 0};
    if (!wish->cancels) {
        wanted->replicas = row->ids;
        wanted->replica_count = choose(plan, wish, named, now, brokers);
        if (wanted->replica_count == 0) {
            fprintf(stderr,
                    "barnabas: partition reassign: there are too few brokers for %s:%" PRId32 "\n",
                    topic->name, now->partition);
            return EXIT_REFUSED;
        }
        if (!wish->keeps_same && is_same(now, row->ids, wanted->replica_count))
            return EXIT_OK;
    }
    row->now = now;
    plan->count++;
    return EXIT_OK;
}

static enum exit_status fill(struct reassign_plan *plan, const struct reassign_wish *wish) {
    struct placement_broker *brokers = make_brokers(plan, wish->leave);
    enum exit_status status = EXIT_OK;
    size_t room = 1;

    for (size_t t = 0; t < plan->topics->count; t++)
        room += plan->topics->items[t].partition_count;
    plan->wanted = calloc(room, sizeof(*plan->wanted));
    plan->rows = calloc(room, sizeof(*plan->rows));
    if (brokers == NULL || plan->wanted == NULL || plan->rows == NULL)
        status = session_fail("partition reassign", BARNABAS_OUT_OF_MEMORY);
    for (size_t t = 0; t < plan->topics->count && status == EXIT_OK; t++) {
        const struct barnabas_topic_info *topic = &plan->topics->items[t];
        if (wish->name != NULL && strcmp(topic->name, wish->name->topic) != 0)
            continue;
        for (size_t p = 0; p < topic->partition_count && status == EXIT_OK; p++)
            status = add_row(plan, wish, topic, &topic->partitions[p], brokers);
    }
    free(brokers);
    return status;
}

/* Whether what was named is there. */
static int find_named(const struct reassign_plan *plan, const struct partition_name *name) {
    for (size_t t = 0; t < plan->topics->count; t++) {
        const struct barnabas_topic_info *topic = &plan->topics->items[t];
        if (strcmp(topic->name, name->topic) != 0)
            continue;
        if (topic->error != BARNABAS_OK)
            return topic->error;
        if (name->partition == PARTITION_ALL || (size_t)name->partition < topic->partition_count)
            return BARNABAS_OK;
    }
    return BARNABAS_UNKNOWN_TOPIC_OR_PARTITION;
}

enum exit_status reassign_plan_make(struct barnabas_admin *admin, const struct reassign_wish *wish,
                                    int64_t timeout_ms, struct reassign_plan *plan) {
    /* All topics: how much lies on a broker counts. */
    int error = barnabas_admin_describe_topics(admin, NULL, 0, timeout_ms, &plan->topics);

    if (error == BARNABAS_OK)
        error = barnabas_admin_describe_cluster(admin, timeout_ms, &plan->cluster);
    if (error == BARNABAS_OK && wish->name != NULL)
        error = find_named(plan, wish->name);
    for (size_t i = 0; error == BARNABAS_OK && wish->file != NULL && i < wish->file->count; i++) {
        struct partition_name name = {.partition = wish->file->rows[i].partition};
        memcpy(name.topic, wish->file->rows[i].topic, sizeof(name.topic));
        if ((error = find_named(plan, &name)) != BARNABAS_OK)
            return session_fail(name.topic, error);
    }
    if (error != BARNABAS_OK)
        return session_fail(wish->name != NULL ? wish->name->topic : "partition reassign", error);
    return fill(plan, wish);
}

json_t *reassign_row_json(const struct barnabas_new_replicas *wanted,
                          const struct barnabas_partition_info *now) {
    return json_pack(
        "{s:s, s:i, s:o, s:o}", "topic", wanted->topic, "partitionIndex", wanted->partition,
        "replicaNodes", json_numbers(now->replicas, now->replica_count), "replicaNodesThen",
        wanted->replicas == NULL ? json_null()
                                 : json_numbers(wanted->replicas, wanted->replica_count));
}

void reassign_plan_print(const struct reassign_plan *plan) {
    for (size_t i = 0; i < plan->count; i++) {
        const struct barnabas_new_replicas *wanted = &plan->wanted[i];
        const struct barnabas_partition_info *now = plan->rows[i].now;
        char from[TEXT_SIZE], to[TEXT_SIZE];

        report_tell(
            reassign_row_json(wanted, now), "%s:%" PRId32 " %s -> %s", wanted->topic,
            wanted->partition,
            broker_list_text(now->replicas, now->replica_count, from, sizeof(from)),
            wanted->replicas == NULL
                ? "as it was before"
                : broker_list_text(wanted->replicas, wanted->replica_count, to, sizeof(to)));
    }
}

void reassign_plan_free(struct reassign_plan *plan) {
    barnabas_topics_free(plan->topics);
    barnabas_cluster_free(plan->cluster);
    free(plan->wanted);
    free(plan->rows);
}

#include "ops/cli/reassign_impact.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ops/cli/json.h"
#include "ops/cli/session.h"

static bool is_live(const void *context, int32_t broker_id) {
    return live_cluster_has_broker(context, broker_id);
}

static void count_copies(struct reassign_impact *impact, const struct impact_move *move,
                         int64_t size) {
    for (size_t a = 0; a < move->adding_count; a++) {
        impact->copied_sum += size;
        for (size_t b = 0; b < impact->live.brokers->broker_count; b++)
            if (impact->live.brokers->brokers[b].id == move->adding[a])
                impact->copied[b] += size;
    }
}

/* The partition in the live cluster; NULL if it went since the plan was made. */
static const struct barnabas_partition_info *find_live(const struct live_cluster *live,
                                                       const struct barnabas_new_replicas *wanted,
                                                       size_t *topic_index) {
    for (size_t t = 0; t < live->topics->count; t++) {
        const struct barnabas_topic_info *topic = &live->topics->items[t];

        if (strcmp(topic->name, wanted->topic) != 0)
            continue;
        *topic_index = t;
        return (size_t)wanted->partition < topic->partition_count
                   ? &topic->partitions[wanted->partition]
                   : NULL;
    }
    return NULL;
}

static enum exit_status add_move(struct reassign_impact *impact,
                                 const struct barnabas_new_replicas *wanted) {
    int32_t adding[BROKER_LIST_MAX];
    struct impact_move move = {.adding = adding};
    const struct barnabas_partition_info *now;
    struct impact_partition partition;
    enum replica_health *health;
    enum exit_status status;
    size_t topic_index;

    now = find_live(&impact->live, wanted, &topic_index);
    if (now == NULL)
        return session_fail(wanted->topic, BARNABAS_UNKNOWN_TOPIC_OR_PARTITION);
    health = calloc(now->replica_count + 1, sizeof(*health));
    if (health == NULL)
        return session_fail("partition reassign", BARNABAS_OUT_OF_MEMORY);
    status = live_cluster_partition(&impact->live, topic_index, now, health, &partition);
    if (status == EXIT_OK) {
        controller_impact_of_move(&partition, wanted->replicas, wanted->replica_count, is_live,
                                  &impact->live, &move);
        count_copies(impact, &move,
                     log_sizes_largest(&impact->sizes, wanted->topic, wanted->partition));
        if (!impact_report_add(&impact->report, wanted->topic, now, &move.then, move.cannot_end))
            status = session_fail("partition reassign", BARNABAS_OUT_OF_MEMORY);
    }
    free(health);
    return status;
}

enum exit_status reassign_impact_read(struct barnabas_admin *admin,
                                      const struct reassign_plan *plan, int64_t timeout_ms,
                                      struct reassign_impact *impact) {
    enum exit_status status;

    *impact = (struct reassign_impact){0};
    status = live_cluster_open(admin, NULL, timeout_ms, &impact->live);
    if (status == EXIT_OK)
        status = log_sizes_read(admin, impact->live.brokers, timeout_ms, &impact->sizes);
    if (status != EXIT_OK)
        return status;
    impact->copied = calloc(impact->live.brokers->broker_count + 1, sizeof(*impact->copied));
    if (impact->copied == NULL)
        return session_fail("partition reassign", BARNABAS_OUT_OF_MEMORY);
    for (size_t i = 0; i < plan->count && status == EXIT_OK; i++)
        if (plan->wanted[i].replicas != NULL)
            status = add_move(impact, &plan->wanted[i]);
    return status;
}

void reassign_impact_print(const struct reassign_impact *impact) {
    char size[32];

    if (impact->report.count == 0)
        return;
    printf("\n");
    for (size_t b = 0; b < impact->live.brokers->broker_count; b++)
        if (impact->copied[b] > 0)
            printf("broker %" PRId32 " copies %s\n", impact->live.brokers->brokers[b].id,
                   log_size_text(impact->copied[b], size, sizeof(size)));
    printf("to copy: %s\n", log_size_text(impact->copied_sum, size, sizeof(size)));
    impact_report_print(&impact->report, "reassigned");
}

enum exit_status reassign_impact_json(const struct reassign_impact *impact,
                                      const struct reassign_plan *plan) {
    json_t *document = json_document("Reassignment");
    json_t *moves = json_array();
    json_t *copies = json_array();

    for (size_t i = 0; i < plan->count; i++)
        json_array_append_new(moves, reassign_row_json(&plan->wanted[i], plan->rows[i].now));
    for (size_t b = 0; b < impact->live.brokers->broker_count; b++)
        json_array_append_new(copies, json_pack("{s:i, s:I}", "brokerId",
                                                impact->live.brokers->brokers[b].id, "bytes",
                                                (json_int_t)impact->copied[b]));
    json_object_set_new(document, "moves", moves);
    json_object_set_new(document, "bytesToCopy", json_integer(impact->copied_sum));
    json_object_set_new(document, "bytesByBroker", copies);
    impact_report_json(&impact->report, document);
    return json_finish(document);
}

void reassign_impact_free(struct reassign_impact *impact) {
    impact_report_free(&impact->report);
    log_sizes_free(&impact->sizes);
    live_cluster_close(&impact->live);
    free(impact->copied);
}

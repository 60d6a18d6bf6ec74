/*
 * cluster health: what is not as it should be, where, and what to do about it.
 *
 *   no-controller      nobody decides who leads
 *   offline            a partition has no leader: it can be neither written nor read
 *   under-replicated   a replica is not in sync: one failure less can be borne
 *   broker-missing     replicas lie on a broker that is not there
 *   unbalanced         another replica than the preferred one leads, though that is in sync
 *
 * The first four are unhealthy, and the status says so; the last is a notice.
 */
#include <stdlib.h>
#include <string.h>

#include "ops/cli/command_table.h"
#include "ops/cli/json.h"
#include "ops/cli/session.h"
#include "ops/cli/table.h"

struct report {
    struct table *table; /* NULL: JSON */
    json_t *items;
    size_t found;
    bool unhealthy;
};

static void report_add(struct report *report, bool notice, const char *what, const char *where,
                       const char *details, const char *advice) {
    report->found++;
    report->unhealthy |= !notice;
    json_array_append_new(report->items,
                          json_pack("{s:s, s:s, s:s, s:s, s:s}", "severity",
                                    notice ? "notice" : "unhealthy", "what", what, "where", where,
                                    "details", details, "advice", advice));
    if (report->table == NULL)
        return;
    table_text(report->table, notice ? "notice" : "unhealthy");
    table_text(report->table, what);
    table_text(report->table, where);
    table_text(report->table, details);
    table_text(report->table, advice);
}

static bool contains(const int32_t *numbers, size_t count, int32_t number) {
    for (size_t i = 0; i < count; i++)
        if (numbers[i] == number)
            return true;
    return false;
}

static bool is_live(const struct barnabas_cluster *cluster, int32_t broker_id) {
    for (size_t i = 0; i < cluster->broker_count; i++)
        if (cluster->brokers[i].id == broker_id)
            return true;
    return false;
}

/* "1,2" of those replicas that are not in sync. */
static void out_of_sync(const struct barnabas_partition_info *partition, char *text, size_t size) {
    size_t used = 0;

    text[0] = '\0';
    for (size_t i = 0; i < partition->replica_count && used < size; i++)
        if (!contains(partition->isr, partition->isr_count, partition->replicas[i]))
            used += (size_t)snprintf(text + used, size - used, "%s%d", used == 0 ? "" : ",",
                                     partition->replicas[i]);
}

static void judge_partition(struct report *report, const char *topic,
                            const struct barnabas_partition_info *partition) {
    char where[300];
    char details[300];
    char missing[200];

    snprintf(where, sizeof(where), "%s:%d", topic, partition->partition);
    out_of_sync(partition, missing, sizeof(missing));
    if (partition->leader < 0) {
        snprintf(details, sizeof(details), "in sync was %d",
                 partition->isr_count > 0 ? partition->isr[0] : -1);
        report_add(report, false, "offline", where, details,
                   "start a broker that was in sync; leader elect --unclean loses records");
        return;
    }
    if (partition->isr_count < partition->replica_count) {
        snprintf(details, sizeof(details), "not in sync: %s", missing);
        report_add(report, false, "under-replicated", where, details,
                   "see whether these brokers run, and their logs");
    } else if (partition->replica_count > 0 && partition->leader != partition->replicas[0]) {
        snprintf(details, sizeof(details), "led by %d instead of %d", partition->leader,
                 partition->replicas[0]);
        report_add(report, true, "unbalanced", where, details, "leader elect");
    }
}

/* Brokers that hold replicas and are not there, each once. */
static void judge_brokers(struct report *report, const struct barnabas_cluster *cluster,
                          const struct barnabas_topics *topics) {
    int32_t *told = NULL;
    size_t told_count = 0;

    for (size_t i = 0; i < topics->count; i++)
        for (size_t j = 0; j < topics->items[i].partition_count; j++) {
            const struct barnabas_partition_info *p = &topics->items[i].partitions[j];

            for (size_t k = 0; k < p->replica_count; k++) {
                int32_t *more;
                char where[32];

                if (is_live(cluster, p->replicas[k]) || contains(told, told_count, p->replicas[k]))
                    continue;
                more = reallocarray(told, told_count + 1, sizeof(*told));
                if (more == NULL)
                    break;
                told = more;
                told[told_count++] = p->replicas[k];
                snprintf(where, sizeof(where), "broker %d", p->replicas[k]);
                report_add(report, false, "broker-missing", where, "holds replicas",
                           "start it, or move them: partition reassign --remove");
            }
        }
    free(told);
}

static void judge(struct report *report, const struct barnabas_cluster *cluster,
                  const struct barnabas_topics *topics) {
    if (cluster->controller_id < 0)
        report_add(report, false, "no-controller", "cluster", "nobody decides who leads",
                   "see whether ZooKeeper answers, and the brokers' logs");
    judge_brokers(report, cluster, topics);
    for (size_t i = 0; i < topics->count; i++)
        for (size_t j = 0; j < topics->items[i].partition_count; j++)
            judge_partition(report, topics->items[i].name, &topics->items[i].partitions[j]);
}

static enum exit_status finish(struct report *report, const struct barnabas_cluster *cluster,
                               const struct barnabas_topics *topics) {
    enum exit_status status = report->unhealthy ? EXIT_UNHEALTHY : EXIT_OK;
    json_t *document;

    if (report->table == NULL) {
        document = json_document("ClusterHealth");
        json_object_set_new(document, "healthy", json_boolean(!report->unhealthy));
        json_object_set(document, "items", report->items);
        return json_finish(document) == EXIT_OK ? status : EXIT_FAILED;
    }
    if (report->found > 0) {
        table_print(report->table, stdout);
        printf("\n");
    }
    printf("%s: %zu brokers, %zu topics, %zu findings\n",
           report->unhealthy ? "unhealthy" : "healthy", cluster->broker_count, topics->count,
           report->found);
    return status;
}

static enum exit_status run_health(const struct invocation *invocation) {
    struct report report = {.items = json_array()};
    struct barnabas_cluster *cluster = NULL;
    struct barnabas_topics *topics = NULL;
    struct barnabas_admin *admin = NULL;
    enum exit_status status;
    int64_t timeout_ms;
    bool json;
    int error;

    if (!session_json(invocation, &json))
        return EXIT_USAGE;
    if ((status = session_admin(invocation, &admin, &timeout_ms)) != EXIT_OK)
        return status;
    if (!json)
        report.table = table_new("SEVERITY WHAT WHERE DETAILS ADVICE");
    error = barnabas_admin_describe_cluster(admin, timeout_ms, &cluster);
    if (error == BARNABAS_OK)
        error = barnabas_admin_describe_topics(admin, NULL, 0, timeout_ms, &topics);
    if (error == BARNABAS_OK) {
        judge(&report, cluster, topics);
        status = finish(&report, cluster, topics);
    } else {
        status = session_fail("cluster", error);
    }
    barnabas_topics_free(topics);
    barnabas_cluster_free(cluster);
    barnabas_admin_close(admin);
    table_free(report.table);
    json_decref(report.items);
    return status;
}

const struct command command_cluster_health = {
    .group = "cluster",
    .verb = "health",
    .operands = "",
    .meaning = "what is not as it should be, where, and what to do",
    .details = "\nThe status is 7 if something is unhealthy; notices leave it 0.\n",
    .run = run_health,
};

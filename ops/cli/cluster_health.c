/*
 * cluster health: what is not as it should be, where, since when, and what to do about it.
 *
 *   no-controller      nobody decides who leads
 *   offline            a partition has no leader: it can be neither written nor read
 *   under-replicated   a replica is not in sync: one failure less can be borne
 *   broker-missing     replicas lie on a broker that is not there
 *   unbalanced         another replica than the preferred one leads, though that is in sync
 *
 *
 * and groups, see health_groups.h. Unbalanced partitions and groups that merely lag are notices,
 * all else is unhealthy, and the status says so.
 */
#include <stdlib.h>
#include <string.h>

#include "ops/cli/colour.h"
#include "ops/cli/command_table.h"
#include "ops/cli/health_groups.h"
#include "ops/cli/health_report.h"
#include "ops/cli/health_since.h"
#include "ops/cli/json.h"
#include "ops/cli/lag_rows.h"
#include "ops/cli/session.h"
#include "ops/cli/table.h"

#define LAG_SECONDS_MAX 300

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

static void judge_partition(struct health_report *report, const struct health_since *since,
                            const char *topic, const struct barnabas_partition_info *partition) {
    struct health_finding finding = {.details = "", .advice = ""};
    char where[300];
    char details[300];
    char missing[200];

    snprintf(where, sizeof(where), "%s:%d", topic, partition->partition);
    out_of_sync(partition, missing, sizeof(missing));
    finding.where = where;
    finding.details = details;
    finding.since_ms = health_since_partition(since, where);
    if (partition->leader < 0) {
        snprintf(details, sizeof(details), "in sync was %d",
                 partition->isr_count > 0 ? partition->isr[0] : -1);
        finding.what = "offline";
        finding.advice = "start a broker that was in sync; leader elect --unclean loses records";
    } else if (partition->isr_count < partition->replica_count) {
        snprintf(details, sizeof(details), "not in sync: %s", missing);
        finding.what = "under-replicated";
        finding.advice = "see whether these brokers run, and their logs";
    } else if (partition->replica_count > 0 && partition->leader != partition->replicas[0]) {
        snprintf(details, sizeof(details), "led by %d instead of %d", partition->leader,
                 partition->replicas[0]);
        finding.what = "unbalanced";
        finding.advice = "leader elect";
        finding.is_notice = true;
    } else {
        return;
    }
    health_report_add(report, &finding);
}

/* Brokers that hold replicas and are not there, each once. */
static void judge_brokers(struct health_report *report, const struct health_since *since,
                          const struct barnabas_cluster *cluster,
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
                health_report_add(report,
                                  &(struct health_finding){
                                      false, "broker-missing", where,
                                      health_since_broker(since, p->replicas[k]), "holds replicas",
                                      "start it, or move them: partition reassign --remove"});
            }
        }
    free(told);
}

static void judge(struct health_report *report, const struct health_since *since,
                  const struct barnabas_cluster *cluster, const struct barnabas_topics *topics) {
    if (cluster->controller_id < 0)
        health_report_add(report,
                          &(struct health_finding){
                              false, "no-controller", "cluster", 0, "nobody decides who leads",
                              "see whether ZooKeeper answers, and the brokers' logs"});
    judge_brokers(report, since, cluster, topics);
    for (size_t i = 0; i < topics->count; i++)
        for (size_t j = 0; j < topics->items[i].partition_count; j++)
            judge_partition(report, since, topics->items[i].name, &topics->items[i].partitions[j]);
}

static enum exit_status finish(struct health_report *report, const struct barnabas_cluster *cluster,
                               const struct barnabas_topics *topics) {
    enum exit_status status = report->is_unhealthy ? EXIT_UNHEALTHY : EXIT_OK;
    json_t *document;

    if (report->table == NULL) {
        document = json_document("ClusterHealth");
        json_object_set_new(document, "healthy", json_boolean(!report->is_unhealthy));
        json_object_set(document, "items", report->items);
        return json_finish(document) == EXIT_OK ? status : EXIT_FAILED;
    }
    if (report->count > 0) {
        table_print(report->table, stdout);
        printf("\n");
    }
    colour_print(stdout, report->is_unhealthy ? COLOUR_RED : COLOUR_GREEN,
                 report->is_unhealthy ? "unhealthy" : "healthy");
    printf(": %zu brokers, %zu topics, %zu findings\n", cluster->broker_count, topics->count,
           report->count);
    return status;
}

static enum exit_status examine(const struct invocation *invocation, struct barnabas_admin *admin,
                                struct barnabas_config *config, int64_t timeout_ms, bool json) {
    struct barnabas_cluster *cluster = NULL;
    struct barnabas_topics *topics = NULL;
    struct health_since since;
    struct health_report report;
    enum exit_status status;
    int64_t lag_seconds_max;
    int error;

    if (!invocation_number(invocation, "lag", 0, INT32_MAX, LAG_SECONDS_MAX, &lag_seconds_max))
        return EXIT_USAGE;
    health_report_init(&report, json);
    error = barnabas_admin_describe_cluster(admin, timeout_ms, &cluster);
    if (error == BARNABAS_OK)
        error = barnabas_admin_describe_topics(admin, NULL, 0, timeout_ms, &topics);
    if (error == BARNABAS_OK) {
        health_since_read(&since, admin, cluster, timeout_ms);
        judge(&report, &since, cluster, topics);
        health_since_done(&since);
        error = health_groups_judge(&report, admin, config, lag_seconds_max, timeout_ms);
    }
    status =
        error == BARNABAS_OK ? finish(&report, cluster, topics) : session_fail("cluster", error);
    barnabas_topics_free(topics);
    barnabas_cluster_free(cluster);
    health_report_done(&report);
    return status;
}

static enum exit_status run_health(const struct invocation *invocation) {
    struct barnabas_config *config;
    struct barnabas_admin *admin = NULL;
    enum exit_status status = EXIT_USAGE;
    int64_t timeout_ms;
    bool json;

    if (!session_json(invocation, &json) || (config = session_config(invocation)) == NULL)
        return EXIT_USAGE;
    if (lag_rows_prepare(invocation, config) &&
        (status = session_admin(invocation, &admin, &timeout_ms)) == EXIT_OK)
        status = examine(invocation, admin, config, timeout_ms, json);
    barnabas_admin_close(admin);
    barnabas_config_free(config);
    return status;
}

static const struct flag health_flags[] = {
    {0, "lag", "SECONDS", "how old a group's first unread record may be (300)"},
};

const struct command command_cluster_health = {
    .group = "cluster",
    .verb = "health",
    .operands = "",
    .meaning = "what is not as it should be, where, since when, and what to do",
    .details = "\nThe status is 7 if something is unhealthy; notices leave it 0. SINCE is known of "
               "partitions if\na broker's barnabas.admin.listener can be reached from here.\n",
    .flags = health_flags,
    .flag_count = sizeof(health_flags) / sizeof(health_flags[0]),
    .run = run_health,
};

/* whatif: what would become of the partitions if brokers went */
#include <stdio.h>

#include "ops/cli/command_table.h"
#include "ops/cli/impact_report.h"
#include "ops/cli/json.h"
#include "ops/cli/session.h"

static const struct flag whatif_flags[] = {
    {0, "kill", "ID,...", "these brokers die at the same moment"},
    {0, "stop", "ID,...", "these brokers are stopped in a controlled way, at the same time"},
};

static enum exit_status show(const struct impact_report *report, const struct broker_list *ids,
                             enum impact_departure departure, bool json) {
    enum exit_status status = impact_report_is_harmful(report) ? EXIT_UNHEALTHY : EXIT_OK;
    char what[600], text[512];
    json_t *document;

    if (json) {
        document = json_document("Impact");
        json_object_set_new(document, "operation",
                            json_string(departure == IMPACT_KILLED ? "kill" : "stop"));
        json_object_set_new(document, "brokers", json_numbers(ids->ids, ids->count));
        impact_report_json(report, document);
        return json_finish(document) == EXIT_OK ? status : EXIT_FAILED;
    }
    snprintf(what, sizeof(what), "broker%s %s %s", ids->count == 1 ? "" : "s",
             broker_list_text(ids->ids, ids->count, text, sizeof(text)),
             departure == IMPACT_KILLED ? "killed" : "stopped");
    impact_report_print(report, what);
    return status;
}

static void tell_missing(const struct live_cluster *live, const struct broker_list *ids) {
    for (size_t i = 0; i < ids->count; i++)
        if (!live_cluster_has_broker(live, ids->ids[i]))
            fprintf(stderr, "barnabas: whatif: there is no broker %d now\n", ids->ids[i]);
}

static enum exit_status run_whatif(const struct invocation *invocation) {
    const char *kill = invocation_value(invocation, "kill", NULL);
    const char *stop = invocation_value(invocation, "stop", NULL);
    enum impact_departure departure = kill != NULL ? IMPACT_KILLED : IMPACT_STOPPED;
    struct impact_report report = {0};
    struct live_cluster live;
    struct barnabas_admin *admin;
    struct broker_list ids;
    enum exit_status status;
    int64_t timeout_ms;
    bool json;

    if ((kill == NULL) == (stop == NULL) || !broker_list_parse(kill != NULL ? kill : stop, &ids)) {
        fprintf(stderr, "barnabas: whatif: needs --kill or --stop with brokers: 1,2\n");
        return EXIT_USAGE;
    }
    if (!session_json(invocation, &json))
        return EXIT_USAGE;
    if ((status = session_admin(invocation, &admin, &timeout_ms)) != EXIT_OK)
        return status;
    status = live_cluster_open(admin, NULL, timeout_ms, &live);
    if (status == EXIT_OK) {
        tell_missing(&live, &ids);
        status = impact_report_departure(&report, &live, &ids, departure);
    }
    if (status == EXIT_OK)
        status = show(&report, &ids, departure, json);
    impact_report_free(&report);
    live_cluster_close(&live);
    barnabas_admin_close(admin);
    return status;
}

const struct command command_whatif = {
    .group = "whatif",
    .operands = "",
    .meaning = "what would become of the partitions if brokers went",
    .details =
        "Nothing is changed. The answer is made by the functions with which the controller elects\n"
        "leaders, from what the cluster says of itself now. The status is 7 if a partition would\n"
        "be without a leader, below min.insync.replicas, or led by a replica that is not in sync.\n"
        "\n"
        "  barnabas whatif --kill 1,2\n"
        "  barnabas whatif --stop 3 --output json\n",
    .flags = whatif_flags,
    .flag_count = sizeof(whatif_flags) / sizeof(whatif_flags[0]),
    .run = run_whatif,
};

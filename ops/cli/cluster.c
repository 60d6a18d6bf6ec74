/* cluster describe, broker list */
#include <inttypes.h>

#include "ops/cli/command_table.h"
#include "ops/cli/json.h"
#include "ops/cli/session.h"
#include "ops/cli/table.h"

static json_t *brokers_json(const struct barnabas_cluster *cluster) {
    json_t *items = json_array();

    for (size_t i = 0; i < cluster->broker_count; i++) {
        const struct barnabas_broker *broker = &cluster->brokers[i];

        json_array_append_new(items,
                              json_pack("{s:i, s:s, s:i, s:s, s:b}", "brokerId", broker->id, "host",
                                        broker->host, "port", broker->port, "rack", broker->rack,
                                        "isController", broker->id == cluster->controller_id));
    }
    return items;
}

static enum exit_status brokers_print(const struct barnabas_cluster *cluster) {
    struct table *table = table_new("BROKER# HOST PORT# RACK CONTROLLER");

    if (table == NULL)
        return EXIT_FAILED;
    for (size_t i = 0; i < cluster->broker_count; i++) {
        const struct barnabas_broker *broker = &cluster->brokers[i];

        table_number(table, broker->id);
        table_text(table, broker->host);
        table_number(table, broker->port);
        table_text(table, broker->rack[0] == '\0' ? "-" : broker->rack);
        table_text(table, broker->id == cluster->controller_id ? "yes" : "no");
    }
    table_print(table, stdout);
    table_free(table);
    return EXIT_OK;
}

static enum exit_status print_list(const struct barnabas_cluster *cluster, bool json) {
    json_t *document;

    if (!json)
        return brokers_print(cluster);
    document = json_document("BrokerList");
    json_object_set_new(document, "items", brokers_json(cluster));
    return json_finish(document);
}

static enum exit_status print_cluster(const struct barnabas_cluster *cluster, bool json) {
    json_t *document;

    if (!json) {
        printf("cluster     %s\ncontroller  %" PRId32 "\n\n",
               cluster->id[0] == '\0' ? "-" : cluster->id, cluster->controller_id);
        return brokers_print(cluster);
    }
    document = json_document("Cluster");
    json_object_set_new(document, "clusterId", json_string(cluster->id));
    json_object_set_new(document, "controllerId", json_integer(cluster->controller_id));
    json_object_set_new(document, "brokers", brokers_json(cluster));
    return json_finish(document);
}

static enum exit_status show(const struct invocation *invocation,
                             enum exit_status (*print)(const struct barnabas_cluster *cluster,
                                                       bool json)) {
    struct barnabas_cluster *cluster = NULL;
    struct barnabas_admin *admin;
    enum exit_status status;
    int64_t timeout_ms;
    bool json;
    int error;

    if (!session_json(invocation, &json))
        return EXIT_USAGE;
    if ((status = session_admin(invocation, &admin, &timeout_ms)) != EXIT_OK)
        return status;
    error = barnabas_admin_describe_cluster(admin, timeout_ms, &cluster);
    status = error == BARNABAS_OK ? print(cluster, json) : session_fail("cluster", error);
    barnabas_cluster_free(cluster);
    barnabas_admin_close(admin);
    return status;
}

static enum exit_status run_describe(const struct invocation *invocation) {
    return show(invocation, print_cluster);
}

static enum exit_status run_list(const struct invocation *invocation) {
    return show(invocation, print_list);
}

const struct command command_cluster_describe = {
    .group = "cluster",
    .verb = "describe",
    .operands = "",
    .meaning = "the cluster's id, controller and brokers",
    .run = run_describe,
};

const struct command command_broker_list = {
    .group = "broker",
    .verb = "list",
    .operands = "",
    .meaning = "the live brokers",
    .run = run_list,
};

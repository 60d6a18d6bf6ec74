/* topic create, list, describe */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ops/cli/command_table.h"
#include "ops/cli/json.h"
#include "ops/cli/report.h"
#include "ops/cli/session.h"
#include "ops/cli/table.h"

/* --- create ------------------------------------------------------------------------------ */

static const struct flag create_flags[] = {
    {'P', "partitions", "N", "how many; else the brokers' default"},
    {'r', "replication-factor", "N", "copies of each partition; else the brokers' default"},
    {'c', "config", "KEY=VALUE", "a setting of the topic; may be repeated"},
    {0, "if-not-exists", NULL, "no failure if there is a topic of this name"},
};

/* Fills `settings` from the --config flags; keys are cut out in place of copies. */
static bool settings_fill(const struct invocation *invocation, struct barnabas_setting *settings,
                          size_t *count) {
    const char *pair;

    for (*count = 0; (pair = invocation_value_at(invocation, "config", *count)) != NULL;
         (*count)++) {
        const char *equals = strchr(pair, '=');

        settings[*count].key = equals == NULL ? NULL : strndup(pair, (size_t)(equals - pair));
        if (settings[*count].key == NULL) {
            fprintf(stderr, "barnabas: --config %s: not KEY=VALUE\n", pair);
            return false;
        }
        settings[*count].value = equals + 1;
    }
    return true;
}

static enum exit_status create_topic(const struct invocation *invocation,
                                     const struct barnabas_new_topic *topic) {
    struct barnabas_outcomes *outcomes = NULL;
    struct barnabas_admin *admin;
    enum exit_status status;
    int64_t timeout_ms;
    int error;

    if ((status = session_admin(invocation, &admin, &timeout_ms)) != EXIT_OK)
        return status;
    error = barnabas_admin_create_topics(admin, topic, 1, false, timeout_ms, &outcomes);
    if (error != BARNABAS_OK)
        status = session_fail("topic create", error);
    else if (outcomes->count == 1 && invocation_has(invocation, "if-not-exists") &&
             outcomes->items[0].error == BARNABAS_TOPIC_ALREADY_EXISTS)
        report_tell(json_pack("{s:s, s:s}", "name", topic->name, "error", "NONE"),
                    "topic %s exists", topic->name);
    else if ((status = session_outcomes("topic create", outcomes)) == EXIT_OK)
        report_outcomes("created topic", outcomes);
    barnabas_outcomes_free(outcomes);
    barnabas_admin_close(admin);
    return status;
}

static enum exit_status run_create(const struct invocation *invocation) {
    struct barnabas_setting settings[INVOCATION_FLAGS_MAX] = {{NULL, NULL}};
    struct barnabas_new_topic topic = {.name = invocation->operands[0], .settings = settings};
    enum exit_status status = EXIT_USAGE;
    int64_t partition_count;
    int64_t replication_factor;

    if (invocation_number(invocation, "partitions", 1, 1000000, -1, &partition_count) &&
        invocation_number(invocation, "replication-factor", 1, INT16_MAX, -1,
                          &replication_factor) &&
        settings_fill(invocation, settings, &topic.setting_count)) {
        topic.partition_count = (int32_t)partition_count;
        topic.replication_factor = (int16_t)replication_factor;
        status = create_topic(invocation, &topic);
    }
    for (size_t i = 0; i < INVOCATION_FLAGS_MAX; i++)
        free((char *)(uintptr_t)settings[i].key);
    return status;
}

const struct command command_topic_create = {
    .group = "topic",
    .verb = "create",
    .operands = "NAME",
    .operand_count_min = 1,
    .operand_count_max = 1,
    .meaning = "create a topic",
    .flags = create_flags,
    .flag_count = sizeof(create_flags) / sizeof(create_flags[0]),
    .result_kind = "TopicCreation",
    .run = run_create,
};

/* --- list and describe ------------------------------------------------------------------- */

static json_t *partition_json(const struct barnabas_partition_info *partition) {
    return json_pack("{s:i, s:i, s:i, s:s, s:o, s:o, s:o}", "partitionIndex", partition->partition,
                     "leaderId", partition->leader, "leaderEpoch", partition->leader_epoch, "error",
                     barnabas_error_name(partition->error), "replicaNodes",
                     json_numbers(partition->replicas, partition->replica_count), "isrNodes",
                     json_numbers(partition->isr, partition->isr_count), "offlineReplicas",
                     json_numbers(partition->offline, partition->offline_count));
}

static size_t replication_factor(const struct barnabas_topic_info *topic) {
    return topic->partition_count == 0 ? 0 : topic->partitions[0].replica_count;
}

static json_t *topic_json(const struct barnabas_topic_info *topic, bool with_partitions) {
    json_t *json = json_pack(
        "{s:s, s:s, s:b, s:s, s:i, s:i}", "name", topic->name, "topicId", topic->id, "isInternal",
        topic->internal, "error", barnabas_error_name(topic->error), "numPartitions",
        (int)topic->partition_count, "replicationFactor", (int)replication_factor(topic));
    json_t *partitions = json_array();

    for (size_t i = 0; i < topic->partition_count; i++)
        json_array_append_new(partitions, partition_json(&topic->partitions[i]));
    if (with_partitions)
        json_object_set(json, "partitions", partitions);
    json_decref(partitions);
    return json;
}

static enum exit_status topics_print_json(const struct barnabas_topics *topics,
                                          bool with_partitions) {
    json_t *document = json_document("TopicList");
    json_t *items = json_array();

    for (size_t i = 0; i < topics->count; i++)
        json_array_append_new(items, topic_json(&topics->items[i], with_partitions));
    json_object_set_new(document, "items", items);
    return json_finish(document);
}

static enum exit_status table_finish(struct table *table) {
    if (table == NULL) {
        fprintf(stderr, "barnabas: memory is out\n");
        return EXIT_FAILED;
    }
    table_print(table, stdout);
    table_free(table);
    return EXIT_OK;
}

static enum exit_status topics_print_list(const struct barnabas_topics *topics) {
    struct table *table = table_new("TOPIC PARTITIONS# REPLICATION# INTERNAL");

    for (size_t i = 0; table != NULL && i < topics->count; i++) {
        table_text(table, topics->items[i].name);
        table_number(table, (int64_t)topics->items[i].partition_count);
        table_number(table, (int64_t)replication_factor(&topics->items[i]));
        table_text(table, topics->items[i].internal ? "yes" : "no");
    }
    return table_finish(table);
}

static enum exit_status topics_print_partitions(const struct barnabas_topics *topics) {
    struct table *table = table_new("TOPIC PARTITION# LEADER# EPOCH# REPLICAS ISR OFFLINE");

    for (size_t i = 0; table != NULL && i < topics->count; i++) {
        const struct barnabas_topic_info *topic = &topics->items[i];

        for (size_t j = 0; j < topic->partition_count; j++) {
            const struct barnabas_partition_info *partition = &topic->partitions[j];

            table_text(table, topic->name);
            table_number(table, partition->partition);
            table_number(table, partition->leader);
            table_number(table, partition->leader_epoch);
            table_numbers(table, partition->replicas, partition->replica_count);
            table_numbers(table, partition->isr, partition->isr_count);
            table_numbers(table, partition->offline, partition->offline_count);
        }
    }
    return table_finish(table);
}

/* Topics that were asked for and are not there. */
static enum exit_status topics_complain(const struct barnabas_topics *topics) {
    enum exit_status status = EXIT_OK;
    size_t failed = 0;

    for (size_t i = 0; i < topics->count; i++)
        if (topics->items[i].error != BARNABAS_OK) {
            failed++;
            fprintf(stderr, "barnabas: topic %s: %s: %s\n", topics->items[i].name,
                    barnabas_error_name(topics->items[i].error),
                    barnabas_error_text(topics->items[i].error));
            status = exit_status_of(topics->items[i].error);
        }
    return failed > 0 && failed < topics->count ? EXIT_PARTLY_FAILED : status;
}

static enum exit_status topics_show(const struct invocation *invocation, bool with_partitions) {
    struct barnabas_topics *topics = NULL;
    struct barnabas_admin *admin;
    enum exit_status printed;
    enum exit_status status;
    int64_t timeout_ms;
    bool json;
    int error;

    if (!session_json(invocation, &json))
        return EXIT_USAGE;
    if ((status = session_admin(invocation, &admin, &timeout_ms)) != EXIT_OK)
        return status;
    error = barnabas_admin_describe_topics(
        admin, invocation->operand_count == 0 ? NULL : invocation->operands,
        invocation->operand_count, timeout_ms, &topics);
    if (error != BARNABAS_OK) {
        status = session_fail("topics", error);
    } else {
        printed = json              ? topics_print_json(topics, with_partitions)
                  : with_partitions ? topics_print_partitions(topics)
                                    : topics_print_list(topics);
        status = topics_complain(topics);
        status = status == EXIT_OK ? printed : status;
    }
    barnabas_topics_free(topics);
    barnabas_admin_close(admin);
    return status;
}

static enum exit_status run_list(const struct invocation *invocation) {
    return topics_show(invocation, false);
}

static enum exit_status run_describe(const struct invocation *invocation) {
    return topics_show(invocation, true);
}

const struct command command_topic_list = {
    .group = "topic",
    .verb = "list",
    .operands = "",
    .meaning = "the topics of the cluster",
    .run = run_list,
};

const struct command command_topic_describe = {
    .group = "topic",
    .verb = "describe",
    .operands = "[NAME...]",
    .operand_count_max = 10000,
    .meaning = "partitions with their leaders and replicas",
    .run = run_describe,
};

/* group lag: how far a group is behind, by partition. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ops/cli/command_table.h"
#include "ops/cli/json.h"
#include "ops/cli/lag_rows.h"
#include "ops/cli/session.h"
#include "ops/cli/table.h"

static const struct barnabas_group_member *reader_of(const struct barnabas_group *group,
                                                     const struct lag_row *row) {
    for (size_t i = 0; i < group->member_count; i++)
        for (size_t j = 0; j < group->members[i].partition_count; j++)
            if (group->members[i].partitions[j].partition == row->partition &&
                strcmp(group->members[i].partitions[j].topic, row->topic) == 0)
                return &group->members[i];
    return NULL;
}

static json_t *seconds_json(double seconds) {
    return seconds < 0 ? json_null() : json_real(seconds);
}

static void print_json(const struct barnabas_group *group, const struct lag_rows *rows) {
    json_t *document = json_document("GroupLag");
    json_t *items = json_array();

    for (size_t i = 0; i < rows->count; i++) {
        const struct lag_row *row = &rows->items[i];
        const struct lag_outlook outlook = lag_outlook_of(&row->facts);
        const struct barnabas_group_member *reader = reader_of(group, row);
        json_t *item =
            json_pack("{s:s, s:i, s:I, s:I, s:s, s:o, s:o, s:o}", "topic", row->topic, "partition",
                      row->partition, "committedOffset", (json_int_t)row->committed, "endOffset",
                      (json_int_t)row->end, "memberId", reader == NULL ? "" : reader->member_id,
                      "secondsBehind", seconds_json(outlook.seconds_behind), "secondsToCatchUp",
                      seconds_json(outlook.seconds_to_catch_up), "secondsToLoss",
                      seconds_json(outlook.seconds_to_loss));

        json_object_set_new(item, "lag",
                            row->facts.lag < 0 ? json_null() : json_integer(row->facts.lag));
        json_array_append_new(items, item);
    }
    json_object_set_new(document, "groupId", json_string(group->name));
    json_object_set_new(document, "state", json_string(group->state));
    json_object_set_new(document, "items", items);
    (void)json_finish(document); /* the status is that of the whole */
}

static void table_known(struct table *table, int64_t number) {
    if (number < 0)
        table_text(table, "-");
    else
        table_number(table, number);
}

static void table_seconds(struct table *table, double seconds) {
    char text[32];

    lag_outlook_text(seconds, text, sizeof(text));
    table_text(table, text);
}

static void print_row(struct table *table, const struct barnabas_group *group,
                      const struct lag_row *row) {
    const struct lag_outlook outlook = lag_outlook_of(&row->facts);
    const struct barnabas_group_member *reader = reader_of(group, row);

    table_text(table, row->topic);
    table_number(table, row->partition);
    table_known(table, row->committed);
    if (row->end_error == BARNABAS_OK)
        table_number(table, row->end);
    else
        table_text(table, barnabas_error_name(row->end_error));
    table_known(table, row->facts.lag);
    table_seconds(table, outlook.seconds_behind);
    table_seconds(table, outlook.seconds_to_catch_up);
    table_seconds(table, outlook.seconds_to_loss);
    table_text(table, reader == NULL ? "-" : reader->client_id);
    table_text(table, reader == NULL ? "-" : reader->host);
}

static void print_table(const struct barnabas_group *group, const struct lag_rows *rows) {
    struct table *table = table_new(
        "TOPIC PARTITION# COMMITTED# END# LAG# BEHIND# CAUGHT-UP-IN# LOSS-IN# CLIENT HOST");
    int64_t all = 0;

    for (size_t i = 0; table != NULL && i < rows->count; i++) {
        print_row(table, group, &rows->items[i]);
        all += rows->items[i].facts.lag > 0 ? rows->items[i].facts.lag : 0;
    }
    if (table != NULL)
        table_print(table, stdout);
    table_free(table);
    printf("\ngroup %s is %s; lag of all %" PRId64 "\n", group->name, group->state, all);
}

static enum exit_status show(struct barnabas_admin *admin, struct barnabas_config *config,
                             const struct invocation *invocation, int64_t rate_seconds,
                             int64_t timeout_ms, bool json) {
    const char *name = invocation->operands[0];
    struct barnabas_group *group = NULL;
    struct lag_rows rows = {0};
    enum exit_status status = EXIT_OK;
    int error;

    error = barnabas_admin_describe_group(admin, name, timeout_ms, &group);
    if (error == BARNABAS_OK && strcmp(group->state, "Dead") == 0)
        error = BARNABAS_GROUP_ID_NOT_FOUND;
    if (error == BARNABAS_OK)
        error = lag_rows_read(&rows, admin, config, group, rate_seconds, timeout_ms);
    if (error != BARNABAS_OK)
        status = session_fail(name, error);
    else if (json)
        print_json(group, &rows);
    else
        print_table(group, &rows);
    lag_rows_done(&rows);
    barnabas_group_free(group);
    return status;
}

static enum exit_status run_lag(const struct invocation *invocation) {
    struct barnabas_admin *admin = NULL;
    struct barnabas_config *config;
    enum exit_status status = EXIT_USAGE;
    int64_t timeout_ms, rate_seconds;
    bool json;

    if (!session_json(invocation, &json) ||
        !invocation_number(invocation, "rate", 0, 3600, 0, &rate_seconds))
        return EXIT_USAGE;
    if ((config = session_config(invocation)) == NULL)
        return EXIT_USAGE;
    if (lag_rows_prepare(invocation, config) &&
        (status = session_admin(invocation, &admin, &timeout_ms)) == EXIT_OK)
        status = show(admin, config, invocation, rate_seconds, timeout_ms, json);
    barnabas_admin_close(admin);
    barnabas_config_free(config);
    return status;
}

static const struct flag lag_flags[] = {
    {0, "rate", "SECONDS", "look twice, so long apart, and say when it will have caught up"},
};

const struct command command_group_lag = {
    .group = "group",
    .verb = "lag",
    .operands = "GROUP",
    .operand_count_min = 1,
    .operand_count_max = 1,
    .meaning = "how far a group is behind, by partition",
    .details =
        "\nBEHIND is the age of the first unread record, LOSS-IN the time until retention.ms or, "
        "as "
        "fast as\nis written, retention.bytes let it be deleted: what comes first. CAUGHT-UP-IN "
        "needs --rate, longer\nthan the group takes from commit to commit.\n",
    .flags = lag_flags,
    .flag_count = sizeof(lag_flags) / sizeof(lag_flags[0]),
    .run = run_lag,
};

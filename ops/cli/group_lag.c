/* group lag: how far a group is behind, by partition. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ops/cli/command_table.h"
#include "ops/cli/group_lines.h"
#include "ops/cli/json.h"
#include "ops/cli/session.h"
#include "ops/cli/table.h"

static const struct barnabas_group_member *reader_of(const struct barnabas_group *group,
                                                     const struct barnabas_offset *line) {
    for (size_t i = 0; i < group->member_count; i++)
        for (size_t j = 0; j < group->members[i].partition_count; j++)
            if (group->members[i].partitions[j].partition == line->partition &&
                strcmp(group->members[i].partitions[j].topic, line->topic) == 0)
                return &group->members[i];
    return NULL;
}

static int64_t lag_of(const struct barnabas_offset *line, const struct barnabas_offset *end) {
    if (line->offset < 0 || end->error != BARNABAS_OK)
        return -1; /* not known */
    return end->offset > line->offset ? end->offset - line->offset : 0;
}

static void print_json(const struct barnabas_group *group, const struct group_lines *lines,
                       const struct barnabas_offsets *ends) {
    json_t *document = json_document("GroupLag");
    json_t *items = json_array();

    for (size_t i = 0; i < lines->count; i++) {
        const struct barnabas_offset *line = &lines->items[i];
        const struct barnabas_group_member *reader = reader_of(group, line);
        int64_t lag = lag_of(line, &ends->items[i]);
        json_t *item = json_pack("{s:s, s:i, s:I, s:I, s:s}", "topic", line->topic, "partition",
                                 line->partition, "committedOffset", (json_int_t)line->offset,
                                 "endOffset", (json_int_t)ends->items[i].offset, "memberId",
                                 reader == NULL ? "" : reader->member_id);

        json_object_set_new(item, "lag", lag < 0 ? json_null() : json_integer(lag));
        json_array_append_new(items, item);
    }
    json_object_set_new(document, "groupId", json_string(group->name));
    json_object_set_new(document, "state", json_string(group->state));
    json_object_set_new(document, "items", items);
    (void)json_finish(document); /* the status is that of the whole */
}

static void print_table(const struct barnabas_group *group, const struct group_lines *lines,
                        const struct barnabas_offsets *ends) {
    struct table *table = table_new("TOPIC PARTITION# COMMITTED# END# LAG# CLIENT HOST");
    int64_t all = 0;

    for (size_t i = 0; table != NULL && i < lines->count; i++) {
        const struct barnabas_offset *line = &lines->items[i];
        const struct barnabas_group_member *reader = reader_of(group, line);
        int64_t lag = lag_of(line, &ends->items[i]);

        table_text(table, line->topic);
        table_number(table, line->partition);
        if (line->offset < 0)
            table_text(table, "-");
        else
            table_number(table, line->offset);
        if (ends->items[i].error == BARNABAS_OK)
            table_number(table, ends->items[i].offset);
        else
            table_text(table, barnabas_error_name(ends->items[i].error));
        if (lag < 0)
            table_text(table, "-");
        else
            table_number(table, lag);
        table_text(table, reader == NULL ? "-" : reader->client_id);
        table_text(table, reader == NULL ? "-" : reader->host);
        all += lag > 0 ? lag : 0;
    }
    if (table != NULL)
        table_print(table, stdout);
    table_free(table);
    printf("\ngroup %s is %s; lag of all %" PRId64 "\n", group->name, group->state, all);
}

/* What is committed, and what members read without having committed. */
static bool add_read_partitions(struct group_lines *lines, const struct barnabas_group *group) {
    for (size_t i = 0; i < group->member_count; i++)
        for (size_t j = 0; j < group->members[i].partition_count; j++) {
            const struct barnabas_topic_partition *p = &group->members[i].partitions[j];

            if (group_lines_find(lines, p->topic, p->partition) == NULL &&
                !group_lines_add(lines, p->topic, p->partition, BARNABAS_OFFSET_NONE))
                return false;
        }
    group_lines_sort(lines);
    return true;
}

static enum exit_status show(struct barnabas_admin *admin, const char *name, int64_t timeout_ms,
                             bool json) {
    struct barnabas_offsets *committed = NULL;
    struct barnabas_offsets *ends = NULL;
    struct barnabas_group *group = NULL;
    struct group_lines lines = {0};
    enum exit_status status = EXIT_OK;
    int error;

    error = barnabas_admin_describe_group(admin, name, timeout_ms, &group);
    if (error == BARNABAS_OK && strcmp(group->state, "Dead") == 0)
        error = BARNABAS_GROUP_ID_NOT_FOUND;
    if (error == BARNABAS_OK)
        error = barnabas_admin_group_offsets(admin, name, timeout_ms, &committed);
    if (error == BARNABAS_OK &&
        (!group_lines_take(&lines, committed, NULL) || !add_read_partitions(&lines, group)))
        error = BARNABAS_OUT_OF_MEMORY;
    if (error == BARNABAS_OK)
        error = group_lines_locate(&lines, admin, BARNABAS_OFFSET_SPEC_LATEST, timeout_ms, &ends);
    if (error != BARNABAS_OK)
        status = session_fail(name, error);
    else if (json)
        print_json(group, &lines, ends);
    else
        print_table(group, &lines, ends);
    group_lines_done(&lines);
    barnabas_offsets_free(ends);
    barnabas_offsets_free(committed);
    barnabas_group_free(group);
    return status;
}

static enum exit_status run_lag(const struct invocation *invocation) {
    struct barnabas_admin *admin;
    enum exit_status status;
    int64_t timeout_ms;
    bool json;

    if (!session_json(invocation, &json))
        return EXIT_USAGE;
    if ((status = session_admin(invocation, &admin, &timeout_ms)) != EXIT_OK)
        return status;
    status = show(admin, invocation->operands[0], timeout_ms, json);
    barnabas_admin_close(admin);
    return status;
}

const struct command command_group_lag = {
    .group = "group",
    .verb = "lag",
    .operands = "GROUP",
    .operand_count_min = 1,
    .operand_count_max = 1,
    .meaning = "how many records a group is behind, by partition",
    .run = run_lag,
};

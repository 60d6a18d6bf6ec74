/* group list, describe */
#include <stdlib.h>
#include <string.h>

#include "ops/cli/command_table.h"
#include "ops/cli/json.h"
#include "ops/cli/session.h"
#include "ops/cli/table.h"

static const char *or_dash(const char *text) {
    return text[0] == '\0' ? "-" : text;
}

/* --- list --------------------------------------------------------------------------------- */

static enum exit_status print_groups(const struct barnabas_groups *groups, bool json) {
    struct table *table = json ? NULL : table_new("GROUP TYPE STATE");
    json_t *items = json_array();
    json_t *document;

    for (size_t i = 0; i < groups->count; i++) {
        const struct barnabas_group_listing *group = &groups->items[i];

        json_array_append_new(items,
                              json_pack("{s:s, s:s, s:s}", "groupId", group->group, "protocolType",
                                        group->protocol_type, "state", group->state));
        if (table != NULL) {
            table_text(table, group->group);
            table_text(table, or_dash(group->protocol_type));
            table_text(table, or_dash(group->state));
        }
    }
    if (json) {
        document = json_document("GroupList");
        json_object_set_new(document, "items", items);
        return json_finish(document);
    }
    json_decref(items);
    table_print(table, stdout);
    table_free(table);
    return EXIT_OK;
}

static enum exit_status run_list(const struct invocation *invocation) {
    struct barnabas_groups *groups = NULL;
    struct barnabas_admin *admin;
    enum exit_status status;
    int64_t timeout_ms;
    bool json;
    int error;

    if (!session_json(invocation, &json))
        return EXIT_USAGE;
    if ((status = session_admin(invocation, &admin, &timeout_ms)) != EXIT_OK)
        return status;
    error = barnabas_admin_list_groups(admin, timeout_ms, &groups);
    status = error == BARNABAS_OK ? print_groups(groups, json) : session_fail("groups", error);
    if (status == EXIT_OK && groups->silent_brokers > 0) {
        fprintf(stderr, "barnabas: %zu brokers gave no answer (%s): their groups are missing\n",
                groups->silent_brokers, barnabas_error_name(groups->error));
        status = EXIT_PARTLY_FAILED;
    }
    barnabas_groups_free(groups);
    barnabas_admin_close(admin);
    return status;
}

const struct command command_group_list = {
    .group = "group",
    .verb = "list",
    .operands = "",
    .meaning = "the consumer groups",
    .run = run_list,
};

/* --- describe ----------------------------------------------------------------------------- */

static json_t *member_json(const struct barnabas_group_member *member) {
    json_t *partitions = json_array();

    for (size_t i = 0; i < member->partition_count; i++)
        json_array_append_new(partitions,
                              json_pack("{s:s, s:i}", "topic", member->partitions[i].topic,
                                        "partition", member->partitions[i].partition));
    return json_pack("{s:s, s:s, s:s, s:s, s:o}", "memberId", member->member_id, "groupInstanceId",
                     member->instance_id, "clientId", member->client_id, "host", member->host,
                     "partitions", partitions);
}

static enum exit_status group_print_json(const struct barnabas_group *group) {
    json_t *document = json_document("Group");
    json_t *members = json_array();

    for (size_t i = 0; i < group->member_count; i++)
        json_array_append_new(members, member_json(&group->members[i]));
    json_object_set_new(document, "groupId", json_string(group->name));
    json_object_set_new(document, "state", json_string(group->state));
    json_object_set_new(document, "protocolType", json_string(group->protocol_type));
    json_object_set_new(document, "assignor", json_string(group->protocol));
    json_object_set_new(document, "members", members);
    return json_finish(document);
}

/* "orders:0,1,4 users:2" */
static char *partitions_text(const struct barnabas_group_member *member) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    if (out == NULL)
        return NULL;
    for (size_t i = 0; i < member->partition_count; i++) {
        const struct barnabas_topic_partition *partition = &member->partitions[i];

        if (i > 0 && strcmp(partition->topic, member->partitions[i - 1].topic) == 0)
            fprintf(out, ",%d", partition->partition);
        else
            fprintf(out, "%s%s:%d", i == 0 ? "" : " ", partition->topic, partition->partition);
    }
    fclose(out);
    return text;
}

static enum exit_status group_print(const struct barnabas_group *group) {
    struct table *table = table_new("MEMBER INSTANCE CLIENT HOST PARTITIONS");

    printf("group     %s\nstate     %s\nassignor  %s\nmembers   %zu\n", group->name, group->state,
           or_dash(group->protocol), group->member_count);
    for (size_t i = 0; table != NULL && i < group->member_count; i++) {
        const struct barnabas_group_member *member = &group->members[i];
        char *partitions = partitions_text(member);

        table_text(table, member->member_id);
        table_text(table, or_dash(member->instance_id));
        table_text(table, member->client_id);
        table_text(table, member->host);
        table_text(table, partitions == NULL ? "-" : or_dash(partitions));
        free(partitions);
    }
    if (table != NULL && group->member_count > 0) {
        printf("\n");
        table_print(table, stdout);
    }
    table_free(table);
    return EXIT_OK;
}

static enum exit_status run_describe(const struct invocation *invocation) {
    const char *name = invocation->operands[0];
    struct barnabas_group *group = NULL;
    struct barnabas_admin *admin;
    enum exit_status status;
    int64_t timeout_ms;
    bool json;
    int error;

    if (!session_json(invocation, &json))
        return EXIT_USAGE;
    if ((status = session_admin(invocation, &admin, &timeout_ms)) != EXIT_OK)
        return status;
    error = barnabas_admin_describe_group(admin, name, timeout_ms, &group);
    if (error == BARNABAS_OK && strcmp(group->state, "Dead") == 0)
        error = BARNABAS_GROUP_ID_NOT_FOUND;
    if (error != BARNABAS_OK)
        status = session_fail(name, error);
    else
        status = json ? group_print_json(group) : group_print(group);
    barnabas_group_free(group);
    barnabas_admin_close(admin);
    return status;
}

const struct command command_group_describe = {
    .group = "group",
    .verb = "describe",
    .operands = "GROUP",
    .operand_count_min = 1,
    .operand_count_max = 1,
    .meaning = "a group's state, members and who reads what",
    .run = run_describe,
};

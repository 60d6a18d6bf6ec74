/* group delete */
#include <string.h>

#include "ops/cli/command_table.h"
#include "ops/cli/json.h"
#include "ops/cli/report.h"
#include "ops/cli/session.h"
#include "ops/cli/table.h"
#include "ops/output/progress.h"

static const struct flag delete_flags[] = {
    {'n', "dry-run", NULL, "only show what would be gone"},
};

/* --- what would be gone ------------------------------------------------------------------- */

/* One group's row or item. Of one that is not there nothing would be. */
static enum exit_status look_at(struct barnabas_admin *admin, const char *name, int64_t timeout_ms,
                                struct table *table, json_t *items) {
    struct barnabas_group *group = NULL;
    struct barnabas_offsets *offsets = NULL;
    int error = barnabas_admin_describe_group(admin, name, timeout_ms, &group);

    if (error == BARNABAS_OK && strcmp(group->state, "Dead") == 0)
        error = BARNABAS_GROUP_ID_NOT_FOUND;
    if (error == BARNABAS_OK)
        error = barnabas_admin_group_offsets(admin, name, timeout_ms, &offsets);
    if (error == BARNABAS_OK) {
        json_array_append_new(items,
                              json_pack("{s:s, s:s, s:I, s:I}", "groupId", name, "state",
                                        group->state, "members", (json_int_t)group->member_count,
                                        "committedOffsets", (json_int_t)offsets->count));
        table_text(table, name);
        table_text(table, group->state);
        table_number(table, (int64_t)group->member_count);
        table_number(table, (int64_t)offsets->count);
    }
    barnabas_offsets_free(offsets);
    barnabas_group_free(group);
    return error == BARNABAS_OK ? EXIT_OK : session_fail(name, error);
}

static enum exit_status show_loss(const struct invocation *invocation, struct barnabas_admin *admin,
                                  int64_t timeout_ms, bool json) {
    struct table *table = table_new("GROUP STATE MEMBERS# COMMITTED-OFFSETS#");
    json_t *items = json_array();
    enum exit_status status = table == NULL ? EXIT_FAILED : EXIT_OK;
    json_t *document;

    for (size_t i = 0; status == EXIT_OK && i < invocation->operand_count; i++)
        status = look_at(admin, invocation->operands[i], timeout_ms, table, items);
    if (status == EXIT_OK && !json) {
        table_print(table, stdout);
    } else if (status == EXIT_OK && invocation_has(invocation, "dry-run")) {
        document = json_document("GroupDeletion");
        json_object_set(document, "items", items);
        status = json_finish(document);
    }
    json_decref(items);
    table_free(table);
    return status;
}

/* --- deleting ----------------------------------------------------------------------------- */

static enum exit_status delete_all(const struct invocation *invocation,
                                   struct barnabas_admin *admin, int64_t timeout_ms) {
    enum exit_status status = EXIT_OK;
    struct progress progress;
    size_t failed = 0;

    progress_begin(&progress);
    for (size_t i = 0; i < invocation->operand_count; i++) {
        const char *name = invocation->operands[i];
        int error;

        progress_tell(&progress, i, invocation->operand_count, name);
        error = barnabas_admin_delete_group(admin, name, timeout_ms);
        progress_clear(&progress);
        if (error == BARNABAS_OK) {
            report_tell(json_pack("{s:s, s:s}", "name", name, "error", "NONE"), "deleted group %s",
                        name);
        } else {
            failed++;
            status = session_fail(name, error);
        }
    }
    return failed > 0 && failed < invocation->operand_count ? EXIT_PARTLY_FAILED : status;
}

static enum exit_status run_delete(const struct invocation *invocation) {
    const bool is_dry = invocation_has(invocation, "dry-run");
    struct barnabas_admin *admin;
    enum exit_status status;
    int64_t timeout_ms;
    char question[512];
    bool json;

    if (!session_json(invocation, &json))
        return EXIT_USAGE;
    if ((status = session_admin(invocation, &admin, &timeout_ms)) != EXIT_OK)
        return status;
    snprintf(question, sizeof(question),
             "This deletes %zu group%s with what was committed; consumers would begin anew.",
             invocation->operand_count, invocation->operand_count == 1 ? "" : "s");
    if (session_looks_first(invocation))
        status = show_loss(invocation, admin, timeout_ms, json);
    if (status == EXIT_OK && !is_dry)
        status = session_confirm(invocation, question, invocation->operands[0]);
    if (status == EXIT_OK && !is_dry)
        status = delete_all(invocation, admin, timeout_ms);
    barnabas_admin_close(admin);
    return status;
}

const struct command command_group_delete = {
    .group = "group",
    .verb = "delete",
    .operands = "GROUP...",
    .operand_count_min = 1,
    .operand_count_max = 1000,
    .meaning = "delete groups that have no members, with their offsets",
    .details = "Before it asks it shows how many members and committed offsets they have.\n",
    .flags = delete_flags,
    .flag_count = sizeof(delete_flags) / sizeof(delete_flags[0]),
    .result_kind = "GroupDeletion",
    .run = run_delete,
};

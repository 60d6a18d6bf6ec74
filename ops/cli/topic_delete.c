/* topic delete */
#include <string.h>

#include "ops/cli/command_table.h"
#include "ops/cli/group_marks.h"
#include "ops/cli/json.h"
#include "ops/cli/live_cluster.h"
#include "ops/cli/log_sizes.h"
#include "ops/cli/report.h"
#include "ops/cli/session.h"

static const struct flag delete_flags[] = {
    {'n', "dry-run", NULL, "only show what would be gone"},
};

/* What goes with the topic. */
struct loss {
    struct live_cluster live;
    struct log_sizes sizes;
    struct group_marks marks;
    int64_t size; /* of all replicas */
};

static enum exit_status loss_read(struct barnabas_admin *admin, const char *name,
                                  int64_t timeout_ms, struct loss *loss) {
    enum exit_status status = live_cluster_open(admin, name, timeout_ms, &loss->live);

    if (status == EXIT_OK)
        status = log_sizes_read(admin, loss->live.brokers, timeout_ms, &loss->sizes);
    if (status == EXIT_OK)
        status = group_marks_read(admin, name, timeout_ms, &loss->marks);
    if (status != EXIT_OK)
        return status;
    for (size_t p = 0; p < loss->live.topics->items[0].partition_count; p++)
        loss->size +=
            log_sizes_sum(&loss->sizes, name, loss->live.topics->items[0].partitions[p].partition);
    return EXIT_OK;
}

static void loss_done(struct loss *loss) {
    group_marks_free(&loss->marks);
    log_sizes_free(&loss->sizes);
    live_cluster_close(&loss->live);
}

/* The marks of one group follow each other. */
static bool is_new_group(const struct group_marks *marks, size_t i) {
    return i == 0 || strcmp(marks->items[i].group, marks->items[i - 1].group) != 0;
}

static void loss_print(const struct loss *loss, const char *name) {
    char size[32];

    printf("topic %s: %zu partitions, %s in all replicas\n", name,
           loss->live.topics->items[0].partition_count,
           log_size_text(loss->size, size, sizeof(size)));
    for (size_t i = 0; i < loss->marks.count; i++)
        if (is_new_group(&loss->marks, i))
            printf("group %s has committed offsets of it\n", loss->marks.items[i].group);
}

static enum exit_status loss_json(const struct loss *loss, const char *name) {
    json_t *document = json_document("TopicDeletion");
    json_t *groups = json_array();

    for (size_t i = 0; i < loss->marks.count; i++)
        if (is_new_group(&loss->marks, i))
            json_array_append_new(groups, json_string(loss->marks.items[i].group));
    json_object_set_new(document, "topic", json_string(name));
    json_object_set_new(document, "numPartitions",
                        json_integer((json_int_t)loss->live.topics->items[0].partition_count));
    json_object_set_new(document, "bytes", json_integer(loss->size));
    json_object_set_new(document, "groups", groups);
    return json_finish(document);
}

static enum exit_status delete_topic(struct barnabas_admin *admin, const char *name,
                                     int64_t timeout_ms) {
    struct barnabas_outcomes *outcomes = NULL;
    int error = barnabas_admin_delete_topics(admin, &name, 1, timeout_ms, &outcomes);
    enum exit_status status;

    if (error != BARNABAS_OK)
        status = session_fail("topic delete", error);
    else if ((status = session_outcomes("topic delete", outcomes)) == EXIT_OK)
        report_outcomes("deleted topic", outcomes);
    barnabas_outcomes_free(outcomes);
    return status;
}

/* Shows what would be gone, and asks. */
static enum exit_status look_and_ask(const struct invocation *invocation,
                                     struct barnabas_admin *admin, const char *name, bool json,
                                     int64_t timeout_ms) {
    const bool is_dry = invocation_has(invocation, "dry-run");
    struct loss loss = {0};
    enum exit_status status = loss_read(admin, name, timeout_ms, &loss);

    if (status == EXIT_OK && is_dry && json)
        status = loss_json(&loss, name);
    else if (status == EXIT_OK && !json)
        loss_print(&loss, name);
    if (status == EXIT_OK && !is_dry)
        status = session_confirm(invocation, "All of it will be gone for good.", name);
    loss_done(&loss);
    return status;
}

static enum exit_status run_delete(const struct invocation *invocation) {
    const char *name = invocation->operands[0];
    struct barnabas_admin *admin;
    enum exit_status status;
    int64_t timeout_ms;
    bool json;

    if (!session_json(invocation, &json))
        return EXIT_USAGE;
    if ((status = session_admin(invocation, &admin, &timeout_ms)) != EXIT_OK)
        return status;
    if (session_looks_first(invocation))
        status = look_and_ask(invocation, admin, name, json, timeout_ms);
    if (status == EXIT_OK && !invocation_has(invocation, "dry-run"))
        status = delete_topic(admin, name, timeout_ms);
    barnabas_admin_close(admin);
    return status;
}

const struct command command_topic_delete = {
    .group = "topic",
    .verb = "delete",
    .operands = "NAME",
    .operand_count_min = 1,
    .operand_count_max = 1,
    .meaning = "delete a topic with all its records",
    .details = "Before it asks it shows how much would be gone, and which groups read it.\n",
    .flags = delete_flags,
    .flag_count = sizeof(delete_flags) / sizeof(delete_flags[0]),
    .result_kind = "TopicDeletion",
    .run = run_delete,
};

/* partition reassign */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ops/cli/broker_list.h"
#include "ops/cli/command_table.h"
#include "ops/cli/partition_name.h"
#include "ops/cli/session.h"
#include "ops/cli/table.h"

#define TEXT_SIZE       512
#define LOOK_EVERY_MS   250
#define WAIT_MS_DEFAULT 3600000

static const struct flag reassign_flags[] = {
    {0, "to", "ID,...", "the brokers that shall have it; of a whole topic they lead in turn"},
    {0, "cancel", NULL, "take back what is under way"},
    {0, "wait", NULL, "return when the data has moved"},
    {'n', "dry-run", NULL, "only show what would be changed"},
};

/* What is to be done, one row per partition. */
struct plan {
    struct barnabas_topics *topics; /* the topic as it is */
    struct barnabas_new_replicas *rows;
    int32_t (*ids)[BROKER_LIST_MAX];
    size_t count;
};

static void plan_free(struct plan *plan) {
    barnabas_topics_free(plan->topics);
    free(plan->rows);
    free(plan->ids);
}

static const struct barnabas_partition_info *partition_of(const struct plan *plan, size_t row) {
    return &plan->topics->items[0].partitions[plan->rows[row].partition];
}

static enum exit_status plan_fill(struct plan *plan, const struct partition_name *name,
                                  const struct broker_list *to) {
    size_t known = plan->topics->items[0].partition_count;

    if (name->partition != PARTITION_ALL && (size_t)name->partition >= known) {
        fprintf(stderr, "barnabas: %s has %zu partitions\n", name->topic, known);
        return EXIT_FAILED;
    }
    plan->rows = calloc(known + 1, sizeof(*plan->rows));
    plan->ids = calloc(known + 1, sizeof(*plan->ids));
    if (plan->rows == NULL || plan->ids == NULL)
        return session_fail("partition reassign", BARNABAS_OUT_OF_MEMORY);
    for (size_t i = 0; i < known; i++) {
        struct barnabas_new_replicas *row = &plan->rows[plan->count];

        if (name->partition != PARTITION_ALL && (size_t)name->partition != i)
            continue;
        *row = (struct barnabas_new_replicas){name->topic, (int32_t)i, NULL, 0};
        if (to != NULL) {
            broker_list_rotate(to, name->partition == PARTITION_ALL ? i : 0,
                               plan->ids[plan->count]);
            row->replicas = plan->ids[plan->count];
            row->replica_count = to->count;
        }
        plan->count++;
    }
    return EXIT_OK;
}

static enum exit_status plan_make(struct barnabas_admin *admin, const struct partition_name *name,
                                  const struct broker_list *to, int64_t timeout_ms,
                                  struct plan *plan) {
    const char *topic = name->topic;
    int error = barnabas_admin_describe_topics(admin, &topic, 1, timeout_ms, &plan->topics);

    if (error == BARNABAS_OK)
        error = plan->topics->count == 1 ? plan->topics->items[0].error
                                         : BARNABAS_UNKNOWN_TOPIC_OR_PARTITION;
    return error == BARNABAS_OK ? plan_fill(plan, name, to) : session_fail(topic, error);
}

static void plan_print(const struct plan *plan) {
    for (size_t i = 0; i < plan->count; i++) {
        const struct barnabas_new_replicas *row = &plan->rows[i];
        const struct barnabas_partition_info *now = partition_of(plan, i);
        char from[TEXT_SIZE], to[TEXT_SIZE];

        printf("%s:%" PRId32 " %s -> %s\n", row->topic, row->partition,
               broker_list_text(now->replicas, now->replica_count, from, sizeof(from)),
               row->replicas == NULL
                   ? "as it was before"
                   : broker_list_text(row->replicas, row->replica_count, to, sizeof(to)));
    }
}

/* --- What is under way -------------------------------------------------------------------- */

static enum exit_status list_print(const struct barnabas_reassignments *list) {
    struct table *table = table_new("TOPIC PARTITION# REPLICAS ADDING REMOVING");
    char text[TEXT_SIZE];

    if (table == NULL)
        return EXIT_FAILED;
    for (size_t i = 0; i < list->count; i++) {
        const struct barnabas_reassignment *item = &list->items[i];

        table_text(table, item->topic);
        table_number(table, item->partition);
        table_text(table,
                   broker_list_text(item->replicas, item->replica_count, text, sizeof(text)));
        table_text(table,
                   item->adding_count == 0
                       ? "-"
                       : broker_list_text(item->adding, item->adding_count, text, sizeof(text)));
        table_text(table, item->removing_count == 0
                              ? "-"
                              : broker_list_text(item->removing, item->removing_count, text,
                                                 sizeof(text)));
    }
    table_print(table, stdout);
    table_free(table);
    return EXIT_OK;
}

static enum exit_status list(struct barnabas_admin *admin, int64_t timeout_ms) {
    struct barnabas_reassignments *under_way = NULL;
    int error = barnabas_admin_list_reassignments(admin, timeout_ms, &under_way);
    enum exit_status status =
        error == BARNABAS_OK ? list_print(under_way) : session_fail("partition reassign", error);

    barnabas_reassignments_free(under_way);
    return status;
}

static size_t count_of(const struct barnabas_reassignments *list, const struct plan *plan) {
    size_t count = 0;

    for (size_t i = 0; i < list->count; i++)
        for (size_t r = 0; r < plan->count; r++)
            count += strcmp(list->items[i].topic, plan->rows[r].topic) == 0 &&
                     list->items[i].partition == plan->rows[r].partition;
    return count;
}

/* A number whenever it changes. */
static enum exit_status wait_for_end(struct barnabas_admin *admin, const struct plan *plan,
                                     int64_t timeout_ms, int64_t wait_ms) {
    const struct timespec pause = {0, LOOK_EVERY_MS * 1000000L};
    size_t before = SIZE_MAX;

    for (int64_t waited_ms = 0; waited_ms < wait_ms; waited_ms += LOOK_EVERY_MS) {
        struct barnabas_reassignments *under_way = NULL;
        int error = barnabas_admin_list_reassignments(admin, timeout_ms, &under_way);
        size_t count = error == BARNABAS_OK ? count_of(under_way, plan) : 0;

        barnabas_reassignments_free(under_way);
        if (error != BARNABAS_OK)
            return session_fail("partition reassign", error);
        if (count != before)
            printf("%zu of %zu partitions under way\n", count, plan->count);
        fflush(stdout);
        if (count == 0)
            return EXIT_OK;
        before = count;
        nanosleep(&pause, NULL);
    }
    fprintf(stderr, "barnabas: partition reassign: still under way\n");
    return EXIT_TIMED_OUT;
}

/* --- To change ---------------------------------------------------------------------------- */

static enum exit_status execute(struct barnabas_admin *admin, const struct plan *plan,
                                int64_t timeout_ms) {
    struct barnabas_outcomes *outcomes = NULL;
    int error =
        barnabas_admin_alter_reassignments(admin, plan->rows, plan->count, timeout_ms, &outcomes);
    enum exit_status status = error == BARNABAS_OK
                                  ? session_outcomes("partition reassign", outcomes)
                                  : session_fail("partition reassign", error);

    barnabas_outcomes_free(outcomes);
    return status;
}

static enum exit_status change(const struct invocation *invocation, struct barnabas_admin *admin,
                               const struct partition_name *name, const struct broker_list *to,
                               int64_t timeout_ms) {
    struct plan plan = {0};
    enum exit_status status = plan_make(admin, name, to, timeout_ms, &plan);
    int64_t wait_ms;

    if (status == EXIT_OK) {
        plan_print(&plan);
        if (invocation_has(invocation, "dry-run")) {
            plan_free(&plan);
            return EXIT_OK;
        }
        status = session_confirm(invocation, "Replicas are moved, and the old ones deleted.", NULL);
    }
    if (status == EXIT_OK)
        status = execute(admin, &plan, timeout_ms);
    if (status == EXIT_OK && invocation_has(invocation, "wait") &&
        (status =
             session_timeout_ms(invocation, WAIT_MS_DEFAULT, &wait_ms) ? EXIT_OK : EXIT_USAGE) ==
            EXIT_OK)
        status = wait_for_end(admin, &plan, timeout_ms, wait_ms);
    plan_free(&plan);
    return status;
}

static enum exit_status usage(const char *problem) {
    fprintf(stderr, "barnabas: partition reassign: %s\n", problem);
    return EXIT_USAGE;
}

static enum exit_status run_reassign(const struct invocation *invocation) {
    const char *to_text = invocation_value(invocation, "to", NULL);
    bool cancels = invocation_has(invocation, "cancel");
    struct partition_name name;
    struct broker_list to;
    struct barnabas_admin *admin;
    enum exit_status status;
    int64_t timeout_ms;

    if (invocation->operand_count == 0 && (cancels || to_text != NULL))
        return usage("which partitions?");
    if (invocation->operand_count == 1 && cancels == (to_text != NULL))
        return usage("needs --to or --cancel");
    if (to_text != NULL && !broker_list_parse(to_text, &to))
        return usage("--to takes different brokers: 1,2,3");
    if (invocation->operand_count == 1 && !partition_name_parse(invocation->operands[0], &name))
        return usage("the operand is no TOPIC or TOPIC:PARTITION");
    if ((status = session_admin(invocation, &admin, &timeout_ms)) != EXIT_OK)
        return status;
    status = invocation->operand_count == 0
                 ? list(admin, timeout_ms)
                 : change(invocation, admin, &name, cancels ? NULL : &to, timeout_ms);
    barnabas_admin_close(admin);
    return status;
}

const struct command command_partition_reassign = {
    .group = "partition",
    .verb = "reassign",
    .operands = "[TOPIC[:PARTITION]]",
    .operand_count_max = 1,
    .meaning = "move partitions to other brokers, or see what is under way",
    .details = "Without operands it lists what is under way. The first broker of --to is the\n"
               "preferred leader. New replicas copy everything first; the old ones are deleted\n"
               "when all of them are in sync.",
    .flags = reassign_flags,
    .flag_count = sizeof(reassign_flags) / sizeof(reassign_flags[0]),
    .run = run_reassign,
};

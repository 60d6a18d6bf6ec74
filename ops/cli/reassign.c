/* partition reassign */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ops/cli/command_table.h"
#include "ops/cli/reassign_impact.h"
#include "ops/cli/reassign_plan.h"
#include "ops/cli/reassign_throttle.h"
#include "ops/cli/session.h"
#include "ops/cli/table.h"

#define TEXT_SIZE       512
#define LOOK_EVERY_MS   250
#define WAIT_MS_DEFAULT 3600000

static const struct flag reassign_flags[] = {
    {0, "to", "ID,...", "the brokers that shall have it; of a whole topic they lead in turn"},
    {0, "remove", "ID,...", "brokers to be emptied; their replicas go where there are fewest"},
    {0, "replication-factor", "N", "how many replicas each partition shall have"},
    {0, "cancel", NULL, "take back what is under way"},
    {0, "throttle", "BYTES", "let the data move no faster than so many bytes per second"},
    {0, "wait", NULL, "return when the data has moved"},
    {'n', "dry-run", NULL, "only show what would be changed"},
};

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

static size_t count_of(const struct barnabas_reassignments *list,
                       const struct reassign_plan *plan) {
    size_t count = 0;

    for (size_t i = 0; i < list->count; i++)
        for (size_t r = 0; r < plan->count; r++)
            count += strcmp(list->items[i].topic, plan->wanted[r].topic) == 0 &&
                     list->items[i].partition == plan->wanted[r].partition;
    return count;
}

/* A number whenever it changes. */
static enum exit_status wait_for_end(struct barnabas_admin *admin, const struct reassign_plan *plan,
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

static enum exit_status execute(struct barnabas_admin *admin, const struct reassign_plan *plan,
                                int64_t timeout_ms) {
    struct barnabas_outcomes *outcomes = NULL;
    int error =
        barnabas_admin_alter_reassignments(admin, plan->wanted, plan->count, timeout_ms, &outcomes);
    enum exit_status status = error == BARNABAS_OK
                                  ? session_outcomes("partition reassign", outcomes)
                                  : session_fail("partition reassign", error);

    barnabas_outcomes_free(outcomes);
    return status;
}

/* With what was begun over, or given up, nothing is throttled any more. */
static enum exit_status wait_and_tidy(const struct invocation *invocation,
                                      struct barnabas_admin *admin,
                                      const struct reassign_plan *plan, bool is_throttled,
                                      int64_t timeout_ms) {
    enum exit_status status = EXIT_OK;
    int64_t wait_ms;

    if (invocation_has(invocation, "wait")) {
        if (!session_timeout_ms(invocation, WAIT_MS_DEFAULT, &wait_ms))
            return EXIT_USAGE;
        status = wait_for_end(admin, plan, timeout_ms, wait_ms);
    } else if (is_throttled) {
        printf("the throttle stays: --cancel, or the same again with --wait, removes it\n");
        return EXIT_OK;
    }
    if (invocation_has(invocation, "cancel"))
        is_throttled = reassign_throttle_is_set(admin, plan, timeout_ms);
    if (status == EXIT_OK && is_throttled)
        status = reassign_throttle_remove(admin, plan, timeout_ms);
    return status;
}

static enum exit_status change_and_wait(const struct invocation *invocation,
                                        struct barnabas_admin *admin,
                                        const struct reassign_plan *plan, int64_t timeout_ms) {
    enum exit_status status = EXIT_OK;
    int64_t throttle;

    if (!invocation_number(invocation, "throttle", 1, INT64_MAX - 1, 0, &throttle))
        return EXIT_USAGE;
    if (throttle > 0)
        status = reassign_throttle_set(admin, plan, throttle, timeout_ms);
    if (status == EXIT_OK)
        status = execute(admin, plan, timeout_ms);
    if (status != EXIT_OK)
        return status;
    return wait_and_tidy(invocation, admin, plan, throttle > 0, timeout_ms);
}

/* Shows what it would do, and asks. */
static enum exit_status look_and_ask(const struct invocation *invocation,
                                     struct barnabas_admin *admin, const struct reassign_plan *plan,
                                     bool json, int64_t timeout_ms) {
    const bool is_dry = invocation_has(invocation, "dry-run");
    struct reassign_impact impact;
    enum exit_status status = reassign_impact_read(admin, plan, timeout_ms, &impact);

    if (status == EXIT_OK && is_dry && json)
        status = reassign_impact_json(&impact, plan);
    else if (status == EXIT_OK)
        reassign_impact_print(&impact);
    if (status == EXIT_OK && !is_dry)
        status = impact_report_confirm(invocation, &impact.report,
                                       "Replicas are moved, and the old ones deleted.");
    reassign_impact_free(&impact);
    return status;
}

static enum exit_status change(const struct invocation *invocation, struct barnabas_admin *admin,
                               const struct reassign_wish *wish, int64_t timeout_ms) {
    const bool is_dry = invocation_has(invocation, "dry-run");
    struct reassign_plan plan = {0};
    enum exit_status status = EXIT_USAGE;
    bool json;

    if (!session_json(invocation, &json))
        return status;
    status = reassign_plan_make(admin, wish, timeout_ms, &plan);
    json = json && is_dry;
    if (status == EXIT_OK && !json)
        reassign_plan_print(&plan);
    if (status == EXIT_OK && plan.count == 0 && !json)
        printf("nothing to change\n");
    if (status == EXIT_OK && (plan.count > 0 || json) && session_looks_first(invocation))
        status = look_and_ask(invocation, admin, &plan, json, timeout_ms);
    if (status == EXIT_OK && plan.count > 0 && !is_dry)
        status = change_and_wait(invocation, admin, &plan, timeout_ms);
    reassign_plan_free(&plan);
    return status;
}

/* --- The command line --------------------------------------------------------------------- */

struct reassign_words {
    struct partition_name name;
    struct broker_list to, leave;
};

static enum exit_status usage(const char *problem) {
    fprintf(stderr, "barnabas: partition reassign: %s\n", problem);
    return EXIT_USAGE;
}

static enum exit_status read_lists(const struct invocation *invocation,
                                   struct reassign_words *words, struct reassign_wish *wish) {
    const char *to = invocation_value(invocation, "to", NULL);
    const char *leave = invocation_value(invocation, "remove", NULL);
    int64_t replication_factor;

    if (to != NULL && !broker_list_parse(to, &words->to))
        return usage("--to takes different brokers: 1,2,3");
    if (leave != NULL && !broker_list_parse(leave, &words->leave))
        return usage("--remove takes different brokers: 1,2,3");
    if (!invocation_number(invocation, "replication-factor", 1, BROKER_LIST_MAX, 0,
                           &replication_factor))
        return EXIT_USAGE;
    wish->to = to == NULL ? NULL : &words->to;
    wish->leave = leave == NULL ? NULL : &words->leave;
    wish->replication_factor = (size_t)replication_factor;
    wish->cancels = invocation_has(invocation, "cancel");
    return EXIT_OK;
}

static enum exit_status read_wish(const struct invocation *invocation, struct reassign_words *words,
                                  struct reassign_wish *wish) {
    enum exit_status status = read_lists(invocation, words, wish);
    bool fits = wish->leave != NULL || wish->replication_factor > 0;

    if (status != EXIT_OK)
        return status;
    if ((wish->to != NULL) + wish->cancels + fits > 1)
        return usage("--to, --cancel and the others exclude each other");
    if (invocation->operand_count == 0)
        return wish->to != NULL || wish->cancels || wish->replication_factor > 0
                   ? usage("which partitions?")
                   : EXIT_OK;
    if (wish->to == NULL && !wish->cancels && !fits)
        return usage("needs --to, --remove, --replication-factor or --cancel");
    if (!partition_name_parse(invocation->operands[0], &words->name))
        return usage("the operand is no TOPIC or TOPIC:PARTITION");
    wish->name = &words->name;
    return EXIT_OK;
}

static enum exit_status run_reassign(const struct invocation *invocation) {
    struct reassign_wish wish = {0};
    struct reassign_words words;
    struct barnabas_admin *admin;
    enum exit_status status = read_wish(invocation, &words, &wish);
    int64_t timeout_ms;

    if (status != EXIT_OK || (status = session_admin(invocation, &admin, &timeout_ms)) != EXIT_OK)
        return status;
    status = wish.name == NULL && wish.leave == NULL ? list(admin, timeout_ms)
                                                     : change(invocation, admin, &wish, timeout_ms);
    barnabas_admin_close(admin);
    return status;
}

const struct command command_partition_reassign = {
    .group = "partition",
    .verb = "reassign",
    .operands = "[TOPIC[:PARTITION]]",
    .operand_count_max = 1,
    .meaning = "move partitions to other brokers, or see what is under way",
    .details =
        "Without operands and flags it lists what is under way; --remove without operands\n"
        "empties brokers of all topics. The first broker of --to is the\n"
        "preferred leader. New replicas copy everything first; the old ones are deleted\n"
        "when all of them are in sync. --throttle bounds each broker, for the replicas that\n"
        "move; it is removed when --wait returns.",
    .flags = reassign_flags,
    .flag_count = sizeof(reassign_flags) / sizeof(reassign_flags[0]),
    .run = run_reassign,
};

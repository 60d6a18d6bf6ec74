/* partition reassign */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ops/cli/command_table.h"
#include "ops/cli/reassign_impact.h"
#include "ops/cli/reassign_plan.h"
#include "ops/cli/reassign_throttle.h"
#include "ops/cli/reassign_watch.h"
#include "ops/cli/report.h"
#include "ops/cli/session.h"

#define WAIT_MS_DEFAULT 3600000

static const struct flag reassign_flags[] = {
    {0, "to", "ID,...", "the brokers that shall have it; of a whole topic they lead in turn"},
    {0, "remove", "ID,...", "brokers to be emptied; their replicas go where there are fewest"},
    {0, "replication-factor", "N", "how many replicas each partition shall have"},
    {0, "cancel", NULL, "take back what is under way"},
    {0, "throttle", "BYTES", "let the data move no faster than so many bytes per second"},
    {0, "plan", "FILE", "the partitions and replicas that a reassignment of Kafka's tool names"},
    {0, "verify", NULL, "change nothing; say whether it is done"},
    {0, "wait", NULL, "tell of the progress, and return when the data has moved"},
    {'n', "dry-run", NULL, "only show what would be changed"},
};

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
        status = reassign_wait(admin, plan, timeout_ms, wait_ms);
    } else if (is_throttled) {
        report_tell(NULL,
                    "the throttle stays: --cancel, or the same again with --wait, removes it");
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
                                     int64_t timeout_ms) {
    const bool is_dry = invocation_has(invocation, "dry-run");
    struct reassign_impact impact;
    enum exit_status status = reassign_impact_read(admin, plan, timeout_ms, &impact);

    if (status == EXIT_OK && is_dry && report_is_json())
        status = reassign_impact_json(&impact, plan);
    else if (status == EXIT_OK && !report_is_json())
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
    const bool is_document = report_is_json() && is_dry;
    struct reassign_plan plan = {0};
    enum exit_status status = reassign_plan_make(admin, wish, timeout_ms, &plan);

    if (status == EXIT_OK)
        reassign_plan_print(&plan);
    if (status == EXIT_OK && plan.count == 0)
        report_tell(NULL, "nothing to change");
    if (status == EXIT_OK && (plan.count > 0 || is_document) && session_looks_first(invocation))
        status = look_and_ask(invocation, admin, &plan, timeout_ms);
    if (status == EXIT_OK && plan.count > 0 && !is_dry)
        status = change_and_wait(invocation, admin, &plan, timeout_ms);
    reassign_plan_free(&plan);
    return status;
}

/* --- The command line --------------------------------------------------------------------- */

struct reassign_words {
    struct partition_name name;
    struct broker_list to, leave;
    struct reassign_file file;
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
    wish->keeps_same = invocation_has(invocation, "verify");
    return EXIT_OK;
}

/* What is to be done with the partitions; exactly one of these, but for --plan, which may also be
 * taken back. */
static enum exit_status check_aims(const struct invocation *invocation,
                                   const struct reassign_wish *wish, bool has_plan) {
    bool fits = wish->leave != NULL || wish->replication_factor > 0;

    if ((wish->to != NULL) + (wish->cancels && !has_plan) + fits + has_plan > 1)
        return usage("--to, --cancel, --plan and the others exclude each other");
    if (wish->keeps_same && wish->to == NULL && !has_plan)
        return usage("--verify needs --to or --plan, as it was begun");
    if (wish->keeps_same && (wish->cancels || invocation_has(invocation, "dry-run")))
        return usage("--verify changes nothing");
    if (invocation->operand_count == 0)
        return wish->to != NULL || (wish->cancels && !has_plan) || wish->replication_factor > 0
                   ? usage("which partitions?")
                   : EXIT_OK;
    if (has_plan)
        return usage("--plan names the partitions itself");
    if (wish->to == NULL && !wish->cancels && !fits)
        return usage("needs --to, --remove, --replication-factor, --plan or --cancel");
    return EXIT_OK;
}

static enum exit_status read_wish(const struct invocation *invocation, struct reassign_words *words,
                                  struct reassign_wish *wish) {
    const char *plan = invocation_value(invocation, "plan", NULL);
    enum exit_status status = read_lists(invocation, words, wish);

    if (status == EXIT_OK)
        status = check_aims(invocation, wish, plan != NULL);
    if (status != EXIT_OK)
        return status;
    if (plan != NULL) {
        if (!reassign_file_read(plan, &words->file))
            return EXIT_USAGE;
        wish->file = &words->file;
    }
    if (invocation->operand_count == 0)
        return EXIT_OK;
    if (!partition_name_parse(invocation->operands[0], &words->name))
        return usage("the operand is no TOPIC or TOPIC:PARTITION");
    wish->name = &words->name;
    return EXIT_OK;
}

/* Like Kafka's tool it removes the throttle when all is done. */
static enum exit_status verify(struct barnabas_admin *admin, const struct reassign_wish *wish,
                               int64_t timeout_ms) {
    struct reassign_plan plan = {0};
    enum exit_status status = reassign_plan_make(admin, wish, timeout_ms, &plan);
    bool is_done = false;

    if (status == EXIT_OK)
        status = reassign_verify(admin, &plan, timeout_ms, &is_done);
    if (status == EXIT_OK && is_done && reassign_throttle_is_set(admin, &plan, timeout_ms))
        status = reassign_throttle_remove(admin, &plan, timeout_ms);
    reassign_plan_free(&plan);
    return status == EXIT_OK && !is_done ? EXIT_FAILED : status;
}

static enum exit_status run_reassign(const struct invocation *invocation) {
    struct reassign_wish wish = {0};
    struct reassign_words words = {.file = {0}};
    struct barnabas_admin *admin = NULL;
    enum exit_status status = read_wish(invocation, &words, &wish);
    int64_t timeout_ms;

    if (status == EXIT_OK)
        status = session_admin(invocation, &admin, &timeout_ms);
    if (status == EXIT_OK && wish.keeps_same)
        status = verify(admin, &wish, timeout_ms);
    else if (status == EXIT_OK && wish.name == NULL && wish.leave == NULL && wish.file == NULL)
        status = reassign_list(admin, timeout_ms);
    else if (status == EXIT_OK)
        status = change(invocation, admin, &wish, timeout_ms);
    barnabas_admin_close(admin);
    reassign_file_free(&words.file);
    return status;
}

const struct command command_partition_reassign = {
    .group = "partition",
    .verb = "reassign",
    .operands = "[TOPIC[:PARTITION]]",
    .operand_count_max = 1,
    .meaning = "move partitions to other brokers, or see what is under way",
    .details =
        "Without operands and flags it lists what is under way, and what is LEFT to be copied;\n"
        "--remove without operands empties brokers of all topics. The first broker of --to is the\n"
        "preferred leader. New replicas copy everything first; the old ones are deleted\n"
        "when all of them are in sync. --throttle bounds each broker, for the replicas that\n"
        "move; it is removed when --wait returns, or --verify finds everything done.\n"
        "--verify ends with status 1 if something is not; --plan FILE --cancel takes back what\n"
        "is under way of it.",
    .flags = reassign_flags,
    .flag_count = sizeof(reassign_flags) / sizeof(reassign_flags[0]),
    .result_kind = "Reassignment",
    .run = run_reassign,
};

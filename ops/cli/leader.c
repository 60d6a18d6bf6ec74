/* leader elect */
#include <stdlib.h>

#include "ops/cli/command_table.h"
#include "ops/cli/json.h"
#include "ops/cli/partition_name.h"
#include "ops/cli/report.h"
#include "ops/cli/session.h"
#include "ops/cli/unclean_loss.h"

static const struct flag elect_flags[] = {
    {0, "preferred", NULL, "make the first replica the leader, where it is in sync"},
    {0, "unclean", NULL, "where nobody leads, let any live replica: records may be lost"},
    {'n', "dry-run", NULL, "with --unclean: only show who would lead, and what would be lost"},
};

/* The partitions that are meant; NULL with a count of 0 for all. */
static enum exit_status partitions_of(struct barnabas_admin *admin,
                                      const struct partition_name *name, int64_t timeout_ms,
                                      struct barnabas_topic_partition **partitions, size_t *count) {
    const char *topic = name->topic;
    struct barnabas_topics *topics = NULL;
    int error;

    *count = 1;
    if (name->partition == PARTITION_ALL) {
        error = barnabas_admin_describe_topics(admin, &topic, 1, timeout_ms, &topics);
        if (error == BARNABAS_OK)
            error =
                topics->count == 1 ? topics->items[0].error : BARNABAS_UNKNOWN_TOPIC_OR_PARTITION;
        if (error == BARNABAS_OK)
            *count = topics->items[0].partition_count;
        barnabas_topics_free(topics);
        if (error != BARNABAS_OK)
            return session_fail(topic, error);
    }
    *partitions = calloc(*count + 1, sizeof(**partitions));
    if (*partitions == NULL)
        return EXIT_FAILED;
    for (size_t i = 0; i < *count; i++)
        (*partitions)[i] = (struct barnabas_topic_partition){
            name->topic, name->partition == PARTITION_ALL ? (int32_t)i : name->partition};
    return EXIT_OK;
}

static json_t *outcome_json(const struct barnabas_outcome *outcome) {
    return json_pack("{s:s, s:i, s:s}", "topic", outcome->topic, "partitionIndex",
                     outcome->partition, "error", barnabas_error_name(outcome->error));
}

/* Where the preferred replica leads already, nothing has failed. */
static enum exit_status outcomes_print(const struct barnabas_outcomes *outcomes) {
    size_t elected = 0;
    size_t needless = 0;
    size_t failed = 0;

    for (size_t i = 0; i < outcomes->count; i++) {
        const struct barnabas_outcome *outcome = &outcomes->items[i];

        if (outcome->error == BARNABAS_OK) {
            elected++;
            report_tell(outcome_json(outcome), "elected %s:%d", outcome->topic, outcome->partition);
        } else if (outcome->error == BARNABAS_ELECTION_NOT_NEEDED) {
            needless++;
            report_add(outcome_json(outcome));
        } else {
            failed++;
            report_add(outcome_json(outcome));
            fprintf(stderr, "barnabas: leader elect %s:%d: %s: %s\n", outcome->topic,
                    outcome->partition, barnabas_error_name(outcome->error), outcome->message);
        }
    }
    report_tell(NULL, "%zu elected, %zu already so, %zu failed", elected, needless, failed);
    if (failed == 0)
        return EXIT_OK;
    return elected + needless > 0 ? EXIT_PARTLY_FAILED : EXIT_FAILED;
}

static enum exit_status elect(struct barnabas_admin *admin, enum barnabas_election type,
                              const struct partition_name *name, int64_t timeout_ms) {
    struct barnabas_topic_partition *partitions = NULL;
    struct barnabas_outcomes *outcomes = NULL;
    enum exit_status status = EXIT_OK;
    size_t count = 0;
    int error;

    if (name != NULL)
        status = partitions_of(admin, name, timeout_ms, &partitions, &count);
    if (status == EXIT_OK) {
        error = barnabas_admin_elect_leaders(admin, type, partitions, count, timeout_ms, &outcomes);
        status =
            error == BARNABAS_OK ? outcomes_print(outcomes) : session_fail("leader elect", error);
    }
    barnabas_outcomes_free(outcomes);
    free(partitions);
    return status;
}

static enum exit_status elect_unclean(const struct invocation *invocation,
                                      struct barnabas_admin *admin,
                                      const struct partition_name *name, bool json,
                                      int64_t timeout_ms) {
    enum exit_status status = EXIT_OK;

    if (session_looks_first(invocation))
        status = unclean_loss_show(admin, name, json, timeout_ms);
    if (status != EXIT_OK || invocation_has(invocation, "dry-run"))
        return status;
    status = session_confirm(invocation, "What the new leaders have not copied is lost for good.",
                             "unclean");
    return status == EXIT_OK ? elect(admin, BARNABAS_ELECTION_UNCLEAN, name, timeout_ms) : status;
}

static enum exit_status elect_preferred(const struct invocation *invocation,
                                        struct barnabas_admin *admin,
                                        const struct partition_name *name, int64_t timeout_ms) {
    enum exit_status status =
        session_confirm(invocation, "Leadership moves to the preferred replicas.", NULL);

    return status == EXIT_OK ? elect(admin, BARNABAS_ELECTION_PREFERRED, name, timeout_ms) : status;
}

static enum exit_status usage(const char *problem) {
    fprintf(stderr, "barnabas: leader elect: %s\n", problem);
    return EXIT_USAGE;
}

static enum exit_status run_elect(const struct invocation *invocation) {
    bool unclean = invocation_has(invocation, "unclean");
    bool all = invocation->operand_count == 0;
    struct partition_name name;
    struct barnabas_admin *admin;
    enum exit_status status;
    int64_t timeout_ms;
    bool json;

    if (invocation_has(invocation, "preferred") == unclean)
        return usage("needs --preferred or --unclean");
    if (invocation_has(invocation, "dry-run") && !unclean)
        return usage("--dry-run is for --unclean");
    if (!all && !partition_name_parse(invocation->operands[0], &name))
        return usage("the operand is no TOPIC or TOPIC:PARTITION");
    if (!session_json(invocation, &json))
        return EXIT_USAGE;
    if ((status = session_admin(invocation, &admin, &timeout_ms)) != EXIT_OK)
        return status;
    status = unclean ? elect_unclean(invocation, admin, all ? NULL : &name, json, timeout_ms)
                     : elect_preferred(invocation, admin, all ? NULL : &name, timeout_ms);
    barnabas_admin_close(admin);
    return status;
}

const struct command command_leader_elect = {
    .group = "leader",
    .verb = "elect",
    .operands = "[TOPIC[:PARTITION]]",
    .operand_count_max = 1,
    .meaning = "elect leaders, for all partitions or those named",
    .flags = elect_flags,
    .flag_count = sizeof(elect_flags) / sizeof(elect_flags[0]),
    .result_kind = "LeaderElection",
    .run = run_elect,
};

/* leader elect */
#include <stdlib.h>

#include "ops/cli/command_table.h"
#include "ops/cli/json.h"
#include "ops/cli/partition_name.h"
#include "ops/cli/session.h"

static const struct flag elect_flags[] = {
    {0, "preferred", NULL, "make the first replica the leader, where it is in sync"},
    {0, "unclean", NULL, "where nobody leads, let any live replica: records may be lost"},
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

/* Where the preferred replica leads already, nothing has failed. */
static enum exit_status outcomes_print(const struct barnabas_outcomes *outcomes) {
    size_t elected = 0;
    size_t needless = 0;
    size_t failed = 0;

    for (size_t i = 0; i < outcomes->count; i++) {
        const struct barnabas_outcome *outcome = &outcomes->items[i];

        if (outcome->error == BARNABAS_OK) {
            elected++;
            printf("elected %s:%d\n", outcome->topic, outcome->partition);
        } else if (outcome->error == BARNABAS_ELECTION_NOT_NEEDED) {
            needless++;
        } else {
            failed++;
            fprintf(stderr, "barnabas: leader elect %s:%d: %s: %s\n", outcome->topic,
                    outcome->partition, barnabas_error_name(outcome->error), outcome->message);
        }
    }
    printf("%zu elected, %zu already so, %zu failed\n", elected, needless, failed);
    if (failed == 0)
        return EXIT_OK;
    return elected + needless > 0 ? EXIT_PARTLY_FAILED : EXIT_FAILED;
}

static enum exit_status elect(const struct invocation *invocation, enum barnabas_election type,
                              const struct partition_name *name) {
    struct barnabas_topic_partition *partitions = NULL;
    struct barnabas_outcomes *outcomes = NULL;
    struct barnabas_admin *admin;
    enum exit_status status;
    int64_t timeout_ms;
    size_t count = 0;
    int error;

    if ((status = session_admin(invocation, &admin, &timeout_ms)) != EXIT_OK)
        return status;
    if (name != NULL)
        status = partitions_of(admin, name, timeout_ms, &partitions, &count);
    if (status == EXIT_OK) {
        error = barnabas_admin_elect_leaders(admin, type, partitions, count, timeout_ms, &outcomes);
        status =
            error == BARNABAS_OK ? outcomes_print(outcomes) : session_fail("leader elect", error);
    }
    barnabas_outcomes_free(outcomes);
    free(partitions);
    barnabas_admin_close(admin);
    return status;
}

static enum exit_status run_elect(const struct invocation *invocation) {
    bool unclean = invocation_has(invocation, "unclean");
    struct partition_name name;
    bool all = invocation->operand_count == 0;
    enum exit_status status;

    if (invocation_has(invocation, "preferred") == unclean) {
        fprintf(stderr, "barnabas: leader elect: needs --preferred or --unclean\n");
        return EXIT_USAGE;
    }
    if (!all && !partition_name_parse(invocation->operands[0], &name)) {
        fprintf(stderr, "barnabas: \"%s\" is not TOPIC or TOPIC:PARTITION\n",
                invocation->operands[0]);
        return EXIT_USAGE;
    }
    status = unclean
                 ? session_confirm(invocation,
                                   "Where no replica in sync lives, another one leads: what it has "
                                   "not copied is lost for good.",
                                   "unclean")
                 : session_confirm(invocation, "Leadership moves to the preferred replicas.", NULL);
    if (status != EXIT_OK)
        return status;
    return elect(invocation, unclean ? BARNABAS_ELECTION_UNCLEAN : BARNABAS_ELECTION_PREFERRED,
                 all ? NULL : &name);
}

const struct command command_leader_elect = {
    .group = "leader",
    .verb = "elect",
    .operands = "[TOPIC[:PARTITION]]",
    .operand_count_max = 1,
    .meaning = "elect leaders, for all partitions or those named",
    .flags = elect_flags,
    .flag_count = sizeof(elect_flags) / sizeof(elect_flags[0]),
    .run = run_elect,
};

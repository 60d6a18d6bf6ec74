/* leader move */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ops/cli/broker_list.h"
#include "ops/cli/command_table.h"
#include "ops/cli/partition_name.h"
#include "ops/cli/report.h"
#include "ops/cli/session.h"

static const struct flag move_flags[] = {
    {0, "to", "ID", "the broker that shall lead: a replica that is in sync"},
};

static bool contains(const int32_t *ids, size_t count, int32_t id) {
    for (size_t i = 0; i < count; i++)
        if (ids[i] == id)
            return true;
    return false;
}

static bool is_being_reassigned(const struct barnabas_reassignments *list,
                                const struct partition_name *name) {
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i].topic, name->topic) == 0 &&
            list->items[i].partition == name->partition)
            return true;
    return false;
}

/* Why it cannot be done; NULL if it can. */
static const char *fault_of(const struct barnabas_partition_info *partition, int32_t id,
                            bool reassigned) {
    if (reassigned)
        return "a reassignment of it is under way; wait for it, or cancel it";
    if (!contains(partition->replicas, partition->replica_count, id))
        return "the broker has no replica of it; `partition reassign` gives it one";
    if (!contains(partition->isr, partition->isr_count, id))
        return "the broker's replica is not in sync";
    if (partition->replica_count > BROKER_LIST_MAX)
        return "it has too many replicas";
    return NULL;
}

/* The preferred replica is the first: the order is changed, then the preferred one elected. */
static enum exit_status put_first(struct barnabas_admin *admin, const struct partition_name *name,
                                  const struct barnabas_partition_info *partition, int32_t id,
                                  int64_t timeout_ms) {
    int32_t ordered[BROKER_LIST_MAX];
    struct barnabas_new_replicas row = {name->topic, name->partition, ordered,
                                        partition->replica_count};
    struct barnabas_topic_partition of = {name->topic, name->partition};
    struct barnabas_outcomes *outcomes = NULL;
    enum exit_status status;
    int error;

    (void)broker_list_put_first(partition->replicas, partition->replica_count, id, ordered);
    error = barnabas_admin_alter_reassignments(admin, &row, 1, timeout_ms, &outcomes);
    status = error == BARNABAS_OK ? session_outcomes("leader move", outcomes)
                                  : session_fail("leader move", error);
    barnabas_outcomes_free(outcomes);
    if (status != EXIT_OK || partition->leader == id)
        return status;
    outcomes = NULL;
    error = barnabas_admin_elect_leaders(admin, BARNABAS_ELECTION_PREFERRED, &of, 1, timeout_ms,
                                         &outcomes);
    if (error != BARNABAS_OK)
        status = session_fail("leader move", error);
    else if (outcomes->count != 1 || outcomes->items[0].error != BARNABAS_ELECTION_NOT_NEEDED)
        status = session_outcomes("leader move", outcomes);
    barnabas_outcomes_free(outcomes);
    return status;
}

static enum exit_status move(struct barnabas_admin *admin, const struct partition_name *name,
                             const struct barnabas_topic_info *topic, int32_t id,
                             int64_t timeout_ms) {
    const struct barnabas_partition_info *partition = &topic->partitions[name->partition];
    struct barnabas_reassignments *under_way = NULL;
    int error = barnabas_admin_list_reassignments(admin, timeout_ms, &under_way);
    const char *fault;
    enum exit_status status;

    if (error != BARNABAS_OK)
        return session_fail("leader move", error);
    fault = fault_of(partition, id, is_being_reassigned(under_way, name));
    barnabas_reassignments_free(under_way);
    if (fault != NULL) {
        fprintf(stderr, "barnabas: leader move %s:%" PRId32 ": refused: %s\n", name->topic,
                name->partition, fault);
        return EXIT_REFUSED;
    }
    status = put_first(admin, name, partition, id, timeout_ms);
    if (status == EXIT_OK)
        report_tell(json_pack("{s:s, s:i, s:i}", "topic", name->topic, "partitionIndex",
                              name->partition, "leaderId", id),
                    "%s:%" PRId32 " is led by %" PRId32, name->topic, name->partition, id);
    return status;
}

static enum exit_status find_and_move(struct barnabas_admin *admin,
                                      const struct partition_name *name, int32_t id,
                                      int64_t timeout_ms) {
    const char *topic = name->topic;
    struct barnabas_topics *topics = NULL;
    int error = barnabas_admin_describe_topics(admin, &topic, 1, timeout_ms, &topics);
    enum exit_status status;

    if (error == BARNABAS_OK)
        error = topics->count == 1 ? topics->items[0].error : BARNABAS_UNKNOWN_TOPIC_OR_PARTITION;
    if (error == BARNABAS_OK && (size_t)name->partition >= topics->items[0].partition_count)
        error = BARNABAS_UNKNOWN_TOPIC_OR_PARTITION;
    status = error == BARNABAS_OK ? move(admin, name, &topics->items[0], id, timeout_ms)
                                  : session_fail(topic, error);
    barnabas_topics_free(topics);
    return status;
}

static enum exit_status run_move(const struct invocation *invocation) {
    struct partition_name name;
    struct barnabas_admin *admin;
    enum exit_status status;
    int64_t timeout_ms, id;

    if (!partition_name_parse(invocation->operands[0], &name) || name.partition == PARTITION_ALL) {
        fprintf(stderr, "barnabas: \"%s\" is not TOPIC:PARTITION\n", invocation->operands[0]);
        return EXIT_USAGE;
    }
    if (!invocation_number(invocation, "to", 0, INT32_MAX, -1, &id))
        return EXIT_USAGE;
    if (id < 0) {
        fprintf(stderr, "barnabas: leader move: needs --to\n");
        return EXIT_USAGE;
    }
    status = session_confirm(invocation,
                             "Leadership moves, and the replica becomes the preferred one.", NULL);
    if (status != EXIT_OK || (status = session_admin(invocation, &admin, &timeout_ms)) != EXIT_OK)
        return status;
    status = find_and_move(admin, &name, (int32_t)id, timeout_ms);
    barnabas_admin_close(admin);
    return status;
}

const struct command command_leader_move = {
    .group = "leader",
    .verb = "move",
    .operands = "TOPIC:PARTITION",
    .operand_count_min = 1,
    .operand_count_max = 1,
    .meaning = "make a replica the leader, and the preferred one",
    .flags = move_flags,
    .flag_count = sizeof(move_flags) / sizeof(move_flags[0]),
    .result_kind = "LeaderMove",
    .run = run_move,
};

/* topic alter */
#include <inttypes.h>

#include "ops/cli/command_table.h"
#include "ops/cli/report.h"
#include "ops/cli/session.h"
#include "ops/cli/setting_flags.h"

static const struct flag alter_flags[] = {
    {'P', "partitions", "N", "the new number, more than there are"},
    SETTING_FLAGS,
    {0, "dry-run", NULL, "check, and change nothing"},
};

static enum exit_status add_partitions(const struct invocation *invocation,
                                       struct barnabas_admin *admin, int32_t count,
                                       int64_t timeout_ms) {
    const struct barnabas_more_partitions more = {invocation->operands[0], count};
    bool dry_run = invocation_has(invocation, "dry-run");
    struct barnabas_outcomes *outcomes = NULL;
    int error = barnabas_admin_create_partitions(admin, &more, 1, dry_run, timeout_ms, &outcomes);
    enum exit_status status = error == BARNABAS_OK ? session_outcomes("topic alter", outcomes)
                                                   : session_fail("topic alter", error);

    if (status == EXIT_OK)
        report_tell(json_pack("{s:s, s:s, s:i}", "name", more.topic, "error", "NONE",
                              "numPartitions", count),
                    "topic %s %s %" PRId32 " partitions", more.topic,
                    dry_run ? "could have" : "has now", count);
    barnabas_outcomes_free(outcomes);
    return status;
}

static enum exit_status change_settings(const struct invocation *invocation,
                                        struct barnabas_admin *admin,
                                        const struct setting_changes *changes, int64_t timeout_ms) {
    const char *topic = invocation->operands[0];
    bool dry_run = invocation_has(invocation, "dry-run");
    struct barnabas_outcomes *outcomes = NULL;
    int error = barnabas_admin_alter_settings(admin, BARNABAS_RESOURCE_TOPIC, topic, changes->items,
                                              changes->count, dry_run, timeout_ms, &outcomes);
    enum exit_status status = error == BARNABAS_OK ? session_outcomes("topic alter", outcomes)
                                                   : session_fail("topic alter", error);

    if (status == EXIT_OK)
        report_outcomes(dry_run ? "could change settings of topic" : "changed settings of topic",
                        outcomes);
    barnabas_outcomes_free(outcomes);
    return status;
}

/* Settings first: they can be taken back, partitions cannot. */
static enum exit_status alter(const struct invocation *invocation,
                              const struct setting_changes *changes, int32_t partition_count) {
    struct barnabas_admin *admin;
    enum exit_status status;
    int64_t timeout_ms;

    if ((status = session_admin(invocation, &admin, &timeout_ms)) != EXIT_OK)
        return status;
    if (changes->count > 0)
        status = change_settings(invocation, admin, changes, timeout_ms);
    if (status == EXIT_OK && partition_count > 0)
        status = add_partitions(invocation, admin, partition_count, timeout_ms);
    barnabas_admin_close(admin);
    return status;
}

static enum exit_status confirm(const struct invocation *invocation,
                                const struct setting_changes *changes, int32_t partition_count) {
    char what[512], question[1024];
    char partitions[160] = "";

    if (invocation_has(invocation, "dry-run"))
        return EXIT_OK;
    if (partition_count > 0)
        snprintf(partitions, sizeof(partitions),
                 " It gets %" PRId32 " partitions, for good; keys may go to others than before.",
                 partition_count);
    setting_changes_print(changes, what, sizeof(what));
    snprintf(question, sizeof(question), "Topic %s: %s.%s", invocation->operands[0],
             changes->count == 0 ? "settings stay" : what, partitions);
    return session_confirm(invocation, question, NULL);
}

static enum exit_status run_alter(const struct invocation *invocation) {
    struct setting_changes changes;
    enum exit_status status = EXIT_USAGE;
    int64_t partition_count;

    if (!invocation_number(invocation, "partitions", 1, 1000000, 0, &partition_count))
        return EXIT_USAGE;
    if (setting_changes_take(invocation, &changes)) {
        if (changes.count == 0 && partition_count == 0)
            fprintf(stderr, "barnabas: topic alter: nothing to change\n");
        else if ((status = confirm(invocation, &changes, (int32_t)partition_count)) == EXIT_OK)
            status = alter(invocation, &changes, (int32_t)partition_count);
    }
    setting_changes_done(&changes);
    return status;
}

const struct command command_topic_alter = {
    .group = "topic",
    .verb = "alter",
    .operands = "NAME",
    .operand_count_min = 1,
    .operand_count_max = 1,
    .meaning = "change a topic's settings, or give it more partitions",
    .flags = alter_flags,
    .flag_count = sizeof(alter_flags) / sizeof(alter_flags[0]),
    .result_kind = "TopicChange",
    .run = run_alter,
};

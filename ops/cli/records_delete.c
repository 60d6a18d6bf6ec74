/*
 * records delete: the records at the beginning of partitions. Up to where is worked out first, and
 * shown with the groups that have not read so far.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ops/cli/command_table.h"
#include "ops/cli/delete_file.h"
#include "ops/cli/group_marks.h"
#include "ops/cli/partition_name.h"
#include "ops/cli/report.h"
#include "ops/cli/session.h"
#include "ops/cli/start_position.h"
#include "ops/cli/table.h"

#define WHAT "records delete"

static const struct flag delete_flags[] = {
    {0, "before", "WHERE", "an OFFSET, @EPOCH, ISO 8601 time, -2h (so long ago), or end: all"},
    {0, "plan", "FILE", "partitions and offsets, as kafka-delete-records takes them"},
    {'n', "dry-run", NULL, "only show what would be gone"},
};

struct deletion {
    struct barnabas_admin *admin;
    int64_t timeout_ms;
    struct group_lines wanted;       /* the offsets to delete up to; -1: to the end */
    struct barnabas_offsets *begins; /* of each of these logs */
    struct barnabas_offsets *ends;
    struct group_marks marks; /* of all topics, if somebody is to be shown or asked */
};

static enum exit_status usage(const char *problem) {
    fprintf(stderr, "barnabas: " WHAT ": %s\n", problem);
    return EXIT_USAGE;
}

static void deletion_done(struct deletion *deletion) {
    group_lines_done(&deletion->wanted);
    barnabas_offsets_free(deletion->begins);
    barnabas_offsets_free(deletion->ends);
    group_marks_free(&deletion->marks);
    barnabas_admin_close(deletion->admin);
}

/* --- what is meant -------------------------------------------------------------------------- */

static int add_partitions(struct deletion *deletion, const char *text, int64_t offset) {
    struct barnabas_topics *topics = NULL;
    struct partition_name name;
    const char *topic = name.topic;
    size_t found = 0;
    int error;

    if (!partition_name_parse(text, &name))
        return BARNABAS_INVALID_TOPIC;
    error =
        barnabas_admin_describe_topics(deletion->admin, &topic, 1, deletion->timeout_ms, &topics);
    if (error == BARNABAS_OK)
        error = topics->count == 1 ? topics->items[0].error : BARNABAS_UNKNOWN_TOPIC_OR_PARTITION;
    for (size_t i = 0; error == BARNABAS_OK && i < topics->items[0].partition_count; i++) {
        int32_t partition = topics->items[0].partitions[i].partition;

        if (name.partition != PARTITION_ALL && name.partition != partition)
            continue;
        found++;
        if (group_lines_find(&deletion->wanted, topic, partition) == NULL &&
            !group_lines_add(&deletion->wanted, topic, partition, offset))
            error = BARNABAS_OUT_OF_MEMORY;
    }
    if (error == BARNABAS_OK && found == 0)
        error = BARNABAS_UNKNOWN_TOPIC_OR_PARTITION;
    barnabas_topics_free(topics);
    return error;
}

/* The first record that is not older stays; if all are older, none does. */
static enum exit_status take_time(struct deletion *deletion, int64_t timestamp) {
    struct barnabas_offsets *found = NULL;
    enum exit_status status = EXIT_OK;
    int error = group_lines_locate(&deletion->wanted, deletion->admin, timestamp,
                                   deletion->timeout_ms, &found);

    if (error != BARNABAS_OK)
        return session_fail(WHAT, error);
    for (size_t i = 0; status == EXIT_OK && i < found->count; i++) {
        deletion->wanted.items[i].offset = found->items[i].offset;
        if (found->items[i].error != BARNABAS_OK)
            status = session_fail(found->items[i].topic, found->items[i].error);
    }
    barnabas_offsets_free(found);
    return status;
}

static enum exit_status take_operands(const struct invocation *invocation,
                                      struct deletion *deletion,
                                      const struct barnabas_position *before) {
    const int64_t offset = before->kind == BARNABAS_FROM_OFFSET ? before->value : -1;

    for (size_t i = 0; i < invocation->operand_count; i++) {
        int error = add_partitions(deletion, invocation->operands[i], offset);

        if (error != BARNABAS_OK)
            return session_fail(invocation->operands[i], error);
    }
    return before->kind == BARNABAS_FROM_TIME ? take_time(deletion, before->value) : EXIT_OK;
}

/* --- what would be gone --------------------------------------------------------------------- */

/* Where the log would begin; -1: it is not known. */
static int64_t target_of(const struct deletion *deletion, size_t i) {
    const int64_t offset = deletion->wanted.items[i].offset;

    if (deletion->begins->items[i].error != BARNABAS_OK ||
        deletion->ends->items[i].error != BARNABAS_OK)
        return -1;
    return offset < 0 ? deletion->ends->items[i].offset : offset;
}

static int64_t gone_of(const struct deletion *deletion, size_t i) {
    const int64_t target = target_of(deletion, i);

    return target > deletion->begins->items[i].offset ? target - deletion->begins->items[i].offset
                                                      : 0;
}

static enum exit_status look(struct deletion *deletion) {
    enum exit_status status;
    int error =
        group_lines_locate(&deletion->wanted, deletion->admin, BARNABAS_OFFSET_SPEC_EARLIEST,
                           deletion->timeout_ms, &deletion->begins);

    if (error == BARNABAS_OK)
        error = group_lines_locate(&deletion->wanted, deletion->admin, BARNABAS_OFFSET_SPEC_LATEST,
                                   deletion->timeout_ms, &deletion->ends);
    if (error != BARNABAS_OK)
        return session_fail(WHAT, error);
    status = group_marks_read(deletion->admin, NULL, deletion->timeout_ms, &deletion->marks);
    for (size_t i = 0; status == EXIT_OK && i < deletion->wanted.count; i++) {
        const struct barnabas_offset *line = &deletion->wanted.items[i];

        if (target_of(deletion, i) >= 0)
            continue;
        fprintf(stderr, "barnabas: " WHAT ": %s:%d: where its log begins and ends is not known\n",
                line->topic, line->partition);
        status = EXIT_FAILED;
    }
    return status;
}

/* How many of what would be gone the group has not read; 0 if the mark is of another partition. */
static int64_t unread_of(const struct deletion *deletion, size_t i, const struct group_mark *mark) {
    const struct barnabas_offset *line = &deletion->wanted.items[i];
    const int64_t begin = deletion->begins->items[i].offset;
    const int64_t from = mark->offset > begin ? mark->offset : begin;

    if (mark->partition != line->partition || strcmp(mark->topic, line->topic) != 0)
        return 0;
    return target_of(deletion, i) > from ? target_of(deletion, i) - from : 0;
}

static void show_table(const struct deletion *deletion) {
    struct table *table = table_new("TOPIC PARTITION# BEGIN# END# NEW-BEGIN# GONE#");

    for (size_t i = 0; table != NULL && i < deletion->wanted.count; i++) {
        table_text(table, deletion->wanted.items[i].topic);
        table_number(table, deletion->wanted.items[i].partition);
        table_number(table, deletion->begins->items[i].offset);
        table_number(table, deletion->ends->items[i].offset);
        table_number(table, target_of(deletion, i));
        table_number(table, gone_of(deletion, i));
    }
    if (table != NULL)
        table_print(table, stdout);
    table_free(table);
    for (size_t m = 0; m < deletion->marks.count; m++)
        for (size_t i = 0; i < deletion->wanted.count; i++) {
            const struct group_mark *mark = &deletion->marks.items[m];
            const int64_t unread = unread_of(deletion, i, mark);

            if (unread > 0)
                printf("group %s has not read %" PRId64 " of %s:%d\n", mark->group, unread,
                       mark->topic, mark->partition);
        }
}

static void tell_json(const struct deletion *deletion) {
    for (size_t i = 0; i < deletion->wanted.count; i++) {
        json_t *groups = json_array();

        for (size_t m = 0; m < deletion->marks.count; m++) {
            const int64_t unread = unread_of(deletion, i, &deletion->marks.items[m]);

            if (unread > 0)
                json_array_append_new(groups, json_pack("{s:s, s:I}", "groupId",
                                                        deletion->marks.items[m].group, "unread",
                                                        (json_int_t)unread));
        }
        report_add(json_pack("{s:s, s:i, s:I, s:I, s:I, s:I, s:o}", "topic",
                             deletion->wanted.items[i].topic, "partitionIndex",
                             deletion->wanted.items[i].partition, "logStartOffset",
                             (json_int_t)deletion->begins->items[i].offset, "logEndOffset",
                             (json_int_t)deletion->ends->items[i].offset, "logStartOffsetThen",
                             (json_int_t)target_of(deletion, i), "recordsGone",
                             (json_int_t)gone_of(deletion, i), "groups", groups));
    }
}

/* The topic's name if there is but one. */
static const char *word_to_type(const struct group_lines *wanted) {
    for (size_t i = 1; i < wanted->count; i++)
        if (strcmp(wanted->items[i].topic, wanted->items[0].topic) != 0)
            return "delete";
    return wanted->items[0].topic;
}

static enum exit_status look_and_ask(const struct invocation *invocation,
                                     struct deletion *deletion) {
    const bool is_dry = invocation_has(invocation, "dry-run");
    enum exit_status status = look(deletion);

    if (status != EXIT_OK)
        return status;
    if (!report_is_json())
        show_table(deletion);
    else if (is_dry)
        tell_json(deletion);
    return is_dry ? EXIT_OK
                  : session_confirm(invocation, "These records will be gone for good.",
                                    word_to_type(&deletion->wanted));
}

/* --- doing it ------------------------------------------------------------------------------- */

static enum exit_status tell(const struct barnabas_offsets *beginnings) {
    enum exit_status status = EXIT_OK;
    size_t failed = 0;

    for (size_t i = 0; i < beginnings->count; i++) {
        const struct barnabas_offset *item = &beginnings->items[i];
        json_t *json = json_pack("{s:s, s:i, s:s, s:I}", "topic", item->topic, "partitionIndex",
                                 item->partition, "error", barnabas_error_name(item->error),
                                 "logStartOffset", (json_int_t)item->offset);

        if (item->error == BARNABAS_OK) {
            report_tell(json, "%s:%d begins at offset %" PRId64, item->topic, item->partition,
                        item->offset);
            continue;
        }
        report_add(json);
        failed++;
        status = exit_status_of(item->error);
        fprintf(stderr, "barnabas: " WHAT ": %s:%d: %s: %s\n", item->topic, item->partition,
                barnabas_error_name(item->error), barnabas_error_text(item->error));
    }
    return failed > 0 && failed < beginnings->count ? EXIT_PARTLY_FAILED : status;
}

static enum exit_status delete_records(struct deletion *deletion) {
    const size_t count = deletion->wanted.count;
    struct barnabas_records_before *records = calloc(count + 1, sizeof(*records));
    struct barnabas_offsets *beginnings = NULL;
    enum exit_status status;
    int error = BARNABAS_OUT_OF_MEMORY;

    if (records != NULL) {
        for (size_t i = 0; i < count; i++)
            records[i] = (struct barnabas_records_before){deletion->wanted.items[i].topic,
                                                          deletion->wanted.items[i].partition,
                                                          deletion->wanted.items[i].offset};
        error = barnabas_admin_delete_records(deletion->admin, records, count, deletion->timeout_ms,
                                              &beginnings);
    }
    status = error == BARNABAS_OK ? tell(beginnings) : session_fail(WHAT, error);
    barnabas_offsets_free(beginnings);
    free(records);
    return status;
}

/* --- the command line ------------------------------------------------------------------------ */

static bool parse_before(const struct invocation *invocation, struct barnabas_position *before) {
    const char *text = invocation_value(invocation, "before", NULL);
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    if (text == NULL ||
        (start_position_parse(text, now.tv_sec * 1000 + now.tv_nsec / 1000000, before) &&
         before->kind != BARNABAS_FROM_BEGINNING))
        return true;
    fprintf(stderr, "barnabas: " WHAT ": --before %s: not an offset, a time or end\n", text);
    return false;
}

static enum exit_status carry_out(const struct invocation *invocation, struct deletion *deletion,
                                  const struct barnabas_position *before) {
    const char *plan = invocation_value(invocation, "plan", NULL);
    enum exit_status status;

    if (plan != NULL && !delete_file_read(plan, &deletion->wanted))
        return EXIT_USAGE;
    if ((status = session_admin(invocation, &deletion->admin, &deletion->timeout_ms)) == EXIT_OK)
        status = take_operands(invocation, deletion, before);
    if (status != EXIT_OK || deletion->wanted.count == 0)
        return status;
    if (session_looks_first(invocation))
        status = look_and_ask(invocation, deletion);
    if (status == EXIT_OK && !invocation_has(invocation, "dry-run"))
        status = delete_records(deletion);
    return status;
}

static enum exit_status run_delete(const struct invocation *invocation) {
    const bool has_plan = invocation_has(invocation, "plan");
    struct barnabas_position before = {BARNABAS_FROM_OFFSET, 0};
    struct deletion deletion = {0};
    enum exit_status status;

    if (has_plan == invocation_has(invocation, "before") ||
        has_plan == (invocation->operand_count > 0))
        return usage("needs partitions and --before, or --plan");
    if (!parse_before(invocation, &before))
        return EXIT_USAGE;
    status = carry_out(invocation, &deletion, &before);
    deletion_done(&deletion);
    return status;
}

const struct command command_records_delete = {
    .group = "records",
    .verb = "delete",
    .operands = "[TOPIC[:PARTITION]...]",
    .operand_count_max = 1000,
    .meaning = "delete the records at the beginning of partitions",
    .details = "\nThe first record that stays is the one at the offset, or the first that is not "
               "older than the\ntime. Before it asks it shows how many would be gone, and which "
               "groups have not read them.\nTopics that are only compacted refuse it.\n",
    .flags = delete_flags,
    .flag_count = sizeof(delete_flags) / sizeof(delete_flags[0]),
    .result_kind = "RecordDeletion",
    .run = run_delete,
};

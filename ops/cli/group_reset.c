/*
 * group reset-offsets: moves what a group has committed. What would be is worked out and shown
 * first; then it is asked for, and committed in the group's name.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ops/cli/command_table.h"
#include "ops/cli/group_lines.h"
#include "ops/cli/json.h"
#include "ops/cli/partition_name.h"
#include "ops/cli/session.h"
#include "ops/cli/start_position.h"
#include "ops/cli/table.h"

static const struct flag reset_flags[] = {
    {0, "topic", "TOPIC[:N]", "only these, all their partitions; else all that is committed"},
    {0, "to", "WHERE", "earliest, latest, OFFSET, @EPOCH, ISO 8601 time, or -2h: so long ago"},
    {0, "shift", "N", "by so many records, back if negative"},
    {0, "from-file", "FILE", "lines of topic,partition,offset"},
    {0, "dry-run", NULL, "show what would be, and change nothing"},
};

struct reset {
    struct barnabas_admin *admin;
    const char *group;
    int64_t timeout_ms;
    /* One of these: */
    const char *file;
    bool shifts;
    int64_t shift;
    struct barnabas_position to;

    struct group_lines before; /* what is committed now; NONE if nothing */
    struct group_lines after;  /* what is to be, in the same order */
};

/* --- which partitions --------------------------------------------------------------------- */

static int add_topic(struct reset *reset, const struct barnabas_offsets *committed,
                     const char *text) {
    struct barnabas_topics *topics = NULL;
    struct partition_name name;
    const char *topic = name.topic;
    int error;

    if (!partition_name_parse(text, &name))
        return BARNABAS_INVALID_TOPIC;
    error = barnabas_admin_describe_topics(reset->admin, &topic, 1, reset->timeout_ms, &topics);
    if (error == BARNABAS_OK)
        error = topics->count == 1 ? topics->items[0].error : BARNABAS_UNKNOWN_TOPIC_OR_PARTITION;
    for (size_t i = 0; error == BARNABAS_OK && i < topics->items[0].partition_count; i++) {
        int32_t partition = topics->items[0].partitions[i].partition;
        int64_t offset = BARNABAS_OFFSET_NONE;

        if (name.partition != PARTITION_ALL && name.partition != partition)
            continue;
        for (size_t j = 0; j < committed->count; j++)
            if (committed->items[j].partition == partition &&
                strcmp(committed->items[j].topic, topic) == 0)
                offset = committed->items[j].offset;
        if (group_lines_find(&reset->before, topic, partition) == NULL &&
            !group_lines_add(&reset->before, topic, partition, offset))
            error = BARNABAS_OUT_OF_MEMORY;
    }
    barnabas_topics_free(topics);
    return error;
}

static int choose_partitions(const struct invocation *invocation, struct reset *reset,
                             const struct group_lines *wanted) {
    struct barnabas_offsets *committed = NULL;
    const char *topic = NULL;
    int error;

    error = barnabas_admin_group_offsets(reset->admin, reset->group, reset->timeout_ms, &committed);
    if (error != BARNABAS_OK)
        return error;
    for (size_t i = 0; wanted != NULL && error == BARNABAS_OK && i < wanted->count; i++) {
        char text[300];

        snprintf(text, sizeof(text), "%s:%d", wanted->items[i].topic, wanted->items[i].partition);
        error = add_topic(reset, committed, text);
    }
    for (size_t i = 0; wanted == NULL && error == BARNABAS_OK &&
                       (topic = invocation_value_at(invocation, "topic", i)) != NULL;
         i++)
        error = add_topic(reset, committed, topic);
    if (wanted == NULL && error == BARNABAS_OK &&
        invocation_value_at(invocation, "topic", 0) == NULL &&
        !group_lines_take(&reset->before, committed, NULL))
        error = BARNABAS_OUT_OF_MEMORY;
    group_lines_sort(&reset->before);
    barnabas_offsets_free(committed);
    return error;
}

/* --- where to ----------------------------------------------------------------------------- */

static int64_t clip(int64_t offset, int64_t first, int64_t end) {
    if (offset < first)
        return first;
    return offset > end ? end : offset;
}

/* Where a line is to be, before it is brought into the log; -1: cannot be said. */
static int64_t target_of(const struct reset *reset, const struct group_lines *wanted, size_t index,
                         int64_t first, int64_t end, const struct barnabas_offsets *at_time) {
    const struct barnabas_offset *line = &reset->before.items[index];

    if (wanted != NULL)
        return group_lines_find(wanted, line->topic, line->partition)->offset;
    if (reset->shifts)
        return line->offset < 0 ? -1 : clip(line->offset + reset->shift, first, end);
    switch (reset->to.kind) {
    case BARNABAS_FROM_BEGINNING:
        return first;
    case BARNABAS_FROM_END:
        return end;
    case BARNABAS_FROM_OFFSET:
        return reset->to.value;
    case BARNABAS_FROM_TIME:
        return at_time->items[index].offset < 0 ? end : at_time->items[index].offset;
    }
    return -1;
}

static int plan_lines(struct reset *reset, const struct group_lines *wanted,
                      const struct barnabas_offsets *first, const struct barnabas_offsets *end,
                      const struct barnabas_offsets *at_time) {
    for (size_t i = 0; i < reset->before.count; i++) {
        const struct barnabas_offset *line = &reset->before.items[i];
        int64_t target;

        if (first->items[i].error != BARNABAS_OK || end->items[i].error != BARNABAS_OK ||
            (at_time != NULL && at_time->items[i].error != BARNABAS_OK)) {
            int error =
                first->items[i].error != BARNABAS_OK ? first->items[i].error : end->items[i].error;

            fprintf(stderr, "barnabas: %s:%d: where its log begins and ends is not known\n",
                    line->topic, line->partition);
            return error != BARNABAS_OK ? error : at_time->items[i].error;
        }
        target = target_of(reset, wanted, i, first->items[i].offset, end->items[i].offset, at_time);
        if (target < 0) {
            fprintf(stderr, "barnabas: %s:%d: nothing is committed that could be shifted\n",
                    line->topic, line->partition);
            return BARNABAS_INVALID_REQUEST;
        }
        if (!group_lines_add(&reset->after, line->topic, line->partition,
                             clip(target, first->items[i].offset, end->items[i].offset)))
            return BARNABAS_OUT_OF_MEMORY;
    }
    return BARNABAS_OK;
}

static int plan(struct reset *reset, const struct group_lines *wanted) {
    struct barnabas_offsets *first = NULL;
    struct barnabas_offsets *end = NULL;
    struct barnabas_offsets *at_time = NULL;
    bool by_time = wanted == NULL && !reset->shifts && reset->to.kind == BARNABAS_FROM_TIME;
    int error;

    error = group_lines_locate(&reset->before, reset->admin, BARNABAS_OFFSET_SPEC_EARLIEST,
                               reset->timeout_ms, &first);
    if (error == BARNABAS_OK)
        error = group_lines_locate(&reset->before, reset->admin, BARNABAS_OFFSET_SPEC_LATEST,
                                   reset->timeout_ms, &end);
    if (error == BARNABAS_OK && by_time)
        error = group_lines_locate(&reset->before, reset->admin, reset->to.value, reset->timeout_ms,
                                   &at_time);
    if (error == BARNABAS_OK)
        error = plan_lines(reset, wanted, first, end, at_time);
    barnabas_offsets_free(first);
    barnabas_offsets_free(end);
    barnabas_offsets_free(at_time);
    return error;
}

/* --- showing and doing -------------------------------------------------------------------- */

static void show_json(const struct reset *reset) {
    json_t *document = json_document("GroupOffsets");
    json_t *items = json_array();

    for (size_t i = 0; i < reset->after.count; i++)
        json_array_append_new(
            items, json_pack("{s:s, s:i, s:I, s:I}", "topic", reset->after.items[i].topic,
                             "partition", reset->after.items[i].partition, "committedOffset",
                             (json_int_t)reset->before.items[i].offset, "newOffset",
                             (json_int_t)reset->after.items[i].offset));
    json_object_set_new(document, "groupId", json_string(reset->group));
    json_object_set_new(document, "items", items);
    (void)json_finish(document); /* the status is that of the change */
}

static void show_table(const struct reset *reset) {
    struct table *table = table_new("TOPIC PARTITION# COMMITTED# NEW#");

    for (size_t i = 0; table != NULL && i < reset->after.count; i++) {
        table_text(table, reset->after.items[i].topic);
        table_number(table, reset->after.items[i].partition);
        if (reset->before.items[i].offset < 0)
            table_text(table, "-");
        else
            table_number(table, reset->before.items[i].offset);
        table_number(table, reset->after.items[i].offset);
    }
    if (table != NULL)
        table_print(table, stdout);
    table_free(table);
}

/* While members are there they would commit over it; the coordinator would refuse, too. */
static enum exit_status check_no_members(const struct reset *reset) {
    struct barnabas_group *group = NULL;
    enum exit_status status = EXIT_OK;
    int error =
        barnabas_admin_describe_group(reset->admin, reset->group, reset->timeout_ms, &group);

    if (error != BARNABAS_OK) {
        status = session_fail(reset->group, error);
    } else if (group->member_count > 0) {
        fprintf(stderr,
                "barnabas: refused: group %s is %s with %zu members; stop its consumers first\n",
                reset->group, group->state, group->member_count);
        status = EXIT_REFUSED;
    }
    barnabas_group_free(group);
    return status;
}

static enum exit_status commit(const struct invocation *invocation, const struct reset *reset) {
    struct barnabas_outcomes *outcomes = NULL;
    enum exit_status status;
    int error;

    if ((status = check_no_members(reset)) != EXIT_OK)
        return status;
    status = session_confirm(invocation, "The group will go on from there. Commit?", NULL);
    if (status != EXIT_OK)
        return status;
    error = barnabas_admin_set_group_offsets(reset->admin, reset->group, reset->after.items,
                                             reset->after.count, reset->timeout_ms, &outcomes);
    status = error == BARNABAS_OK ? session_outcomes("reset of", outcomes)
                                  : session_fail(reset->group, error);
    barnabas_outcomes_free(outcomes);
    return status;
}

static enum exit_status reset_offsets(const struct invocation *invocation, struct reset *reset,
                                      const struct group_lines *wanted, bool json) {
    int error = choose_partitions(invocation, reset, wanted);

    if (error == BARNABAS_OK && reset->before.count == 0) {
        fprintf(stderr, "barnabas: group %s has committed nothing; --topic says what to set\n",
                reset->group);
        return EXIT_FAILED;
    }
    if (error == BARNABAS_OK)
        error = plan(reset, wanted);
    if (error != BARNABAS_OK)
        return session_fail(reset->group, error);
    if (json)
        show_json(reset);
    else
        show_table(reset);
    fflush(stdout);
    return invocation_has(invocation, "dry-run") ? EXIT_OK : commit(invocation, reset);
}

/* --- the command line --------------------------------------------------------------------- */

static bool parse_target(const struct invocation *invocation, struct reset *reset) {
    const char *to = invocation_value(invocation, "to", NULL);
    struct timespec now;

    reset->file = invocation_value(invocation, "from-file", NULL);
    reset->shifts = invocation_has(invocation, "shift");
    if ((to != NULL) + reset->shifts + (reset->file != NULL) != 1) {
        fprintf(stderr, "barnabas: one of --to, --shift and --from-file says where\n");
        return false;
    }
    if (!invocation_number(invocation, "shift", -INT64_MAX / 2, INT64_MAX / 2, 0, &reset->shift))
        return false;
    clock_gettime(CLOCK_REALTIME, &now);
    if (to != NULL &&
        !start_position_parse(to, now.tv_sec * 1000 + now.tv_nsec / 1000000, &reset->to)) {
        fprintf(stderr, "barnabas: --to %s: not earliest, latest, an offset or a time\n", to);
        return false;
    }
    return true;
}

static enum exit_status read_file(const char *path, struct group_lines *wanted) {
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
    size_t line_number;
    bool fine;

    if (file == NULL) {
        perror(path);
        return EXIT_FAILED;
    }
    fine = group_lines_read(wanted, file, &line_number);
    if (file != stdin)
        fclose(file);
    if (fine)
        return EXIT_OK;
    fprintf(stderr, "barnabas: %s:%zu: not topic,partition,offset, or the partition stands twice\n",
            path, line_number);
    return EXIT_USAGE;
}

static enum exit_status run_reset(const struct invocation *invocation) {
    struct reset reset = {.group = invocation->operands[0]};
    struct group_lines wanted = {0};
    enum exit_status status = EXIT_OK;
    bool json;

    if (!session_json(invocation, &json) || !parse_target(invocation, &reset))
        return EXIT_USAGE;
    if (reset.file != NULL)
        status = read_file(reset.file, &wanted);
    if (status == EXIT_OK)
        status = session_admin(invocation, &reset.admin, &reset.timeout_ms);
    if (status == EXIT_OK)
        status = reset_offsets(invocation, &reset, reset.file == NULL ? NULL : &wanted, json);
    barnabas_admin_close(reset.admin);
    group_lines_done(&wanted);
    group_lines_done(&reset.before);
    group_lines_done(&reset.after);
    return status;
}

const struct command command_group_reset_offsets = {
    .group = "group",
    .verb = "reset-offsets",
    .operands = "GROUP",
    .operand_count_min = 1,
    .operand_count_max = 1,
    .meaning = "move what a group has committed",
    .details = "\nWhat lies before the log's beginning or behind its end is brought to there. "
               "The group must\nhave no members. A time is exact to the millisecond: the first "
               "record that is not older.\n",
    .flags = reset_flags,
    .flag_count = sizeof(reset_flags) / sizeof(reset_flags[0]),
    .run = run_reset,
};

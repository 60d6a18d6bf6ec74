/*
 * group losses: what retention took from groups before they had read it.
 *
 * Brokers tell it in a topic, so any of them gives all of it, also what a coordinator told that is
 * not there any more.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ops/cli/command_table.h"
#include "ops/cli/json.h"
#include "ops/cli/loss_list.h"
#include "ops/cli/session.h"
#include "ops/cli/start_position.h"
#include "ops/cli/table.h"

#define LOSS_TOPIC "__barnabas_group_losses"

static int64_t now_ms(void) {
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* --- The topic ----------------------------------------------------------------------------- */

/* Until the end of the partition, as it is when it is reached. */
static int read_to_end(struct barnabas_consumer *consumer, int64_t timeout_ms,
                       struct loss_list *losses) {
    int64_t deadline = now_ms() + timeout_ms;
    struct barnabas_polled polled;

    for (;;) {
        int64_t left_ms = deadline - now_ms();
        int error = left_ms <= 0 ? BARNABAS_REQUEST_TIMED_OUT
                                 : barnabas_consumer_poll(consumer, left_ms, &polled);

        if (error != BARNABAS_OK)
            return error;
        for (size_t i = 0; i < polled.message_count; i++)
            if (!loss_list_add(losses, polled.messages[i].value, polled.messages[i].value_size))
                return BARNABAS_OUT_OF_MEMORY;
        for (size_t i = 0; i < polled.event_count; i++) {
            if (polled.events[i].kind == BARNABAS_END_REACHED)
                return BARNABAS_OK;
            if (polled.events[i].kind == BARNABAS_PARTITION_FAILED)
                return polled.events[i].error;
        }
    }
}

static int read_losses(struct barnabas_config *config, int64_t timeout_ms,
                       struct barnabas_position from, struct loss_list *losses) {
    struct barnabas_consumer *consumer;
    struct barnabas_reason reason;
    int error = barnabas_consumer_open(config, &consumer, &reason);

    if (error != BARNABAS_OK)
        return error;
    error = barnabas_consumer_assign(consumer, LOSS_TOPIC, 0, from);
    if (error == BARNABAS_OK)
        error = read_to_end(consumer, timeout_ms, losses);
    barnabas_consumer_close(consumer);
    return error;
}

/* UNKNOWN_TOPIC_OR_PARTITION: nobody has ever lost anything. */
static int find_topic(struct barnabas_config *config, int64_t timeout_ms) {
    static const char *const name = LOSS_TOPIC;
    struct barnabas_topics *topics = NULL;
    struct barnabas_admin *admin;
    struct barnabas_reason reason;
    int error = barnabas_admin_open(config, &admin, &reason);

    if (error != BARNABAS_OK)
        return error;
    error = barnabas_admin_describe_topics(admin, &name, 1, timeout_ms, &topics);
    if (error == BARNABAS_OK)
        error = topics->items[0].error;
    barnabas_topics_free(topics);
    barnabas_admin_close(admin);
    return error;
}

/* --- What is shown ------------------------------------------------------------------------- */

static bool is_meant(const struct invocation *invocation, const struct group_loss *loss) {
    for (size_t i = 0; i < invocation->operand_count; i++)
        if (strcmp(invocation->operands[i], loss->group) == 0)
            return true;
    return invocation->operand_count == 0;
}

static enum exit_status print_json(const struct invocation *invocation,
                                   const struct loss_list *losses) {
    json_t *document = json_document("GroupLosses");
    json_t *items = json_array();

    for (size_t i = 0; i < losses->count; i++) {
        const struct group_loss *loss = &losses->items[i];

        if (is_meant(invocation, loss))
            json_array_append_new(
                items, json_pack("{s:I, s:s, s:s, s:i, s:I, s:I, s:I}", "timeMs",
                                 (json_int_t)loss->time_ms, "groupId", loss->group, "topic",
                                 loss->topic, "partition", loss->partition, "firstLostOffset",
                                 (json_int_t)loss->first_offset, "lastLostOffset",
                                 (json_int_t)loss->last_offset, "records",
                                 (json_int_t)(loss->last_offset - loss->first_offset + 1)));
    }
    json_object_set_new(document, "items", items);
    return json_finish(document);
}

static enum exit_status print_table(const struct invocation *invocation,
                                    const struct loss_list *losses) {
    struct table *table = table_new("TIME GROUP TOPIC PARTITION# FIRST# LAST# RECORDS#");

    for (size_t i = 0; table != NULL && i < losses->count; i++) {
        const struct group_loss *loss = &losses->items[i];
        time_t seconds = (time_t)(loss->time_ms / 1000);
        char when[32];
        struct tm utc;

        if (!is_meant(invocation, loss))
            continue;
        strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &utc));
        table_text(table, when);
        table_text(table, loss->group);
        table_text(table, loss->topic);
        table_number(table, loss->partition);
        table_number(table, loss->first_offset);
        table_number(table, loss->last_offset);
        table_number(table, loss->last_offset - loss->first_offset + 1);
    }
    if (table != NULL)
        table_print(table, stdout);
    table_free(table);
    return EXIT_OK;
}

static enum exit_status show(const struct invocation *invocation, struct barnabas_config *config,
                             int64_t timeout_ms, struct barnabas_position from, bool json) {
    struct loss_list losses = {0};
    enum exit_status status;
    int error = find_topic(config, timeout_ms);

    if (error == BARNABAS_OK)
        error = read_losses(config, timeout_ms, from, &losses);
    if (error != BARNABAS_OK && error != BARNABAS_UNKNOWN_TOPIC_OR_PARTITION) {
        status = session_fail(LOSS_TOPIC, error);
    } else {
        loss_list_join(&losses);
        status = json ? print_json(invocation, &losses) : print_table(invocation, &losses);
    }
    loss_list_done(&losses);
    return status;
}

static enum exit_status run_losses(const struct invocation *invocation) {
    const char *since = invocation_value(invocation, "since", "beginning");
    struct barnabas_position from;
    struct barnabas_config *config;
    enum exit_status status = EXIT_USAGE;
    int64_t timeout_ms;
    bool json;

    if (!start_position_parse(since, now_ms(), &from)) {
        fprintf(stderr, "barnabas: --since %s: not a time\n", since);
        return EXIT_USAGE;
    }
    if (!session_json(invocation, &json) || !session_timeout_ms(invocation, 30000, &timeout_ms))
        return EXIT_USAGE;
    config = session_config(invocation);
    if (config == NULL)
        return EXIT_USAGE;
    if (session_default(invocation, config, "enable.partition.eof", "true"))
        status = show(invocation, config, timeout_ms, from, json);
    barnabas_config_free(config);
    return status;
}

static const struct flag losses_flags[] = {
    {0, "since", "TIME", "only what was told since then: -1d, 2026-11-20, @1700000000"},
};

const struct command command_group_losses = {
    .group = "group",
    .verb = "losses",
    .operands = "[GROUP...]",
    .operand_count_max = 1000,
    .meaning = "records that retention deleted before a group had read them",
    .details = "\nBrokers tell losses in the topic " LOSS_TOPIC
               ", which keeps them for 90 days.\nFIRST and LAST are the first and the last lost "
               "offset.\n",
    .flags = losses_flags,
    .flag_count = sizeof(losses_flags) / sizeof(losses_flags[0]),
    .run = run_losses,
};

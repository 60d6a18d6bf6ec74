/* consume: prints the records of a topic's partitions. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ops/cli/command_table.h"
#include "ops/cli/json.h"
#include "ops/cli/record_format.h"
#include "ops/cli/session.h"
#include "ops/cli/start_position.h"
#include "ops/output/json_bytes.h"
#include "ops/output/progress.h"

#define OUTPUT_BUFFER_BYTES ((size_t)256 << 10)

static const struct flag consume_flags[] = {
    {'p', "partition", "N", "only this partition; else all"},
    {0, "from", "WHERE", "beginning (default), end, OFFSET, @EPOCH, ISO 8601 time, -2h"},
    {'g', "group", "NAME", "as a member of this group, from where it has come to"},
    {'c', "count", "N", "end after so many records"},
    {'e', "exit-at-end", NULL, "end when every partition has been read to its end"},
    {'f', "format", "FORMAT", "how a record is printed (%s\\n)"},
};

static const struct flag tail_flags[] = {
    {'n', "lines", "N", "the last N records of each partition first (10)"},
    {'p', "partition", "N", "only this partition; else all"},
    {'e', "exit-at-end", NULL, "do not wait for more"},
    {'f', "format", "FORMAT", "how a record is printed (%t:%p:%o %s\\n)"},
};

struct consumption {
    struct barnabas_consumer *consumer;
    const char *group; /* NULL: none, partitions are assigned by hand */
    const char *format;
    bool json;
    int64_t tail; /* so many records before the end of each partition; -1: not */
    uint64_t printed;
    int64_t count_left;      /* -1: no limit */
    int64_t idle_timeout_ms; /* -1: never */
    bool exit_at_end;
    bool *ended; /* by partition: read to its end, or failed */
    bool *owned; /* by partition: the group gave it to us */
    int32_t partition_count;
    int32_t partitions_left;
    int32_t failure_limit; /* so many partitions are read */
    int32_t failed;
    int last_error;
    struct progress progress; /* where the records go to a file */
};

/* --- printing ---------------------------------------------------------------------------- */

static void print_json(const struct barnabas_message *message) {
    json_t *object = json_pack("{s:s, s:i, s:I, s:I}", "topic", message->topic, "partition",
                               message->partition, "offset", (json_int_t)message->offset,
                               "timestampMs", (json_int_t)message->timestamp);
    json_t *headers = json_array();

    json_set_bytes(object, "key", message->key, message->key_size);
    json_set_bytes(object, "value", message->value, message->value_size);
    for (size_t i = 0; i < message->header_count; i++) {
        const struct barnabas_header *header = &message->headers[i];
        json_t *item = json_object();

        json_set_bytes(item, "key", header->key, header->key_size);
        json_set_bytes(item, "value", header->value, header->value_size);
        json_array_append_new(headers, item);
    }
    json_object_set_new(object, "headers", headers);
    json_dumpf(object, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(object);
}

/* --- reading ----------------------------------------------------------------------------- */

static void take_event(struct consumption *consumption, const struct barnabas_event *event) {
    switch (event->kind) {
    case BARNABAS_END_REACHED:
        break;
    case BARNABAS_POSITION_RESET:
        fprintf(stderr, "barnabas: %s:%d: moved to offset %" PRId64 ": %s\n", event->topic,
                event->partition, event->offset, barnabas_error_text(event->error));
        return;
    case BARNABAS_PARTITION_FAILED:
        fprintf(stderr, "barnabas: %s:%d at offset %" PRId64 ": %s: %s\n", event->topic,
                event->partition, event->offset, barnabas_error_name(event->error),
                barnabas_error_text(event->error));
        consumption->failed++;
        consumption->last_error = event->error;
        break;
    }
    if (event->partition >= consumption->partition_count)
        return; /* the topic has grown, in a group */
    if (!consumption->ended[event->partition])
        consumption->partitions_left--;
    consumption->ended[event->partition] = true;
}

/* What was not printed must not be committed: others, or we the next time, shall print it. */
static void give_back(struct consumption *consumption, const struct barnabas_polled *polled,
                      size_t from) {
    for (size_t i = from; i < polled->message_count; i++) {
        const struct barnabas_message *message = &polled->messages[i];
        struct barnabas_position position = {BARNABAS_FROM_OFFSET, message->offset};
        size_t earlier = from;

        while (earlier < i && polled->messages[earlier].partition != message->partition)
            earlier++;
        if (earlier == i) /* a partition that is not ours any more is not ours to move */
            (void)barnabas_consumer_seek(consumption->consumer, message->topic, message->partition,
                                         position);
    }
}

static void take_polled(struct consumption *consumption, const struct barnabas_polled *polled) {
    size_t i = 0;

    for (; i < polled->message_count && consumption->count_left != 0; i++) {
        if (consumption->json)
            print_json(&polled->messages[i]);
        else
            record_format_print(consumption->format, &polled->messages[i], stdout);
        if (consumption->count_left > 0)
            consumption->count_left--;
        consumption->printed++;
    }
    if (consumption->group != NULL && fflush(stdout) != 0)
        i = 0;
    if (consumption->group != NULL)
        give_back(consumption, polled, i);
    for (i = 0; i < polled->event_count && consumption->count_left != 0; i++)
        take_event(consumption, &polled->events[i]);
}

static bool owned_have_ended(const struct consumption *consumption) {
    int32_t owned = 0;

    for (int32_t i = 0; i < consumption->partition_count; i++) {
        if (consumption->owned[i] && !consumption->ended[i])
            return false;
        owned += consumption->owned[i];
    }
    return owned > 0;
}

static bool is_over(const struct consumption *consumption) {
    if (consumption->count_left == 0 || ferror(stdout))
        return true;
    if (consumption->group != NULL)
        return consumption->exit_at_end && owned_have_ended(consumption);
    if (consumption->failed == consumption->failure_limit)
        return true;
    return consumption->partitions_left == 0 && consumption->exit_at_end;
}

/* What was printed is shown before waiting for more. */
static enum exit_status read_on(struct consumption *consumption) {
    struct barnabas_polled polled;
    int error;

    while (!is_over(consumption)) {
        error = barnabas_consumer_poll(consumption->consumer, 0, &polled);
        if (error == BARNABAS_OK && polled.message_count + polled.event_count == 0) {
            fflush(stdout);
            error = barnabas_consumer_poll(consumption->consumer, consumption->idle_timeout_ms,
                                           &polled);
            if (error == BARNABAS_OK && polled.message_count + polled.event_count == 0)
                return session_fail("nothing came in time", BARNABAS_REQUEST_TIMED_OUT);
        }
        if (error != BARNABAS_OK)
            return session_fail("consume", error);
        take_polled(consumption, &polled);
        progress_tell(&consumption->progress, consumption->printed,
                      consumption->count_left < 0
                          ? 0
                          : consumption->printed + (uint64_t)consumption->count_left,
                      "records");
    }
    if (consumption->failed == 0)
        return EXIT_OK;
    return consumption->failed < consumption->failure_limit
               ? EXIT_PARTLY_FAILED
               : exit_status_of(consumption->last_error);
}

/* --- setting up -------------------------------------------------------------------------- */

/* Some records before the end of a partition, as far as there are that many offsets. */
static int locate_tail(const struct consumption *consumption, struct barnabas_admin *admin,
                       const char *topic, int32_t partition, int64_t timeout_ms,
                       struct barnabas_position *position) {
    struct barnabas_offset_spec spec = {topic, partition, BARNABAS_OFFSET_SPEC_LATEST};
    struct barnabas_offsets *first = NULL;
    struct barnabas_offsets *end = NULL;
    int error = barnabas_admin_list_offsets(admin, &spec, 1, timeout_ms, &end);

    spec.at = BARNABAS_OFFSET_SPEC_EARLIEST;
    if (error == BARNABAS_OK)
        error = barnabas_admin_list_offsets(admin, &spec, 1, timeout_ms, &first);
    if (error == BARNABAS_OK)
        error = end->items[0].error != BARNABAS_OK ? end->items[0].error : first->items[0].error;
    if (error == BARNABAS_OK) {
        int64_t offset = end->items[0].offset - consumption->tail;

        *position = (struct barnabas_position){
            BARNABAS_FROM_OFFSET,
            offset > first->items[0].offset ? offset : first->items[0].offset,
        };
    }
    barnabas_offsets_free(first);
    barnabas_offsets_free(end);
    return error;
}

static int assign_tails(const struct invocation *invocation, struct consumption *consumption,
                        const char *topic, int32_t only) {
    struct barnabas_position position;
    struct barnabas_admin *admin;
    int64_t timeout_ms;
    int error = BARNABAS_OK;

    if (session_admin(invocation, &admin, &timeout_ms) != EXIT_OK)
        return BARNABAS_CONFIG_INVALID;
    consumption->partitions_left = only >= 0 ? 1 : consumption->partition_count;
    for (int32_t i = 0; i < consumption->partition_count && error == BARNABAS_OK; i++) {
        if (only >= 0 && only != i)
            continue;
        error = locate_tail(consumption, admin, topic, i, timeout_ms, &position);
        if (error == BARNABAS_OK)
            error = barnabas_consumer_assign(consumption->consumer, topic, i, position);
    }
    barnabas_admin_close(admin);
    if (only >= 0)
        consumption->failure_limit = 1;
    return error;
}

static int assign(struct consumption *consumption, const char *topic, int32_t only,
                  struct barnabas_position position) {
    int error = BARNABAS_OK;

    consumption->partitions_left = only >= 0 ? 1 : consumption->partition_count;
    for (int32_t i = 0; i < consumption->partition_count && error == BARNABAS_OK; i++)
        if (only < 0 || only == i)
            error = barnabas_consumer_assign(consumption->consumer, topic, i, position);
    if (only >= 0)
        consumption->failure_limit = 1;
    return error;
}

static void on_rebalance(void *context, struct barnabas_consumer *consumer,
                         enum barnabas_rebalance_kind kind,
                         const struct barnabas_topic_partition *partitions, size_t count) {
    struct consumption *consumption = context;

    (void)consumer;
    for (size_t i = 0; i < count; i++) {
        if (partitions[i].partition >= consumption->partition_count)
            continue; /* the topic has grown; it is read nevertheless */
        consumption->owned[partitions[i].partition] = kind == BARNABAS_REBALANCE_ASSIGNED;
        consumption->ended[partitions[i].partition] = false;
    }
}

static int begin(struct consumption *consumption, const char *topic, int32_t only,
                 struct barnabas_position position) {
    if (consumption->group == NULL)
        return assign(consumption, topic, only, position);
    return barnabas_consumer_subscribe(consumption->consumer, &topic, 1, on_rebalance, consumption);
}

static enum exit_status consume(const struct invocation *invocation,
                                struct consumption *consumption, int32_t only,
                                struct barnabas_position position) {
    const char *topic = invocation->operands[0];
    enum exit_status status;
    int64_t timeout_ms;
    int error;

    if (!session_timeout_ms(invocation, 30000, &timeout_ms) ||
        !session_timeout_ms(invocation, -1, &consumption->idle_timeout_ms))
        return EXIT_USAGE;
    error = barnabas_consumer_partition_count(consumption->consumer, topic, timeout_ms,
                                              &consumption->partition_count);
    if (error == BARNABAS_OK && only >= consumption->partition_count) {
        fprintf(stderr, "barnabas: topic %s has %d partitions\n", topic,
                consumption->partition_count);
        return EXIT_FAILED;
    }
    if (error != BARNABAS_OK)
        return session_fail(topic, error);
    consumption->ended = calloc((size_t)consumption->partition_count, sizeof(bool));
    consumption->owned = calloc((size_t)consumption->partition_count, sizeof(bool));
    if (consumption->ended == NULL || consumption->owned == NULL)
        return session_fail(topic, BARNABAS_OUT_OF_MEMORY);
    consumption->failure_limit = consumption->partition_count;
    error = consumption->tail >= 0 ? assign_tails(invocation, consumption, topic, only)
                                   : begin(consumption, topic, only, position);
    if (!isatty(STDOUT_FILENO))
        progress_begin(&consumption->progress);
    status = error == BARNABAS_OK ? read_on(consumption) : session_fail(topic, error);
    progress_end(&consumption->progress);
    return status;
}

/* A group begins where it has come to; elsewhere only where it has committed nothing. */
static bool group_apply(struct barnabas_config *config, const char *group,
                        struct barnabas_position from) {
    struct barnabas_reason reason = {""};
    const char *reset = from.kind == BARNABAS_FROM_END ? "latest" : "earliest";

    if (from.kind != BARNABAS_FROM_BEGINNING && from.kind != BARNABAS_FROM_END) {
        fprintf(stderr, "barnabas: a group begins where it has come to: --from may be beginning or "
                        "end; see group reset-offsets\n");
        return false;
    }
    if (barnabas_config_set(config, "group.id", group, &reason) == BARNABAS_OK &&
        barnabas_config_set(config, "auto.offset.reset", reset, &reason) == BARNABAS_OK)
        return true;
    fprintf(stderr, "barnabas: %s\n", reason.text);
    return false;
}

/* Reading ahead by small steps costs more than it saves here. */
static bool settings_apply(const struct invocation *invocation, struct barnabas_config *config,
                           const struct consumption *consumption,
                           struct barnabas_position position) {
    if (consumption->group != NULL && !group_apply(config, consumption->group, position))
        return false;
    return session_default(invocation, config, "enable.partition.eof", "true") &&
           session_default(invocation, config, "max.poll.records", "5000") &&
           session_default(invocation, config, "allow.auto.create.topics", "false");
}

static enum exit_status open_and_consume(const struct invocation *invocation,
                                         struct consumption *consumption, int32_t only,
                                         struct barnabas_position position) {
    struct barnabas_config *config = session_config(invocation);
    struct barnabas_reason reason;
    enum exit_status status;
    int error;

    if (config == NULL)
        return EXIT_USAGE;
    if (!settings_apply(invocation, config, consumption, position)) {
        barnabas_config_free(config);
        return EXIT_USAGE;
    }
    error = barnabas_consumer_open(config, &consumption->consumer, &reason);
    barnabas_config_free(config);
    if (error != BARNABAS_OK)
        return session_fail(reason.text[0] != '\0' ? reason.text : "cannot start", error);
    setvbuf(stdout, NULL, _IOFBF, OUTPUT_BUFFER_BYTES);
    status = consume(invocation, consumption, only, position);
    barnabas_consumer_close(consumption->consumer); /* calls on_rebalance for the last time */
    free(consumption->ended);
    free(consumption->owned);
    return status;
}

static enum exit_status run_consume(const struct invocation *invocation) {
    const char *from = invocation_value(invocation, "from", "beginning");
    struct consumption consumption = {
        .group = invocation_value(invocation, "group", NULL),
        .tail = -1,
        .format = invocation_value(invocation, "format", "%s\\n"),
        .exit_at_end = invocation_has(invocation, "exit-at-end"),
    };
    struct barnabas_position position;
    const char *fault = record_format_check(consumption.format);
    struct timespec now;
    int64_t only;

    clock_gettime(CLOCK_REALTIME, &now);
    if (fault != NULL) {
        fprintf(stderr, "barnabas: --format %s: %s\n", consumption.format, fault);
        return EXIT_USAGE;
    }
    if (!start_position_parse(from, now.tv_sec * 1000 + now.tv_nsec / 1000000, &position)) {
        fprintf(stderr, "barnabas: --from %s: not beginning, end, an offset or a time\n", from);
        return EXIT_USAGE;
    }
    if (!session_json(invocation, &consumption.json) ||
        !invocation_number(invocation, "partition", 0, INT32_MAX, -1, &only) ||
        !invocation_number(invocation, "count", 0, INT64_MAX, -1, &consumption.count_left))
        return EXIT_USAGE;
    if (consumption.group != NULL && only >= 0) {
        fprintf(stderr,
                "barnabas: a group shares out partitions by itself; not with --partition\n");
        return EXIT_USAGE;
    }
    return open_and_consume(invocation, &consumption, (int32_t)only, position);
}

const struct command command_consume = {
    .group = "consume",
    .operands = "TOPIC",
    .operand_count_min = 1,
    .operand_count_max = 1,
    .meaning = "print records",
    .details =
        "\nIn a format %s is the value, %k the key, %t the topic, %p the partition, %o the "
        "offset,\n%T the timestamp in ms, %S and %K the sizes, %h the headers; \\n \\t \\r \\0 "
        "\\xHH are as in C.\nWith --output json each record is one line of JSON. --timeout ends "
        "it (with 5) when\nnothing has come for so long.\n",
    .flags = consume_flags,
    .flag_count = sizeof(consume_flags) / sizeof(consume_flags[0]),
    .run = run_consume,
};

/* --- topic tail ---------------------------------------------------------------------------- */

static enum exit_status run_tail(const struct invocation *invocation) {
    struct consumption consumption = {
        .format = invocation_value(invocation, "format", "%t:%p:%o %s\\n"),
        .exit_at_end = invocation_has(invocation, "exit-at-end"),
        .count_left = -1,
    };
    const char *fault = record_format_check(consumption.format);
    int64_t only;

    if (fault != NULL) {
        fprintf(stderr, "barnabas: --format %s: %s\n", consumption.format, fault);
        return EXIT_USAGE;
    }
    if (!session_json(invocation, &consumption.json) ||
        !invocation_number(invocation, "lines", 0, INT64_MAX / 2, 10, &consumption.tail) ||
        !invocation_number(invocation, "partition", 0, INT32_MAX, -1, &only))
        return EXIT_USAGE;
    return open_and_consume(invocation, &consumption, (int32_t)only,
                            (struct barnabas_position){BARNABAS_FROM_END, 0});
}

const struct command command_topic_tail = {
    .group = "topic",
    .verb = "tail",
    .operands = "TOPIC",
    .operand_count_min = 1,
    .operand_count_max = 1,
    .meaning = "print the last records, and those that come",
    .flags = tail_flags,
    .flag_count = sizeof(tail_flags) / sizeof(tail_flags[0]),
    .run = run_tail,
};

/*
 * produce: one record per line of a file or of standard input.
 *
 * The lines go out in order; with one partition they come out in order. Whether the last line
 * ended in a newline is not kept: `barnabas consume` prints one behind every record.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ops/cli/command_table.h"
#include "ops/cli/line_record.h"
#include "ops/cli/report.h"
#include "ops/cli/session.h"
#include "ops/output/progress.h"

/* Progress is looked at only every so many records. */
#define PROGRESS_STRIDE 256

/* Complaints about single records, before they are only counted. */
#define COMPLAINTS_MAX 5

static const struct flag produce_flags[] = {
    {'k', "key-separator", "TEXT", "what stands before it in a line is the key"},
    {'p', "partition", "N", "send there; else by the key, or to changing partitions"},
    {'z', "compress", "CODEC", "none, gzip, snappy, lz4 or zstd"},
    {'a', "acks", "0|1|all", "who must have a record before it counts (all)"},
    {'H', "header", "KEY=VALUE", "for every record; may be repeated"},
};

struct production {
    struct barnabas_producer *producer;
    struct barnabas_record record; /* what all records have in common */
    const char *separator;
    uint64_t accepted;
    uint64_t bytes_read;
    uint64_t bytes_total; /* 0: not known, of a pipe say */
    struct progress progress;
    /* Written by the callbacks, read after the flush. */
    uint64_t delivered;
    uint64_t failed;
    int last_error;
};

static void complain(struct production *production, uint64_t line, int error) {
    production->failed++;
    production->last_error = error;
    if (production->failed <= COMPLAINTS_MAX)
        fprintf(stderr, "barnabas: line %" PRIu64 ": %s: %s\n", line, barnabas_error_name(error),
                barnabas_error_text(error));
}

/* What a callback needs of its record; freed by it. */
struct sent_line {
    struct production *production;
    uint64_t line;
};

static void on_delivered(void *context, const struct barnabas_delivery *delivery) {
    struct sent_line *sent = context;

    if (delivery->error == BARNABAS_OK)
        sent->production->delivered++;
    else
        complain(sent->production, sent->line, delivery->error);
    free(sent);
}

static void tell_progress(struct production *production) {
    char note[64];

    if (production->accepted % PROGRESS_STRIDE != 0)
        return;
    snprintf(note, sizeof(note), "%" PRIu64 " records", production->accepted);
    if (production->bytes_total > 0)
        progress_tell(&production->progress, production->bytes_read, production->bytes_total, note);
    else
        progress_tell(&production->progress, production->accepted, 0, "records");
}

/* The last line without a newline counts like the others; nothing behind a newline is no line. */
static enum exit_status send_lines(struct production *production, FILE *in) {
    struct sent_line *sent;
    uint64_t line_number = 0;
    char *line = NULL;
    size_t capacity = 0;
    ssize_t size;
    int error = BARNABAS_OK;

    while ((size = getdelim(&line, &capacity, '\n', in)) > 0) {
        struct line_record split = line_record_split(line, (size_t)size, production->separator);

        sent = malloc(sizeof(*sent));
        if (sent == NULL) {
            error = BARNABAS_OUT_OF_MEMORY;
            break;
        }
        *sent = (struct sent_line){production, ++line_number};
        production->record.key = split.key;
        production->record.key_size = split.key_size;
        production->record.value = split.value;
        production->record.value_size = split.value_size;
        error =
            barnabas_producer_send(production->producer, &production->record, on_delivered, sent);
        if (error != BARNABAS_OK) {
            free(sent);
            break;
        }
        production->accepted++;
        production->bytes_read += (uint64_t)size;
        tell_progress(production);
    }
    progress_end(&production->progress);
    free(line);
    if (error != BARNABAS_OK) {
        fprintf(stderr,
                "barnabas: line %" PRIu64 ": %s: %s; the lines from there on were not sent\n",
                line_number, barnabas_error_name(error), barnabas_error_text(error));
        return exit_status_of(error);
    }
    if (ferror(in)) {
        fprintf(stderr, "barnabas: the input cannot be read: %s\n", strerror(errno));
        return EXIT_FAILED;
    }
    return EXIT_OK;
}

static bool headers_fill(const struct invocation *invocation, struct barnabas_header *headers,
                         size_t *count) {
    const char *pair;

    for (*count = 0; (pair = invocation_value_at(invocation, "header", *count)) != NULL;
         (*count)++) {
        const char *equals = strchr(pair, '=');

        if (equals == NULL) {
            fprintf(stderr, "barnabas: --header %s: not KEY=VALUE\n", pair);
            return false;
        }
        headers[*count] =
            (struct barnabas_header){pair, (size_t)(equals - pair), equals + 1, strlen(equals + 1)};
    }
    return true;
}

/* Flags that are client settings. Compression and a little lingering are worth their while. */
static bool settings_apply(const struct invocation *invocation, struct barnabas_config *config) {
    const char *codec = invocation_value(invocation, "compress", NULL);
    const char *acks = invocation_value(invocation, "acks", NULL);
    struct barnabas_reason reason = {""};
    char text[32];
    int64_t timeout_ms;
    bool fine;

    if (!session_timeout_ms(invocation, -1, &timeout_ms))
        return false;
    fine = session_default(invocation, config, "linger.ms", "5") &&
           session_default(invocation, config, "batch.size", "65536") &&
           session_default(invocation, config, "max.block.ms", "2147483647");
    if (fine && timeout_ms > 0) {
        snprintf(text, sizeof(text), "%" PRId64, timeout_ms);
        fine = session_default(invocation, config, "request.timeout.ms", text);
        snprintf(text, sizeof(text), "%" PRId64, timeout_ms + 5);
        fine = fine && session_default(invocation, config, "delivery.timeout.ms", text);
    }
    if ((codec != NULL &&
         barnabas_config_set(config, "compression.type", codec, &reason) != BARNABAS_OK) ||
        (acks != NULL && barnabas_config_set(config, "acks", acks, &reason) != BARNABAS_OK)) {
        fprintf(stderr, "barnabas: %s\n", reason.text);
        return false;
    }
    return fine;
}

static enum exit_status production_end(const struct production *production,
                                       enum exit_status status) {
    report_add(json_pack("{s:s, s:I, s:I, s:s}", "name", production->record.topic, "delivered",
                         (json_int_t)production->delivered, "failed",
                         (json_int_t)production->failed, "error",
                         barnabas_error_name(production->last_error)));
    if (production->failed > COMPLAINTS_MAX)
        fprintf(stderr, "barnabas: ... and %" PRIu64 " more\n",
                production->failed - COMPLAINTS_MAX);
    if (production->failed == 0 && status == EXIT_OK)
        return EXIT_OK;
    fprintf(stderr, "barnabas: %" PRIu64 " records delivered, %" PRIu64 " failed\n",
            production->delivered, production->failed);
    session_hint(production->last_error);
    if (production->delivered > 0)
        return EXIT_PARTLY_FAILED;
    return status != EXIT_OK ? status : exit_status_of(production->last_error);
}

static enum exit_status produce_from(const struct invocation *invocation,
                                     struct barnabas_config *config, struct production *production,
                                     FILE *in) {
    struct barnabas_reason reason;
    enum exit_status status;
    struct stat file;
    int error;

    if (!settings_apply(invocation, config))
        return EXIT_USAGE;
    error = barnabas_producer_open(config, &production->producer, &reason);
    if (error != BARNABAS_OK)
        return session_fail(reason.text[0] != '\0' ? reason.text : "cannot start", error);
    if (fstat(fileno(in), &file) == 0 && S_ISREG(file.st_mode))
        production->bytes_total = (uint64_t)file.st_size;
    progress_begin(&production->progress);
    status = send_lines(production, in);
    /* Every record has its own time limit, so this ends. */
    (void)barnabas_producer_flush(production->producer, -1);
    barnabas_producer_close(production->producer, 0);
    return production_end(production, status);
}

static enum exit_status run_produce(const struct invocation *invocation) {
    struct barnabas_header headers[INVOCATION_FLAGS_MAX];
    struct production production = {
        .record = {.topic = invocation->operands[0],
                   .timestamp = BARNABAS_TIMESTAMP_NOW,
                   .headers = headers},
        .separator = invocation_value(invocation, "key-separator", NULL),
    };
    const char *path = invocation->operand_count > 1 ? invocation->operands[1] : "-";
    struct barnabas_config *config;
    enum exit_status status;
    int64_t partition;
    FILE *in = stdin;

    if (!invocation_number(invocation, "partition", 0, INT32_MAX, BARNABAS_PARTITION_ANY,
                           &partition) ||
        !headers_fill(invocation, headers, &production.record.header_count))
        return EXIT_USAGE;
    production.record.partition = (int32_t)partition;
    if (strcmp(path, "-") != 0 && (in = fopen(path, "re")) == NULL) {
        fprintf(stderr, "barnabas: %s: %s\n", path, strerror(errno));
        return EXIT_FAILED;
    }
    config = session_config(invocation);
    status = config == NULL ? EXIT_USAGE : produce_from(invocation, config, &production, in);
    barnabas_config_free(config);
    if (in != stdin)
        fclose(in);
    return status;
}

const struct command command_produce = {
    .group = "produce",
    .operands = "TOPIC [FILE]",
    .operand_count_min = 1,
    .operand_count_max = 2,
    .meaning = "send the lines of a file, or of standard input, as records",
    .details = "\nA record is one line of any bytes, without its newline; an empty line is an "
               "empty record.\nA last line without a newline is a record like the others. "
               "--timeout limits how long\neach record may take (120 seconds). Ends with 3 if "
               "some records were delivered and\nothers not.\n",
    .flags = produce_flags,
    .flag_count = sizeof(produce_flags) / sizeof(produce_flags[0]),
    .result_kind = "Production",
    .run = run_produce,
};

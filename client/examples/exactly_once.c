/*
 * Reads records of one topic, works on them, and writes the results to another: each input has
 * exactly one result there for readers with isolation.level=read_committed, whoever dies meanwhile.
 *
 *   exactly_once BOOTSTRAP GROUP TRANSACTIONAL_ID IN OUT
 *
 * The results of a poll and the group's offsets are one transaction. Start it again, with the same
 * names, when it ends with status 1 or is killed: it takes its place in the group at once. Every
 * process needs a TRANSACTIONAL_ID of its own; the processes of a GROUP share the partitions.
 * SIGTERM ends it.
 */
#include <barnabas/barnabas.h>
#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define TIMEOUT_MS     30000
#define PARTITIONS_MAX 1000

struct app {
    struct barnabas_consumer *consumer;
    struct barnabas_producer *producer;
    const char *in;
    const char *out;
    struct barnabas_offset offsets[PARTITIONS_MAX]; /* behind what is in the transaction */
    size_t count;
};

static volatile sig_atomic_t stopping;

static void on_signal(int number) {
    stopping = number;
}

/* The work: upper case. The partition of the input keeps the results in its order. */
static int work(struct app *app, const struct barnabas_message *message) {
    char result[1000];
    size_t size = message->value_size < sizeof(result) ? message->value_size : sizeof(result);
    struct barnabas_record record = {
        .topic = app->out,
        .partition = message->partition,
        .timestamp = message->timestamp,
        .value = result,
        .value_size = size,
    };

    for (size_t i = 0; i < size; i++)
        result[i] = (char)toupper(((const unsigned char *)message->value)[i]);
    return barnabas_producer_send(app->producer, &record, NULL, NULL);
}

/* Messages of a partition come in order, so that the last one counts. */
static void note_offset(struct app *app, const struct barnabas_message *message) {
    size_t i = 0;

    while (i < app->count && app->offsets[i].partition != message->partition)
        i++;
    if (i == app->count && ++app->count > PARTITIONS_MAX)
        abort();
    app->offsets[i] = (struct barnabas_offset){
        message->topic, message->partition, message->offset + 1, message->leader_epoch, NULL, 0};
}

/* What was polled, as one transaction. */
static int transact(struct app *app, const struct barnabas_polled *polled) {
    struct barnabas_group_metadata *metadata = NULL;
    int error = barnabas_producer_begin_transaction(app->producer);

    app->count = 0;
    for (size_t i = 0; error == BARNABAS_OK && i < polled->message_count; i++) {
        note_offset(app, &polled->messages[i]);
        error = work(app, &polled->messages[i]);
    }
    if (error == BARNABAS_OK)
        error = barnabas_consumer_group_metadata(app->consumer, &metadata);
    if (error == BARNABAS_OK)
        error = barnabas_producer_send_offsets(app->producer, app->offsets, app->count, metadata,
                                               TIMEOUT_MS);
    barnabas_group_metadata_free(metadata);
    if (error != BARNABAS_OK)
        return error;
    /* After a timeout nobody knows yet: the same call goes on waiting. */
    do
        error = barnabas_producer_commit_transaction(app->producer, TIMEOUT_MS);
    while (error == BARNABAS_REQUEST_TIMED_OUT);
    return error;
}

/* Of what was polled nothing counts: whoever joins begins where the group has committed. */
static int join(struct app *app) {
    barnabas_consumer_unsubscribe(app->consumer);
    return barnabas_consumer_subscribe(app->consumer, &app->in, 1, NULL, NULL);
}

static int run(struct app *app) {
    int error = barnabas_producer_init_transactions(app->producer, TIMEOUT_MS);

    while (error == BARNABAS_OK && !stopping) {
        struct barnabas_polled polled;

        error = barnabas_consumer_poll(app->consumer, 500, &polled);
        if (error != BARNABAS_OK || polled.message_count == 0)
            continue;
        error = transact(app, &polled);
        if (error == BARNABAS_OK ||
            barnabas_producer_error_class(app->producer, error) == BARNABAS_CLASS_FATAL)
            continue;
        fprintf(stderr, "aborted: %s\n", barnabas_error_name(error));
        do
            error = barnabas_producer_abort_transaction(app->producer, TIMEOUT_MS);
        while (error == BARNABAS_REQUEST_TIMED_OUT);
        if (error == BARNABAS_OK)
            error = join(app);
    }
    return error;
}

int main(int argc, char **argv) {
    const char *settings[][2] = {{"bootstrap.servers", argv[1]},
                                 {"group.id", argc == 6 ? argv[2] : ""},
                                 {"transactional.id", argc == 6 ? argv[3] : ""},
                                 {"group.instance.id", argc == 6 ? argv[3] : ""},
                                 {"enable.auto.commit", "false"},
                                 {"auto.offset.reset", "earliest"},
                                 {"isolation.level", "read_committed"}};
    struct barnabas_config *config = barnabas_config_new();
    struct app app = {.in = argc == 6 ? argv[4] : "", .out = argc == 6 ? argv[5] : ""};
    int error = argc == 6 && config != NULL ? BARNABAS_OK : BARNABAS_INVALID_REQUEST;

    signal(SIGTERM, on_signal);
    for (size_t i = 0; i < 7 && error == BARNABAS_OK; i++)
        error = barnabas_config_set(config, settings[i][0], settings[i][1], NULL);
    if (error == BARNABAS_OK)
        error = barnabas_producer_open(config, &app.producer, NULL);
    if (error == BARNABAS_OK)
        error = barnabas_consumer_open(config, &app.consumer, NULL);
    if (error == BARNABAS_OK)
        error = join(&app);
    if (error == BARNABAS_OK)
        error = run(&app);
    if (error != BARNABAS_OK)
        fprintf(stderr, "%s\n", barnabas_error_name(error));
    barnabas_consumer_close(app.consumer);
    barnabas_producer_close(app.producer, TIMEOUT_MS); /* aborts what is open */
    barnabas_config_free(config);
    return error == BARNABAS_OK ? 0 : 1;
}

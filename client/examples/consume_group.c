/*
 * Prints the records of a topic as a member of a group, and commits them when they are printed.
 *
 *   consume_group BOOTSTRAP GROUP TOPIC COUNT      ends after COUNT records
 *
 * Start several with the same group: they share the partitions. End one with Ctrl-C or with
 * kill -9: the others go on where it had committed.
 */
#include <barnabas/consumer.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Runs inside the poll. What is printed is committed here before others get the partitions. */
static void on_rebalance(void *context, struct barnabas_consumer *consumer,
                         enum barnabas_rebalance_kind kind,
                         const struct barnabas_topic_partition *partitions, size_t count) {
    static const char *const names[] = {"assigned", "revoked", "lost"};

    (void)context;
    for (size_t i = 0; i < count; i++)
        fprintf(stderr, "%s %s:%d\n", names[kind], partitions[i].topic, partitions[i].partition);
    if (kind == BARNABAS_REBALANCE_REVOKED && count > 0)
        (void)barnabas_consumer_commit(consumer, NULL, 0, 10000); /* else they come again */
}

static struct barnabas_consumer *open_consumer(const char *bootstrap, const char *group) {
    const char *const settings[][2] = {
        {"bootstrap.servers", bootstrap},
        {"group.id", group},
        {"enable.auto.commit", "false"},
        {"auto.offset.reset", "earliest"},
        {"partition.assignment.strategy", "cooperative-sticky"},
    };
    struct barnabas_config *config = barnabas_config_new();
    struct barnabas_consumer *consumer = NULL;
    struct barnabas_reason reason = {""};
    int error = config == NULL ? BARNABAS_OUT_OF_MEMORY : BARNABAS_OK;

    for (size_t i = 0; i < 5 && error == BARNABAS_OK; i++)
        error = barnabas_config_set(config, settings[i][0], settings[i][1], &reason);
    if (error == BARNABAS_OK)
        error = barnabas_consumer_open(config, &consumer, &reason);
    barnabas_config_free(config);
    if (error != BARNABAS_OK)
        fprintf(stderr, "%s %s\n", barnabas_error_text(error), reason.text);
    return consumer;
}

int main(int argc, char **argv) {
    const char *topic = argc == 5 ? argv[3] : "";
    long left = argc == 5 ? strtol(argv[4], NULL, 10) : 0;
    struct barnabas_consumer *consumer;
    int error;

    if (argc != 5) {
        fprintf(stderr, "usage: consume_group BOOTSTRAP GROUP TOPIC COUNT\n");
        return 2;
    }
    consumer = open_consumer(argv[1], argv[2]);
    if (consumer == NULL)
        return 1;
    error = barnabas_consumer_subscribe(consumer, &topic, 1, on_rebalance, NULL);
    while (error == BARNABAS_OK && left > 0) {
        struct barnabas_polled polled;

        error = barnabas_consumer_poll(consumer, 1000, &polled);
        for (size_t i = 0; error == BARNABAS_OK && i < polled.message_count; i++, left--) {
            const struct barnabas_message *message = &polled.messages[i];

            printf("%.*s\n", (int)message->value_size, (const char *)message->value);
        }
        if (error == BARNABAS_OK && polled.message_count > 0) {
            fflush(stdout);
            error = barnabas_consumer_commit(consumer, NULL, 0, 10000);
            if (error == BARNABAS_REBALANCE_IN_PROGRESS)
                error = BARNABAS_OK; /* the next poll calls on_rebalance, which commits */
        }
    }
    if (error != BARNABAS_OK)
        fprintf(stderr, "%s\n", barnabas_error_text(error));
    barnabas_consumer_close(consumer); /* leaves the group */
    return error == BARNABAS_OK ? 0 : 1;
}

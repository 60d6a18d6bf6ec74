/*
 * Prints the messages of a topic, those with one key once.
 *
 *   deduplicate BOOTSTRAP TOPIC COUNT      ends after COUNT messages
 *
 * The last 10,000 keys are remembered.
 */
#include <barnabas/deduplication.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static int print_some(struct barnabas_consumer *consumer, long count) {
    struct barnabas_polled polled;
    int error = BARNABAS_OK;

    while (count > 0 && error == BARNABAS_OK) {
        error = barnabas_consumer_poll(consumer, -1, &polled);
        for (size_t i = 0; i < polled.message_count && count > 0; i++, count--)
            printf("%.*s\n", (int)polled.messages[i].value_size,
                   (const char *)polled.messages[i].value);
    }
    return error;
}

static int assign_all(struct barnabas_consumer *consumer, const char *topic) {
    struct barnabas_position beginning = {BARNABAS_FROM_BEGINNING, 0};
    int32_t partitions = 0;
    int error = barnabas_consumer_partition_count(consumer, topic, 30000, &partitions);

    for (int32_t i = 0; i < partitions && error == BARNABAS_OK; i++)
        error = barnabas_consumer_assign(consumer, topic, i, beginning);
    return error;
}

int main(int argc, char **argv) {
    const struct barnabas_deduplicator_options options = {
        .header = NULL, /* the key is the id */
        .ids_max = 10000,
    };
    struct barnabas_config *config = barnabas_config_new();
    struct barnabas_consumer_interceptor once;
    struct barnabas_deduplicator *deduplicator;
    struct barnabas_consumer *consumer = NULL;
    struct barnabas_reason reason = {""};
    int error;

    if (argc != 4 || config == NULL) {
        fprintf(stderr, "usage: deduplicate BOOTSTRAP TOPIC COUNT\n");
        return 2;
    }
    error = barnabas_deduplicator_new(&options, &deduplicator);
    if (error != BARNABAS_OK)
        return 1;
    once = barnabas_deduplicator_interceptor(deduplicator);
    error = barnabas_config_set(config, "bootstrap.servers", argv[1], &reason);
    if (error == BARNABAS_OK)
        error = barnabas_config_add_consumer_interceptor(config, &once);
    if (error == BARNABAS_OK)
        error = barnabas_consumer_open(config, &consumer, &reason);
    if (error == BARNABAS_OK)
        error = assign_all(consumer, argv[2]);
    if (error == BARNABAS_OK)
        error = print_some(consumer, strtol(argv[3], NULL, 10));
    if (error != BARNABAS_OK)
        fprintf(stderr, "%s %s\n", barnabas_error_text(error), reason.text);
    fprintf(stderr, "%" PRIu64 " copies left out\n", barnabas_deduplicator_copies(deduplicator));
    barnabas_consumer_close(consumer);
    barnabas_deduplicator_free(deduplicator);
    barnabas_config_free(config);
    return error == BARNABAS_OK ? 0 : 1;
}

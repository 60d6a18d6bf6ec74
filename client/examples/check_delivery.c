/*
 * Sends stamped records and reads them back: is anything lost, doubled or out of order?
 *
 *   check_delivery BOOTSTRAP TOPIC COUNT
 *
 * Kill brokers meanwhile. Ends with 0 if what was sent came once and in order.
 */
#include <barnabas/barnabas.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t send_all(struct barnabas_producer *producer, const char *topic, uint64_t count) {
    struct barnabas_record record = {
        .topic = topic,
        .partition = BARNABAS_PARTITION_ANY,
        .timestamp = BARNABAS_TIMESTAMP_NOW,
        .value = "stamped",
        .value_size = 7,
    };
    uint64_t sent = 0;

    while (sent < count && barnabas_producer_send(producer, &record, NULL, NULL) == BARNABAS_OK)
        sent++;
    barnabas_producer_flush(producer, -1); /* each record has its own time limit */
    return sent;
}

/* From the beginning until nothing more comes for five seconds, or all has come. */
static void read_all(struct barnabas_consumer *consumer, const char *topic, uint64_t count,
                     struct barnabas_stamp_checker *checker) {
    struct barnabas_position beginning = {BARNABAS_FROM_BEGINNING, 0};
    struct barnabas_polled polled;
    int32_t partitions = 0;
    uint64_t seen = 0;

    if (barnabas_consumer_partition_count(consumer, topic, 30000, &partitions) != BARNABAS_OK)
        return;
    for (int32_t i = 0; i < partitions; i++)
        barnabas_consumer_assign(consumer, topic, i, beginning);
    while (seen < count && barnabas_consumer_poll(consumer, 5000, &polled) == BARNABAS_OK &&
           polled.message_count > 0)
        for (size_t i = 0; i < polled.message_count; i++, seen++)
            barnabas_stamp_checker_take(checker, &polled.messages[i], NULL);
}

static bool report(const struct barnabas_stamp_checker *checker,
                   const struct barnabas_stamper *stamper) {
    struct barnabas_stamp_count count;
    bool fine = true;

    for (size_t i = 0; barnabas_stamp_checker_at(checker, i, &count); i++) {
        uint64_t sent = barnabas_stamper_count(stamper, count.topic, count.partition);

        printf("%s %s:%" PRId32 ": received %" PRIu64 " of %" PRIu64 ", lost %" PRIu64
               ", duplicated %" PRIu64 ", reordered %" PRIu64 "\n",
               count.producer, count.topic, count.partition, count.received, sent, count.lost,
               count.duplicated, count.reordered);
        fine = fine && count.received == sent && count.duplicated + count.reordered == 0;
    }
    return fine;
}

int main(int argc, char **argv) {
    uint64_t count = argc == 4 ? strtoull(argv[3], NULL, 10) : 0;
    struct barnabas_config *config = barnabas_config_new();
    struct barnabas_producer_interceptor stamps;
    struct barnabas_stamp_checker *checker = NULL;
    struct barnabas_stamper *stamper = NULL;
    struct barnabas_producer *producer = NULL;
    struct barnabas_consumer *consumer = NULL;
    struct barnabas_reason reason = {""};
    bool fine = false;

    if (argc != 4 || config == NULL) {
        fprintf(stderr, "usage: check_delivery BOOTSTRAP TOPIC COUNT\n");
        return 2;
    }
    if (barnabas_stamper_new("example", &stamper) != BARNABAS_OK ||
        barnabas_stamp_checker_new(true, &checker) != BARNABAS_OK)
        return 1;
    stamps = barnabas_stamper_interceptor(stamper);
    if (barnabas_config_set(config, "bootstrap.servers", argv[1], &reason) == BARNABAS_OK &&
        barnabas_config_add_producer_interceptor(config, &stamps) == BARNABAS_OK &&
        barnabas_producer_open(config, &producer, &reason) == BARNABAS_OK &&
        barnabas_consumer_open(config, &consumer, &reason) == BARNABAS_OK) {
        fine = send_all(producer, argv[2], count) == count;
        read_all(consumer, argv[2], count, checker);
        fine = report(checker, stamper) && fine;
    }
    if (reason.text[0] != '\0')
        fprintf(stderr, "%s\n", reason.text);
    barnabas_consumer_close(consumer);
    barnabas_producer_close(producer, 0);
    barnabas_stamp_checker_free(checker);
    barnabas_stamper_free(stamper);
    barnabas_config_free(config);
    return fine ? 0 : 1;
}

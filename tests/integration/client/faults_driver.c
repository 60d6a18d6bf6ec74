/*
 * A producer and two readers that live through faults, for faults_test.py.
 *
 *   faults_driver BOOTSTRAP TOPIC GROUP RATE
 *
 * Sends stamped records at RATE per second until standard input ends. One reader has all partitions
 * from their beginning; the other is a member of GROUP and commits after each poll. Then it waits
 * until both have read all that was delivered, and prints one line of JSON.
 */
#include <barnabas/barnabas.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* A reader that has not got all of it when nothing has come for so long gives up. */
#define SILENCE_MS_MAX 60000

struct reader {
    const char *group; /* NULL: all partitions */
    const char *topic;
    struct barnabas_config *config;
    struct barnabas_stamp_checker *checker;
    pthread_t thread;
    atomic_ullong polled;
};

static atomic_ullong delivered;
static atomic_ullong failed;
static atomic_bool sent; /* all of it, and all reports have come */

static void die(const char *what, int error) {
    fprintf(stderr, "faults_driver: %s: %s\n", what, barnabas_error_text(error));
    exit(1);
}

static void must(const char *what, int error) {
    if (error != BARNABAS_OK)
        die(what, error);
}

static void on_delivered(void *context, const struct barnabas_delivery *delivery) {
    (void)context;
    if (delivery->error != BARNABAS_OK)
        fprintf(stderr, "not delivered: %s\n", barnabas_error_name(delivery->error));
    atomic_fetch_add(delivery->error == BARNABAS_OK ? &delivered : &failed, 1);
}

static void begin_reading(const struct reader *reader, struct barnabas_consumer *consumer) {
    struct barnabas_position beginning = {BARNABAS_FROM_BEGINNING, 0};
    int32_t count;

    if (reader->group != NULL) {
        must("subscribe", barnabas_consumer_subscribe(consumer, &reader->topic, 1, NULL, NULL));
        return;
    }
    must("count", barnabas_consumer_partition_count(consumer, reader->topic, 60000, &count));
    for (int32_t i = 0; i < count; i++)
        must("assign", barnabas_consumer_assign(consumer, reader->topic, i, beginning));
}

static uint64_t received(const struct reader *reader) {
    struct barnabas_stamp_count count;
    uint64_t sum = 0;

    for (size_t i = 0; barnabas_stamp_checker_at(reader->checker, i, &count); i++)
        sum += count.received;
    return sum;
}

static void *read_all(void *argument) {
    struct reader *reader = argument;
    struct barnabas_consumer *consumer;
    struct barnabas_polled polled;
    int silent_ms = 0;

    must("open", barnabas_consumer_open(reader->config, &consumer, NULL));
    begin_reading(reader, consumer);
    while ((!atomic_load(&sent) || received(reader) < atomic_load(&delivered)) &&
           silent_ms < SILENCE_MS_MAX) {
        must("poll", barnabas_consumer_poll(consumer, 200, &polled));
        for (size_t i = 0; i < polled.message_count; i++)
            must("take", barnabas_stamp_checker_take(reader->checker, &polled.messages[i], NULL));
        for (size_t i = 0; i < polled.event_count; i++)
            die("event", polled.events[i].error);
        silent_ms = polled.message_count > 0 ? 0 : silent_ms + 200;
        atomic_fetch_add(&reader->polled, polled.message_count);
        /* What is refused or lost because of a fault is read again. */
        if (reader->group != NULL && polled.message_count > 0)
            (void)barnabas_consumer_commit(consumer, NULL, 0, 5000);
    }
    barnabas_consumer_close(consumer);
    return NULL;
}

static bool input_has_ended(void) {
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    char ignored[64];

    return poll(&input, 1, 0) > 0 && read(STDIN_FILENO, ignored, sizeof(ignored)) == 0;
}

static void send_until_end(struct barnabas_producer *producer, const char *topic, long rate) {
    struct barnabas_record record = {
        .topic = topic,
        .partition = BARNABAS_PARTITION_ANY,
        .timestamp = BARNABAS_TIMESTAMP_NOW,
        .value = "value",
        .value_size = 5,
    };
    const struct timespec pause = {.tv_nsec = 10000000};

    while (!input_has_ended()) {
        for (long i = 0; i < rate / 100; i++)
            must("send", barnabas_producer_send(producer, &record, on_delivered, NULL));
        nanosleep(&pause, NULL);
    }
    must("flush", barnabas_producer_flush(producer, -1));
}

static void print_reader(const char *name, const struct reader *reader) {
    struct barnabas_stamp_count count;
    struct barnabas_stamp_count all = {0};

    for (size_t i = 0; barnabas_stamp_checker_at(reader->checker, i, &count); i++) {
        all.received += count.received;
        all.lost += count.lost;
        all.duplicated += count.duplicated;
        all.reordered += count.reordered;
    }
    printf(", \"%s\": {\"received\": %" PRIu64 ", \"lost\": %" PRIu64 ", \"duplicated\": %" PRIu64
           ", \"reordered\": %" PRIu64 "}",
           name, all.received, all.lost, all.duplicated, all.reordered);
}

static struct barnabas_config *configure(const char *bootstrap, const char *group) {
    const char *const settings[][2] = {
        {"bootstrap.servers", bootstrap},
        {"group.id", group},
        {"auto.offset.reset", "earliest"},
        {"enable.auto.commit", "false"},
        {"session.timeout.ms", "6000"},
        {"heartbeat.interval.ms", "500"},
        {"request.timeout.ms", "4000"},
        {"delivery.timeout.ms", "120000"},
        {"reconnect.backoff.max.ms", "500"},
        {"retry.backoff.max.ms", "500"},
        {"linger.ms", "2"},
    };
    struct barnabas_config *config = barnabas_config_new();

    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
        must(settings[i][0], barnabas_config_set(config, settings[i][0], settings[i][1], NULL));
    return config;
}

int main(int argc, char **argv) {
    struct barnabas_producer_interceptor stamps;
    struct barnabas_producer *producer;
    struct barnabas_stamper *stamper;
    struct barnabas_config *config;
    struct reader readers[2];

    if (argc != 5)
        die("usage", BARNABAS_INVALID_REQUEST);
    config = configure(argv[1], argv[3]);
    must("stamper", barnabas_stamper_new("driver", &stamper));
    for (int i = 0; i < 2; i++) {
        readers[i] =
            (struct reader){.group = i == 0 ? NULL : argv[3], .topic = argv[2], .config = config};
        must("checker", barnabas_stamp_checker_new(true, &readers[i].checker));
        if (pthread_create(&readers[i].thread, NULL, read_all, &readers[i]) != 0)
            die("thread", BARNABAS_OUT_OF_MEMORY);
    }
    stamps = barnabas_stamper_interceptor(stamper);
    config = barnabas_config_copy(config);
    must("stamps", barnabas_config_add_producer_interceptor(config, &stamps));
    must("open", barnabas_producer_open(config, &producer, NULL));
    send_until_end(producer, argv[2], strtol(argv[4], NULL, 10));
    barnabas_producer_close(producer, 0);
    atomic_store(&sent, true);
    for (int i = 0; i < 2; i++)
        (void)pthread_join(readers[i].thread, NULL);
    printf("{\"delivered\": %llu, \"failed\": %llu", atomic_load(&delivered), atomic_load(&failed));
    print_reader("assigned", &readers[0]);
    print_reader("grouped", &readers[1]);
    printf("}\n");
    barnabas_config_free(config);
    barnabas_config_free(readers[0].config);
    for (int i = 0; i < 2; i++)
        barnabas_stamp_checker_free(readers[i].checker);
    barnabas_stamper_free(stamper);
    return 0;
}

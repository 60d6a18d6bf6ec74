/*
 * The loads of `barnabas bench`, made with librdkafka, in the way of its own performance example:
 * for run_client_benchmarks.py, which measures both beside each other.
 *
 *   rdkafka_load produce|consume|end-to-end BOOTSTRAP TOPIC RECORDS SIZE RATE [KEY=VALUE]...
 *
 * RATE 0: as many as can be sent. Prints one JSON object, with the names of barnabas bench.
 */
#include <errno.h>
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "ops/cli/latency_histogram.h"
#include "ops/cli/pace.h"

#define POOL_BYTES 65536

struct load {
    const char *bootstrap;
    const char *topic;
    uint64_t records;
    size_t size;
    int64_t rate;
    char **settings;
    int setting_count;
};

struct outcome {
    uint64_t delivered;
    uint64_t failed;
    uint64_t received;
    int64_t begin_ns;
    int64_t end_ns;
    struct latency_histogram latencies;
};

static struct outcome outcome;
static atomic_bool sending_over;

static int64_t now_ns(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * PACE_SECOND_NS + now.tv_nsec;
}

static double cpu_seconds(void) {
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void fail(const char *what, const char *why) {
    fprintf(stderr, "rdkafka_load: %s: %s\n", what, why);
    exit(1);
}

static rd_kafka_conf_t *conf_of(const struct load *load) {
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char reason[512];

    if (rd_kafka_conf_set(conf, "bootstrap.servers", load->bootstrap, reason, sizeof(reason)) !=
        RD_KAFKA_CONF_OK)
        fail("bootstrap.servers", reason);
    for (int i = 0; i < load->setting_count; i++) {
        char *equals = strchr(load->settings[i], '=');

        if (equals == NULL)
            fail(load->settings[i], "not KEY=VALUE");
        *equals = '\0';
        if (rd_kafka_conf_set(conf, load->settings[i], equals + 1, reason, sizeof(reason)) !=
            RD_KAFKA_CONF_OK)
            fail(load->settings[i], reason);
        *equals = '=';
    }
    return conf;
}

static rd_kafka_t *handle_of(rd_kafka_type_t type, rd_kafka_conf_t *conf) {
    char reason[512];
    rd_kafka_t *handle = rd_kafka_new(type, conf, reason, sizeof(reason));

    if (handle == NULL)
        fail("cannot start", reason);
    return handle;
}

/* The due time travels as the message's opaque. */
static void on_delivered(rd_kafka_t *handle, const rd_kafka_message_t *message, void *opaque) {
    (void)handle;
    (void)opaque;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        outcome.failed++;
        return;
    }
    outcome.delivered++;
    latency_histogram_add(&outcome.latencies, now_ns() - (int64_t)(intptr_t)message->_private);
}

static void sleep_until(rd_kafka_t *producer, int64_t due_ns) {
    const struct timespec until = {due_ns / PACE_SECOND_NS, due_ns % PACE_SECOND_NS};

    rd_kafka_poll(producer, 0);
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) != 0)
        continue;
}

/* Reports on a thread of their own, as libbarnabas has them, so that latencies are not those of a
 * sender that is asleep. */
static void *poll_reports(void *argument) {
    while (!atomic_load(&sending_over))
        rd_kafka_poll(argument, 100);
    return NULL;
}

static void send_all(const struct load *load) {
    rd_kafka_conf_t *conf = conf_of(load);
    char *pool = malloc(POOL_BYTES);
    char *value = malloc(load->size + sizeof(int64_t));
    rd_kafka_t *producer;
    rd_kafka_topic_t *topic;
    const struct rd_kafka_metadata *metadata;
    pthread_t reports;

    rd_kafka_conf_set_dr_msg_cb(conf, on_delivered);
    producer = handle_of(RD_KAFKA_PRODUCER, conf);
    topic = rd_kafka_topic_new(producer, load->topic, NULL);
    for (size_t i = 0; i < POOL_BYTES; i++)
        pool[i] = (char)('a' + (i * 7919 >> 5) % 26);
    if (rd_kafka_metadata(producer, 0, topic, &metadata, 30000) != RD_KAFKA_RESP_ERR_NO_ERROR)
        fail(load->topic, "no metadata");
    rd_kafka_metadata_destroy(metadata);
    if (pthread_create(&reports, NULL, poll_reports, producer) != 0)
        fail("pthread_create", "no thread");
    outcome.begin_ns = now_ns();
    for (uint64_t i = 0; i < load->records; i++) {
        int64_t due_ns = load->rate > 0 ? pace_due_ns(outcome.begin_ns, load->rate, i) : now_ns();

        if (load->rate > 0 && due_ns > now_ns())
            sleep_until(producer, due_ns);
        memcpy(value, pool + i % (POOL_BYTES - load->size), load->size);
        if (load->size >= sizeof(due_ns))
            memcpy(value, &due_ns, sizeof(due_ns));
        if (rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA,
                             RD_KAFKA_MSG_F_COPY | RD_KAFKA_MSG_F_BLOCK, value, load->size, NULL, 0,
                             (void *)(intptr_t)due_ns) != 0)
            fail("produce", rd_kafka_err2str(rd_kafka_last_error()));
    }
    rd_kafka_flush(producer, 120000);
    outcome.end_ns = now_ns();
    atomic_store(&sending_over, true);
    pthread_join(reports, NULL);
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(producer);
    free(pool);
    free(value);
}

static int32_t partition_count(rd_kafka_t *handle, const char *name) {
    rd_kafka_topic_t *topic = rd_kafka_topic_new(handle, name, NULL);
    const struct rd_kafka_metadata *metadata;
    int32_t count;

    if (rd_kafka_metadata(handle, 0, topic, &metadata, 30000) != RD_KAFKA_RESP_ERR_NO_ERROR)
        fail(name, "no metadata");
    count = metadata->topics[0].partition_cnt;
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(topic);
    return count;
}

/* From there in every partition. */
static rd_kafka_t *consumer_at(const struct load *load, int64_t offset) {
    rd_kafka_conf_t *conf = conf_of(load);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
    rd_kafka_t *consumer;
    char reason[512];
    int32_t count;

    if (rd_kafka_conf_set(conf, "group.id", "rdkafka_load", reason, sizeof(reason)) !=
        RD_KAFKA_CONF_OK)
        fail("group.id", reason);
    consumer = handle_of(RD_KAFKA_CONSUMER, conf);
    rd_kafka_poll_set_consumer(consumer);
    count = partition_count(consumer, load->topic);
    for (int32_t i = 0; i < count; i++)
        rd_kafka_topic_partition_list_add(list, load->topic, i)->offset = offset;
    if (rd_kafka_assign(consumer, list) != RD_KAFKA_RESP_ERR_NO_ERROR)
        fail(load->topic, "cannot be assigned");
    rd_kafka_topic_partition_list_destroy(list);
    return consumer;
}

#define BATCH_MESSAGES 500

static void take(rd_kafka_message_t *message, const struct load *load, int64_t due_from_ns) {
    int64_t due_ns;

    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR && message->len == load->size) {
        memcpy(&due_ns, message->payload, sizeof(due_ns));
        if (due_from_ns > 0 && due_ns >= due_from_ns)
            latency_histogram_add(&outcome.latencies, now_ns() - due_ns);
        if (due_ns >= due_from_ns || due_from_ns == 0)
            outcome.received++;
    }
    rd_kafka_message_destroy(message);
}

/* What rdkafka_performance does in its fastest mode: many messages at a call, which waits for them.
 * The time counts from the first. */
static void take_batch(rd_kafka_queue_t *queue, const struct load *load) {
    static rd_kafka_message_t *messages[BATCH_MESSAGES];
    ssize_t count = rd_kafka_consume_batch_queue(queue, 1000, messages, BATCH_MESSAGES);

    if (count > 0 && outcome.received == 0)
        outcome.begin_ns = now_ns();
    for (ssize_t i = 0; i < count; i++)
        take(messages[i], load, 0);
}

static void consume_all(const struct load *load) {
    rd_kafka_t *consumer = consumer_at(load, RD_KAFKA_OFFSET_BEGINNING);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(consumer);

    while (outcome.received < load->records)
        take_batch(queue, load);
    outcome.end_ns = now_ns();
    outcome.delivered = outcome.received;
    rd_kafka_queue_destroy(queue);
    rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
}

static void *produce_thread(void *argument) {
    const struct load *load = argument;
    rd_kafka_conf_t *conf = conf_of(load);
    rd_kafka_t *producer = handle_of(RD_KAFKA_PRODUCER, conf);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(producer, load->topic, NULL);
    char *value = calloc(1, load->size + sizeof(int64_t));

    outcome.begin_ns = now_ns();
    for (uint64_t i = 0; i < load->records; i++) {
        int64_t due_ns = pace_due_ns(outcome.begin_ns, load->rate, i);

        if (due_ns > now_ns())
            sleep_until(producer, due_ns);
        memcpy(value, &due_ns, sizeof(due_ns));
        if (rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA,
                             RD_KAFKA_MSG_F_COPY | RD_KAFKA_MSG_F_BLOCK, value, load->size, NULL, 0,
                             NULL) != 0)
            fail("produce", rd_kafka_err2str(rd_kafka_last_error()));
    }
    rd_kafka_flush(producer, 60000);
    outcome.end_ns = now_ns();
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(producer);
    free(value);
    return NULL;
}

static void end_to_end(struct load *load) {
    rd_kafka_t *consumer = consumer_at(load, RD_KAFKA_OFFSET_END);
    rd_kafka_message_t *message;
    pthread_t producer;
    int64_t from_ns;

    message = rd_kafka_consumer_poll(consumer, 1000); /* a second, in which it finds the end */
    if (message != NULL)
        rd_kafka_message_destroy(message);
    from_ns = now_ns();
    if (pthread_create(&producer, NULL, produce_thread, load) != 0)
        fail("pthread_create", "no thread");
    while (outcome.received < load->records)
        if ((message = rd_kafka_consumer_poll(consumer, 1000)) != NULL)
            take(message, load, from_ns);
    pthread_join(producer, NULL);
    outcome.delivered = outcome.received;
    rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
}

static void print(const struct load *load, double cpu) {
    static const double percents[] = {50, 90, 95, 99, 99.9, 99.99};

    printf("{\"records\": %" PRIu64 ", \"failed\": %" PRIu64 ", \"bytes\": %" PRIu64
           ", \"seconds\": %.6f, \"cpuSeconds\": %.6f, \"latencyMs\": {",
           outcome.delivered, outcome.failed, outcome.delivered * load->size,
           (double)(outcome.end_ns - outcome.begin_ns) / 1e9, cpu);
    for (size_t i = 0; i < sizeof(percents) / sizeof(percents[0]); i++)
        printf("\"p%g\": %.6f, ", percents[i],
               (double)latency_histogram_ns(&outcome.latencies, percents[i]) / 1e6);
    printf("\"max\": %.6f}}\n", (double)outcome.latencies.max_ns / 1e6);
}

int main(int argc, char **argv) {
    struct load load;
    double cpu = cpu_seconds();

    if (argc < 7)
        fail("usage",
             "produce|consume|end-to-end BOOTSTRAP TOPIC RECORDS SIZE RATE [KEY=VALUE]...");
    load = (struct load){
        .bootstrap = argv[2],
        .topic = argv[3],
        .records = strtoull(argv[4], NULL, 10),
        .size = strtoull(argv[5], NULL, 10),
        .rate = strtoll(argv[6], NULL, 10),
        .settings = argv + 7,
        .setting_count = argc - 7,
    };
    if (load.size < sizeof(int64_t) || load.size >= POOL_BYTES)
        fail(argv[5], "not a size from 8 to 65535");
    if (strcmp(argv[1], "produce") == 0)
        send_all(&load);
    else if (strcmp(argv[1], "consume") == 0)
        consume_all(&load);
    else if (strcmp(argv[1], "end-to-end") == 0)
        end_to_end(&load);
    else
        fail(argv[1], "neither produce, consume nor end-to-end");
    print(&load, cpu_seconds() - cpu);
    return 0;
}

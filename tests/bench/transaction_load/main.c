/*
 * Transactions of one libbarnabas producer, one after the other, each of so many records of 100
 * bytes; when the first ten have warmed it up, the time of the others is told as JSON.
 *
 *     transaction_load BOOTSTRAP TOPIC ID RECORDS TRANSACTIONS
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <barnabas/barnabas.h>

#define RECORD_BYTES 100
#define WARM_UP      10
#define TIMEOUT_MS   60000

static double now_seconds(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void check(const char *what, int error) {
    if (error == BARNABAS_OK)
        return;
    fprintf(stderr, "transaction_load: %s: %s\n", what, barnabas_error_name(error));
    exit(1);
}

static struct barnabas_producer *open_producer(const char *bootstrap, const char *id) {
    struct barnabas_config *config = barnabas_config_new();
    struct barnabas_producer *producer = NULL;
    struct barnabas_reason reason;

    check("bootstrap.servers",
          barnabas_config_set(config, "bootstrap.servers", bootstrap, &reason));
    check("transactional.id", barnabas_config_set(config, "transactional.id", id, &reason));
    check("batch.size", barnabas_config_set(config, "batch.size", "100000", &reason));
    check("open", barnabas_producer_open(config, &producer, &reason));
    barnabas_config_free(config);
    check("init", barnabas_producer_init_transactions(producer, TIMEOUT_MS));
    return producer;
}

static void run_one(struct barnabas_producer *producer, const char *topic, long records) {
    static const char value[RECORD_BYTES];
    const struct barnabas_record record = {
        .topic = topic,
        .partition = BARNABAS_PARTITION_ANY,
        .value = value,
        .value_size = sizeof(value),
        .timestamp = BARNABAS_TIMESTAMP_NOW,
    };

    check("begin", barnabas_producer_begin_transaction(producer));
    for (long i = 0; i < records; i++)
        check("send", barnabas_producer_send(producer, &record, NULL, NULL));
    check("commit", barnabas_producer_commit_transaction(producer, TIMEOUT_MS));
}

int main(int argc, char **argv) {
    struct barnabas_producer *producer;
    long records, transactions;
    double begun;

    if (argc != 6 || (records = strtol(argv[4], NULL, 10)) < 1 ||
        (transactions = strtol(argv[5], NULL, 10)) < 1) {
        fprintf(stderr, "usage: transaction_load BOOTSTRAP TOPIC ID RECORDS TRANSACTIONS\n");
        return 2;
    }
    producer = open_producer(argv[1], argv[3]);
    for (int i = 0; i < WARM_UP; i++)
        run_one(producer, argv[2], records);
    begun = now_seconds();
    for (long i = 0; i < transactions; i++)
        run_one(producer, argv[2], records);
    printf("{\"transactions\": %ld, \"records\": %ld, \"seconds\": %.6f}\n", transactions,
           transactions * records, now_seconds() - begun);
    barnabas_producer_close(producer, TIMEOUT_MS);
    return 0;
}

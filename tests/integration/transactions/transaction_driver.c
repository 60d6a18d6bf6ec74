/*
 * Writers of concurrent transactions, and what they were told, by lines on standard output.
 *
 *   transaction_driver BOOTSTRAP TOPIC PARTITIONS ID INCARNATION WRITERS
 *
 * Writer w has the transactional id ID-w. Its transactions have names, ID-w.INCARNATION.N, and
 * their records the values NAME/0, NAME/1, ... A quarter is aborted; some are left open when a
 * second producer takes the id, and committed by the first all the same. SIGTERM ends it.
 *
 *   begin NAME WRITER N PARTITION,...     before the first record is sent
 *   asked NAME SECONDS                    before the commit is asked for (monotonic clock)
 *   end NAME committed|aborted|unknown    as the library says
 */
#include <barnabas/transactions.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TIMEOUT_MS  30000
#define RECORDS_MAX 5
#define WRITERS_MAX 64

struct writer {
    const char *bootstrap;
    const char *topic;
    int partitions;
    char id[64];
    int incarnation;
    unsigned seed;
    int order; /* of the next transaction */
    struct barnabas_producer *producer;
    pthread_t thread;
};

struct transaction {
    char name[100];
    int count;
    int partitions[RECORDS_MAX];
};

static atomic_bool stopping; /* by a signal, whichever thread has it */

static void on_signal(int number) {
    (void)number;
    stopping = true;
}

static int chance(struct writer *writer, int below) {
    return (int)((unsigned)rand_r(&writer->seed) % (unsigned)below);
}

/* One line, at once: a killed process must have said what it was about to do. */
#define SAY(...)             \
    do {                     \
        flockfile(stdout);   \
        printf(__VA_ARGS__); \
        fflush(stdout);      \
        funlockfile(stdout); \
    } while (0)

static double seconds(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* A producer that owns the id; NULL if it was not to be had. */
static struct barnabas_producer *own_id(const struct writer *writer) {
    struct barnabas_config *config = barnabas_config_new();
    struct barnabas_producer *producer = NULL;
    int error = BARNABAS_REQUEST_TIMED_OUT;

    barnabas_config_set(config, "bootstrap.servers", writer->bootstrap, NULL);
    barnabas_config_set(config, "transactional.id", writer->id, NULL);
    barnabas_config_set(config, "linger.ms", "1", NULL);
    barnabas_config_set(config, "batch.size", "100", NULL);
    if (barnabas_producer_open(config, &producer, NULL) != BARNABAS_OK)
        abort();
    barnabas_config_free(config);
    while (error == BARNABAS_REQUEST_TIMED_OUT)
        error = barnabas_producer_init_transactions(producer, 2000);
    if (error == BARNABAS_OK)
        return producer;
    barnabas_producer_close(producer, 0);
    return NULL;
}

static void plan(struct writer *writer, struct transaction *transaction) {
    char list[RECORDS_MAX * 12] = "";

    transaction->count = 1 + chance(writer, RECORDS_MAX);
    for (int i = 0; i < transaction->count; i++) {
        size_t used = strlen(list);

        transaction->partitions[i] = chance(writer, writer->partitions);
        snprintf(list + used, sizeof(list) - used, "%s%d", i == 0 ? "" : ",",
                 transaction->partitions[i]);
    }
    snprintf(transaction->name, sizeof(transaction->name), "%s.%d.%d", writer->id,
             writer->incarnation, writer->order);
    SAY("begin %s %s %d %s\n", transaction->name, writer->id, writer->order, list);
    writer->order++;
}

static int send_records(struct writer *writer, const struct transaction *transaction) {
    int error = BARNABAS_OK;

    for (int i = 0; i < transaction->count && error == BARNABAS_OK; i++) {
        char value[128];
        int size = snprintf(value, sizeof(value), "%s/%d", transaction->name, i);
        struct barnabas_record record = {.topic = writer->topic,
                                         .partition = transaction->partitions[i],
                                         .value = value,
                                         .value_size = (size_t)size,
                                         .timestamp = BARNABAS_TIMESTAMP_NOW};

        error = barnabas_producer_send(writer->producer, &record, NULL, NULL);
        if (error == BARNABAS_OK && chance(writer, 2) == 0)
            barnabas_producer_flush(writer->producer, TIMEOUT_MS);
    }
    return error;
}

static int commit(struct writer *writer, const struct transaction *transaction) {
    int error;

    SAY("asked %s %.6f\n", transaction->name, seconds());
    do
        error = barnabas_producer_commit_transaction(writer->producer, TIMEOUT_MS);
    while (error == BARNABAS_REQUEST_TIMED_OUT);
    return error;
}

static int give_up(struct writer *writer) {
    int error;

    do
        error = barnabas_producer_abort_transaction(writer->producer, TIMEOUT_MS);
    while (error == BARNABAS_REQUEST_TIMED_OUT);
    return error;
}

/* Another producer has the id by the time the first one commits, which must not succeed. */
static int be_outlived(struct writer *writer, const struct transaction *transaction) {
    struct barnabas_producer *first = writer->producer;
    struct barnabas_producer *second;

    barnabas_producer_flush(first, TIMEOUT_MS);
    second = own_id(writer);
    if (second == NULL)
        return give_up(writer);
    if (barnabas_producer_commit_transaction(first, TIMEOUT_MS) == BARNABAS_OK)
        SAY("end %s committed\n", transaction->name); /* the history shows that it was not */
    barnabas_producer_close(first, 0);
    writer->producer = second;
    return BARNABAS_OK;
}

/* What became of it: NULL if nobody can tell. */
static const char *transact(struct writer *writer, const struct transaction *transaction) {
    int error = barnabas_producer_begin_transaction(writer->producer);
    int what = chance(writer, 20);

    if (error == BARNABAS_OK)
        error = send_records(writer, transaction);
    if (error == BARNABAS_OK && what == 0)
        return be_outlived(writer, transaction) == BARNABAS_OK ? "aborted" : NULL;
    if (error == BARNABAS_OK && what < 6)
        return give_up(writer) == BARNABAS_OK ? "aborted" : NULL;
    if (error == BARNABAS_OK && commit(writer, transaction) == BARNABAS_OK)
        return "committed";
    return give_up(writer) == BARNABAS_OK ? "aborted" : NULL;
}

static void *write_on(void *argument) {
    struct writer *writer = argument;

    while (!stopping) {
        struct transaction transaction;
        const char *end;

        if (writer->producer == NULL && (writer->producer = own_id(writer)) == NULL)
            continue;
        plan(writer, &transaction);
        end = transact(writer, &transaction);
        SAY("end %s %s\n", transaction.name, end == NULL ? "unknown" : end);
        if (end != NULL)
            continue;
        barnabas_producer_close(writer->producer, 0);
        writer->producer = NULL;
    }
    /* What one that is gone left open is ended by the next. */
    while (writer->producer == NULL)
        writer->producer = own_id(writer);
    barnabas_producer_close(writer->producer, TIMEOUT_MS);
    return NULL;
}

int main(int argc, char **argv) {
    static struct writer writers[WRITERS_MAX];
    int count = argc == 7 ? (int)strtol(argv[6], NULL, 10) : 0;

    if (count < 1 || count > WRITERS_MAX)
        return 2;
    signal(SIGTERM, on_signal);
    for (int i = 0; i < count; i++) {
        struct writer *writer = &writers[i];

        writer->bootstrap = argv[1];
        writer->topic = argv[2];
        writer->partitions = (int)strtol(argv[3], NULL, 10);
        snprintf(writer->id, sizeof(writer->id), "%s-%d", argv[4], i);
        writer->incarnation = (int)strtol(argv[5], NULL, 10);
        writer->seed = (unsigned)(time(NULL) * 100 + i);
        if (pthread_create(&writer->thread, NULL, write_on, writer) != 0)
            return 1;
    }
    for (int i = 0; i < count; i++)
        pthread_join(writers[i].thread, NULL);
    return 0;
}

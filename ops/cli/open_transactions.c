#include "ops/cli/open_transactions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ops/cli/session.h"

#define PARTITIONS_AT_ONCE 500

static int64_t now_ms(void) {
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* --- Searching ---------------------------------------------------------------------------- */

/* One request: partitions of one broker. */
struct question {
    int32_t broker;
    struct barnabas_topic_partition partitions[PARTITIONS_AT_ONCE];
    size_t count;
};

static bool add(struct transaction_search *search, const struct barnabas_partition_producers *in,
                const struct barnabas_active_producer *producer, int32_t leader) {
    size_t capacity = search->capacity == 0 ? 16 : search->capacity * 2;
    struct open_transaction *more;

    if (search->count == search->capacity) {
        if ((more = reallocarray(search->items, capacity, sizeof(*more))) == NULL)
            return false;
        search->items = more;
        search->capacity = capacity;
    }
    search->items[search->count++] = (struct open_transaction){
        .topic = in->topic, .partition = in->partition, .leader = leader, .producer = *producer};
    return true;
}

static bool take_answer(struct transaction_search *search, struct barnabas_producers *answer) {
    struct barnabas_producers **more = reallocarray(search->answers, search->answer_count + 1,
                                                    sizeof(struct barnabas_producers *));

    if (more == NULL) {
        barnabas_producers_free(answer);
        return false;
    }
    search->answers = more;
    search->answers[search->answer_count++] = answer;
    return true;
}

static enum exit_status read_answer(struct transaction_search *search,
                                    const struct barnabas_producers *answer, int32_t broker) {
    int64_t latest_ms = now_ms() - search->older_than_ms;
    enum exit_status status = EXIT_OK;

    for (size_t i = 0; i < answer->count; i++) {
        const struct barnabas_partition_producers *in = &answer->items[i];

        if (in->error != BARNABAS_OK) {
            fprintf(stderr, "barnabas: %s:%d: %s: %s\n", in->topic, in->partition,
                    barnabas_error_name(in->error), barnabas_error_text(in->error));
            status = EXIT_PARTLY_FAILED;
        }
        for (size_t j = 0; j < in->count; j++)
            if (in->items[j].start_offset >= 0 && in->items[j].last_ms <= latest_ms &&
                !add(search, in, &in->items[j], broker))
                return session_fail("transactions", BARNABAS_OUT_OF_MEMORY);
    }
    return status;
}

static enum exit_status ask(struct transaction_search *search, struct question *question) {
    struct barnabas_producers *answer = NULL;
    char broker[32];
    int error;

    if (question->count == 0)
        return EXIT_OK;
    error = barnabas_admin_describe_producers(search->admin, question->broker, question->partitions,
                                              question->count, search->timeout_ms, &answer);
    question->count = 0;
    if (error == BARNABAS_OK && !take_answer(search, answer))
        error = BARNABAS_OUT_OF_MEMORY;
    if (error == BARNABAS_OK)
        return read_answer(search, answer, question->broker);
    snprintf(broker, sizeof(broker), "broker %d", question->broker);
    (void)session_fail(broker, error);
    return EXIT_PARTLY_FAILED;
}

static bool has_replica(const struct barnabas_partition_info *partition, int32_t broker) {
    for (size_t i = 0; i < partition->replica_count; i++)
        if (partition->replicas[i] == broker)
            return true;
    return false;
}

/* Who is to be asked for the partition; -1: nobody. */
static int32_t broker_for(const struct transaction_search *search,
                          const struct barnabas_partition_info *partition) {
    if (search->name != NULL && search->name->partition != PARTITION_ALL &&
        search->name->partition != partition->partition)
        return -1;
    if (search->broker >= 0)
        return has_replica(partition, search->broker) ? search->broker : -1;
    return partition->leader;
}

/* All that one broker is to be asked for. */
static enum exit_status ask_broker(struct transaction_search *search, struct question *question) {
    enum exit_status status = EXIT_OK, asked;

    for (size_t i = 0; i < search->topics->count; i++) {
        const struct barnabas_topic_info *topic = &search->topics->items[i];

        for (size_t j = 0; j < topic->partition_count; j++) {
            if (broker_for(search, &topic->partitions[j]) != question->broker)
                continue;
            question->partitions[question->count++] =
                (struct barnabas_topic_partition){topic->name, topic->partitions[j].partition};
            if (question->count < PARTITIONS_AT_ONCE)
                continue;
            if ((asked = ask(search, question)) != EXIT_OK)
                status = asked;
        }
    }
    return (asked = ask(search, question)) != EXIT_OK ? asked : status;
}

static enum exit_status ask_all(struct transaction_search *search) {
    struct question *question = calloc(1, sizeof(*question));
    struct barnabas_cluster *cluster = NULL;
    enum exit_status status = EXIT_OK, asked;
    int error = question == NULL
                    ? BARNABAS_OUT_OF_MEMORY
                    : barnabas_admin_describe_cluster(search->admin, search->timeout_ms, &cluster);

    if (error != BARNABAS_OK)
        status = session_fail("cluster", error);
    for (size_t i = 0; cluster != NULL && i < cluster->broker_count; i++) {
        question->broker = cluster->brokers[i].id;
        if ((asked = ask_broker(search, question)) != EXIT_OK)
            status = asked;
    }
    barnabas_cluster_free(cluster);
    free(question);
    return status;
}

/* A partition without a leader cannot be asked for. */
static enum exit_status check_topics(const struct transaction_search *search) {
    enum exit_status status = EXIT_OK;

    for (size_t i = 0; i < search->topics->count; i++) {
        const struct barnabas_topic_info *topic = &search->topics->items[i];
        bool is_known = search->name == NULL || search->name->partition == PARTITION_ALL;

        if (topic->error != BARNABAS_OK)
            return session_fail(topic->name, topic->error);
        for (size_t j = 0; j < topic->partition_count; j++) {
            is_known |=
                search->name != NULL && search->name->partition == topic->partitions[j].partition;
            if (search->broker >= 0 || topic->partitions[j].leader >= 0)
                continue;
            fprintf(stderr, "barnabas: %s:%d has no leader\n", topic->name,
                    topic->partitions[j].partition);
            status = EXIT_PARTLY_FAILED;
        }
        if (!is_known)
            return session_fail(topic->name, BARNABAS_UNKNOWN_TOPIC_OR_PARTITION);
    }
    return status;
}

static int by_place(const void *left, const void *right) {
    const struct open_transaction *a = left;
    const struct open_transaction *b = right;
    int order = strcmp(a->topic, b->topic);

    if (order == 0)
        order = (a->partition > b->partition) - (a->partition < b->partition);
    if (order == 0)
        order = (a->producer.start_offset > b->producer.start_offset) -
                (a->producer.start_offset < b->producer.start_offset);
    return order;
}

enum exit_status transaction_search_run(struct transaction_search *search) {
    const char *const name = search->name == NULL ? NULL : search->name->topic;
    enum exit_status status, asked;
    int error =
        barnabas_admin_describe_topics(search->admin, name == NULL ? NULL : &name,
                                       name == NULL ? 0 : 1, search->timeout_ms, &search->topics);

    if (error != BARNABAS_OK)
        return session_fail(name == NULL ? "topics" : name, error);
    status = check_topics(search);
    if (status != EXIT_OK && status != EXIT_PARTLY_FAILED)
        return status;
    if ((asked = ask_all(search)) != EXIT_OK)
        status = asked;
    if (search->count > 0)
        qsort(search->items, search->count, sizeof(*search->items), by_place);
    return status;
}

/* --- Judging ------------------------------------------------------------------------------ */

/* Whether the coordinator will end the transaction in that partition. */
static bool is_part_of(const struct barnabas_transaction *transaction,
                       const struct open_transaction *open) {
    for (size_t i = 0; i < transaction->partition_count; i++)
        if (transaction->partitions[i].partition == open->partition &&
            strcmp(transaction->partitions[i].topic, open->topic) == 0)
            return true;
    return false;
}

/* What the coordinator of one transactional id says of its producer's. */
static int judge(struct transaction_search *search,
                 const struct barnabas_transaction_listing *listing) {
    struct barnabas_transaction *transaction = NULL;
    int error = barnabas_admin_describe_transaction(search->admin, listing->transactional_id,
                                                    search->timeout_ms, &transaction);

    if (error == BARNABAS_TRANSACTIONAL_ID_NOT_FOUND)
        return BARNABAS_OK; /* forgotten since it was listed */
    for (size_t i = 0; error == BARNABAS_OK && i < search->count; i++)
        if (search->items[i].producer.producer_id == listing->producer_id &&
            is_part_of(transaction, &search->items[i]))
            search->items[i].is_hanging = false;
    barnabas_transaction_free(transaction);
    return error;
}

enum exit_status transaction_search_judge(struct transaction_search *search) {
    int64_t *producer_ids = calloc(search->count + 1, sizeof(*producer_ids));
    struct barnabas_transactions *known = NULL;
    enum exit_status status = EXIT_OK;
    int error = BARNABAS_OK;

    for (size_t i = 0; producer_ids != NULL && i < search->count; i++) {
        search->items[i].is_hanging = true; /* until a coordinator says otherwise */
        producer_ids[i] = search->items[i].producer.producer_id;
    }
    if (producer_ids == NULL)
        error = BARNABAS_OUT_OF_MEMORY;
    else if (search->count > 0)
        error = barnabas_admin_list_transactions(search->admin, producer_ids, search->count, -1,
                                                 search->timeout_ms, &known);
    if (error == BARNABAS_OK && known != NULL && known->silent_brokers > 0)
        error = known->error;
    for (size_t i = 0; error == BARNABAS_OK && known != NULL && i < known->count; i++)
        error = judge(search, &known->items[i]);
    if (error != BARNABAS_OK) {
        status = session_fail("coordinators", error);
        fprintf(stderr, "barnabas: what hangs cannot be told while a coordinator is silent\n");
    }
    barnabas_transactions_free(known);
    free(producer_ids);
    return status;
}

void transaction_search_done(struct transaction_search *search) {
    for (size_t i = 0; i < search->answer_count; i++)
        barnabas_producers_free(search->answers[i]);
    free(search->answers);
    free(search->items);
    barnabas_topics_free(search->topics);
}

#include "broker/control/topic_requests.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "broker/config/config.h"
#include "broker/transaction/producer_ids.h"
#include "client/base/logger.h"
#include "client/wire/message/allocate_producer_ids.h"
#include "client/wire/message/create_topics.h"

#define CREATE_TOPICS_VERSION_MAX 7
#define TIMEOUT_MS                30000
#define UNDER_WAY_MAX             1000
#define SETTINGS_MAX              5
#define NUMBER_SIZE               12

/* A topic that is being created. */
struct creation {
    struct topic_requests *requests;
    TAILQ_ENTRY(creation) link;
    struct create_topics_request request;
    struct create_topics_request_topics topic;
    struct create_topics_request_topics_configs configs[SETTINGS_MAX];
    char segment_bytes[NUMBER_SIZE]; /* texts of settings */
    char min_insync_replicas[NUMBER_SIZE];
    size_t name_size;
    char name[];
};

TAILQ_HEAD(creation_list, creation);

struct topic_requests {
    const struct config *config;
    struct controller_channel *channel;
    struct producer_ids *producer_ids;
    int32_t broker_id;
    int64_t broker_epoch;
    struct creation_list creations;
    int32_t creation_count;
    struct allocate_producer_ids_request allocate;
};

static void on_created(void *context, enum error error, const void *message) {
    struct creation *creation = context;
    const struct create_topics_response *response = message;

    if (error == ERR_NONE && response->topics_count == 1)
        error = (enum error)response->topics[0].error_code;
    if (error == ERR_NONE)
        LOG_INFO("topic_created_automatically", "topic=%s", creation->name);
    else if (error != ERR_TOPIC_ALREADY_EXISTS && error != ERR_CANCELLED)
        LOG_WARN("topic_not_created_automatically", "topic=%s error=%s reason=\"%s\"",
                 creation->name, error_name(error), error_text(error));
    TAILQ_REMOVE(&creation->requests->creations, creation, link);
    creation->requests->creation_count--;
    free(creation);
}

static void add_setting(struct creation *creation, const char *name, const char *value) {
    CHECK(creation->topic.configs_count < SETTINGS_MAX);
    creation->configs[creation->topic.configs_count++] =
        (struct create_topics_request_topics_configs){bytes_of_text(name), bytes_of_text(value)};
}

static void add_number(struct creation *creation, const char *name, int32_t value,
                       char text[NUMBER_SIZE]) {
    (void)snprintf(text, NUMBER_SIZE, "%" PRId32, value);
    add_setting(creation, name, text);
}

/* Kafka's settings of its internal topics: GroupCoordinator.groupMetadataTopicConfigs and
 * TransactionStateManager.transactionTopicConfigs. */
static void fill_offsets(struct creation *creation, const struct config *config) {
    creation->topic.num_partitions = config->offsets_topic_num_partitions;
    creation->topic.replication_factor = (int16_t)config->offsets_topic_replication_factor;
    add_setting(creation, "compression.type", "producer");
    add_setting(creation, "cleanup.policy", "compact");
    add_number(creation, "segment.bytes", config->offsets_topic_segment_bytes,
               creation->segment_bytes);
}

/* What it says is believed by whoever asks for the outcome of a transaction: no leader that lacks
 * some of it, and nothing acknowledged by one broker alone. */
static void fill_transactions(struct creation *creation, const struct config *config) {
    creation->topic.num_partitions = config->transaction_state_log_num_partitions;
    creation->topic.replication_factor = (int16_t)config->transaction_state_log_replication_factor;
    add_setting(creation, "compression.type", "uncompressed");
    add_setting(creation, "cleanup.policy", "compact");
    add_number(creation, "min.insync.replicas", config->transaction_state_log_min_isr,
               creation->min_insync_replicas);
    add_number(creation, "segment.bytes", config->transaction_state_log_segment_bytes,
               creation->segment_bytes);
    add_setting(creation, "unclean.leader.election.enable", "false");
}

static void create(struct topic_requests *requests, struct bytes topic) {
    struct creation *creation;

    TAILQ_FOREACH (creation, &requests->creations, link) {
        if (bytes_equal(topic, bytes_of(creation->name, creation->name_size)))
            return;
    }
    if (requests->creation_count == UNDER_WAY_MAX)
        return; /* the client asks again */
    creation = calloc(1, sizeof(*creation) + topic.size + 1);
    CHECK(creation != NULL);
    creation->requests = requests;
    creation->name_size = topic.size;
    memcpy(creation->name, topic.data, topic.size);
    TAILQ_INSERT_TAIL(&requests->creations, creation, link);
    requests->creation_count++;
    create_topics_request_init(&creation->request);
    create_topics_request_topics_init(&creation->topic);
    creation->topic.name = bytes_of(creation->name, creation->name_size);
    creation->topic.num_partitions = requests->config->num_partitions;
    creation->topic.replication_factor = (int16_t)requests->config->default_replication_factor;
    creation->topic.configs = creation->configs;
    if (bytes_equal_text(topic, "__consumer_offsets"))
        fill_offsets(creation, requests->config);
    else if (bytes_equal_text(topic, "__transaction_state"))
        fill_transactions(creation, requests->config);
    creation->request.topics = &creation->topic;
    creation->request.topics_count = 1;
    creation->request.timeout_ms = TIMEOUT_MS;
    controller_channel_call(requests->channel, &create_topics_api, CREATE_TOPICS_VERSION_MAX,
                            &creation->request, TIMEOUT_MS, on_created, creation);
}

struct topic_task {
    struct task task;
    struct topic_requests *requests;
    size_t size;
    char name[];
};

static void run_topic_task(struct task *task) {
    struct topic_task *wanted = CONTAINER_OF(task, struct topic_task, task);

    create(wanted->requests, bytes_of(wanted->name, wanted->size));
    free(wanted);
}

void topic_requests_create_soon(struct topic_requests *requests, struct executor *executor,
                                struct bytes topic) {
    struct topic_task *wanted = calloc(1, sizeof(*wanted) + topic.size + 1);

    CHECK(wanted != NULL);
    wanted->task.run = run_topic_task;
    wanted->requests = requests;
    wanted->size = topic.size;
    memcpy(wanted->name, topic.data, topic.size);
    executor_post(executor, &wanted->task);
}

static void on_allocated(void *context, enum error error, const void *message) {
    struct topic_requests *requests = context;
    const struct allocate_producer_ids_response *response = message;

    if (error == ERR_NONE)
        error = (enum error)response->error_code;
    if (error == ERR_NONE &&
        producer_ids_add_block(requests->producer_ids, response->producer_id_start,
                               response->producer_id_len))
        return;
    LOG_INFO("no_producer_ids", "error=%s action=\"producers ask again\"", error_name(error));
    producer_ids_block_failed(requests->producer_ids);
}

void topic_requests_allocate_producer_ids(struct topic_requests *requests) {
    allocate_producer_ids_request_init(&requests->allocate);
    requests->allocate.broker_id = requests->broker_id;
    requests->allocate.broker_epoch = requests->broker_epoch;
    controller_channel_call(requests->channel, &allocate_producer_ids_api, 0, &requests->allocate,
                            TIMEOUT_MS, on_allocated, requests);
}

void topic_requests_set_broker_epoch(struct topic_requests *requests, int64_t broker_epoch) {
    requests->broker_epoch = broker_epoch;
}

enum error topic_requests_new(const struct config *config, struct controller_channel *channel,
                              struct producer_ids *producer_ids, int32_t broker_id,
                              struct topic_requests **created) {
    struct topic_requests *requests = calloc(1, sizeof(*requests));

    if (requests == NULL)
        return ERR_OUT_OF_MEMORY;
    requests->config = config;
    requests->channel = channel;
    requests->producer_ids = producer_ids;
    requests->broker_id = broker_id;
    requests->broker_epoch = -1;
    TAILQ_INIT(&requests->creations);
    *created = requests;
    return ERR_NONE;
}

void topic_requests_free(struct topic_requests *requests) {
    if (requests == NULL)
        return;
    CHECK(TAILQ_EMPTY(&requests->creations));
    free(requests);
}

#include "broker/lag/loss_topic.h"

#include <stdlib.h>
#include <sys/queue.h>

#include <jansson.h>

#include "broker/metadata/metadata_cache.h"
#include "broker/peer/peer_calls.h"
#include "client/base/logger.h"
#include "client/net/loop.h"
#include "client/wire/message/create_topics.h"
#include "client/wire/message/produce.h"
#include "client/wire/record_batch.h"

#define TIMEOUT_MS            30000
#define RETRY_MS              1000
#define CREATE_TOPICS_VERSION 7
#define PRODUCE_VERSION       9
#define ALL_REPLICAS          (-1)

struct told_loss {
    STAILQ_ENTRY(told_loss) link;
    int64_t wall_ms;
    char *value; /* JSON; owned */
    size_t group_size;
    uint8_t group[];
};

/* A loss leaves the list only when it is on all in-sync replicas. */
struct loss_topic {
    struct loss_topic_config config;
    STAILQ_HEAD(, told_loss) waiting;
    int32_t waiting_count;
    int32_t sent_count; /* of the first ones, in the request under way */
    bool is_asking;     /* a request is under way */
    struct loop_timer timer;
    uint8_t *batch; /* of the request under way */
    struct create_topics_request create;
    struct create_topics_request_topics create_topic;
    struct create_topics_request_topics_configs create_settings[2];
    struct produce_request produce;
    struct produce_request_topic_data produce_topic;
    struct produce_request_topic_data_partition_data produce_partition;
};

static void work(struct loss_topic *losses);

static void drop_first(struct loss_topic *losses) {
    struct told_loss *first = STAILQ_FIRST(&losses->waiting);

    STAILQ_REMOVE_HEAD(&losses->waiting, link);
    losses->waiting_count--;
    free(first->value);
    free(first);
}

/* The request is over. What failed is tried again somewhat later. */
static void done(struct loss_topic *losses, enum error error) {
    losses->is_asking = false;
    losses->sent_count = 0;
    free(losses->batch);
    losses->batch = NULL;
    if (error == ERR_CANCELLED)
        return;
    if (error == ERR_NONE) {
        work(losses);
        return;
    }
    LOG_DEBUG("losses_not_told", "waiting=%d error=%s", losses->waiting_count, error_name(error));
    loop_timer_arm(&losses->timer, RETRY_MS);
}

/* ---- The topic ---- */

static void on_created(void *context, enum error error, const void *message) {
    const struct create_topics_response *response = message;
    struct loss_topic *losses = context;

    if (error == ERR_NONE)
        error = response->topics_count == 1 ? (enum error)response->topics[0].error_code
                                            : ERR_UNKNOWN_SERVER_ERROR;
    if (error == ERR_NONE || error == ERR_TOPIC_ALREADY_EXISTS)
        error = ERR_UNKNOWN_TOPIC_OR_PARTITION; /* until the metadata have it */
    done(losses, error);
}

static void create_topic(struct loss_topic *losses, int32_t controller_id) {
    struct create_topics_request_topics *topic = &losses->create_topic;

    create_topics_request_init(&losses->create);
    create_topics_request_topics_init(topic);
    topic->name = bytes_of_text(LOSS_TOPIC_NAME);
    topic->num_partitions = 1;
    topic->replication_factor = losses->config.replication_factor;
    losses->create_settings[0] = (struct create_topics_request_topics_configs){
        bytes_of_text("cleanup.policy"), bytes_of_text("delete")};
    losses->create_settings[1] = (struct create_topics_request_topics_configs){
        bytes_of_text("retention.ms"), bytes_of_text("7776000000")}; /* 90 days */
    topic->configs = losses->create_settings;
    topic->configs_count = ARRAY_COUNT(losses->create_settings);
    losses->create.topics = topic;
    losses->create.topics_count = 1;
    losses->create.timeout_ms = TIMEOUT_MS;
    peer_call(losses->config.calls, controller_id, &create_topics_api, CREATE_TOPICS_VERSION,
              &losses->create, TIMEOUT_MS, on_created, losses);
}

/* ---- Its records ---- */

static void on_produced(void *context, enum error error, const void *message) {
    const struct produce_response *response = message;
    struct loss_topic *losses = context;

    if (error == ERR_NONE)
        error =
            response->responses_count == 1 && response->responses[0].partition_responses_count == 1
                ? (enum error)response->responses[0].partition_responses[0].error_code
                : ERR_UNKNOWN_SERVER_ERROR;
    for (; error == ERR_NONE && losses->sent_count > 0; losses->sent_count--)
        drop_first(losses);
    done(losses, error);
}

static enum error build_batch(struct loss_topic *losses, size_t *size) {
    struct record_batch_builder *builder;
    const struct told_loss *loss;
    enum error error = record_batch_builder_new(&record_batch_options_default, &builder);

    if (error != ERR_NONE)
        return error;
    losses->sent_count = 0;
    STAILQ_FOREACH (loss, &losses->waiting, link) {
        if (losses->sent_count == LOSS_BATCH_RECORDS)
            break;
        error = record_batch_builder_add(builder, loss->wall_ms,
                                         bytes_of(loss->group, loss->group_size),
                                         bytes_of_text(loss->value), NULL, 0);
        if (error != ERR_NONE)
            break;
        losses->sent_count++;
    }
    if (error == ERR_NONE)
        error = record_batch_builder_finish(builder, &losses->batch, size);
    record_batch_builder_free(builder);
    return error;
}

static void send_records(struct loss_topic *losses, int32_t leader) {
    struct produce_request_topic_data *topic = &losses->produce_topic;
    struct produce_request_topic_data_partition_data *partition = &losses->produce_partition;
    size_t size;
    enum error error = build_batch(losses, &size);

    if (error != ERR_NONE) {
        done(losses, error);
        return;
    }
    produce_request_init(&losses->produce);
    produce_request_topic_data_init(topic);
    produce_request_topic_data_partition_data_init(partition);
    losses->produce.acks = ALL_REPLICAS;
    losses->produce.timeout_ms = TIMEOUT_MS;
    losses->produce.topic_data = topic;
    losses->produce.topic_data_count = 1;
    topic->name = bytes_of_text(LOSS_TOPIC_NAME);
    topic->partition_data = partition;
    topic->partition_data_count = 1;
    partition->records.data = bytes_of(losses->batch, size);
    peer_call(losses->config.calls, leader, &produce_api, PRODUCE_VERSION, &losses->produce,
              TIMEOUT_MS, on_produced, losses);
}

/* The next step, if there is anything to tell and nothing is under way. */
static void work(struct loss_topic *losses) {
    const struct metadata *metadata;
    const struct metadata_topic *topic;
    int32_t controller_id, leader;
    bool is_there;

    if (losses->is_asking || STAILQ_EMPTY(&losses->waiting))
        return;
    metadata = metadata_cache_get(losses->config.metadata);
    topic = metadata_find_topic(metadata, bytes_of_text(LOSS_TOPIC_NAME));
    is_there = topic != NULL;
    leader = topic == NULL || topic->partition_count == 0 ? METADATA_NO_BROKER
                                                          : topic->partitions[0].leader;
    controller_id = metadata->controller_id;
    metadata_unref(metadata);
    losses->is_asking = true;
    if (!is_there && controller_id != METADATA_NO_BROKER)
        create_topic(losses, controller_id);
    else if (leader != METADATA_NO_BROKER)
        send_records(losses, leader);
    else
        done(losses, ERR_LEADER_NOT_AVAILABLE);
}

static void try_again(struct loop_timer *timer) {
    work(CONTAINER_OF(timer, struct loss_topic, timer));
}

/* ---- Life ---- */

static json_t *text(struct bytes value) {
    json_t *string = json_stringn((const char *)value.data, value.size);

    return string != NULL ? string : json_string("?"); /* a name that is not UTF-8 */
}

void loss_topic_add(struct loss_topic *losses, struct bytes group, struct bytes topic,
                    int32_t partition, const struct lag_loss *loss, int64_t wall_ms) {
    struct told_loss *told;
    json_t *object;

    if (losses->waiting_count == LOSS_WAITING_MAX) {
        LOG_WARN("loss_not_told", "group=%s topic=%.*s partition=%d waiting=%d", LOG_QUOTED(group),
                 BYTES_FORMAT(topic), partition, losses->waiting_count);
        return;
    }
    told = calloc(1, sizeof(*told) + group.size);
    object = json_pack("{s:I, s:o, s:o, s:i, s:I, s:I, s:i}", "timeMs", (json_int_t)wall_ms,
                       "group", text(group), "topic", text(topic), "partition", (int)partition,
                       "firstLostOffset", (json_int_t)loss->first_offset, "lastLostOffset",
                       (json_int_t)loss->last_offset, "coordinator", (int)losses->config.broker_id);
    CHECK(told != NULL);
    CHECK(object != NULL);
    told->wall_ms = wall_ms;
    told->value = json_dumps(object, JSON_COMPACT);
    CHECK(told->value != NULL);
    json_decref(object);
    told->group_size = group.size;
    if (group.size > 0)
        memcpy(told->group, group.data, group.size);
    STAILQ_INSERT_TAIL(&losses->waiting, told, link);
    losses->waiting_count++;
    work(losses);
}

struct loss_topic *loss_topic_new(const struct loss_topic_config *config) {
    struct loss_topic *losses = calloc(1, sizeof(*losses));

    CHECK(losses != NULL);
    losses->config = *config;
    STAILQ_INIT(&losses->waiting);
    loop_timer_init(&losses->timer, config->loop, try_again);
    return losses;
}

void loss_topic_free(struct loss_topic *losses) {
    if (losses == NULL)
        return;
    loop_timer_done(&losses->timer);
    while (!STAILQ_EMPTY(&losses->waiting))
        drop_first(losses);
    free(losses->batch);
    free(losses);
}

#include <stdlib.h>

#include <stdio.h>

#include "broker/api/encoded_metadata.h"
#include "broker/api/handlers.h"
#include "broker/config/config.h"
#include "broker/control/control.h"
#include "broker/metadata/metadata_cache.h"
#include "broker/server/server.h"
#include "client/wire/message/describe_cluster.h"
#include "client/wire/message/metadata.h"
#include "controller/core/topic_name.h"

/* Bit n stands for the operation with code n (reference: 9.4). Without an authorizer everything
 * is allowed that the kind of resource knows. */
#define TOPIC_OPERATIONS   0x0DF8 /* 3-8 10 11 */
#define CLUSTER_OPERATIONS 0x1FA0 /* 5 7-12 */

/* One Metadata request. The snapshot is referenced until the response is encoded, since the
 * response points into it. */
struct metadata_answer {
    struct api_call *call;
    const struct metadata *metadata;
    const char *listener;
    bool may_create;
    bool with_operations;
    bool failed; /* memory is exhausted */
    bool has_errors;
};

static void *answer_alloc(struct metadata_answer *answer, size_t count, size_t size) {
    void *memory;

    if (count == 0)
        return NULL;
    memory = api_alloc(answer->call, count, size);
    if (memory == NULL)
        answer->failed = true;
    return memory;
}

/* ---- Partitions ---- */

static bool is_alive(const struct metadata_answer *answer, int32_t broker_id) {
    return metadata_find_broker(answer->metadata, broker_id) != NULL;
}

/* An error, or NONE if clients of this listener can reach the leader. */
static enum error leader_error(const struct metadata_answer *answer, int32_t leader) {
    const struct metadata_broker *broker = metadata_find_broker(answer->metadata, leader);

    if (broker == NULL)
        return ERR_LEADER_NOT_AVAILABLE;
    if (metadata_find_endpoint(broker, answer->listener) != NULL)
        return ERR_NONE;
    return answer->call->header.api_version >= 6 ? ERR_LISTENER_NOT_FOUND
                                                 : ERR_LEADER_NOT_AVAILABLE;
}

/* Those of `ids` that are alive, or that are not. */
static int32_t *select_ids(struct metadata_answer *answer, const int32_t *ids, int32_t count,
                           bool alive, int32_t *selected_count) {
    int32_t *selected = answer_alloc(answer, (size_t)count, sizeof(*selected));

    *selected_count = 0;
    if (selected == NULL)
        return NULL;
    for (int32_t i = 0; i < count; i++) {
        if (is_alive(answer, ids[i]) == alive)
            selected[(*selected_count)++] = ids[i];
    }
    return selected;
}

/* Version 0 knows only brokers that are alive, and has an error for those that are not. */
static void leave_out_the_dead(struct metadata_answer *answer,
                               struct metadata_response_topics_partitions *out) {
    int32_t replicas = out->replica_nodes_count;
    int32_t isr = out->isr_nodes_count;

    out->replica_nodes =
        select_ids(answer, out->replica_nodes, replicas, true, &out->replica_nodes_count);
    out->isr_nodes = select_ids(answer, out->isr_nodes, isr, true, &out->isr_nodes_count);
    if (out->error_code == 0 && (out->replica_nodes_count < replicas || out->isr_nodes_count < isr))
        out->error_code = error_to_wire(ERR_REPLICA_NOT_AVAILABLE);
}

/* As Kafka's controller tells its brokers: of dead brokers, and in directories that failed. */
static void tell_offline(struct metadata_answer *answer, const struct metadata_topic *topic,
                         const struct metadata_partition *partition,
                         struct metadata_response_topics_partitions *out) {
    int32_t count = partition->replica_count;

    out->offline_replicas = answer_alloc(answer, (size_t)count, sizeof(*out->offline_replicas));
    for (int32_t i = 0; i < count && out->offline_replicas != NULL; i++) {
        int32_t id = partition->replicas[i];
        if (!is_alive(answer, id) ||
            metadata_is_offline(answer->metadata, topic->name, partition->index, id))
            out->offline_replicas[out->offline_replicas_count++] = id;
    }
}

static void answer_partition(struct metadata_answer *answer, const struct metadata_topic *topic,
                             const struct metadata_partition *partition,
                             struct metadata_response_topics_partitions *out) {
    enum error error = leader_error(answer, partition->leader);

    metadata_response_topics_partitions_init(out);
    answer->has_errors |= error != ERR_NONE;
    out->error_code = error_to_wire(error);
    out->partition_index = partition->index;
    out->leader_id = error == ERR_NONE ? partition->leader : METADATA_NO_BROKER;
    out->leader_epoch = partition->leader_epoch;
    out->replica_nodes = partition->replicas;
    out->replica_nodes_count = partition->replica_count;
    out->isr_nodes = partition->isr;
    out->isr_nodes_count = partition->isr_count;
    if (answer->call->header.api_version == 0)
        leave_out_the_dead(answer, out);
    else
        tell_offline(answer, topic, partition, out);
}

/* ---- Topics ---- */

static void answer_known_topic(struct metadata_answer *answer, const struct metadata_topic *topic,
                               struct metadata_response_topics *out) {
    size_t count = (size_t)topic->partition_count;

    out->name = bytes_of_text(topic->name);
    out->topic_id = topic->id;
    out->is_internal = topic->is_internal;
    if (answer->with_operations)
        out->topic_authorized_operations = TOPIC_OPERATIONS;
    out->partitions = answer_alloc(answer, count, sizeof(*out->partitions));
    if (out->partitions == NULL)
        return;
    out->partitions_count = topic->partition_count;
    for (size_t i = 0; i < count && !answer->failed; i++)
        answer_partition(answer, topic, &topic->partitions[i], &out->partitions[i]);
}

/* Whether another topic's name differs only in '.' and '_'. */
static bool collides(const struct metadata *metadata, struct bytes name) {
    char folded[TOPIC_NAME_BYTES_MAX], other[TOPIC_NAME_BYTES_MAX];

    controller_topic_name_fold(name, folded);
    for (int32_t i = 0; i < metadata->topic_count; i++) {
        struct bytes known = bytes_of_text(metadata->topics[i]->name);
        if (known.size != name.size)
            continue;
        controller_topic_name_fold(known, other);
        if (memcmp(folded, other, name.size) == 0)
            return true;
    }
    return false;
}

static int32_t replication_factor_of(const struct config *config, struct bytes name) {
    if (bytes_equal_text(name, "__consumer_offsets"))
        return config->offsets_topic_replication_factor;
    if (bytes_equal_text(name, "__transaction_state"))
        return config->transaction_state_log_replication_factor;
    return config->default_replication_factor;
}

/* What the controller would say; asking again would not help until that changes. */
static enum error creation_error(const struct metadata_answer *answer, struct bytes name) {
    const struct config *config = answer->call->context->config;

    if (replication_factor_of(config, name) > answer->metadata->broker_count)
        return ERR_INVALID_REPLICATION_FACTOR;
    return collides(answer->metadata, name) ? ERR_INVALID_TOPIC_EXCEPTION : ERR_NONE;
}

/* The client asks again until the topic that is being created shows up. */
static enum error unknown_name_error(struct metadata_answer *answer, struct bytes name) {
    enum error error;

    if (!controller_topic_name_is_valid(name))
        return ERR_INVALID_TOPIC_EXCEPTION;
    if (!answer->may_create)
        return ERR_UNKNOWN_TOPIC_OR_PARTITION;
    if ((error = creation_error(answer, name)) != ERR_NONE)
        return error;
    control_create_topic_automatically(answer->call->context->control, name);
    return ERR_LEADER_NOT_AVAILABLE;
}

static void answer_name(struct metadata_answer *answer, struct bytes name,
                        struct metadata_response_topics *out) {
    const struct metadata_topic *topic = NULL;

    if (!bytes_is_null(name))
        topic = metadata_find_topic(answer->metadata, name);
    if (topic != NULL) {
        answer_known_topic(answer, topic, out);
        return;
    }
    out->name = name;
    out->is_internal = metadata_is_internal_topic(name);
    if (answer->with_operations)
        out->topic_authorized_operations = TOPIC_OPERATIONS;
    out->error_code = error_to_wire(unknown_name_error(answer, name));
}

static void answer_id(struct metadata_answer *answer, const struct uuid *id,
                      struct metadata_response_topics *out) {
    const struct metadata_topic *topic = metadata_find_topic_by_id(answer->metadata, id);

    if (topic != NULL) {
        answer_known_topic(answer, topic, out);
        return;
    }
    out->name = BYTES_NULL;
    out->topic_id = *id;
    out->error_code = error_to_wire(ERR_UNKNOWN_TOPIC_ID);
}

static void answer_all_topics(struct metadata_answer *answer, struct metadata_response *response) {
    size_t count = (size_t)answer->metadata->topic_count;

    response->topics = answer_alloc(answer, count, sizeof(*response->topics));
    if (response->topics == NULL)
        return;
    response->topics_count = (int32_t)count;
    for (size_t i = 0; i < count && !answer->failed; i++) {
        metadata_response_topics_init(&response->topics[i]);
        answer_known_topic(answer, answer->metadata->topics[i], &response->topics[i]);
    }
}

/* By id, then by name; a null name is the first of names. */
static int compare_wanted(const void *left, const void *right) {
    const struct metadata_request_topics *a = left, *b = right;
    size_t common = a->name.size < b->name.size ? a->name.size : b->name.size;
    int order = memcmp(&a->topic_id, &b->topic_id, sizeof(a->topic_id));

    if (order == 0 && common > 0)
        order = memcmp(a->name.data, b->name.data, common);
    if (order == 0)
        order = (a->name.size > b->name.size) - (a->name.size < b->name.size);
    return order;
}

static bool is_repetition(const struct metadata_request_topics *wanted, int32_t i, bool by_id) {
    if (i == 0)
        return false;
    if (by_id)
        return uuid_equal(&wanted[i].topic_id, &wanted[i - 1].topic_id);
    return bytes_equal(wanted[i].name, wanted[i - 1].name);
}

/* Each topic is answered once, however often it is named; if any id is given, names count for
 * nothing. */
static void answer_wanted_topics(struct metadata_answer *answer, struct metadata_request *request,
                                 struct metadata_response *response) {
    struct metadata_request_topics *wanted = request->topics;
    int32_t count = request->topics_count;
    bool by_id;

    response->topics = answer_alloc(answer, (size_t)count, sizeof(*response->topics));
    if (response->topics == NULL)
        return;
    qsort(wanted, (size_t)count, sizeof(*wanted), compare_wanted);
    by_id = !uuid_is_zero(&wanted[count - 1].topic_id);
    for (int32_t i = 0; i < count && !answer->failed; i++) {
        struct metadata_response_topics *out = &response->topics[response->topics_count];
        if ((by_id && uuid_is_zero(&wanted[i].topic_id)) || is_repetition(wanted, i, by_id))
            continue;
        metadata_response_topics_init(out);
        response->topics_count++;
        if (by_id)
            answer_id(answer, &wanted[i].topic_id, out);
        else
            answer_name(answer, wanted[i].name, out);
    }
}

/* Versions 10 and 11 have the fields for ids, but brokers of that time could not serve them. */
static bool asks_too_early_for_ids(const struct api_call *call,
                                   const struct metadata_request *request) {
    if (call->header.api_version < 10 || call->header.api_version > 11)
        return false;
    for (int32_t i = 0; i < request->topics_count; i++) {
        if (bytes_is_null(request->topics[i].name) || !uuid_is_zero(&request->topics[i].topic_id))
            return true;
    }
    return false;
}

static void refuse_ids(struct metadata_answer *answer, const struct metadata_request *request,
                       struct metadata_response *response) {
    size_t count = (size_t)request->topics_count;

    response->topics = answer_alloc(answer, count, sizeof(*response->topics));
    if (response->topics == NULL)
        return;
    response->topics_count = request->topics_count;
    for (size_t i = 0; i < count; i++) {
        struct bytes name = request->topics[i].name;
        metadata_response_topics_init(&response->topics[i]);
        response->topics[i].error_code = error_to_wire(ERR_INVALID_REQUEST);
        response->topics[i].name = bytes_is_null(name) ? bytes_of_text("") : name;
        response->topics[i].topic_id = request->topics[i].topic_id;
    }
}

/* ---- Metadata ---- */

/* The brokers that clients of this listener can reach, by their advertised endpoints. */
static void answer_brokers(struct metadata_answer *answer, struct metadata_response *response) {
    const struct metadata *metadata = answer->metadata;

    response->brokers =
        answer_alloc(answer, (size_t)metadata->broker_count, sizeof(*response->brokers));
    if (response->brokers == NULL)
        return;
    for (int32_t i = 0; i < metadata->broker_count; i++) {
        const struct metadata_broker *broker = metadata->brokers[i];
        const struct metadata_endpoint *endpoint = metadata_find_endpoint(broker, answer->listener);
        if (endpoint == NULL)
            continue;
        response->brokers[response->brokers_count++] = (struct metadata_response_brokers){
            .node_id = broker->id,
            .host = bytes_of_text(endpoint->host),
            .port = endpoint->port,
            .rack = bytes_of_text(broker->rack),
        };
    }
}

static bool wants_all_topics(const struct api_call *call, const struct metadata_request *request) {
    if (call->header.api_version == 0)
        return request->topics_count <= 0;
    return request->topics_count < 0;
}

static void answer_metadata(struct metadata_answer *answer, struct metadata_request *request,
                            struct metadata_response *response) {
    struct api_call *call = answer->call;

    if (asks_too_early_for_ids(call, request)) {
        refuse_ids(answer, request, response);
        return;
    }
    answer_brokers(answer, response);
    response->cluster_id = bytes_of_text(call->context->cluster_id);
    response->controller_id = answer->metadata->controller_id;
    if (request->include_cluster_authorized_operations)
        response->cluster_authorized_operations = CLUSTER_OPERATIONS;
    if (wants_all_topics(call, request))
        answer_all_topics(answer, response);
    else if (request->topics_count > 0)
        answer_wanted_topics(answer, request, response);
}

static void respond_anew(struct metadata_answer *answer, struct metadata_request *request,
                         const struct encoded_metadata_key *key) {
    struct api_call *call = answer->call;
    struct metadata_response response;
    struct bytes body;

    metadata_response_init(&response);
    answer_metadata(answer, request, &response);
    if (answer->failed) {
        api_close(call);
        return;
    }
    body = api_encode(call, &response);
    /* Version 0 has an error for partitions with a dead replica. */
    if (wants_all_topics(call, request) && !answer->has_errors && call->header.api_version > 0 &&
        !bytes_is_null(body))
        encoded_metadata_keep(call->context->encoded_metadata, key, body);
    request_send(call->request);
}

static void handle_metadata(struct api_call *call) {
    struct metadata_request request;
    struct metadata_answer answer = {.call = call, .listener = call->request->listener->name};
    struct encoded_metadata_key key = {.listener = answer.listener,
                                       .version = call->header.api_version};
    struct encoded_body *body = NULL;

    if (!api_decode(call, &request))
        return;
    answer.metadata = metadata_cache_get(call->context->metadata);
    answer.may_create =
        request.allow_auto_topic_creation && call->context->config->auto_create_topics_enable;
    answer.with_operations = request.include_topic_authorized_operations;
    key.snapshot = answer.metadata->serial;
    key.topic_operations = request.include_topic_authorized_operations;
    key.cluster_operations = request.include_cluster_authorized_operations;
    if (wants_all_topics(call, &request))
        body = encoded_metadata_find(call->context->encoded_metadata, &key);
    if (body != NULL)
        api_respond_encoded(call, encoded_body_bytes(body));
    else
        respond_anew(&answer, &request, &key);
    encoded_body_unref(body);
    metadata_unref(answer.metadata);
}

const struct api_handler api_metadata = {&metadata_api, 12, handle_metadata};

/* ---- DescribeCluster ---- */

static void list_cluster_brokers(const struct metadata *metadata, const char *listener,
                                 struct describe_cluster_response *response) {
    for (int32_t i = 0; i < metadata->broker_count; i++) {
        const struct metadata_broker *broker = metadata->brokers[i];
        const struct metadata_endpoint *endpoint = metadata_find_endpoint(broker, listener);
        if (endpoint == NULL)
            continue;
        response->brokers[response->brokers_count++] = (struct describe_cluster_response_brokers){
            .broker_id = broker->id,
            .host = bytes_of_text(endpoint->host),
            .port = endpoint->port,
            .rack = bytes_of_text(broker->rack),
        };
    }
}

/* This broker has no controllers of its own kind to tell of. */
static void refuse_endpoint_type(struct api_call *call, int8_t endpoint_type) {
    struct describe_cluster_response response;
    char message[64];

    describe_cluster_response_init(&response);
    if (endpoint_type == 2) {
        response.error_code = error_to_wire(ERR_MISMATCHED_ENDPOINT_TYPE);
        response.error_message =
            bytes_of_text("The request was sent to an endpoint of type BROKER, but we wanted an "
                          "endpoint of type CONTROLLER");
    } else {
        (void)snprintf(message, sizeof(message), "Unsupported endpoint type %d", endpoint_type);
        response.error_code = error_to_wire(ERR_UNSUPPORTED_ENDPOINT_TYPE);
        response.error_message = bytes_of_text(message);
    }
    api_respond(call, &response);
}

static void respond_cluster(struct api_call *call, const struct metadata *metadata,
                            bool with_operations) {
    struct describe_cluster_response response;

    describe_cluster_response_init(&response);
    response.brokers =
        api_alloc(call, (size_t)metadata->broker_count + 1, sizeof(*response.brokers));
    if (response.brokers == NULL) {
        api_close(call);
        return;
    }
    list_cluster_brokers(metadata, call->request->listener->name, &response);
    response.cluster_id = bytes_of_text(call->context->cluster_id);
    response.controller_id = metadata->controller_id;
    if (with_operations)
        response.cluster_authorized_operations = CLUSTER_OPERATIONS;
    api_respond(call, &response);
}

static void handle_describe_cluster(struct api_call *call) {
    struct describe_cluster_request request;
    const struct metadata *metadata;

    if (!api_decode(call, &request))
        return;
    if (request.endpoint_type != 1) {
        refuse_endpoint_type(call, request.endpoint_type);
        return;
    }
    metadata = metadata_cache_get(call->context->metadata);
    respond_cluster(call, metadata, request.include_cluster_authorized_operations);
    metadata_unref(metadata);
}

const struct api_handler api_describe_cluster = {&describe_cluster_api, 1, handle_describe_cluster};

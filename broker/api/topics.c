#include "broker/api/handlers.h"

#include <stdio.h>

#include "broker/api/visible.h"
#include "broker/config/config.h"
#include "broker/config/config_describe.h"
#include "broker/config/live_config.h"
#include "broker/config/topic_config.h"
#include "broker/metadata/metadata_cache.h"
#include "client/base/repeated.h"
#include "client/wire/message/create_topics.h"
#include "client/wire/message/delete_topics.h"
#include "controller/shell/controller_shell.h"

/*
 * CreateTopics and DeleteTopics: the controller does it, then the answer waits until this broker's
 * metadata shows it, or the request's time is up.
 */

/* ---- CreateTopics ---- */

struct creation {
    struct visible visible; /* first */
    struct create_topics_request wire;
    struct controller_create_topics_request request;
    struct create_topics_response response;
    const bool *repeated; /* by topic */
};

static void fail_created(struct create_topics_response_topics *topic, enum error error,
                         struct bytes message) {
    topic->error_code = error_to_wire(error);
    topic->error_message = message;
    topic->num_partitions = -1;
    topic->replication_factor = -1;
    topic->configs_count = 0;
}

static struct config_pair *pairs_of(struct api_call *call,
                                    const struct create_topics_request_topics *from) {
    struct config_pair *pairs = api_alloc(call, (size_t)from->configs_count, sizeof(*pairs));

    for (int32_t i = 0; pairs != NULL && i < from->configs_count; i++)
        pairs[i] = (struct config_pair){from->configs[i].name, from->configs[i].value};
    return pairs;
}

/* All settings that the topic has now; nothing past the arena's bound. Views of `config`. */
static void describe_created(struct api_call *call, const struct config *config,
                             const struct create_topics_request_topics *from,
                             struct create_topics_response_topics *to) {
    struct config_pair *pairs = pairs_of(call, from);

    to->configs = api_alloc(call, config_describe_topic_count(), sizeof(*to->configs));
    to->configs_count = 0;
    for (size_t i = 0; pairs != NULL && to->configs != NULL && i < config_describe_topic_count();
         i++) {
        struct create_topics_response_topics_configs *told = &to->configs[to->configs_count++];
        struct config_entry entry;
        config_describe_topic(config, pairs, (size_t)from->configs_count, i, &entry);
        create_topics_response_topics_configs_init(told);
        told->name = bytes_of_text(entry.name);
        told->value = entry.value.data == (const uint8_t *)entry.room
                          ? arena_copy(&call->request->arena, entry.value)
                          : entry.value;
        told->read_only = entry.is_read_only;
        told->config_source = (int8_t)entry.source;
        told->is_sensitive = entry.is_sensitive;
    }
}

static void create_respond(struct hop *hop) {
    struct creation *creation = (struct creation *)hop;
    const struct config *config = live_config_get(hop->call->context->live_config);

    for (int32_t i = 0; i < creation->response.topics_count; i++) {
        struct create_topics_response_topics *topic = &creation->response.topics[i];
        if (topic->error_code != ERR_NONE)
            continue;
        if (creation->visible.is_timed_out)
            fail_created(topic, ERR_REQUEST_TIMED_OUT, BYTES_NULL);
        else if (hop->call->header.api_version >= 5)
            describe_created(hop->call, config, &creation->wire.topics[i], topic);
    }
    api_respond(hop->call, &creation->response);
    live_config_release(config);
}

static bool has_all_leaders(const struct metadata_topic *topic) {
    for (int32_t i = 0; i < topic->partition_count; i++) {
        if (topic->partitions[i].leader < 0)
            return false;
    }
    return true;
}

static bool are_created(struct metadata_waiter *waiter, const struct metadata *metadata) {
    const struct creation *creation = (const struct creation *)visible_of_waiter(waiter);

    for (int32_t i = 0; i < creation->response.topics_count; i++) {
        const struct create_topics_response_topics *wanted = &creation->response.topics[i];
        const struct metadata_topic *topic = metadata_find_topic(metadata, wanted->name);
        if (wanted->error_code == ERR_NONE &&
            (topic == NULL || !uuid_equal(&topic->id, &wanted->topic_id) ||
             !has_all_leaders(topic)))
            return false;
    }
    return true;
}

/* The message lives as long as the callback that brought it. */
static void take_created(struct api_call *call, struct create_topics_response_topics *topic,
                         const struct controller_create_topic_result *result) {
    const char *message = result->message != NULL ? result->message : error_text(result->error);

    topic->topic_id = result->topic_id;
    topic->num_partitions = result->partition_count;
    topic->replication_factor = (int16_t)result->replication_factor;
    if (result->error != ERR_NONE)
        fail_created(topic, result->error,
                     arena_copy(&call->request->arena, bytes_of_text(message)));
}

/* The topics that were handed to the controller are those without an error, in their order. */
static void on_created(void *context, const struct controller_create_topics_response *response) {
    struct creation *creation = context;
    size_t at = 0;

    for (int32_t i = 0; i < creation->response.topics_count; i++) {
        struct create_topics_response_topics *topic = &creation->response.topics[i];
        /* Who is not the controller says nothing else. */
        if (response->error != ERR_NONE) {
            fail_created(topic, response->error, bytes_of_text(""));
            continue;
        }
        if (topic->error_code != ERR_NONE)
            continue;
        CHECK(at < response->result_count);
        take_created(creation->visible.hop.call, topic, &response->results[at++]);
    }
    if (creation->request.validate_only)
        visible_finish(&creation->visible);
    else
        visible_wait(&creation->visible, are_created);
}

static void create_run(struct hop *hop) {
    struct creation *creation = (struct creation *)hop;

    controller_shell_create_topics(control_shell(hop->call->context->control), &creation->request,
                                   on_created, creation);
}

static struct controller_fault fault_with(struct api_call *call, enum error error,
                                          const char *message) {
    return (struct controller_fault){
        error,
        (const char *)arena_copy(&call->request->arena, bytes_of(message, strlen(message) + 1))
            .data};
}

static bool has_null(const struct create_topics_request_topics *from) {
    for (int32_t i = 0; i < from->configs_count; i++) {
        if (bytes_is_null(from->configs[i].value))
            return true;
    }
    return false;
}

static struct controller_fault null_fault(struct api_call *call,
                                          const struct create_topics_request_topics *from) {
    char message[CONFIG_MESSAGE_SIZE];
    size_t used =
        (size_t)snprintf(message, sizeof(message), "Null value not supported for topic configs: ");
    const char *comma = "";

    for (int32_t i = 0; i < from->configs_count && used < sizeof(message); i++) {
        if (!bytes_is_null(from->configs[i].value))
            continue;
        used += (size_t)snprintf(message + used, sizeof(message) - used, "%s%.*s", comma,
                                 BYTES_FORMAT(from->configs[i].name));
        comma = ",";
    }
    return fault_with(call, ERR_INVALID_CONFIG, message);
}

/* Checks the topic's settings and takes them over; false if memory is out. */
static bool take_configs(struct api_call *call, const struct create_topics_request_topics *from,
                         struct controller_create_topic *to) {
    size_t count = (size_t)from->configs_count;
    struct config_pair *pairs = pairs_of(call, from);
    struct controller_topic_config_entry *entries = api_alloc(call, count, sizeof(*entries));
    struct topic_config resolved;
    char message[CONFIG_MESSAGE_SIZE];
    const struct config *config;
    enum error error;

    if (pairs == NULL || entries == NULL)
        return false;
    for (size_t i = 0; i < count; i++)
        entries[i] =
            (struct controller_topic_config_entry){from->configs[i].name, from->configs[i].value};
    to->configs = entries;
    to->config_count = count;
    if (has_null(from)) {
        to->form_fault = null_fault(call, from);
        return true;
    }
    config = live_config_get(call->context->live_config);
    error = topic_config_resolve(config, pairs, count, &resolved, message);
    live_config_release(config);
    if (error != ERR_NONE)
        to->config_fault = fault_with(call, error, message);
    return true;
}

static bool take_assignments(struct api_call *call, const struct create_topics_request_topics *from,
                             struct controller_create_topic *to) {
    struct controller_partition_assignment *assignments =
        api_alloc(call, (size_t)from->assignments_count, sizeof(*assignments));

    if (assignments == NULL)
        return false;
    for (int32_t i = 0; i < from->assignments_count; i++)
        assignments[i] = (struct controller_partition_assignment){
            .partition = from->assignments[i].partition_index,
            .replicas = from->assignments[i].broker_ids,
            .replica_count = (size_t)from->assignments[i].broker_ids_count};
    to->assignments = assignments;
    to->assignment_count = (size_t)from->assignments_count;
    return true;
}

static bool take_topic(struct creation *creation, int32_t at, struct controller_create_topic *to) {
    struct api_call *call = creation->visible.hop.call;
    const struct create_topics_request_topics *from = &creation->wire.topics[at];
    struct create_topics_response_topics *response = &creation->response.topics[at];
    const struct config *config = call->context->config;

    create_topics_response_topics_init(response);
    response->name = from->name;
    response->error_message = BYTES_NULL;
    to->name = from->name;
    to->partition_count =
        from->num_partitions == -1 ? config->num_partitions : from->num_partitions;
    to->replication_factor = from->replication_factor == -1 ? config->default_replication_factor
                                                            : from->replication_factor;
    if (bytes_equal_text(from->name, "__cluster_metadata"))
        fail_created(response, ERR_INVALID_REQUEST,
                     bytes_of_text("Creation of internal topic __cluster_metadata is prohibited."));
    else if (creation->repeated[at])
        fail_created(response, ERR_INVALID_REQUEST,
                     bytes_of_text("Found multiple entries for this topic."));
    to->form_fault = to->config_fault = (struct controller_fault){ERR_NONE, NULL};
    if (from->assignments_count > 0 &&
        (from->num_partitions != -1 || from->replication_factor != -1))
        to->form_fault = (struct controller_fault){
            ERR_INVALID_REQUEST, "Both numPartitions or replicationFactor and replicasAssignments "
                                 "were set. Both cannot be used at the same time."};
    return take_assignments(call, from, to) && take_configs(call, from, to);
}

static const bool *find_repeated(const struct creation *creation) {
    struct api_call *call = creation->visible.hop.call;
    size_t count = (size_t)creation->wire.topics_count;
    struct bytes *names = api_alloc(call, count, sizeof(*names));

    for (size_t i = 0; names != NULL && i < count; i++)
        names[i] = creation->wire.topics[i].name;
    return names == NULL ? NULL : repeated_names(&call->request->arena, names, count);
}

static bool fill_creation(struct creation *creation) {
    struct api_call *call = creation->visible.hop.call;
    size_t count = (size_t)creation->wire.topics_count;
    struct controller_create_topic *topics = api_alloc(call, count, sizeof(*topics));

    create_topics_response_init(&creation->response);
    creation->response.topics = api_alloc(call, count, sizeof(*creation->response.topics));
    creation->repeated = find_repeated(creation);
    if (topics == NULL || creation->response.topics == NULL || creation->repeated == NULL)
        return false;
    creation->response.topics_count = (int32_t)count;
    creation->request.topics = topics;
    creation->request.validate_only = creation->wire.validate_only;
    for (int32_t i = 0; i < creation->wire.topics_count; i++) {
        struct controller_create_topic *to = &topics[creation->request.topic_count];
        if (!take_topic(creation, i, to))
            return false;
        if (creation->response.topics[i].error_code == ERR_NONE)
            creation->request.topic_count++;
    }
    return true;
}

static void handle_create_topics(struct api_call *call) {
    struct creation *creation = api_alloc(call, 1, sizeof(*creation));

    if (creation == NULL || request_keep_frame(call->request) != ERR_NONE) {
        api_close(call);
        return;
    }
    api_reread(call);
    if (!api_decode(call, &creation->wire))
        return;
    creation->visible.hop.call = call;
    if (!fill_creation(creation))
        api_close(call);
    else
        visible_go(&creation->visible, create_run, create_respond, creation->wire.timeout_ms);
}

const struct api_handler api_create_topics = {&create_topics_api, 7, handle_create_topics};

/* ---- DeleteTopics ---- */

struct deletion {
    struct visible visible; /* first */
    struct delete_topics_request wire;
    struct controller_delete_topics_request request;
    struct delete_topics_response response;
    bool is_ill_formed; /* the controller refuses it whole; others only say that they are not he */
};

static void delete_respond(struct hop *hop) {
    struct deletion *deletion = (struct deletion *)hop;

    for (int32_t i = 0; deletion->visible.is_timed_out && i < deletion->response.responses_count;
         i++) {
        if (deletion->response.responses[i].error_code == ERR_NONE)
            deletion->response.responses[i].error_code = ERR_REQUEST_TIMED_OUT;
    }
    api_respond(hop->call, &deletion->response);
}

static bool are_deleted(struct metadata_waiter *waiter, const struct metadata *metadata) {
    const struct deletion *deletion = (const struct deletion *)visible_of_waiter(waiter);

    for (int32_t i = 0; i < deletion->response.responses_count; i++) {
        const struct delete_topics_response_responses *gone = &deletion->response.responses[i];
        if (gone->error_code == ERR_NONE &&
            metadata_find_topic_by_id(metadata, &gone->topic_id) != NULL)
            return false;
    }
    return true;
}

static enum error deletion_error(const struct api_call *call, enum error error) {
    if (error == ERR_TOPIC_DELETION_DISABLED && call->header.api_version < 3)
        return ERR_INVALID_REQUEST;
    return error;
}

static void on_deleted(void *context, const struct controller_delete_topics_response *response) {
    struct deletion *deletion = context;
    struct api_call *call = deletion->visible.hop.call;

    for (int32_t i = 0; i < deletion->response.responses_count; i++) {
        struct delete_topics_response_responses *gone = &deletion->response.responses[i];
        const struct controller_delete_topic_result *result =
            (size_t)i < response->result_count ? &response->results[i] : NULL;
        enum error error = result == NULL ? response->error : result->error;
        if (deletion->is_ill_formed && error == ERR_NONE)
            error = ERR_INVALID_REQUEST;
        if (result != NULL) {
            gone->topic_id = result->topic_id;
            gone->name = arena_copy(&call->request->arena, result->name);
        }
        gone->error_code = error_to_wire(deletion_error(call, error));
    }
    visible_wait(&deletion->visible, are_deleted);
}

static void delete_run(struct hop *hop) {
    struct deletion *deletion = (struct deletion *)hop;

    controller_shell_delete_topics(control_shell(hop->call->context->control), &deletion->request,
                                   on_deleted, deletion);
}

static bool fill_deletion(struct deletion *deletion) {
    struct api_call *call = deletion->visible.hop.call;
    bool by_entry = call->header.api_version >= 6;
    size_t count =
        (size_t)(by_entry ? deletion->wire.topics_count : deletion->wire.topic_names_count);
    struct controller_delete_topic *topics = api_alloc(call, count, sizeof(*topics));

    delete_topics_response_init(&deletion->response);
    deletion->response.responses = api_alloc(call, count, sizeof(*deletion->response.responses));
    if (topics == NULL || deletion->response.responses == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        delete_topics_response_responses_init(&deletion->response.responses[i]);
        topics[i].name = by_entry ? deletion->wire.topics[i].name : deletion->wire.topic_names[i];
        if (by_entry)
            topics[i].topic_id = deletion->wire.topics[i].topic_id;
        deletion->response.responses[i].name = topics[i].name;
        deletion->response.responses[i].topic_id = topics[i].topic_id;
    }
    deletion->response.responses_count = (int32_t)count;
    deletion->request = (struct controller_delete_topics_request){topics, count};
    return true;
}

/* A topic by its name and by its id at once. */
static bool names_and_identifies(const struct delete_topics_request *wire) {
    for (int32_t i = 0; i < wire->topics_count; i++) {
        if (!bytes_is_null(wire->topics[i].name) && !uuid_is_zero(&wire->topics[i].topic_id))
            return true;
    }
    return false;
}

static void handle_delete_topics(struct api_call *call) {
    struct deletion *deletion = api_alloc(call, 1, sizeof(*deletion));

    if (deletion == NULL || request_keep_frame(call->request) != ERR_NONE) {
        api_close(call);
        return;
    }
    api_reread(call);
    if (!api_decode(call, &deletion->wire))
        return;
    deletion->visible.hop.call = call;
    if (!fill_deletion(deletion)) {
        api_close(call);
        return;
    }
    deletion->is_ill_formed = names_and_identifies(&deletion->wire);
    if (deletion->is_ill_formed)
        deletion->request.topic_count = 0;
    visible_go(&deletion->visible, delete_run, delete_respond, deletion->wire.timeout_ms);
}

const struct api_handler api_delete_topics = {&delete_topics_api, 6, handle_delete_topics};

#include "broker/api/handlers.h"

#include "broker/api/control_hop.h"
#include "broker/config/config.h"
#include "broker/config/topic_config.h"
#include "broker/metadata/metadata_cache.h"
#include "client/wire/message/create_topics.h"
#include "client/wire/message/delete_topics.h"
#include "controller/shell/controller_shell.h"

/*
 * CreateTopics and DeleteTopics: the controller does it, then the answer waits until this broker's
 * metadata shows it, or the request's time is up.
 */

/* A wait for the metadata, with a deadline. Which of the two ends it is decided on the control
 * thread; the call ends on its reactor, when no task of either is on its way any more. */
struct visible {
    struct control_hop hop; /* first */
    struct metadata_waiter waiter;
    struct task deadline;                     /* to the control thread */
    struct task deadline_back;                /* and back */
    bool is_deadline_away;                    /* reactor */
    bool has_returned;                        /* reactor */
    bool is_expired;                          /* control thread */
    bool is_timed_out;                        /* written before the return */
    void (*respond)(struct control_hop *hop); /* on the reactor */
};

static struct visible *visible_of_waiter(struct metadata_waiter *waiter) {
    return CONTAINER_OF(waiter, struct visible, waiter);
}

static void respond_if_home(struct visible *visible) {
    if (visible->has_returned && !visible->is_deadline_away)
        visible->respond(&visible->hop);
}

static void on_returned(struct control_hop *hop) {
    struct visible *visible = (struct visible *)hop;

    visible->has_returned = true;
    request_cancel_deadline(hop->call->request);
    respond_if_home(visible);
}

static void on_deadline_back(struct task *task) {
    struct visible *visible = CONTAINER_OF(task, struct visible, deadline_back);

    visible->is_deadline_away = false;
    respond_if_home(visible);
}

static void finish_visible(struct visible *visible) {
    control_hop_return(&visible->hop, on_returned);
}

static void on_visible(struct task *task) {
    struct metadata_waiter *waiter = CONTAINER_OF(task, struct metadata_waiter, task);

    finish_visible(visible_of_waiter(waiter));
}

static void run_deadline(struct task *task) {
    struct visible *visible = CONTAINER_OF(task, struct visible, deadline);
    struct api_call *call = visible->hop.call;

    visible->is_expired = true;
    if (control_stop_waiting_for_metadata(call->context->control, &visible->waiter)) {
        visible->is_timed_out = true;
        finish_visible(visible);
    }
    visible->deadline_back.run = on_deadline_back;
    executor_post(call->request->executor, &visible->deadline_back);
}

/* On the control thread. */
static void wait_visible(struct visible *visible,
                         bool (*is_satisfied)(struct metadata_waiter *waiter,
                                              const struct metadata *metadata)) {
    struct control *control = visible->hop.call->context->control;

    if (visible->is_expired) {
        visible->is_timed_out = true;
        finish_visible(visible);
        return;
    }
    visible->waiter.is_satisfied = is_satisfied;
    visible->waiter.executor = control_executor(control);
    visible->waiter.task.run = on_visible;
    control_wait_for_metadata(control, &visible->waiter);
}

/* ---- CreateTopics ---- */

struct creation {
    struct visible visible; /* first */
    struct create_topics_request wire;
    struct controller_create_topics_request request;
    struct create_topics_response response;
};

static void create_respond(struct control_hop *hop) {
    struct creation *creation = (struct creation *)hop;

    for (int32_t i = 0; creation->visible.is_timed_out && i < creation->response.topics_count;
         i++) {
        if (creation->response.topics[i].error_code == ERR_NONE)
            creation->response.topics[i].error_code = ERR_REQUEST_TIMED_OUT;
    }
    api_respond(hop->call, &creation->response);
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

static void fail_created(struct create_topics_response_topics *topic, enum error error,
                         struct bytes message) {
    topic->error_code = error_to_wire(error);
    topic->error_message = message;
    topic->num_partitions = -1;
    topic->replication_factor = -1;
}

static struct create_topics_response_topics *find_created(struct creation *creation,
                                                          struct bytes name) {
    for (int32_t i = 0; i < creation->response.topics_count; i++) {
        if (bytes_equal(creation->response.topics[i].name, name))
            return &creation->response.topics[i];
    }
    return NULL;
}

static void on_created(void *context, const struct controller_create_topics_response *response) {
    struct creation *creation = context;

    for (int32_t i = 0; response->error != ERR_NONE && i < creation->response.topics_count; i++) {
        if (creation->response.topics[i].error_code == ERR_NONE)
            fail_created(&creation->response.topics[i], response->error,
                         bytes_of_text(error_text(response->error)));
    }
    for (size_t i = 0; i < response->result_count; i++) {
        const struct controller_create_topic_result *result = &response->results[i];
        struct create_topics_response_topics *topic = find_created(creation, result->name);
        CHECK(topic != NULL);
        topic->topic_id = result->topic_id;
        topic->num_partitions = result->partition_count;
        topic->replication_factor = (int16_t)result->replication_factor;
        if (result->error != ERR_NONE)
            fail_created(topic, result->error,
                         bytes_of_text(result->message != NULL ? result->message
                                                               : error_text(result->error)));
    }
    if (creation->request.validate_only)
        finish_visible(&creation->visible);
    else
        wait_visible(&creation->visible, are_created);
}

static void create_run(struct control_hop *hop) {
    struct creation *creation = (struct creation *)hop;

    controller_shell_create_topics(control_shell(hop->call->context->control), &creation->request,
                                   on_created, creation);
}

/* Checks the topic's settings and takes them over; false if memory is out. */
static bool take_configs(struct api_call *call, const struct create_topics_request_topics *from,
                         struct controller_create_topic *to,
                         struct create_topics_response_topics *response) {
    size_t count = (size_t)from->configs_count;
    struct config_pair *pairs = api_alloc(call, count, sizeof(*pairs));
    struct controller_topic_config_entry *entries = api_alloc(call, count, sizeof(*entries));
    struct topic_config resolved;
    char message[CONFIG_MESSAGE_SIZE] = "a value is null";
    enum error error = ERR_NONE;

    if (pairs == NULL || entries == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        pairs[i] = (struct config_pair){from->configs[i].name, from->configs[i].value};
        entries[i] =
            (struct controller_topic_config_entry){from->configs[i].name, from->configs[i].value};
        if (bytes_is_null(from->configs[i].value))
            error = ERR_INVALID_CONFIG;
    }
    if (error == ERR_NONE)
        error = topic_config_resolve(call->context->config, pairs, count, &resolved, message);
    if (error != ERR_NONE)
        fail_created(response, error, arena_copy(&call->request->arena, bytes_of_text(message)));
    to->configs = entries;
    to->config_count = count;
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
            from->assignments[i].partition_index, from->assignments[i].broker_ids,
            (size_t)from->assignments[i].broker_ids_count};
    to->assignments = assignments;
    to->assignment_count = (size_t)from->assignments_count;
    return true;
}

static bool is_named_twice(const struct create_topics_request *request, int32_t at) {
    for (int32_t i = 0; i < request->topics_count; i++) {
        if (i != at && bytes_equal(request->topics[i].name, request->topics[at].name))
            return true;
    }
    return false;
}

static bool take_topic(struct creation *creation, int32_t at, struct controller_create_topic *to) {
    struct api_call *call = creation->visible.hop.call;
    const struct create_topics_request_topics *from = &creation->wire.topics[at];
    struct create_topics_response_topics *response = &creation->response.topics[at];
    const struct config *config = call->context->config;

    create_topics_response_topics_init(response);
    response->name = from->name;
    response->configs_count = -1;
    to->name = from->name;
    to->partition_count =
        from->num_partitions == -1 ? config->num_partitions : from->num_partitions;
    to->replication_factor = from->replication_factor == -1 ? config->default_replication_factor
                                                            : from->replication_factor;
    if (is_named_twice(&creation->wire, at))
        fail_created(response, ERR_INVALID_REQUEST,
                     bytes_of_text("The topic is named twice in the request."));
    else if (from->assignments_count > 0 &&
             (from->num_partitions != -1 || from->replication_factor != -1))
        fail_created(response, ERR_INVALID_REQUEST,
                     bytes_of_text("With assignments, num_partitions and replication_factor "
                                   "must be -1."));
    return take_assignments(call, from, to) && take_configs(call, from, to, response);
}

static bool fill_creation(struct creation *creation) {
    struct api_call *call = creation->visible.hop.call;
    size_t count = (size_t)creation->wire.topics_count;
    struct controller_create_topic *topics = api_alloc(call, count, sizeof(*topics));

    create_topics_response_init(&creation->response);
    creation->response.topics = api_alloc(call, count, sizeof(*creation->response.topics));
    if (topics == NULL || creation->response.topics == NULL)
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

/* ---- Both ---- */

static void on_deadline(struct request *request) {
    struct visible *visible = request->user;

    visible->is_deadline_away = true;
    visible->deadline.run = run_deadline;
    executor_post(control_executor(visible->hop.call->context->control), &visible->deadline);
}

static void go(struct visible *visible, void (*run)(struct control_hop *hop),
               void (*respond)(struct control_hop *hop), int32_t timeout_ms) {
    struct request *request = visible->hop.call->request;

    visible->respond = respond;
    request->user = visible;
    request_set_deadline(request, timeout_ms > 0 ? timeout_ms : 0, on_deadline);
    control_hop_go(&visible->hop, run);
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
    else if (creation->request.topic_count == 0)
        api_respond(call, &creation->response);
    else
        go(&creation->visible, create_run, create_respond, creation->wire.timeout_ms);
}

const struct api_handler api_create_topics = {&create_topics_api, 7, handle_create_topics};

/* ---- DeleteTopics ---- */

struct deletion {
    struct visible visible; /* first */
    struct delete_topics_request wire;
    struct controller_delete_topics_request request;
    struct delete_topics_response response;
};

static void delete_respond(struct control_hop *hop) {
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
        if (result != NULL) {
            gone->topic_id = result->topic_id;
            gone->name = arena_copy(&call->request->arena, result->name);
        }
        gone->error_code = error_to_wire(deletion_error(call, error));
        if (error != ERR_NONE)
            gone->error_message = bytes_of_text(error_text(error));
    }
    wait_visible(&deletion->visible, are_deleted);
}

static void delete_run(struct control_hop *hop) {
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
    if (fill_deletion(deletion))
        go(&deletion->visible, delete_run, delete_respond, deletion->wire.timeout_ms);
    else
        api_close(call);
}

const struct api_handler api_delete_topics = {&delete_topics_api, 6, handle_delete_topics};

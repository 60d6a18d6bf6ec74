#include "broker/api/handlers.h"

#include "broker/api/visible.h"
#include "client/base/repeated.h"
#include "client/wire/message/create_partitions.h"
#include "controller/shell/controller_shell.h"

/* CreatePartitions: the controller does it, then the answer waits until this broker's metadata
 * shows leaders of the new partitions. */

struct extension {
    struct visible visible; /* first */
    struct create_partitions_request wire;
    struct controller_create_partitions_request request;
    struct create_partitions_response response;
    const bool *repeated; /* by topic */
};

static void fail(struct create_partitions_response_results *topic, enum error error,
                 const char *message) {
    topic->error_code = error_to_wire(error);
    topic->error_message = bytes_of_text(message);
}

static void extension_respond(struct hop *hop) {
    struct extension *extension = (struct extension *)hop;

    for (int32_t i = 0; extension->visible.is_timed_out && i < extension->response.results_count;
         i++) {
        if (extension->response.results[i].error_code == ERR_NONE)
            extension->response.results[i].error_code = ERR_REQUEST_TIMED_OUT;
    }
    api_respond(hop->call, &extension->response);
}

static bool has_leaders(const struct metadata_topic *topic, int32_t count) {
    if (topic == NULL || topic->partition_count < count)
        return false;
    for (int32_t i = 0; i < count; i++) {
        if (topic->partitions[i].leader < 0)
            return false;
    }
    return true;
}

/* The response holds as many results as the request has topics, in their order. */
static bool are_extended(struct metadata_waiter *waiter, const struct metadata *metadata) {
    const struct extension *extension = (const struct extension *)visible_of_waiter(waiter);

    for (int32_t i = 0; i < extension->response.results_count; i++) {
        const struct create_partitions_request_topics *wanted = &extension->wire.topics[i];
        if (extension->response.results[i].error_code == ERR_NONE &&
            !has_leaders(metadata_find_topic(metadata, wanted->name), wanted->count))
            return false;
    }
    return true;
}

/* The topics that were handed to the controller are those without an error, in their order. */
/* The message lives as long as the callback that brought it. */
static void take_failure(struct api_call *call, struct create_partitions_response_results *topic,
                         const struct controller_create_partitions_result *result) {
    fail(topic, result->error,
         result->message != NULL ? result->message : error_text(result->error));
    topic->error_message = arena_copy(&call->request->arena, topic->error_message);
}

static void on_extended(void *context,
                        const struct controller_create_partitions_response *response) {
    struct extension *extension = context;
    size_t at = 0;

    for (int32_t i = 0; i < extension->response.results_count; i++) {
        struct create_partitions_response_results *topic = &extension->response.results[i];
        const struct controller_create_partitions_result *result;
        /* Who is not the controller says nothing else. */
        if (response->error != ERR_NONE) {
            topic->error_code = error_to_wire(response->error);
            topic->error_message = BYTES_NULL;
            continue;
        }
        if (topic->error_code != ERR_NONE)
            continue;
        CHECK(at < response->result_count);
        result = &response->results[at++];
        if (result->error != ERR_NONE)
            take_failure(extension->visible.hop.call, topic, result);
    }
    if (extension->request.validate_only)
        visible_finish(&extension->visible);
    else
        visible_wait(&extension->visible, are_extended);
}

static void extension_run(struct hop *hop) {
    struct extension *extension = (struct extension *)hop;

    controller_shell_create_partitions(control_shell(hop->call->context->control),
                                       &extension->request, on_extended, extension);
}

static bool take_assignments(struct api_call *call,
                             const struct create_partitions_request_topics *from,
                             struct controller_create_partitions *to) {
    size_t count = from->assignments_count > 0 ? (size_t)from->assignments_count : 0;
    struct controller_partition_assignment *rows = api_alloc(call, count, sizeof(*rows));

    if (rows == NULL)
        return false;
    for (size_t i = 0; i < count; i++)
        rows[i] = (struct controller_partition_assignment){
            .replicas = from->assignments[i].broker_ids,
            .replica_count = (size_t)from->assignments[i].broker_ids_count};
    to->assignments = rows;
    to->assignment_count = count;
    return true;
}

static bool take_topic(struct extension *extension, int32_t at,
                       struct controller_create_partitions *to) {
    const struct create_partitions_request_topics *from = &extension->wire.topics[at];
    struct create_partitions_response_results *result = &extension->response.results[at];

    create_partitions_response_results_init(result);
    result->error_message = BYTES_NULL;
    result->name = from->name;
    to->name = from->name;
    to->partition_count = from->count;
    to->is_assigned = from->assignments_count >= 0; /* null lets the controller choose */
    if (extension->repeated[at])
        fail(result, ERR_INVALID_REQUEST, "Duplicate topic in request.");
    return take_assignments(extension->visible.hop.call, from, to);
}

static const bool *find_repeated(const struct extension *extension) {
    struct api_call *call = extension->visible.hop.call;
    size_t count = (size_t)extension->wire.topics_count;
    struct bytes *names = api_alloc(call, count, sizeof(*names));

    for (size_t i = 0; names != NULL && i < count; i++)
        names[i] = extension->wire.topics[i].name;
    return names == NULL ? NULL : repeated_names(&call->request->arena, names, count);
}

static bool fill_extension(struct extension *extension) {
    struct api_call *call = extension->visible.hop.call;
    size_t count = (size_t)extension->wire.topics_count;
    struct controller_create_partitions *topics = api_alloc(call, count, sizeof(*topics));

    create_partitions_response_init(&extension->response);
    extension->response.results = api_alloc(call, count, sizeof(*extension->response.results));
    extension->repeated = find_repeated(extension);
    if (topics == NULL || extension->response.results == NULL || extension->repeated == NULL)
        return false;
    extension->response.results_count = (int32_t)count;
    extension->request.topics = topics;
    extension->request.validate_only = extension->wire.validate_only;
    for (int32_t i = 0; i < extension->wire.topics_count; i++) {
        if (!take_topic(extension, i, &topics[extension->request.topic_count]))
            return false;
        if (extension->response.results[i].error_code == ERR_NONE)
            extension->request.topic_count++;
    }
    return true;
}

static void handle_create_partitions(struct api_call *call) {
    struct extension *extension = api_alloc(call, 1, sizeof(*extension));

    if (extension == NULL || request_keep_frame(call->request) != ERR_NONE) {
        api_close(call);
        return;
    }
    api_reread(call);
    if (!api_decode(call, &extension->wire))
        return;
    extension->visible.hop.call = call;
    if (!fill_extension(extension))
        api_close(call);
    else
        visible_go(&extension->visible, extension_run, extension_respond,
                   extension->wire.timeout_ms);
}

const struct api_handler api_create_partitions = {&create_partitions_api, 3,
                                                  handle_create_partitions};

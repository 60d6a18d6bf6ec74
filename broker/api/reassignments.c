#include "broker/api/handlers.h"

#include "broker/api/hop.h"
#include "client/wire/message/alter_partition_reassignments.h"
#include "client/wire/message/list_partition_reassignments.h"
#include "controller/shell/controller_shell.h"

/* AlterPartitionReassignments and ListPartitionReassignments: the controller's own knowledge, so
 * that who has begun a reassignment sees it in the list at once. */

/* ---- AlterPartitionReassignments ---- */

struct alteration {
    struct hop hop; /* first */
    struct alter_partition_reassignments_request wire;
    struct controller_alter_reassignments_request request;
    struct alter_partition_reassignments_response response;
};

static void alteration_respond(struct hop *hop) {
    api_respond(hop->call, &((struct alteration *)hop)->response);
}

static struct bytes message_of(enum error error, const char *message) {
    if (error == ERR_NONE)
        return BYTES_NULL;
    if (message == NULL && error == ERR_UNKNOWN_TOPIC_OR_PARTITION)
        message = "The partition does not exist.";
    return bytes_of_text(message != NULL ? message : error_text(error));
}

/* Of the request; Kafka's is empty where there is no error. */
static struct bytes whole_message_of(enum error error) {
    return bytes_of_text(error == ERR_NONE ? "" : error_text(error));
}

/* The results come in the order of the request, so the answer has its shape. */
static bool fill_altered(struct alteration *alteration,
                         const struct controller_alter_reassignments_response *response) {
    struct api_call *call = alteration->hop.call;
    const struct controller_alter_reassignments_result *result = response->results;
    struct alter_partition_reassignments_response_responses *topics =
        api_alloc(call, (size_t)alteration->wire.topics_count, sizeof(*topics));
    struct alter_partition_reassignments_response_responses_partitions *partitions =
        api_alloc(call, response->result_count, sizeof(*partitions));

    if (topics == NULL || partitions == NULL)
        return false;
    for (int32_t i = 0; i < alteration->wire.topics_count; i++) {
        alter_partition_reassignments_response_responses_init(&topics[i]);
        topics[i].name = alteration->wire.topics[i].name;
        topics[i].partitions = partitions;
        topics[i].partitions_count = alteration->wire.topics[i].partitions_count;
        for (int32_t j = 0; j < topics[i].partitions_count; j++, result++, partitions++) {
            alter_partition_reassignments_response_responses_partitions_init(partitions);
            partitions->partition_index = result->partition;
            partitions->error_code = error_to_wire(result->error);
            partitions->error_message =
                arena_copy(&call->request->arena, message_of(result->error, result->message));
        }
    }
    alteration->response.responses = topics;
    alteration->response.responses_count = alteration->wire.topics_count;
    return true;
}

static void on_altered(void *context,
                       const struct controller_alter_reassignments_response *response) {
    struct alteration *alteration = context;
    enum error error = response->error;

    alter_partition_reassignments_response_init(&alteration->response);
    if (error == ERR_NONE && !fill_altered(alteration, response))
        error = ERR_UNKNOWN_SERVER_ERROR;
    alteration->response.error_code = error_to_wire(error);
    alteration->response.error_message = whole_message_of(error);
    hop_return(&alteration->hop, alteration_respond);
}

static void alteration_run(struct hop *hop) {
    struct alteration *alteration = (struct alteration *)hop;

    controller_shell_alter_reassignments(control_shell(hop->call->context->control),
                                         &alteration->request, on_altered, alteration);
}

static bool take_wanted(struct alteration *alteration) {
    const struct alter_partition_reassignments_request *wire = &alteration->wire;
    struct controller_reassign_partition *wanted;
    size_t count = 0;

    for (int32_t i = 0; i < wire->topics_count; i++)
        count += (size_t)wire->topics[i].partitions_count;
    wanted = api_alloc(alteration->hop.call, count, sizeof(*wanted));
    if (wanted == NULL)
        return false;
    alteration->request = (struct controller_alter_reassignments_request){wanted, count};
    for (int32_t i = 0; i < wire->topics_count; i++) {
        for (int32_t j = 0; j < wire->topics[i].partitions_count; j++, wanted++) {
            const struct alter_partition_reassignments_request_topics_partitions *from =
                &wire->topics[i].partitions[j];
            static const int32_t none;
            bool is_cancelled = from->replicas_count < 0;
            wanted->topic = wire->topics[i].name;
            wanted->partition = from->partition_index;
            wanted->target_count = is_cancelled ? 0 : (size_t)from->replicas_count;
            if (!is_cancelled)
                wanted->target = wanted->target_count > 0 ? from->replicas : &none;
        }
    }
    return true;
}

static void handle_alter_reassignments(struct api_call *call) {
    struct alteration *alteration = api_alloc(call, 1, sizeof(*alteration));

    if (alteration == NULL || request_keep_frame(call->request) != ERR_NONE) {
        api_close(call);
        return;
    }
    api_reread(call);
    if (!api_decode(call, &alteration->wire))
        return;
    alteration->hop.call = call;
    if (take_wanted(alteration))
        hop_to_control(&alteration->hop, alteration_run);
    else
        api_close(call);
}

const struct api_handler api_alter_partition_reassignments = {&alter_partition_reassignments_api, 0,
                                                              handle_alter_reassignments};

/* ---- ListPartitionReassignments ---- */

struct listing {
    struct hop hop; /* first */
    struct list_partition_reassignments_request wire;
    struct list_partition_reassignments_response response;
    struct list_partition_reassignments_response_topics_partitions *partitions;
    int32_t room, count;
    bool is_counting; /* first they are counted, then taken */
    bool has_failed;
};

static void listing_respond(struct hop *hop) {
    api_respond(hop->call, &((struct listing *)hop)->response);
}

static bool is_wanted(const struct listing *listing, struct bytes topic, int32_t partition) {
    const struct list_partition_reassignments_request *wire = &listing->wire;

    if (wire->topics_count < 0)
        return true;
    for (int32_t i = 0; i < wire->topics_count; i++) {
        if (!bytes_equal(wire->topics[i].name, topic))
            continue;
        for (int32_t j = 0; j < wire->topics[i].partition_indexes_count; j++)
            if (wire->topics[i].partition_indexes[j] == partition)
                return true;
    }
    return false;
}

static int32_t *copy_ids(struct listing *listing, const int32_t *ids, size_t count) {
    int32_t *copy = api_alloc(listing->hop.call, count, sizeof(*copy));

    if (copy != NULL && count > 0)
        memcpy(copy, ids, count * sizeof(*copy));
    listing->has_failed = listing->has_failed || copy == NULL;
    return copy;
}

static void add_partition(struct listing *listing, struct bytes topic,
                          const struct controller_partition_assignment *assignment) {
    struct list_partition_reassignments_response *response = &listing->response;
    struct list_partition_reassignments_response_topics *last =
        response->topics_count == 0 ? NULL : &response->topics[response->topics_count - 1];
    struct list_partition_reassignments_response_topics_partitions *partition =
        &listing->partitions[listing->count++];

    if (last == NULL || !bytes_equal(last->name, topic)) {
        last = &response->topics[response->topics_count++];
        list_partition_reassignments_response_topics_init(last);
        last->name = arena_copy(&listing->hop.call->request->arena, topic);
        last->partitions = partition;
    }
    last->partitions_count++;
    list_partition_reassignments_response_topics_partitions_init(partition);
    partition->partition_index = assignment->partition;
    partition->replicas = copy_ids(listing, assignment->replicas, assignment->replica_count);
    partition->replicas_count = (int32_t)assignment->replica_count;
    partition->adding_replicas = copy_ids(listing, assignment->adding, assignment->adding_count);
    partition->adding_replicas_count = (int32_t)assignment->adding_count;
    partition->removing_replicas =
        copy_ids(listing, assignment->removing, assignment->removing_count);
    partition->removing_replicas_count = (int32_t)assignment->removing_count;
}

static void visit(void *context, struct bytes topic,
                  const struct controller_partition_assignment *assignment) {
    struct listing *listing = context;

    if (!is_wanted(listing, topic, assignment->partition))
        return;
    if (listing->is_counting)
        listing->room++;
    else if (!listing->has_failed)
        add_partition(listing, topic, assignment);
}

static enum error list(struct listing *listing) {
    struct controller_shell *shell = control_shell(listing->hop.call->context->control);

    listing->is_counting = true;
    if (!controller_shell_for_each_reassignment(shell, visit, listing))
        return ERR_NOT_CONTROLLER;
    listing->partitions =
        api_alloc(listing->hop.call, (size_t)listing->room, sizeof(*listing->partitions));
    listing->response.topics =
        api_alloc(listing->hop.call, (size_t)listing->room, sizeof(*listing->response.topics));
    if (listing->partitions == NULL || listing->response.topics == NULL)
        return ERR_UNKNOWN_SERVER_ERROR;
    listing->is_counting = false;
    (void)controller_shell_for_each_reassignment(shell, visit, listing); /* as just now */
    return listing->has_failed ? ERR_UNKNOWN_SERVER_ERROR : ERR_NONE;
}

static void listing_run(struct hop *hop) {
    struct listing *listing = (struct listing *)hop;
    const int64_t begun_ns = clock_system()->monotonic_ns(clock_system());
    enum error error;

    list_partition_reassignments_response_init(&listing->response);
    error = list(listing);
    if (error == ERR_NONE)
        controller_shell_listed_reassignments(control_shell(hop->call->context->control),
                                              clock_system()->monotonic_ns(clock_system()) -
                                                  begun_ns);
    else
        listing->response.topics_count = 0;
    listing->response.error_code = error_to_wire(error);
    listing->response.error_message = whole_message_of(error);
    hop_return(hop, listing_respond);
}

static void handle_list_reassignments(struct api_call *call) {
    struct listing *listing = api_alloc(call, 1, sizeof(*listing));

    if (listing == NULL || request_keep_frame(call->request) != ERR_NONE) {
        api_close(call);
        return;
    }
    api_reread(call);
    if (!api_decode(call, &listing->wire))
        return;
    listing->hop.call = call;
    hop_to_control(&listing->hop, listing_run);
}

const struct api_handler api_list_partition_reassignments = {&list_partition_reassignments_api, 0,
                                                             handle_list_reassignments};

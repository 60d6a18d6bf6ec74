#include "broker/api/handlers.h"

#include "broker/api/visible.h"
#include "broker/metadata/metadata_cache.h"
#include "client/wire/message/elect_leaders.h"
#include "controller/shell/controller_shell.h"

/* ElectLeaders: the controller elects, then the answer waits until this broker's metadata shows
 * the leaders. */

struct election {
    struct visible visible; /* first */
    struct elect_leaders_request wire;
    struct controller_elect_leaders_request request;
    struct elect_leaders_response response;
};

static void election_respond(struct hop *hop) {
    struct election *election = (struct election *)hop;

    for (int32_t i = 0;
         election->visible.is_timed_out && i < election->response.replica_election_results_count;
         i++) {
        struct elect_leaders_response_replica_election_results *topic =
            &election->response.replica_election_results[i];
        for (int32_t j = 0; j < topic->partition_result_count; j++) {
            if (topic->partition_result[j].error_code == ERR_NONE)
                topic->partition_result[j].error_code = ERR_REQUEST_TIMED_OUT;
        }
    }
    api_respond(hop->call, &election->response);
}

/* The preferred leader is the first replica; after an unclean election anybody may lead. A topic
 * that has gone meanwhile will not show anything. */
static bool shows_election(const struct metadata *metadata, struct bytes name, int32_t index,
                           enum controller_election_type type) {
    const struct metadata_topic *topic = metadata_find_topic(metadata, name);
    const struct metadata_partition *partition =
        topic == NULL ? NULL : metadata_find_partition(topic, index);

    if (partition == NULL)
        return true;
    if (type == CONTROLLER_ELECTION_PREFERRED)
        return partition->replica_count > 0 && partition->leader == partition->replicas[0];
    return partition->leader >= 0 && metadata_find_broker(metadata, partition->leader) != NULL;
}

static bool are_elected(struct metadata_waiter *waiter, const struct metadata *metadata) {
    const struct election *election = (const struct election *)visible_of_waiter(waiter);

    for (int32_t i = 0; i < election->response.replica_election_results_count; i++) {
        const struct elect_leaders_response_replica_election_results *topic =
            &election->response.replica_election_results[i];
        for (int32_t j = 0; j < topic->partition_result_count; j++) {
            const struct elect_leaders_response_replica_election_results_partition_result *result =
                &topic->partition_result[j];
            if (result->error_code == ERR_NONE &&
                !shows_election(metadata, topic->topic, result->partition_id,
                                election->request.type))
                return false;
        }
    }
    return true;
}

/* Version 0 has no error of its own. */
static void set_error(struct election *election, enum error error) {
    if (election->visible.hop.call->header.api_version >= 1)
        election->response.error_code = error_to_wire(error);
}

/* Room for `count` results, of which those of one topic stand together. */
static bool
begin_results(struct election *election, size_t count,
              struct elect_leaders_response_replica_election_results_partition_result **results) {
    struct api_call *call = election->visible.hop.call;
    struct elect_leaders_response *response = &election->response;

    elect_leaders_response_init(response);
    response->replica_election_results =
        api_alloc(call, count, sizeof(*response->replica_election_results));
    *results = api_alloc(call, count, sizeof(**results));
    if (response->replica_election_results != NULL && *results != NULL)
        return true;
    set_error(election, ERR_UNKNOWN_SERVER_ERROR);
    return false;
}

static struct bytes message_of(enum error error) {
    if (error == ERR_NONE || error == ERR_NOT_CONTROLLER)
        return BYTES_NULL;
    return bytes_of_text(error == ERR_UNKNOWN_TOPIC_OR_PARTITION ? "The partition does not exist."
                                                                 : error_text(error));
}

static void
add_result(struct election *election, struct bytes topic, int32_t partition, enum error error,
           struct elect_leaders_response_replica_election_results_partition_result *result) {
    struct elect_leaders_response *response = &election->response;
    int32_t count = response->replica_election_results_count;
    struct elect_leaders_response_replica_election_results *last =
        count == 0 ? NULL : &response->replica_election_results[count - 1];

    if (last == NULL || !bytes_equal(last->topic, topic)) {
        last = &response->replica_election_results[response->replica_election_results_count++];
        elect_leaders_response_replica_election_results_init(last);
        last->topic = arena_copy(&election->visible.hop.call->request->arena, topic);
        last->partition_result = result;
    }
    last->partition_result_count++;
    elect_leaders_response_replica_election_results_partition_result_init(result);
    result->partition_id = partition;
    result->error_code = error_to_wire(error);
    result->error_message = message_of(error);
}

/* One error for every partition that was asked for; all that are known if none was named. As in
 * Kafka, it is told per partition. */
static void answer_all(struct election *election, enum error error) {
    const struct controller_elect_leaders_request *request = &election->request;
    struct elect_leaders_response_replica_election_results_partition_result *results;

    if (!begin_results(election, request->partition_count, &results))
        return;
    for (size_t i = 0; i < request->partition_count; i++)
        add_result(election, request->partitions[i].topic, request->partitions[i].partition, error,
                   &results[i]);
}

static void on_elected(void *context, const struct controller_elect_leaders_response *response) {
    struct election *election = context;
    struct elect_leaders_response_replica_election_results_partition_result *results;

    if (response->error != ERR_NONE) {
        answer_all(election, response->error);
        /* All partitions, and there are none here: say it once. */
        if (election->response.replica_election_results_count == 0)
            set_error(election, response->error);
    } else if (begin_results(election, response->result_count, &results)) {
        for (size_t i = 0; i < response->result_count; i++)
            add_result(election, response->results[i].topic, response->results[i].partition,
                       response->results[i].error, &results[i]);
    }
    visible_wait(&election->visible, are_elected);
}

static void election_run(struct hop *hop) {
    struct election *election = (struct election *)hop;

    controller_shell_elect_leaders(control_shell(hop->call->context->control), &election->request,
                                   on_elected, election);
}

static bool take_named(struct election *election) {
    const struct elect_leaders_request *wire = &election->wire;
    struct controller_topic_partition *partitions;
    size_t count = 0;

    for (int32_t i = 0; i < wire->topic_partitions_count; i++)
        count += (size_t)wire->topic_partitions[i].partitions_count;
    partitions = api_alloc(election->visible.hop.call, count, sizeof(*partitions));
    if (partitions == NULL)
        return false;
    election->request.partitions = partitions;
    election->request.partition_count = count;
    for (int32_t i = 0; i < wire->topic_partitions_count; i++) {
        for (int32_t j = 0; j < wire->topic_partitions[i].partitions_count; j++)
            *partitions++ = (struct controller_topic_partition){
                wire->topic_partitions[i].topic, wire->topic_partitions[i].partitions[j]};
    }
    return true;
}

/* What is known here, for the answer of a broker that is not the controller. */
static bool take_known(struct election *election) {
    struct api_call *call = election->visible.hop.call;
    const struct metadata *metadata = metadata_cache_get(call->context->metadata);
    struct controller_topic_partition *partitions;
    size_t count = 0;

    for (int32_t i = 0; i < metadata->topic_count; i++)
        count += (size_t)metadata->topics[i]->partition_count;
    partitions = api_alloc(call, count, sizeof(*partitions));
    if (partitions != NULL) {
        election->request.partitions = partitions;
        election->request.partition_count = count;
        for (int32_t i = 0; i < metadata->topic_count; i++) {
            const struct metadata_topic *topic = metadata->topics[i];
            struct bytes name = arena_copy(&call->request->arena, bytes_of_text(topic->name));
            for (int32_t j = 0; j < topic->partition_count; j++)
                *partitions++ = (struct controller_topic_partition){name, j};
        }
    }
    metadata_unref(metadata);
    return partitions != NULL;
}

static void handle_elect_leaders(struct api_call *call) {
    struct election *election = api_alloc(call, 1, sizeof(*election));

    if (election == NULL || request_keep_frame(call->request) != ERR_NONE) {
        api_close(call);
        return;
    }
    api_reread(call);
    if (!api_decode(call, &election->wire))
        return;
    election->visible.hop.call = call;
    election->request.type = (enum controller_election_type)election->wire.election_type;
    election->request.all = election->wire.topic_partitions_count < 0;
    if (!(election->request.all ? take_known(election) : take_named(election))) {
        api_close(call);
    } else if (election->wire.election_type < CONTROLLER_ELECTION_PREFERRED ||
               election->wire.election_type > CONTROLLER_ELECTION_UNCLEAN) {
        answer_all(election, ERR_INVALID_REQUEST);
        set_error(election, ERR_INVALID_REQUEST);
        api_respond(call, &election->response);
    } else {
        visible_go(&election->visible, election_run, election_respond, election->wire.timeout_ms);
    }
}

const struct api_handler api_elect_leaders = {&elect_leaders_api, 2, handle_elect_leaders};

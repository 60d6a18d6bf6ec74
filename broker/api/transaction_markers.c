#include "broker/api/commit_wait.h"
#include "broker/api/handlers.h"
#include "broker/api/hop.h"

#include "broker/config/config.h"
#include "broker/group/group_coordinator.h"
#include "broker/metadata/metadata_cache.h"
#include "broker/replica/replica_manager.h"
#include "client/wire/end_transaction_marker.h"
#include "client/wire/message/write_txn_markers.h"

/*
 * WriteTxnMarkers: a transaction's coordinator, or an administrator who aborts one that hangs, has
 * its end written into partitions that this broker leads. Answered when all are committed, and the
 * groups know whose offsets are no longer pending.
 */

typedef struct write_txn_markers_response_markers_topics_partitions marker_answer;

struct written {
    marker_answer *answer;
    const struct write_txn_markers_response_markers *marker;
    bool is_commit;
    bool is_of_offsets;
    int64_t offset;            /* of the marker, once it is in the log */
    struct commit_item append; /* with a reference of its partition, or NULL */
};

struct writing {
    struct hop hop; /* first */
    struct write_txn_markers_response response;
    struct written *written;
    int32_t written_count;
    struct commit_wait wait;
};

static void on_committed(struct commit_item *item, enum error error) {
    CONTAINER_OF(item, struct written, append)->answer->error_code = error_to_wire(error);
}

static void release(struct writing *writing) {
    for (int32_t i = 0; i < writing->written_count; i++)
        partition_unref(writing->written[i].append.partition);
}

static void respond(struct hop *hop) {
    struct writing *writing = (struct writing *)hop;

    release(writing);
    api_respond(hop->call, &writing->response);
}

static bool ended_offsets(const struct written *written) {
    return written->is_of_offsets && written->answer->error_code == error_to_wire(ERR_NONE);
}

/* On the groups' thread. What was not committed in time is written again, and told then. */
static void tell_groups(struct hop *hop) {
    struct writing *writing = (struct writing *)hop;

    for (int32_t i = 0; i < writing->written_count; i++) {
        const struct written *written = &writing->written[i];
        const struct group_marker marker = {
            .offset = written->offset,
            .producer_id = written->marker->producer_id,
            .partition = written->answer->partition_index,
            .is_commit = written->is_commit,
        };
        if (ended_offsets(written))
            group_coordinator_end_transaction(hop->call->context->groups, &marker);
    }
    hop_return(hop, respond);
}

static void on_all_committed(struct commit_wait *wait) {
    struct writing *writing = CONTAINER_OF(wait, struct writing, wait);
    bool concerns_groups = false;

    for (int32_t i = 0; i < writing->written_count; i++)
        concerns_groups = concerns_groups || ended_offsets(&writing->written[i]);
    if (concerns_groups)
        hop_to_groups(&writing->hop, tell_groups);
    else
        respond(&writing->hop);
}

static enum error append(struct writing *writing,
                         const struct write_txn_markers_request_markers *in, struct bytes topic,
                         struct written *written) {
    struct api_call *call = writing->hop.call;
    const struct partition_append options = {
        .acks = -1,
        .wall_ms = clock_wall_ms(call->context->clock),
        .arena = &call->request->arena,
        .origin = LOG_APPEND_COORDINATOR,
        .leader_epoch = ANY_LEADER_EPOCH,
    };
    const struct end_transaction_marker marker = {
        .producer_id = in->producer_id,
        .producer_epoch = in->producer_epoch,
        .coordinator_epoch = in->coordinator_epoch,
        .is_commit = in->transaction_result,
        .timestamp = options.wall_ms,
    };
    uint8_t batch[END_TRANSACTION_MARKER_BYTES];
    struct log_append_result result;
    enum error error;

    if (in->producer_id < 0)
        return ERR_INVALID_REQUEST;
    written->append.partition =
        replica_manager_find(call->context->replicas, topic, written->answer->partition_index);
    if (written->append.partition == NULL)
        return ERR_UNKNOWN_TOPIC_OR_PARTITION;
    end_transaction_marker_encode(&marker, batch);
    error = partition_append_as_leader(written->append.partition, batch, sizeof(batch), &options,
                                       &result, &written->append.commit.leader_epoch);
    if (error != ERR_NONE)
        return error;
    written->offset = result.base_offset;
    written->append.commit.required_offset = result.last_offset + 1;
    written->append.commit.flush_offset = result.flush_offset;
    commit_wait_add(&writing->wait, &written->append);
    return ERR_NONE;
}

static bool write_topic(struct writing *writing, const struct write_txn_markers_request_markers *in,
                        const struct write_txn_markers_request_markers_topics *from,
                        const struct write_txn_markers_response_markers *marker,
                        struct write_txn_markers_response_markers_topics *to) {
    bool is_of_offsets = bytes_equal_text(from->name, "__consumer_offsets");
    struct api_call *call = writing->hop.call;
    int32_t count = from->partition_indexes_count;

    write_txn_markers_response_markers_topics_init(to);
    to->name = arena_copy(&call->request->arena, from->name);
    to->partitions = api_alloc(call, (size_t)count, sizeof(*to->partitions));
    if (bytes_is_null(to->name) || to->partitions == NULL)
        return false;
    to->partitions_count = count;
    for (int32_t i = 0; i < count; i++) {
        struct written *written = &writing->written[writing->written_count++];
        written->answer = &to->partitions[i];
        written->marker = marker;
        written->is_commit = in->transaction_result;
        written->is_of_offsets = is_of_offsets;
        write_txn_markers_response_markers_topics_partitions_init(written->answer);
        written->answer->partition_index = from->partition_indexes[i];
        written->answer->error_code = error_to_wire(append(writing, in, from->name, written));
    }
    return true;
}

static bool write_marker(struct writing *writing,
                         const struct write_txn_markers_request_markers *in,
                         struct write_txn_markers_response_markers *out) {
    write_txn_markers_response_markers_init(out);
    out->producer_id = in->producer_id;
    out->topics = api_alloc(writing->hop.call, (size_t)in->topics_count, sizeof(*out->topics));
    if (out->topics == NULL)
        return false;
    out->topics_count = in->topics_count;
    for (int32_t i = 0; i < in->topics_count; i++) {
        if (!write_topic(writing, in, &in->topics[i], out, &out->topics[i]))
            return false;
    }
    return true;
}

static bool prepare(struct writing *writing, const struct write_txn_markers_request *request) {
    struct api_call *call = writing->hop.call;
    size_t total = 0;

    for (int32_t i = 0; i < request->markers_count; i++) {
        for (int32_t j = 0; j < request->markers[i].topics_count; j++)
            total += (size_t)request->markers[i].topics[j].partition_indexes_count;
    }
    write_txn_markers_response_init(&writing->response);
    writing->response.markers =
        api_alloc(call, (size_t)request->markers_count, sizeof(*writing->response.markers));
    writing->written = api_alloc(call, total, sizeof(*writing->written));
    return writing->response.markers != NULL && writing->written != NULL;
}

static void handle(struct api_call *call) {
    struct writing *writing = api_alloc(call, 1, sizeof(*writing));
    struct write_txn_markers_request request;
    bool is_whole;

    if (!api_decode(call, &request))
        return;
    if (writing == NULL) {
        api_close(call);
        return;
    }
    writing->hop.call = call;
    writing->wait = (struct commit_wait){
        .request = call->request, .on_item = on_committed, .on_over = on_all_committed};
    is_whole = prepare(writing, &request);
    for (int32_t i = 0; is_whole && i < request.markers_count; i++)
        is_whole = write_marker(writing, &request.markers[i],
                                &writing->response.markers[writing->response.markers_count++]);
    if (is_whole) {
        commit_wait_begin(&writing->wait, call->context->config->request_timeout_ms);
        return;
    }
    release(writing);
    api_close(call);
}

const struct api_handler api_write_txn_markers = {&write_txn_markers_api, 1, handle};

/*
 * JoinGroup, SyncGroup, Heartbeat, LeaveGroup: decoded here, decided on the thread of the group
 * coordinator. A join or a sync that waits keeps its call there until the group answers it.
 */
#include <arpa/inet.h>
#include <stdio.h>

#include "broker/api/handlers.h"
#include "broker/api/hop.h"
#include "broker/group/group_coordinator.h"
#include "client/wire/message/heartbeat.h"
#include "client/wire/message/join_group.h"
#include "client/wire/message/leave_group.h"
#include "client/wire/message/sync_group.h"

static struct group_coordinator *groups_of(const struct hop *hop) {
    return hop->call->context->groups;
}

/* False past the arena's bound. */
static bool copy_into(struct api_call *call, struct bytes source, struct bytes *copy) {
    *copy = arena_copy(&call->request->arena, source);
    return bytes_is_null(*copy) == bytes_is_null(source);
}

/* ---- JoinGroup ---- */

struct joining {
    struct hop hop; /* first */
    struct join_group_request wire;
    struct join_group_response response;
    bool is_too_large;
};

static void join_respond(struct hop *hop) {
    struct joining *joining = (struct joining *)hop;

    if (joining->is_too_large)
        api_close(hop->call);
    else
        api_respond(hop->call, &joining->response);
}

static bool tell_members(struct joining *joining, const struct group_join_result *result) {
    struct join_group_response *response = &joining->response;
    struct api_call *call = joining->hop.call;

    response->members =
        api_alloc(call, (size_t)result->member_count + 1, sizeof(*response->members));
    if (response->members == NULL)
        return false;
    response->members_count = result->member_count;
    for (int32_t i = 0; i < result->member_count; i++) {
        struct join_group_response_members *told = &response->members[i];
        join_group_response_members_init(told);
        if (!copy_into(call, result->members[i].id, &told->member_id) ||
            !copy_into(call, result->members[i].instance_id, &told->group_instance_id) ||
            !copy_into(call, result->members[i].metadata, &told->metadata))
            return false;
    }
    return true;
}

static void on_joined(void *request, const struct group_join_result *result) {
    struct joining *joining = request;
    struct join_group_response *response = &joining->response;
    struct api_call *call = joining->hop.call;

    join_group_response_init(response);
    response->error_code = error_to_wire(result->error);
    response->generation_id = result->generation;
    response->skip_assignment = result->skip_assignment;
    if (result->error != ERR_NONE && call->header.api_version >= 7)
        response->protocol_name = BYTES_NULL;
    joining->is_too_large = !copy_into(call, result->protocol_type, &response->protocol_type) ||
                            !copy_into(call, result->protocol, &response->protocol_name) ||
                            !copy_into(call, result->leader, &response->leader) ||
                            !copy_into(call, result->member_id, &response->member_id) ||
                            !tell_members(joining, result);
    hop_return(&joining->hop, join_respond);
}

/* As Java writes an address: "/10.0.0.7", "/0:0:0:0:0:0:0:1". */
static struct bytes java_address(struct api_call *call) {
    const char *address = call->request->client_address;
    char *text = api_alloc(call, 1, INET6_ADDRSTRLEN + 2);
    struct in6_addr six;

    if (text == NULL)
        return bytes_of_text("");
    if (inet_pton(AF_INET6, address, &six) != 1) {
        snprintf(text, INET6_ADDRSTRLEN + 2, "/%s", address);
    } else {
        char *at = text;
        for (int i = 0; i < 8; i++)
            at += snprintf(at, 6, "%c%x", i == 0 ? '/' : ':',
                           six.s6_addr[2 * i] << 8 | six.s6_addr[2 * i + 1]);
    }
    return bytes_of_text(text);
}

static void join_run(struct hop *hop) {
    struct joining *joining = (struct joining *)hop;
    const struct join_group_request *wire = &joining->wire;
    struct group_protocol *protocols =
        api_alloc(hop->call, (size_t)wire->protocols_count + 1, sizeof(*protocols));
    const struct group_join join = {
        .member_id = wire->member_id,
        .instance_id = wire->group_instance_id,
        .client_id = bytes_is_null(hop->call->header.client_id) ? bytes_of_text("")
                                                                : hop->call->header.client_id,
        .client_host = java_address(hop->call),
        .session_timeout_ms = wire->session_timeout_ms,
        .rebalance_timeout_ms = hop->call->header.api_version == 0 ? wire->session_timeout_ms
                                                                   : wire->rebalance_timeout_ms,
        .protocol_type = wire->protocol_type,
        .protocols = protocols,
        .protocol_count = protocols == NULL ? 0 : wire->protocols_count,
        .is_member_id_required = hop->call->header.api_version >= 4,
        .can_skip_assignment = hop->call->header.api_version >= 9,
        .joined = on_joined,
        .request = joining,
    };

    for (int32_t i = 0; i < join.protocol_count; i++)
        protocols[i] =
            (struct group_protocol){wire->protocols[i].name, wire->protocols[i].metadata};
    group_coordinator_join(groups_of(hop), wire->group_id, &join);
}

static void handle_join_group(struct api_call *call) {
    struct joining *joining = hop_new(call, sizeof(*joining));

    if (joining == NULL || !api_decode(call, &joining->wire))
        return;
    if (joining->wire.group_id.size == 0) {
        join_group_response_init(&joining->response);
        joining->response.error_code = ERR_INVALID_GROUP_ID;
        if (call->header.api_version >= 7)
            joining->response.protocol_name = BYTES_NULL;
        joining->response.member_id = joining->wire.member_id;
        api_respond(call, &joining->response);
        return;
    }
    hop_to_groups(&joining->hop, join_run);
}

const struct api_handler api_join_group = {&join_group_api, 9, handle_join_group};

/* ---- SyncGroup ---- */

struct syncing {
    struct hop hop; /* first */
    struct sync_group_request wire;
    struct sync_group_response response;
    bool is_too_large;
};

static void sync_respond(struct hop *hop) {
    struct syncing *syncing = (struct syncing *)hop;

    if (syncing->is_too_large)
        api_close(hop->call);
    else
        api_respond(hop->call, &syncing->response);
}

static void on_synced(void *request, const struct group_sync_result *result) {
    struct syncing *syncing = request;
    struct sync_group_response *response = &syncing->response;
    struct api_call *call = syncing->hop.call;

    sync_group_response_init(response);
    response->error_code = error_to_wire(result->error);
    syncing->is_too_large = !copy_into(call, result->protocol_type, &response->protocol_type) ||
                            !copy_into(call, result->protocol, &response->protocol_name) ||
                            !copy_into(call, result->assignment, &response->assignment);
    hop_return(&syncing->hop, sync_respond);
}

static void sync_run(struct hop *hop) {
    struct syncing *syncing = (struct syncing *)hop;
    const struct sync_group_request *wire = &syncing->wire;
    struct group_assignment *assignments =
        api_alloc(hop->call, (size_t)wire->assignments_count + 1, sizeof(*assignments));
    const struct group_sync sync = {
        .member_id = wire->member_id,
        .instance_id = wire->group_instance_id,
        .generation = wire->generation_id,
        .protocol_type = wire->protocol_type,
        .protocol = wire->protocol_name,
        .assignments = assignments,
        .assignment_count = assignments == NULL ? 0 : wire->assignments_count,
        .synced = on_synced,
        .request = syncing,
    };

    if (assignments == NULL) { /* never an assignment that is not the leader's */
        syncing->is_too_large = true;
        hop_return(hop, sync_respond);
        return;
    }
    for (int32_t i = 0; i < wire->assignments_count; i++)
        assignments[i] = (struct group_assignment){wire->assignments[i].member_id,
                                                   wire->assignments[i].assignment};
    group_coordinator_sync(groups_of(hop), wire->group_id, &sync);
}

static enum error check_sync(const struct api_call *call, const struct sync_group_request *wire) {
    if (call->header.api_version >= 5 &&
        (bytes_is_null(wire->protocol_type) || bytes_is_null(wire->protocol_name)))
        return ERR_INCONSISTENT_GROUP_PROTOCOL;
    return wire->group_id.size == 0 ? ERR_INVALID_GROUP_ID : ERR_NONE;
}

static void handle_sync_group(struct api_call *call) {
    struct syncing *syncing = hop_new(call, sizeof(*syncing));
    enum error error;

    if (syncing == NULL || !api_decode(call, &syncing->wire))
        return;
    error = check_sync(call, &syncing->wire);
    if (error != ERR_NONE) {
        sync_group_response_init(&syncing->response);
        syncing->response.error_code = error_to_wire(error);
        api_respond(call, &syncing->response);
        return;
    }
    hop_to_groups(&syncing->hop, sync_run);
}

const struct api_handler api_sync_group = {&sync_group_api, 5, handle_sync_group};

/* ---- Heartbeat ---- */

struct beating {
    struct hop hop; /* first */
    struct heartbeat_request wire;
    enum error error;
};

static void heartbeat_respond(struct hop *hop) {
    const struct beating *beating = (const struct beating *)hop;
    struct heartbeat_response response;

    heartbeat_response_init(&response);
    response.error_code = error_to_wire(beating->error);
    api_respond(hop->call, &response);
}

static void heartbeat_run(struct hop *hop) {
    struct beating *beating = (struct beating *)hop;

    beating->error =
        group_coordinator_heartbeat(groups_of(hop), beating->wire.group_id, beating->wire.member_id,
                                    beating->wire.group_instance_id, beating->wire.generation_id);
    hop_return(hop, heartbeat_respond);
}

static void handle_heartbeat(struct api_call *call) {
    struct beating *beating = hop_new(call, sizeof(*beating));

    if (beating == NULL || !api_decode(call, &beating->wire))
        return;
    if (beating->wire.group_id.size == 0) {
        beating->error = ERR_INVALID_GROUP_ID;
        heartbeat_respond(&beating->hop);
        return;
    }
    hop_to_groups(&beating->hop, heartbeat_run);
}

const struct api_handler api_heartbeat = {&heartbeat_api, 4, handle_heartbeat};

/* ---- LeaveGroup ---- */

struct leaving {
    struct hop hop; /* first */
    struct leave_group_request wire;
    struct group_leaving *members;
    int32_t count;
    enum error error;
};

/* Before version 3 a request had one member, and the response no list. */
static void leave_respond(struct hop *hop) {
    const struct leaving *leaving = (const struct leaving *)hop;
    struct leave_group_response response;
    bool has_list = hop->call->header.api_version >= 3;

    leave_group_response_init(&response);
    response.error_code = error_to_wire(leaving->error);
    if (leaving->error == ERR_NONE && !has_list) {
        response.error_code = error_to_wire(leaving->members[0].error);
    } else if (leaving->error == ERR_NONE) {
        response.members =
            api_alloc(hop->call, (size_t)leaving->count + 1, sizeof(*response.members));
        if (response.members == NULL) {
            api_close(hop->call);
            return;
        }
        response.members_count = leaving->count;
        for (int32_t i = 0; i < leaving->count; i++) {
            struct leave_group_response_members *told = &response.members[i];
            leave_group_response_members_init(told);
            told->member_id = leaving->members[i].member_id;
            told->group_instance_id = leaving->members[i].instance_id;
            told->error_code = error_to_wire(leaving->members[i].error);
        }
    }
    api_respond(hop->call, &response);
}

static void leave_run(struct hop *hop) {
    struct leaving *leaving = (struct leaving *)hop;

    leaving->error = group_coordinator_leave(groups_of(hop), leaving->wire.group_id,
                                             leaving->members, leaving->count);
    hop_return(hop, leave_respond);
}

static bool fill_leaving(struct api_call *call, struct leaving *leaving) {
    const struct leave_group_request *wire = &leaving->wire;
    bool has_list = call->header.api_version >= 3;

    leaving->count = has_list ? wire->members_count : 1;
    leaving->members = api_alloc(call, (size_t)leaving->count + 1, sizeof(*leaving->members));
    if (leaving->members == NULL)
        return false;
    if (!has_list)
        leaving->members[0].member_id = wire->member_id;
    for (int32_t i = 0; has_list && i < leaving->count; i++) {
        leaving->members[i].member_id = wire->members[i].member_id;
        leaving->members[i].instance_id = wire->members[i].group_instance_id;
    }
    return true;
}

static void handle_leave_group(struct api_call *call) {
    struct leaving *leaving = hop_new(call, sizeof(*leaving));

    if (leaving == NULL || !api_decode(call, &leaving->wire))
        return;
    if (!fill_leaving(call, leaving)) {
        api_close(call);
    } else if (leaving->wire.group_id.size == 0) {
        leaving->error = ERR_INVALID_GROUP_ID;
        leave_respond(&leaving->hop);
    } else {
        hop_to_groups(&leaving->hop, leave_run);
    }
}

const struct api_handler api_leave_group = {&leave_group_api, 5, handle_leave_group};

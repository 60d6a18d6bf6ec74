/*
 * DescribeGroups, ListGroups, DeleteGroups: looked up on the thread of the group coordinator.
 */
#include <ctype.h>
#include <strings.h>

#include "broker/api/handlers.h"
#include "broker/api/hop.h"
#include "broker/group/group_coordinator.h"
#include "client/wire/message/delete_groups.h"
#include "client/wire/message/describe_groups.h"
#include "client/wire/message/list_groups.h"

/* All that may be done to a group, as there is no authorizer: READ, DELETE, DESCRIBE. */
#define GROUP_OPERATIONS (1 << 3 | 1 << 6 | 1 << 8)

static struct group_coordinator *groups_of(const struct hop *hop) {
    return hop->call->context->groups;
}

/* ---- DescribeGroups ---- */

struct describing {
    struct hop hop; /* first */
    struct describe_groups_request wire;
    struct describe_groups_response response;
    bool is_too_large;
};

struct members_told {
    struct describing *describing;
    struct describe_groups_response_groups *group;
    bool with_metadata;
};

static struct bytes copy_text(struct describing *describing, struct bytes source) {
    struct bytes copy = arena_copy(&describing->hop.call->request->arena, source);

    if (bytes_is_null(copy) && !bytes_is_null(source))
        describing->is_too_large = true;
    return copy;
}

static void tell_member(void *context, const struct group_member_view *member) {
    struct members_told *told = context;
    struct describe_groups_response_groups_members *to =
        &told->group->members[told->group->members_count++];

    describe_groups_response_groups_members_init(to);
    to->member_id = copy_text(told->describing, member->id);
    to->group_instance_id = copy_text(told->describing, member->instance_id);
    to->client_id = copy_text(told->describing, member->client_id);
    to->client_host = copy_text(told->describing, member->client_host);
    if (!told->with_metadata)
        return;
    to->member_metadata = copy_text(told->describing, member->metadata);
    to->member_assignment = copy_text(told->describing, member->assignment);
}

static void describe_group(struct describing *describing, const struct group *group,
                           struct describe_groups_response_groups *to) {
    struct members_told told = {describing, to, group_state(group) == GROUP_STABLE};

    to->members = api_alloc(describing->hop.call, (size_t)group_member_count(group) + 1,
                            sizeof(*to->members));
    if (to->members == NULL) {
        describing->is_too_large = true;
        return;
    }
    to->group_state = bytes_of_text(group_state_name(group_state(group)));
    if (!bytes_is_null(group_protocol_type(group)))
        to->protocol_type = copy_text(describing, group_protocol_type(group));
    if (told.with_metadata && !bytes_is_null(group_protocol_name(group)))
        to->protocol_data = copy_text(describing, group_protocol_name(group));
    group_each_member(group, tell_member, &told);
}

static void describe_respond(struct hop *hop) {
    struct describing *describing = (struct describing *)hop;

    if (describing->is_too_large)
        api_close(hop->call);
    else
        api_respond(hop->call, &describing->response);
}

static void describe_run(struct hop *hop) {
    struct describing *describing = (struct describing *)hop;

    for (int32_t i = 0; i < describing->response.groups_count; i++) {
        struct describe_groups_response_groups *to = &describing->response.groups[i];
        const struct group *group = group_coordinator_find(groups_of(hop), to->group_id);
        enum error error = group_coordinator_check(groups_of(hop), to->group_id);
        to->error_code = error_to_wire(error);
        if (error != ERR_NONE)
            continue;
        if (describing->wire.include_authorized_operations)
            to->authorized_operations = GROUP_OPERATIONS;
        if (group == NULL)
            to->group_state = bytes_of_text(group_state_name(GROUP_DEAD));
        else
            describe_group(describing, group, to);
    }
    hop_return(hop, describe_respond);
}

static void handle_describe_groups(struct api_call *call) {
    struct describing *describing = hop_new(call, sizeof(*describing));
    struct describe_groups_response *response;

    if (describing == NULL || !api_decode(call, &describing->wire))
        return;
    response = &describing->response;
    describe_groups_response_init(response);
    response->groups =
        api_alloc(call, (size_t)describing->wire.groups_count + 1, sizeof(*response->groups));
    if (response->groups == NULL) {
        api_close(call);
        return;
    }
    response->groups_count = describing->wire.groups_count;
    for (int32_t i = 0; i < response->groups_count; i++) {
        describe_groups_response_groups_init(&response->groups[i]);
        response->groups[i].group_id = describing->wire.groups[i];
    }
    hop_to_groups(&describing->hop, describe_run);
}

const struct api_handler api_describe_groups = {&describe_groups_api, 5, handle_describe_groups};

/* ---- ListGroups ---- */

struct listing {
    struct hop hop; /* first */
    struct list_groups_request wire;
    struct list_groups_response response;
    int32_t matching; /* counted first, then told */
    bool is_too_large;
};

/* Compared without case; no filter lets everything through. */
static bool passes(const struct bytes *filter, int32_t count, const char *value) {
    for (int32_t i = 0; i < count; i++) {
        if (filter[i].size == strlen(value) &&
            strncasecmp((const char *)filter[i].data, value, filter[i].size) == 0)
            return true;
    }
    return count == 0;
}

static bool is_listed(const struct listing *listing, const struct group *group) {
    return passes(listing->wire.states_filter, listing->wire.states_filter_count,
                  group_state_name(group_state(group))) &&
           passes(listing->wire.types_filter, listing->wire.types_filter_count, "classic");
}

static void count_listed(void *context, const struct group *group) {
    struct listing *listing = context;

    listing->matching += is_listed(listing, group) ? 1 : 0;
}

static void tell_listed(void *context, const struct group *group) {
    struct listing *listing = context;
    struct arena *arena = &listing->hop.call->request->arena;
    struct list_groups_response_groups *to;

    if (!is_listed(listing, group))
        return;
    to = &listing->response.groups[listing->response.groups_count++];
    list_groups_response_groups_init(to);
    to->group_id = arena_copy(arena, group_id(group));
    to->protocol_type = arena_copy(arena, group_protocol_type(group));
    to->group_state = bytes_of_text(group_state_name(group_state(group)));
    to->group_type = bytes_of_text("classic");
    if (bytes_is_null(to->group_id) ||
        (bytes_is_null(to->protocol_type) && !bytes_is_null(group_protocol_type(group))))
        listing->is_too_large = true;
}

static void list_respond(struct hop *hop) {
    struct listing *listing = (struct listing *)hop;

    if (listing->is_too_large)
        api_close(hop->call);
    else
        api_respond(hop->call, &listing->response);
}

static void list_run(struct hop *hop) {
    struct listing *listing = (struct listing *)hop;
    struct list_groups_response *response = &listing->response;

    list_groups_response_init(response);
    if (group_coordinator_is_loading(groups_of(hop)))
        response->error_code = ERR_COORDINATOR_LOAD_IN_PROGRESS;
    group_coordinator_each(groups_of(hop), count_listed, listing);
    response->groups =
        api_alloc(hop->call, (size_t)listing->matching + 1, sizeof(*response->groups));
    if (response->groups == NULL)
        listing->is_too_large = true;
    else
        group_coordinator_each(groups_of(hop), tell_listed, listing);
    hop_return(hop, list_respond);
}

static void handle_list_groups(struct api_call *call) {
    struct listing *listing = hop_new(call, sizeof(*listing));

    if (listing != NULL && api_decode(call, &listing->wire))
        hop_to_groups(&listing->hop, list_run);
}

const struct api_handler api_list_groups = {&list_groups_api, 5, handle_list_groups};

/* ---- DeleteGroups ---- */

struct deleting;

struct group_deletion {
    struct deleting *deleting;
    struct delete_groups_response_results *result;
};

struct deleting {
    struct hop hop; /* first */
    struct delete_groups_request wire;
    struct delete_groups_response response;
    struct group_deletion *deletions;
    int32_t outstanding; /* and one while they are being begun */
};

static void delete_respond(struct hop *hop) {
    struct deleting *deleting = (struct deleting *)hop;

    api_respond(hop->call, &deleting->response);
}

static void release(struct deleting *deleting) {
    if (--deleting->outstanding == 0)
        hop_return(&deleting->hop, delete_respond);
}

static void on_removed(void *context, enum error error) {
    struct group_deletion *deletion = context;

    deletion->result->error_code = error_to_wire(error);
    release(deletion->deleting);
}

static void delete_run(struct hop *hop) {
    struct deleting *deleting = (struct deleting *)hop;

    deleting->outstanding = 1;
    for (int32_t i = 0; i < deleting->response.results_count; i++) {
        struct group_deletion *deletion = &deleting->deletions[i];
        *deletion = (struct group_deletion){deleting, &deleting->response.results[i]};
        deleting->outstanding++;
        group_coordinator_delete(groups_of(hop), deletion->result->group_id, on_removed, deletion);
    }
    release(deleting);
}

static void handle_delete_groups(struct api_call *call) {
    struct deleting *deleting = hop_new(call, sizeof(*deleting));
    struct delete_groups_response *response;
    size_t count;

    if (deleting == NULL || !api_decode(call, &deleting->wire))
        return;
    response = &deleting->response;
    count = (size_t)deleting->wire.groups_names_count;
    delete_groups_response_init(response);
    response->results = api_alloc(call, count + 1, sizeof(*response->results));
    deleting->deletions = api_alloc(call, count + 1, sizeof(*deleting->deletions));
    if (response->results == NULL || deleting->deletions == NULL) {
        api_close(call);
        return;
    }
    response->results_count = (int32_t)count;
    for (size_t i = 0; i < count; i++) {
        delete_groups_response_results_init(&response->results[i]);
        response->results[i].group_id = deleting->wire.groups_names[i];
    }
    hop_to_groups(&deleting->hop, delete_run);
}

const struct api_handler api_delete_groups = {&delete_groups_api, 2, handle_delete_groups};

/* Groups: which there are, who is in one, and its end. */
#include <stdlib.h>
#include <string.h>

#include "client/admin/admin_call.h"
#include "client/group/consumer_protocol.h"
#include "client/wire/message/delete_groups.h"
#include "client/wire/message/describe_groups.h"
#include "client/wire/message/list_groups.h"

/* --- listing ------------------------------------------------------------------------------ */

struct listing {
    struct admin_call call;
    struct admin_result *gathered;
    struct barnabas_group_listing *items;
    size_t count;
    size_t capacity;
};

static enum error listing_read(struct admin_call *call, const void *message) {
    struct listing *listing = CONTAINER_OF(call, struct listing, call);
    const struct list_groups_response *response = message;
    struct arena *arena = &listing->gathered->arena;
    struct barnabas_group_listing *more;
    size_t count = listing->count;

    if (response->error_code != ERR_NONE)
        return response->error_code;
    more = reallocarray(listing->items, count + (size_t)response->groups_count + 1, sizeof(*more));
    if (more == NULL)
        return ERR_OUT_OF_MEMORY;
    listing->items = more;
    for (int32_t i = 0; i < response->groups_count; i++) {
        struct barnabas_group_listing *item = &listing->items[count++];

        item->group = text_in_arena(arena, response->groups[i].group_id);
        item->protocol_type = text_in_arena(arena, response->groups[i].protocol_type);
        item->state = text_in_arena(arena, response->groups[i].group_state);
        if (item->group == NULL || item->protocol_type == NULL || item->state == NULL)
            return ERR_OUT_OF_MEMORY;
    }
    listing->count = count;
    return ERR_NONE;
}

static int listing_compare(const void *left, const void *right) {
    const struct barnabas_group_listing *a = left;
    const struct barnabas_group_listing *b = right;

    return strcmp(a->group, b->group);
}

static enum error ask_broker(struct barnabas_admin *admin, struct listing *listing,
                             int32_t broker_id, int64_t timeout_ms) {
    struct admin_result *answered = NULL;
    struct list_groups_request request;
    enum error error;

    list_groups_request_init(&request);
    listing->call = (struct admin_call){
        .target = broker_id,
        .api = &list_groups_api,
        .request = &request,
        .timeout_ms = timeout_ms,
        .read = listing_read,
    };
    error = admin_call_run(admin, &listing->call, &answered);
    if (error == ERR_NONE)
        admin_result_free(answered); /* all is in `gathered` */
    return error;
}

static enum error finish_listing(struct listing *listing) {
    struct barnabas_groups *groups = &listing->gathered->groups;
    struct barnabas_group_listing *items;

    items = arena_alloc(&listing->gathered->arena, listing->count + 1, sizeof(*items));
    if (items == NULL)
        return ERR_OUT_OF_MEMORY;
    if (listing->count > 0)
        memcpy(items, listing->items, listing->count * sizeof(*items));
    qsort(items, listing->count, sizeof(*items), listing_compare);
    groups->items = items;
    groups->count = listing->count;
    return ERR_NONE;
}

int barnabas_admin_list_groups(struct barnabas_admin *admin, int64_t timeout_ms,
                               struct barnabas_groups **groups) {
    struct barnabas_cluster *cluster = NULL;
    struct listing listing = {.gathered = admin_result_new()};
    size_t silent = 0;
    enum error error;

    if (listing.gathered == NULL)
        return ERR_OUT_OF_MEMORY;
    error = barnabas_admin_describe_cluster(admin, timeout_ms, &cluster);
    for (size_t i = 0; error == ERR_NONE && i < cluster->broker_count; i++) {
        enum error failure = ask_broker(admin, &listing, cluster->brokers[i].id, timeout_ms);

        if (failure != ERR_NONE) {
            silent++;
            listing.gathered->groups.error = failure;
        }
    }
    if (error == ERR_NONE && silent == cluster->broker_count && silent > 0)
        error = listing.gathered->groups.error;
    listing.gathered->groups.silent_brokers = silent;
    if (error == ERR_NONE)
        error = finish_listing(&listing);
    free(listing.items);
    barnabas_cluster_free(cluster);
    if (error == ERR_NONE)
        *groups = &listing.gathered->groups;
    else
        admin_result_free(listing.gathered);
    return error;
}

void barnabas_groups_free(struct barnabas_groups *groups) {
    admin_result_free((struct admin_result *)groups);
}

/* --- describing --------------------------------------------------------------------------- */

/* Bytes that are no assignment of Kafka's own protocol leave the member without partitions. */
static enum error member_assign(struct arena *arena, struct barnabas_group_member *member,
                                struct bytes data) {
    struct barnabas_topic_partition *partitions;
    struct assignment assignment;
    enum error error = assignment_decode(data, arena, &assignment);
    size_t count = 0;

    if (error != ERR_NONE)
        return error == ERR_OUT_OF_MEMORY ? error : ERR_NONE;
    for (int32_t i = 0; i < assignment.partitions.count; i++)
        count += (size_t)assignment.partitions.topics[i].count;
    partitions = arena_alloc(arena, count + 1, sizeof(*partitions));
    if (partitions == NULL)
        return ERR_OUT_OF_MEMORY;
    for (int32_t i = 0; i < assignment.partitions.count; i++) {
        const struct topic_partitions *topic = &assignment.partitions.topics[i];
        const char *name = text_in_arena(arena, topic->topic);

        if (name == NULL)
            return ERR_OUT_OF_MEMORY;
        for (int32_t j = 0; j < topic->count; j++)
            partitions[member->partition_count++] =
                (struct barnabas_topic_partition){name, topic->partitions[j]};
    }
    member->partitions = partitions;
    return ERR_NONE;
}

static enum error member_fill(struct admin_call *call, bool is_consumer,
                              struct barnabas_group_member *member,
                              const struct describe_groups_response_groups_members *from) {
    member->member_id = admin_text(call, from->member_id);
    member->instance_id = admin_text(call, from->group_instance_id);
    member->client_id = admin_text(call, from->client_id);
    member->host = admin_text(call, from->client_host);
    if (member->member_id == NULL || member->instance_id == NULL || member->client_id == NULL ||
        member->host == NULL)
        return ERR_OUT_OF_MEMORY;
    return is_consumer ? member_assign(&call->result->arena, member, from->member_assignment)
                       : ERR_NONE;
}

static enum error group_read(struct admin_call *call, const void *message) {
    const struct describe_groups_response *response = message;
    const struct describe_groups_response_groups *from = response->groups;
    struct barnabas_group *group = &call->result->group;
    struct barnabas_group_member *members;
    enum error error;

    if (response->groups_count != 1)
        return ERR_MALFORMED;
    if (from->error_code != ERR_NONE)
        return from->error_code;
    group->name = admin_text(call, from->group_id);
    group->state = admin_text(call, from->group_state);
    group->protocol_type = admin_text(call, from->protocol_type);
    group->protocol = admin_text(call, from->protocol_data);
    members = arena_alloc(&call->result->arena, (size_t)from->members_count + 1, sizeof(*members));
    if (group->name == NULL || group->state == NULL || group->protocol_type == NULL ||
        group->protocol == NULL || members == NULL)
        return ERR_OUT_OF_MEMORY;
    for (int32_t i = 0; i < from->members_count; i++) {
        error = member_fill(call, strcmp(group->protocol_type, CONSUMER_PROTOCOL_TYPE) == 0,
                            &members[i], &from->members[i]);
        if (error != ERR_NONE)
            return error;
    }
    group->members = members;
    group->member_count = (size_t)from->members_count;
    return ERR_NONE;
}

int barnabas_admin_describe_group(struct barnabas_admin *admin, const char *name,
                                  int64_t timeout_ms, struct barnabas_group **described) {
    struct describe_groups_request request;
    struct bytes wanted = bytes_of_text(name);
    struct admin_result *result = NULL;
    struct admin_call call = {
        .target = CALL_GROUP_COORDINATOR,
        .key = name,
        .api = &describe_groups_api,
        .request = &request,
        .timeout_ms = timeout_ms,
        .read = group_read,
    };
    enum error error;

    describe_groups_request_init(&request);
    request.groups = &wanted;
    request.groups_count = 1;
    error = admin_call_run(admin, &call, &result);
    if (error == ERR_NONE)
        *described = &result->group;
    return error;
}

void barnabas_group_free(struct barnabas_group *group) {
    admin_result_free((struct admin_result *)group);
}

/* --- deleting ----------------------------------------------------------------------------- */

static enum error deleted_read(struct admin_call *call, const void *message) {
    const struct delete_groups_response *response = message;

    (void)call;
    return response->results_count == 1 ? response->results[0].error_code : ERR_MALFORMED;
}

int barnabas_admin_delete_group(struct barnabas_admin *admin, const char *name,
                                int64_t timeout_ms) {
    struct delete_groups_request request;
    struct bytes wanted = bytes_of_text(name);
    struct admin_result *result = NULL;
    struct admin_call call = {
        .target = CALL_GROUP_COORDINATOR,
        .key = name,
        .api = &delete_groups_api,
        .request = &request,
        .timeout_ms = timeout_ms,
        .read = deleted_read,
    };
    enum error error;

    delete_groups_request_init(&request);
    request.groups_names = &wanted;
    request.groups_names_count = 1;
    error = admin_call_run(admin, &call, &result);
    if (error == ERR_NONE)
        admin_result_free(result);
    return error;
}

/* What a member asks the coordinator: JoinGroup, SyncGroup, Heartbeat, LeaveGroup. */
#include <stdlib.h>

#include "client/consumer/consumer.h"
#include "client/wire/message/heartbeat.h"
#include "client/wire/message/join_group.h"
#include "client/wire/message/leave_group.h"
#include "client/wire/message/sync_group.h"

/* A join may wait for the slowest member; after this much more, its answer was lost. */
#define JOIN_GRACE_MS 5000

/* No request is tried for longer; the state machine begins anew. */
#define REQUEST_TRIED_MS 3600000

static struct bytes instance_id(const struct barnabas_consumer *consumer) {
    const char *id = consumer->settings->group_instance_id;

    return id[0] == '\0' ? BYTES_NULL : bytes_of_text(id);
}

/* Who we are, as it is now; the id is kept for as long as the call needs it. */
struct place {
    struct bytes member_id;
    int32_t generation_id;
    bool leads;
};

/* False if memory is out. */
static bool take_place(struct group_call *call, struct place *place) {
    struct barnabas_consumer *consumer = call->consumer;
    const struct membership *membership = &consumer->group.membership;

    mutex_lock(&consumer->lock);
    place->member_id = arena_copy(&call->arena, membership_id(membership));
    place->generation_id = membership->generation_id;
    place->leads = membership->is_leader;
    mutex_unlock(&consumer->lock);
    return !bytes_is_null(place->member_id);
}

static int64_t tried_until(struct barnabas_consumer *consumer) {
    return cluster_now_ms(consumer->handle.cluster) + REQUEST_TRIED_MS;
}

/* What could not even be asked is an answer as well; it is tried again after a pause. */
static void give_up(struct group_call *call) {
    arena_done(&call->arena);
    call->done(call, ERR_OUT_OF_MEMORY);
}

/* --- JoinGroup ---------------------------------------------------------------------------- */

static enum error take_members(struct group_round *round, const struct join_group_response *r) {
    round->member_count = r->members_count > 0 ? (size_t)r->members_count : 0;
    round->members = arena_alloc(&round->arena, round->member_count + 1, sizeof(*round->members));
    if (round->members == NULL)
        return ERR_OUT_OF_MEMORY;
    for (size_t i = 0; i < round->member_count; i++) {
        struct assignor_member *member = &round->members[i];
        struct bytes metadata = arena_copy(&round->arena, r->members[i].metadata);
        enum error error;

        member->member_id = arena_copy(&round->arena, r->members[i].member_id);
        member->instance_id = arena_copy(&round->arena, r->members[i].group_instance_id);
        if (bytes_is_null(member->member_id) || bytes_is_null(metadata))
            return ERR_OUT_OF_MEMORY;
        error = subscription_decode(metadata, &round->arena, &member->subscription);
        if (error != ERR_NONE)
            return error;
    }
    return ERR_NONE;
}

static enum error join_read(struct group_call *call, const void *message) {
    const struct join_group_response *response = message;
    struct barnabas_consumer *consumer = call->consumer;
    struct consumer_group *group = &consumer->group;
    bool leads =
        response->error_code == ERR_NONE && bytes_equal(response->leader, response->member_id);
    enum error error = response->error_code;

    if (error == ERR_NONE) {
        arena_reset(&group->round.arena);
        group->round.skip_assignment = response->skip_assignment;
        group->round.assignor = assignor_find(response->protocol_name);
        if (group->round.assignor == NULL)
            error = ERR_INCONSISTENT_GROUP_PROTOCOL;
        else if (leads)
            error = take_members(&group->round, response);
    }
    if (error == ERR_NONE || error == ERR_MEMBER_ID_REQUIRED) {
        mutex_lock(&consumer->lock);
        membership_on_join(&group->membership, error, response->member_id, response->generation_id,
                           leads, cluster_now_ms(consumer->handle.cluster));
        mutex_unlock(&consumer->lock);
    }
    return error;
}

static void join_done(struct group_call *call, enum error error) {
    struct barnabas_consumer *consumer = call->consumer;

    if (error != ERR_NONE && error != ERR_MEMBER_ID_REQUIRED) {
        cluster_log_write(consumer->handle.cluster, BARNABAS_LOG_WARN, "join_failed",
                          "group=%s error=%s", consumer->settings->group_id, error_name(error));
        mutex_lock(&consumer->lock);
        membership_on_join(&consumer->group.membership, error, BYTES_NULL, GENERATION_NONE, false,
                           cluster_now_ms(consumer->handle.cluster));
        mutex_unlock(&consumer->lock);
    }
    fetcher_wake(consumer);
}

/* What the member wants, in the words of one assignor. */
static enum error encode_subscription(struct barnabas_consumer *consumer,
                                      const struct assignor *assignor,
                                      const struct subscription *plain, struct arena *arena,
                                      struct bytes *encoded) {
    struct consumer_group *group = &consumer->group;
    struct subscription subscription = *plain;
    bool remembers = assignor->memory == MEMORY_PARTITIONS;
    enum error error;

    error = assignor_user_data(assignor, remembers ? &group->last_assignment : &plain->owned,
                               remembers ? group->last_generation_id : plain->generation_id, arena,
                               &subscription.user_data);
    return error == ERR_NONE ? subscription_encode(&subscription, arena, encoded) : error;
}

static enum error fill_protocols(struct barnabas_consumer *consumer, struct arena *arena,
                                 struct join_group_request *request) {
    struct consumer_group *group = &consumer->group;
    struct subscription plain = {.generation_id = GENERATION_NONE};
    enum error error;

    if (consumer->settings->rack[0] != '\0')
        plain.rack_id = bytes_of_text(consumer->settings->rack);
    mutex_lock(&consumer->lock);
    error = group_describe(consumer, arena, &plain);
    mutex_unlock(&consumer->lock);
    request->protocols = arena_alloc(arena, group->assignor_count, sizeof(*request->protocols));
    if (request->protocols == NULL)
        return ERR_OUT_OF_MEMORY;
    request->protocols_count = (int32_t)group->assignor_count;
    for (size_t i = 0; i < group->assignor_count && error == ERR_NONE; i++) {
        join_group_request_protocols_init(&request->protocols[i]);
        request->protocols[i].name = bytes_of_text(group->assignors[i]->name);
        error = encode_subscription(consumer, group->assignors[i], &plain, arena,
                                    &request->protocols[i].metadata);
    }
    return error;
}

void group_join(struct barnabas_consumer *consumer) {
    struct group_call *call = &consumer->group.join;
    const struct settings *s = consumer->settings;
    struct join_group_request *request;
    struct place place;

    group_call_init(consumer, call);
    call->read = join_read;
    call->done = join_done;
    call->call.answer_within_ms = s->poll_interval_ms_max + JOIN_GRACE_MS;
    request = arena_alloc(&call->arena, 1, sizeof(*request));
    if (request == NULL || !take_place(call, &place)) {
        give_up(call);
        return;
    }
    join_group_request_init(request);
    request->group_id = bytes_of_text(s->group_id);
    request->session_timeout_ms = (int32_t)s->session_timeout_ms;
    request->rebalance_timeout_ms = (int32_t)s->poll_interval_ms_max;
    request->member_id = place.member_id;
    request->group_instance_id = instance_id(consumer);
    request->protocol_type = bytes_of_text(CONSUMER_PROTOCOL_TYPE);
    if (fill_protocols(consumer, &call->arena, request) != ERR_NONE)
        give_up(call);
    else
        group_call_start(call, &join_group_api, join_group_api.version_max, request,
                         tried_until(consumer));
}

/* --- SyncGroup ---------------------------------------------------------------------------- */

/* The last assignment, for an assignor that remembers. What is not remembered for want of memory
 * costs stickiness only. */
static void remember(struct consumer_group *group, struct bytes data, int32_t generation_id) {
    struct assignment copy;
    struct bytes kept;

    arena_reset(&group->memory);
    group->last_assignment = (struct partition_list){0};
    group->last_generation_id = GENERATION_NONE;
    kept = arena_copy(&group->memory, data);
    if (bytes_is_null(kept) || assignment_decode(kept, &group->memory, &copy) != ERR_NONE)
        return;
    group->last_assignment = copy.partitions;
    group->last_generation_id = generation_id;
}

static enum error sync_read(struct group_call *call, const void *message) {
    const struct sync_group_response *response = message;
    struct consumer_group *group = &call->consumer->group;
    const struct sync_group_request *request = call->call.request;
    struct bytes data;

    if (response->error_code != ERR_NONE)
        return response->error_code;
    data = arena_copy(&group->round.arena, response->assignment);
    if (bytes_is_null(data))
        data = bytes_of("", 0);
    remember(group, data, request->generation_id);
    return assignment_decode(data, &group->round.arena, &group->round.assignment);
}

static void sync_done(struct group_call *call, enum error error) {
    struct barnabas_consumer *consumer = call->consumer;
    struct consumer_group *group = &consumer->group;

    cluster_log_write(consumer->handle.cluster, BARNABAS_LOG_INFO, "group_synced",
                      "group=%s error=%s", consumer->settings->group_id, error_name(error));
    mutex_lock(&consumer->lock);
    membership_on_sync(&group->membership, error, cluster_now_ms(consumer->handle.cluster));
    group->round.step = ADOPTION_NONE;
    mutex_unlock(&consumer->lock);
    fetcher_wake(consumer);
}

static int name_order(const void *left, const void *right) {
    const struct assignor_topic *a = left;
    const struct assignor_topic *b = right;

    return name_compare(a->name, b->name);
}

/* In which racks the replicas of each partition stand. False if memory is out. */
static bool place_replicas(const struct view *view, const struct view_topic *seen,
                           struct arena *arena, struct assignor_topic *topic) {
    size_t count = (size_t)seen->partition_count;
    struct assignor_racks *racks = arena_alloc(arena, count + 1, sizeof(*racks));
    struct bytes *names = arena_alloc(arena, count * VIEW_REPLICAS_MAX + 1, sizeof(*names));

    if (racks == NULL || names == NULL)
        return false;
    for (int32_t i = 0; i < seen->partition_count; i++) {
        const struct view_partition *partition = &seen->partitions[i];

        racks[i].racks = names;
        for (int32_t r = 0; r < partition->replica_count; r++) {
            const struct view_broker *broker = view_broker(view, partition->replicas[r]);

            if (broker != NULL && broker->rack != NULL)
                names[racks[i].count++] = arena_copy(arena, bytes_of_text(broker->rack));
        }
        for (int32_t r = 0; r < racks[i].count; r++)
            if (bytes_is_null(names[r]))
                return false;
        names += racks[i].count;
    }
    topic->racks = racks;
    return true;
}

/* All topics that members subscribe to, with the partitions they have. Null if memory is out;
 * `*known` tells whether metadata has come for all. */
static struct assignor_topic *group_topics(struct barnabas_consumer *consumer, struct arena *arena,
                                           size_t *count, bool *known) {
    const struct group_round *round = &consumer->group.round;
    struct cluster *cluster = consumer->handle.cluster;
    struct assignor_topic *topics;
    size_t all = 0;

    *known = true;
    *count = 0;
    for (size_t m = 0; m < round->member_count; m++)
        all += (size_t)round->members[m].subscription.topic_count;
    topics = arena_alloc(arena, all + 1, sizeof(*topics));
    if (topics == NULL)
        return NULL;
    all = 0;
    for (size_t m = 0; m < round->member_count; m++)
        for (int32_t i = 0; i < round->members[m].subscription.topic_count; i++)
            topics[all++].name = round->members[m].subscription.topics[i];
    qsort(topics, all, sizeof(*topics), name_order);
    for (size_t i = 0; i < all; i++) {
        const struct view_topic *seen;
        const char *name;

        if (i > 0 && bytes_equal(topics[i].name, topics[i - 1].name))
            continue;
        name = (const char *)arena_copy(arena, topics[i].name).data;
        if (name == NULL || cluster_want_topic(cluster, name) != ERR_NONE)
            return NULL;
        seen = view_topic(cluster_view(cluster), name);
        *known &= seen != NULL;
        topics[*count] = (struct assignor_topic){bytes_of_text(name),
                                                 seen == NULL ? 0 : seen->partition_count, NULL};
        if (seen != NULL && !place_replicas(cluster_view(cluster), seen, arena, &topics[*count]))
            return NULL;
        ++*count;
    }
    return topics;
}

static enum error fill_assignments(struct barnabas_consumer *consumer, struct arena *arena,
                                   const struct assignor_topic *topics, size_t topic_count,
                                   struct sync_group_request *request) {
    struct group_round *round = &consumer->group.round;
    struct assignment *assignments;
    enum error error;

    assignments = arena_alloc(arena, round->member_count, sizeof(*assignments));
    request->assignments = arena_alloc(arena, round->member_count, sizeof(*request->assignments));
    if (assignments == NULL || request->assignments == NULL)
        return ERR_OUT_OF_MEMORY;
    error = assignor_assign(round->assignor, round->members, round->member_count, topics,
                            topic_count, arena, assignments);
    request->assignments_count = (int32_t)round->member_count;
    for (size_t i = 0; i < round->member_count && error == ERR_NONE; i++) {
        sync_group_request_assignments_init(&request->assignments[i]);
        request->assignments[i].member_id = round->members[i].member_id;
        error = assignment_encode(&assignments[i], arena, &request->assignments[i].assignment);
    }
    return error;
}

/* A leader's work. False if it must wait for metadata. */
static bool lead(struct barnabas_consumer *consumer, struct arena *arena,
                 struct sync_group_request *request, enum error *error) {
    size_t topic_count;
    bool known;
    struct assignor_topic *topics = group_topics(consumer, arena, &topic_count, &known);

    *error = topics == NULL ? ERR_OUT_OF_MEMORY : ERR_NONE;
    if (topics != NULL && !known)
        return false;
    if (*error == ERR_NONE)
        *error = group_watch(consumer, topics, topic_count);
    if (*error == ERR_NONE && !consumer->group.round.skip_assignment)
        *error = fill_assignments(consumer, arena, topics, topic_count, request);
    return true;
}

void group_sync(struct barnabas_consumer *consumer) {
    struct consumer_group *group = &consumer->group;
    struct group_call *call = &group->sync;
    struct sync_group_request *request;
    enum error error = ERR_NONE;
    struct place place;

    group_call_init(consumer, call);
    call->read = sync_read;
    call->done = sync_done;
    call->call.answer_within_ms = consumer->settings->poll_interval_ms_max + JOIN_GRACE_MS;
    request = arena_alloc(&call->arena, 1, sizeof(*request));
    if (request == NULL || !take_place(call, &place)) {
        give_up(call);
        return;
    }
    sync_group_request_init(request);
    request->group_id = bytes_of_text(consumer->settings->group_id);
    request->generation_id = place.generation_id;
    request->member_id = place.member_id;
    request->group_instance_id = instance_id(consumer);
    request->protocol_type = bytes_of_text(CONSUMER_PROTOCOL_TYPE);
    request->protocol_name = bytes_of_text(group->round.assignor->name);
    if (place.leads && !lead(consumer, &call->arena, request, &error)) {
        arena_done(&call->arena);
        return; /* the view will change */
    }
    mutex_lock(&consumer->lock);
    membership_begin(&group->membership, MEMBERSHIP_NEEDS_SYNC);
    mutex_unlock(&consumer->lock);
    if (error != ERR_NONE)
        give_up(call);
    else
        group_call_start(call, &sync_group_api, sync_group_api.version_max, request,
                         tried_until(consumer));
}

/* --- Heartbeat ---------------------------------------------------------------------------- */

static enum error heartbeat_read(struct group_call *call, const void *message) {
    (void)call;
    return ((const struct heartbeat_response *)message)->error_code;
}

static void heartbeat_done(struct group_call *call, enum error error) {
    struct barnabas_consumer *consumer = call->consumer;

    if (error != ERR_NONE)
        cluster_log_write(consumer->handle.cluster, BARNABAS_LOG_INFO, "heartbeat_refused",
                          "group=%s error=%s", consumer->settings->group_id, error_name(error));
    mutex_lock(&consumer->lock);
    membership_on_heartbeat(&consumer->group.membership, error,
                            cluster_now_ms(consumer->handle.cluster));
    mutex_unlock(&consumer->lock);
    fetcher_wake(consumer);
}

void group_heartbeat(struct barnabas_consumer *consumer) {
    struct group_call *call = &consumer->group.heartbeat;
    struct heartbeat_request *request;
    struct place place;

    group_call_init(consumer, call);
    call->read = heartbeat_read;
    call->done = heartbeat_done;
    request = arena_alloc(&call->arena, 1, sizeof(*request));
    if (request == NULL || !take_place(call, &place)) {
        give_up(call);
        return;
    }
    heartbeat_request_init(request);
    request->group_id = bytes_of_text(consumer->settings->group_id);
    request->generation_id = place.generation_id;
    request->member_id = place.member_id;
    request->group_instance_id = instance_id(consumer);
    group_call_start(call, &heartbeat_api, heartbeat_api.version_max, request,
                     cluster_now_ms(consumer->handle.cluster) +
                         consumer->settings->session_timeout_ms);
}

/* --- LeaveGroup --------------------------------------------------------------------------- */

/* The first version that names its members in a list. */
#define LEAVE_VERSION_WITH_LIST 3

static enum error leave_read(struct group_call *call, const void *message) {
    (void)call;
    return ((const struct leave_group_response *)message)->error_code;
}

/* Whether it was heard or not: we are gone. */
static void leave_done(struct group_call *call, enum error error) {
    struct barnabas_consumer *consumer = call->consumer;

    cluster_log_write(consumer->handle.cluster, BARNABAS_LOG_INFO, "group_left",
                      "group=%s error=%s", consumer->settings->group_id, error_name(error));
    mutex_lock(&consumer->lock);
    membership_on_leave(&consumer->group.membership);
    condition_broadcast(&consumer->changed);
    mutex_unlock(&consumer->lock);
    fetcher_wake(consumer);
}

void group_leave(struct barnabas_consumer *consumer) {
    struct group_call *call = &consumer->group.leave;
    struct leave_group_request *request;
    struct place place;

    group_cancel_requests(consumer);
    group_call_init(consumer, call);
    call->read = leave_read;
    call->done = leave_done;
    request = arena_alloc(&call->arena, 1, sizeof(*request));
    if (request == NULL || !take_place(call, &place)) {
        give_up(call);
        return;
    }
    leave_group_request_init(request);
    request->group_id = bytes_of_text(consumer->settings->group_id);
    /* The newest version without a list: one member, by its id. */
    request->member_id = place.member_id;
    group_call_start(call, &leave_group_api, LEAVE_VERSION_WITH_LIST - 1, request,
                     cluster_now_ms(consumer->handle.cluster) +
                         consumer->settings->request_timeout_ms);
}

void group_cancel_requests(struct barnabas_consumer *consumer) {
    struct consumer_group *group = &consumer->group;

    group_call_cancel(&group->join);
    group_call_cancel(&group->sync);
    group_call_cancel(&group->heartbeat);
    mutex_lock(&consumer->lock);
    group->membership.beating = false;
    mutex_unlock(&consumer->lock);
}

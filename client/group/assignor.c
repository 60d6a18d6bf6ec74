#include "client/group/assignor.h"

#include <stdlib.h>

#include "client/group/assign_plan.h"

#define USER_DATA_BYTES_MAX ((size_t)64 << 20)

static const struct assignor assignors[] = {
    {"range", false, MEMORY_NONE, assign_range},
    {"roundrobin", false, MEMORY_NONE, assign_round_robin},
    {"sticky", false, MEMORY_PARTITIONS, assign_sticky},
    {"cooperative-sticky", true, MEMORY_GENERATION, assign_sticky},
};

const struct assignor *assignor_find(struct bytes name) {
    for (size_t i = 0; i < ARRAY_COUNT(assignors); i++)
        if (bytes_equal_text(name, assignors[i].name))
            return &assignors[i];
    return NULL;
}

/* --- what members remember ---------------------------------------------------------------- */

enum error assignor_user_data(const struct assignor *assignor, const struct partition_list *owned,
                              int32_t generation_id, struct arena *arena, struct bytes *user_data) {
    struct wire_writer writer;

    if (assignor->memory == MEMORY_NONE ||
        (assignor->memory == MEMORY_PARTITIONS && generation_id == GENERATION_NONE)) {
        *user_data = BYTES_NULL;
        return ERR_NONE;
    }
    wire_writer_init(&writer, USER_DATA_BYTES_MAX);
    if (assignor->memory == MEMORY_PARTITIONS)
        partition_list_write(&writer, owned, arena);
    wire_write_i32(&writer, generation_id);
    return writer_into_arena(&writer, arena, user_data);
}

struct claim {
    struct partition_list partitions;
    int32_t generation_id;
};

/* What the member says it had. User data that cannot be read says nothing: it is another client's
 * and must not keep the group from its partitions. */
static struct claim claim_of(const struct assignor *assignor, const struct subscription *s,
                             struct arena *arena) {
    struct claim claim = {.generation_id = GENERATION_NONE};
    struct wire_reader reader;

    if (assignor->memory == MEMORY_GENERATION) {
        claim.partitions = s->owned;
        claim.generation_id = s->generation_id;
        if (claim.generation_id == GENERATION_NONE && s->user_data.size >= sizeof(int32_t)) {
            wire_reader_init(&reader, s->user_data);
            claim.generation_id = wire_read_i32(&reader);
        }
    } else if (assignor->memory == MEMORY_PARTITIONS && s->user_data.size > 0) {
        wire_reader_init(&reader, s->user_data);
        partition_list_read(&reader, arena, &claim.partitions);
        if (wire_reader_remaining(&reader) > 0)
            claim.generation_id = wire_read_i32(&reader);
        if (reader.error != ERR_NONE)
            claim = (struct claim){.generation_id = GENERATION_NONE};
    }
    return claim;
}

/* --- the plan ----------------------------------------------------------------------------- */

static int planned_member_compare(const void *left, const void *right) {
    const struct assignor_member *a = ((const struct planned_member *)left)->member;
    const struct assignor_member *b = ((const struct planned_member *)right)->member;
    bool a_is_static = !bytes_is_null(a->instance_id);
    bool b_is_static = !bytes_is_null(b->instance_id);

    if (a_is_static != b_is_static)
        return a_is_static ? -1 : 1;
    return a_is_static ? name_compare(a->instance_id, b->instance_id)
                       : name_compare(a->member_id, b->member_id);
}

static int planned_topic_compare(const void *left, const void *right) {
    const struct planned_topic *a = left;
    const struct planned_topic *b = right;

    return name_compare(a->name, b->name);
}

static int32_t find_topic(const struct assign_plan *plan, struct bytes name) {
    const struct planned_topic wanted = {.name = name};
    const struct planned_topic *found =
        plan->topic_count == 0 ? NULL
                               : bsearch(&wanted, plan->topics, (size_t)plan->topic_count,
                                         sizeof(wanted), planned_topic_compare);

    return found == NULL ? -1 : (int32_t)(found - plan->topics);
}

static enum error plan_topics(struct assign_plan *plan, const struct assignor_topic *topics,
                              size_t count) {
    int64_t partition_count = 0;

    plan->topics = arena_alloc(plan->arena, count + 1, sizeof(*plan->topics));
    if (plan->topics == NULL)
        return ERR_OUT_OF_MEMORY;
    for (size_t i = 0; i < count; i++)
        if (topics[i].partition_count > 0)
            plan->topics[plan->topic_count++] = (struct planned_topic){
                topics[i].name, topics[i].partition_count, 0, topics[i].racks};
    qsort(plan->topics, (size_t)plan->topic_count, sizeof(*plan->topics), planned_topic_compare);
    for (int32_t t = 0; t < plan->topic_count; t++) {
        plan->topics[t].first = (int32_t)partition_count;
        partition_count += plan->topics[t].partition_count;
        if (partition_count > INT32_MAX)
            return ERR_OUT_OF_MEMORY;
    }
    plan->partition_count = (int32_t)partition_count;
    return ERR_NONE;
}

static enum error plan_members(struct assign_plan *plan, const struct assignor_member *members) {
    size_t count = (size_t)plan->member_count;

    plan->members = arena_alloc(plan->arena, count, sizeof(*plan->members));
    plan->load = arena_alloc(plan->arena, count, sizeof(*plan->load));
    plan->subscribed =
        arena_alloc(plan->arena, count * ((size_t)plan->topic_count + 1), sizeof(bool));
    if (plan->members == NULL || plan->load == NULL || plan->subscribed == NULL)
        return ERR_OUT_OF_MEMORY;
    for (size_t i = 0; i < count; i++)
        plan->members[i] = (struct planned_member){&members[i], i};
    qsort(plan->members, count, sizeof(*plan->members), planned_member_compare);
    for (size_t m = 0; m < count; m++) {
        const struct subscription *s = &plan->members[m].member->subscription;

        for (int32_t i = 0; i < s->topic_count; i++) {
            int32_t topic = find_topic(plan, s->topics[i]);

            if (topic >= 0)
                plan->subscribed[m * (size_t)plan->topic_count + (size_t)topic] = true;
        }
    }
    return ERR_NONE;
}

static enum error plan_partitions(struct assign_plan *plan) {
    size_t count = (size_t)plan->partition_count + 1;

    plan->topic_of = arena_alloc(plan->arena, count, sizeof(int32_t));
    plan->previous = arena_alloc(plan->arena, count, sizeof(int32_t));
    plan->claimed_in = arena_alloc(plan->arena, count, sizeof(int32_t));
    plan->owner = arena_alloc(plan->arena, count, sizeof(int32_t));
    plan->holder = arena_alloc(plan->arena, count, sizeof(int32_t));
    if (plan->topic_of == NULL || plan->previous == NULL || plan->claimed_in == NULL ||
        plan->owner == NULL || plan->holder == NULL)
        return ERR_OUT_OF_MEMORY;
    for (int32_t t = 0; t < plan->topic_count; t++)
        for (int32_t i = 0; i < plan->topics[t].partition_count; i++)
            plan->topic_of[plan->topics[t].first + i] = t;
    for (int32_t p = 0; p < plan->partition_count; p++) {
        plan->previous[p] = NOBODY;
        plan->claimed_in[p] = INT32_MIN;
        plan->holder[p] = NOBODY;
        plan->owner[p] = NOBODY;
    }
    return ERR_NONE;
}

/* A partition was its newest owner's; nobody's if two say so of one generation. */
static void plan_claim(struct assign_plan *plan, int32_t member, int32_t p, int32_t generation_id) {
    if (generation_id > plan->claimed_in[p]) {
        plan->claimed_in[p] = generation_id;
        plan->previous[p] = member;
    } else if (generation_id == plan->claimed_in[p] && plan->previous[p] != member) {
        plan->previous[p] = NOBODY;
    }
}

static void plan_hold(struct assign_plan *plan, int32_t member, int32_t p) {
    if (plan->holder[p] == NOBODY || plan->holder[p] == member)
        plan->holder[p] = member;
    else
        plan->holder[p] = SEVERAL;
}

static void plan_claims(struct assign_plan *plan, const struct assignor *assignor) {
    for (int32_t m = 0; m < plan->member_count; m++) {
        const struct subscription *s = &plan->members[m].member->subscription;
        struct claim claim = claim_of(assignor, s, plan->arena);

        for (int32_t i = 0; i < claim.partitions.count; i++) {
            const struct topic_partitions *claimed = &claim.partitions.topics[i];
            int32_t topic = find_topic(plan, claimed->topic);

            for (int32_t j = 0; topic >= 0 && j < claimed->count; j++) {
                int32_t index = claimed->partitions[j];

                if (index < 0 || index >= plan->topics[topic].partition_count)
                    continue;
                plan_hold(plan, m, plan->topics[topic].first + index);
                if (plan_subscribes(plan, m, topic))
                    plan_claim(plan, m, plan->topics[topic].first + index, claim.generation_id);
            }
        }
    }
}

/* What somebody else still reads is given in the next generation: he gives it up in this one. */
static void withhold_what_is_held(struct assign_plan *plan) {
    for (int32_t p = 0; p < plan->partition_count; p++)
        if (plan->holder[p] != NOBODY && plan->holder[p] != plan->owner[p])
            plan->owner[p] = NOBODY;
}

/* --- the result --------------------------------------------------------------------------- */

/* The partitions of one topic that the member got; false if memory is out. */
static bool take_topic(const struct assign_plan *plan, int32_t member, int32_t topic,
                       struct topic_partitions *taken) {
    const struct planned_topic *planned = &plan->topics[topic];
    int32_t *partitions;
    int32_t count = 0;

    for (int32_t i = 0; i < planned->partition_count; i++)
        count += plan->owner[planned->first + i] == member;
    *taken = (struct topic_partitions){planned->name, 0, NULL};
    if (count == 0)
        return true;
    partitions = arena_alloc(plan->arena, (size_t)count, sizeof(*partitions));
    if (partitions == NULL)
        return false;
    for (int32_t i = 0; i < planned->partition_count; i++)
        if (plan->owner[planned->first + i] == member)
            partitions[taken->count++] = i;
    taken->partitions = partitions;
    return true;
}

static enum error take_member(const struct assign_plan *plan, int32_t member,
                              struct assignment *assignment) {
    struct topic_partitions *topics;
    int32_t count = 0;

    topics = arena_alloc(plan->arena, (size_t)plan->topic_count + 1, sizeof(*topics));
    if (topics == NULL)
        return ERR_OUT_OF_MEMORY;
    for (int32_t t = 0; t < plan->topic_count; t++) {
        if (!plan_subscribes(plan, member, t))
            continue;
        if (!take_topic(plan, member, t, &topics[count]))
            return ERR_OUT_OF_MEMORY;
        count += topics[count].count > 0;
    }
    *assignment = (struct assignment){{count, topics}, BYTES_NULL};
    return ERR_NONE;
}

enum error assignor_assign(const struct assignor *assignor, const struct assignor_member *members,
                           size_t member_count, const struct assignor_topic *topics,
                           size_t topic_count, struct arena *arena,
                           struct assignment *assignments) {
    struct assign_plan plan = {.arena = arena, .member_count = (int32_t)member_count};
    enum error error;

    if (member_count == 0)
        return ERR_NONE;
    if (member_count > INT32_MAX)
        return ERR_OUT_OF_MEMORY;
    if ((error = plan_topics(&plan, topics, topic_count)) != ERR_NONE)
        return error;
    if ((error = plan_members(&plan, members)) != ERR_NONE)
        return error;
    if ((error = plan_partitions(&plan)) != ERR_NONE)
        return error;
    if ((error = plan_racks(&plan)) != ERR_NONE)
        return error;
    plan_claims(&plan, assignor);
    if ((error = assignor->assign(&plan)) != ERR_NONE)
        return error;
    if (assignor->cooperative)
        withhold_what_is_held(&plan);
    for (int32_t m = 0; m < plan.member_count && error == ERR_NONE; m++)
        error = take_member(&plan, m, &assignments[plan.members[m].input]);
    return error;
}

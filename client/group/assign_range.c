/*
 * range, and roundrobin: what takes no account of who had what.
 *
 * Topics that are alike, with as many partitions and the same subscribers, are one bundle: whoever
 * gets a partition of one of them while racks are looked at gets that of the others, too, so that
 * one count per member holds for all of them.
 */
#include "client/group/assign_plan.h"

struct bundle {
    int32_t *topics; /* numbers */
    int32_t topic_count;
    int32_t partition_count; /* of each topic */
    int32_t share;           /* of each subscriber, of each topic */
    int32_t larger;          /* so many may still get one more */
    int32_t *taken;          /* by member */
};

static bool are_alike(const struct assign_plan *plan, int32_t a, int32_t b) {
    if (plan->topics[a].partition_count != plan->topics[b].partition_count)
        return false;
    for (int32_t m = 0; m < plan->member_count; m++)
        if (plan_subscribes(plan, m, a) != plan_subscribes(plan, m, b))
            return false;
    return true;
}

static int32_t room_for(const struct bundle *bundle, int32_t member) {
    return bundle->share + (bundle->larger > 0) - bundle->taken[member];
}

static void take(struct bundle *bundle, int32_t member, int32_t count) {
    bundle->taken[member] += count;
    bundle->larger -= bundle->taken[member] > bundle->share && count > 0;
}

/* Member after member gets the first partitions that are left; with `near` only such that have a
 * replica near to it. */
static void give_ranges(struct assign_plan *plan, struct bundle *bundle, int32_t topic, bool near) {
    int32_t first = plan->topics[topic].first;

    for (int32_t m = 0; m < plan->member_count; m++) {
        int32_t room, given = 0;

        if (!plan_subscribes(plan, m, topic))
            continue;
        room = room_for(bundle, m);
        for (int32_t i = 0; i < bundle->partition_count && given < room; i++)
            if (plan->owner[first + i] == NOBODY && (!near || plan_is_near(plan, m, first + i))) {
                plan_give(plan, first + i, m);
                given++;
            }
        take(bundle, m, given);
    }
}

/* The first member with room that is near to the partitions of that number in all topics. */
static int32_t find_near(const struct assign_plan *plan, const struct bundle *bundle,
                         int32_t index) {
    for (int32_t m = 0; m < plan->member_count; m++) {
        bool is_near = plan_subscribes(plan, m, bundle->topics[0]) && room_for(bundle, m) > 0;

        for (int32_t i = 0; is_near && i < bundle->topic_count; i++)
            is_near = plan_is_near(plan, m, plan->topics[bundle->topics[i]].first + index);
        if (is_near)
            return m;
    }
    return NOBODY;
}

static void give_together(struct assign_plan *plan, struct bundle *bundle) {
    for (int32_t i = 0; i < bundle->partition_count; i++) {
        int32_t m = find_near(plan, bundle, i);

        if (m == NOBODY)
            continue;
        for (int32_t t = 0; t < bundle->topic_count; t++)
            plan_give(plan, plan->topics[bundle->topics[t]].first + i, m);
        take(bundle, m, 1);
    }
}

/* The rest of each topic, from where the bundle stands. */
static enum error give_rest(struct assign_plan *plan, const struct bundle *bundle) {
    size_t bytes = (size_t)plan->member_count * sizeof(*bundle->taken);
    int32_t *taken = arena_alloc(plan->arena, (size_t)plan->member_count, sizeof(*taken));

    if (taken == NULL)
        return ERR_OUT_OF_MEMORY;
    for (int32_t t = 0; t < bundle->topic_count; t++) {
        struct bundle one = *bundle;

        one.taken = taken;
        memcpy(taken, bundle->taken, bytes);
        give_ranges(plan, &one, bundle->topics[t], false);
    }
    return ERR_NONE;
}

static enum error assign_bundle(struct assign_plan *plan, struct bundle *bundle, bool use_racks) {
    int32_t first = bundle->topics[0];
    int32_t subscribers = 0;
    bool matter;
    enum error error;

    for (int32_t m = 0; m < plan->member_count; m++)
        subscribers += plan_subscribes(plan, m, first);
    if (subscribers == 0)
        return ERR_NONE;
    bundle->partition_count = plan->topics[first].partition_count;
    bundle->share = bundle->partition_count / subscribers;
    bundle->larger = bundle->partition_count % subscribers;
    bundle->taken = arena_alloc(plan->arena, (size_t)plan->member_count, sizeof(*bundle->taken));
    if (bundle->taken == NULL)
        return ERR_OUT_OF_MEMORY;
    if (bundle->topic_count > 1 && use_racks) {
        give_together(plan, bundle);
    } else if (use_racks) {
        error =
            plan_racks_matter(plan, plan->topics[first].first,
                              plan->topics[first].first + bundle->partition_count, first, &matter);
        if (error != ERR_NONE)
            return error;
        if (matter)
            give_ranges(plan, bundle, first, true);
    }
    return give_rest(plan, bundle);
}

/* Racks are looked at if they matter in any topic. */
static enum error racks_matter_somewhere(const struct assign_plan *plan, bool *matter) {
    enum error error = ERR_NONE;

    *matter = false;
    for (int32_t t = 0; t < plan->topic_count && !*matter && error == ERR_NONE; t++)
        error =
            plan_racks_matter(plan, plan->topics[t].first,
                              plan->topics[t].first + plan->topics[t].partition_count, t, matter);
    return error;
}

enum error assign_range(struct assign_plan *plan) {
    size_t count = (size_t)plan->topic_count + 1;
    struct bundle bundle = {.topics = arena_alloc(plan->arena, count, sizeof(*bundle.topics))};
    bool *done = arena_alloc(plan->arena, count, sizeof(*done));
    bool use_racks;
    enum error error = racks_matter_somewhere(plan, &use_racks);

    if (bundle.topics == NULL || done == NULL)
        return ERR_OUT_OF_MEMORY;
    for (int32_t t = 0; t < plan->topic_count && error == ERR_NONE; t++) {
        if (done[t])
            continue;
        bundle.topic_count = 0;
        bundle.topics[bundle.topic_count++] = t;
        /* Only while racks are looked at it matters which topics are alike. */
        for (int32_t u = t + 1; use_racks && u < plan->topic_count; u++)
            if (!done[u] && are_alike(plan, t, u)) {
                bundle.topics[bundle.topic_count++] = u;
                done[u] = true;
            }
        error = assign_bundle(plan, &bundle, use_racks);
    }
    return error;
}

enum error assign_round_robin(struct assign_plan *plan) {
    int32_t next = 0;

    for (int32_t p = 0; p < plan->partition_count; p++) {
        int32_t topic = plan->topic_of[p];
        int32_t asked = 0;

        while (asked < plan->member_count && !plan_subscribes(plan, next, topic)) {
            next = (next + 1) % plan->member_count;
            asked++;
        }
        if (asked == plan->member_count)
            continue; /* nobody wants this topic */
        plan_give(plan, p, next);
        next = (next + 1) % plan->member_count;
    }
    return ERR_NONE;
}

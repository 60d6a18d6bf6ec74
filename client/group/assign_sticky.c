/*
 * sticky: as even as can be; what was somebody's stays his where that does not stand against it.
 *
 * Where all members subscribe to the same topics, each keeps what it had up to its share, and the
 * rest is dealt out. Otherwise shares cannot be known beforehand: what is free goes to whoever has
 * least, and then partitions move as long as a move makes the loads of two members more alike.
 */
#include <stdlib.h>

#include "client/group/assign_plan.h"

static bool all_subscribe_alike(const struct assign_plan *plan) {
    for (int32_t m = 1; m < plan->member_count; m++)
        for (int32_t t = 0; t < plan->topic_count; t++)
            if (plan_subscribes(plan, m, t) != plan_subscribes(plan, 0, t))
                return false;
    return true;
}

/* --- equal subscriptions ----------------------------------------------------------------- */

/* Lets each member keep what it had, the lowest partition numbers first, up to `share` and for
 * `*larger` members one more. */
static enum error keep_shares(struct assign_plan *plan, int32_t share, int32_t *larger) {
    size_t count = (size_t)plan->member_count;
    int32_t *had = arena_alloc(plan->arena, count, sizeof(*had));
    int32_t *quota = arena_alloc(plan->arena, count, sizeof(*quota));
    int32_t highest = 0;

    if (had == NULL || quota == NULL)
        return ERR_OUT_OF_MEMORY;
    for (int32_t p = 0; p < plan->partition_count; p++)
        if (plan->previous[p] != NOBODY)
            had[plan->previous[p]]++;
    for (int32_t m = 0; m < plan->member_count; m++) {
        bool is_larger = had[m] > share && *larger > 0;

        quota[m] = share + is_larger;
        *larger -= is_larger;
    }
    for (int32_t t = 0; t < plan->topic_count; t++)
        if (plan->topics[t].partition_count > highest)
            highest = plan->topics[t].partition_count;
    for (int32_t i = 0; i < highest; i++)
        for (int32_t t = 0; t < plan->topic_count; t++) {
            int32_t p = plan->topics[t].first + i;
            int32_t m = i < plan->topics[t].partition_count ? plan->previous[p] : NOBODY;

            if (m != NOBODY && plan->load[m] < quota[m])
                plan_give(plan, p, m);
        }
    return ERR_NONE;
}

/* The next member after `*turn` that has less than it should; NOBODY if there is none. Those below
 * `share` come first; then `*larger` of those that have just that get one more. */
static int32_t next_unfilled(const struct assign_plan *plan, int32_t share, int32_t *larger,
                             int32_t *turn) {
    for (int32_t asked = 0; asked < plan->member_count; asked++) {
        int32_t m = (*turn + asked) % plan->member_count;

        if (plan->load[m] < share) {
            *turn = (m + 1) % plan->member_count;
            return m;
        }
    }
    for (int32_t m = 0; m<plan->member_count && * larger> 0; m++)
        if (plan->load[m] == share) {
            (*larger)--;
            return m;
        }
    return NOBODY;
}

static enum error assign_shares(struct assign_plan *plan) {
    int32_t wanted = 0;
    int32_t turn = 0;
    int32_t larger;
    int32_t share;
    enum error error;

    for (int32_t t = 0; t < plan->topic_count; t++)
        if (plan_subscribes(plan, 0, t))
            wanted += plan->topics[t].partition_count;
    share = wanted / plan->member_count;
    larger = wanted % plan->member_count;
    if ((error = keep_shares(plan, share, &larger)) != ERR_NONE)
        return error;
    for (int32_t p = 0; p < plan->partition_count; p++) {
        int32_t m;

        if (plan->owner[p] != NOBODY || !plan_subscribes(plan, 0, plan->topic_of[p]))
            continue;
        m = next_unfilled(plan, share, &larger, &turn);
        CHECK(m != NOBODY);
        plan_give(plan, p, m);
    }
    return ERR_NONE;
}

/* --- mixed subscriptions ----------------------------------------------------------------- */

/* The subscriber with the least load, the first of those; NOBODY if there is none. */
static int32_t least_loaded(const struct assign_plan *plan, int32_t topic) {
    int32_t found = NOBODY;

    for (int32_t m = 0; m < plan->member_count; m++)
        if (plan_subscribes(plan, m, topic) &&
            (found == NOBODY || plan->load[m] < plan->load[found]))
            found = m;
    return found;
}

struct ranked_partition {
    int32_t choices; /* members that may have it */
    int32_t partition;
};

static int ranked_compare(const void *left, const void *right) {
    const struct ranked_partition *a = left;
    const struct ranked_partition *b = right;

    return a->choices != b->choices ? a->choices - b->choices : a->partition - b->partition;
}

/* All partitions, those with the fewest choices first. */
static struct ranked_partition *rank(const struct assign_plan *plan) {
    struct ranked_partition *ranked =
        arena_alloc(plan->arena, (size_t)plan->partition_count + 1, sizeof(*ranked));

    if (ranked == NULL)
        return NULL;
    for (int32_t t = 0; t < plan->topic_count; t++) {
        int32_t choices = 0;

        for (int32_t m = 0; m < plan->member_count; m++)
            choices += plan_subscribes(plan, m, t);
        for (int32_t i = 0; i < plan->topics[t].partition_count; i++) {
            int32_t p = plan->topics[t].first + i;

            ranked[p] = (struct ranked_partition){choices, p};
        }
    }
    qsort(ranked, (size_t)plan->partition_count, sizeof(*ranked), ranked_compare);
    return ranked;
}

/* Moves a partition if that makes two loads more alike; to who had it before if that will do. Each
 * move lowers the sum of the squares of the loads, so they come to an end. */
static bool move_one(struct assign_plan *plan, int32_t p) {
    int32_t owner = plan->owner[p];
    int32_t previous = plan->previous[p];
    int32_t least;

    if (owner == NOBODY)
        return false;
    if (previous != NOBODY && plan->load[previous] + 1 < plan->load[owner]) {
        plan_give(plan, p, previous);
        return true;
    }
    least = least_loaded(plan, plan->topic_of[p]);
    if (plan->load[least] + 1 >= plan->load[owner])
        return false;
    plan_give(plan, p, least);
    return true;
}

static enum error assign_mixed(struct assign_plan *plan) {
    struct ranked_partition *ranked = rank(plan);
    bool moved = true;

    if (ranked == NULL)
        return ERR_OUT_OF_MEMORY;
    for (int32_t p = 0; p < plan->partition_count; p++)
        if (plan->previous[p] != NOBODY)
            plan_give(plan, p, plan->previous[p]);
    for (int32_t i = 0; i < plan->partition_count; i++) {
        int32_t p = ranked[i].partition;

        if (plan->owner[p] == NOBODY && ranked[i].choices > 0)
            plan_give(plan, p, least_loaded(plan, plan->topic_of[p]));
    }
    while (moved) {
        moved = false;
        for (int32_t i = 0; i < plan->partition_count; i++)
            moved |= move_one(plan, ranked[i].partition);
    }
    return ERR_NONE;
}

enum error assign_sticky(struct assign_plan *plan) {
    return all_subscribe_alike(plan) ? assign_shares(plan) : assign_mixed(plan);
}

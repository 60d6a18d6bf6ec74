/*
 * sticky: as even as can be; what was somebody's stays his where that does not stand against it.
 * Where racks matter, nobody keeps what somebody near to it has room for.
 *
 * Where all members subscribe to the same topics, each keeps what it had up to its share, and the
 * rest is dealt out. Otherwise shares cannot be known beforehand: assign_mixed.c.
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

struct shares {
    struct assign_plan *plan;
    bool use_racks;
    int32_t share;   /* everybody's; */
    int32_t largest; /* what `larger` members have */
    int32_t larger;  /* so many may still have the largest share */
    /* In the order in which they get what is left: those below the share, and those that have just
     * that and may get one more. */
    int32_t *below, below_count;
    int32_t *at, at_count;
};

static void list_remove(int32_t *list, int32_t *count, int32_t index) {
    memmove(list + index, list + index + 1, (size_t)(*count - index - 1) * sizeof(*list));
    --*count;
}

static bool may_keep(const struct shares *shares, int32_t p) {
    const struct assign_plan *plan = shares->plan;

    return plan->previous[p] != NOBODY &&
           (!shares->use_racks || plan_is_near(plan, plan->previous[p], p));
}

/* How many each may keep of what it had. */
static enum error set_quotas(struct shares *shares, int32_t *quota) {
    struct assign_plan *plan = shares->plan;
    int32_t *had = arena_alloc(plan->arena, (size_t)plan->member_count, sizeof(*had));

    if (had == NULL)
        return ERR_OUT_OF_MEMORY;
    for (int32_t p = 0; p < plan->partition_count; p++)
        if (may_keep(shares, p))
            had[plan->previous[p]]++;
    for (int32_t m = 0; m < plan->member_count; m++) {
        if (had[m] < shares->share) {
            quota[m] = had[m];
            shares->below[shares->below_count++] = m;
        } else if (had[m] > shares->share && shares->larger > 0) {
            quota[m] = shares->largest;
            shares->larger--;
        } else {
            quota[m] = shares->share;
            shares->at[shares->at_count++] = m;
        }
    }
    return ERR_NONE;
}

/* Lets each member keep what it had, the lowest partition numbers first. */
static enum error keep_shares(struct shares *shares) {
    struct assign_plan *plan = shares->plan;
    int32_t *quota = arena_alloc(plan->arena, (size_t)plan->member_count, sizeof(*quota));
    int32_t highest = 0;
    enum error error;

    if (quota == NULL)
        return ERR_OUT_OF_MEMORY;
    if ((error = set_quotas(shares, quota)) != ERR_NONE)
        return error;
    for (int32_t t = 0; t < plan->topic_count; t++)
        if (plan->topics[t].partition_count > highest)
            highest = plan->topics[t].partition_count;
    for (int32_t i = 0; i < highest; i++)
        for (int32_t t = 0; t < plan->topic_count; t++) {
            int32_t p = plan->topics[t].first + i;

            if (i < plan->topics[t].partition_count && may_keep(shares, p) &&
                plan->load[plan->previous[p]] < quota[plan->previous[p]])
                plan_give(plan, p, plan->previous[p]);
        }
    return ERR_NONE;
}

int ranked_compare(const void *left, const void *right) {
    const struct ranked_partition *a = left;
    const struct ranked_partition *b = right;

    return a->choices != b->choices ? a->choices - b->choices : a->partition - b->partition;
}

/* What nobody kept; where racks matter, what the fewest are near to comes first. */
static enum error rank_unassigned(const struct shares *shares, struct ranked_partition **ranked,
                                  int32_t *count) {
    const struct assign_plan *plan = shares->plan;

    *ranked = arena_alloc(plan->arena, (size_t)plan->partition_count + 1, sizeof(**ranked));
    *count = 0;
    if (*ranked == NULL)
        return ERR_OUT_OF_MEMORY;
    for (int32_t p = 0; p < plan->partition_count; p++) {
        struct ranked_partition *item = &(*ranked)[*count];

        if (plan->owner[p] != NOBODY || !plan_subscribes(plan, 0, plan->topic_of[p]))
            continue;
        *item = (struct ranked_partition){0, p};
        for (int32_t m = 0; shares->use_racks && m < plan->member_count; m++)
            item->choices += plan->rack_of[m] != RACK_NONE && plan_is_near(plan, m, p);
        ++*count;
    }
    qsort(*ranked, (size_t)*count, sizeof(**ranked), ranked_compare);
    return ERR_NONE;
}

/* The first of the list, from `from` on and around, that says that it is near; -1: none. */
static int32_t find_near(const struct shares *shares, const int32_t *list, int32_t count,
                         int32_t from, int32_t p) {
    for (int32_t i = 0; i < count; i++) {
        int32_t m = list[(from + i) % count];

        if (shares->plan->rack_of[m] != RACK_NONE && plan_is_near(shares->plan, m, p))
            return (from + i) % count;
    }
    return -1;
}

/* Gives the partition to somebody near to it, in turn; NOBODY if there is none with room. */
static bool give_near(struct shares *shares, int32_t p, int32_t *turn) {
    struct assign_plan *plan = shares->plan;
    int32_t index = find_near(shares, shares->below, shares->below_count, *turn, p);

    if (index >= 0) {
        int32_t m = shares->below[index];

        plan_give(plan, p, m);
        if (plan->load[m] < shares->share) {
            index++;
        } else {
            list_remove(shares->below, &shares->below_count, index);
            shares->at[shares->at_count++] = m;
        }
        *turn = shares->below_count == 0 ? 0 : index % shares->below_count;
        return true;
    }
    if (shares->larger == 0)
        return false;
    index = find_near(shares, shares->at, shares->at_count, 0, p);
    if (index < 0)
        return false;
    plan_give(plan, p, shares->at[index]);
    list_remove(shares->at, &shares->at_count, index);
    shares->larger--;
    return true;
}

static int32_t index_in(const int32_t *list, int32_t count, int32_t member) {
    for (int32_t i = 0; i < count; i++)
        if (list[i] == member)
            return i;
    return -1;
}

/* What nobody near has room for stays where it was, or a cooperative group would not come to rest.
 * Here Java's assignor deals it out anew. */
static void give_back(struct shares *shares, int32_t p) {
    struct assign_plan *plan = shares->plan;
    int32_t m = plan->previous[p];
    int32_t below = index_in(shares->below, shares->below_count, m);
    int32_t at = index_in(shares->at, shares->at_count, m);

    if (below >= 0) {
        plan_give(plan, p, m);
        if (plan->load[m] == shares->share) {
            list_remove(shares->below, &shares->below_count, below);
            shares->at[shares->at_count++] = m;
        }
    } else if (at >= 0 && shares->larger > 0) {
        plan_give(plan, p, m);
        list_remove(shares->at, &shares->at_count, at);
        shares->larger--;
    }
}

/* Deals out the rest: to those below the share in turn, then one each to those that have it. */
static void give_next(struct shares *shares, int32_t p, int32_t *turn) {
    struct assign_plan *plan = shares->plan;
    int32_t m;

    if (shares->below_count == 0) {
        CHECK(shares->larger > 0);
        CHECK(shares->at_count > 0);
        plan_give(plan, p, shares->at[0]);
        list_remove(shares->at, &shares->at_count, 0);
        shares->larger--;
        return;
    }
    *turn %= shares->below_count;
    m = shares->below[*turn];
    plan_give(plan, p, m);
    if (plan->load[m] < shares->share) {
        ++*turn;
    } else {
        list_remove(shares->below, &shares->below_count, *turn);
        shares->at[shares->at_count++] = m;
    }
}

static enum error deal_out(struct shares *shares) {
    struct ranked_partition *ranked;
    int32_t count;
    int32_t turn = 0;
    enum error error = rank_unassigned(shares, &ranked, &count);

    if (error != ERR_NONE)
        return error;
    for (int32_t i = 0; shares->use_racks && i < count; i++)
        (void)give_near(shares, ranked[i].partition, &turn); /* the rest comes below */
    for (int32_t i = 0; shares->use_racks && i < count; i++)
        if (shares->plan->owner[ranked[i].partition] == NOBODY)
            give_back(shares, ranked[i].partition);
    turn = 0;
    for (int32_t i = 0; i < count; i++)
        if (shares->plan->owner[ranked[i].partition] == NOBODY)
            give_next(shares, ranked[i].partition, &turn);
    return ERR_NONE;
}

static enum error assign_shares(struct assign_plan *plan, bool use_racks) {
    size_t count = (size_t)plan->member_count;
    struct shares shares = {.plan = plan,
                            .use_racks = use_racks,
                            .below = arena_alloc(plan->arena, count, sizeof(int32_t)),
                            .at = arena_alloc(plan->arena, count, sizeof(int32_t))};
    int32_t wanted = 0;
    enum error error;

    if (shares.below == NULL || shares.at == NULL)
        return ERR_OUT_OF_MEMORY;
    for (int32_t t = 0; t < plan->topic_count; t++)
        if (plan_subscribes(plan, 0, t))
            wanted += plan->topics[t].partition_count;
    shares.share = wanted / plan->member_count;
    shares.larger = wanted % plan->member_count;
    shares.largest = shares.share + 1;
    if ((error = keep_shares(&shares)) != ERR_NONE)
        return error;
    return deal_out(&shares);
}

enum error assign_sticky(struct assign_plan *plan) {
    bool use_racks;
    enum error error = plan_racks_matter(plan, 0, plan->partition_count, NOBODY, &use_racks);

    if (error != ERR_NONE)
        return error;
    return all_subscribe_alike(plan) ? assign_shares(plan, use_racks)
                                     : assign_mixed(plan, use_racks);
}

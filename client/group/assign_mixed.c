/*
 * sticky where members subscribe to different topics, so that shares cannot be known beforehand.
 *
 * Everybody keeps what he had, and what is free goes to whoever has least. Then partitions move as
 * long as that makes loads more alike, one alone or a chain of them, and after that as long as it
 * leaves loads as they are and puts partitions nearer to their owners. Each step lowers the sum of
 * the squares of the loads, or leaves it and has one partition more near to its owner, so they come
 * to an end. No chain is left at the end, which is to say that no assignment is more even.
 */
#include <stdlib.h>

#include "client/group/assign_plan.h"

/* The subscriber with the least load, the first of those; NOBODY if there is none. With `near` only
 * such that are near to the partition. */
static int32_t least_loaded(const struct assign_plan *plan, int32_t p, bool near) {
    int32_t found = NOBODY;

    for (int32_t m = 0; m < plan->member_count; m++)
        if (plan_subscribes(plan, m, plan->topic_of[p]) && (!near || plan_is_near(plan, m, p)) &&
            (found == NOBODY || plan->load[m] < plan->load[found]))
            found = m;
    return found;
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

/* Moves a partition if that makes two loads more alike; to who had it before if that will do, or
 * else to somebody near. */
static bool move_one(struct assign_plan *plan, int32_t p, bool use_racks) {
    int32_t owner = plan->owner[p];
    int32_t previous = plan->previous[p];
    int32_t least;

    if (owner == NOBODY)
        return false;
    if (previous != NOBODY && plan->load[previous] + 1 < plan->load[owner]) {
        plan_give(plan, p, previous);
        return true;
    }
    least = use_racks ? least_loaded(plan, p, true) : NOBODY;
    if (least == NOBODY || plan->load[least] + 1 >= plan->load[owner])
        least = least_loaded(plan, p, false);
    if (plan->load[least] + 1 >= plan->load[owner])
        return false;
    plan_give(plan, p, least);
    return true;
}

/* Moves a partition to somebody near if that leaves loads as even as they are. */
static bool move_near(struct assign_plan *plan, int32_t p) {
    int32_t owner = plan->owner[p];
    int32_t least;

    if (owner == NOBODY || plan_is_near(plan, owner, p))
        return false;
    least = least_loaded(plan, p, true);
    if (least == NOBODY || plan->load[least] >= plan->load[owner])
        return false;
    plan_give(plan, p, least);
    return true;
}

/* What is free, to who has least: with `near` only where somebody near has room, which is to say
 * that he has not more than anybody else who may have it. */
static void give_free(struct assign_plan *plan, const struct ranked_partition *ranked, bool near) {
    for (int32_t i = 0; i < plan->partition_count; i++) {
        int32_t p = ranked[i].partition;
        int32_t m;

        if (plan->owner[p] != NOBODY || ranked[i].choices == 0)
            continue;
        m = least_loaded(plan, p, near);
        if (m != NOBODY && (!near || plan->load[m] <= plan->load[least_loaded(plan, p, false)]))
            plan_give(plan, p, m);
    }
}

/* --- chains ------------------------------------------------------------------------------ */

/* Who can hand a partition on to whom, searched from one member on. */
struct search {
    int32_t *owned; /* member * topic_count + topic: how many of the topic the member has */
    int32_t *queue; /* members that were reached, in order */
    int32_t *from; /* by member: who hands one on to it; itself at the begin; NOBODY: not reached */
    int32_t *topic;  /* by member: of which topic */
    bool *was_topic; /* by topic: all its subscribers are reached */
    bool *is_done;   /* by member: no chain begins there */
};

static enum error search_init(struct search *search, const struct assign_plan *plan) {
    size_t members = (size_t)plan->member_count;
    size_t topics = (size_t)plan->topic_count;

    search->owned = arena_alloc(plan->arena, members * topics + 1, sizeof(int32_t));
    search->queue = arena_alloc(plan->arena, members, sizeof(int32_t));
    search->from = arena_alloc(plan->arena, members, sizeof(int32_t));
    search->topic = arena_alloc(plan->arena, members, sizeof(int32_t));
    search->was_topic = arena_alloc(plan->arena, topics + 1, sizeof(bool));
    search->is_done = arena_alloc(plan->arena, members, sizeof(bool));
    return search->owned == NULL || search->queue == NULL || search->from == NULL ||
                   search->topic == NULL || search->was_topic == NULL || search->is_done == NULL
               ? ERR_OUT_OF_MEMORY
               : ERR_NONE;
}

static void search_begin(struct search *search, const struct assign_plan *plan) {
    memset(search->owned, 0,
           (size_t)plan->member_count * (size_t)plan->topic_count * sizeof(int32_t));
    memset(search->is_done, 0, (size_t)plan->member_count * sizeof(bool));
    for (int32_t p = 0; p < plan->partition_count; p++)
        if (plan->owner[p] != NOBODY)
            search->owned[plan->owner[p] * plan->topic_count + plan->topic_of[p]]++;
}

/* The end of a chain that begins with `first` and makes loads more alike; NOBODY: there is none. */
static int32_t search_from(struct search *search, const struct assign_plan *plan, int32_t first) {
    int32_t count = 0;

    for (int32_t m = 0; m < plan->member_count; m++)
        search->from[m] = NOBODY;
    memset(search->was_topic, 0, (size_t)plan->topic_count * sizeof(bool));
    search->queue[count++] = first;
    search->from[first] = first;
    for (int32_t i = 0; i < count; i++)
        for (int32_t t = 0; t < plan->topic_count; t++) {
            int32_t giver = search->queue[i];

            if (search->was_topic[t] || search->owned[giver * plan->topic_count + t] == 0)
                continue;
            search->was_topic[t] = true;
            for (int32_t m = 0; m < plan->member_count; m++) {
                if (search->from[m] != NOBODY || !plan_subscribes(plan, m, t))
                    continue;
                search->from[m] = giver;
                search->topic[m] = t;
                search->queue[count++] = m;
                if (plan->load[m] + 1 < plan->load[first])
                    return m;
            }
        }
    /* Whoever was reached and has no more than the first reaches nobody else. */
    for (int32_t i = 0; i < count; i++)
        search->is_done[search->queue[i]] |= plan->load[search->queue[i]] <= plan->load[first];
    return NOBODY;
}

/* Which of the topic's partitions goes from one member to another: one that was the other's, or at
 * least was not the one's, or any. */
static int32_t choose(const struct assign_plan *plan, int32_t topic, int32_t from, int32_t to) {
    const struct planned_topic *planned = &plan->topics[topic];
    int32_t found = NOBODY;

    for (int32_t p = planned->first; p < planned->first + planned->partition_count; p++) {
        if (plan->owner[p] != from)
            continue;
        if (plan->previous[p] == to)
            return p;
        if (found == NOBODY || plan->previous[found] == from)
            found = p;
    }
    return found;
}

static void hand_on(struct assign_plan *plan, struct search *search, int32_t last) {
    for (int32_t to = last; search->from[to] != to; to = search->from[to]) {
        int32_t p = choose(plan, search->topic[to], search->from[to], to);

        CHECK(p != NOBODY);
        search->owned[search->from[to] * plan->topic_count + search->topic[to]]--;
        search->owned[to * plan->topic_count + search->topic[to]]++;
        plan_give(plan, p, to);
    }
}

static int32_t most_loaded(const struct search *search, const struct assign_plan *plan) {
    int32_t found = NOBODY;

    for (int32_t m = 0; m < plan->member_count; m++)
        if (!search->is_done[m] && (found == NOBODY || plan->load[m] > plan->load[found]))
            found = m;
    return found;
}

/* Chains of partitions, each from one member to the next, that make the loads of the first and the
 * last more alike. */
static bool move_chains(struct assign_plan *plan, struct search *search) {
    bool moved = false;
    int32_t first;

    search_begin(search, plan);
    while ((first = most_loaded(search, plan)) != NOBODY) {
        int32_t last = search_from(search, plan, first);

        if (last != NOBODY) {
            hand_on(plan, search, last);
            moved = true;
        }
    }
    return moved;
}

/* --- exchanges --------------------------------------------------------------------------- */

/* Whether two partitions' owners may exchange them, and more is near to its owner then. */
static bool is_nearer_exchanged(const struct assign_plan *plan, int32_t p, int32_t q) {
    int32_t a = plan->owner[p];
    int32_t b = plan->owner[q];

    return b != NOBODY && b != a && plan_subscribes(plan, b, plan->topic_of[p]) &&
           plan_is_near(plan, b, p) && plan_subscribes(plan, a, plan->topic_of[q]) &&
           (plan_is_near(plan, a, q) || !plan_is_near(plan, b, q));
}

/* Exchanges a partition that is not near to its owner for another, if possible for one that was not
 * its owner's before. */
static bool exchange(struct assign_plan *plan, int32_t p) {
    int32_t found = NOBODY;
    int32_t owner = plan->owner[p];

    if (owner == NOBODY || plan_is_near(plan, owner, p))
        return false;
    for (int32_t q = 0; q < plan->partition_count; q++)
        if (is_nearer_exchanged(plan, p, q)) {
            found = q;
            if (plan->previous[q] != plan->owner[q])
                break;
        }
    if (found == NOBODY)
        return false;
    plan_give(plan, p, plan->owner[found]);
    plan_give(plan, found, owner);
    return true;
}

/* --- all of it --------------------------------------------------------------------------- */

/* Moves partitions, one alone each time; with `fresh` none that is where it was before. */
static bool move_singly(struct assign_plan *plan, const struct ranked_partition *ranked,
                        bool use_racks, bool fresh) {
    bool moved = false;

    for (int32_t i = 0; i < plan->partition_count; i++) {
        int32_t p = ranked[i].partition;

        if (fresh && plan->owner[p] == plan->previous[p])
            continue;
        moved |= move_one(plan, p, use_racks) || (use_racks && move_near(plan, p));
    }
    return moved;
}

static bool exchange_all(struct assign_plan *plan, const struct ranked_partition *ranked) {
    bool moved = false;

    for (int32_t i = 0; i < plan->partition_count; i++)
        moved |= exchange(plan, ranked[i].partition);
    return moved;
}

static void settle(struct assign_plan *plan, const struct ranked_partition *ranked,
                   struct search *search, bool use_racks) {
    while (move_singly(plan, ranked, use_racks, true) ||
           move_singly(plan, ranked, use_racks, false) || move_chains(plan, search) ||
           (use_racks && exchange_all(plan, ranked)))
        continue;
}

enum error assign_mixed(struct assign_plan *plan, bool use_racks) {
    struct ranked_partition *ranked = rank(plan);
    struct search search;

    if (ranked == NULL || search_init(&search, plan) != ERR_NONE)
        return ERR_OUT_OF_MEMORY;
    for (int32_t p = 0; p < plan->partition_count; p++)
        if (plan->previous[p] != NOBODY)
            plan_give(plan, p, plan->previous[p]);
    if (use_racks)
        give_free(plan, ranked, true);
    give_free(plan, ranked, false);
    settle(plan, ranked, &search, use_racks);
    return ERR_NONE;
}

/* Racks of members and replicas, under numbers. */
#include <stdlib.h>

#include "client/group/assign_plan.h"

static int rack_compare(const void *left, const void *right) {
    return name_compare(*(const struct bytes *)left, *(const struct bytes *)right);
}

static int32_t find_rack(const struct assign_plan *plan, struct bytes rack) {
    const struct bytes *found =
        plan->rack_count == 0
            ? NULL
            : bsearch(&rack, plan->racks, (size_t)plan->rack_count, sizeof(rack), rack_compare);

    return found == NULL ? RACK_ELSEWHERE : (int32_t)(found - plan->racks);
}

/* Numbers all racks in which replicas stand. */
static enum error number_racks(struct assign_plan *plan) {
    size_t count = 0;

    for (int32_t t = 0; t < plan->topic_count; t++)
        for (int32_t i = 0; plan->topics[t].racks != NULL && i < plan->topics[t].partition_count;
             i++)
            count += (size_t)plan->topics[t].racks[i].count;
    plan->racks = arena_alloc(plan->arena, count + 1, sizeof(*plan->racks));
    if (plan->racks == NULL)
        return ERR_OUT_OF_MEMORY;
    count = 0;
    for (int32_t t = 0; t < plan->topic_count; t++)
        for (int32_t i = 0; plan->topics[t].racks != NULL && i < plan->topics[t].partition_count;
             i++)
            for (int32_t r = 0; r < plan->topics[t].racks[i].count; r++)
                plan->racks[count++] = plan->topics[t].racks[i].racks[r];
    qsort(plan->racks, count, sizeof(*plan->racks), rack_compare);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || !bytes_equal(plan->racks[i], plan->racks[plan->rack_count - 1]))
            plan->racks[plan->rack_count++] = plan->racks[i];
    return ERR_NONE;
}

static enum error place_replicas(struct assign_plan *plan) {
    plan->has_replica_in = arena_alloc(
        plan->arena, (size_t)plan->partition_count * (size_t)plan->rack_count + 1, sizeof(bool));
    if (plan->has_replica_in == NULL)
        return ERR_OUT_OF_MEMORY;
    for (int32_t t = 0; t < plan->topic_count; t++)
        for (int32_t i = 0; plan->topics[t].racks != NULL && i < plan->topics[t].partition_count;
             i++)
            for (int32_t r = 0; r < plan->topics[t].racks[i].count; r++) {
                size_t p = (size_t)plan->topics[t].first + (size_t)i;
                int32_t rack = find_rack(plan, plan->topics[t].racks[i].racks[r]);

                plan->has_replica_in[p * (size_t)plan->rack_count + (size_t)rack] = true;
            }
    return ERR_NONE;
}

enum error plan_racks(struct assign_plan *plan) {
    bool somebody_says = false;
    enum error error;

    plan->rack_of = arena_alloc(plan->arena, (size_t)plan->member_count, sizeof(*plan->rack_of));
    if (plan->rack_of == NULL)
        return ERR_OUT_OF_MEMORY;
    for (int32_t m = 0; m < plan->member_count; m++) {
        plan->rack_of[m] = RACK_NONE;
        somebody_says |= plan->members[m].member->subscription.rack_id.size > 0;
    }
    if (!somebody_says)
        return ERR_NONE;
    if ((error = number_racks(plan)) != ERR_NONE || (error = place_replicas(plan)) != ERR_NONE)
        return error;
    for (int32_t m = 0; m < plan->member_count; m++)
        if (plan->members[m].member->subscription.rack_id.size > 0)
            plan->rack_of[m] = find_rack(plan, plan->members[m].member->subscription.rack_id);
    return ERR_NONE;
}

enum error plan_racks_matter(const struct assign_plan *plan, int32_t first, int32_t end,
                             int32_t topic, bool *matter) {
    bool *used;
    bool somebody_is_near = false;
    bool all_alike = true;

    *matter = false;
    if (plan->rack_count == 0)
        return ERR_NONE;
    used = arena_alloc(plan->arena, (size_t)plan->rack_count, sizeof(*used));
    if (used == NULL)
        return ERR_OUT_OF_MEMORY;
    for (int32_t p = first; p < end; p++)
        for (int32_t r = 0; r < plan->rack_count; r++)
            used[r] |= plan_has_replica_in(plan, p, r);
    for (int32_t p = first; p < end; p++)
        for (int32_t r = 0; r < plan->rack_count; r++)
            all_alike &= used[r] == plan_has_replica_in(plan, p, r);
    for (int32_t m = 0; m < plan->member_count; m++)
        somebody_is_near |= (topic == NOBODY || plan_subscribes(plan, m, topic)) &&
                            plan->rack_of[m] >= 0 && used[plan->rack_of[m]];
    *matter = somebody_is_near && !all_alike;
    return ERR_NONE;
}

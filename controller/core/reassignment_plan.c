#include "controller/core/reassignment_plan.h"

#include <string.h>

#include "controller/core/allocate.h"

bool controller_ids_contain(const int32_t *ids, size_t count, int32_t id) {
    for (size_t i = 0; i < count; i++)
        if (ids[i] == id)
            return true;
    return false;
}

static bool ids_equal(const int32_t *a, size_t a_count, const int32_t *b, size_t b_count) {
    return a_count == b_count && (a_count == 0 || memcmp(a, b, a_count * sizeof(*a)) == 0);
}

bool controller_assignment_is_equal(const struct controller_partition_assignment *a,
                                    const struct controller_partition_assignment *b) {
    return ids_equal(a->replicas, a->replica_count, b->replicas, b->replica_count) &&
           ids_equal(a->adding, a->adding_count, b->adding, b->adding_count) &&
           ids_equal(a->removing, a->removing_count, b->removing, b->removing_count);
}

bool controller_assignment_is_reassigning(
    const struct controller_partition_assignment *assignment) {
    return assignment->adding_count > 0 || assignment->removing_count > 0;
}

/* ---- Making assignments */

/* An empty one with room for `room` brokers in each of its lists. */
static struct controller_partition_assignment *assignment_new(int32_t partition, size_t room) {
    struct controller_partition_assignment *made =
        controller_allocate(1, sizeof(*made) + 3 * room * sizeof(int32_t));
    int32_t *ids = (int32_t *)(made + 1);

    made->partition = partition;
    made->replicas = ids;
    made->adding = ids + room;
    made->removing = ids + 2 * room;
    return made;
}

/* The lists of an assignment that is being made are its own memory. */
static void append(const int32_t *list, size_t *count, int32_t id) {
    ((int32_t *)(uintptr_t)list)[(*count)++] = id;
}

/* Those of `ids` that are not in `without`. */
static void append_rest(const int32_t *list, size_t *count, const int32_t *ids, size_t id_count,
                        const int32_t *without, size_t without_count) {
    for (size_t i = 0; i < id_count; i++)
        if (!controller_ids_contain(without, without_count, ids[i]))
            append(list, count, ids[i]);
}

struct controller_partition_assignment *
controller_assignment_copy(const struct controller_partition_assignment *source) {
    size_t room = source->replica_count + source->adding_count + source->removing_count;
    struct controller_partition_assignment *copy = assignment_new(source->partition, room);

    append_rest(copy->replicas, &copy->replica_count, source->replicas, source->replica_count, NULL,
                0);
    append_rest(copy->adding, &copy->adding_count, source->adding, source->adding_count, NULL, 0);
    append_rest(copy->removing, &copy->removing_count, source->removing, source->removing_count,
                NULL, 0);
    return copy;
}

bool controller_reassignment_target_is_valid(const int32_t *target, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (target[i] < 0 || controller_ids_contain(target, i, target[i]))
            return false;
    return count > 0;
}

static struct controller_partition_assignment *
without(const struct controller_partition_assignment *now, const int32_t *ids, size_t count) {
    struct controller_partition_assignment *made =
        assignment_new(now->partition, now->replica_count);

    append_rest(made->replicas, &made->replica_count, now->replicas, now->replica_count, ids,
                count);
    return made;
}

struct controller_partition_assignment *
controller_reassignment_plan_begin(const struct controller_partition_assignment *now,
                                   const int32_t *target, size_t target_count) {
    struct controller_partition_assignment *origin = without(now, now->adding, now->adding_count);
    struct controller_partition_assignment *made =
        assignment_new(now->partition, target_count + origin->replica_count);

    if (target == NULL) {
        free(made);
        return origin;
    }
    append_rest(made->replicas, &made->replica_count, target, target_count, NULL, 0);
    append_rest(made->replicas, &made->replica_count, origin->replicas, origin->replica_count,
                target, target_count);
    append_rest(made->adding, &made->adding_count, target, target_count, origin->replicas,
                origin->replica_count);
    append_rest(made->removing, &made->removing_count, origin->replicas, origin->replica_count,
                target, target_count);
    free(origin);
    return made;
}

struct controller_partition_assignment *
controller_reassignment_plan_end(const struct controller_partition_assignment *now) {
    return without(now, now->removing, now->removing_count);
}

/* ---- Coming to the end */

static bool is_removed(const struct controller_partition_assignment *now, int32_t id) {
    return controller_ids_contain(now->removing, now->removing_count, id);
}

bool controller_reassignment_is_complete(const struct controller_partition_assignment *now,
                                         const int32_t *isr, size_t isr_count) {
    for (size_t r = 0; r < now->replica_count; r++)
        if (!is_removed(now, now->replicas[r]) &&
            !controller_ids_contain(isr, isr_count, now->replicas[r]))
            return false;
    return true;
}

bool controller_reassignment_has_left(const struct controller_partition_assignment *now,
                                      int32_t leader, const int32_t *isr, size_t isr_count) {
    for (size_t i = 0; i < isr_count; i++)
        if (is_removed(now, isr[i]))
            return false;
    return leader >= 0 && !is_removed(now, leader);
}

void controller_reassignment_plan_leave(const struct controller_partition_assignment *now,
                                        const struct election_input *input,
                                        struct election_plan *plan) {
    int32_t leader = is_removed(now, input->leader) ? -1 : input->leader;

    plan->changed = false;
    plan->isr_count = 0;
    for (size_t i = 0; i < input->isr_count; i++)
        if (!is_removed(now, input->isr[i]))
            plan->isr[plan->isr_count++] = input->isr[i];
    for (size_t r = 0; leader < 0 && r < input->replica_count; r++)
        if (input->health[r] == REPLICA_ONLINE &&
            controller_ids_contain(plan->isr, plan->isr_count, input->replicas[r]))
            leader = input->replicas[r];
    if (leader < 0 || (leader == input->leader && plan->isr_count == input->isr_count))
        return;
    plan->changed = true;
    plan->leader = leader;
    plan->recovering = input->recovering;
}

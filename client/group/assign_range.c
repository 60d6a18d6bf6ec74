/* range and roundrobin: what takes no account of who had what. */
#include "client/group/assign_plan.h"

static int32_t subscriber_count(const struct assign_plan *plan, int32_t topic) {
    int32_t count = 0;

    for (int32_t m = 0; m < plan->member_count; m++)
        count += plan_subscribes(plan, m, topic);
    return count;
}

enum error assign_range(struct assign_plan *plan) {
    for (int32_t t = 0; t < plan->topic_count; t++) {
        const struct planned_topic *topic = &plan->topics[t];
        int32_t count = subscriber_count(plan, t);
        int32_t next = topic->first;
        int32_t index = 0;

        for (int32_t m = 0; m < plan->member_count; m++) {
            int32_t share;

            if (!plan_subscribes(plan, m, t))
                continue;
            share = topic->partition_count / count + (index++ < topic->partition_count % count);
            while (share-- > 0)
                plan_give(plan, next++, m);
        }
    }
    return ERR_NONE;
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

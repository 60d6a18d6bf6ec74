#include "broker/admin/stop_check.h"

#include <stdlib.h>

#include "broker/admin/cluster_tally.h"
#include "client/base/check.h"
#include "controller/core/impact.h"

const char *stop_obstacle_name(enum stop_obstacle obstacle) {
    static const char *const names[] = {
        [STOP_SINGLE_REPLICA] = "single_replica",
        [STOP_ONLY_IN_SYNC_REPLICA] = "only_in_sync_replica",
        [STOP_BELOW_MIN_ISR] = "below_min_isr",
        [STOP_WITHOUT_MARGIN] = "without_margin",
    };

    CHECK((size_t)obstacle < ARRAY_COUNT(names));
    return names[obstacle];
}

static bool is_in_isr(const struct metadata_partition *partition, int32_t broker_id) {
    for (int32_t i = 0; i < partition->isr_count; i++)
        if (partition->isr[i] == broker_id)
            return true;
    return false;
}

/* What the controller would make of it. That an unclean election may be allowed does not help: it
 * loses records. */
static struct impact impact_of_stop(const struct metadata *metadata,
                                    const struct metadata_partition *partition, int32_t broker_id,
                                    int32_t min_isr) {
    enum replica_health *health = calloc((size_t)partition->replica_count, sizeof(*health));
    const struct impact_partition before = {
        .election = {.replicas = partition->replicas,
                     .health = health,
                     .replica_count = (size_t)partition->replica_count,
                     .leader = partition->leader,
                     .isr = partition->isr,
                     .isr_count = (size_t)partition->isr_count},
        .min_isr = min_isr,
    };
    struct impact impact = {.leader = -1};

    CHECK(health != NULL);
    for (int32_t i = 0; i < partition->replica_count; i++)
        health[i] = metadata_find_broker(metadata, partition->replicas[i]) == NULL ? REPLICA_OFFLINE
                                                                                   : REPLICA_ONLINE;
    (void)controller_impact_of_departure(&before, &broker_id, 1, IMPACT_STOPPED, &impact);
    free(health);
    return impact;
}

static bool find_obstacle(const struct stop_question *question,
                          const struct metadata_partition *partition, const struct impact *impact,
                          enum stop_obstacle *obstacle) {
    if (partition->replica_count == 1)
        *obstacle = STOP_SINGLE_REPLICA;
    else if (impact->leader < 0)
        *obstacle = STOP_ONLY_IN_SYNC_REPLICA;
    else if (impact->below_min_isr)
        *obstacle = STOP_BELOW_MIN_ISR;
    else if (impact->in_sync < impact->min_isr + question->margin)
        *obstacle = STOP_WITHOUT_MARGIN;
    else
        return false;
    return *obstacle != STOP_SINGLE_REPLICA || !question->allow_single_replica;
}

struct stop_check stop_check(const struct metadata *metadata, const struct stop_question *question,
                             stop_check_tell *tell, void *context) {
    struct stop_check check = {0};

    for (int32_t i = 0; i < metadata->topic_count; i++) {
        const struct metadata_topic *topic = metadata->topics[i];
        for (int32_t j = 0; j < topic->partition_count; j++) {
            const struct metadata_partition *partition = &topic->partitions[j];
            enum stop_obstacle obstacle;
            struct impact impact;

            if (!is_in_isr(partition, question->broker_id))
                continue;
            check.in_sync++;
            impact =
                impact_of_stop(metadata, partition, question->broker_id,
                               partition_standing(metadata, topic, j, question->min_isr).min_isr);
            if (!find_obstacle(question, partition, &impact, &obstacle))
                continue;
            check.obstacles[obstacle]++;
            check.obstacle_count++;
            if (tell != NULL)
                tell(context, obstacle, topic, j, impact.min_isr);
        }
    }
    return check;
}

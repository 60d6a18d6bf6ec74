#include "broker/admin/stop_check.h"

#include "broker/admin/cluster_tally.h"
#include "client/base/check.h"

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

/* In sync and alive, without this broker; *is_in_sync is about this broker. The state of a
 * partition may name one that has just died. */
static int32_t others_in_sync(const struct metadata *metadata,
                              const struct metadata_partition *partition, int32_t broker_id,
                              bool *is_in_sync) {
    int32_t others = 0;

    *is_in_sync = false;
    for (int32_t i = 0; i < partition->isr_count; i++) {
        if (partition->isr[i] == broker_id)
            *is_in_sync = true;
        else
            others += metadata_find_broker(metadata, partition->isr[i]) != NULL;
    }
    return others;
}

static bool find_obstacle(const struct stop_question *question,
                          const struct metadata_partition *partition, int32_t min_isr,
                          int32_t others, enum stop_obstacle *obstacle) {
    if (partition->replica_count == 1)
        *obstacle = STOP_SINGLE_REPLICA;
    else if (others == 0)
        *obstacle = STOP_ONLY_IN_SYNC_REPLICA;
    else if (others < min_isr)
        *obstacle = STOP_BELOW_MIN_ISR;
    else if (others < min_isr + question->margin)
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
            bool is_in_sync;
            const int32_t others =
                others_in_sync(metadata, partition, question->broker_id, &is_in_sync);
            int32_t min_isr;

            if (!is_in_sync)
                continue;
            check.in_sync++;
            min_isr = partition_standing(metadata, topic, j, question->min_isr).min_isr;
            if (!find_obstacle(question, partition, min_isr, others, &obstacle))
                continue;
            check.obstacles[obstacle]++;
            check.obstacle_count++;
            if (tell != NULL)
                tell(context, obstacle, topic, j, min_isr);
        }
    }
    return check;
}

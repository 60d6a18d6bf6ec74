#include "broker/admin/cluster_tally.h"

#include <stdlib.h>

static int32_t min_isr_of(const struct metadata_topic *topic, int32_t otherwise) {
    const char *text = metadata_find_setting(topic, "min.insync.replicas");
    char *end = NULL;
    long value = text == NULL ? 0 : strtol(text, &end, 10);

    /* What is no number there has no effect on the replicas either. */
    return text == NULL || end == text || value < 1 || value > INT32_MAX ? otherwise
                                                                         : (int32_t)value;
}

static struct partition_standing standing_of(const struct metadata *metadata,
                                             const struct metadata_partition *partition,
                                             int32_t min_isr) {
    return (struct partition_standing){
        .replica_count = partition->replica_count - partition->adding_count,
        .isr_count = partition->isr_count,
        .min_isr = min_isr < partition->replica_count ? min_isr : partition->replica_count,
        .is_offline = metadata_find_broker(metadata, partition->leader) == NULL,
    };
}

struct partition_standing partition_standing(const struct metadata *metadata,
                                             const struct metadata_topic *topic, int32_t index,
                                             int32_t min_isr) {
    return standing_of(metadata, &topic->partitions[index], min_isr_of(topic, min_isr));
}

static bool is_on(const struct metadata_partition *partition, int32_t broker_id) {
    for (int32_t i = 0; i < partition->replica_count; i++) {
        if (partition->replicas[i] == broker_id)
            return true;
    }
    return false;
}

static void count_partition(struct cluster_tally *tally, const struct metadata *metadata,
                            const struct metadata_partition *partition, int32_t broker_id,
                            int32_t min_isr) {
    const struct partition_standing standing = standing_of(metadata, partition, min_isr);

    tally->partitions++;
    tally->offline += standing.is_offline;
    tally->not_led_by_preferred +=
        partition->replica_count > 0 && partition->leader != partition->replicas[0];
    tally->hosted += is_on(partition, broker_id);
    if (partition->leader != broker_id)
        return;
    tally->led++;
    tally->under_replicated += standing.isr_count < standing.replica_count;
    tally->under_min_isr += standing.isr_count < standing.min_isr;
    tally->at_min_isr += standing.isr_count == standing.min_isr;
    tally->reassigning += partition->adding_count > 0 || partition->removing_count > 0;
}

struct cluster_tally cluster_tally(const struct metadata *metadata, int32_t broker_id,
                                   int32_t min_isr) {
    struct cluster_tally tally = {.topics = metadata->topic_count,
                                  .brokers = metadata->broker_count};

    for (int32_t i = 0; i < metadata->topic_count; i++) {
        const struct metadata_topic *topic = metadata->topics[i];
        const int32_t of_topic = min_isr_of(topic, min_isr);

        for (int32_t j = 0; j < topic->partition_count; j++)
            count_partition(&tally, metadata, &topic->partitions[j], broker_id, of_topic);
    }
    return tally;
}

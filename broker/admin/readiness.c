#include "broker/admin/readiness.h"

#include "broker/metadata/metadata.h"

static bool contains(const int32_t *ids, int32_t count, int32_t id) {
    for (int32_t i = 0; i < count; i++) {
        if (ids[i] == id)
            return true;
    }
    return false;
}

static bool has_to_catch_up(const struct metadata *metadata,
                            const struct metadata_partition *partition, int32_t broker_id) {
    /* One that is being added takes as long as its data takes, and nobody relies on it yet. */
    return contains(partition->replicas, partition->replica_count, broker_id) &&
           !contains(partition->adding_replicas, partition->adding_count, broker_id) &&
           !contains(partition->isr, partition->isr_count, broker_id) &&
           metadata_find_broker(metadata, partition->leader) != NULL;
}

static int32_t partitions_to_catch_up(const struct metadata *metadata, int32_t broker_id) {
    int32_t count = 0;

    for (int32_t i = 0; i < metadata->topic_count; i++) {
        const struct metadata_topic *topic = metadata->topics[i];
        for (int32_t j = 0; j < topic->partition_count; j++)
            count += has_to_catch_up(metadata, &topic->partitions[j], broker_id);
    }
    return count;
}

struct readiness readiness_decide(enum broker_phase phase, const struct metadata *metadata,
                                  int32_t broker_id, struct readiness_memory *memory) {
    struct readiness readiness = {0};

    if (phase == BROKER_STARTING || metadata == NULL) {
        readiness.reason = phase == BROKER_STOPPING ? "stopping" : "starting";
    } else if (phase == BROKER_STOPPING) {
        readiness.reason = "stopping";
    } else if (metadata_find_broker(metadata, broker_id) == NULL) {
        readiness.reason = "not_registered";
    } else {
        if (!memory->has_caught_up)
            readiness.partitions_to_catch_up = partitions_to_catch_up(metadata, broker_id);
        if (readiness.partitions_to_catch_up > 0)
            readiness.reason = "catching_up";
        else
            memory->has_caught_up = true;
    }
    readiness.is_ready = readiness.reason == NULL;
    return readiness;
}

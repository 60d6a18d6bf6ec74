#include <stdlib.h>

#include "broker/replica/partition_internal.h"
#include "broker/replica/replication_quota.h"

/* What replicas give and take: counted, and throttled. In-sync replicas are never held back, but
 * what they take counts. */

void partition_set_adding(struct partition *partition, const int32_t *adding, int32_t count) {
    if (count == 0 && partition->adding == NULL)
        return;
    free(partition->adding);
    partition->adding = NULL;
    if (count > 0) {
        partition->adding = malloc((size_t)count * sizeof(*adding));
        CHECK(partition->adding != NULL);
        memcpy(partition->adding, adding, (size_t)count * sizeof(*adding));
    }
    atomic_store(&partition->adding_count, count);
}

bool partition_is_adding(const struct partition *partition, int32_t broker_id) {
    return broker_ids_contain(partition->adding, atomic_load(&partition->adding_count), broker_id);
}

void partition_set_throttled(struct partition *partition, bool as_leader, bool as_follower) {
    atomic_store(&partition->leader_is_throttled, as_leader);
    atomic_store(&partition->follower_is_throttled, as_follower);
}

bool partition_holds_back(struct partition *partition, int32_t follower_id) {
    struct replication_quota *quota = partition->environment->leader_quota;
    bool is_in_sync;

    if (quota == NULL || !atomic_load(&partition->leader_is_throttled) ||
        !replication_quota_is_exceeded(quota, partition_now_ms(partition)))
        return false;
    mutex_lock(&partition->lock);
    is_in_sync = broker_ids_contain(partition->isr, partition->isr_count, follower_id);
    mutex_unlock(&partition->lock);
    return !is_in_sync;
}

static void count_reassignment(struct partition *partition, int32_t follower_id, int64_t bytes) {
    bool is_adding;

    if (atomic_load(&partition->adding_count) == 0)
        return;
    mutex_lock(&partition->lock);
    is_adding = partition_is_adding(partition, follower_id);
    mutex_unlock(&partition->lock);
    if (is_adding)
        partition_count_traffic(partition, TRAFFIC_REASSIGNMENT_BYTES_OUT, (uint64_t)bytes);
}

void partition_record_given(struct partition *partition, int32_t follower_id, int64_t bytes) {
    struct replication_quota *quota = partition->environment->leader_quota;

    if (bytes == 0)
        return;
    partition_count_traffic(partition, TRAFFIC_REPLICATION_BYTES_OUT, (uint64_t)bytes);
    count_reassignment(partition, follower_id, bytes);
    if (quota != NULL && atomic_load(&partition->leader_is_throttled))
        replication_quota_record(quota, bytes, partition_now_ms(partition));
}

bool partition_must_pause(struct partition *partition) {
    struct replication_quota *quota = partition->environment->follower_quota;

    return quota != NULL && atomic_load(&partition->follower_is_throttled) &&
           replication_quota_is_exceeded(quota, partition_now_ms(partition));
}

void partition_record_taken(struct partition *partition, int64_t bytes) {
    struct replication_quota *quota = partition->environment->follower_quota;

    if (quota != NULL && bytes > 0 && atomic_load(&partition->follower_is_throttled))
        replication_quota_record(quota, bytes, partition_now_ms(partition));
}

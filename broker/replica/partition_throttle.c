#include "broker/replica/partition_internal.h"
#include "broker/replica/replication_quota.h"

/* Replication throttles: in-sync replicas are never held back, but what they take counts. */

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

void partition_record_given(struct partition *partition, int64_t bytes) {
    struct replication_quota *quota = partition->environment->leader_quota;

    if (quota != NULL && bytes > 0 && atomic_load(&partition->leader_is_throttled))
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

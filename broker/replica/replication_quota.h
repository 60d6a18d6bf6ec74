/*
 * How many bytes per second throttled replicas may take, on one side of replication.
 *
 * The rate is that of the last eleven samples of a second, the one under way among them; a time
 * shorter than a second counts as one, so that nothing is saved up before. Who has taken too much
 * waits until the rate has fallen.
 *
 * Threads: any. Times are monotonic ms.
 * Source: Kafka 3.9, ReplicationQuotaManager, SimpleRate.
 */
#ifndef BROKER_REPLICA_REPLICATION_QUOTA_H
#define BROKER_REPLICA_REPLICATION_QUOTA_H

#include "client/base/bytes.h"
#include "client/base/sync.h"

#define REPLICATION_QUOTA_SAMPLES   11
#define REPLICATION_QUOTA_SAMPLE_MS 1000

struct replication_quota {
    struct mutex lock;
    int64_t bytes_per_second; /* lock; INT64_MAX: no bound */
    struct {
        int64_t begun_ms;
        int64_t bytes;
    } samples[REPLICATION_QUOTA_SAMPLES]; /* lock; a ring */
    int newest;                           /* lock */
};

void replication_quota_init(struct replication_quota *quota);
void replication_quota_done(struct replication_quota *quota);
void replication_quota_set(struct replication_quota *quota, int64_t bytes_per_second);
void replication_quota_record(struct replication_quota *quota, int64_t bytes, int64_t now_ms);
bool replication_quota_is_exceeded(struct replication_quota *quota, int64_t now_ms);

/* Whether `list`, "*" or "partition:broker,...", names that replica; what is no such list names
 * none. Pure. */
bool throttled_replicas_contain(const char *list, int32_t partition, int32_t broker_id);

#endif

#include "broker/replica/replication_quota.h"

#include <stdlib.h>

void replication_quota_init(struct replication_quota *quota) {
    *quota = (struct replication_quota){.bytes_per_second = INT64_MAX};
    mutex_init(&quota->lock);
    for (int i = 0; i < REPLICATION_QUOTA_SAMPLES; i++)
        quota->samples[i].begun_ms = INT64_MIN / 2;
}

void replication_quota_done(struct replication_quota *quota) {
    mutex_done(&quota->lock);
}

void replication_quota_set(struct replication_quota *quota, int64_t bytes_per_second) {
    mutex_lock(&quota->lock);
    quota->bytes_per_second = bytes_per_second;
    mutex_unlock(&quota->lock);
}

void replication_quota_record(struct replication_quota *quota, int64_t bytes, int64_t now_ms) {
    mutex_lock(&quota->lock);
    if (now_ms - quota->samples[quota->newest].begun_ms >= REPLICATION_QUOTA_SAMPLE_MS) {
        quota->newest = (quota->newest + 1) % REPLICATION_QUOTA_SAMPLES;
        quota->samples[quota->newest].begun_ms = now_ms;
        quota->samples[quota->newest].bytes = 0;
    }
    quota->samples[quota->newest].bytes += bytes;
    mutex_unlock(&quota->lock);
}

bool replication_quota_is_exceeded(struct replication_quota *quota, int64_t now_ms) {
    int64_t since_ms = now_ms - REPLICATION_QUOTA_SAMPLES * REPLICATION_QUOTA_SAMPLE_MS;
    int64_t oldest_ms = now_ms - REPLICATION_QUOTA_SAMPLE_MS; /* at least one whole sample */
    int64_t bytes = 0;
    bool is_exceeded;

    mutex_lock(&quota->lock);
    for (int i = 0; i < REPLICATION_QUOTA_SAMPLES; i++) {
        if (quota->samples[i].begun_ms <= since_ms)
            continue;
        bytes += quota->samples[i].bytes;
        if (quota->samples[i].begun_ms < oldest_ms)
            oldest_ms = quota->samples[i].begun_ms;
    }
    is_exceeded =
        quota->bytes_per_second != INT64_MAX &&
        (double)bytes * 1000 / (double)(now_ms - oldest_ms) > (double)quota->bytes_per_second;
    mutex_unlock(&quota->lock);
    return is_exceeded;
}

bool throttled_replicas_contain(const char *list, int32_t partition, int32_t broker_id) {
    const char *place = list;

    if (strcmp(list, "*") == 0)
        return true;
    while (*place != '\0') {
        char *end;
        long named = strtol(place, &end, 10), broker;
        if (end == place || *end != ':')
            return false;
        place = end + 1;
        broker = strtol(place, &end, 10);
        if (end == place || (*end != ',' && *end != '\0'))
            return false;
        if (named == partition && broker == broker_id)
            return true;
        place = *end == ',' ? end + 1 : end;
    }
    return false;
}

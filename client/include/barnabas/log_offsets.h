/*
 * Admin of logs: where they begin, end and reach a time; deleting the records at their beginning.
 * Calls, errors, ownership and threads are as in admin.h.
 *
 * A partition's leader answers. One that moves is followed until the time is up.
 */
#ifndef BARNABAS_LOG_OFFSETS_H
#define BARNABAS_LOG_OFFSETS_H

#include <barnabas/admin.h>

#ifdef __cplusplus
extern "C" {
#endif

struct barnabas_offsets {
    size_t count;
    const struct barnabas_offset *items; /* `metadata` is "" if none */
};
BARNABAS_API void barnabas_offsets_free(struct barnabas_offsets *offsets); /* accepts NULL */

/* Where logs begin (EARLIEST), end (LATEST), or reach a time: a timestamp in ms gives the first
 * record that is not older, and NONE if there is none. */
#define BARNABAS_OFFSET_SPEC_LATEST   INT64_C(-1)
#define BARNABAS_OFFSET_SPEC_EARLIEST INT64_C(-2)

struct barnabas_offset_spec {
    const char *topic;
    int32_t partition;
    int64_t at; /* one of the above, or a timestamp */
};

/* Each partition once. `items[i]` answers `specs[i]`; errors of single partitions stand in their
 * items. */
BARNABAS_API int barnabas_admin_list_offsets(struct barnabas_admin *admin,
                                             const struct barnabas_offset_spec *specs, size_t count,
                                             int64_t timeout_ms, struct barnabas_offsets **offsets);

/* The same of one broker's own replicas, whoever leads: BARNABAS_OFFSET_LATEST is the end of what
 * it has, committed or not. Asked once: what it has no replica of has an error. */
BARNABAS_API int barnabas_admin_list_replica_offsets(struct barnabas_admin *admin,
                                                     int32_t broker_id,
                                                     const struct barnabas_offset_spec *specs,
                                                     size_t count, int64_t timeout_ms,
                                                     struct barnabas_offsets **offsets);

/* The records of a partition before an offset. */
struct barnabas_records_before {
    const char *topic;
    int32_t partition;
    int64_t offset; /* of the first that stays; OFFSET_SPEC_LATEST: none of those that are committed
                     * on all in-sync replicas */
};

/* Deletes records for good: no consumer sees them from now on, also after a change of leaders. Each
 * partition once. `items[i]` tells where the log of `records[i]` begins now, which may be further
 * on than what was asked for, or its error: OFFSET_OUT_OF_RANGE (behind the high watermark),
 * POLICY_VIOLATION (a topic that is only compacted), INVALID_TOPIC (one of the brokers' own),
 * UNKNOWN_TOPIC_OR_PARTITION, and REQUEST_TIMED_OUT or another retriable one: deleted or not, and
 * maybe not everywhere yet; the same call again does no harm. */
BARNABAS_API int barnabas_admin_delete_records(struct barnabas_admin *admin,
                                               const struct barnabas_records_before *records,
                                               size_t count, int64_t timeout_ms,
                                               struct barnabas_offsets **beginnings);

#ifdef __cplusplus
}
#endif

#endif

#include "broker/log/retention.h"

static int64_t total_size(const struct retention_segment *segments, size_t count) {
    int64_t size = 0;

    for (size_t i = 0; i < count; i++)
        size += segments[i].size;
    return size;
}

/* A timestamp from the future keeps its segment. */
static bool is_too_old(const struct retention_segment *segment,
                       const struct retention_rules *rules) {
    int64_t age_ms;

    return rules->retention_ms >= 0 &&
           !__builtin_sub_overflow(rules->now_ms, segment->timestamp, &age_ms) &&
           age_ms > rules->retention_ms;
}

/* Of `count` segments that age or size lets go, those that the guard leaves. */
static size_t let_go_by_guard(const struct retention_segment *segments, size_t count,
                              const struct retention_rules *rules) {
    const struct retention_guard *guard = rules->guard;
    int64_t held;
    size_t i = 0;

    while (i < count && (segments[i].next_offset <= rules->log_start_offset ||
                         segments[i].next_offset <= guard->offset))
        i++;
    held = total_size(segments + i, count - i);
    for (; i < count && held > guard->bytes_max; i++)
        held -= segments[i].size;
    return i;
}

size_t retention_count(const struct retention_segment *segments, size_t count,
                       const struct retention_rules *rules) {
    int64_t left = total_size(segments, count);
    size_t i;

    for (i = 0; i < count; i++) {
        const struct retention_segment *segment = &segments[i];
        bool is_active = i + 1 == count;
        /* The active one stays, as in Kafka: who deletes all he has read, every few seconds, should
         * not get a file each time. */
        bool may_go = !is_active && segment->next_offset <= rules->log_start_offset;
        if (rules->by_age_and_size && !may_go)
            may_go = is_too_old(segment, rules) || (rules->retention_bytes >= 0 &&
                                                    left - segment->size >= rules->retention_bytes);
        if ((is_active && segment->size == 0) || !may_go ||
            segment->next_offset > rules->high_watermark)
            break;
        left -= segment->size;
    }
    return rules->guard == NULL ? i : let_go_by_guard(segments, i, rules);
}

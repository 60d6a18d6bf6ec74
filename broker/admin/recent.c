#include "broker/admin/recent.h"

#include <stdlib.h>
#include <string.h>

#include "broker/log/log_manager.h"
#include "client/base/check.h"

void recent_done(struct recent *recent) {
    for (size_t i = 0; i < REQUEST_KINDS_MAX; i++) {
        free(recent->last[i]);
        free(recent->before[i]);
    }
    free(recent->reactors);
    *recent = (struct recent){0};
}

void recent_read_flushes(struct log_manager *logs, struct histogram_snapshot *flushes) {
    struct log_manager_dir_info info;

    *flushes = (struct histogram_snapshot){0};
    for (size_t i = 0; log_manager_dir_info(logs, i, &info); i++)
        histogram_snapshot_add(flushes, info.flush_times);
}

void recent_note(struct recent *recent, const struct request_metrics *metrics,
                 const struct histogram *zk_latency, struct log_manager *logs) {
    struct request_totals *totals = malloc(sizeof(*totals));

    CHECK(totals != NULL);
    recent->zk_before = recent->zk_last;
    recent->zk_last = (struct histogram_snapshot){0};
    histogram_snapshot_add(&recent->zk_last, zk_latency);
    recent->flushes_before = recent->flushes_last;
    if (logs != NULL)
        recent_read_flushes(logs, &recent->flushes_last);
    for (size_t i = 0; i < REQUEST_KINDS_MAX; i++) {
        struct recent_kind *oldest = recent->before[i];

        if (!request_metrics_read(metrics, (uint8_t)i, totals))
            continue;
        if (oldest == NULL)
            oldest = malloc(sizeof(*oldest));
        CHECK(oldest != NULL);
        memcpy(oldest->times, totals->times, sizeof(oldest->times));
        recent->before[i] = recent->last[i];
        recent->last[i] = oldest;
    }
    free(totals);
}

void recent_note_busy(struct recent *recent, const int64_t *busy_ns, size_t reactor_count,
                      int64_t now_ns) {
    if (recent->reactors == NULL) {
        recent->reactors = calloc(reactor_count, sizeof(*recent->reactors));
        CHECK(recent->reactors != NULL);
        recent->reactor_count = reactor_count;
    }
    CHECK(reactor_count == recent->reactor_count);
    for (size_t i = 0; i < reactor_count; i++)
        recent->reactors[i] = (struct recent_busy){busy_ns[i], recent->reactors[i].last_ns};
    recent->noted_ns_before = recent->noted_ns_last;
    recent->noted_ns_last = now_ns;
}

double recent_busy_share(const struct recent *recent, size_t reactor, int64_t busy_ns,
                         int64_t now_ns) {
    int64_t before_ns = recent->reactors == NULL ? 0 : recent->reactors[reactor].before_ns;
    double passed_ns = (double)(now_ns - recent->noted_ns_before);
    double share = (double)(busy_ns - before_ns) / passed_ns;

    /* The clock of a thread is read after the other. */
    return passed_ns <= 0 || share < 0 ? 0 : share > 1 ? 1 : share;
}

void recent_since(const struct recent *recent, uint8_t kind, const struct request_totals *now,
                  enum request_time time, struct histogram_snapshot *difference) {
    static const struct histogram_snapshot nothing;
    const struct recent_kind *before = recent->before[kind];

    histogram_snapshot_since(&now->times[time], before != NULL ? &before->times[time] : &nothing,
                             difference);
}

/* Which part of a log is compacted, and which segments become one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/log/compaction_plan.h"
#include "client/base/check.h"

#define NOW 1000000

/* Four segments of ten records and 100 bytes, the last one active. */
static void make_segments(struct compaction_segment segments[4]) {
    for (int i = 0; i < 4; i++)
        segments[i] = (struct compaction_segment){.base_offset = i * 10,
                                                  .next_base = i * 10 + 10,
                                                  .size = 100,
                                                  .index_bytes = 8,
                                                  .time_index_bytes = 12,
                                                  .max_timestamp = 1000 + i * 1000,
                                                  .first_timestamp = 500 + i * 1000};
}

static struct compaction_log make_log(const struct compaction_segment *segments) {
    return (struct compaction_log){.segments = segments,
                                   .segment_count = 4,
                                   .log_end_offset = 40,
                                   .last_stable_offset = 40,
                                   .now_ms = NOW,
                                   .max_lag_ms = INT64_MAX,
                                   .dirty_ratio_min = 0.5};
}

static void what_is_dirty(void **state) {
    static const struct {
        const char *label;
        int64_t start, checkpoint, stable, min_lag;
        int64_t dirty, uncleanable, bytes;
        bool wrong;
    } cases[] = {
        {"never compacted: all but the active one", 0, 0, 40, 0, 0, 30, 300, false},
        {"half of it compacted", 0, 20, 40, 0, 20, 30, 100, false},
        {"the checkpoint in the middle of a segment", 0, 15, 40, 0, 15, 30, 200, false},
        {"all compacted", 0, 30, 40, 0, 30, 30, 0, false},
        {"the checkpoint lies before the log", 12, 3, 40, 0, 12, 30, 200, false},
        {"the checkpoint lies behind the log", 0, 41, 40, 0, 0, 30, 300, true},
        {"an open transaction", 0, 0, 17, 0, 0, 10, 100, false},
        {"nothing is committed", 0, 0, 0, 0, 0, 0, 0, false},
        {"the newest are too young", 0, 0, 40, NOW - 1500, 0, 10, 100, false},
        {"just old enough", 0, 0, 40, NOW - 2000, 0, 20, 200, false},
        {"all are too young", 0, 0, 40, NOW - 10, 0, 0, 0, false},
        {"what is clean already has no age", 0, 20, 40, NOW - 10, 20, 20, 0, false},
    };
    struct compaction_segment segments[4];
    (void)state;

    make_segments(segments);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct compaction_log log = make_log(segments);
        struct compaction_choice choice;
        log.log_start_offset = cases[i].start;
        log.checkpointed_offset = cases[i].checkpoint;
        log.last_stable_offset = cases[i].stable;
        log.min_lag_ms = cases[i].min_lag;
        choice = compaction_choose(&log);
        if (choice.first_dirty != cases[i].dirty ||
            choice.first_uncleanable != cases[i].uncleanable ||
            choice.cleanable_bytes != cases[i].bytes ||
            choice.checkpoint_is_wrong != cases[i].wrong)
            fail_msg("%s: %lld %lld %lld", cases[i].label, (long long)choice.first_dirty,
                     (long long)choice.first_uncleanable, (long long)choice.cleanable_bytes);
    }
}

static void when_it_is_due(void **state) {
    static const struct {
        const char *label;
        int64_t checkpoint, max_lag;
        double ratio;
        bool due;
    } cases[] = {
        {"all of it is dirty", 0, INT64_MAX, 0.5, true},
        {"a third is dirty", 20, INT64_MAX, 0.5, false},
        {"a third is enough", 20, INT64_MAX, 0.3, true},
        {"a ratio of one is never passed", 0, INT64_MAX, 1, false},
        {"with 0 any dirt counts", 20, INT64_MAX, 0, true},
        {"with 0 no dirt still does not", 30, INT64_MAX, 0, false},
        {"a record has waited too long", 20, NOW - 2501, 0.5, true},
        {"a record has waited nearly too long", 20, NOW - 2500, 0.5, false},
        {"only what is dirty waits", 20, NOW - 1000, 0.5, false},
    };
    struct compaction_segment segments[4];
    (void)state;

    make_segments(segments);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct compaction_log log = make_log(segments);
        log.checkpointed_offset = cases[i].checkpoint;
        log.max_lag_ms = cases[i].max_lag;
        log.dirty_ratio_min = cases[i].ratio;
        if (compaction_choose(&log).is_due != cases[i].due)
            fail_msg("%s", cases[i].label);
    }
}

static void which_segments_become_one(void **state) {
    static const struct {
        const char *label;
        int64_t bytes, index_bytes;
        int64_t last_next_base;
        size_t size, count;
    } cases[] = {
        {"all fit", 400, 100, 40, 100, 4},
        {"two fit", 299, 100, 40, 100, 2},
        {"not even one fits: it stays alone", 99, 100, 40, 100, 1},
        {"the offset indexes bound it", 400, 25, 40, 100, 2},
        {"the time indexes bound it", 400, 36, 40, 100, 3},
        {"the last one is too far away", 400, 100, (int64_t)INT32_MAX + 2, 100, 3},
        {"it is just near enough", 400, 100, (int64_t)INT32_MAX + 1, 100, 4},
        {"an empty one is never too far away", 400, 100, (int64_t)INT32_MAX + 2, 0, 4},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct compaction_segment segments[4];
        make_segments(segments);
        segments[3].next_base = cases[i].last_next_base;
        segments[3].size = (int64_t)cases[i].size;
        if (compaction_group(segments, 4, cases[i].bytes, cases[i].index_bytes) != cases[i].count)
            fail_msg("%s", cases[i].label);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_dirty),
        cmocka_unit_test(when_it_is_due),
        cmocka_unit_test(which_segments_become_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

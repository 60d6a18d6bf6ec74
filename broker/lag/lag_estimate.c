#include "broker/lag/lag_estimate.h"

static double blend(bool has_old, double old_rate, int64_t moved, double seconds) {
    double rate = moved > 0 ? (double)moved / seconds : 0;

    return has_old ? (old_rate + rate) / 2 : rate;
}

void lag_progress_update(struct lag_progress *progress, int64_t at_ms, int64_t committed,
                         int64_t log_end) {
    if (progress->is_begun && at_ms > progress->at_ms) {
        double seconds = (double)(at_ms - progress->at_ms) / 1000;
        progress->consumed_per_second = blend(progress->has_rates, progress->consumed_per_second,
                                              committed - progress->committed, seconds);
        progress->produced_per_second = blend(progress->has_rates, progress->produced_per_second,
                                              log_end - progress->log_end, seconds);
        progress->has_rates = true;
    }
    progress->is_begun = true;
    progress->at_ms = at_ms;
    progress->committed = committed;
    progress->log_end = log_end;
}

static double seconds_to_catch_up(const struct lag_facts *facts, int64_t records) {
    const struct lag_progress *progress = &facts->progress;
    double gain = progress->consumed_per_second - progress->produced_per_second;

    if (records == 0)
        return 0;
    return progress->has_rates && gain > 0 ? (double)records / gain : LAG_UNKNOWN;
}

static double seconds_to_loss_by_age(const struct lag_facts *facts) {
    int64_t left_ms;

    if (facts->retention.age_ms < 0 || facts->first_unread_ms == LAG_UNKNOWN_MS ||
        __builtin_sub_overflow(facts->first_unread_ms, facts->now_ms, &left_ms) ||
        __builtin_add_overflow(left_ms, facts->retention.age_ms, &left_ms))
        return LAG_UNKNOWN;
    return left_ms > 0 ? (double)left_ms / 1000 : 0;
}

/* What lies behind the first unread record may grow to the bound. */
static double seconds_to_loss_by_size(const struct lag_facts *facts, int64_t records) {
    double bytes_per_second = facts->progress.produced_per_second * facts->record_bytes;
    double bytes_left = (double)facts->retention.size_max - (double)records * facts->record_bytes;

    if (facts->retention.size_max < 0 || facts->record_bytes <= 0)
        return LAG_UNKNOWN;
    if (bytes_left <= 0)
        return 0;
    return facts->progress.has_rates && bytes_per_second > 0 ? bytes_left / bytes_per_second
                                                             : LAG_UNKNOWN;
}

static double seconds_to_loss(const struct lag_facts *facts, int64_t records) {
    double by_age, by_size;

    if (records == 0 || !facts->retention.deletes)
        return LAG_UNKNOWN;
    by_age = seconds_to_loss_by_age(facts);
    by_size = seconds_to_loss_by_size(facts, records);
    if (by_age < 0 || (by_size >= 0 && by_size < by_age))
        return by_size;
    return by_age;
}

struct lag_estimate lag_estimate_of(const struct lag_facts *facts) {
    int64_t records = facts->progress.log_end - facts->progress.committed;
    struct lag_estimate estimate = {.records = records > 0 ? records : 0};

    if (estimate.records > 0 && facts->first_unread_ms == LAG_UNKNOWN_MS)
        estimate.seconds_behind = LAG_UNKNOWN;
    else if (estimate.records > 0 && facts->now_ms > facts->first_unread_ms)
        estimate.seconds_behind = ((double)facts->now_ms - (double)facts->first_unread_ms) / 1000;
    estimate.seconds_to_catch_up = seconds_to_catch_up(facts, estimate.records);
    estimate.seconds_to_loss = seconds_to_loss(facts, estimate.records);
    return estimate;
}

bool lag_find_loss(int64_t committed, int64_t log_start_offset, int64_t *told_end,
                   struct lag_loss *loss) {
    int64_t first = committed > *told_end ? committed : *told_end;

    if (log_start_offset <= first)
        return false;
    *loss = (struct lag_loss){first, log_start_offset - 1};
    *told_end = log_start_offset;
    return true;
}

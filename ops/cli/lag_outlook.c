#include "ops/cli/lag_outlook.h"

#include <inttypes.h>
#include <stdio.h>

static double seconds_to_loss_by_age(const struct lag_facts *facts, int64_t age_ms) {
    if (facts->retention_ms < 0)
        return LAG_OUTLOOK_UNKNOWN;
    return facts->retention_ms > age_ms ? (double)facts->retention_ms / 1000 - (double)age_ms / 1000
                                        : 0;
}

/* What lies behind the first unread record may grow to the bound. */
static double seconds_to_loss_by_size(const struct lag_facts *facts, int64_t age_ms) {
    double left = (double)facts->retention_bytes - (double)facts->lag * facts->record_bytes;
    double per_second = facts->written_per_second;

    if (facts->retention_bytes < 0 || facts->record_bytes <= 0)
        return LAG_OUTLOOK_UNKNOWN;
    if (left <= 0)
        return 0;
    if (per_second < 0 && age_ms > 0)
        per_second = (double)facts->lag / ((double)age_ms / 1000);
    return per_second > 0 ? left / (per_second * facts->record_bytes) : LAG_OUTLOOK_UNKNOWN;
}

struct lag_outlook lag_outlook_of(const struct lag_facts *facts) {
    struct lag_outlook outlook = {LAG_OUTLOOK_UNKNOWN, LAG_OUTLOOK_UNKNOWN, LAG_OUTLOOK_UNKNOWN};
    double by_age = LAG_OUTLOOK_UNKNOWN, by_size;
    int64_t age_ms = 0;

    if (facts->lag < 0)
        return outlook;
    if (facts->lag == 0)
        return (struct lag_outlook){0, 0, LAG_OUTLOOK_UNKNOWN};
    if (facts->gain_per_second > 0)
        outlook.seconds_to_catch_up = (double)facts->lag / facts->gain_per_second;
    if (facts->first_unread_ms >= 0) {
        age_ms = facts->now_ms - facts->first_unread_ms;
        outlook.seconds_behind = age_ms > 0 ? (double)age_ms / 1000 : 0;
        by_age = seconds_to_loss_by_age(facts, age_ms);
    }
    by_size = seconds_to_loss_by_size(facts, age_ms);
    outlook.seconds_to_loss = by_age < 0 || (by_size >= 0 && by_size < by_age) ? by_size : by_age;
    return outlook;
}

void lag_outlook_text(double seconds, char *text, int size) {
    int64_t whole = (int64_t)seconds;

    if (seconds < 0)
        snprintf(text, (size_t)size, "-");
    else if (seconds > 0 && seconds < 10)
        snprintf(text, (size_t)size, "%.1fs", seconds);
    else if (whole < 60)
        snprintf(text, (size_t)size, "%" PRId64 "s", whole);
    else if (whole < 3600)
        snprintf(text, (size_t)size, "%" PRId64 "m%02" PRId64 "s", whole / 60, whole % 60);
    else if (whole < 86400)
        snprintf(text, (size_t)size, "%" PRId64 "h%02" PRId64 "m", whole / 3600, whole / 60 % 60);
    else
        snprintf(text, (size_t)size, "%" PRId64 "d%02" PRId64 "h", whole / 86400,
                 whole / 3600 % 24);
}

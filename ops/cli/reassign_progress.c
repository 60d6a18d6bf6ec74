#include "ops/cli/reassign_progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ops/cli/log_sizes.h"

#define WINDOW_MS      10000
#define SHORT_TEXT     32
#define SECONDS_OF_DAY 86400

void reassign_progress_note(struct reassign_progress *progress, int64_t now_ms,
                            int64_t copied_bytes, int64_t total_bytes) {
    size_t old = 0;

    /* One that is older than the window stays, so that the rate is of all of it. */
    while (old + 1 < progress->count && progress->samples[old + 1].at_ms <= now_ms - WINDOW_MS)
        old++;
    if (old == 0 && progress->count == REASSIGN_SAMPLES_MAX)
        old = 1;
    progress->count -= old;
    memmove(progress->samples, progress->samples + old,
            progress->count * sizeof(progress->samples[0]));
    progress->samples[progress->count].at_ms = now_ms;
    progress->samples[progress->count++].copied_bytes = copied_bytes;
    progress->copied_bytes = copied_bytes;
    progress->total_bytes = total_bytes;
}

int64_t reassign_progress_rate(const struct reassign_progress *progress) {
    int64_t bytes, ms;

    if (progress->count < 2)
        return 0;
    bytes = progress->copied_bytes - progress->samples[0].copied_bytes;
    ms = progress->samples[progress->count - 1].at_ms - progress->samples[0].at_ms;
    return bytes <= 0 || ms <= 0 ? 0 : (int64_t)((double)bytes * 1000 / (double)ms);
}

int64_t reassign_progress_seconds_left(const struct reassign_progress *progress) {
    int64_t rate = reassign_progress_rate(progress);
    int64_t left = progress->total_bytes - progress->copied_bytes;

    if (left <= 0)
        return 0;
    return rate == 0 ? -1 : (left + rate - 1) / rate;
}

static const char *seconds_text(int64_t seconds, char *text, size_t size) {
    if (seconds < 0)
        snprintf(text, size, "nobody knows how long");
    else if (seconds < 60)
        snprintf(text, size, "%" PRId64 " s to go", seconds);
    else if (seconds < 3600)
        snprintf(text, size, "%" PRId64 " min %" PRId64 " s to go", seconds / 60, seconds % 60);
    else if (seconds < SECONDS_OF_DAY)
        snprintf(text, size, "%" PRId64 " h %" PRId64 " min to go", seconds / 3600,
                 seconds / 60 % 60);
    else
        snprintf(text, size, "%" PRId64 " d %" PRId64 " h to go", seconds / SECONDS_OF_DAY,
                 seconds / 3600 % 24);
    return text;
}

const char *reassign_progress_text(const struct reassign_progress *progress, char *text,
                                   size_t size) {
    int64_t left = progress->total_bytes - progress->copied_bytes;
    char copied[SHORT_TEXT], total[SHORT_TEXT], rest[SHORT_TEXT], rate[SHORT_TEXT];
    char seconds[SHORT_TEXT * 2];

    snprintf(text, size, "%s of %s copied, %s left, %s/s, %s",
             log_size_text(progress->copied_bytes, copied, sizeof(copied)),
             log_size_text(progress->total_bytes, total, sizeof(total)),
             log_size_text(left > 0 ? left : 0, rest, sizeof(rest)),
             log_size_text(reassign_progress_rate(progress), rate, sizeof(rate)),
             seconds_text(reassign_progress_seconds_left(progress), seconds, sizeof(seconds)));
    return text;
}

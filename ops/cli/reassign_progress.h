/*
 * How far data has moved: what is copied, how fast, and how long it will still take. The rate is
 * that of the last ten seconds. Pure.
 */
#ifndef OPS_CLI_REASSIGN_PROGRESS_H
#define OPS_CLI_REASSIGN_PROGRESS_H

#include <stddef.h>
#include <stdint.h>

#define REASSIGN_SAMPLES_MAX 16

struct reassign_progress {
    struct {
        int64_t at_ms, copied_bytes;
    } samples[REASSIGN_SAMPLES_MAX]; /* oldest first */
    size_t count;
    int64_t copied_bytes, total_bytes;
};

/* `total_bytes` may grow, as records come in; what is copied may fall, where a replica was cut. */
void reassign_progress_note(struct reassign_progress *progress, int64_t now_ms,
                            int64_t copied_bytes, int64_t total_bytes);

/* Bytes per second; 0: nothing moves, or it is too early to tell. */
int64_t reassign_progress_rate(const struct reassign_progress *progress);
/* -1: nobody knows. */
int64_t reassign_progress_seconds_left(const struct reassign_progress *progress);

/* "1.2 GB of 3.4 GB copied, 2.2 GB left, 10.0 MB/s, 3 min 40 s to go"; gives `text`. */
const char *reassign_progress_text(const struct reassign_progress *progress, char *text,
                                   size_t size);

#endif

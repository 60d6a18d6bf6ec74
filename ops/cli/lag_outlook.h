/*
 * What follows from where a group is on a partition: how old the first unread record is, when the
 * group will have caught up, and when retention may delete that record.
 *
 * Pure.
 */
#ifndef OPS_CLI_LAG_OUTLOOK_H
#define OPS_CLI_LAG_OUTLOOK_H

#include <stdint.h>

#define LAG_OUTLOOK_UNKNOWN (-1) /* or never */

struct lag_facts {
    int64_t now_ms;
    int64_t lag;             /* in records; negative: not known */
    int64_t first_unread_ms; /* its timestamp; negative: not known */
    int64_t retention_ms;    /* negative: nothing is deleted for its age */
    double gain_per_second;  /* records read less records written; not above 0: does not catch up */
    int64_t retention_bytes; /* of the partition; negative: nothing is deleted for its size */
    double record_bytes;     /* on average; not above 0: not known */
    double written_per_second; /* records; negative: not measured */
};

struct lag_outlook {
    double seconds_behind;
    double seconds_to_catch_up;
    double seconds_to_loss; /* not before that, for its age or, as fast as is written, the size of
                             * what lies behind it; where the rate was not measured it is that since
                             * the first unread record */
};

struct lag_outlook lag_outlook_of(const struct lag_facts *facts);

/* "1h05m", "3d02h", "42s", "0.5s"; "-" if it is negative. */
void lag_outlook_text(double seconds, char *text, int size);

#endif

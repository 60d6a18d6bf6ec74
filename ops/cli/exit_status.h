/*
 * How the command ends, as operators' scripts see it.
 */
#ifndef OPS_CLI_EXIT_STATUS_H
#define OPS_CLI_EXIT_STATUS_H

#include <stddef.h>

enum exit_status {
    EXIT_OK = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_PARTLY_FAILED = 3,
    EXIT_REFUSED = 4, /* by a safety rule */
    EXIT_TIMED_OUT = 5,
    EXIT_NOT_AUTHORISED = 6,
    EXIT_UNHEALTHY = 7,
    EXIT_CANCELLED = 8
};

/* Each with its meaning, for the help and the manual. */
struct exit_status_row {
    enum exit_status status;
    const char *meaning;
};
extern const struct exit_status_row exit_status_rows[];
extern const size_t exit_status_row_count;

/* What an error of the library means for the whole command. */
enum exit_status exit_status_of(int error);

#endif

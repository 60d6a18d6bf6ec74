/*
 * How the command ends, as operators' scripts see it.
 */
#ifndef OPS_CLI_EXIT_STATUS_H
#define OPS_CLI_EXIT_STATUS_H

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

/* What an error of the library means for the whole command. */
enum exit_status exit_status_of(int error);

#endif

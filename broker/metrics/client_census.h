/*
 * How many connections there are of which client software, as clients call themselves. Only so many
 * sorts are told apart; one that nobody uses any more makes room for another.
 *
 * Threads: any. A lock is taken when a connection tells what it is, and when it ends.
 */
#ifndef BROKER_METRICS_CLIENT_CENSUS_H
#define BROKER_METRICS_CLIENT_CENSUS_H

#include <stddef.h>
#include <stdint.h>

#include "client/base/bytes.h"

#define CLIENT_SORTS_MAX      64 /* beyond that they are all "other" */
#define CLIENT_TEXT_BYTES_MAX 48 /* what is longer is cut */

struct client_census;

struct client_census *client_census_new(void);         /* NULL if there is no memory */
void client_census_free(struct client_census *census); /* accepts NULL */

/* A connection is of this software: returns its sort, for client_census_leave. */
size_t client_census_join(struct client_census *census, struct bytes name, struct bytes version);
void client_census_leave(struct client_census *census, size_t sort);

struct client_sort {
    char name[CLIENT_TEXT_BYTES_MAX + 1];
    char version[CLIENT_TEXT_BYTES_MAX + 1];
    int64_t connections; /* > 0 */
};
/* All sorts, of CLIENT_SORTS_MAX + 1 at most; returns how many. */
size_t client_census_read(struct client_census *census, struct client_sort *sorts);

#endif

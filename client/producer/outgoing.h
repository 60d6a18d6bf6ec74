/*
 * A record on its way through the interceptors: a copy of what the sender gave, and the headers
 * that were added to it.
 *
 * Threads: the sender's, under the producer's `intercepting`.
 */
#ifndef CLIENT_PRODUCER_OUTGOING_H
#define CLIENT_PRODUCER_OUTGOING_H

#include "client/base/check.h"
#include "client/base/error.h"
#include "client/cluster/interceptors.h"

struct barnabas_outgoing {
    struct barnabas_record record;
    struct barnabas_header *headers; /* ours once one was added; NULL: the sender's stand */
    size_t own_count;                /* the last ones, each in a block of its own */
};

void outgoing_init(struct barnabas_outgoing *outgoing, const struct barnabas_record *record);
void outgoing_done(struct barnabas_outgoing *outgoing);

/* Shows it to all of them, and tells them how it ended. */
void outgoing_show(struct barnabas_outgoing *outgoing,
                   const struct producer_interceptors *interceptors);
void interceptors_ack(const struct producer_interceptors *interceptors,
                      const struct barnabas_delivery *delivery);

#endif

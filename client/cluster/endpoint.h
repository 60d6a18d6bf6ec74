/*
 * The list of brokers to ask first: "host:port,host:port". A port may be absent (9092), an IPv6
 * address stands in brackets. Blanks around entries and empty entries are ignored.
 *
 * Pure. The caller frees the array with free().
 */
#ifndef CLIENT_CLUSTER_ENDPOINT_H
#define CLIENT_CLUSTER_ENDPOINT_H

#include <stddef.h>
#include <stdint.h>

#include "client/base/check.h"
#include "client/base/error.h"

#define ENDPOINT_HOST_MAX     256
#define ENDPOINT_PORT_DEFAULT 9092

struct endpoint {
    char host[ENDPOINT_HOST_MAX]; /* without brackets */
    uint16_t port;
};

/* Errors: CONFIG_INVALID (with a reason, also if there is no entry at all), OUT_OF_MEMORY. */
MUST_CHECK enum error endpoints_parse(const char *text, struct endpoint **endpoints, size_t *count,
                                      char *reason, size_t reason_size);

#endif

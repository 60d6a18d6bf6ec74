/* One page of a broker's admin listener. */
#ifndef OPS_CLI_HTTP_GET_H
#define OPS_CLI_HTTP_GET_H

#include <jansson.h>
#include <stdint.h>

/* The page as JSON, which the caller owns; NULL if nobody answers in time, or something else. */
json_t *http_get_json(const char *host, uint16_t port, const char *path, int timeout_ms);

#endif

#include "client/cluster/endpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char blanks[] = " \t\r\n";

/* The port behind the colon in [at, end). */
static bool port_parse(const char *at, const char *end, uint16_t *port) {
    unsigned number = 0;

    if (at == end)
        return false;
    for (; at < end; at++) {
        if (*at < '0' || *at > '9')
            return false;
        number = number * 10 + (unsigned)(*at - '0');
        if (number > UINT16_MAX)
            return false;
    }
    *port = (uint16_t)number;
    return number > 0;
}

/* One entry in [at, end), without blanks around it. */
static bool entry_parse(const char *at, const char *end, struct endpoint *endpoint) {
    const char *host_end;
    const char *rest;

    if (*at == '[') {
        at++;
        host_end = memchr(at, ']', (size_t)(end - at));
        if (host_end == NULL)
            return false;
        rest = host_end + 1;
    } else {
        host_end = memchr(at, ':', (size_t)(end - at));
        if (host_end == NULL)
            host_end = end;
        rest = host_end;
    }
    if (host_end == at || (size_t)(host_end - at) >= ENDPOINT_HOST_MAX)
        return false;
    memcpy(endpoint->host, at, (size_t)(host_end - at));
    endpoint->host[host_end - at] = '\0';
    endpoint->port = ENDPOINT_PORT_DEFAULT;
    return rest == end || (*rest == ':' && port_parse(rest + 1, end, &endpoint->port));
}

enum error endpoints_parse(const char *text, struct endpoint **endpoints, size_t *count,
                           char *reason, size_t reason_size) {
    size_t capacity = 1;
    size_t filled = 0;
    struct endpoint *list;

    for (const char *at = text; *at != '\0'; at++)
        capacity += *at == ',';
    list = calloc(capacity, sizeof(*list));
    if (list == NULL)
        return ERR_OUT_OF_MEMORY;
    for (const char *at = text;; at++) {
        const char *next = at + strcspn(at, ",");
        const char *end = next;

        at += strspn(at, blanks);
        while (end > at && strchr(blanks, end[-1]) != NULL)
            end--;
        if (at < end && !entry_parse(at, end, &list[filled++])) {
            snprintf(reason, reason_size, "\"%.*s\" is not host:port", (int)(end - at), at);
            free(list);
            return ERR_CONFIG_INVALID;
        }
        if (*next == '\0')
            break;
        at = next;
    }
    if (filled == 0) {
        snprintf(reason, reason_size, "no broker is named");
        free(list);
        return ERR_CONFIG_INVALID;
    }
    *endpoints = list;
    *count = filled;
    return ERR_NONE;
}

/*
 * Which versions of which requests a broker speaks, as its answer to ApiVersions says; and, where
 * it does not speak the version in which it was asked, which one to ask in next. Pure.
 *
 * Source: KIP-35, KIP-511; Apache Kafka 3.9, ApiVersionsResponse.
 */
#ifndef CLIENT_NET_SPOKEN_VERSIONS_H
#define CLIENT_NET_SPOKEN_VERSIONS_H

#include <stdint.h>

#include "client/base/check.h"
#include "client/base/error.h"
#include "client/wire/reader.h"

#define SPOKEN_API_COUNT 128

struct version_range {
    int16_t min;
    int16_t max; /* -1: the broker does not have the API */
};

struct spoken_versions {
    struct version_range ranges[SPOKEN_API_COUNT];
};

void spoken_versions_none(struct spoken_versions *spoken);
void spoken_versions_any(struct spoken_versions *spoken);

/* The newest version that both sides speak, at most `version_max`; -1 if none. */
int16_t spoken_version(const struct spoken_versions *spoken, int16_t api_key, int16_t version_max);

/* Reads the answer to ApiVersions of version `asked`. With NONE, `*next` is the version in which to
 * ask again, or -1 if all is known now. Errors: UNSUPPORTED_VERSION (there is no version in which
 * to ask), MALFORMED, OUT_OF_MEMORY, and the broker's own. */
MUST_CHECK enum error spoken_versions_read(struct spoken_versions *spoken, int16_t asked,
                                           struct wire_reader *body, int16_t *next);

#endif

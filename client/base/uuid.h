/*
 * A 16-byte UUID as Kafka uses it for topics, clusters and directories; all zero means absent.
 * Text form: base64url without padding, 22 characters.
 */
#ifndef CLIENT_BASE_UUID_H
#define CLIENT_BASE_UUID_H

#include <stdbool.h>
#include <stdint.h>

#include "client/base/bytes.h"
#include "client/base/check.h"
#include "client/base/error.h"

#define UUID_TEXT_SIZE 22

struct uuid {
    uint8_t bytes[16];
};

struct rng;

static inline bool uuid_is_zero(const struct uuid *uuid) {
    static const struct uuid zero;
    return memcmp(uuid, &zero, sizeof(zero)) == 0;
}

static inline bool uuid_equal(const struct uuid *a, const struct uuid *b) {
    return memcmp(a, b, sizeof(*a)) == 0;
}

/* A random version 4 UUID that is neither reserved (zero, one) nor begins with '-' as text, as
 * Kafka's Uuid.randomUuid. */
struct uuid uuid_random(struct rng *rng);

void uuid_to_text(const struct uuid *uuid, char text[UUID_TEXT_SIZE + 1]);

/* Errors: INVALID_REQUEST if `text` is not 22 characters of base64url. */
MUST_CHECK enum error uuid_from_text(struct bytes text, struct uuid *uuid);

#endif

/*
 * Whom a quota is for, and where it is kept: a user, a client, both, or an address; each by name or
 * as the default of those without a quota of their own. Names in paths are encoded.
 *
 * Threads: any. Source: Apache Kafka 3.9, ZkAdminManager, Sanitizer.
 */
#ifndef BROKER_API_QUOTA_ENTITY_H
#define BROKER_API_QUOTA_ENTITY_H

#include "client/base/arena.h"
#include "client/base/bytes.h"
#include "client/base/check.h"
#include "client/base/error.h"

#define QUOTA_MESSAGE_SIZE 256

enum quota_part { QUOTA_USER, QUOTA_CLIENT, QUOTA_IP, QUOTA_PART_COUNT };

/* "user", "client-id", "ip"; -1: another. */
const char *quota_part_name(enum quota_part part);
int quota_part_of(struct bytes name);

struct quota_entity {
    struct {
        bool is_set;
        struct bytes name; /* null: the default */
    } parts[QUOTA_PART_COUNT];
};

/* Errors: INVALID_REQUEST with a message: not one of the combinations above. */
MUST_CHECK enum error quota_entity_check(const struct quota_entity *entity,
                                         char message[QUOTA_MESSAGE_SIZE]);

/* Below /config, of a checked entity: "users/al%20ice/clients/<default>". In the arena; NULL past
 * its bound. */
const char *quota_entity_path(const struct quota_entity *entity, struct arena *arena);

/* "users/al%20ice"; NULL past the arena's bound. */
const char *quota_user_path(struct bytes user, struct arena *arena);

/* The other way; names are in the arena. False: no such path, or past the bound. */
MUST_CHECK bool quota_entity_of_path(const char *path, struct arena *arena,
                                     struct quota_entity *entity);

/* Which entities are asked for. */
enum quota_match { QUOTA_MATCH_NAME, QUOTA_MATCH_DEFAULT, QUOTA_MATCH_ANY };

struct quota_filter {
    struct {
        bool is_set;
        enum quota_match match;
        struct bytes name;
    } parts[QUOTA_PART_COUNT];
    bool is_strict; /* only entities without further parts */
};

bool quota_filter_matches(const struct quota_filter *filter, const struct quota_entity *entity);

#endif

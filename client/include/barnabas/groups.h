/*
 * Admin of consumer groups: which there are, who is in them, what they have committed; resetting
 * and deleting. Calls, errors, ownership and threads are as in admin.h.
 *
 * A group lives at its coordinator, which the calls find and follow. COORDINATOR_NOT_AVAILABLE and
 * COORDINATOR_LOAD_IN_PROGRESS are tried again until the time is up.
 */
#ifndef BARNABAS_GROUPS_H
#define BARNABAS_GROUPS_H

#include <barnabas/log_offsets.h>

#ifdef __cplusplus
extern "C" {
#endif

struct barnabas_group_listing {
    const char *group;
    const char *protocol_type; /* "consumer", "connect", ...; "": only offsets were committed */
    const char *state;         /* "Stable", "Empty", ...; "" if the broker is too old to tell */
};
struct barnabas_groups {
    size_t count;
    const struct barnabas_group_listing *items; /* by name */
    size_t silent_brokers;                      /* that gave no answer: their groups are missing */
    int error;                                  /* why the last of them gave none */
};
BARNABAS_API void barnabas_groups_free(struct barnabas_groups *groups); /* accepts NULL */

/* Asks every broker, each for up to `timeout_ms`. Fails only if none answers. */
BARNABAS_API int barnabas_admin_list_groups(struct barnabas_admin *admin, int64_t timeout_ms,
                                            struct barnabas_groups **groups);

struct barnabas_group_member {
    const char *member_id;
    const char *instance_id; /* "" of a dynamic member */
    const char *client_id;
    const char *host;
    /* What it reads, where the group's protocol is Kafka's own ("consumer"). */
    size_t partition_count;
    const struct barnabas_topic_partition *partitions;
};
struct barnabas_group {
    const char *name;
    const char *state; /* "Dead": there is no such group */
    const char *protocol_type;
    const char *protocol; /* the assignor's name; "" while there is none */
    size_t member_count;
    const struct barnabas_group_member *members;
};
BARNABAS_API void barnabas_group_free(struct barnabas_group *group); /* accepts NULL */

BARNABAS_API int barnabas_admin_describe_group(struct barnabas_admin *admin, const char *group,
                                               int64_t timeout_ms,
                                               struct barnabas_group **described);

/* Its offsets go as well. NON_EMPTY_GROUP while it has members; GROUP_ID_NOT_FOUND. */
BARNABAS_API int barnabas_admin_delete_group(struct barnabas_admin *admin, const char *group,
                                             int64_t timeout_ms);

/* All that the group has committed. A group that does not exist has committed nothing. */
BARNABAS_API int barnabas_admin_group_offsets(struct barnabas_admin *admin, const char *group,
                                              int64_t timeout_ms,
                                              struct barnabas_offsets **offsets);

/* Commits these lines for the group, which is made if there is none. UNKNOWN_MEMBER_ID for each
 * line while the group has members: they would commit over it. */
BARNABAS_API int barnabas_admin_set_group_offsets(struct barnabas_admin *admin, const char *group,
                                                  const struct barnabas_offset *offsets,
                                                  size_t count, int64_t timeout_ms,
                                                  struct barnabas_outcomes **outcomes);

/* GROUP_SUBSCRIBED_TO_TOPIC for each partition of a topic that members read. */
BARNABAS_API int
barnabas_admin_delete_group_offsets(struct barnabas_admin *admin, const char *group,
                                    const struct barnabas_topic_partition *partitions, size_t count,
                                    int64_t timeout_ms, struct barnabas_outcomes **outcomes);

#ifdef __cplusplus
}
#endif

#endif

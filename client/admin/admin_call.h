/*
 * How every admin call is made: the request is handed to the background thread, which sends it
 * to the right broker and reads the answer; the caller waits.
 *
 * The result of a call lives in an arena of its own, which the public object's free function
 * frees: all pointers in the result point there.
 *
 * Threads: admin_call_run on the caller's thread; `read` runs on the background thread, while
 * the caller waits, so that what the caller set up may be used without a lock.
 */
#ifndef CLIENT_ADMIN_ADMIN_CALL_H
#define CLIENT_ADMIN_ADMIN_CALL_H

#include <barnabas/admin.h>
#include <barnabas/groups.h>
#include <barnabas/log_offsets.h>
#include <barnabas/open_transactions.h>

#include "client/base/arena.h"
#include "client/cluster/call.h"
#include "client/cluster/handle.h"

struct barnabas_admin {
    struct handle handle;
};

/* The public object stands first, so that it can be freed by its own address. */
struct admin_result {
    union {
        struct barnabas_outcomes outcomes;
        struct barnabas_topics topics;
        struct barnabas_cluster cluster;
        struct barnabas_settings settings;
        struct barnabas_reassignments reassignments;
        struct barnabas_groups groups;
        struct barnabas_group group;
        struct barnabas_offsets offsets;
        struct barnabas_log_dirs log_dirs;
        struct barnabas_transactions transactions;
        struct barnabas_transaction transaction;
        struct barnabas_producers producers;
    };
    struct arena arena;
};

struct admin_call {
    /* Set by the caller. */
    int32_t target;
    const char *key; /* of a coordinator: the group or transactional id */
    const struct wire_api *api;
    int16_t version_max; /* 0: the newest */
    const void *request;
    int64_t timeout_ms;
    /* Turns a decoded response into `result`. NONE, an error to give up with, or a retriable one
     * to try again with, by which `result` has not been touched. */
    enum error (*read)(struct admin_call *call, const void *response);
    struct admin_result *result;

    /* The call's own. */
    struct cluster_call call;
    struct admin_wait *wait;
};

/* Errors: as the call's; `*result` is set if there is none. */
MUST_CHECK enum error admin_call_run(struct barnabas_admin *admin, struct admin_call *call,
                                     struct admin_result **result);

/* For what many calls gather. NULL if memory is out. */
struct admin_result *admin_result_new(void);
void admin_result_free(struct admin_result *result); /* accepts NULL */

/* Left to the broker of a call's time, so that its answer arrives before ours is up. */
int32_t broker_timeout_ms(int64_t timeout_ms);

/* A copy in an arena; null becomes "". NULL if memory is out. */
const char *text_in_arena(struct arena *arena, struct bytes text);

/* Into the result's arena; null becomes "". NULL if memory is out. */
const char *admin_text(struct admin_call *call, struct bytes text);

#endif

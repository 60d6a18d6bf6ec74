/*
 * One request to the broker that must answer it, tried until it is answered or its time is up.
 *
 * The call waits for metadata and connections, follows the controller and coordinators when they
 * move, and pauses between tries. What the answer means is its owner's business: `answered` says
 * whether the call is over.
 *
 * Threads: the loop's thread only. Ownership: the call is embedded; from cluster_call_start
 * until `finished` or cluster_call_cancel it and its request must stay where they are. Every
 * call must be over before cluster_free.
 */
#ifndef CLIENT_CLUSTER_CALL_H
#define CLIENT_CLUSTER_CALL_H

#include "client/cluster/cluster.h"

#define CALL_ANY_BROKER              (-1)
#define CALL_CONTROLLER              (-2)
#define CALL_GROUP_COORDINATOR       (-3)
#define CALL_TRANSACTION_COORDINATOR (-4)

struct call_sent;

struct cluster_call {
    /* Set by the owner before the start. */
    int32_t target;  /* a broker's id, or one of the above */
    const char *key; /* of a coordinator: the group or transactional id; valid until it is over */
    const struct wire_api *api;
    int16_t version_max;
    const void *request;
    int64_t deadline_ms;      /* monotonic */
    int64_t answer_within_ms; /* of one try; 0: request.timeout.ms */
    /* Reads an answer, which is valid during the call: NONE if the call is over; a retriable
     * error to try again, after asking for metadata; another one to give up with it. */
    enum error (*answered)(struct cluster_call *call, int16_t version, struct wire_reader *body);
    /* Once, at the end: NONE, or why there was no good answer: REQUEST_TIMED_OUT, or the last
     * error met if that says more. */
    void (*finished)(struct cluster_call *call, enum error error);

    /* The call's own. */
    struct cluster *cluster;
    struct cluster_listener listener;
    struct loop_timer timer; /* the pause between tries, or the deadline */
    struct call_sent *sent;  /* the try under way */
    enum error last_error;
    uint32_t failures;
    int64_t retry_at_ms;
    bool outcome_unknown; /* some try may have been carried out though nobody answered */
};

void cluster_call_start(struct cluster *cluster, struct cluster_call *call);

/* Whether nobody has carried it out nor can: it waits for a connection or pauses, and every try so
 * far was answered. */
bool cluster_call_is_idle(const struct cluster_call *call);

/* Ends it without `finished`. The request may have been carried out. */
void cluster_call_cancel(struct cluster_call *call);

#endif

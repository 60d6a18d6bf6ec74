/*
 * The controller inside a broker process: the pure core (controller/core) on a ZooKeeper
 * session. It stands for election once the broker is registered, and while it is elected takes
 * the cluster's decisions and answers requests about them.
 *
 * The process owns the session and tells the shell every session and watch event; the shell
 * ignores paths that are not its own, and events more than needed are harmless. When the session
 * is over it resigns at once; it stands again after the next controller_shell_broker_registered.
 * It expects Kafka's persistent paths and /barnabas/changes to exist (the process makes them at
 * its start), and does not touch /brokers/ids.
 *
 * Requests: each `done` is called exactly once, on the control thread, also when this broker is
 * not the controller (NOT_CONTROLLER) and when the term ends while the request waits
 * (NOT_CONTROLLER); possibly from within the call. controller_shell_free calls the outstanding
 * ones too.
 *
 * Threads: all on the control thread, which is the session's executor.
 * Ownership: what the config points to outlives the shell; requests and responses as in
 * controller/core/requests.h.
 */
#ifndef CONTROLLER_SHELL_CONTROLLER_SHELL_H
#define CONTROLLER_SHELL_CONTROLLER_SHELL_H

#include "client/base/check.h"
#include "client/base/clock.h"
#include "controller/core/requests.h"
#include "zk-schema/zk.h"

struct controller_shell;

/* One timer on the control thread, as a port. The process fills `arm` and `cancel`; the shell
 * sets `expired` and `context` before it arms. Arming again moves it. */
struct controller_timer {
    void (*arm)(struct controller_timer *timer, int64_t delay_ms);
    void (*cancel)(struct controller_timer *timer);
    void (*expired)(void *context);
    void *context;
};

/* What a controller is at, with the numbers of Kafka's ControllerState. */
enum controller_activity {
    CONTROLLER_ACTIVITY_IDLE,
    CONTROLLER_ACTIVITY_CONTROLLER_CHANGE, /* from standing for election until the term begins */
    CONTROLLER_ACTIVITY_BROKER_CHANGE,
    CONTROLLER_ACTIVITY_TOPIC_CHANGE, /* a request that makes topics or partitions */
    CONTROLLER_ACTIVITY_TOPIC_DELETION,
    CONTROLLER_ACTIVITY_REASSIGNMENT, /* a request that changes assignments; not the moving */
    CONTROLLER_ACTIVITY_AUTO_BALANCE,
    CONTROLLER_ACTIVITY_MANUAL_BALANCE,
    CONTROLLER_ACTIVITY_CONTROLLED_SHUTDOWN,
    CONTROLLER_ACTIVITY_ISR_CHANGE,
    CONTROLLER_ACTIVITY_DIRECTORY_CHANGE = 11,   /* data directories failed, or came back */
    CONTROLLER_ACTIVITY_SHUTDOWN,                /* of its thread, which we have not: never */
    CONTROLLER_ACTIVITY_UNCLEAN_ELECTIONS,       /* that became allowed for the cluster */
    CONTROLLER_ACTIVITY_TOPIC_UNCLEAN_ELECTIONS, /* that a topic's settings allow */
    CONTROLLER_ACTIVITY_LIST_REASSIGNMENTS,
    CONTROLLER_ACTIVITY_FEATURES = 17, /* with ZooKeeper there are none to be changed: never */
    CONTROLLER_ACTIVITIES
};

struct controller_report {
    int64_t step_ns; /* that the step took, with sending what it wants done */
    enum controller_activity activity;
    size_t topics_to_delete, replicas_to_delete;
};

struct controller_shell_config {
    struct zk *zk;
    struct controller_timer *timer;
    struct clock *clock;
    int32_t broker_id;
    uint64_t rng_seed;
    bool unclean_leader_election_enable; /* for topics that do not say */
    bool delete_topic_enable;
    bool auto_leader_rebalance_enable;
    int64_t leader_imbalance_check_interval_ms;
    int32_t leader_imbalance_per_broker_percentage;
    size_t changes_retained; /* entries of the change log; 0: as many as is usual */
    bool test_without_fence;
    bool test_without_registrations_check; /* false, but in a test that wants to see the fence
                                              missed */
    /* Optional: this broker's term began (`active`, with its epoch) or ended. */
    void (*on_term)(void *context, bool active, int32_t controller_epoch);
    /* Optional: so long after something had come to this controller, all that follows from it is
     * written: after a change of brokers, leaders are elected. */
    void (*on_done)(void *context, enum controller_activity activity, int64_t ns);
    /* Optional: after each step. */
    void (*on_step)(void *context, const struct controller_report *report);
    void *context;
};

MUST_CHECK enum error controller_shell_new(const struct controller_shell_config *config,
                                           struct controller_shell **created);
void controller_shell_free(struct controller_shell *shell); /* accepts NULL */

/* This broker's znode stands, with this czxid: stand for election. */
void controller_shell_broker_registered(struct controller_shell *shell, int64_t broker_epoch);

void controller_shell_on_session(struct controller_shell *shell, enum zk_session_state state);
void controller_shell_on_watch(struct controller_shell *shell, enum zk_event_kind kind,
                               const char *path);

/* /config/topics/`topic` changed: unclean elections may have become allowed. */
void controller_shell_on_topic_config(struct controller_shell *shell, struct bytes topic);

/* unclean.leader.election.enable for topics that do not say. */
void controller_shell_on_unclean_default(struct controller_shell *shell, bool allowed);

/* Whether this broker is the controller and has loaded the cluster. */
bool controller_shell_is_active(const struct controller_shell *shell);
int32_t controller_shell_epoch(const struct controller_shell *shell); /* 0 if not active */

typedef void
controller_create_topics_done(void *context,
                              const struct controller_create_topics_response *response);
void controller_shell_create_topics(struct controller_shell *shell,
                                    const struct controller_create_topics_request *request,
                                    controller_create_topics_done *done, void *context);

typedef void
controller_create_partitions_done(void *context,
                                  const struct controller_create_partitions_response *response);
void controller_shell_create_partitions(struct controller_shell *shell,
                                        const struct controller_create_partitions_request *request,
                                        controller_create_partitions_done *done, void *context);

typedef void
controller_delete_topics_done(void *context,
                              const struct controller_delete_topics_response *response);
void controller_shell_delete_topics(struct controller_shell *shell,
                                    const struct controller_delete_topics_request *request,
                                    controller_delete_topics_done *done, void *context);

typedef void
controller_alter_partition_done(void *context,
                                const struct controller_alter_partition_response *response);
void controller_shell_alter_partition(struct controller_shell *shell,
                                      const struct controller_alter_partition_request *request,
                                      controller_alter_partition_done *done, void *context);

typedef void
controller_elect_leaders_done(void *context,
                              const struct controller_elect_leaders_response *response);
void controller_shell_elect_leaders(struct controller_shell *shell,
                                    const struct controller_elect_leaders_request *request,
                                    controller_elect_leaders_done *done, void *context);

typedef void controller_allocate_producer_ids_done(
    void *context, const struct controller_allocate_producer_ids_response *response);
void controller_shell_allocate_producer_ids(
    struct controller_shell *shell, const struct controller_allocate_producer_ids_request *request,
    controller_allocate_producer_ids_done *done, void *context);

typedef void
controller_controlled_shutdown_done(void *context,
                                    const struct controller_controlled_shutdown_response *response);
void controller_shell_controlled_shutdown(
    struct controller_shell *shell, const struct controller_controlled_shutdown_request *request,
    controller_controlled_shutdown_done *done, void *context);

typedef void
controller_alter_reassignments_done(void *context,
                                    const struct controller_alter_reassignments_response *response);
void controller_shell_alter_reassignments(
    struct controller_shell *shell, const struct controller_alter_reassignments_request *request,
    controller_alter_reassignments_done *done, void *context);

/* Visits what is being reassigned, at once. False if this broker is not the controller. */
bool controller_shell_for_each_reassignment(const struct controller_shell *shell,
                                            controller_visit_reassignment *visit, void *context);
/* For on_done: a request to list them, which this controller answered, took so long. */
void controller_shell_listed_reassignments(struct controller_shell *shell, int64_t ns);

#endif

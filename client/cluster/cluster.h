/*
 * A client's connections to the brokers of a cluster, and its view of it.
 *
 * Finds a first broker among the bootstrap servers, asks it for metadata, keeps one connection
 * per broker that somebody needs, and asks again when told to (cluster_refresh), when an answer
 * showed something unsettled, and when metadata.max.age.ms is over. Brokers that cannot be
 * reached are tried again after a growing pause; when none of the known ones answers, the
 * bootstrap servers are asked again.
 *
 * Threads: the loop's thread only. Listeners are called there; they may call anything here but
 * cluster_free.
 */
#ifndef CLIENT_CLUSTER_CLUSTER_H
#define CLIENT_CLUSTER_CLUSTER_H

#include <barnabas/base.h>
#include <sys/queue.h>

#include "client/base/rng.h"
#include "client/cluster/settings.h"
#include "client/cluster/view.h"
#include "client/net/connection.h"

struct cluster;

/* Told when something changed that a waiting request may have waited for. Embed it. */
struct cluster_listener {
    /* The view has been updated; a broker's connection has become ready, or was lost. */
    void (*changed)(struct cluster_listener *listener);
    TAILQ_ENTRY(cluster_listener) next;
};

/* Where events of a handle are reported; `write` NULL: nowhere. */
struct cluster_log {
    barnabas_logger *write;
    void *context;
};

/* `settings` must outlive the cluster. Connects when something is asked of it.
 * Errors: CONFIG_INVALID (bootstrap.servers; with a reason), OUT_OF_MEMORY. */
MUST_CHECK enum error cluster_new(struct loop *loop, const struct settings *settings,
                                  const struct cluster_log *log, struct cluster **created,
                                  char *reason, size_t reason_size);

/* Closes all connections: callbacks of requests get CANCELLED first. Accepts NULL. Before the
 * loop runs or after it has ended it may be called by whoever owns the loop. */
void cluster_free(struct cluster *cluster);

void cluster_listen(struct cluster *cluster, struct cluster_listener *listener);
void cluster_unlisten(struct cluster *cluster, struct cluster_listener *listener);

const struct view *cluster_view(const struct cluster *cluster);
const struct settings *cluster_settings(const struct cluster *cluster);
struct loop *cluster_loop(const struct cluster *cluster);
struct rng *cluster_rng(struct cluster *cluster);
int64_t cluster_now_ms(const struct cluster *cluster); /* monotonic */

/* Includes the topic in metadata from now on, and asks for it if it is new. */
MUST_CHECK enum error cluster_want_topic(struct cluster *cluster, const char *topic);
void cluster_unwant_topic(struct cluster *cluster, const char *topic);

/* Includes every topic of the cluster from now on, or no longer. */
void cluster_want_all_topics(struct cluster *cluster, bool wanted);

/* Whether all have been heard of since they are wanted. */
bool cluster_knows_all_topics(const struct cluster *cluster);

/* Asks for metadata as soon as the pause between requests allows. */
void cluster_refresh(struct cluster *cluster);

/* As view_learn_leader: listeners hear of it if it is news. */
void cluster_learn_leader(struct cluster *cluster, const char *topic, int32_t partition,
                          int32_t leader_id, int32_t leader_epoch);

/* The broker's connection if it is ready for requests. Else NULL, and it is being connected, now
 * or after its pause; listeners hear of it. An unknown broker gives NULL and a refresh. */
struct connection *cluster_connection(struct cluster *cluster, int32_t broker_id);

/* A ready connection to any broker, the least busy; else NULL as above. */
struct connection *cluster_any_connection(struct cluster *cluster);

/* Key types of FindCoordinator. */
enum coordinator_kind { COORDINATOR_GROUP = 0, COORDINATOR_TRANSACTION = 1 };

/* A connection of its own to whoever coordinates the key, if it is ready. Else NULL, and it is
 * being found or connected to; listeners hear of it. `*error` is set, and else untouched, if the
 * cluster refuses to name one. */
struct connection *cluster_coordinator_connection(struct cluster *cluster,
                                                  enum coordinator_kind kind, const char *key,
                                                  enum error *error);

/* The broker says it does not coordinate the key, or does not answer: asks anew. */
void cluster_forget_coordinator(struct cluster *cluster, enum coordinator_kind kind,
                                const char *key);

/* Tells all listeners. */
void cluster_tell(struct cluster *cluster);

/* Connections are being closed for good: callbacks come, but nothing is to be begun. */
bool cluster_is_freeing(const struct cluster *cluster);

/* Whether the broker's last connection attempt failed and none has succeeded since, or it is not
 * known. */
bool cluster_broker_failed(const struct cluster *cluster, int32_t broker_id);

/* Why no broker can be reached: the last failure of a connection; NONE while one is ready. */
enum error cluster_trouble(const struct cluster *cluster);

void cluster_log_write(const struct cluster *cluster, enum barnabas_log_level level,
                       const char *event, const char *format, ...) PRINTF_LIKE(4, 5);

#endif

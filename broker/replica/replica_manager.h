/*
 * All partitions that this broker hosts: finding them, giving them their roles as the metadata
 * changes, and starting and stopping their fetchers.
 *
 * Threads: the finders may be called from any thread (a read lock around a hash table; nothing
 * is done under it); everything else on the control thread.
 */
#ifndef BROKER_REPLICA_REPLICA_MANAGER_H
#define BROKER_REPLICA_REPLICA_MANAGER_H

#include "broker/log/log_manager.h"
#include "broker/metadata/metadata_builder.h"
#include "broker/replica/cleaner_counters.h"
#include "broker/replica/partition.h"

struct replica_manager;

/* How partitions get their data as followers: the fetchers, as a port. Control thread. */
struct follower_source {
    /* Fetch for `partition` from `leader_id`, at its log end, from now on; replaces what was. */
    void (*follow)(void *context, struct partition *partition, int32_t leader_id,
                   int32_t leader_epoch);
    void (*unfollow)(void *context, struct partition *partition);
    void *context;
};

struct replica_manager_config {
    int32_t broker_id;
    int64_t replica_lag_ms_max;
    int64_t guard_bytes_max; /* partition.h */
    int32_t mover_threads;   /* that move replicas between directories, at most; 0: one */
    struct clock *clock;
    struct log_manager *logs;
    struct follower_source source;
    bool (*is_broker_alive)(void *context, int32_t broker_id);       /* any thread */
    void (*propose_isr)(void *context, struct partition *partition); /* any thread */
    /* The settings of a topic's logs, and its min.insync.replicas. */
    void (*topic_settings)(void *context, const struct metadata_topic *topic,
                           struct log_config *log_config, int32_t *min_isr);
    void *context;
};

MUST_CHECK enum error replica_manager_new(const struct replica_manager_config *config,
                                          struct replica_manager **created);
/* What throttled replicas may take from here and bring here, and what may be copied from one
 * directory to another; INT64_MAX: no bound. */
void replica_manager_throttle(struct replica_manager *manager, int64_t leader_bytes_per_second,
                              int64_t follower_bytes_per_second, int64_t move_bytes_per_second);
/* Before the first state: this process is registered since that transaction. Control thread. */
void replica_manager_registered(struct replica_manager *manager, int64_t zxid);
/* The logs may have lost records before the registration `zxid`: a state that is older and names
 * this broker as leader does not make it lead. It would give the offsets of what it lost to other
 * records of the same leader epoch. The controller sees the registration and decides anew. */
void replica_manager_lead_since(struct replica_manager *manager, int64_t zxid);
/* This broker is about to stop: where it is not in the ISR it follows nobody from the next state
 * on. A leader that it fetched from would propose it for the ISR, in vain, and hold back the high
 * watermark until the controller has refused, or until this broker is gone. (Kafka's controller
 * sends StopReplica.) Control thread. */
void replica_manager_depart(struct replica_manager *manager);
/* All partitions give up their roles and wake who waits for them; their logs stay open. */
void replica_manager_retire_all(struct replica_manager *manager);
/* Retires what is left. Accepts NULL. */
void replica_manager_free(struct replica_manager *manager);

/* The caller owns a reference; NULL if not hosted. */
struct partition *replica_manager_find(struct replica_manager *manager, struct bytes topic,
                                       int32_t index);
struct partition *replica_manager_find_by_id(struct replica_manager *manager,
                                             const struct uuid *topic_id, int32_t index);

/* Follows what changed between two snapshots. `gone` says what becomes of the logs of topics that
 * are there no more: DELETE where the controller deleted them (an entry of the change log),
 * SET_ASIDE where they were merely missing in a full load, or somebody else removed their znodes,
 * which a mistake of an operator could cause. */
void replica_manager_apply(struct replica_manager *manager,
                           const struct metadata_topic_change *changes, int32_t change_count,
                           enum retired_log gone);

/* What `topic_settings` says has changed for any topic: it is asked again for each. */
void replica_manager_apply_settings(struct replica_manager *manager,
                                    const struct metadata *metadata);

/* After the first full load: sets aside the logs of topics and partitions that the cluster does
 * not know, or does not assign to this broker (deleted or moved while it was away). */
void replica_manager_set_strays_aside(struct replica_manager *manager,
                                      const struct metadata *metadata);

/* Begins to move a replica to the directory of that path; the one where it is ends a move. A
 * replica that is not here yet is made there when it comes: REPLICA_NOT_AVAILABLE. Other errors, as
 * Kafka's: INVALID_TOPIC_EXCEPTION (the name is too long for a future folder), LOG_DIR_NOT_FOUND,
 * KAFKA_STORAGE_ERROR (it, or any directory, is offline), the log manager's. */
MUST_CHECK enum error replica_manager_move(struct replica_manager *manager, struct bytes topic,
                                           int32_t index, struct bytes path);

/* Every partition that this broker leads is looked at for lagging followers. Call it every half
 * of replica.lag.time.max.ms. */
void replica_manager_check_lag(struct replica_manager *manager);

/* Every replica lets its old segments go. Any thread; waits for the disk. */
void replica_manager_apply_retention(struct replica_manager *manager);

/* On all replicas: see partition_expire_producers. Any thread. */
void replica_manager_expire_producers(struct replica_manager *manager, int64_t expiration_ms);

/* What all topics together take in and give out, and what happened to ISRs. Any thread; as long as
 * the manager. */
struct traffic_meter *replica_manager_traffic(struct replica_manager *manager);
const struct isr_counters *replica_manager_isr_counters(const struct replica_manager *manager);
/* For the cleaner to count in; any may read. */
struct cleaner_counters *replica_manager_cleaner_counters(struct replica_manager *manager);

/* Each hosted topic and its meter, in no order; no lock is held. Any thread. */
typedef void replica_manager_visit_topic(void *context, const char *topic,
                                         const struct traffic_meter *traffic);
void replica_manager_for_each_topic(struct replica_manager *manager,
                                    replica_manager_visit_topic *visit, void *context);

/* Replicas in directories that failed fetch no more, and none is moved into one. Control thread. */
void replica_manager_stop_offline(struct replica_manager *manager);

typedef void replica_manager_visit_offline(void *context, const struct metadata_topic *topic,
                                           int32_t partition);
/* Every replica that is this broker's and not here, or in a directory that failed. */
void replica_manager_for_each_offline(struct replica_manager *manager,
                                      const struct metadata *metadata,
                                      replica_manager_visit_offline *visit, void *context);

typedef void replica_manager_visit(void *context, struct partition *partition);
/* Each with a reference held during the call, no lock held. Any thread. */
void replica_manager_for_each(struct replica_manager *manager, replica_manager_visit *visit,
                              void *context);

#endif

/*
 * Where every znode is, below the chroot. zk-schema/README.md shows the whole tree.
 *
 * Builders write into the caller's buffer; names of topics are at most 249 bytes, so that
 * ZNODE_PATH_SIZE always suffices.
 */
#ifndef ZK_SCHEMA_PATHS_H
#define ZK_SCHEMA_PATHS_H

#include "client/base/bytes.h"

#define ZNODE_PATH_SIZE 512

#define PATH_BROKER_IDS           "/brokers/ids"
#define PATH_BROKER_SEQUENCE      "/brokers/seqid"
#define PATH_TOPICS               "/brokers/topics"
#define PATH_CLUSTER              "/cluster"
#define PATH_CLUSTER_ID           "/cluster/id"
#define PATH_CONTROLLER           "/controller"
#define PATH_CONTROLLER_EPOCH     "/controller_epoch"
#define PATH_DELETE_TOPICS        "/admin/delete_topics"
#define PATH_REASSIGN_PARTITIONS  "/admin/reassign_partitions"
#define PATH_PREFERRED_ELECTION   "/admin/preferred_replica_election"
#define PATH_ISR_NOTIFICATION     "/isr_change_notification"
#define PATH_LOG_DIR_NOTIFICATION "/log_dir_event_notification"
#define PATH_CONFIG_TOPICS        "/config/topics"
#define PATH_CONFIG_BROKERS       "/config/brokers"
#define PATH_CONFIG_CHANGES       "/config/changes"
#define PATH_PRODUCER_ID_BLOCK    "/latest_producer_id_block"
#define PATH_FEATURE              "/feature"
#define PATH_CHANGES              "/barnabas/changes"          /* ours */
#define PATH_REGISTRATIONS        "/barnabas/registrations"    /* ours */
#define PATH_UNCLEAN_RESTARTS     "/barnabas/unclean_restarts" /* ours */
#define PATH_OFFLINE_REPLICAS     "/barnabas/offline_replicas" /* ours */
#define PATH_CHANGE_PREFIX        PATH_CHANGES "/change_"
#define PATH_LOG_DIR_EVENT_PREFIX PATH_LOG_DIR_NOTIFICATION "/log_dir_event_"
#define PATH_CONFIG_CHANGE_PREFIX PATH_CONFIG_CHANGES "/config_change_"

/* The persistent znodes that every broker makes at its start, parents before children, each with
 * null data, in Kafka's order and ours behind. */
extern const char *const startup_paths[];
extern const size_t startup_path_count;

struct znode_path {
    char text[ZNODE_PATH_SIZE];
};

struct znode_path path_of_broker(int32_t broker_id);
struct znode_path path_of_unclean_restart(int32_t broker_id);
struct znode_path path_of_offline_replicas(int32_t broker_id);
struct znode_path path_of_topic(struct bytes topic);
struct znode_path path_of_partitions(struct bytes topic);
struct znode_path path_of_partition(struct bytes topic, int32_t partition);
struct znode_path path_of_partition_state(struct bytes topic, int32_t partition);
struct znode_path path_of_topic_config(struct bytes topic);
struct znode_path path_of_deleted_topic(struct bytes topic);
struct znode_path path_of_change(uint32_t sequence);
struct znode_path path_of_config_change(uint32_t sequence);
/* `parent` "/" `name`, of any listing. */
struct znode_path path_of_child(const char *parent, const char *name);

/* The last component of a path. */
struct bytes path_name(const char *path);

/* A broker id from the name of a child of /brokers/ids (or of unclean restarts); false if it is no
 * number. */
bool path_broker_id(const char *name, int32_t *broker_id);

/* The number behind the last '_' of a sequential node's name; false if there is none. */
bool path_sequence(const char *name, uint32_t *sequence);

#endif

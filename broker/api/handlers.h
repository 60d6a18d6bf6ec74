/*
 * The handlers, one per API, each in the file named after its family. Adding an API costs its file
 * and a line here and in api_dispatch.c.
 */
#ifndef BROKER_API_HANDLERS_H
#define BROKER_API_HANDLERS_H

#include "broker/api/api.h"

extern const struct api_handler api_produce;                         /* produce.c */
extern const struct api_handler api_fetch;                           /* fetch.c */
extern const struct api_handler api_list_offsets;                    /* offsets.c */
extern const struct api_handler api_offset_for_leader_epoch;         /* offsets.c */
extern const struct api_handler api_metadata;                        /* metadata.c */
extern const struct api_handler api_describe_cluster;                /* metadata.c */
extern const struct api_handler api_find_coordinator;                /* coordinators.c */
extern const struct api_handler api_init_producer_id;                /* init_producer_id.c */
extern const struct api_handler api_api_versions;                    /* api_versions.c */
extern const struct api_handler api_delete_records;                  /* delete_records.c */
extern const struct api_handler api_join_group;                      /* group_members.c */
extern const struct api_handler api_sync_group;                      /* group_members.c */
extern const struct api_handler api_heartbeat;                       /* group_members.c */
extern const struct api_handler api_leave_group;                     /* group_members.c */
extern const struct api_handler api_describe_groups;                 /* group_admin.c */
extern const struct api_handler api_list_groups;                     /* group_admin.c */
extern const struct api_handler api_delete_groups;                   /* group_admin.c */
extern const struct api_handler api_offset_commit;                   /* committed_offsets.c */
extern const struct api_handler api_offset_delete;                   /* committed_offsets.c */
extern const struct api_handler api_offset_fetch;                    /* fetched_offsets.c */
extern const struct api_handler api_create_topics;                   /* topics.c */
extern const struct api_handler api_delete_topics;                   /* topics.c */
extern const struct api_handler api_create_partitions;               /* partitions.c */
extern const struct api_handler api_elect_leaders;                   /* elections.c */
extern const struct api_handler api_alter_partition_reassignments;   /* reassignments.c */
extern const struct api_handler api_list_partition_reassignments;    /* reassignments.c */
extern const struct api_handler api_describe_configs;                /* describe_configs.c */
extern const struct api_handler api_alter_configs;                   /* alter_configs.c */
extern const struct api_handler api_incremental_alter_configs;       /* alter_configs.c */
extern const struct api_handler api_alter_partition;                 /* inter_broker.c */
extern const struct api_handler api_controlled_shutdown;             /* inter_broker.c */
extern const struct api_handler api_allocate_producer_ids;           /* inter_broker.c */
extern const struct api_handler api_write_txn_markers;               /* transaction_markers.c */
extern const struct api_handler api_describe_producers;              /* describe_producers.c */
extern const struct api_handler api_describe_log_dirs;               /* describe_log_dirs.c */
extern const struct api_handler api_alter_replica_log_dirs;          /* alter_replica_log_dirs.c */
extern const struct api_handler api_add_partitions_to_txn;           /* transactions.c */
extern const struct api_handler api_add_offsets_to_txn;              /* transactions.c */
extern const struct api_handler api_txn_offset_commit;               /* txn_offset_commit.c */
extern const struct api_handler api_end_txn;                         /* transactions.c */
extern const struct api_handler api_describe_transactions;           /* transaction_admin.c */
extern const struct api_handler api_list_transactions;               /* transaction_admin.c */
extern const struct api_handler api_describe_acls;                   /* acls.c */
extern const struct api_handler api_create_acls;                     /* acls.c */
extern const struct api_handler api_delete_acls;                     /* acls.c */
extern const struct api_handler api_sasl_handshake;                  /* authentication.c */
extern const struct api_handler api_sasl_authenticate;               /* authentication.c */
extern const struct api_handler api_create_delegation_token;         /* authentication.c */
extern const struct api_handler api_renew_delegation_token;          /* authentication.c */
extern const struct api_handler api_expire_delegation_token;         /* authentication.c */
extern const struct api_handler api_describe_delegation_token;       /* authentication.c */
extern const struct api_handler api_update_features;                 /* features.c */
extern const struct api_handler api_consumer_group_heartbeat;        /* next_groups.c */
extern const struct api_handler api_consumer_group_describe;         /* next_groups.c */
extern const struct api_handler api_describe_client_quotas;          /* client_quotas.c */
extern const struct api_handler api_alter_client_quotas;             /* client_quotas.c */
extern const struct api_handler api_describe_user_scram_credentials; /* scram_credentials.c */
extern const struct api_handler api_alter_user_scram_credentials;    /* scram_credentials.c */

#endif

/* Every command's row, from the file that is named after it. */
#ifndef OPS_CLI_COMMAND_TABLE_H
#define OPS_CLI_COMMAND_TABLE_H

struct command;

extern const struct command command_topic_create;
extern const struct command command_topic_alter;
extern const struct command command_topic_list;
extern const struct command command_topic_describe;
extern const struct command command_topic_delete;
extern const struct command command_topic_tail;
extern const struct command command_records_delete;
extern const struct command command_produce;
extern const struct command command_consume;
extern const struct command command_cluster_describe;
extern const struct command command_cluster_health;
extern const struct command command_broker_list;
extern const struct command command_leader_elect;
extern const struct command command_leader_move;
extern const struct command command_partition_reassign;
extern const struct command command_partition_move_dir;
extern const struct command command_broker_shutdown;
extern const struct command command_whatif;
extern const struct command command_config_describe;
extern const struct command command_config_alter;
extern const struct command command_log;
extern const struct command command_group_list;
extern const struct command command_group_describe;
extern const struct command command_group_lag;
extern const struct command command_group_losses;
extern const struct command command_group_reset_offsets;
extern const struct command command_group_delete;
extern const struct command command_transaction_list;
extern const struct command command_transaction_describe;
extern const struct command command_transaction_producers;
extern const struct command command_transaction_find_hanging;
extern const struct command command_transaction_abort;
extern const struct command command_bench_produce;
extern const struct command command_bench_consume;
extern const struct command command_bench_end_to_end;
extern const struct command command_completion;
extern const struct command command_manual;
extern const struct command command_help;
extern const struct command command_version;

#endif

#include "ops/cli/command_table.h"

#include "ops/cli/command.h"

const struct command *const commands[] = {
    &command_topic_create,
    &command_topic_list,
    &command_topic_describe,
    &command_topic_alter,
    &command_topic_delete,
    &command_topic_tail,
    &command_produce,
    &command_consume,
    &command_cluster_describe,
    &command_cluster_health,
    &command_broker_list,
    &command_leader_elect,
    &command_leader_move,
    &command_partition_reassign,
    &command_partition_move_dir,
    &command_broker_shutdown,
    &command_whatif,
    &command_config_describe,
    &command_config_alter,
    &command_log,
    &command_group_list,
    &command_group_describe,
    &command_group_lag,
    &command_group_losses,
    &command_group_reset_offsets,
    &command_group_delete,
    &command_bench_produce,
    &command_bench_consume,
    &command_bench_end_to_end,
    &command_completion,
    &command_help,
    &command_version,
};

const size_t command_count = sizeof(commands) / sizeof(commands[0]);

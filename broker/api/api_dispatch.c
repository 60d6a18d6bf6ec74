#include "broker/api/api.h"
#include "broker/api/handlers.h"

const struct api_handler *const api_handlers[] = {
    &api_produce,
    &api_fetch,
    &api_list_offsets,
    &api_metadata,
    &api_controlled_shutdown,
    &api_find_coordinator,
    &api_api_versions,
    &api_create_topics,
    &api_delete_topics,
    &api_delete_records,
    &api_init_producer_id,
    &api_offset_for_leader_epoch,
    &api_describe_configs,
    &api_alter_configs,
    &api_create_partitions,
    &api_elect_leaders,
    &api_alter_partition_reassignments,
    &api_list_partition_reassignments,
    &api_incremental_alter_configs,
    &api_alter_partition,
    &api_describe_cluster,
    &api_allocate_producer_ids,
};
const size_t api_handler_count = ARRAY_COUNT(api_handlers);

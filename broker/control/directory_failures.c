#include "broker/control/directory_failures.h"

#include <stdlib.h>

#include "client/base/arena.h"
#include "client/base/logger.h"
#include "zk-schema/admin_znode.h"
#include "zk-schema/paths.h"

#define LIST_BYTES_MAX ((size_t)64 << 20)

struct offline_list {
    struct admin_partition *partitions;
    size_t count, capacity;
};

static void add(void *context, const struct metadata_topic *topic, int32_t partition) {
    struct offline_list *list = context;

    if (list->count == list->capacity) {
        list->capacity = list->capacity == 0 ? 64 : list->capacity * 2;
        list->partitions = realloc(list->partitions, list->capacity * sizeof(*list->partitions));
        CHECK(list->partitions != NULL);
    }
    list->partitions[list->count++] =
        (struct admin_partition){.topic = topic->name, .partition = partition};
}

static void on_told(void *context, const struct zk_result *result) {
    struct directory_failures *failures = context;

    failures->is_under_way = false;
    switch ((int)result->error) {
    case ERR_NONE:
        failures->exists = true;
        break;
    case ERR_ZK_NODE_EXISTS:
    case ERR_ZK_NO_NODE:
        /* Of our session before this one; or gone with it. */
        failures->exists = result->error == ERR_ZK_NODE_EXISTS;
        failures->is_wanted = true;
        break;
    case ERR_CANCELLED:
        break;
    default:
        LOG_WARN("offline_replicas_not_told", "error=%s action=\"tried again\"",
                 error_name(result->error));
        failures->is_wanted = true;
        break;
    }
}

static void tell(struct directory_failures *failures) {
    const struct metadata *metadata = metadata_cache_get(failures->metadata);
    struct znode_path path = path_of_offline_replicas(failures->broker_id);
    struct offline_list list = {0};
    struct zk_op ops[3];
    struct arena arena;
    size_t count = 0;

    arena_init(&arena, LIST_BYTES_MAX);
    replica_manager_for_each_offline(failures->replicas, metadata, add, &list);
    LOG_WARN("offline_replicas", "directories=%d replicas=%zu", failures->known, list.count);
    /* Deleted and made again, so that it belongs to this session. */
    if (failures->exists)
        ops[count++] =
            (struct zk_op){.kind = ZK_OP_DELETE, .path = path.text, .version = ZK_ANY_VERSION};
    ops[count++] = (struct zk_op){
        .kind = ZK_OP_CREATE,
        .path = path.text,
        .data = offline_replicas_znode_encode(list.partitions, (int32_t)list.count, &arena),
        .flags = ZK_EPHEMERAL,
    };
    ops[count++] = (struct zk_op){
        .kind = ZK_OP_CREATE,
        .path = PATH_LOG_DIR_EVENT_PREFIX,
        .data = log_dir_event_znode_encode(failures->broker_id, &arena),
        .flags = ZK_SEQUENTIAL,
    };
    failures->is_wanted = false;
    failures->is_under_way = true;
    zk_multi(failures->zk, ops, count, on_told, failures);
    free(list.partitions);
    arena_done(&arena);
    metadata_unref(metadata);
}

void directory_failures_tell_again(struct directory_failures *failures) {
    failures->is_wanted = failures->known > 0;
}

void directory_failures_on_time(struct directory_failures *failures) {
    int failed = log_manager_failed_directories(failures->logs);

    if (failed != failures->known) {
        failures->known = failed;
        failures->is_wanted = true;
        replica_manager_stop_offline(failures->replicas);
    }
    if (failures->is_wanted && !failures->is_under_way)
        tell(failures);
}

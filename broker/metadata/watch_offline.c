#include <stdlib.h>

#include "broker/metadata/metadata_watcher_internal.h"
#include "client/base/logger.h"
#include "zk-schema/admin_znode.h"

/*
 * /barnabas/offline_replicas/N: which of its replicas a broker has in directories that failed. One
 * watch of the children tells of all brokers: a list is replaced by deleting its node and making it
 * anew.
 */

/* A group of reads whose result replaces what is known. */
struct offline_reads {
    struct metadata_watcher *watcher;
    uint64_t generation;
    size_t outstanding;
    struct metadata_offline *items;
    int32_t count;
    bool is_lost; /* what is known stays as it is */
    struct arena arena;
};

struct offline_read {
    struct offline_reads *group;
    int32_t broker_id;
};

/* Mostly nothing was and nothing is. */
static bool is_known(const struct metadata_watcher *watcher, const struct offline_reads *group) {
    const struct metadata *current = metadata_cache_get(watcher->config.cache);
    bool is_same = current->offline_count == 0 && group->count == 0;

    metadata_unref(current);
    return is_same;
}

static void reads_done(struct offline_reads *group) {
    struct metadata_watcher *watcher = group->watcher;

    if (--group->outstanding > 0)
        return;
    /* The end of a load asks again. */
    if (group->generation == watcher->generation && !group->is_lost && !watcher->is_loading &&
        !is_known(watcher, group)) {
        struct metadata_builder *builder = watcher_builder_on_current(watcher);
        metadata_builder_set_offline(builder, group->items, group->count);
        watcher_publish(watcher, builder, false);
    }
    arena_done(&group->arena);
    free(group->items);
    free(group);
}

static void add(struct offline_reads *group, int32_t broker_id, const struct zk_result *result) {
    struct znode_path path = path_of_offline_replicas(broker_id);
    const struct admin_partition *partitions;
    struct znode_error problem;
    int32_t count;

    if (offline_replicas_znode_decode(path.text, result->data, &group->arena, &partitions, &count,
                                      &problem) != ERR_NONE) {
        LOG_ERROR("znode_invalid", "reason=%s", LOG_QUOTED_TEXT(problem.text));
        return;
    }
    group->items =
        realloc(group->items, (size_t)(group->count + count + 1) * sizeof(*group->items));
    CHECK(group->items != NULL);
    for (int32_t i = 0; i < count; i++)
        group->items[group->count++] =
            (struct metadata_offline){partitions[i].topic, partitions[i].partition, broker_id};
}

static void on_list(void *context, const struct zk_result *result) {
    struct offline_read *read = context;
    struct offline_reads *group = read->group;

    if (watcher_is_session_trouble(result->error))
        group->is_lost = true;
    if (result->error == ERR_NONE)
        add(group, read->broker_id, result);
    free(read);
    reads_done(group);
}

static void on_children(void *context, const struct zk_result *result) {
    struct offline_reads *group = context;

    /* No node: a cluster whose controllers know nothing of it. */
    group->is_lost = result->error != ERR_NONE && result->error != ERR_ZK_NO_NODE;
    for (size_t i = 0; !group->is_lost && i < result->child_count; i++) {
        struct offline_read *read;
        int32_t id;
        if (!path_broker_id(result->children[i], &id))
            continue;
        read = calloc(1, sizeof(*read));
        CHECK(read != NULL);
        *read = (struct offline_read){group, id};
        group->outstanding++;
        zk_get(group->watcher->config.zk, path_of_offline_replicas(id).text, false, on_list, read);
    }
    reads_done(group);
}

void watcher_read_offline(struct metadata_watcher *watcher) {
    struct offline_reads *group = calloc(1, sizeof(*group));

    CHECK(group != NULL);
    group->watcher = watcher;
    group->generation = watcher->generation;
    group->outstanding = 1;
    arena_init(&group->arena, WATCHER_ARENA_BYTES_MAX);
    zk_children(watcher->config.zk, PATH_OFFLINE_REPLICAS, true, on_children, group);
}

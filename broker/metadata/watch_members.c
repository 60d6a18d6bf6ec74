#include <stdlib.h>

#include "broker/metadata/metadata_decode.h"
#include "broker/metadata/metadata_watcher_internal.h"
#include "client/base/logger.h"
#include "zk-schema/controller_znode.h"

/* A group of reads whose result replaces the list of brokers. */
struct broker_reads {
    struct metadata_watcher *watcher;
    uint64_t generation;
    size_t outstanding;
    struct metadata_broker *brokers;
    size_t count;
    bool is_lost;       /* with the connection, or history */
    bool is_unreadable; /* the list stays as it is */
    struct arena arena;
};

struct broker_read {
    struct broker_reads *group;
    int32_t id;
};

/* Into the load, if one is under way: it is of the same generation, so it asked for this. */
static void apply_brokers(struct metadata_watcher *watcher, const struct broker_reads *group) {
    bool with_load = watcher->is_loading;
    struct metadata_builder *builder =
        with_load ? watcher->builder : watcher_builder_on_current(watcher);

    metadata_builder_clear_brokers(builder);
    for (size_t i = 0; i < group->count; i++)
        metadata_builder_add_broker(builder, &group->brokers[i]);
    if (!with_load)
        watcher_publish(watcher, builder, false);
}

static void broker_reads_done(struct broker_reads *group) {
    struct metadata_watcher *watcher = group->watcher;

    if (--group->outstanding > 0)
        return;
    if (group->generation == watcher->generation) {
        if (!group->is_lost && !group->is_unreadable)
            apply_brokers(watcher, group);
        if (group->is_lost)
            watcher->is_behind = true;
        else if (watcher->is_loading)
            watcher_load_read_done(watcher);
    }
    arena_done(&group->arena);
    free(group->brokers);
    free(group);
}

static void on_broker(void *context, const struct zk_result *result) {
    struct broker_read *read = context;
    struct broker_reads *group = read->group;

    if (watcher_is_session_trouble(result->error))
        group->is_lost = true;
    if (result->error == ERR_NONE &&
        metadata_decode_broker(read->id, result, &group->arena, &group->brokers[group->count]))
        group->count++;
    free(read);
    broker_reads_done(group);
}

static void read_each_broker(struct broker_reads *group, const struct zk_result *ids) {
    group->brokers = calloc(ids->child_count + 1, sizeof(*group->brokers));
    CHECK(group->brokers != NULL);
    for (size_t i = 0; i < ids->child_count; i++) {
        struct broker_read *read;
        int32_t id;
        if (!path_broker_id(ids->children[i], &id))
            continue;
        read = calloc(1, sizeof(*read));
        CHECK(read != NULL);
        *read = (struct broker_read){group, id};
        group->outstanding++;
        zk_get(group->watcher->config.zk, path_of_broker(id).text, true, on_broker, read);
    }
}

static void on_brokers(void *context, const struct zk_result *result) {
    struct broker_reads *group = context;

    if (watcher_is_session_trouble(result->error)) {
        group->is_lost = true;
    } else if (result->error != ERR_NONE) {
        LOG_ERROR("znode_unreadable", "path=%s error=%s action=\"the known brokers are kept\"",
                  PATH_BROKER_IDS, error_name(result->error));
        group->is_unreadable = true;
    } else if (group->generation == group->watcher->generation) {
        read_each_broker(group, result);
    }
    broker_reads_done(group);
}

void watcher_read_brokers(struct metadata_watcher *watcher) {
    struct broker_reads *group = calloc(1, sizeof(*group));

    CHECK(group != NULL);
    group->watcher = watcher;
    group->generation = watcher->generation;
    group->outstanding = 1;
    arena_init(&group->arena, WATCHER_ARENA_BYTES_MAX);
    zk_children(watcher->config.zk, PATH_BROKER_IDS, true, on_brokers, group);
}

static void set_controller(struct metadata_watcher *watcher, int32_t controller_id) {
    bool with_load = watcher->is_loading;
    struct metadata_builder *builder =
        with_load ? watcher->builder : watcher_builder_on_current(watcher);

    metadata_builder_set_controller_id(builder, controller_id);
    if (with_load)
        watcher_load_read_done(watcher);
    else
        watcher_publish(watcher, builder, false);
}

static void on_controller(void *context, const struct zk_result *result) {
    struct watcher_read *read = context;
    struct metadata_watcher *watcher = watcher_of_read(read, result->error);
    int32_t controller_id = METADATA_NO_BROKER;

    if (watcher == NULL)
        return;
    if (result->error == ERR_NONE) {
        struct controller_znode controller;
        struct znode_error problem;
        if (controller_znode_decode(PATH_CONTROLLER, result->data, &watcher->arena, &controller,
                                    &problem) == ERR_NONE)
            controller_id = controller.broker_id;
        else
            LOG_ERROR("znode_invalid", "reason=%s", LOG_QUOTED_TEXT(problem.text));
        arena_reset(&watcher->arena);
    }
    free(read);
    set_controller(watcher, controller_id);
}

/* Asked only for its watch, which stands also while there is no controller. */
static void on_controller_exists(void *context, const struct zk_result *result) {
    struct metadata_watcher *watcher = context;

    if (watcher_is_session_trouble(result->error))
        watcher->is_behind = true;
}

void watcher_read_controller(struct metadata_watcher *watcher) {
    struct znode_path path = {PATH_CONTROLLER};

    zk_exists(watcher->config.zk, PATH_CONTROLLER, true, on_controller_exists, watcher);
    zk_get(watcher->config.zk, PATH_CONTROLLER, false, on_controller,
           watcher_read_new(watcher, path, ""));
}

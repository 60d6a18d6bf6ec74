#include <stdlib.h>

#include "broker/metadata/metadata_decode.h"
#include "broker/metadata/metadata_watcher_internal.h"
#include "client/base/logger.h"
#include "zk-schema/config_znode.h"

static void on_changed_topic_config(void *context, const struct zk_result *result) {
    struct watcher_read *read = context;
    struct metadata_watcher *watcher = watcher_of_read(read, result->error);

    if (watcher == NULL)
        return;
    /* No znode is no settings, as in Kafka. */
    if ((result->error == ERR_NONE || result->error == ERR_ZK_NO_NODE) && !watcher->is_loading) {
        struct metadata_builder *builder = watcher_builder_on_current(watcher);
        metadata_put_settings_znode(builder, bytes_of_text(read->name), read->path.text,
                                    result->error == ERR_NONE ? result->data : BYTES_NULL,
                                    &watcher->arena);
        arena_reset(&watcher->arena);
        watcher_publish(watcher, builder, false);
    }
    free(read);
}

static void on_config_change(void *context, const struct zk_result *result) {
    struct watcher_read *read = context;
    struct metadata_watcher *watcher = watcher_of_read(read, result->error);
    const char *entity;
    struct znode_error problem;

    if (watcher == NULL)
        return;
    if (result->error == ERR_NONE) {
        if (config_change_znode_decode(read->path.text, result->data, &watcher->arena, &entity,
                                       &problem) != ERR_NONE) {
            LOG_WARN("znode_invalid", "reason=%s", LOG_QUOTED_TEXT(problem.text));
        } else {
            if (strncmp(entity, "topics/", 7) == 0 && strlen(entity) < 7 + 250) {
                struct znode_path path = path_of_topic_config(bytes_of_text(entity + 7));
                zk_get(watcher->config.zk, path.text, false, on_changed_topic_config,
                       watcher_read_new(watcher, path, entity + 7));
            }
            if (watcher->config.on_config_change != NULL)
                watcher->config.on_config_change(watcher->config.context, entity);
        }
        arena_reset(&watcher->arena);
    }
    free(read);
}

static void on_config_changes(void *context, const struct zk_result *result) {
    struct watcher_read *read = context;
    struct metadata_watcher *watcher = watcher_of_read(read, result->error);
    int64_t next;

    if (watcher == NULL)
        return;
    if (watcher->is_loading && !read->is_load_start) {
        free(read); /* what came meanwhile is listed again at the end of the load */
        return;
    }
    next = watcher->next_config_change;
    for (size_t i = 0; result->error == ERR_NONE && i < result->child_count; i++) {
        struct znode_path path = path_of_child(PATH_CONFIG_CHANGES, result->children[i]);
        uint32_t sequence;
        if (!path_sequence(result->children[i], &sequence) ||
            (int64_t)sequence < watcher->next_config_change)
            continue;
        if ((int64_t)sequence >= next)
            next = (int64_t)sequence + 1;
        /* A load reads all configs after this. */
        if (!read->is_load_start)
            zk_get(watcher->config.zk, path.text, false, on_config_change,
                   watcher_read_new(watcher, path, ""));
    }
    watcher->next_config_change = next;
    free(read);
}

void watcher_list_config_changes(struct metadata_watcher *watcher, bool is_load_start) {
    struct znode_path path = {PATH_CONFIG_CHANGES};
    struct watcher_read *read = watcher_read_new(watcher, path, "");

    read->is_load_start = is_load_start;
    zk_children(watcher->config.zk, PATH_CONFIG_CHANGES, true, on_config_changes, read);
}

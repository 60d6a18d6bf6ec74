#include <stdlib.h>

#include "broker/metadata/metadata_decode.h"
#include "broker/metadata/metadata_watcher_internal.h"
#include "client/base/logger.h"

void watcher_drop_load(struct metadata_watcher *watcher) {
    metadata_builder_free(watcher->builder);
    watcher->builder = NULL;
    watcher->delta_outstanding = 0;
    watcher->is_listing_changes = false;
    watcher->is_loading = false;
}

void watcher_load_read_done(struct metadata_watcher *watcher) {
    struct metadata_builder *builder = watcher->builder;

    if (--watcher->outstanding > 0)
        return;
    watcher->builder = NULL;
    watcher->is_loading = false;
    watcher->is_loaded = true;
    if (watcher->are_topics_listed)
        metadata_builder_remove_untouched_topics(builder);
    watcher_publish(watcher, builder, true);
    watcher_list_changes(watcher);
    watcher_list_config_changes(watcher, false);
    watcher_read_offline(watcher);
}

/* INVARIANT: only what ZooKeeper says is not there counts as gone. What it does not let us read
 * stays as it was known, and nothing is tidied up after such a load. */
static void note_unreadable(struct metadata_watcher *watcher, const char *path, enum error error) {
    LOG_ERROR("znode_unreadable", "path=%s error=%s action=\"what is known of it is kept\"", path,
              error_name(error));
    watcher->is_complete = false;
}

static void on_state(void *context, const struct zk_result *result) {
    struct watcher_read *read = context;
    struct metadata_watcher *watcher = watcher_of_read(read, result->error);

    if (watcher == NULL)
        return;
    if (result->error == ERR_NONE) {
        struct partition_state_znode state;
        struct znode_error problem;
        const struct metadata_written written = {result->stat.mzxid, result->stat.mtime_ms};
        if (partition_state_znode_decode(read->path.text, result->data, &watcher->arena, &state,
                                         &problem) == ERR_NONE)
            metadata_put_state(watcher->builder, &read->topic_id, read->partition,
                               result->stat.version, written, &state);
        else
            LOG_ERROR("znode_invalid", "reason=%s", LOG_QUOTED_TEXT(problem.text));
        arena_reset(&watcher->arena);
    } else if (result->error != ERR_ZK_NO_NODE) {
        note_unreadable(watcher, read->path.text, result->error);
    }
    free(read);
    watcher_load_read_done(watcher);
}

static void read_states(struct metadata_watcher *watcher, const char *name,
                        const struct topic_znode *topic) {
    for (int32_t i = 0; i < topic->partition_count; i++) {
        int32_t partition = topic->partitions[i].partition;
        struct znode_path path = path_of_partition_state(bytes_of_text(name), partition);
        struct watcher_read *read = watcher_read_new(watcher, path, name);
        read->topic_id = topic->topic_id;
        read->partition = partition;
        watcher->outstanding++;
        zk_get(watcher->config.zk, path.text, false, on_state, read);
    }
}

static void on_topic_config(void *context, const struct zk_result *result) {
    struct watcher_read *read = context;
    struct metadata_watcher *watcher = watcher_of_read(read, result->error);

    if (watcher == NULL)
        return;
    /* No znode is no settings, as in Kafka. */
    if (result->error == ERR_NONE || result->error == ERR_ZK_NO_NODE)
        metadata_put_settings_znode(watcher->builder, bytes_of_text(read->name), read->path.text,
                                    result->error == ERR_NONE ? result->data : BYTES_NULL,
                                    &watcher->arena);
    else
        note_unreadable(watcher, read->path.text, result->error);
    arena_reset(&watcher->arena);
    free(read);
    watcher_load_read_done(watcher);
}

static void on_topic(void *context, const struct zk_result *result) {
    struct watcher_read *read = context;
    struct metadata_watcher *watcher = watcher_of_read(read, result->error);
    struct topic_znode topic;
    struct znode_error problem;

    if (watcher == NULL)
        return;
    if (result->error == ERR_NONE) {
        if (topic_znode_decode(read->path.text, result->data, &watcher->arena, &topic, &problem) ==
                ERR_NONE &&
            metadata_put_topic(watcher->builder, bytes_of_text(read->name), result->stat.mzxid,
                               &topic)) {
            struct znode_path path = path_of_topic_config(bytes_of_text(read->name));
            read_states(watcher, read->name, &topic);
            watcher->outstanding++;
            zk_get(watcher->config.zk, path.text, false, on_topic_config,
                   watcher_read_new(watcher, path, read->name));
        } else {
            /* What was known of it stays: a typing error must not cost a topic. */
            LOG_ERROR("znode_invalid", "reason=%s action=\"the topic is kept as it was known\"",
                      LOG_QUOTED_TEXT(problem.text));
            metadata_builder_keep_topic(watcher->builder, bytes_of_text(read->name));
            watcher->is_complete = false;
        }
        arena_reset(&watcher->arena);
    } else if (result->error != ERR_ZK_NO_NODE) {
        note_unreadable(watcher, read->path.text, result->error);
        metadata_builder_keep_topic(watcher->builder, bytes_of_text(read->name));
    }
    free(read);
    watcher_load_read_done(watcher);
}

static void on_topics(void *context, const struct zk_result *result) {
    struct watcher_read *read = context;
    struct metadata_watcher *watcher = watcher_of_read(read, result->error);

    if (watcher == NULL)
        return;
    if (result->error == ERR_NONE || result->error == ERR_ZK_NO_NODE)
        watcher->are_topics_listed = true;
    else
        note_unreadable(watcher, read->path.text, result->error);
    for (size_t i = 0; i < result->child_count; i++) {
        struct znode_path path = path_of_topic(bytes_of_text(result->children[i]));
        watcher->outstanding++;
        zk_get(watcher->config.zk, path.text, false, on_topic,
               watcher_read_new(watcher, path, result->children[i]));
    }
    free(read);
    watcher_load_read_done(watcher);
}

static void on_change_log_start(void *context, const struct zk_result *result) {
    struct watcher_read *read = context;
    struct metadata_watcher *watcher = watcher_of_read(read, result->error);

    if (watcher == NULL)
        return;
    watcher->next_change = watcher_next_change(&result->stat);
    free(read);
    watcher_load_read_done(watcher);
}

static void on_synced(void *context, const struct zk_result *result) {
    (void)context;
    (void)result; /* what follows on this session sees at least what was committed before */
}

void watcher_load(struct metadata_watcher *watcher) {
    struct znode_path changes = {PATH_CHANGES};
    struct znode_path topics = {PATH_TOPICS};
    struct zk *zk = watcher->config.zk;

    watcher_drop_load(watcher);
    watcher->generation++;
    watcher->builder = watcher_builder_on_current(watcher);
    watcher->is_loading = true;
    watcher->is_complete = true;
    watcher->are_topics_listed = false;
    watcher->is_behind = false;
    watcher->outstanding = 4;
    zk_sync(zk, "/", on_synced, NULL);
    /* INVARIANT: the next number is noted before anything is read, so that no change can fall
     * between the load and the entries. */
    zk_children(zk, PATH_CHANGES, false, on_change_log_start,
                watcher_read_new(watcher, changes, ""));
    watcher_list_config_changes(watcher, true);
    watcher_read_brokers(watcher);
    watcher_read_controller(watcher);
    zk_children(zk, PATH_TOPICS, false, on_topics, watcher_read_new(watcher, topics, ""));
}

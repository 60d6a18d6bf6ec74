#include "broker/metadata/metadata_watcher.h"

#include <stdlib.h>

#include "broker/metadata/metadata_watcher_internal.h"

struct watcher_read *watcher_read_new(struct metadata_watcher *watcher, struct znode_path path,
                                      const char *name) {
    struct watcher_read *read = calloc(1, sizeof(*read) + strlen(name) + 1);

    CHECK(read != NULL);
    read->watcher = watcher;
    read->generation = watcher->generation;
    read->path = path;
    memcpy(read->name, name, strlen(name));
    return read;
}

bool watcher_is_session_trouble(enum error error) {
    return error == ERR_ZK_OUTCOME_UNKNOWN || error == ERR_ZK_SESSION_EXPIRED ||
           error == ERR_CANCELLED;
}

struct metadata_watcher *watcher_of_read(struct watcher_read *read, enum error error) {
    struct metadata_watcher *watcher = read->watcher;
    bool is_history = read->generation != watcher->generation;

    if (!is_history && !watcher_is_session_trouble(error))
        return watcher;
    watcher->is_behind = watcher->is_behind || !is_history;
    free(read);
    return NULL;
}

static void publish(struct metadata_watcher *watcher, struct metadata_builder *builder,
                    struct metadata_update update) {
    struct metadata_topic_change *changes;
    /* Changes point into the snapshot before, too. */
    const struct metadata *before = metadata_cache_get(watcher->config.cache);

    update.metadata = metadata_builder_finish(builder, &changes, &update.change_count);
    update.changes = changes;
    metadata_ref(update.metadata);
    metadata_cache_publish(watcher->config.cache, update.metadata);
    watcher->config.on_update(watcher->config.context, &update);
    free(changes);
    metadata_unref(before);
    metadata_unref(update.metadata);
}

void watcher_publish(struct metadata_watcher *watcher, struct metadata_builder *builder,
                     bool is_full_load) {
    publish(watcher, builder,
            (struct metadata_update){.is_full_load = is_full_load,
                                     .keeps_gone = is_full_load,
                                     .is_complete = watcher->is_complete});
}

void watcher_publish_entry(struct metadata_watcher *watcher, struct metadata_builder *builder,
                           bool keeps_gone) {
    publish(watcher, builder, (struct metadata_update){.keeps_gone = keeps_gone});
}

struct metadata_builder *watcher_builder_on_current(struct metadata_watcher *watcher) {
    const struct metadata *current = metadata_cache_get(watcher->config.cache);
    struct metadata_builder *builder = metadata_builder_new(current);

    metadata_unref(current);
    return builder;
}

/* ---- Events ---- */

/* The session lived on: unless reads were lost, the change log tells whether anything was missed.
 */
static void catch_up(struct metadata_watcher *watcher) {
    if (!watcher->is_loaded || watcher->is_loading || watcher->is_behind) {
        watcher_load(watcher);
        return;
    }
    watcher_list_changes(watcher);
    watcher_list_config_changes(watcher, false);
    watcher_read_brokers(watcher);
    watcher_read_controller(watcher);
    watcher_read_offline(watcher);
}

void metadata_watcher_on_session(struct metadata_watcher *watcher, enum zk_session_state state) {
    switch (state) {
    case ZK_SESSION_NEW:
        watcher->has_session = true;
        watcher_load(watcher);
        break;
    case ZK_SESSION_RECONNECTED:
        watcher->has_session = true;
        catch_up(watcher);
        break;
    case ZK_SESSION_EXPIRED:
    case ZK_SESSION_AUTH_FAILED:
        watcher->has_session = false;
        watcher->generation++;
        watcher_drop_load(watcher);
        break;
    case ZK_SESSION_DISCONNECTED:
        break;
    }
}

void metadata_watcher_on_watch(struct metadata_watcher *watcher, enum zk_event_kind kind,
                               const char *path) {
    (void)kind;
    if (!watcher->has_session)
        return;
    if (strcmp(path, PATH_CHANGES) == 0) {
        if (!watcher->is_loading)
            watcher_list_changes(watcher);
    } else if (strcmp(path, PATH_CONFIG_CHANGES) == 0) {
        watcher_list_config_changes(watcher, false);
    } else if (strcmp(path, PATH_OFFLINE_REPLICAS) == 0) {
        watcher_read_offline(watcher);
    } else if (strcmp(path, PATH_CONTROLLER) == 0) {
        if (watcher->is_loading)
            watcher_load(watcher);
        else
            watcher_read_controller(watcher);
    } else if (strncmp(path, PATH_BROKER_IDS, strlen(PATH_BROKER_IDS)) == 0) {
        if (watcher->is_loading)
            watcher_load(watcher);
        else
            watcher_read_brokers(watcher);
    }
}

bool metadata_watcher_is_loaded(const struct metadata_watcher *watcher) {
    return watcher->is_loaded;
}

enum error metadata_watcher_new(const struct metadata_watcher_config *config,
                                struct metadata_watcher **created) {
    struct metadata_watcher *watcher = calloc(1, sizeof(*watcher));

    if (watcher == NULL)
        return ERR_OUT_OF_MEMORY;
    watcher->config = *config;
    arena_init(&watcher->arena, WATCHER_ARENA_BYTES_MAX);
    *created = watcher;
    return ERR_NONE;
}

void metadata_watcher_free(struct metadata_watcher *watcher) {
    if (watcher == NULL)
        return;
    watcher_drop_load(watcher);
    arena_done(&watcher->arena);
    free(watcher);
}

#include "broker/metadata/metadata_watcher.h"

#include <stdlib.h>

#include "broker/metadata/metadata_decode.h"
#include "client/base/logger.h"
#include "zk-schema/change_znode.h"
#include "zk-schema/config_znode.h"
#include "zk-schema/controller_znode.h"
#include "zk-schema/paths.h"

#define ARENA_BYTES_MAX ((size_t)256 << 20)

struct metadata_watcher {
    struct metadata_watcher_config config;
    uint64_t generation; /* reads of an older one are history */
    bool has_session;
    bool is_loading;
    bool is_loaded;
    bool is_complete;                 /* of the load under way */
    struct metadata_builder *builder; /* of the load under way */
    size_t outstanding;               /* reads of the load under way */
    uint32_t next_change;             /* number of the next entry to be applied */
    int64_t next_config_change;
    bool is_listing_changes;
    bool list_changes_again;
    size_t delta_outstanding; /* entries being read */
    bool delta_failed;
    struct arena arena; /* of one completion */
};

/* One read, and what it is about. */
struct read {
    struct metadata_watcher *watcher;
    uint64_t generation;
    struct uuid topic_id;
    int32_t partition;
    uint32_t sequence;
    bool is_load_start;
    struct znode_path path;
    char name[]; /* topic or entity */
};

static struct read *read_new(struct metadata_watcher *watcher, struct znode_path path,
                             const char *name) {
    struct read *read = calloc(1, sizeof(*read) + strlen(name) + 1);

    CHECK(read != NULL);
    read->watcher = watcher;
    read->generation = watcher->generation;
    read->path = path;
    memcpy(read->name, name, strlen(name));
    return read;
}

static bool is_history(const struct read *read) {
    return read->generation != read->watcher->generation;
}

/* The session's state will be told; until then nothing more can be read. */
static bool is_session_trouble(enum error error) {
    return error == ERR_ZK_OUTCOME_UNKNOWN || error == ERR_ZK_SESSION_EXPIRED ||
           error == ERR_CANCELLED;
}

static void load(struct metadata_watcher *watcher);
static void list_changes(struct metadata_watcher *watcher);
static void list_config_changes(struct metadata_watcher *watcher, bool is_load_start);

static void publish(struct metadata_watcher *watcher, struct metadata_builder *builder,
                    bool is_full_load) {
    struct metadata_topic_change *changes;
    struct metadata_update update = {.is_full_load = is_full_load,
                                     .is_complete = watcher->is_complete};
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

static struct metadata_builder *builder_on_current(struct metadata_watcher *watcher) {
    const struct metadata *current = metadata_cache_get(watcher->config.cache);
    struct metadata_builder *builder = metadata_builder_new(current);

    metadata_unref(current);
    return builder;
}

/* ---- Full load ---- */

static void drop_load(struct metadata_watcher *watcher) {
    metadata_builder_free(watcher->builder);
    watcher->builder = NULL;
    watcher->delta_outstanding = 0;
    watcher->is_listing_changes = false;
    watcher->is_loading = false;
}

static void load_read_done(struct metadata_watcher *watcher) {
    struct metadata_builder *builder = watcher->builder;

    if (--watcher->outstanding > 0)
        return;
    watcher->builder = NULL;
    watcher->is_loading = false;
    watcher->is_loaded = true;
    metadata_builder_remove_untouched_topics(builder);
    publish(watcher, builder, true);
    list_changes(watcher);
    list_config_changes(watcher, false);
}

/* Frees the read; NULL if it is history. A read that failed for the session's sake is never
 * counted: the load starts anew with the next session event. */
static struct metadata_watcher *end_load_read(struct read *read, enum error error) {
    struct metadata_watcher *watcher = read->watcher;

    if (is_history(read) || is_session_trouble(error)) {
        free(read);
        return NULL;
    }
    return watcher;
}

static void on_state(void *context, const struct zk_result *result) {
    struct read *read = context;
    struct metadata_watcher *watcher = end_load_read(read, result->error);

    if (watcher == NULL)
        return;
    if (result->error == ERR_NONE) {
        struct partition_state_znode state;
        struct znode_error problem;
        if (partition_state_znode_decode(read->path.text, result->data, &watcher->arena, &state,
                                         &problem) == ERR_NONE)
            metadata_put_state(watcher->builder, &read->topic_id, read->partition,
                               result->stat.version, &state);
        else
            LOG_ERROR("znode_invalid", "reason=%s", LOG_QUOTED_TEXT(problem.text));
        arena_reset(&watcher->arena);
    }
    free(read);
    load_read_done(watcher);
}

static void read_states(struct metadata_watcher *watcher, const char *name,
                        const struct topic_znode *topic) {
    for (int32_t i = 0; i < topic->partition_count; i++) {
        int32_t partition = topic->partitions[i].partition;
        struct znode_path path = path_of_partition_state(bytes_of_text(name), partition);
        struct read *read = read_new(watcher, path, name);
        read->topic_id = topic->topic_id;
        read->partition = partition;
        watcher->outstanding++;
        zk_get(watcher->config.zk, path.text, false, on_state, read);
    }
}

static void on_topic_config(void *context, const struct zk_result *result) {
    struct read *read = context;
    struct metadata_watcher *watcher = end_load_read(read, result->error);

    if (watcher == NULL)
        return;
    if (result->error == ERR_NONE)
        metadata_put_settings_znode(watcher->builder, bytes_of_text(read->name), read->path.text,
                                    result->data, &watcher->arena);
    arena_reset(&watcher->arena);
    free(read);
    load_read_done(watcher);
}

static void on_topic(void *context, const struct zk_result *result) {
    struct read *read = context;
    struct metadata_watcher *watcher = end_load_read(read, result->error);
    struct topic_znode topic;
    struct znode_error problem;

    if (watcher == NULL)
        return;
    if (result->error == ERR_NONE) {
        if (topic_znode_decode(read->path.text, result->data, &watcher->arena, &topic, &problem) ==
                ERR_NONE &&
            metadata_put_topic(watcher->builder, bytes_of_text(read->name), &topic)) {
            struct znode_path path = path_of_topic_config(bytes_of_text(read->name));
            read_states(watcher, read->name, &topic);
            watcher->outstanding++;
            zk_get(watcher->config.zk, path.text, false, on_topic_config,
                   read_new(watcher, path, read->name));
        } else {
            /* What was known of it stays: a typing error must not cost a topic. */
            LOG_ERROR("znode_invalid", "reason=%s action=\"the topic is kept as it was known\"",
                      LOG_QUOTED_TEXT(problem.text));
            metadata_builder_keep_topic(watcher->builder, bytes_of_text(read->name));
            watcher->is_complete = false;
        }
        arena_reset(&watcher->arena);
    }
    free(read);
    load_read_done(watcher);
}

static void on_topics(void *context, const struct zk_result *result) {
    struct read *read = context;
    struct metadata_watcher *watcher = end_load_read(read, result->error);

    if (watcher == NULL)
        return;
    for (size_t i = 0; i < result->child_count; i++) {
        struct znode_path path = path_of_topic(bytes_of_text(result->children[i]));
        watcher->outstanding++;
        zk_get(watcher->config.zk, path.text, false, on_topic,
               read_new(watcher, path, result->children[i]));
    }
    free(read);
    load_read_done(watcher);
}

static uint32_t next_sequence(const struct zk_stat *stat) {
    /* cversion counts creations and deletions. */
    return ((uint32_t)stat->cversion + (uint32_t)stat->child_count) / 2;
}

static void on_change_log_start(void *context, const struct zk_result *result) {
    struct read *read = context;
    struct metadata_watcher *watcher = end_load_read(read, result->error);

    if (watcher == NULL)
        return;
    watcher->next_change = next_sequence(&result->stat);
    free(read);
    load_read_done(watcher);
}

/* ---- Brokers and controller: read at the load, and again when a watch fires ---- */

/* A group of reads whose result replaces the list of brokers. */
struct broker_reads {
    struct metadata_watcher *watcher;
    uint64_t generation;
    size_t outstanding;
    struct metadata_broker *brokers;
    size_t count;
    bool failed;
    struct arena arena;
};

struct broker_read {
    struct broker_reads *group;
    int32_t id;
};

static void broker_reads_done(struct broker_reads *group) {
    struct metadata_watcher *watcher = group->watcher;

    if (--group->outstanding > 0)
        return;
    if (!group->failed && group->generation == watcher->generation) {
        bool with_load = watcher->is_loading;
        struct metadata_builder *builder =
            with_load ? watcher->builder : builder_on_current(watcher);
        metadata_builder_clear_brokers(builder);
        for (size_t i = 0; i < group->count; i++)
            metadata_builder_add_broker(builder, &group->brokers[i]);
        if (with_load)
            load_read_done(watcher);
        else
            publish(watcher, builder, false);
    }
    arena_done(&group->arena);
    free(group->brokers);
    free(group);
}

static void on_broker(void *context, const struct zk_result *result) {
    struct broker_read *read = context;
    struct broker_reads *group = read->group;

    if (is_session_trouble(result->error))
        group->failed = true;
    if (result->error == ERR_NONE &&
        metadata_decode_broker(read->id, result, &group->arena, &group->brokers[group->count]))
        group->count++;
    free(read);
    broker_reads_done(group);
}

static void on_brokers(void *context, const struct zk_result *result) {
    struct broker_reads *group = context;
    struct metadata_watcher *watcher = group->watcher;

    if (result->error != ERR_NONE || group->generation != watcher->generation) {
        group->failed = true;
        broker_reads_done(group);
        return;
    }
    group->brokers = calloc(result->child_count + 1, sizeof(*group->brokers));
    CHECK(group->brokers != NULL);
    for (size_t i = 0; i < result->child_count; i++) {
        struct broker_read *read;
        int32_t id;
        if (!path_broker_id(result->children[i], &id))
            continue;
        read = calloc(1, sizeof(*read));
        CHECK(read != NULL);
        *read = (struct broker_read){group, id};
        group->outstanding++;
        zk_get(watcher->config.zk, path_of_broker(id).text, true, on_broker, read);
    }
    broker_reads_done(group);
}

static void read_brokers(struct metadata_watcher *watcher) {
    struct broker_reads *group = calloc(1, sizeof(*group));

    CHECK(group != NULL);
    group->watcher = watcher;
    group->generation = watcher->generation;
    group->outstanding = 1;
    arena_init(&group->arena, ARENA_BYTES_MAX);
    zk_children(watcher->config.zk, PATH_BROKER_IDS, true, on_brokers, group);
}

static void set_controller(struct metadata_watcher *watcher, int32_t controller_id) {
    bool with_load = watcher->is_loading;
    struct metadata_builder *builder = with_load ? watcher->builder : builder_on_current(watcher);

    metadata_builder_set_controller_id(builder, controller_id);
    if (with_load)
        load_read_done(watcher);
    else
        publish(watcher, builder, false);
}

static void on_controller(void *context, const struct zk_result *result) {
    struct read *read = context;
    struct metadata_watcher *watcher = end_load_read(read, result->error);
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

static void on_controller_exists(void *context, const struct zk_result *result) {
    (void)context;
    (void)result; /* asked only for its watch, which stands also while there is no controller */
}

static void read_controller(struct metadata_watcher *watcher) {
    struct znode_path path = {PATH_CONTROLLER};

    zk_exists(watcher->config.zk, PATH_CONTROLLER, true, on_controller_exists, NULL);
    zk_get(watcher->config.zk, PATH_CONTROLLER, false, on_controller, read_new(watcher, path, ""));
}

/* ---- Changed configs ---- */

static void on_changed_topic_config(void *context, const struct zk_result *result) {
    struct read *read = context;
    struct metadata_watcher *watcher = end_load_read(read, result->error);

    if (watcher == NULL)
        return;
    if (result->error == ERR_NONE && !watcher->is_loading) {
        struct metadata_builder *builder = builder_on_current(watcher);
        metadata_put_settings_znode(builder, bytes_of_text(read->name), read->path.text,
                                    result->data, &watcher->arena);
        arena_reset(&watcher->arena);
        publish(watcher, builder, false);
    }
    free(read);
}

static void on_config_change(void *context, const struct zk_result *result) {
    struct read *read = context;
    struct metadata_watcher *watcher = end_load_read(read, result->error);
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
                       read_new(watcher, path, entity + 7));
            }
            if (watcher->config.on_config_change != NULL)
                watcher->config.on_config_change(watcher->config.context, entity);
        }
        arena_reset(&watcher->arena);
    }
    free(read);
}

static void on_config_changes(void *context, const struct zk_result *result) {
    struct read *read = context;
    struct metadata_watcher *watcher = end_load_read(read, result->error);
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
                   read_new(watcher, path, ""));
    }
    watcher->next_config_change = next;
    free(read);
}

static void list_config_changes(struct metadata_watcher *watcher, bool is_load_start) {
    struct znode_path path = {PATH_CONFIG_CHANGES};
    struct read *read = read_new(watcher, path, "");

    read->is_load_start = is_load_start;
    zk_children(watcher->config.zk, PATH_CONFIG_CHANGES, true, on_config_changes, read);
}

static void on_synced(void *context, const struct zk_result *result) {
    (void)context;
    (void)result; /* what follows on this session sees at least what was committed before */
}

static void load(struct metadata_watcher *watcher) {
    struct znode_path changes = {PATH_CHANGES};
    struct znode_path topics = {PATH_TOPICS};
    struct zk *zk = watcher->config.zk;

    drop_load(watcher);
    watcher->generation++;
    watcher->builder = builder_on_current(watcher);
    watcher->is_loading = true;
    watcher->is_complete = true;
    watcher->outstanding = 4;
    zk_sync(zk, "/", on_synced, NULL);
    /* INVARIANT: the next number is noted before anything is read, so that no change can fall
     * between the load and the entries. */
    zk_children(zk, PATH_CHANGES, false, on_change_log_start, read_new(watcher, changes, ""));
    list_config_changes(watcher, true);
    read_brokers(watcher);
    read_controller(watcher);
    zk_children(zk, PATH_TOPICS, false, on_topics, read_new(watcher, topics, ""));
}

/* ---- Change log ---- */

static void reload(struct metadata_watcher *watcher, const char *reason) {
    LOG_WARN("metadata_reloaded", "reason=\"%s\" next_change=%u", reason, watcher->next_change);
    load(watcher);
}

static void finish_delta(struct metadata_watcher *watcher) {
    watcher->is_listing_changes = false;
    if (watcher->delta_failed)
        reload(watcher, "an entry of the change log was gone or unreadable");
    else if (watcher->list_changes_again)
        list_changes(watcher);
}

/* INVARIANT: a builder never outlives the callback that made it (but for a load's, which reads
 * everything anew when anything moves): what is published meanwhile must not be undone. */
static void apply_entry(struct metadata_watcher *watcher, const struct change_znode *change,
                        uint32_t sequence) {
    struct metadata_builder *builder = builder_on_current(watcher);

    metadata_put_change(builder, change);
    watcher->next_change = sequence + 1;
    publish(watcher, builder, false);
}

static void on_entry(void *context, const struct zk_result *result) {
    struct read *read = context;
    struct metadata_watcher *watcher = end_load_read(read, result->error);
    struct change_znode change;
    struct znode_error problem;

    if (watcher == NULL)
        return;
    if (result->error != ERR_NONE) {
        watcher->delta_failed = true; /* purged before it was read: a gap */
    } else if (change_znode_decode(read->path.text, result->data, &watcher->arena, &change,
                                   &problem) != ERR_NONE) {
        LOG_ERROR("znode_invalid", "reason=%s", LOG_QUOTED_TEXT(problem.text));
        watcher->delta_failed = true;
    } else if (!watcher->delta_failed) {
        apply_entry(watcher, &change, read->sequence);
    }
    arena_reset(&watcher->arena);
    free(read);
    if (--watcher->delta_outstanding == 0)
        finish_delta(watcher);
}

static int compare_sequences(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static void read_entries(struct metadata_watcher *watcher, const uint32_t *sequences,
                         size_t count) {
    watcher->delta_failed = false;
    watcher->delta_outstanding = count;
    for (size_t i = 0; i < count; i++) {
        struct znode_path path = path_of_change(sequences[i]);
        struct read *read = read_new(watcher, path, "");
        read->sequence = sequences[i];
        zk_get(watcher->config.zk, path.text, false, on_entry, read);
    }
}

static void on_changes(void *context, const struct zk_result *result) {
    struct read *read = context;
    struct metadata_watcher *watcher = end_load_read(read, result->error);
    uint32_t *sequences;
    uint32_t next;
    size_t count = 0;

    if (watcher == NULL)
        return;
    free(read);
    if (watcher->is_loading)
        return;
    if (result->error != ERR_NONE) {
        LOG_ERROR("change_log_unreadable", "path=%s error=%s", PATH_CHANGES,
                  error_name(result->error));
        watcher->is_listing_changes = false;
        return;
    }
    next = next_sequence(&result->stat);
    sequences = calloc(result->child_count + 1, sizeof(*sequences));
    CHECK(sequences != NULL);
    for (size_t i = 0; i < result->child_count; i++) {
        uint32_t sequence;
        if (path_sequence(result->children[i], &sequence) && sequence >= watcher->next_change)
            sequences[count++] = sequence;
    }
    qsort(sequences, count, sizeof(*sequences), compare_sequences);
    if (next != watcher->next_change && (uint64_t)next - watcher->next_change != count) {
        reload(watcher, "a gap in the change log");
    } else if (count > 0) {
        read_entries(watcher, sequences, count);
    } else {
        finish_delta(watcher);
    }
    free(sequences);
}

/* One listing at a time; what happens meanwhile asks for another one. */
static void list_changes(struct metadata_watcher *watcher) {
    struct znode_path path = {PATH_CHANGES};

    if (watcher->is_listing_changes) {
        watcher->list_changes_again = true;
        return;
    }
    watcher->is_listing_changes = true;
    watcher->list_changes_again = false;
    watcher->delta_failed = false;
    zk_children(watcher->config.zk, PATH_CHANGES, true, on_changes, read_new(watcher, path, ""));
}

/* ---- Events ---- */

void metadata_watcher_on_session(struct metadata_watcher *watcher, enum zk_session_state state) {
    switch (state) {
    case ZK_SESSION_NEW:
    case ZK_SESSION_RECONNECTED:
        watcher->has_session = true;
        load(watcher);
        break;
    case ZK_SESSION_EXPIRED:
    case ZK_SESSION_AUTH_FAILED:
        watcher->has_session = false;
        watcher->generation++;
        drop_load(watcher);
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
            list_changes(watcher);
    } else if (strcmp(path, PATH_CONFIG_CHANGES) == 0) {
        list_config_changes(watcher, false);
    } else if (strcmp(path, PATH_CONTROLLER) == 0) {
        if (watcher->is_loading)
            load(watcher);
        else
            read_controller(watcher);
    } else if (strncmp(path, PATH_BROKER_IDS, strlen(PATH_BROKER_IDS)) == 0) {
        if (watcher->is_loading)
            load(watcher);
        else
            read_brokers(watcher);
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
    arena_init(&watcher->arena, ARENA_BYTES_MAX);
    *created = watcher;
    return ERR_NONE;
}

void metadata_watcher_free(struct metadata_watcher *watcher) {
    if (watcher == NULL)
        return;
    drop_load(watcher);
    arena_done(&watcher->arena);
    free(watcher);
}

/*
 * The inside of the watcher: for metadata_watcher.c and watch_*.c only.
 *
 * watch_load.c reads everything; watch_members.c the brokers and the controller, at a load and
 * whenever their watches fire; watch_offline.c what lies in failed directories; watch_changes.c
 * follows the change log; watch_configs.c the changed configs.
 *
 * Every read carries the generation it was asked in. A load begins a new one, which turns all
 * earlier reads into history.
 */
#ifndef BROKER_METADATA_METADATA_WATCHER_INTERNAL_H
#define BROKER_METADATA_METADATA_WATCHER_INTERNAL_H

#include "broker/metadata/metadata_watcher.h"
#include "client/base/arena.h"
#include "zk-schema/paths.h"

#define WATCHER_ARENA_BYTES_MAX ((size_t)256 << 20)

struct metadata_watcher {
    struct metadata_watcher_config config;
    uint64_t generation; /* reads of an older one are history */
    bool has_session;
    bool is_loading;
    bool is_loaded;
    /* A read was lost with its connection, and nothing but a load will make up for it. */
    bool is_behind;
    bool is_complete;                 /* of the load under way */
    bool are_topics_listed;           /* in the load under way */
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
struct watcher_read {
    struct metadata_watcher *watcher;
    uint64_t generation;
    struct uuid topic_id;
    int32_t partition;
    uint32_t sequence;
    bool is_load_start;
    struct znode_path path;
    char name[]; /* topic or entity */
};

struct watcher_read *watcher_read_new(struct metadata_watcher *watcher, struct znode_path path,
                                      const char *name);

/* NULL, and the read is freed, if it is history or was lost with the connection: then it does not
 * count, and the next event of the session makes up for it. */
struct metadata_watcher *watcher_of_read(struct watcher_read *read, enum error error);

/* Whether the session's state will be told, and nothing more can be read until then. */
bool watcher_is_session_trouble(enum error error);

/* Frees the builder, publishes what it built, and tells of it. */
void watcher_publish(struct metadata_watcher *watcher, struct metadata_builder *builder,
                     bool is_full_load);
/* The same for an entry of the change log; see struct metadata_update. */
void watcher_publish_entry(struct metadata_watcher *watcher, struct metadata_builder *builder,
                           bool keeps_gone);
struct metadata_builder *watcher_builder_on_current(struct metadata_watcher *watcher);

/* watch_load.c: begins a load; one that is under way is dropped. */
void watcher_load(struct metadata_watcher *watcher);
void watcher_drop_load(struct metadata_watcher *watcher);
/* One of the load's reads has been answered. The last one publishes. */
void watcher_load_read_done(struct metadata_watcher *watcher);

/* watch_members.c. The result goes into the load, if one is under way, or is published. */
void watcher_read_brokers(struct metadata_watcher *watcher);
void watcher_read_controller(struct metadata_watcher *watcher);

/* watch_offline.c: which replicas are offline, at the end of a load and whenever its watch fires.
 * It is no part of a load: what is known of it stays until it is read. */
void watcher_read_offline(struct metadata_watcher *watcher);

/* watch_changes.c: lists and applies what is new. One listing at a time; a call meanwhile asks
 * for another one. */
void watcher_list_changes(struct metadata_watcher *watcher);
/* The number that the next entry will have, by the Stat of their parent. */
uint32_t watcher_next_change(const struct zk_stat *stat);

/* watch_configs.c. `is_load_start`: only notes what there is, for a load that reads all configs
 * after this. */
void watcher_list_config_changes(struct metadata_watcher *watcher, bool is_load_start);

#endif

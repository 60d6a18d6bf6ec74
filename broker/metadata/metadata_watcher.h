/*
 * Keeps the metadata cache equal to what ZooKeeper says, with a number of watches that does not
 * depend on topics or partitions: the children of /barnabas/changes, of /brokers/ids and of
 * /config/changes, /controller, and one per broker.
 *
 * A full load notes the change log's next number first, reads everything pipelined, and then
 * applies entries from that number on; applying is monotonic, so entries that the load saw already
 * do no harm. A gap in the numbers, an entry purged before it was read or one that cannot be
 * decoded, and every new session mean a full load; so does a read that was lost with its
 * connection. Otherwise a session that lives on through a reconnect goes on from where it was.
 *
 * Threads: the session's executor.
 */
#ifndef BROKER_METADATA_METADATA_WATCHER_H
#define BROKER_METADATA_METADATA_WATCHER_H

#include "broker/metadata/metadata_builder.h"
#include "broker/metadata/metadata_cache.h"
#include "client/base/check.h"
#include "client/base/error.h"
#include "zk-schema/zk.h"

struct metadata_watcher;

struct metadata_update {
    const struct metadata *metadata; /* published already */
    const struct metadata_topic_change *changes;
    int32_t change_count;
    bool is_full_load;
    /* What is left of topics that are gone stays: they are merely missing in a full load, or
     * somebody else than the controller removed their znodes, which a mistake of an operator could
     * cause. */
    bool keeps_gone;
    bool is_complete; /* of a full load: every topic could be read and decoded */
};

struct metadata_watcher_config {
    struct zk *zk;
    struct metadata_cache *cache;
    /* All is valid during the call. */
    void (*on_update)(void *context, const struct metadata_update *update);
    /* /config/<entity_path> changed, e.g. "topics/orders". May be NULL. */
    void (*on_config_change)(void *context, const char *entity_path);
    void *context;
};

MUST_CHECK enum error metadata_watcher_new(const struct metadata_watcher_config *config,
                                           struct metadata_watcher **created);
/* After the session is closed. Accepts NULL. */
void metadata_watcher_free(struct metadata_watcher *watcher);

void metadata_watcher_on_session(struct metadata_watcher *watcher, enum zk_session_state state);
void metadata_watcher_on_watch(struct metadata_watcher *watcher, enum zk_event_kind kind,
                               const char *path);

/* The first full load is done. */
bool metadata_watcher_is_loaded(const struct metadata_watcher *watcher);

#endif

#include "broker/control/zk_watches.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "client/base/check.h"

struct zk_watch {
    UT_hash_handle hh;
    char key[]; /* the kind as a letter, then the path */
};

static size_t key_size(const char *path) {
    return 1 + strlen(path);
}

static struct zk_watch *make(enum zk_watch_kind kind, const char *path) {
    struct zk_watch *watch = malloc(sizeof(*watch) + key_size(path) + 1);

    CHECK(watch != NULL);
    watch->key[0] = kind == ZK_WATCH_NODE ? 'n' : 'c';
    memcpy(watch->key + 1, path, key_size(path));
    return watch;
}

void zk_watches_add(struct zk_watches *watches, enum zk_watch_kind kind, const char *path) {
    struct zk_watch *watch = make(kind, path);
    struct zk_watch *known;

    HASH_FIND(hh, watches->all, watch->key, key_size(path), known);
    if (known != NULL) {
        free(watch);
        return;
    }
    HASH_ADD_KEYPTR(hh, watches->all, watch->key, key_size(path), watch);
    counter_add(&watches->count, 1);
}

static void end(struct zk_watches *watches, enum zk_watch_kind kind, const char *path) {
    struct zk_watch *sought = make(kind, path);
    struct zk_watch *known;

    HASH_FIND(hh, watches->all, sought->key, key_size(path), known);
    free(sought);
    if (known == NULL)
        return;
    HASH_DEL(watches->all, known);
    free(known);
    counter_add(&watches->count, UINT64_MAX);
}

void zk_watches_on_event(struct zk_watches *watches, enum zk_event_kind event, const char *path) {
    switch (event) {
    case ZK_EVENT_CREATED:
    case ZK_EVENT_DATA:
        end(watches, ZK_WATCH_NODE, path);
        break;
    case ZK_EVENT_CHILDREN:
        end(watches, ZK_WATCH_CHILDREN, path);
        break;
    case ZK_EVENT_DELETED:
        end(watches, ZK_WATCH_NODE, path);
        end(watches, ZK_WATCH_CHILDREN, path);
        break;
    }
}

void zk_watches_clear(struct zk_watches *watches) {
    struct zk_watch *watch, *next;

    HASH_ITER (hh, watches->all, watch, next) {
        HASH_DEL(watches->all, watch);
        free(watch);
    }
    counter_add(&watches->count, 0 - counter_read(&watches->count));
}

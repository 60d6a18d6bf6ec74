#include "tests/simulation/model_watches.h"

#include <stdlib.h>
#include <sys/queue.h>
#include <uthash.h>

#include "client/base/check.h"

struct watch {
    struct model_client *client;
    uint64_t request;
    TAILQ_ENTRY(watch) entry;
};

TAILQ_HEAD(watch_list, watch);

struct watched_path {
    struct watch_list of_kind[2]; /* enum model_watch_kind */
    UT_hash_handle hh;
    char path[];
};

struct model_watches {
    struct watched_path *paths;
    size_t count;
};

struct model_watches *model_watches_new(void) {
    struct model_watches *watches = calloc(1, sizeof(*watches));

    CHECK(watches != NULL);
    return watches;
}

static void remove_watch(struct model_watches *watches, struct watch_list *list,
                         struct watch *watch) {
    TAILQ_REMOVE(list, watch, entry);
    free(watch);
    watches->count--;
}

void model_watches_free(struct model_watches *watches) {
    struct watched_path *path, *next;

    HASH_ITER (hh, watches->paths, path, next) {
        for (int kind = 0; kind < 2; kind++)
            while (!TAILQ_EMPTY(&path->of_kind[kind]))
                remove_watch(watches, &path->of_kind[kind], TAILQ_FIRST(&path->of_kind[kind]));
        HASH_DEL(watches->paths, path);
        free(path);
    }
    free(watches);
}

size_t model_watches_count(const struct model_watches *watches) {
    return watches->count;
}

static struct watched_path *find(struct model_watches *watches, const char *path) {
    struct watched_path *found;

    HASH_FIND_STR(watches->paths, path, found);
    return found;
}

static struct watched_path *ensure(struct model_watches *watches, const char *path) {
    struct watched_path *found = find(watches, path);
    size_t size = strlen(path);

    if (found != NULL)
        return found;
    found = calloc(1, sizeof(*found) + size + 1);
    CHECK(found != NULL);
    memcpy(found->path, path, size);
    TAILQ_INIT(&found->of_kind[WATCH_DATA]);
    TAILQ_INIT(&found->of_kind[WATCH_CHILDREN]);
    HASH_ADD_KEYPTR(hh, watches->paths, found->path, size, found);
    return found;
}

void model_watches_add(struct model_watches *watches, struct model_client *client,
                       enum model_watch_kind kind, const char *path, uint64_t request) {
    struct watch_list *list = &ensure(watches, path)->of_kind[kind];
    struct watch *watch;

    TAILQ_FOREACH (watch, list, entry)
        if (watch->client == client)
            return;
    watch = calloc(1, sizeof(*watch));
    CHECK(watch != NULL);
    watch->client = client;
    watch->request = request;
    TAILQ_INSERT_TAIL(list, watch, entry);
    watches->count++;
}

void model_watches_fire(struct model_watches *watches, enum model_watch_kind kind, const char *path,
                        enum zk_event_kind event, model_watch_fired *fired) {
    struct watched_path *watched = find(watches, path);

    while (watched != NULL && !TAILQ_EMPTY(&watched->of_kind[kind])) {
        struct watch *watch = TAILQ_FIRST(&watched->of_kind[kind]);
        fired(watch->client, watch->request, watched->path, event);
        remove_watch(watches, &watched->of_kind[kind], watch);
    }
}

void model_watches_drop(struct model_watches *watches, const struct model_client *client,
                        uint64_t request) {
    for (struct watched_path *path = watches->paths; path != NULL; path = path->hh.next)
        for (int kind = 0; kind < 2; kind++) {
            struct watch *watch = TAILQ_FIRST(&path->of_kind[kind]);
            while (watch != NULL) {
                struct watch *next = TAILQ_NEXT(watch, entry);
                if (watch->client == client && watch->request > request)
                    remove_watch(watches, &path->of_kind[kind], watch);
                watch = next;
            }
        }
}

#include "broker/control/entity_read.h"

#include <stdio.h>

#include "client/base/logger.h"
#include "zk-schema/config_znode.h"
#include "zk-schema/paths.h"
#include "zk-schema/zk.h"

#define AT_ONCE_MAX 64

struct entity_step {
    struct entity_read *read;
    const char *path;  /* below /config */
    const char *below; /* of a list: see entity_read_add_all */
    bool is_list;
    STAILQ_ENTRY(entity_step) entry;
};

static void go_on(struct entity_read *read);

static void fail(struct entity_read *read, enum error error) {
    if (read->error == ERR_NONE)
        read->error = error == ERR_ZK_OUTCOME_UNKNOWN || error == ERR_ZK_SESSION_EXPIRED
                          ? ERR_REQUEST_TIMED_OUT
                          : error;
}

/* "path", "path/name" or "path/name/below", in the arena. */
static const char *join(struct entity_read *read, const char *path, const char *name,
                        const char *below) {
    size_t size = strlen(path) + strlen(name) + (below == NULL ? 0 : strlen(below)) + 3;
    char *joined = arena_alloc(read->arena, size, 1);

    if (joined != NULL)
        snprintf(joined, size, "%s%s%s%s%s", path, *name == '\0' ? "" : "/", name,
                 below == NULL ? "" : "/", below == NULL ? "" : below);
    return joined;
}

static void add(struct entity_read *read, const char *path, const char *below, bool is_list) {
    struct entity_step *step = arena_alloc(read->arena, 1, sizeof(*step));

    if (step == NULL || path == NULL) {
        fail(read, ERR_OUT_OF_MEMORY);
        return;
    }
    *step = (struct entity_step){read, path, below, is_list, {NULL}};
    STAILQ_INSERT_TAIL(&read->steps, step, entry);
}

/* Content that cannot be read counts as none, as in Kafka. */
static void take(struct entity_read *read, const char *path, struct bytes data) {
    struct config_znode znode = {0};
    struct entity_settings *settings;
    struct znode_error problem;

    if (config_znode_decode(path, data, read->arena, &znode, &problem) != ERR_NONE) {
        LOG_ERROR("znode_invalid", "reason=%s action=\"it counts as empty\"",
                  LOG_QUOTED_TEXT(problem.text));
        return;
    }
    if (znode.entry_count == 0)
        return;
    settings = arena_alloc(read->arena, 1, sizeof(*settings));
    if (settings != NULL)
        settings->pairs =
            arena_alloc(read->arena, (size_t)znode.entry_count, sizeof(*settings->pairs));
    if (settings == NULL || settings->pairs == NULL) {
        fail(read, ERR_OUT_OF_MEMORY);
        return;
    }
    settings->entity = path;
    settings->pair_count = (size_t)znode.entry_count;
    for (size_t i = 0; i < settings->pair_count; i++)
        settings->pairs[i] = (struct config_pair){bytes_of_text(znode.entries[i].key),
                                                  bytes_of_text(znode.entries[i].value)};
    STAILQ_INSERT_TAIL(&read->found, settings, entry);
    read->found_count++;
}

static void on_entity(void *context, const struct zk_result *result) {
    struct entity_step *step = context;
    struct entity_read *read = step->read;

    read->outstanding--;
    if (result->error == ERR_NONE)
        take(read, step->path, result->data);
    else if (result->error != ERR_ZK_NO_NODE)
        fail(read, result->error);
    go_on(read);
}

static void on_list(void *context, const struct zk_result *result) {
    struct entity_step *step = context;
    struct entity_read *read = step->read;

    read->outstanding--;
    if (result->error != ERR_NONE && result->error != ERR_ZK_NO_NODE)
        fail(read, result->error);
    for (size_t i = 0; result->error == ERR_NONE && i < result->child_count; i++)
        add(read, join(read, step->path, result->children[i], step->below), NULL,
            step->below != NULL);
    go_on(read);
}

/* After an error only the answers that are under way are waited for. */
static void go_on(struct entity_read *read) {
    struct entity_step *step;

    while (read->error == ERR_NONE && read->outstanding < AT_ONCE_MAX &&
           (step = STAILQ_FIRST(&read->steps)) != NULL) {
        struct znode_path path;
        int size = snprintf(path.text, sizeof(path.text), "/config/%s", step->path);
        STAILQ_REMOVE_HEAD(&read->steps, entry);
        if (size >= (int)sizeof(path.text))
            continue; /* nothing with so long a name was ever written */
        read->outstanding++;
        if (step->is_list)
            zk_children(read->zk, path.text, false, on_list, step);
        else
            zk_get(read->zk, path.text, false, on_entity, step);
    }
    if (read->outstanding == 0)
        read->done(read, read->error);
}

void entity_read_init(struct entity_read *read, struct arena *arena,
                      void (*done)(struct entity_read *read, enum error error)) {
    *read = (struct entity_read){.arena = arena, .done = done};
    STAILQ_INIT(&read->found);
    STAILQ_INIT(&read->steps);
}

void entity_read_add(struct entity_read *read, const char *entity) {
    add(read, join(read, entity, "", NULL), NULL, false);
}

void entity_read_add_all(struct entity_read *read, const char *folder, const char *below) {
    add(read, join(read, folder, "", NULL), below, true);
}

void entity_read_start(struct entity_read *read, struct zk *zk) {
    read->zk = zk;
    go_on(read);
}

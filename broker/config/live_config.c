#include "broker/config/live_config.h"

#include <stdlib.h>

#include "client/base/sync.h"

#define LAYER_BYTES_MAX ((size_t)16 << 20)

struct held_layer {
    struct arena arena;
    struct config_layer layer;
};

struct live_config {
    const struct config *file;
    struct held_layer of_all;    /* control thread */
    struct held_layer of_broker; /* control thread */
    struct mutex lock;
    struct config *current; /* lock; one reference */
};

enum error live_config_new(const struct config *file, struct live_config **created) {
    const struct config_layer nothing = {NULL, 0};
    struct live_config *live = calloc(1, sizeof(*live));
    struct config_report report;
    enum error error;

    if (live == NULL)
        return ERR_OUT_OF_MEMORY;
    config_report_init(&report);
    error = config_overlay(file, &nothing, &nothing, &report, &live->current);
    config_report_done(&report);
    if (error != ERR_NONE) {
        free(live);
        return error;
    }
    live->file = file;
    mutex_init(&live->lock);
    arena_init(&live->of_all.arena, LAYER_BYTES_MAX);
    arena_init(&live->of_broker.arena, LAYER_BYTES_MAX);
    *created = live;
    return ERR_NONE;
}

void live_config_free(struct live_config *live) {
    if (live == NULL)
        return;
    live_config_release(live->current);
    arena_done(&live->of_all.arena);
    arena_done(&live->of_broker.arena);
    mutex_done(&live->lock);
    free(live);
}

const struct config *live_config_get(struct live_config *live) {
    struct config *current;

    mutex_lock(&live->lock);
    current = live->current;
    atomic_fetch_add(&current->references, 1);
    mutex_unlock(&live->lock);
    return current;
}

void live_config_release(const struct config *config) {
    struct config *held = (struct config *)(uintptr_t)config;

    if (atomic_fetch_sub(&held->references, 1) == 1)
        config_free(held);
}

static bool copy_layer(struct held_layer *held, const struct config_pair *pairs, size_t count) {
    struct config_pair *copies;

    arena_reset(&held->arena);
    held->layer = (struct config_layer){NULL, 0};
    copies = arena_alloc(&held->arena, count, sizeof(*copies));
    if (copies == NULL)
        return false;
    held->layer.pairs = copies;
    for (size_t i = 0; i < count; i++) {
        copies[i].key = arena_copy(&held->arena, pairs[i].key);
        copies[i].value = arena_copy(&held->arena, pairs[i].value);
        if (bytes_is_null(copies[i].key) || bytes_is_null(copies[i].value))
            return false;
        held->layer.count++;
    }
    return true;
}

static void publish(struct live_config *live, struct config *next) {
    struct config *previous;

    mutex_lock(&live->lock);
    previous = live->current;
    live->current = next;
    mutex_unlock(&live->lock);
    live_config_release(previous);
}

enum error live_config_set(struct live_config *live, bool is_of_all,
                           const struct config_pair *pairs, size_t count,
                           struct config_report *report) {
    struct config *next;
    enum error error;

    if (!copy_layer(is_of_all ? &live->of_all : &live->of_broker, pairs, count))
        return ERR_OUT_OF_MEMORY;
    error = config_overlay(live->file, &live->of_all.layer, &live->of_broker.layer, report, &next);
    if (error == ERR_NONE)
        publish(live, next);
    return error;
}

struct config_layer live_config_layer(const struct live_config *live, bool is_of_all) {
    return is_of_all ? live->of_all.layer : live->of_broker.layer;
}

const struct config *live_config_file(const struct live_config *live) {
    return live->file;
}

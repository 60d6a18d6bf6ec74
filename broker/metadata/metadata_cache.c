#include "broker/metadata/metadata_cache.h"

#include "broker/metadata/metadata_builder.h"

void metadata_cache_init(struct metadata_cache *cache) {
    struct metadata_topic_change *changes;
    int32_t change_count;

    mutex_init(&cache->lock);
    cache->current = metadata_builder_finish(metadata_builder_new(NULL), &changes, &change_count);
    free(changes);
}

void metadata_cache_done(struct metadata_cache *cache) {
    metadata_unref(cache->current);
    mutex_done(&cache->lock);
}

const struct metadata *metadata_cache_get(struct metadata_cache *cache) {
    const struct metadata *current;

    mutex_lock(&cache->lock);
    current = cache->current;
    metadata_ref(current);
    mutex_unlock(&cache->lock);
    return current;
}

bool metadata_cache_is_controller(struct metadata_cache *cache, int32_t broker_id) {
    const struct metadata *current = metadata_cache_get(cache);
    bool is_it = current->controller_id == broker_id;

    metadata_unref(current);
    return is_it;
}

void metadata_cache_publish(struct metadata_cache *cache, const struct metadata *next) {
    const struct metadata *previous;

    mutex_lock(&cache->lock);
    previous = cache->current;
    cache->current = next;
    mutex_unlock(&cache->lock);
    metadata_unref(previous);
}

/*
 * Where the present metadata snapshot is kept: one writer, many readers.
 *
 * Threads: metadata_cache_get on any thread; it costs one uncontended lock around a reference
 * count, and nothing is done under that lock. metadata_cache_publish on the control thread only.
 */
#ifndef BROKER_METADATA_METADATA_CACHE_H
#define BROKER_METADATA_METADATA_CACHE_H

#include "broker/metadata/metadata.h"
#include "client/base/sync.h"

struct metadata_cache {
    struct mutex lock;
    const struct metadata *current; /* lock; never NULL */
};

void metadata_cache_init(struct metadata_cache *cache);
void metadata_cache_done(struct metadata_cache *cache);

/* The caller owns a reference: metadata_unref() it. */
const struct metadata *metadata_cache_get(struct metadata_cache *cache);

/* Whether that broker is the controller, as far as is known. */
bool metadata_cache_is_controller(struct metadata_cache *cache, int32_t broker_id);

/* Takes over the caller's reference of `next`. */
void metadata_cache_publish(struct metadata_cache *cache, const struct metadata *next);

#endif

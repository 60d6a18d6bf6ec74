/*
 * Deduplication: takes out messages whose id was seen before: those that a producer without
 * idempotence sent twice, that an application sent again because it had not heard of the first,
 * or that were delivered again because a commit was lost.
 *
 *     struct barnabas_consumer_interceptor once = barnabas_deduplicator_interceptor(deduplicator);
 *     barnabas_config_add_consumer_interceptor(config, &once);
 *
 * or, where a message counts as seen only if its work succeeded, barnabas_deduplicator_take before
 * the work and barnabas_deduplicator_forget if it fails.
 *
 * What is promised. No two messages with one id are let through while the first is remembered. The
 * store holds so many ids and bytes, those seen longest ago go first; a copy that comes later than
 * that passes. It lives in memory: what another consumer saw, or this one before it was started
 * anew, is not known. To know it, begin reading some way before the committed offset and only
 * take, not work on, what lies before that.
 * A message without an id always passes. One that is polled again, after a seek or by retry topics
 * (retry.h), counts as a copy: there, take and forget instead of intercepting.
 *
 * Threads: one at a time.
 */
#ifndef BARNABAS_DEDUPLICATION_H
#define BARNABAS_DEDUPLICATION_H

#include <barnabas/interceptor.h>

#ifdef __cplusplus
extern "C" {
#endif

struct barnabas_deduplicator;

struct barnabas_deduplicator_options {
    const char *header; /* whose value is the id; NULL: the message's key is */
    size_t ids_max;     /* at least 1 */
    size_t bytes_max;   /* of memory, for ids and all that is kept of them; 0: no bound */
};

/* Errors: INVALID_REQUEST (ids_max is 0), OUT_OF_MEMORY. */
BARNABAS_API int barnabas_deduplicator_new(const struct barnabas_deduplicator_options *options,
                                           struct barnabas_deduplicator **created);

/* Lets through what is new; what cannot be remembered because memory is out passes as well. */
BARNABAS_API struct barnabas_consumer_interceptor
barnabas_deduplicator_interceptor(struct barnabas_deduplicator *deduplicator);

/* Whether it is new; its id is remembered, as seen just now. OUT_OF_MEMORY: it is new, and was not
 * remembered. */
BARNABAS_API int barnabas_deduplicator_take(struct barnabas_deduplicator *deduplicator,
                                            const struct barnabas_message *message, bool *is_new);
BARNABAS_API int barnabas_deduplicator_take_id(struct barnabas_deduplicator *deduplicator,
                                               const void *id, size_t size, bool *is_new);

/* As if it had not been seen. */
BARNABAS_API void barnabas_deduplicator_forget(struct barnabas_deduplicator *deduplicator,
                                               const struct barnabas_message *message);

/* How many ids are remembered, and how many copies were found. */
BARNABAS_API size_t barnabas_deduplicator_count(const struct barnabas_deduplicator *deduplicator);
BARNABAS_API uint64_t
barnabas_deduplicator_copies(const struct barnabas_deduplicator *deduplicator);

BARNABAS_API void barnabas_deduplicator_free(struct barnabas_deduplicator *deduplicator);

#ifdef __cplusplus
}
#endif

#endif

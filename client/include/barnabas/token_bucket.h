/*
 * A token bucket that is fed by a topic: flow control for work that several processes share. Who
 * feeds it decides how much may be done: so many a second, or one for each piece of work that a
 * slower stage has finished. Who works takes a token for each piece first, and waits while there
 * is none.
 *
 * Each record of the topic is worth the number that its value says in decimal ("25"); a value that
 * is no number is worth nothing. With group.id set, the topic's partitions are shared by the
 * group's members, and a token goes to one of them; without, every bucket gets all that is fed
 * from its opening on.
 *
 * What is promised. Never more is taken than was fed: in a group, tokens are committed before they
 * can be taken. A worker that dies, or a commit that fails, takes the tokens that were in the
 * bucket with it. What would overflow the bucket is lost; while nobody has to wait for tokens they
 * are left in the topic, so that capacity bounds a burst by itself only together with age_ms_max.
 *
 * Threads: one at a time. In a group, take at least every max.poll.interval.ms, or the member loses
 * its place until it takes again.
 */
#ifndef BARNABAS_TOKEN_BUCKET_H
#define BARNABAS_TOKEN_BUCKET_H

#include <barnabas/consumer.h>
#include <barnabas/producer.h>

#ifdef __cplusplus
extern "C" {
#endif

struct barnabas_token_bucket;

struct barnabas_token_bucket_options {
    const char *topic;
    uint64_t capacity;  /* at least 1 */
    int64_t age_ms_max; /* tokens whose record is older are lost; 0: they keep */
};

/* Without a group this waits for the topic's metadata, up to max.block.ms. Errors: CONFIG_INVALID,
 * INVALID_TOPIC, INVALID_REQUEST (capacity is 0), OUT_OF_MEMORY, and why there is no metadata. */
BARNABAS_API int barnabas_token_bucket_open(const struct barnabas_config *config,
                                            const struct barnabas_token_bucket_options *options,
                                            struct barnabas_token_bucket **opened,
                                            struct barnabas_reason *reason);

/* Takes so many at once, or none: REQUEST_TIMED_OUT if there were not enough in time (-1: no
 * limit). INVALID_REQUEST for more than the capacity. Others: those of barnabas_consumer_poll. */
BARNABAS_API int barnabas_token_bucket_take(struct barnabas_token_bucket *bucket, uint64_t tokens,
                                            int64_t timeout_ms);

/* What could be taken at once. */
BARNABAS_API uint64_t barnabas_token_bucket_level(const struct barnabas_token_bucket *bucket);

BARNABAS_API void barnabas_token_bucket_close(struct barnabas_token_bucket *bucket);

/* Feeds tokens; returns and reports as barnabas_producer_send does. */
BARNABAS_API int barnabas_token_bucket_feed(struct barnabas_producer *producer, const char *topic,
                                            uint64_t tokens, barnabas_delivered *delivered,
                                            void *context);

#ifdef __cplusplus
}
#endif

#endif

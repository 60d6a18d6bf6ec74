/*
 * The last answers to Metadata requests for all topics, encoded. After a change of a large cluster
 * every admin client and every consumer that subscribes by a pattern asks for the same: hundreds of
 * kilobytes, whose making takes ten times as long as their sending.
 *
 * An answer is a function of its key as long as everybody may see everything; with an authorizer it
 * depends on who asks, too. Answers with errors are not kept, because each that is sent is counted.
 *
 * Memory: ENCODED_METADATA_SLOTS answers of up to ENCODED_METADATA_BYTES_MAX; those of former
 * snapshots go with the next one that is kept.
 * Threads: any; its lock is a leaf, and held for no copying.
 */
#ifndef BROKER_API_ENCODED_METADATA_H
#define BROKER_API_ENCODED_METADATA_H

#include <stdint.h>

#include "client/base/bytes.h"

#define ENCODED_METADATA_SLOTS     4
#define ENCODED_METADATA_BYTES_MAX ((size_t)4 << 20)

struct encoded_metadata;

/* All that the body depends on. */
struct encoded_metadata_key {
    uint64_t snapshot;    /* its serial */
    const char *listener; /* compared as a pointer: a listener's name while the server runs */
    int16_t version;
    bool topic_operations, cluster_operations;
};

/* An answer's body; immutable. */
struct encoded_body;

struct encoded_metadata *encoded_metadata_new(void);
void encoded_metadata_free(struct encoded_metadata *encoded); /* accepts NULL */

/* A reference, or NULL: nothing was kept under this key. */
struct encoded_body *encoded_metadata_find(struct encoded_metadata *encoded,
                                           const struct encoded_metadata_key *key);
struct bytes encoded_body_bytes(const struct encoded_body *body);
void encoded_body_unref(struct encoded_body *body);

/* Copies the body. What is too large, or meets exhausted memory, is not kept. */
void encoded_metadata_keep(struct encoded_metadata *encoded, const struct encoded_metadata_key *key,
                           struct bytes body);

#endif

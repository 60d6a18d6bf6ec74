#include "broker/api/encoded_metadata.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "client/base/sync.h"

struct encoded_body {
    atomic_int references;
    size_t size;
    uint8_t data[];
};

struct slot {
    struct encoded_metadata_key key;
    struct encoded_body *body; /* a reference; NULL: the slot is free */
};

struct encoded_metadata {
    struct mutex lock;
    struct slot slots[ENCODED_METADATA_SLOTS]; /* lock */
    size_t oldest;                             /* lock; the slot that is taken when none is free */
};

struct encoded_metadata *encoded_metadata_new(void) {
    struct encoded_metadata *encoded = calloc(1, sizeof(*encoded));

    if (encoded != NULL)
        mutex_init(&encoded->lock);
    return encoded;
}

struct bytes encoded_body_bytes(const struct encoded_body *body) {
    return bytes_of(body->data, body->size);
}

void encoded_body_unref(struct encoded_body *body) {
    if (body != NULL && atomic_fetch_sub_explicit(&body->references, 1, memory_order_acq_rel) == 1)
        free(body);
}

void encoded_metadata_free(struct encoded_metadata *encoded) {
    if (encoded == NULL)
        return;
    for (size_t i = 0; i < ENCODED_METADATA_SLOTS; i++)
        encoded_body_unref(encoded->slots[i].body);
    mutex_done(&encoded->lock);
    free(encoded);
}

static bool keys_are_equal(const struct encoded_metadata_key *a,
                           const struct encoded_metadata_key *b) {
    return a->snapshot == b->snapshot && a->listener == b->listener && a->version == b->version &&
           a->topic_operations == b->topic_operations &&
           a->cluster_operations == b->cluster_operations;
}

struct encoded_body *encoded_metadata_find(struct encoded_metadata *encoded,
                                           const struct encoded_metadata_key *key) {
    struct encoded_body *found = NULL;

    mutex_lock(&encoded->lock);
    for (size_t i = 0; i < ENCODED_METADATA_SLOTS && found == NULL; i++) {
        if (encoded->slots[i].body != NULL && keys_are_equal(&encoded->slots[i].key, key))
            found = encoded->slots[i].body;
    }
    if (found != NULL)
        atomic_fetch_add_explicit(&found->references, 1, memory_order_relaxed);
    mutex_unlock(&encoded->lock);
    return found;
}

static struct encoded_body *copy_of(struct bytes bytes) {
    struct encoded_body *body = malloc(sizeof(*body) + bytes.size);

    if (body == NULL)
        return NULL;
    atomic_init(&body->references, 1);
    body->size = bytes.size;
    memcpy(body->data, bytes.data, bytes.size);
    return body;
}

/* The slot for an answer of `snapshot`; what it and slots of older snapshots hold goes to `gone`.
 * A newer one's stay: a request may have taken its snapshot before the last change. Under `lock`.
 */
static struct slot *make_room(struct encoded_metadata *encoded, uint64_t snapshot,
                              struct encoded_body *gone[ENCODED_METADATA_SLOTS]) {
    struct slot *room = NULL;

    for (size_t i = 0; i < ENCODED_METADATA_SLOTS; i++) {
        struct slot *slot = &encoded->slots[i];

        if (slot->body != NULL && slot->key.snapshot < snapshot) {
            gone[i] = slot->body;
            slot->body = NULL;
        }
        if (slot->body == NULL && room == NULL)
            room = slot;
    }
    if (room == NULL) {
        room = &encoded->slots[encoded->oldest];
        gone[encoded->oldest] = room->body;
        encoded->oldest = (encoded->oldest + 1) % ENCODED_METADATA_SLOTS;
    }
    return room;
}

void encoded_metadata_keep(struct encoded_metadata *encoded, const struct encoded_metadata_key *key,
                           struct bytes body) {
    struct encoded_body *gone[ENCODED_METADATA_SLOTS] = {NULL};
    struct encoded_body *kept = body.size <= ENCODED_METADATA_BYTES_MAX ? copy_of(body) : NULL;

    if (kept == NULL)
        return;
    mutex_lock(&encoded->lock);
    *make_room(encoded, key->snapshot, gone) = (struct slot){*key, kept};
    mutex_unlock(&encoded->lock);
    for (size_t i = 0; i < ENCODED_METADATA_SLOTS; i++)
        encoded_body_unref(gone[i]);
}

#include "broker/log/verifications.h"

#include <stdlib.h>
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct verification {
    UT_hash_handle by_producer;
    int64_t producer_id;
    int64_t began_ms;
    uint64_t guard;
    int32_t lowest_sequence; /* of those that wait, within the epoch */
    int16_t producer_epoch;  /* the highest that was seen */
};

static struct verification *find(const struct verifications *verifications, int64_t producer_id) {
    struct verification *found = NULL;

    if (verifications->by_producer != NULL)
        HASH_FIND(by_producer, verifications->by_producer, &producer_id, sizeof(producer_id),
                  found);
    return found;
}

static void drop(struct verifications *verifications, struct verification *verification) {
    HASH_DELETE(by_producer, verifications->by_producer, verification);
    free(verification);
}

void verifications_clear(struct verifications *verifications) {
    while (verifications->by_producer != NULL)
        drop(verifications, verifications->by_producer);
}

static struct verification *add(struct verifications *verifications, int64_t producer_id,
                                int64_t now_ms) {
    struct verification *added = calloc(1, sizeof(*added));

    if (added == NULL)
        return NULL;
    added->producer_id = producer_id;
    added->producer_epoch = INT16_MIN;
    added->began_ms = now_ms;
    HASH_ADD(by_producer, verifications->by_producer, producer_id, sizeof(added->producer_id),
             added);
    if (added->by_producer.tbl == NULL) {
        free(added);
        return NULL;
    }
    added->guard = ++verifications->guards;
    return added;
}

enum error verifications_begin(struct verifications *verifications, int64_t producer_id,
                               int16_t producer_epoch, int32_t base_sequence, int64_t now_ms,
                               uint64_t *guard) {
    struct verification *verification = find(verifications, producer_id);

    if (verification == NULL && (verification = add(verifications, producer_id, now_ms)) == NULL)
        return ERR_OUT_OF_MEMORY;
    if (producer_epoch > verification->producer_epoch ||
        (producer_epoch == verification->producer_epoch &&
         base_sequence < verification->lowest_sequence)) {
        verification->producer_epoch = producer_epoch;
        verification->lowest_sequence = base_sequence;
    }
    *guard = verification->guard;
    return ERR_NONE;
}

bool verifications_match(const struct verifications *verifications, int64_t producer_id,
                         uint64_t guard) {
    const struct verification *verification = find(verifications, producer_id);

    return verification != NULL && verification->guard == guard;
}

bool verifications_is_early(const struct verifications *verifications, int64_t producer_id,
                            int32_t base_sequence) {
    const struct verification *verification = find(verifications, producer_id);

    return verification != NULL && base_sequence > verification->lowest_sequence;
}

void verifications_remove(struct verifications *verifications, int64_t producer_id) {
    struct verification *verification = find(verifications, producer_id);

    if (verification != NULL)
        drop(verifications, verification);
}

void verifications_expire(struct verifications *verifications, int64_t now_ms,
                          int64_t expiration_ms) {
    struct verification *verification = verifications->by_producer;

    while (verification != NULL) {
        struct verification *next = verification->by_producer.next;
        if (now_ms - verification->began_ms >= expiration_ms)
            drop(verifications, verification);
        verification = next;
    }
}

/* A bounded set of ids, in the order in which they were last seen. Pure. */
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "client/base/check.h"
#include "client/base/error.h"
#include "client/base/hash_table.h"

#include <barnabas/deduplication.h>

struct seen_id {
    UT_hash_handle hh;
    TAILQ_ENTRY(seen_id) next; /* the one seen longest ago is first */
    size_t size;
    char id[];
};

struct barnabas_deduplicator {
    char *header; /* NULL: the key is the id */
    size_t ids_max;
    size_t bytes_max;
    size_t bytes;
    size_t count;
    uint64_t copies;
    struct seen_id *ids;
    TAILQ_HEAD(, seen_id) by_age;
};

int barnabas_deduplicator_new(const struct barnabas_deduplicator_options *options,
                              struct barnabas_deduplicator **created) {
    struct barnabas_deduplicator *deduplicator;

    if (options->ids_max == 0)
        return ERR_INVALID_REQUEST;
    deduplicator = calloc(1, sizeof(*deduplicator));
    if (deduplicator == NULL)
        return ERR_OUT_OF_MEMORY;
    TAILQ_INIT(&deduplicator->by_age);
    deduplicator->ids_max = options->ids_max;
    deduplicator->bytes_max = options->bytes_max == 0 ? SIZE_MAX : options->bytes_max;
    if (options->header != NULL && (deduplicator->header = strdup(options->header)) == NULL) {
        free(deduplicator);
        return ERR_OUT_OF_MEMORY;
    }
    *created = deduplicator;
    return ERR_NONE;
}

static size_t cost_of(size_t id_size) {
    return sizeof(struct seen_id) + id_size;
}

static void id_remove(struct barnabas_deduplicator *deduplicator, struct seen_id *seen) {
    HASH_DEL(deduplicator->ids, seen);
    TAILQ_REMOVE(&deduplicator->by_age, seen, next);
    deduplicator->bytes -= cost_of(seen->size);
    deduplicator->count--;
    free(seen);
}

void barnabas_deduplicator_free(struct barnabas_deduplicator *deduplicator) {
    struct seen_id *seen;

    if (deduplicator == NULL)
        return;
    while ((seen = TAILQ_FIRST(&deduplicator->by_age)) != NULL)
        id_remove(deduplicator, seen);
    free(deduplicator->header);
    free(deduplicator);
}

static enum error id_add(struct barnabas_deduplicator *deduplicator, const void *id, size_t size) {
    struct seen_id *seen;

    if (cost_of(size) > deduplicator->bytes_max)
        return ERR_OUT_OF_MEMORY;
    seen = malloc(cost_of(size));
    if (seen == NULL)
        return ERR_OUT_OF_MEMORY;
    seen->size = size;
    if (size > 0)
        memcpy(seen->id, id, size);
    HASH_ADD_KEYPTR(hh, deduplicator->ids, seen->id, size, seen);
    if (!HASH_WAS_ADDED(hh, seen)) {
        free(seen);
        return ERR_OUT_OF_MEMORY;
    }
    TAILQ_INSERT_TAIL(&deduplicator->by_age, seen, next);
    deduplicator->bytes += cost_of(size);
    deduplicator->count++;
    while (deduplicator->count > deduplicator->ids_max ||
           deduplicator->bytes > deduplicator->bytes_max)
        id_remove(deduplicator, TAILQ_FIRST(&deduplicator->by_age));
    return ERR_NONE;
}

int barnabas_deduplicator_take_id(struct barnabas_deduplicator *deduplicator, const void *id,
                                  size_t size, bool *is_new) {
    struct seen_id *seen;

    HASH_FIND(hh, deduplicator->ids, id, size, seen);
    *is_new = seen == NULL;
    if (seen == NULL)
        return id_add(deduplicator, id, size);
    TAILQ_REMOVE(&deduplicator->by_age, seen, next);
    TAILQ_INSERT_TAIL(&deduplicator->by_age, seen, next);
    deduplicator->copies++;
    return ERR_NONE;
}

/* False if it has none. */
static bool id_of(const struct barnabas_deduplicator *deduplicator,
                  const struct barnabas_message *message, const void **id, size_t *size) {
    if (deduplicator->header == NULL) {
        *id = message->key;
        *size = message->key_size;
        return message->key != NULL;
    }
    for (size_t i = 0; i < message->header_count; i++) {
        const struct barnabas_header *header = &message->headers[i];

        if (header->value == NULL || header->key_size != strlen(deduplicator->header) ||
            memcmp(header->key, deduplicator->header, header->key_size) != 0)
            continue;
        *id = header->value;
        *size = header->value_size;
        return true;
    }
    return false;
}

int barnabas_deduplicator_take(struct barnabas_deduplicator *deduplicator,
                               const struct barnabas_message *message, bool *is_new) {
    const void *id;
    size_t size;

    *is_new = true;
    if (!id_of(deduplicator, message, &id, &size))
        return ERR_NONE;
    return barnabas_deduplicator_take_id(deduplicator, id, size, is_new);
}

void barnabas_deduplicator_forget(struct barnabas_deduplicator *deduplicator,
                                  const struct barnabas_message *message) {
    struct seen_id *seen;
    const void *id;
    size_t size;

    if (!id_of(deduplicator, message, &id, &size))
        return;
    HASH_FIND(hh, deduplicator->ids, id, size, seen);
    if (seen != NULL)
        id_remove(deduplicator, seen);
}

size_t barnabas_deduplicator_count(const struct barnabas_deduplicator *deduplicator) {
    return deduplicator->count;
}

uint64_t barnabas_deduplicator_copies(const struct barnabas_deduplicator *deduplicator) {
    return deduplicator->copies;
}

static size_t deduplicator_on_consume(void *context, struct barnabas_message *messages,
                                      size_t count) {
    size_t left = 0;

    for (size_t i = 0; i < count; i++) {
        bool is_new;

        (void)barnabas_deduplicator_take(context, &messages[i], &is_new); /* then it is new */
        if (is_new)
            messages[left++] = messages[i];
    }
    return left;
}

struct barnabas_consumer_interceptor
barnabas_deduplicator_interceptor(struct barnabas_deduplicator *deduplicator) {
    return (struct barnabas_consumer_interceptor){.on_consume = deduplicator_on_consume,
                                                  .context = deduplicator};
}

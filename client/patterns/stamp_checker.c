/* The reader's side of stamps: one tracker per producer and partition. */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "client/base/hash_table.h"
#include "client/patterns/partition_key.h"
#include "client/patterns/stamp_tracker.h"

struct stamp_key {
    struct partition_key partition;
    char producer[BARNABAS_STAMP_NAME_MAX];
};

struct tracked_producer {
    UT_hash_handle hh;
    struct stamp_key key;
    struct stamp_tracker tracker;
};

struct barnabas_stamp_checker {
    bool from_beginning;
    struct tracked_producer *producers;
    struct tracked_producer **in_order; /* as first seen */
    size_t count;
    size_t capacity;
};

int barnabas_stamp_checker_new(bool from_beginning, struct barnabas_stamp_checker **created) {
    struct barnabas_stamp_checker *checker = calloc(1, sizeof(*checker));

    if (checker == NULL)
        return ERR_OUT_OF_MEMORY;
    checker->from_beginning = from_beginning;
    *created = checker;
    return ERR_NONE;
}

void barnabas_stamp_checker_free(struct barnabas_stamp_checker *checker) {
    if (checker == NULL)
        return;
    HASH_CLEAR(hh, checker->producers);
    for (size_t i = 0; i < checker->count; i++) {
        stamp_tracker_done(&checker->in_order[i]->tracker);
        free(checker->in_order[i]);
    }
    free(checker->in_order);
    free(checker);
}

/* False if the message has no stamp, or what is called so is none. */
static bool stamp_read(const struct barnabas_message *message, struct stamp_key *key,
                       uint64_t *sequence) {
    static const char name[] = BARNABAS_STAMP_HEADER;

    for (size_t i = 0; i < message->header_count; i++) {
        const struct barnabas_header *header = &message->headers[i];

        if (header->key_size != sizeof(name) - 1 ||
            memcmp(header->key, name, header->key_size) != 0 ||
            header->value_size < sizeof(*sequence) ||
            header->value_size >= sizeof(*sequence) + BARNABAS_STAMP_NAME_MAX)
            continue;
        memcpy(sequence, header->value, sizeof(*sequence));
        *sequence = be64toh(*sequence);
        memset(key, 0, sizeof(*key));
        key->partition = partition_key_of(message->topic, message->partition);
        memcpy(key->producer, (const char *)header->value + sizeof(*sequence),
               header->value_size - sizeof(*sequence));
        return *sequence < UINT64_MAX; /* which has none behind it */
    }
    return false;
}

static struct tracked_producer *producer_get(struct barnabas_stamp_checker *checker,
                                             const struct stamp_key *key, uint64_t sequence) {
    struct tracked_producer *producer;
    struct tracked_producer **in_order;
    size_t capacity = checker->capacity == 0 ? 8 : checker->capacity * 2;

    HASH_FIND(hh, checker->producers, key, sizeof(*key), producer);
    if (producer != NULL)
        return producer;
    if (checker->count == checker->capacity) {
        in_order = reallocarray(checker->in_order, capacity, sizeof(struct tracked_producer *));
        if (in_order == NULL)
            return NULL;
        checker->in_order = in_order;
        checker->capacity = capacity;
    }
    producer = calloc(1, sizeof(*producer));
    if (producer == NULL)
        return NULL;
    producer->key = *key;
    stamp_tracker_init(&producer->tracker, checker->from_beginning ? 0 : sequence);
    HASH_ADD(hh, checker->producers, key, sizeof(*key), producer);
    if (!HASH_WAS_ADDED(hh, producer)) {
        free(producer);
        return NULL;
    }
    checker->in_order[checker->count++] = producer;
    return producer;
}

int barnabas_stamp_checker_take(struct barnabas_stamp_checker *checker,
                                const struct barnabas_message *message,
                                enum barnabas_stamp_verdict *verdict) {
    enum barnabas_stamp_verdict found = BARNABAS_STAMP_ABSENT;
    struct tracked_producer *producer;
    struct stamp_key key;
    uint64_t sequence;
    enum error error = ERR_NONE;

    if (stamp_read(message, &key, &sequence)) {
        producer = producer_get(checker, &key, sequence);
        error = producer == NULL ? ERR_OUT_OF_MEMORY
                                 : stamp_tracker_take(&producer->tracker, sequence, &found);
    }
    if (verdict != NULL)
        *verdict = found;
    return error;
}

bool barnabas_stamp_checker_at(const struct barnabas_stamp_checker *checker, size_t index,
                               struct barnabas_stamp_count *count) {
    const struct tracked_producer *producer;

    if (index >= checker->count)
        return false;
    producer = checker->in_order[index];
    *count = (struct barnabas_stamp_count){
        .producer = producer->key.producer,
        .topic = producer->key.partition.topic,
        .partition = producer->key.partition.partition,
        .received = producer->tracker.received,
        .lost = producer->tracker.missing,
        .duplicated = producer->tracker.duplicated,
        .reordered = producer->tracker.reordered,
    };
    return true;
}

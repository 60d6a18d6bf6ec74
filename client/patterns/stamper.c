/* The producer's side of stamps: an interceptor that numbers records. */
#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/base/error.h"
#include "client/base/hash_table.h"
#include "client/base/rng.h"
#include "client/patterns/partition_key.h"

#include <barnabas/stamps.h>

#define GIVEN_NAME_MAX 100

struct stamped_partition {
    UT_hash_handle hh;
    struct partition_key key;
    uint64_t next;
};

struct barnabas_stamper {
    char name[BARNABAS_STAMP_NAME_MAX];
    struct stamped_partition *partitions;
    uint64_t unstamped;
};

int barnabas_stamper_new(const char *name, struct barnabas_stamper **created) {
    struct barnabas_stamper *stamper;
    struct rng rng;

    if (strlen(name) > GIVEN_NAME_MAX)
        return ERR_INVALID_REQUEST;
    stamper = calloc(1, sizeof(*stamper));
    if (stamper == NULL)
        return ERR_OUT_OF_MEMORY;
    rng_seed_from_kernel(&rng);
    snprintf(stamper->name, sizeof(stamper->name), "%s-%016" PRIx64, name, rng_next(&rng));
    *created = stamper;
    return ERR_NONE;
}

void barnabas_stamper_free(struct barnabas_stamper *stamper) {
    struct stamped_partition *partition;
    struct stamped_partition *next;

    if (stamper == NULL)
        return;
    HASH_ITER (hh, stamper->partitions, partition, next) {
        HASH_DEL(stamper->partitions, partition);
        free(partition);
    }
    free(stamper);
}

const char *barnabas_stamper_name(const struct barnabas_stamper *stamper) {
    return stamper->name;
}

static struct stamped_partition *partition_find(const struct barnabas_stamper *stamper,
                                                const struct partition_key *key) {
    struct stamped_partition *partition;

    HASH_FIND(hh, stamper->partitions, key, sizeof(*key), partition);
    return partition;
}

static struct stamped_partition *partition_get(struct barnabas_stamper *stamper,
                                               const struct barnabas_record *record) {
    struct partition_key key = partition_key_of(record->topic, record->partition);
    struct stamped_partition *partition = partition_find(stamper, &key);

    if (partition != NULL)
        return partition;
    partition = calloc(1, sizeof(*partition));
    if (partition == NULL)
        return NULL;
    partition->key = key;
    HASH_ADD(hh, stamper->partitions, key, sizeof(key), partition);
    if (!HASH_WAS_ADDED(hh, partition)) {
        free(partition);
        return NULL;
    }
    return partition;
}

uint64_t barnabas_stamper_count(const struct barnabas_stamper *stamper, const char *topic,
                                int32_t partition) {
    struct partition_key key = partition_key_of(topic, partition);
    const struct stamped_partition *found = partition_find(stamper, &key);

    return found == NULL ? 0 : found->next;
}

uint64_t barnabas_stamper_unstamped(const struct barnabas_stamper *stamper) {
    return stamper->unstamped;
}

static void stamper_on_send(void *context, struct barnabas_outgoing *outgoing) {
    struct barnabas_stamper *stamper = context;
    struct stamped_partition *partition =
        partition_get(stamper, barnabas_outgoing_record(outgoing));
    uint8_t stamp[sizeof(uint64_t) + BARNABAS_STAMP_NAME_MAX];
    size_t name_size = strlen(stamper->name);
    uint64_t sequence;

    if (partition == NULL) {
        stamper->unstamped++;
        return;
    }
    sequence = htobe64(partition->next);
    memcpy(stamp, &sequence, sizeof(sequence));
    memcpy(stamp + sizeof(sequence), stamper->name, name_size);
    if (barnabas_outgoing_add_header(outgoing, BARNABAS_STAMP_HEADER, stamp,
                                     sizeof(sequence) + name_size) == BARNABAS_OK)
        partition->next++;
    else
        stamper->unstamped++;
}

struct barnabas_producer_interceptor
barnabas_stamper_interceptor(struct barnabas_stamper *stamper) {
    return (struct barnabas_producer_interceptor){.on_send = stamper_on_send, .context = stamper};
}

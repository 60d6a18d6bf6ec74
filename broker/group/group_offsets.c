#include "broker/group/group_offsets.h"

#include <stdlib.h>

#include <uthash.h>

#include "broker/metrics/counter.h"

/* What the hash looks for: the partition's number, then the topic's name. */
#define KEY_BYTES_MAX (sizeof(int32_t) + 32767)

struct pending_offset {
    struct pending_offset *next;
    int64_t producer_id;
    int64_t order;
    struct offset_record record; /* metadata owned */
};

struct slot {
    UT_hash_handle by_key;
    bool is_committed;
    int64_t order;               /* of the latest put or removal */
    int32_t commits;             /* under way */
    struct offset_record record; /* metadata owned */
    struct pending_offset *pending;
    size_t key_size;
    uint8_t key[];
};

struct group_offsets {
    struct slot *slots;
    size_t committed_count;
    _Atomic uint64_t *total; /* NULL: nobody counts */
    size_t pending_count;
};

struct group_offsets *group_offsets_new(void) {
    struct group_offsets *offsets = calloc(1, sizeof(*offsets));

    CHECK(offsets != NULL);
    return offsets;
}

void group_offsets_count_in(struct group_offsets *offsets, _Atomic uint64_t *total) {
    offsets->total = total;
    counter_add(total, offsets->committed_count);
}

/* ---- Slots ---- */

static struct bytes own(struct bytes source) {
    uint8_t *copy = malloc(source.size + 1); /* empty is not null */

    CHECK(copy != NULL);
    if (source.size > 0)
        memcpy(copy, source.data, source.size);
    return bytes_of(copy, source.size);
}

static void disown(struct bytes *owned) {
    free((void *)(uintptr_t)owned->data);
    *owned = BYTES_NULL;
}

static struct bytes slot_topic(const struct slot *slot) {
    return bytes_of(slot->key + sizeof(int32_t), slot->key_size - sizeof(int32_t));
}

static int32_t slot_partition(const struct slot *slot) {
    int32_t partition;

    memcpy(&partition, slot->key, sizeof(partition));
    return partition;
}

static struct slot *find_slot(const struct group_offsets *offsets, struct bytes topic,
                              int32_t partition) {
    uint8_t key[KEY_BYTES_MAX];
    struct slot *slot = NULL;

    if (topic.size > sizeof(key) - sizeof(partition))
        return NULL;
    memcpy(key, &partition, sizeof(partition));
    if (topic.size > 0)
        memcpy(key + sizeof(partition), topic.data, topic.size);
    HASH_FIND(by_key, offsets->slots, key, sizeof(partition) + topic.size, slot);
    return slot;
}

static struct slot *need_slot(struct group_offsets *offsets, struct bytes topic,
                              int32_t partition) {
    struct slot *slot = find_slot(offsets, topic, partition);
    size_t size = sizeof(partition) + topic.size;

    if (slot != NULL)
        return slot;
    CHECK(size <= KEY_BYTES_MAX);
    slot = calloc(1, sizeof(*slot) + size);
    CHECK(slot != NULL);
    slot->order = -1;
    slot->key_size = size;
    memcpy(slot->key, &partition, sizeof(partition));
    if (topic.size > 0)
        memcpy(slot->key + sizeof(partition), topic.data, topic.size);
    HASH_ADD_KEYPTR(by_key, offsets->slots, slot->key, slot->key_size, slot);
    return slot;
}

static void drop_committed(struct group_offsets *offsets, struct slot *slot) {
    if (!slot->is_committed)
        return;
    slot->is_committed = false;
    disown(&slot->record.metadata);
    offsets->committed_count--;
    if (offsets->total != NULL)
        counter_add(offsets->total, UINT64_MAX);
}

/* Frees the slot if nothing speaks for keeping it. */
static void tidy(struct group_offsets *offsets, struct slot *slot) {
    if (slot->is_committed || slot->commits > 0 || slot->pending != NULL)
        return;
    HASH_DELETE(by_key, offsets->slots, slot);
    free(slot);
}

void group_offsets_free(struct group_offsets *offsets) {
    struct slot *slot, *next;

    if (offsets == NULL)
        return;
    HASH_ITER (by_key, offsets->slots, slot, next) {
        drop_committed(offsets, slot);
        while (slot->pending != NULL) {
            struct pending_offset *pending = slot->pending;
            slot->pending = pending->next;
            disown(&pending->record.metadata);
            free(pending);
        }
        HASH_DELETE(by_key, offsets->slots, slot);
        free(slot);
    }
    free(offsets);
}

/* ---- Committed ---- */

static void commit(struct group_offsets *offsets, struct slot *slot,
                   const struct offset_record *record, int64_t order) {
    struct bytes metadata = own(record->metadata);

    drop_committed(offsets, slot);
    slot->record = *record;
    slot->record.metadata = metadata;
    slot->is_committed = true;
    if (order > slot->order)
        slot->order = order;
    offsets->committed_count++;
    if (offsets->total != NULL)
        counter_add(offsets->total, 1);
}

void group_offsets_put(struct group_offsets *offsets, struct bytes topic, int32_t partition,
                       const struct offset_record *record, int64_t order) {
    struct slot *slot = need_slot(offsets, topic, partition);

    if (order >= slot->order)
        commit(offsets, slot, record, order);
}

void group_offsets_remove(struct group_offsets *offsets, struct bytes topic, int32_t partition,
                          int64_t order) {
    struct slot *slot = find_slot(offsets, topic, partition);

    if (slot == NULL || order < slot->order)
        return;
    drop_committed(offsets, slot);
    slot->order = order;
    tidy(offsets, slot);
}

void group_offsets_begin_commit(struct group_offsets *offsets, struct bytes topic,
                                int32_t partition) {
    need_slot(offsets, topic, partition)->commits++;
}

void group_offsets_end_commit(struct group_offsets *offsets, struct bytes topic,
                              int32_t partition) {
    struct slot *slot = find_slot(offsets, topic, partition);

    CHECK(slot != NULL && slot->commits > 0);
    slot->commits--;
    tidy(offsets, slot);
}

/* ---- Of transactions ---- */

/* A producer may have several: the latest may yet turn out not to be written. */
void group_offsets_put_pending(struct group_offsets *offsets, int64_t producer_id,
                               struct bytes topic, int32_t partition,
                               const struct offset_record *record, int64_t order) {
    struct slot *slot = need_slot(offsets, topic, partition);
    struct pending_offset *pending = calloc(1, sizeof(*pending));

    CHECK(pending != NULL);
    pending->producer_id = producer_id;
    pending->order = order;
    pending->record = *record;
    pending->record.metadata = own(record->metadata);
    pending->next = slot->pending;
    slot->pending = pending;
    offsets->pending_count++;
}

/* Those of the producer with an order in [order_min, order_max]. The slot stays. */
static void drop_pending(struct group_offsets *offsets, struct slot *slot, int64_t producer_id,
                         int64_t order_min, int64_t order_max) {
    struct pending_offset **at = &slot->pending;

    while (*at != NULL) {
        struct pending_offset *pending = *at;
        if (pending->producer_id != producer_id || pending->order < order_min ||
            pending->order > order_max) {
            at = &pending->next;
            continue;
        }
        *at = pending->next;
        disown(&pending->record.metadata);
        free(pending);
        offsets->pending_count--;
    }
}

void group_offsets_confirm_pending(struct group_offsets *offsets, int64_t producer_id,
                                   struct bytes topic, int32_t partition, int64_t order) {
    struct slot *slot = find_slot(offsets, topic, partition);

    if (slot != NULL)
        drop_pending(offsets, slot, producer_id, INT64_MIN, order - 1);
}

void group_offsets_cancel_pending(struct group_offsets *offsets, int64_t producer_id,
                                  struct bytes topic, int32_t partition, int64_t order) {
    struct slot *slot = find_slot(offsets, topic, partition);

    if (slot == NULL)
        return;
    drop_pending(offsets, slot, producer_id, order, order);
    tidy(offsets, slot);
}

static void end_pending(struct group_offsets *offsets, struct slot *slot, int64_t producer_id,
                        bool is_committed) {
    const struct pending_offset *latest = NULL;

    for (const struct pending_offset *one = slot->pending; one != NULL; one = one->next) {
        if (one->producer_id == producer_id && (latest == NULL || one->order > latest->order))
            latest = one;
    }
    if (latest == NULL)
        return;
    /* INVARIANT: only a commit that came later outdoes it. It counts from its transaction's end on,
     * and a removal meanwhile was of what was committed before: of what had expired, say. */
    if (is_committed && (!slot->is_committed || latest->order >= slot->order))
        commit(offsets, slot, &latest->record, latest->order);
    drop_pending(offsets, slot, producer_id, INT64_MIN, INT64_MAX);
    tidy(offsets, slot);
}

void group_offsets_end_transaction(struct group_offsets *offsets, int64_t producer_id,
                                   bool is_committed) {
    struct slot *slot, *next;

    if (offsets->pending_count == 0)
        return;
    HASH_ITER (by_key, offsets->slots, slot, next) {
        end_pending(offsets, slot, producer_id, is_committed);
    }
}

/* ---- To look at ---- */

const struct offset_record *group_offsets_find(const struct group_offsets *offsets,
                                               struct bytes topic, int32_t partition) {
    const struct slot *slot = find_slot(offsets, topic, partition);

    return slot == NULL || !slot->is_committed ? NULL : &slot->record;
}

bool group_offsets_is_pending(const struct group_offsets *offsets, struct bytes topic,
                              int32_t partition) {
    const struct slot *slot = find_slot(offsets, topic, partition);

    return slot != NULL && slot->pending != NULL;
}

bool group_offsets_has_pending(const struct group_offsets *offsets) {
    return offsets->pending_count > 0;
}

size_t group_offsets_count(const struct group_offsets *offsets) {
    return offsets->committed_count;
}

bool group_offsets_is_empty(const struct group_offsets *offsets) {
    return offsets->slots == NULL;
}

static int compare(const void *left, const void *right) {
    const struct group_offset *a = left, *b = right;
    size_t shorter = a->topic.size < b->topic.size ? a->topic.size : b->topic.size;
    int order = shorter == 0 ? 0 : memcmp(a->topic.data, b->topic.data, shorter);

    if (order == 0)
        order = (a->topic.size > b->topic.size) - (a->topic.size < b->topic.size);
    return order != 0 ? order : (a->partition > b->partition) - (a->partition < b->partition);
}

static bool is_listed(const struct slot *slot) {
    return slot->is_committed || slot->commits > 0;
}

static struct group_offset view(const struct slot *slot) {
    return (struct group_offset){
        .topic = slot_topic(slot),
        .partition = slot_partition(slot),
        .is_committed = slot->is_committed,
        .is_being_committed = slot->commits > 0,
        .record = slot->record,
    };
}

size_t group_offsets_of_topic(const struct group_offsets *offsets, struct bytes topic,
                              int32_t partition_count, struct group_offset *found) {
    size_t count = 0;

    if (HASH_CNT(by_key, offsets->slots) <= (size_t)partition_count) {
        for (const struct slot *slot = offsets->slots; slot != NULL; slot = slot->by_key.next) {
            if (is_listed(slot) && slot_partition(slot) < partition_count &&
                bytes_equal(slot_topic(slot), topic))
                found[count++] = view(slot);
        }
        return count;
    }
    for (int32_t i = 0; i < partition_count; i++) {
        const struct slot *slot = find_slot(offsets, topic, i);
        if (slot != NULL && is_listed(slot))
            found[count++] = view(slot);
    }
    return count;
}

void group_offsets_list(const struct group_offsets *offsets, struct group_offset **listed,
                        size_t *count) {
    struct group_offset *all = calloc(HASH_CNT(by_key, offsets->slots) + 1, sizeof(*all));
    size_t at = 0;

    CHECK(all != NULL);
    for (struct slot *slot = offsets->slots; slot != NULL; slot = slot->by_key.next) {
        if (is_listed(slot))
            all[at++] = view(slot);
    }
    qsort(all, at, sizeof(*all), compare);
    *listed = all;
    *count = at;
}

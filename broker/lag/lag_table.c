#include "broker/lag/lag_table.h"

#include <stdlib.h>

#include "client/base/check.h"

#define TOPIC_BYTES_MAX 255

static size_t make_key(struct bytes topic, int32_t partition,
                       uint8_t key[sizeof(int32_t) + TOPIC_BYTES_MAX]) {
    CHECK(topic.size <= TOPIC_BYTES_MAX);
    memcpy(key, &partition, sizeof(partition));
    if (topic.size > 0)
        memcpy(key + sizeof(partition), topic.data, topic.size);
    return sizeof(partition) + topic.size;
}

struct lag_place *lag_table_find(const struct lag_table *table, struct bytes topic,
                                 int32_t partition) {
    uint8_t key[sizeof(int32_t) + TOPIC_BYTES_MAX];
    struct lag_place *place;
    size_t size;

    if (topic.size > TOPIC_BYTES_MAX)
        return NULL;
    size = make_key(topic, partition, key);
    HASH_FIND(by_key, table->places, key, size, place);
    return place;
}

static struct lag_place *need_place(struct lag_table *table, struct bytes topic,
                                    int32_t partition) {
    struct lag_place *place = lag_table_find(table, topic, partition);

    if (place != NULL)
        return place;
    place = calloc(1, sizeof(*place) + sizeof(partition) + topic.size);
    CHECK(place != NULL);
    LIST_INIT(&place->entries);
    place->partition = partition;
    place->leader = -1;
    place->key_size = make_key(topic, partition, place->key);
    place->topic = bytes_of(place->key + sizeof(partition), topic.size);
    HASH_ADD_KEYPTR(by_key, table->places, place->key, place->key_size, place);
    return place;
}

static struct lag_entry *need_entry(struct lag_table *table, struct lag_place *place,
                                    struct bytes group) {
    struct lag_entry *entry;
    uint8_t *copy;

    LIST_FOREACH (entry, &place->entries, link) {
        if (bytes_equal(entry->group, group))
            return entry;
    }
    entry = calloc(1, sizeof(*entry));
    copy = malloc(group.size + 1);
    CHECK(entry != NULL && copy != NULL);
    if (group.size > 0)
        memcpy(copy, group.data, group.size);
    entry->group = bytes_of(copy, group.size);
    entry->timed_offset = -1;
    LIST_INSERT_HEAD(&place->entries, entry, link);
    table->entry_count++;
    return entry;
}

static void forget(struct lag_table *table, struct lag_entry *entry) {
    LIST_REMOVE(entry, link);
    free((void *)(uintptr_t)entry->group.data);
    free(entry);
    table->entry_count--;
}

void lag_table_begin(struct lag_table *table) {
    for (struct lag_place *place = table->places; place != NULL; place = place->by_key.next) {
        struct lag_entry *entry;
        place->has_start = false;
        place->has_end = false;
        LIST_FOREACH (entry, &place->entries, link)
            entry->is_seen = false;
    }
}

void lag_table_see(struct lag_table *table, struct bytes group, struct bytes topic,
                   int32_t partition, int64_t committed) {
    struct lag_entry *entry;

    /* No topic is called so, but an old commit may say so. */
    if (topic.size > TOPIC_BYTES_MAX)
        return;
    entry = need_entry(table, need_place(table, topic, partition), group);
    entry->is_seen = true;
    entry->committed = committed;
}

void lag_table_sweep(struct lag_table *table) {
    struct lag_place *place, *next_place;

    HASH_ITER (by_key, table->places, place, next_place) {
        struct lag_entry *entry = LIST_FIRST(&place->entries);
        while (entry != NULL) {
            struct lag_entry *next = LIST_NEXT(entry, link);
            if (!entry->is_seen)
                forget(table, entry);
            entry = next;
        }
        if (LIST_EMPTY(&place->entries)) {
            HASH_DELETE(by_key, table->places, place);
            free(place);
        }
    }
}

void lag_table_done(struct lag_table *table) {
    lag_table_begin(table);
    lag_table_sweep(table);
}

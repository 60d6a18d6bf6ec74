#include "zk-schema/java_map.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#define BUCKETS_MIN ((size_t)16)

struct member {
    const char *key;
    json_t *value;
    uint32_t hash;
    struct member *next; /* in its bucket */
};

struct table {
    struct member **buckets; /* `size` of them, with room for twice as many */
    size_t size;             /* a power of two */
};

/* String.hashCode, its upper half mixed into the lower, as both maps do. */
static uint32_t hash_of(const char *key) {
    uint32_t hash = 0;

    for (; *key != '\0'; key++)
        hash = hash * 31 + (uint8_t)*key;
    return hash ^ hash >> 16;
}

/* Both maps double when they are three quarters full. */
static bool is_full(size_t count, size_t size) {
    return count >= size / 4 * 3;
}

static struct member **bucket_of(const struct table *table, uint32_t hash) {
    return &table->buckets[hash & (table->size - 1)];
}

/* Scala keeps a bucket sorted by the (signed) hash, whenever the map grows. */
static void put_sorted(const struct table *table, struct member *member) {
    struct member **at = bucket_of(table, member->hash);

    while (*at != NULL && (int32_t)(*at)->hash <= (int32_t)member->hash)
        at = &(*at)->next;
    member->next = *at;
    *at = member;
}

static void put_last(const struct table *table, struct member *member) {
    struct member **at = bucket_of(table, member->hash);

    while (*at != NULL)
        at = &(*at)->next;
    *at = member;
}

/* ConcurrentHashMap.transfer: the end of a bucket that stays together is kept as it is, what is
 * before it is put in front, one by one. */
static void split(struct table *table, size_t index) {
    struct member *member = table->buckets[index];
    struct member *kept = member;
    struct member *halves[2] = {NULL, NULL};

    for (struct member *m = member; m != NULL && m->next != NULL; m = m->next) {
        if ((m->hash & table->size) != (m->next->hash & table->size))
            kept = m->next;
    }
    if (kept != NULL)
        halves[(kept->hash & table->size) != 0] = kept;
    while (member != kept) {
        struct member *next = member->next;
        struct member **half = &halves[(member->hash & table->size) != 0];
        member->next = *half;
        *half = member;
        member = next;
    }
    table->buckets[index] = halves[0];
    table->buckets[index + table->size] = halves[1];
}

static void fill(struct table *table, struct member *members, size_t count, enum java_map map) {
    if (map == SCALA_HASH_MAP) {
        while (is_full(count, table->size))
            table->size *= 2;
        for (size_t i = 0; i < count; i++)
            put_sorted(table, &members[i]);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        put_last(table, &members[i]);
        if (!is_full(i + 1, table->size))
            continue;
        for (size_t j = 0; j < table->size; j++)
            split(table, j);
        table->size *= 2;
    }
}

json_t *java_map_ordered(json_t *object, enum java_map map) {
    size_t count = json_object_size(object);
    struct member *members = calloc(count + 1, sizeof(*members));
    /* Twice as many buckets as members, and twice that after the last doubling. */
    struct table table = {calloc(count * 4 + 2 * BUCKETS_MIN, sizeof(*table.buckets)), BUCKETS_MIN};
    json_t *ordered = json_object();
    const char *key;
    json_t *value;
    size_t i = 0;

    /* Without memory members stay as they are: every order is right. */
    if (members == NULL || table.buckets == NULL || ordered == NULL) {
        json_decref(ordered);
        ordered = json_incref(object);
        goto out;
    }
    json_object_foreach (object, key, value)
        members[i++] = (struct member){key, value, hash_of(key), NULL};
    fill(&table, members, count, map);
    for (size_t bucket = 0; bucket < table.size; bucket++) {
        for (const struct member *m = table.buckets[bucket]; m != NULL; m = m->next)
            json_object_set(ordered, m->key, m->value);
    }
out:
    json_decref(object);
    free(members);
    free(table.buckets);
    return ordered;
}

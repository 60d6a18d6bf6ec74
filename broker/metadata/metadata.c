#include "broker/metadata/metadata.h"

#include "broker/metadata/metadata_internal.h"
#include "client/base/check.h"

#define SHARED_BYTES_MAX ((size_t)256 << 20) /* no znode comes near; a backstop */

/* Metadata is bounded by what ZooKeeper holds; without memory for it a broker cannot go on. */
static void *alloc(struct arena *arena, int32_t count, size_t size) {
    void *memory = arena_alloc(arena, (size_t)count, size);

    CHECK(memory != NULL);
    return memory;
}

static const char *copy_text(struct arena *arena, const char *text) {
    return text == NULL ? NULL : (const char *)arena_copy(arena, bytes_of_text(text)).data;
}

/* Copies to `*free_ids`, which moves on by `capacity`. */
static int32_t *copy_ids(int32_t **free_ids, const int32_t *ids, int32_t count, int32_t capacity) {
    int32_t *copy = *free_ids;

    if (count > 0)
        memcpy(copy, ids, (size_t)count * sizeof(*ids));
    *free_ids += capacity;
    return copy;
}

int32_t metadata_isr_room(const struct metadata_partition *partition) {
    return partition->isr_count > partition->replica_count ? partition->isr_count
                                                           : partition->replica_count;
}

static int32_t count_ids(const struct metadata_topic *topic) {
    int32_t count = 0;

    for (int32_t i = 0; i < topic->partition_count; i++) {
        const struct metadata_partition *partition = &topic->partitions[i];
        count += partition->replica_count + metadata_isr_room(partition) + partition->adding_count +
                 partition->removing_count;
    }
    return count;
}

static size_t text_bytes(const char *text) {
    return (text == NULL ? 0 : strlen(text) + 1) + ARENA_ROUNDING_MAX;
}

/* What a copy takes of its arena. */
static size_t topic_bytes(const struct metadata_topic *topic, int32_t id_count) {
    size_t bytes = text_bytes(topic->name);

    bytes += (size_t)topic->partition_count * sizeof(*topic->partitions) + ARENA_ROUNDING_MAX;
    bytes += (size_t)id_count * sizeof(int32_t) + ARENA_ROUNDING_MAX;
    bytes += (size_t)topic->setting_count * sizeof(*topic->settings) + ARENA_ROUNDING_MAX;
    for (int32_t i = 0; i < topic->setting_count; i++)
        bytes += text_bytes(topic->settings[i].key) + text_bytes(topic->settings[i].value);
    return bytes;
}

struct shared_topic *shared_topic_new(void) {
    struct shared_topic *shared = calloc(1, sizeof(*shared));

    CHECK(shared != NULL);
    atomic_init(&shared->references, 1);
    arena_init(&shared->arena, SHARED_BYTES_MAX);
    return shared;
}

struct shared_topic *shared_topic_copy(const struct metadata_topic *source) {
    struct shared_topic *shared = shared_topic_new();
    struct metadata_topic *topic = &shared->topic;
    struct arena *arena = &shared->arena;
    int32_t id_count = count_ids(source);
    int32_t *free_ids;

    CHECK(arena_reserve(arena, topic_bytes(source, id_count)));
    *topic = *source;
    topic->name = copy_text(arena, source->name);
    free_ids = alloc(arena, id_count, sizeof(*free_ids));
    topic->partitions = alloc(arena, source->partition_count, sizeof(*topic->partitions));
    for (int32_t i = 0; i < source->partition_count; i++) {
        const struct metadata_partition *from = &source->partitions[i];
        struct metadata_partition *to = &topic->partitions[i];
        *to = *from;
        to->replicas =
            copy_ids(&free_ids, from->replicas, from->replica_count, from->replica_count);
        to->isr = copy_ids(&free_ids, from->isr, from->isr_count, metadata_isr_room(from));
        to->adding_replicas =
            copy_ids(&free_ids, from->adding_replicas, from->adding_count, from->adding_count);
        to->removing_replicas = copy_ids(&free_ids, from->removing_replicas, from->removing_count,
                                         from->removing_count);
    }
    topic->settings = alloc(arena, source->setting_count, sizeof(*topic->settings));
    for (int32_t i = 0; i < source->setting_count; i++) {
        topic->settings[i].key = copy_text(arena, source->settings[i].key);
        topic->settings[i].value = copy_text(arena, source->settings[i].value);
    }
    return shared;
}

struct shared_broker *shared_broker_copy(const struct metadata_broker *source) {
    struct shared_broker *shared = calloc(1, sizeof(*shared));
    struct metadata_broker *broker;

    CHECK(shared != NULL);
    atomic_init(&shared->references, 1);
    arena_init(&shared->arena, SHARED_BYTES_MAX);
    broker = &shared->broker;
    *broker = *source;
    broker->rack = copy_text(&shared->arena, source->rack);
    broker->endpoints = alloc(&shared->arena, source->endpoint_count, sizeof(*broker->endpoints));
    for (int32_t i = 0; i < source->endpoint_count; i++) {
        broker->endpoints[i] = source->endpoints[i];
        broker->endpoints[i].listener = copy_text(&shared->arena, source->endpoints[i].listener);
        broker->endpoints[i].host = copy_text(&shared->arena, source->endpoints[i].host);
    }
    return shared;
}

void shared_topic_ref(struct shared_topic *topic) {
    atomic_fetch_add_explicit(&topic->references, 1, memory_order_relaxed);
}

void shared_topic_unref(struct shared_topic *topic) {
    if (atomic_fetch_sub_explicit(&topic->references, 1, memory_order_acq_rel) == 1) {
        arena_done(&topic->arena);
        free(topic);
    }
}

void shared_broker_ref(struct shared_broker *broker) {
    atomic_fetch_add_explicit(&broker->references, 1, memory_order_relaxed);
}

void shared_broker_unref(struct shared_broker *broker) {
    if (atomic_fetch_sub_explicit(&broker->references, 1, memory_order_acq_rel) == 1) {
        arena_done(&broker->arena);
        free(broker);
    }
}

static struct snapshot *snapshot_of(const struct metadata *metadata) {
    return (struct snapshot *)(uintptr_t)metadata;
}

void metadata_ref(const struct metadata *metadata) {
    atomic_fetch_add_explicit(&snapshot_of(metadata)->references, 1, memory_order_relaxed);
}

void metadata_unref(const struct metadata *metadata) {
    struct snapshot *snapshot = snapshot_of(metadata);

    if (snapshot == NULL ||
        atomic_fetch_sub_explicit(&snapshot->references, 1, memory_order_acq_rel) != 1)
        return;
    for (int32_t i = 0; i < metadata->topic_count; i++)
        shared_topic_unref(shared_topic_of(metadata->topics[i]));
    for (int32_t i = 0; i < metadata->broker_count; i++)
        shared_broker_unref(shared_broker_of(metadata->brokers[i]));
    shared_offline_unref(snapshot->offline);
    free((void *)(uintptr_t)metadata->topics);
    free((void *)(uintptr_t)metadata->brokers);
    free(snapshot->topics_by_id);
    free(snapshot);
}

const struct metadata_broker *metadata_find_broker(const struct metadata *metadata, int32_t id) {
    for (int32_t i = 0; i < metadata->broker_count; i++) {
        if (metadata->brokers[i]->id == id)
            return metadata->brokers[i];
    }
    return NULL;
}

int metadata_compare_names(struct bytes a, struct bytes b) {
    size_t common = a.size < b.size ? a.size : b.size;
    int order = memcmp(a.data, b.data, common);

    if (order != 0)
        return order;
    return (a.size > b.size) - (a.size < b.size);
}

int32_t metadata_topic_place(const struct metadata_topic *const *topics, int32_t topic_count,
                             struct bytes name) {
    int32_t low = 0;
    int32_t high = topic_count;

    while (low < high) {
        int32_t middle = low + (high - low) / 2;
        if (metadata_compare_names(bytes_of_text(topics[middle]->name), name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct metadata_topic *metadata_find_topic(const struct metadata *metadata,
                                                 struct bytes name) {
    int32_t place;

    if (bytes_is_null(name))
        return NULL;
    place = metadata_topic_place(metadata->topics, metadata->topic_count, name);
    if (place < metadata->topic_count && bytes_equal_text(name, metadata->topics[place]->name))
        return metadata->topics[place];
    return NULL;
}

const struct metadata_topic *metadata_find_topic_by_id(const struct metadata *metadata,
                                                       const struct uuid *id) {
    const struct snapshot *snapshot = snapshot_of(metadata);
    int32_t low = 0;
    int32_t high = snapshot->topic_by_id_count;

    while (low < high) {
        int32_t middle = low + (high - low) / 2;
        int order = memcmp(&snapshot->topics_by_id[middle]->id, id, sizeof(*id));
        if (order == 0)
            return snapshot->topics_by_id[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct metadata_partition *metadata_find_partition(const struct metadata_topic *topic,
                                                         int32_t index) {
    return index >= 0 && index < topic->partition_count ? &topic->partitions[index] : NULL;
}

const struct metadata_endpoint *metadata_find_endpoint(const struct metadata_broker *broker,
                                                       const char *listener) {
    for (int32_t i = 0; i < broker->endpoint_count; i++) {
        if (strcmp(broker->endpoints[i].listener, listener) == 0)
            return &broker->endpoints[i];
    }
    return NULL;
}

const char *metadata_find_setting(const struct metadata_topic *topic, const char *key) {
    for (int32_t i = 0; i < topic->setting_count; i++) {
        if (strcmp(topic->settings[i].key, key) == 0)
            return topic->settings[i].value;
    }
    return NULL;
}

static bool text_equal(const char *a, const char *b) {
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool ids_equal(const int32_t *a, int32_t a_count, const int32_t *b, int32_t b_count) {
    return a_count == b_count && (a_count == 0 || memcmp(a, b, (size_t)a_count * sizeof(*a)) == 0);
}

static bool partition_equal(const struct metadata_partition *a,
                            const struct metadata_partition *b) {
    return a->index == b->index && a->leader == b->leader && a->leader_epoch == b->leader_epoch &&
           a->controller_epoch == b->controller_epoch && a->partition_epoch == b->partition_epoch &&
           a->leader_recovery_state == b->leader_recovery_state &&
           ids_equal(a->replicas, a->replica_count, b->replicas, b->replica_count) &&
           ids_equal(a->isr, a->isr_count, b->isr, b->isr_count) &&
           ids_equal(a->adding_replicas, a->adding_count, b->adding_replicas, b->adding_count) &&
           ids_equal(a->removing_replicas, a->removing_count, b->removing_replicas,
                     b->removing_count);
}

static bool topic_equal(const struct metadata_topic *a, const struct metadata_topic *b) {
    if (a == b)
        return true;
    if (!uuid_equal(&a->id, &b->id) || !text_equal(a->name, b->name) ||
        a->partition_count != b->partition_count || a->setting_count != b->setting_count)
        return false;
    for (int32_t i = 0; i < a->partition_count; i++) {
        if (!partition_equal(&a->partitions[i], &b->partitions[i]))
            return false;
    }
    for (int32_t i = 0; i < a->setting_count; i++) {
        if (!text_equal(a->settings[i].key, b->settings[i].key) ||
            !text_equal(a->settings[i].value, b->settings[i].value))
            return false;
    }
    return true;
}

static bool broker_equal(const struct metadata_broker *a, const struct metadata_broker *b) {
    if (a == b)
        return true;
    if (a->id != b->id || a->epoch != b->epoch || !text_equal(a->rack, b->rack) ||
        a->endpoint_count != b->endpoint_count)
        return false;
    for (int32_t i = 0; i < a->endpoint_count; i++) {
        const struct metadata_endpoint *x = &a->endpoints[i];
        const struct metadata_endpoint *y = &b->endpoints[i];
        if (!text_equal(x->listener, y->listener) || !text_equal(x->host, y->host) ||
            x->port != y->port || x->security_protocol != y->security_protocol)
            return false;
    }
    return true;
}

static int compare_offline(const void *left, const void *right) {
    const struct metadata_offline *a = left;
    const struct metadata_offline *b = right;
    int order = strcmp(a->topic, b->topic);

    if (order != 0)
        return order;
    if (a->partition != b->partition)
        return a->partition < b->partition ? -1 : 1;
    return (a->broker_id > b->broker_id) - (a->broker_id < b->broker_id);
}

struct shared_offline *shared_offline_copy(const struct metadata_offline *items, int32_t count) {
    struct shared_offline *copy;

    if (count == 0)
        return NULL;
    copy = calloc(1, sizeof(*copy));
    CHECK(copy != NULL);
    atomic_init(&copy->references, 1);
    arena_init(&copy->arena, SIZE_MAX / 2);
    copy->items = alloc(&copy->arena, count, sizeof(*copy->items));
    copy->count = count;
    for (int32_t i = 0; i < count; i++) {
        copy->items[i] = items[i];
        copy->items[i].topic = copy_text(&copy->arena, items[i].topic);
    }
    qsort(copy->items, (size_t)count, sizeof(*copy->items), compare_offline);
    return copy;
}

struct shared_offline *shared_offline_of(const struct metadata *metadata) {
    return snapshot_of(metadata)->offline;
}

void shared_offline_ref(struct shared_offline *offline) {
    if (offline != NULL)
        atomic_fetch_add_explicit(&offline->references, 1, memory_order_relaxed);
}

void shared_offline_unref(struct shared_offline *offline) {
    if (offline == NULL ||
        atomic_fetch_sub_explicit(&offline->references, 1, memory_order_acq_rel) != 1)
        return;
    arena_done(&offline->arena);
    free(offline);
}

bool metadata_is_offline(const struct metadata *metadata, const char *topic, int32_t partition,
                         int32_t broker_id) {
    const struct metadata_offline wanted = {topic, partition, broker_id};

    return metadata->offline_count > 0 &&
           bsearch(&wanted, metadata->offline, (size_t)metadata->offline_count,
                   sizeof(*metadata->offline), compare_offline) != NULL;
}

bool metadata_equal(const struct metadata *a, const struct metadata *b) {
    if (a->controller_id != b->controller_id || a->broker_count != b->broker_count ||
        a->topic_count != b->topic_count || a->offline_count != b->offline_count)
        return false;
    for (int32_t i = 0; i < a->offline_count; i++) {
        if (compare_offline(&a->offline[i], &b->offline[i]) != 0)
            return false;
    }
    for (int32_t i = 0; i < a->broker_count; i++) {
        if (!broker_equal(a->brokers[i], b->brokers[i]))
            return false;
    }
    for (int32_t i = 0; i < a->topic_count; i++) {
        if (!topic_equal(a->topics[i], b->topics[i]))
            return false;
    }
    return true;
}

bool metadata_is_internal_topic(struct bytes name) {
    return bytes_equal_text(name, "__consumer_offsets") ||
           bytes_equal_text(name, "__transaction_state");
}

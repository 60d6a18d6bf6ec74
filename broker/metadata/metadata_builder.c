#include "broker/metadata/metadata_builder.h"

#include <uthash.h>

#include "broker/metadata/metadata_internal.h"

/*
 * A builder holds arrays of pointers like a snapshot's. A topic that it changes is copied once
 * ("owned"); others are shared with the base. Names of topics set here are found by id in a
 * table; the base's sorted array answers for the rest.
 */

struct topic_slot {
    struct shared_topic *topic; /* one reference */
    bool owned;                 /* copied or made by this builder: may be written */
    bool touched;               /* set since the builder was made */
};

struct name_of_id {
    struct uuid id;
    char *name;
    UT_hash_handle hh;
};

struct metadata_builder {
    const struct metadata *base; /* may be NULL */
    struct name_of_id *names;    /* of the topics set here */
    struct topic_slot *topics;   /* ascending by name */
    int32_t topic_count;
    int32_t topic_capacity;
    struct shared_broker **brokers; /* ascending by id */
    struct shared_offline *offline; /* a reference, or NULL */
    int32_t broker_count;
    int32_t broker_capacity;
    int32_t controller_id;
};

static void *grow(void *array, int32_t needed, int32_t *capacity, size_t size) {
    void *grown;

    if (needed <= *capacity)
        return array;
    *capacity = needed < 16 ? 16 : needed * 2;
    grown = realloc(array, (size_t)*capacity * size);
    CHECK(grown != NULL);
    return grown;
}

struct metadata_builder *metadata_builder_new(const struct metadata *base) {
    struct metadata_builder *builder = calloc(1, sizeof(*builder));

    CHECK(builder != NULL);
    builder->controller_id = METADATA_NO_BROKER;
    if (base == NULL)
        return builder;
    metadata_ref(base);
    builder->base = base;
    builder->controller_id = base->controller_id;
    builder->topics =
        grow(NULL, base->topic_count, &builder->topic_capacity, sizeof(*builder->topics));
    for (int32_t i = 0; i < base->topic_count; i++) {
        builder->topics[i] = (struct topic_slot){shared_topic_of(base->topics[i]), false, false};
        shared_topic_ref(builder->topics[i].topic);
    }
    builder->topic_count = base->topic_count;
    builder->brokers =
        grow(NULL, base->broker_count, &builder->broker_capacity, sizeof(*builder->brokers));
    for (int32_t i = 0; i < base->broker_count; i++) {
        builder->brokers[i] = shared_broker_of(base->brokers[i]);
        shared_broker_ref(builder->brokers[i]);
    }
    builder->broker_count = base->broker_count;
    builder->offline = shared_offline_of(base);
    shared_offline_ref(builder->offline);
    return builder;
}

static void remember_name(struct metadata_builder *builder, const struct uuid *id,
                          struct bytes name) {
    struct name_of_id *entry;

    HASH_FIND(hh, builder->names, id, sizeof(*id), entry);
    if (entry != NULL)
        return;
    entry = calloc(1, sizeof(*entry));
    CHECK(entry != NULL);
    entry->id = *id;
    entry->name = strndup((const char *)name.data, name.size);
    CHECK(entry->name != NULL);
    HASH_ADD(hh, builder->names, id, sizeof(entry->id), entry);
}

static void forget_names(struct metadata_builder *builder) {
    struct name_of_id *entry;
    struct name_of_id *next;

    HASH_ITER (hh, builder->names, entry, next) {
        HASH_DEL(builder->names, entry);
        free(entry->name);
        free(entry);
    }
}

void metadata_builder_free(struct metadata_builder *builder) {
    if (builder == NULL)
        return;
    for (int32_t i = 0; i < builder->topic_count; i++)
        shared_topic_unref(builder->topics[i].topic);
    metadata_builder_clear_brokers(builder);
    forget_names(builder);
    free(builder->topics);
    free(builder->brokers);
    shared_offline_unref(builder->offline);
    metadata_unref(builder->base);
    free(builder);
}

void metadata_builder_set_offline(struct metadata_builder *builder,
                                  const struct metadata_offline *offline, int32_t count) {
    shared_offline_unref(builder->offline);
    builder->offline = shared_offline_copy(offline, count);
}

void metadata_builder_set_controller_id(struct metadata_builder *builder, int32_t controller_id) {
    builder->controller_id = controller_id;
}

void metadata_builder_clear_brokers(struct metadata_builder *builder) {
    for (int32_t i = 0; i < builder->broker_count; i++)
        shared_broker_unref(builder->brokers[i]);
    builder->broker_count = 0;
}

void metadata_builder_add_broker(struct metadata_builder *builder,
                                 const struct metadata_broker *broker) {
    int32_t place = 0;

    while (place < builder->broker_count && builder->brokers[place]->broker.id < broker->id)
        place++;
    if (place < builder->broker_count && builder->brokers[place]->broker.id == broker->id) {
        shared_broker_unref(builder->brokers[place]);
    } else {
        builder->brokers = grow(builder->brokers, builder->broker_count + 1,
                                &builder->broker_capacity, sizeof(*builder->brokers));
        memmove(&builder->brokers[place + 1], &builder->brokers[place],
                (size_t)(builder->broker_count - place) * sizeof(*builder->brokers));
        builder->broker_count++;
    }
    builder->brokers[place] = shared_broker_copy(broker);
}

/* The place of the first slot whose name is not below `name`. */
static int32_t find_place(const struct metadata_builder *builder, struct bytes name) {
    int32_t low = 0;
    int32_t high = builder->topic_count;

    while (low < high) {
        int32_t middle = low + (high - low) / 2;
        if (metadata_compare_names(bytes_of_text(builder->topics[middle].topic->topic.name), name) <
            0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct topic_slot *find_slot(struct metadata_builder *builder, struct bytes name) {
    int32_t place = find_place(builder, name);

    if (place < builder->topic_count &&
        bytes_equal_text(name, builder->topics[place].topic->topic.name))
        return &builder->topics[place];
    return NULL;
}

static struct topic_slot *find_slot_by_id(struct metadata_builder *builder, const struct uuid *id) {
    const struct metadata_topic *known;
    const struct name_of_id *entry;
    struct topic_slot *slot;

    HASH_FIND(hh, builder->names, id, sizeof(*id), entry);
    known = entry != NULL || builder->base == NULL ? NULL
                                                   : metadata_find_topic_by_id(builder->base, id);
    if (entry == NULL && known == NULL)
        return NULL;
    slot = find_slot(builder, bytes_of_text(entry != NULL ? entry->name : known->name));
    return slot != NULL && uuid_equal(&slot->topic->topic.id, id) ? slot : NULL;
}

static void replace_topic(struct topic_slot *slot, struct shared_topic *topic) {
    if (slot->topic != NULL)
        shared_topic_unref(slot->topic);
    *slot = (struct topic_slot){topic, true, true};
}

static struct topic_slot *insert_slot(struct metadata_builder *builder, struct bytes name) {
    int32_t place = find_place(builder, name);

    builder->topics = grow(builder->topics, builder->topic_count + 1, &builder->topic_capacity,
                           sizeof(*builder->topics));
    memmove(&builder->topics[place + 1], &builder->topics[place],
            (size_t)(builder->topic_count - place) * sizeof(*builder->topics));
    builder->topic_count++;
    builder->topics[place] = (struct topic_slot){NULL, false, false};
    return &builder->topics[place];
}

/* Fills a partition from its assignment and, if there is one, the state known before. */
static void merge_partition(struct metadata_partition *to,
                            const struct metadata_assignment *assignment,
                            const struct metadata_partition *before) {
    *to = (struct metadata_partition){.index = assignment->index,
                                      .leader = METADATA_NO_BROKER,
                                      .leader_epoch = -1,
                                      .controller_epoch = -1,
                                      .partition_epoch = -1};
    if (before != NULL)
        *to = *before;
    to->replicas = (int32_t *)(uintptr_t)assignment->replicas;
    to->replica_count = assignment->replica_count;
    to->adding_replicas = (int32_t *)(uintptr_t)assignment->adding_replicas;
    to->adding_count = assignment->adding_count;
    to->removing_replicas = (int32_t *)(uintptr_t)assignment->removing_replicas;
    to->removing_count = assignment->removing_count;
}

static bool put_topic(struct metadata_builder *builder, struct bytes name, const struct uuid *id,
                      int64_t zxid, const struct metadata_assignment *partitions,
                      int32_t partition_count) {
    struct topic_slot *slot = find_slot(builder, name);
    const struct metadata_topic *before =
        slot != NULL && uuid_equal(&slot->topic->topic.id, id) ? &slot->topic->topic : NULL;
    struct metadata_partition *merged =
        calloc((size_t)partition_count + 1, sizeof(struct metadata_partition));
    bool *seen = calloc((size_t)partition_count + 1, sizeof(bool));
    bool numbered = true;
    char *text = strndup((const char *)name.data, name.size);

    CHECK(merged != NULL && seen != NULL && text != NULL);
    for (int32_t i = 0; i < partition_count && numbered; i++) {
        int32_t index = partitions[i].index;
        numbered = index >= 0 && index < partition_count && !seen[index];
        if (numbered) {
            seen[index] = true;
            merge_partition(&merged[index], &partitions[i],
                            before == NULL ? NULL : metadata_find_partition(before, index));
        }
    }
    if (numbered) {
        struct metadata_topic topic = {
            .id = *id,
            .name = text,
            .is_internal = metadata_is_internal_topic(name),
            .assignment_zxid = zxid,
            .partitions = merged,
            .partition_count = partition_count,
            .settings = before == NULL ? NULL : before->settings,
            .setting_count = before == NULL ? 0 : before->setting_count,
        };
        struct shared_topic *shared = shared_topic_copy(&topic);
        replace_topic(slot != NULL ? slot : insert_slot(builder, name), shared);
        remember_name(builder, id, name);
    }
    free(text);
    free(seen);
    free(merged);
    return numbered;
}

bool metadata_builder_is_known_since(struct metadata_builder *builder, struct bytes name,
                                     int64_t zxid) {
    const struct topic_slot *slot = find_slot(builder, name);

    return slot != NULL && slot->topic->topic.assignment_zxid >= zxid;
}

/* INVARIANT: what is known under a name never goes back to an earlier transaction, whatever the
 * order in which reloads and change entries arrive. A broker would delete the log of the newer
 * topic, and lead it again, empty, when the newer entry comes. */
bool metadata_builder_set_topic(struct metadata_builder *builder, struct bytes name,
                                const struct uuid *id, int64_t zxid,
                                const struct metadata_assignment *partitions,
                                int32_t partition_count) {
    if (metadata_builder_is_known_since(builder, name, zxid)) {
        metadata_builder_keep_topic(builder, name);
        return true;
    }
    return put_topic(builder, name, id, zxid, partitions, partition_count);
}

/* Makes the slot's topic writable. */
static struct metadata_topic *own(struct topic_slot *slot) {
    if (!slot->owned) {
        struct shared_topic *copy = shared_topic_copy(&slot->topic->topic);
        shared_topic_unref(slot->topic);
        slot->topic = copy;
        slot->owned = true;
    }
    return &slot->topic->topic;
}

static int compare_settings(const void *a, const void *b) {
    return strcmp(((const struct metadata_setting *)a)->key,
                  ((const struct metadata_setting *)b)->key);
}

void metadata_builder_set_settings(struct metadata_builder *builder, struct bytes name,
                                   const struct metadata_setting *settings, int32_t setting_count) {
    struct topic_slot *slot = find_slot(builder, name);
    struct metadata_topic changed;
    struct metadata_setting *sorted;

    if (slot == NULL)
        return;
    sorted = calloc((size_t)setting_count + 1, sizeof(*sorted));
    CHECK(sorted != NULL);
    if (setting_count > 0)
        memcpy(sorted, settings, (size_t)setting_count * sizeof(*sorted));
    qsort(sorted, (size_t)setting_count, sizeof(*sorted), compare_settings);
    changed = slot->topic->topic;
    changed.settings = sorted;
    changed.setting_count = setting_count;
    {
        struct shared_topic *copy = shared_topic_copy(&changed);
        shared_topic_unref(slot->topic);
        slot->topic = copy;
        slot->owned = true;
    }
    free(sorted);
}

static void remove_slot(struct metadata_builder *builder, int32_t place) {
    shared_topic_unref(builder->topics[place].topic);
    memmove(&builder->topics[place], &builder->topics[place + 1],
            (size_t)(builder->topic_count - place - 1) * sizeof(*builder->topics));
    builder->topic_count--;
}

void metadata_builder_remove_topic(struct metadata_builder *builder, struct bytes name,
                                   const struct uuid *id, int64_t zxid) {
    struct topic_slot *slot = find_slot(builder, name);
    const struct metadata_topic *known = slot == NULL ? NULL : &slot->topic->topic;

    if (known != NULL && (uuid_is_zero(id) || uuid_equal(&known->id, id) ||
                          (uuid_is_zero(&known->id) && known->assignment_zxid < zxid)))
        remove_slot(builder, (int32_t)(slot - builder->topics));
}

/* INVARIANT: within one topic id, (leader_epoch, partition_epoch) never goes back, whatever the
 * order in which reloads, change entries and their repetitions arrive. */
static bool is_newer(const struct metadata_partition *known, const struct metadata_state *state) {
    if (state->leader_epoch != known->leader_epoch)
        return state->leader_epoch > known->leader_epoch;
    return state->partition_epoch > known->partition_epoch;
}

bool metadata_builder_set_state(struct metadata_builder *builder, const struct uuid *topic_id,
                                const struct metadata_state *state) {
    struct topic_slot *slot = find_slot_by_id(builder, topic_id);
    const struct metadata_partition *known =
        slot == NULL ? NULL : metadata_find_partition(&slot->topic->topic, state->index);
    struct metadata_partition *partition;

    if (known == NULL || !is_newer(known, state))
        return false;
    partition = &own(slot)->partitions[state->index];
    partition->leader = state->leader;
    partition->leader_epoch = state->leader_epoch;
    partition->controller_epoch = state->controller_epoch;
    partition->partition_epoch = state->partition_epoch;
    partition->leader_recovery_state = state->leader_recovery_state;
    partition->state_zxid = state->zxid;
    partition->state_ms = state->wall_ms;
    if (state->isr_count > metadata_isr_room(partition)) {
        partition->isr =
            arena_alloc(&slot->topic->arena, (size_t)state->isr_count, sizeof(int32_t));
        CHECK(partition->isr != NULL);
    }
    if (state->isr_count > 0)
        memcpy(partition->isr, state->isr, (size_t)state->isr_count * sizeof(int32_t));
    partition->isr_count = state->isr_count;
    return true;
}

void metadata_builder_keep_topic(struct metadata_builder *builder, struct bytes name) {
    struct topic_slot *slot = find_slot(builder, name);

    if (slot != NULL)
        slot->touched = true;
}

void metadata_builder_remove_untouched_topics(struct metadata_builder *builder) {
    int32_t kept = 0;

    for (int32_t i = 0; i < builder->topic_count; i++) {
        if (builder->topics[i].touched)
            builder->topics[kept++] = builder->topics[i];
        else
            shared_topic_unref(builder->topics[i].topic);
    }
    builder->topic_count = kept;
}

/* Both arrays are ascending by name: one pass finds what differs. */
static int32_t find_changes(const struct metadata *base, const struct metadata *next,
                            struct metadata_topic_change *changes) {
    int32_t before_count = base == NULL ? 0 : base->topic_count;
    int32_t count = 0;
    int32_t i = 0;
    int32_t j = 0;

    while (i < before_count || j < next->topic_count) {
        const struct metadata_topic *before = i < before_count ? base->topics[i] : NULL;
        const struct metadata_topic *after = j < next->topic_count ? next->topics[j] : NULL;
        int order = before == NULL ? 1 : after == NULL ? -1 : strcmp(before->name, after->name);
        if (order <= 0)
            i++;
        if (order >= 0)
            j++;
        if (order == 0 && before != after)
            changes[count++] = (struct metadata_topic_change){before, after};
        else if (order < 0)
            changes[count++] = (struct metadata_topic_change){before, NULL};
        else if (order > 0)
            changes[count++] = (struct metadata_topic_change){NULL, after};
    }
    return count;
}

/* Of struct metadata; never 0, which is nobody's. */
static atomic_uint_fast64_t next_serial = 1;

static int compare_ids(const void *a, const void *b) {
    const struct metadata_topic *const *x = a;
    const struct metadata_topic *const *y = b;
    return memcmp(&(*x)->id, &(*y)->id, sizeof((*x)->id));
}

const struct metadata *metadata_builder_finish(struct metadata_builder *builder,
                                               struct metadata_topic_change **changes,
                                               int32_t *change_count) {
    struct snapshot *snapshot = calloc(1, sizeof(*snapshot));
    const struct metadata_topic **topics =
        calloc((size_t)builder->topic_count + 1, sizeof(*topics));
    const struct metadata_broker **brokers =
        calloc((size_t)builder->broker_count + 1, sizeof(*brokers));
    int32_t base_count = builder->base == NULL ? 0 : builder->base->topic_count;

    CHECK(snapshot != NULL && topics != NULL && brokers != NULL);
    snapshot->topics_by_id = calloc((size_t)builder->topic_count + 1, sizeof(*topics));
    *changes = calloc((size_t)builder->topic_count + (size_t)base_count + 1, sizeof(**changes));
    CHECK(snapshot->topics_by_id != NULL && *changes != NULL);
    atomic_init(&snapshot->references, 1);
    for (int32_t i = 0; i < builder->topic_count; i++) {
        topics[i] = &builder->topics[i].topic->topic;
        shared_topic_ref(builder->topics[i].topic);
        if (!uuid_is_zero(&topics[i]->id))
            snapshot->topics_by_id[snapshot->topic_by_id_count++] = topics[i];
    }
    qsort(snapshot->topics_by_id, (size_t)snapshot->topic_by_id_count, sizeof(*topics),
          compare_ids);
    for (int32_t i = 0; i < builder->broker_count; i++) {
        brokers[i] = &builder->brokers[i]->broker;
        shared_broker_ref(builder->brokers[i]);
    }
    snapshot->metadata = (struct metadata){
        .brokers = brokers,
        .broker_count = builder->broker_count,
        .controller_id = builder->controller_id,
        .topics = topics,
        .topic_count = builder->topic_count,
        .serial = atomic_fetch_add(&next_serial, 1),
    };
    if ((snapshot->offline = builder->offline) != NULL) {
        shared_offline_ref(snapshot->offline);
        snapshot->metadata.offline = snapshot->offline->items;
        snapshot->metadata.offline_count = snapshot->offline->count;
    }
    *change_count = find_changes(builder->base, &snapshot->metadata, *changes);
    metadata_builder_free(builder);
    return &snapshot->metadata;
}

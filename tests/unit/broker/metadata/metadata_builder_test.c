/*
 * However a broker comes to know of the cluster, by entries of the change log one by one or by a
 * load amid changes and the entries since it began, it ends with the same metadata; and on the way
 * no topic that exists is displaced, for its logs would be deleted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "broker/metadata/metadata_builder.h"
#include "broker/metadata/metadata_decode.h"
#include "client/base/rng.h"

#define NAMES         3
#define PARTITIONS    2
#define STEPS         120
#define SEEDS         400
#define REPLICA_COUNT 3

/* ---- ZooKeeper, as far as topics go ---- */

struct true_topic {
    bool exists;
    struct uuid id;
    int64_t zxid; /* of the assignment's last write */
    int32_t partition_count;
    int32_t replicas[PARTITIONS][REPLICA_COUNT];
    struct partition_state_znode states[PARTITIONS];
    int32_t versions[PARTITIONS]; /* of the state znodes */
};

/* One entry of the change log, with what it points to. */
struct entry {
    int64_t zxid;
    struct change_znode change;
    struct change_topic topic;
    struct topic_znode_partition partitions[PARTITIONS];
    struct change_deletion deletion;
    struct change_state states[PARTITIONS];
    struct true_topic copy;
};

struct world {
    struct rng rng;
    int64_t zxid;
    struct true_topic topics[NAMES];
    struct entry entries[STEPS];
    int32_t entry_count;
};

static const char *const names[NAMES] = {"a", "b", "c"};
static const int32_t isr[] = {1, 2, 3};

static void give_replicas(struct world *world, struct true_topic *topic) {
    for (int32_t p = 0; p < PARTITIONS; p++) {
        int32_t first = (int32_t)rng_below(&world->rng, 5);
        for (int32_t r = 0; r < REPLICA_COUNT; r++)
            topic->replicas[p][r] = 1 + (first + r) % 5;
    }
}

static void move_leader(struct true_topic *topic, struct world *world, int32_t p) {
    topic->states[p].leader = 1 + (int32_t)rng_below(&world->rng, 5);
    topic->states[p].leader_epoch += (int32_t)rng_below(&world->rng, 2);
    topic->states[p].isr_count = 1 + (int32_t)rng_below(&world->rng, 3);
    topic->versions[p]++;
}

static struct topic_znode assignment_of(const struct true_topic *topic,
                                        struct topic_znode_partition *partitions) {
    for (int32_t p = 0; p < topic->partition_count; p++)
        partitions[p] = (struct topic_znode_partition){
            .partition = p, .replicas = topic->replicas[p], .replica_count = REPLICA_COUNT};
    return (struct topic_znode){topic->id, partitions, topic->partition_count};
}

static void tell_assignment(struct entry *entry, const char *name) {
    entry->topic.name = name;
    entry->topic.assignment = assignment_of(&entry->copy, entry->partitions);
    entry->change.topics = &entry->topic;
    entry->change.topic_count = 1;
}

static void tell_state(struct entry *entry, int32_t p) {
    entry->states[entry->change.state_count++] =
        (struct change_state){entry->copy.id, p, entry->copy.versions[p], entry->copy.states[p]};
    entry->change.states = entry->states;
}

static void create(struct world *world, struct true_topic *topic, struct entry *entry,
                   const char *name) {
    *topic = (struct true_topic){
        .exists = true, .id = uuid_random(&world->rng), .zxid = entry->zxid, .partition_count = 1};
    give_replicas(world, topic);
    for (int32_t p = 0; p < PARTITIONS; p++)
        topic->states[p] = (struct partition_state_znode){
            .leader = topic->replicas[p][0], .isr = isr, .isr_count = 3};
    entry->copy = *topic;
    tell_assignment(entry, name);
    tell_state(entry, 0);
}

/* Another partition, or other replicas. */
static void reassign(struct world *world, struct true_topic *topic, struct entry *entry,
                     const char *name) {
    bool grows = topic->partition_count < PARTITIONS && rng_below(&world->rng, 2) == 0;

    if (grows)
        topic->partition_count++;
    else
        give_replicas(world, topic);
    topic->zxid = entry->zxid;
    entry->copy = *topic;
    tell_assignment(entry, name);
    if (grows)
        tell_state(entry, topic->partition_count - 1);
}

static struct entry *change_something(struct world *world) {
    size_t which = rng_below(&world->rng, NAMES);
    struct true_topic *topic = &world->topics[which];
    struct entry *entry = &world->entries[world->entry_count++];

    *entry = (struct entry){.zxid = ++world->zxid};
    if (!topic->exists) {
        create(world, topic, entry, names[which]);
        return entry;
    }
    switch (rng_below(&world->rng, 5)) {
    case 0:
        topic->exists = false;
        entry->deletion = (struct change_deletion){names[which], topic->id, false};
        entry->change.deletions = &entry->deletion;
        entry->change.deletion_count = 1;
        break;
    case 1:
        reassign(world, topic, entry, names[which]);
        break;
    default:
        move_leader(topic, world, 0);
        if (topic->partition_count > 1)
            move_leader(topic, world, 1);
        entry->copy = *topic;
        for (int32_t p = 0; p < topic->partition_count; p++)
            tell_state(entry, p);
        break;
    }
    return entry;
}

/* ---- What a broker knows ---- */

/* INVARIANT under test: a change takes away no topic that exists. */
static void publish(const struct world *world, const struct metadata **known,
                    struct metadata_builder *builder) {
    struct metadata_topic_change *changes;
    int32_t count;
    const struct metadata *next = metadata_builder_finish(builder, &changes, &count);

    for (int32_t i = 0; i < count; i++) {
        const struct metadata_topic *before = changes[i].before;
        const struct metadata_topic *after = changes[i].after;
        if (before == NULL || (after != NULL && uuid_equal(&before->id, &after->id)))
            continue;
        for (size_t t = 0; t < NAMES; t++)
            assert_false(world->topics[t].exists && uuid_equal(&before->id, &world->topics[t].id));
    }
    free(changes);
    metadata_unref(*known);
    *known = next;
}

static void apply(const struct world *world, const struct metadata **known,
                  const struct entry *entry) {
    struct metadata_builder *builder = metadata_builder_new(*known);

    metadata_put_change(builder, (struct metadata_written){entry->zxid, 1}, &entry->change);
    publish(world, known, builder);
}

/* A load's reads are answered one by one, while the world goes on. */
struct load {
    struct metadata_builder *builder; /* NULL: none under way */
    int32_t first_entry;              /* noted before the first read */
    size_t reads;                     /* answered so far */
    struct uuid read_ids[NAMES];      /* of the topics that were read; states come later */
    int32_t read_counts[NAMES];
};

static void begin_load(const struct world *world, struct load *load, const struct metadata *known) {
    *load =
        (struct load){.builder = metadata_builder_new(known), .first_entry = world->entry_count};
}

static void read_topic(const struct world *world, struct load *load, size_t which) {
    const struct true_topic *topic = &world->topics[which];
    struct topic_znode_partition partitions[PARTITIONS];
    struct topic_znode assignment = assignment_of(topic, partitions);

    if (!topic->exists)
        return;
    assert_true(
        metadata_put_topic(load->builder, bytes_of_text(names[which]), topic->zxid, &assignment));
    load->read_ids[which] = topic->id;
    load->read_counts[which] = topic->partition_count;
}

/* The path says only the name: what is read may be of a topic made since. */
static void read_states(const struct world *world, struct load *load, size_t which) {
    const struct true_topic *topic = &world->topics[which];

    for (int32_t p = 0; p < load->read_counts[which] && topic->exists; p++)
        if (p < topic->partition_count)
            metadata_put_state(load->builder, &load->read_ids[which], p, topic->versions[p],
                               (struct metadata_written){1, 1}, &topic->states[p]);
}

/* True when the load has ended. */
static bool go_on_loading(const struct world *world, struct load *load,
                          const struct metadata **known) {
    struct metadata_builder *builder = load->builder;

    if (load->reads < NAMES) {
        read_topic(world, load, load->reads++);
        return false;
    }
    if (load->reads < (size_t)2 * NAMES) {
        read_states(world, load, load->reads++ - NAMES);
        return false;
    }
    load->builder = NULL;
    metadata_builder_remove_untouched_topics(builder);
    publish(world, known, builder);
    return true;
}

static void run(struct world *world, uint64_t seed) {
    const struct metadata *follower = NULL; /* reads every entry as it comes */
    const struct metadata *loader = NULL;   /* loads now and then */
    int32_t applied = 0;                    /* by the loader */
    struct load load = {0};

    *world = (struct world){.zxid = 1};
    rng_seed(&world->rng, seed);
    for (int32_t step = 0; step < STEPS; step++) {
        apply(world, &follower, change_something(world));
        if (load.builder == NULL && rng_below(&world->rng, 10) == 0)
            begin_load(world, &load, loader);
        for (uint64_t reads = rng_below(&world->rng, 4); load.builder != NULL && reads > 0; reads--)
            if (go_on_loading(world, &load, &loader))
                applied = load.first_entry;
        for (; load.builder == NULL && applied < world->entry_count; applied++)
            apply(world, &loader, &world->entries[applied]);
    }
    while (load.builder != NULL)
        if (go_on_loading(world, &load, &loader))
            applied = load.first_entry;
    for (; applied < world->entry_count; applied++)
        apply(world, &loader, &world->entries[applied]);
    assert_true(metadata_equal(follower, loader));
    metadata_unref(follower);
    metadata_unref(loader);
}

static void test_loads_and_entries_end_with_the_same_and_displace_nothing(void **state) {
    struct world *world = malloc(sizeof(*world));

    (void)state;
    assert_non_null(world);
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        run(world, seed);
    free(world);
}

/* ---- Case by case ---- */

static const struct uuid first_id = {{1}};
static const struct uuid second_id = {{2}};
static const int32_t replicas[] = {1, 2, 3};
static const struct metadata_assignment one_partition[] = {
    {.index = 0, .replicas = replicas, .replica_count = 3}};

static const struct metadata *finish(struct metadata_builder *builder) {
    struct metadata_topic_change *changes;
    int32_t count;
    const struct metadata *next = metadata_builder_finish(builder, &changes, &count);

    free(changes);
    return next;
}

static const struct metadata *with_topic(const struct metadata *base, const struct uuid *id,
                                         int64_t zxid) {
    struct metadata_builder *builder = metadata_builder_new(base);

    assert_true(
        metadata_builder_set_topic(builder, bytes_of_text("a"), id, zxid, one_partition, 1));
    metadata_unref(base);
    return finish(builder);
}

static void test_an_older_assignment_does_not_bring_back_a_topic_that_was_replaced(void **state) {
    const struct metadata *known = with_topic(NULL, &second_id, 20);

    (void)state;
    known = with_topic(known, &first_id, 10);
    assert_true(uuid_equal(&metadata_find_topic(known, bytes_of_text("a"))->id, &second_id));
    known = with_topic(known, &first_id, 30);
    assert_true(uuid_equal(&metadata_find_topic(known, bytes_of_text("a"))->id, &first_id));
    metadata_unref(known);
}

static void test_an_assignment_that_is_known_counts_as_set(void **state) {
    const struct metadata *known = with_topic(NULL, &first_id, 10);
    struct metadata_builder *builder = metadata_builder_new(known);

    (void)state;
    assert_true(
        metadata_builder_set_topic(builder, bytes_of_text("a"), &first_id, 10, one_partition, 1));
    metadata_builder_remove_untouched_topics(builder);
    metadata_unref(known);
    known = finish(builder);
    assert_int_equal(known->topic_count, 1);
    metadata_unref(known);
}

static void test_an_entry_that_is_known_leaves_later_settings(void **state) {
    static const struct config_entry old = {"retention.ms", "1"};
    static const struct metadata_setting later = {"retention.ms", "2"};
    const struct metadata *known = with_topic(NULL, &first_id, 10);
    struct metadata_builder *builder = metadata_builder_new(known);
    struct topic_znode_partition partition = {.replicas = replicas, .replica_count = 3};
    struct change_topic topic = {"a", {first_id, &partition, 1}, true, {&old, 1}};
    struct change_znode change = {.topics = &topic, .topic_count = 1};

    (void)state;
    metadata_builder_set_settings(builder, bytes_of_text("a"), &later, 1);
    metadata_put_change(builder, (struct metadata_written){10, 5}, &change);
    metadata_unref(known);
    known = finish(builder);
    assert_string_equal(
        metadata_find_setting(metadata_find_topic(known, bytes_of_text("a")), "retention.ms"), "2");
    metadata_unref(known);
}

static const struct metadata *with_isr(const struct metadata *base, int32_t partition_epoch,
                                       const int32_t *members, int32_t count) {
    struct metadata_builder *builder = metadata_builder_new(base);
    struct metadata_state state = {
        .leader = 1, .partition_epoch = partition_epoch, .isr = members, .isr_count = count};

    assert_true(metadata_builder_set_state(builder, &first_id, &state));
    return finish(builder);
}

static void assert_isr(const struct metadata *known, const int32_t *members, int32_t count) {
    const struct metadata_partition *partition =
        metadata_find_partition(metadata_find_topic(known, bytes_of_text("a")), 0);

    assert_int_equal(partition->isr_count, count);
    assert_memory_equal(partition->isr, members, (size_t)count * sizeof(*members));
    assert_memory_equal(partition->replicas, replicas, sizeof(replicas));
}

/* Also where it has more members than there are replicas, as a state that was written before a
 * reassignment may have. */
static void test_an_isr_grows_and_shrinks_and_earlier_snapshots_keep_theirs(void **state) {
    static const int32_t members[] = {1, 2, 3, 4, 5};
    static const int32_t counts[] = {0, 1, 3, 2, 5, 4, 3, 5};
    enum { COUNT = sizeof(counts) / sizeof(counts[0]) };
    const struct metadata *snapshots[COUNT];

    (void)state;
    snapshots[0] = with_topic(NULL, &first_id, 10);
    for (int32_t i = 1; i < COUNT; i++)
        snapshots[i] = with_isr(snapshots[i - 1], i, members, counts[i]);
    for (int32_t i = 0; i < COUNT; i++) {
        assert_isr(snapshots[i], members, counts[i]);
        metadata_unref(snapshots[i]);
    }
}

static void test_partitions_with_gaps_are_refused(void **state) {
    static const struct metadata_assignment gap[] = {
        {.index = 0, .replicas = replicas, .replica_count = 3},
        {.index = 2, .replicas = replicas, .replica_count = 3}};
    struct metadata_builder *builder = metadata_builder_new(NULL);

    (void)state;
    assert_false(metadata_builder_set_topic(builder, bytes_of_text("a"), &first_id, 1, gap, 2));
    metadata_builder_free(builder);
}

static void test_what_is_offline_stays_until_it_is_replaced(void **state) {
    char topic[] = "b"; /* copied */
    const struct metadata_offline some[] = {{topic, 1, 3}, {"a", 7, 2}, {topic, 0, 3}};
    struct metadata_builder *builder = metadata_builder_new(NULL);
    const struct metadata *first, *second, *third;
    struct metadata_topic_change *changes;
    int32_t count;
    (void)state;

    metadata_builder_set_offline(builder, some, 3);
    first = metadata_builder_finish(builder, &changes, &count);
    free(changes);
    topic[0] = 'x';
    builder = metadata_builder_new(first);
    metadata_builder_set_controller_id(builder, 4);
    second = metadata_builder_finish(builder, &changes, &count);
    free(changes);
    builder = metadata_builder_new(second);
    metadata_builder_set_offline(builder, NULL, 0);
    third = metadata_builder_finish(builder, &changes, &count);
    free(changes);
    metadata_unref(first);
    assert_true(metadata_is_offline(second, "b", 0, 3));
    assert_true(metadata_is_offline(second, "b", 1, 3));
    assert_true(metadata_is_offline(second, "a", 7, 2));
    assert_false(metadata_is_offline(second, "a", 7, 3));
    assert_false(metadata_is_offline(second, "b", 2, 3));
    assert_false(metadata_is_offline(third, "b", 0, 3));
    assert_false(metadata_equal(second, third));
    metadata_unref(second);
    metadata_unref(third);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loads_and_entries_end_with_the_same_and_displace_nothing),
        cmocka_unit_test(test_an_older_assignment_does_not_bring_back_a_topic_that_was_replaced),
        cmocka_unit_test(test_an_assignment_that_is_known_counts_as_set),
        cmocka_unit_test(test_an_entry_that_is_known_leaves_later_settings),
        cmocka_unit_test(test_an_isr_grows_and_shrinks_and_earlier_snapshots_keep_theirs),
        cmocka_unit_test(test_partitions_with_gaps_are_refused),
        cmocka_unit_test(test_what_is_offline_stays_until_it_is_replaced),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

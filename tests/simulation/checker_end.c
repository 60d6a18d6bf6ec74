/*
 * What must hold when all has come to rest, and the partitions for those who play brokers.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "tests/simulation/checker_internal.h"
#include "tests/simulation/committed.h"
#include "zk-schema/paths.h"

/* ---- The end
 * ---------------------------------------------------------------------------------------- */

struct end {
    struct checker *checker;
    bool (*is_live)(void *context, int32_t broker_id);
    void *context;
    size_t topics;
};

/* Brokers know the replicas; nothing that could be at its end is still under way. */
static void check_assigned_end(struct checker *checker, const struct told_topic *topic,
                               const struct topic_znode_partition *assigned,
                               const struct seen_state *state, bool is_led) {
    int32_t index = assigned->partition;
    bool is_complete = is_led;

    if (topic->replica_counts[index] != (size_t)assigned->replica_count ||
        memcmp(topic->replicas[index], assigned->replicas,
               (size_t)assigned->replica_count * sizeof(*assigned->replicas)) != 0)
        checker_broken(checker, "%s-%d: the change log has other replicas in the end", topic->name,
                       index);
    if (is_led && checker_strangers(state, assigned) > 0)
        checker_broken(checker, "%s-%d: in the isr is who is no replica in the end", topic->name,
                       index);
    for (int32_t i = 0; i < assigned->replica_count; i++)
        is_complete =
            is_complete && (broker_ids_contain(assigned->removing_replicas,
                                               assigned->removing_count, assigned->replicas[i]) ||
                            checker_in_isr(state, assigned->replicas[i]));
    if (is_complete && assigned->adding_count + assigned->removing_count > 0)
        checker_broken(checker, "%s-%d: its reassignment is stuck in the end", topic->name, index);
}

static void check_partition_end(struct end *end, const struct told_topic *topic,
                                const struct topic_znode_partition *assigned) {
    struct checker *checker = end->checker;
    struct seen_partition *p = checker_seen(checker, &topic->id, assigned->partition);
    struct znode_path path =
        path_of_partition_state(bytes_of_text(topic->name), assigned->partition);
    bool isr_lives = false, anybody_lives = false;
    int32_t stale;

    for (int32_t i = 0; i < assigned->replica_count; i++)
        anybody_lives = anybody_lives || end->is_live(end->context, assigned->replicas[i]);
    for (size_t i = 0; i < p->truth.isr_count; i++)
        isr_lives = isr_lives || end->is_live(end->context, p->truth.isr[i]);
    if (!model_zookeeper_get(checker->zookeeper, path.text, NULL, NULL)) {
        if (anybody_lives)
            checker_broken(checker, "%s: no state in the end", path.text);
        return;
    }
    if (!checker_same_state(&p->truth, &p->told[0]))
        checker_broken(checker, "%s: the change log differs in the end", path.text);
    check_assigned_end(checker, topic, assigned, &p->truth,
                       p->truth.leader >= 0 && end->is_live(end->context, p->truth.leader));
    stale = checker_stale_member(checker, &p->truth, &p->truth);
    if (stale >= 0)
        checker_broken(checker, "%s: broker %d registered anew and stays in the isr in the end",
                       path.text, stale);
    if (checker->committed != NULL) {
        struct committed_state state = checker_committed_state(&p->truth);
        committed_check_end(checker->committed, &topic->id, assigned->partition, &state);
    }
    if (isr_lives && (p->truth.leader < 0 || !end->is_live(end->context, p->truth.leader)))
        checker_broken(checker, "%s: leader %d in the end", path.text, p->truth.leader);
}

static void check_topic_end(void *context, const char *name) {
    struct end *end = context;
    struct checker *checker = end->checker;
    struct znode_path path = path_of_topic(bytes_of_text(name));
    struct told_topic *topic;
    struct topic_znode znode;
    struct bytes data;

    arena_reset(&checker->arena);
    if (!model_zookeeper_get(checker->zookeeper, path.text, &data, NULL) ||
        topic_znode_decode(path.text, data, &checker->arena, &znode, NULL) != ERR_NONE) {
        checker_broken(checker, "%s: not readable in the end", path.text);
        return;
    }
    end->topics++;
    HASH_FIND(hh, checker->topics, &znode.topic_id, sizeof(topic->id), topic);
    if (topic == NULL) {
        checker_broken(checker, "%s: the change log does not know it in the end", path.text);
        return;
    }
    if (strcmp(topic->name, name) != 0 || topic->partition_count != (size_t)znode.partition_count)
        checker_broken(checker, "%s: the change log says something else in the end", path.text);
    for (int32_t i = 0; i < znode.partition_count; i++)
        check_partition_end(end, topic, &znode.partitions[i]);
}

static void count_child(void *context, const char *name) {
    (void)name;
    (*(size_t *)context)++;
}

const char *checker_probe_end(struct checker *checker, checker_check *check, void *context) {
    checker->is_probing = true;
    checker->probe_broken = 0;
    check(context);
    checker->is_probing = false;
    return checker->probe_broken > 0 ? checker->probe_text : NULL;
}

void checker_check_end(struct checker *checker, bool (*is_live)(void *context, int32_t broker_id),
                       void *context) {
    struct end end = {.checker = checker, .is_live = is_live, .context = context};
    size_t marks = 0, configs = 0, changes = 0;

    model_zookeeper_children(checker->zookeeper, PATH_TOPICS, check_topic_end, &end);
    if (end.topics != HASH_COUNT(checker->topics))
        checker_broken(checker, "%zu topics in the end, %u in the change log", end.topics,
                       HASH_COUNT(checker->topics));
    model_zookeeper_children(checker->zookeeper, PATH_DELETE_TOPICS, count_child, &marks);
    if (marks > 0)
        checker_broken(checker, "%zu topics are still to be deleted in the end", marks);
    model_zookeeper_children(checker->zookeeper, PATH_CONFIG_TOPICS, count_child, &configs);
    if (configs > end.topics)
        checker_broken(checker, "%zu topic configs for %zu topics in the end", configs, end.topics);
    model_zookeeper_children(checker->zookeeper, PATH_CHANGES, count_child, &changes);
    if (changes > 600)
        checker_broken(checker, "%zu change entries are kept", changes);
    if (model_zookeeper_get(checker->zookeeper, PATH_PREFERRED_ELECTION, NULL, NULL))
        checker_broken(checker, "the preferred election is still wanted in the end");
}

/* ---- For those who play brokers ---- */

struct committed_state checker_committed_state(const struct seen_state *state) {
    return (struct committed_state){state->leader, state->leader_epoch, state->recovery_state,
                                    state->isr,    state->isr_count,    state->zxid};
}

static struct told_topic *find_topic(const struct checker *checker, const struct uuid *id) {
    struct told_topic *topic;

    HASH_FIND(hh, checker->topics, id, sizeof(*id), topic);
    return topic;
}

int32_t checker_partition_count(const struct checker *checker, const struct uuid *topic_id) {
    const struct told_topic *topic = find_topic(checker, topic_id);

    return topic == NULL ? 0 : (int32_t)topic->partition_count;
}

bool checker_is_replica(const struct checker *checker, const struct uuid *topic_id,
                        int32_t partition, int32_t broker_id) {
    const struct told_topic *topic = find_topic(checker, topic_id);

    return topic != NULL && (size_t)partition < topic->partition_count &&
           broker_ids_contain(topic->replicas[partition], (int32_t)topic->replica_counts[partition],
                              broker_id);
}

bool checker_find_partition(struct checker *checker, const struct uuid *topic_id, int32_t partition,
                            size_t age, struct checked_partition *found) {
    const struct told_topic *topic = find_topic(checker, topic_id);
    const struct seen_partition *p;
    const struct seen_state *told;

    if (topic == NULL || partition < 0 || (size_t)partition >= topic->partition_count)
        return false;
    p = checker_seen(checker, topic_id, partition);
    while (age > 0 && (age >= TOLD_MAX || !p->told[age].exists))
        age--;
    told = &p->told[age];
    if (!told->exists)
        return false;
    *found = (struct checked_partition){
        .topic = bytes_of_text(topic->name),
        .topic_id = topic->id,
        .partition = partition,
        .version = told->version,
        .leader = told->leader,
        .leader_epoch = told->leader_epoch,
        .controller_epoch = told->controller_epoch,
        .recovery_state = told->recovery_state,
        .replicas = topic->replicas[partition],
        .replica_count = topic->replica_counts[partition],
        .isr_count = told->isr_count,
    };
    memcpy(found->isr, told->isr, sizeof(found->isr));
    return true;
}

size_t checker_topic_count(const struct checker *checker) {
    return HASH_COUNT(checker->topics);
}

bool checker_topic(const struct checker *checker, size_t index, struct bytes *name,
                   struct uuid *id) {
    for (const struct told_topic *topic = checker->topics; topic != NULL; topic = topic->hh.next)
        if (index-- == 0) {
            *name = bytes_of_text(topic->name);
            *id = topic->id;
            return true;
        }
    return false;
}

bool checker_topic_of_name(const struct checker *checker, struct bytes name, struct uuid *id) {
    for (const struct told_topic *topic = checker->topics; topic != NULL; topic = topic->hh.next)
        if (bytes_equal_text(name, topic->name)) {
            *id = topic->id;
            return true;
        }
    return false;
}

bool checker_has_topic_id(const struct checker *checker, const struct uuid *id) {
    return find_topic(checker, id) != NULL;
}

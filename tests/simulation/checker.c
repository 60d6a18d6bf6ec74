#include "tests/simulation/checker.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <uthash.h>

#include "tests/simulation/committed.h"
#include "zk-schema/change_znode.h"
#include "zk-schema/controller_znode.h"
#include "zk-schema/paths.h"

#define ISR_MAX 16

struct seen_state {
    bool exists;
    int32_t version;
    int32_t leader, leader_epoch, controller_epoch, recovery_state;
    int32_t isr[ISR_MAX];
    size_t isr_count;
    int64_t zxid; /* of the znode that was seen */
};

struct partition_key {
    struct uuid topic_id;
    int32_t partition;
};

/* A partition of one topic id, for ever. */
struct seen_partition {
    struct partition_key key;
    struct seen_state truth; /* as last written to its znode */
    struct seen_state told;  /* as the change log says */
    UT_hash_handle hh;
};

/* A topic that is there according to the change log. */
struct told_topic {
    struct uuid id;
    char *name;
    int32_t **replicas;
    size_t *replica_counts;
    size_t partition_count;
    UT_hash_handle hh;
};

struct checker {
    struct simulator *simulator;
    struct model_zookeeper *zookeeper;
    struct committed *committed; /* may be NULL */
    struct seen_partition *partitions;
    struct told_topic *topics;
    int32_t controller_epoch;
    bool count_only;
    size_t broken;
    struct arena arena;
    /* The topic last looked up, since states come in hundreds of the same one. */
    struct znode_path last_path;
    int64_t last_mzxid;
    struct uuid last_id;
};

void checker_broken(struct checker *checker, const char *format, ...) {
    char text[512];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    checker->broken++;
    if (!checker->count_only)
        simulator_fail(checker->simulator, "%s", text);
}

static void *allocate(size_t count, size_t size) {
    void *memory = calloc(count == 0 ? 1 : count, size);

    CHECK(memory != NULL);
    return memory;
}

struct checker *checker_new(struct simulator *simulator) {
    struct checker *checker = allocate(1, sizeof(*checker));

    checker->simulator = simulator;
    arena_init(&checker->arena, SIZE_MAX);
    return checker;
}

void checker_set_zookeeper(struct checker *checker, struct model_zookeeper *zookeeper) {
    checker->zookeeper = zookeeper;
}

void checker_set_committed(struct checker *checker, struct committed *committed) {
    checker->committed = committed;
}

static void told_topic_clear(struct told_topic *topic) {
    for (size_t i = 0; i < topic->partition_count; i++)
        free(topic->replicas[i]);
    free(topic->replicas);
    free(topic->replica_counts);
    free(topic->name);
}

void checker_free(struct checker *checker) {
    struct seen_partition *partition, *next_partition;
    struct told_topic *topic, *next_topic;

    HASH_ITER (hh, checker->partitions, partition, next_partition) {
        HASH_DEL(checker->partitions, partition);
        free(partition);
    }
    HASH_ITER (hh, checker->topics, topic, next_topic) {
        HASH_DEL(checker->topics, topic);
        told_topic_clear(topic);
        free(topic);
    }
    arena_done(&checker->arena);
    free(checker);
}

void checker_count_only(struct checker *checker) {
    checker->count_only = true;
}

size_t checker_broken_count(const struct checker *checker) {
    return checker->broken;
}

static struct seen_partition *seen(struct checker *checker, const struct uuid *topic_id,
                                   int32_t partition) {
    struct partition_key key;
    struct seen_partition *found;

    memset(&key, 0, sizeof(key));
    key.topic_id = *topic_id;
    key.partition = partition;
    HASH_FIND(hh, checker->partitions, &key, sizeof(key), found);
    if (found != NULL)
        return found;
    found = allocate(1, sizeof(*found));
    found->key = key;
    HASH_ADD(hh, checker->partitions, key, sizeof(found->key), found);
    return found;
}

/* ---- States */

static struct seen_state state_of(struct checker *checker,
                                  const struct partition_state_znode *znode, int32_t version) {
    struct seen_state state = {
        .exists = true,
        .version = version,
        .leader = znode->leader,
        .leader_epoch = znode->leader_epoch,
        .controller_epoch = znode->controller_epoch,
        .recovery_state = znode->leader_recovery_state,
        .isr_count = (size_t)znode->isr_count,
    };

    if (state.isr_count > ISR_MAX)
        simulator_fail(checker->simulator, "an isr of %zu", state.isr_count);
    memcpy(state.isr, znode->isr, state.isr_count * sizeof(*state.isr));
    return state;
}

static bool in_isr(const struct seen_state *state, int32_t broker) {
    for (size_t i = 0; i < state->isr_count; i++)
        if (state->isr[i] == broker)
            return true;
    return false;
}

static bool same_isr(const struct seen_state *a, const struct seen_state *b) {
    return a->isr_count == b->isr_count &&
           memcmp(a->isr, b->isr, a->isr_count * sizeof(*a->isr)) == 0;
}

static bool same_state(const struct seen_state *a, const struct seen_state *b) {
    return a->exists == b->exists && a->version == b->version && a->leader == b->leader &&
           a->leader_epoch == b->leader_epoch && a->controller_epoch == b->controller_epoch &&
           a->recovery_state == b->recovery_state && same_isr(a, b);
}

static void check_shape(struct checker *checker, const char *path, const struct seen_state *now) {
    if (now->isr_count == 0)
        checker_broken(checker, "%s: empty isr", path);
    for (size_t i = 0; i < now->isr_count; i++)
        for (size_t j = 0; j < i; j++)
            if (now->isr[i] == now->isr[j])
                checker_broken(checker, "%s: %d twice in the isr", path, now->isr[i]);
    if (now->leader >= 0 && !in_isr(now, now->leader))
        checker_broken(checker, "%s: leader %d is not in the isr", path, now->leader);
    if (now->controller_epoch != checker->controller_epoch)
        checker_broken(checker, "%s: written by controller epoch %d, but it is %d", path,
                       now->controller_epoch, checker->controller_epoch);
}

static void check_step(struct checker *checker, const char *path, const struct seen_state *before,
                       const struct seen_state *now) {
    bool isr_kept = same_isr(before, now);

    if (now->leader_epoch < before->leader_epoch)
        checker_broken(checker, "%s: leader epoch fell from %d to %d", path, before->leader_epoch,
                       now->leader_epoch);
    if (now->leader != before->leader && now->leader_epoch <= before->leader_epoch)
        checker_broken(checker, "%s: leader %d after %d in the same leader epoch %d", path,
                       now->leader, before->leader, now->leader_epoch);
    if (now->leader_epoch > before->leader_epoch + 1)
        checker_broken(checker, "%s: leader epoch jumped from %d to %d", path, before->leader_epoch,
                       now->leader_epoch);
    if (now->leader >= 0 && !in_isr(before, now->leader) && now->leader != before->leader &&
        now->recovery_state == 0)
        checker_broken(checker, "%s: leader %d was not in the isr", path, now->leader);
    if (now->leader == before->leader && isr_kept && now->leader_epoch == before->leader_epoch &&
        now->recovery_state == before->recovery_state)
        checker_broken(checker, "%s: written without a change", path);
    if (now->leader < 0 && !isr_kept)
        checker_broken(checker, "%s: the isr changed though nobody leads", path);
}

static bool is_among(const int32_t *ids, int32_t count, int32_t id) {
    for (int32_t i = 0; i < count; i++)
        if (ids[i] == id)
            return true;
    return false;
}

/* How many members of the ISR are no replicas. */
static size_t strangers(const struct seen_state *state,
                        const struct topic_znode_partition *assigned) {
    size_t count = 0;

    for (size_t i = 0; i < state->isr_count; i++)
        count += is_among(assigned->replicas, assigned->replica_count, state->isr[i]) ? 0 : 1;
    return count;
}

/* Somebody who has all that was committed remains a replica; at the end of a reassignment nobody
 * but replicas has. */
static void check_assignment(struct checker *checker, const char *path, const struct uuid *id,
                             const struct topic_znode_partition *assigned) {
    const struct seen_state *state = &seen(checker, id, assigned->partition)->truth;

    if (state->exists && strangers(state, assigned) == state->isr_count)
        checker_broken(checker, "%s: partition %d: nobody of the isr is a replica", path,
                       assigned->partition);
}

static struct committed_state committed_state_of(const struct seen_state *state) {
    return (struct committed_state){state->leader, state->leader_epoch, state->recovery_state,
                                    state->isr,    state->isr_count,    state->zxid};
}

static void check_committed(struct checker *checker, const struct uuid *id, int32_t partition,
                            const struct seen_state *before, const struct seen_state *now) {
    struct committed_state from = committed_state_of(before), to = committed_state_of(now);

    if (checker->committed != NULL)
        committed_on_state(checker->committed, id, partition, &from, &to);
}

/* ".../topics/T" */
static bool parse_topic_path(const char *path) {
    return strncmp(path, PATH_TOPICS "/", strlen(PATH_TOPICS) + 1) == 0 &&
           strchr(path + strlen(PATH_TOPICS) + 1, '/') == NULL;
}

static void on_assignment(struct checker *checker, const struct model_change *change) {
    struct topic_znode znode;

    if (topic_znode_decode(change->path, change->data, &checker->arena, &znode, NULL) != ERR_NONE)
        return; /* an operator's */
    for (int32_t i = 0; i < znode.partition_count; i++)
        check_assignment(checker, change->path, &znode.topic_id, &znode.partitions[i]);
}

/* ".../topics/T/partitions/P/state" */
static bool parse_state_path(const char *path, struct bytes *topic, int32_t *partition) {
    const char *name = path + strlen(PATH_TOPICS) + 1;
    const char *rest;
    char *end;

    if (strncmp(path, PATH_TOPICS "/", strlen(PATH_TOPICS) + 1) != 0)
        return false;
    rest = strchr(name, '/');
    if (rest == NULL || strncmp(rest, "/partitions/", 12) != 0)
        return false;
    *topic = bytes_of(name, (size_t)(rest - name));
    *partition = (int32_t)strtol(rest + 12, &end, 10);
    return strcmp(end, "/state") == 0;
}

static bool topic_id_in_tree(struct checker *checker, struct bytes topic, struct uuid *id) {
    struct znode_path path = path_of_topic(topic);
    struct topic_znode znode;
    struct zk_stat stat;
    struct bytes data;

    if (!model_zookeeper_get(checker->zookeeper, path.text, &data, &stat))
        return false;
    if (stat.mzxid != checker->last_mzxid || strcmp(path.text, checker->last_path.text) != 0) {
        if (topic_znode_decode(path.text, data, &checker->arena, &znode, NULL) != ERR_NONE)
            return false;
        checker->last_mzxid = stat.mzxid;
        checker->last_path = path;
        checker->last_id = znode.topic_id;
    }
    *id = checker->last_id;
    return true;
}

static void on_state(struct checker *checker, const struct model_change *change, struct bytes topic,
                     int32_t partition) {
    struct partition_state_znode znode;
    struct seen_partition *seen_partition;
    struct seen_state now;
    struct uuid id;

    if (partition_state_znode_decode(change->path, change->data, &checker->arena, &znode, NULL) !=
        ERR_NONE) {
        checker_broken(checker, "%s: not a state: %.*s", change->path, BYTES_FORMAT(change->data));
        return;
    }
    if (!topic_id_in_tree(checker, topic, &id)) {
        checker_broken(checker, "%s: a state of a topic that is not there", change->path);
        return;
    }
    if (uuid_is_zero(&id))
        checker_broken(checker, "%s: a state of a topic without an id", change->path);
    now = state_of(checker, &znode, change->stat.version);
    now.zxid = change->stat.mzxid;
    seen_partition = seen(checker, &id, partition);
    check_shape(checker, change->path, &now);
    if (seen_partition->truth.exists)
        check_committed(checker, &id, partition, &seen_partition->truth, &now);
    if (seen_partition->truth.exists)
        check_step(checker, change->path, &seen_partition->truth, &now);
    else if (now.leader_epoch != 0)
        checker_broken(checker, "%s: first leader epoch is %d", change->path, now.leader_epoch);
    seen_partition->truth = now;
}

/* ---- The change log
 * -------------------------------------------------------------------------------- */

static void tell_topic(struct checker *checker, const struct change_topic *change) {
    const struct topic_znode *assignment = &change->assignment;
    size_t count = (size_t)assignment->partition_count;
    struct told_topic *topic;

    HASH_FIND(hh, checker->topics, &assignment->topic_id, sizeof(topic->id), topic);
    if (topic == NULL) {
        topic = allocate(1, sizeof(*topic));
        topic->id = assignment->topic_id;
        HASH_ADD(hh, checker->topics, id, sizeof(topic->id), topic);
    } else {
        told_topic_clear(topic);
    }
    topic->name = strdup(change->name);
    CHECK(topic->name != NULL);
    topic->partition_count = count;
    topic->replicas = allocate(count, sizeof(*topic->replicas));
    topic->replica_counts = allocate(count, sizeof(*topic->replica_counts));
    for (size_t i = 0; i < count; i++) {
        size_t replica_count = (size_t)assignment->partitions[i].replica_count;
        topic->replica_counts[i] = replica_count;
        topic->replicas[i] = allocate(replica_count, sizeof(**topic->replicas));
        memcpy(topic->replicas[i], assignment->partitions[i].replicas,
               replica_count * sizeof(**topic->replicas));
    }
}

static void tell_deletion(struct checker *checker, const struct uuid *id) {
    struct told_topic *topic;

    HASH_FIND(hh, checker->topics, id, sizeof(*id), topic);
    if (topic == NULL)
        return;
    HASH_DEL(checker->topics, topic);
    told_topic_clear(topic);
    free(topic);
}

static void on_entry(struct checker *checker, const struct model_change *change) {
    struct change_znode entry;

    if (change_znode_decode(change->path, change->data, &checker->arena, &entry, NULL) !=
        ERR_NONE) {
        checker_broken(checker, "%s: not a change: %.*s", change->path, BYTES_FORMAT(change->data));
        return;
    }
    if (entry.controller_epoch != checker->controller_epoch)
        checker_broken(checker, "%s: by controller epoch %d, but it is %d", change->path,
                       entry.controller_epoch, checker->controller_epoch);
    for (int32_t i = 0; i < entry.deletion_count; i++)
        tell_deletion(checker, &entry.deletions[i].topic_id);
    for (int32_t i = 0; i < entry.topic_count; i++)
        tell_topic(checker, &entry.topics[i]);
    for (int32_t i = 0; i < entry.state_count; i++) {
        const struct change_state *told = &entry.states[i];
        struct told_topic *topic;

        HASH_FIND(hh, checker->topics, &told->topic_id, sizeof(topic->id), topic);
        /* A state of a topic that was never told of would be dropped by the brokers. */
        if (topic == NULL)
            checker_broken(checker, "%s: a state of an unknown topic", change->path);
        seen(checker, &told->topic_id, told->partition)->told =
            state_of(checker, &told->state, told->partition_epoch);
    }
}

static void on_controller_epoch(struct checker *checker, const struct model_change *change) {
    int32_t epoch;

    if (controller_epoch_znode_decode(change->path, change->data, &epoch, NULL) != ERR_NONE) {
        checker_broken(checker, "the controller epoch is no number");
        return;
    }
    if (epoch != checker->controller_epoch + 1 && change->kind == ZK_OP_SET)
        checker_broken(checker, "controller epoch %d after %d", epoch, checker->controller_epoch);
    checker->controller_epoch = epoch;
}

/* Every state of this transaction is in the log as it is in its znode. */
static void check_told(struct checker *checker, const struct model_change *change) {
    struct bytes topic;
    int32_t partition;
    struct uuid id;
    struct seen_partition *p;

    if (change->kind == ZK_OP_DELETE || !parse_state_path(change->path, &topic, &partition) ||
        !topic_id_in_tree(checker, topic, &id))
        return;
    p = seen(checker, &id, partition);
    if (!same_state(&p->truth, &p->told))
        checker_broken(checker, "%s: the change log does not say what was written", change->path);
}

void checker_on_commit(void *context, const struct model_change *changes, size_t count) {
    struct checker *checker = context;

    arena_reset(&checker->arena);
    for (size_t i = 0; i < count; i++) {
        const struct model_change *change = &changes[i];
        struct bytes topic;
        int32_t partition;
        if (change->kind == ZK_OP_DELETE)
            continue;
        if (strcmp(change->path, PATH_CONTROLLER_EPOCH) == 0)
            on_controller_epoch(checker, change);
        else if (strncmp(change->path, PATH_CHANGE_PREFIX, strlen(PATH_CHANGE_PREFIX)) == 0)
            on_entry(checker, change);
        else if (parse_state_path(change->path, &topic, &partition))
            on_state(checker, change, topic, partition);
        else if (parse_topic_path(change->path))
            on_assignment(checker, change);
    }
    for (size_t i = 0; i < count; i++)
        check_told(checker, &changes[i]);
}

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
                               const struct seen_state *state) {
    int32_t index = assigned->partition;
    bool is_complete = state->leader >= 0;

    if (topic->replica_counts[index] != (size_t)assigned->replica_count ||
        memcmp(topic->replicas[index], assigned->replicas,
               (size_t)assigned->replica_count * sizeof(*assigned->replicas)) != 0)
        checker_broken(checker, "%s-%d: the change log has other replicas in the end", topic->name,
                       index);
    if (state->leader >= 0 && strangers(state, assigned) > 0)
        checker_broken(checker, "%s-%d: in the isr is who is no replica in the end", topic->name,
                       index);
    for (int32_t i = 0; i < assigned->replica_count; i++)
        is_complete = is_complete && (is_among(assigned->removing_replicas,
                                               assigned->removing_count, assigned->replicas[i]) ||
                                      in_isr(state, assigned->replicas[i]));
    if (is_complete && assigned->adding_count + assigned->removing_count > 0)
        checker_broken(checker, "%s-%d: its reassignment is stuck in the end", topic->name, index);
}

static void check_partition_end(struct end *end, const struct told_topic *topic,
                                const struct topic_znode_partition *assigned) {
    struct checker *checker = end->checker;
    struct seen_partition *p = seen(checker, &topic->id, assigned->partition);
    struct znode_path path =
        path_of_partition_state(bytes_of_text(topic->name), assigned->partition);
    bool isr_lives = false, anybody_lives = false;

    for (int32_t i = 0; i < assigned->replica_count; i++)
        anybody_lives = anybody_lives || end->is_live(end->context, assigned->replicas[i]);
    for (size_t i = 0; i < p->truth.isr_count; i++)
        isr_lives = isr_lives || end->is_live(end->context, p->truth.isr[i]);
    if (!model_zookeeper_get(checker->zookeeper, path.text, NULL, NULL)) {
        if (anybody_lives)
            checker_broken(checker, "%s: no state in the end", path.text);
        return;
    }
    if (!same_state(&p->truth, &p->told))
        checker_broken(checker, "%s: the change log differs in the end", path.text);
    check_assigned_end(checker, topic, assigned, &p->truth);
    if (checker->committed != NULL) {
        struct committed_state state = committed_state_of(&p->truth);
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

/* ---- For those who play brokers
 * ---------------------------------------------------------------------- */

static struct checked_partition checked(const struct seen_partition *p,
                                        const struct told_topic *topic) {
    struct checked_partition out = {
        .topic = bytes_of_text(topic->name),
        .topic_id = topic->id,
        .partition = p->key.partition,
        .version = p->told.version,
        .leader = p->told.leader,
        .leader_epoch = p->told.leader_epoch,
        .controller_epoch = p->told.controller_epoch,
        .recovery_state = p->told.recovery_state,
        .isr_count = p->told.isr_count,
    };

    memcpy(out.isr, p->told.isr, sizeof(out.isr));
    if ((size_t)p->key.partition < topic->partition_count) {
        out.replicas = topic->replicas[p->key.partition];
        out.replica_count = topic->replica_counts[p->key.partition];
    }
    return out;
}

static const struct told_topic *topic_of(const struct checker *checker,
                                         const struct seen_partition *p) {
    struct told_topic *topic;

    HASH_FIND(hh, checker->topics, &p->key.topic_id, sizeof(topic->id), topic);
    return topic != NULL && p->told.exists ? topic : NULL;
}

size_t checker_partition_count(const struct checker *checker) {
    size_t count = 0;

    for (const struct seen_partition *p = checker->partitions; p != NULL; p = p->hh.next)
        count += topic_of(checker, p) != NULL ? 1 : 0;
    return count;
}

struct checked_partition checker_partition(const struct checker *checker, size_t index) {
    for (const struct seen_partition *p = checker->partitions; p != NULL; p = p->hh.next)
        if (topic_of(checker, p) != NULL && index-- == 0)
            return checked(p, topic_of(checker, p));
    CHECK(!"no such partition");
    return (struct checked_partition){0};
}

bool checker_find_partition(const struct checker *checker, const char *topic, int32_t partition,
                            struct checked_partition *found) {
    for (const struct seen_partition *p = checker->partitions; p != NULL; p = p->hh.next) {
        const struct told_topic *of = topic_of(checker, p);
        if (of == NULL || strcmp(of->name, topic) != 0 || p->key.partition != partition)
            continue;
        *found = checked(p, of);
        return true;
    }
    return false;
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

bool checker_has_topic_id(const struct checker *checker, const struct uuid *id) {
    struct told_topic *topic;

    HASH_FIND(hh, checker->topics, id, sizeof(*id), topic);
    return topic != NULL;
}

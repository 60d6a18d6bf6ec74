#include "tests/simulation/checker_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/simulation/committed.h"
#include "zk-schema/change_znode.h"
#include "zk-schema/controller_znode.h"
#include "zk-schema/paths.h"

void checker_broken(struct checker *checker, const char *format, ...) {
    char text[512];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (checker->is_probing) {
        if (checker->probe_broken++ == 0)
            memcpy(checker->probe_text, text, sizeof(text));
        return;
    }
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
        free(partition->proposals);
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

struct seen_partition *checker_seen(struct checker *checker, const struct uuid *topic_id,
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

bool checker_in_isr(const struct seen_state *state, int32_t broker) {
    for (size_t i = 0; i < state->isr_count; i++)
        if (state->isr[i] == broker)
            return true;
    return false;
}

bool checker_same_isr(const struct seen_state *a, const struct seen_state *b) {
    return a->isr_count == b->isr_count &&
           memcmp(a->isr, b->isr, a->isr_count * sizeof(*a->isr)) == 0;
}

bool checker_same_state(const struct seen_state *a, const struct seen_state *b) {
    return a->exists == b->exists && a->version == b->version && a->leader == b->leader &&
           a->leader_epoch == b->leader_epoch && a->controller_epoch == b->controller_epoch &&
           a->recovery_state == b->recovery_state && checker_same_isr(a, b);
}

static void check_shape(struct checker *checker, const char *path, const struct seen_state *now) {
    if (now->isr_count == 0)
        checker_broken(checker, "%s: empty isr", path);
    for (size_t i = 0; i < now->isr_count; i++)
        for (size_t j = 0; j < i; j++)
            if (now->isr[i] == now->isr[j])
                checker_broken(checker, "%s: %d twice in the isr", path, now->isr[i]);
    if (now->leader >= 0 && !checker_in_isr(now, now->leader))
        checker_broken(checker, "%s: leader %d is not in the isr", path, now->leader);
    if (now->controller_epoch != checker->controller_epoch)
        checker_broken(checker, "%s: written by controller epoch %d, but it is %d", path,
                       now->controller_epoch, checker->controller_epoch);
}

static void check_step(struct checker *checker, const char *path, const struct seen_state *before,
                       const struct seen_state *now) {
    bool isr_kept = checker_same_isr(before, now);

    if (now->leader_epoch < before->leader_epoch)
        checker_broken(checker, "%s: leader epoch fell from %d to %d", path, before->leader_epoch,
                       now->leader_epoch);
    if (now->leader != before->leader && now->leader_epoch <= before->leader_epoch)
        checker_broken(checker, "%s: leader %d after %d in the same leader epoch %d", path,
                       now->leader, before->leader, now->leader_epoch);
    if (now->leader_epoch > before->leader_epoch + 1)
        checker_broken(checker, "%s: leader epoch jumped from %d to %d", path, before->leader_epoch,
                       now->leader_epoch);
    if (now->leader >= 0 && !checker_in_isr(before, now->leader) && now->leader != before->leader &&
        now->recovery_state == 0)
        checker_broken(checker, "%s: leader %d was not in the isr", path, now->leader);
    if (now->leader == before->leader && isr_kept && now->leader_epoch == before->leader_epoch &&
        now->recovery_state == before->recovery_state)
        checker_broken(checker, "%s: written without a change", path);
    if (now->leader < 0 && !isr_kept)
        checker_broken(checker, "%s: the isr changed though nobody leads", path);
}

size_t checker_strangers(const struct seen_state *state,
                         const struct topic_znode_partition *assigned) {
    size_t count = 0;

    for (size_t i = 0; i < state->isr_count; i++)
        count +=
            broker_ids_contain(assigned->replicas, assigned->replica_count, state->isr[i]) ? 0 : 1;
    return count;
}

/* Somebody who has all that was committed remains a replica; at the end of a reassignment nobody
 * but replicas has. */
static void check_assignment(struct checker *checker, const char *path, const struct uuid *id,
                             const struct topic_znode_partition *assigned) {
    const struct seen_state *state = &checker_seen(checker, id, assigned->partition)->truth;

    if (state->exists && checker_strangers(state, assigned) == state->isr_count)
        checker_broken(checker, "%s: partition %d: nobody of the isr is a replica", path,
                       assigned->partition);
}

static void check_committed(struct checker *checker, const struct uuid *id, int32_t partition,
                            const struct seen_state *before, const struct seen_state *now) {
    static const struct seen_state nothing = {.leader = -1, .leader_epoch = -1};
    struct committed_state from = checker_committed_state(before->exists ? before : &nothing);
    struct committed_state to = checker_committed_state(now);

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

static void tell(struct checker *checker, struct bytes topic, int32_t partition,
                 const struct seen_state *state) {
    char isr[ISR_MAX * 12] = "";
    size_t used = 0;

    if (!checker->simulator->tells)
        return;
    for (size_t i = 0; i < state->isr_count; i++)
        used += (size_t)snprintf(isr + used, sizeof(isr) - used, " %d", state->isr[i]);
    simulator_tell(checker->simulator, "%.*s-%d: leader %d, epoch %d, isr%s, version %d%s",
                   BYTES_FORMAT(topic), partition, state->leader, state->leader_epoch, isr,
                   state->version, state->recovery_state != 0 ? ", recovering" : "");
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
    seen_partition = checker_seen(checker, &id, partition);
    check_shape(checker, change->path, &now);
    tell(checker, topic, partition, &now);
    check_committed(checker, &id, partition, &seen_partition->truth, &now);
    if (seen_partition->truth.exists) {
        check_step(checker, change->path, &seen_partition->truth, &now);
        checker_check_isr_step(checker, change->path, seen_partition, &now);
    } else if (now.leader_epoch != 0)
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

static void take_told(struct seen_partition *p, struct seen_state state) {
    memmove(&p->told[1], &p->told[0], (TOLD_MAX - 1) * sizeof(p->told[0]));
    p->told[0] = state;
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
        take_told(checker_seen(checker, &told->topic_id, told->partition),
                  state_of(checker, &told->state, told->partition_epoch));
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
    simulator_tell(checker->simulator, "controller epoch %d", epoch);
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
    p = checker_seen(checker, &id, partition);
    if (!checker_same_state(&p->truth, &p->told[0]))
        checker_broken(checker, "%s: the change log does not say what was written", change->path);
}

void checker_on_commit(void *context, const struct model_change *changes, size_t count) {
    struct checker *checker = context;

    arena_reset(&checker->arena);
    for (size_t i = 0; i < count; i++) {
        const struct model_change *change = &changes[i];
        struct bytes topic;
        int32_t partition;
        if (strncmp(change->path, PATH_BROKER_IDS "/", strlen(PATH_BROKER_IDS) + 1) == 0 ||
            strncmp(change->path, PATH_UNCLEAN_RESTARTS "/", strlen(PATH_UNCLEAN_RESTARTS) + 1) ==
                0)
            checker_on_broker(checker, change);
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

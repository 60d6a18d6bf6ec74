/*
 * Effects that read. Each becomes one or several stages of pipelined requests; when the last
 * answer of a stage is there the next begins, and at the end the core gets one event.
 *
 * A read that ZooKeeper could not answer (no connection) is begun again from its first stage,
 * later. So the core never hears of failed reads, and what it hears is never patched together
 * from before and after a gap.
 *
 * Watches are set by the first request of a stage, before anything that could change unseen.
 */
#include <stdlib.h>

#include "client/base/logger.h"
#include "controller/core/topic_name.h"
#include "controller/shell/shell.h"
#include "zk-schema/admin_znode.h"
#include "zk-schema/broker_znode.h"
#include "zk-schema/config_znode.h"
#include "zk-schema/controller_znode.h"
#include "zk-schema/partition_state_znode.h"
#include "zk-schema/paths.h"
#include "zk-schema/topic_znode.h"

/* Reads of whole topics begin while fewer requests than this are on their way. */
#define REQUESTS_IN_FLIGHT_MAX 1000

static const int64_t retry_delay_ms = 200;
static const int64_t refused_delay_ms = 2000;

struct read {
    struct operation operation;
    void (*begin)(struct read *read);
    void (*stage_done)(struct read *read); /* when the last answer of the stage is there */
    size_t pending;                        /* answers */
    enum error failed;                     /* why it has to begin again; NONE if not */
    struct bytes name;                     /* the effect's, owned by `names` */
    int32_t partition;
    struct arena names; /* what outlives a new beginning */
    bool waits;         /* in one of the lists of cluster_reads */
    TAILQ_ENTRY(read) entry;
    union {
        struct {
            bool exists, ours;
            struct controller_znode znode;
        } controller;
        struct {
            bool missing;
            int32_t epoch, version;
        } epoch;
        struct {
            struct controller_broker_read *brokers;
            size_t count;
        } brokers;
        struct controller_names names_read;
        struct {
            struct controller_topic_read read;
            struct controller_partition_assignment *assignments;
            struct controller_state_read *states;
        } topic;
        struct controller_state_read state;
        struct bytes unclean;
        struct {
            bool exists;
            struct controller_topic_partition *partitions;
            size_t count;
        } election;
        struct {
            int32_t *numbers;
            size_t count;
        } changes;
        struct {
            struct tree_node *first, *last; /* parents before children */
            size_t count;
            bool config_exists, mark_exists;
        } tree;
        struct {
            enum error error;
            int64_t block_end;
            int32_t version;
        } producer_ids;
    };
};

TAILQ_HEAD(reads, read);

struct cluster_reads {
    struct controller_shell *shell;
    struct reads waiting; /* for ZooKeeper to come back */
    struct reads queued;  /* topics, until fewer requests are on their way */
    size_t in_flight;
};

/* One request of a stage. */
struct part {
    struct read *read;
    size_t index;
    void (*answered)(struct read *read, size_t index, const struct zk_result *result);
};

static struct zk *zk_of(const struct read *read) {
    return read->operation.shell->config.zk;
}

static struct cluster_reads *reads_of(const struct read *read) {
    return read->operation.shell->reads;
}

static void read_free(struct read *read) {
    arena_done(&read->names);
    controller_operation_free(&read->operation);
}

static void *allocate(struct read *read, size_t count, size_t size) {
    return controller_operation_allocate(&read->operation, count, size);
}

static struct bytes copy_bytes(struct read *read, struct bytes source) {
    return bytes_is_null(source)
               ? BYTES_NULL
               : bytes_of(controller_operation_text(&read->operation, source), source.size);
}

/* ---- Stages --------------------------------------------------------------------------------- */

static void begin_again(struct read *read) {
    arena_reset(&read->operation.arena);
    read->failed = ERR_NONE;
    read->begin(read);
}

static void begin_queued(struct cluster_reads *reads) {
    struct read *read;

    while (reads->in_flight < REQUESTS_IN_FLIGHT_MAX &&
           (read = TAILQ_FIRST(&reads->queued)) != NULL) {
        TAILQ_REMOVE(&reads->queued, read, entry);
        read->waits = false;
        begin_again(read);
    }
}

static void wait_for_zookeeper(struct read *read) {
    bool refused = !error_is_retriable(read->failed);

    if (refused)
        LOG_WARN("controller_read_refused", "kind=%d name=%s error=%s", read->operation.kind,
                 LOG_QUOTED(read->name), error_name(read->failed));
    read->waits = true;
    TAILQ_INSERT_TAIL(&reads_of(read)->waiting, read, entry);
    controller_shell_arm_retry(read->operation.shell, refused ? refused_delay_ms : retry_delay_ms);
}

static void part_done(void *context, const struct zk_result *result) {
    struct part *part = context;
    struct read *read = part->read;
    struct cluster_reads *reads;

    if (read->operation.shell != NULL)
        reads_of(read)->in_flight--;
    read->pending--;
    if (!controller_operation_is_wanted(&read->operation, read->failed) ||
        !controller_operation_is_wanted(&read->operation, result->error)) {
        read->failed = ERR_CANCELLED;
        if (read->pending == 0)
            read_free(read);
        return;
    }
    if (result->error == ERR_NONE || result->error == ERR_ZK_NO_NODE)
        part->answered(read, part->index, result);
    else if (read->failed == ERR_NONE)
        read->failed = result->error;
    if (read->pending > 0)
        return;
    reads = reads_of(read);
    if (read->failed != ERR_NONE)
        wait_for_zookeeper(read);
    else
        read->stage_done(read); /* may free it */
    begin_queued(reads);
}

typedef void answer_handler(struct read *read, size_t index, const struct zk_result *result);

static struct part *part_new(struct read *read, size_t index, answer_handler *answered) {
    struct part *part = allocate(read, 1, sizeof(*part));

    *part = (struct part){read, index, answered};
    read->pending++;
    reads_of(read)->in_flight++;
    return part;
}

static void ask_get(struct read *read, const char *path, size_t index, answer_handler *answered) {
    zk_get(zk_of(read), path, false, part_done, part_new(read, index, answered));
}

static void ask_exists(struct read *read, const char *path, bool watch, size_t index,
                       answer_handler *answered) {
    zk_exists(zk_of(read), path, watch, part_done, part_new(read, index, answered));
}

static void ask_children(struct read *read, const char *path, bool watch, size_t index,
                         answer_handler *answered) {
    zk_children(zk_of(read), path, watch, part_done, part_new(read, index, answered));
}

static void ask_sync(struct read *read, const char *path, answer_handler *answered) {
    zk_sync(zk_of(read), path, part_done, part_new(read, 0, answered));
}

static void ignore(struct read *read, size_t index, const struct zk_result *result) {
    (void)read;
    (void)index;
    (void)result;
}

/* Ends the read: the core hears, and it is freed. */
static void finish(struct read *read, struct controller_event *event) {
    controller_shell_step(read->operation.shell, event);
    read_free(read);
}

static struct controller_event answer_of(const struct read *read, enum controller_event_kind kind) {
    return controller_operation_answer(&read->operation, kind);
}

static void warn_invalid(const struct znode_error *error) {
    LOG_WARN("znode_invalid", "problem=%s", LOG_QUOTED_TEXT(error->text));
}

/* ---- /controller ------------------------------------------------------------------------------
 */

static void controller_answered(struct read *read, size_t index, const struct zk_result *result) {
    struct znode_error problem;

    (void)index;
    if (result->error == ERR_ZK_NO_NODE)
        return;
    read->controller.exists = true;
    read->controller.ours = result->stat.ephemeral_owner != 0 &&
                            result->stat.ephemeral_owner == zk_session_id(zk_of(read));
    if (controller_znode_decode(PATH_CONTROLLER, result->data, &read->operation.arena,
                                &read->controller.znode, &problem) != ERR_NONE) {
        warn_invalid(&problem);
        read->controller.znode.broker_id = -1;
    }
}

static void controller_done(struct read *read) {
    struct controller_event event = answer_of(read, CONTROLLER_EVENT_CONTROLLER_READ);

    event.controller_read.exists = read->controller.exists;
    event.controller_read.ours = read->controller.ours;
    event.controller_read.broker_id = read->controller.znode.broker_id;
    finish(read, &event);
}

static void controller_begin(struct read *read) {
    read->controller.exists = read->controller.ours = false;
    read->stage_done = controller_done;
    ask_sync(read, PATH_CONTROLLER, ignore);
    ask_exists(read, PATH_CONTROLLER, true, 0, ignore); /* a get would not watch for creation */
    ask_get(read, PATH_CONTROLLER, 0, controller_answered);
}

/* ---- /controller_epoch -------------------------------------------------------------------------
 */

static void epoch_begin(struct read *read);

static void epoch_answered(struct read *read, size_t index, const struct zk_result *result) {
    struct znode_error problem;

    (void)index;
    read->epoch.missing = result->error == ERR_ZK_NO_NODE;
    if (read->epoch.missing)
        return;
    read->epoch.version = result->stat.version;
    if (controller_epoch_znode_decode(PATH_CONTROLLER_EPOCH, result->data, &read->epoch.epoch,
                                      &problem) != ERR_NONE) {
        /* Nobody can be elected until an operator mends it. */
        warn_invalid(&problem);
        read->failed = ERR_ZK_DATA_INVALID;
    }
}

static void epoch_created(void *context, const struct zk_result *result) {
    struct part *part = context;
    struct zk_result taken = *result;

    if (taken.error == ERR_ZK_NODE_EXISTS)
        taken.error = ERR_NONE; /* somebody else made it */
    part_done(part, &taken);
}

static void epoch_done(struct read *read) {
    struct controller_event event = answer_of(read, CONTROLLER_EVENT_CONTROLLER_EPOCH_READ);

    if (read->epoch.missing) {
        read->stage_done = epoch_begin;
        zk_create(zk_of(read), PATH_CONTROLLER_EPOCH,
                  controller_epoch_znode_encode(0, &read->operation.arena), ZK_PERSISTENT,
                  epoch_created, part_new(read, 0, ignore));
        return;
    }
    event.controller_epoch_read.epoch = read->epoch.epoch;
    event.controller_epoch_read.version = read->epoch.version;
    finish(read, &event);
}

static void epoch_begin(struct read *read) {
    read->stage_done = epoch_done;
    ask_get(read, PATH_CONTROLLER_EPOCH, 0, epoch_answered);
}

/* ---- /brokers/ids ------------------------------------------------------------------------------
 */

static void broker_answered(struct read *read, size_t index, const struct zk_result *result) {
    struct controller_broker_read *broker = &read->brokers.brokers[index];
    struct znode_path path = path_of_broker(broker->id);
    struct znode_error problem;
    struct broker_znode znode;

    if (result->error == ERR_ZK_NO_NODE)
        return; /* gone since the listing, whose watch will tell */
    broker->epoch = result->stat.czxid;
    /* A registration that cannot be read is one nevertheless. */
    if (broker_znode_decode(path.text, result->data, &read->operation.arena, &znode, &problem) !=
        ERR_NONE)
        warn_invalid(&problem);
    else if (znode.rack != NULL)
        broker->rack = bytes_of_text(znode.rack);
}

static void brokers_done(struct read *read) {
    struct controller_event event = answer_of(read, CONTROLLER_EVENT_BROKERS_READ);
    size_t there = 0;

    for (size_t i = 0; i < read->brokers.count; i++)
        if (read->brokers.brokers[i].epoch > 0)
            read->brokers.brokers[there++] = read->brokers.brokers[i];
    event.brokers_read.brokers = read->brokers.brokers;
    event.brokers_read.count = there;
    finish(read, &event);
}

static int compare_brokers(const void *left, const void *right) {
    const struct controller_broker_read *a = left, *b = right;

    return (a->id > b->id) - (a->id < b->id);
}

static void brokers_listed(struct read *read, size_t index, const struct zk_result *result) {
    (void)index;
    read->brokers.brokers = allocate(read, result->child_count, sizeof(*read->brokers.brokers));
    read->brokers.count = 0;
    for (size_t i = 0; i < result->child_count; i++) {
        int32_t id;
        if (path_broker_id(result->children[i], &id))
            read->brokers.brokers[read->brokers.count++].id = id;
    }
    qsort(read->brokers.brokers, read->brokers.count, sizeof(*read->brokers.brokers),
          compare_brokers);
    read->stage_done = brokers_done;
    for (size_t i = 0; i < read->brokers.count; i++) {
        struct znode_path path = path_of_broker(read->brokers.brokers[i].id);
        ask_get(read, path.text, i, broker_answered);
    }
}

static void brokers_begin(struct read *read) {
    read->brokers.count = 0;
    read->stage_done = brokers_done;
    ask_children(read, PATH_BROKER_IDS, true, 0, brokers_listed);
}

/* ---- Listings of topic names: /brokers/topics, /admin/delete_topics ---------------------------
 */

static int compare_names(const void *left, const void *right) {
    const struct bytes *a = left, *b = right;
    int order = memcmp(a->data, b->data, a->size < b->size ? a->size : b->size);

    return order != 0 ? order : (a->size > b->size) - (a->size < b->size);
}

static void names_listed(struct read *read, size_t index, const struct zk_result *result) {
    struct bytes *names = allocate(read, result->child_count, sizeof(*names));
    size_t count = 0;

    (void)index;
    for (size_t i = 0; i < result->child_count; i++) {
        struct bytes name = bytes_of_text(result->children[i]);
        if (controller_topic_name_fault(name) == NULL)
            names[count++] = copy_bytes(read, name);
        else
            LOG_WARN("topic_name_invalid", "name=%s", LOG_QUOTED(name));
    }
    if (count > 0)
        qsort(names, count, sizeof(*names), compare_names);
    read->names_read = (struct controller_names){names, count};
}

static void topics_done(struct read *read) {
    struct controller_event event = answer_of(read, CONTROLLER_EVENT_TOPICS_READ);

    event.topics_read = read->names_read;
    finish(read, &event);
}

static void topics_begin(struct read *read) {
    read->names_read.count = 0;
    read->stage_done = topics_done;
    ask_children(read, PATH_TOPICS, true, 0, names_listed);
}

static void delete_topics_done(struct read *read) {
    struct controller_event event = answer_of(read, CONTROLLER_EVENT_DELETE_TOPICS_READ);

    event.delete_topics_read = read->names_read;
    finish(read, &event);
}

static void delete_topics_begin(struct read *read) {
    read->names_read.count = 0;
    read->stage_done = delete_topics_done;
    ask_children(read, PATH_DELETE_TOPICS, true, 0, names_listed);
}

/* ---- A state --------------------------------------------------------------------------------- */

static void decode_state(struct read *read, const char *path, const struct zk_result *result,
                         struct controller_state_read *state) {
    struct partition_state_znode znode;
    struct znode_error problem;

    state->error = result->error;
    if (result->error != ERR_NONE)
        return;
    state->version = result->stat.version;
    state->mzxid = result->stat.mzxid;
    state->error =
        partition_state_znode_decode(path, result->data, &read->operation.arena, &znode, &problem);
    if (state->error != ERR_NONE) {
        warn_invalid(&problem);
        return;
    }
    state->state = (struct controller_partition_state){
        .leader = znode.leader,
        .leader_epoch = znode.leader_epoch,
        .controller_epoch = znode.controller_epoch,
        .leader_recovery_state = znode.leader_recovery_state == 1 ? CONTROLLER_LEADER_RECOVERING
                                                                  : CONTROLLER_LEADER_RECOVERED,
        .isr = znode.isr,
        .isr_count = (size_t)znode.isr_count,
    };
}

static void state_answered(struct read *read, size_t index, const struct zk_result *result) {
    struct znode_path path = path_of_partition_state(read->name, read->partition);

    (void)index;
    decode_state(read, path.text, result, &read->state);
}

static void state_parent_answered(struct read *read, size_t index, const struct zk_result *result) {
    (void)index;
    read->state.partition_node_exists = result->error == ERR_NONE;
}

static void state_done(struct read *read) {
    struct controller_event event = answer_of(read, CONTROLLER_EVENT_STATE_READ);

    event.state_read.of =
        (struct controller_topic_partition){.topic = read->name, .partition = read->partition};
    event.state_read.read = &read->state;
    finish(read, &event);
}

static void state_begin(struct read *read) {
    struct znode_path path = path_of_partition_state(read->name, read->partition);
    struct znode_path parent = path_of_partition(read->name, read->partition);

    read->state = (struct controller_state_read){0};
    read->stage_done = state_done;
    ask_sync(read, path.text, ignore);
    ask_exists(read, parent.text, false, 0, state_parent_answered);
    ask_get(read, path.text, 0, state_answered);
}

/* ---- A topic: its znode and config, then its states, then what is missing ----------------------
 */

static void topic_done(struct read *read) {
    struct controller_event event = answer_of(read, CONTROLLER_EVENT_TOPIC_READ);

    read->topic.read.name = read->name;
    read->topic.read.assignments = read->topic.assignments;
    read->topic.read.states = read->topic.states;
    event.topic_read = &read->topic.read;
    finish(read, &event);
}

static void partition_node_answered(struct read *read, size_t index,
                                    const struct zk_result *result) {
    read->topic.states[index].partition_node_exists = result->error == ERR_NONE;
}

static void partitions_node_answered(struct read *read, size_t index,
                                     const struct zk_result *result) {
    (void)index;
    read->topic.read.partitions_node_exists = result->error == ERR_NONE;
}

/* Where no state is, what of the way to it? */
static void topic_states_done(struct read *read) {
    bool missing = read->topic.read.partition_count == 0;

    for (size_t i = 0; i < read->topic.read.partition_count; i++)
        missing = missing || read->topic.states[i].error == ERR_ZK_NO_NODE;
    read->topic.read.partitions_node_exists = true;
    if (!missing) {
        topic_done(read);
        return;
    }
    read->stage_done = topic_done;
    for (size_t i = 0; i < read->topic.read.partition_count; i++) {
        struct znode_path path = path_of_partition(read->name, (int32_t)i);
        if (read->topic.states[i].error == ERR_ZK_NO_NODE)
            ask_exists(read, path.text, false, i, partition_node_answered);
    }
    ask_exists(read, path_of_partitions(read->name).text, false, 0, partitions_node_answered);
}

static void topic_state_answered(struct read *read, size_t index, const struct zk_result *result) {
    struct znode_path path = path_of_partition_state(read->name, (int32_t)index);

    decode_state(read, path.text, result, &read->topic.states[index]);
}

static void ask_states(struct read *read) {
    if (read->topic.read.error != ERR_NONE) {
        topic_done(read);
        return;
    }
    if (read->topic.read.partition_count == 0) {
        topic_states_done(read);
        return;
    }
    read->stage_done = topic_states_done;
    for (size_t i = 0; i < read->topic.read.partition_count; i++) {
        struct znode_path path = path_of_partition_state(read->name, (int32_t)i);
        ask_get(read, path.text, i, topic_state_answered);
    }
}

static enum error take_assignments(struct read *read, const struct topic_znode *znode) {
    size_t count = (size_t)znode->partition_count;

    read->topic.assignments = allocate(read, count, sizeof(*read->topic.assignments));
    read->topic.states = allocate(read, count, sizeof(*read->topic.states));
    for (size_t i = 0; i < count; i++) {
        const struct topic_znode_partition *partition = &znode->partitions[i];
        if (partition->partition != (int32_t)i) {
            LOG_WARN("topic_partitions_not_contiguous", "topic=%s", LOG_QUOTED(read->name));
            return ERR_ZK_DATA_INVALID;
        }
        read->topic.assignments[i] = (struct controller_partition_assignment){
            .partition = partition->partition,
            .replicas = partition->replicas,
            .replica_count = (size_t)partition->replica_count,
        };
        if (partition->adding_count > 0 || partition->removing_count > 0)
            read->topic.read.reassigning = true;
    }
    read->topic.read.partition_count = count;
    return ERR_NONE;
}

static void topic_answered(struct read *read, size_t index, const struct zk_result *result) {
    struct znode_path path = path_of_topic(read->name);
    struct znode_error problem;
    struct topic_znode znode;

    (void)index;
    read->topic.read.error = result->error;
    if (result->error != ERR_NONE)
        return;
    read->topic.read.version = result->stat.version;
    read->topic.read.error =
        topic_znode_decode(path.text, result->data, &read->operation.arena, &znode, &problem);
    if (read->topic.read.error != ERR_NONE) {
        warn_invalid(&problem);
        return;
    }
    read->topic.read.topic_id = znode.topic_id;
    read->topic.read.error = take_assignments(read, &znode);
}

static void decode_config(struct read *read, const struct zk_result *result,
                          struct config_znode *znode) {
    struct znode_path path = path_of_topic_config(read->name);
    struct znode_error problem;

    *znode = (struct config_znode){0};
    if (config_znode_decode(path.text, result->data, &read->operation.arena, znode, &problem) !=
        ERR_NONE) {
        warn_invalid(&problem);
        *znode = (struct config_znode){0};
    }
}

static void topic_config_answered(struct read *read, size_t index, const struct zk_result *result) {
    struct controller_topic_config_entry *entries;
    struct config_znode znode;

    (void)index;
    if (result->error != ERR_NONE)
        return;
    decode_config(read, result, &znode);
    entries = allocate(read, (size_t)znode.entry_count, sizeof(*entries));
    for (int32_t i = 0; i < znode.entry_count; i++) {
        entries[i].key = bytes_of_text(znode.entries[i].key);
        entries[i].value = bytes_of_text(znode.entries[i].value);
    }
    read->topic.read.config_node_exists = true;
    read->topic.read.configs = entries;
    read->topic.read.config_count = (size_t)znode.entry_count;
}

static void topic_begin(struct read *read) {
    memset(&read->topic, 0, sizeof(read->topic));
    read->stage_done = ask_states;
    ask_get(read, path_of_topic_config(read->name).text, 0, topic_config_answered);
    ask_get(read, path_of_topic(read->name).text, 0, topic_answered);
}

/* ---- /config/topics/T
 * ---------------------------------------------------------------------------- */

static void unclean_answered(struct read *read, size_t index, const struct zk_result *result) {
    struct config_znode znode;

    (void)index;
    if (result->error != ERR_NONE)
        return;
    decode_config(read, result, &znode);
    for (int32_t i = 0; i < znode.entry_count; i++)
        if (strcmp(znode.entries[i].key, "unclean.leader.election.enable") == 0)
            read->unclean = bytes_of_text(znode.entries[i].value);
}

static void topic_config_done(struct read *read) {
    struct controller_event event = answer_of(read, CONTROLLER_EVENT_TOPIC_CONFIG_READ);

    event.topic_config_read.name = read->name;
    event.topic_config_read.unclean_leader_election_enable = read->unclean;
    finish(read, &event);
}

static void topic_config_begin(struct read *read) {
    read->unclean = BYTES_NULL;
    read->stage_done = topic_config_done;
    ask_get(read, path_of_topic_config(read->name).text, 0, unclean_answered);
}

/* ---- /admin/preferred_replica_election
 * ------------------------------------------------------------ */

static void election_answered(struct read *read, size_t index, const struct zk_result *result) {
    const struct admin_partition *partitions;
    struct znode_error problem;
    int32_t count;

    (void)index;
    if (result->error != ERR_NONE)
        return;
    read->election.exists = true;
    if (partition_list_znode_decode(PATH_PREFERRED_ELECTION, result->data, false,
                                    &read->operation.arena, &partitions, &count,
                                    &problem) != ERR_NONE) {
        warn_invalid(&problem);
        return;
    }
    read->election.partitions = allocate(read, (size_t)count, sizeof(*read->election.partitions));
    for (int32_t i = 0; i < count; i++)
        read->election.partitions[read->election.count++] = (struct controller_topic_partition){
            bytes_of_text(partitions[i].topic), partitions[i].partition};
}

static void election_done(struct read *read) {
    struct controller_event event = answer_of(read, CONTROLLER_EVENT_PREFERRED_ELECTION_READ);

    event.error = read->election.exists ? ERR_NONE : ERR_ZK_NO_NODE;
    event.preferred_election_read.partitions = read->election.partitions;
    event.preferred_election_read.count = read->election.count;
    finish(read, &event);
}

static void election_begin(struct read *read) {
    memset(&read->election, 0, sizeof(read->election));
    read->stage_done = election_done;
    ask_exists(read, PATH_PREFERRED_ELECTION, true, 0, ignore);
    ask_get(read, PATH_PREFERRED_ELECTION, 0, election_answered);
}

/* ---- /barnabas/changes
 * ----------------------------------------------------------------------------- */

static void changes_listed(struct read *read, size_t index, const struct zk_result *result) {
    (void)index;
    read->changes.numbers = allocate(read, result->child_count, sizeof(*read->changes.numbers));
    for (size_t i = 0; i < result->child_count; i++) {
        uint32_t number;
        if (path_sequence(result->children[i], &number))
            read->changes.numbers[read->changes.count++] = (int32_t)number;
    }
}

static void changes_done(struct read *read) {
    struct controller_event event = answer_of(read, CONTROLLER_EVENT_CHANGES_READ);

    event.changes_read.numbers = read->changes.numbers;
    event.changes_read.count = read->changes.count;
    finish(read, &event);
}

static void changes_begin(struct read *read) {
    memset(&read->changes, 0, sizeof(read->changes));
    read->stage_done = changes_done;
    ask_children(read, PATH_CHANGES, false, 0, changes_listed);
}

/* ---- Everything there is of a topic
 * ------------------------------------------------------------------ */

struct tree_node {
    struct bytes path;
    bool exists;
    struct tree_node *next;
};

static void tree_listed(struct read *read, size_t index, const struct zk_result *result);

/* Appends a node and asks for its children. */
static void tree_add(struct read *read, struct bytes path) {
    struct tree_node *node = allocate(read, 1, sizeof(*node));

    node->path = path;
    if (read->tree.last == NULL)
        read->tree.first = node;
    else
        read->tree.last->next = node;
    read->tree.last = node;
    read->tree.count++;
    ask_children(read, (const char *)path.data, false, (size_t)(uintptr_t)node, tree_listed);
}

static struct bytes join(struct read *read, struct bytes parent, const char *name) {
    size_t name_size = strlen(name);
    char *path = allocate(read, parent.size + name_size + 2, 1);

    memcpy(path, parent.data, parent.size);
    path[parent.size] = '/';
    memcpy(path + parent.size + 1, name, name_size);
    return bytes_of(path, parent.size + 1 + name_size);
}

/* `index` is the node's address: nothing is decided by it. */
static void tree_listed(struct read *read, size_t index, const struct zk_result *result) {
    struct tree_node *node = (struct tree_node *)(uintptr_t)index;

    node->exists = result->error == ERR_NONE;
    for (size_t i = 0; node->exists && i < result->child_count; i++)
        tree_add(read, join(read, node->path, result->children[i]));
}

static void tree_config_answered(struct read *read, size_t index, const struct zk_result *result) {
    (void)index;
    read->tree.config_exists = result->error == ERR_NONE;
}

static void tree_mark_answered(struct read *read, size_t index, const struct zk_result *result) {
    (void)index;
    read->tree.mark_exists = result->error == ERR_NONE;
}

static struct bytes path_copy(struct read *read, struct znode_path path) {
    return copy_bytes(read, bytes_of_text(path.text));
}

static void tree_done(struct read *read) {
    struct controller_event event = answer_of(read, CONTROLLER_EVENT_TOPIC_TREE_READ);
    struct bytes *paths = allocate(read, read->tree.count + 2, sizeof(*paths));
    size_t count = 0;

    /* Parents were found before their children, so backwards children come first. */
    for (const struct tree_node *node = read->tree.first; node != NULL; node = node->next)
        count += node->exists ? 1 : 0;
    event.topic_tree_read.paths = (struct controller_names){paths, count};
    for (const struct tree_node *node = read->tree.first; node != NULL; node = node->next)
        if (node->exists)
            paths[--count] = node->path;
    count = event.topic_tree_read.paths.count;
    if (read->tree.config_exists)
        paths[count++] = path_copy(read, path_of_topic_config(read->name));
    if (read->tree.mark_exists)
        paths[count++] = path_copy(read, path_of_deleted_topic(read->name));
    event.topic_tree_read.paths.count = count;
    event.topic_tree_read.name = read->name;
    event.topic_tree_read.marked = read->tree.mark_exists;
    finish(read, &event);
}

static void tree_begin(struct read *read) {
    memset(&read->tree, 0, sizeof(read->tree));
    read->stage_done = tree_done;
    ask_sync(read, PATH_TOPICS, ignore);
    ask_exists(read, path_of_topic_config(read->name).text, false, 0, tree_config_answered);
    ask_exists(read, path_of_deleted_topic(read->name).text, false, 0, tree_mark_answered);
    tree_add(read, path_copy(read, path_of_topic(read->name)));
}

/* ---- /latest_producer_id_block
 * ------------------------------------------------------------------------ */

static void producer_ids_answered(struct read *read, size_t index, const struct zk_result *result) {
    struct producer_id_block block;
    struct znode_error problem;

    (void)index;
    read->producer_ids.error = result->error;
    read->producer_ids.version = result->stat.version;
    if (result->error != ERR_NONE || result->data.size == 0)
        return;
    read->producer_ids.error = producer_id_block_znode_decode(
        PATH_PRODUCER_ID_BLOCK, result->data, &read->operation.arena, &block, &problem);
    if (read->producer_ids.error == ERR_NONE)
        read->producer_ids.block_end = block.last_id;
    else
        warn_invalid(&problem);
}

static void producer_ids_done(struct read *read) {
    struct controller_event event = answer_of(read, CONTROLLER_EVENT_PRODUCER_IDS_READ);

    event.error = read->producer_ids.error;
    event.producer_ids_read.block_end = read->producer_ids.block_end;
    event.producer_ids_read.version = read->producer_ids.version;
    finish(read, &event);
}

static void producer_ids_begin(struct read *read) {
    read->producer_ids.error = ERR_NONE;
    read->producer_ids.block_end = -1;
    read->stage_done = producer_ids_done;
    ask_get(read, PATH_PRODUCER_ID_BLOCK, 0, producer_ids_answered);
}

/* ---- All of them
 * ---------------------------------------------------------------------------------- */

static const struct {
    enum controller_effect_kind kind;
    void (*begin)(struct read *read);
} kinds[] = {
    {CONTROLLER_EFFECT_READ_CONTROLLER, controller_begin},
    {CONTROLLER_EFFECT_READ_CONTROLLER_EPOCH, epoch_begin},
    {CONTROLLER_EFFECT_READ_BROKERS, brokers_begin},
    {CONTROLLER_EFFECT_READ_TOPICS, topics_begin},
    {CONTROLLER_EFFECT_READ_TOPIC, topic_begin},
    {CONTROLLER_EFFECT_READ_STATE, state_begin},
    {CONTROLLER_EFFECT_READ_TOPIC_CONFIG, topic_config_begin},
    {CONTROLLER_EFFECT_READ_DELETE_TOPICS, delete_topics_begin},
    {CONTROLLER_EFFECT_READ_PREFERRED_ELECTION, election_begin},
    {CONTROLLER_EFFECT_READ_CHANGES, changes_begin},
    {CONTROLLER_EFFECT_READ_TOPIC_TREE, tree_begin},
    {CONTROLLER_EFFECT_READ_PRODUCER_IDS, producer_ids_begin},
};

struct cluster_reads *controller_cluster_reads_new(struct controller_shell *shell) {
    struct cluster_reads *reads = calloc(1, sizeof(*reads));

    CHECK(reads != NULL);
    reads->shell = shell;
    TAILQ_INIT(&reads->waiting);
    TAILQ_INIT(&reads->queued);
    return reads;
}

void controller_cluster_reads_free(struct cluster_reads *reads) {
    free(reads);
}

static struct bytes effect_name(const struct controller_effect *effect) {
    return effect->kind == CONTROLLER_EFFECT_READ_STATE ? effect->state.topic : effect->name;
}

void controller_cluster_reads_begin(struct controller_shell *shell,
                                    const struct controller_effect *effect) {
    struct read *read = controller_operation_new(shell, effect, sizeof(*read));
    struct bytes name = effect_name(effect);

    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++)
        if (kinds[i].kind == effect->kind)
            read->begin = kinds[i].begin;
    CHECK(read->begin != NULL);
    arena_init(&read->names, SIZE_MAX);
    if (!bytes_is_null(name)) {
        read->name = arena_copy(&read->names, name);
        CHECK(!bytes_is_null(read->name));
    }
    if (effect->kind == CONTROLLER_EFFECT_READ_STATE)
        read->partition = effect->state.partition;
    if (effect->kind == CONTROLLER_EFFECT_READ_TOPIC) {
        read->waits = true;
        TAILQ_INSERT_TAIL(&shell->reads->queued, read, entry);
        begin_queued(shell->reads);
        return;
    }
    begin_again(read);
}

void controller_cluster_reads_retry(struct controller_shell *shell) {
    struct reads again = TAILQ_HEAD_INITIALIZER(again);
    struct read *read;

    TAILQ_CONCAT(&again, &shell->reads->waiting, entry);
    while ((read = TAILQ_FIRST(&again)) != NULL) {
        TAILQ_REMOVE(&again, read, entry);
        read->waits = false;
        begin_again(read);
    }
}

void controller_cluster_reads_drop(struct controller_shell *shell) {
    struct cluster_reads *reads = shell->reads;
    struct read *read;

    TAILQ_CONCAT(&reads->queued, &reads->waiting, entry);
    while ((read = TAILQ_FIRST(&reads->queued)) != NULL) {
        TAILQ_REMOVE(&reads->queued, read, entry);
        read_free(read);
    }
}

#include "controller/shell/read.h"

#include <stdlib.h>

#include "client/base/logger.h"
#include "zk-schema/znode_json.h"

/* Reads of whole topics begin while fewer requests than this are on their way. */
#define REQUESTS_IN_FLIGHT_MAX 1000

static const int64_t retry_delay_ms = 200;
static const int64_t refused_delay_ms = 2000;

TAILQ_HEAD(reads, read);

struct reads_under_way {
    struct controller_shell *shell;
    struct reads waiting; /* for ZooKeeper to come back */
    struct reads queued;  /* topics, until fewer requests are on their way */
    size_t in_flight;
};

/* One request of a stage. */
struct part {
    struct read *read;
    size_t index;
    controller_read_answered *answered;
};

struct zk *controller_read_zk(const struct read *read) {
    return read->operation.shell->config.zk;
}

static struct reads_under_way *reads_of(const struct read *read) {
    return read->operation.shell->reads;
}

static void read_free(struct read *read) {
    arena_done(&read->names);
    controller_operation_free(&read->operation);
}

void *controller_read_allocate(struct read *read, size_t count, size_t size) {
    return controller_operation_allocate(&read->operation, count, size);
}

struct bytes controller_read_copy(struct read *read, struct bytes source) {
    return bytes_is_null(source)
               ? BYTES_NULL
               : bytes_of(controller_operation_text(&read->operation, source), source.size);
}

/* ---- Stages */

static void begin_again(struct read *read) {
    arena_reset(&read->operation.arena);
    read->failed = ERR_NONE;
    read->begin(read);
}

static void begin_queued(struct reads_under_way *reads) {
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
    struct reads_under_way *reads;

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

static struct part *part_new(struct read *read, size_t index, controller_read_answered *answered) {
    struct part *part = controller_read_allocate(read, 1, sizeof(*part));

    *part = (struct part){read, index, answered};
    read->pending++;
    reads_of(read)->in_flight++;
    return part;
}

void controller_read_get(struct read *read, const char *path, size_t index,
                         controller_read_answered *answered) {
    zk_get(controller_read_zk(read), path, false, part_done, part_new(read, index, answered));
}

void controller_read_exists(struct read *read, const char *path, bool watch, size_t index,
                            controller_read_answered *answered) {
    zk_exists(controller_read_zk(read), path, watch, part_done, part_new(read, index, answered));
}

void controller_read_children(struct read *read, const char *path, bool watch, size_t index,
                              controller_read_answered *answered) {
    zk_children(controller_read_zk(read), path, watch, part_done, part_new(read, index, answered));
}

void controller_read_sync(struct read *read, const char *path) {
    zk_sync(controller_read_zk(read), path, part_done, part_new(read, 0, controller_read_ignore));
}

void controller_read_ignore(struct read *read, size_t index, const struct zk_result *result) {
    (void)read;
    (void)index;
    (void)result;
}

static void created(void *context, const struct zk_result *result) {
    struct zk_result taken = *result;

    if (taken.error == ERR_ZK_NODE_EXISTS)
        taken.error = ERR_NONE; /* somebody else made it */
    part_done(context, &taken);
}

void controller_read_create(struct read *read, const char *path, struct bytes data) {
    zk_create(controller_read_zk(read), path, data, ZK_PERSISTENT, created,
              part_new(read, 0, controller_read_ignore));
}

/* Ends the read: the core hears, and it is freed. */
void controller_read_finish(struct read *read, struct controller_event *event) {
    controller_shell_step(read->operation.shell, event);
    read_free(read);
}

struct controller_event controller_read_answer(const struct read *read,
                                               enum controller_event_kind kind) {
    return controller_operation_answer(&read->operation, kind);
}

void controller_read_warn_invalid(const struct znode_error *error) {
    LOG_WARN("znode_invalid", "problem=%s", LOG_QUOTED_TEXT(error->text));
}

/* ---- All of them
 * ---------------------------------------------------------------------------------- */

static const struct {
    enum controller_effect_kind kind;
    void (*begin)(struct read *read);
} kinds[] = {
    {CONTROLLER_EFFECT_READ_CONTROLLER, controller_read_controller_begin},
    {CONTROLLER_EFFECT_READ_CONTROLLER_EPOCH, controller_read_epoch_begin},
    {CONTROLLER_EFFECT_READ_BROKERS, controller_read_brokers_begin},
    {CONTROLLER_EFFECT_READ_TOPICS, controller_read_topics_begin},
    {CONTROLLER_EFFECT_READ_TOPIC, controller_read_topic_begin},
    {CONTROLLER_EFFECT_READ_STATE, controller_read_state_begin},
    {CONTROLLER_EFFECT_READ_TOPIC_CONFIG, controller_read_topic_config_begin},
    {CONTROLLER_EFFECT_READ_DELETE_TOPICS, controller_read_delete_topics_begin},
    {CONTROLLER_EFFECT_READ_PREFERRED_ELECTION, controller_read_election_begin},
    {CONTROLLER_EFFECT_READ_REASSIGN_PARTITIONS, controller_read_reassign_begin},
    {CONTROLLER_EFFECT_READ_CHANGES, controller_read_changes_begin},
    {CONTROLLER_EFFECT_READ_TOPIC_TREE, controller_read_tree_begin},
    {CONTROLLER_EFFECT_READ_PRODUCER_IDS, controller_read_producer_ids_begin},
};

struct reads_under_way *controller_reads_new(struct controller_shell *shell) {
    struct reads_under_way *reads = calloc(1, sizeof(*reads));

    CHECK(reads != NULL);
    reads->shell = shell;
    TAILQ_INIT(&reads->waiting);
    TAILQ_INIT(&reads->queued);
    return reads;
}

void controller_reads_free(struct reads_under_way *reads) {
    free(reads);
}

static struct bytes effect_name(const struct controller_effect *effect) {
    return effect->kind == CONTROLLER_EFFECT_READ_STATE ? effect->state.topic : effect->name;
}

void controller_reads_begin(struct controller_shell *shell,
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

void controller_reads_retry(struct controller_shell *shell) {
    struct reads again = TAILQ_HEAD_INITIALIZER(again);
    struct read *read;

    TAILQ_CONCAT(&again, &shell->reads->waiting, entry);
    while ((read = TAILQ_FIRST(&again)) != NULL) {
        TAILQ_REMOVE(&again, read, entry);
        read->waits = false;
        begin_again(read);
    }
}

void controller_reads_drop(struct controller_shell *shell) {
    struct reads_under_way *reads = shell->reads;
    struct read *read;

    TAILQ_CONCAT(&reads->queued, &reads->waiting, entry);
    while ((read = TAILQ_FIRST(&reads->queued)) != NULL) {
        TAILQ_REMOVE(&reads->queued, read, entry);
        read_free(read);
    }
}

/*
 * Effects that write: the core's plain structs become znodes, and ZooKeeper's answer becomes an
 * event. Nothing is repeated in here; an outcome that is not known goes to the core as such.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "client/base/logger.h"
#include "controller/shell/shell.h"
#include "zk-schema/admin_znode.h"
#include "zk-schema/change_znode.h"
#include "zk-schema/controller_znode.h"
#include "zk-schema/paths.h"

/* ---- The election */

static void elected(void *context, const struct zk_result *result) {
    struct operation *operation = context;
    struct controller_event event =
        controller_operation_answer(operation, CONTROLLER_EVENT_ELECTED);

    if (controller_operation_is_wanted(operation, result->error)) {
        event.error = result->error;
        if (result->error == ERR_NONE)
            event.elected_version = result->ops[1].stat.version;
        controller_shell_step(operation->shell, &event);
    }
    controller_operation_free(operation);
}

void controller_write_elect(struct controller_shell *shell,
                            const struct controller_effect *effect) {
    struct operation *operation = controller_operation_new(shell, effect, sizeof(*operation));
    struct controller_znode controller = {
        .broker_id = shell->config.broker_id,
        .timestamp_ms = clock_wall_ms(shell->config.clock),
        .kraft_controller_epoch = -1,
    };
    struct zk_op ops[] = {
        {.kind = ZK_OP_CREATE,
         .path = PATH_CONTROLLER,
         .data = controller_znode_encode(&controller, &operation->arena),
         .flags = ZK_EPHEMERAL},
        {.kind = ZK_OP_SET,
         .path = PATH_CONTROLLER_EPOCH,
         .data = controller_epoch_znode_encode(effect->elect.epoch, &operation->arena),
         .version = effect->elect.version},
    };

    zk_multi(shell->config.zk, ops, ARRAY_COUNT(ops), elected, operation);
}

static void relinquished(void *context, const struct zk_result *result) {
    struct operation *operation = context;
    struct controller_event event =
        controller_operation_answer(operation, CONTROLLER_EVENT_RELINQUISHED);

    if (controller_operation_is_wanted(operation, result->error)) {
        event.error = result->error;
        controller_shell_step(operation->shell, &event);
    }
    controller_operation_free(operation);
}

void controller_write_relinquish(struct controller_shell *shell,
                                 const struct controller_effect *effect) {
    zk_remove(shell->config.zk, PATH_CONTROLLER, ZK_ANY_VERSION, relinquished,
              controller_operation_new(shell, effect, sizeof(struct operation)));
}

/* ---- Multis */

struct multi {
    struct operation operation;
    struct zk_op *ops;
    size_t op_count;
    size_t *write_of_op; /* parallel to ops; SIZE_MAX for those that are no write */
    enum controller_write_kind *kind_of_write;
    size_t entry_op;            /* SIZE_MAX: none */
    struct change_znode change; /* what the entry says */
    int32_t controller_epoch;
};

static const char *multi_path(struct multi *multi, struct znode_path path) {
    return controller_operation_text(&multi->operation, bytes_of_text(path.text));
}

static struct zk_op *multi_add(struct multi *multi, enum zk_op_kind kind, const char *path,
                               struct bytes data, int32_t version, size_t write) {
    struct zk_op *op = &multi->ops[multi->op_count];

    *op = (struct zk_op){.kind = kind, .path = path, .data = data, .version = version};
    multi->write_of_op[multi->op_count++] = write;
    return op;
}

static struct topic_znode topic_znode(struct multi *multi, const struct controller_write *write) {
    struct topic_znode_partition *partitions = controller_operation_allocate(
        &multi->operation, write->assignment_count, sizeof(*partitions));

    for (size_t i = 0; i < write->assignment_count; i++)
        partitions[i] = (struct topic_znode_partition){
            .partition = write->assignments[i].partition,
            .replicas = write->assignments[i].replicas,
            .replica_count = (int32_t)write->assignments[i].replica_count,
            .adding_replicas = write->assignments[i].adding,
            .adding_count = (int32_t)write->assignments[i].adding_count,
            .removing_replicas = write->assignments[i].removing,
            .removing_count = (int32_t)write->assignments[i].removing_count,
        };
    return (struct topic_znode){
        .topic_id = write->topic_id,
        .partitions = partitions,
        .partition_count = (int32_t)write->assignment_count,
    };
}

static struct config_znode config_znode(struct multi *multi, const struct controller_write *write) {
    struct config_entry *entries =
        controller_operation_allocate(&multi->operation, write->config_count, sizeof(*entries));

    for (size_t i = 0; i < write->config_count; i++) {
        entries[i].key = controller_operation_text(&multi->operation, write->configs[i].key);
        entries[i].value = controller_operation_text(&multi->operation, write->configs[i].value);
    }
    return (struct config_znode){.entries = entries, .entry_count = (int32_t)write->config_count};
}

static struct partition_state_znode state_znode(const struct controller_write *write) {
    return (struct partition_state_znode){
        .leader = write->state.leader,
        .leader_epoch = write->state.leader_epoch,
        .controller_epoch = write->state.controller_epoch,
        .isr = write->state.isr,
        .isr_count = (int32_t)write->state.isr_count,
        .leader_recovery_state = (int8_t)write->state.leader_recovery_state,
    };
}

static struct bytes encode_topic(struct multi *multi, const struct controller_write *write) {
    struct topic_znode znode = topic_znode(multi, write);

    return topic_znode_encode(&znode, &multi->operation.arena);
}

static struct bytes encode_config(struct multi *multi, const struct controller_write *write) {
    struct config_znode znode = config_znode(multi, write);

    return config_znode_encode(&znode, &multi->operation.arena);
}

static struct bytes encode_state(struct multi *multi, const struct controller_write *write) {
    struct partition_state_znode znode = state_znode(write);

    return partition_state_znode_encode(&znode, &multi->operation.arena);
}

static void add_write(struct multi *multi, const struct controller_write *write, size_t index) {
    struct bytes topic = write->topic;

    multi->kind_of_write[index] = write->kind;
    switch (write->kind) {
    case CONTROLLER_WRITE_TOPIC_CONFIG_CREATE:
        multi_add(multi, ZK_OP_CREATE, multi_path(multi, path_of_topic_config(topic)),
                  encode_config(multi, write), 0, index);
        break;
    case CONTROLLER_WRITE_TOPIC_CONFIG_SET:
        multi_add(multi, ZK_OP_SET, multi_path(multi, path_of_topic_config(topic)),
                  encode_config(multi, write), ZK_ANY_VERSION, index);
        break;
    case CONTROLLER_WRITE_TOPIC_CREATE:
        multi_add(multi, ZK_OP_CREATE, multi_path(multi, path_of_topic(topic)),
                  encode_topic(multi, write), 0, index);
        break;
    case CONTROLLER_WRITE_TOPIC_SET:
        multi_add(multi, ZK_OP_SET, multi_path(multi, path_of_topic(topic)),
                  encode_topic(multi, write), write->version, index);
        break;
    case CONTROLLER_WRITE_PARTITIONS_CREATE:
        multi_add(multi, ZK_OP_CREATE, multi_path(multi, path_of_partitions(topic)), BYTES_NULL, 0,
                  index);
        break;
    case CONTROLLER_WRITE_PARTITION_CREATE:
        multi_add(multi, ZK_OP_CREATE,
                  multi_path(multi, path_of_partition(topic, write->partition)), BYTES_NULL, 0,
                  index);
        break;
    case CONTROLLER_WRITE_STATE_CREATE:
        multi_add(multi, ZK_OP_CREATE,
                  multi_path(multi, path_of_partition_state(topic, write->partition)),
                  encode_state(multi, write), 0, index);
        break;
    case CONTROLLER_WRITE_STATE_SET:
        multi_add(multi, ZK_OP_SET,
                  multi_path(multi, path_of_partition_state(topic, write->partition)),
                  encode_state(multi, write), write->version, index);
        break;
    case CONTROLLER_WRITE_DELETE_MARK_CREATE:
        multi_add(multi, ZK_OP_CREATE, multi_path(multi, path_of_deleted_topic(topic)), BYTES_NULL,
                  0, index);
        break;
    case CONTROLLER_WRITE_NODE_DELETE:
        multi_add(multi, ZK_OP_DELETE, controller_operation_text(&multi->operation, write->path),
                  BYTES_NULL, ZK_ANY_VERSION, index);
        break;
    case CONTROLLER_WRITE_NOTE_TOPIC:
        multi_add(multi, ZK_OP_CHECK, multi_path(multi, path_of_topic(topic)), BYTES_NULL,
                  write->version, index);
        break;
    case CONTROLLER_WRITE_NOTE_STATE:
        multi_add(multi, ZK_OP_CHECK,
                  multi_path(multi, path_of_partition_state(topic, write->partition)), BYTES_NULL,
                  write->version, index);
        break;
    case CONTROLLER_WRITE_NOTE_DELETED:
        break;
    }
}

/* What the brokers are told about the writes. */
struct entry {
    struct change_topic *topics;
    struct change_deletion *deletions;
    struct change_state *states;
    struct change_znode change;
};

static void entry_add_topic(struct multi *multi, struct entry *entry,
                            const struct controller_write *write) {
    struct change_topic *topic = &entry->topics[entry->change.topic_count++];

    topic->name = controller_operation_text(&multi->operation, write->topic);
    topic->assignment = topic_znode(multi, write);
    topic->has_settings = write->with_configs;
    topic->settings = config_znode(multi, write);
}

static void entry_add_state(struct entry *entry, const struct controller_write *write) {
    struct change_state *state = &entry->states[entry->change.state_count++];

    state->topic_id = write->topic_id;
    state->partition = write->partition;
    state->state = state_znode(write);
    state->partition_epoch = write->version;
    if (write->kind == CONTROLLER_WRITE_STATE_CREATE)
        state->partition_epoch = 0;
    else if (write->kind == CONTROLLER_WRITE_STATE_SET)
        state->partition_epoch = write->version + 1;
}

static void entry_add(struct multi *multi, struct entry *entry,
                      const struct controller_write *write) {
    switch (write->kind) {
    case CONTROLLER_WRITE_TOPIC_CREATE:
    case CONTROLLER_WRITE_TOPIC_SET:
    case CONTROLLER_WRITE_NOTE_TOPIC:
        entry_add_topic(multi, entry, write);
        break;
    case CONTROLLER_WRITE_STATE_CREATE:
    case CONTROLLER_WRITE_STATE_SET:
    case CONTROLLER_WRITE_NOTE_STATE:
        entry_add_state(entry, write);
        break;
    case CONTROLLER_WRITE_NOTE_DELETED: {
        struct change_deletion *deletion = &entry->deletions[entry->change.deletion_count++];
        deletion->name = controller_operation_text(&multi->operation, write->topic);
        deletion->topic_id = write->topic_id;
        deletion->is_by_others = write->is_by_others;
        break;
    }
    case CONTROLLER_WRITE_TOPIC_CONFIG_CREATE:
    case CONTROLLER_WRITE_TOPIC_CONFIG_SET:
    case CONTROLLER_WRITE_PARTITIONS_CREATE:
    case CONTROLLER_WRITE_PARTITION_CREATE:
    case CONTROLLER_WRITE_DELETE_MARK_CREATE:
    case CONTROLLER_WRITE_NODE_DELETE:
        break;
    }
}

static void add_entry(struct multi *multi, const struct controller_write_effect *effect,
                      int32_t controller_id) {
    struct operation *operation = &multi->operation;
    struct entry entry = {
        .topics =
            controller_operation_allocate(operation, effect->write_count, sizeof(*entry.topics)),
        .deletions =
            controller_operation_allocate(operation, effect->write_count, sizeof(*entry.deletions)),
        .states =
            controller_operation_allocate(operation, effect->write_count, sizeof(*entry.states)),
    };
    struct zk_op *op;

    for (size_t i = 0; i < effect->write_count; i++)
        entry_add(multi, &entry, &effect->writes[i]);
    if (!effect->announce && entry.change.topic_count == 0 && entry.change.deletion_count == 0 &&
        entry.change.state_count == 0)
        return;
    entry.change.controller_id = controller_id;
    entry.change.controller_epoch = effect->controller_epoch;
    entry.change.topics = entry.topics;
    entry.change.deletions = entry.deletions;
    entry.change.states = entry.states;
    multi->change = entry.change;
    multi->entry_op = multi->op_count;
    op = multi_add(multi, ZK_OP_CREATE, PATH_CHANGE_PREFIX,
                   change_znode_encode(&multi->change, &operation->arena), 0, SIZE_MAX);
    op->flags = ZK_SEQUENTIAL;
}

static struct multi *multi_make(struct controller_shell *shell,
                                const struct controller_effect *effect) {
    const struct controller_write_effect *write = &effect->write;
    struct multi *multi = controller_operation_new(shell, effect, sizeof(*multi));
    size_t ops_max = write->write_count + write->purge_count + 3;

    multi->ops = controller_operation_allocate(&multi->operation, ops_max, sizeof(*multi->ops));
    multi->write_of_op =
        controller_operation_allocate(&multi->operation, ops_max, sizeof(*multi->write_of_op));
    multi->kind_of_write = controller_operation_allocate(&multi->operation, write->write_count,
                                                         sizeof(*multi->kind_of_write));
    multi->controller_epoch = write->controller_epoch;
    multi->entry_op = SIZE_MAX;
    multi_add(multi, ZK_OP_CHECK, PATH_CONTROLLER_EPOCH, BYTES_NULL, write->epoch_version,
              SIZE_MAX);
    multi_add(multi, ZK_OP_CHECK, PATH_REGISTRATIONS, BYTES_NULL, write->registrations, SIZE_MAX);
    for (size_t i = 0; i < write->write_count; i++)
        add_write(multi, &write->writes[i], i);
    add_entry(multi, write, shell->config.broker_id);
    for (size_t i = 0; i < write->purge_count; i++) {
        char name[32];
        snprintf(name, sizeof(name), "change_%010" PRId32, write->purge[i]);
        multi_add(multi, ZK_OP_DELETE, multi_path(multi, path_of_child(PATH_CHANGES, name)),
                  BYTES_NULL, ZK_ANY_VERSION, SIZE_MAX);
    }
    return multi;
}

/* Finds the operation that ZooKeeper refused. */
static void blame(const struct multi *multi, const struct zk_result *result,
                  struct controller_event *event) {
    event->written.failed = CONTROLLER_FAILED_WHOLE;
    for (size_t i = 0; result->ops != NULL && i < result->op_count; i++) {
        enum error error = result->ops[i].error;
        if (error == ERR_NONE || error == ERR_ZK_NOT_ATTEMPTED)
            continue;
        event->error = error;
        if (multi->write_of_op[i] != SIZE_MAX) {
            event->written.failed = CONTROLLER_FAILED_WRITE;
            event->written.failed_index = multi->write_of_op[i];
            event->written.failed_kind = multi->kind_of_write[multi->write_of_op[i]];
        } else if (i == 0) {
            event->written.failed = CONTROLLER_FAILED_FENCE;
        } else if (i == 1) {
            event->written.failed = CONTROLLER_FAILED_REGISTRATIONS;
        } else {
            event->written.failed =
                i == multi->entry_op ? CONTROLLER_FAILED_ENTRY : CONTROLLER_FAILED_PURGE;
        }
        LOG_WARN("controller_write_refused", "controller_epoch=%d path=%s error=%s",
                 multi->controller_epoch, LOG_QUOTED_TEXT(multi->ops[i].path), error_name(error));
        return;
    }
    LOG_WARN("controller_write_failed", "controller_epoch=%d operations=%zu error=%s",
             multi->controller_epoch, multi->op_count, error_name(result->error));
}

static int32_t count_reassigning(const struct topic_znode *topic) {
    int32_t count = 0;

    for (int32_t i = 0; i < topic->partition_count; i++)
        count += topic->partitions[i].adding_count > 0 || topic->partitions[i].removing_count > 0;
    return count;
}

/* One line per topic and per multi, not per partition; an unclean election is worth a line. */
static void log_written(const struct multi *multi, int32_t change_number) {
    const struct change_znode *change = &multi->change;

    for (int32_t i = 0; i < change->topic_count; i++)
        LOG_INFO("topic_written", "topic=%s partitions=%d reassigning=%d", change->topics[i].name,
                 change->topics[i].assignment.partition_count,
                 count_reassigning(&change->topics[i].assignment));
    for (int32_t i = 0; i < change->deletion_count; i++)
        LOG_INFO("topic_deleted", "topic=%s", change->deletions[i].name);
    for (int32_t i = 0; i < change->state_count; i++) {
        const struct change_state *state = &change->states[i];
        char id[UUID_TEXT_SIZE + 1];
        if (state->state.leader_recovery_state == 0 || state->state.leader < 0)
            continue;
        uuid_to_text(&state->topic_id, id);
        LOG_WARN("unclean_leader", "topic_id=%s partition=%d leader=%d leader_epoch=%d", id,
                 state->partition, state->state.leader, state->state.leader_epoch);
    }
    if (change->state_count > 0)
        LOG_INFO("partition_states_written", "controller_epoch=%d states=%d change=%d",
                 multi->controller_epoch, change->state_count, change_number);
}

static void multi_done(void *context, const struct zk_result *result) {
    struct multi *multi = context;
    struct controller_event event =
        controller_operation_answer(&multi->operation, CONTROLLER_EVENT_WRITTEN);
    uint32_t number;

    if (controller_operation_is_wanted(&multi->operation, result->error)) {
        event.error = result->error;
        event.written.change_number = -1;
        if (result->error != ERR_NONE)
            blame(multi, result, &event);
        else if (multi->entry_op != SIZE_MAX &&
                 path_sequence(result->ops[multi->entry_op].created_path, &number))
            event.written.change_number = (int32_t)number;
        if (result->error == ERR_NONE)
            log_written(multi, event.written.change_number);
        controller_shell_step(multi->operation.shell, &event);
    }
    controller_operation_free(&multi->operation);
}

void controller_write_multi(struct controller_shell *shell,
                            const struct controller_effect *effect) {
    struct multi *multi = multi_make(shell, effect);

    zk_multi(shell->config.zk, multi->ops, multi->op_count, multi_done, multi);
}

/* ---- /feature */

static void feature_made(void *context, const struct zk_result *result) {
    struct arena *arena = context;

    (void)result; /* it exists, or the next controller makes it */
    arena_done(arena);
    free(arena);
}

void controller_write_feature(struct controller_shell *shell) {
    struct arena *arena = calloc(1, sizeof(*arena));

    CHECK(arena != NULL);
    arena_init(arena, SIZE_MAX);
    zk_create(shell->config.zk, PATH_FEATURE, feature_znode_encode(arena), ZK_PERSISTENT,
              feature_made, arena);
}

/* ---- Producer ids */

static void producer_ids_written(void *context, const struct zk_result *result) {
    struct operation *operation = context;
    struct controller_event event =
        controller_operation_answer(operation, CONTROLLER_EVENT_PRODUCER_IDS_WRITTEN);

    if (controller_operation_is_wanted(operation, result->error)) {
        event.error = result->error;
        controller_shell_step(operation->shell, &event);
    }
    controller_operation_free(operation);
}

void controller_write_producer_ids(struct controller_shell *shell,
                                   const struct controller_effect *effect) {
    struct operation *operation = controller_operation_new(shell, effect, sizeof(*operation));
    struct producer_id_block block = {
        .broker_id = effect->producer_ids.broker_id,
        .first_id = effect->producer_ids.block_start,
        .last_id = effect->producer_ids.block_end,
    };

    zk_set(shell->config.zk, PATH_PRODUCER_ID_BLOCK,
           producer_id_block_znode_encode(&block, &operation->arena), effect->producer_ids.version,
           producer_ids_written, operation);
}

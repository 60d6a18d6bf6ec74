/*
 * Reads of the cluster: who is controller, who is there, which topics, what operators ask for.
 */
#include <stdlib.h>

#include "client/base/logger.h"
#include "controller/core/topic_name.h"
#include "controller/shell/read.h"
#include "zk-schema/admin_znode.h"
#include "zk-schema/broker_znode.h"
#include "zk-schema/paths.h"

/* ---- /controller */

static void controller_answered(struct read *read, size_t index, const struct zk_result *result) {
    struct znode_error problem;

    (void)index;
    if (result->error == ERR_ZK_NO_NODE)
        return;
    read->controller.exists = true;
    read->controller.ours = result->stat.ephemeral_owner != 0 &&
                            result->stat.ephemeral_owner == zk_session_id(controller_read_zk(read));
    if (controller_znode_decode(PATH_CONTROLLER, result->data, &read->operation.arena,
                                &read->controller.znode, &problem) != ERR_NONE) {
        controller_read_warn_invalid(&problem);
        read->controller.znode.broker_id = -1;
    }
}

static void controller_done(struct read *read) {
    struct controller_event event = controller_read_answer(read, CONTROLLER_EVENT_CONTROLLER_READ);

    event.controller_read.exists = read->controller.exists;
    event.controller_read.ours = read->controller.ours;
    event.controller_read.broker_id = read->controller.znode.broker_id;
    controller_read_finish(read, &event);
}

void controller_read_controller_begin(struct read *read) {
    read->controller.exists = read->controller.ours = false;
    read->stage_done = controller_done;
    controller_read_sync(read, PATH_CONTROLLER);
    controller_read_exists(read, PATH_CONTROLLER, true, 0,
                           controller_read_ignore); /* a get would not watch for creation */
    controller_read_get(read, PATH_CONTROLLER, 0, controller_answered);
}

/* ---- /controller_epoch */

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
        controller_read_warn_invalid(&problem);
        read->failed = ERR_ZK_DATA_INVALID;
    }
}

static void epoch_done(struct read *read) {
    struct controller_event event =
        controller_read_answer(read, CONTROLLER_EVENT_CONTROLLER_EPOCH_READ);

    if (read->epoch.missing) {
        read->stage_done = controller_read_epoch_begin;
        controller_read_create(read, PATH_CONTROLLER_EPOCH,
                               controller_epoch_znode_encode(0, &read->operation.arena));
        return;
    }
    event.controller_epoch_read.epoch = read->epoch.epoch;
    event.controller_epoch_read.version = read->epoch.version;
    controller_read_finish(read, &event);
}

void controller_read_epoch_begin(struct read *read) {
    read->stage_done = epoch_done;
    controller_read_get(read, PATH_CONTROLLER_EPOCH, 0, epoch_answered);
}

/* ---- /brokers/ids */

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
        controller_read_warn_invalid(&problem);
    else if (znode.rack != NULL)
        broker->rack = bytes_of_text(znode.rack);
}

static void brokers_done(struct read *read) {
    struct controller_event event = controller_read_answer(read, CONTROLLER_EVENT_BROKERS_READ);
    size_t there = 0;

    for (size_t i = 0; i < read->brokers.count; i++)
        if (read->brokers.brokers[i].epoch > 0 || read->brokers.brokers[i].unclean_since > 0)
            read->brokers.brokers[there++] = read->brokers.brokers[i];
    event.brokers_read.brokers = read->brokers.brokers;
    event.brokers_read.count = there;
    event.brokers_read.registrations = read->brokers.registrations;
    event.brokers_read.notifications = read->brokers.notifications;
    controller_read_finish(read, &event);
}

/* Who restarted uncleanly, and when, registered or not. Asked after the registrations, so that what
 * is read holds for these at least. */
static void mark_answered(struct read *read, size_t index, const struct zk_result *result) {
    if (result->error == ERR_NONE)
        read->brokers.brokers[index].unclean_since = result->stat.mzxid;
}

/* What a broker says of its replicas in directories that failed. What cannot be read says nothing.
 */
static void offline_answered(struct read *read, size_t index, const struct zk_result *result) {
    struct controller_broker_read *broker = &read->brokers.brokers[index];
    struct znode_path path = path_of_offline_replicas(broker->id);
    struct controller_topic_partition *offline;
    const struct admin_partition *partitions;
    struct znode_error problem;
    int32_t count;

    if (result->error != ERR_NONE)
        return;
    if (offline_replicas_znode_decode(path.text, result->data, &read->operation.arena, &partitions,
                                      &count, &problem) != ERR_NONE) {
        controller_read_warn_invalid(&problem);
        return;
    }
    offline = controller_read_allocate(read, (size_t)count, sizeof(*offline));
    for (int32_t i = 0; i < count; i++)
        offline[i] = (struct controller_topic_partition){bytes_of_text(partitions[i].topic),
                                                         partitions[i].partition};
    broker->offline = offline;
    broker->offline_count = (size_t)count;
}

/* Asks for the znodes of the brokers that are among the children. */
static void get_of_brokers(struct read *read, const struct zk_result *result,
                           struct znode_path (*path_of)(int32_t broker_id),
                           controller_read_answered *answered) {
    for (size_t i = 0; i < result->child_count; i++) {
        int32_t id;
        if (!path_broker_id(result->children[i], &id))
            continue;
        for (size_t b = 0; b < read->brokers.count; b++)
            if (read->brokers.brokers[b].id == id)
                controller_read_get(read, path_of(id).text, b, answered);
    }
}

static void offline_listed(struct read *read, size_t index, const struct zk_result *result) {
    (void)index;
    get_of_brokers(read, result, path_of_offline_replicas, offline_answered);
}

/* Makes room for those who left a mark and are not registered. */
static void add_marked(struct read *read, const struct zk_result *result) {
    size_t known = read->brokers.count;
    struct controller_broker_read *all =
        controller_read_allocate(read, known + result->child_count, sizeof(*all));

    if (known > 0)
        memcpy(all, read->brokers.brokers, known * sizeof(*all));
    for (size_t i = 0; i < result->child_count; i++) {
        bool is_known = false;
        int32_t id;
        if (!path_broker_id(result->children[i], &id))
            continue;
        for (size_t b = 0; b < known; b++)
            is_known = is_known || all[b].id == id;
        if (!is_known)
            all[read->brokers.count++].id = id;
    }
    read->brokers.brokers = all;
}

static void marks_listed(struct read *read, size_t index, const struct zk_result *result) {
    (void)index;
    add_marked(read, result);
    get_of_brokers(read, result, path_of_unclean_restart, mark_answered);
}

static void list_marks(struct read *read) {
    read->stage_done = brokers_done;
    controller_read_children(read, PATH_UNCLEAN_RESTARTS, false, 0, marks_listed);
    controller_read_children(read, PATH_OFFLINE_REPLICAS, false, 0, offline_listed);
}

static int compare_brokers(const void *left, const void *right) {
    const struct controller_broker_read *a = left, *b = right;

    return (a->id > b->id) - (a->id < b->id);
}

static void brokers_listed(struct read *read, size_t index, const struct zk_result *result) {
    (void)index;
    read->brokers.brokers =
        controller_read_allocate(read, result->child_count, sizeof(*read->brokers.brokers));
    read->brokers.count = 0;
    for (size_t i = 0; i < result->child_count; i++) {
        int32_t id;
        if (path_broker_id(result->children[i], &id))
            read->brokers.brokers[read->brokers.count++].id = id;
    }
    qsort(read->brokers.brokers, read->brokers.count, sizeof(*read->brokers.brokers),
          compare_brokers);
    read->stage_done = list_marks;
    for (size_t i = 0; i < read->brokers.count; i++) {
        struct znode_path path = path_of_broker(read->brokers.brokers[i].id);
        controller_read_get(read, path.text, i, broker_answered);
    }
}

static void registrations_answered(struct read *read, size_t index,
                                   const struct zk_result *result) {
    (void)index;
    read->brokers.registrations_missing = result->error == ERR_ZK_NO_NODE;
    read->brokers.registrations = result->stat.version;
}

static void notifications_listed(struct read *read, size_t index, const struct zk_result *result) {
    struct bytes *names = controller_read_allocate(read, result->child_count, sizeof(*names));

    (void)index;
    for (size_t i = 0; i < result->child_count; i++)
        names[i] = controller_read_copy(read, bytes_of_text(result->children[i]));
    read->brokers.notifications = (struct controller_names){names, result->child_count};
}

static void list_brokers(struct read *read) {
    if (read->brokers.registrations_missing) {
        read->stage_done = controller_read_brokers_begin;
        controller_read_create(read, PATH_REGISTRATIONS, BYTES_NULL);
        return;
    }
    read->stage_done = brokers_done;
    controller_read_children(read, PATH_BROKER_IDS, true, 0, brokers_listed);
}

/* The count of registrations comes before the listing, which then holds all that are counted; so do
 * the notifications of failed directories, which name what is read behind them. */
void controller_read_brokers_begin(struct read *read) {
    memset(&read->brokers, 0, sizeof(read->brokers));
    read->stage_done = list_brokers;
    controller_read_get(read, PATH_REGISTRATIONS, 0, registrations_answered);
    controller_read_children(read, PATH_LOG_DIR_NOTIFICATION, true, 0, notifications_listed);
}

/* ---- Listings of topic names: /brokers/topics, /admin/delete_topics */

static int compare_names(const void *left, const void *right) {
    const struct bytes *a = left, *b = right;
    int order = memcmp(a->data, b->data, a->size < b->size ? a->size : b->size);

    return order != 0 ? order : (a->size > b->size) - (a->size < b->size);
}

static void names_listed(struct read *read, size_t index, const struct zk_result *result) {
    struct bytes *names = controller_read_allocate(read, result->child_count, sizeof(*names));
    size_t count = 0;

    (void)index;
    for (size_t i = 0; i < result->child_count; i++) {
        struct bytes name = bytes_of_text(result->children[i]);
        if (controller_topic_name_is_valid(name))
            names[count++] = controller_read_copy(read, name);
        else
            LOG_WARN("topic_name_invalid", "name=%s", LOG_QUOTED(name));
    }
    if (count > 0)
        qsort(names, count, sizeof(*names), compare_names);
    read->names_read = (struct controller_names){names, count};
}

static void topics_done(struct read *read) {
    struct controller_event event = controller_read_answer(read, CONTROLLER_EVENT_TOPICS_READ);

    event.topics_read = read->names_read;
    controller_read_finish(read, &event);
}

void controller_read_topics_begin(struct read *read) {
    read->names_read.count = 0;
    read->stage_done = topics_done;
    controller_read_children(read, PATH_TOPICS, true, 0, names_listed);
}

static void delete_topics_done(struct read *read) {
    struct controller_event event =
        controller_read_answer(read, CONTROLLER_EVENT_DELETE_TOPICS_READ);

    event.delete_topics_read = read->names_read;
    controller_read_finish(read, &event);
}

void controller_read_delete_topics_begin(struct read *read) {
    read->names_read.count = 0;
    read->stage_done = delete_topics_done;
    controller_read_children(read, PATH_DELETE_TOPICS, true, 0, names_listed);
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
        controller_read_warn_invalid(&problem);
        return;
    }
    read->election.partitions =
        controller_read_allocate(read, (size_t)count, sizeof(*read->election.partitions));
    for (int32_t i = 0; i < count; i++)
        read->election.partitions[read->election.count++] = (struct controller_topic_partition){
            bytes_of_text(partitions[i].topic), partitions[i].partition};
}

static void election_done(struct read *read) {
    struct controller_event event =
        controller_read_answer(read, CONTROLLER_EVENT_PREFERRED_ELECTION_READ);

    event.error = read->election.exists ? ERR_NONE : ERR_ZK_NO_NODE;
    event.preferred_election_read.partitions = read->election.partitions;
    event.preferred_election_read.count = read->election.count;
    controller_read_finish(read, &event);
}

void controller_read_election_begin(struct read *read) {
    memset(&read->election, 0, sizeof(read->election));
    read->stage_done = election_done;
    controller_read_exists(read, PATH_PREFERRED_ELECTION, true, 0, controller_read_ignore);
    controller_read_get(read, PATH_PREFERRED_ELECTION, 0, election_answered);
}

/* ---- /admin/reassign_partitions */

static void reassign_answered(struct read *read, size_t index, const struct zk_result *result) {
    const struct admin_partition *partitions;
    struct znode_error problem;
    int32_t count;

    (void)index;
    read->reassign.error = result->error;
    if (result->error != ERR_NONE)
        return;
    read->reassign.error =
        partition_list_znode_decode(PATH_REASSIGN_PARTITIONS, result->data, true,
                                    &read->operation.arena, &partitions, &count, &problem);
    if (read->reassign.error != ERR_NONE) {
        controller_read_warn_invalid(&problem);
        return;
    }
    read->reassign.partitions =
        controller_read_allocate(read, (size_t)count, sizeof(*read->reassign.partitions));
    for (int32_t i = 0; i < count; i++)
        read->reassign.partitions[read->reassign.count++] = (struct controller_reassign_partition){
            .topic = bytes_of_text(partitions[i].topic),
            .partition = partitions[i].partition,
            .target = partitions[i].replicas,
            .target_count = (size_t)partitions[i].replica_count,
        };
}

static void reassign_done(struct read *read) {
    struct controller_event event =
        controller_read_answer(read, CONTROLLER_EVENT_REASSIGN_PARTITIONS_READ);

    event.error = read->reassign.error;
    event.reassign_partitions_read.partitions = read->reassign.partitions;
    event.reassign_partitions_read.partition_count = read->reassign.count;
    controller_read_finish(read, &event);
}

void controller_read_reassign_begin(struct read *read) {
    memset(&read->reassign, 0, sizeof(read->reassign));
    read->stage_done = reassign_done;
    controller_read_exists(read, PATH_REASSIGN_PARTITIONS, true, 0, controller_read_ignore);
    controller_read_get(read, PATH_REASSIGN_PARTITIONS, 0, reassign_answered);
}

/* ---- /barnabas/changes
 * ----------------------------------------------------------------------------- */

static void changes_listed(struct read *read, size_t index, const struct zk_result *result) {
    (void)index;
    read->changes.numbers =
        controller_read_allocate(read, result->child_count, sizeof(*read->changes.numbers));
    for (size_t i = 0; i < result->child_count; i++) {
        uint32_t number;
        if (path_sequence(result->children[i], &number))
            read->changes.numbers[read->changes.count++] = (int32_t)number;
    }
}

static void changes_done(struct read *read) {
    struct controller_event event = controller_read_answer(read, CONTROLLER_EVENT_CHANGES_READ);

    event.changes_read.numbers = read->changes.numbers;
    event.changes_read.count = read->changes.count;
    controller_read_finish(read, &event);
}

void controller_read_changes_begin(struct read *read) {
    memset(&read->changes, 0, sizeof(read->changes));
    read->stage_done = changes_done;
    controller_read_children(read, PATH_CHANGES, false, 0, changes_listed);
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
        controller_read_warn_invalid(&problem);
}

static void producer_ids_done(struct read *read) {
    struct controller_event event =
        controller_read_answer(read, CONTROLLER_EVENT_PRODUCER_IDS_READ);

    event.error = read->producer_ids.error;
    event.producer_ids_read.block_end = read->producer_ids.block_end;
    event.producer_ids_read.version = read->producer_ids.version;
    controller_read_finish(read, &event);
}

void controller_read_producer_ids_begin(struct read *read) {
    read->producer_ids.error = ERR_NONE;
    read->producer_ids.block_end = -1;
    read->stage_done = producer_ids_done;
    controller_read_get(read, PATH_PRODUCER_ID_BLOCK, 0, producer_ids_answered);
}

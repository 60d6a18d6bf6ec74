/*
 * Multis: what waits to be written, what is on its way, and what came of it.
 *
 * Units wait in two queues: urgent (partitions without a leader) and normal. A multi takes from
 * them until it is full. ZooKeeper applies multis in the order in which they are sent, so a unit
 * may rely on one before it in the queue; if that one fails, it fails too and both are redone.
 *
 * A multi is all or nothing. When one operation is refused, the unit it belongs to decides what
 * that means and the others are sent again. When nobody knows, every unit is read back.
 */
#include "controller/core/request.h"

/* The two checks, the change entry and the purges take their share of the operations. */
#define PURGES_MAX     8
#define WRITES_MAX     (CONTROLLER_MULTI_OPS_MAX - 3 - PURGES_MAX)
#define DELETION_BYTES (128 * 1024)

static const int64_t back_off_ms = 1000;

/* ---- Queues */

static struct units *queue_of(struct controller *c, const struct unit *unit) {
    return unit->urgent ? &c->urgent : &c->normal;
}

void controller_writes_unqueue(struct controller *c, struct unit *unit) {
    if (!unit->queued)
        return;
    TAILQ_REMOVE(queue_of(c, unit), unit, entry);
    unit->queued = false;
}

void controller_writes_queue(struct controller *c, struct unit *unit, bool urgent) {
    if (unit->queued && (unit->urgent || !urgent))
        return;
    controller_writes_unqueue(c, unit);
    unit->urgent = urgent;
    unit->queued = true;
    TAILQ_INSERT_TAIL(queue_of(c, unit), unit, entry);
}

void controller_writes_queue_first(struct controller *c, struct unit *unit, bool urgent) {
    controller_writes_unqueue(c, unit);
    unit->urgent = urgent;
    unit->queued = true;
    TAILQ_INSERT_HEAD(queue_of(c, unit), unit, entry);
}

/* ---- Units without an owner: a node to delete, a deletion to tell */

static struct node_unit *node_unit_new(struct controller *c) {
    struct node_unit *node = controller_allocate(1, sizeof(*node));

    node->unit.kind = UNIT_NODE;
    TAILQ_INSERT_TAIL(&c->nodes, node, entry);
    controller_writes_queue(c, &node->unit, false);
    return node;
}

static void node_unit_free(struct controller *c, struct node_unit *node) {
    controller_writes_unqueue(c, &node->unit);
    TAILQ_REMOVE(&c->nodes, node, entry);
    free(node->text);
    free(node);
}

void controller_writes_delete_node(struct controller *c, const char *parent, struct bytes name) {
    struct node_unit *node = node_unit_new(c);
    size_t parent_size = strlen(parent);

    node->text = controller_allocate(parent_size + name.size + 2, 1);
    memcpy(node->text, parent, parent_size);
    if (name.size > 0) {
        node->text[parent_size] = '/';
        memcpy(node->text + parent_size + 1, name.data, name.size);
    }
    node->write.kind = CONTROLLER_WRITE_NODE_DELETE;
    node->write.path = bytes_of_text(node->text);
}

void controller_writes_note_deleted(struct controller *c, struct bytes name,
                                    const struct uuid *id) {
    struct node_unit *node = node_unit_new(c);

    node->text = controller_allocate(name.size + 1, 1);
    memcpy(node->text, name.data, name.size);
    node->write.kind = CONTROLLER_WRITE_NOTE_DELETED;
    node->write.topic = bytes_of(node->text, name.size);
    node->write.topic_id = *id;
    node->write.is_by_others = true;
}

/* ---- Entries under /barnabas/changes */

static void changes_append(struct change_list *changes, int32_t number) {
    if (changes->first > 1024 && changes->first > changes->end / 2) {
        memmove(changes->numbers, changes->numbers + changes->first,
                (changes->end - changes->first) * sizeof(*changes->numbers));
        changes->end -= changes->first;
        changes->first = 0;
    }
    changes->numbers = controller_grow(changes->numbers, changes->end, &changes->capacity,
                                       sizeof(*changes->numbers));
    changes->numbers[changes->end++] = number;
}

void controller_writes_list_changes(struct controller *c, struct controller_effects *effects) {
    c->changes.known = false;
    c->changes.token =
        controller_effect_read(c, effects, CONTROLLER_EFFECT_READ_CHANGES, BYTES_NULL);
}

static int compare_numbers(const void *left, const void *right) {
    const int32_t *a = left, *b = right;

    return (*a > *b) - (*a < *b);
}

void controller_writes_on_changes_read(struct controller *c, const struct controller_event *event) {
    struct change_list *changes = &c->changes;

    if (changes->token != event->token)
        return;
    /* Completions come in the order of requests: entries of multis sent before the listing are in
     * it, those of later ones will be appended. */
    changes->first = changes->end = 0;
    for (size_t i = 0; i < event->changes_read.count; i++)
        changes_append(changes, event->changes_read.numbers[i]);
    if (changes->end > 0)
        qsort(changes->numbers, changes->end, sizeof(*changes->numbers), compare_numbers);
    changes->known = true;
}

/* Takes the oldest entries beyond the retention off the list. */
static void take_purges(struct controller *c, struct controller_write_effect *write,
                        struct controller_effects *effects) {
    struct change_list *changes = &c->changes;
    size_t kept = changes->end - changes->first;
    size_t coming = c->batch_count; /* this one is among them */
    size_t retained =
        c->config.changes_retained > 0 ? c->config.changes_retained : CONTROLLER_CHANGES_RETAINED;
    size_t count;

    if (!changes->known || kept + coming <= retained)
        return;
    count = kept + coming - retained;
    if (count > PURGES_MAX)
        count = PURGES_MAX;
    if (count > kept)
        count = kept;
    write->purge = controller_effect_copy(effects, changes->numbers + changes->first,
                                          count * sizeof(*changes->numbers));
    write->purge_count = count;
    changes->first += count;
}

/* ---- Making a multi */

size_t controller_batch_room(const struct batch *batch) {
    return WRITES_MAX - batch->write_count;
}

static const int32_t *copy_ids(struct controller_effects *effects, const int32_t *ids,
                               size_t count) {
    return controller_effect_copy(effects, ids, count * sizeof(*ids));
}

static const struct controller_partition_assignment *
copy_assignments(struct controller_effects *effects,
                 const struct controller_partition_assignment *source, size_t count) {
    struct controller_partition_assignment *copy =
        controller_effect_copy(effects, source, count * sizeof(*source));

    for (size_t i = 0; i < count; i++) {
        copy[i].replicas = copy_ids(effects, source[i].replicas, source[i].replica_count);
        copy[i].adding = copy_ids(effects, source[i].adding, source[i].adding_count);
        copy[i].removing = copy_ids(effects, source[i].removing, source[i].removing_count);
    }
    return copy;
}

static const struct controller_topic_config_entry *
copy_configs(struct controller_effects *effects, const struct controller_topic_config_entry *source,
             size_t count) {
    struct controller_topic_config_entry *copy =
        controller_effect_copy(effects, source, count * sizeof(*source));

    for (size_t i = 0; i < count; i++) {
        copy[i].key = controller_effect_copy_bytes(effects, source[i].key);
        copy[i].value = controller_effect_copy_bytes(effects, source[i].value);
    }
    return copy;
}

static void batch_begin_item(struct batch *batch, struct unit *unit, struct topic *topic) {
    struct batch_item *item;

    batch->items = controller_grow(batch->items, batch->item_count, &batch->item_capacity,
                                   sizeof(*batch->items));
    item = &batch->items[batch->item_count++];
    *item = (struct batch_item){.unit = unit, .topic = topic, .first_write = batch->write_count};
    if (topic != NULL)
        topic->in_flight++;
}

void controller_batch_add(struct batch *batch, struct unit *unit, struct topic *topic,
                          const struct controller_write *write,
                          struct controller_effects *effects) {
    struct controller_write *copy;

    if (batch->item_count == 0 || batch->items[batch->item_count - 1].unit != unit)
        batch_begin_item(batch, unit, topic);
    batch->writes = controller_grow(batch->writes, batch->write_count, &batch->write_capacity,
                                    sizeof(*batch->writes));
    copy = &batch->writes[batch->write_count++];
    *copy = *write;
    copy->topic = controller_effect_copy_bytes(effects, write->topic);
    copy->path = controller_effect_copy_bytes(effects, write->path);
    copy->state.isr = copy_ids(effects, write->state.isr, write->state.isr_count);
    copy->assignments = copy_assignments(effects, write->assignments, write->assignment_count);
    copy->configs = copy_configs(effects, write->configs, write->config_count);
}

/* An upper bound of what a unit adds to a multi. */
static void unit_cost(const struct unit *unit, size_t *ops, size_t *bytes) {
    switch (unit->kind) {
    case UNIT_PARTITION: {
        const struct partition *p = CONTAINER_OF(unit, struct partition, unit);
        *ops = 2;
        *bytes = 400 + 2 * p->topic->name.size + 30 * (p->replica_count + p->state.isr_count);
        break;
    }
    case UNIT_TOPIC: {
        const struct topic *topic = CONTAINER_OF(unit, struct topic, unit);
        *ops = topic->phase == TOPIC_DELETING ? 8 : 4;
        *bytes = topic->phase == TOPIC_DELETING ? DELETION_BYTES : controller_topic_bytes(topic);
        break;
    }
    case UNIT_NODE:
        *ops = 1;
        *bytes = 600;
        break;
    }
}

static void look(struct controller *c, struct unit *unit, struct batch *batch,
                 struct controller_effects *effects) {
    struct topic *topic;

    switch (unit->kind) {
    case UNIT_PARTITION:
        controller_partition_look(c, CONTAINER_OF(unit, struct partition, unit), batch, effects);
        break;
    case UNIT_TOPIC:
        topic = CONTAINER_OF(unit, struct topic, unit);
        if (topic->phase == TOPIC_DELETING)
            controller_deletion_look(topic, batch, effects);
        else
            controller_topic_look(c, topic, batch, effects);
        break;
    case UNIT_NODE:
        controller_batch_add(batch, unit, NULL, &CONTAINER_OF(unit, struct node_unit, unit)->write,
                             effects);
        break;
    }
}

/* Takes units until the multi is full or nothing waits. */
static void batch_fill(struct controller *c, struct batch *batch,
                       struct controller_effects *effects) {
    for (;;) {
        struct units *queue = TAILQ_EMPTY(&c->urgent) ? &c->normal : &c->urgent;
        struct unit *unit = TAILQ_FIRST(queue);
        size_t ops = 0, bytes = 0, written = batch->write_count;

        if (unit == NULL)
            return;
        unit_cost(unit, &ops, &bytes);
        if (batch->write_count > 0 && (ops > controller_batch_room(batch) ||
                                       batch->bytes + bytes > CONTROLLER_MULTI_BYTES_MAX))
            return;
        controller_writes_unqueue(c, unit);
        look(c, unit, batch, effects);
        if (batch->write_count > written)
            batch->bytes += bytes;
    }
}

static void batch_free(struct batch *batch) {
    free(batch->items);
    free(batch->writes);
    free(batch);
}

static void batch_send(struct controller *c, struct batch *batch,
                       struct controller_effects *effects) {
    struct controller_effect *effect;
    struct controller_write_effect write = {
        .controller_epoch = c->epoch,
        .epoch_version = c->epoch_version,
        .registrations = c->config.test_without_registrations_check ? -1 : c->registrations,
        .announce = batch->announce,
        .write_count = batch->write_count,
    };

    write.writes =
        controller_effect_copy(effects, batch->writes, batch->write_count * sizeof(*batch->writes));
    free(batch->writes);
    batch->writes = NULL;
    batch->registrations = c->registrations;
    batch->newest_registration = c->cluster.newest_registration;
    TAILQ_INSERT_TAIL(&c->batches, batch, entry);
    c->batch_count++;
    take_purges(c, &write, effects);
    effect = controller_effect_add(c, effects, CONTROLLER_EFFECT_WRITE);
    effect->write = write;
    batch->token = effect->token;
}

void controller_writes_flush(struct controller *c, struct controller_effects *effects) {
    while (c->role == ROLE_ACTIVE && !c->backing_off && !c->registrations_outdated &&
           c->batch_count < CONTROLLER_MULTIS_IN_FLIGHT_MAX) {
        struct batch *batch = controller_allocate(1, sizeof(*batch));

        batch->announce = c->announce_wanted;
        batch_fill(c, batch, effects);
        if (batch->write_count == 0 && !batch->announce) {
            batch_free(batch);
            return;
        }
        c->announce_wanted = false;
        batch_send(c, batch, effects);
    }
}

/* ---- What came of it */

static void back_off(struct controller *c, struct controller_effects *effects) {
    c->backing_off = true;
    controller_effect_add(c, effects, CONTROLLER_EFFECT_ARM_TIMER)->delay_ms = back_off_ms;
}

/* Errors that say how a znode differs from what we thought; others will not go away by
 * themselves. */
static bool is_about_the_node(enum error error) {
    switch ((int)error) {
    case ERR_ZK_NO_NODE:
    case ERR_ZK_NODE_EXISTS:
    case ERR_ZK_BAD_VERSION:
    case ERR_ZK_NOT_EMPTY:
    case ERR_ZK_OUTCOME_UNKNOWN:
    case ERR_ZK_SESSION_EXPIRED:
        return true;
    default:
        return false;
    }
}

enum fate { FATE_WRITTEN, FATE_UNDONE, FATE_REFUSED };

static void node_unit_met(struct controller *c, struct node_unit *node, enum fate fate,
                          enum error error) {
    bool again = fate == FATE_UNDONE || error == ERR_ZK_OUTCOME_UNKNOWN;

    if (fate == FATE_WRITTEN || !again)
        node_unit_free(c, node);
    else
        controller_writes_queue_first(c, &node->unit, false);
}

static void partition_met(struct controller *c, struct partition *p, const struct batch *batch,
                          enum fate fate, enum error error, struct controller_effects *effects) {
    if (p->topic->phase == TOPIC_DELETING) {
        p->phase = PARTITION_SETTLED;
        return;
    }
    switch (fate) {
    case FATE_WRITTEN:
        controller_partition_on_written(c, p, batch->newest_registration, effects);
        break;
    case FATE_UNDONE:
        controller_partition_on_undone(c, p);
        break;
    case FATE_REFUSED:
        controller_partition_on_refused(c, p, error, effects);
        break;
    }
}

static void topic_met(struct controller *c, struct topic *topic, enum fate fate, enum error error,
                      enum controller_write_kind failed, struct controller_effects *effects) {
    if (topic->writing_deletion) {
        topic->writing_deletion = false;
        if (fate == FATE_WRITTEN)
            controller_deletion_on_written(c, topic, effects);
        else if (fate == FATE_REFUSED)
            controller_deletion_on_refused(topic);
        return;
    }
    topic->writing = false;
    if (topic->phase == TOPIC_DELETING)
        return;
    if (topic->reread) {
        topic->reread = false;
        controller_effect_read(c, effects, CONTROLLER_EFFECT_READ_TOPIC, topic->name);
    }
    switch (fate) {
    case FATE_WRITTEN:
        controller_topic_on_written(c, topic, effects);
        break;
    case FATE_UNDONE:
        controller_reassignment_on_undone(topic);
        controller_writes_queue_first(c, &topic->unit, false);
        break;
    case FATE_REFUSED:
        controller_topic_on_refused(c, topic, error, failed, effects);
        break;
    }
}

static void item_met(struct controller *c, const struct batch *batch, size_t index, enum fate fate,
                     enum error error, enum controller_write_kind failed,
                     struct controller_effects *effects) {
    const struct batch_item *item = &batch->items[index];
    struct topic *topic = item->topic;

    if (topic == NULL) {
        node_unit_met(c, CONTAINER_OF(item->unit, struct node_unit, unit), fate, error);
        return;
    }
    if (!topic->forgotten && item->unit->kind == UNIT_PARTITION)
        partition_met(c, CONTAINER_OF(item->unit, struct partition, unit), batch, fate, error,
                      effects);
    else if (!topic->forgotten)
        topic_met(c, topic, fate, error, failed, effects);
    if (!topic->forgotten && topic->phase == TOPIC_DELETING && topic->in_flight == 1) {
        topic->in_flight = 0;
        controller_deletion_advance(c, topic, effects);
        return;
    }
    controller_topic_release(topic);
}

static struct batch *batch_take(struct controller *c, uint64_t token) {
    struct batch *batch;

    TAILQ_FOREACH (batch, &c->batches, entry) {
        if (batch->token != token)
            continue;
        TAILQ_REMOVE(&c->batches, batch, entry);
        c->batch_count--;
        return batch;
    }
    return NULL;
}

static void batch_written(struct controller *c, struct batch *batch, int32_t change_number,
                          struct controller_effects *effects) {
    if (change_number >= 0)
        changes_append(&c->changes, change_number);
    for (size_t i = 0; i < batch->item_count; i++)
        item_met(c, batch, i, FATE_WRITTEN, ERR_NONE, 0, effects);
}

/* The item whose write failed; item_count if it was none of them. */
static size_t failed_item(const struct batch *batch, const struct controller_event *event) {
    size_t found = batch->item_count;

    if (event->written.failed != CONTROLLER_FAILED_WRITE)
        return found;
    for (size_t i = 0; i < batch->item_count; i++)
        if (batch->items[i].first_write <= event->written.failed_index)
            found = i;
    return found;
}

/* What was planned without knowing who is there is planned anew with it. A multi of before the last
 * listing says nothing about that. */
static void read_registrations(struct controller *c, const struct batch *batch,
                               struct controller_effects *effects) {
    if (c->registrations_outdated || batch->registrations != c->registrations)
        return;
    c->registrations_outdated = true;
    controller_effect_read(c, effects, CONTROLLER_EFFECT_READ_BROKERS, BYTES_NULL);
}

static void batch_failed(struct controller *c, struct batch *batch,
                         const struct controller_event *event, struct controller_effects *effects) {
    bool unknown = event->error == ERR_ZK_OUTCOME_UNKNOWN || event->error == ERR_ZK_SESSION_EXPIRED;
    size_t failed = failed_item(batch, event);

    if (batch->announce)
        c->announce_wanted = true;
    if (!is_about_the_node(event->error) || event->written.failed == CONTROLLER_FAILED_ENTRY)
        back_off(c, effects);
    if (event->written.failed == CONTROLLER_FAILED_REGISTRATIONS)
        read_registrations(c, batch, effects);
    controller_writes_list_changes(c, effects);
    /* From the last to the first, since what is redone goes to the head of its queue. */
    for (size_t i = batch->item_count; i-- > 0;) {
        enum fate fate = unknown || i == failed ? FATE_REFUSED : FATE_UNDONE;
        item_met(c, batch, i, fate, unknown ? ERR_ZK_OUTCOME_UNKNOWN : event->error,
                 event->written.failed_kind, effects);
    }
}

void controller_writes_on_written(struct controller *c, const struct controller_event *event,
                                  struct controller_effects *effects) {
    struct batch *batch;

    if (event->written.failed == CONTROLLER_FAILED_FENCE) {
        controller_term_resign(c, effects);
        return;
    }
    batch = batch_take(c, event->token);
    if (batch == NULL)
        return;
    if (event->error == ERR_NONE)
        batch_written(c, batch, event->written.change_number, effects);
    else
        batch_failed(c, batch, event, effects);
    batch_free(batch);
}

void controller_writes_abandon(struct controller *c) {
    struct batch *batch;

    while ((batch = TAILQ_FIRST(&c->batches)) != NULL) {
        TAILQ_REMOVE(&c->batches, batch, entry);
        for (size_t i = 0; i < batch->item_count; i++)
            if (batch->items[i].topic != NULL)
                controller_topic_release(batch->items[i].topic);
        batch_free(batch);
    }
    c->batch_count = 0;
    while (!TAILQ_EMPTY(&c->nodes))
        node_unit_free(c, TAILQ_FIRST(&c->nodes));
    /* What is left belongs to the cluster, which is forgotten next. */
    TAILQ_INIT(&c->urgent);
    TAILQ_INIT(&c->normal);
}

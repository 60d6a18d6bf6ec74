#include "controller/core/controller.h"

#include "controller/core/request.h"

struct controller *controller_new(const struct controller_config *config) {
    struct controller *c = controller_allocate(1, sizeof(*c));

    c->config = *config;
    rng_seed(&c->rng, config->rng_seed);
    c->term = 1;
    controller_cluster_init(&c->cluster);
    TAILQ_INIT(&c->urgent);
    TAILQ_INIT(&c->normal);
    TAILQ_INIT(&c->nodes);
    TAILQ_INIT(&c->batches);
    TAILQ_INIT(&c->requests);
    return c;
}

void controller_free(struct controller *c) {
    struct controller_effects unheard;

    if (c == NULL)
        return;
    controller_effects_init(&unheard);
    controller_term_on_session_over(c, &unheard);
    controller_effects_done(&unheard);
    free(c->changes.numbers);
    free(c);
}

bool controller_is_active(const struct controller *c) {
    return c->role == ROLE_ACTIVE;
}

int32_t controller_epoch(const struct controller *c) {
    return c->role == ROLE_ACTIVE ? c->epoch : 0;
}

void controller_count_deletions(const struct controller *c, size_t *topics, size_t *replicas) {
    *topics = c->cluster.deleting_topics;
    *replicas = c->cluster.deleting_replicas;
}

/* What happened: a node that is watched says "read me again". */
static void on_occurrence(struct controller *c, const struct controller_event *event,
                          struct controller_effects *effects) {
    bool elected = c->role == ROLE_LOADING || c->role == ROLE_ACTIVE;
    struct topic *topic;

    switch ((int)event->kind) {
    case CONTROLLER_EVENT_BROKER_REGISTERED:
        controller_term_on_registered(c, effects);
        break;
    case CONTROLLER_EVENT_SESSION_OVER:
        controller_term_on_session_over(c, effects);
        break;
    case CONTROLLER_EVENT_CONTROLLER_CHANGED:
        controller_term_on_controller_changed(c, effects);
        break;
    case CONTROLLER_EVENT_TIMER:
        controller_term_on_timer(c, effects);
        break;
    case CONTROLLER_EVENT_BALANCE_TIMER:
        controller_balance_on_timer(c, effects);
        break;
    case CONTROLLER_EVENT_BROKERS_CHANGED:
        if (elected)
            controller_effect_read(c, effects, CONTROLLER_EFFECT_READ_BROKERS, BYTES_NULL);
        break;
    case CONTROLLER_EVENT_TOPICS_CHANGED:
        if (elected)
            controller_effect_read(c, effects, CONTROLLER_EFFECT_READ_TOPICS, BYTES_NULL);
        break;
    case CONTROLLER_EVENT_DELETE_TOPICS_CHANGED:
        if (elected)
            controller_effect_read(c, effects, CONTROLLER_EFFECT_READ_DELETE_TOPICS, BYTES_NULL);
        break;
    case CONTROLLER_EVENT_PREFERRED_ELECTION_CHANGED:
        if (c->role == ROLE_ACTIVE)
            controller_effect_read(c, effects, CONTROLLER_EFFECT_READ_PREFERRED_ELECTION,
                                   BYTES_NULL);
        break;
    case CONTROLLER_EVENT_REASSIGN_PARTITIONS_CHANGED:
        if (c->role == ROLE_ACTIVE)
            controller_effect_read(c, effects, CONTROLLER_EFFECT_READ_REASSIGN_PARTITIONS,
                                   BYTES_NULL);
        break;
    case CONTROLLER_EVENT_TOPIC_CONFIG_CHANGED:
        topic = controller_cluster_topic(&c->cluster, event->name);
        if (c->role == ROLE_ACTIVE && topic != NULL && topic->phase == TOPIC_LIVE)
            controller_topic_read_config(c, topic, effects);
        break;
    case CONTROLLER_EVENT_UNCLEAN_DEFAULT_CHANGED:
        controller_partition_on_unclean_default(c, event->unclean_allowed, effects);
        break;
    }
}

static void on_read(struct controller *c, const struct controller_event *event,
                    struct controller_effects *effects) {
    switch ((int)event->kind) {
    case CONTROLLER_EVENT_BROKERS_READ:
        controller_liveness_on_brokers_read(c, event);
        controller_term_loaded_one(c, effects);
        break;
    case CONTROLLER_EVENT_TOPICS_READ:
        controller_topic_on_topics_read(c, event, effects);
        controller_term_loaded_one(c, effects);
        break;
    case CONTROLLER_EVENT_TOPIC_READ:
        controller_topic_on_topic_read(c, event, effects);
        controller_term_loaded_one(c, effects);
        break;
    case CONTROLLER_EVENT_STATE_READ:
        controller_partition_on_state_read(c, event, effects);
        break;
    case CONTROLLER_EVENT_TOPIC_CONFIG_READ:
        controller_partition_on_config_read(c, event);
        break;
    case CONTROLLER_EVENT_DELETE_TOPICS_READ:
        controller_deletion_on_marks_read(c, event, effects);
        controller_term_loaded_one(c, effects);
        break;
    case CONTROLLER_EVENT_PREFERRED_ELECTION_READ:
        controller_leadership_on_preferred_election_read(c, event, effects);
        break;
    case CONTROLLER_EVENT_REASSIGN_PARTITIONS_READ:
        controller_reassignment_on_node_read(c, event, effects);
        break;
    case CONTROLLER_EVENT_CHANGES_READ:
        controller_writes_on_changes_read(c, event);
        break;
    case CONTROLLER_EVENT_TOPIC_TREE_READ:
        controller_deletion_on_tree_read(c, event, effects);
        break;
    case CONTROLLER_EVENT_PRODUCER_IDS_READ:
        controller_producer_ids_on_read(c, event, effects);
        break;
    case CONTROLLER_EVENT_PRODUCER_IDS_WRITTEN:
        controller_producer_ids_on_written(c, event, effects);
        break;
    case CONTROLLER_EVENT_WRITTEN:
        controller_writes_on_written(c, event, effects);
        break;
    }
}

static void on_answer(struct controller *c, const struct controller_event *event,
                      struct controller_effects *effects) {
    if (event->term != c->term)
        return; /* of an earlier term */
    switch ((int)event->kind) {
    case CONTROLLER_EVENT_CONTROLLER_READ:
        controller_term_on_controller_read(c, event, effects);
        break;
    case CONTROLLER_EVENT_CONTROLLER_EPOCH_READ:
        controller_term_on_controller_epoch_read(c, event, effects);
        break;
    case CONTROLLER_EVENT_ELECTED:
        controller_term_on_elected(c, event, effects);
        break;
    case CONTROLLER_EVENT_RELINQUISHED:
        controller_term_on_controller_changed(c, effects);
        break;
    default:
        on_read(c, event, effects);
        break;
    }
}

static void on_request(struct controller *c, const struct controller_event *event,
                       struct controller_effects *effects) {
    if (c->role != ROLE_ACTIVE) {
        controller_request_refuse(c, event->token, event->kind, ERR_NOT_CONTROLLER, effects);
        return;
    }
    switch ((int)event->kind) {
    case CONTROLLER_EVENT_CREATE_TOPICS:
        controller_creation_on_topics_request(c, event, effects);
        break;
    case CONTROLLER_EVENT_CREATE_PARTITIONS:
        controller_creation_on_partitions_request(c, event, effects);
        break;
    case CONTROLLER_EVENT_DELETE_TOPICS:
        controller_deletion_on_request(c, event, effects);
        break;
    case CONTROLLER_EVENT_ALTER_PARTITION:
        controller_leadership_on_alter_partition(c, event, effects);
        break;
    case CONTROLLER_EVENT_ELECT_LEADERS:
        controller_leadership_on_elect_leaders(c, event, effects);
        break;
    case CONTROLLER_EVENT_ALLOCATE_PRODUCER_IDS:
        controller_producer_ids_on_request(c, event, effects);
        break;
    case CONTROLLER_EVENT_CONTROLLED_SHUTDOWN:
        controller_leadership_on_controlled_shutdown(c, event, effects);
        break;
    case CONTROLLER_EVENT_ALTER_REASSIGNMENTS:
        controller_reassignment_on_request(c, event, effects);
        break;
    }
}

void controller_step(struct controller *c, const struct controller_event *event,
                     struct controller_effects *effects) {
    if (event->kind < CONTROLLER_EVENT_CONTROLLER_READ)
        on_occurrence(c, event, effects);
    else if (event->kind < CONTROLLER_EVENT_CREATE_TOPICS)
        on_answer(c, event, effects);
    else
        on_request(c, event, effects);
    controller_writes_flush(c, effects);
    if (c->node_reassignments_changed) {
        controller_reassignment_tidy_node(c);
        controller_writes_flush(c, effects);
    }
    controller_leadership_answer_shutdowns(c, effects);
}

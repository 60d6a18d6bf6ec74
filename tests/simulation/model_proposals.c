/*
 * A leader's proposals of another ISR, on their way to the controller and back: as
 * broker/control/isr_changes.c and partition_isr.c.
 */
#include <stdlib.h>

#include "tests/simulation/model_replicas_internal.h"

static struct simulator *simulator_of(struct model_replicas *replicas) {
    return &replicas->cluster->simulator;
}

struct proposal {
    struct checked_proposal sent;
    struct model_replicas *replicas;
    uint64_t start, number; /* of the process, and of its proposals for this replica */
    int32_t controller;     /* to whom it goes */
    int32_t isr[MEMBERS_MAX];
    int64_t epochs[MEMBERS_MAX];
    int holders; /* events of the simulator, and the controller */
    /* The answer. */
    enum error error;
    int32_t answered_isr[MEMBERS_MAX];
    size_t answered_count;
    int32_t answered_leader_epoch, answered_partition_epoch;
};

static void release(struct proposal *proposal) {
    if (--proposal->holders == 0)
        free(proposal);
}

/* The leader that still waits for this answer; NULL if there is none. */
static struct replica *waiting_for(const struct proposal *proposal) {
    const struct checked_proposal *sent = &proposal->sent;
    const struct simulated_broker *broker = &proposal->replicas->cluster->brokers[sent->leader];
    struct replica *replica =
        model_replica_find(proposal->replicas, &sent->topic_id, sent->partition, sent->leader);

    return broker->runs && broker->starts == proposal->start && replica != NULL &&
                   replica->is_proposing && replica->is_sent && replica->role == LEADER &&
                   replica->proposal_number == proposal->number &&
                   replica->leader_epoch == sent->leader_epoch &&
                   replica->partition_epoch == sent->partition_epoch
               ? replica
               : NULL;
}

/* As partition_isr_answer. */
static void take_answer(struct replica *replica, const struct proposal *proposal) {
    switch ((int)proposal->error) {
    case ERR_NONE:
        if (proposal->answered_leader_epoch != replica->leader_epoch ||
            proposal->answered_partition_epoch < replica->partition_epoch)
            return;
        replica->partition_epoch = proposal->answered_partition_epoch;
        replica->isr_count = (int32_t)proposal->answered_count;
        memcpy(replica->isr, proposal->answered_isr,
               proposal->answered_count * sizeof(*replica->isr));
        replica->is_proposing = false;
        break;
    case ERR_INELIGIBLE_REPLICA:
        replica->is_proposing = false;
        break;
    case ERR_FENCED_LEADER_EPOCH:
    case ERR_INVALID_UPDATE_VERSION:
    case ERR_INVALID_REQUEST:
        break; /* the metadata will bring what is true */
    default:
        replica->is_sent = false; /* again */
        break;
    }
}

static void answer_arrives(void *context) {
    struct proposal *proposal = context;
    struct model_replicas *replicas = proposal->replicas;
    struct replica *replica = waiting_for(proposal);

    if (replica != NULL) {
        const struct metadata *metadata = model_replica_metadata(replicas, proposal->sent.leader);
        take_answer(replica, proposal);
        model_replica_advance(replicas, replica, metadata);
        metadata_unref(metadata);
    }
    release(proposal);
}

static void connection_breaks(void *context) {
    struct proposal *proposal = context;
    struct replica *replica = waiting_for(proposal);

    if (replica != NULL)
        replica->is_sent = false;
    release(proposal);
}

static void send_answer(struct proposal *proposal) {
    struct model_replicas *replicas = proposal->replicas;
    struct rng *rng = &replicas->cluster->brokers[proposal->sent.leader].rng;

    simulator_schedule(simulator_of(replicas), simulator_message_delay(simulator_of(replicas), rng),
                       answer_arrives, proposal);
}

static void on_answer(void *context, const struct controller_alter_partition_response *response) {
    struct proposal *proposal = CONTAINER_OF(context, struct proposal, sent);

    checker_on_proposal_answered(proposal->replicas->cluster->checker, &proposal->sent, response);
    proposal->error = response->error;
    if (response->error == ERR_NONE) {
        const struct controller_alter_partition_result *result = &response->results[0];
        proposal->error = result->error;
        proposal->answered_leader_epoch = result->leader_epoch;
        proposal->answered_partition_epoch = result->partition_epoch;
        if (result->error == ERR_NONE) {
            CHECK(result->isr_count <= MEMBERS_MAX);
            proposal->answered_count = result->isr_count;
            memcpy(proposal->answered_isr, result->isr, result->isr_count * sizeof(*result->isr));
        }
    }
    simulator_tell(simulator_of(proposal->replicas), "answer to leader %d of partition %d: %s",
                   proposal->sent.leader, proposal->sent.partition, error_name(proposal->error));
    send_answer(proposal);
}

static void proposal_arrives(void *context) {
    struct proposal *proposal = context;
    struct simulated_cluster *cluster = proposal->replicas->cluster;
    struct checked_proposal *sent = &proposal->sent;

    if (proposal->controller < 1 || !cluster->brokers[proposal->controller].runs) {
        proposal->error = ERR_NOT_CONTROLLER;
        answer_arrives(proposal);
        return;
    }
    simulator_tell(&cluster->simulator,
                   "leader %d of partition %d, epoch %d, proposes %d members over version %d to %d",
                   sent->leader, sent->partition, sent->leader_epoch, (int)sent->isr_count,
                   sent->partition_epoch, proposal->controller);
    checker_send_proposal(cluster->checker, cluster->brokers[proposal->controller].shell, sent,
                          on_answer);
}

void model_replica_send_proposal(struct model_replicas *replicas, struct replica *replica,
                                 const struct metadata *metadata) {
    const struct simulated_broker *broker = &replicas->cluster->brokers[replica->key.broker_id];
    struct travel travel = model_replicas_travel(replicas, broker->id);
    struct proposal *proposal = calloc(1, sizeof(*proposal));

    CHECK(proposal != NULL);
    proposal->replicas = replicas;
    proposal->start = broker->starts;
    proposal->number = ++replica->proposal_number;
    proposal->controller = metadata->controller_id;
    memcpy(proposal->isr, replica->proposed, sizeof(proposal->isr));
    memcpy(proposal->epochs, replica->proposed_epochs, sizeof(proposal->epochs));
    proposal->sent = (struct checked_proposal){
        .topic_id = replica->key.topic_id,
        .partition = replica->key.partition,
        .leader_epoch = replica->leader_epoch,
        .partition_epoch = replica->partition_epoch,
        .leader = broker->id,
        .broker_epoch = broker->broker_epoch,
        .isr = proposal->isr,
        .epochs = proposal->epochs,
        .isr_count = (size_t)replica->proposed_count,
    };
    replica->is_sent = true;
    proposal->holders = (travel.delay_ms >= 0) + (travel.broken_ms >= 0);
    if (travel.delay_ms >= 0)
        simulator_schedule(simulator_of(replicas), travel.delay_ms, proposal_arrives, proposal);
    if (travel.broken_ms >= 0)
        simulator_schedule(simulator_of(replicas), travel.broken_ms, connection_breaks, proposal);
}

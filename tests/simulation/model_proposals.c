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
    struct model_replicas *replicas;
    struct replica_key key;
    uint64_t start;
    int32_t leader_epoch, partition_epoch;
    int32_t isr[MEMBERS_MAX];
    int64_t epochs[MEMBERS_MAX];
    int32_t count;
    int64_t broker_epoch;
    /* The answer. */
    enum error error;
    int32_t answered_isr[MEMBERS_MAX];
    size_t answered_count;
    int32_t answered_leader_epoch, answered_partition_epoch;
};

static bool is_history(const struct proposal *proposal, const struct replica *replica) {
    return replica == NULL || !replica->is_proposing || replica->role != LEADER ||
           replica->leader_epoch != proposal->leader_epoch ||
           replica->partition_epoch != proposal->partition_epoch;
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
    const struct replica_key *key = &proposal->key;
    struct simulated_broker *broker = &replicas->cluster->brokers[key->broker_id];
    struct replica *replica =
        model_replica_find(replicas, &key->topic_id, key->partition, key->broker_id);

    if (broker->runs && broker->starts == proposal->start && !is_history(proposal, replica)) {
        const struct metadata *metadata = model_replica_metadata(replicas, key->broker_id);
        take_answer(replica, proposal);
        model_replica_advance(replicas, replica, metadata);
        metadata_unref(metadata);
    }
    free(proposal);
}

static void on_answer(void *context, const struct controller_alter_partition_response *response) {
    struct proposal *proposal = context;

    proposal->error = response->error;
    if (response->error == ERR_NONE && response->result_count == 1)
        simulator_trace(simulator_of(proposal->replicas),
                        "broker %d's isr of partition %d at %d.%d is answered %s",
                        proposal->key.broker_id, proposal->key.partition, proposal->leader_epoch,
                        proposal->partition_epoch, error_name(response->results[0].error));
    if (response->error == ERR_NONE && response->result_count == 1) {
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
    simulator_schedule(simulator_of(proposal->replicas),
                       simulator_message_delay(simulator_of(proposal->replicas)), answer_arrives,
                       proposal);
}

static void proposal_arrives(void *context) {
    struct proposal *proposal = context;
    struct simulated_cluster *cluster = proposal->replicas->cluster;
    struct simulated_broker *controller = simulated_cluster_controller(cluster);
    struct controller_alter_partition wanted = {
        .topic_id = proposal->key.topic_id,
        .partition = proposal->key.partition,
        .leader_epoch = proposal->leader_epoch,
        .partition_epoch = proposal->partition_epoch,
        .new_isr = proposal->isr,
        .new_isr_broker_epochs = proposal->epochs,
        .new_isr_count = (size_t)proposal->count,
    };
    struct controller_alter_partition_request request = {proposal->key.broker_id,
                                                         proposal->broker_epoch, &wanted, 1};

    if (controller == NULL) {
        proposal->error = ERR_NOT_CONTROLLER;
        answer_arrives(proposal);
        return;
    }
    controller_shell_alter_partition(controller->shell, &request, on_answer, proposal);
}

void model_replica_send_proposal(struct model_replicas *replicas, struct replica *replica) {
    const struct simulated_broker *broker = &replicas->cluster->brokers[replica->key.broker_id];
    struct proposal *proposal = calloc(1, sizeof(*proposal));

    CHECK(proposal != NULL);
    proposal->replicas = replicas;
    proposal->key = replica->key;
    proposal->start = broker->starts;
    proposal->leader_epoch = replica->leader_epoch;
    proposal->partition_epoch = replica->partition_epoch;
    proposal->count = replica->proposed_count;
    proposal->broker_epoch = broker->broker_epoch;
    memcpy(proposal->isr, replica->proposed, sizeof(proposal->isr));
    memcpy(proposal->epochs, replica->proposed_epochs, sizeof(proposal->epochs));
    replica->is_sent = true;
    simulator_schedule(simulator_of(replicas), simulator_message_delay(simulator_of(replicas)),
                       proposal_arrives, proposal);
}

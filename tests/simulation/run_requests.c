/*
 * What is asked of controllers, and what they answer.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/simulation/run_internal.h"

#define KNOWN_MAX    2048
#define REPLICAS_MAX 8

/* The controller, or whoever the schedule wants. */
static struct simulated_broker *receiver_of(struct run *run, int32_t to) {
    struct simulated_broker *controller = simulated_cluster_controller(&run->cluster);

    return controller == NULL || to > 0 ? run_broker(run, to, true) : controller;
}

static void asked(struct run *run, const struct simulated_broker *receiver, const char *what,
                  struct bytes topic, int32_t number) {
    run->asked++;
    simulator_tell(&run->cluster.simulator, "broker %d is asked: %s %.*s %d", receiver->id, what,
                   BYTES_FORMAT(topic), number);
}

static void answered(struct run *run, const char *what, struct bytes topic, enum error error) {
    simulator_tell(&run->cluster.simulator, "answer: %s %.*s %s", what, BYTES_FORMAT(topic),
                   error_name(error));
}

/* ---- Topics ---- */

static struct known_topic *know_topic(struct run *run, const struct uuid *id, struct bytes name) {
    if (run->known == NULL)
        run->known = calloc(KNOWN_MAX, sizeof(*run->known));
    CHECK(run->known != NULL);
    for (size_t i = 0; i < run->known_count; i++)
        if (uuid_equal(&run->known[i].id, id))
            return &run->known[i];
    CHECK(run->known_count < KNOWN_MAX);
    run->known[run->known_count] = (struct known_topic){.id = *id, .name = run_topic_number(name)};
    return &run->known[run->known_count++];
}

static void on_create_topics(void *context,
                             const struct controller_create_topics_response *response) {
    struct run *run = context;

    run->answered++;
    for (size_t i = 0; i < response->result_count; i++) {
        answered(run, "create", response->results[i].name, response->results[i].error);
        if (response->results[i].error != ERR_NONE || uuid_is_zero(&response->results[i].topic_id))
            continue;
        know_topic(run, &response->results[i].topic_id, response->results[i].name)->created = true;
    }
}

void run_create_topic(struct run *run, const int32_t *values) {
    struct simulated_broker *broker = receiver_of(run, values[5]);
    char name[32];
    struct controller_topic_config_entry unclean = {bytes_of_text("unclean.leader.election.enable"),
                                                    bytes_of_text("true")};
    struct controller_create_topic topic = {
        .partition_count = values[1],
        .replication_factor = (int16_t)values[2],
        .configs = &unclean,
        .config_count = (size_t)values[3],
    };
    struct controller_create_topics_request request = {&topic, 1, values[4] != 0};

    if (broker == NULL)
        return;
    snprintf(name, sizeof(name), "topic%d", values[0] % RUN_TOPICS);
    topic.name = bytes_of_text(name);
    asked(run, broker, "create", topic.name, values[1]);
    controller_shell_create_topics(broker->shell, &request, on_create_topics, run);
}

static void on_create_partitions(void *context,
                                 const struct controller_create_partitions_response *response) {
    struct run *run = context;

    run->answered++;
    for (size_t i = 0; i < response->result_count; i++)
        answered(run, "extend", response->results[i].name, response->results[i].error);
}

void run_create_partitions(struct run *run, const int32_t *values) {
    struct simulated_broker *broker = receiver_of(run, values[2]);
    struct controller_create_partitions topic = {.partition_count = values[1]};
    struct controller_create_partitions_request request = {&topic, 1, false};
    struct uuid id;

    if (broker == NULL || !run_topic(run, values[0], &topic.name, &id))
        return;
    asked(run, broker, "extend", topic.name, values[1]);
    controller_shell_create_partitions(broker->shell, &request, on_create_partitions, run);
}

static void on_delete_topics(void *context,
                             const struct controller_delete_topics_response *response) {
    struct run *run = context;

    run->answered++;
    for (size_t i = 0; i < response->result_count; i++) {
        answered(run, "delete", response->results[i].name, response->results[i].error);
        if (response->results[i].error == ERR_NONE)
            know_topic(run, &response->results[i].topic_id, response->results[i].name)
                ->deletion_acked = true;
    }
}

void run_delete_topic(struct run *run, const int32_t *values) {
    struct simulated_broker *broker = receiver_of(run, values[1]);
    struct controller_delete_topic topic = {0};
    struct controller_delete_topics_request request = {&topic, 1};

    if (broker == NULL || !run_topic(run, values[0], &topic.name, &topic.topic_id))
        return;
    know_topic(run, &topic.topic_id, topic.name)->deletion_asked = true;
    asked(run, broker, "delete", topic.name, 0);
    controller_shell_delete_topics(broker->shell, &request, on_delete_topics, run);
}

/* ---- Leadership ---- */

static void on_elect(void *context, const struct controller_elect_leaders_response *response) {
    struct run *run = context;

    run->answered++;
    answered(run, "elect", BYTES_NULL, response->error);
}

void run_elect(struct run *run, const int32_t *values) {
    struct simulated_broker *broker = receiver_of(run, values[1]);
    struct controller_elect_leaders_request request = {
        .type = values[0] != 0 ? CONTROLLER_ELECTION_UNCLEAN : CONTROLLER_ELECTION_PREFERRED,
        .all = true,
    };

    if (broker == NULL)
        return;
    asked(run, broker, values[0] != 0 ? "elect unclean" : "elect preferred", BYTES_NULL, 0);
    controller_shell_elect_leaders(broker->shell, &request, on_elect, run);
}

static void on_alter(void *context, const struct controller_alter_partition_response *response) {
    struct checked_proposal *proposal = context;
    struct run *run = proposal->context;

    run->answered++;
    for (size_t i = 0; i < response->result_count; i++)
        answered(run, "alter", response->results[i].topic, response->results[i].error);
    checker_on_proposal_answered(run->cluster.checker, proposal, response);
    free(proposal);
}

/* Of those whose ISRs are not altered by modelled leaders. */
static bool find_bare_partition(struct run *run, const int32_t *values,
                                struct checked_partition *found) {
    int32_t count, partition;
    struct bytes name;
    struct uuid id;

    if (!run_topic(run, values[0], &name, &id))
        return false;
    count = checker_partition_count(run->cluster.checker, &id) - MODELLED_PARTITIONS;
    if (count <= 0)
        return false;
    partition = MODELLED_PARTITIONS + values[1] % count;
    return checker_find_partition(run->cluster.checker, &id, partition, (size_t)values[3], found) &&
           found->leader >= 1 && found->replica_count > 0 && found->isr_count < REPLICAS_MAX;
}

/* The leader adds a replica to the ISR or removes one, by what it knows, which may be old. */
void run_alter_partition(struct run *run, const int32_t *values) {
    struct simulated_broker *broker = receiver_of(run, values[4]);
    struct checked_partition known;
    struct checked_proposal *proposal;
    int32_t isr[REPLICAS_MAX], changed;
    size_t count = 0;

    if (broker == NULL || !find_bare_partition(run, values, &known))
        return;
    changed = known.replicas[(size_t)values[2] % known.replica_count];
    if (changed == known.leader)
        return;
    for (size_t i = 0; i < known.isr_count; i++)
        if (known.isr[i] != changed)
            isr[count++] = known.isr[i];
    if (count == known.isr_count)
        isr[count++] = changed;
    proposal = calloc(1, sizeof(*proposal));
    CHECK(proposal != NULL);
    *proposal = (struct checked_proposal){
        .topic_id = known.topic_id,
        .partition = known.partition,
        .leader_epoch = known.leader_epoch,
        .partition_epoch = known.version,
        .leader = known.leader,
        .broker_epoch = run->cluster.brokers[known.leader].broker_epoch,
        .isr = isr,
        .isr_count = count,
        .context = run,
    };
    asked(run, broker, "alter", known.topic, known.partition);
    checker_send_proposal(run->cluster.checker, broker->shell, proposal, on_alter);
}

static void on_reassigned(void *context,
                          const struct controller_alter_reassignments_response *response) {
    struct run *run = context;

    run->answered++;
    for (size_t i = 0; i < response->result_count; i++)
        answered(run, "reassign", response->results[i].topic, response->results[i].error);
}

static void reassign(struct run *run, const int32_t *values, const int32_t *target, size_t count,
                     int32_t to) {
    struct simulated_broker *broker = receiver_of(run, to);
    struct controller_reassign_partition wanted = {.target = target, .target_count = count};
    struct controller_alter_reassignments_request request = {&wanted, 1};
    int32_t partitions;
    struct uuid id;

    if (broker == NULL || !run_topic(run, values[0], &wanted.topic, &id))
        return;
    partitions = checker_partition_count(run->cluster.checker, &id);
    if (partitions == 0)
        return;
    wanted.partition = values[1] % partitions;
    asked(run, broker, target == NULL ? "cancel" : "reassign", wanted.topic, wanted.partition);
    controller_shell_alter_reassignments(broker->shell, &request, on_reassigned, run);
}

void run_reassign(struct run *run, const int32_t *values) {
    int32_t brokers = run->schedule->brokers, target[REPLICAS_MAX];
    size_t count = 0;

    /* Any `step` from any `start`, without going round. */
    for (int32_t i = 0; i < values[2] && i < brokers; i++) {
        int32_t id = 1 + (values[3] + i * values[4]) % brokers;
        bool known = false;
        for (size_t j = 0; j < count; j++)
            known = known || target[j] == id;
        if (!known)
            target[count++] = id;
    }
    reassign(run, values, target, count, values[5]);
}

void run_cancel(struct run *run, const int32_t *values) {
    reassign(run, values, NULL, 0, values[2]);
}

/* ---- Brokers' own ---- */

static void on_producer_ids(void *context,
                            const struct controller_allocate_producer_ids_response *response) {
    struct run *run = context;
    int64_t block = response->producer_id_start / PRODUCER_BLOCK;

    run->answered++;
    if (response->error != ERR_NONE)
        return;
    CHECK(block < RUN_BLOCKS_MAX);
    if (run->block_given[block])
        simulator_fail(&run->cluster.simulator, "producer ids from %" PRId64 " were given twice",
                       response->producer_id_start);
    run->block_given[block] = true;
}

void run_producer_ids(struct run *run, const int32_t *values) {
    struct simulated_broker *receiver = receiver_of(run, values[1]);
    struct simulated_broker *asker = run_broker(run, values[0], true);
    struct controller_allocate_producer_ids_request request;

    if (receiver == NULL || asker == NULL)
        return;
    request.broker_id = asker->id;
    request.broker_epoch = asker->broker_epoch;
    asked(run, receiver, "producer ids", BYTES_NULL, asker->id);
    controller_shell_allocate_producer_ids(receiver->shell, &request, on_producer_ids, run);
}

static bool is_at_rest(void *context, const struct uuid *topic_id) {
    const struct run *run = context;

    for (size_t i = 0; i < run->known_count; i++)
        if (uuid_equal(&run->known[i].id, topic_id))
            return run->known[i].created && !run->known[i].deletion_asked;
    return false;
}

struct shutdown {
    struct run *run;
    int32_t broker_id, controller_epoch;
    int64_t broker_epoch;
};

static void on_shutdown(void *context,
                        const struct controller_controlled_shutdown_response *response) {
    struct shutdown *shutdown = context;
    struct run *run = shutdown->run;

    run->answered++;
    answered(run, "shutdown", BYTES_NULL, response->error);
    if (response->error == ERR_NONE)
        checker_on_shutdown_answered(run->cluster.checker, shutdown->broker_id,
                                     shutdown->broker_epoch, shutdown->controller_epoch, is_at_rest,
                                     run);
    free(shutdown);
}

static void ask_for_shutdown(struct run *run, struct simulated_broker *receiver,
                             const struct simulated_broker *asker) {
    struct controller_controlled_shutdown_request request = {asker->id, asker->broker_epoch};
    struct shutdown *shutdown = calloc(1, sizeof(*shutdown));

    CHECK(shutdown != NULL);
    *shutdown = (struct shutdown){run, asker->id, controller_shell_epoch(receiver->shell),
                                  asker->broker_epoch};
    asked(run, receiver, "shutdown", BYTES_NULL, asker->id);
    checker_on_shutdown_asked(run->cluster.checker, asker->id);
    controller_shell_controlled_shutdown(receiver->shell, &request, on_shutdown, shutdown);
}

struct leaving {
    struct run *run;
    int32_t id;
    uint64_t start; /* the process that leaves is this one, not one that comes after it */
};

static void leave(void *context) {
    struct leaving *leaving = context;
    struct simulated_broker *broker = &leaving->run->cluster.brokers[leaving->id];

    if (broker->runs && broker->starts == leaving->start)
        simulated_broker_close(&leaving->run->cluster, leaving->id, 0);
    free(leaving);
}

/* A broker that asks shuts down, whatever it is answered. */
void run_shutdown(struct run *run, const int32_t *values) {
    struct simulated_broker *receiver = receiver_of(run, values[2]);
    struct simulated_broker *asker = run_broker(run, values[0], true);
    struct leaving *leaving;

    if (receiver == NULL || asker == NULL)
        return;
    leaving = calloc(1, sizeof(*leaving));
    CHECK(leaving != NULL);
    *leaving = (struct leaving){run, asker->id, asker->starts};
    simulator_schedule(&run->cluster.simulator, values[1], leave, leaving);
    ask_for_shutdown(run, receiver, asker);
}

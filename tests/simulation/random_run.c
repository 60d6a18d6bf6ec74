#include "tests/simulation/random_run.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/simulation/simulated_cluster.h"
#include "zk-schema/paths.h"

#define TOPIC_NAMES    12
#define PARTITIONS_MAX 9
#define REPLICAS_MAX   3
#define BLOCKS_MAX     4096
#define KNOWN_MAX      4096
#define PRODUCER_BLOCK 1000

/* A topic whose creation was acknowledged, or whose deletion was asked for. */
struct known_topic {
    struct uuid id;
    int64_t name; /* the number in it */
    bool created, deletion_asked, deletion_acked;
};

struct run {
    struct simulated_cluster cluster;
    int64_t chaos_until_ms;
    int32_t broker_count;
    uint64_t asked, answered, terms;
    bool block_given[BLOCKS_MAX];
    struct known_topic known[KNOWN_MAX];
    size_t known_count;
    bool name_marked[TOPIC_NAMES];  /* by an operator, some time */
    struct checked_partition stale; /* what a slow leader still believes */
    bool has_stale;
};

static int64_t below(struct run *run, int64_t bound) {
    return simulator_below(&run->cluster.simulator, bound);
}

static bool chance(struct run *run, uint64_t n) {
    return simulator_chance(&run->cluster.simulator, n);
}

static struct simulated_broker *random_running(struct run *run) {
    for (int tries = 0; tries < 20; tries++) {
        struct simulated_broker *broker = &run->cluster.brokers[1 + below(run, run->broker_count)];
        if (broker->runs)
            return broker;
    }
    return NULL;
}

/* Mostly the controller; sometimes somebody who was it, or never. */
static struct simulated_broker *random_receiver(struct run *run) {
    struct simulated_broker *controller = simulated_cluster_controller(&run->cluster);

    return controller == NULL || chance(run, 4) ? random_running(run) : controller;
}

static void asked(struct run *run, const struct simulated_broker *receiver, const char *what) {
    run->asked++;
    simulator_trace(&run->cluster.simulator, "broker %d is asked to %s", receiver->id, what);
}

static const char *topic_name(struct run *run, char *buffer, size_t size) {
    snprintf(buffer, size, "topic%" PRId64, below(run, TOPIC_NAMES));
    return buffer;
}

/* ---- Requests
 * ------------------------------------------------------------------------------------ */

static int64_t name_number(struct bytes name) {
    char text[8] = {0};

    CHECK(name.size > 5 && name.size < 5 + sizeof(text));
    memcpy(text, name.data + 5, name.size - 5);
    return strtoll(text, NULL, 10);
}

static struct known_topic *know_topic(struct run *run, const struct uuid *id, struct bytes name) {
    for (size_t i = 0; i < run->known_count; i++)
        if (uuid_equal(&run->known[i].id, id))
            return &run->known[i];
    CHECK(run->known_count < KNOWN_MAX);
    run->known[run->known_count] = (struct known_topic){.id = *id, .name = name_number(name)};
    return &run->known[run->known_count++];
}

static void on_create_topics(void *context,
                             const struct controller_create_topics_response *response) {
    struct run *run = context;

    run->answered++;
    for (size_t i = 0; i < response->result_count; i++) {
        simulator_trace(&run->cluster.simulator, "created %.*s %s",
                        BYTES_FORMAT(response->results[i].name),
                        error_name(response->results[i].error));
        if (response->results[i].error != ERR_NONE || uuid_is_zero(&response->results[i].topic_id))
            continue;
        know_topic(run, &response->results[i].topic_id, response->results[i].name)->created = true;
    }
}

static void ask_create(struct run *run) {
    struct simulated_broker *broker = random_receiver(run);
    char name[32];
    struct controller_topic_config_entry unclean = {bytes_of_text("unclean.leader.election.enable"),
                                                    bytes_of_text("true")};
    struct controller_create_topic topic = {
        .name = bytes_of_text(topic_name(run, name, sizeof(name))),
        .partition_count = 1 + (int32_t)below(run, chance(run, 10) ? 600 : PARTITIONS_MAX),
        .replication_factor = 1 + (int32_t)below(run, REPLICAS_MAX),
        .configs = &unclean,
        .config_count = chance(run, 4) ? 1 : 0,
    };
    struct controller_create_topics_request request = {&topic, 1, chance(run, 20)};

    if (broker == NULL)
        return;
    asked(run, broker, "create_topics");
    controller_shell_create_topics(broker->shell, &request, on_create_topics, run);
}

static void on_create_partitions(void *context,
                                 const struct controller_create_partitions_response *response) {
    struct run *run = context;

    run->answered++;
    for (size_t i = 0; i < response->result_count; i++)
        simulator_trace(&run->cluster.simulator, "extended %.*s %s",
                        BYTES_FORMAT(response->results[i].name),
                        error_name(response->results[i].error));
}

static void ask_extend(struct run *run) {
    struct simulated_broker *broker = random_receiver(run);
    char name[32];
    struct controller_create_partitions topic = {
        .name = bytes_of_text(topic_name(run, name, sizeof(name))),
        .partition_count = 1 + (int32_t)below(run, PARTITIONS_MAX * 2),
    };
    struct controller_create_partitions_request request = {&topic, 1, false};

    if (broker == NULL)
        return;
    asked(run, broker, "create_partitions");
    controller_shell_create_partitions(broker->shell, &request, on_create_partitions, run);
}

static void on_delete_topics(void *context,
                             const struct controller_delete_topics_response *response) {
    struct run *run = context;

    run->answered++;
    for (size_t i = 0; i < response->result_count; i++) {
        simulator_trace(&run->cluster.simulator, "deleted %.*s %s",
                        BYTES_FORMAT(response->results[i].name),
                        error_name(response->results[i].error));
        if (response->results[i].error == ERR_NONE)
            know_topic(run, &response->results[i].topic_id, response->results[i].name)
                ->deletion_acked = true;
    }
}

static bool random_topic(struct run *run, struct bytes *name, struct uuid *id) {
    size_t count = checker_topic_count(run->cluster.checker);

    return count > 0 &&
           checker_topic(run->cluster.checker, (size_t)below(run, (int64_t)count), name, id);
}

static void ask_delete(struct run *run) {
    struct simulated_broker *broker = random_receiver(run);
    struct controller_delete_topic topic = {0};
    struct controller_delete_topics_request request = {&topic, 1};

    if (broker == NULL || !random_topic(run, &topic.name, &topic.topic_id))
        return;
    know_topic(run, &topic.topic_id, topic.name)->deletion_asked = true;
    asked(run, broker, "delete_topics");
    controller_shell_delete_topics(broker->shell, &request, on_delete_topics, run);
}

static void on_elect(void *context, const struct controller_elect_leaders_response *response) {
    struct run *run = context;

    run->answered++;
    simulator_trace(&run->cluster.simulator, "elected %s %zu", error_name(response->error),
                    response->result_count);
}

static void ask_elect(struct run *run) {
    struct simulated_broker *broker = random_receiver(run);
    struct controller_elect_leaders_request request = {
        .type = chance(run, 3) ? CONTROLLER_ELECTION_UNCLEAN : CONTROLLER_ELECTION_PREFERRED,
        .all = true,
    };

    if (broker == NULL)
        return;
    asked(run, broker, "elect_leaders");
    controller_shell_elect_leaders(broker->shell, &request, on_elect, run);
}

static void on_alter(void *context, const struct controller_alter_partition_response *response) {
    struct run *run = context;

    run->answered++;
    for (size_t i = 0; i < response->result_count; i++)
        simulator_trace(&run->cluster.simulator, "altered %.*s-%d %s",
                        BYTES_FORMAT(response->results[i].topic), response->results[i].partition,
                        error_name(response->results[i].error));
}

/* The leader adds a replica to the ISR or removes one, by what it knows, which may be old. */
static void ask_alter(struct run *run) {
    struct checker *checker = run->cluster.checker;
    size_t count = checker_partition_count(checker);
    struct simulated_broker *broker = random_receiver(run);
    struct checked_partition known;
    struct controller_alter_partition wanted = {0};
    struct controller_alter_partition_request request = {.partitions = &wanted,
                                                         .partition_count = 1};
    int32_t isr[REPLICAS_MAX + 1];
    size_t isr_count = 0;
    int32_t changed;

    if (broker == NULL || count == 0)
        return;
    known = checker_partition(checker, (size_t)below(run, (int64_t)count));
    if (chance(run, 5) && run->has_stale)
        known = run->stale;
    else if (chance(run, 3)) {
        run->stale = known;
        run->stale.topic = BYTES_NULL;
        run->has_stale = true;
    }
    if (known.partition < MODELLED_PARTITIONS)
        return; /* their leaders alter their isrs */
    if (known.leader < 1 || known.replica_count == 0 || known.isr_count > REPLICAS_MAX)
        return;
    changed = known.topic.data == NULL ? 1 + (int32_t)below(run, run->broker_count)
                                       : known.replicas[below(run, (int64_t)known.replica_count)];
    if (changed == known.leader)
        return;
    for (size_t i = 0; i < known.isr_count; i++)
        if (known.isr[i] != changed)
            isr[isr_count++] = known.isr[i];
    if (isr_count == known.isr_count)
        isr[isr_count++] = changed;
    wanted.topic_id = known.topic_id;
    wanted.partition = known.partition;
    wanted.leader_epoch = known.leader_epoch;
    wanted.partition_epoch = known.version;
    wanted.new_isr = isr;
    wanted.new_isr_count = isr_count;
    request.broker_id = known.leader;
    request.broker_epoch = run->cluster.brokers[known.leader].broker_epoch;
    asked(run, broker, "alter_partition");
    controller_shell_alter_partition(broker->shell, &request, on_alter, run);
}

static void on_reassigned(void *context,
                          const struct controller_alter_reassignments_response *response) {
    struct run *run = context;

    run->answered++;
    for (size_t i = 0; i < response->result_count; i++)
        simulator_trace(&run->cluster.simulator, "reassigned %.*s-%d %s",
                        BYTES_FORMAT(response->results[i].topic), response->results[i].partition,
                        error_name(response->results[i].error));
}

/* Different brokers, in any order. */
static size_t random_brokers(struct run *run, int32_t *ids) {
    size_t wanted = 1 + (size_t)below(run, REPLICAS_MAX);
    size_t count = 0;

    while (count < wanted && count < (size_t)run->broker_count) {
        int32_t id = 1 + (int32_t)below(run, run->broker_count);
        bool known = false;
        for (size_t i = 0; i < count; i++)
            known = known || ids[i] == id;
        if (!known)
            ids[count++] = id;
    }
    return count;
}

static void ask_reassign(struct run *run) {
    struct checker *checker = run->cluster.checker;
    size_t count = checker_partition_count(checker);
    struct simulated_broker *broker = random_receiver(run);
    int32_t target[REPLICAS_MAX];
    struct controller_reassign_partition wanted = {.target = chance(run, 4) ? NULL : target};
    struct controller_alter_reassignments_request request = {&wanted, 1};
    struct checked_partition known;

    if (broker == NULL || count == 0)
        return;
    known = checker_partition(checker, (size_t)below(run, (int64_t)count));
    wanted.topic = known.topic;
    wanted.partition = known.partition;
    wanted.target_count = random_brokers(run, target);
    asked(run, broker, "alter_reassignments");
    controller_shell_alter_reassignments(broker->shell, &request, on_reassigned, run);
}

static void on_producer_ids(void *context,
                            const struct controller_allocate_producer_ids_response *response) {
    struct run *run = context;
    int64_t block = response->producer_id_start / PRODUCER_BLOCK;

    run->answered++;
    if (response->error != ERR_NONE)
        return;
    CHECK(block < BLOCKS_MAX);
    if (run->block_given[block])
        simulator_fail(&run->cluster.simulator, "producer ids from %" PRId64 " were given twice",
                       response->producer_id_start);
    run->block_given[block] = true;
}

static void ask_producer_ids(struct run *run) {
    struct simulated_broker *receiver = random_receiver(run);
    struct simulated_broker *asker = random_running(run);
    struct controller_allocate_producer_ids_request request;

    if (receiver == NULL || asker == NULL)
        return;
    request.broker_id = asker->id;
    request.broker_epoch = asker->broker_epoch;
    asked(run, receiver, "allocate_producer_ids");
    controller_shell_allocate_producer_ids(receiver->shell, &request, on_producer_ids, run);
}

static void on_shutdown(void *context,
                        const struct controller_controlled_shutdown_response *response) {
    struct run *run = context;

    run->answered++;
    simulator_trace(&run->cluster.simulator, "shutdown %s %zu", error_name(response->error),
                    response->remaining_count);
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
static void ask_shutdown(struct run *run) {
    struct simulated_broker *receiver = random_receiver(run);
    struct simulated_broker *asker = random_running(run);
    struct controller_controlled_shutdown_request request;
    struct leaving *leaving;

    if (receiver == NULL || asker == NULL)
        return;
    leaving = calloc(1, sizeof(*leaving));
    CHECK(leaving != NULL);
    *leaving = (struct leaving){run, asker->id, asker->starts};
    simulator_schedule(&run->cluster.simulator, 1 + below(run, 3000), leave, leaving);
    request.broker_id = asker->id;
    request.broker_epoch = asker->broker_epoch;
    asked(run, receiver, "controlled_shutdown");
    controller_shell_controlled_shutdown(receiver->shell, &request, on_shutdown, run);
}

/* ---- Operators with old tools
 * ----------------------------------------------------------------------- */

static void operator_creates(struct run *run) {
    char name[32], data[128];
    struct znode_path path;

    topic_name(run, name, sizeof(name));
    path = path_of_topic(bytes_of_text(name));
    snprintf(data, sizeof(data), "{\"version\":1,\"partitions\":{\"0\":[1,2],\"1\":[2,%d]}}",
             run->broker_count);
    (void)model_zookeeper_create(run->cluster.zookeeper, path.text, bytes_of_text(data));
}

static void operator_marks(struct run *run) {
    struct znode_path path;
    struct bytes name;
    struct uuid id;

    if (!random_topic(run, &name, &id))
        return;
    run->name_marked[name_number(name)] = true;
    path = path_of_deleted_topic(name);
    (void)model_zookeeper_create(run->cluster.zookeeper, path.text, BYTES_NULL);
}

static void operator_elects(struct run *run) {
    (void)model_zookeeper_create(
        run->cluster.zookeeper, PATH_PREFERRED_ELECTION,
        bytes_of_text("{\"version\":1,\"partitions\":[{\"topic\":\"topic1\",\"partition\":0},"
                      "{\"topic\":\"topic2\",\"partition\":1}]}"));
}

static void operator_reassigns(struct run *run) {
    char data[160];

    snprintf(data, sizeof(data),
             "{\"version\":1,\"partitions\":[{\"topic\":\"topic1\",\"partition\":0,"
             "\"replicas\":[%d,%d]}]}",
             run->broker_count, 1 + (int)below(run, run->broker_count));
    (void)model_zookeeper_create(run->cluster.zookeeper, PATH_REASSIGN_PARTITIONS,
                                 bytes_of_text(data));
}

static void operator_deposes(struct run *run) {
    (void)model_zookeeper_remove(run->cluster.zookeeper, PATH_CONTROLLER);
}

/* ---- Faults
 * ------------------------------------------------------------------------------------------ */

static void crash(struct run *run) {
    struct simulated_broker *broker = random_running(run);

    if (broker != NULL)
        simulated_broker_stop(&run->cluster, broker->id, below(run, 2000));
}

/* Ended in order, but nobody was asked before, and the session lives on. */
static void halt(struct run *run) {
    struct simulated_broker *broker = random_running(run);

    if (broker != NULL)
        simulated_broker_close(&run->cluster, broker->id, below(run, 2000));
}

/* As when the power fails. */
static void crash_all(struct run *run) {
    for (int32_t id = 1; id <= run->broker_count; id++)
        if (run->cluster.brokers[id].runs && chance(run, 4))
            simulated_broker_close(&run->cluster, id, below(run, 500));
        else if (run->cluster.brokers[id].runs && !chance(run, 4))
            simulated_broker_stop(&run->cluster, id, below(run, 500));
}

static void restart(struct run *run) {
    struct simulated_broker *broker = &run->cluster.brokers[1 + below(run, run->broker_count)];

    if (!broker->runs)
        simulated_broker_start(&run->cluster, broker->id, NULL);
}

static void disconnect(struct run *run) {
    struct simulated_broker *broker = random_running(run);

    if (broker != NULL)
        model_client_disconnect(broker->client, 1 + below(run, 1000));
}

static void expire(struct run *run) {
    struct simulated_broker *broker = random_running(run);

    if (broker == NULL)
        return;
    if (chance(run, 2))
        model_client_disconnect(broker->client, 1 + below(run, 3000));
    model_zookeeper_expire(run->cluster.zookeeper, zk_session_id(model_client_zk(broker->client)));
}

static void slow_down(struct run *run) {
    static const int64_t delays_ms[] = {0, 1, 5, 40, 250};

    run->cluster.simulator.delay_ms_max = delays_ms[below(run, ARRAY_COUNT(delays_ms))];
}

static const struct {
    void (*act)(struct run *run);
    int weight;
} actions[] = {
    {ask_create, 12},
    {ask_extend, 4},
    {ask_delete, 4},
    {ask_elect, 3},
    {ask_alter, 30},
    {ask_producer_ids, 4},
    {ask_shutdown, 1},
    {operator_creates, 2},
    {operator_marks, 1},
    {operator_elects, 1},
    {operator_deposes, 2},
    {crash, 4},
    {restart, 8},
    {disconnect, 4},
    {expire, 3},
    {slow_down, 3},
    {ask_reassign, 8},
    {operator_reassigns, 1},
    {halt, 2},
    {crash_all, 1},
};

static void act(void *context) {
    struct run *run = context;
    int64_t total = 0, chosen;

    if (run->cluster.simulator.now_ms >= run->chaos_until_ms)
        return;
    for (size_t i = 0; i < ARRAY_COUNT(actions); i++)
        total += actions[i].weight;
    chosen = below(run, total);
    for (size_t i = 0; i < ARRAY_COUNT(actions); i++) {
        chosen -= actions[i].weight;
        if (chosen >= 0)
            continue;
        actions[i].act(run);
        break;
    }
    simulator_schedule(&run->cluster.simulator, below(run, 100), act, run);
}

/* ---- The end
 * ------------------------------------------------------------------------------------------ */

static bool is_live(void *context, int32_t broker_id) {
    struct run *run = context;
    struct znode_path path = path_of_broker(broker_id);

    return model_zookeeper_get(run->cluster.zookeeper, path.text, NULL, NULL);
}

static void make_peace(struct run *run) {
    struct simulator *simulator = &run->cluster.simulator;

    simulator->delay_ms_max = 3;
    /* Sessions of the dead end before the dead rise. */
    simulator_run_until(simulator, simulator->now_ms + 5000);
    for (int32_t id = 1; id <= run->broker_count; id++)
        if (!run->cluster.brokers[id].runs)
            simulated_broker_start(&run->cluster, id, NULL);
    simulator_run_until(simulator, simulator->now_ms + 14000);
    model_replicas_be_quiet(run->cluster.replicas);
    simulator_run_until(simulator, simulator->now_ms + 6000);
}

static void check_end(struct run *run) {
    struct simulator *simulator = &run->cluster.simulator;
    int active = 0;

    for (int32_t id = 1; id <= run->broker_count; id++)
        active += controller_shell_is_active(run->cluster.brokers[id].shell) ? 1 : 0;
    if (active != 1)
        simulator_fail(simulator, "%d controllers in the end", active);
    if (run->asked != run->answered)
        simulator_fail(simulator, "%" PRIu64 " requests, %" PRIu64 " answers", run->asked,
                       run->answered);
    checker_check_end(run->cluster.checker, is_live, run);
    model_replicas_check_end(run->cluster.replicas);
    simulated_cluster_check_metadata(&run->cluster);
    for (size_t i = 0; i < run->known_count; i++) {
        const struct known_topic *topic = &run->known[i];
        bool there = checker_has_topic_id(run->cluster.checker, &topic->id);
        /* A mark names a name, and so whatever topic has it when the mark is seen. */
        if (topic->created && !there && !topic->deletion_asked && !run->name_marked[topic->name])
            simulator_fail(simulator, "a topic that was created is gone");
        if (there && topic->deletion_acked)
            simulator_fail(simulator, "a topic that was deleted is there");
    }
}

static bool is_broken(const struct random_run_options *options) {
    return options->without_fence || options->without_registrations_check ||
           options->resume_old_leaderships;
}

struct random_run_outcome random_run(const struct random_run_options *options) {
    struct run *run = calloc(1, sizeof(*run));
    struct random_run_outcome outcome;
    struct model_statistics statistics;

    CHECK(run != NULL);
    simulated_cluster_init(&run->cluster, options->seed);
    run->cluster.without_fence = options->without_fence;
    run->cluster.without_registrations_check = options->without_registrations_check;
    run->cluster.resume_old_leaderships = options->resume_old_leaderships;
    run->cluster.replicas = model_replicas_new(&run->cluster);
    run->cluster.balance_interval_ms = chance(run, 2) ? 2000 : 0;
    if (is_broken(options))
        checker_count_only(run->cluster.checker);
    run->broker_count = 3 + (int32_t)below(run, 3);
    run->chaos_until_ms = options->chaos_ms;
    for (int32_t id = 1; id <= run->broker_count; id++)
        simulated_broker_start(&run->cluster, id, NULL);
    simulator_schedule(&run->cluster.simulator, 100, act, run);
    simulator_run_until(&run->cluster.simulator, options->chaos_ms);
    if (!is_broken(options)) {
        make_peace(run);
        check_end(run);
    }
    statistics = model_zookeeper_statistics(run->cluster.zookeeper);
    if (statistics.multi_ops_max > 500)
        simulator_fail(&run->cluster.simulator, "a multi of %zu", statistics.multi_ops_max);
    if (statistics.multi_bytes_max > 512 * 1024)
        simulator_fail(&run->cluster.simulator, "a multi of %zu bytes", statistics.multi_bytes_max);
    outcome = (struct random_run_outcome){
        .trace_hash = run->cluster.simulator.trace_hash,
        .trace_lines = run->cluster.simulator.trace_lines,
        .broken = checker_broken_count(run->cluster.checker),
        .requests = run->answered,
        .multis = statistics.multis,
        .multi_ops_max = statistics.multi_ops_max,
    };
    simulated_cluster_done(&run->cluster);
    free(run);
    return outcome;
}

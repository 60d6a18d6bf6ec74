/*
 * Operators with old tools and a shell, and everything that can go wrong.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/simulation/run_internal.h"
#include "zk-schema/paths.h"

/* ---- Operators with old tools ---- */

void run_operator_creates(struct run *run, const int32_t *values) {
    struct znode_path path = run_topic_path(values[0]);
    char data[128];

    snprintf(data, sizeof(data), "{\"version\":1,\"partitions\":{\"0\":[1,2],\"1\":[2,%d]}}",
             run->schedule->brokers);
    (void)model_zookeeper_create(run->cluster.zookeeper, path.text, bytes_of_text(data));
}

void run_operator_marks(struct run *run, const int32_t *values) {
    struct znode_path path;
    struct bytes name;
    struct uuid id;

    if (!run_topic(run, values[0], &name, &id))
        return;
    run->name_marked[run_topic_number(name)] = true;
    path = path_of_deleted_topic(name);
    (void)model_zookeeper_create(run->cluster.zookeeper, path.text, BYTES_NULL);
}

void run_operator_elects(struct run *run, const int32_t *values) {
    char data[160];

    snprintf(data, sizeof(data),
             "{\"version\":1,\"partitions\":[{\"topic\":\"topic%d\",\"partition\":0},"
             "{\"topic\":\"topic0\",\"partition\":1}]}",
             values[0] % RUN_TOPICS);
    (void)model_zookeeper_create(run->cluster.zookeeper, PATH_PREFERRED_ELECTION,
                                 bytes_of_text(data));
}

void run_operator_reassigns(struct run *run, const int32_t *values) {
    char data[160];

    snprintf(data, sizeof(data),
             "{\"version\":1,\"partitions\":[{\"topic\":\"topic%d\",\"partition\":0,"
             "\"replicas\":[%d,%d]}]}",
             values[0] % RUN_TOPICS, 1 + values[1] % run->schedule->brokers,
             1 + (values[1] + 1) % run->schedule->brokers);
    (void)model_zookeeper_create(run->cluster.zookeeper, PATH_REASSIGN_PARTITIONS,
                                 bytes_of_text(data));
}

void run_operator_deposes(struct run *run, const int32_t *values) {
    (void)values;
    (void)model_zookeeper_remove(run->cluster.zookeeper, PATH_CONTROLLER);
}

/* ---- Faults ---- */

void run_crash(struct run *run, const int32_t *values) {
    struct simulated_broker *broker = run_broker(run, values[0], true);

    if (broker != NULL)
        simulated_broker_stop(&run->cluster, broker->id, values[1]);
}

/* Ended in order, but nobody was asked before, and the session lives on. */
void run_halt(struct run *run, const int32_t *values) {
    struct simulated_broker *broker = run_broker(run, values[0], true);

    if (broker != NULL)
        simulated_broker_close(&run->cluster, broker->id, values[1]);
}

struct coming_back {
    struct run *run;
    int32_t id;
};

static void come_back(void *context) {
    struct coming_back *coming = context;

    if (!coming->run->cluster.brokers[coming->id].runs && !coming->run->cluster.is_over)
        simulated_broker_start(&coming->run->cluster, coming->id, NULL);
    free(coming);
}

/* Gone and back, often before anybody has seen it gone. */
void run_bounce(struct run *run, const int32_t *values) {
    struct simulated_broker *broker = run_broker(run, values[0], true);
    struct coming_back *coming;

    if (broker == NULL)
        return;
    coming = calloc(1, sizeof(*coming));
    CHECK(coming != NULL);
    *coming = (struct coming_back){run, broker->id};
    if (values[1] != 0)
        simulated_broker_close(&run->cluster, broker->id, 0);
    else
        simulated_broker_stop(&run->cluster, broker->id, 0);
    simulator_schedule(&run->cluster.simulator, values[2], come_back, coming);
}

/* As when the power fails: some close their logs in time, and some have batteries. */
void run_blackout(struct run *run, const int32_t *values) {
    for (int32_t id = 1; id <= run->schedule->brokers; id++) {
        bool closes = (values[0] >> (id - 1) & 1) != 0,
             is_spared = (values[1] >> (id - 1) & 1) != 0;
        if (!run->cluster.brokers[id].runs || is_spared)
            continue;
        if (closes)
            simulated_broker_close(&run->cluster, id, values[2]);
        else
            simulated_broker_stop(&run->cluster, id, values[2]);
    }
}

void run_restart(struct run *run, const int32_t *values) {
    struct simulated_broker *broker = run_broker(run, values[0], false);

    if (broker != NULL)
        simulated_broker_start(&run->cluster, (int32_t)(broker - run->cluster.brokers), NULL);
}

void run_disconnect(struct run *run, const int32_t *values) {
    struct simulated_broker *broker = run_broker(run, values[0], true);

    if (broker != NULL)
        model_client_disconnect(broker->client, values[1]);
}

void run_expire(struct run *run, const int32_t *values) {
    struct simulated_broker *broker = run_broker(run, values[0], true);

    if (broker == NULL)
        return;
    if (values[1] > 0)
        model_client_disconnect(broker->client, values[1]);
    model_zookeeper_expire(run->cluster.zookeeper, zk_session_id(model_client_zk(broker->client)));
}

void run_delay(struct run *run, const int32_t *values) {
    static const int64_t delays_ms[] = {0, 1, 5, 40, 250};

    run->cluster.simulator.delay_ms_max = delays_ms[(size_t)values[0] % ARRAY_COUNT(delays_ms)];
}

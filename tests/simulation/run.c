#include "tests/simulation/run_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "zk-schema/paths.h"

/* Faults have stopped: sessions of the dead end, the living come to rest without them, then the
 * dead rise; each takes at most REST_MS_MAX. */
#define SESSIONS_END_MS 1600
#define PRODUCE_MS      1000
#define PROBE_MS        250
#define REST_MS_MAX     30000

static run_action *const actions[SCHEDULE_ACTIONS] = {
    [ACT_CREATE_TOPIC] = run_create_topic,
    [ACT_CREATE_PARTITIONS] = run_create_partitions,
    [ACT_DELETE_TOPIC] = run_delete_topic,
    [ACT_ELECT] = run_elect,
    [ACT_ALTER_PARTITION] = run_alter_partition,
    [ACT_REASSIGN] = run_reassign,
    [ACT_CANCEL] = run_cancel,
    [ACT_PRODUCER_IDS] = run_producer_ids,
    [ACT_SHUTDOWN] = run_shutdown,
    [ACT_OPERATOR_CREATES] = run_operator_creates,
    [ACT_OPERATOR_MARKS] = run_operator_marks,
    [ACT_OPERATOR_ELECTS] = run_operator_elects,
    [ACT_OPERATOR_REASSIGNS] = run_operator_reassigns,
    [ACT_OPERATOR_DEPOSES] = run_operator_deposes,
    [ACT_CRASH] = run_crash,
    [ACT_HALT] = run_halt,
    [ACT_BOUNCE] = run_bounce,
    [ACT_BLACKOUT] = run_blackout,
    [ACT_RESTART] = run_restart,
    [ACT_DISCONNECT] = run_disconnect,
    [ACT_EXPIRE] = run_expire,
    [ACT_DELAY] = run_delay,
};

/* ---- What the schedule names ---- */

int32_t run_broker_id(const struct run *run, int32_t number) {
    return 1 + (number > 0 ? number - 1 : 0) % run->schedule->brokers;
}

struct simulated_broker *run_broker(struct run *run, int32_t number, bool running) {
    for (int32_t i = 0; i < run->schedule->brokers; i++) {
        struct simulated_broker *broker =
            &run->cluster.brokers[run_broker_id(run, (number > 0 ? number : 1) + i)];
        if (broker->runs == running)
            return broker;
    }
    return NULL;
}

int64_t run_topic_number(struct bytes name) {
    CHECK(name.size == 6);
    return name.data[5] - '0';
}

bool run_topic(struct run *run, int32_t number, struct bytes *name, struct uuid *id) {
    const struct checker *checker = run->cluster.checker;
    size_t count = checker_topic_count(checker);
    char text[16];

    snprintf(text, sizeof(text), "topic%d", number % RUN_TOPICS);
    for (size_t i = 0; i < count; i++)
        if (checker_topic(checker, i, name, id) && bytes_equal_text(*name, text))
            return true;
    return count > 0 && checker_topic(checker, (size_t)number % count, name, id);
}

struct znode_path run_topic_path(int32_t number) {
    char text[16];

    snprintf(text, sizeof(text), "topic%d", number % RUN_TOPICS);
    return path_of_topic(bytes_of_text(text));
}

/* ---- Chaos ---- */

static void act(void *context) {
    struct run *run = context;
    const struct schedule_event *event = &run->schedule->events[run->next++];
    char text[256];

    if (run->cluster.simulator.tells) {
        schedule_event_format(event, text, sizeof(text));
        simulator_tell(&run->cluster.simulator, "---- %s", text);
    }
    actions[event->action](run, event->values);
}

static void begin(struct run *run, const struct run_options *options) {
    struct simulated_cluster *cluster = &run->cluster;

    simulated_cluster_init(cluster, run->schedule->seed);
    cluster->simulator.tells = cluster->simulator.tells || options->tells;
    cluster->without_fence = options->without_fence;
    cluster->without_registrations_check = options->without_registrations_check;
    cluster->resume_old_leaderships = options->resume_old_leaderships;
    cluster->replicas = model_replicas_new(cluster, run->schedule->unreliable);
    cluster->balance_interval_ms = run->schedule->balance_ms;
    cluster->changes_retained = (size_t)run->schedule->retained;
    for (int32_t id = 1; id <= run->schedule->brokers; id++)
        simulated_broker_start(cluster, id, NULL);
    for (size_t i = 0; i < run->schedule->count; i++)
        simulator_schedule(&cluster->simulator, run->schedule->events[i].at_ms, act, run);
}

static int64_t chaos_end_ms(const struct schedule *schedule) {
    return schedule->count == 0 ? 100 : schedule->events[schedule->count - 1].at_ms + 10;
}

/* ---- The end ---- */

static bool is_live(void *context, int32_t broker_id) {
    const struct run *run = context;

    return checker_registration(run->cluster.checker, broker_id, NULL) != 0;
}

static void check_known_topics(struct run *run) {
    struct checker *checker = run->cluster.checker;

    for (size_t i = 0; i < run->known_count; i++) {
        const struct known_topic *topic = &run->known[i];
        bool there = checker_has_topic_id(checker, &topic->id);
        /* A mark names a name, and so whatever topic has it when the mark is seen. */
        if (topic->created && !there && !topic->deletion_asked && !run->name_marked[topic->name])
            checker_broken(checker, "a topic that was created is gone");
        if (there && topic->deletion_acked)
            checker_broken(checker, "a topic that was deleted is there");
    }
}

/* What the living have to do without the dead. */
static void check_survivors(void *context) {
    struct run *run = context;
    struct checker *checker = run->cluster.checker;
    int active = 0, running = 0;

    for (int32_t id = 1; id <= run->schedule->brokers; id++) {
        const struct simulated_broker *broker = &run->cluster.brokers[id];
        running += broker->runs ? 1 : 0;
        active += broker->runs && controller_shell_is_active(broker->shell) ? 1 : 0;
    }
    if (running == 0)
        return;
    if (active != 1)
        checker_broken(checker, "%d controllers in the end", active);
    if (run->asked != run->answered)
        checker_broken(checker, "%" PRIu64 " requests, %" PRIu64 " answers", run->asked,
                       run->answered);
    checker_check_end(checker, is_live, run);
    check_known_topics(run);
}

static void check_end(void *context) {
    struct run *run = context;

    check_survivors(context);
    model_replicas_check_end(run->cluster.replicas);
}

static void compare_metadata(void *context) {
    simulated_reader_compare(context);
}

/* What is still wrong though the dead are dead. */
static const char *wrong_without_the_dead(struct run *run, struct simulated_reader **reader) {
    (void)reader;
    return checker_probe_end(run->cluster.checker, check_survivors, run);
}

/* What is still wrong; NULL if the cluster is at rest. A reader comes when all else is well, and
 * again if what it found was soon past. */
static const char *still_wrong(struct run *run, struct simulated_reader **reader) {
    const char *wrong = checker_probe_end(run->cluster.checker, check_end, run);

    if (wrong != NULL)
        return wrong;
    if (*reader == NULL) {
        *reader = simulated_reader_new(&run->cluster);
        return "nobody has come to read all";
    }
    if (!simulated_reader_is_loaded(*reader))
        return "a reader finds no end of its load";
    wrong = checker_probe_end(run->cluster.checker, compare_metadata, *reader);
    if (wrong != NULL) {
        simulated_reader_free(*reader);
        *reader = NULL;
    }
    return wrong;
}

static void rest(struct run *run,
                 const char *(*look)(struct run *run, struct simulated_reader **reader)) {
    struct simulator *simulator = &run->cluster.simulator;
    int64_t deadline_ms = simulator->now_ms + REST_MS_MAX;
    struct simulated_reader *reader = NULL;
    const char *wrong;

    while ((wrong = look(run, &reader)) != NULL) {
        if (simulator->now_ms >= deadline_ms)
            simulator_fail(simulator, "%s", wrong);
        simulator_run_until(simulator, simulator->now_ms + PROBE_MS);
    }
    simulated_reader_free(reader);
}

/* Returns how long it took. */
static int64_t come_to_rest(struct run *run) {
    struct simulator *simulator = &run->cluster.simulator;
    int64_t begun_ms = simulator->now_ms;

    simulator->delay_ms_max = 3;
    simulator_tell(simulator, "---- faults stop");
    model_replicas_be_reliable(run->cluster.replicas);
    simulator_run_until(simulator, simulator->now_ms + SESSIONS_END_MS);
    rest(run, wrong_without_the_dead);
    for (int32_t id = 1; id <= run->schedule->brokers; id++)
        if (!run->cluster.brokers[id].runs)
            simulated_broker_start(&run->cluster, id, NULL);
    simulator_run_until(simulator, simulator->now_ms + PRODUCE_MS);
    model_replicas_be_quiet(run->cluster.replicas);
    rest(run, still_wrong);
    return simulator->now_ms - begun_ms;
}

static void check_multis(struct run *run, const struct model_statistics *statistics) {
    if (statistics->multi_ops_max > 500)
        simulator_fail(&run->cluster.simulator, "a multi of %zu", statistics->multi_ops_max);
    if (statistics->multi_bytes_max > 512 * 1024)
        simulator_fail(&run->cluster.simulator, "a multi of %zu bytes",
                       statistics->multi_bytes_max);
}

struct run_outcome run_schedule(const struct schedule *schedule,
                                const struct run_options *options) {
    struct run *run = calloc(1, sizeof(*run));
    struct run_outcome outcome = {0};
    struct model_statistics statistics;

    CHECK(run != NULL && schedule->brokers >= 1 && schedule->brokers <= SIMULATED_BROKERS_MAX);
    run->schedule = schedule;
    begin(run, options);
    if (options->counts)
        checker_count_only(run->cluster.checker);
    simulator_run_until(&run->cluster.simulator, chaos_end_ms(schedule));
    if (!options->counts)
        outcome.rest_ms = come_to_rest(run);
    statistics = model_zookeeper_statistics(run->cluster.zookeeper);
    check_multis(run, &statistics);
    outcome.hash = run->cluster.simulator.hash;
    outcome.broken = checker_broken_count(run->cluster.checker);
    outcome.requests = run->answered;
    outcome.multis = statistics.multis;
    outcome.records = model_replicas_committed(run->cluster.replicas, &outcome.lost);
    simulated_cluster_done(&run->cluster);
    free(run->known);
    free(run);
    return outcome;
}

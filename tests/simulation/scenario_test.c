/*
 * Runs the stories in scenarios/: one command per line, `#` begins a comment. After each command
 * the simulation runs until all has come to rest (2 s of its time).
 *
 *   brokers 1 2@rack            start brokers
 *   balance SECONDS             from now on brokers start with automatic preferred elections
 *   wait SECONDS
 *   crash N                     kill; its session expires
 *   blackout [closed=1,2]       all are killed at once but those that still close their logs, and
 *                               all start again
 *   pause N                     kill; its session lives on
 *   restart N
 *   bounce N                    killed, its session gone, and back, before anybody sees it gone
 *   expire N                    the session of a running broker
 *   disconnect N MS
 *   depose                      an operator deletes /controller
 *   topic T-P replicas=1,2      create topic T with one partition (P is 0)
 *   create T partitions=N replication=N [unclean] => ERROR
 *   extend T partitions=N => ERROR
 *   delete T => ERROR
 *   alter T-P isr=1,2 [leader_epoch=N] [version=N] [by=N] => ERROR
 *   elect preferred|unclean T-P => ERROR
 *   reassign T-P replicas=1,2 => ERROR
 *   cancel T-P => ERROR         the reassignment under way
 *   shutdown N => ERROR remaining=N
 *   ids N => FIRST              a block of producer ids for broker N
 *   znode PATH DATA             an operator creates or sets a znode
 *   remove PATH                 an operator deletes one
 *   expect state T-P leader=N leader_epoch=N isr=1,2 [version=N] [recovering]
 *   expect replicas T-P 1,2 [adding=3] [removing=4]
 *   expect controller N|any [epoch=N]          0: nobody
 *   expect topic T partitions=N
 *   expect no PATH
 */
#include <dirent.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/simulation/simulated_cluster.h"
#include "zk-schema/paths.h"
#include "zk-schema/topic_znode.h"

#define WORDS_MAX 16
#define IDS_MAX   16

struct story {
    struct simulated_cluster cluster;
    const char *file;
    int line;
    char *words[WORDS_MAX];
    int word_count;
    const char *expected;             /* behind "=>" */
    struct checked_proposal proposal; /* under way */
    enum error answer;
    bool answered;
    size_t remaining;
    int64_t producer_id_start;
};

static _Noreturn void wrong(struct story *story, const char *format, ...) PRINTF_LIKE(2, 3);

static _Noreturn void wrong(struct story *story, const char *format, ...) {
    va_list arguments;

    fprintf(stderr, "%s:%d: ", story->file, story->line);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "\n");
    exit(1);
}

static void settle(struct story *story) {
    simulator_run_until(&story->cluster.simulator, story->cluster.simulator.now_ms + 2000);
}

/* ---- Words */

static const char *word(struct story *story, int index) {
    if (index >= story->word_count)
        wrong(story, "too few words");
    return story->words[index];
}

static int32_t number(struct story *story, const char *text) {
    char *end;
    long value = strtol(text, &end, 10);

    if (end == text || *end != '\0')
        wrong(story, "not a number: %s", text);
    return (int32_t)value;
}

/* The text behind "key=", or NULL. */
static const char *option(struct story *story, const char *key) {
    size_t size = strlen(key);

    for (int i = 1; i < story->word_count; i++)
        if (strncmp(story->words[i], key, size) == 0 && story->words[i][size] == '=')
            return story->words[i] + size + 1;
    return NULL;
}

static int32_t option_number(struct story *story, const char *key, int32_t otherwise) {
    const char *text = option(story, key);

    return text == NULL ? otherwise : number(story, text);
}

static bool flag(struct story *story, const char *name) {
    for (int i = 1; i < story->word_count; i++)
        if (strcmp(story->words[i], name) == 0)
            return true;
    return false;
}

static size_t ids(struct story *story, const char *text, int32_t out[IDS_MAX]) {
    size_t count = 0;

    while (text != NULL && *text != '\0') {
        char *end;
        out[count++] = (int32_t)strtol(text, &end, 10);
        if (end == text || count == IDS_MAX)
            wrong(story, "not a list of ids");
        text = *end == ',' ? end + 1 : end;
    }
    return count;
}

/* "orders-0" */
static int32_t topic_partition(struct story *story, const char *text, char topic[256]) {
    const char *dash = strrchr(text, '-');

    if (dash == NULL)
        wrong(story, "not a partition: %s", text);
    snprintf(topic, 256, "%.*s", (int)(dash - text), text);
    return number(story, dash + 1);
}

static struct simulated_broker *broker(struct story *story, const char *text) {
    return &story->cluster.brokers[number(story, text)];
}

static struct controller_shell *controller(struct story *story) {
    struct simulated_broker *active = simulated_cluster_controller(&story->cluster);

    if (active == NULL)
        wrong(story, "nobody is controller");
    return active->shell;
}

static void expect_answer(struct story *story) {
    settle(story);
    if (!story->answered)
        wrong(story, "no answer");
    if (story->expected != NULL && strcmp(story->expected, error_name(story->answer)) != 0)
        wrong(story, "answered %s", error_name(story->answer));
}

static void take_answer(struct story *story, enum error top, bool has_result, enum error result) {
    story->answered = true;
    story->answer = top != ERR_NONE || !has_result ? top : result;
}

/* ---- Brokers
 * -------------------------------------------------------------------------------------- */

static void run_brokers(struct story *story) {
    static char racks[SIMULATED_BROKERS_MAX + 1][16];

    for (int i = 1; i < story->word_count; i++) {
        char *at = strchr(story->words[i], '@');
        int32_t id;
        if (at != NULL)
            *at = '\0';
        id = number(story, story->words[i]);
        if (at != NULL)
            snprintf(racks[id], sizeof(racks[id]), "%s", at + 1);
        simulated_broker_start(&story->cluster, id, at == NULL ? NULL : racks[id]);
        settle(story); /* the first is the controller */
    }
}

static void run_crash(struct story *story) {
    simulated_broker_stop(&story->cluster, number(story, word(story, 1)), 500);
}

static void run_blackout(struct story *story) {
    int32_t closed[IDS_MAX];
    size_t closed_count = ids(story, option(story, "closed"), closed);
    bool ran[SIMULATED_BROKERS_MAX + 1] = {false};

    for (int32_t id = 1; id <= SIMULATED_BROKERS_MAX; id++) {
        bool is_closed = false;
        ran[id] = story->cluster.brokers[id].runs;
        for (size_t i = 0; i < closed_count; i++)
            is_closed = is_closed || closed[i] == id;
        if (ran[id] && is_closed)
            simulated_broker_close(&story->cluster, id, 1);
        else if (ran[id])
            simulated_broker_stop(&story->cluster, id, 1);
    }
    simulator_run_until(&story->cluster.simulator, story->cluster.simulator.now_ms + 10);
    for (int32_t id = 1; id <= SIMULATED_BROKERS_MAX; id++)
        if (ran[id])
            simulated_broker_start(&story->cluster, id, story->cluster.brokers[id].rack);
}

static void run_pause(struct story *story) {
    simulated_broker_stop(&story->cluster, number(story, word(story, 1)), 1000000);
}

static void run_restart(struct story *story) {
    struct simulated_broker *b = broker(story, word(story, 1));

    simulated_broker_start(&story->cluster, b->id, b->rack);
}

static void run_bounce(struct story *story) {
    struct simulated_broker *b = broker(story, word(story, 1));
    struct simulated_broker *active = simulated_cluster_controller(&story->cluster);

    if (active != NULL && active != b)
        model_client_disconnect(active->client, 1000);
    simulated_broker_stop(&story->cluster, b->id, 0);
    simulator_run_until(&story->cluster.simulator, story->cluster.simulator.now_ms + 1);
    simulated_broker_start(&story->cluster, b->id, b->rack);
}

static void run_expire(struct story *story) {
    struct simulated_broker *b = broker(story, word(story, 1));

    model_zookeeper_expire(story->cluster.zookeeper, zk_session_id(model_client_zk(b->client)));
}

static void run_disconnect(struct story *story) {
    model_client_disconnect(broker(story, word(story, 1))->client, number(story, word(story, 2)));
}

static void run_depose(struct story *story) {
    if (model_zookeeper_remove(story->cluster.zookeeper, PATH_CONTROLLER) != ERR_NONE)
        wrong(story, "nobody is controller");
}

/* ---- Requests
 * -------------------------------------------------------------------------------------- */

static void on_created(void *context, const struct controller_create_topics_response *response) {
    take_answer(context, response->error, response->result_count > 0,
                response->result_count > 0 ? response->results[0].error : ERR_NONE);
}

static void create(struct story *story, const struct controller_create_topic *topic) {
    struct controller_create_topics_request request = {topic, 1, false};

    controller_shell_create_topics(controller(story), &request, on_created, story);
    expect_answer(story);
}

static void run_topic(struct story *story) {
    char name[256];
    int32_t replicas[IDS_MAX];
    struct controller_partition_assignment row = {
        .partition = topic_partition(story, word(story, 1), name),
        .replicas = replicas,
        .replica_count = ids(story, option(story, "replicas"), replicas),
    };

    story->expected = "NONE";
    create(story, &(struct controller_create_topic){
                      .name = bytes_of_text(name), .assignments = &row, .assignment_count = 1});
}

static void run_create(struct story *story) {
    struct controller_topic_config_entry unclean = {bytes_of_text("unclean.leader.election.enable"),
                                                    bytes_of_text("true")};

    create(story, &(struct controller_create_topic){
                      .name = bytes_of_text(word(story, 1)),
                      .partition_count = option_number(story, "partitions", 1),
                      .replication_factor = option_number(story, "replication", 1),
                      .configs = &unclean,
                      .config_count = flag(story, "unclean") ? 1 : 0,
                  });
}

static void on_extended(void *context,
                        const struct controller_create_partitions_response *response) {
    take_answer(context, response->error, response->result_count > 0,
                response->result_count > 0 ? response->results[0].error : ERR_NONE);
}

static void run_extend(struct story *story) {
    struct controller_create_partitions topic = {
        .name = bytes_of_text(word(story, 1)),
        .partition_count = option_number(story, "partitions", 1),
    };
    struct controller_create_partitions_request request = {&topic, 1, false};

    controller_shell_create_partitions(controller(story), &request, on_extended, story);
    expect_answer(story);
}

static void on_deleted(void *context, const struct controller_delete_topics_response *response) {
    take_answer(context, response->error, response->result_count > 0,
                response->result_count > 0 ? response->results[0].error : ERR_NONE);
}

static void run_delete(struct story *story) {
    struct controller_delete_topic topic = {.name = bytes_of_text(word(story, 1))};
    struct controller_delete_topics_request request = {&topic, 1};

    controller_shell_delete_topics(controller(story), &request, on_deleted, story);
    expect_answer(story);
}

static void on_altered(void *context, const struct controller_alter_partition_response *response) {
    struct story *story = CONTAINER_OF(context, struct story, proposal);

    checker_on_proposal_answered(story->cluster.checker, &story->proposal, response);
    take_answer(story, response->error, response->result_count > 0,
                response->result_count > 0 ? response->results[0].error : ERR_NONE);
}

static struct checked_partition find_partition(struct story *story, const char *topic,
                                               int32_t partition) {
    struct checked_partition found;
    struct uuid id;

    if (!checker_topic_of_name(story->cluster.checker, bytes_of_text(topic), &id) ||
        !checker_find_partition(story->cluster.checker, &id, partition, 0, &found))
        wrong(story, "no such partition");
    return found;
}

static void run_alter(struct story *story) {
    char name[256];
    int32_t isr[IDS_MAX], partition = topic_partition(story, word(story, 1), name);
    struct checked_proposal *proposal = &story->proposal;
    struct checked_partition known = find_partition(story, name, partition);

    *proposal = (struct checked_proposal){
        .topic_id = known.topic_id,
        .partition = partition,
        .leader_epoch = option_number(story, "leader_epoch", known.leader_epoch),
        .partition_epoch = option_number(story, "version", known.version),
        .leader = option_number(story, "by", known.leader),
        .isr = isr,
        .isr_count = ids(story, option(story, "isr"), isr),
    };
    proposal->broker_epoch = story->cluster.brokers[proposal->leader].broker_epoch;
    checker_send_proposal(story->cluster.checker, controller(story), proposal, on_altered);
    expect_answer(story);
}

static void on_elected(void *context, const struct controller_elect_leaders_response *response) {
    take_answer(context, response->error, response->result_count > 0,
                response->result_count > 0 ? response->results[0].error : ERR_NONE);
}

static void run_elect(struct story *story) {
    char name[256];
    int32_t partition = topic_partition(story, word(story, 2), name);
    struct controller_topic_partition of = {bytes_of_text(name), partition};
    struct controller_elect_leaders_request request = {
        .type = strcmp(word(story, 1), "unclean") == 0 ? CONTROLLER_ELECTION_UNCLEAN
                                                       : CONTROLLER_ELECTION_PREFERRED,
        .partitions = &of,
        .partition_count = 1,
    };

    controller_shell_elect_leaders(controller(story), &request, on_elected, story);
    expect_answer(story);
}

static void on_reassigned(void *context,
                          const struct controller_alter_reassignments_response *response) {
    take_answer(context, response->error, response->result_count > 0,
                response->result_count > 0 ? response->results[0].error : ERR_NONE);
}

static void reassign(struct story *story, const int32_t *target, size_t target_count) {
    char name[256];
    struct controller_reassign_partition wanted = {.target = target, .target_count = target_count};
    struct controller_alter_reassignments_request request = {&wanted, 1};

    wanted.partition = topic_partition(story, word(story, 1), name);
    wanted.topic = bytes_of_text(name);
    controller_shell_alter_reassignments(controller(story), &request, on_reassigned, story);
    expect_answer(story);
}

static void run_reassign(struct story *story) {
    int32_t target[IDS_MAX];
    size_t count = ids(story, option(story, "replicas"), target);

    reassign(story, target, count);
}

static void run_cancel(struct story *story) {
    reassign(story, NULL, 0);
}

static void on_shutdown(void *context,
                        const struct controller_controlled_shutdown_response *response) {
    struct story *story = context;

    story->remaining = response->remaining_count;
    take_answer(story, response->error, false, ERR_NONE);
}

static void run_shutdown(struct story *story) {
    struct simulated_broker *b = broker(story, word(story, 1));
    struct controller_controlled_shutdown_request request = {b->id, b->broker_epoch};

    controller_shell_controlled_shutdown(controller(story), &request, on_shutdown, story);
    expect_answer(story);
    if ((int32_t)story->remaining != option_number(story, "remaining", 0))
        wrong(story, "%zu remain", story->remaining);
}

static void on_ids(void *context,
                   const struct controller_allocate_producer_ids_response *response) {
    struct story *story = context;

    story->producer_id_start = response->producer_id_start;
    take_answer(story, response->error, false, ERR_NONE);
}

static void run_ids(struct story *story) {
    struct simulated_broker *b = broker(story, word(story, 1));
    struct controller_allocate_producer_ids_request request = {b->id, b->broker_epoch};
    const char *first = story->expected;

    story->expected = "NONE";
    controller_shell_allocate_producer_ids(controller(story), &request, on_ids, story);
    expect_answer(story);
    if (story->producer_id_start != number(story, first))
        wrong(story, "from %" PRId64, story->producer_id_start);
}

/* ---- Operators
 * ---------------------------------------------------------------------------------------- */

static void run_znode(struct story *story) {
    struct bytes data = story->word_count > 2 ? bytes_of_text(word(story, 2)) : BYTES_NULL;
    enum error error = model_zookeeper_create(story->cluster.zookeeper, word(story, 1), data);

    if (error == ERR_ZK_NODE_EXISTS)
        error = model_zookeeper_set(story->cluster.zookeeper, word(story, 1), data);
    if (error != ERR_NONE)
        wrong(story, "%s", error_name(error));
}

static void run_remove(struct story *story) {
    enum error error = model_zookeeper_remove(story->cluster.zookeeper, word(story, 1));

    if (error != ERR_NONE)
        wrong(story, "%s", error_name(error));
}

static void run_balance(struct story *story) {
    story->cluster.balance_interval_ms = 1000 * (int64_t)number(story, word(story, 1));
}

static void run_wait(struct story *story) {
    struct simulator *simulator = &story->cluster.simulator;

    simulator_run_until(simulator,
                        simulator->now_ms + 1000 * (int64_t)number(story, word(story, 1)));
}

/* ---- Expectations
 * ---------------------------------------------------------------------------------------- */

static bool same_members(const struct checked_partition *p, const int32_t *isr, size_t count) {
    size_t found = 0;

    for (size_t i = 0; i < p->isr_count; i++)
        for (size_t j = 0; j < count; j++)
            found += p->isr[i] == isr[j] ? 1 : 0;
    return found == count && p->isr_count == count;
}

static void expect_state(struct story *story) {
    char name[256];
    int32_t partition = topic_partition(story, word(story, 2), name);
    struct checked_partition p = find_partition(story, name, partition);
    int32_t isr[IDS_MAX];

    if (p.leader != option_number(story, "leader", p.leader))
        wrong(story, "the leader is %d", p.leader);
    if (p.leader_epoch != option_number(story, "leader_epoch", p.leader_epoch))
        wrong(story, "the leader epoch is %d", p.leader_epoch);
    if (p.version != option_number(story, "version", p.version))
        wrong(story, "the version is %d", p.version);
    if (option(story, "isr") != NULL &&
        !same_members(&p, isr, ids(story, option(story, "isr"), isr)))
        wrong(story, "the isr has %zu members, the first is %d", p.isr_count, p.isr[0]);
    if (flag(story, "recovering") != (p.recovery_state == 1))
        wrong(story, "the recovery state is %d", p.recovery_state);
}

static void expect_ids(struct story *story, const char *what, const char *text, const int32_t *is,
                       int32_t is_count) {
    int32_t wanted[IDS_MAX];
    size_t count = text == NULL ? 0 : ids(story, text, wanted);

    if (count != (size_t)is_count || (count > 0 && memcmp(wanted, is, count * sizeof(*is)) != 0))
        wrong(story, "there are %d %s, the first is %d", is_count, what, is_count > 0 ? is[0] : 0);
}

static void expect_replicas(struct story *story) {
    char name[256];
    int32_t partition = topic_partition(story, word(story, 2), name);
    struct znode_path path = path_of_topic(bytes_of_text(name));
    const struct topic_znode_partition *assigned;
    struct topic_znode znode;
    struct arena arena;
    struct bytes data;

    arena_init(&arena, 1 << 20);
    if (!model_zookeeper_get(story->cluster.zookeeper, path.text, &data, NULL) ||
        topic_znode_decode(path.text, data, &arena, &znode, NULL) != ERR_NONE ||
        partition >= znode.partition_count)
        wrong(story, "no such partition");
    assigned = &znode.partitions[partition];
    expect_ids(story, "replicas", word(story, 3), assigned->replicas, assigned->replica_count);
    expect_ids(story, "added", option(story, "adding"), assigned->adding_replicas,
               assigned->adding_count);
    expect_ids(story, "removed", option(story, "removing"), assigned->removing_replicas,
               assigned->removing_count);
    arena_done(&arena);
}

static void expect_controller(struct story *story) {
    struct simulated_broker *active = simulated_cluster_controller(&story->cluster);
    int32_t id = active == NULL ? 0 : active->id;

    if (strcmp(word(story, 2), "any") == 0 ? active == NULL : id != number(story, word(story, 2)))
        wrong(story, "the controller is %d", id);
    if (active != NULL && controller_shell_epoch(active->shell) !=
                              option_number(story, "epoch", controller_shell_epoch(active->shell)))
        wrong(story, "the controller epoch is %d", controller_shell_epoch(active->shell));
}

static void expect_topic(struct story *story) {
    struct znode_path path = path_of_topic(bytes_of_text(word(story, 2)));
    struct topic_znode znode;
    struct arena arena;
    struct bytes data;

    arena_init(&arena, 1 << 20);
    if (!model_zookeeper_get(story->cluster.zookeeper, path.text, &data, NULL) ||
        topic_znode_decode(path.text, data, &arena, &znode, NULL) != ERR_NONE)
        wrong(story, "no such topic");
    if (uuid_is_zero(&znode.topic_id))
        wrong(story, "it has no id");
    if (znode.partition_count != option_number(story, "partitions", znode.partition_count))
        wrong(story, "it has %d partitions", znode.partition_count);
    arena_done(&arena);
}

static void expect_nothing(struct story *story) {
    if (model_zookeeper_get(story->cluster.zookeeper, word(story, 2), NULL, NULL))
        wrong(story, "it is there");
}

static void run_expect(struct story *story) {
    static const struct {
        const char *what;
        void (*run)(struct story *story);
    } kinds[] = {{"state", expect_state},
                 {"replicas", expect_replicas},
                 {"controller", expect_controller},
                 {"topic", expect_topic},
                 {"no", expect_nothing}};

    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++)
        if (strcmp(word(story, 1), kinds[i].what) == 0) {
            kinds[i].run(story);
            return;
        }
    wrong(story, "expect what?");
}

/* ---- Stories
 * ------------------------------------------------------------------------------------------------
 */

static const struct {
    const char *name;
    void (*run)(struct story *story);
} commands[] = {
    {"brokers", run_brokers},       {"crash", run_crash},
    {"pause", run_pause},           {"restart", run_restart},
    {"bounce", run_bounce},         {"expire", run_expire},
    {"disconnect", run_disconnect}, {"depose", run_depose},
    {"topic", run_topic},           {"create", run_create},
    {"extend", run_extend},         {"delete", run_delete},
    {"alter", run_alter},           {"elect", run_elect},
    {"balance", run_balance},       {"wait", run_wait},
    {"reassign", run_reassign},     {"cancel", run_cancel},
    {"shutdown", run_shutdown},     {"ids", run_ids},
    {"znode", run_znode},           {"remove", run_remove},
    {"expect", run_expect},         {"blackout", run_blackout},
};

static void split(struct story *story, char *line) {
    char *comment = line[0] == '#' ? line : strstr(line, " #");
    char *arrow, *rest = line;

    if (comment != NULL)
        *comment = '\0';
    story->expected = NULL;
    story->answered = false;
    arrow = strstr(line, "=>");
    if (arrow != NULL) {
        /* The error stands behind the arrow; what follows it are options again. */
        char *error = arrow + 2 + strspn(arrow + 2, " ");
        size_t size = strcspn(error, " \n");
        story->expected = strndup(error, size);
        CHECK(story->expected != NULL);
        memset(arrow, ' ', (size_t)(error - arrow) + size);
    }
    story->word_count = 0;
    for (;;) {
        rest += strspn(rest, " \t\n");
        if (*rest == '\0' || story->word_count == WORDS_MAX)
            break;
        story->words[story->word_count++] = rest;
        rest += strcspn(rest, " \t\n");
        if (*rest != '\0')
            *rest++ = '\0';
    }
}

static void run_line(struct story *story, char *line) {
    char *expected;

    split(story, line);
    expected = (char *)(uintptr_t)story->expected;
    if (story->word_count > 0) {
        size_t i = 0;
        while (i < ARRAY_COUNT(commands) && strcmp(commands[i].name, story->words[0]) != 0)
            i++;
        if (i == ARRAY_COUNT(commands))
            wrong(story, "unknown command %s", story->words[0]);
        commands[i].run(story);
        if (commands[i].run != run_expect)
            settle(story);
    }
    free(expected);
}

static void run_story(const char *file) {
    struct story *story = calloc(1, sizeof(*story));
    char line[1024];
    FILE *in = fopen(file, "r");

    CHECK(story != NULL && in != NULL);
    story->file = file;
    simulated_cluster_init(&story->cluster, 1);
    while (fgets(line, sizeof(line), in) != NULL) {
        story->line++;
        run_line(story, line);
    }
    fclose(in);
    simulated_cluster_done(&story->cluster);
    free(story);
    printf("%s\n", file);
}

static int is_story(const struct dirent *entry) {
    const char *dot = strrchr(entry->d_name, '.');

    return dot != NULL && strcmp(dot, ".txt") == 0;
}

int main(int argc, char **argv) {
    struct dirent **entries;
    int count;

    if (argc > 1) {
        run_story(argv[1]);
        return 0;
    }
    count = scandir("scenarios", &entries, is_story, alphasort);
    CHECK(count > 0);
    for (int i = 0; i < count; i++) {
        char path[512];
        snprintf(path, sizeof(path), "scenarios/%s", entries[i]->d_name);
        run_story(path);
        free(entries[i]);
    }
    free(entries);
    return 0;
}

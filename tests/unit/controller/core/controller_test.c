/*
 * The controller from event to effect: elections of itself, batches, and what becomes of a batch
 * that fails. Stories over a whole cluster are in tests/simulation.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "controller/core/controller.h"

#define EFFECTS_MAX 64

struct driver {
    struct controller *controller;
    struct controller_effects effects;
    uint64_t term; /* of the effects seen last */
};

static void driver_open(struct driver *driver) {
    driver->controller = controller_new(
        &(struct controller_config){.broker_id = 1, .rng_seed = 1, .delete_topic_enable = true});
    controller_effects_init(&driver->effects);
}

static void driver_close(struct driver *driver) {
    controller_effects_done(&driver->effects);
    controller_free(driver->controller);
}

static void step(struct driver *driver, struct controller_event event) {
    controller_effects_reset(&driver->effects);
    controller_step(driver->controller, &event, &driver->effects);
    if (driver->effects.count > 0)
        driver->term = driver->effects.items[driver->effects.count - 1].term;
}

static const struct controller_effect *find(struct driver *driver,
                                            enum controller_effect_kind kind) {
    for (size_t i = 0; i < driver->effects.count; i++)
        if (driver->effects.items[i].kind == kind)
            return &driver->effects.items[i];
    return NULL;
}

static size_t count(struct driver *driver, enum controller_effect_kind kind) {
    size_t found = 0;

    for (size_t i = 0; i < driver->effects.count; i++)
        found += driver->effects.items[i].kind == kind ? 1 : 0;
    return found;
}

static struct controller_event answer(struct driver *driver, enum controller_event_kind kind) {
    return (struct controller_event){.kind = kind, .term = driver->term};
}

static void read_controller(struct driver *driver, bool exists, bool ours) {
    struct controller_event event = answer(driver, CONTROLLER_EVENT_CONTROLLER_READ);

    event.controller_read.exists = exists;
    event.controller_read.ours = ours;
    step(driver, event);
}

static void read_epoch(struct driver *driver, int32_t epoch, int32_t version) {
    struct controller_event event = answer(driver, CONTROLLER_EVENT_CONTROLLER_EPOCH_READ);

    event.controller_epoch_read.epoch = epoch;
    event.controller_epoch_read.version = version;
    step(driver, event);
}

static void elected(struct driver *driver, enum error error) {
    struct controller_event event = answer(driver, CONTROLLER_EVENT_ELECTED);

    event.error = error;
    event.elected_version = 8;
    step(driver, event);
}

/* Up to the attempt: /controller is free, /controller_epoch is 6 at version 7. */
static void attempt(struct driver *driver) {
    const struct controller_effect *elect;

    step(driver, (struct controller_event){.kind = CONTROLLER_EVENT_BROKER_REGISTERED});
    assert_non_null(find(driver, CONTROLLER_EFFECT_READ_CONTROLLER));
    read_controller(driver, false, false);
    assert_non_null(find(driver, CONTROLLER_EFFECT_READ_CONTROLLER_EPOCH));
    read_epoch(driver, 6, 7);
    elect = find(driver, CONTROLLER_EFFECT_ELECT);
    assert_non_null(elect);
    assert_int_equal(elect->elect.epoch, 7);
    assert_int_equal(elect->elect.version, 7);
}

static void read_brokers(struct driver *driver, const struct controller_broker_read *brokers,
                         size_t broker_count) {
    struct controller_event event = answer(driver, CONTROLLER_EVENT_BROKERS_READ);

    event.brokers_read.brokers = brokers;
    event.brokers_read.count = broker_count;
    step(driver, event);
}

static const struct controller_broker_read three_brokers[] = {{1, 101, {NULL, 0}, 0, NULL, 0},
                                                              {2, 102, {NULL, 0}, 0, NULL, 0},
                                                              {3, 103, {NULL, 0}, 0, NULL, 0}};

#define TOPIC "orders"

/* A topic whose partition p is led by the first of its replicas (p + 0, 1, 2) mod 3 + 1. */
static void read_topic(struct driver *driver, size_t partition_count) {
    struct controller_partition_assignment *assignments =
        calloc(partition_count + 1, sizeof(*assignments));
    struct controller_state_read *states = calloc(partition_count + 1, sizeof(*states));
    int32_t *ids = calloc(partition_count * 3 + 1, sizeof(*ids));
    struct controller_topic_read topic = {
        .name = bytes_of_text(TOPIC),
        .topic_id = {{9}},
        .partitions_node_exists = true,
        .assignments = assignments,
        .states = states,
        .partition_count = partition_count,
    };
    struct controller_event event = answer(driver, CONTROLLER_EVENT_TOPIC_READ);

    for (size_t p = 0; p < partition_count; p++) {
        for (size_t r = 0; r < 3; r++)
            ids[3 * p + r] = (int32_t)((p + r) % 3) + 1;
        assignments[p] = (struct controller_partition_assignment){
            .partition = (int32_t)p, .replicas = ids + 3 * p, .replica_count = 3};
        states[p].version = 4;
        states[p].mzxid = 1000;
        states[p].state = (struct controller_partition_state){
            .leader = ids[3 * p], .leader_epoch = 2, .isr = ids + 3 * p, .isr_count = 3};
    }
    event.topic_read = &topic;
    step(driver, event);
    free(assignments);
    free(states);
    free(ids);
}

/* Elected at epoch 7, brokers 1 to 3, one topic; its first entry, number 0, is written. */
static void begin_term(struct driver *driver, size_t partition_count) {
    struct bytes name = bytes_of_text(TOPIC);
    struct controller_event event;
    const struct controller_effect *write;

    attempt(driver);
    elected(driver, ERR_NONE);
    read_brokers(driver, three_brokers, 3);
    event = answer(driver, CONTROLLER_EVENT_TOPICS_READ);
    event.topics_read = (struct controller_names){&name, 1};
    step(driver, event);
    read_topic(driver, partition_count);
    assert_false(controller_is_active(driver->controller));
    step(driver, answer(driver, CONTROLLER_EVENT_DELETE_TOPICS_READ));
    assert_true(controller_is_active(driver->controller));
    assert_int_equal(controller_epoch(driver->controller), 7);
    write = find(driver, CONTROLLER_EFFECT_WRITE);
    assert_non_null(write);
    assert_true(write->write.announce);
    assert_int_equal(write->write.write_count, 0);
    assert_int_equal(write->write.epoch_version, 8);
    event = answer(driver, CONTROLLER_EVENT_WRITTEN);
    event.token = write->token;
    step(driver, event);
    assert_int_equal(driver->effects.count, 0);
}

/* What a multi was: enough to answer it. */
struct sent {
    uint64_t token;
    size_t write_count;
    size_t elections;
    size_t removals;
    int32_t first_partition;
};

static size_t take_writes(struct driver *driver, struct sent *sent) {
    size_t found = 0;

    for (size_t i = 0; i < driver->effects.count; i++) {
        const struct controller_effect *effect = &driver->effects.items[i];
        if (effect->kind != CONTROLLER_EFFECT_WRITE)
            continue;
        assert_true(effect->write.write_count <= 500);
        sent[found] =
            (struct sent){.token = effect->token, .write_count = effect->write.write_count};
        sent[found].first_partition = effect->write.writes[0].partition;
        for (size_t w = 0; w < effect->write.write_count; w++) {
            const struct controller_write *write = &effect->write.writes[w];
            assert_int_equal(write->kind, CONTROLLER_WRITE_STATE_SET);
            assert_int_equal(write->state.controller_epoch, 7);
            /* Partition p was led by p mod 3 + 1. */
            if (write->state.leader == write->partition % 3 + 1)
                sent[found].removals++;
            else
                sent[found].elections++;
        }
        found++;
    }
    return found;
}

static void written(struct driver *driver, uint64_t token, enum error error,
                    enum controller_failed_operation failed, size_t index) {
    struct controller_event event = answer(driver, CONTROLLER_EVENT_WRITTEN);

    event.token = token;
    event.error = error;
    event.written.failed = failed;
    event.written.failed_index = index;
    event.written.failed_kind = CONTROLLER_WRITE_STATE_SET;
    event.written.change_number = -1;
    step(driver, event);
}

/* ---- The office
 * ---------------------------------------------------------------------------------- */

static void an_election_in_doubt_is_resolved_by_reading(void **state) {
    static const struct {
        const char *label;
        bool exists, ours;
        int32_t epoch; /* read afterwards; 0: not asked for */
        enum controller_effect_kind next;
    } cases[] = {
        {"it was lost", true, false, 0, 0},
        {"it was not applied", false, false, 6, CONTROLLER_EFFECT_ELECT},
        {"it was won", true, true, 7, CONTROLLER_EFFECT_READ_BROKERS},
        {"the node is ours, the epoch is another's", true, true, 8, CONTROLLER_EFFECT_RELINQUISH},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct driver driver;

        driver_open(&driver);
        attempt(&driver);
        elected(&driver, ERR_ZK_OUTCOME_UNKNOWN);
        assert_non_null(find(&driver, CONTROLLER_EFFECT_READ_CONTROLLER));
        read_controller(&driver, cases[i].exists, cases[i].ours);
        if (cases[i].epoch != 0) {
            assert_non_null(find(&driver, CONTROLLER_EFFECT_READ_CONTROLLER_EPOCH));
            read_epoch(&driver, cases[i].epoch, 8);
            if (find(&driver, cases[i].next) == NULL)
                fail_msg("%s", cases[i].label);
        } else if (driver.effects.count != 0) {
            fail_msg("%s: %zu effects", cases[i].label, driver.effects.count);
        }
        driver_close(&driver);
    }
}

static void a_lost_election_waits_for_the_next(void **state) {
    struct driver driver;

    (void)state;
    driver_open(&driver);
    attempt(&driver);
    elected(&driver, ERR_ZK_NODE_EXISTS);
    read_controller(&driver, true, false);
    assert_int_equal(driver.effects.count, 0);
    step(&driver, (struct controller_event){.kind = CONTROLLER_EVENT_CONTROLLER_CHANGED});
    assert_non_null(find(&driver, CONTROLLER_EFFECT_READ_CONTROLLER));
    read_controller(&driver, false, false);
    assert_non_null(find(&driver, CONTROLLER_EFFECT_READ_CONTROLLER_EPOCH));
    driver_close(&driver);
}

static void an_unregistered_broker_does_not_stand(void **state) {
    struct driver driver;

    (void)state;
    driver_open(&driver);
    step(&driver, (struct controller_event){.kind = CONTROLLER_EVENT_CONTROLLER_CHANGED});
    assert_int_equal(driver.effects.count, 0);
    attempt(&driver);
    step(&driver, (struct controller_event){.kind = CONTROLLER_EVENT_SESSION_OVER});
    step(&driver, (struct controller_event){.kind = CONTROLLER_EVENT_CONTROLLER_CHANGED});
    assert_int_equal(driver.effects.count, 0);
    driver_close(&driver);
}

/* A request in flight is answered, nothing more is written, and answers that come late are not
 * believed. */
static void a_lost_fence_ends_the_term(void **state) {
    static const struct controller_broker_read two[] = {{2, 102, {NULL, 0}, 0, NULL, 0},
                                                        {3, 103, {NULL, 0}, 0, NULL, 0}};
    struct controller_create_topic topic = {
        .name = bytes_of_text("new"), .partition_count = 1, .replication_factor = 1};
    struct controller_create_topics_request request = {&topic, 1, false};
    struct driver driver;
    const struct controller_effect *reply;
    uint64_t token, term;

    (void)state;
    driver_open(&driver);
    begin_term(&driver, 3);
    step(&driver, (struct controller_event){.kind = CONTROLLER_EVENT_CREATE_TOPICS,
                                            .token = 77,
                                            .create_topics = &request});
    assert_non_null(find(&driver, CONTROLLER_EFFECT_WRITE));
    token = find(&driver, CONTROLLER_EFFECT_WRITE)->token;
    term = driver.term;
    written(&driver, token, ERR_ZK_BAD_VERSION, CONTROLLER_FAILED_FENCE, 0);
    assert_false(controller_is_active(driver.controller));
    assert_non_null(find(&driver, CONTROLLER_EFFECT_TERM_ENDED));
    assert_non_null(find(&driver, CONTROLLER_EFFECT_READ_CONTROLLER));
    assert_null(find(&driver, CONTROLLER_EFFECT_WRITE));
    reply = find(&driver, CONTROLLER_EFFECT_REPLY);
    assert_non_null(reply);
    assert_int_equal(reply->token, 77);
    assert_int_equal(reply->reply.create_topics->error, ERR_NOT_CONTROLLER);
    driver.term = term;
    read_brokers(&driver, two, 2);
    assert_int_equal(driver.effects.count, 0);
    step(&driver, (struct controller_event){.kind = CONTROLLER_EVENT_CREATE_TOPICS,
                                            .token = 78,
                                            .create_topics = &request});
    assert_int_equal(find(&driver, CONTROLLER_EFFECT_REPLY)->reply.create_topics->error,
                     ERR_NOT_CONTROLLER);
    driver_close(&driver);
}

/* ---- A broker's death
 * -------------------------------------------------------------------------------- */

#define MANY 9000

/* Nothing is read, elections come before removals, multis are bounded and so are those in
 * flight. */
static void a_death_is_written_from_memory_elections_first(void **state) {
    struct sent sent[EFFECTS_MAX];
    size_t elections = 0, removals = 0, in_flight;
    struct driver driver;

    (void)state;
    driver_open(&driver);
    begin_term(&driver, MANY);
    read_brokers(&driver, three_brokers + 1, 2);
    in_flight = take_writes(&driver, sent);
    assert_int_equal(driver.effects.count, in_flight);
    assert_int_equal(in_flight, CONTROLLER_MULTIS_IN_FLIGHT_MAX);
    for (size_t i = 0; i < in_flight; i++) {
        if (sent[i].elections > 0)
            assert_int_equal(removals, 0);
        elections += sent[i].elections;
        removals += sent[i].removals;
        written(&driver, sent[i].token, ERR_NONE, CONTROLLER_FAILED_NONE, 0);
        in_flight += take_writes(&driver, sent + in_flight);
        assert_true(in_flight <= i + 1 + CONTROLLER_MULTIS_IN_FLIGHT_MAX);
    }
    assert_int_equal(elections, MANY / 3);
    assert_int_equal(removals, MANY - MANY / 3);
    driver_close(&driver);
}

/* A broker registered after the last listing: what was planned without it is not written. */
static void nothing_is_written_in_ignorance_of_a_registration(void **state) {
    static const struct controller_broker_read anew[] = {{2, 2002, {NULL, 0}, 2002, NULL, 0},
                                                         {3, 2003, {NULL, 0}, 0, NULL, 0}};
    struct controller_event event;
    struct sent sent[EFFECTS_MAX];
    struct driver driver;

    (void)state;
    driver_open(&driver);
    begin_term(&driver, 1);
    read_brokers(&driver, three_brokers + 1, 2);
    assert_int_equal(take_writes(&driver, sent), 1);
    written(&driver, sent[0].token, ERR_ZK_BAD_VERSION, CONTROLLER_FAILED_REGISTRATIONS, 0);
    assert_int_equal(count(&driver, CONTROLLER_EFFECT_READ_BROKERS), 1);
    assert_int_equal(count(&driver, CONTROLLER_EFFECT_WRITE), 0);
    event = answer(&driver, CONTROLLER_EVENT_BROKERS_READ);
    event.brokers_read.brokers = anew;
    event.brokers_read.count = 2;
    event.brokers_read.registrations = 9;
    step(&driver, event);
    /* Of the isr 1, 2, 3 the first is gone, the second may have lost records. */
    assert_int_equal(count(&driver, CONTROLLER_EFFECT_WRITE), 1);
    assert_int_equal(find(&driver, CONTROLLER_EFFECT_WRITE)->write.registrations, 9);
    assert_int_equal(find(&driver, CONTROLLER_EFFECT_WRITE)->write.writes[0].state.leader, 3);
    assert_int_equal(find(&driver, CONTROLLER_EFFECT_WRITE)->write.writes[0].state.isr_count, 1);
    driver_close(&driver);
}

/* ---- Who leaves
 * -------------------------------------------------------------------------------- */

/* Broker 1 asks with a registration that is not listed yet; what is planned before it is listed is
 * refused, and it is listed with `listed`. */
static void leave_before_being_listed(struct driver *driver,
                                      const struct controller_broker_read *listed) {
    static const struct controller_controlled_shutdown_request request = {1, 2001};
    struct controller_event event;
    struct sent sent[EFFECTS_MAX];

    driver_open(driver);
    begin_term(driver, 1);
    step(driver, (struct controller_event){.kind = CONTROLLER_EVENT_CONTROLLED_SHUTDOWN,
                                           .token = 77,
                                           .controlled_shutdown = &request});
    assert_int_equal(take_writes(driver, sent), 1);
    assert_int_equal(sent[0].elections, 1);
    written(driver, sent[0].token, ERR_ZK_BAD_VERSION, CONTROLLER_FAILED_REGISTRATIONS, 0);
    assert_null(find(driver, CONTROLLER_EFFECT_REPLY));
    event = answer(driver, CONTROLLER_EVENT_BROKERS_READ);
    event.brokers_read.brokers = listed;
    event.brokers_read.count = 3;
    event.brokers_read.registrations = 9;
    step(driver, event);
}

static void answers_that_nothing_remains(struct driver *driver) {
    const struct controller_effect *reply = find(driver, CONTROLLER_EFFECT_REPLY);

    assert_non_null(reply);
    assert_int_equal(reply->token, 77);
    assert_int_equal(reply->reply.controlled_shutdown->error, ERR_NONE);
    assert_int_equal(reply->reply.controlled_shutdown->remaining_count, 0);
}

/* The wish holds for the registration that it named: its broker does not come back into the ISR. */
static void a_shutdown_that_is_faster_than_a_listing_is_not_forgotten_by_it(void **state) {
    static const struct controller_broker_read listed[] = {{1, 2001, {NULL, 0}, 0, NULL, 0},
                                                           {2, 102, {NULL, 0}, 0, NULL, 0},
                                                           {3, 103, {NULL, 0}, 0, NULL, 0}};
    static const int32_t isr[] = {2, 3, 1};
    const struct controller_alter_partition proposal = {.topic = bytes_of_text(TOPIC),
                                                        .topic_id = {{9}},
                                                        .leader_epoch = 3,
                                                        .partition_epoch = 5,
                                                        .new_isr = isr,
                                                        .new_isr_count = 3};
    const struct controller_alter_partition_request request = {
        .broker_id = 2, .broker_epoch = 102, .partitions = &proposal, .partition_count = 1};
    const struct controller_effect *reply;
    struct sent sent[EFFECTS_MAX];
    struct driver driver;

    (void)state;
    leave_before_being_listed(&driver, listed);
    assert_int_equal(take_writes(&driver, sent), 1);
    assert_int_equal(sent[0].elections, 1);
    written(&driver, sent[0].token, ERR_NONE, CONTROLLER_FAILED_NONE, 0);
    answers_that_nothing_remains(&driver);
    step(&driver, (struct controller_event){.kind = CONTROLLER_EVENT_ALTER_PARTITION,
                                            .token = 78,
                                            .alter_partition = &request});
    reply = find(&driver, CONTROLLER_EFFECT_REPLY);
    assert_non_null(reply);
    assert_int_equal(reply->reply.alter_partition->results[0].error, ERR_INELIGIBLE_REPLICA);
    driver_close(&driver);
}

/* When all have registered anew, whoever leaves is as good as any until that is written. */
static void who_leaves_hands_over_though_all_registered_anew(void **state) {
    static const struct controller_broker_read listed[] = {{1, 2001, {NULL, 0}, 0, NULL, 0},
                                                           {2, 2002, {NULL, 0}, 0, NULL, 0},
                                                           {3, 2003, {NULL, 0}, 0, NULL, 0}};
    struct sent sent[EFFECTS_MAX];
    struct driver driver;

    (void)state;
    leave_before_being_listed(&driver, listed);
    assert_int_equal(take_writes(&driver, sent), 1);
    written(&driver, sent[0].token, ERR_NONE, CONTROLLER_FAILED_NONE, 0);
    assert_null(find(&driver, CONTROLLER_EFFECT_REPLY));
    assert_int_equal(take_writes(&driver, sent), 1);
    assert_int_equal(sent[0].elections, 1);
    written(&driver, sent[0].token, ERR_NONE, CONTROLLER_FAILED_NONE, 0);
    answers_that_nothing_remains(&driver);
    driver_close(&driver);
}

static void one_refused_state_is_read_and_the_others_are_sent_again(void **state) {
    struct controller_state_read read = {.version = 5, .mzxid = 2000};
    static const int32_t isr[] = {1, 2};
    struct controller_event event;
    struct sent sent[EFFECTS_MAX];
    struct driver driver;

    (void)state;
    driver_open(&driver);
    begin_term(&driver, 30);
    read_brokers(&driver, three_brokers + 1, 2);
    assert_int_equal(take_writes(&driver, sent), 1);
    assert_int_equal(sent[0].write_count, 30);
    written(&driver, sent[0].token, ERR_ZK_BAD_VERSION, CONTROLLER_FAILED_WRITE, 4);
    assert_int_equal(count(&driver, CONTROLLER_EFFECT_READ_STATE), 1);
    assert_int_equal(take_writes(&driver, sent), 1);
    assert_int_equal(sent[0].write_count, 29);
    /* It was written by somebody else: decided anew, at the version read. */
    event = answer(&driver, CONTROLLER_EVENT_STATE_READ);
    for (size_t i = 0; i < driver.effects.count; i++)
        if (driver.effects.items[i].kind == CONTROLLER_EFFECT_READ_STATE) {
            event.token = driver.effects.items[i].token;
            event.state_read.of = (struct controller_topic_partition){
                bytes_of_text(TOPIC), driver.effects.items[i].state.partition};
        }
    read.state = (struct controller_partition_state){
        .leader = 1, .leader_epoch = 2, .isr = isr, .isr_count = 2};
    event.state_read.read = &read;
    step(&driver, event);
    assert_non_null(find(&driver, CONTROLLER_EFFECT_WRITE));
    assert_int_equal(find(&driver, CONTROLLER_EFFECT_WRITE)->write.writes[0].version, 5);
    assert_int_equal(find(&driver, CONTROLLER_EFFECT_WRITE)->write.writes[0].state.leader, 2);
    assert_int_equal(find(&driver, CONTROLLER_EFFECT_WRITE)->write.writes[0].state.isr_count, 1);
    driver_close(&driver);
}

static void a_write_in_doubt_is_read_back_and_not_repeated_if_it_was_applied(void **state) {
    struct controller_state_read read = {.version = 5, .mzxid = 2000};
    int32_t isr[2];
    struct controller_event event;
    struct sent sent[EFFECTS_MAX];
    struct driver driver;

    (void)state;
    driver_open(&driver);
    begin_term(&driver, 1);
    read_brokers(&driver, three_brokers + 1, 2);
    assert_int_equal(take_writes(&driver, sent), 1);
    read.state = find(&driver, CONTROLLER_EFFECT_WRITE)->write.writes[0].state;
    isr[0] = read.state.isr[0];
    isr[1] = read.state.isr[1];
    read.state.isr = isr;
    written(&driver, sent[0].token, ERR_ZK_OUTCOME_UNKNOWN, CONTROLLER_FAILED_WHOLE, 0);
    assert_int_equal(count(&driver, CONTROLLER_EFFECT_READ_STATE), 1);
    assert_int_equal(count(&driver, CONTROLLER_EFFECT_READ_CHANGES), 1);
    assert_int_equal(count(&driver, CONTROLLER_EFFECT_WRITE), 0);
    event = answer(&driver, CONTROLLER_EVENT_STATE_READ);
    event.token = find(&driver, CONTROLLER_EFFECT_READ_STATE)->token;
    event.state_read.of = (struct controller_topic_partition){bytes_of_text(TOPIC), 0};
    event.state_read.read = &read;
    step(&driver, event);
    assert_int_equal(driver.effects.count, 0);
    driver_close(&driver);
}

/* ---- The change log
 * ------------------------------------------------------------------------------------ */

/* A failed purge asks for a new listing; the write that comes after it takes the oldest along. */
static void old_entries_are_purged_with_the_next_write(void **state) {
    int32_t numbers[600];
    struct controller_event event;
    struct driver driver;
    const struct controller_effect *write;
    uint64_t token;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(numbers); i++)
        numbers[i] = (int32_t)((i * 7) % ARRAY_COUNT(numbers)) + 1000;
    driver_open(&driver);
    begin_term(&driver, 3);
    read_brokers(&driver, three_brokers + 1, 2);
    written(&driver, find(&driver, CONTROLLER_EFFECT_WRITE)->token, ERR_ZK_NO_NODE,
            CONTROLLER_FAILED_PURGE, 0);
    event = answer(&driver, CONTROLLER_EVENT_CHANGES_READ);
    event.token = find(&driver, CONTROLLER_EFFECT_READ_CHANGES)->token;
    event.changes_read.numbers = numbers;
    event.changes_read.count = ARRAY_COUNT(numbers);
    write = find(&driver, CONTROLLER_EFFECT_WRITE);
    assert_non_null(write);
    assert_int_equal(write->write.purge_count, 0);
    token = write->token;
    step(&driver, event);
    written(&driver, token, ERR_NONE, CONTROLLER_FAILED_NONE, 0);
    read_brokers(&driver, three_brokers + 2, 1);
    write = find(&driver, CONTROLLER_EFFECT_WRITE);
    assert_non_null(write);
    assert_true(write->write.purge_count > 0);
    for (size_t i = 0; i < write->write.purge_count; i++)
        assert_int_equal(write->write.purge[i], 1000 + i);
    driver_close(&driver);
}

/* ---- Unclean elections */

static void read_config(struct driver *driver, const char *unclean) {
    struct controller_event event = answer(driver, CONTROLLER_EVENT_TOPIC_CONFIG_READ);

    event.topic_config_read.name = bytes_of_text(TOPIC);
    event.topic_config_read.unclean_leader_election_enable = bytes_of_text(unclean);
    step(driver, event);
}

static void finish_writes(struct driver *driver) {
    const struct controller_effect *write;

    while ((write = find(driver, CONTROLLER_EFFECT_WRITE)) != NULL)
        written(driver, write->token, ERR_NONE, CONTROLLER_FAILED_NONE, 0);
}

/* One partition that only broker 1 has whole; broker 1 is gone, 2 is back. */
static void lose_the_last_in_sync(struct driver *driver) {
    static const struct controller_broker_read back[] = {{2, 202, {NULL, 0}, 0, NULL, 0}};

    begin_term(driver, 1);
    read_brokers(driver, three_brokers, 1);
    finish_writes(driver);
    read_brokers(driver, back, 1);
    assert_int_equal(count(driver, CONTROLLER_EFFECT_READ_TOPIC_CONFIG), 1);
    finish_writes(driver);
    read_config(driver, NULL);
    assert_null(find(driver, CONTROLLER_EFFECT_WRITE));
}

static void the_default_of_unclean_elections_can_change(void **state) {
    static const struct {
        const char *label;
        bool allowed;
        const char *topic; /* what the topic says */
        bool is_elected;
    } cases[] = {
        {"allowed by default", true, NULL, true},
        {"the topic says no", true, "false", false},
        {"the topic says yes", true, "true", true},
    };
    struct controller_event event = {.kind = CONTROLLER_EVENT_UNCLEAN_DEFAULT_CHANGED};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct controller_effect *write;
        struct driver driver;

        driver_open(&driver);
        lose_the_last_in_sync(&driver);
        event.unclean_allowed = false;
        step(&driver, event);
        assert_int_equal(driver.effects.count, 0);
        event.unclean_allowed = cases[i].allowed;
        step(&driver, event);
        assert_int_equal(count(&driver, CONTROLLER_EFFECT_READ_TOPIC_CONFIG), 1);
        read_config(&driver, cases[i].topic);
        write = find(&driver, CONTROLLER_EFFECT_WRITE);
        if ((write != NULL) != cases[i].is_elected)
            fail_msg("%s", cases[i].label);
        if (write != NULL)
            assert_int_equal(write->write.writes[0].state.leader, 2);
        driver_close(&driver);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_election_in_doubt_is_resolved_by_reading),
        cmocka_unit_test(a_lost_election_waits_for_the_next),
        cmocka_unit_test(an_unregistered_broker_does_not_stand),
        cmocka_unit_test(a_lost_fence_ends_the_term),
        cmocka_unit_test(a_death_is_written_from_memory_elections_first),
        cmocka_unit_test(nothing_is_written_in_ignorance_of_a_registration),
        cmocka_unit_test(a_shutdown_that_is_faster_than_a_listing_is_not_forgotten_by_it),
        cmocka_unit_test(who_leaves_hands_over_though_all_registered_anew),
        cmocka_unit_test(one_refused_state_is_read_and_the_others_are_sent_again),
        cmocka_unit_test(a_write_in_doubt_is_read_back_and_not_repeated_if_it_was_applied),
        cmocka_unit_test(old_entries_are_purged_with_the_next_write),
        cmocka_unit_test(the_default_of_unclean_elections_can_change),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Transactions of the public producer against a cluster and coordinators that fail by script. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <barnabas/transactions.h>

#include "client/wire/message/add_offsets_to_txn.h"
#include "client/wire/message/add_partitions_to_txn.h"
#include "client/wire/message/end_txn.h"
#include "client/wire/message/find_coordinator.h"
#include "client/wire/message/txn_offset_commit.h"
#include "tests/unit/client/cluster_double.h"

#define TIMEOUT_MS 30000

/* --- coordinators -------------------------------------------------------------------------- */

struct coordinators_double {
    int32_t broker_id[2];          /* by kind; other brokers refuse */
    bool added[DOUBLE_PARTITIONS]; /* to the open transaction */
    bool group_added;
    int64_t pending_offset; /* -1: none */
    int64_t offset;         /* committed */
    int32_t generation_id;
    char member_id[32];
    int commits;
    int aborts;
    size_t batches[DOUBLE_PARTITIONS]; /* that were there at the last end */
};

static enum error coordinated(const struct double_call *call, int kind) {
    const struct coordinators_double *more = call->cluster->more;

    if (call->error != ERR_NONE)
        return call->error;
    return more->broker_id[kind] == call->broker->id ? ERR_NONE : ERR_NOT_COORDINATOR;
}

static void serve_find_coordinator(struct double_call *call) {
    const struct find_coordinator_request *request = call->request;
    const struct coordinators_double *more = call->cluster->more;
    struct find_coordinator_response response;

    find_coordinator_response_init(&response);
    response.coordinators = arena_alloc(call->arena, 1, sizeof(*response.coordinators));
    response.coordinators_count = 1;
    find_coordinator_response_coordinators_init(&response.coordinators[0]);
    response.coordinators[0].key = request->coordinator_keys[0];
    response.coordinators[0].error_code = (int16_t)call->error;
    response.coordinators[0].node_id = more->broker_id[request->key_type];
    response.coordinators[0].host = bytes_of_text("127.0.0.1");
    find_coordinator_response_encode(call->writer, call->version, &response);
}

static void serve_add_partitions(struct double_call *call) {
    const struct add_partitions_to_txn_request *request = call->request;
    struct coordinators_double *more = call->cluster->more;
    const struct add_partitions_to_txn_topic *topic = &request->v3_and_below_topics[0];
    enum error error = coordinated(call, 1);
    struct add_partitions_to_txn_response response;
    struct add_partitions_to_txn_topic_result *result;

    assert_int_equal(request->v3_and_below_topics_count, 1);
    add_partitions_to_txn_response_init(&response);
    result = arena_alloc(call->arena, 1, sizeof(*result));
    result->name = topic->name;
    result->results_by_partition = arena_alloc(call->arena, (size_t)topic->partitions_count,
                                               sizeof(*result->results_by_partition));
    result->results_by_partition_count = topic->partitions_count;
    for (int32_t i = 0; i < topic->partitions_count; i++) {
        result->results_by_partition[i].partition_index = topic->partitions[i];
        result->results_by_partition[i].partition_error_code = (int16_t)error;
        more->added[topic->partitions[i]] |= error == ERR_NONE;
    }
    response.results_by_topic_v3_and_below = result;
    response.results_by_topic_v3_and_below_count = 1;
    add_partitions_to_txn_response_encode(call->writer, call->version, &response);
}

static void serve_add_offsets(struct double_call *call) {
    struct coordinators_double *more = call->cluster->more;
    struct add_offsets_to_txn_response response;

    add_offsets_to_txn_response_init(&response);
    response.error_code = (int16_t)coordinated(call, 1);
    more->group_added |= response.error_code == ERR_NONE;
    add_offsets_to_txn_response_encode(call->writer, call->version, &response);
}

static void serve_txn_offset_commit(struct double_call *call) {
    const struct txn_offset_commit_request *request = call->request;
    struct coordinators_double *more = call->cluster->more;
    struct txn_offset_commit_response response;

    txn_offset_commit_response_init(&response);
    response.topics = arena_alloc(call->arena, 1, sizeof(*response.topics));
    response.topics_count = 1;
    response.topics[0].name = request->topics[0].name;
    response.topics[0].partitions =
        arena_alloc(call->arena, 1, sizeof(*response.topics[0].partitions));
    response.topics[0].partitions_count = 1;
    response.topics[0].partitions[0].error_code = (int16_t)coordinated(call, 0);
    if (response.topics[0].partitions[0].error_code == ERR_NONE) {
        assert_true(more->group_added);
        more->pending_offset = request->topics[0].partitions[0].committed_offset;
        more->generation_id = request->generation_id;
        snprintf(more->member_id, sizeof(more->member_id), "%.*s", (int)request->member_id.size,
                 (const char *)request->member_id.data);
    }
    txn_offset_commit_response_encode(call->writer, call->version, &response);
}

/* Nothing was written to a partition that had not been added. */
static void check_partitions(const struct double_call *call, struct coordinators_double *more) {
    for (int i = 0; i < DOUBLE_PARTITIONS; i++) {
        size_t count = call->cluster->partitions[i].batch_count;

        assert_true(count == more->batches[i] || more->added[i]);
        more->batches[i] = count;
    }
}

static void serve_end(struct double_call *call) {
    const struct end_txn_request *request = call->request;
    struct coordinators_double *more = call->cluster->more;
    struct end_txn_response response;

    end_txn_response_init(&response);
    response.error_code = (int16_t)coordinated(call, 1);
    if (response.error_code == ERR_NONE) {
        check_partitions(call, more);
        if (request->committed && more->pending_offset >= 0)
            more->offset = more->pending_offset;
        more->pending_offset = -1;
        more->group_added = false;
        memset(more->added, 0, sizeof(more->added));
        if (request->committed)
            more->commits++;
        else
            more->aborts++;
    }
    end_txn_response_encode(call->writer, call->version, &response);
}

static bool serve_transactions(struct double_call *call, int16_t api_key) {
    switch (api_key) {
    case API_FIND_COORDINATOR:
        serve_find_coordinator(call);
        return true;
    case API_ADD_PARTITIONS_TO_TXN:
        serve_add_partitions(call);
        return true;
    case API_ADD_OFFSETS_TO_TXN:
        serve_add_offsets(call);
        return true;
    case API_TXN_OFFSET_COMMIT:
        serve_txn_offset_commit(call);
        return true;
    case API_END_TXN:
        serve_end(call);
        return true;
    default:
        CHECK(false);
    }
    return false;
}

/* --- the producer -------------------------------------------------------------------------- */

struct fixture {
    struct cluster_double *cluster;
    struct coordinators_double more;
    struct barnabas_producer *producer;
};

/* Keys and values end in NULL. */
static void set_up(struct fixture *fixture, const char *const *settings) {
    struct barnabas_config *config = barnabas_config_new();

    memset(fixture, 0, sizeof(*fixture));
    fixture->more.broker_id[0] = 1;
    fixture->more.broker_id[1] = 2;
    fixture->more.pending_offset = -1;
    fixture->cluster = cluster_double_start();
    fixture->cluster->more = &fixture->more;
    fixture->cluster->serve_more = serve_transactions;
    barnabas_config_set(config, "bootstrap.servers", fixture->cluster->bootstrap, NULL);
    barnabas_config_set(config, "transactional.id", "tx", NULL);
    barnabas_config_set(config, "retry.backoff.ms", "5", NULL);
    barnabas_config_set(config, "reconnect.backoff.ms", "5", NULL);
    barnabas_config_set(config, "request.timeout.ms", "1000", NULL);
    for (; settings[0] != NULL; settings += 2)
        barnabas_config_set(config, settings[0], settings[1], NULL);
    assert_int_equal(barnabas_producer_open(config, &fixture->producer, NULL), BARNABAS_OK);
    barnabas_config_free(config);
}

static const char *const no_settings[] = {NULL};

static void tear_down(struct fixture *fixture) {
    barnabas_producer_close(fixture->producer, 0);
    cluster_double_stop(fixture->cluster);
}

static void init(struct fixture *fixture) {
    assert_int_equal(barnabas_producer_init_transactions(fixture->producer, TIMEOUT_MS),
                     BARNABAS_OK);
}

static int send_one(struct fixture *fixture, int32_t partition) {
    struct barnabas_record record = {.topic = "t",
                                     .partition = partition,
                                     .value = "value",
                                     .value_size = 5,
                                     .timestamp = BARNABAS_TIMESTAMP_NOW};

    return barnabas_producer_send(fixture->producer, &record, NULL, NULL);
}

static int send_offset(struct fixture *fixture, int64_t value) {
    struct barnabas_offset offset = {.topic = "in", .offset = value, .leader_epoch = -1};
    struct barnabas_group_metadata metadata = {"g", 7, "member", NULL};

    return barnabas_producer_send_offsets(fixture->producer, &offset, 1, &metadata, TIMEOUT_MS);
}

/* A transaction with records everywhere and an offset: the first error. */
static int transact(struct fixture *fixture, int64_t offset) {
    int error = barnabas_producer_begin_transaction(fixture->producer);

    for (int i = 0; i < 30 && error == BARNABAS_OK; i++)
        error = send_one(fixture, i % DOUBLE_PARTITIONS);
    if (error == BARNABAS_OK)
        error = send_offset(fixture, offset);
    if (error == BARNABAS_OK)
        error = barnabas_producer_commit_transaction(fixture->producer, TIMEOUT_MS);
    return error;
}

static int abort_it(struct fixture *fixture) {
    return barnabas_producer_abort_transaction(fixture->producer, TIMEOUT_MS);
}

static int64_t end_offsets(struct fixture *fixture) {
    return double_end_offset(fixture->cluster, 0) + double_end_offset(fixture->cluster, 1) +
           double_end_offset(fixture->cluster, 2);
}

static void transactions_are_committed_with_their_offsets(void **state) {
    struct fixture fixture;

    (void)state;
    set_up(&fixture, no_settings);
    init(&fixture);
    for (int i = 1; i <= 5; i++) {
        assert_int_equal(transact(&fixture, i), BARNABAS_OK);
        assert_int_equal(fixture.more.commits, i);
        assert_int_equal(fixture.more.offset, i);
        assert_int_equal(end_offsets(&fixture), 30 * i);
    }
    assert_int_equal(fixture.more.generation_id, 7);
    assert_string_equal(fixture.more.member_id, "member");
    assert_int_equal(double_served(fixture.cluster, API_INIT_PRODUCER_ID), 1);
    tear_down(&fixture);
}

static void batches_say_that_they_are_transactional(void **state) {
    struct fixture fixture;
    struct record_batch header;

    (void)state;
    set_up(&fixture, no_settings);
    init(&fixture);
    assert_int_equal(transact(&fixture, 1), BARNABAS_OK);
    for (int i = 0; i < DOUBLE_PARTITIONS; i++) {
        const struct double_batch *batch = &fixture.cluster->partitions[i].batches[0];

        assert_int_equal(record_batch_decode(bytes_of(batch->bytes, batch->size), &header),
                         ERR_NONE);
        assert_true(header.attributes & RECORD_BATCH_TRANSACTIONAL);
        assert_int_equal(header.base_sequence, 0);
    }
    tear_down(&fixture);
}

static void aborts_drop_and_end(void **state) {
    struct fixture fixture;

    (void)state;
    set_up(&fixture, no_settings);
    init(&fixture);
    assert_int_equal(barnabas_producer_begin_transaction(fixture.producer), BARNABAS_OK);
    assert_int_equal(send_one(&fixture, 0), BARNABAS_OK);
    assert_int_equal(barnabas_producer_flush(fixture.producer, TIMEOUT_MS), BARNABAS_OK);
    assert_int_equal(send_offset(&fixture, 5), BARNABAS_OK);
    assert_int_equal(abort_it(&fixture), BARNABAS_OK);
    assert_int_equal(fixture.more.aborts, 1);
    assert_int_equal(fixture.more.offset, 0);
    /* Nothing was begun at the coordinator. */
    assert_int_equal(barnabas_producer_begin_transaction(fixture.producer), BARNABAS_OK);
    assert_int_equal(abort_it(&fixture), BARNABAS_OK);
    assert_int_equal(fixture.more.aborts, 1);
    assert_int_equal(transact(&fixture, 6), BARNABAS_OK);
    tear_down(&fixture);
}

static void what_passes_is_survived(void **state) {
    static const int16_t apis[] = {API_FIND_COORDINATOR,
                                   API_INIT_PRODUCER_ID,
                                   API_ADD_PARTITIONS_TO_TXN,
                                   API_ADD_OFFSETS_TO_TXN,
                                   API_TXN_OFFSET_COMMIT,
                                   API_END_TXN,
                                   API_PRODUCE};
    static const enum error errors[] = {ERR_COORDINATOR_LOAD_IN_PROGRESS,
                                        ERR_COORDINATOR_NOT_AVAILABLE, ERR_NOT_COORDINATOR,
                                        ERR_CONCURRENT_TRANSACTIONS, ERR_REQUEST_TIMED_OUT};

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(apis); i++) {
        struct fixture fixture;

        set_up(&fixture, no_settings);
        double_add_fault(fixture.cluster, apis[i], FAULT_DROP_BEFORE, ERR_NONE);
        double_add_fault(fixture.cluster, apis[i], FAULT_DROP_AFTER, ERR_NONE);
        for (size_t j = 0; j < ARRAY_COUNT(errors); j++)
            double_add_fault(fixture.cluster, apis[i], FAULT_ERROR, errors[j]);
        init(&fixture);
        assert_int_equal(transact(&fixture, 1), BARNABAS_OK);
        assert_int_equal(transact(&fixture, 2), BARNABAS_OK);
        assert_int_equal(end_offsets(&fixture), 60);
        assert_int_equal(fixture.more.offset, 2);
        assert_int_equal(fixture.more.aborts, 0);
        tear_down(&fixture);
    }
}

/* Of which class the error is, and that the class is what happens. */
static void errors_are_retriable_abortable_or_fatal(void **state) {
    static const struct {
        int16_t api_key;
        enum error error;
        enum barnabas_error_class class;
    } cases[] = {
        {API_ADD_PARTITIONS_TO_TXN, ERR_TOPIC_AUTHORIZATION_FAILED, BARNABAS_CLASS_ABORTABLE},
        {API_ADD_PARTITIONS_TO_TXN, ERR_INVALID_PRODUCER_ID_MAPPING, BARNABAS_CLASS_ABORTABLE},
        {API_ADD_PARTITIONS_TO_TXN, ERR_PRODUCER_FENCED, BARNABAS_CLASS_FATAL},
        {API_ADD_PARTITIONS_TO_TXN, ERR_INVALID_TXN_STATE, BARNABAS_CLASS_FATAL},
        {API_ADD_OFFSETS_TO_TXN, ERR_GROUP_AUTHORIZATION_FAILED, BARNABAS_CLASS_ABORTABLE},
        {API_ADD_OFFSETS_TO_TXN, ERR_INVALID_PRODUCER_EPOCH, BARNABAS_CLASS_FATAL},
        {API_TXN_OFFSET_COMMIT, ERR_ILLEGAL_GENERATION, BARNABAS_CLASS_ABORTABLE},
        {API_TXN_OFFSET_COMMIT, ERR_FENCED_INSTANCE_ID, BARNABAS_CLASS_ABORTABLE},
        {API_TXN_OFFSET_COMMIT, ERR_PRODUCER_FENCED, BARNABAS_CLASS_FATAL},
        {API_PRODUCE, ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, BARNABAS_CLASS_ABORTABLE},
        {API_PRODUCE, ERR_INVALID_PRODUCER_EPOCH, BARNABAS_CLASS_ABORTABLE},
        {API_PRODUCE, ERR_INVALID_TXN_STATE, BARNABAS_CLASS_ABORTABLE},
        {API_PRODUCE, ERR_MESSAGE_TOO_LARGE, BARNABAS_CLASS_ABORTABLE},
        {API_PRODUCE, ERR_TRANSACTION_ABORTABLE, BARNABAS_CLASS_ABORTABLE},
        {API_PRODUCE, ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, BARNABAS_CLASS_FATAL},
        {API_END_TXN, ERR_TRANSACTION_ABORTABLE, BARNABAS_CLASS_ABORTABLE},
        {API_END_TXN, ERR_PRODUCER_FENCED, BARNABAS_CLASS_FATAL},
        {API_END_TXN, ERR_INVALID_TXN_STATE, BARNABAS_CLASS_FATAL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct fixture fixture;
        int error;

        set_up(&fixture, no_settings);
        init(&fixture);
        double_add_fault(fixture.cluster, cases[i].api_key, FAULT_ERROR, cases[i].error);
        error = transact(&fixture, 1);
        assert_int_equal(error, cases[i].error);
        assert_int_equal(barnabas_producer_error_class(fixture.producer, error), cases[i].class);
        assert_int_equal(barnabas_producer_begin_transaction(fixture.producer), error);
        assert_int_equal(send_one(&fixture, 0), error);
        assert_int_equal(fixture.more.commits, 0);
        if (cases[i].class == BARNABAS_CLASS_FATAL) {
            assert_int_equal(abort_it(&fixture), error);
        } else {
            assert_int_equal(abort_it(&fixture), BARNABAS_OK);
            assert_int_equal(transact(&fixture, 2), BARNABAS_OK);
            assert_int_equal(fixture.more.offset, 2);
        }
        tear_down(&fixture);
    }
}

static void a_gap_in_the_numbers_takes_the_next_epoch(void **state) {
    struct fixture fixture;

    (void)state;
    set_up(&fixture, no_settings);
    init(&fixture);
    double_add_fault(fixture.cluster, API_PRODUCE, FAULT_ERROR, ERR_MESSAGE_TOO_LARGE);
    assert_int_equal(transact(&fixture, 1), BARNABAS_MESSAGE_TOO_LARGE);
    assert_int_equal(abort_it(&fixture), BARNABAS_OK);
    assert_int_equal(double_served(fixture.cluster, API_INIT_PRODUCER_ID), 2);
    assert_int_equal(transact(&fixture, 2), BARNABAS_OK);
    tear_down(&fixture);
}

static void a_call_whose_time_is_up_goes_on(void **state) {
    static const char *const settings[] = {"request.timeout.ms", "300", NULL};
    struct fixture fixture;

    (void)state;
    set_up(&fixture, settings);
    double_add_fault(fixture.cluster, API_INIT_PRODUCER_ID, FAULT_STALL, ERR_NONE);
    assert_int_equal(barnabas_producer_init_transactions(fixture.producer, 10),
                     BARNABAS_REQUEST_TIMED_OUT);
    assert_int_equal(barnabas_producer_error_class(fixture.producer, BARNABAS_REQUEST_TIMED_OUT),
                     BARNABAS_CLASS_RETRIABLE);
    init(&fixture);
    assert_int_equal(barnabas_producer_begin_transaction(fixture.producer), BARNABAS_OK);
    assert_int_equal(send_one(&fixture, 0), BARNABAS_OK);
    double_add_fault(fixture.cluster, API_END_TXN, FAULT_STALL, ERR_NONE);
    assert_int_equal(barnabas_producer_commit_transaction(fixture.producer, 10),
                     BARNABAS_REQUEST_TIMED_OUT);
    assert_int_equal(barnabas_producer_begin_transaction(fixture.producer),
                     BARNABAS_CALL_OUT_OF_TURN);
    assert_int_equal(abort_it(&fixture), BARNABAS_CALL_OUT_OF_TURN);
    assert_int_equal(barnabas_producer_commit_transaction(fixture.producer, TIMEOUT_MS),
                     BARNABAS_OK);
    assert_int_equal(fixture.more.commits, 1);
    tear_down(&fixture);
}

/* What cannot be added for long, because the topic is gone or the group has no coordinator, does
 * not stand against the abort. */
static void an_abort_does_not_wait_for_what_it_drops(void **state) {
    static const struct {
        int16_t api_key;
        enum error error;
    } cases[] = {
        {API_ADD_PARTITIONS_TO_TXN, ERR_UNKNOWN_TOPIC_OR_PARTITION},
        {API_ADD_OFFSETS_TO_TXN, ERR_COORDINATOR_LOAD_IN_PROGRESS},
        {API_TXN_OFFSET_COMMIT, ERR_UNKNOWN_TOPIC_OR_PARTITION},
        {API_FIND_COORDINATOR, ERR_COORDINATOR_NOT_AVAILABLE},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct barnabas_offset offset = {.topic = "in"};
        struct barnabas_group_metadata metadata = {"g", -1, "", NULL};
        struct fixture fixture;
        int32_t count;

        set_up(&fixture, no_settings);
        init(&fixture);
        assert_int_equal(
            barnabas_producer_partition_count(fixture.producer, "t", TIMEOUT_MS, &count),
            BARNABAS_OK);
        for (int j = 0; j < DOUBLE_FAULTS; j++)
            double_add_fault(fixture.cluster, cases[i].api_key, FAULT_ERROR, cases[i].error);
        assert_int_equal(barnabas_producer_begin_transaction(fixture.producer), BARNABAS_OK);
        assert_int_equal(send_one(&fixture, 0), BARNABAS_OK);
        assert_int_equal(
            barnabas_producer_send_offsets(fixture.producer, &offset, 1, &metadata, 100),
            BARNABAS_REQUEST_TIMED_OUT);
        assert_int_equal(abort_it(&fixture), BARNABAS_OK);
        mutex_lock(&fixture.cluster->lock);
        assert_true(fixture.cluster->fault_count > 0);
        fixture.cluster->fault_count = 0;
        mutex_unlock(&fixture.cluster->lock);
        assert_int_equal(transact(&fixture, 2), BARNABAS_OK);
        assert_int_equal(fixture.more.offset, 2);
        tear_down(&fixture);
    }
}

static void init_that_is_not_allowed_may_be_called_again(void **state) {
    struct fixture fixture;
    int error = BARNABAS_TRANSACTIONAL_ID_AUTHORIZATION_FAILED;

    (void)state;
    set_up(&fixture, no_settings);
    double_add_fault(fixture.cluster, API_INIT_PRODUCER_ID, FAULT_ERROR, (enum error)error);
    assert_int_equal(barnabas_producer_init_transactions(fixture.producer, TIMEOUT_MS), error);
    assert_int_equal(barnabas_producer_error_class(fixture.producer, error),
                     BARNABAS_CLASS_RETRIABLE);
    init(&fixture);
    assert_int_equal(transact(&fixture, 1), BARNABAS_OK);
    tear_down(&fixture);
}

static void calls_out_of_turn_change_nothing(void **state) {
    struct barnabas_group_metadata metadata = {"", -1, "", NULL};
    struct fixture fixture;

    (void)state;
    set_up(&fixture, no_settings);
    assert_int_equal(send_one(&fixture, 0), BARNABAS_CALL_OUT_OF_TURN);
    assert_int_equal(barnabas_producer_error_class(fixture.producer, BARNABAS_CALL_OUT_OF_TURN),
                     BARNABAS_CLASS_MISUSE);
    assert_int_equal(transact(&fixture, 1), BARNABAS_CALL_OUT_OF_TURN);
    init(&fixture);
    assert_int_equal(send_one(&fixture, 0), BARNABAS_CALL_OUT_OF_TURN);
    assert_int_equal(send_offset(&fixture, 0), BARNABAS_CALL_OUT_OF_TURN);
    assert_int_equal(abort_it(&fixture), BARNABAS_CALL_OUT_OF_TURN);
    assert_int_equal(barnabas_producer_send_offsets(fixture.producer, NULL, 0, &metadata, 0),
                     BARNABAS_INVALID_REQUEST);
    assert_int_equal(transact(&fixture, 1), BARNABAS_OK);
    tear_down(&fixture);
}

static void without_an_id_there_are_no_transactions(void **state) {
    static const char *const settings[] = {"transactional.id", "", NULL};
    struct fixture fixture;

    (void)state;
    set_up(&fixture, settings);
    assert_int_equal(barnabas_producer_init_transactions(fixture.producer, TIMEOUT_MS),
                     BARNABAS_CONFIG_INVALID);
    assert_int_equal(send_one(&fixture, 0), BARNABAS_OK);
    assert_int_equal(barnabas_producer_flush(fixture.producer, TIMEOUT_MS), BARNABAS_OK);
    tear_down(&fixture);
}

static void closing_aborts_what_is_open(void **state) {
    struct fixture fixture;

    (void)state;
    set_up(&fixture, no_settings);
    init(&fixture);
    assert_int_equal(barnabas_producer_begin_transaction(fixture.producer), BARNABAS_OK);
    assert_int_equal(send_one(&fixture, 0), BARNABAS_OK);
    assert_int_equal(barnabas_producer_flush(fixture.producer, TIMEOUT_MS), BARNABAS_OK);
    barnabas_producer_close(fixture.producer, TIMEOUT_MS);
    assert_int_equal(fixture.more.aborts, 1);
    cluster_double_stop(fixture.cluster);
}

static void count_report(void *context, const struct barnabas_delivery *delivery) {
    int *reports = context;

    *reports += delivery->error == BARNABAS_OK ? 1 : 100;
}

static void in_poll_mode_reports_come_within_the_commit(void **state) {
    static const char *const settings[] = {"delivery.reports", "poll", NULL};
    struct barnabas_record record = {.topic = "t", .timestamp = BARNABAS_TIMESTAMP_NOW};
    struct fixture fixture;
    int reports = 0;

    (void)state;
    set_up(&fixture, settings);
    init(&fixture);
    assert_int_equal(barnabas_producer_begin_transaction(fixture.producer), BARNABAS_OK);
    for (int i = 0; i < 10; i++)
        assert_int_equal(barnabas_producer_send(fixture.producer, &record, count_report, &reports),
                         BARNABAS_OK);
    assert_int_equal(barnabas_producer_commit_transaction(fixture.producer, TIMEOUT_MS),
                     BARNABAS_OK);
    assert_int_equal(reports, 10);
    tear_down(&fixture);
}

/* The group's coordinator leaves the cluster while nobody asks it anything: nothing tells that it
 * is another one by now, but that the cluster does not know it any more. */
static void a_coordinator_that_left_unnoticed_is_found_anew(void **state) {
    static const char *const settings[] = {"metadata.max.age.ms", "20", NULL};
    struct fixture fixture;
    size_t asked;

    (void)state;
    set_up(&fixture, settings);
    init(&fixture);
    assert_int_equal(transact(&fixture, 1), BARNABAS_OK);
    for (int i = 0; i < DOUBLE_PARTITIONS; i++)
        double_move_leader(fixture.cluster, i, 2);
    mutex_lock(&fixture.cluster->lock);
    fixture.cluster->hidden_broker = 1;
    fixture.cluster->controller_id = 2;
    fixture.more.broker_id[0] = 2;
    asked = fixture.cluster->served[API_METADATA];
    mutex_unlock(&fixture.cluster->lock);
    while (double_served(fixture.cluster, API_METADATA) < asked + 3)
        usleep(1000);
    assert_int_equal(transact(&fixture, 2), BARNABAS_OK);
    assert_int_equal(fixture.more.offset, 2);
    tear_down(&fixture);
}

/* The connection is closed because its broker left, with a request on it that may have been carried
 * out: the abort must find out, or the transaction stays open and its time-out fences us. */
static void an_abort_ends_what_a_coordinator_that_left_may_have_begun(void **state) {
    static const char *const settings[] = {"metadata.max.age.ms", "20", "request.timeout.ms",
                                           "20000", NULL};
    struct fixture fixture;
    size_t asked;

    (void)state;
    set_up(&fixture, settings);
    init(&fixture);
    for (int i = 0; i < DOUBLE_PARTITIONS; i++)
        double_move_leader(fixture.cluster, i, 1);
    double_add_fault(fixture.cluster, API_ADD_PARTITIONS_TO_TXN, FAULT_STALL, ERR_NONE);
    assert_int_equal(barnabas_producer_begin_transaction(fixture.producer), BARNABAS_OK);
    assert_int_equal(send_one(&fixture, 0), BARNABAS_OK);
    while (double_served(fixture.cluster, API_ADD_PARTITIONS_TO_TXN) == 0)
        usleep(1000);
    for (int i = 0; i < 20; i++)
        double_add_fault(fixture.cluster, API_FIND_COORDINATOR, FAULT_ERROR,
                         ERR_COORDINATOR_NOT_AVAILABLE);
    mutex_lock(&fixture.cluster->lock);
    fixture.cluster->hidden_broker = 2;
    fixture.more.broker_id[1] = 1;
    asked = fixture.cluster->served[API_FIND_COORDINATOR];
    mutex_unlock(&fixture.cluster->lock);
    while (double_served(fixture.cluster, API_FIND_COORDINATOR) == asked)
        usleep(1000);
    assert_int_equal(abort_it(&fixture), BARNABAS_OK);
    assert_int_equal(fixture.more.aborts, 1);
    tear_down(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transactions_are_committed_with_their_offsets),
        cmocka_unit_test(batches_say_that_they_are_transactional),
        cmocka_unit_test(aborts_drop_and_end),
        cmocka_unit_test(what_passes_is_survived),
        cmocka_unit_test(errors_are_retriable_abortable_or_fatal),
        cmocka_unit_test(a_gap_in_the_numbers_takes_the_next_epoch),
        cmocka_unit_test(a_call_whose_time_is_up_goes_on),
        cmocka_unit_test(an_abort_does_not_wait_for_what_it_drops),
        cmocka_unit_test(init_that_is_not_allowed_may_be_called_again),
        cmocka_unit_test(calls_out_of_turn_change_nothing),
        cmocka_unit_test(without_an_id_there_are_no_transactions),
        cmocka_unit_test(closing_aborts_what_is_open),
        cmocka_unit_test(in_poll_mode_reports_come_within_the_commit),
        cmocka_unit_test(a_coordinator_that_left_unnoticed_is_found_anew),
        cmocka_unit_test(an_abort_ends_what_a_coordinator_that_left_may_have_begun),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

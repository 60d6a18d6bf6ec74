/* The public producer against a cluster that fails by script. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <barnabas/producer.h>

#include "tests/unit/client/cluster_double.h"

#define TIMEOUT_MS 30000

/* What the callbacks saw. */
struct seen {
    struct mutex lock;
    size_t count;
    size_t failed;
    int last_error;
    int64_t last_offset;
    int32_t last_partition;
    bool in_order; /* offsets only grew */
    pthread_t thread;
};

static void seen_init(struct seen *seen) {
    memset(seen, 0, sizeof(*seen));
    mutex_init(&seen->lock);
    seen->last_offset = -1;
    seen->in_order = true;
}

static void on_delivered(void *context, const struct barnabas_delivery *delivery) {
    struct seen *seen = context;

    mutex_lock(&seen->lock);
    seen->count++;
    seen->failed += delivery->error != BARNABAS_OK;
    seen->last_error = delivery->error;
    seen->in_order &= delivery->offset > seen->last_offset;
    seen->last_offset = delivery->offset;
    seen->last_partition = delivery->partition;
    seen->thread = pthread_self();
    mutex_unlock(&seen->lock);
}

struct fixture {
    struct cluster_double *cluster;
    struct barnabas_producer *producer;
    struct seen seen;
};

/* Keys and values end in NULL. */
static void set_up(struct fixture *fixture, const char *const *settings) {
    struct barnabas_config *config = barnabas_config_new();
    struct barnabas_reason reason;

    seen_init(&fixture->seen);
    fixture->cluster = cluster_double_start();
    assert_int_equal(
        barnabas_config_set(config, "bootstrap.servers", fixture->cluster->bootstrap, &reason),
        BARNABAS_OK);
    barnabas_config_set(config, "retry.backoff.ms", "5", NULL);
    barnabas_config_set(config, "reconnect.backoff.ms", "5", NULL);
    for (; settings[0] != NULL; settings += 2)
        assert_int_equal(barnabas_config_set(config, settings[0], settings[1], &reason),
                         BARNABAS_OK);
    assert_int_equal(barnabas_producer_open(config, &fixture->producer, &reason), BARNABAS_OK);
    barnabas_config_free(config);
}

static void tear_down(struct fixture *fixture) {
    barnabas_producer_close(fixture->producer, 0);
    cluster_double_stop(fixture->cluster);
}

static int send_to(struct fixture *fixture, const char *topic, int32_t partition) {
    struct barnabas_record record = {
        .topic = topic,
        .partition = partition,
        .value = "value",
        .value_size = 5,
        .timestamp = BARNABAS_TIMESTAMP_NOW,
    };

    return barnabas_producer_send(fixture->producer, &record, on_delivered, &fixture->seen);
}

static void send_many(struct fixture *fixture, int count) {
    for (int i = 0; i < count; i++)
        assert_int_equal(send_to(fixture, "t", 0), BARNABAS_OK);
    assert_int_equal(barnabas_producer_flush(fixture->producer, TIMEOUT_MS), BARNABAS_OK);
    assert_int_equal(barnabas_producer_outstanding(fixture->producer), 0);
}

static const char *const no_settings[] = {NULL};

static void records_are_stored_once_and_reported_in_order(void **state) {
    static const char *const codecs[] = {"none", "gzip", "snappy", "lz4", "zstd"};

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(codecs); i++) {
        const char *const settings[] = {"compression.type", codecs[i], NULL};
        struct fixture fixture;

        set_up(&fixture, settings);
        send_many(&fixture, 2000);
        assert_int_equal(fixture.seen.count, 2000);
        assert_int_equal(fixture.seen.failed, 0);
        assert_true(fixture.seen.in_order);
        assert_int_equal(fixture.seen.last_offset, 1999);
        assert_int_equal(double_end_offset(fixture.cluster, 0), 2000);
        tear_down(&fixture);
    }
}

static void faults_are_survived_without_loss_or_duplicates(void **state) {
    static const struct {
        const char *label;
        struct fault faults[4];
    } cases[] = {
        {"the answer is lost", {{API_PRODUCE, FAULT_DROP_AFTER, ERR_NONE}}},
        {"the request is lost", {{API_PRODUCE, FAULT_DROP_BEFORE, ERR_NONE}}},
        {"lost twice and refused",
         {{API_PRODUCE, FAULT_DROP_AFTER, ERR_NONE},
          {API_PRODUCE, FAULT_DROP_BEFORE, ERR_NONE},
          {API_PRODUCE, FAULT_ERROR, ERR_NOT_ENOUGH_REPLICAS}}},
        {"not the leader", {{API_PRODUCE, FAULT_ERROR, ERR_NOT_LEADER_OR_FOLLOWER}}},
        {"no metadata at first",
         {{API_METADATA, FAULT_DROP_BEFORE, ERR_NONE}, {API_METADATA, FAULT_DROP_AFTER, ERR_NONE}}},
        {"no producer id at first",
         {{API_INIT_PRODUCER_ID, FAULT_ERROR, ERR_COORDINATOR_LOAD_IN_PROGRESS},
          {API_INIT_PRODUCER_ID, FAULT_DROP_BEFORE, ERR_NONE}}},
        {"no versions at first", {{API_API_VERSIONS, FAULT_DROP_BEFORE, ERR_NONE}}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct fixture fixture;

        set_up(&fixture, no_settings);
        for (size_t j = 0; j < 4; j++)
            if (cases[i].faults[j].kind != FAULT_ERROR || cases[i].faults[j].error != ERR_NONE)
                double_add_fault(fixture.cluster, cases[i].faults[j].api_key,
                                 cases[i].faults[j].kind, cases[i].faults[j].error);
        send_many(&fixture, 500);
        send_many(&fixture, 500);
        assert_int_equal(fixture.seen.count, 1000);
        assert_int_equal(fixture.seen.failed, 0);
        assert_true(fixture.seen.in_order);
        assert_int_equal(double_end_offset(fixture.cluster, 0), 1000);
        tear_down(&fixture);
    }
}

static void the_leader_is_followed(void **state) {
    struct fixture fixture;

    (void)state;
    set_up(&fixture, no_settings);
    send_many(&fixture, 100);
    double_move_leader(fixture.cluster, 0, 2);
    send_many(&fixture, 100);
    double_move_leader(fixture.cluster, 0, 1);
    send_many(&fixture, 100);
    assert_int_equal(fixture.seen.failed, 0);
    assert_true(fixture.seen.in_order);
    assert_int_equal(double_end_offset(fixture.cluster, 0), 300);
    tear_down(&fixture);
}

static void an_error_that_stays_fails_its_records_and_no_others(void **state) {
    struct fixture fixture;

    (void)state;
    set_up(&fixture, no_settings);
    send_many(&fixture, 1);
    double_add_fault(fixture.cluster, API_PRODUCE, FAULT_ERROR, ERR_MESSAGE_TOO_LARGE);
    send_many(&fixture, 1);
    assert_int_equal(fixture.seen.failed, 1);
    assert_int_equal(fixture.seen.last_error, BARNABAS_MESSAGE_TOO_LARGE);
    send_many(&fixture, 1);
    assert_int_equal(fixture.seen.failed, 1);
    assert_int_equal(double_end_offset(fixture.cluster, 0), 2);
    tear_down(&fixture);
}

static void a_topic_that_cannot_be_had_fails_its_records(void **state) {
    static const struct {
        const char *label;
        const char *topic;
        enum error topic_error;
        int32_t partition;
        int error;
    } cases[] = {
        {"not authorised", "t", ERR_TOPIC_AUTHORIZATION_FAILED, -1,
         BARNABAS_TOPIC_AUTHORIZATION_FAILED},
        {"no such partition", "t", ERR_NONE, 3, BARNABAS_UNKNOWN_TOPIC_OR_PARTITION},
        {"never there", "other", ERR_NONE, -1, BARNABAS_UNKNOWN_TOPIC_OR_PARTITION},
    };
    static const char *const settings[] = {"request.timeout.ms", "200", "delivery.timeout.ms",
                                           "300", NULL};

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct fixture fixture;

        set_up(&fixture, settings);
        mutex_lock(&fixture.cluster->lock);
        fixture.cluster->topic_error = cases[i].topic_error;
        mutex_unlock(&fixture.cluster->lock);
        assert_int_equal(send_to(&fixture, cases[i].topic, cases[i].partition), BARNABAS_OK);
        assert_int_equal(barnabas_producer_flush(fixture.producer, TIMEOUT_MS), BARNABAS_OK);
        assert_int_equal(fixture.seen.count, 1);
        assert_int_equal(fixture.seen.last_error, cases[i].error);
        tear_down(&fixture);
    }
}

static void what_makes_no_sense_is_refused_at_once(void **state) {
    struct barnabas_record record = {.topic = "t", .timestamp = 5, .value = "", .partition = -1};
    struct fixture fixture;
    char *large = calloc(1, 2 << 20);

    (void)state;
    set_up(&fixture, no_settings);
    record.topic = "";
    assert_int_equal(barnabas_producer_send(fixture.producer, &record, NULL, NULL),
                     BARNABAS_INVALID_TOPIC);
    record.topic = "t";
    record.partition = -2;
    assert_int_equal(barnabas_producer_send(fixture.producer, &record, NULL, NULL),
                     BARNABAS_INVALID_REQUEST);
    record.partition = 0;
    record.timestamp = -2;
    assert_int_equal(barnabas_producer_send(fixture.producer, &record, NULL, NULL),
                     BARNABAS_INVALID_REQUEST);
    record.timestamp = 5;
    record.value = large;
    record.value_size = 2 << 20;
    assert_int_equal(barnabas_producer_send(fixture.producer, &record, NULL, NULL),
                     BARNABAS_MESSAGE_TOO_LARGE);
    assert_int_equal(barnabas_producer_outstanding(fixture.producer), 0);
    tear_down(&fixture);
    free(large);
}

static void a_full_buffer_fails_or_waits_for_room(void **state) {
    static const char *const failing[] = {"buffer.memory", "1000", "max.block.ms", "0", "linger.ms",
                                          "60000",         NULL};
    static const char *const waiting[] = {"buffer.memory", "1000", NULL};
    struct fixture fixture;
    int accepted = 0;

    (void)state;
    set_up(&fixture, failing);
    while (send_to(&fixture, "t", 0) == BARNABAS_OK)
        accepted++;
    assert_int_equal(send_to(&fixture, "t", 0), BARNABAS_OUT_OF_MEMORY);
    assert_true(accepted > 10 && accepted < 100);
    assert_int_equal(barnabas_producer_flush(fixture.producer, TIMEOUT_MS), BARNABAS_OK);
    assert_int_equal(send_to(&fixture, "t", 0), BARNABAS_OK);
    tear_down(&fixture);

    set_up(&fixture, waiting);
    send_many(&fixture, 500);
    assert_int_equal(double_end_offset(fixture.cluster, 0), 500);
    tear_down(&fixture);
}

static void closing_reports_what_is_left(void **state) {
    static const char *const settings[] = {"linger.ms", "20000", NULL};
    struct fixture fixture;

    (void)state;
    set_up(&fixture, settings);
    double_add_fault(fixture.cluster, API_PRODUCE, FAULT_STALL, ERR_NONE);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(send_to(&fixture, "t", 0), BARNABAS_OK);
        assert_int_equal(send_to(&fixture, "other", 0), BARNABAS_OK);
    }
    barnabas_producer_close(fixture.producer, 100);
    assert_int_equal(fixture.seen.count, 200);
    assert_int_equal(fixture.seen.failed, 200);
    assert_int_equal(fixture.seen.last_error, BARNABAS_CANCELLED);
    cluster_double_stop(fixture.cluster);
}

static void closing_in_time_delivers_all(void **state) {
    static const char *const settings[] = {"linger.ms", "20000", NULL};
    struct fixture fixture;

    (void)state;
    set_up(&fixture, settings);
    for (int i = 0; i < 100; i++)
        assert_int_equal(send_to(&fixture, "t", -1), BARNABAS_OK);
    barnabas_producer_close(fixture.producer, TIMEOUT_MS);
    assert_int_equal(fixture.seen.count, 100);
    assert_int_equal(fixture.seen.failed, 0);
    cluster_double_stop(fixture.cluster);
}

static void reports_can_be_polled_on_a_thread_of_ones_own(void **state) {
    static const char *const settings[] = {"delivery.reports", "poll", NULL};
    struct fixture fixture;

    (void)state;
    set_up(&fixture, settings);
    for (int i = 0; i < 100; i++)
        assert_int_equal(send_to(&fixture, "t", 0), BARNABAS_OK);
    while (fixture.seen.count < 50)
        barnabas_producer_poll(fixture.producer, TIMEOUT_MS);
    assert_int_equal(barnabas_producer_flush(fixture.producer, TIMEOUT_MS), BARNABAS_OK);
    assert_int_equal(fixture.seen.count, 100);
    assert_true(pthread_equal(fixture.seen.thread, pthread_self()));
    assert_int_equal(barnabas_producer_poll(fixture.producer, 0), 0);
    tear_down(&fixture);
}

/* Sends another record for each that was delivered, until there are a hundred. */
static void on_delivered_send_another(void *context, const struct barnabas_delivery *delivery) {
    struct fixture *fixture = context;
    struct barnabas_record record = {.topic = "t", .value = "x", .value_size = 1, .timestamp = 1};

    on_delivered(&fixture->seen, delivery);
    if (fixture->seen.count < 100)
        (void)barnabas_producer_send(fixture->producer, &record, on_delivered_send_another,
                                     fixture);
}

static void a_callback_may_send(void **state) {
    struct barnabas_record record = {.topic = "t", .value = "x", .value_size = 1, .timestamp = 1};
    struct fixture fixture;

    (void)state;
    set_up(&fixture, no_settings);
    assert_int_equal(
        barnabas_producer_send(fixture.producer, &record, on_delivered_send_another, &fixture),
        BARNABAS_OK);
    assert_int_equal(barnabas_producer_flush(fixture.producer, TIMEOUT_MS), BARNABAS_OK);
    assert_int_equal(fixture.seen.count, 100);
    assert_int_equal(double_end_offset(fixture.cluster, 0), 100);
    tear_down(&fixture);
}

static void without_acks_nothing_is_known_but_the_sending(void **state) {
    static const char *const settings[] = {"acks", "0", NULL};
    struct fixture fixture;

    (void)state;
    set_up(&fixture, settings);
    send_many(&fixture, 100);
    assert_int_equal(fixture.seen.failed, 0);
    assert_int_equal(fixture.seen.last_offset, BARNABAS_OFFSET_UNKNOWN);
    while (double_end_offset(fixture.cluster, 0) < 100)
        usleep(1000);
    tear_down(&fixture);
}

static void a_broker_without_producer_ids_is_served_unless_they_were_asked_for(void **state) {
    static const char *const asked[] = {"enable.idempotence", "true", NULL};
    struct fixture fixture;

    (void)state;
    for (int i = 0; i < 2; i++) {
        set_up(&fixture, i == 0 ? no_settings : asked);
        mutex_lock(&fixture.cluster->lock);
        fixture.cluster->hidden_api = API_INIT_PRODUCER_ID;
        mutex_unlock(&fixture.cluster->lock);
        send_many(&fixture, 10);
        assert_int_equal(fixture.seen.failed, i == 0 ? 0 : 10);
        assert_int_equal(fixture.seen.last_error,
                         i == 0 ? BARNABAS_OK : BARNABAS_UNSUPPORTED_VERSION);
        tear_down(&fixture);
    }
}

static void partitions_are_counted(void **state) {
    struct fixture fixture;
    int32_t count = 0;

    (void)state;
    set_up(&fixture, no_settings);
    assert_int_equal(barnabas_producer_partition_count(fixture.producer, "t", TIMEOUT_MS, &count),
                     BARNABAS_OK);
    assert_int_equal(count, DOUBLE_PARTITIONS);
    assert_int_equal(barnabas_producer_partition_count(fixture.producer, "other", 50, &count),
                     BARNABAS_UNKNOWN_TOPIC_OR_PARTITION);
    tear_down(&fixture);
}

#define SENDERS 4

static void *send_a_thousand(void *context) {
    struct fixture *fixture = context;

    for (int i = 0; i < 1000; i++)
        assert_int_equal(send_to(fixture, "t", -1), BARNABAS_OK);
    return NULL;
}

static void many_threads_may_send(void **state) {
    struct fixture fixture;
    pthread_t threads[SENDERS];
    int64_t stored = 0;

    (void)state;
    set_up(&fixture, no_settings);
    for (int i = 0; i < SENDERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, send_a_thousand, &fixture), 0);
    for (int i = 0; i < SENDERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(barnabas_producer_flush(fixture.producer, TIMEOUT_MS), BARNABAS_OK);
    assert_int_equal(fixture.seen.count, SENDERS * 1000);
    for (int32_t i = 0; i < DOUBLE_PARTITIONS; i++)
        stored += double_end_offset(fixture.cluster, i);
    assert_int_equal(stored, SENDERS * 1000);
    tear_down(&fixture);
}

static void what_was_done_is_counted(void **state) {
    struct barnabas_producer_statistics counted;
    struct fixture fixture;

    (void)state;
    set_up(&fixture, no_settings);
    double_add_fault(fixture.cluster, API_PRODUCE, FAULT_DROP_AFTER, ERR_NONE);
    send_many(&fixture, 100);
    double_add_fault(fixture.cluster, API_PRODUCE, FAULT_ERROR, ERR_MESSAGE_TOO_LARGE);
    assert_int_equal(send_to(&fixture, "t", 0), BARNABAS_OK);
    assert_int_equal(barnabas_producer_flush(fixture.producer, TIMEOUT_MS), BARNABAS_OK);
    barnabas_producer_statistics(fixture.producer, &counted);
    assert_int_equal(counted.accepted, 101);
    assert_int_equal(counted.delivered, 100);
    assert_int_equal(counted.failed, 1);
    assert_true(counted.batches >= 2);
    assert_int_equal(counted.retries, 1);
    assert_true(counted.stored_bytes >= 100 * 5);
    assert_int_equal(counted.outstanding, 0);
    assert_int_equal(counted.buffered_bytes, 0);
    tear_down(&fixture);
}

static void settings_that_contradict_are_refused(void **state) {
    struct barnabas_config *config = barnabas_config_new();
    struct barnabas_producer *producer;
    struct barnabas_reason reason;

    (void)state;
    assert_int_equal(barnabas_producer_open(config, &producer, &reason), BARNABAS_CONFIG_INVALID);
    assert_string_equal(reason.text, "bootstrap.servers is not set");
    assert_int_equal(barnabas_config_set(config, "bootstrap.servers", "a:b", NULL), BARNABAS_OK);
    assert_int_equal(barnabas_producer_open(config, &producer, &reason), BARNABAS_CONFIG_INVALID);
    assert_string_equal(reason.text, "\"a:b\" is not host:port");
    barnabas_config_free(config);
}

/* A broker that has just started knows nothing yet: what others said holds. */
static void an_answer_that_names_no_broker_is_not_believed(void **state) {
    static const char *const settings[] = {"metadata.max.age.ms", "20", NULL};
    struct fixture fixture;
    size_t connections;
    size_t asked;

    (void)state;
    set_up(&fixture, settings);
    send_many(&fixture, 1);
    mutex_lock(&fixture.cluster->lock);
    fixture.cluster->is_blank = true;
    connections = fixture.cluster->served[API_API_VERSIONS];
    asked = fixture.cluster->served[API_METADATA];
    mutex_unlock(&fixture.cluster->lock);
    while (double_served(fixture.cluster, API_METADATA) < asked + 3)
        usleep(1000);
    send_many(&fixture, 1);
    assert_int_equal(fixture.seen.failed, 0);
    assert_int_equal(double_served(fixture.cluster, API_API_VERSIONS), connections);
    tear_down(&fixture);
}

static void add_partitions(struct cluster_double *cluster) {
    mutex_lock(&cluster->lock);
    cluster->partition_count = DOUBLE_PARTITIONS;
    mutex_unlock(&cluster->lock);
}

/* Metadata would be asked for only minutes later. */
static void a_partition_that_was_just_added_is_found(void **state) {
    struct fixture fixture;

    (void)state;
    set_up(&fixture, no_settings);
    fixture.cluster->partition_count = 1;
    send_many(&fixture, 1);
    add_partitions(fixture.cluster);
    assert_int_equal(send_to(&fixture, "t", 2), BARNABAS_OK);
    assert_int_equal(barnabas_producer_flush(fixture.producer, TIMEOUT_MS), BARNABAS_OK);
    assert_int_equal(fixture.seen.failed, 0);
    assert_int_equal(fixture.seen.last_partition, 2);
    tear_down(&fixture);
}

static void a_partition_that_is_not_there_is_waited_for_in_vain(void **state) {
    static const char *const longest[] = {"50", "2147483647"}; /* seconds, and not for ever */

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(longest); i++) {
        const char *const settings[] = {"max.block.ms", longest[i], NULL};
        struct fixture fixture;

        set_up(&fixture, settings);
        send_many(&fixture, 1);
        assert_int_equal(send_to(&fixture, "t", DOUBLE_PARTITIONS),
                         BARNABAS_UNKNOWN_TOPIC_OR_PARTITION);
        assert_int_equal(barnabas_producer_outstanding(fixture.producer), 0);
        tear_down(&fixture);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_stored_once_and_reported_in_order),
        cmocka_unit_test(faults_are_survived_without_loss_or_duplicates),
        cmocka_unit_test(the_leader_is_followed),
        cmocka_unit_test(an_error_that_stays_fails_its_records_and_no_others),
        cmocka_unit_test(a_topic_that_cannot_be_had_fails_its_records),
        cmocka_unit_test(what_makes_no_sense_is_refused_at_once),
        cmocka_unit_test(a_full_buffer_fails_or_waits_for_room),
        cmocka_unit_test(closing_reports_what_is_left),
        cmocka_unit_test(closing_in_time_delivers_all),
        cmocka_unit_test(reports_can_be_polled_on_a_thread_of_ones_own),
        cmocka_unit_test(a_callback_may_send),
        cmocka_unit_test(without_acks_nothing_is_known_but_the_sending),
        cmocka_unit_test(a_broker_without_producer_ids_is_served_unless_they_were_asked_for),
        cmocka_unit_test(partitions_are_counted),
        cmocka_unit_test(many_threads_may_send),
        cmocka_unit_test(what_was_done_is_counted),
        cmocka_unit_test(settings_that_contradict_are_refused),
        cmocka_unit_test(an_answer_that_names_no_broker_is_not_believed),
        cmocka_unit_test(a_partition_that_was_just_added_is_found),
        cmocka_unit_test(a_partition_that_is_not_there_is_waited_for_in_vain),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

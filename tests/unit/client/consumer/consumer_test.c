/* The public consumer against a cluster that fails by script. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <barnabas/consumer.h>

#include "client/wire/message/find_coordinator.h"
#include "client/wire/message/join_group.h"
#include "client/wire/message/offset_commit.h"
#include "tests/unit/client/cluster_double.h"

#define TIMEOUT_MS 30000

struct fixture {
    struct cluster_double *cluster;
    struct barnabas_consumer *consumer;
};

static void set_up(struct fixture *fixture, const char *const *settings) {
    struct barnabas_config *config = barnabas_config_new();
    struct barnabas_reason reason;

    fixture->cluster = cluster_double_start();
    barnabas_config_set(config, "bootstrap.servers", fixture->cluster->bootstrap, NULL);
    barnabas_config_set(config, "retry.backoff.ms", "5", NULL);
    barnabas_config_set(config, "reconnect.backoff.ms", "5", NULL);
    barnabas_config_set(config, "enable.partition.eof", "true", NULL);
    for (; settings[0] != NULL; settings += 2)
        assert_int_equal(barnabas_config_set(config, settings[0], settings[1], &reason),
                         BARNABAS_OK);
    assert_int_equal(barnabas_consumer_open(config, &fixture->consumer, &reason), BARNABAS_OK);
    barnabas_config_free(config);
}

static void tear_down(struct fixture *fixture) {
    barnabas_consumer_close(fixture->consumer);
    cluster_double_stop(fixture->cluster);
}

/* One batch of records whose values are their offsets; all have this timestamp. */
static void store(struct fixture *fixture, int32_t partition, int count, int64_t timestamp) {
    struct double_partition *to = &fixture->cluster->partitions[partition];
    struct record_header header = {bytes_of_text("name"), bytes_of_text("header")};
    struct record_batch_options options = record_batch_options_default;
    struct record_batch_builder *builder;
    uint8_t *bytes;
    size_t size;

    options.codec = COMPRESSION_LZ4;
    assert_int_equal(record_batch_builder_new(&options, &builder), ERR_NONE);
    mutex_lock(&fixture->cluster->lock);
    for (int i = 0; i < count; i++) {
        char value[32];

        snprintf(value, sizeof(value), "%d", (int)to->end_offset + i);
        assert_int_equal(record_batch_builder_add(builder, timestamp, bytes_of_text("key"),
                                                  bytes_of_text(value), &header, 1),
                         ERR_NONE);
    }
    assert_int_equal(record_batch_builder_finish(builder, &bytes, &size), ERR_NONE);
    append_batch_double(to, bytes_of(bytes, size));
    mutex_unlock(&fixture->cluster->lock);
    free(bytes);
    record_batch_builder_free(builder);
}

/* It says that it has a record more than it has, and its checksum agrees. */
static void pretend_one_more(struct double_batch *stored) {
    struct record_batch header;

    assert_int_equal(record_batch_decode(bytes_of(stored->bytes, stored->size), &header), ERR_NONE);
    header.record_count++;
    header.last_offset_delta++;
    record_batch_write_header(stored->bytes, &header);
}

static void assign(struct fixture *fixture, int32_t partition, enum barnabas_position_kind kind,
                   int64_t value) {
    assert_int_equal(barnabas_consumer_assign(fixture->consumer, "t", partition,
                                              (struct barnabas_position){kind, value}),
                     BARNABAS_OK);
}

static struct barnabas_polled poll_once(struct fixture *fixture) {
    struct barnabas_polled polled;

    assert_int_equal(barnabas_consumer_poll(fixture->consumer, TIMEOUT_MS, &polled), BARNABAS_OK);
    assert_true(polled.message_count + polled.event_count > 0);
    return polled;
}

/* Reads until this event; the messages of partition 0 must be [from, to), which is its offset. */
static struct barnabas_event read_until(struct fixture *fixture, enum barnabas_event_kind kind,
                                        int64_t from, int64_t to) {
    for (;;) {
        struct barnabas_polled polled = poll_once(fixture);

        for (size_t i = 0; i < polled.message_count; i++) {
            char value[32];

            assert_int_equal(polled.messages[i].offset, from);
            snprintf(value, sizeof(value), "%d", (int)from++);
            assert_int_equal(polled.messages[i].value_size, strlen(value));
            /* Where asan looks, too. */
            assert_int_equal(memcmp(polled.messages[i].value, value, strlen(value)), 0);
        }
        for (size_t i = 0; i < polled.event_count; i++)
            if (polled.events[i].kind == kind) {
                assert_int_equal(from, to);
                return polled.events[i];
            }
    }
}

static const char *const no_settings[] = {NULL};

static void all_is_read_from_where_one_says(void **state) {
    static const struct {
        const char *label;
        enum barnabas_position_kind kind;
        int64_t value;
        int64_t first;
    } cases[] = {
        {"beginning", BARNABAS_FROM_BEGINNING, 0, 0},
        {"end", BARNABAS_FROM_END, 0, 30},
        {"offset within a batch", BARNABAS_FROM_OFFSET, 15, 15},
        {"offset at the end", BARNABAS_FROM_OFFSET, 30, 30},
        {"time", BARNABAS_FROM_TIME, 2000, 10},
        {"time between", BARNABAS_FROM_TIME, 2001, 20},
        {"time behind all", BARNABAS_FROM_TIME, 4000, 30},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct fixture fixture;

        set_up(&fixture, no_settings);
        for (int j = 1; j <= 3; j++)
            store(&fixture, 0, 10, j * 1000);
        assign(&fixture, 0, cases[i].kind, cases[i].value);
        assert_int_equal(read_until(&fixture, BARNABAS_END_REACHED, cases[i].first, 30).offset, 30);
        tear_down(&fixture);
    }
}

static void messages_are_whole(void **state) {
    struct barnabas_polled polled;
    struct fixture fixture;

    (void)state;
    set_up(&fixture, no_settings);
    store(&fixture, 1, 1, 5000);
    assign(&fixture, 1, BARNABAS_FROM_BEGINNING, 0);
    polled = poll_once(&fixture);
    assert_int_equal(polled.message_count, 1);
    assert_string_equal(polled.messages[0].topic, "t");
    assert_int_equal(polled.messages[0].partition, 1);
    assert_int_equal(polled.messages[0].timestamp, 5000);
    assert_int_equal(polled.messages[0].timestamp_type, BARNABAS_CREATE_TIME);
    assert_int_equal(polled.messages[0].leader_epoch, 0);
    assert_int_equal(polled.messages[0].key_size, 3);
    assert_int_equal(polled.messages[0].header_count, 1);
    assert_int_equal(polled.messages[0].headers[0].key_size, 4);
    assert_memory_equal(polled.messages[0].headers[0].value, "header", 6);
    tear_down(&fixture);
}

static void a_poll_gives_no_more_than_asked_for(void **state) {
    static const char *const settings[] = {"max.poll.records", "7", NULL};
    struct barnabas_progress progress;
    struct fixture fixture;
    int64_t offset = 0;

    (void)state;
    set_up(&fixture, settings);
    store(&fixture, 0, 20, 1);
    store(&fixture, 0, 20, 1);
    assign(&fixture, 0, BARNABAS_FROM_BEGINNING, 0);
    while (offset < 40) {
        struct barnabas_polled polled = poll_once(&fixture);

        assert_true(polled.message_count <= 7);
        for (size_t i = 0; i < polled.message_count; i++)
            assert_int_equal(polled.messages[i].offset, offset++);
        assert_int_equal(barnabas_consumer_progress(fixture.consumer, "t", 0, &progress),
                         BARNABAS_OK);
        assert_int_equal(progress.position, offset);
        assert_int_equal(progress.high_watermark, 40);
    }
    tear_down(&fixture);
}

static void faults_are_survived_without_loss_or_duplicates(void **state) {
    static const struct fault faults[] = {
        {API_FETCH, FAULT_DROP_BEFORE, ERR_NONE},
        {API_FETCH, FAULT_ERROR, ERR_NOT_LEADER_OR_FOLLOWER},
        {API_FETCH, FAULT_ERROR, ERR_UNKNOWN_LEADER_EPOCH},
        {API_LIST_OFFSETS, FAULT_DROP_AFTER, ERR_NONE},
        {API_LIST_OFFSETS, FAULT_ERROR, ERR_OFFSET_NOT_AVAILABLE},
        {API_METADATA, FAULT_DROP_BEFORE, ERR_NONE},
        {API_API_VERSIONS, FAULT_DROP_BEFORE, ERR_NONE},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(faults); i++) {
        struct fixture fixture;

        set_up(&fixture, no_settings);
        double_add_fault(fixture.cluster, faults[i].api_key, faults[i].kind, faults[i].error);
        store(&fixture, 0, 50, 1);
        assign(&fixture, 0, BARNABAS_FROM_BEGINNING, 0);
        read_until(&fixture, BARNABAS_END_REACHED, 0, 50);
        tear_down(&fixture);
    }
}

static void the_leader_is_followed_and_its_epochs_are_checked(void **state) {
    struct fixture fixture;

    (void)state;
    set_up(&fixture, no_settings);
    store(&fixture, 0, 10, 1);
    assign(&fixture, 0, BARNABAS_FROM_BEGINNING, 0);
    read_until(&fixture, BARNABAS_END_REACHED, 0, 10);
    double_move_leader(fixture.cluster, 0, 2);
    store(&fixture, 0, 10, 1);
    read_until(&fixture, BARNABAS_END_REACHED, 10, 20);
    assert_true(double_served(fixture.cluster, API_OFFSET_FOR_LEADER_EPOCH) > 0);
    tear_down(&fixture);
}

static void a_position_out_of_range_is_reset_or_fails(void **state) {
    static const struct {
        const char *policy;
        enum barnabas_event_kind kind;
        int64_t offset;
    } cases[] = {
        {"earliest", BARNABAS_POSITION_RESET, 0},
        {"latest", BARNABAS_POSITION_RESET, 10},
        {"none", BARNABAS_PARTITION_FAILED, 99},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        const char *const settings[] = {"auto.offset.reset", cases[i].policy, NULL};
        struct barnabas_event event;
        struct fixture fixture;

        set_up(&fixture, settings);
        store(&fixture, 0, 10, 1);
        assign(&fixture, 0, BARNABAS_FROM_OFFSET, 99);
        event = read_until(&fixture, cases[i].kind, 0, 0);
        assert_int_equal(event.offset, cases[i].offset);
        assert_int_equal(event.error, BARNABAS_OFFSET_OUT_OF_RANGE);
        assert_int_equal(event.partition, 0);
        tear_down(&fixture);
    }
}

static void an_event_holds_behind_the_messages_of_its_poll(void **state) {
    static const char *const settings[] = {"auto.offset.reset", "earliest", NULL};

    (void)state;
    for (int i = 0; i < 20; i++) {
        struct barnabas_polled polled;
        struct fixture fixture;

        set_up(&fixture, settings);
        store(&fixture, 0, 10, 1);
        assign(&fixture, 0, BARNABAS_FROM_OFFSET, 99);
        /* Long enough for the records behind the event to be there, too. */
        while (double_served(fixture.cluster, API_FETCH) < 3)
            usleep(1000);
        polled = poll_once(&fixture);
        assert_int_equal(polled.message_count, 0);
        assert_int_equal(polled.event_count, 1);
        assert_int_equal(polled.events[0].kind, BARNABAS_POSITION_RESET);
        read_until(&fixture, BARNABAS_END_REACHED, 0, 10);
        tear_down(&fixture);
    }
}

static void what_cannot_be_read_fails_by_an_event(void **state) {
    static const char *const settings[] = {"request.timeout.ms", "100", NULL};
    struct barnabas_event event;
    struct fixture fixture;

    (void)state;
    set_up(&fixture, settings);
    assign(&fixture, DOUBLE_PARTITIONS, BARNABAS_FROM_BEGINNING, 0);
    event = read_until(&fixture, BARNABAS_PARTITION_FAILED, 0, 0);
    assert_int_equal(event.error, BARNABAS_UNKNOWN_TOPIC_OR_PARTITION);
    double_add_fault(fixture.cluster, API_FETCH, FAULT_ERROR, ERR_TOPIC_AUTHORIZATION_FAILED);
    assign(&fixture, 0, BARNABAS_FROM_OFFSET, 0);
    event = read_until(&fixture, BARNABAS_PARTITION_FAILED, 0, 0);
    assert_int_equal(event.error, BARNABAS_TOPIC_AUTHORIZATION_FAILED);
    tear_down(&fixture);
}

static void damaged_records_fail_their_partition(void **state) {
    struct barnabas_event event;
    struct fixture fixture;

    (void)state;
    set_up(&fixture, no_settings);
    store(&fixture, 0, 10, 1);
    store(&fixture, 0, 10, 1);
    mutex_lock(&fixture.cluster->lock);
    fixture.cluster->partitions[0].batches[1].bytes[70] ^= 1;
    mutex_unlock(&fixture.cluster->lock);
    assign(&fixture, 0, BARNABAS_FROM_BEGINNING, 0);
    event = read_until(&fixture, BARNABAS_PARTITION_FAILED, 0, 10);
    assert_int_equal(event.error, ERR_CORRUPT_MESSAGE);
    assert_int_equal(event.offset, 10);
    tear_down(&fixture);
}

static void what_comes_before_damaged_records_is_whole(void **state) {
    struct barnabas_event event;
    struct fixture fixture;

    (void)state;
    set_up(&fixture, no_settings);
    store(&fixture, 0, 9, 1);
    mutex_lock(&fixture.cluster->lock);
    pretend_one_more(&fixture.cluster->partitions[0].batches[0]);
    mutex_unlock(&fixture.cluster->lock);
    assign(&fixture, 0, BARNABAS_FROM_BEGINNING, 0);
    event = read_until(&fixture, BARNABAS_PARTITION_FAILED, 0, 9);
    assert_int_equal(event.error, ERR_INVALID_RECORD);
    assert_int_equal(event.offset, 9);
    tear_down(&fixture);
}

/* A follower that lacks the position says so as the leader does of what there is no more: that is
 * no reason to begin elsewhere. */
static void a_near_replica_that_lags_is_left_without_a_jump(void **state) {
    static const char *const settings[] = {"auto.offset.reset", "latest", NULL};
    struct fixture fixture;
    struct double_partition *partition;

    (void)state;
    set_up(&fixture, settings);
    partition = &fixture.cluster->partitions[0];
    store(&fixture, 0, 20, 1);
    mutex_lock(&fixture.cluster->lock);
    partition->near_id = 2;
    partition->near_left = 1;
    partition->near_end_offset = 3;
    mutex_unlock(&fixture.cluster->lock);
    assign(&fixture, 0, BARNABAS_FROM_OFFSET, 5);
    read_until(&fixture, BARNABAS_END_REACHED, 5, 20);
    assert_int_equal(partition->near_left, 0);
    tear_down(&fixture);
}

static void a_near_replica_that_left_the_cluster_is_not_waited_for(void **state) {
    struct fixture fixture;
    struct double_partition *partition;

    (void)state;
    set_up(&fixture, no_settings);
    partition = &fixture.cluster->partitions[0];
    store(&fixture, 0, 20, 1);
    mutex_lock(&fixture.cluster->lock);
    fixture.cluster->hidden_broker = 2;
    partition->near_id = 2;
    partition->near_left = 1;
    mutex_unlock(&fixture.cluster->lock);
    assign(&fixture, 0, BARNABAS_FROM_BEGINNING, 0);
    read_until(&fixture, BARNABAS_END_REACHED, 0, 20);
    tear_down(&fixture);
}

static void the_leader_is_asked_again_whether_a_replica_is_the_right_one(void **state) {
    static const char *const settings[] = {"metadata.max.age.ms", "200", NULL};
    struct barnabas_polled polled;
    struct fixture fixture;
    struct double_partition *partition;
    int left;

    (void)state;
    set_up(&fixture, settings);
    partition = &fixture.cluster->partitions[0];
    mutex_lock(&fixture.cluster->lock);
    partition->near_id = 2;
    partition->near_left = 3;
    mutex_unlock(&fixture.cluster->lock);
    assign(&fixture, 0, BARNABAS_FROM_BEGINNING, 0);
    do {
        assert_int_equal(barnabas_consumer_poll(fixture.consumer, 10, &polled), BARNABAS_OK);
        mutex_lock(&fixture.cluster->lock);
        left = partition->near_left;
        mutex_unlock(&fixture.cluster->lock);
    } while (left > 0);
    tear_down(&fixture);
}

static void serve_coordinator(struct double_call *call) {
    const struct find_coordinator_request *request = call->request;
    struct find_coordinator_response response;

    find_coordinator_response_init(&response);
    response.coordinators = arena_alloc(call->arena, 1, sizeof(*response.coordinators));
    response.coordinators_count = 1;
    find_coordinator_response_coordinators_init(&response.coordinators[0]);
    response.coordinators[0].key = request->coordinator_keys[0];
    response.coordinators[0].node_id = 1;
    response.coordinators[0].host = bytes_of_text("127.0.0.1");
    find_coordinator_response_encode(call->writer, call->version, &response);
}

/* Tells what became of the first partition only. */
static bool serve_half_a_commit(struct double_call *call, int16_t api_key) {
    const struct offset_commit_request *request = call->request;
    struct offset_commit_response response;

    if (api_key == API_FIND_COORDINATOR) {
        serve_coordinator(call);
        return true;
    }
    CHECK(api_key == API_OFFSET_COMMIT);
    offset_commit_response_init(&response);
    response.topics = arena_alloc(call->arena, 1, sizeof(*response.topics));
    response.topics_count = 1;
    response.topics[0].name = request->topics[0].name;
    response.topics[0].partitions =
        arena_alloc(call->arena, 1, sizeof(*response.topics[0].partitions));
    response.topics[0].partitions_count = 1;
    response.topics[0].partitions[0].partition_index =
        request->topics[0].partitions[0].partition_index;
    offset_commit_response_encode(call->writer, call->version, &response);
    return true;
}

static void a_commit_is_done_only_where_the_answer_says_so(void **state) {
    static const char *const settings[] = {"group.id", "g", NULL};
    const struct barnabas_offset offsets[] = {
        {.topic = "t", .partition = 0, .offset = 5, .leader_epoch = -1},
        {.topic = "t", .partition = 1, .offset = 5, .leader_epoch = -1},
    };
    struct fixture fixture;

    (void)state;
    set_up(&fixture, settings);
    fixture.cluster->serve_more = serve_half_a_commit;
    assert_int_equal(barnabas_consumer_commit(fixture.consumer, offsets, 1, TIMEOUT_MS),
                     BARNABAS_OK);
    assert_int_equal(barnabas_consumer_commit(fixture.consumer, offsets, 2, TIMEOUT_MS),
                     BARNABAS_MALFORMED);
    tear_down(&fixture);
}

static bool serve_fenced(struct double_call *call, int16_t api_key) {
    struct join_group_response response;

    if (api_key == API_FIND_COORDINATOR) {
        serve_coordinator(call);
        return true;
    }
    CHECK(api_key == API_JOIN_GROUP);
    join_group_response_init(&response);
    response.error_code = ERR_FENCED_INSTANCE_ID;
    join_group_response_encode(call->writer, call->version, &response);
    return true;
}

/* Another member has its name by now: it would fence that one in turn. */
static void a_fenced_member_stays_out_when_its_pattern_matches_more(void **state) {
    static const char *const settings[] = {
        "group.id", "g", "group.instance.id", "i", "metadata.max.age.ms", "20", NULL};
    struct barnabas_polled polled;
    struct fixture fixture;
    size_t asked;
    int error;

    (void)state;
    set_up(&fixture, settings);
    mutex_lock(&fixture.cluster->lock);
    fixture.cluster->serve_more = serve_fenced;
    fixture.cluster->topic_error = ERR_UNKNOWN_TOPIC_OR_PARTITION;
    mutex_unlock(&fixture.cluster->lock);
    assert_int_equal(barnabas_consumer_subscribe_pattern(fixture.consumer, "t", NULL, NULL, NULL),
                     BARNABAS_OK);
    while ((error = barnabas_consumer_poll(fixture.consumer, 10, &polled)) == BARNABAS_OK)
        continue;
    assert_int_equal(error, BARNABAS_FENCED_INSTANCE_ID);
    mutex_lock(&fixture.cluster->lock);
    fixture.cluster->topic_error = ERR_NONE;
    asked = fixture.cluster->served[API_METADATA];
    mutex_unlock(&fixture.cluster->lock);
    while (double_served(fixture.cluster, API_METADATA) < asked + 5)
        assert_int_equal(barnabas_consumer_poll(fixture.consumer, 1, &polled),
                         BARNABAS_FENCED_INSTANCE_ID);
    assert_int_equal(double_served(fixture.cluster, API_JOIN_GROUP), 1);
    tear_down(&fixture);
}

static void a_paused_partition_is_silent_and_goes_on_where_it_was(void **state) {
    static const char *const settings[] = {"max.poll.records", "5", NULL};
    struct barnabas_polled polled;
    struct fixture fixture;

    (void)state;
    set_up(&fixture, settings);
    store(&fixture, 0, 20, 1);
    assign(&fixture, 0, BARNABAS_FROM_BEGINNING, 0);
    polled = poll_once(&fixture);
    assert_int_equal(polled.message_count, 5);
    assert_int_equal(barnabas_consumer_pause(fixture.consumer, "t", 0), BARNABAS_OK);
    assert_int_equal(barnabas_consumer_poll(fixture.consumer, 30, &polled), BARNABAS_OK);
    assert_int_equal(polled.message_count, 0);
    assert_int_equal(barnabas_consumer_resume(fixture.consumer, "t", 0), BARNABAS_OK);
    read_until(&fixture, BARNABAS_END_REACHED, 5, 20);
    tear_down(&fixture);
}

static void a_new_assignment_drops_what_was_read_ahead(void **state) {
    static const char *const settings[] = {"max.poll.records", "5", NULL};
    struct barnabas_polled polled;
    struct fixture fixture;

    (void)state;
    set_up(&fixture, settings);
    store(&fixture, 0, 20, 1);
    assign(&fixture, 0, BARNABAS_FROM_BEGINNING, 0);
    (void)poll_once(&fixture);
    assign(&fixture, 0, BARNABAS_FROM_OFFSET, 17);
    read_until(&fixture, BARNABAS_END_REACHED, 17, 20);
    assign(&fixture, 0, BARNABAS_FROM_BEGINNING, 0);
    (void)poll_once(&fixture);
    assert_int_equal(barnabas_consumer_unassign(fixture.consumer, "t", 0), BARNABAS_OK);
    assert_int_equal(barnabas_consumer_poll(fixture.consumer, 30, &polled), BARNABAS_OK);
    assert_int_equal(polled.message_count + polled.event_count, 0);
    assert_int_equal(barnabas_consumer_unassign(fixture.consumer, "t", 0),
                     BARNABAS_INVALID_REQUEST);
    tear_down(&fixture);
}

static void *wake_up(void *context) {
    barnabas_consumer_wake_up(context);
    return NULL;
}

static void a_waiting_poll_is_woken_up(void **state) {
    struct barnabas_polled polled;
    struct fixture fixture;
    pthread_t thread;

    (void)state;
    set_up(&fixture, no_settings);
    assert_int_equal(pthread_create(&thread, NULL, wake_up, fixture.consumer), 0);
    assert_int_equal(barnabas_consumer_poll(fixture.consumer, -1, &polled), BARNABAS_CANCELLED);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(barnabas_consumer_poll(fixture.consumer, 0, &polled), BARNABAS_OK);
    tear_down(&fixture);
}

static void partitions_of_several_leaders_are_read_together(void **state) {
    struct fixture fixture;
    int64_t next[DOUBLE_PARTITIONS] = {0};
    int ends = 0;

    (void)state;
    set_up(&fixture, no_settings);
    for (int32_t i = 0; i < DOUBLE_PARTITIONS; i++) {
        store(&fixture, i, 100, 1);
        assign(&fixture, i, BARNABAS_FROM_BEGINNING, 0);
    }
    while (ends < DOUBLE_PARTITIONS) {
        struct barnabas_polled polled = poll_once(&fixture);

        for (size_t i = 0; i < polled.message_count; i++)
            assert_int_equal(polled.messages[i].offset, next[polled.messages[i].partition]++);
        for (size_t i = 0; i < polled.event_count; i++)
            ends += polled.events[i].kind == BARNABAS_END_REACHED;
    }
    for (int32_t i = 0; i < DOUBLE_PARTITIONS; i++)
        assert_int_equal(next[i], 100);
    tear_down(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_is_read_from_where_one_says),
        cmocka_unit_test(messages_are_whole),
        cmocka_unit_test(a_poll_gives_no_more_than_asked_for),
        cmocka_unit_test(faults_are_survived_without_loss_or_duplicates),
        cmocka_unit_test(the_leader_is_followed_and_its_epochs_are_checked),
        cmocka_unit_test(a_position_out_of_range_is_reset_or_fails),
        cmocka_unit_test(an_event_holds_behind_the_messages_of_its_poll),
        cmocka_unit_test(what_cannot_be_read_fails_by_an_event),
        cmocka_unit_test(damaged_records_fail_their_partition),
        cmocka_unit_test(a_fenced_member_stays_out_when_its_pattern_matches_more),
        cmocka_unit_test(a_commit_is_done_only_where_the_answer_says_so),
        cmocka_unit_test(what_comes_before_damaged_records_is_whole),
        cmocka_unit_test(a_near_replica_that_lags_is_left_without_a_jump),
        cmocka_unit_test(a_near_replica_that_left_the_cluster_is_not_waited_for),
        cmocka_unit_test(the_leader_is_asked_again_whether_a_replica_is_the_right_one),
        cmocka_unit_test(a_paused_partition_is_silent_and_goes_on_where_it_was),
        cmocka_unit_test(a_new_assignment_drops_what_was_read_ahead),
        cmocka_unit_test(a_waiting_poll_is_woken_up),
        cmocka_unit_test(partitions_of_several_leaders_are_read_together),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

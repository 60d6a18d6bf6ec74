/* What clients learn about the cluster: ApiVersions, Metadata, FindCoordinator, InitProducerId.
 * The request's functions are this file's, so that a handler runs without server and socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "broker/api/encoded_metadata.h"
#include "broker/api/handlers.h"
#include "broker/api/hop.h"
#include "broker/config/config.h"
#include "broker/control/control.h"
#include "broker/metadata/metadata_builder.h"
#include "broker/metadata/metadata_cache.h"
#include "broker/server/server.h"
#include "broker/transaction/producer_ids.h"
#include "broker/transaction/transaction_coordinator.h"
#include "client/wire/message/api_versions.h"
#include "client/wire/message/describe_cluster.h"
#include "client/wire/message/find_coordinator.h"
#include "client/wire/message/init_producer_id.h"
#include "client/wire/message/metadata.h"

#define MEMORY_MAX (1 << 20)

const struct api_handler *const api_handlers[] = {&api_metadata, &api_find_coordinator,
                                                  &api_api_versions, &api_init_producer_id};
const size_t api_handler_count = ARRAY_COUNT(api_handlers);

static struct fixture {
    struct api_context context;
    struct config config;
    struct metadata_cache cache;
    struct server_listener listener;
    struct arena arena; /* what the test decodes */
    struct wire_writer output;
    int sent, closed, created;
    char created_name[64];
} f;

struct wire_writer *request_response(struct request *request) {
    (void)request;
    wire_writer_reset(&f.output);
    return &f.output;
}

void request_send(struct request *request) {
    (void)request;
    f.sent++;
}

void request_finish_without_response(struct request *request) {
    (void)request;
}

void *request_connection_user(const struct request *request) {
    (void)request;
    return NULL;
}

void request_set_connection_user(struct request *request, void *user) {
    (void)request;
    free(user);
}

void request_close_connection(struct request *request) {
    (void)request;
    f.closed++;
}

void control_create_topic_automatically(struct control *control, struct bytes topic) {
    (void)control;
    snprintf(f.created_name, sizeof(f.created_name), "%.*s", BYTES_FORMAT(topic));
    f.created++;
}

/* The other thread is this one. */
void *hop_new(struct api_call *call, size_t size) {
    struct hop *hop = api_alloc(call, 1, size);

    hop->call = call;
    return hop;
}

void hop_to_transactions(struct hop *hop, void (*run)(struct hop *hop)) {
    run(hop);
}

void hop_return(struct hop *hop, void (*run)(struct hop *hop)) {
    run(hop);
}

/* Knows "fenced" only. */
void transaction_coordinator_init(struct transaction_coordinator *coordinator,
                                  struct transaction_init_request *request) {
    (void)coordinator;
    request->error =
        bytes_equal_text(request->id, "fenced") ? ERR_PRODUCER_FENCED : ERR_NOT_COORDINATOR;
    request->done(request);
}

static const struct uuid orders_id = {{1, 2, 3}};

static void add_topic(struct metadata_builder *builder, const char *name, const struct uuid *id,
                      const int32_t *leaders, int32_t count) {
    static const int32_t replicas[] = {1, 2, 3};
    struct metadata_assignment assignments[8] = {0};

    for (int32_t i = 0; i < count; i++)
        assignments[i] =
            (struct metadata_assignment){.index = i, .replicas = replicas, .replica_count = 3};
    assert_true(
        metadata_builder_set_topic(builder, bytes_of_text(name), id, 1, assignments, count));
    for (int32_t i = 0; i < count; i++) {
        const struct metadata_state known = {.index = i,
                                             .leader = leaders[i],
                                             .leader_epoch = 7,
                                             .partition_epoch = 1,
                                             .isr = replicas,
                                             .isr_count = 2};
        assert_true(metadata_builder_set_state(builder, id, &known));
    }
}

/* Brokers 1 (both listeners) and 2 (not the clients' one); 3 is dead. */
static void publish_led_by(const int32_t leaders[3], bool with_offsets_topic) {
    struct metadata_endpoint both[] = {{"EXTERNAL", "one.example", 9092, 0},
                                       {"INTERNAL", "one.local", 9093, 0}};
    struct metadata_broker one = {.id = 1, .rack = "r1", .endpoints = both, .endpoint_count = 2};
    struct metadata_broker two = {.id = 2, .endpoints = &both[1], .endpoint_count = 1};
    struct metadata_builder *builder = metadata_builder_new(NULL);
    struct uuid offsets_id = {{9}};
    struct metadata_topic_change *changes;
    int32_t change_count;

    metadata_builder_set_controller_id(builder, 2);
    metadata_builder_add_broker(builder, &one);
    metadata_builder_add_broker(builder, &two);
    add_topic(builder, "orders", &orders_id, leaders, 3);
    if (with_offsets_topic)
        add_topic(builder, "__consumer_offsets", &offsets_id, leaders, 3);
    metadata_cache_publish(&f.cache, metadata_builder_finish(builder, &changes, &change_count));
    free(changes);
}

static void publish(bool with_offsets_topic) {
    static const int32_t leaders[] = {1, 2, 3};

    publish_led_by(leaders, with_offsets_topic);
}

static void ask_for_no_block(void *context) {
    (void)context;
}

static int set_up(void **state) {
    const struct producer_ids_config ids = {ask_for_no_block, NULL};
    (void)state;

    memset(&f, 0, sizeof(f));
    arena_init(&f.arena, MEMORY_MAX);
    wire_writer_init(&f.output, MEMORY_MAX);
    metadata_cache_init(&f.cache);
    f.listener.name = "EXTERNAL";
    f.config.auto_create_topics_enable = true;
    f.context = (struct api_context){
        .broker_id = 1, .cluster_id = "cluster", .config = &f.config, .metadata = &f.cache};
    assert_int_equal(producer_ids_new(&ids, &f.context.producer_ids), ERR_NONE);
    f.context.encoded_metadata = encoded_metadata_new();
    assert_non_null(f.context.encoded_metadata);
    publish(false);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    producer_ids_free(f.context.producer_ids);
    encoded_metadata_free(f.context.encoded_metadata);
    metadata_cache_done(&f.cache);
    wire_writer_done(&f.output);
    arena_done(&f.arena);
    return 0;
}

/* Has the handler answer `body`; the response's bytes without the header are in `reader`. */
static void ask_raw(const struct api_handler *handler, int16_t version, struct bytes body,
                    struct wire_reader *reader) {
    struct request request = {.listener = &f.listener, .client_address = "127.0.0.1"};
    int16_t answered_version;
    struct api_call call = {.context = &f.context, .request = &request, .handler = handler};
    int32_t correlation_id;

    arena_init(&request.arena, MEMORY_MAX);
    call.header = (struct request_header){handler->api->key, version, 77, bytes_of_text("test")};
    wire_reader_init(&call.body, body);
    f.sent = 0;
    handler->handle(&call);
    arena_done(&request.arena);
    assert_int_equal(f.sent, 1);
    assert_int_equal(f.closed, 0);
    assert_int_equal(f.output.error, ERR_NONE);
    wire_reader_init(reader, bytes_of(f.output.data, f.output.size));
    answered_version = version > handler->version_max ? 0 : version;
    assert_int_equal(
        response_header_decode(reader, handler->api->key, answered_version, &correlation_id),
        ERR_NONE);
    assert_int_equal(correlation_id, 77);
}

static void ask(const struct api_handler *handler, int16_t version, const void *request,
                void *response) {
    struct wire_reader reader;
    struct wire_writer body;

    wire_writer_init(&body, MEMORY_MAX);
    handler->api->request->encode(&body, version, request);
    assert_int_equal(body.error, ERR_NONE);
    ask_raw(handler, version, bytes_of(body.data, body.size), &reader);
    assert_int_equal(handler->api->response->decode(&reader, version, &f.arena, response),
                     ERR_NONE);
    wire_writer_done(&body);
}

/* ---- ApiVersions ---- */

static void a_version_that_is_too_new_gets_version_0(void **state) {
    static const uint8_t expected[] = {0, 35, 0, 0, 0, 1, 0, 18, 0, 0, 0, 4};
    struct wire_reader reader;
    (void)state;

    ask_raw(&api_api_versions, 9, bytes_of("\xff\xff", 2), &reader);
    assert_int_equal(f.output.size, 4 + sizeof(expected));
    assert_memory_equal(f.output.data + 4, expected, sizeof(expected));
}

static void apis_are_listed_ascending(void **state) {
    struct api_versions_response response;
    struct api_versions_request request;
    (void)state;

    for (int16_t version = 0; version <= 4; version++) {
        api_versions_request_init(&request);
        request.client_software_name = bytes_of_text("a-client");
        request.client_software_version = bytes_of_text("1.0");
        ask(&api_api_versions, version, &request, &response);
        assert_int_equal(response.error_code, 0);
        assert_int_equal(response.api_keys_count, 4);
        assert_int_equal(response.api_keys[0].api_key, 3);
        assert_int_equal(response.api_keys[0].max_version, 12);
        assert_int_equal(response.api_keys[3].api_key, 22);
    }
    request.client_software_name = bytes_of_text("-client");
    ask(&api_api_versions, 3, &request, &response);
    assert_int_equal(response.error_code, 42);
    assert_int_equal(response.api_keys_count, 0);
}

/* ---- Metadata ---- */

static struct metadata_response ask_metadata(int16_t version, struct metadata_request *request) {
    struct metadata_response response;

    ask(&api_metadata, version, request, &response);
    return response;
}

static void all_topics_are_told_in_all_versions(void **state) {
    (void)state;
    for (int16_t version = 0; version <= 12; version++) {
        struct metadata_response response;
        struct metadata_request request;
        metadata_request_init(&request);
        request.topics_count = version == 0 ? 0 : -1;
        response = ask_metadata(version, &request);
        assert_int_equal(response.brokers_count, 1); /* 2 lacks the listener */
        assert_true(bytes_equal_text(response.brokers[0].host, "one.example"));
        assert_int_equal(response.brokers[0].port, 9092);
        assert_int_equal(response.topics_count, 1);
        assert_int_equal(response.topics[0].partitions_count, 3);
        assert_int_equal(response.topics[0].partitions[0].leader_id, 1);
        assert_int_equal(response.topics[0].partitions[0].error_code, version == 0 ? 9 : 0);
        assert_int_equal(response.topics[0].partitions[0].replica_nodes_count,
                         version == 0 ? 2 : 3);
        assert_int_equal(response.topics[0].partitions[0].offline_replicas_count,
                         version >= 5 ? 1 : 0);
        assert_int_equal(response.topics[0].partitions[1].leader_id, -1);
        assert_int_equal(response.topics[0].partitions[1].error_code, version >= 6 ? 72 : 5);
        assert_int_equal(response.topics[0].partitions[2].error_code, 5);
    }
}

/* Of all topics, without operations. */
static bool is_kept(int16_t version) {
    const struct metadata *now = metadata_cache_get(&f.cache);
    const struct encoded_metadata_key key = {
        .snapshot = now->serial, .listener = f.listener.name, .version = version};
    struct encoded_body *body = encoded_metadata_find(f.context.encoded_metadata, &key);
    bool found = body != NULL;

    encoded_body_unref(body);
    metadata_unref(now);
    return found;
}

static void an_answer_is_kept_until_the_cluster_changes(void **state) {
    static const int32_t leaders[] = {1, 1, 1}, fewer[] = {1, 1, -1};
    struct metadata_response response;
    struct metadata_request request;
    uint8_t first[4096];
    size_t size;
    (void)state;

    publish_led_by(leaders, false);
    metadata_request_init(&request);
    request.topics_count = -1;
    assert_false(is_kept(8));
    (void)ask_metadata(8, &request);
    assert_true(is_kept(8));
    size = f.output.size;
    memcpy(first, f.output.data, size);
    response = ask_metadata(8, &request);
    assert_int_equal(response.topics_count, 1);
    assert_int_equal(f.output.size, size);
    assert_memory_equal(f.output.data, first, size);

    publish_led_by(leaders, true);
    assert_false(is_kept(8));
    assert_int_equal(ask_metadata(8, &request).topics_count, 2);
    assert_true(is_kept(8));
    publish_led_by(fewer, false);
    response = ask_metadata(8, &request);
    assert_int_equal(response.topics[0].partitions[2].error_code, 5);
    assert_false(is_kept(8)); /* errors are counted each time */
}

/* More kinds than there is room for, round after round. */
static void kept_answers_are_told_apart(void **state) {
    static const int32_t leaders[] = {1, 1, 1};
    (void)state;

    publish_led_by(leaders, false);
    for (int round = 0; round < 3; round++) {
        for (int16_t version = 8; version <= 12; version++) {
            for (int wishes = 0; wishes < 4; wishes++) {
                struct metadata_response response;
                struct metadata_request request;

                metadata_request_init(&request);
                request.topics_count = -1;
                request.include_cluster_authorized_operations = wishes % 2 == 1 && version <= 10;
                request.include_topic_authorized_operations = wishes / 2 == 1;
                response = ask_metadata(version, &request);
                assert_int_equal(response.topics[0].partitions_count, 3);
                assert_int_equal(response.topics[0].topic_authorized_operations,
                                 wishes / 2 == 1 ? 3576 : INT32_MIN);
                if (version <= 10)
                    assert_int_equal(response.cluster_authorized_operations,
                                     wishes % 2 == 1 ? 8096 : INT32_MIN);
            }
        }
    }
}

static void operations_are_told_to_those_who_ask(void **state) {
    struct metadata_response response;
    struct metadata_request request;
    (void)state;

    metadata_request_init(&request);
    request.topics_count = -1;
    response = ask_metadata(8, &request);
    assert_int_equal(response.cluster_authorized_operations, INT32_MIN);
    assert_int_equal(response.topics[0].topic_authorized_operations, INT32_MIN);
    request.include_cluster_authorized_operations = true;
    request.include_topic_authorized_operations = true;
    response = ask_metadata(8, &request);
    assert_int_equal(response.cluster_authorized_operations, 8096);
    assert_int_equal(response.topics[0].topic_authorized_operations, 3576);
}

static void unknown_names_are_created_if_wanted(void **state) {
    struct metadata_request_topics topics[3] = {0};
    struct metadata_response response;
    struct metadata_request request;
    (void)state;

    topics[0].name = bytes_of_text("new");
    topics[1].name = bytes_of_text("bad name");
    topics[2].name = bytes_of_text("new");
    metadata_request_init(&request);
    request.topics = topics;
    request.topics_count = 3;
    response = ask_metadata(9, &request);
    assert_int_equal(response.topics_count, 2);
    assert_int_equal(response.topics[0].error_code, 17);
    assert_int_equal(response.topics[1].error_code, 5);
    assert_int_equal(f.created, 1);
    assert_string_equal(f.created_name, "new");

    request.allow_auto_topic_creation = false;
    assert_int_equal(ask_metadata(9, &request).topics[1].error_code, 3);
    request.allow_auto_topic_creation = true;
    f.config.auto_create_topics_enable = false;
    assert_int_equal(ask_metadata(9, &request).topics[1].error_code, 3);
    assert_int_equal(f.created, 1);
}

static void ids_are_for_version_12(void **state) {
    struct metadata_request_topics topics[2] = {{.topic_id = orders_id}, {.topic_id = {{255}}}};
    struct metadata_response response;
    struct metadata_request request;
    (void)state;

    metadata_request_init(&request);
    request.topics = topics;
    request.topics_count = 2;
    response = ask_metadata(12, &request);
    assert_int_equal(response.topics_count, 2);
    assert_true(bytes_equal_text(response.topics[0].name, "orders"));
    assert_int_equal(response.topics[1].error_code, 100);
    assert_true(bytes_is_null(response.topics[1].name));
    response = ask_metadata(11, &request);
    assert_int_equal(response.topics_count, 2);
    assert_int_equal(response.topics[0].error_code, 42);
}

/* ---- DescribeCluster ---- */

static void a_cluster_is_described_by_the_listener(void **state) {
    struct describe_cluster_response response;
    struct describe_cluster_request request;
    (void)state;

    for (int16_t version = 0; version <= 1; version++) {
        describe_cluster_request_init(&request);
        ask(&api_describe_cluster, version, &request, &response);
        assert_int_equal(response.error_code, 0);
        assert_int_equal(response.controller_id, 2);
        assert_true(bytes_equal_text(response.cluster_id, "cluster"));
        assert_int_equal(response.brokers_count, 1);
        assert_true(bytes_equal_text(response.brokers[0].rack, "r1"));
        assert_int_equal(response.cluster_authorized_operations, INT32_MIN);
    }
    request.endpoint_type = 2;
    ask(&api_describe_cluster, 1, &request, &response);
    assert_int_equal(response.error_code, 114);
    request.endpoint_type = 3;
    ask(&api_describe_cluster, 1, &request, &response);
    assert_int_equal(response.error_code, 115);
}

/* ---- FindCoordinator ---- */

static void a_missing_offsets_topic_is_created(void **state) {
    struct find_coordinator_response response;
    struct find_coordinator_request request;
    (void)state;

    for (int16_t version = 0; version <= 3; version++) {
        find_coordinator_request_init(&request);
        request.key = bytes_of_text("my-group");
        ask(&api_find_coordinator, version, &request, &response);
        assert_int_equal(response.error_code, 15);
        assert_int_equal(response.node_id, -1);
        assert_int_equal(response.port, -1);
        assert_string_equal(f.created_name, "__consumer_offsets");
    }
}

/* Java: "my-group".hashCode() etc.; partition 0's leader is the only one within reach. */
static void a_key_belongs_to_the_partition_of_its_java_hash(void **state) {
    static const struct {
        const char *key;
        int partition; /* of 3 */
    } cases[] = {
        {"my-group", 0},    {"orders-service", 0}, {"other-group", 1}, {"polygenelubricants", 0},
        {"gr\u00fcppe", 2}, {"\u20ac5", 2},        {"\u20ac6", 0},     {"\U0001f600a", 2},
        {"\U0001f600b", 0}, {"\U0001f600c", 1}};
    struct bytes keys[ARRAY_COUNT(cases)];
    struct find_coordinator_response response;
    struct find_coordinator_request request;
    (void)state;

    publish(true);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
        keys[i] = bytes_of_text(cases[i].key);
    for (int16_t version = 4; version <= 6; version++) {
        find_coordinator_request_init(&request);
        request.coordinator_keys = keys;
        request.coordinator_keys_count = ARRAY_COUNT(keys);
        ask(&api_find_coordinator, version, &request, &response);
        assert_int_equal(response.coordinators_count, ARRAY_COUNT(keys));
        for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
            assert_int_equal(response.coordinators[i].node_id, cases[i].partition == 0 ? 1 : -1);
    }
    find_coordinator_request_init(&request);
    request.key = keys[0];
    ask(&api_find_coordinator, 3, &request, &response);
    assert_int_equal(response.error_code, 0);
    assert_int_equal(response.node_id, 1);
    assert_true(bytes_equal_text(response.host, "one.example"));
    assert_int_equal(response.port, 9092);
    assert_true(bytes_equal_text(response.error_message, "NONE"));
    find_coordinator_request_init(&request);
    request.coordinator_keys = keys;
    request.coordinator_keys_count = ARRAY_COUNT(keys);
    request.key_type = 9;
    ask(&api_find_coordinator, 6, &request, &response);
    assert_int_equal(response.coordinators[0].error_code, 42);
}

/* ---- InitProducerId ---- */

static void producer_ids_come_without_a_transactional_id_only(void **state) {
    struct init_producer_id_response response;
    struct init_producer_id_request request;
    (void)state;

    init_producer_id_request_init(&request);
    request.transactional_id = BYTES_NULL;
    ask(&api_init_producer_id, 4, &request, &response);
    assert_int_equal(response.error_code, 14);
    assert_int_equal(response.producer_epoch, -1);
    assert_true(producer_ids_add_block(f.context.producer_ids, 5000, 1000));
    for (int16_t version = 0; version <= 5; version++) {
        ask(&api_init_producer_id, version, &request, &response);
        assert_int_equal(response.error_code, 0);
        assert_int_equal(response.producer_id, 5000 + version);
        assert_int_equal(response.producer_epoch, 0);
    }
    request.transactional_id = bytes_of_text("t");
    ask(&api_init_producer_id, 5, &request, &response);
    assert_int_equal(response.error_code, 16);
    assert_int_equal(response.producer_id, -1);
    request.producer_id = 5000; /* without an epoch */
    ask(&api_init_producer_id, 5, &request, &response);
    assert_int_equal(response.error_code, 42);
}

static void older_clients_do_not_know_that_they_are_fenced(void **state) {
    struct init_producer_id_response response;
    struct init_producer_id_request request;
    (void)state;

    init_producer_id_request_init(&request);
    request.transactional_id = bytes_of_text("fenced");
    ask(&api_init_producer_id, 3, &request, &response);
    assert_int_equal(response.error_code, 47);
    ask(&api_init_producer_id, 4, &request, &response);
    assert_int_equal(response.error_code, 90);
    assert_int_equal(response.producer_epoch, -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_version_that_is_too_new_gets_version_0),
        TEST(apis_are_listed_ascending),
        TEST(all_topics_are_told_in_all_versions),
        TEST(an_answer_is_kept_until_the_cluster_changes),
        TEST(kept_answers_are_told_apart),
        TEST(operations_are_told_to_those_who_ask),
        TEST(unknown_names_are_created_if_wanted),
        TEST(ids_are_for_version_12),
        TEST(a_cluster_is_described_by_the_listener),
        TEST(a_missing_offsets_topic_is_created),
        TEST(a_key_belongs_to_the_partition_of_its_java_hash),
        TEST(producer_ids_come_without_a_transactional_id_only),
        TEST(older_clients_do_not_know_that_they_are_fenced),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What operators are answered: DescribeConfigs, AlterConfigs, CreatePartitions, ElectLeaders, and
 * how long an answer waits until it is visible. Server, control thread and controller are this
 * file's: one queue of tasks that the test drains. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "broker/api/handlers.h"
#include "broker/config/live_config.h"
#include "broker/control/config_write.h"
#include "broker/control/control.h"
#include "broker/metadata/metadata_builder.h"
#include "broker/metadata/metadata_cache.h"
#include "client/wire/message/create_partitions.h"
#include "client/wire/message/describe_configs.h"
#include "client/wire/message/elect_leaders.h"
#include "client/wire/message/incremental_alter_configs.h"
#include "controller/shell/controller_shell.h"

#define MEMORY_MAX (4 << 20)

const struct api_handler *const api_handlers[] = {&api_describe_configs};
const size_t api_handler_count = ARRAY_COUNT(api_handlers);

static struct fixture {
    struct api_context context;
    struct config *config;
    struct live_config *live;
    struct metadata_cache cache;
    struct arena arena; /* what the test decodes */
    struct wire_writer output;
    struct executor executor;
    struct task_list tasks;
    int sent, closed;
    struct request *request; /* under way */
    struct api_call call;
    void (*expired)(struct request *request);
    struct metadata_waiter *waiter;
    /* What the controller answers. */
    enum error error;
    struct controller_elect_leaders_result elected[4];
    size_t elected_count;
    struct controller_create_partitions_result extended[4];
    size_t extended_count;
    /* What is written. */
    struct config_write *written[4]; /* not answered yet */
    size_t written_count;
    int writes;
    enum error write_error;
} f;

/* ---- Server ---- */

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

void request_close_connection(struct request *request) {
    (void)request;
    f.closed++;
}

enum error request_keep_frame(struct request *request) {
    (void)request;
    return ERR_NONE;
}

void request_set_deadline(struct request *request, int64_t delay_ms,
                          void (*expired)(struct request *request)) {
    (void)request;
    (void)delay_ms;
    f.expired = expired;
}

void request_cancel_deadline(struct request *request) {
    (void)request;
    f.expired = NULL;
}

static void post(struct executor *executor, struct task *task) {
    (void)executor;
    STAILQ_INSERT_TAIL(&f.tasks, task, next);
}

static void answer_write(struct config_write *write);

static void drain(void) {
    for (;;) {
        struct task *task = STAILQ_FIRST(&f.tasks);
        if (task != NULL) {
            STAILQ_REMOVE_HEAD(&f.tasks, next);
            task->run(task);
        } else if (f.written_count > 0) {
            answer_write(f.written[--f.written_count]);
        } else {
            return;
        }
    }
}

/* ---- Control thread ---- */

int64_t control_note_posted(struct control *control) {
    (void)control;
    return 0;
}

void control_note_taken(struct control *control, int64_t posted_ns) {
    (void)control;
    (void)posted_ns;
}

struct executor *control_executor(struct control *control) {
    (void)control;
    return &f.executor;
}

struct controller_shell *control_shell(struct control *control) {
    (void)control;
    return NULL;
}

static void look_again(void) {
    const struct metadata *metadata = metadata_cache_get(&f.cache);

    if (f.waiter != NULL && f.waiter->is_satisfied(f.waiter, metadata)) {
        executor_post(f.waiter->executor, &f.waiter->task);
        f.waiter = NULL;
    }
    metadata_unref(metadata);
}

void control_wait_for_metadata(struct control *control, struct metadata_waiter *waiter) {
    (void)control;
    f.waiter = waiter;
    look_again();
}

bool control_stop_waiting_for_metadata(struct control *control, struct metadata_waiter *waiter) {
    bool waits = f.waiter == waiter;

    (void)control;
    f.waiter = NULL;
    return waits;
}

void control_write_config(struct control *control, struct config_write *write) {
    (void)control;
    f.writes++;
    f.written[f.written_count++] = write;
}

/* Asks for the decision on what is there, and writes nothing. */
static void answer_write(struct config_write *write) {
    const struct config_pair before = {bytes_of_text("retention.ms"), bytes_of_text("5")};
    struct config_pair *after;
    struct arena arena;
    size_t count;
    enum error error;

    arena_init(&arena, MEMORY_MAX);
    error =
        write->decide(write, &before, bytes_is_null(write->topic) ? 0 : 1, &arena, &after, &count);
    write->done(write, error != ERR_NONE ? error : f.write_error);
    arena_done(&arena);
}

/* ---- Controller ---- */

void controller_shell_elect_leaders(struct controller_shell *shell,
                                    const struct controller_elect_leaders_request *request,
                                    controller_elect_leaders_done *done, void *context) {
    const struct controller_elect_leaders_response response = {f.error, f.elected, f.elected_count};
    (void)shell;
    (void)request;
    done(context, &response);
}

void controller_shell_create_partitions(struct controller_shell *shell,
                                        const struct controller_create_partitions_request *request,
                                        controller_create_partitions_done *done, void *context) {
    const struct controller_create_partitions_response response = {f.error, f.extended,
                                                                   f.extended_count};
    (void)shell;
    if (f.error == ERR_NONE)
        assert_int_equal(request->topic_count, f.extended_count);
    done(context, &response);
}

/* ---- The cluster ---- */

static const struct uuid orders_id = {{1, 2, 3}};

/* Topic orders: `count` partitions on 1, 2, 3, all led by `leader`. */
static void publish(int32_t count, int32_t leader, int32_t leader_epoch, const char *retention) {
    static const int32_t replicas[] = {1, 2, 3};
    struct metadata_builder *builder = metadata_builder_new(NULL);
    struct metadata_assignment assignments[8] = {0};
    struct metadata_broker brokers[] = {{.id = 1}, {.id = 2}};
    struct metadata_setting setting = {"retention.ms", retention};
    struct metadata_topic_change *changes;
    int32_t change_count;

    metadata_builder_add_broker(builder, &brokers[0]);
    metadata_builder_add_broker(builder, &brokers[1]);
    for (int32_t i = 0; i < count; i++)
        assignments[i] =
            (struct metadata_assignment){.index = i, .replicas = replicas, .replica_count = 3};
    assert_true(metadata_builder_set_topic(builder, bytes_of_text("orders"), &orders_id, 1,
                                           assignments, count));
    metadata_builder_set_settings(builder, bytes_of_text("orders"), &setting,
                                  retention == NULL ? 0 : 1);
    for (int32_t i = 0; i < count; i++) {
        const struct metadata_state state = {.index = i,
                                             .leader = leader,
                                             .leader_epoch = leader_epoch,
                                             .partition_epoch = 1,
                                             .isr = replicas,
                                             .isr_count = 3};
        assert_true(metadata_builder_set_state(builder, &orders_id, &state));
    }
    metadata_cache_publish(&f.cache, metadata_builder_finish(builder, &changes, &change_count));
    free(changes);
    look_again();
}

static int set_up(void **state) {
    struct config_report report;
    (void)state;

    memset(&f, 0, sizeof(f));
    arena_init(&f.arena, MEMORY_MAX);
    wire_writer_init(&f.output, MEMORY_MAX);
    metadata_cache_init(&f.cache);
    STAILQ_INIT(&f.tasks);
    f.executor.post = post;
    config_report_init(&report);
    assert_int_equal(config_parse("f",
                                  bytes_of_text("zookeeper.connect=z\nlog.segment.bytes=1000000\n"),
                                  NULL, 0, &report, &f.config),
                     ERR_NONE);
    config_report_done(&report);
    assert_int_equal(live_config_new(f.config, &f.live), ERR_NONE);
    f.context = (struct api_context){
        .broker_id = 1, .config = f.config, .live_config = f.live, .metadata = &f.cache};
    publish(2, 2, 5, "5");
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    live_config_free(f.live);
    config_free(f.config);
    metadata_cache_done(&f.cache);
    wire_writer_done(&f.output);
    arena_done(&f.arena);
    return 0;
}

/* ---- Asking ---- */

static struct request request;

static void begin(const struct api_handler *handler, int16_t version, const void *message) {
    struct wire_writer frame;

    wire_writer_init(&frame, MEMORY_MAX);
    request_header_encode(
        &frame, &(struct request_header){handler->api->key, version, 77, bytes_of_text("test")});
    handler->api->request->encode(&frame, version, message);
    assert_int_equal(frame.error, ERR_NONE);
    request = (struct request){.client_address = "127.0.0.1", .executor = &f.executor};
    arena_init(&request.arena, MEMORY_MAX);
    request.frame = arena_copy(&request.arena, bytes_of(frame.data, frame.size));
    wire_writer_done(&frame);
    f.call = (struct api_call){.context = &f.context, .request = &request, .handler = handler};
    f.sent = 0;
    wire_reader_init(&f.call.body, request.frame);
    assert_int_equal(request_header_decode(&f.call.body, &f.call.header), ERR_NONE);
    handler->handle(&f.call);
    drain();
}

static void end(void *response) {
    struct wire_reader reader;
    int32_t correlation_id;

    assert_int_equal(f.sent, 1);
    assert_int_equal(f.closed, 0);
    assert_int_equal(f.output.error, ERR_NONE);
    wire_reader_init(&reader, bytes_of(f.output.data, f.output.size));
    assert_int_equal(response_header_decode(&reader, f.call.handler->api->key,
                                            f.call.header.api_version, &correlation_id),
                     ERR_NONE);
    assert_int_equal(f.call.handler->api->response->decode(&reader, f.call.header.api_version,
                                                           &f.arena, response),
                     ERR_NONE);
    arena_done(&request.arena);
}

static void expire(void) {
    assert_non_null(f.expired);
    f.expired(&request);
    drain();
}

/* ---- DescribeConfigs ---- */

static const struct describe_configs_response_results_configs *
find_config(const struct describe_configs_response_results *result, const char *name) {
    for (int32_t i = 0; i < result->configs_count; i++) {
        if (bytes_equal_text(result->configs[i].name, name))
            return &result->configs[i];
    }
    return NULL;
}

static void settings_are_told_in_all_versions(void **state) {
    struct describe_configs_request_resources topic = {2, bytes_of_text("orders"), NULL, -1};
    struct describe_configs_response response;
    struct describe_configs_request asked;

    (void)state;
    for (int16_t version = 0; version <= 4; version++) {
        const struct describe_configs_response_results_configs *retention, *segment;
        describe_configs_request_init(&asked);
        asked.resources = &topic;
        asked.resources_count = 1;
        asked.include_synonyms = version >= 1;
        asked.include_documentation = version >= 3;
        begin(&api_describe_configs, version, &asked);
        end(&response);
        assert_int_equal(response.results_count, 1);
        assert_int_equal(response.results[0].error_code, 0);
        retention = find_config(&response.results[0], "retention.ms");
        segment = find_config(&response.results[0], "segment.bytes");
        assert_true(bytes_equal_text(retention->value, "5"));
        assert_true(bytes_equal_text(segment->value, "1000000"));
        assert_false(retention->read_only || retention->is_sensitive || retention->is_default);
        assert_int_equal(retention->config_source, version == 0 ? -1 : 1);
        assert_int_equal(segment->config_source, version == 0 ? -1 : 4);
        assert_int_equal(segment->synonyms_count, version == 0 ? 0 : 2);
        assert_int_equal(retention->config_type, version >= 3 ? 5 : 0);
        assert_int_equal(retention->documentation.size > 10, version >= 3);
        assert_int_equal(find_config(&response.results[0], "cleanup.policy")->is_default,
                         version == 0);
    }
}

static void a_change_at_run_time_is_told(void **state) {
    struct describe_configs_request_resources resources[] = {{4, bytes_of_text("1"), NULL, 0},
                                                             {4, bytes_of_text(""), NULL, 0}};
    const struct config_pair pair = {bytes_of_text("log.segment.bytes"), bytes_of_text("2000000")};
    struct describe_configs_response response;
    struct describe_configs_request asked;
    struct config_report report;

    (void)state;
    config_report_init(&report);
    assert_int_equal(live_config_set(f.live, true, &pair, 1, &report), ERR_NONE);
    config_report_done(&report);
    describe_configs_request_init(&asked);
    asked.resources = resources;
    asked.resources_count = 2;
    begin(&api_describe_configs, 1, &asked);
    end(&response);
    assert_true(
        bytes_equal_text(find_config(&response.results[0], "log.segment.bytes")->value, "2000000"));
    assert_int_equal(find_config(&response.results[0], "log.segment.bytes")->config_source, 3);
    assert_int_equal(response.results[1].configs_count, 1);
}

static void what_cannot_be_described_is_told(void **state) {
    static const struct {
        int8_t type;
        const char *name;
        int16_t error;
    } cases[] = {{2, "nobody", 3},       {2, "a/b", 17}, {2, "", 17},
                 {4, "2", 42},           {4, "x", 42},   {4, "-", 42},
                 {4, "99999999999", 42}, {8, "", 42},    {8, "2", 42},
                 {16, "m", 42},          {-1, "x", 42},  {77, "", 42}};
    struct describe_configs_request_resources asked_resource;
    struct describe_configs_response response;
    struct describe_configs_request asked;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        describe_configs_request_init(&asked);
        asked_resource = (struct describe_configs_request_resources){
            cases[i].type, bytes_of_text(cases[i].name), NULL, -1};
        asked.resources = &asked_resource;
        asked.resources_count = 1;
        begin(&api_describe_configs, 4, &asked);
        end(&response);
        if (response.results[0].error_code != cases[i].error)
            fail_msg("%d %s: %d", cases[i].type, cases[i].name, response.results[0].error_code);
        assert_int_equal(response.results[0].configs_count, 0);
    }
}

/* ---- IncrementalAlterConfigs ---- */

static void alter(int8_t type, const char *name, const char *key, const char *value) {
    struct incremental_alter_configs_request_resources_configs change = {bytes_of_text(key), 0,
                                                                         bytes_of_text(value)};
    struct incremental_alter_configs_request_resources resource = {type, bytes_of_text(name),
                                                                   &change, 1};
    struct incremental_alter_configs_request asked;

    incremental_alter_configs_request_init(&asked);
    asked.resources = &resource;
    asked.resources_count = 1;
    begin(&api_incremental_alter_configs, 1, &asked);
}

static int16_t altered(void) {
    struct incremental_alter_configs_response response;

    end(&response);
    assert_int_equal(response.responses_count, 1);
    return response.responses[0].error_code;
}

static void an_alteration_is_answered_when_it_is_visible_here(void **state) {
    (void)state;
    alter(2, "orders", "retention.ms", "9");
    assert_int_equal(f.writes, 1);
    assert_int_equal(f.sent, 0);
    publish(2, 2, 5, "7"); /* somebody else's */
    drain();
    assert_int_equal(f.sent, 0);
    publish(2, 2, 5, "9");
    drain();
    assert_int_equal(altered(), 0);
}

static void an_alteration_that_stays_invisible_is_answered_nevertheless(void **state) {
    (void)state;
    alter(2, "orders", "retention.ms", "9");
    assert_int_equal(f.sent, 0);
    expire();
    assert_int_equal(altered(), 0);
}

static void what_is_refused_is_not_waited_for(void **state) {
    static const struct {
        int8_t type;
        const char *name, *key, *value;
        int writes;
        int16_t error;
    } cases[] = {
        {2, "orders", "retention.ms", NULL, 0, 42},
        {2, "orders", "retention.ms", "x", 1, 40},
        {2, "nobody", "retention.ms", "1", 1, 3},
        {2, "", "retention.ms", "1", 0, 42},
        {4, "1", "log.retention.ms", "x", 1, 42},
        {4, "1", "broker.id", "2", 1, 42},
        {4, "2", "log.retention.ms", "1", 0, 42},
        {8, "1", "other", "INFO", 0, 40},
        {8, "1", "root", "LOUD", 0, 40},
        {8, "1", "root", "INFO", 0, 0},
        {77, "1", "a", "b", 0, 42},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        int16_t error;
        f.writes = 0;
        alter(cases[i].type, cases[i].name, cases[i].key, cases[i].value);
        error = altered();
        if (error != cases[i].error || f.writes != cases[i].writes)
            fail_msg("%zu: error %d, writes %d", i, error, f.writes);
    }
}

static void a_write_that_fails_is_told(void **state) {
    (void)state;
    f.write_error = ERR_REQUEST_TIMED_OUT;
    alter(2, "orders", "retention.ms", "9");
    assert_int_equal(altered(), 7);
}

static void a_resource_named_twice_fails_both_times(void **state) {
    struct incremental_alter_configs_request_resources_configs change = {
        bytes_of_text("min.insync.replicas"), 0, bytes_of_text("1")};
    struct incremental_alter_configs_request_resources resources[] = {
        {2, bytes_of_text("orders"), &change, 1},
        {4, bytes_of_text("1"), &change, 1},
        {2, bytes_of_text("orders"), &change, 1}};
    struct incremental_alter_configs_response response;
    struct incremental_alter_configs_request asked;

    (void)state;
    incremental_alter_configs_request_init(&asked);
    asked.resources = resources;
    asked.resources_count = 3;
    asked.validate_only = true;
    begin(&api_incremental_alter_configs, 0, &asked);
    end(&response);
    assert_int_equal(response.responses[0].error_code, 42);
    assert_int_equal(response.responses[1].error_code, 0);
    assert_int_equal(response.responses[2].error_code, 42);
    assert_int_equal(f.writes, 1);
}

/* ---- CreatePartitions ---- */

static void extend(int32_t count) {
    struct create_partitions_request_topics topics[] = {
        {bytes_of_text("twice"), 3, NULL, -1},
        {bytes_of_text("orders"), count, NULL, -1},
        {bytes_of_text("twice"), 3, NULL, -1},
    };
    struct create_partitions_request asked;

    create_partitions_request_init(&asked);
    asked.topics = topics;
    asked.topics_count = 3;
    asked.timeout_ms = 1000;
    begin(&api_create_partitions, 3, &asked);
}

/* Who is not the controller says only that. */
static int16_t extended(void) {
    int16_t repeated = f.error == ERR_NOT_CONTROLLER ? 41 : 42;
    struct create_partitions_response response;

    end(&response);
    assert_int_equal(response.results_count, 3);
    assert_int_equal(response.results[0].error_code, repeated);
    assert_int_equal(response.results[2].error_code, repeated);
    assert_true(bytes_equal_text(response.results[1].name, "orders"));
    return response.results[1].error_code;
}

static void new_partitions_are_waited_for_until_they_have_leaders(void **state) {
    (void)state;
    f.extended_count = 1;
    extend(4);
    assert_int_equal(f.sent, 0);
    publish(4, -1, 5, NULL);
    drain();
    assert_int_equal(f.sent, 0);
    publish(4, 1, 6, NULL);
    drain();
    assert_int_equal(extended(), 0);
    extend(5);
    expire();
    assert_int_equal(extended(), 7);
}

static void what_the_controller_refuses_is_told(void **state) {
    (void)state;
    f.extended_count = 1;
    f.extended[0].error = ERR_INVALID_PARTITIONS;
    extend(1);
    assert_int_equal(extended(), 37);
    f.error = ERR_NOT_CONTROLLER;
    extend(4);
    assert_int_equal(extended(), 41);
}

/* ---- ElectLeaders ---- */

static void elect(int16_t version, int8_t type, bool all) {
    int32_t partitions[] = {0, 1};
    struct elect_leaders_request_topic_partitions topic = {bytes_of_text("orders"), partitions, 2};
    struct elect_leaders_request asked;

    elect_leaders_request_init(&asked);
    asked.election_type = type;
    asked.topic_partitions = &topic;
    asked.topic_partitions_count = all ? -1 : 1;
    begin(&api_elect_leaders, version, &asked);
}

/* "top level | topic partition:error partition:error" */
static void elected(const char *expected) {
    struct elect_leaders_response response;
    char text[256];
    size_t at;

    end(&response);
    at = (size_t)snprintf(text, sizeof(text), "%d |", response.error_code);
    for (int32_t i = 0; i < response.replica_election_results_count; i++) {
        const struct elect_leaders_response_replica_election_results *topic =
            &response.replica_election_results[i];
        at += (size_t)snprintf(text + at, sizeof(text) - at, " %.*s", BYTES_FORMAT(topic->topic));
        for (int32_t j = 0; j < topic->partition_result_count; j++)
            at += (size_t)snprintf(text + at, sizeof(text) - at, " %d:%d",
                                   topic->partition_result[j].partition_id,
                                   topic->partition_result[j].error_code);
    }
    assert_string_equal(text, expected);
}

static void leaders_are_waited_for(void **state) {
    (void)state;
    f.elected[0] = (struct controller_elect_leaders_result){bytes_of_text("orders"), 0, ERR_NONE};
    f.elected[1] = (struct controller_elect_leaders_result){bytes_of_text("orders"), 1,
                                                            ERR_ELECTION_NOT_NEEDED};
    f.elected_count = 2;
    elect(2, 0, false);
    assert_int_equal(f.sent, 0);
    publish(2, 1, 6, NULL);
    drain();
    elected("0 | orders 0:0 1:84");
    publish(2, 2, 7, NULL);
    elect(1, 0, false);
    expire();
    elected("0 | orders 0:7 1:84");
    elect(2, 1, false); /* anybody may lead after an unclean one */
    elected("0 | orders 0:0 1:84");
    publish(2, 3, 8, NULL); /* but must live */
    elect(2, 1, false);
    assert_int_equal(f.sent, 0);
    publish(2, 1, 9, NULL);
    drain();
    elected("0 | orders 0:0 1:84");
}

static void who_is_not_the_controller_says_so_for_each_partition(void **state) {
    (void)state;
    f.error = ERR_NOT_CONTROLLER;
    for (int16_t version = 0; version <= 2; version++) {
        elect(version, 0, false);
        elected("0 | orders 0:41 1:41");
        elect(version, 0, true);
        elected("0 | orders 0:41 1:41");
    }
    elect(2, 2, false);
    elected("42 | orders 0:42 1:42");
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(settings_are_told_in_all_versions),
        TEST(a_change_at_run_time_is_told),
        TEST(what_cannot_be_described_is_told),
        TEST(an_alteration_is_answered_when_it_is_visible_here),
        TEST(an_alteration_that_stays_invisible_is_answered_nevertheless),
        TEST(what_is_refused_is_not_waited_for),
        TEST(a_write_that_fails_is_told),
        TEST(a_resource_named_twice_fails_both_times),
        TEST(new_partitions_are_waited_for_until_they_have_leaders),
        TEST(what_the_controller_refuses_is_told),
        TEST(leaders_are_waited_for),
        TEST(who_is_not_the_controller_says_so_for_each_partition),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* ListOffsets and OffsetForLeaderEpoch of a real log. The request's functions and the table of
 * partitions are this file's. */
#include "tests/unit/broker/log/log_fixture.h"

#include "broker/api/handlers.h"
#include "broker/metadata/metadata_builder.h"
#include "broker/metadata/metadata_cache.h"
#include "broker/replica/replica_manager.h"
#include "client/wire/message/list_offsets.h"
#include "client/wire/message/offset_for_leader_epoch.h"

#define MEMORY_MAX (1 << 20)

static struct offsets_fixture {
    struct fixture base;
    struct log *log;
    struct partition_environment environment;
    struct partition *partition; /* topic-0; topic-1 is another broker's */
    struct metadata_cache cache;
    struct api_context context;
    struct arena arena;
    struct wire_writer output;
    int sent;
    struct executor executor; /* the reactor and the background */
    struct task *posted;
} f;

static void post(struct executor *executor, struct task *task) {
    (void)executor;
    assert_null(f.posted);
    f.posted = task;
}

static void run_posted(void) {
    while (f.posted != NULL) {
        struct task *task = f.posted;
        f.posted = NULL;
        task->run(task);
    }
}

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
}

const struct api_handler *const api_handlers[] = {&api_list_offsets};
const size_t api_handler_count = 1;

struct partition *replica_manager_find(struct replica_manager *manager, struct bytes topic,
                                       int32_t index) {
    (void)manager;
    if (index != 0 || !bytes_equal_text(topic, "topic"))
        return NULL;
    partition_ref(f.partition);
    return f.partition;
}

static bool everybody_is_alive(void *context, int32_t broker_id) {
    (void)context;
    (void)broker_id;
    return true;
}

static void no_proposal(void *context, struct partition *partition) {
    (void)context;
    (void)partition;
}

static void publish(void) {
    static const int32_t replicas[] = {1};
    const struct metadata_assignment assignments[] = {
        {.index = 0, .replicas = replicas, .replica_count = 1},
        {.index = 1, .replicas = replicas, .replica_count = 1}};
    struct metadata_builder *builder = metadata_builder_new(NULL);
    struct uuid id = {{1}};
    struct metadata_topic_change *changes;
    int32_t count;

    assert_true(
        metadata_builder_set_topic(builder, bytes_of_text("topic"), &id, 1, assignments, 2));
    metadata_cache_publish(&f.cache, metadata_builder_finish(builder, &changes, &count));
    free(changes);
}

/* Ten records of epoch 4, ten of epoch 5, one ms apart; this broker leads since epoch 6. */
static void fill(void) {
    for (int32_t i = 0; i < 2; i++) {
        struct batch_spec spec = {.records = 10,
                                  .value_bytes = 20,
                                  .timestamp = FIXTURE_NOW_MS + 10 * i,
                                  .leader_epoch = 4 + i};
        struct log_append_result result;
        assert_int_equal(append_batch(&f.base, f.log, &spec, &result), ERR_NONE);
    }
}

static void lead(int32_t replica_count, int32_t leader) {
    int32_t replicas[] = {1, 2};
    const struct metadata_partition known = {.leader = leader,
                                             .leader_epoch = 6,
                                             .partition_epoch = 1,
                                             .replicas = replicas,
                                             .replica_count = replica_count,
                                             .isr = replicas,
                                             .isr_count = replica_count};

    (void)partition_apply(f.partition, &known, 1);
}

static int set_up(void **state) {
    static const struct uuid id = {{1}};
    (void)state;

    memset(&f, 0, sizeof(f));
    f.executor.post = post;
    fixture_init(&f.base);
    f.log = fixture_load(&f.base, true, 0);
    fill();
    f.environment = (struct partition_environment){
        1, 30000, 0, &f.base.clock.clock, everybody_is_alive, no_proposal, NULL, NULL, NULL, NULL};
    f.partition = partition_new(&f.environment, "topic", 0, &id, f.log, 0);
    metadata_cache_init(&f.cache);
    publish();
    arena_init(&f.arena, MEMORY_MAX);
    wire_writer_init(&f.output, MEMORY_MAX);
    f.context = (struct api_context){.broker_id = 1,
                                     .clock = &f.base.clock.clock,
                                     .metadata = &f.cache,
                                     .background = &f.executor};
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    wire_writer_done(&f.output);
    arena_done(&f.arena);
    metadata_cache_done(&f.cache);
    partition_unref(f.partition);
    fixture_crash(&f.base, f.log);
    fixture_done(&f.base);
    return 0;
}

static void ask(const struct api_handler *handler, int16_t version, const void *message,
                void *response) {
    struct request request = {.client_address = "127.0.0.1", .executor = &f.executor};
    struct api_call call = {.context = &f.context, .request = &request, .handler = handler};
    struct wire_reader reader;
    struct wire_writer body;
    int32_t correlation_id;

    arena_init(&request.arena, MEMORY_MAX);
    wire_writer_init(&body, MEMORY_MAX);
    handler->api->request->encode(&body, version, message);
    assert_int_equal(body.error, ERR_NONE);
    call.header = (struct request_header){handler->api->key, version, 1, BYTES_NULL};
    wire_reader_init(&call.body, bytes_of(body.data, body.size));
    f.sent = 0;
    handler->handle(&call);
    memset(body.data, 0xff, body.size); /* the frame is somebody else's now */
    run_posted();
    arena_done(&request.arena);
    wire_writer_done(&body);
    assert_int_equal(f.sent, 1);
    assert_int_equal(f.output.error, ERR_NONE);
    wire_reader_init(&reader, bytes_of(f.output.data, f.output.size));
    assert_int_equal(response_header_decode(&reader, handler->api->key, version, &correlation_id),
                     ERR_NONE);
    assert_int_equal(handler->api->response->decode(&reader, version, &f.arena, response),
                     ERR_NONE);
}

typedef struct list_offsets_request_topics_partitions question;
typedef struct list_offsets_response_topics_partitions answer;

static answer *ask_offsets(int16_t version, int32_t replica_id, question *questions,
                           int32_t count) {
    struct list_offsets_request_topics topic = {bytes_of_text("topic"), questions, count};
    struct list_offsets_request request = {
        .replica_id = replica_id, .topics = &topic, .topics_count = 1};
    struct list_offsets_response response;

    ask(&api_list_offsets, version, &request, &response);
    assert_int_equal(response.topics_count, 1);
    assert_int_equal(response.topics[0].partitions_count, count);
    return response.topics[0].partitions;
}

static answer ask_offset(int16_t version, int64_t timestamp) {
    question one = {.current_leader_epoch = -1,
                    .timestamp = timestamp,
                    .max_num_offsets = version == 0 ? 5 : 1};

    return *ask_offsets(version, -1, &one, 1);
}

static void assert_answer(answer got, int64_t offset, int64_t timestamp, int32_t epoch) {
    assert_int_equal(got.error_code, 0);
    assert_int_equal(got.offset, offset);
    assert_int_equal(got.timestamp, timestamp);
    assert_int_equal(got.leader_epoch, epoch);
}

static void offsets_are_found_in_all_versions(void **state) {
    (void)state;
    lead(1, 1);
    for (int16_t version = 1; version <= 9; version++) {
        bool has_epoch = version >= 4;
        assert_answer(ask_offset(version, -1), 20, -1, has_epoch ? 6 : -1);
        assert_answer(ask_offset(version, -2), 0, -1, has_epoch ? 4 : -1);
        assert_answer(ask_offset(version, FIXTURE_NOW_MS + 13), 13, FIXTURE_NOW_MS + 13,
                      has_epoch ? 5 : -1);
        assert_answer(ask_offset(version, FIXTURE_NOW_MS + 20), -1, -1, -1);
    }
    assert_answer(ask_offset(7, -3), 19, FIXTURE_NOW_MS + 19, 5);
    assert_answer(ask_offset(8, -4), 0, -1, 4);
    assert_answer(ask_offset(9, -5), -1, -1, -1);
    assert_int_equal(ask_offset(6, -3).error_code, 35);
    assert_int_equal(ask_offset(7, -4).error_code, 35);
    assert_int_equal(ask_offset(8, -5).error_code, 35);
    assert_int_equal(ask_offset(9, -6).error_code, 35);
    assert_int_equal(ask_offset(9, INT64_MIN).error_code, 35);
}

/* Begins a segment with ten records more; the file of the one before was changed at `modified_ms`.
 */
static void begin_segment(int64_t base_of_last, int64_t modified_ms) {
    const struct timespec times[2] = {
        {.tv_nsec = UTIME_OMIT},
        {.tv_sec = modified_ms / 1000, .tv_nsec = modified_ms % 1000 * 1000000}};
    struct batch_spec spec = {
        .records = 10, .value_bytes = 20, .timestamp = FIXTURE_NOW_MS, .leader_epoch = 6};
    struct log_append_result result;
    char path[SEGMENT_PATH_MAX];

    assert_int_equal(log_roll(f.log, FIXTURE_NOW_MS), ERR_NONE);
    segment_path(&f.log->home, base_of_last, SEGMENT_SUFFIX_LOG, path);
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    assert_int_equal(append_batch(&f.base, f.log, &spec, &result), ERR_NONE);
}

static void check_old_style(int64_t timestamp, int32_t max, const char *expected) {
    question one = {.current_leader_epoch = -1, .timestamp = timestamp, .max_num_offsets = max};
    const answer *got = ask_offsets(0, -1, &one, 1);
    char text[128] = "";

    assert_int_equal(got->error_code, 0);
    for (int32_t i = 0; i < got->old_style_offsets_count; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%" PRId64 " ",
                 got->old_style_offsets[i]);
    assert_string_equal(text, expected);
}

static void version_0_gives_the_starts_of_segments(void **state) {
    (void)state;

    lead(1, 1);
    check_old_style(-1, 5, "20 0 ");
    begin_segment(0, FIXTURE_NOW_MS - 5000);
    begin_segment(20, FIXTURE_NOW_MS - 3000);
    lead(1, 1);
    check_old_style(-1, 9, "40 30 20 0 ");
    check_old_style(-1, 2, "40 30 ");
    check_old_style(-1, 0, "");
    check_old_style(-2, 9, "0 ");
    check_old_style(FIXTURE_NOW_MS - 3000, 9, "20 0 ");
    check_old_style(FIXTURE_NOW_MS - 3001, 9, "0 ");
    check_old_style(FIXTURE_NOW_MS - 3000, 1, "20 ");
    check_old_style(FIXTURE_NOW_MS - 5001, 9, "");
    check_old_style(INT64_MAX - 1, 1, "40 ");
}

/* As in Kafka, which keeps answers apart by name from version 1 on only. */
static void version_0_answers_what_is_asked_twice(void **state) {
    question questions[] = {{0, -1, -1, 1}, {0, -1, -2, 1}};
    const answer *got;
    (void)state;

    lead(1, 1);
    got = ask_offsets(0, -1, questions, 2);
    assert_int_equal(got[0].error_code, 0);
    assert_int_equal(got[0].old_style_offsets[0], 20);
    assert_int_equal(got[1].old_style_offsets[0], 0);
}

static void version_0_ends_at_the_high_watermark(void **state) {
    question one = {.current_leader_epoch = -1, .timestamp = -1, .max_num_offsets = 5};
    const answer *got;
    (void)state;

    lead(2, 1);                        /* the other replica has told nothing yet */
    check_old_style(-1, 5, "0 0 ");    /* the high watermark instead of the end, and the segment */
    got = ask_offsets(0, -2, &one, 1); /* a debugging consumer sees all */
    assert_int_equal(got->old_style_offsets_count, 2);
    assert_int_equal(got->old_style_offsets[0], 20);
}

static void errors_are_told_per_partition(void **state) {
    question questions[] = {{0, 5, -1, 1}, {1, -1, -1, 1}, {2, -1, -1, 1}, {2, -1, -1, 1}};
    answer *got;
    (void)state;

    lead(1, 1);
    got = ask_offsets(9, -1, questions, 4);
    assert_int_equal(got[0].error_code, 74);
    assert_int_equal(got[1].error_code, 6);
    assert_int_equal(got[2].error_code, 42);
    assert_int_equal(got[3].error_code, 42);
    questions[0].current_leader_epoch = 7;
    got = ask_offsets(9, -1, questions, 3);
    assert_int_equal(got[0].error_code, 75);
    assert_int_equal(got[2].error_code, 3);
    assert_int_equal(got[2].offset, -1);
}

static void a_new_leader_hides_its_end_from_consumers_only(void **state) {
    question latest = {0, -1, -1, 1};
    (void)state;

    lead(2, 1);
    assert_int_equal(ask_offset(5, -1).error_code, 78);
    assert_int_equal(ask_offset(4, -1).error_code, 5);
    assert_int_equal(ask_offset(5, FIXTURE_NOW_MS).error_code, 78);
    assert_int_equal(ask_offset(5, -2).error_code, 0);
    assert_answer(*ask_offsets(9, 2, &latest, 1), 20, -1, 6);
}

static void a_follower_answers_debugging_consumers_only(void **state) {
    question latest = {0, -1, -1, 1};
    (void)state;

    lead(2, 2);
    assert_int_equal(ask_offset(9, -1).error_code, 6);
    assert_answer(*ask_offsets(9, -2, &latest, 1), 20, -1, 6);
}

static void epochs_end_where_the_next_begins(void **state) {
    struct offset_for_leader_epoch_request_topics_partitions questions[] = {
        {0, -1, 4}, {0, -1, 5}, {0, -1, 6}, {0, -1, 7}, {1, -1, 4}, {2, -1, 4}};
    static const struct {
        int16_t error_code;
        int32_t epoch;
        int64_t end;
    } expected[] = {{0, 4, 10}, {0, 5, 20}, {0, 6, 20}, {0, -1, -1}, {6, -1, -1}, {3, -1, -1}};
    struct offset_for_leader_epoch_request_topics topic = {bytes_of_text("topic"), questions,
                                                           ARRAY_COUNT(questions)};
    struct offset_for_leader_epoch_request request = {-2, &topic, 1};
    struct offset_for_leader_epoch_response response;
    (void)state;

    lead(1, 1);
    for (int16_t version = 0; version <= 4; version++) {
        ask(&api_offset_for_leader_epoch, version, &request, &response);
        for (size_t i = 0; i < ARRAY_COUNT(expected); i++) {
            assert_int_equal(response.topics[0].partitions[i].error_code, expected[i].error_code);
            assert_int_equal(response.topics[0].partitions[i].leader_epoch,
                             version >= 1 ? expected[i].epoch : -1);
            assert_int_equal(response.topics[0].partitions[i].end_offset, expected[i].end);
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(offsets_are_found_in_all_versions),
        TEST(version_0_gives_the_starts_of_segments),
        TEST(version_0_answers_what_is_asked_twice),
        TEST(version_0_ends_at_the_high_watermark),
        TEST(errors_are_told_per_partition),
        TEST(a_new_leader_hides_its_end_from_consumers_only),
        TEST(a_follower_answers_debugging_consumers_only),
        TEST(epochs_end_where_the_next_begins),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

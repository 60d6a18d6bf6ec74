/*
 * A journal loads what its partition holds, in order and once; appends in the leader epoch that it
 * loaded, or not at all; and tells the outcome of each append once, whatever happens meanwhile.
 */
#include "tests/unit/broker/journal/internal_topic_fixture.h"

#include "broker/journal/journal.h"
#include "client/wire/big_endian.h"
#include "client/wire/crc32c.h"
#include "client/wire/message_set_builder.h"

#define TOPIC      "__transaction_state"
#define EVENTS_MAX 65536

struct bench {
    struct broker_fixture f;
    struct journal *journal;
    struct mutex lock;
    struct condition changed;
    char events[EVENTS_MAX]; /* lock; "loading 0, r0 r1 loaded 0, lost 0" */
    int metadata_calls;      /* lock */
};

/* ---- What the owner is told ---- */

static void note(struct bench *bench, const char *text, int64_t number) {
    size_t used;

    mutex_lock(&bench->lock);
    used = strlen(bench->events);
    snprintf(bench->events + used, EVENTS_MAX - used, "%s%lld ", text, (long long)number);
    condition_broadcast(&bench->changed);
    mutex_unlock(&bench->lock);
}

static void on_loading(void *context, int32_t partition) {
    note(context, "loading ", partition);
}

static void on_record(void *context, int32_t partition, const struct record_batch *batch,
                      const struct record *record) {
    (void)partition;
    assert_true(record->offset >= batch->base_offset);
    assert_true(bytes_equal_text(record->key, "key"));
    note(context, "r", record->offset);
}

static void on_loaded(void *context, int32_t partition) {
    note(context, "loaded ", partition);
}

static void on_lost(void *context, int32_t partition) {
    note(context, "lost ", partition);
}

static void on_metadata(void *context, const struct metadata *metadata) {
    struct bench *bench = context;
    (void)metadata;

    mutex_lock(&bench->lock);
    bench->metadata_calls++;
    mutex_unlock(&bench->lock);
}

/* Until exactly that has been told; then it is forgotten. */
static void expect(struct bench *bench, const char *text) {
    int64_t deadline_ms = fixture_deadline_ms();

    mutex_lock(&bench->lock);
    while (strcmp(bench->events, text) != 0 &&
           condition_wait(&bench->changed, &bench->lock, deadline_ms))
        continue;
    assert_string_equal(bench->events, text);
    bench->events[0] = '\0';
    mutex_unlock(&bench->lock);
}

/* ---- Life ---- */

static void bench_init(struct bench *bench, int32_t load_bytes, int64_t append_timeout_ms) {
    struct journal_config config = {
        .topic = TOPIC,
        .background = &bench->f.background.executor,
        .clock = &bench->f.clock.clock,
        .metadata = &bench->f.metadata,
        .owner = {on_loading, on_record, on_loaded, on_lost, on_metadata, bench},
        .load_bytes = load_bytes,
        .append_timeout_ms = append_timeout_ms,
    };

    memset(bench, 0, sizeof(*bench));
    mutex_init(&bench->lock);
    condition_init(&bench->changed);
    broker_fixture_init(&bench->f, TOPIC);
    bench->f.partition_count = 1;
    config.loop = bench->f.loop;
    config.replicas = bench->f.replicas;
    bench->journal = journal_new(&config);
}

static void stop_journal(void *context) {
    journal_stop(((struct bench *)context)->journal);
}

static void bench_done(struct bench *bench) {
    replica_manager_retire_all(bench->f.replicas);
    call_on(loop_executor(bench->f.loop), stop_journal, bench);
    broker_fixture_drain(&bench->f);
    broker_fixture_stop_loop(&bench->f);
    journal_free(bench->journal);
    broker_fixture_done(&bench->f);
    condition_done(&bench->changed);
    mutex_done(&bench->lock);
}

static void lead(struct bench *bench, int32_t leader_epoch, int32_t isr_count) {
    decide(&bench->f, (struct leadership){SELF, leader_epoch, isr_count});
    journal_metadata_changed(bench->journal);
}

static void give_up(struct bench *bench, int32_t leader_epoch) {
    decide(&bench->f, (struct leadership){OTHER, leader_epoch, 1});
    journal_metadata_changed(bench->journal);
}

/* ---- Records that are there already ---- */

/* Appends as the leader that this broker was. */
static void put_records(struct bench *bench, int32_t records, size_t value_bytes,
                        enum compression codec) {
    struct batch_spec spec = {.records = records,
                              .value_bytes = value_bytes,
                              .timestamp = FIXTURE_NOW_MS,
                              .codec = codec};
    struct partition *partition = find_partition(&bench->f, 0);
    struct arena arena;
    struct partition_append options = {.acks = 1,
                                       .wall_ms = FIXTURE_NOW_MS,
                                       .arena = &arena,
                                       .origin = LOG_APPEND_COORDINATOR,
                                       .leader_epoch = ANY_LEADER_EPOCH};
    struct log_append_result result;
    int32_t leader_epoch;
    size_t size;
    uint8_t *bytes = make_batch(&spec, &size);

    arena_init(&arena, 1 << 20);
    assert_int_equal(
        partition_append_as_leader(partition, bytes, size, &options, &result, &leader_epoch),
        ERR_NONE);
    arena_done(&arena);
    free(bytes);
    partition_unref(partition);
}

/* What a Kafka that was told a message format of before 0.11 leaves behind: a message, and a
 * wrapper around two. */
static void put_messages(struct bench *bench, int8_t magic) {
    struct partition *partition = find_partition(&bench->f, 0);
    struct log *log = partition_log(partition);
    int64_t offset = log_end_offset(log);
    struct message_set_builder inner = {0}, set = {0};
    struct message_set_entry entry = {.offset = offset,
                                      .magic = magic,
                                      .timestamp = magic == 0 ? -1 : FIXTURE_NOW_MS,
                                      .key = bytes_of_text("key"),
                                      .value = bytes_of_text("value")};
    struct message_set_entry wrapper = {.offset = offset + 2,
                                        .magic = magic,
                                        .attributes = COMPRESSION_GZIP,
                                        .timestamp = entry.timestamp};
    struct log_append_result result;

    assert_int_equal(message_set_builder_add(&set, &entry), ERR_NONE);
    for (int64_t i = 0; i < 2; i++) {
        entry.offset = magic == 0 ? offset + 1 + i : i;
        assert_int_equal(message_set_builder_add(&inner, &entry), ERR_NONE);
    }
    assert_int_equal(
        message_set_builder_add_wrapper(&set, &wrapper, bytes_of(inner.data, inner.size)),
        ERR_NONE);
    assert_int_equal(log_append_as_follower(log, set.data, set.size, 0, FIXTURE_NOW_MS, &result),
                     ERR_NONE);
    message_set_builder_done(&inner);
    message_set_builder_done(&set);
    partition_unref(partition);
}

/* "loading 0 r<first> ... r<end-1> loaded 0 " */
static const char *loads(int64_t first, int64_t end) {
    static char text[EVENTS_MAX];
    size_t used = (size_t)snprintf(text, sizeof(text), "loading 0 ");

    for (int64_t i = first; i < end; i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used, "r%lld ", (long long)i);
    snprintf(text + used, sizeof(text) - used, "loaded 0 ");
    return text;
}

/* ---- Loading ---- */

static void an_empty_partition_is_ready(void **state) {
    struct bench bench;
    (void)state;

    bench_init(&bench, 1000, 1000);
    lead(&bench, 0, 1);
    expect(&bench, loads(0, 0));
    bench_done(&bench);
}

static void all_records_are_told_in_order_and_once(void **state) {
    static const int32_t load_bytes[] = {1, 100, 1000, 100000};
    (void)state;

    for (size_t i = 0; i < ARRAY_COUNT(load_bytes); i++) {
        struct bench bench;
        bench_init(&bench, load_bytes[i], 1000);
        decide(&bench.f, (struct leadership){SELF, 0, 1});
        put_records(&bench, 1, 10, COMPRESSION_NONE);
        put_records(&bench, 50, 100, COMPRESSION_LZ4);
        put_records(&bench, 20, 900, COMPRESSION_NONE);
        for (int j = 0; j < 30; j++)
            put_records(&bench, 2, 50, j % 2 ? COMPRESSION_ZSTD : COMPRESSION_NONE);
        lead(&bench, 1, 1);
        expect(&bench, loads(0, 131));
        bench_done(&bench);
    }
}

static void messages_of_before_kafka_0_11_are_told_too(void **state) {
    static const int32_t load_bytes[] = {1, 100, 100000};
    (void)state;

    for (size_t i = 0; i < ARRAY_COUNT(load_bytes); i++) {
        struct bench bench;
        bench_init(&bench, load_bytes[i], 1000);
        decide(&bench.f, (struct leadership){OTHER, 0, 1});
        put_messages(&bench, 0);
        put_messages(&bench, 1);
        decide(&bench.f, (struct leadership){SELF, 1, 1});
        put_records(&bench, 2, 10, COMPRESSION_NONE);
        lead(&bench, 2, 1);
        expect(&bench, loads(0, 8));
        bench_done(&bench);
    }
}

static void it_begins_where_the_log_begins(void **state) {
    struct bench bench;
    struct partition *partition;
    int64_t required;
    int32_t epoch;
    (void)state;

    bench_init(&bench, 100, 1000);
    decide(&bench.f, (struct leadership){SELF, 0, 1});
    for (int i = 0; i < 10; i++)
        put_records(&bench, 1, 10, COMPRESSION_NONE);
    partition = find_partition(&bench.f, 0);
    assert_int_equal(partition_delete_records(partition, 4, &required, &epoch), ERR_NONE);
    partition_unref(partition);
    lead(&bench, 1, 1);
    expect(&bench, loads(4, 10));
    bench_done(&bench);
}

static void what_is_not_committed_yet_counts_too(void **state) {
    struct bench bench;
    struct partition *partition;
    (void)state;

    bench_init(&bench, 100, 1000);
    decide(&bench.f, (struct leadership){SELF, 0, 2});
    put_records(&bench, 3, 10, COMPRESSION_NONE);
    partition = find_partition(&bench.f, 0);
    assert_int_equal(partition_high_watermark(partition), 0);
    partition_unref(partition);
    lead(&bench, 1, 2);
    expect(&bench, loads(0, 3));
    bench_done(&bench);
}

static void a_load_in_an_old_epoch_is_dropped_and_done_anew(void **state) {
    struct bench bench;
    (void)state;

    bench_init(&bench, 100, 1000);
    decide(&bench.f, (struct leadership){SELF, 0, 1});
    put_records(&bench, 3, 10, COMPRESSION_NONE);
    hold_background(&bench.f);
    lead(&bench, 1, 1);
    expect(&bench, "loading 0 ");
    give_up(&bench, 2);
    expect(&bench, "lost 0 ");
    lead(&bench, 3, 1);
    expect(&bench, "loading 0 ");
    release_background(&bench.f);
    expect(&bench, "r0 r1 r2 loaded 0 "); /* once */
    bench_done(&bench);
}

static void a_leader_in_the_next_epoch_loads_anew(void **state) {
    struct bench bench;
    (void)state;

    bench_init(&bench, 100, 1000);
    lead(&bench, 0, 1);
    expect(&bench, loads(0, 0));
    decide(&bench.f, (struct leadership){SELF, 1, 1});
    put_records(&bench, 2, 10, COMPRESSION_NONE);
    journal_metadata_changed(bench.journal);
    expect(&bench, "lost 0 loading 0 r0 r1 loaded 0 ");
    lead(&bench, 1, 1); /* nothing has changed */
    give_up(&bench, 2);
    expect(&bench, "lost 0 ");
    bench_done(&bench);
}

static void a_journal_may_stop_in_the_midst_of_a_load(void **state) {
    struct bench bench;
    (void)state;

    bench_init(&bench, 100, 1000);
    decide(&bench.f, (struct leadership){SELF, 0, 1});
    for (int i = 0; i < 20; i++)
        put_records(&bench, 3, 10, COMPRESSION_NONE);
    hold_background(&bench.f);
    lead(&bench, 1, 1);
    expect(&bench, "loading 0 ");
    call_on(loop_executor(bench.f.loop), stop_journal, &bench);
    expect(&bench, "lost 0 ");
    lead(&bench, 2, 1); /* too late */
    bench_done(&bench);
    assert_string_equal(bench.events, "");
}

struct state_question {
    struct bench *bench;
    int32_t partition;
    enum journal_state state;
    int32_t count;
};

static void ask_state(void *context) {
    struct state_question *question = context;

    question->state = journal_state(question->bench->journal, question->partition);
    question->count = journal_partition_count(question->bench->journal);
}

static struct state_question state_of(struct bench *bench, int32_t partition) {
    struct state_question question = {bench, partition, JOURNAL_NOT_LED, 0};

    call_on(loop_executor(bench->f.loop), ask_state, &question);
    return question;
}

/* Spoils the batch at `offset`; with a valid CRC only who reads its records sees it. */
static void spoil(struct bench *bench, int64_t offset, bool with_valid_crc) {
    char path[256];
    size_t size, at = 0, batch_size;
    struct record_batch batch;
    uint8_t *bytes;

    snprintf(path, sizeof(path), "%s/%s-0/00000000000000000000.log", bench->f.root, TOPIC);
    bytes = slurp(path, &size);
    for (;;) {
        assert_int_equal(record_batch_total_size(bytes_of(bytes + at, size - at), &batch_size),
                         ERR_NONE);
        assert_int_equal(record_batch_decode(bytes_of(bytes + at, batch_size), &batch), ERR_NONE);
        if (batch.base_offset == offset)
            break;
        at += batch_size;
    }
    memset(bytes + at + RECORD_BATCH_HEADER_BYTES, 0xff, 8);
    if (with_valid_crc)
        big_endian_store_u32(bytes + at + 17, crc32c(0, bytes + at + 21, batch_size - 21));
    spit(path, bytes, size);
    free(bytes);
}

static void let_background_and_loop_run(struct bench *bench) {
    for (int turn = 0; turn < 100; turn++) {
        worker_pool_drain(bench->f.background.pool);
        (void)state_of(bench, 0);
    }
}

/* Half of a journal would give partitions away twice and forget offsets. */
static void what_cannot_be_read_is_not_served(void **state) {
    static const bool with_valid_crc[] = {false, true};
    (void)state;

    for (size_t i = 0; i < ARRAY_COUNT(with_valid_crc); i++) {
        struct bench bench;
        bench_init(&bench, 200, 1000);
        decide(&bench.f, (struct leadership){SELF, 0, 1});
        for (int j = 0; j < 20; j++)
            put_records(&bench, 1, 100, COMPRESSION_LZ4);
        spoil(&bench, 12, with_valid_crc[i]);
        lead(&bench, 1, 1);
        let_background_and_loop_run(&bench);
        assert_int_equal(state_of(&bench, 0).state, JOURNAL_LOADING);
        assert_null(strstr(bench.events, "loaded"));
        assert_null(strstr(bench.events, "r12 "));
        /* Another leader may be able to. */
        give_up(&bench, 2);
        let_background_and_loop_run(&bench);
        assert_non_null(strstr(bench.events, "lost 0 "));
        bench_done(&bench);
    }
}

static void partitions_are_those_of_the_topic(void **state) {
    struct bench bench;
    (void)state;

    bench_init(&bench, 100, 1000);
    assert_int_equal(state_of(&bench, 0).count, 0);
    bench.f.partition_count = 3;
    lead(&bench, 0, 1);
    for (int32_t i = 0; i < 3; i++)
        while (state_of(&bench, i).state != JOURNAL_READY)
            continue;
    assert_int_equal(state_of(&bench, 0).count, 3);
    assert_int_equal(state_of(&bench, 3).state, JOURNAL_NOT_LED);
    assert_int_equal(state_of(&bench, -1).state, JOURNAL_NOT_LED);
    assert_true(bench.metadata_calls > 0);
    bench_done(&bench);
}

/* ---- Appending ---- */

struct outcome {
    struct bench *bench;
    int calls;
    enum error error;
    int64_t base_offset;
    bool was_inside; /* of journal_append */
    bool is_calling;
    sem_t told;
};

static void on_appended(void *context, enum error error, int64_t base_offset) {
    struct outcome *outcome = context;

    outcome->calls++;
    outcome->error = error;
    outcome->base_offset = base_offset;
    outcome->was_inside = outcome->is_calling;
    sem_post(&outcome->told);
}

static void append(void *context) {
    struct outcome *outcome = context;
    struct batch_spec spec = {.records = 2, .value_bytes = 10, .timestamp = FIXTURE_NOW_MS};
    struct journal_batch batch = {0};

    batch.data = make_batch(&spec, &batch.size);
    outcome->is_calling = true;
    (void)journal_append(outcome->bench->journal, 0, &batch, on_appended, outcome);
    outcome->is_calling = false;
    memset(batch.data, 0, batch.size); /* not needed after the call */
    free(batch.data);
}

static void begin_append(struct bench *bench, struct outcome *outcome) {
    *outcome = (struct outcome){.bench = bench};
    assert_int_equal(sem_init(&outcome->told, 0, 0), 0);
    call_on(loop_executor(bench->f.loop), append, outcome);
}

static void expect_outcome(struct outcome *outcome, enum error error, int64_t base_offset) {
    while (sem_wait(&outcome->told) != 0)
        continue;
    assert_int_equal(outcome->calls, 1);
    assert_int_equal(outcome->error, error);
    assert_int_equal(outcome->base_offset, base_offset);
    assert_false(outcome->was_inside);
    sem_destroy(&outcome->told);
}

static void an_append_is_told_when_it_is_committed_and_never_from_inside(void **state) {
    struct bench bench;
    struct outcome first, second;
    (void)state;

    bench_init(&bench, 100, 10000);
    lead(&bench, 0, 1);
    expect(&bench, loads(0, 0));
    begin_append(&bench, &first);
    expect_outcome(&first, ERR_NONE, 0);
    begin_append(&bench, &second);
    expect_outcome(&second, ERR_NONE, 2);
    lead(&bench, 1, 1);
    expect(&bench, "lost 0 loading 0 r0 r1 r2 r3 loaded 0 ");
    bench_done(&bench);
}

static void it_waits_for_the_replicas_that_are_in_sync(void **state) {
    struct bench bench;
    struct outcome outcome;
    (void)state;

    bench_init(&bench, 100, 60000);
    lead(&bench, 0, 2);
    expect(&bench, loads(0, 0));
    begin_append(&bench, &outcome);
    assert_int_equal(state_of(&bench, 0).state, JOURNAL_READY); /* a turn of the loop later */
    assert_int_equal(outcome.calls, 0);
    lead(&bench, 0, 1); /* the other one is out of the ISR */
    expect_outcome(&outcome, ERR_NONE, 0);
    bench_done(&bench);
}

static void it_does_not_wait_forever(void **state) {
    struct bench bench;
    struct outcome outcome;
    (void)state;

    bench_init(&bench, 100, 20);
    lead(&bench, 0, 2);
    expect(&bench, loads(0, 0));
    begin_append(&bench, &outcome);
    expect_outcome(&outcome, ERR_REQUEST_TIMED_OUT, -1);
    bench_done(&bench);
}

static void without_enough_replicas_nothing_is_appended(void **state) {
    struct bench bench;
    struct outcome outcome;
    struct partition *partition;
    (void)state;

    bench_init(&bench, 100, 1000);
    bench.f.min_isr = 2;
    lead(&bench, 0, 1);
    expect(&bench, loads(0, 0));
    begin_append(&bench, &outcome);
    expect_outcome(&outcome, ERR_NOT_ENOUGH_REPLICAS, -1);
    partition = find_partition(&bench.f, 0);
    assert_int_equal(log_end_offset(partition_log(partition)), 0);
    partition_unref(partition);
    bench_done(&bench);
}

static void who_loses_the_leadership_does_not_know_what_became_of_it(void **state) {
    struct bench bench;
    struct outcome outcome;
    (void)state;

    bench_init(&bench, 100, 60000);
    lead(&bench, 0, 2);
    expect(&bench, loads(0, 0));
    begin_append(&bench, &outcome);
    give_up(&bench, 1);
    expect_outcome(&outcome, ERR_NOT_LEADER_OR_FOLLOWER, -1);
    expect(&bench, "lost 0 ");
    begin_append(&bench, &outcome);
    expect_outcome(&outcome, ERR_NOT_LEADER_OR_FOLLOWER, -1);
    bench_done(&bench);
}

/* The partition leads in the next epoch already, but the journal has not loaded it: others may
 * have led in between. */
static void an_append_is_made_in_the_epoch_that_was_loaded_or_not_at_all(void **state) {
    struct bench bench;
    struct outcome outcome;
    struct partition *partition;
    (void)state;

    bench_init(&bench, 100, 1000);
    lead(&bench, 0, 1);
    expect(&bench, loads(0, 0));
    decide(&bench.f, (struct leadership){SELF, 1, 1}); /* and nobody has told the journal */
    begin_append(&bench, &outcome);
    expect_outcome(&outcome, ERR_NOT_LEADER_OR_FOLLOWER, -1);
    partition = find_partition(&bench.f, 0);
    assert_int_equal(log_end_offset(partition_log(partition)), 0);
    partition_unref(partition);

    hold_background(&bench.f);
    journal_metadata_changed(bench.journal);
    expect(&bench, "lost 0 loading 0 ");
    begin_append(&bench, &outcome); /* not while it is loading either */
    expect_outcome(&outcome, ERR_NOT_LEADER_OR_FOLLOWER, -1);
    release_background(&bench.f);
    expect(&bench, "loaded 0 ");
    begin_append(&bench, &outcome);
    expect_outcome(&outcome, ERR_NONE, 0);
    bench_done(&bench);
}

static void a_stopped_journal_ends_its_appends(void **state) {
    struct bench bench;
    struct outcome outcome;
    (void)state;

    bench_init(&bench, 100, 60000);
    lead(&bench, 0, 2);
    expect(&bench, loads(0, 0));
    begin_append(&bench, &outcome);
    bench_done(&bench);
    expect_outcome(&outcome, ERR_NOT_LEADER_OR_FOLLOWER, -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_partition_is_ready),
        cmocka_unit_test(all_records_are_told_in_order_and_once),
        cmocka_unit_test(messages_of_before_kafka_0_11_are_told_too),
        cmocka_unit_test(it_begins_where_the_log_begins),
        cmocka_unit_test(what_is_not_committed_yet_counts_too),
        cmocka_unit_test(a_load_in_an_old_epoch_is_dropped_and_done_anew),
        cmocka_unit_test(a_leader_in_the_next_epoch_loads_anew),
        cmocka_unit_test(a_journal_may_stop_in_the_midst_of_a_load),
        cmocka_unit_test(what_cannot_be_read_is_not_served),
        cmocka_unit_test(partitions_are_those_of_the_topic),
        cmocka_unit_test(an_append_is_told_when_it_is_committed_and_never_from_inside),
        cmocka_unit_test(it_waits_for_the_replicas_that_are_in_sync),
        cmocka_unit_test(it_does_not_wait_forever),
        cmocka_unit_test(without_enough_replicas_nothing_is_appended),
        cmocka_unit_test(who_loses_the_leadership_does_not_know_what_became_of_it),
        cmocka_unit_test(an_append_is_made_in_the_epoch_that_was_loaded_or_not_at_all),
        cmocka_unit_test(a_stopped_journal_ends_its_appends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

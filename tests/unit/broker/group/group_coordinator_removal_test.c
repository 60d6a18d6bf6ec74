/*
 * What is removed (groups and offsets by operators, by age, with their topic) stays removed with
 * the next coordinator, and nothing else is. And what transactions commit.
 */
#include "tests/unit/broker/group/group_coordinator_fixture.h"

#include "client/wire/end_transaction_marker.h"

#define PRODUCER 7

/* ---- By operators ---- */

static void a_deleted_group_is_gone_for_good(void **state) {
    struct op member = {.group = "used"};
    struct bench bench;
    (void)state;

    bench_init(&bench);
    bench_start(&bench);
    lead(&bench, 0);
    make_member(&bench, &member);
    assert_int_equal(leave(&bench, "used", member.id), ERR_NONE);
    assert_int_equal(commit(&bench, "used", "t", 0, 1), ERR_NONE);
    assert_int_equal(commit(&bench, "simple", "t", 0, 1), ERR_NONE);
    assert_int_equal(commit(&bench, "stays", "t", 0, 1), ERR_NONE);
    assert_int_equal(delete_group(&bench, "used"), ERR_NONE);
    assert_int_equal(delete_group(&bench, "simple"), ERR_NONE);
    assert_int_equal(delete_group(&bench, "simple"), ERR_GROUP_ID_NOT_FOUND);
    assert_int_equal(state_of(&bench, "used"), -1);
    move(&bench, 1);
    assert_int_equal(state_of(&bench, "used"), -1);
    assert_int_equal(state_of(&bench, "simple"), -1);
    assert_int_equal(committed(&bench, "stays", "t", 0), 1);
    bench_end(&bench);
}

static void a_group_with_members_is_not_deleted(void **state) {
    struct op member = {.group = "g"};
    struct bench bench;
    (void)state;

    bench_init(&bench);
    bench_start(&bench);
    lead(&bench, 0);
    make_member(&bench, &member);
    assert_int_equal(delete_group(&bench, "g"), ERR_NON_EMPTY_GROUP);
    assert_int_equal(heartbeat(&bench, "g", member.id, 1), ERR_NONE);
    bench_end(&bench);
}

static void a_group_of_many_offsets_is_deleted_whole(void **state) {
    struct bench bench;
    (void)state;

    bench_init(&bench);
    bench_start(&bench);
    lead(&bench, 0);
    for (int32_t i = 0; i < 2100; i++) /* several batches of tombstones */
        assert_int_equal(commit(&bench, "g", "t", i, 1), ERR_NONE);
    assert_int_equal(delete_group(&bench, "g"), ERR_NONE);
    move(&bench, 1);
    assert_int_equal(state_of(&bench, "g"), -1);
    bench_end(&bench);
}

static void a_deletion_that_cannot_be_written_is_told(void **state) {
    struct bench bench;
    (void)state;

    bench_init(&bench);
    bench_start(&bench);
    lead(&bench, 0);
    assert_int_equal(commit(&bench, "g", "t", 0, 1), ERR_NONE);
    bench.f.min_isr = 2;
    lead(&bench, 1);
    assert_int_equal(delete_group(&bench, "g"), ERR_COORDINATOR_NOT_AVAILABLE);
    move(&bench, 2);
    assert_int_equal(committed(&bench, "g", "t", 0), 1);
    bench_end(&bench);
}

struct deletion {
    struct op *op;
    struct group_offset_removal removals[3];
};

static void run_delete_offsets(void *context) {
    struct deletion *deletion = context;

    group_coordinator_delete_offsets(deletion->op->bench->coordinator,
                                     bytes_of_text(deletion->op->group), deletion->removals, 3,
                                     on_removed, deletion->op);
}

/* Of "t" 0, of "u" 0, and of "u" 1, which is refused already. */
static enum error delete_offsets(struct bench *bench, const char *group,
                                 struct deletion *deletion) {
    struct op op = {.bench = bench, .group = group};

    *deletion = (struct deletion){
        .op = &op,
        .removals = {{bytes_of_text("t"), 0, ERR_NONE},
                     {bytes_of_text("u"), 0, ERR_NONE},
                     {bytes_of_text("u"), 1, ERR_UNKNOWN_TOPIC_OR_PARTITION}},
    };
    op_begin(&op);
    call_on(group_coordinator_executor(bench->coordinator), run_delete_offsets, deletion);
    op_wait(&op);
    return op.error;
}

static void commit_all(struct bench *bench) {
    assert_int_equal(commit(bench, "g", "t", 0, 10), ERR_NONE);
    assert_int_equal(commit(bench, "g", "u", 0, 20), ERR_NONE);
    assert_int_equal(commit(bench, "g", "u", 1, 21), ERR_NONE);
}

static void of_an_empty_group_any_offset_may_be_deleted(void **state) {
    struct deletion deletion;
    struct bench bench;
    (void)state;

    bench_init(&bench);
    bench_start(&bench);
    lead(&bench, 0);
    assert_int_equal(delete_offsets(&bench, "g", &deletion), ERR_GROUP_ID_NOT_FOUND);
    commit_all(&bench);
    assert_int_equal(delete_offsets(&bench, "g", &deletion), ERR_NONE);
    assert_int_equal(deletion.removals[0].error, ERR_NONE);
    assert_int_equal(deletion.removals[1].error, ERR_NONE);
    assert_int_equal(deletion.removals[2].error, ERR_UNKNOWN_TOPIC_OR_PARTITION);
    for (int32_t epoch = 1; epoch < 4; epoch += 2) {
        assert_int_equal(committed(&bench, "g", "t", 0), NONE_FOUND);
        assert_int_equal(committed(&bench, "g", "u", 0), NONE_FOUND);
        assert_int_equal(committed(&bench, "g", "u", 1), 21);
        move(&bench, epoch);
    }
    bench_end(&bench);
}

static void of_topics_that_are_subscribed_to_no_offset_is_deleted(void **state) {
    struct op member = {.group = "g"};
    struct deletion deletion;
    struct bench bench;
    (void)state;

    bench_init(&bench);
    bench_start(&bench);
    lead(&bench, 0);
    commit_all(&bench);
    make_member(&bench, &member); /* of "t" */
    assert_int_equal(delete_offsets(&bench, "g", &deletion), ERR_NONE);
    assert_int_equal(deletion.removals[0].error, ERR_GROUP_SUBSCRIBED_TO_TOPIC);
    assert_int_equal(deletion.removals[1].error, ERR_NONE);
    assert_int_equal(committed(&bench, "g", "t", 0), 10);
    assert_int_equal(committed(&bench, "g", "u", 0), NONE_FOUND);
    bench_end(&bench);
}

/* ---- By age ---- */

/* Until it holds, with the coordinator looking every few milliseconds. */
static void wait_for_offset(struct bench *bench, const char *group, const char *topic,
                            int64_t wanted) {
    int64_t deadline_ms = fixture_deadline_ms();

    while (committed(bench, group, topic, 0) != wanted)
        assert_true(clock_monotonic_ms(clock_system()) < deadline_ms);
}

static void init_for_expiry(struct bench *bench) {
    bench_init(bench);
    bench->config.retention_check_ms = 1;
    bench_start(bench);
    lead(bench, 0);
}

/* Long enough for several looks: what was to go has gone. */
static void let_it_look(struct bench *bench) {
    assert_int_equal(commit(bench, "marker", "t", 0, 1), ERR_NONE);
    shared_clock_advance(&bench->f.clock, RETENTION_MS);
    wait_for_offset(bench, "marker", "t", NONE_FOUND);
}

static void offsets_of_simple_consumers_expire_by_their_commit(void **state) {
    struct bench bench;
    (void)state;

    init_for_expiry(&bench);
    assert_int_equal(commit(&bench, "old", "t", 0, 1), ERR_NONE);
    shared_clock_advance(&bench.f.clock, 1);
    assert_int_equal(commit(&bench, "new", "t", 0, 1), ERR_NONE);
    shared_clock_advance(&bench.f.clock, RETENTION_MS - 1);
    wait_for_offset(&bench, "old", "t", NONE_FOUND);
    assert_int_equal(state_of(&bench, "old"), -1);
    assert_int_equal(committed(&bench, "new", "t", 0), 1);
    move(&bench, 1);
    assert_int_equal(state_of(&bench, "old"), -1);
    bench_end(&bench);
}

static void offsets_of_an_empty_group_expire_from_when_it_became_empty(void **state) {
    struct op member = {.group = "g"};
    struct bench bench;
    (void)state;

    init_for_expiry(&bench);
    assert_int_equal(commit(&bench, "g", "t", 0, 1), ERR_NONE);
    make_member(&bench, &member);
    let_it_look(&bench);
    assert_int_equal(leave(&bench, "g", member.id), ERR_NONE);
    shared_clock_advance(&bench.f.clock, RETENTION_MS - 1);
    assert_int_equal(committed(&bench, "g", "t", 0), 1);
    shared_clock_advance(&bench.f.clock, 1);
    wait_for_offset(&bench, "g", "t", NONE_FOUND);
    assert_int_equal(state_of(&bench, "g"), -1);
    move(&bench, 1);
    assert_int_equal(state_of(&bench, "g"), -1);
    bench_end(&bench);
}

static void members_keep_the_offsets_of_what_they_subscribe_to(void **state) {
    struct op member = {.group = "g"};
    struct bench bench;
    (void)state;

    init_for_expiry(&bench);
    assert_int_equal(commit(&bench, "g", "t", 0, 1), ERR_NONE);
    assert_int_equal(commit(&bench, "g", "u", 0, 1), ERR_NONE);
    make_member(&bench, &member);
    let_it_look(&bench);
    wait_for_offset(&bench, "g", "u", NONE_FOUND);
    assert_int_equal(committed(&bench, "g", "t", 0), 1);
    bench_end(&bench);
}

/* ---- With their topic ---- */

static void offsets_go_with_their_topic(void **state) {
    const struct metadata_topic before = {.id = {{1}}, .name = "t", .partition_count = 2},
                                after = {.id = {{2}}, .name = "t", .partition_count = 2};
    struct metadata_topic_change change = {&before, NULL};
    struct metadata_update update = {.changes = &change, .change_count = 1, .keeps_gone = true};
    struct bench bench;
    (void)state;

    bench_init(&bench);
    bench_start(&bench);
    lead(&bench, 0);
    commit_all(&bench);
    assert_int_equal(commit(&bench, "only", "t", 0, 1), ERR_NONE);
    /* It is merely missing: an operator's mistake costs no offsets. */
    group_coordinator_on_metadata(bench.coordinator, &update);
    assert_int_equal(committed(&bench, "g", "t", 0), 10);
    update.keeps_gone = false;
    group_coordinator_on_metadata(bench.coordinator, &update);
    assert_int_equal(committed(&bench, "g", "t", 0), NONE_FOUND);
    assert_int_equal(committed(&bench, "g", "u", 0), 20);
    assert_int_equal(state_of(&bench, "only"), -1);
    move(&bench, 1);
    assert_int_equal(committed(&bench, "g", "t", 0), NONE_FOUND);
    assert_int_equal(committed(&bench, "g", "u", 1), 21);
    assert_int_equal(state_of(&bench, "only"), -1);
    /* Replaced by another of the same name. */
    assert_int_equal(commit(&bench, "g", "t", 0, 5), ERR_NONE);
    change.after = &after;
    group_coordinator_on_metadata(bench.coordinator, &update);
    assert_int_equal(committed(&bench, "g", "t", 0), NONE_FOUND);
    bench_end(&bench);
}

/* ---- Transactions ---- */

/* Markers of one transaction's end, and where they are. */
struct ending {
    struct bench *bench;
    bool is_commit;
    int64_t offsets[PARTITION_MAX];
};

static void run_end(void *context) {
    const struct ending *ending = context;

    for (int32_t i = 0; i < ending->bench->f.partition_count; i++) {
        const struct group_marker marker = {ending->offsets[i], PRODUCER, i, ending->is_commit};
        group_coordinator_end_transaction(ending->bench->coordinator, &marker);
    }
}

static void tell(const struct ending *ending) {
    call_on(group_coordinator_executor(ending->bench->coordinator), run_end,
            (void *)(uintptr_t)ending);
}

/* In all partitions, as the transaction's coordinator does. */
static struct ending write_markers(struct bench *bench, bool is_commit) {
    struct ending ending = {.bench = bench, .is_commit = is_commit};
    const struct end_transaction_marker marker = {PRODUCER, 0, 0, is_commit, FIXTURE_NOW_MS};

    for (int32_t i = 0; i < bench->f.partition_count; i++) {
        struct partition *partition = find_partition(&bench->f, i);
        uint8_t batch[END_TRANSACTION_MARKER_BYTES];
        struct log_append_result result;
        struct arena arena;
        const struct partition_append options = {.acks = -1,
                                                 .wall_ms = FIXTURE_NOW_MS,
                                                 .arena = &arena,
                                                 .origin = LOG_APPEND_COORDINATOR,
                                                 .leader_epoch = ANY_LEADER_EPOCH};
        int32_t leader_epoch;
        arena_init(&arena, 1 << 20);
        end_transaction_marker_encode(&marker, batch);
        assert_int_equal(partition_append_as_leader(partition, batch, sizeof(batch), &options,
                                                    &result, &leader_epoch),
                         ERR_NONE);
        ending.offsets[i] = result.base_offset;
        arena_done(&arena);
        partition_unref(partition);
    }
    return ending;
}

static void end_transaction(struct bench *bench, bool is_commit) {
    struct ending ending = write_markers(bench, is_commit);

    tell(&ending);
}

static enum error commit_in_transaction(struct bench *bench, int64_t offset) {
    struct op op = {.group = "g", .topic = "t", .offset = offset, .generation = -1};

    return commit_as(bench, op, PRODUCER, "");
}

static void a_transactions_offsets_count_when_it_commits(void **state) {
    static const bool commits[] = {true, false};
    (void)state;

    for (size_t i = 0; i < ARRAY_COUNT(commits); i++) {
        struct bench bench;
        int64_t expected = commits[i] ? 20 : 10;
        bench_init(&bench);
        bench_start(&bench);
        lead(&bench, 0);
        assert_int_equal(commit(&bench, "g", "t", 0, 10), ERR_NONE);
        assert_int_equal(commit_in_transaction(&bench, 15), ERR_NONE);
        assert_int_equal(commit_in_transaction(&bench, 20), ERR_NONE);
        assert_int_equal(committed(&bench, "g", "t", 0), 10);
        end_transaction(&bench, commits[i]);
        assert_int_equal(committed(&bench, "g", "t", 0), expected);
        move(&bench, 1);
        assert_int_equal(committed(&bench, "g", "t", 0), expected);
        bench_end(&bench);
    }
}

static void an_open_transaction_is_known_to_the_next_coordinator(void **state) {
    struct bench bench;
    (void)state;

    bench_init(&bench);
    bench_start(&bench);
    lead(&bench, 0);
    assert_int_equal(commit_in_transaction(&bench, 20), ERR_NONE);
    move(&bench, 1);
    assert_int_equal(committed(&bench, "g", "t", 0), NONE_FOUND);
    end_transaction(&bench, true);
    assert_int_equal(committed(&bench, "g", "t", 0), 20);
    bench_end(&bench);
}

static void a_later_commit_is_not_undone_by_the_transactions_end(void **state) {
    struct bench bench;
    (void)state;

    bench_init(&bench);
    bench_start(&bench);
    lead(&bench, 0);
    assert_int_equal(commit_in_transaction(&bench, 20), ERR_NONE);
    assert_int_equal(commit(&bench, "g", "t", 0, 30), ERR_NONE);
    end_transaction(&bench, true);
    assert_int_equal(committed(&bench, "g", "t", 0), 30);
    move(&bench, 1);
    assert_int_equal(committed(&bench, "g", "t", 0), 30);
    bench_end(&bench);
}

/* The leadership moves here, and the partitions are being loaded. */
static void begin_loading(struct bench *bench, int32_t leader_epoch) {
    give_up(bench, leader_epoch);
    hold_background(&bench->f);
    decide(&bench->f, (struct leadership){SELF, leader_epoch + 1, 1});
    bench_tell(bench);
    wait_until(bench, ERR_COORDINATOR_LOAD_IN_PROGRESS);
}

static void end_loading(struct bench *bench) {
    release_background(&bench->f);
    wait_until(bench, ERR_NONE);
}

static void a_transaction_that_ends_while_its_partition_is_loaded_has_ended(void **state) {
    static const bool commits[] = {true, false};
    (void)state;

    for (size_t i = 0; i < ARRAY_COUNT(commits); i++) {
        struct bench bench;
        bench_init(&bench);
        bench_start(&bench);
        lead(&bench, 0);
        assert_int_equal(commit(&bench, "g", "t", 0, 10), ERR_NONE);
        assert_int_equal(commit_in_transaction(&bench, 20), ERR_NONE);
        begin_loading(&bench, 1);
        end_transaction(&bench, commits[i]);
        end_loading(&bench);
        assert_int_equal(committed(&bench, "g", "t", 0), commits[i] ? 20 : 10);
        /* What is left of it would end with the producer's next transaction. */
        end_transaction(&bench, true);
        assert_int_equal(committed(&bench, "g", "t", 0), commits[i] ? 20 : 10);
        bench_end(&bench);
    }
}

static void what_was_told_while_it_loaded_is_void_when_the_partition_is_lost(void **state) {
    struct ending ending;
    struct bench bench;
    (void)state;

    bench_init(&bench);
    bench_start(&bench);
    lead(&bench, 0);
    assert_int_equal(commit_in_transaction(&bench, 20), ERR_NONE);
    begin_loading(&bench, 1);
    ending = write_markers(&bench, true);
    tell(&ending);
    give_up(&bench, 3);
    release_background(&bench.f);
    lead(&bench, 4);
    assert_int_equal(committed(&bench, "g", "t", 0), 20);
    assert_int_equal(commit_in_transaction(&bench, 30), ERR_NONE);
    move(&bench, 5);
    assert_int_equal(committed(&bench, "g", "t", 0), 20);
    bench_end(&bench);
}

/* The one who told of it was slow: its producer has begun the next transaction. */
static void a_marker_that_was_loaded_ends_nothing_again(void **state) {
    struct ending ending;
    struct bench bench;
    (void)state;

    bench_init(&bench);
    bench_start(&bench);
    lead(&bench, 0);
    assert_int_equal(commit_in_transaction(&bench, 20), ERR_NONE);
    ending = write_markers(&bench, true);
    assert_int_equal(commit_in_transaction(&bench, 30), ERR_NONE);
    begin_loading(&bench, 1);
    tell(&ending);
    end_loading(&bench);
    assert_int_equal(committed(&bench, "g", "t", 0), 20);
    tell(&ending);
    assert_int_equal(committed(&bench, "g", "t", 0), 20);
    end_transaction(&bench, true);
    assert_int_equal(committed(&bench, "g", "t", 0), 30);
    bench_end(&bench);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_deleted_group_is_gone_for_good),
        cmocka_unit_test(a_group_with_members_is_not_deleted),
        cmocka_unit_test(a_group_of_many_offsets_is_deleted_whole),
        cmocka_unit_test(a_deletion_that_cannot_be_written_is_told),
        cmocka_unit_test(of_an_empty_group_any_offset_may_be_deleted),
        cmocka_unit_test(of_topics_that_are_subscribed_to_no_offset_is_deleted),
        cmocka_unit_test(offsets_of_simple_consumers_expire_by_their_commit),
        cmocka_unit_test(offsets_of_an_empty_group_expire_from_when_it_became_empty),
        cmocka_unit_test(members_keep_the_offsets_of_what_they_subscribe_to),
        cmocka_unit_test(offsets_go_with_their_topic),
        cmocka_unit_test(a_transactions_offsets_count_when_it_commits),
        cmocka_unit_test(an_open_transaction_is_known_to_the_next_coordinator),
        cmocka_unit_test(a_later_commit_is_not_undone_by_the_transactions_end),
        cmocka_unit_test(a_transaction_that_ends_while_its_partition_is_loaded_has_ended),
        cmocka_unit_test(what_was_told_while_it_loaded_is_void_when_the_partition_is_lost),
        cmocka_unit_test(a_marker_that_was_loaded_ends_nothing_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

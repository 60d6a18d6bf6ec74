#include "zk-schema/broker_registration.h"

#include "client/base/logger.h"
#include "tests/unit/zk-schema/znode_cases.h"
#include "zk-schema/paths.h"

#define PATH       "/brokers/ids/7"
#define MARK       "/barnabas/unclean_restarts/7"
#define OURS       100
#define OURS_LATER 200
#define FOREIGN    300
#define TIMEOUT_MS 6000

/* A session whose requests the test answers, one by one: "multi", "get", "exists", "remove". */
struct request {
    const char *verb;
    bool watch;
    zk_completion *done;
    void *context;
};

static struct {
    struct zk zk;
    int64_t session;
    struct request requests[8]; /* unanswered, oldest first */
    size_t count;
    struct zk_op ops[4]; /* of the last multi */
    size_t op_count;
    bool mark_is_read;
} fake;

static struct broker_registration *registration;
static int registered_count;
static int64_t registered_epoch;
static enum error refused;

static void push(const char *verb, const char *path, bool watch, zk_completion *done,
                 void *context) {
    assert_string_equal(path, strcmp(verb, "get") == 0 && !fake.mark_is_read ? MARK : PATH);
    assert_true(fake.count < ARRAY_COUNT(fake.requests));
    fake.requests[fake.count++] = (struct request){verb, watch, done, context};
}

static void fake_get(struct zk *zk, const char *path, bool watch, zk_completion *done,
                     void *context) {
    (void)zk;
    push("get", path, watch, done, context);
}

static void fake_exists(struct zk *zk, const char *path, bool watch, zk_completion *done,
                        void *context) {
    (void)zk;
    push("exists", path, watch, done, context);
}

static void fake_remove(struct zk *zk, const char *path, int32_t version, zk_completion *done,
                        void *context) {
    (void)zk;
    assert_int_equal(version, ZK_ANY_VERSION);
    push("remove", path, false, done, context);
}

static void fake_multi(struct zk *zk, const struct zk_op *ops, size_t op_count, zk_completion *done,
                       void *context) {
    (void)zk;
    assert_true(op_count >= 3 && op_count <= ARRAY_COUNT(fake.ops));
    memcpy(fake.ops, ops, op_count * sizeof(*ops));
    fake.op_count = op_count;
    assert_string_equal(ops[2].path, PATH_REGISTRATIONS);
    assert_string_equal(ops[1].path, PATH);
    push("multi", ops[0].path, false, done, context);
}

static int64_t fake_session_id(const struct zk *zk) {
    (void)zk;
    return fake.session;
}

static const struct zk_methods methods = {.get = fake_get,
                                          .exists = fake_exists,
                                          .remove = fake_remove,
                                          .multi = fake_multi,
                                          .session_id = fake_session_id};

static void answer(const char *verb, struct zk_result result) {
    struct request request = fake.requests[0];

    assert_true(fake.count > 0);
    assert_string_equal(request.verb, verb);
    memmove(&fake.requests[0], &fake.requests[1], --fake.count * sizeof(request));
    request.done(request.context, &result);
}

static void answer_error(const char *verb, enum error error) {
    answer(verb, (struct zk_result){.error = error});
}

static void answer_created(int64_t czxid) {
    struct zk_op_result results[2] = {{.error = ERR_NONE}, {.stat = {.czxid = czxid}}};

    answer("multi", (struct zk_result){.ops = results, .op_count = 2});
}

static void answer_owner(int64_t session, int64_t czxid) {
    answer("get", (struct zk_result){.stat = {.ephemeral_owner = session, .czxid = czxid}});
}

static void on_session(enum zk_session_state state) {
    broker_registration_on_session(registration, state);
}

static void on_registered(void *context, int64_t broker_epoch) {
    (void)context;
    registered_count++;
    registered_epoch = broker_epoch;
}

static void on_refused(void *context, enum error error) {
    (void)context;
    refused = error;
}

static int start_with(void **state, bool restarted_uncleanly) {
    struct broker_registration_config config = {
        .restarted_uncleanly = restarted_uncleanly,
        .zk = &fake.zk,
        .broker_id = 7,
        .data = bytes_of_text("content"),
        .on_registered = on_registered,
        .on_refused = on_refused,
    };

    (void)state;
    (void)arena;
    (void)problem;
    logger_set_level(LOG_LEVEL_ERROR + 1);
    memset(&fake, 0, sizeof(fake));
    fake.zk.methods = &methods;
    fake.session = OURS;
    registered_count = 0;
    registered_epoch = -1;
    refused = ERR_NONE;
    if (broker_registration_new(&config, &registration) != ERR_NONE)
        return -1;
    broker_registration_start(registration);
    return 0;
}

static void answer_mark_read(enum error error, int64_t mzxid) {
    fake.mark_is_read = true;
    answer("get", (struct zk_result){.error = error, .stat = {.mzxid = mzxid}});
}

static int start(void **state) {
    int status = start_with(state, false);

    if (status == 0)
        answer_mark_read(ERR_ZK_NO_NODE, 0);
    return status;
}

static int start_unread(void **state) {
    return start_with(state, false);
}

static int start_uncleanly(void **state) {
    return start_with(state, true);
}

static int end(void **state) {
    (void)state;
    while (fake.count > 0)
        answer_error(fake.requests[0].verb, ERR_CANCELLED);
    broker_registration_free(registration);
    return 0;
}

static void it_creates_with_null_and_then_sets_the_content(void **state) {
    (void)state;
    assert_int_equal(fake.ops[0].kind, ZK_OP_CREATE);
    assert_int_equal(fake.ops[0].flags, ZK_EPHEMERAL);
    assert_true(bytes_is_null(fake.ops[0].data));
    assert_int_equal(fake.ops[1].kind, ZK_OP_SET);
    assert_int_equal(fake.ops[1].version, 0);
    assert_true(bytes_equal_text(fake.ops[1].data, "content"));
    assert_false(broker_registration_is_registered(registration));
    answer_created(42);
    assert_int_equal(registered_epoch, 42);
    assert_true(broker_registration_is_registered(registration));
}

static void every_registration_is_counted(void **state) {
    (void)state;
    assert_int_equal(fake.op_count, 3); /* and nothing is said of a clean restart */
    assert_int_equal(fake.ops[2].kind, ZK_OP_SET);
    assert_int_equal(fake.ops[2].version, ZK_ANY_VERSION);
}

static void check_mark(enum zk_op_kind kind) {
    assert_int_equal(fake.op_count, 4);
    assert_int_equal(fake.ops[3].kind, kind);
    assert_string_equal(fake.ops[3].path, MARK);
}

static void an_unclean_restart_is_marked_with_the_first_registration(void **state) {
    (void)state;
    answer_mark_read(ERR_ZK_NO_NODE, 0);
    check_mark(ZK_OP_CREATE);
    answer_created(42);
    assert_int_equal(broker_registration_unclean_since(registration), 42);
    on_session(ZK_SESSION_EXPIRED);
    fake.session = OURS_LATER;
    on_session(ZK_SESSION_NEW);
    assert_int_equal(fake.op_count, 3); /* nothing was lost since */
    answer_created(50);
    assert_int_equal(broker_registration_unclean_since(registration), 42);
}

static void a_mark_is_renewed(void **state) {
    (void)state;
    answer_mark_read(ERR_NONE, 17);
    check_mark(ZK_OP_SET);
    answer_created(42);
    assert_int_equal(broker_registration_unclean_since(registration), 42);
}

static void answer_mark(enum error error) {
    struct zk_op_result results[4] = {{.error = ERR_NONE}};

    results[3].error = error;
    answer("multi", (struct zk_result){.error = error, .ops = results, .op_count = fake.op_count});
}

static void a_mark_that_came_or_went_since_is_no_hindrance(void **state) {
    (void)state;
    answer_mark_read(ERR_ZK_NO_NODE, 0);
    answer_mark(ERR_ZK_NODE_EXISTS);
    check_mark(ZK_OP_SET);
    answer_mark(ERR_ZK_NO_NODE);
    check_mark(ZK_OP_CREATE);
    answer_created(42);
    assert_int_equal(registered_epoch, 42);
}

static void what_an_earlier_process_said_holds_after_a_clean_restart(void **state) {
    (void)state;
    answer_mark_read(ERR_NONE, 17);
    assert_int_equal(fake.op_count, 3);
    answer_created(42);
    assert_int_equal(broker_registration_unclean_since(registration), 17);
}

static void the_mark_is_read_again_if_the_connection_was_lost(void **state) {
    (void)state;
    answer_error("get", ERR_ZK_OUTCOME_UNKNOWN);
    on_session(ZK_SESSION_DISCONNECTED);
    on_session(ZK_SESSION_RECONNECTED);
    answer_mark_read(ERR_NONE, 17);
    answer_created(42);
    assert_int_equal(registered_count, 1);
}

static void a_lost_success_is_recognised_by_its_session(void **state) {
    (void)state;
    on_session(ZK_SESSION_DISCONNECTED);
    answer_error("multi", ERR_ZK_OUTCOME_UNKNOWN);
    assert_int_equal(fake.count, 0); /* nothing can be known while disconnected */
    on_session(ZK_SESSION_RECONNECTED);
    answer_owner(OURS, 42);
    assert_int_equal(registered_epoch, 42);
}

static void a_lost_failure_is_tried_again(void **state) {
    (void)state;
    answer_error("multi", ERR_ZK_OUTCOME_UNKNOWN);
    on_session(ZK_SESSION_DISCONNECTED);
    on_session(ZK_SESSION_RECONNECTED);
    answer_error("get", ERR_ZK_NO_NODE);
    answer_created(43);
    assert_int_equal(registered_epoch, 43);
}

static void a_late_answer_of_an_older_attempt_is_history(void **state) {
    (void)state;
    on_session(ZK_SESSION_RECONNECTED); /* the multi is still unanswered */
    assert_int_equal(fake.count, 2);
    answer_error("multi", ERR_ZK_NODE_EXISTS);
    assert_int_equal(fake.count, 1);
    answer_owner(OURS, 42);
    assert_int_equal(registered_count, 1);
}

static void a_reconnection_changes_nothing_once_registered(void **state) {
    (void)state;
    answer_created(42);
    on_session(ZK_SESSION_DISCONNECTED);
    on_session(ZK_SESSION_RECONNECTED);
    assert_int_equal(fake.count, 0);
    assert_int_equal(registered_count, 1);
    assert_true(broker_registration_is_registered(registration));
}

static void a_new_session_registers_anew(void **state) {
    (void)state;
    answer_created(42);
    on_session(ZK_SESSION_EXPIRED);
    assert_false(broker_registration_is_registered(registration));
    fake.session = OURS_LATER;
    on_session(ZK_SESSION_NEW);
    answer_created(50);
    assert_int_equal(registered_epoch, 50);
    assert_int_equal(registered_count, 2);
}

static void the_leftover_of_our_last_session_is_deleted(void **state) {
    (void)state;
    answer_created(42);
    on_session(ZK_SESSION_EXPIRED);
    fake.session = OURS_LATER;
    on_session(ZK_SESSION_NEW);
    answer_error("multi", ERR_ZK_NODE_EXISTS);
    answer_owner(OURS, 42);
    answer_error("remove", ERR_NONE);
    answer_created(50);
    assert_int_equal(registered_epoch, 50);
}

static void a_leftover_that_vanishes_by_itself_is_as_good(void **state) {
    (void)state;
    answer_created(42);
    on_session(ZK_SESSION_EXPIRED);
    fake.session = OURS_LATER;
    on_session(ZK_SESSION_NEW);
    answer_error("multi", ERR_ZK_NODE_EXISTS);
    answer_owner(OURS, 42);
    answer_error("remove", ERR_ZK_NO_NODE);
    answer_created(50);
    assert_int_equal(registered_epoch, 50);
}

static void a_session_in_which_we_were_never_registered_is_foreign(void **state) {
    (void)state;
    on_session(ZK_SESSION_EXPIRED);
    answer_error("multi", ERR_ZK_SESSION_EXPIRED);
    fake.session = OURS_LATER;
    on_session(ZK_SESSION_NEW);
    answer_error("multi", ERR_ZK_NODE_EXISTS);
    answer_owner(OURS, 42);
    assert_string_equal(fake.requests[0].verb, "exists");
    assert_true(broker_registration_is_waiting(registration));
}

static void wait_for_foreign(int64_t owner) {
    answer_error("multi", ERR_ZK_NODE_EXISTS);
    answer_owner(owner, 13);
    assert_true(fake.requests[0].watch);
    answer_error("exists", ERR_NONE);
    assert_true(broker_registration_is_waiting(registration));
    assert_int_equal(fake.count, 0);
}

static void a_foreign_znode_is_waited_for(void **state) {
    (void)state;
    wait_for_foreign(FOREIGN);
    broker_registration_on_watch(registration, ZK_EVENT_DATA, PATH);
    broker_registration_on_watch(registration, ZK_EVENT_DELETED, "/brokers/ids/8");
    assert_int_equal(fake.count, 0);
    broker_registration_on_watch(registration, ZK_EVENT_DELETED, PATH);
    answer_created(50);
    assert_int_equal(registered_epoch, 50);
}

static void a_foreign_znode_that_is_gone_when_asked_for_is_no_hindrance(void **state) {
    (void)state;
    answer_error("multi", ERR_ZK_NODE_EXISTS);
    answer_error("get", ERR_ZK_NO_NODE);
    answer_error("multi", ERR_ZK_NODE_EXISTS);
    answer_owner(FOREIGN, 13);
    answer_error("exists", ERR_ZK_NO_NODE);
    answer_created(50);
    assert_int_equal(registered_epoch, 50);
}

static void a_foreign_znode_that_outlives_a_session_is_a_refusal(void **state) {
    (void)state;
    wait_for_foreign(FOREIGN);
    broker_registration_on_time(registration, 1000, TIMEOUT_MS);
    broker_registration_on_time(registration, 1000 + TIMEOUT_MS * 3 / 2, TIMEOUT_MS);
    assert_int_equal(refused, ERR_NONE);
    broker_registration_on_time(registration, 1001 + TIMEOUT_MS * 3 / 2, TIMEOUT_MS);
    assert_int_equal(refused, ERR_DUPLICATE_BROKER_REGISTRATION);
    refused = ERR_NONE;
    broker_registration_on_time(registration, 999999, TIMEOUT_MS);
    broker_registration_on_watch(registration, ZK_EVENT_DELETED, PATH);
    on_session(ZK_SESSION_NEW);
    assert_int_equal(fake.count, 0); /* it is final */
    assert_int_equal(refused, ERR_NONE);
}

static void time_without_a_server_does_not_count(void **state) {
    (void)state;
    wait_for_foreign(FOREIGN);
    broker_registration_on_time(registration, 1000, TIMEOUT_MS);
    on_session(ZK_SESSION_DISCONNECTED);
    on_session(ZK_SESSION_RECONNECTED);
    answer_owner(FOREIGN, 13);
    broker_registration_on_time(registration, 1000 + 10 * TIMEOUT_MS, TIMEOUT_MS);
    assert_int_equal(refused, ERR_NONE);
    assert_true(broker_registration_is_waiting(registration));
}

static void a_persistent_znode_is_never_taken_for_a_leftover(void **state) {
    (void)state;
    wait_for_foreign(0);
}

static void refusals_of_zookeeper_are_passed_on(void **state) {
    static const enum error errors[] = {ERR_ZK_NO_AUTH, ERR_ZK_INVALID_ACL, ERR_ZK_NO_NODE,
                                        ERR_ZK_REFUSED};

    for (size_t i = 0; i < ARRAY_COUNT(errors); i++) {
        answer_error("multi", errors[i]);
        assert_int_equal(refused, errors[i]);
        assert_int_equal(fake.count, 0);
        end(state);
        start(state);
    }
}

#define CASE_OF(function, setup) cmocka_unit_test_setup_teardown(function, setup, end)
#define CASE(function)           CASE_OF(function, start)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(it_creates_with_null_and_then_sets_the_content),
        CASE(every_registration_is_counted),
        CASE_OF(an_unclean_restart_is_marked_with_the_first_registration, start_uncleanly),
        CASE_OF(a_mark_is_renewed, start_uncleanly),
        CASE_OF(a_mark_that_came_or_went_since_is_no_hindrance, start_uncleanly),
        CASE_OF(what_an_earlier_process_said_holds_after_a_clean_restart, start_unread),
        CASE_OF(the_mark_is_read_again_if_the_connection_was_lost, start_unread),
        CASE(a_lost_success_is_recognised_by_its_session),
        CASE(a_lost_failure_is_tried_again),
        CASE(a_late_answer_of_an_older_attempt_is_history),
        CASE(a_reconnection_changes_nothing_once_registered),
        CASE(a_new_session_registers_anew),
        CASE(the_leftover_of_our_last_session_is_deleted),
        CASE(a_leftover_that_vanishes_by_itself_is_as_good),
        CASE(a_session_in_which_we_were_never_registered_is_foreign),
        CASE(a_foreign_znode_is_waited_for),
        CASE(a_foreign_znode_that_is_gone_when_asked_for_is_no_hindrance),
        CASE(a_foreign_znode_that_outlives_a_session_is_a_refusal),
        CASE(time_without_a_server_does_not_count),
        CASE(a_persistent_znode_is_never_taken_for_a_leftover),
        CASE(refusals_of_zookeeper_are_passed_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

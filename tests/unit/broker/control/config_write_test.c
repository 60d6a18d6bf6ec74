/* Proves how settings are written: what the transaction holds, and what happens when others write
 * at the same time or ZooKeeper does not answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/control/config_write.h"
#include "zk-schema/zk.h"

/* The answers to come, one per round. */
struct round {
    enum error controller; /* of reading /controller */
    enum error entity;     /* of reading the settings */
    const char *data;
    int32_t version;
    enum error written; /* of the transaction; NONE if it is not reached */
    size_t failed_op;
};

static struct fixture {
    struct zk zk;
    struct config_writes writes;
    const struct round *rounds;
    int round; /* under way; -1 before the first */
    int multis;
    int decisions;
    char before[128]; /* what the decision was given */
    char entity_op[256], change_op[256];
    enum error refusal;
    bool is_done;
    enum error error;
} f;

static void fake_get(struct zk *zk, const char *path, bool watch, zk_completion *done,
                     void *context) {
    const struct round *round;
    struct zk_result result = {.error = ERR_NONE};

    (void)zk;
    assert_false(watch);
    if (strcmp(path, "/controller") == 0) {
        round = &f.rounds[++f.round];
        result.error = round->controller;
        result.stat.version = 3;
    } else {
        assert_string_equal(path, "/config/topics/orders");
        round = &f.rounds[f.round];
        result.error = round->entity;
        result.data = bytes_of_text(round->data);
        result.stat.version = round->version;
    }
    done(context, &result);
}

static void fake_multi(struct zk *zk, const struct zk_op *ops, size_t op_count, zk_completion *done,
                       void *context) {
    const struct round *round = &f.rounds[f.round];
    struct zk_op_result results[4] = {{.error = ERR_NONE}};
    struct zk_result result = {.error = round->written, .ops = results, .op_count = op_count};

    (void)zk;
    f.multis++;
    assert_int_equal(op_count, 4);
    assert_int_equal(ops[0].kind, ZK_OP_CHECK);
    assert_string_equal(ops[0].path, "/controller");
    assert_int_equal(ops[0].version, 3);
    snprintf(f.entity_op, sizeof(f.entity_op), "%s %d %.*s",
             ops[1].kind == ZK_OP_SET ? "set" : "create", ops[1].version,
             BYTES_FORMAT(ops[1].data));
    assert_int_equal(ops[2].kind, ZK_OP_CREATE);
    assert_int_equal(ops[2].flags, ZK_SEQUENTIAL);
    snprintf(f.change_op, sizeof(f.change_op), "%s %.*s", ops[2].path, BYTES_FORMAT(ops[2].data));
    assert_int_equal(ops[3].kind, ZK_OP_CHECK);
    assert_string_equal(ops[3].path, "/brokers/topics/orders");
    for (size_t i = 0; round->written != ERR_NONE && i < op_count; i++)
        results[i].error = i < round->failed_op    ? ERR_NONE
                           : i == round->failed_op ? round->written
                                                   : ERR_ZK_NOT_ATTEMPTED;
    done(context, &result);
}

static const struct zk_methods methods = {.get = fake_get, .multi = fake_multi};

static enum error decide(struct config_write *write, const struct config_pair *before,
                         size_t before_count, struct arena *arena, struct config_pair **after,
                         size_t *after_count) {
    size_t at = 0;

    (void)write;
    f.decisions++;
    f.before[0] = '\0';
    for (size_t i = 0; i < before_count; i++)
        at += (size_t)snprintf(f.before + at, sizeof(f.before) - at, "%.*s=%.*s ",
                               BYTES_FORMAT(before[i].key), BYTES_FORMAT(before[i].value));
    *after = arena_alloc(arena, 1, sizeof(**after));
    (*after)[0] = (struct config_pair){bytes_of_text("a"), bytes_of_text("2")};
    *after_count = 1;
    return f.refusal;
}

static void done(struct config_write *write, enum error error) {
    (void)write;
    assert_false(f.is_done);
    f.is_done = true;
    f.error = error;
}

/* The write waits for ZooKeeper. */
#define WAITING ((enum error)9999)

static enum error run(const struct round *rounds, bool validate_only, enum error refusal) {
    static struct config_write write;

    write = (struct config_write){.entity = "topics/orders",
                                  .topic = bytes_of_text("orders"),
                                  .validate_only = validate_only,
                                  .decide = decide,
                                  .done = done};

    f = (struct fixture){.zk.methods = &methods, .rounds = rounds, .round = -1, .refusal = refusal};
    config_writes_init(&f.writes, &f.zk);
    config_writes_start(&f.writes, &write, 1000);
    return f.is_done ? f.error : WAITING;
}

#define DATA "{\"version\":1,\"config\":{\"a\":\"1\",\"b\":\"x\"}}"

static void settings_and_news_are_one_transaction(void **state) {
    const struct round rounds[] = {{.data = DATA, .version = 7}};

    (void)state;
    assert_int_equal(run(rounds, false, ERR_NONE), ERR_NONE);
    assert_string_equal(f.before, "a=1 b=x ");
    assert_string_equal(f.entity_op, "set 7 {\"version\":1,\"config\":{\"a\":\"2\"}}");
    assert_string_equal(f.change_op, "/config/changes/config_change_ "
                                     "{\"version\":2,\"entity_path\":\"topics/orders\"}");
}

static void a_missing_entity_is_created(void **state) {
    const struct round rounds[] = {{.entity = ERR_ZK_NO_NODE}};

    (void)state;
    assert_int_equal(run(rounds, false, ERR_NONE), ERR_NONE);
    assert_string_equal(f.before, "");
    assert_string_equal(f.entity_op, "create -1 {\"version\":1,\"config\":{\"a\":\"2\"}}");
}

static void content_that_is_no_json_counts_as_none(void **state) {
    const struct round rounds[] = {{.data = "{", .version = 1}};

    (void)state;
    assert_int_equal(run(rounds, false, ERR_NONE), ERR_NONE);
    assert_string_equal(f.before, "");
}

static void what_is_refused_or_only_checked_is_not_written(void **state) {
    const struct round rounds[] = {{.data = DATA}};

    (void)state;
    assert_int_equal(run(rounds, false, ERR_INVALID_CONFIG), ERR_INVALID_CONFIG);
    assert_int_equal(f.multis, 0);
    assert_int_equal(run(rounds, true, ERR_NONE), ERR_NONE);
    assert_int_equal(f.multis, 0);
}

static void who_was_overtaken_reads_again(void **state) {
    static const struct round rounds[] = {
        {.data = "", .version = 1, .written = ERR_ZK_BAD_VERSION, .failed_op = 1},
        {.data = DATA, .version = 2, .written = ERR_ZK_NO_NODE, .failed_op = 0},
        {.entity = ERR_ZK_NO_NODE, .written = ERR_ZK_NODE_EXISTS, .failed_op = 1},
        {.data = DATA, .version = 4},
    };

    (void)state;
    assert_int_equal(run(rounds, false, ERR_NONE), ERR_NONE);
    assert_int_equal(f.decisions, 4);
    assert_string_equal(f.before, "a=1 b=x ");
    assert_memory_equal(f.entity_op, "set 4 ", 6);
}

static void who_is_always_overtaken_gives_up(void **state) {
    struct round rounds[100];

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(rounds); i++)
        rounds[i] = (struct round){.data = DATA, .written = ERR_ZK_BAD_VERSION, .failed_op = 1};
    assert_int_equal(run(rounds, false, ERR_NONE), ERR_REQUEST_TIMED_OUT);
    assert_int_equal(f.multis, 10);
}

static void what_goes_wrong_is_told(void **state) {
    static const struct {
        const char *label;
        struct round round;
        enum error error;
    } cases[] = {
        {"no controller", {.controller = ERR_ZK_NO_NODE, .data = DATA}, ERR_STALE_CONTROLLER_EPOCH},
        {"the topic is gone",
         {.data = DATA, .written = ERR_ZK_NO_NODE, .failed_op = 3},
         ERR_UNKNOWN_TOPIC_OR_PARTITION},
        {"the broker stops", {.controller = ERR_CANCELLED, .entity = ERR_CANCELLED}, ERR_CANCELLED},
        {"no permission",
         {.data = DATA, .written = ERR_ZK_NO_AUTH, .failed_op = 1},
         ERR_ZK_NO_AUTH},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        enum error error = run(&cases[i].round, false, ERR_NONE);

        if (error != cases[i].error)
            fail_msg("%s: %s", cases[i].label, error_name(error));
    }
}

static void while_zookeeper_is_away_a_write_waits(void **state) {
    static const struct round rounds[] = {
        {.controller = ERR_ZK_OUTCOME_UNKNOWN, .entity = ERR_ZK_OUTCOME_UNKNOWN},
        {.entity = ERR_ZK_SESSION_EXPIRED},
        {.data = DATA, .version = 6, .written = ERR_ZK_OUTCOME_UNKNOWN, .failed_op = 9},
        {.data = DATA, .version = 7},
    };

    (void)state;
    assert_int_equal(run(rounds, false, ERR_NONE), WAITING);
    config_writes_on_time(&f.writes, 1250);
    assert_false(f.is_done);
    config_writes_on_time(&f.writes, 1500); /* written, or not: nobody knows */
    assert_false(f.is_done);
    config_writes_on_time(&f.writes, 1750);
    assert_true(f.is_done);
    assert_int_equal(f.error, ERR_NONE);
    assert_memory_equal(f.entity_op, "set 7 ", 6);
    config_writes_on_time(&f.writes, 2000); /* nothing is left */
}

static void a_write_does_not_wait_for_ever(void **state) {
    static const struct round rounds[] = {{.entity = ERR_ZK_OUTCOME_UNKNOWN},
                                          {.entity = ERR_ZK_OUTCOME_UNKNOWN}};

    (void)state;
    assert_int_equal(run(rounds, false, ERR_NONE), WAITING);
    config_writes_on_time(&f.writes, 20999);
    assert_false(f.is_done);
    config_writes_on_time(&f.writes, 21000);
    assert_int_equal(f.error, ERR_REQUEST_TIMED_OUT);
    assert_int_equal(run(rounds, false, ERR_NONE), WAITING);
    config_writes_cancel(&f.writes);
    assert_int_equal(f.error, ERR_CANCELLED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_and_news_are_one_transaction),
        cmocka_unit_test(a_missing_entity_is_created),
        cmocka_unit_test(content_that_is_no_json_counts_as_none),
        cmocka_unit_test(what_is_refused_or_only_checked_is_not_written),
        cmocka_unit_test(who_was_overtaken_reads_again),
        cmocka_unit_test(who_is_always_overtaken_gives_up),
        cmocka_unit_test(what_goes_wrong_is_told),
        cmocka_unit_test(while_zookeeper_is_away_a_write_waits),
        cmocka_unit_test(a_write_does_not_wait_for_ever),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

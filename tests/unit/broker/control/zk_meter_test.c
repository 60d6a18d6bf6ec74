/* Proves that a metered session hands calls and answers on unchanged, and times every one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "broker/control/zk_meter.h"
#include "client/base/check.h"

/* A session that answers when it is told to. */
static struct {
    struct zk zk;
    const char *asked;
    const char *path;
    zk_completion *done;
    void *context;
    size_t multi_count; /* expected */
} fake;

static void take(const char *asked, const char *path, zk_completion *done, void *context) {
    fake.asked = asked;
    fake.path = path;
    fake.done = done;
    fake.context = context;
}

static void fake_get(struct zk *zk, const char *path, bool watch, zk_completion *done, void *c) {
    assert_ptr_equal(zk, &fake.zk);
    assert_true(watch);
    take("get", path, done, c);
}
static void fake_exists(struct zk *zk, const char *path, bool watch, zk_completion *done, void *c) {
    (void)zk;
    assert_false(watch);
    take("exists", path, done, c);
}
static void fake_children(struct zk *zk, const char *path, bool watch, zk_completion *done,
                          void *c) {
    (void)zk;
    assert_true(watch);
    take("children", path, done, c);
}
static void fake_create(struct zk *zk, const char *path, struct bytes data, int flags,
                        zk_completion *done, void *c) {
    (void)zk;
    assert_true(bytes_equal_text(data, "data"));
    assert_int_equal(flags, ZK_EPHEMERAL);
    take("create", path, done, c);
}
static void fake_set(struct zk *zk, const char *path, struct bytes data, int32_t version,
                     zk_completion *done, void *c) {
    (void)zk;
    assert_true(bytes_equal_text(data, "data"));
    assert_int_equal(version, 7);
    take("set", path, done, c);
}
static void fake_remove(struct zk *zk, const char *path, int32_t version, zk_completion *done,
                        void *c) {
    (void)zk;
    assert_int_equal(version, 8);
    take("remove", path, done, c);
}
static void fake_multi(struct zk *zk, const struct zk_op *ops, size_t count, zk_completion *done,
                       void *c) {
    (void)zk;
    assert_int_equal(count, fake.multi_count);
    take("multi", ops[0].path, done, c);
}
static void fake_sync(struct zk *zk, const char *path, zk_completion *done, void *c) {
    (void)zk;
    take("sync", path, done, c);
}
static int64_t fake_session_id(const struct zk *zk) {
    assert_ptr_equal(zk, &fake.zk);
    return 4711;
}

static const struct zk_methods fake_methods = {
    .get = fake_get,
    .exists = fake_exists,
    .children = fake_children,
    .create = fake_create,
    .set = fake_set,
    .remove = fake_remove,
    .multi = fake_multi,
    .sync = fake_sync,
    .session_id = fake_session_id,
};

static const struct zk_result answer = {.error = ERR_ZK_NO_NODE};

static void on_answer(void *context, const struct zk_result *result) {
    assert_ptr_equal(result, &answer);
    (*(int *)context)++;
}

static void every_call_is_handed_on_and_timed(void **state) {
    static struct zk_meter meter;
    static const char *const calls[] = {"get", "exists", "children", "create",
                                        "set", "remove", "multi",    "sync"};
    const struct zk_op op = {.kind = ZK_OP_CHECK, .path = "/multi"};
    struct histogram_snapshot latency = {0};
    struct clock_manual clock;
    int answered = 0;

    (void)state;
    clock_manual_init(&clock, 0);
    fake.zk.methods = &fake_methods;
    fake.multi_count = 1;
    zk_meter_init(&meter, &fake.zk, &clock.clock);
    assert_int_equal(meter.zk.methods->session_id(&meter.zk), 4711);
    for (size_t i = 0; i < ARRAY_COUNT(calls); i++) {
        struct zk *zk = &meter.zk;
        char path[32];

        snprintf(path, sizeof(path), "/%s", calls[i]);
        switch (i) {
        case 0:
            zk_get(zk, path, true, on_answer, &answered);
            break;
        case 1:
            zk_exists(zk, path, false, on_answer, &answered);
            break;
        case 2:
            zk_children(zk, path, true, on_answer, &answered);
            break;
        case 3:
            zk_create(zk, path, bytes_of_text("data"), ZK_EPHEMERAL, on_answer, &answered);
            break;
        case 4:
            zk_set(zk, path, bytes_of_text("data"), 7, on_answer, &answered);
            break;
        case 5:
            zk->methods->remove(zk, path, 8, on_answer, &answered);
            break;
        case 6:
            zk_multi(zk, &op, 1, on_answer, &answered);
            break;
        default:
            zk->methods->sync(zk, path, on_answer, &answered);
            break;
        }
        assert_string_equal(fake.asked, calls[i]);
        assert_string_equal(fake.path, i == 6 ? "/multi" : path);
        assert_int_equal(answered, i);
        clock_manual_advance_ms(&clock, 10);
        fake.done(fake.context, &answer);
        assert_int_equal(answered, i + 1);
    }
    histogram_snapshot_add(&latency, &meter.latency);
    assert_int_equal(latency.count, 8);
    assert_int_equal(latency.sum_us, 80000);
}

static const char *const names[] = {"1", "23"};
static struct zk_result told;

static void on_told(void *context, const struct zk_result *result) {
    (void)context;
    assert_ptr_equal(result, &told);
}

static void answer_with(struct zk_result result) {
    told = result;
    fake.done(fake.context, &told);
}

static void bytes_operations_and_watches_are_counted(void **state) {
    static struct zk_meter meter;
    struct zk_op ops[] = {{.kind = ZK_OP_SET, .path = "/a", .data = bytes_of_text("12345")},
                          {.kind = ZK_OP_CHECK, .path = "/b"}};
    struct zk *zk = &meter.zk;

    (void)state;
    fake.zk.methods = &fake_methods;
    zk_meter_init(&meter, &fake.zk, clock_system());
    zk_set(zk, "/a", bytes_of_text("data"), 7, on_told, NULL);
    answer_with((struct zk_result){.error = ERR_NONE});
    assert_int_equal(counter_read(&meter.bytes_written), 4);
    fake.multi_count = 2;
    zk_multi(zk, ops, 2, on_told, NULL);
    answer_with((struct zk_result){.error = ERR_NONE});
    assert_int_equal(counter_read(&meter.bytes_written), 9);
    assert_int_equal(counter_read(&meter.multis), 1);
    assert_int_equal(counter_read(&meter.multi_ops), 2);
    zk_get(zk, "/a", true, on_told, NULL);
    assert_int_equal(counter_read(&meter.watches.count), 0);
    answer_with((struct zk_result){.error = ERR_NONE, .data = bytes_of_text("123456")});
    assert_int_equal(counter_read(&meter.bytes_read), 6);
    assert_int_equal(counter_read(&meter.watches.count), 1);
    zk_children(zk, "/a", true, on_told, NULL);
    answer_with((struct zk_result){.error = ERR_NONE, .children = names, .child_count = 2});
    assert_int_equal(counter_read(&meter.bytes_read), 9);
    assert_int_equal(counter_read(&meter.watches.count), 2);
    zk_get(zk, "/gone", true, on_told, NULL);
    answer_with((struct zk_result){.error = ERR_ZK_NO_NODE});
    assert_int_equal(counter_read(&meter.watches.count), 2);
    zk_meter_on_watch(&meter, ZK_EVENT_DELETED, "/a");
    assert_int_equal(counter_read(&meter.watches.count), 0);
    zk_get(zk, "/a", true, on_told, NULL);
    answer_with((struct zk_result){.error = ERR_NONE});
    zk_meter_on_session(&meter, ZK_SESSION_DISCONNECTED);
    zk_meter_on_session(&meter, ZK_SESSION_RECONNECTED);
    assert_int_equal(counter_read(&meter.watches.count), 1);
    zk_meter_on_session(&meter, ZK_SESSION_EXPIRED);
    assert_int_equal(counter_read(&meter.watches.count), 0);
    zk_meter_done(&meter);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_is_handed_on_and_timed),
        cmocka_unit_test(bytes_operations_and_watches_are_counted),
    };

    return cmocka_run_group_tests_name("zk_meter", tests, NULL, NULL);
}

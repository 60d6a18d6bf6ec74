/* Proves when clients are sent to a broker. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "broker/admin/readiness.h"
#include "broker/metadata/metadata_builder.h"

#define SELF 1

/* A cluster with the brokers of `brokers` and one partition. */
static const struct metadata *cluster(const char *brokers, int32_t leader, bool self_in_sync,
                                      bool self_is_added) {
    struct metadata_builder *builder = metadata_builder_new(NULL);
    int32_t replicas[] = {1, 2}, in_sync[] = {2, 1}, self = SELF;
    const struct metadata_assignment assignment = {.replicas = replicas,
                                                   .replica_count = 2,
                                                   .adding_replicas = &self,
                                                   .adding_count = self_is_added ? 1 : 0};
    const struct metadata_state state = {
        .leader = leader, .isr = in_sync, .isr_count = self_in_sync ? 2 : 1};
    const struct uuid id = {{7}};
    struct metadata_topic_change *changes = NULL;
    const struct metadata *made;
    int32_t change_count = 0;

    for (; *brokers != '\0'; brokers++) {
        const struct metadata_broker broker = {.id = *brokers - '0'};
        metadata_builder_add_broker(builder, &broker);
    }
    assert_true(
        metadata_builder_set_topic(builder, bytes_of_text("orders"), &id, 1, &assignment, 1));
    assert_true(metadata_builder_set_state(builder, &id, &state));
    made = metadata_builder_finish(builder, &changes, &change_count);
    free(changes);
    return made;
}

static const struct {
    const char *label;
    enum broker_phase phase;
    const char *brokers;
    int32_t leader;
    bool in_sync;
    bool is_added;
    const char *reason;
} cases[] = {
    {"caught up", BROKER_SERVING, "12", 2, true, false, NULL},
    {"still loading its logs", BROKER_STARTING, "12", 2, true, false, "starting"},
    {"told to stop", BROKER_STOPPING, "12", 2, true, false, "stopping"},
    {"not registered", BROKER_SERVING, "2", 2, true, false, "not_registered"},
    {"behind", BROKER_SERVING, "12", 2, false, false, "catching_up"},
    {"behind a leader that is dead", BROKER_SERVING, "1", 2, false, false, NULL},
    {"behind, and nobody leads", BROKER_SERVING, "12", -1, false, false, NULL},
    {"just being added", BROKER_SERVING, "12", 2, false, true, NULL},
};

static void a_broker_is_ready_once_it_serves_and_has_caught_up(void **unused) {
    (void)unused;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        const struct metadata *metadata =
            cluster(cases[i].brokers, cases[i].leader, cases[i].in_sync, cases[i].is_added);
        struct readiness_memory memory = {0};
        struct readiness readiness = readiness_decide(cases[i].phase, metadata, SELF, &memory);

        print_message("%s\n", cases[i].label);
        assert_int_equal(readiness.is_ready, cases[i].reason == NULL);
        if (cases[i].reason != NULL)
            assert_string_equal(readiness.reason, cases[i].reason);
        metadata_unref(metadata);
    }
}

static void without_metadata_it_is_starting(void **unused) {
    struct readiness_memory memory = {0};

    (void)unused;
    assert_string_equal(readiness_decide(BROKER_SERVING, NULL, SELF, &memory).reason, "starting");
    assert_string_equal(readiness_decide(BROKER_STOPPING, NULL, SELF, &memory).reason, "stopping");
}

static void what_falls_behind_later_is_no_matter_of_readiness(void **unused) {
    const struct metadata *whole = cluster("12", 2, true, false);
    const struct metadata *behind = cluster("12", 2, false, false);
    struct readiness_memory memory = {0};

    (void)unused;
    assert_false(readiness_decide(BROKER_SERVING, behind, SELF, &memory).is_ready);
    assert_true(readiness_decide(BROKER_SERVING, whole, SELF, &memory).is_ready);
    assert_true(readiness_decide(BROKER_SERVING, behind, SELF, &memory).is_ready);
    metadata_unref(whole);
    metadata_unref(behind);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_broker_is_ready_once_it_serves_and_has_caught_up),
        cmocka_unit_test(without_metadata_it_is_starting),
        cmocka_unit_test(what_falls_behind_later_is_no_matter_of_readiness),
    };

    return cmocka_run_group_tests_name("readiness", tests, NULL, NULL);
}

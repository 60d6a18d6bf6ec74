/* Proves when a broker may stop, by rows of what it knows of one partition. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/admin/stop_check.h"
#include "client/base/check.h"

#define SELF 1
#define OK   (-1)

static int32_t ids_of(const char *text, int32_t *ids) {
    int32_t count = 0;

    for (; *text != '\0'; text++)
        ids[count++] = *text - '0';
    return count;
}

static const struct {
    const char *label;
    const char *replicas, *isr, *alive;
    int32_t min_isr, margin;
    bool allow_single_replica;
    int obstacle; /* OK: none */
} cases[] = {
    {"two others are in sync", "123", "123", "123", 2, 0, false, OK},
    {"as leader or not, it leaves enough", "312", "132", "123", 2, 0, false, OK},
    {"one other is in sync, and two must be", "123", "12", "123", 2, 0, false, STOP_BELOW_MIN_ISR},
    {"one other is in sync, and one must be", "123", "12", "123", 1, 0, false, OK},
    {"nobody else is in sync", "123", "1", "123", 1, 0, false, STOP_ONLY_IN_SYNC_REPLICA},
    {"nobody else who lives is in sync", "123", "123", "1", 1, 0, false, STOP_ONLY_IN_SYNC_REPLICA},
    {"one of two others has died", "123", "123", "12", 2, 0, false, STOP_BELOW_MIN_ISR},
    {"it is not in sync itself", "123", "2", "123", 2, 0, false, OK},
    {"it has no replica", "23", "2", "123", 2, 0, false, OK},
    {"there is one replica", "1", "1", "123", 1, 0, false, STOP_SINGLE_REPLICA},
    {"there is one replica, and it may stop all the same", "1", "1", "123", 1, 0, true, OK},
    {"that does not make others replaceable", "12", "1", "123", 1, 0, true,
     STOP_ONLY_IN_SYNC_REPLICA},
    {"a margin is kept", "123", "123", "123", 1, 1, false, OK},
    {"a margin is not kept", "123", "123", "123", 2, 1, false, STOP_WITHOUT_MARGIN},
    {"more must be in sync than there are replicas", "12", "12", "123", 5, 0, false,
     STOP_BELOW_MIN_ISR},
};

static void note(void *context, enum stop_obstacle obstacle, const struct metadata_topic *topic,
                 int32_t partition, int32_t min_isr) {
    assert_string_equal(topic->name, "orders");
    assert_int_equal(partition, 0);
    assert_true(min_isr >= 1);
    *(int *)context = (int)obstacle;
}

static void a_broker_may_stop_if_enough_others_are_in_sync(void **unused) {
    (void)unused;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        int32_t replicas[8], isr[8], alive[8];
        struct metadata_broker brokers[8] = {0};
        const struct metadata_broker *listed[8];
        struct metadata_partition partition = {.leader = 1, .replicas = replicas, .isr = isr};
        const struct metadata_topic topic = {
            .name = "orders", .partitions = &partition, .partition_count = 1};
        const struct metadata_topic *topics[] = {&topic};
        struct metadata metadata = {.brokers = listed, .topics = topics, .topic_count = 1};
        const struct stop_question question = {SELF, cases[i].min_isr, cases[i].margin,
                                               cases[i].allow_single_replica};
        int told = OK;
        struct stop_check check;

        partition.replica_count = ids_of(cases[i].replicas, replicas);
        partition.isr_count = ids_of(cases[i].isr, isr);
        metadata.broker_count = ids_of(cases[i].alive, alive);
        for (int32_t j = 0; j < metadata.broker_count; j++) {
            brokers[j].id = alive[j];
            listed[j] = &brokers[j];
        }
        print_message("%s\n", cases[i].label);
        check = stop_check(&metadata, &question, note, &told);
        assert_int_equal(told, cases[i].obstacle);
        assert_int_equal(check.obstacle_count, cases[i].obstacle == OK ? 0 : 1);
        if (cases[i].obstacle != OK)
            assert_int_equal(check.obstacles[cases[i].obstacle], 1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_broker_may_stop_if_enough_others_are_in_sync),
    };

    return cmocka_run_group_tests_name("stop_check", tests, NULL, NULL);
}

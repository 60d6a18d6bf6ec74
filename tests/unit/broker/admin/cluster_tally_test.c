/* Proves what is counted of partitions, by rows of what a broker may know of one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "broker/admin/cluster_tally.h"
#include "client/base/check.h"

#define SELF    1
#define MIN_ISR 2

/* Ids as digits, "" for none. */
static int32_t ids_of(const char *text, int32_t *ids) {
    int32_t count = 0;

    for (; *text != '\0'; text++)
        ids[count++] = *text - '0';
    return count;
}

/* What each counter says of the one partition, in the order of struct cluster_tally. */
static const struct {
    const char *label;
    int32_t leader;
    const char *replicas, *isr, *adding, *removing;
    const char *min_isr; /* of the topic; NULL: it does not say */
    const char *
        counts; /* hosted led under_replicated under_min at_min reassigning offline not_preferred */
} cases[] = {
    {"whole", 1, "123", "123", "", "", NULL, "11000000"},
    {"one is missing", 1, "123", "12", "", "", NULL, "11101000"},
    {"two are missing", 1, "123", "1", "", "", NULL, "11110000"},
    {"the topic demands less", 1, "123", "1", "", "", "1", "11101000"},
    {"the topic demands more than there are", 1, "12", "12", "", "", "5", "11001000"},
    {"a replica alone cannot have two in sync", 1, "1", "1", "", "", NULL, "11001000"},
    {"what the topic demands is no number", 1, "123", "1", "", "", "many", "11110000"},
    {"a follower tells of nothing but its replica", 2, "213", "2", "", "", NULL, "10000000"},
    {"not here", 2, "23", "2", "", "", NULL, "00000000"},
    {"another than the preferred replica leads", 1, "213", "123", "", "", NULL, "11000001"},
    {"what is being added is not missing yet", 1, "1234", "123", "4", "", NULL, "11000100"},
    {"what is being removed is there still", 1, "123", "123", "", "3", NULL, "11000100"},
    {"nobody leads", -1, "123", "1", "", "", NULL, "10000011"},
    {"a broker that is not there leads", 9, "923", "9", "", "", NULL, "00000010"},
};

static struct cluster_tally tally_of(size_t at) {
    int32_t replicas[8], isr[8], adding[8], removing[8];
    struct metadata_partition partition = {.leader = cases[at].leader};
    struct metadata_setting setting = {"min.insync.replicas", cases[at].min_isr};
    struct metadata_topic topic = {
        .name = "orders", .partitions = &partition, .partition_count = 1};
    static const struct metadata_broker brokers[] = {{.id = 1}, {.id = 2}, {.id = 3}, {.id = 4}};
    const struct metadata_broker *alive[] = {&brokers[0], &brokers[1], &brokers[2], &brokers[3]};
    const struct metadata_topic *topics[] = {&topic};
    struct metadata metadata = {
        .brokers = alive, .broker_count = 4, .topics = topics, .topic_count = 1};

    partition.replicas = replicas;
    partition.replica_count = ids_of(cases[at].replicas, replicas);
    partition.isr = isr;
    partition.isr_count = ids_of(cases[at].isr, isr);
    partition.adding_replicas = adding;
    partition.adding_count = ids_of(cases[at].adding, adding);
    partition.removing_replicas = removing;
    partition.removing_count = ids_of(cases[at].removing, removing);
    topic.settings = &setting;
    topic.setting_count = cases[at].min_isr == NULL ? 0 : 1;
    return cluster_tally(&metadata, SELF, MIN_ISR);
}

static void each_partition_counts_for_what_it_is(void **unused) {
    (void)unused;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        const struct cluster_tally tally = tally_of(i);
        char counts[16];

        snprintf(counts, sizeof(counts), "%d%d%d%d%d%d%d%d", tally.hosted, tally.led,
                 tally.under_replicated, tally.under_min_isr, tally.at_min_isr, tally.reassigning,
                 tally.offline, tally.not_led_by_preferred);
        print_message("%s\n", cases[i].label);
        assert_string_equal(counts, cases[i].counts);
        assert_int_equal(tally.partitions, 1);
        assert_int_equal(tally.topics, 1);
        assert_int_equal(tally.brokers, 4);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_partition_counts_for_what_it_is),
    };

    return cmocka_run_group_tests_name("cluster_tally", tests, NULL, NULL);
}

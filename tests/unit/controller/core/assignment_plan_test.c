#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "controller/core/assignment_plan.h"

#include "client/base/check.h"

#define BROKERS_MAX 12

static void make_brokers(struct assignment_broker *brokers, size_t count,
                         const char *const *racks) {
    for (size_t i = 0; i < count; i++)
        brokers[i] = (struct assignment_broker){
            .id = (int32_t)i,
            .rack = racks == NULL ? BYTES_NULL : bytes_of_text(racks[i]),
        };
}

static void check_rows(const struct assignment_request *request, const int32_t *wanted) {
    size_t size = (size_t)request->partition_count * (size_t)request->replication_factor;
    int32_t *replicas = calloc(size, sizeof(*replicas));

    controller_assignment_plan(request, replicas);
    for (size_t i = 0; i < size; i++)
        if (replicas[i] != wanted[i])
            fail_msg("partition %zu has %d instead of %d", i / (size_t)request->replication_factor,
                     replicas[i], wanted[i]);
    free(replicas);
}

/* The example in the documentation of Kafka's AdminUtils. */
static void without_racks_followers_shift_with_every_round(void **state) {
    static const int32_t wanted[] = {0, 1, 2, 1, 2, 3, 2, 3, 4, 3, 4, 0, 4, 0, 1,
                                     0, 2, 3, 1, 3, 4, 2, 4, 0, 3, 0, 1, 4, 1, 2};
    struct assignment_broker brokers[5];

    (void)state;
    make_brokers(brokers, 5, NULL);
    check_rows(
        &(struct assignment_request){
            .brokers = brokers, .broker_count = 5, .partition_count = 10, .replication_factor = 3},
        wanted);
}

/* As above. */
static void with_racks_neighbours_are_of_different_racks(void **state) {
    static const char *const racks[] = {"rack1", "rack3", "rack3", "rack2", "rack2", "rack1"};
    static const int32_t wanted[] = {0, 3, 1, 3, 1, 5, 1, 5, 4, 5, 4, 2, 4, 2, 0, 2, 0, 3,
                                     0, 4, 2, 3, 2, 0, 1, 0, 3, 5, 3, 1, 4, 1, 5, 2, 5, 4};
    struct assignment_broker brokers[6];

    (void)state;
    make_brokers(brokers, 6, racks);
    check_rows(
        &(struct assignment_request){
            .brokers = brokers, .broker_count = 6, .partition_count = 12, .replication_factor = 3},
        wanted);
}

static void one_broker_without_a_rack_and_racks_do_not_count(void **state) {
    static const char *const racks[] = {"a", "a", NULL};
    static const int32_t wanted[] = {0, 1, 1, 2, 2, 0};
    struct assignment_broker brokers[3];

    (void)state;
    make_brokers(brokers, 3, racks);
    check_rows(
        &(struct assignment_request){
            .brokers = brokers, .broker_count = 3, .partition_count = 3, .replication_factor = 2},
        wanted);
}

static void added_partitions_go_on_where_the_first_ones_stopped(void **state) {
    static const int32_t whole[] = {2, 0, 0, 1, 1, 2, 2, 1, 0, 2};
    struct assignment_broker brokers[3];
    struct assignment_request request = {.brokers = brokers,
                                         .broker_count = 3,
                                         .partition_count = 5,
                                         .replication_factor = 2,
                                         .start = 2,
                                         .shift = 2};

    (void)state;
    make_brokers(brokers, 3, NULL);
    check_rows(&request, whole);
    request.partition_first = 1;
    request.partition_count = 2;
    check_rows(&request, whole + 2);
}

static void replicas_are_spread_evenly_and_never_twice_on_a_broker(void **state) {
    static const char *const racks[] = {"a", "b", "c", "a", "b", "c", "a", "b", "c", "a", "b", "c"};

    (void)state;
    for (int32_t count = 1; count <= BROKERS_MAX; count++) {
        for (int32_t factor = 1; factor <= count; factor++) {
            struct assignment_broker brokers[BROKERS_MAX];
            int32_t replicas[240 * BROKERS_MAX] = {0};
            int leads[BROKERS_MAX] = {0}, holds[BROKERS_MAX] = {0};
            int32_t partitions = count * 20;
            make_brokers(brokers, (size_t)count, factor % 2 == 0 && count % 3 == 0 ? racks : NULL);
            controller_assignment_plan(&(struct assignment_request){.brokers = brokers,
                                                                    .broker_count = (size_t)count,
                                                                    .partition_count = partitions,
                                                                    .replication_factor = factor,
                                                                    .start = 7,
                                                                    .shift = 13},
                                       replicas);
            for (int32_t p = 0; p < partitions; p++) {
                const int32_t *row = replicas + p * factor;
                leads[row[0]]++;
                for (int32_t r = 0; r < factor; r++) {
                    holds[row[r]]++;
                    for (int32_t other = 0; other < r; other++)
                        assert_int_not_equal(row[r], row[other]);
                }
            }
            for (int32_t b = 0; b < count; b++) {
                assert_int_equal(leads[b], 20);
                assert_true(abs(holds[b] - 20 * factor) <= 20);
            }
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_racks_followers_shift_with_every_round),
        cmocka_unit_test(with_racks_neighbours_are_of_different_racks),
        cmocka_unit_test(one_broker_without_a_rack_and_racks_do_not_count),
        cmocka_unit_test(added_partitions_go_on_where_the_first_ones_stopped),
        cmocka_unit_test(replicas_are_spread_evenly_and_never_twice_on_a_broker),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

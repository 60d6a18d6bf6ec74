/* Where records go. The hashes are those of Kafka's own test of murmur2, and were compared with
 * librdkafka's for 2,000 keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/base/check.h"
#include "client/producer/partitioner.h"

static void murmur2_is_javas(void **state) {
    static const struct {
        const char *text;
        int32_t hash;
    } cases[] = {
        {"21", -973932308},
        {"foobar", -790332482},
        {"a-little-bit-long-string", -985981536},
        {"a-little-bit-longer-string", -1486304829},
        {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
        {"abc", 479470107},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
        assert_int_equal(murmur2(bytes_of_text(cases[i].text)), cases[i].hash);
}

static void a_key_always_has_the_same_partition(void **state) {
    (void)state;
    assert_int_equal(partition_of_key(bytes_of_text("21"), 10),
                     (int32_t)((uint32_t)-973932308 & INT32_MAX) % 10);
    assert_int_equal(partition_of_key(bytes_of("", 0), 7), partition_of_key(bytes_of("", 0), 7));
    for (int32_t count = 1; count < 20; count++) {
        int32_t partition = partition_of_key(bytes_of_text("foobar"), count);

        assert_true(partition >= 0 && partition < count);
    }
}

static void without_a_key_a_partition_is_kept_for_a_batch(void **state) {
    struct sticky_partition sticky;
    struct rng rng;
    int32_t first;

    (void)state;
    rng_seed(&rng, 1);
    sticky_partition_init(&sticky);
    first = sticky_partition_next(&sticky, &rng, 1000000, NULL, 100);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(sticky_partition_next(&sticky, &rng, 1000000, NULL, 100), first);
        sticky_partition_add(&sticky, 10);
    }
    assert_int_not_equal(sticky_partition_next(&sticky, &rng, 1000000, NULL, 100), first);
}

static void only_partitions_with_a_leader_are_drawn(void **state) {
    const bool available[5] = {false, true, false, true, false};
    struct sticky_partition sticky;
    int seen[5] = {0};
    struct rng rng;

    (void)state;
    rng_seed(&rng, 2);
    sticky_partition_init(&sticky);
    for (int i = 0; i < 200; i++) {
        seen[sticky_partition_next(&sticky, &rng, 5, available, 1)]++;
        sticky_partition_add(&sticky, 1);
    }
    assert_int_equal(seen[0] + seen[2] + seen[4], 0);
    assert_true(seen[1] > 50 && seen[3] > 50);
}

static void a_partition_that_lost_its_leader_is_left(void **state) {
    bool available[2] = {true, true};
    struct sticky_partition sticky;
    struct rng rng;
    int32_t first;

    (void)state;
    rng_seed(&rng, 3);
    sticky_partition_init(&sticky);
    first = sticky_partition_next(&sticky, &rng, 2, available, 100);
    available[first] = false;
    assert_int_equal(sticky_partition_next(&sticky, &rng, 2, available, 100), 1 - first);
}

static void with_no_leader_anywhere_any_partition_does(void **state) {
    const bool available[3] = {false, false, false};
    struct sticky_partition sticky;
    struct rng rng;
    int32_t partition;

    (void)state;
    rng_seed(&rng, 4);
    sticky_partition_init(&sticky);
    partition = sticky_partition_next(&sticky, &rng, 3, available, 100);
    assert_true(partition >= 0 && partition < 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(murmur2_is_javas),
        cmocka_unit_test(a_key_always_has_the_same_partition),
        cmocka_unit_test(without_a_key_a_partition_is_kept_for_a_batch),
        cmocka_unit_test(only_partitions_with_a_leader_are_drawn),
        cmocka_unit_test(a_partition_that_lost_its_leader_is_left),
        cmocka_unit_test(with_no_leader_anywhere_any_partition_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Records of a topic: which partition they go to, and how they wait until it is known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "client/producer/topic_queue.h"

#define LED \
    { .leader_id = 1 }
#define NOT_LED \
    { .leader_id = VIEW_NO_LEADER }

static struct topic_queue *topic_of(int32_t partition_count) {
    static const struct view_partition partitions[8] = {LED, LED, NOT_LED, LED, LED, LED};
    struct view_topic seen = {
        .name = "t", .partition_count = partition_count, .partitions = partitions};
    struct topic_queue *topic;

    assert_int_equal(topic_queue_new("t", &topic), ERR_NONE);
    assert_int_equal(topic_queue_update(topic, &seen), ERR_NONE);
    return topic;
}

static void the_partition_is_the_named_one_or_the_keys_or_drawn(void **state) {
    static const struct {
        const char *label;
        enum partitioner partitioner;
        int32_t named;
        const char *key;
        enum error error;
        int32_t partition; /* -1: any but 2, which has no leader */
    } cases[] = {
        {"named", PARTITIONER_DEFAULT, 2, "foobar", ERR_NONE, 2},
        {"named, none such", PARTITIONER_DEFAULT, 6, NULL, ERR_UNKNOWN_TOPIC_OR_PARTITION, 0},
        {"by key", PARTITIONER_DEFAULT, -1, "abc", ERR_NONE, 479470107 % 6},
        {"key ignored", PARTITIONER_IGNORE_KEYS, -1, "abc", ERR_NONE, -1},
        {"no key", PARTITIONER_DEFAULT, -1, NULL, ERR_NONE, -1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct topic_queue *topic = topic_of(6);
        struct new_record record = {.partition = cases[i].named,
                                    .key = bytes_of_text(cases[i].key)};
        int32_t partition = 0;
        struct rng rng;

        rng_seed(&rng, i);
        assert_int_equal(
            topic_queue_choose(topic, cases[i].partitioner, &rng, 100, &record, &partition),
            cases[i].error);
        if (cases[i].partition >= 0)
            assert_int_equal(partition, cases[i].partition);
        else
            assert_true(partition >= 0 && partition < 6 && partition != 2);
        topic_queue_free(topic);
    }
}

static void round_robin_takes_turns(void **state) {
    struct topic_queue *topic = topic_of(3);
    struct new_record record = {.partition = -1, .key = bytes_of_text("k")};

    (void)state;
    for (int i = 0; i < 7; i++) {
        int32_t partition;

        assert_int_equal(
            topic_queue_choose(topic, PARTITIONER_ROUND_ROBIN, NULL, 100, &record, &partition),
            ERR_NONE);
        assert_int_equal(partition, i % 3);
    }
    topic_queue_free(topic);
}

static void a_waiting_record_is_a_whole_copy(void **state) {
    char key[] = "key";
    char name[] = "h";
    struct record_header headers[] = {{bytes_of(name, 1), BYTES_NULL},
                                      {bytes_of(name, 1), bytes_of("", 0)}};
    struct topic_queue *topic = topic_of(0);
    struct new_record record = {
        .partition = 4,
        .timestamp = 17,
        .key = bytes_of(key, 3),
        .value = bytes_of("", 0),
        .headers = headers,
        .header_count = 2,
        .charged_bytes = 99,
    };
    struct waiting_record *waiting;

    (void)state;
    assert_int_equal(topic_queue_wait(topic, &record, 5), ERR_NONE);
    memset(key, 'x', 3);
    memset(name, 'x', 1);
    waiting = STAILQ_FIRST(&topic->waiting);
    assert_int_equal(waiting->accepted_ms, 5);
    assert_int_equal(waiting->partition, 4);
    assert_int_equal(waiting->charged_bytes, 99);
    assert_true(bytes_equal_text(waiting->key, "key"));
    assert_true(bytes_equal_text(waiting->value, ""));
    assert_int_equal(waiting->header_count, 2);
    assert_true(bytes_equal_text(waiting->headers[0].key, "h"));
    assert_true(bytes_is_null(waiting->headers[0].value));
    assert_false(bytes_is_null(waiting->headers[1].value));
    topic_queue_free(topic);
}

static void partitions_keep_their_queues_when_more_are_added(void **state) {
    struct topic_queue *topic = topic_of(2);
    struct partition_queue *first = topic->partitions[0];
    struct view_partition partitions[4] = {LED, LED, LED, LED};
    struct view_topic seen = {.name = "t", .partition_count = 4, .partitions = partitions};

    (void)state;
    assert_int_equal(topic_queue_update(topic, &seen), ERR_NONE);
    assert_int_equal(topic->partition_count, 4);
    assert_ptr_equal(topic->partitions[0], first);
    assert_int_equal(topic->partitions[3]->partition, 3);
    seen.partition_count = 1;
    assert_int_equal(topic_queue_update(topic, &seen), ERR_NONE);
    assert_int_equal(topic->partition_count, 4);
    assert_true(topic->available[0]);
    assert_false(topic->available[3]);
    topic_queue_free(topic);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_partition_is_the_named_one_or_the_keys_or_drawn),
        cmocka_unit_test(round_robin_takes_turns),
        cmocka_unit_test(a_waiting_record_is_a_whole_copy),
        cmocka_unit_test(partitions_keep_their_queues_when_more_are_added),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

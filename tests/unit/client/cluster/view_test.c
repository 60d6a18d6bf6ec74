/* What a client believes of the cluster after answers that come late, or from brokers that lag. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/cluster/view.h"
#include "client/wire/message/metadata.h"

/* One answer about topic "t" with one partition, and brokers 1, 2, 3. */
struct answer {
    int16_t topic_error;
    uint8_t topic_id; /* its first byte */
    int16_t partition_error;
    int32_t leader_id;
    int32_t leader_epoch;
    int32_t partition_count;
};

static void update(struct view *view, struct answer answer, bool expect_settled) {
    struct metadata_response_brokers brokers[3];
    struct metadata_response_topics_partitions partitions[8];
    struct metadata_response_topics topic;
    struct metadata_response response;
    bool settled;

    metadata_response_init(&response);
    for (int32_t i = 0; i < 3; i++) {
        metadata_response_brokers_init(&brokers[i]);
        brokers[i].node_id = i + 1;
        brokers[i].host = bytes_of_text("h");
        brokers[i].port = 9092 + i;
    }
    for (int32_t i = 0; i < answer.partition_count; i++) {
        metadata_response_topics_partitions_init(&partitions[i]);
        partitions[i].partition_index = i;
        partitions[i].error_code = answer.partition_error;
        partitions[i].leader_id = answer.leader_id;
        partitions[i].leader_epoch = answer.leader_epoch;
    }
    metadata_response_topics_init(&topic);
    topic.name = bytes_of_text("t");
    topic.error_code = answer.topic_error;
    topic.topic_id.bytes[0] = answer.topic_id;
    topic.partitions = partitions;
    topic.partitions_count = answer.partition_count;
    response.brokers = brokers;
    response.brokers_count = 3;
    response.controller_id = 2;
    response.topics = &topic;
    response.topics_count = 1;
    assert_int_equal(view_update(view, &response, &settled), ERR_NONE);
    assert_int_equal(settled, expect_settled);
}

static struct view *view_made(void) {
    struct view *view;

    assert_int_equal(view_new(&view), ERR_NONE);
    return view;
}

static void an_answer_makes_topics_and_brokers_known(void **state) {
    struct view *view = view_made();

    (void)state;
    assert_null(view_topic(view, "t"));
    assert_int_equal(view_controller_id(view), -1);
    update(view, (struct answer){0, 7, 0, 3, 5, 2}, true);
    assert_int_equal(view_topic(view, "t")->partition_count, 2);
    assert_int_equal(view_topic(view, "t")->id.bytes[0], 7);
    assert_ptr_equal(view_topic_by_id(view, &view_topic(view, "t")->id), view_topic(view, "t"));
    assert_int_equal(view_partition(view, "t", 1)->leader_id, 3);
    assert_int_equal(view_partition(view, "t", 1)->leader_epoch, 5);
    assert_null(view_partition(view, "t", 2));
    assert_null(view_partition(view, "t", -1));
    assert_null(view_partition(view, "u", 0));
    assert_int_equal(view_controller_id(view), 2);
    assert_int_equal(view_broker_count(view), 3);
    assert_int_equal(view_broker(view, 3)->port, 9094);
    assert_null(view_broker(view, 4));
    view_free(view);
}

static void leaders_follow_epochs_and_not_the_order_of_answers(void **state) {
    static const struct {
        const char *label;
        struct answer then;
        bool settled;
        int32_t leader_id;
        int32_t leader_epoch;
    } cases[] = {
        {"a newer epoch", {0, 7, 0, 1, 6, 1}, true, 1, 6},
        {"the same epoch again", {0, 7, 0, 3, 5, 1}, true, 3, 5},
        {"an older epoch", {0, 7, 0, 1, 4, 1}, true, 3, 5},
        {"no epoch known", {0, 7, 0, 1, -1, 1}, true, 1, -1},
        {"no leader now", {0, 7, 5, -1, 6, 1}, false, VIEW_NO_LEADER, 6},
        {"a leader that is no broker", {0, 7, 0, 9, 6, 1}, false, VIEW_NO_LEADER, 6},
        {"the topic made anew", {0, 8, 0, 1, 0, 1}, true, 1, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct view *view = view_made();

        update(view, (struct answer){0, 7, 0, 3, 5, 1}, true);
        update(view, cases[i].then, cases[i].settled);
        assert_int_equal(view_partition(view, "t", 0)->leader_id, cases[i].leader_id);
        assert_int_equal(view_partition(view, "t", 0)->leader_epoch, cases[i].leader_epoch);
        view_free(view);
    }
}

static void a_topics_error_says_whether_to_ask_again(void **state) {
    static const struct {
        const char *label;
        int16_t error;
        bool settled;
        int32_t partition_count;
    } cases[] = {
        {"being created", ERR_LEADER_NOT_AVAILABLE, false, 2},
        {"unknown", ERR_UNKNOWN_TOPIC_OR_PARTITION, false, 0},
        {"not authorised", ERR_TOPIC_AUTHORIZATION_FAILED, true, 0},
        {"no topic name", ERR_INVALID_TOPIC_EXCEPTION, true, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct view *view = view_made();

        update(view, (struct answer){0, 7, 0, 3, 5, 2}, true);
        update(view, (struct answer){.topic_error = cases[i].error}, cases[i].settled);
        assert_int_equal(view_topic(view, "t")->error, cases[i].error);
        assert_int_equal(view_topic(view, "t")->partition_count, cases[i].partition_count);
        view_free(view);
    }
}

static void partitions_are_added_but_not_taken_away(void **state) {
    struct view *view = view_made();

    (void)state;
    update(view, (struct answer){0, 7, 0, 3, 5, 1}, true);
    update(view, (struct answer){0, 7, 0, 3, 5, 4}, true);
    assert_int_equal(view_topic(view, "t")->partition_count, 4);
    update(view, (struct answer){0, 7, 0, 3, 5, 2}, true);
    assert_int_equal(view_topic(view, "t")->partition_count, 4);
    view_free(view);
}

static void leaders_told_in_passing_count_if_they_are_news(void **state) {
    static const struct {
        const char *label;
        const char *topic;
        int32_t partition;
        int32_t leader_id;
        int32_t leader_epoch;
        bool taken;
    } cases[] = {
        {"newer", "t", 0, 1, 6, true},
        {"the same epoch", "t", 0, 1, 5, false},
        {"older", "t", 0, 1, 4, false},
        {"an unknown broker", "t", 0, 9, 6, false},
        {"an unknown partition", "t", 1, 1, 6, false},
        {"an unknown topic", "u", 0, 1, 6, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct view *view = view_made();

        update(view, (struct answer){0, 7, 0, 3, 5, 1}, true);
        assert_int_equal(view_learn_leader(view, cases[i].topic, cases[i].partition,
                                           cases[i].leader_id, cases[i].leader_epoch),
                         cases[i].taken);
        assert_int_equal(view_partition(view, "t", 0)->leader_id,
                         cases[i].taken ? cases[i].leader_id : 3);
        view_free(view);
    }
}

static void a_forgotten_topic_is_unknown(void **state) {
    struct view *view = view_made();

    (void)state;
    update(view, (struct answer){0, 7, 0, 3, 5, 1}, true);
    view_forget_topic(view, "t");
    view_forget_topic(view, "u");
    assert_null(view_topic(view, "t"));
    view_free(view);
}

static void where_replicas_stand_is_known(void **state) {
    static int32_t replicas[VIEW_REPLICAS_MAX + 2] = {2, 1, 3, 4, 5, 6, 7, 8, 9, 10};
    struct metadata_response_brokers brokers[2];
    struct metadata_response_topics_partitions partitions[2];
    struct metadata_response_topics topic;
    struct metadata_response response;
    struct view *view = view_made();
    bool settled;

    (void)state;
    metadata_response_init(&response);
    metadata_response_topics_init(&topic);
    for (int32_t i = 0; i < 2; i++) {
        metadata_response_brokers_init(&brokers[i]);
        brokers[i].node_id = i + 1;
        brokers[i].host = bytes_of_text("h");
        metadata_response_topics_partitions_init(&partitions[i]);
        partitions[i].partition_index = i;
        partitions[i].leader_id = 1;
        partitions[i].replica_nodes = replicas;
    }
    brokers[1].rack = bytes_of_text("r2");
    partitions[0].replica_nodes_count = 2;
    partitions[1].replica_nodes_count = VIEW_REPLICAS_MAX + 2;
    topic.name = bytes_of_text("t");
    topic.partitions = partitions;
    topic.partitions_count = 2;
    response.brokers = brokers;
    response.brokers_count = 2;
    response.topics = &topic;
    response.topics_count = 1;
    assert_int_equal(view_update(view, &response, &settled), ERR_NONE);
    assert_null(view_broker(view, 1)->rack);
    assert_string_equal(view_broker(view, 2)->rack, "r2");
    assert_int_equal(view_partition(view, "t", 0)->replica_count, 2);
    assert_int_equal(view_partition(view, "t", 0)->replicas[1], 1);
    assert_int_equal(view_partition(view, "t", 1)->replica_count, VIEW_REPLICAS_MAX);
    /* Who leads says nothing of the replicas. */
    assert_true(view_learn_leader(view, "t", 0, 2, 7));
    assert_int_equal(view_partition(view, "t", 0)->replica_count, 2);
    /* A partition far from all others is none. */
    partitions[1].partition_index = 999999;
    assert_int_equal(view_update(view, &response, &settled), ERR_NONE);
    assert_int_equal(view_topic(view, "t")->partition_count, 2);
    view_free(view);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(where_replicas_stand_is_known),
        cmocka_unit_test(an_answer_makes_topics_and_brokers_known),
        cmocka_unit_test(leaders_follow_epochs_and_not_the_order_of_answers),
        cmocka_unit_test(a_topics_error_says_whether_to_ask_again),
        cmocka_unit_test(partitions_are_added_but_not_taken_away),
        cmocka_unit_test(leaders_told_in_passing_count_if_they_are_news),
        cmocka_unit_test(a_forgotten_topic_is_unknown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * The rules of sending, retrying and numbering: each by its own, and all together against a model
 * broker that keeps Kafka's rules of sequence numbers, behind a network that loses requests and
 * answers.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "client/base/rng.h"
#include "client/producer/partition_queue.h"

#define PRODUCER_ID 77

static struct send_policy policy_made(void) {
    return (struct send_policy){
        .codec = COMPRESSION_NONE,
        .idempotent = true,
        .batch_bytes = 200,
        .linger_ms = 10,
        .retries = INT32_MAX,
        .in_flight_max = 5,
        .delivery_timeout_ms = 1000,
    };
}

/* Adds one record that fills a batch. */
static void append_batch(struct partition_queue *queue, const struct send_policy *policy,
                         int64_t now_ms, int64_t number) {
    char value[200] = {0};
    bool wake;

    memcpy(value, &number, sizeof(number));
    assert_int_equal(partition_queue_append(queue, policy, now_ms, 0, BYTES_NULL,
                                            bytes_of(value, sizeof(value)), NULL, 0, 240,
                                            (struct report){NULL, NULL, 0}, &wake),
                     ERR_NONE);
    assert_true(wake);
}

static struct batch *due(struct partition_queue *queue, const struct send_policy *policy,
                         int64_t now_ms) {
    int64_t at_ms = INT64_MAX;

    return partition_queue_due(queue, policy, now_ms, false, &at_ms);
}

/* Sends what is due; it must have this number. */
static struct batch *send(struct partition_queue *queue, const struct send_policy *policy,
                          int64_t now_ms, int16_t epoch, int32_t sequence) {
    struct batch *batch = due(queue, policy, now_ms);

    assert_non_null(batch);
    partition_queue_send(queue, policy, batch, PRODUCER_ID, 0);
    assert_int_equal(batch->producer_epoch, epoch);
    assert_int_equal(batch->base_sequence, sequence);
    return batch;
}

static enum verdict answer(struct partition_queue *queue, const struct send_policy *policy,
                           struct batch *batch, enum error error, int64_t now_ms) {
    enum verdict verdict =
        partition_queue_answer(queue, policy, batch, error, 5, -1, now_ms, now_ms + 100);

    if (verdict != VERDICT_AGAIN)
        batch_free(batch);
    return verdict;
}

/* A queue whose first batch, number 0, has been stored. */
static void init_established(struct partition_queue *queue, const struct send_policy *policy) {
    partition_queue_init(queue, "t", 0);
    append_batch(queue, policy, 0, 0);
    assert_int_equal(answer(queue, policy, send(queue, policy, 0, 0, 0), ERR_NONE, 0),
                     VERDICT_DELIVERED);
}

static void records_share_a_batch_until_it_is_full_or_old(void **state) {
    struct send_policy policy = policy_made();
    struct partition_queue queue;
    int64_t at_ms = INT64_MAX;
    struct batch *batch;
    bool wake;

    (void)state;
    partition_queue_init(&queue, "t", 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(partition_queue_append(&queue, &policy, 100 + i, 0, BYTES_NULL,
                                                bytes_of_text("0123456789"), NULL, 0, 50,
                                                (struct report){NULL, NULL, 0}, &wake),
                         ERR_NONE);
        assert_int_equal(wake, i == 0);
    }
    assert_null(partition_queue_due(&queue, &policy, 105, false, &at_ms));
    assert_int_equal(at_ms, 110);
    assert_non_null(partition_queue_due(&queue, &policy, 105, true, &at_ms));
    batch = partition_queue_due(&queue, &policy, 110, false, &at_ms);
    assert_int_equal(batch->record_count, 3);
    /* The next one does not fit. */
    assert_int_equal(partition_queue_append(&queue, &policy, 103, 0, BYTES_NULL,
                                            bytes_of_text("0123456789"), NULL, 0, 190,
                                            (struct report){NULL, NULL, 0}, &wake),
                     ERR_NONE);
    assert_true(wake);
    assert_ptr_equal(partition_queue_due(&queue, &policy, 103, false, &at_ms), batch);
    partition_queue_done(&queue);
}

static void five_batches_at_most_are_unanswered(void **state) {
    struct send_policy policy = policy_made();
    struct partition_queue queue;
    struct batch *first;

    (void)state;
    init_established(&queue, &policy);
    for (int i = 1; i < 8; i++)
        append_batch(&queue, &policy, 0, i);
    first = send(&queue, &policy, 0, 0, 1);
    for (int i = 2; i < 6; i++)
        send(&queue, &policy, 0, 0, i);
    assert_null(due(&queue, &policy, 0));
    assert_int_equal(answer(&queue, &policy, first, ERR_NONE, 0), VERDICT_DELIVERED);
    send(&queue, &policy, 0, 0, 6);
    partition_queue_done(&queue);
}

static void the_first_batch_of_an_epoch_goes_alone(void **state) {
    struct send_policy policy = policy_made();
    struct partition_queue queue;
    struct batch *first;

    (void)state;
    partition_queue_init(&queue, "t", 0);
    append_batch(&queue, &policy, 0, 0);
    append_batch(&queue, &policy, 0, 1);
    first = send(&queue, &policy, 0, 0, 0);
    assert_null(due(&queue, &policy, 0));
    assert_int_equal(answer(&queue, &policy, first, ERR_NOT_LEADER_OR_FOLLOWER, 0), VERDICT_AGAIN);
    assert_ptr_equal(send(&queue, &policy, 100, 0, 0), first);
    assert_null(due(&queue, &policy, 100));
    assert_int_equal(answer(&queue, &policy, first, ERR_NONE, 100), VERDICT_DELIVERED);
    send(&queue, &policy, 100, 0, 1);
    partition_queue_done(&queue);
}

static void a_retry_waits_for_what_was_sent_behind_it(void **state) {
    struct send_policy policy = policy_made();
    struct partition_queue queue;
    struct batch *sent[3];

    (void)state;
    init_established(&queue, &policy);
    for (int i = 1; i <= 4; i++)
        append_batch(&queue, &policy, 0, i);
    for (int i = 0; i < 3; i++)
        sent[i] = send(&queue, &policy, 0, 0, i + 1);
    /* The second must be sent again: not before the first is known, and nothing new meanwhile. */
    assert_int_equal(answer(&queue, &policy, sent[1], ERR_NOT_LEADER_OR_FOLLOWER, 0),
                     VERDICT_AGAIN);
    assert_null(due(&queue, &policy, 500));
    assert_int_equal(answer(&queue, &policy, sent[0], ERR_NONE, 0), VERDICT_DELIVERED);
    assert_null(due(&queue, &policy, 99));
    assert_ptr_equal(send(&queue, &policy, 100, 0, 2), sent[1]);
    /* The third is refused because of the second. */
    assert_int_equal(answer(&queue, &policy, sent[2], ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, 100),
                     VERDICT_AGAIN);
    assert_null(due(&queue, &policy, 500));
    assert_int_equal(answer(&queue, &policy, sent[1], ERR_NONE, 110), VERDICT_DELIVERED);
    assert_ptr_equal(send(&queue, &policy, 200, 0, 3), sent[2]);
    send(&queue, &policy, 200, 0, 4);
    partition_queue_done(&queue);
}

static void a_duplicate_is_a_success(void **state) {
    struct send_policy policy = policy_made();
    struct partition_queue queue;
    struct batch *batch;

    (void)state;
    partition_queue_init(&queue, "t", 0);
    append_batch(&queue, &policy, 0, 0);
    batch = send(&queue, &policy, 0, 0, 0);
    assert_int_equal(
        partition_queue_answer(&queue, &policy, batch, ERR_DUPLICATE_SEQUENCE_NUMBER, 3, -1, 0, 0),
        VERDICT_DELIVERED);
    assert_int_equal(batch->error, ERR_NONE);
    assert_int_equal(batch->base_offset, -1);
    batch_free(batch);
    assert_true(partition_queue_is_empty(&queue));
}

static void after_a_failure_a_new_epoch_begins_once_it_is_proven(void **state) {
    struct send_policy policy = policy_made();
    struct partition_queue queue;
    struct batch *first;
    struct batch *second;

    (void)state;
    init_established(&queue, &policy);
    for (int i = 1; i < 4; i++)
        append_batch(&queue, &policy, 0, i);
    first = send(&queue, &policy, 0, 0, 1);
    second = send(&queue, &policy, 0, 0, 2);
    assert_int_equal(answer(&queue, &policy, first, ERR_MESSAGE_TOO_LARGE, 0), VERDICT_FAILED);
    /* The third must wait: the second has its number and may be in the log. */
    assert_null(due(&queue, &policy, 0));
    assert_int_equal(answer(&queue, &policy, second, ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, 0),
                     VERDICT_AGAIN);
    assert_ptr_equal(send(&queue, &policy, 100, 1, 0), second);
    assert_int_equal(answer(&queue, &policy, second, ERR_NONE, 100), VERDICT_DELIVERED);
    send(&queue, &policy, 100, 1, 1);
    partition_queue_done(&queue);
}

static void an_expired_batch_that_was_stored_leaves_the_numbers_alone(void **state) {
    struct send_policy policy = policy_made();
    struct partition_queue queue;
    struct batch *first;
    struct batch *second;
    int64_t at_ms = INT64_MAX;

    (void)state;
    init_established(&queue, &policy);
    append_batch(&queue, &policy, 0, 1);
    append_batch(&queue, &policy, 500, 2);
    first = send(&queue, &policy, 500, 0, 1);
    second = send(&queue, &policy, 500, 0, 2);
    assert_int_equal(answer(&queue, &policy, first, ERR_CONNECTION_LOST, 950), VERDICT_AGAIN);
    assert_int_equal(answer(&queue, &policy, second, ERR_CONNECTION_LOST, 950), VERDICT_AGAIN);
    assert_ptr_equal(partition_queue_expire(&queue, &policy, 1000, &at_ms), first);
    assert_int_equal(first->error, ERR_REQUEST_TIMED_OUT);
    batch_free(first);
    assert_null(partition_queue_expire(&queue, &policy, 1000, &at_ms));
    assert_int_equal(at_ms, 1500);
    /* The second goes as it was numbered: were it in the log, the broker would know it. */
    assert_ptr_equal(send(&queue, &policy, 1050, 0, 2), second);
    assert_int_equal(answer(&queue, &policy, second, ERR_NONE, 1050), VERDICT_DELIVERED);
    /* Nothing numbered is left; the next starts anew, which is always allowed. */
    append_batch(&queue, &policy, 1100, 3);
    send(&queue, &policy, 1100, 1, 0);
    partition_queue_done(&queue);
}

static void lost_data_is_reported_and_the_rest_goes_on(void **state) {
    struct send_policy policy = policy_made();
    struct partition_queue queue;
    struct batch *batch;

    (void)state;
    partition_queue_init(&queue, "t", 0);
    append_batch(&queue, &policy, 0, 0);
    append_batch(&queue, &policy, 0, 1);
    append_batch(&queue, &policy, 0, 2);
    assert_int_equal(answer(&queue, &policy, send(&queue, &policy, 0, 0, 0), ERR_NONE, 0),
                     VERDICT_DELIVERED);
    batch = send(&queue, &policy, 0, 0, 1);
    assert_int_equal(answer(&queue, &policy, batch, ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, 0),
                     VERDICT_FAILED);
    batch = send(&queue, &policy, 0, 1, 0);
    assert_int_equal(answer(&queue, &policy, batch, ERR_NONE, 0), VERDICT_DELIVERED);
    assert_true(partition_queue_is_empty(&queue));
}

static void a_forgotten_producer_starts_anew(void **state) {
    struct send_policy policy = policy_made();
    struct partition_queue queue;
    struct batch *batch;

    (void)state;
    partition_queue_init(&queue, "t", 0);
    append_batch(&queue, &policy, 0, 0);
    append_batch(&queue, &policy, 0, 1);
    assert_int_equal(answer(&queue, &policy, send(&queue, &policy, 0, 0, 0), ERR_NONE, 0),
                     VERDICT_DELIVERED);
    batch = send(&queue, &policy, 0, 0, 1);
    assert_int_equal(answer(&queue, &policy, batch, ERR_UNKNOWN_PRODUCER_ID, 0), VERDICT_AGAIN);
    assert_ptr_equal(send(&queue, &policy, 100, 1, 0), batch);
    partition_queue_done(&queue);
}

static void retries_and_time_are_bounded(void **state) {
    static const struct {
        const char *label;
        int64_t retries;
        int64_t answered_ms;
        enum error error;
        enum verdict verdict;
    } cases[] = {
        {"retriable", 1, 10, ERR_NOT_ENOUGH_REPLICAS, VERDICT_AGAIN},
        {"no retries", 0, 10, ERR_NOT_ENOUGH_REPLICAS, VERDICT_FAILED},
        {"too late", 1, 1000, ERR_NOT_ENOUGH_REPLICAS, VERDICT_FAILED},
        {"refused for good", 1, 10, ERR_TOPIC_AUTHORIZATION_FAILED, VERDICT_FAILED},
        {"outcome unknown", 1, 10, ERR_CONNECTION_LOST, VERDICT_AGAIN},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct send_policy policy = policy_made();
        struct partition_queue queue;
        struct batch *batch;

        policy.idempotent = false;
        policy.retries = cases[i].retries;
        partition_queue_init(&queue, "t", 0);
        append_batch(&queue, &policy, 0, 0);
        batch = due(&queue, &policy, 0);
        partition_queue_send(&queue, &policy, batch, -1, -1);
        assert_int_equal(batch->base_sequence, -1);
        assert_int_equal(answer(&queue, &policy, batch, cases[i].error, cases[i].answered_ms),
                         cases[i].verdict);
        partition_queue_done(&queue);
    }
}

/* --- all rules together ------------------------------------------------------------------ */

#define MODEL_RECORDS  300
#define MODEL_REMEMBER 5

/* One partition of a broker: Kafka's check of sequence numbers, and a log of record numbers. */
struct model {
    int64_t log[MODEL_RECORDS * 4];
    size_t log_size;
    int16_t epoch;
    int32_t sequences[MODEL_REMEMBER]; /* of the last batches, newest first; one record each */
    size_t remembered;
};

static enum error model_append(struct model *model, int16_t epoch, int32_t sequence,
                               int64_t number) {
    if (epoch < model->epoch && model->remembered > 0)
        return ERR_INVALID_PRODUCER_EPOCH;
    if (epoch == model->epoch)
        for (size_t i = 0; i < model->remembered; i++)
            if (model->sequences[i] == sequence)
                return ERR_NONE;
    if (epoch > model->epoch ? sequence != 0
                             : model->remembered > 0 && sequence != model->sequences[0] + 1)
        return ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
    if (epoch > model->epoch)
        model->remembered = 0;
    model->epoch = epoch;
    memmove(&model->sequences[1], &model->sequences[0],
            sizeof(model->sequences) - sizeof(model->sequences[0]));
    model->sequences[0] = sequence;
    model->remembered += model->remembered < MODEL_REMEMBER;
    assert_true(model->log_size < ARRAY_COUNT(model->log));
    model->log[model->log_size++] = number;
    return ERR_NONE;
}

struct model_request {
    struct batch *batch;
    int16_t epoch;
    int32_t sequence;
    int64_t number;
};

static int64_t number_of(struct batch *batch) {
    return (int64_t)(uintptr_t)batch->reports[0].context;
}

struct model_run {
    uint64_t seed;
    struct rng rng;
    struct model model;
    struct partition_queue queue;
    struct send_policy policy;
    struct model_request wire[MODEL_REMEMBER];
    size_t wire_count;
    int64_t now_ms;
    int64_t appended;
    int8_t fate[MODEL_RECORDS]; /* 0 open, 1 delivered, 2 failed */
};

static bool chance(struct model_run *run, uint64_t percent) {
    return rng_below(&run->rng, 100) < percent;
}

static void model_settle(struct model_run *run, struct batch *batch, enum error error) {
    enum verdict verdict =
        partition_queue_answer(&run->queue, &run->policy, batch, error, 1, -1, run->now_ms,
                               run->now_ms + (int64_t)rng_below(&run->rng, 50));

    if (verdict == VERDICT_AGAIN)
        return;
    run->fate[number_of(batch)] = verdict == VERDICT_DELIVERED ? 1 : 2;
    batch_free(batch);
}

static void model_add(struct model_run *run) {
    struct report report = {NULL, (void *)(uintptr_t)run->appended, 0};
    char value[200] = {0};
    bool wake;

    assert_int_equal(partition_queue_append(&run->queue, &run->policy, run->now_ms, 0, BYTES_NULL,
                                            bytes_of(value, sizeof(value)), NULL, 0, 240, report,
                                            &wake),
                     ERR_NONE);
    run->appended++;
}

static void model_send(struct model_run *run) {
    struct batch *batch = due(&run->queue, &run->policy, run->now_ms);

    if (batch == NULL || run->wire_count == MODEL_REMEMBER)
        return;
    partition_queue_send(&run->queue, &run->policy, batch, PRODUCER_ID, 0);
    run->wire[run->wire_count++] = (struct model_request){batch, batch->producer_epoch,
                                                          batch->base_sequence, number_of(batch)};
}

/* The oldest request is carried out or refused, and answered. */
static void model_answer(struct model_run *run) {
    struct model_request request = run->wire[0];
    enum error error;

    if (run->wire_count == 0)
        return;
    memmove(&run->wire[0], &run->wire[1], --run->wire_count * sizeof(run->wire[0]));
    if (chance(run, 10))
        error = ERR_NOT_LEADER_OR_FOLLOWER;
    else if (chance(run, 3))
        error = ERR_MESSAGE_TOO_LARGE;
    else
        error = model_append(&run->model, request.epoch, request.sequence, request.number);
    if (error == ERR_NONE && chance(run, 5))
        error = ERR_REQUEST_TIMED_OUT; /* stored, but not replicated in time */
    model_settle(run, request.batch, error);
}

/* The connection breaks: a first part of what is under way was carried out, unanswered. */
static void model_break(struct model_run *run) {
    size_t carried_out = rng_below(&run->rng, run->wire_count + 1);

    for (size_t i = 0; i < run->wire_count; i++) {
        struct model_request *request = &run->wire[i];

        if (i < carried_out)
            (void)model_append(&run->model, request->epoch, request->sequence, request->number);
        model_settle(run, request->batch, ERR_CONNECTION_LOST);
    }
    run->wire_count = 0;
}

static void model_expire(struct model_run *run) {
    int64_t at_ms = INT64_MAX;
    struct batch *batch;

    while ((batch = partition_queue_expire(&run->queue, &run->policy, run->now_ms, &at_ms)) !=
           NULL) {
        run->fate[number_of(batch)] = 2;
        batch_free(batch);
    }
}

static void model_step(struct model_run *run) {
    run->now_ms += (int64_t)rng_below(&run->rng, 20);
    model_expire(run);
    switch (rng_below(&run->rng, 8)) {
    case 0:
    case 1:
        if (run->appended < MODEL_RECORDS)
            model_add(run);
        break;
    case 2:
    case 3:
    case 4:
        model_send(run);
        break;
    case 5:
    case 6:
        model_answer(run);
        break;
    default:
        if (chance(run, 20))
            model_break(run);
        break;
    }
}

/* Delivered: in the log once. Failed: at most once. And what is there is in order. */
static void model_check(const struct model_run *run) {
    int8_t stored[MODEL_RECORDS] = {0};
    int64_t previous = -1;

    for (size_t i = 0; i < run->model.log_size; i++) {
        int64_t number = run->model.log[i];

        if (number <= previous)
            fail_msg("seed %" PRIu64 ": record %" PRId64 " is stored behind %" PRId64, run->seed,
                     number, previous);
        previous = number;
        stored[number]++;
    }
    for (size_t i = 0; i < MODEL_RECORDS; i++) {
        if (run->fate[i] == 0 || (run->fate[i] == 1 && stored[i] != 1))
            fail_msg("seed %" PRIu64 ": record %zu, fate %d, is stored %d times", run->seed, i,
                     run->fate[i], stored[i]);
    }
}

static size_t model_run_once(uint64_t seed) {
    struct model_run *run = calloc(1, sizeof(*run));
    size_t delivered = 0;

    assert_non_null(run);
    run->seed = seed;
    rng_seed(&run->rng, seed);
    run->policy = policy_made();
    run->policy.delivery_timeout_ms = 300 + (int64_t)rng_below(&run->rng, 2000);
    partition_queue_init(&run->queue, "t", 0);
    for (int i = 0;
         i < 200000 && (run->appended < MODEL_RECORDS || !partition_queue_is_empty(&run->queue));
         i++)
        model_step(run);
    assert_true(partition_queue_is_empty(&run->queue));
    model_check(run);
    for (size_t i = 0; i < MODEL_RECORDS; i++)
        delivered += run->fate[i] == 1;
    free(run);
    return delivered;
}

static void whatever_is_lost_nothing_is_stored_twice_or_out_of_order(void **state) {
    size_t delivered = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= 1000; seed++)
        delivered += model_run_once(seed);
    /* Most records make it, or the run shows nothing. */
    assert_true(delivered > 1000 * MODEL_RECORDS / 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_share_a_batch_until_it_is_full_or_old),
        cmocka_unit_test(five_batches_at_most_are_unanswered),
        cmocka_unit_test(the_first_batch_of_an_epoch_goes_alone),
        cmocka_unit_test(a_retry_waits_for_what_was_sent_behind_it),
        cmocka_unit_test(a_duplicate_is_a_success),
        cmocka_unit_test(after_a_failure_a_new_epoch_begins_once_it_is_proven),
        cmocka_unit_test(an_expired_batch_that_was_stored_leaves_the_numbers_alone),
        cmocka_unit_test(lost_data_is_reported_and_the_rest_goes_on),
        cmocka_unit_test(a_forgotten_producer_starts_anew),
        cmocka_unit_test(retries_and_time_are_bounded),
        cmocka_unit_test(whatever_is_lost_nothing_is_stored_twice_or_out_of_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

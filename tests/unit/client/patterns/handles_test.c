/* Handles are opened, used and closed again and again, in all the states that they can be closed
 * in: no thread and no descriptor is left, and, as the sanitizers say, no memory and no race. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <barnabas/barnabas.h>

#include "tests/unit/client/cluster_double.h"

#define ROUNDS     12
#define TIMEOUT_MS 30000

static size_t entries_of(const char *path) {
    DIR *folder = opendir(path);
    size_t count = 0;

    assert_non_null(folder);
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

/* A lookup of a name may go on for a while when its handle is closed, and the double's side of a
 * connection closes a little later than ours. */
static void wait_for_at_most(const char *path, size_t count) {
    const struct timespec pause = {.tv_nsec = 5000000};

    for (int i = 0; i < TIMEOUT_MS / 5 && entries_of(path) > count; i++)
        nanosleep(&pause, NULL);
    assert_in_range(entries_of(path), 0, count);
}

static struct barnabas_config *config_for(const char *bootstrap) {
    struct barnabas_config *config = barnabas_config_new();

    assert_int_equal(barnabas_config_set(config, "bootstrap.servers", bootstrap, NULL),
                     BARNABAS_OK);
    barnabas_config_set(config, "reconnect.backoff.ms", "1", NULL);
    barnabas_config_set(config, "retry.backoff.ms", "1", NULL);
    barnabas_config_set(config, "max.block.ms", "1", NULL);
    barnabas_config_set(config, "request.timeout.ms", "200", NULL);
    return config;
}

static void count_report(void *context, const struct barnabas_delivery *delivery) {
    (void)delivery;
    atomic_fetch_add((atomic_int *)context, 1);
}

static int send_some(struct barnabas_producer *producer, atomic_int *reports) {
    struct barnabas_record record = {
        .topic = "t",
        .partition = BARNABAS_PARTITION_ANY,
        .value = "value",
        .value_size = 5,
        .timestamp = BARNABAS_TIMESTAMP_NOW,
    };
    int accepted = 0;

    for (int i = 0; i < 100; i++)
        accepted += barnabas_producer_send(producer, &record, count_report, reports) == BARNABAS_OK;
    return accepted;
}

/* Every record that was accepted has its report when close returns, whatever became of it. */
static void use_producer(struct barnabas_config *config, int round) {
    struct barnabas_producer *producer;
    atomic_int reports = 0;
    int accepted = 0;

    barnabas_config_set(config, "delivery.reports", round % 2 == 0 ? "thread" : "poll", NULL);
    assert_int_equal(barnabas_producer_open(config, &producer, NULL), BARNABAS_OK);
    if (round % 3 > 0)
        accepted = send_some(producer, &reports);
    barnabas_producer_close(producer, round % 3 == 2 ? 100 : 0);
    assert_int_equal(atomic_load(&reports), accepted);
}

static void use_consumer(struct barnabas_config *config, int round) {
    struct barnabas_position beginning = {BARNABAS_FROM_BEGINNING, 0};
    const char *topic = "t";
    struct barnabas_consumer *consumer;
    struct barnabas_polled polled;

    assert_int_equal(barnabas_consumer_open(config, &consumer, NULL), BARNABAS_OK);
    if (round % 3 == 1)
        assert_int_equal(barnabas_consumer_assign(consumer, topic, 0, beginning), BARNABAS_OK);
    if (round % 3 == 2)
        assert_int_equal(barnabas_consumer_subscribe(consumer, &topic, 1, NULL, NULL), BARNABAS_OK);
    if (round % 2 == 1)
        assert_int_equal(barnabas_consumer_poll(consumer, 20, &polled), BARNABAS_OK);
    barnabas_consumer_close(consumer);
}

static void use_admin(struct barnabas_config *config, int round) {
    struct barnabas_cluster *cluster = NULL;
    struct barnabas_admin *admin;

    assert_int_equal(barnabas_admin_open(config, &admin, NULL), BARNABAS_OK);
    if (round % 2 == 1 && barnabas_admin_describe_cluster(admin, 50, &cluster) == BARNABAS_OK)
        barnabas_cluster_free(cluster);
    barnabas_admin_close(admin);
}

static int work(void *context, const struct barnabas_message *message) {
    (void)context;
    (void)message;
    return BARNABAS_OK;
}

static enum barnabas_handled handle(void *context, const struct barnabas_message *message,
                                    const struct barnabas_attempt *attempt) {
    (void)context;
    (void)message;
    (void)attempt;
    return BARNABAS_HANDLED;
}

static void use_patterns(struct barnabas_config *config, int round) {
    const struct barnabas_parallel_options workers = {.worker_count = 3};
    const struct barnabas_retry_options retries = {"t", 2, {10, 100}};
    const struct barnabas_token_bucket_options tokens = {"t", 10, 0};
    const char *topic = "t";
    struct barnabas_parallel *parallel;
    struct barnabas_token_bucket *bucket;
    struct barnabas_retry *retry;

    assert_int_equal(
        barnabas_parallel_open(config, &topic, 1, &workers, work, NULL, &parallel, NULL),
        BARNABAS_OK);
    assert_int_equal(barnabas_retry_open(config, &retries, handle, NULL, &retry, NULL),
                     BARNABAS_OK);
    assert_int_equal(barnabas_token_bucket_open(config, &tokens, &bucket, NULL), BARNABAS_OK);
    if (round % 2 == 1) {
        assert_int_equal(barnabas_parallel_run(parallel, 10), BARNABAS_OK);
        assert_int_equal(barnabas_retry_run(retry, 10), BARNABAS_OK);
        assert_int_equal(barnabas_token_bucket_take(bucket, 1, 10), BARNABAS_REQUEST_TIMED_OUT);
    }
    barnabas_parallel_close(parallel);
    barnabas_retry_close(retry);
    barnabas_token_bucket_close(bucket);
}

/* Handles without a thread, filled with something. */
static void use_stores(void) {
    const struct barnabas_deduplicator_options options = {.ids_max = 2};
    const struct barnabas_message message = {
        .topic = "t", .key = "key", .key_size = 3, .value = "v", .value_size = 1};
    struct barnabas_deduplicator *deduplicator;
    struct barnabas_stamp_checker *checker;
    struct barnabas_stamper *stamper;
    bool is_new;

    assert_int_equal(barnabas_deduplicator_new(&options, &deduplicator), BARNABAS_OK);
    for (int i = 0; i < 5; i++)
        assert_int_equal(barnabas_deduplicator_take_id(deduplicator, &i, sizeof(i), &is_new),
                         BARNABAS_OK);
    assert_int_equal(barnabas_deduplicator_take(deduplicator, &message, &is_new), BARNABAS_OK);
    barnabas_deduplicator_free(deduplicator);
    assert_int_equal(barnabas_stamper_new("s", &stamper), BARNABAS_OK);
    barnabas_stamper_free(stamper);
    assert_int_equal(barnabas_stamp_checker_new(true, &checker), BARNABAS_OK);
    assert_int_equal(barnabas_stamp_checker_take(checker, &message, NULL), BARNABAS_OK);
    barnabas_stamp_checker_free(checker);
}

/* The double knows no groups. */
static void use_all(const char *bootstrap, bool grouped) {
    for (int round = 0; round < ROUNDS; round++) {
        struct barnabas_config *config = config_for(bootstrap);

        if (grouped)
            barnabas_config_set(config, "group.id", "g", NULL);
        use_producer(config, round);
        use_consumer(config, grouped || round % 3 < 2 ? round : 1);
        use_admin(config, round);
        use_stores();
        if (grouped)
            use_patterns(config, round);
        barnabas_config_free(config);
    }
}

/* What admins ask stays without an answer: they give up, and are closed with a request under way.
 */
static bool serve_nothing(struct double_call *call, int16_t api_key) {
    (void)call;
    (void)api_key;
    return false;
}

static void nothing_is_left_of_handles(void **state) {
    struct cluster_double *cluster = cluster_double_start();
    struct barnabas_config *config = config_for(cluster->bootstrap);
    size_t descriptors;
    size_t threads;

    (void)state;
    cluster->serve_more = serve_nothing;
    use_producer(config, 1); /* what the process opens once and for all */
    barnabas_config_free(config);
    descriptors = entries_of("/proc/self/fd");
    threads = entries_of("/proc/self/task");
    use_all("127.0.0.1:1", true);               /* nobody listens */
    use_all("no-such-host.invalid:9092", true); /* has no address */
    use_all(cluster->bootstrap, false);
    wait_for_at_most("/proc/self/task", threads);
    wait_for_at_most("/proc/self/fd", descriptors);
    cluster_double_stop(cluster);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_left_of_handles),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

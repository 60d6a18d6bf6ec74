/* The public admin calls against a cluster that fails by script. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <barnabas/admin.h>
#include <barnabas/log_offsets.h>

#include "client/wire/message/create_topics.h"
#include "client/wire/message/delete_records.h"
#include "client/wire/message/describe_cluster.h"
#include "tests/unit/client/cluster_double.h"

#define TIMEOUT_MS 30000

/* --- what the double does not serve by itself ---------------------------------------------- */

static void serve_create_topics(struct double_call *call) {
    const struct create_topics_request *request = call->request;
    struct create_topics_response response;

    create_topics_response_init(&response);
    response.topics =
        arena_alloc(call->arena, (size_t)request->topics_count + 1, sizeof(*response.topics));
    response.topics_count = request->topics_count;
    for (int32_t i = 0; i < request->topics_count; i++) {
        create_topics_response_topics_init(&response.topics[i]);
        response.topics[i].name = request->topics[i].name;
        response.topics[i].error_code =
            call->broker->id != call->cluster->controller_id ? ERR_NOT_CONTROLLER
            : bytes_equal_text(request->topics[i].name, "t") ? ERR_TOPIC_ALREADY_EXISTS
                                                             : ERR_NONE;
    }
    create_topics_response_encode(call->writer, call->version, &response);
}

static void serve_describe_cluster(struct double_call *call) {
    struct describe_cluster_response response;

    describe_cluster_response_init(&response);
    response.cluster_id = bytes_of_text("double");
    response.controller_id = call->cluster->controller_id;
    response.brokers = arena_alloc(call->arena, DOUBLE_BROKERS, sizeof(*response.brokers));
    response.brokers_count = DOUBLE_BROKERS;
    for (int32_t i = 0; i < DOUBLE_BROKERS; i++) {
        /* Not in order, as brokers are free to do. */
        const struct broker_double *broker = &call->cluster->brokers[DOUBLE_BROKERS - 1 - i];

        describe_cluster_response_brokers_init(&response.brokers[i]);
        response.brokers[i].broker_id = broker->id;
        response.brokers[i].host = bytes_of_text("127.0.0.1");
        response.brokers[i].port = broker->port;
    }
    describe_cluster_response_encode(call->writer, call->version, &response);
}

static void serve_delete_records(struct double_call *call) {
    const struct delete_records_request *request = call->request;
    struct delete_records_response response;

    delete_records_response_init(&response);
    response.topics =
        arena_alloc(call->arena, (size_t)request->topics_count + 1, sizeof(*response.topics));
    response.topics_count = request->topics_count;
    for (int32_t i = 0; i < request->topics_count; i++) {
        const struct delete_records_request_topics *from = &request->topics[i];
        struct delete_records_response_topics *to = &response.topics[i];

        delete_records_response_topics_init(to);
        to->name = from->name;
        to->partitions =
            arena_alloc(call->arena, (size_t)from->partitions_count + 1, sizeof(*to->partitions));
        to->partitions_count = from->partitions_count;
        for (int32_t j = 0; j < from->partitions_count; j++) {
            struct double_partition *partition = NULL;
            int64_t offset = from->partitions[j].offset;

            delete_records_response_topics_partitions_init(&to->partitions[j]);
            to->partitions[j].partition_index = from->partitions[j].partition_index;
            to->partitions[j].low_watermark = -1;
            to->partitions[j].error_code = (int16_t)partition_of_double(
                call, from->name, from->partitions[j].partition_index, &partition);
            if (to->partitions[j].error_code == ERR_NONE && offset > partition->end_offset)
                to->partitions[j].error_code = ERR_OFFSET_OUT_OF_RANGE;
            if (to->partitions[j].error_code != ERR_NONE)
                continue;
            if (offset < 0)
                offset = partition->end_offset;
            if (partition->log_start_offset < offset)
                partition->log_start_offset = offset;
            to->partitions[j].low_watermark = partition->log_start_offset;
        }
    }
    delete_records_response_encode(call->writer, call->version, &response);
}

static bool serve_admin(struct double_call *call, int16_t api_key) {
    if (api_key == API_CREATE_TOPICS)
        serve_create_topics(call);
    else if (api_key == API_DESCRIBE_CLUSTER)
        serve_describe_cluster(call);
    else if (api_key == API_DELETE_RECORDS)
        serve_delete_records(call);
    else
        CHECK(false);
    return true;
}

static struct cluster_double *admin_double_start(void) {
    struct cluster_double *cluster = cluster_double_start();

    cluster->serve_more = serve_admin;
    return cluster;
}

/* ------------------------------------------------------------------------------------------- */

static struct barnabas_admin *admin_of(const char *bootstrap) {
    struct barnabas_config *config = barnabas_config_new();
    struct barnabas_admin *admin;

    barnabas_config_set(config, "bootstrap.servers", bootstrap, NULL);
    barnabas_config_set(config, "retry.backoff.ms", "5", NULL);
    barnabas_config_set(config, "reconnect.backoff.ms", "5", NULL);
    assert_int_equal(barnabas_admin_open(config, &admin, NULL), BARNABAS_OK);
    barnabas_config_free(config);
    return admin;
}

static struct barnabas_outcomes *create(struct barnabas_admin *admin, const char *name,
                                        int expected) {
    struct barnabas_new_topic topic = {.name = name, .partition_count = 1, .replication_factor = 1};
    struct barnabas_outcomes *outcomes = NULL;

    assert_int_equal(barnabas_admin_create_topics(admin, &topic, 1, false, TIMEOUT_MS, &outcomes),
                     expected);
    return outcomes;
}

static void each_topic_has_its_outcome(void **state) {
    struct cluster_double *cluster = admin_double_start();
    struct barnabas_admin *admin = admin_of(cluster->bootstrap);
    struct barnabas_new_topic topics[2] = {{.name = "t"}, {.name = "new"}};
    struct barnabas_outcomes *outcomes;

    (void)state;
    assert_int_equal(barnabas_admin_create_topics(admin, topics, 2, false, TIMEOUT_MS, &outcomes),
                     BARNABAS_OK);
    assert_int_equal(outcomes->count, 2);
    assert_string_equal(outcomes->items[0].topic, "t");
    assert_int_equal(outcomes->items[0].error, BARNABAS_TOPIC_ALREADY_EXISTS);
    assert_string_equal(outcomes->items[0].message, "Topic with this name already exists.");
    assert_int_equal(outcomes->items[1].error, BARNABAS_OK);
    barnabas_outcomes_free(outcomes);
    barnabas_admin_close(admin);
    cluster_double_stop(cluster);
}

static void the_controller_is_followed(void **state) {
    struct cluster_double *cluster = admin_double_start();
    struct barnabas_admin *admin = admin_of(cluster->bootstrap);

    (void)state;
    barnabas_outcomes_free(create(admin, "a", BARNABAS_OK));
    mutex_lock(&cluster->lock);
    cluster->controller_id = 2;
    mutex_unlock(&cluster->lock);
    barnabas_outcomes_free(create(admin, "b", BARNABAS_OK));
    barnabas_admin_close(admin);
    cluster_double_stop(cluster);
}

static void a_call_outlives_lost_connections(void **state) {
    static const struct fault faults[] = {
        {API_CREATE_TOPICS, FAULT_DROP_BEFORE, ERR_NONE},
        {API_CREATE_TOPICS, FAULT_DROP_AFTER, ERR_NONE},
        {API_METADATA, FAULT_DROP_BEFORE, ERR_NONE},
        {API_API_VERSIONS, FAULT_DROP_BEFORE, ERR_NONE},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(faults); i++) {
        struct cluster_double *cluster = admin_double_start();
        struct barnabas_admin *admin = admin_of(cluster->bootstrap);

        double_add_fault(cluster, faults[i].api_key, faults[i].kind, faults[i].error);
        barnabas_outcomes_free(create(admin, "a", BARNABAS_OK));
        barnabas_admin_close(admin);
        cluster_double_stop(cluster);
    }
}

static void a_silent_broker_leaves_the_outcome_open(void **state) {
    struct barnabas_new_topic topic = {.name = "a"};
    struct cluster_double *cluster = admin_double_start();
    struct barnabas_admin *admin = admin_of(cluster->bootstrap);
    struct barnabas_outcomes *outcomes = NULL;

    (void)state;
    barnabas_outcomes_free(create(admin, "warm", BARNABAS_OK));
    double_add_fault(cluster, API_CREATE_TOPICS, FAULT_STALL, ERR_NONE);
    assert_int_equal(barnabas_admin_create_topics(admin, &topic, 1, false, 200, &outcomes),
                     BARNABAS_CONNECTION_LOST);
    assert_null(outcomes);
    barnabas_admin_close(admin);
    cluster_double_stop(cluster);
}

static void nobody_at_home_is_said_in_time(void **state) {
    struct cluster_double *cluster = admin_double_start();
    struct barnabas_cluster *described = NULL;
    struct barnabas_admin *admin;
    char bootstrap[sizeof(cluster->bootstrap)];

    (void)state;
    memcpy(bootstrap, cluster->bootstrap, sizeof(bootstrap));
    cluster_double_stop(cluster);
    admin = admin_of(bootstrap);
    assert_int_equal(barnabas_admin_describe_cluster(admin, 100, &described),
                     BARNABAS_CONNECTION_FAILED);
    barnabas_admin_close(admin);
}

static void the_living_of_several_bootstrap_servers_is_found(void **state) {
    struct cluster_double *gone = admin_double_start();
    struct cluster_double *cluster = admin_double_start();
    struct barnabas_cluster *described;
    struct barnabas_admin *admin;
    char bootstrap[300];

    (void)state;
    snprintf(bootstrap, sizeof(bootstrap), "%s,%s", gone->bootstrap, cluster->bootstrap);
    cluster_double_stop(gone);
    for (int i = 0; i < 4; i++) {
        admin = admin_of(bootstrap);
        assert_int_equal(barnabas_admin_describe_cluster(admin, TIMEOUT_MS, &described),
                         BARNABAS_OK);
        barnabas_cluster_free(described);
        barnabas_admin_close(admin);
    }
    cluster_double_stop(cluster);
}

static void the_cluster_is_described_with_brokers_in_order(void **state) {
    struct cluster_double *cluster = admin_double_start();
    struct barnabas_admin *admin = admin_of(cluster->bootstrap);
    struct barnabas_cluster *described;

    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(barnabas_admin_describe_cluster(admin, TIMEOUT_MS, &described),
                         BARNABAS_OK);
        assert_string_equal(described->id, i == 0 ? "double" : "");
        assert_int_equal(described->controller_id, 1);
        assert_int_equal(described->broker_count, 2);
        assert_int_equal(described->brokers[0].id, 1);
        assert_int_equal(described->brokers[1].id, 2);
        assert_int_equal(described->brokers[1].port, cluster->brokers[1].port);
        assert_string_equal(described->brokers[0].rack, "");
        barnabas_cluster_free(described);
        /* The second time by brokers that do not speak DescribeCluster. */
        mutex_lock(&cluster->lock);
        cluster->hidden_api = API_DESCRIBE_CLUSTER;
        mutex_unlock(&cluster->lock);
        barnabas_admin_close(admin);
        admin = admin_of(cluster->bootstrap);
    }
    barnabas_admin_close(admin);
    cluster_double_stop(cluster);
}

static void topics_are_described_by_name_or_all(void **state) {
    static const char *const names[] = {"t", "a"};
    struct cluster_double *cluster = admin_double_start();
    struct barnabas_admin *admin = admin_of(cluster->bootstrap);
    struct barnabas_topics *topics;

    (void)state;
    assert_int_equal(barnabas_admin_describe_topics(admin, NULL, 0, TIMEOUT_MS, &topics),
                     BARNABAS_OK);
    assert_int_equal(topics->count, 1);
    assert_string_equal(topics->items[0].name, "t");
    assert_int_equal(topics->items[0].partition_count, DOUBLE_PARTITIONS);
    assert_int_equal(topics->items[0].partitions[1].leader, 2);
    barnabas_topics_free(topics);
    assert_int_equal(barnabas_admin_describe_topics(admin, names, 2, TIMEOUT_MS, &topics),
                     BARNABAS_OK);
    assert_int_equal(topics->count, 2);
    assert_string_equal(topics->items[0].name, "a");
    assert_int_equal(topics->items[0].error, BARNABAS_UNKNOWN_TOPIC_OR_PARTITION);
    assert_int_equal(topics->items[0].partition_count, 0);
    assert_string_equal(topics->items[1].name, "t");
    barnabas_topics_free(topics);
    barnabas_admin_close(admin);
    cluster_double_stop(cluster);
}

static void set_ends(struct cluster_double *cluster, int64_t end_offset) {
    mutex_lock(&cluster->lock);
    for (int32_t i = 0; i < DOUBLE_PARTITIONS; i++)
        cluster->partitions[i].end_offset = end_offset;
    mutex_unlock(&cluster->lock);
}

static void records_are_deleted_by_the_leaders_of_their_partitions(void **state) {
    const struct barnabas_records_before records[] = {
        {"t", 1, 7}, {"t", 2, BARNABAS_OFFSET_SPEC_LATEST}, {"t", 0, 11}, {"a", 0, 1}, {"t", 9, 1}};
    const struct barnabas_offset_spec begins[] = {{"t", 1, BARNABAS_OFFSET_SPEC_EARLIEST},
                                                  {"t", 2, BARNABAS_OFFSET_SPEC_EARLIEST}};
    struct cluster_double *cluster = admin_double_start();
    struct barnabas_admin *admin = admin_of(cluster->bootstrap);
    struct barnabas_offsets *made;

    (void)state;
    set_ends(cluster, 10);
    assert_int_equal(
        barnabas_admin_delete_records(admin, records, ARRAY_COUNT(records), TIMEOUT_MS, &made),
        BARNABAS_OK);
    assert_int_equal(made->count, ARRAY_COUNT(records));
    assert_int_equal(made->items[0].error, BARNABAS_OK);
    assert_int_equal(made->items[0].offset, 7);
    assert_int_equal(made->items[1].offset, 10);
    assert_int_equal(made->items[2].error, BARNABAS_OFFSET_OUT_OF_RANGE);
    assert_int_equal(made->items[3].error, BARNABAS_UNKNOWN_TOPIC_OR_PARTITION);
    assert_int_equal(made->items[4].error, BARNABAS_UNKNOWN_TOPIC_OR_PARTITION);
    barnabas_offsets_free(made);
    assert_int_equal(barnabas_admin_list_offsets(admin, begins, 2, TIMEOUT_MS, &made), BARNABAS_OK);
    assert_int_equal(made->items[0].offset, 7);
    assert_int_equal(made->items[1].offset, 10);
    barnabas_offsets_free(made);
    barnabas_admin_close(admin);
    cluster_double_stop(cluster);
}

/* A leader that is silent, and is not the leader any more once it has been waited for. */
static void *move_leader_soon(void *context) {
    struct cluster_double *cluster = context;

    while (double_served(cluster, API_DELETE_RECORDS) == 0)
        usleep(1000);
    double_move_leader(cluster, 1, 1);
    return NULL;
}

static void a_deletion_follows_the_leader(void **state) {
    static const struct fault faults[] = {
        {API_DELETE_RECORDS, FAULT_DROP_BEFORE, ERR_NONE},
        {API_DELETE_RECORDS, FAULT_DROP_AFTER, ERR_NONE},
        {API_DELETE_RECORDS, FAULT_STALL, ERR_NONE},
    };
    const struct barnabas_records_before before = {"t", 1, 7};

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(faults); i++) {
        struct cluster_double *cluster = admin_double_start();
        struct barnabas_admin *admin = admin_of(cluster->bootstrap);
        struct barnabas_offsets *made;
        pthread_t mover;

        set_ends(cluster, 10);
        double_add_fault(cluster, faults[i].api_key, faults[i].kind, faults[i].error);
        assert_int_equal(pthread_create(&mover, NULL, move_leader_soon, cluster), 0);
        assert_int_equal(barnabas_admin_delete_records(admin, &before, 1, TIMEOUT_MS, &made),
                         BARNABAS_OK);
        assert_int_equal(made->items[0].error, BARNABAS_OK);
        assert_int_equal(made->items[0].offset, 7);
        barnabas_offsets_free(made);
        assert_int_equal(pthread_join(mover, NULL), 0);
        barnabas_admin_close(admin);
        cluster_double_stop(cluster);
    }
}

#define CALLERS 8

static void *describe_often(void *context) {
    for (int i = 0; i < 20; i++) {
        struct barnabas_cluster *described;

        assert_int_equal(barnabas_admin_describe_cluster(context, TIMEOUT_MS, &described),
                         BARNABAS_OK);
        barnabas_cluster_free(described);
    }
    return NULL;
}

static void many_threads_may_call(void **state) {
    struct cluster_double *cluster = admin_double_start();
    struct barnabas_admin *admin = admin_of(cluster->bootstrap);
    pthread_t threads[CALLERS];

    (void)state;
    for (int i = 0; i < CALLERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, describe_often, admin), 0);
    for (int i = 0; i < CALLERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    barnabas_admin_close(admin);
    cluster_double_stop(cluster);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_topic_has_its_outcome),
        cmocka_unit_test(the_controller_is_followed),
        cmocka_unit_test(a_call_outlives_lost_connections),
        cmocka_unit_test(a_silent_broker_leaves_the_outcome_open),
        cmocka_unit_test(nobody_at_home_is_said_in_time),
        cmocka_unit_test(the_living_of_several_bootstrap_servers_is_found),
        cmocka_unit_test(the_cluster_is_described_with_brokers_in_order),
        cmocka_unit_test(topics_are_described_by_name_or_all),
        cmocka_unit_test(records_are_deleted_by_the_leaders_of_their_partitions),
        cmocka_unit_test(a_deletion_follows_the_leader),
        cmocka_unit_test(many_threads_may_call),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

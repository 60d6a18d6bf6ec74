/* Which replicas are made, and which are missed, while a data directory is offline. */
#include "tests/unit/broker/log/log_fixture.h"

#include "broker/replica/replica_manager.h"

#define SELF       1
#define OTHER      2
#define REGISTERED 50 /* the transaction */

struct bench {
    char root[64];
    struct log_manager_owner owner;
    struct log_manager *logs;
    struct replica_manager *replicas;
    uint32_t missed; /* a bit for each partition */
};

static void config_of_topic(struct log_manager_owner *owner, struct bytes topic,
                            struct log_config *config) {
    (void)owner;
    (void)topic;
    *config = log_config_default;
}

static void on_directory_failed(struct log_manager_owner *owner, const char *path,
                                int live_directories) {
    (void)owner;
    (void)path;
    (void)live_directories;
}

static void follow(void *context, struct partition *partition, int32_t leader_id,
                   int32_t leader_epoch) {
    (void)context;
    (void)partition;
    (void)leader_id;
    (void)leader_epoch;
}

static void on_partition(void *context, struct partition *partition) {
    (void)context;
    (void)partition;
}

static bool is_alive(void *context, int32_t broker_id) {
    (void)context;
    (void)broker_id;
    return true;
}

static void topic_settings(void *context, const struct metadata_topic *topic,
                           struct log_config *log_config, int32_t *min_isr) {
    (void)context;
    (void)topic;
    *log_config = log_config_default;
    *min_isr = 1;
}

/* A file where the second directory should be makes that one fail. */
static void open_logs(struct bench *bench, bool second_fails) {
    char first[128], second[128];
    const char *dirs[] = {first, second};
    const struct log_manager_options options = {
        .dirs = dirs,
        .dir_count = 2,
        .background_threads = 1,
        .recovery_point_checkpoint_ms = 60000,
        .start_offset_checkpoint_ms = 60000,
        .high_watermark_checkpoint_ms = 60000,
        .owner = &bench->owner,
    };

    snprintf(first, sizeof(first), "%s/first", bench->root);
    snprintf(second, sizeof(second), "%s/second", bench->root);
    if (second_fails)
        close(open(second, O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
    assert_int_equal(log_manager_open(&options, &bench->logs), ERR_NONE);
    assert_int_equal(log_manager_set_identity(bench->logs, SELF, "cluster"), ERR_NONE);
    assert_int_equal(log_manager_load(bench->logs), ERR_NONE);
    assert_int_equal(log_manager_failed_directories(bench->logs), second_fails ? 1 : 0);
}

static void bench_init(struct bench *bench, bool second_fails) {
    struct replica_manager_config config = {
        .broker_id = SELF,
        .replica_lag_ms_max = 30000,
        .clock = clock_system(),
        .source = {follow, on_partition, NULL},
        .is_broker_alive = is_alive,
        .propose_isr = on_partition,
        .topic_settings = topic_settings,
    };

    memset(bench, 0, sizeof(*bench));
    logger_set_level(LOG_LEVEL_ERROR);
    bench->owner = (struct log_manager_owner){config_of_topic, on_directory_failed};
    snprintf(bench->root, sizeof(bench->root), "%s/barnabas-replicas-XXXXXX", test_root());
    assert_non_null(mkdtemp(bench->root));
    open_logs(bench, second_fails);
    config.logs = bench->logs;
    assert_int_equal(replica_manager_new(&config, &bench->replicas), ERR_NONE);
    replica_manager_registered(bench->replicas, REGISTERED);
}

static void bench_done(struct bench *bench) {
    replica_manager_free(bench->replicas);
    log_manager_close(bench->logs, -1);
    remove_tree(bench->root);
}

struct state {
    int32_t leader_epoch;
    int64_t zxid;
    int32_t leader; /* and the isr */
    bool is_new;    /* so it may be made although a directory is offline */
};

static const struct state states[] = {
    {0, REGISTERED - 1, SELF, false}, {0, REGISTERED + 1, SELF, true},
    {0, REGISTERED - 1, OTHER, true}, {1, REGISTERED - 1, SELF, false},
    {1, REGISTERED + 1, SELF, false}, {1, REGISTERED + 1, OTHER, false},
};
#define STATES ((int32_t)ARRAY_COUNT(states))

static void note_missed(void *context, const struct metadata_topic *topic, int32_t partition) {
    (void)topic;
    ((struct bench *)context)->missed |= 1U << partition;
}

static void apply(struct bench *bench) {
    static const int32_t replicas[] = {SELF, OTHER};
    const struct uuid id = {{7}};
    struct metadata_builder *builder = metadata_builder_new(NULL);
    struct metadata_assignment assignments[ARRAY_COUNT(states)];
    const struct metadata *metadata;
    struct metadata_topic_change *changes;
    int32_t count;

    for (int32_t i = 0; i < STATES; i++)
        assignments[i] =
            (struct metadata_assignment){.index = i, .replicas = replicas, .replica_count = 2};
    assert_true(
        metadata_builder_set_topic(builder, bytes_of_text("topic"), &id, 1, assignments, STATES));
    for (int32_t i = 0; i < STATES; i++) {
        const struct metadata_state state = {
            .index = i,
            .leader = states[i].leader,
            .leader_epoch = states[i].leader_epoch,
            .zxid = states[i].zxid,
            .isr = &states[i].leader,
            .isr_count = 1,
        };
        assert_true(metadata_builder_set_state(builder, &id, &state));
    }
    metadata = metadata_builder_finish(builder, &changes, &count);
    replica_manager_apply(bench->replicas, changes, count, RETIRED_LOG_DELETE);
    replica_manager_for_each_offline(bench->replicas, metadata, note_missed, bench);
    free(changes);
    metadata_unref(metadata);
}

static bool is_hosted(struct bench *bench, int32_t index) {
    struct partition *partition =
        replica_manager_find(bench->replicas, bytes_of_text("topic"), index);
    bool is_there = partition != NULL;

    partition_unref(partition);
    return is_there;
}

/* An empty log in its place would be taken for the replica: nobody would know of what is missing.
 */
static void what_may_lie_in_an_offline_directory_is_not_made_anew(void **state) {
    struct bench bench;
    (void)state;

    bench_init(&bench, true);
    apply(&bench);
    for (int32_t i = 0; i < STATES; i++) {
        assert_int_equal(is_hosted(&bench, i), states[i].is_new);
        assert_int_equal((bench.missed >> i & 1) == 0, states[i].is_new);
    }
    bench_done(&bench);
}

static void with_all_directories_what_is_not_there_is_made(void **state) {
    struct bench bench;
    (void)state;

    bench_init(&bench, false);
    apply(&bench);
    for (int32_t i = 0; i < STATES; i++)
        assert_true(is_hosted(&bench, i));
    assert_int_equal(bench.missed, 0);
    bench_done(&bench);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_may_lie_in_an_offline_directory_is_not_made_anew),
        cmocka_unit_test(with_all_directories_what_is_not_there_is_made),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

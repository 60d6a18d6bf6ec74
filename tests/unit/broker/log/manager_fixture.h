/*
 * A broker's data directories for tests of the log manager: where they are, a disk and a clock to
 * play with, starting, and compacting one log.
 */
#ifndef TESTS_UNIT_BROKER_LOG_MANAGER_FIXTURE_H
#define TESTS_UNIT_BROKER_LOG_MANAGER_FIXTURE_H

#include <stdatomic.h>

#include "tests/unit/broker/log/log_fixture.h"

#include "broker/log/log_compaction.h"
#include "broker/log/log_manager.h"
#include "client/base/logger.h"

#define DIRS 2

struct home {
    struct log_manager_owner owner; /* first */
    char root[64];
    char dirs[DIRS][128];
    const char *dir_list[DIRS];
    struct faulty_disk disk;
    struct clock_manual clock;
    struct log_config config;
    atomic_int failures; /* of whichever threads: two directories may fail at once */
    atomic_int live;     /* as told by the last failure */
};

static inline void home_config(struct log_manager_owner *owner, struct bytes topic,
                               struct log_config *config) {
    (void)topic;
    *config = ((struct home *)owner)->config;
}

static inline void home_failed(struct log_manager_owner *owner, const char *path,
                               int live_directories) {
    struct home *home = (struct home *)owner;

    assert_non_null(path);
    home->failures++;
    home->live = live_directories;
}

static inline void home_init(struct home *home) {
    memset(home, 0, sizeof(*home));
    logger_set_level(LOG_LEVEL_ERROR);
    home->owner.config_of_topic = home_config;
    home->owner.on_directory_failed = home_failed;
    home->config = log_config_default;
    snprintf(home->root, sizeof(home->root), "%s/barnabas-manager-XXXXXX", test_root());
    assert_non_null(mkdtemp(home->root));
    for (int i = 0; i < DIRS; i++) {
        snprintf(home->dirs[i], sizeof(home->dirs[i]), "%s/data/%d", home->root, i);
        home->dir_list[i] = home->dirs[i];
    }
    faulty_disk_init(&home->disk);
    clock_manual_init(&home->clock, FIXTURE_NOW_MS);
}

static inline struct log_manager_options options_of(struct home *home) {
    return (struct log_manager_options){
        .disk = &home->disk.disk,
        .clock = &home->clock.clock,
        .dirs = home->dir_list,
        .dir_count = DIRS,
        .recovery_threads_per_dir = 2,
        .background_threads = 2,
        .recovery_point_checkpoint_ms = 60000,
        .start_offset_checkpoint_ms = 60000,
        .high_watermark_checkpoint_ms = 5000,
        .open_files_max = 16,
        .owner = &home->owner,
    };
}

static inline struct log_manager *start(struct home *home) {
    struct log_manager_options options = options_of(home);
    struct log_manager *manager;

    assert_int_equal(log_manager_open(&options, &manager), ERR_NONE);
    assert_int_equal(log_manager_set_identity(manager, 3, "cluster"), ERR_NONE);
    assert_int_equal(log_manager_load(manager), ERR_NONE);
    return manager;
}

static const struct uuid topic_id = {{1, 2, 3, 4}};

static inline struct log *make_log(struct home *home, struct log_manager *manager,
                                   const char *topic, int32_t partition) {
    struct log *log;

    assert_int_equal(log_manager_find_or_create(manager, bytes_of_text(topic), partition, &topic_id,
                                                &home->config, true, &log),
                     ERR_NONE);
    return log;
}

static inline void append(struct home *home, struct log *log, int32_t records) {
    struct batch_spec spec = {.records = records, .value_bytes = 10, .timestamp = FIXTURE_NOW_MS};
    struct log_append_options options = {.origin = LOG_APPEND_CLIENT};
    struct log_append_result result;
    struct arena arena;
    size_t size;
    uint8_t *batch = make_batch(&spec, &size);

    arena_init(&arena, 65536);
    assert_int_equal(log_append_as_leader(log, batch, size, 0, clock_wall_ms(&home->clock.clock),
                                          &options, &arena, &result),
                     ERR_NONE);
    arena_done(&arena);
    free(batch);
}

static inline struct log *find(struct log_manager *manager, const char *topic, int32_t partition) {
    return log_manager_find(manager, bytes_of_text(topic), partition);
}

/* ---- compaction, with nobody else at the log ---- */

static inline void compact_no_lock(void *context) {
    (void)context;
}

static inline enum error compact_no_pace(void *context, size_t bytes) {
    (void)context;
    (void)bytes;
    return ERR_NONE;
}

static inline enum error compact_log(struct log *log, int64_t now_ms) {
    struct compaction_means means = {
        .map_bytes = 1 << 16, .load_factor = 0.9, .buffer_bytes = 4096, .pace = compact_no_pace};
    struct compaction_lock lock = {compact_no_lock, compact_no_lock, NULL};
    struct log_compaction *compaction = NULL;
    struct compaction_result result;
    struct compaction_choice choice;
    enum error error;

    if ((error = log_compaction_begin(log, now_ms, &compaction)) != ERR_NONE)
        return error;
    assert_non_null(compaction);
    if ((error = log_compaction_examine(compaction, &choice)) == ERR_NONE)
        error = log_compaction_run(compaction, &means, &lock, &result);
    log_compaction_end(compaction);
    return error;
}

#endif

/*
 * Each bit of each small file of a data directory, flipped: the broker refuses to start, with a
 * reason, or it starts and every record is there.
 *
 * Kafka's checkpoints have no checksum, so that some flips give another valid number. What that may
 * change at most: a high watermark, and, where no clean stop told of the log, a log start.
 */
#include <errno.h>
#include <ftw.h>

#include "tests/unit/broker/log/manager_fixture.h"

#include "broker/log/shutdown_summary.h"

#define LOGS      2
#define KEPT_MAX  128
#define OPEN_DIRS 8 /* by nftw */

enum last_stop { STOP_TOLD, STOP_UNTOLD, STOP_CRASH, STOPS };

static const int64_t records[LOGS] = {4, 6}; /* a flip may set a start behind the end */
static const int64_t starts[LOGS] = {2, 0};

static void make_logs(struct home *home) {
    struct log_manager *manager;

    home_init(home);
    logger_set_level(LOG_LEVEL_ERROR + 1);
    home->config.segment_bytes = 250;
    manager = start(home);
    for (int32_t i = 0; i < LOGS; i++) {
        struct log *log = make_log(home, manager, "t", i);
        while (log_end_offset(log) < records[i])
            append(home, log, 2);
        log_advance_start_offset(log, starts[i]);
        log_note_high_watermark(log, records[i]);
        log->compacted_offset = 2;
        assert_int_equal(log_dir_checkpoint_compacted(log->dir), ERR_NONE);
    }
    log_manager_close(manager, 42);
}

/* ---- All files of the directories as they were ---- */

struct kept_file {
    char path[256];
    bool is_dir;
    uint8_t *data;
    size_t size;
};

static struct kept_file kept[KEPT_MAX]; /* a directory comes before what is in it */
static size_t kept_count;

static int keep_one(const char *path, const struct stat *found, int type, struct FTW *place) {
    struct kept_file *file = &kept[kept_count++];

    (void)found;
    (void)place;
    assert_in_range(kept_count, 1, KEPT_MAX);
    *file = (struct kept_file){.is_dir = type == FTW_D};
    assert_in_range(snprintf(file->path, sizeof(file->path), "%s", path), 1,
                    sizeof(file->path) - 1);
    if (!file->is_dir)
        file->data = slurp(path, &file->size);
    return 0;
}

static void keep_all(struct home *home) {
    kept_count = 0;
    assert_int_equal(nftw(home->root, keep_one, OPEN_DIRS, FTW_PHYS), 0);
}

static void forget_all(void) {
    for (size_t i = 0; i < kept_count; i++)
        free(kept[i].data);
}

static struct kept_file *find_kept(const char *path) {
    for (size_t i = 0; i < kept_count; i++) {
        if (strcmp(kept[i].path, path) == 0)
            return &kept[i];
    }
    return NULL;
}

static int remove_new(const char *path, const struct stat *found, int type, struct FTW *place) {
    (void)found;
    (void)type;
    (void)place;
    return find_kept(path) == NULL ? remove(path) : 0;
}

static bool is_unchanged(const struct kept_file *file) {
    uint8_t *now;
    size_t size;
    bool is_same;

    if (access(file->path, F_OK) != 0)
        return false;
    now = slurp(file->path, &size);
    is_same = size == file->size && memcmp(now, file->data, size) == 0;
    free(now);
    return is_same;
}

/* What the stop told is believed only beside the mark of that stop, which each start takes away. */
static void tell_of_mark(const char *dir) {
    struct kept_file *told = find_kept(path_in(dir, SHUTDOWN_SUMMARY_FILE));
    struct shutdown_summary summary;
    struct disk_stat mark;
    struct arena arena;
    char *text;

    assert_non_null(told);
    arena_init(&arena, 1 << 20);
    assert_int_equal(disk_stat(disk_system(), path_in(dir, ".kafka_cleanshutdown"), &mark),
                     ERR_NONE);
    assert_true(mark.exists);
    assert_int_equal(shutdown_summary_parse(bytes_of(told->data, told->size), &arena, &summary),
                     ERR_NONE);
    summary.marker = (struct marker_identity){mark.inode, mark.changed_ns};
    assert_int_equal(shutdown_summary_encode(&summary, &text, &told->size), ERR_NONE);
    free(told->data);
    told->data = (uint8_t *)text;
    spit(told->path, told->data, told->size);
    arena_done(&arena);
}

/* Another start and stop would make everything anew as well, with all its threads. */
static void put_back_all(struct home *home) {
    assert_int_equal(nftw(home->root, remove_new, OPEN_DIRS, FTW_PHYS | FTW_DEPTH), 0);
    for (size_t i = 0; i < kept_count; i++) {
        struct kept_file *file = &kept[i];
        if (file->is_dir) {
            assert_true(mkdir(file->path, 0700) == 0 || errno == EEXIST);
        } else if (!is_unchanged(file)) {
            spit(file->path, file->data, file->size);
        }
    }
    for (int i = 0; i < DIRS; i++)
        tell_of_mark(home->dirs[i]);
}

/* ---- What a start finds ---- */

/* The number of records that are read, whole and right. */
static int64_t count_records(struct log *log, int64_t offset) {
    int64_t count = 0;

    while (offset < log_end_offset(log)) {
        struct record_batch batch;
        size_t size;
        uint8_t *data = read_bytes(log, offset, 1, &size);
        assert_int_equal(record_batch_decode(bytes_of(data, size), &batch), ERR_NONE);
        assert_true(record_batch_crc_is_valid(&batch));
        assert_true(batch.base_offset <= offset && record_batch_last_offset(&batch) >= offset);
        count += record_batch_last_offset(&batch) + 1 - offset;
        offset = record_batch_last_offset(&batch) + 1;
        free(data);
    }
    return count;
}

static void check_logs(struct log_manager *manager, enum last_stop stop, bool start_may_differ) {
    for (int32_t i = 0; i < LOGS; i++) {
        struct log *log = find(manager, "t", i);
        assert_non_null(log);
        assert_int_equal(log_open(log), ERR_NONE);
        assert_int_equal(log_end_offset(log), records[i]);
        if (stop == STOP_TOLD || !start_may_differ)
            assert_int_equal(log_start_offset(log), starts[i]);
        assert_in_range(log_high_watermark(log), log_start_offset(log), records[i]);
        assert_int_equal(count_records(log, log_start_offset(log)),
                         records[i] - log_start_offset(log));
        assert_int_equal(log_epoch_end(log, 0).end_offset, records[i]);
    }
}

static enum error try_start(struct home *home, struct log_manager **manager) {
    struct log_manager_options options = options_of(home);
    enum error error;

    /* Thousands of starts: no thread more than it takes. */
    options.recovery_threads_per_dir = 1;
    options.background_threads = 1;
    if ((error = log_manager_open(&options, manager)) != ERR_NONE)
        return error;
    if ((error = log_manager_set_identity(*manager, 3, "cluster")) == ERR_NONE)
        error = log_manager_load(*manager);
    if (error != ERR_NONE)
        log_manager_abandon(*manager);
    return error;
}

static void change_stop(struct home *home, enum last_stop stop) {
    for (int i = 0; i < DIRS; i++) {
        if (stop == STOP_UNTOLD)
            unlink(path_in(home->dirs[i], ".barnabas_logs"));
        if (stop == STOP_CRASH)
            unlink(path_in(home->dirs[i], ".kafka_cleanshutdown"));
    }
}

static bool is_of_stop(const char *path) {
    return strstr(path, SHUTDOWN_SUMMARY_FILE) != NULL ||
           strstr(path, ".kafka_cleanshutdown") != NULL;
}

/* One start with the damage; afterwards all is as before. */
static void try_damage(struct home *home, const char *path, const uint8_t *damaged, size_t size,
                       enum last_stop stop, bool may_refuse, bool start_may_differ) {
    struct log_manager *manager;
    enum error error;

    /* After a crash a log start behind the end means that everything before it was lost, as in
     * Kafka: nothing tells a wrong one from that. */
    if (start_may_differ && stop == STOP_CRASH)
        stop = STOP_UNTOLD;
    change_stop(home, stop);
    if (access(path, F_OK) == 0)
        spit(path, damaged, size);
    error = try_start(home, &manager);
    /* So that a stop that tells of them is one. */
    if (error == ERR_NONE && home->failures == 0 && stop == STOP_TOLD && !is_of_stop(path))
        assert_false(log_is_open(find(manager, "t", 0)));
    if (error == ERR_NONE && home->failures == 0)
        check_logs(manager, stop, start_may_differ);
    else
        assert_true(may_refuse);
    if (error == ERR_NONE)
        log_manager_abandon(manager);
    home->failures = 0;
    put_back_all(home);
}

static void damage_at(struct home *home, const struct kept_file *file, size_t at, int bit,
                      enum last_stop stop, bool may_refuse, bool start_may_differ) {
    uint8_t *damaged = malloc(file->size);

    assert_non_null(damaged);
    memcpy(damaged, file->data, file->size);
    damaged[at] ^= (uint8_t)(1 << bit);
    /* Bit 8: the file ends there. */
    try_damage(home, file->path, damaged, bit == 8 ? at : file->size, stop, may_refuse,
               start_may_differ);
    free(damaged);
}

static void flip_every_bit(struct home *home, const char *path, bool may_refuse,
                           bool start_may_differ) {
    const struct kept_file *file = find_kept(path);
    unsigned turn = 0;
    int step;

    assert_non_null(file);
    assert_true(file->size > 0);
    /* What a clean stop tells is long, and has a test of its own for every bit. */
    step = file->size > 100 ? 5 : 1;
    for (size_t at = 0; at < file->size; at++)
        /* A number in it may become shorter. */
        for (int bit = (int)at % step; bit <= 8 && at < file->size; bit += step)
            damage_at(home, file, at, bit, (enum last_stop)(turn++ % STOPS), may_refuse,
                      start_may_differ);
}

static void damage_file_of_directories(const char *name, bool may_refuse, bool start_may_differ) {
    struct home home;

    make_logs(&home);
    keep_all(&home);
    for (int i = 0; i < DIRS; i++) {
        char path[256];
        snprintf(path, sizeof(path), "%s/%s", home.dirs[i], name);
        flip_every_bit(&home, path, may_refuse, start_may_differ);
    }
    forget_all();
    remove_tree(home.root);
}

static void recovery_points(void **state) {
    (void)state;
    damage_file_of_directories("recovery-point-offset-checkpoint", false, false);
}

static void high_watermarks(void **state) {
    (void)state;
    damage_file_of_directories("replication-offset-checkpoint", false, false);
}

static void log_starts(void **state) {
    (void)state;
    damage_file_of_directories("log-start-offset-checkpoint", false, true);
}

/* At worst something is compacted again, or later. */
static void compacted_offsets(void **state) {
    (void)state;
    damage_file_of_directories("cleaner-offset-checkpoint", false, false);
}

static void the_identity(void **state) {
    (void)state;
    damage_file_of_directories("meta.properties", true, false);
}

static void the_mark_of_a_clean_stop(void **state) {
    (void)state;
    damage_file_of_directories(".kafka_cleanshutdown", false, false);
}

static void what_the_clean_stop_told(void **state) {
    (void)state;
    damage_file_of_directories(".barnabas_logs", false, false);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recovery_points),
        cmocka_unit_test(high_watermarks),
        cmocka_unit_test(log_starts),
        cmocka_unit_test(compacted_offsets),
        cmocka_unit_test(the_identity),
        cmocka_unit_test(the_mark_of_a_clean_stop),
        cmocka_unit_test(what_the_clean_stop_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

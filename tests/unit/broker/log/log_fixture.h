/*
 * What the tests of broker/log share: a data directory of their own, a disk that fails on demand,
 * a clock that stands still, batches.
 */
#ifndef TESTS_UNIT_BROKER_LOG_LOG_FIXTURE_H
#define TESTS_UNIT_BROKER_LOG_LOG_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/log/disk.h"
#include "broker/log/log_internal.h"
#include "client/base/logger.h"
#include "client/wire/record_batch.h"

#define FIXTURE_NOW_MS 1700000000000

/* ---- a disk that fails on demand ---- */

struct faulty_disk {
    struct disk disk; /* first */
    int64_t calls;    /* atomic; operations asked for so far */
    int64_t fail_at;  /* the call with this number fails, from 0; -1: none */
    bool keeps_failing;
    enum error error;
    enum disk_operation only; /* counts only these, if only_one_kind */
    bool only_one_kind;
    bool failed;           /* a call was failed */
    const char *watched;   /* NULL, or operations on paths with it are counted */
    int64_t watched_calls; /* atomic */
};

static inline enum error faulty_before(struct disk *disk, enum disk_operation operation,
                                       const char *path, size_t *size) {
    struct faulty_disk *faulty = (struct faulty_disk *)disk;
    int64_t call;

    if (faulty->watched != NULL && path != NULL && strstr(path, faulty->watched) != NULL)
        (void)__atomic_fetch_add(&faulty->watched_calls, 1, __ATOMIC_RELAXED);
    if (faulty->only_one_kind && operation != faulty->only)
        return ERR_NONE;
    call = __atomic_fetch_add(&faulty->calls, 1, __ATOMIC_RELAXED);
    if (faulty->fail_at < 0 || call < faulty->fail_at ||
        (call > faulty->fail_at && !faulty->keeps_failing))
        return ERR_NONE;
    __atomic_store_n(&faulty->failed, true, __ATOMIC_RELAXED);
    *size /= 2;
    return faulty->error;
}

static inline void faulty_disk_init(struct faulty_disk *faulty) {
    *faulty =
        (struct faulty_disk){.disk.before = faulty_before, .fail_at = -1, .error = ERR_DISK_FAILED};
}

/* ---- a directory of one's own ---- */

struct fixture {
    char root[64];
    struct faulty_disk disk;
    struct clock_manual clock;
    struct file_cache *cache;
    struct worker_pool *pool;
    struct log_dir dir;
    struct arena arena;
    struct log_config config;
    char log_path[128];
    int failures; /* of the directory */
};

static inline void remove_tree(const char *path) {
    struct dirent *entry;
    DIR *dir = opendir(path);
    char child[4096];

    if (dir != NULL) {
        while ((entry = readdir(dir)) != NULL) {
            struct stat found;
            if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
                continue;
            assert_true(snprintf(child, sizeof(child), "%s/%s", path, entry->d_name) <
                        (int)sizeof(child));
            if (lstat(child, &found) == 0 && S_ISDIR(found.st_mode))
                remove_tree(child);
            else
                unlink(child);
        }
        closedir(dir);
    }
    rmdir(path);
}

static inline void fixture_on_failed(struct log_dir *dir) {
    struct fixture *fixture = CONTAINER_OF(dir, struct fixture, dir);

    fixture->failures++;
}

/* One for all directories of a program, one after the other: where each had its own, a test with
 * hundreds of them did nothing but wait for threads to begin and to end, on a machine with other
 * work for minutes. */
static struct worker_pool *fixture_pool;

static inline void fixture_free_pool(void) {
    worker_pool_free(fixture_pool);
}

static inline struct worker_pool *fixture_need_pool(void) {
    if (fixture_pool == NULL) {
        assert_int_equal(worker_pool_new(1, "test", &fixture_pool), ERR_NONE);
        assert_int_equal(atexit(fixture_free_pool), 0);
    }
    return fixture_pool;
}

static inline void fixture_open_dir(struct fixture *f) {
    assert_int_equal(file_cache_new(8, &f->cache), ERR_NONE);
    f->pool = fixture_need_pool();
    assert_int_equal(
        log_dir_init(&f->dir, f->root, &f->disk.disk, &f->clock.clock, f->cache, f->pool),
        ERR_NONE);
    f->dir.on_failed = fixture_on_failed;
    f->failures = 0;
}

static inline void fixture_close_dir(struct fixture *f) {
    worker_pool_drain(f->pool);
    log_dir_done(&f->dir);
    file_cache_free(f->cache);
}

/* In memory where that is possible: most of these tests would only wait for fsync. */
static inline const char *test_root(void) {
    const char *root = getenv("TMPDIR");

    if (root != NULL)
        return root;
    return access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
}

static inline void fixture_init(struct fixture *f) {
    const char *root = test_root();

    memset(f, 0, sizeof(*f));
    logger_set_level(LOG_LEVEL_ERROR);
    snprintf(f->root, sizeof(f->root), "%s/barnabas-log-XXXXXX", root);
    assert_non_null(mkdtemp(f->root));
    snprintf(f->log_path, sizeof(f->log_path), "%s/topic-0", f->root);
    assert_int_equal(mkdir(f->log_path, 0755), 0);
    faulty_disk_init(&f->disk);
    clock_manual_init(&f->clock, FIXTURE_NOW_MS);
    arena_init(&f->arena, 1 << 20);
    f->config = log_config_default;
    fixture_open_dir(f);
}

static inline void fixture_done(struct fixture *f) {
    fixture_close_dir(f);
    arena_done(&f->arena);
    remove_tree(f->root);
}

static inline enum error fixture_try_load(struct fixture *f, bool was_clean, int64_t recovery_point,
                                          int64_t start, struct log **log) {
    struct log_load_options options = {
        .topic = bytes_of_text("topic"),
        .partition = 0,
        .dir_name = f->log_path,
        .config = &f->config,
        .recovery_point = recovery_point,
        .checkpointed_start = start,
        .was_clean = was_clean,
    };

    return log_load(&f->dir, &options, log);
}

static inline struct log *fixture_load(struct fixture *f, bool was_clean, int64_t recovery_point) {
    struct log *log = NULL;

    assert_int_equal(fixture_try_load(f, was_clean, recovery_point, 0, &log), ERR_NONE);
    return log;
}

/* As a crash of the process would leave it. */
static inline void fixture_crash(struct fixture *f, struct log *log) {
    log_mark_closed(log);
    worker_pool_drain(f->pool);
    log_unref(log);
}

static inline void fixture_close(struct fixture *f, struct log *log) {
    worker_pool_drain(f->pool);
    assert_int_equal(log_close_clean(log), ERR_NONE);
    fixture_crash(f, log);
}

/* ---- batches ---- */

struct batch_spec {
    int32_t records;
    size_t value_bytes;
    int64_t timestamp; /* of the first; each next is 1 ms later */
    int64_t base_offset;
    int32_t leader_epoch;
    int64_t producer_id; /* 0: none */
    int16_t producer_epoch;
    int32_t base_sequence;
    enum compression codec;
    bool without_keys;
    bool is_transactional;
};

/* From malloc. */
static inline uint8_t *make_batch(const struct batch_spec *spec, size_t *size) {
    struct record_batch_options options = record_batch_options_default;
    struct record_batch_builder *builder;
    uint8_t value[4096];
    uint8_t *bytes;

    options.base_offset = spec->base_offset;
    options.partition_leader_epoch = spec->leader_epoch;
    options.codec = spec->codec;
    if (spec->producer_id > 0) {
        options.producer_id = spec->producer_id;
        options.producer_epoch = spec->producer_epoch;
        options.base_sequence = spec->base_sequence;
        if (spec->is_transactional)
            options.attributes |= RECORD_BATCH_TRANSACTIONAL;
    }
    assert_true(spec->value_bytes <= sizeof(value));
    assert_int_equal(record_batch_builder_new(&options, &builder), ERR_NONE);
    for (int32_t i = 0; i < spec->records; i++) {
        memset(value, 'a' + (int)((spec->timestamp + i) % 26), sizeof(value));
        assert_int_equal(
            record_batch_builder_add(builder, spec->timestamp + i,
                                     spec->without_keys ? BYTES_NULL : bytes_of_text("key"),
                                     bytes_of(value, spec->value_bytes), NULL, 0),
            ERR_NONE);
    }
    assert_int_equal(record_batch_builder_finish(builder, &bytes, size), ERR_NONE);
    record_batch_builder_free(builder);
    return bytes;
}

static inline enum error append_bytes(struct fixture *f, struct log *log, uint8_t *bytes,
                                      size_t size, int32_t leader_epoch,
                                      struct log_append_result *result) {
    struct log_append_options options = {.origin = LOG_APPEND_CLIENT};

    arena_reset(&f->arena);
    return log_append_as_leader(log, bytes, size, leader_epoch, clock_wall_ms(&f->clock.clock),
                                &options, &f->arena, result);
}

static inline enum error append_batch(struct fixture *f, struct log *log,
                                      const struct batch_spec *spec,
                                      struct log_append_result *result) {
    size_t size;
    uint8_t *bytes = make_batch(spec, &size);
    enum error error = append_bytes(f, log, bytes, size, spec->leader_epoch, result);

    free(bytes);
    return error;
}

/* Appends `records` small records as one batch; returns its base offset. */
static inline int64_t append_records(struct fixture *f, struct log *log, int32_t records) {
    struct batch_spec spec = {
        .records = records, .value_bytes = 20, .timestamp = FIXTURE_NOW_MS + log_end_offset(log)};
    struct log_append_result result;

    assert_int_equal(append_batch(f, log, &spec, &result), ERR_NONE);
    return result.base_offset;
}

/* All bytes from `offset` on that a reader gets in one read. From malloc. */
static inline uint8_t *read_bytes(struct log *log, int64_t offset, size_t bytes_max, size_t *size) {
    struct file_range range;
    uint8_t *data;

    assert_int_equal(log_read(log, offset, log_end_offset(log), bytes_max, true, &range), ERR_NONE);
    data = malloc(range.size + 1);
    assert_non_null(data);
    assert_int_equal(log_range_copy(log, &range, data, size), ERR_NONE);
    assert_int_equal(*size, range.size);
    log_range_release(&range);
    return data;
}

/* ---- files ---- */

#define SLURP_ROOM ((size_t)1 << 16) /* behind the file's bytes, for what is put there */

static inline uint8_t *slurp(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    struct stat found = {0};
    uint8_t *data;

    *size = 0;
    if (file != NULL)
        assert_int_equal(fstat(fileno(file), &found), 0);
    data = malloc((size_t)found.st_size + SLURP_ROOM);
    assert_non_null(data);
    if (file != NULL) {
        *size = fread(data, 1, (size_t)found.st_size, file);
        fclose(file);
    }
    return data;
}

static inline void spit(const char *path, const void *data, size_t size) {
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static inline bool file_exists(const char *dir, const char *name) {
    char path[4096];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return access(path, F_OK) == 0;
}

/* Stays until the thread's fourth next call. */
static inline char *path_in(const char *dir, const char *name) {
    static _Thread_local char paths[4][4096];
    static _Thread_local int turn;
    char *path = paths[turn++ % 4];

    snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
    return path;
}

#endif

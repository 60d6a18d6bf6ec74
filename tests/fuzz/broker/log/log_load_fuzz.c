/*
 * A partition's folder with any content, opened as after a clean stop and as after a crash. It may
 * lose what is not whole, but must then work: be read from end to end, appended to, closed, and
 * opened again with the same end.
 *
 * Input: u8 choices | u16 sizes of .log, .index, .timeindex, .snapshot | their bytes | the rest is
 * leader-epoch-checkpoint.
 */
#include <limits.h>
#include <stdlib.h>

#include "broker/log/disk.h"
#include "broker/log/log_internal.h"
#include "client/base/logger.h"
#include "client/wire/big_endian.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEADER_BYTES 9
#define FILES        4

static char root[] = "/dev/shm/barnabas-fuzz-load-XXXXXX";
static char folder[PATH_MAX];
static struct log_dir dir;

static void remove_root(void) {
    worker_pool_free(dir.pool);
    file_cache_free(dir.cache);
    CHECK(disk_remove_dir(disk_system(), folder) == ERR_NONE);
    CHECK(disk_remove_dir(disk_system(), root) == ERR_NONE);
    log_dir_done(&dir);
}

static void set_up(void) {
    static bool done;
    struct file_cache *cache;
    struct worker_pool *pool;

    if (done)
        return;
    done = true;
    logger_set_level(LOG_LEVEL_ERROR + 1);
    CHECK(mkdtemp(root) != NULL);
    snprintf(folder, sizeof(folder), "%s/t-0", root);
    CHECK(file_cache_new(16, &cache) == ERR_NONE);
    CHECK(worker_pool_new(1, "fuzz", &pool) == ERR_NONE);
    CHECK(log_dir_init(&dir, root, disk_system(), clock_system(), cache, pool) == ERR_NONE);
    CHECK(atexit(remove_root) == 0);
}

static void write_file(const char *name, struct bytes content) {
    char path[PATH_MAX + 64];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    CHECK((file = fopen(path, "wb")) != NULL);
    CHECK(fwrite(content.data, 1, content.size, file) == content.size);
    fclose(file);
}

static void write_files(struct bytes input) {
    static const char *const names[FILES] = {
        "00000000000000000000.log", "00000000000000000000.index", "00000000000000000000.timeindex",
        "00000000000000000003.snapshot"};
    struct bytes rest = bytes_of(input.data + HEADER_BYTES, input.size - HEADER_BYTES);

    CHECK(disk_remove_dir(disk_system(), folder) == ERR_NONE);
    CHECK(disk_make_dir(disk_system(), folder) == ERR_NONE);
    for (int i = 0; i < FILES; i++) {
        size_t size = big_endian_load_u16(input.data + 1 + 2 * i);
        if (size > rest.size)
            size = rest.size;
        if (size > 0)
            write_file(names[i], bytes_of(rest.data, size));
        rest = bytes_of(rest.data + size, rest.size - size);
    }
    if (rest.size > 0)
        write_file("leader-epoch-checkpoint", rest);
}

static struct log *load(bool was_clean) {
    struct log_config config = log_config_default;
    struct log_load_options options = {
        .topic = bytes_of_text("t"),
        .dir_name = folder,
        .config = &config,
        .was_clean = was_clean,
    };
    struct log *log;

    config.index_interval_bytes = 50;
    config.segment_bytes = 1 << 20;
    return log_load(&dir, &options, &log) == ERR_NONE ? log : NULL;
}

/* What was taken over as clean is believed, so it may turn out to be damaged later. */
static bool is_allowed(enum error error, bool verified) {
    return error == ERR_NONE ||
           (!verified && (error == ERR_CORRUPT_MESSAGE || error == ERR_DISK_CORRUPT ||
                          error == ERR_KAFKA_STORAGE_ERROR));
}

static void read_all(struct log *log, bool verified) {
    static uint8_t data[1 << 17];
    int64_t offset = log_start_offset(log);
    struct log_timestamp_offset found;

    while (offset < log_end_offset(log)) {
        struct stored_batch batch;
        struct file_range range;
        size_t size;
        enum error error = log_read(log, offset, log_end_offset(log), sizeof(data), true, &range);
        CHECK(is_allowed(error, verified));
        if (error != ERR_NONE || range.size == 0)
            break; /* a gap before the end */
        CHECK(range.size <= sizeof(data));
        CHECK(log_range_copy(log, &range, data, &size) == ERR_NONE && size == range.size);
        log_range_release(&range);
        error = stored_batch_decode(bytes_of(data, size), &batch);
        CHECK(is_allowed(error, verified));
        if (error != ERR_NONE)
            break;
        CHECK(!verified || batch.last_offset >= offset);
        offset = batch.last_offset >= offset ? batch.last_offset + 1 : offset + 1;
    }
    /* Records are not looked into when a log is opened: they may turn out to be garbage. */
    (void)!log_offset_for_timestamp(log, 1700000000000, log_end_offset(log), &found);
    (void)!log_offset_of_max_timestamp(log, log_end_offset(log), &found);
}

static void append(struct log *log, bool verified) {
    struct record_batch_options options = record_batch_options_default;
    struct record_batch_builder *builder;
    struct log_append_result result;
    uint8_t *bytes;
    size_t size;

    if (log_end_offset(log) > INT64_MAX - 10)
        return;
    options.base_offset = log_end_offset(log);
    options.partition_leader_epoch = INT32_MAX;
    CHECK(record_batch_builder_new(&options, &builder) == ERR_NONE);
    CHECK(record_batch_builder_add(builder, 1, BYTES_NULL, BYTES_NULL, NULL, 0) == ERR_NONE);
    CHECK(record_batch_builder_finish(builder, &bytes, &size) == ERR_NONE);
    record_batch_builder_free(builder);
    CHECK(is_allowed(log_append_as_follower(log, bytes, size, INT32_MAX, 0, &result), verified));
    CHECK(!verified || log_end_offset(log) == options.base_offset + 1);
    free(bytes);
}

static void close_log(struct log *log, bool verified) {
    worker_pool_drain(dir.pool);
    CHECK(is_allowed(log_close_clean(log), verified));
    log_mark_closed(log);
    worker_pool_drain(dir.pool);
    log_unref(log);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    int64_t end_offset;
    struct log *log;
    bool verified;

    if (size < HEADER_BYTES || size > 65536)
        return 0;
    set_up();
    write_files(bytes_of(data, size));
    verified = (data[0] & 1) == 0;
    CHECK((log = load(!verified)) != NULL);
    read_all(log, verified);
    append(log, verified);
    if (data[0] & 2)
        CHECK(is_allowed(log_truncate(log, log_end_offset(log) / 2), verified));
    end_offset = log_end_offset(log);
    close_log(log, verified);
    CHECK(!verified || !log_dir_is_offline(&dir));
    dir.is_offline = false;
    CHECK((log = load(verified && (data[0] & 4) != 0)) != NULL);
    CHECK(!verified || log_end_offset(log) == end_offset);
    read_all(log, true);
    close_log(log, true);
    CHECK(!log_dir_is_offline(&dir));
    return 0;
}

/*
 * How long many small logs, or some large ones, take to open again, after a clean stop and after a
 * crash, from the page cache and from the disk (which needs root, to drop the cache).
 *
 *   bench_broker_log_recovery [folder] [logs] [recovery threads] [megabytes in all] [batch bytes]
 *
 * Without megabytes each log gets two small batches.
 *
 * The folder (default: one in /tmp) is made and removed again; it should lie on the disk that is
 * meant, not on tmpfs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "broker/log/log_manager.h"
#include "client/base/logger.h"
#include "client/wire/big_endian.h"
#include "client/wire/record_batch.h"

#define RECORD_BYTES      1000
#define SMALL_BATCH_BYTES 100

static char folder[512];
static int threads = 1;
static int64_t bytes_per_log = 2; /* of records: batches follow until they are there */
static size_t batch_bytes = SMALL_BATCH_BYTES;

static double seconds(void) {
    struct timespec now;

    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static struct log_manager *open_manager(void) {
    const char *dirs[] = {folder};
    struct log_manager_options options = {
        .dirs = dirs,
        .dir_count = 1,
        .recovery_threads_per_dir = threads,
        .recovery_point_checkpoint_ms = 60000,
        .start_offset_checkpoint_ms = 60000,
        .high_watermark_checkpoint_ms = 5000,
    };
    struct log_manager *manager;

    CHECK(log_manager_open(&options, &manager) == ERR_NONE);
    CHECK(log_manager_set_identity(manager, 1, "bench") == ERR_NONE);
    CHECK(log_manager_load(manager) == ERR_NONE);
    return manager;
}

/* Records of 1,000 bytes, the last of what is left. */
static void build_batch(uint8_t **bytes, size_t *size) {
    static const uint8_t record[RECORD_BYTES];
    struct record_batch_options options = record_batch_options_default;
    struct record_batch_builder *builder;

    CHECK(record_batch_builder_new(&options, &builder) == ERR_NONE);
    for (size_t left = batch_bytes; left > 0;) {
        size_t piece = left < sizeof(record) ? left : sizeof(record);
        CHECK(record_batch_builder_add(builder, 1700000000000, BYTES_NULL, bytes_of(record, piece),
                                       NULL, 0) == ERR_NONE);
        left -= piece;
    }
    CHECK(record_batch_builder_finish(builder, bytes, size) == ERR_NONE);
    record_batch_builder_free(builder);
}

static void append(struct log *log, int64_t bytes_wanted) {
    static const struct log_append_options append_options = {.origin = LOG_APPEND_CLIENT};
    struct log_append_result result;
    struct arena arena;
    uint8_t *bytes;
    size_t size;

    build_batch(&bytes, &size);
    CHECK(log_assign_leader_epoch(log, 1) == ERR_NONE);
    for (int64_t done = 0; done < bytes_wanted; done += (int64_t)batch_bytes) {
        big_endian_store_u64(bytes, 0); /* the offset, as a client sends it */
        arena_init(&arena, 65536);
        CHECK(log_append_as_leader(log, bytes, size, 1, 1700000000000, &append_options, &arena,
                                   &result) == ERR_NONE);
        arena_done(&arena);
    }
    free(bytes);
}

/* All are made before the first record comes, as with a topic: so that what belongs to one log does
 * not lie side by side on the disk. */
static void make_logs(struct log_manager *manager, int count) {
    static const struct uuid topic_id = {{1}};
    double began = seconds();

    for (int round = 0; round < 3; round++) {
        for (int32_t i = 0; i < count; i++) {
            struct log *log;
            CHECK(log_manager_find_or_create(manager, bytes_of_text("many"), i, &topic_id,
                                             &log_config_default, true, &log) == ERR_NONE);
            if (round > 0)
                append(log, bytes_per_log / 2);
        }
        sync();
    }
    printf("make %d logs %35.0f ms\n", count, (seconds() - began) * 1e3);
}

static bool drop_cache(void) {
    FILE *file;
    bool dropped;

    sync();
    if ((file = fopen("/proc/sys/vm/drop_caches", "w")) == NULL)
        return false;
    dropped = fputs("3", file) >= 0;
    return fclose(file) == 0 && dropped;
}

static void measure(struct log_manager **manager, const char *label, bool clean, bool cold) {
    double began;

    if (clean)
        log_manager_close(*manager, 1);
    else
        log_manager_abandon(*manager);
    if (cold && !drop_cache())
        printf("%s: the page cache can't be dropped; what follows is warm\n", label);
    began = seconds();
    *manager = open_manager();
    printf("start %-36s %8.0f ms, %d threads\n", label, (seconds() - began) * 1e3, threads);
    fflush(stdout);
}

int main(int argc, char **argv) {
    struct log_manager *manager;
    char command[600];
    int logs = 1000;

    snprintf(folder, sizeof(folder), "%s/barnabas-bench-%d", argc > 1 ? argv[1] : "/tmp",
             (int)getpid());
    threads = argc > 3 ? (int)strtol(argv[3], NULL, 10) : threads;
    logs = argc > 2 ? (int)strtol(argv[2], NULL, 10) : logs;
    if (argc > 4) {
        bytes_per_log = strtoll(argv[4], NULL, 10) * 1000000 / logs;
        batch_bytes = argc > 5 ? strtoul(argv[5], NULL, 10) : 16000;
    }
    logger_set_level(LOG_LEVEL_WARN);
    manager = open_manager();
    make_logs(manager, logs);
    measure(&manager, "after a crash, nothing flushed", false, false);
    measure(&manager, "after a crash, nothing flushed, cold", false, true);
    measure(&manager, "after a clean stop", true, false);
    measure(&manager, "after a clean stop, cold", true, true);
    measure(&manager, "after a crash, unused", false, false);
    measure(&manager, "after a crash, unused, cold", false, true);
    log_manager_close(manager, 1);
    snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    return system(command) == 0 ? 0 : 1;
}

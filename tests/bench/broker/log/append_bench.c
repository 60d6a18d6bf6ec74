/*
 * What the log costs: appending with all checks, reading ranges, making partitions, starting again
 * after a clean stop and after a crash. Prints rates, CPU seconds per GB and bytes of memory.
 *
 *   bench_broker_log_append [folder] [GB per append row]
 *
 * The folder (default: one in /tmp) is made and removed again; it should lie on the disk that is
 * meant, not on tmpfs.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "broker/log/log_manager.h"
#include "broker/log/worker_pool.h"
#include "client/base/logger.h"
#include "client/wire/record_batch.h"

#define RECORD_BYTES 100
#define PARTITIONS   1000

static char folder[512];
static double append_bytes_max = 1e9;

static double clock_seconds(clockid_t id) {
    struct timespec now;

    CHECK(clock_gettime(id, &now) == 0);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

struct stopwatch {
    double wall;
    double cpu;
};

static struct stopwatch start(void) {
    return (struct stopwatch){clock_seconds(CLOCK_MONOTONIC),
                              clock_seconds(CLOCK_PROCESS_CPUTIME_ID)};
}

static struct stopwatch stop(struct stopwatch began) {
    struct stopwatch now = start();

    return (struct stopwatch){now.wall - began.wall, now.cpu - began.cpu};
}

static struct log_manager *open_manager(void) {
    const char *dirs[] = {folder};
    struct log_manager_options options = {
        .dirs = dirs,
        .dir_count = 1,
        .recovery_threads_per_dir = 2,
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

static struct log *make_log(struct log_manager *manager, const char *topic, int32_t partition) {
    static const struct uuid topic_id = {{1}};
    struct log *log;

    CHECK(log_manager_find_or_create(manager, bytes_of_text(topic), partition, &topic_id,
                                     &log_config_default, true, &log) == ERR_NONE);
    return log;
}

static uint8_t *make_batch(int32_t records, size_t value_bytes, size_t *size) {
    struct record_batch_options options = record_batch_options_default;
    struct record_batch_builder *builder;
    uint8_t *value = calloc(1, value_bytes);
    uint8_t *bytes;

    CHECK(value != NULL);
    CHECK(record_batch_builder_new(&options, &builder) == ERR_NONE);
    for (int32_t i = 0; i < records; i++)
        CHECK(record_batch_builder_add(builder, 1700000000000 + i, BYTES_NULL,
                                       bytes_of(value, value_bytes), NULL, 0) == ERR_NONE);
    CHECK(record_batch_builder_finish(builder, &bytes, size) == ERR_NONE);
    record_batch_builder_free(builder);
    free(value);
    return bytes;
}

static void append(struct log *log, uint8_t *batch, size_t size) {
    static const struct log_append_options options = {.origin = LOG_APPEND_CLIENT};
    struct log_append_result result;
    static struct arena arena;

    arena_init(&arena, 65536);
    record_batch_stamp_base_offset(batch, 0);
    CHECK(log_append_as_leader(log, batch, size, 1, 1700000000000, &options, &arena, &result) ==
          ERR_NONE);
    arena_done(&arena);
}

static void bench_append(struct log_manager *manager, const char *label, int32_t records,
                         size_t value_bytes, double bytes_max) {
    static int32_t partition;
    struct log *log = make_log(manager, "append", partition++);
    struct stopwatch took;
    size_t count;
    size_t size;
    uint8_t *batch = make_batch(records, value_bytes, &size);

    count = (size_t)(bytes_max / (double)size);
    took = start();
    for (size_t i = 0; i < count; i++)
        append(log, batch, size);
    took = stop(took);
    printf("append %-28s %7zu B %9.0f /s %6.2f GB/s %7.3f s/GB %6.2f us each\n", label, size,
           (double)count / took.wall, (double)(count * size) / took.wall / 1e9,
           took.cpu / ((double)(count * size) / 1e9), took.cpu / (double)count * 1e6);
    free(batch);
}

static void bench_read(struct log_manager *manager, size_t bytes_max) {
    struct log *log = log_manager_find(manager, bytes_of_text("append"), 0);
    int64_t offset = 0;
    uint8_t *data = malloc(bytes_max * 2);
    double bytes = 0;
    size_t count = 0;
    struct stopwatch took = start();

    CHECK(data != NULL);
    while (offset < log_end_offset(log)) {
        struct file_range range;
        struct record_batch batch;
        struct bytes rest;
        size_t size;
        CHECK(log_read(log, offset, log_end_offset(log), bytes_max, true, &range) == ERR_NONE);
        CHECK(log_range_copy(log, &range, data, &size) == ERR_NONE);
        log_range_release(&range);
        for (rest = bytes_of(data, size); record_batch_decode(rest, &batch) == ERR_NONE;
             rest = bytes_of(rest.data + batch.whole.size, rest.size - batch.whole.size))
            offset = record_batch_last_offset(&batch) + 1;
        bytes += (double)size;
        count++;
    }
    took = stop(took);
    printf("read and copy %7zu KiB at a time %9.0f /s %6.2f GB/s %7.3f s/GB\n", bytes_max / 1024,
           (double)count / took.wall, bytes / took.wall / 1e9, took.cpu / (bytes / 1e9));
    free(data);
}

static void bench_find(struct log_manager *manager, const char *label, bool at_tail) {
    struct log *log = log_manager_find(manager, bytes_of_text("append"), 0);
    int64_t end = log_end_offset(log);
    struct stopwatch took = start();
    const int count = 200000;

    for (int i = 0; i < count; i++) {
        struct file_range range;
        int64_t offset =
            at_tail ? end - 909 * (1 + i % 20) : (int64_t)((uint64_t)i * 7919 % (uint64_t)end);
        CHECK(log_read(log, offset, end, 1 << 20, true, &range) == ERR_NONE);
        log_range_release(&range);
    }
    took = stop(took);
    printf("find an offset %-20s %9.2f us\n", label, took.wall / count * 1e6);
}

static void bench_recovery(struct log_manager **manager, const char *label, bool clean) {
    struct stopwatch took;
    double bytes = 0;

    if (clean)
        log_manager_close(*manager, 1);
    else
        log_manager_abandon(*manager);
    took = start();
    *manager = open_manager();
    took = stop(took);
    for (int32_t i = 0; i < 3; i++)
        bytes += (double)log_size(log_manager_find(*manager, bytes_of_text("append"), i));
    printf("start %-20s %6.2f GB %8.1f ms wall %8.1f ms cpu, %zu logs\n", label, bytes / 1e9,
           took.wall * 1e3, took.cpu * 1e3, log_manager_log_count(*manager));
}

static void bench_partitions(struct log_manager *manager) {
    size_t before = mallinfo2().uordblks;
    struct stopwatch took = start();
    size_t size;
    uint8_t *batch = make_batch(10, RECORD_BYTES, &size);

    for (int32_t i = 0; i < PARTITIONS; i++)
        (void)make_log(manager, "many", i);
    took = stop(took);
    printf("make %d partitions %26.0f ms wall, %zu B each\n", PARTITIONS, took.wall * 1e3,
           (mallinfo2().uordblks - before) / PARTITIONS);
    took = start();
    for (int32_t i = 0; i < PARTITIONS; i++)
        CHECK(log_assign_leader_epoch(make_log(manager, "many", i), 1) == ERR_NONE);
    took = stop(took);
    printf("assign the first epoch of %d %19.0f ms wall\n", PARTITIONS, took.wall * 1e3);
    took = start();
    for (int32_t i = 0; i < PARTITIONS; i++)
        append(make_log(manager, "many", i), batch, size);
    took = stop(took);
    printf("first append to %d %29.0f ms wall, %zu B each\n", PARTITIONS, took.wall * 1e3,
           (mallinfo2().uordblks - before) / PARTITIONS);
    for (int j = 0; j < 1000; j++) {
        for (int32_t i = 0; i < 100; i++)
            append(make_log(manager, "many", i), batch, size);
    }
    printf("memory after 1000 more to 100 of them %10zu B each\n",
           (mallinfo2().uordblks - before) / PARTITIONS);
    free(batch);
}

int main(int argc, char **argv) {
    struct log_manager *manager;
    char command[600];

    snprintf(folder, sizeof(folder), "%s/barnabas-bench-%d", argc > 1 ? argv[1] : "/tmp",
             (int)getpid());
    if (argc > 2)
        append_bytes_max = strtod(argv[2], NULL) * 1e9;
    logger_set_level(LOG_LEVEL_WARN);
    manager = open_manager();
    bench_append(manager, "1000 x 100 B (to warm up)", 909, RECORD_BYTES, append_bytes_max);
    bench_append(manager, "1000 x 100 B", 909, RECORD_BYTES, append_bytes_max);
    bench_append(manager, "100 x 1 KB", 100, 1000, append_bytes_max);
    bench_append(manager, "160 x 100 B", 149, RECORD_BYTES, append_bytes_max / 2);
    bench_append(manager, "1 x 100 B", 1, RECORD_BYTES, append_bytes_max / 20);
    bench_read(manager, 1 << 20);
    bench_find(manager, "at the tail", true);
    bench_find(manager, "anywhere", false);
    bench_recovery(&manager, "after a crash", false);
    bench_recovery(&manager, "after a clean stop", true);
    bench_partitions(manager);
    bench_recovery(&manager, "after a clean stop", true);
    bench_recovery(&manager, "after a crash", false);
    log_manager_close(manager, 1);
    snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    return system(command) == 0 ? 0 : 1;
}

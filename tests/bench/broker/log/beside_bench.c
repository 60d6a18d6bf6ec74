/*
 * The log beside what the disk gives by itself, in one run: appending beside pwrite, reading beside
 * sendfile, group commit beside fdatasync; and how fast it compacts. What opening and recovery cost
 * is in append_bench.c.
 *
 *   bench_broker_log_beside [FOLDER]      a folder on the disk to measure; else the current one
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <time.h>
#include <unistd.h>

#include "broker/log/disk.h"
#include "broker/log/log_compaction.h"
#include "broker/log/log_internal.h"
#include "broker/log/log_manager.h"
#include "client/base/logger.h"

#define APPEND_BYTES ((size_t)1 << 30)
#define BATCH_BYTES  ((size_t)16000)
#define COMMIT_MS    3000
#define COMMITTERS   16

static double now_s(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void must(bool good, const char *what) {
    if (good)
        return;
    fprintf(stderr, "beside_bench: %s failed\n", what);
    exit(1);
}

/* ---- a data directory ---- */

struct home {
    struct log_manager_owner owner; /* first */
    struct log_config config;
    char path[512];
    struct log_manager *manager;
    struct arena arena;
};

static void config_of(struct log_manager_owner *owner, struct bytes topic,
                      struct log_config *config) {
    (void)topic;
    *config = ((struct home *)owner)->config;
}

static void on_failed(struct log_manager_owner *owner, const char *path, int live) {
    (void)owner;
    (void)live;
    must(false, path);
}

static void start(struct home *home) {
    const char *dirs[] = {home->path};
    struct log_manager_options options = {
        .dirs = dirs,
        .dir_count = 1,
        .recovery_threads_per_dir = 1,
        .recovery_point_checkpoint_ms = 60000,
        .start_offset_checkpoint_ms = 60000,
        .high_watermark_checkpoint_ms = 5000,
        .owner = &home->owner,
    };

    must(log_manager_open(&options, &home->manager) == ERR_NONE, "open");
    must(log_manager_set_identity(home->manager, 1, "bench") == ERR_NONE, "identity");
    must(log_manager_load(home->manager) == ERR_NONE, "load");
}

static struct log *make_log(struct home *home, const char *topic, int32_t partition) {
    const struct uuid topic_id = {{1}};
    struct log *log;

    must(log_manager_find_or_create(home->manager, bytes_of_text(topic), partition, &topic_id,
                                    &home->config, true, &log) == ERR_NONE,
         "make a log");
    return log;
}

static uint8_t *make_batch(size_t bytes, int key_from, int keys, size_t *size) {
    struct record_batch_builder *builder;
    static uint8_t value[100];
    uint8_t *batch;

    must(record_batch_builder_new(&record_batch_options_default, &builder) == ERR_NONE, "build");
    for (int i = 0; record_batch_builder_size(builder) < bytes || i == 0; i++) {
        char key[32];
        snprintf(key, sizeof(key), "key-%d", (key_from + i) % keys);
        must(record_batch_builder_add(builder, 1700000000000 + i, bytes_of_text(key),
                                      bytes_of(value, sizeof(value)), NULL, 0) == ERR_NONE,
             "add");
    }
    must(record_batch_builder_finish(builder, &batch, size) == ERR_NONE, "finish");
    record_batch_builder_free(builder);
    return batch;
}

static void append(struct home *home, struct log *log, uint8_t *batch, size_t size) {
    struct log_append_options options = {.origin = LOG_APPEND_CLIENT};
    struct log_append_result result;

    record_batch_stamp_base_offset(batch, 0);
    must(log_append_as_leader(log, batch, size, 0, 1700000000000, &options, &home->arena,
                              &result) == ERR_NONE,
         "append");
    log_note_high_watermark(log, log_end_offset(log));
}

/* ---- what is measured ---- */

static void measure_appends(struct home *home) {
    size_t size;
    uint8_t *batch = make_batch(BATCH_BYTES, 0, 1000, &size);
    struct log *log = make_log(home, "appends", 0);
    char path[600];
    double began = now_s();
    double log_s;
    double plain_s;
    int fd;

    for (size_t done = 0; done < APPEND_BYTES; done += size)
        append(home, log, batch, size);
    log_s = now_s() - began;
    snprintf(path, sizeof(path), "%s/plain", home->path);
    must((fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)) >= 0, "open");
    began = now_s();
    for (size_t done = 0; done < APPEND_BYTES; done += size)
        must(pwrite(fd, batch, size, (off_t)done) == (ssize_t)size, "pwrite");
    plain_s = now_s() - began;
    printf("append, batches of 16 KB      %7.0f MB/s  pwrite  %7.0f MB/s  %3.0f %%\n",
           (double)APPEND_BYTES / 1e6 / log_s, (double)APPEND_BYTES / 1e6 / plain_s,
           plain_s / log_s * 100);
    close(fd);
    unlink(path);
    free(batch);
}

static void send_all(int fd, int to, int64_t position, size_t size) {
    off_t at = position;

    while (size > 0) {
        ssize_t sent = sendfile(to, fd, &at, size);
        must(sent > 0, "sendfile");
        size -= (size_t)sent;
    }
}

static void measure_reads(struct home *home) {
    struct log *log = make_log(home, "appends", 0);
    int64_t end = log_end_offset(log);
    double began = now_s();
    struct file_range range;
    double log_s;
    double plain_s;
    int64_t bytes = 0;
    int to;
    int fd;

    must((to = open("/dev/null", O_WRONLY | O_CLOEXEC)) >= 0, "open /dev/null");
    for (int64_t offset = 0; offset < end;) {
        struct record_batch last = {0};
        uint8_t header[RECORD_BATCH_HEADER_BYTES];
        must(log_read(log, offset, end, 1 << 20, true, &range) == ERR_NONE && range.size > 0,
             "read");
        send_all(range.fd, to, range.position, range.size);
        bytes += (int64_t)range.size;
        /* All batches are alike. */
        must(pread(range.fd, header, sizeof(header), range.position) == sizeof(header), "pread");
        last.batch_length =
            (int32_t)(header[8] << 24 | header[9] << 16 | header[10] << 8 | header[11]);
        last.record_count = header[57] << 24 | header[58] << 16 | header[59] << 8 | header[60];
        offset += (int64_t)(range.size / ((size_t)last.batch_length + 12)) * last.record_count;
        log_range_release(&range);
    }
    log_s = now_s() - began;
    must(log_read(log, 0, end, 1, true, &range) == ERR_NONE, "read");
    fd = range.fd;
    began = now_s();
    for (int64_t done = 0; done < log->segments[0]->size; done += 1 << 20)
        send_all(fd, to, done,
                 (size_t)(log->segments[0]->size - done < 1 << 20 ? log->segments[0]->size - done
                                                                  : 1 << 20));
    plain_s = (now_s() - began) * (double)bytes / (double)log->segments[0]->size;
    log_range_release(&range);
    close(to);
    printf("read, 1 MiB at a time         %7.0f MB/s  sendfile%7.0f MB/s  %3.0f %%\n",
           (double)bytes / 1e6 / log_s, (double)bytes / 1e6 / plain_s, plain_s / log_s * 100);
}

/* ---- group commit ---- */

struct committer {
    struct home *home;
    struct log *log;
    struct mutex *lock; /* the partition's */
    pthread_t thread;
    int64_t commits;
    double until_s;
};

static void *commit(void *context) {
    struct committer *committer = context;
    struct arena arena;
    size_t size;
    uint8_t *batch = make_batch(100, 0, 10, &size);

    arena_init(&arena, 1 << 20);
    while (now_s() < committer->until_s) {
        struct log_append_options options = {.origin = LOG_APPEND_CLIENT};
        struct log_append_result result;
        mutex_lock(committer->lock);
        record_batch_stamp_base_offset(batch, 0);
        must(log_append_as_leader(committer->log, batch, size, 0, 1700000000000, &options, &arena,
                                  &result) == ERR_NONE,
             "append");
        mutex_unlock(committer->lock);
        while (log_flushed_offset(committer->log) < result.log_end_offset)
            usleep(20);
        committer->commits++;
    }
    arena_done(&arena);
    free(batch);
    return NULL;
}

static void measure_commits(struct home *home) {
    struct committer committers[COMMITTERS];
    struct log_config config = home->config;
    struct log *log = make_log(home, "commits", 0);
    struct mutex lock;
    int64_t commits = 0;
    int64_t syncs = 0;
    char path[600];
    double until_s;
    int fd;

    config.flush_messages = 1;
    log_set_config(log, &config);
    mutex_init(&lock);
    until_s = now_s() + COMMIT_MS / 1000.0;
    for (int i = 0; i < COMMITTERS; i++) {
        committers[i] = (struct committer){home, log, &lock, 0, 0, until_s};
        must(pthread_create(&committers[i].thread, NULL, commit, &committers[i]) == 0, "thread");
    }
    for (int i = 0; i < COMMITTERS; i++) {
        pthread_join(committers[i].thread, NULL);
        commits += committers[i].commits;
    }
    mutex_done(&lock);
    snprintf(path, sizeof(path), "%s/plain", home->path);
    must((fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)) >= 0, "open");
    until_s = now_s() + COMMIT_MS / 1000.0;
    for (; now_s() < until_s; syncs++) {
        must(pwrite(fd, path, 170, (off_t)(syncs * 170)) == 170, "pwrite");
        must(fdatasync(fd) == 0, "fdatasync");
    }
    close(fd);
    unlink(path);
    printf("flush.messages=1, %d writers  %7.0f /s     fdatasync %6.0f /s   %4.1f records each\n",
           COMMITTERS, (double)commits * 1000 / COMMIT_MS, (double)syncs * 1000 / COMMIT_MS,
           (double)commits / (double)syncs);
}

/* ---- compaction ---- */

static void no_lock(void *context) {
    (void)context;
}

static enum error no_pace(void *context, size_t bytes) {
    (void)context;
    (void)bytes;
    return ERR_NONE;
}

static void measure_compaction(struct home *home) {
    const struct compaction_means means = {128 << 20, 0.9, 256 << 10, no_pace, NULL};
    const struct compaction_lock lock = {no_lock, no_lock, NULL};
    struct log_config config = home->config;
    struct log *log = make_log(home, "compacted", 0);
    struct log_compaction *compaction;
    struct compaction_choice choice;
    struct compaction_result result;
    double began;
    double took;

    config.compact = true;
    config.segment_bytes = 64 << 20;
    log_set_config(log, &config);
    for (int i = 0; log_size(log) < (512 << 20); i++) {
        size_t size;
        uint8_t *batch = make_batch(BATCH_BYTES, i * 7919, 500000, &size);
        append(home, log, batch, size);
        free(batch);
    }
    began = now_s();
    must(log_compaction_begin(log, 1700000000000, &compaction) == ERR_NONE, "begin");
    must(log_compaction_examine(compaction, &choice) == ERR_NONE, "examine");
    must(log_compaction_run(compaction, &means, &lock, &result) == ERR_NONE, "compact");
    took = now_s() - began;
    log_compaction_end(compaction);
    printf("compaction                    %7.0f MB/s  %lld of %lld records stay\n",
           (double)result.bytes_before / 1e6 / took, (long long)result.records_kept,
           (long long)result.records_read);
}

int main(int argc, char **argv) {
    static struct home home;

    setvbuf(stdout, NULL, _IOLBF, 0);
    logger_set_level(LOG_LEVEL_WARN);
    home.owner.config_of_topic = config_of;
    home.owner.on_directory_failed = on_failed;
    home.config = log_config_default;
    snprintf(home.path, sizeof(home.path), "%s/barnabas-log-bench-XXXXXX",
             argc > 1 ? argv[1] : ".");
    must(mkdtemp(home.path) != NULL, "make a folder");
    if (home.path[0] != '/') {
        char relative[512];
        char here[400];
        must(getcwd(here, sizeof(here)) != NULL, "getcwd");
        memcpy(relative, home.path, sizeof(relative));
        snprintf(home.path, sizeof(home.path), "%.100s/%.400s", here, relative);
    }
    arena_init(&home.arena, 1 << 20);
    start(&home);
    measure_appends(&home);
    measure_reads(&home);
    measure_commits(&home);
    measure_compaction(&home);
    log_manager_close(home.manager, 1);
    arena_done(&home.arena);
    execlp("rm", "rm", "-rf", home.path, (char *)NULL);
    return 1;
}

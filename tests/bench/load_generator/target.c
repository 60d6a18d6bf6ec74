#include "tests/bench/load_generator/target.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "client/base/clock.h"
#include "client/wire/reader.h"
#include "client/wire/record_batch.h"

#define ACK_TIMEOUT_MS 30000
#define FETCH_WAIT_MS  500
#define TOPIC_TRIES    200
#define TOPIC_PAUSE_MS 50
#define METADATA_BYTES (1u << 20)
#define LETTERS_BYTES  (1u << 20)
#define SPARE_FILES    64

void target_fail(const char *what) {
    fprintf(stderr, "load_generator: %s\n", what);
    exit(1);
}

int64_t target_now_ns(void) {
    return clock_system()->monotonic_ns(clock_system());
}

int target_connect(const struct load_options *options) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(options->port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;

    if (fd < 0 || inet_pton(AF_INET, options->host, &address.sin_addr) != 1 ||
        connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        target_fail("no connection");
    CHECK(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0);
    return fd;
}

void target_expect_connections(int connections) {
    struct rlimit limit;

    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    if (limit.rlim_cur >= (rlim_t)connections + SPARE_FILES)
        return;
    limit.rlim_cur = (rlim_t)connections + SPARE_FILES;
    if (limit.rlim_cur > limit.rlim_max || setrlimit(RLIMIT_NOFILE, &limit) != 0)
        target_fail("this process may not open so many connections");
}

void target_send(int fd, struct bytes frame) {
    while (frame.size > 0) {
        ssize_t sent = send(fd, frame.data, frame.size, MSG_NOSIGNAL);
        if (sent <= 0)
            target_fail("the connection was closed");
        frame = bytes_of(frame.data + sent, frame.size - (size_t)sent);
    }
}

static void receive_all(int fd, uint8_t *data, size_t size) {
    while (size > 0) {
        ssize_t got = recv(fd, data, size, 0);
        if (got <= 0)
            target_fail("the connection was closed");
        data += got;
        size -= (size_t)got;
    }
}

size_t target_frame_size(const uint8_t *data, size_t have) {
    return have < FRAME_SIZE_BYTES ? 0 : FRAME_SIZE_BYTES + (size_t)big_endian_load_u32(data);
}

size_t target_receive(int fd, uint8_t *buffer, size_t size) {
    size_t frame;

    receive_all(fd, buffer, FRAME_SIZE_BYTES);
    frame = target_frame_size(buffer, FRAME_SIZE_BYTES);
    if (frame > size)
        target_fail("an answer is larger than expected");
    receive_all(fd, buffer + FRAME_SIZE_BYTES, frame - FRAME_SIZE_BYTES);
    return frame;
}

static void begin_request(struct wire_writer *writer, int16_t api, int16_t version) {
    wire_writer_reset(writer);
    wire_write_i32(writer, 0);
    wire_write_i16(writer, api);
    wire_write_i16(writer, version);
    wire_write_i32(writer, 1);
    wire_write_string(writer, bytes_of_text("load"), false, true);
}

static void end_request(struct wire_writer *writer) {
    CHECK(writer->error == ERR_NONE);
    wire_patch_i32(writer, 0, (int32_t)(writer->size - FRAME_SIZE_BYTES));
}

/* Metadata 1: whether the first partition has a leader. */
static bool topic_has_leader(struct bytes frame) {
    struct wire_reader reader;
    int32_t brokers;
    int16_t error;

    wire_reader_init(&reader,
                     bytes_of(frame.data + ANSWER_HEAD_BYTES, frame.size - ANSWER_HEAD_BYTES));
    brokers = wire_read_array_count(&reader, false, false, 10);
    for (int32_t i = 0; i < brokers; i++) {
        (void)wire_read_i32(&reader);
        (void)wire_read_string(&reader, false, false);
        (void)wire_read_i32(&reader);
        (void)wire_read_string(&reader, false, true);
    }
    (void)wire_read_i32(&reader); /* controller */
    (void)wire_read_array_count(&reader, false, false, 8);
    error = wire_read_i16(&reader);
    (void)wire_read_string(&reader, false, false);
    (void)wire_read_bool(&reader);
    (void)wire_read_array_count(&reader, false, false, 18);
    error = (int16_t)(error | wire_read_i16(&reader));
    return reader.error == ERR_NONE && error == 0;
}

void target_write_metadata(struct wire_writer *writer, struct bytes topic) {
    begin_request(writer, 3, 1);
    if (bytes_is_null(topic)) {
        wire_write_i32(writer, -1);
    } else {
        wire_write_array_count(writer, 1, false, true);
        wire_write_string(writer, topic, false, false);
    }
    end_request(writer);
}

void target_wait_for_topic(const struct load_options *options) {
    const struct timespec pause = {0, TOPIC_PAUSE_MS * 1000000};
    struct wire_writer writer;
    uint8_t *answer = malloc(METADATA_BYTES);
    int fd = target_connect(options);

    CHECK(answer != NULL);
    wire_writer_init(&writer, METADATA_BYTES);
    target_write_metadata(&writer, bytes_of_text(options->topic));
    for (int i = 0; i < TOPIC_TRIES; i++) {
        target_send(fd, bytes_of(writer.data, writer.size));
        if (topic_has_leader(bytes_of(answer, target_receive(fd, answer, METADATA_BYTES)))) {
            wire_writer_done(&writer);
            free(answer);
            close(fd);
            return;
        }
        nanosleep(&pause, NULL);
    }
    target_fail("the topic got no leader");
}

void target_write_fetch(struct wire_writer *writer, const struct load_options *options,
                        int64_t offset) {
    begin_request(writer, 1, 4);
    wire_write_i32(writer, -1);
    wire_write_i32(writer, FETCH_WAIT_MS);
    wire_write_i32(writer, 1);
    wire_write_i32(writer, options->fetch_bytes_max);
    wire_write_i8(writer, 0);
    wire_write_array_count(writer, 1, false, false);
    wire_write_string(writer, bytes_of_text(options->topic), false, false);
    wire_write_array_count(writer, 1, false, false);
    wire_write_i32(writer, 0);
    wire_write_i64(writer, offset);
    wire_write_i32(writer, options->fetch_bytes_max);
    end_request(writer);
}

/* Of the `index`th record: made once, since a load with stamps builds its batches as it goes. */
static uint8_t *letters(const struct load_options *options, int index) {
    static uint8_t *all;
    size_t size = (size_t)options->record_bytes;
    size_t start = (size_t)index * size % LETTERS_BYTES;

    if (all == NULL) {
        uint64_t random = 88172645463325252U;
        all = malloc(LETTERS_BYTES + size);
        CHECK(all != NULL);
        for (size_t i = 0; i < LETTERS_BYTES + size; i++) {
            random ^= random << 13; /* xorshift64 */
            random ^= random >> 7;
            random ^= random << 17;
            all[i] = (uint8_t)('a' + random % 16);
        }
    }
    return all + start;
}

static void build_batch(const struct load_options *options, int count, const int64_t *stamps,
                        uint8_t **batch, size_t *size) {
    struct record_batch_options batch_options = record_batch_options_default;
    int64_t now_ms = clock_wall_ms(clock_system());
    struct record_batch_builder *builder;

    if (!compression_from_name(options->codec, &batch_options.codec))
        target_fail("there is no such codec");
    CHECK(record_batch_builder_new(&batch_options, &builder) == ERR_NONE);
    for (int i = 0; i < count; i++) {
        uint8_t *value = letters(options, i);
        if (stamps != NULL)
            memcpy(value, &stamps[i], sizeof(*stamps));
        CHECK(record_batch_builder_add(builder, now_ms, BYTES_NULL,
                                       bytes_of(value, (size_t)options->record_bytes), NULL,
                                       0) == ERR_NONE);
    }
    CHECK(record_batch_builder_finish(builder, batch, size) == ERR_NONE);
    record_batch_builder_free(builder);
}

void target_write_produce(struct wire_writer *writer, const struct load_options *options, int count,
                          const int64_t *stamps) {
    uint8_t *batch;
    size_t size;

    build_batch(options, count, stamps, &batch, &size);
    begin_request(writer, 0, 7); /* the first that may carry zstd */
    wire_write_string(writer, BYTES_NULL, false, true);
    wire_write_i16(writer, (int16_t)options->acks);
    wire_write_i32(writer, ACK_TIMEOUT_MS);
    wire_write_array_count(writer, 1, false, false);
    wire_write_string(writer, bytes_of_text(options->topic), false, false);
    wire_write_array_count(writer, 1, false, false);
    wire_write_i32(writer, 0);
    wire_write_bytes(writer, bytes_of(batch, size), false, true);
    end_request(writer);
    free(batch);
}

size_t target_partition_position(const struct load_options *options) {
    size_t head = FRAME_SIZE_BYTES + 2 + 2 + 4 + 2 + strlen("load");

    return head + 2 + 2 + 4 + 4 + 2 + strlen(options->topic) + 4; /* behind both counts */
}

struct produce_answer target_read_produce(const struct load_options *options,
                                          const uint8_t *frame) {
    /* one topic, one partition */
    const uint8_t *at = frame + ANSWER_HEAD_BYTES + 4 + 2 + strlen(options->topic) + 4 + 4;

    return (struct produce_answer){(int16_t)big_endian_load_u16(at),
                                   (int64_t)big_endian_load_u64(at + 2)};
}

struct bytes target_read_fetch(const struct load_options *options, const uint8_t *frame) {
    const uint8_t *at = frame + ANSWER_HEAD_BYTES + 4 + 4 + 2 + strlen(options->topic) + 4 + 4;
    int32_t aborted;
    size_t size;

    if (big_endian_load_u16(at) != 0)
        target_fail("a fetch was answered with an error");
    aborted = (int32_t)big_endian_load_u32(at + 2 + 16);
    if (aborted > 0)
        target_fail("there are transactions in the topic");
    at += 2 + 16 + 4;
    size = big_endian_load_u32(at);
    return bytes_of(at + 4, size);
}

static void add_usage(int pid, struct target_usage *usage) {
    unsigned long user = 0;
    unsigned long system_ticks = 0;
    long pages = 0;
    char path[64];
    char line[1024];
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    file = fopen(path, "r");
    if (file == NULL || fgets(line, sizeof(line), file) == NULL)
        target_fail("a server is gone");
    fclose(file);
    /* behind the name, which may hold anything */
    if (sscanf(strrchr(line, ')') + 2,
               "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %*d %*d %*d %*d %*d %*d %*u "
               "%*u %ld",
               &user, &system_ticks, &pages) != 3)
        target_fail("/proc/PID/stat is not as expected");
    usage->cpu_seconds += (double)(user + system_ticks) / (double)sysconf(_SC_CLK_TCK);
    usage->resident_kib += (double)pages * (double)sysconf(_SC_PAGESIZE) / 1024;
}

struct target_usage target_usage(const struct load_options *options) {
    struct target_usage usage = {0};

    for (int i = 0; i < options->server_count; i++)
        add_usage(options->servers[i], &usage);
    return usage;
}

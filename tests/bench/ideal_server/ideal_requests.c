#include "tests/bench/ideal_server/ideal_requests.h"

#include "client/base/clock.h"
#include "client/wire/reader.h"

enum { API_PRODUCE = 0, API_FETCH = 1, API_METADATA = 3 };
enum { PRODUCE_VERSION = 7, FETCH_VERSION = 4, METADATA_VERSION = 1 };

#define ANSWER_BYTES_MAX    65536
#define METADATA_PARTITIONS 1000

static struct ideal_log *find_log(struct ideal_requests *requests, struct bytes name) {
    for (size_t i = 0; i < requests->log_count; i++) {
        if (bytes_equal_text(name, requests->logs[i].name))
            return &requests->logs[i];
    }
    return NULL;
}

static struct ideal_log *find_or_make_log(struct ideal_requests *requests, struct bytes name) {
    struct ideal_log *log = find_log(requests, name);

    if (log != NULL)
        return log;
    CHECK(requests->log_count < IDEAL_LOGS_MAX && name.size > 0 && name.size < 128);
    log = &requests->logs[requests->log_count++];
    ideal_log_open(log, requests->folder, (const char *)name.data, name.size);
    return log;
}

static struct wire_writer begin_answer(int32_t correlation_id) {
    struct wire_writer writer;

    wire_writer_init(&writer, ANSWER_BYTES_MAX);
    wire_write_i32(&writer, 0); /* size */
    wire_write_i32(&writer, correlation_id);
    return writer;
}

static void end_answer(struct ideal_connection *connection, struct wire_writer *writer) {
    ideal_connection_answer(connection, writer, (struct file_range){0});
}

static void write_partitions(struct wire_writer *writer, int32_t count) {
    wire_write_array_count(writer, count, false, false);
    for (int32_t i = 0; i < count; i++) {
        wire_write_i16(writer, 0);
        wire_write_i32(writer, i);
        wire_write_i32(writer, 0); /* leader */
        wire_write_array_count(writer, 1, false, false);
        wire_write_i32(writer, 0);
        wire_write_array_count(writer, 1, false, false);
        wire_write_i32(writer, 0);
    }
}

/* Of all topics: one with many partitions, encoded once. */
static struct bytes all_topics(void) {
    static struct wire_writer writer;

    if (writer.size == 0) {
        wire_writer_init(&writer, ANSWER_BYTES_MAX);
        wire_write_array_count(&writer, 1, false, false);
        wire_write_i16(&writer, 0);
        wire_write_string(&writer, bytes_of_text("metadata"), false, false);
        wire_write_bool(&writer, false);
        write_partitions(&writer, METADATA_PARTITIONS);
    }
    return bytes_of(writer.data, writer.size);
}

static void handle_metadata(struct ideal_requests *requests, struct ideal_connection *connection,
                            struct wire_reader *reader, int32_t correlation_id) {
    struct wire_writer writer = begin_answer(correlation_id);
    int32_t count = wire_read_array_count(reader, false, true, 2);

    wire_write_array_count(&writer, 1, false, false); /* brokers */
    wire_write_i32(&writer, 0);
    wire_write_string(&writer, bytes_of_text("127.0.0.1"), false, false);
    wire_write_i32(&writer, requests->port);
    wire_write_string(&writer, BYTES_NULL, false, true);
    wire_write_i32(&writer, 0); /* controller */
    if (count < 0)
        wire_write_raw(&writer, all_topics());
    else
        wire_write_array_count(&writer, count, false, false);
    for (int32_t i = 0; i < count && reader->error == ERR_NONE; i++) {
        struct bytes name = wire_read_string(reader, false, false);
        (void)find_or_make_log(requests, name);
        wire_write_i16(&writer, 0);
        wire_write_string(&writer, name, false, false);
        wire_write_bool(&writer, false);
        write_partitions(&writer, 1);
    }
    end_answer(connection, &writer);
}

static void handle_produce(struct ideal_requests *requests, struct ideal_connection *connection,
                           struct wire_reader *reader, int32_t correlation_id) {
    struct wire_writer writer = begin_answer(correlation_id);
    struct ideal_log *log;
    struct bytes topic;
    struct bytes records;
    int64_t base_offset = -1;
    int32_t partition;
    int16_t acks;
    enum error error = ERR_UNKNOWN_TOPIC_OR_PARTITION;

    (void)wire_read_string(reader, false, true); /* transactional id */
    acks = wire_read_i16(reader);
    (void)wire_read_i32(reader); /* timeout */
    (void)wire_read_array_count(reader, false, false, 6);
    topic = wire_read_string(reader, false, false);
    (void)wire_read_array_count(reader, false, false, 8);
    partition = wire_read_i32(reader);
    records = wire_read_bytes(reader, false, true);
    log = find_log(requests, topic);
    if (log != NULL && reader->error == ERR_NONE)
        error =
            ideal_log_append(log, (uint8_t *)(uintptr_t)records.data, records.size, &base_offset);
    requests->has_appended = true;
    wire_write_array_count(&writer, 1, false, false);
    wire_write_string(&writer, topic, false, false);
    wire_write_array_count(&writer, 1, false, false);
    wire_write_i32(&writer, partition);
    wire_write_i16(&writer, error_to_wire(error));
    wire_write_i64(&writer, base_offset);
    wire_write_i64(&writer, -1); /* append time */
    wire_write_i64(&writer, 0);  /* log start */
    wire_write_i32(&writer, 0);  /* throttle time */
    if (acks == 0)
        wire_writer_done(&writer);
    else
        end_answer(connection, &writer);
}

/* False: it waits for data. */
static bool handle_fetch(struct ideal_requests *requests, struct ideal_connection *connection,
                         struct wire_reader *reader, int32_t correlation_id) {
    struct file_range records = {0};
    struct wire_writer writer;
    struct ideal_log *log;
    struct bytes topic;
    int64_t fetch_offset;
    int32_t wait_ms;
    int32_t bytes_max;

    (void)wire_read_i32(reader); /* replica */
    wait_ms = wire_read_i32(reader);
    (void)wire_read_i32(reader); /* least bytes: one */
    (void)wire_read_i32(reader); /* most bytes */
    (void)wire_read_i8(reader);  /* isolation */
    (void)wire_read_array_count(reader, false, false, 6);
    topic = wire_read_string(reader, false, false);
    (void)wire_read_array_count(reader, false, false, 16);
    (void)wire_read_i32(reader); /* partition */
    fetch_offset = wire_read_i64(reader);
    bytes_max = wire_read_i32(reader);
    log = find_log(requests, topic);
    if (log == NULL || reader->error != ERR_NONE || bytes_max < 0) {
        connection->is_doomed = true;
        return true;
    }
    records.fd = log->fd;
    records.size = ideal_log_find(log, fetch_offset, (size_t)bytes_max, &records.position);
    if (records.size == 0 && wait_ms > 0 && !requests->time_is_up) {
        if (connection->waiting == NULL)
            connection->deadline_ms = clock_monotonic_ms(clock_system()) + wait_ms;
        return false;
    }
    writer = begin_answer(correlation_id);
    wire_write_i32(&writer, 0); /* throttle time */
    wire_write_array_count(&writer, 1, false, false);
    wire_write_string(&writer, topic, false, false);
    wire_write_array_count(&writer, 1, false, false);
    wire_write_i32(&writer, 0);
    wire_write_i16(&writer, 0);
    wire_write_i64(&writer, log->next_offset);
    wire_write_i64(&writer, log->next_offset);
    wire_write_array_count(&writer, 0, false, false); /* aborted transactions */
    wire_write_i32(&writer, (int32_t)records.size);
    ideal_connection_answer(connection, &writer, records);
    return true;
}

bool ideal_requests_handle(void *context, struct ideal_connection *connection, uint8_t *frame,
                           size_t size) {
    struct ideal_requests *requests = context;
    struct wire_reader reader;
    int32_t correlation_id;
    int16_t version;
    int16_t api;
    bool is_done = true;

    wire_reader_init(&reader, bytes_of(frame, size));
    api = wire_read_i16(&reader);
    version = wire_read_i16(&reader);
    correlation_id = wire_read_i32(&reader);
    (void)wire_read_string(&reader, false, true); /* client id */
    if (api == API_PRODUCE && version == PRODUCE_VERSION)
        handle_produce(requests, connection, &reader, correlation_id);
    else if (api == API_FETCH && version == FETCH_VERSION)
        is_done = handle_fetch(requests, connection, &reader, correlation_id);
    else if (api == API_METADATA && version == METADATA_VERSION)
        handle_metadata(requests, connection, &reader, correlation_id);
    else
        connection->is_doomed = true;
    connection->is_doomed = connection->is_doomed || reader.error != ERR_NONE;
    return is_done;
}

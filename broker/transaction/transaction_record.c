#include "broker/transaction/transaction_record.h"

#include <stdlib.h>

#include "client/wire/reader.h"

#define KEY_VERSION       0
#define VALUE_VERSION     0
#define VALUE_VERSION_MAX 1 /* flexible */
#define TOPIC_BYTES_MIN   3 /* flexible, empty */

enum error transaction_key_decode(struct bytes bytes, struct bytes *id) {
    struct wire_reader reader;
    int16_t version;

    wire_reader_init(&reader, bytes);
    version = wire_read_i16(&reader);
    if (reader.error == ERR_NONE && version != KEY_VERSION)
        return ERR_UNSUPPORTED_VERSION;
    *id = wire_read_string(&reader, false, false);
    return reader.error;
}

void transaction_key_encode(struct wire_writer *writer, struct bytes id) {
    wire_write_i16(writer, KEY_VERSION);
    wire_write_string(writer, id, false, false);
}

static enum error add(struct transaction_values *values, int32_t *capacity, struct bytes topic,
                      int32_t index) {
    char *copy;

    if (values->partition_count == *capacity) {
        int32_t more = *capacity == 0 ? 8 : *capacity * 2;
        struct transaction_partition *grown =
            realloc(values->partitions, (size_t)more * sizeof(*grown));
        if (grown == NULL)
            return ERR_OUT_OF_MEMORY;
        values->partitions = grown;
        *capacity = more;
    }
    if ((copy = malloc(topic.size + 1)) == NULL)
        return ERR_OUT_OF_MEMORY;
    if (topic.size > 0)
        memcpy(copy, topic.data, topic.size);
    copy[topic.size] = '\0';
    values->partitions[values->partition_count++] =
        (struct transaction_partition){bytes_of(copy, topic.size), index};
    return ERR_NONE;
}

static int ascending(const void *a, const void *b) {
    const struct transaction_partition *left = a;
    const struct transaction_partition *right = b;
    int order = memcmp(left->topic.data, right->topic.data,
                       left->topic.size < right->topic.size ? left->topic.size : right->topic.size);

    if (order == 0)
        order = (left->topic.size > right->topic.size) - (left->topic.size < right->topic.size);
    return order != 0 ? order : (left->index > right->index) - (left->index < right->index);
}

static enum error read_partitions(struct wire_reader *reader, bool is_flexible,
                                  struct transaction_values *values) {
    int32_t topics = wire_read_array_count(reader, is_flexible, true, TOPIC_BYTES_MIN);
    int32_t capacity = 0;
    enum error error = ERR_NONE;

    for (int32_t i = 0; i < topics && reader->error == ERR_NONE && error == ERR_NONE; i++) {
        struct bytes topic = wire_read_string(reader, is_flexible, false);
        int32_t count = wire_read_array_count(reader, is_flexible, false, sizeof(int32_t));
        for (int32_t j = 0; j < count && reader->error == ERR_NONE && error == ERR_NONE; j++)
            error = add(values, &capacity, topic, wire_read_i32(reader));
        if (is_flexible)
            wire_skip_tagged_fields(reader);
    }
    /* Kafka writes them in any order. */
    if (values->partition_count > 1)
        qsort(values->partitions, (size_t)values->partition_count, sizeof(*values->partitions),
              ascending);
    return error;
}

enum error transaction_value_decode(struct bytes bytes, struct transaction_values *decoded) {
    struct transaction_values values = {
        .last_producer_id = NO_PRODUCER_ID,
        .last_producer_epoch = NO_PRODUCER_EPOCH,
    };
    struct wire_reader reader;
    int16_t version;
    int8_t state;
    enum error error;

    wire_reader_init(&reader, bytes);
    version = wire_read_i16(&reader);
    if (reader.error == ERR_NONE && (version < 0 || version > VALUE_VERSION_MAX))
        return ERR_UNSUPPORTED_VERSION;
    values.producer_id = wire_read_i64(&reader);
    values.producer_epoch = wire_read_i16(&reader);
    values.timeout_ms = wire_read_i32(&reader);
    state = wire_read_i8(&reader);
    error = read_partitions(&reader, version >= 1, &values);
    values.update_ms = wire_read_i64(&reader);
    values.start_ms = wire_read_i64(&reader);
    if (version >= 1)
        wire_skip_tagged_fields(&reader);
    if (error == ERR_NONE)
        error = reader.error;
    if (error == ERR_NONE && (state < 0 || state >= TRANSACTION_DEAD))
        error = ERR_MALFORMED;
    values.state = (enum transaction_state)state;
    if (error != ERR_NONE)
        transaction_values_done(&values);
    else
        *decoded = values;
    return error;
}

static int32_t count_topic(const struct transaction_values *values, int32_t from) {
    int32_t to = from;

    while (to < values->partition_count &&
           bytes_equal(values->partitions[to].topic, values->partitions[from].topic))
        to++;
    return to - from;
}

static void write_partitions(struct wire_writer *writer, const struct transaction_values *values) {
    int32_t topics = 0;

    for (int32_t i = 0; i < values->partition_count; i += count_topic(values, i))
        topics++;
    wire_write_array_count(writer, values->state == TRANSACTION_EMPTY ? -1 : topics, false, true);
    for (int32_t i = 0; i < values->partition_count;) {
        int32_t count = count_topic(values, i);
        wire_write_string(writer, values->partitions[i].topic, false, false);
        wire_write_array_count(writer, count, false, false);
        for (int32_t j = 0; j < count; j++)
            wire_write_i32(writer, values->partitions[i + j].index);
        i += count;
    }
}

void transaction_value_encode(struct wire_writer *writer, const struct transaction_values *values) {
    CHECK(values->state < TRANSACTION_DEAD);
    CHECK(values->state != TRANSACTION_EMPTY || values->partition_count == 0);
    wire_write_i16(writer, VALUE_VERSION);
    wire_write_i64(writer, values->producer_id);
    wire_write_i16(writer, values->producer_epoch);
    wire_write_i32(writer, values->timeout_ms);
    wire_write_i8(writer, (int8_t)values->state);
    write_partitions(writer, values);
    wire_write_i64(writer, values->update_ms);
    wire_write_i64(writer, values->start_ms);
}

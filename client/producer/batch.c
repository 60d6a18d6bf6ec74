#include "client/producer/batch.h"

#include <stdlib.h>

#include "client/producer/outgoing.h"

enum error batch_new(enum compression codec, bool transactional, const char *topic,
                     int32_t partition, int64_t now_ms, struct batch **created) {
    struct record_batch_options options = record_batch_options_default;
    struct batch *batch = calloc(1, sizeof(*batch));
    enum error error;

    if (batch == NULL)
        return ERR_OUT_OF_MEMORY;
    options.codec = codec;
    if (transactional)
        options.attributes |= RECORD_BATCH_TRANSACTIONAL;
    if ((error = record_batch_builder_new(&options, &batch->builder)) != ERR_NONE) {
        free(batch);
        return error;
    }
    batch->state = BATCH_OPEN;
    batch->created_ms = now_ms;
    batch->producer_id = RECORD_NO_PRODUCER_ID;
    batch->producer_epoch = -1;
    batch->base_sequence = RECORD_NO_SEQUENCE;
    batch->topic = topic;
    batch->partition = partition;
    batch->base_offset = -1;
    batch->log_append_time_ms = -1;
    *created = batch;
    return ERR_NONE;
}

void batch_free(struct batch *batch) {
    if (batch == NULL)
        return;
    record_batch_builder_free(batch->builder);
    free(batch->bytes);
    free(batch->reports);
    free(batch);
}

struct batch *batch_of_failed(const char *topic, int32_t partition, enum error error,
                              size_t charged_bytes, struct report report) {
    struct batch *batch = calloc(1, sizeof(*batch));

    if (batch == NULL)
        return NULL;
    batch->reports = malloc(sizeof(*batch->reports));
    if (batch->reports == NULL) {
        free(batch);
        return NULL;
    }
    batch->state = BATCH_CLOSED;
    batch->topic = topic;
    batch->partition = partition;
    batch->error = error;
    batch->charged_bytes = charged_bytes;
    batch->base_sequence = RECORD_NO_SEQUENCE;
    batch->base_offset = -1;
    batch->log_append_time_ms = -1;
    batch->reports[batch->record_count++] = report;
    return batch;
}

static enum error reports_reserve(struct batch *batch) {
    size_t capacity = batch->report_capacity == 0 ? 16 : batch->report_capacity * 2;
    struct report *reports;

    if ((size_t)batch->record_count < batch->report_capacity)
        return ERR_NONE;
    reports = reallocarray(batch->reports, capacity, sizeof(*reports));
    if (reports == NULL)
        return ERR_OUT_OF_MEMORY;
    batch->reports = reports;
    batch->report_capacity = capacity;
    return ERR_NONE;
}

enum error batch_add(struct batch *batch, int64_t timestamp, struct bytes key, struct bytes value,
                     const struct record_header *headers, int32_t header_count,
                     struct report report) {
    enum error error;

    CHECK(batch->state == BATCH_OPEN);
    if ((error = reports_reserve(batch)) != ERR_NONE)
        return error;
    error = record_batch_builder_add(batch->builder, timestamp, key, value, headers, header_count);
    if (error != ERR_NONE)
        return error;
    batch->reports[batch->record_count++] = report;
    return ERR_NONE;
}

size_t batch_bytes(const struct batch *batch) {
    return batch->builder != NULL ? record_batch_builder_size(batch->builder) : batch->size;
}

/* Finished bytes whose sequence was given anew. */
static enum error batch_restamp(struct batch *batch) {
    struct record_batch header;
    enum error error = record_batch_decode(bytes_of(batch->bytes, batch->size), &header);

    if (error != ERR_NONE)
        return error;
    if (header.producer_id == batch->producer_id && header.base_sequence == batch->base_sequence &&
        header.producer_epoch == batch->producer_epoch)
        return ERR_NONE;
    header.producer_id = batch->producer_id;
    header.producer_epoch = batch->producer_epoch;
    header.base_sequence = batch->base_sequence;
    record_batch_write_header(batch->bytes, &header);
    return ERR_NONE;
}

enum error batch_finish(struct batch *batch) {
    enum error error;

    CHECK(batch->state != BATCH_OPEN);
    if (batch->bytes != NULL)
        return batch_restamp(batch);
    record_batch_builder_set_producer(batch->builder, batch->producer_id, batch->producer_epoch,
                                      batch->base_sequence);
    error = record_batch_builder_finish(batch->builder, &batch->bytes, &batch->size);
    if (error != ERR_NONE)
        return error;
    record_batch_builder_free(batch->builder);
    batch->builder = NULL;
    return ERR_NONE;
}

void batch_report(const struct batch *batch, const struct producer_interceptors *interceptors) {
    struct barnabas_delivery delivery = {
        .error = batch->error,
        .topic = batch->topic,
        .partition = batch->partition,
    };

    for (int32_t i = 0; i < batch->record_count; i++) {
        const struct report *report = &batch->reports[i];

        if (report->delivered == NULL && interceptors->count == 0)
            continue;
        delivery.offset = batch->base_offset < 0 ? BARNABAS_OFFSET_UNKNOWN : batch->base_offset + i;
        delivery.timestamp =
            batch->log_append_time_ms < 0 ? report->timestamp : batch->log_append_time_ms;
        interceptors_ack(interceptors, &delivery);
        if (report->delivered != NULL)
            report->delivered(report->context, &delivery);
    }
}

/*
 * Walks the input as a log or a consumer does: batch by batch, each record, each header. The CRC
 * is computed but not required, so that changed batches get further than their header.
 */
#include "client/wire/record_batch.h"

#define PLAIN_BYTES_MAX ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk_headers(const struct record *record) {
    struct bytes rest = record->headers;
    struct record_header header;
    int32_t count = 0;

    while (record_header_next(&rest, &header)) {
        CHECK(!bytes_is_null(header.key));
        count++;
    }
    CHECK(count == record->header_count);
    CHECK(rest.size == 0);
}

static void walk_records(const struct record_batch *batch) {
    struct record_iterator iterator;
    struct record record;
    enum error error = record_iterator_init(&iterator, batch, PLAIN_BYTES_MAX);
    int32_t count = 0;

    if (error != ERR_NONE) {
        CHECK(error == ERR_CORRUPT_MESSAGE || error == ERR_OUT_OF_MEMORY);
        return;
    }
    while (record_iterator_next(&iterator, &record, &error)) {
        walk_headers(&record);
        count++;
    }
    if (error == ERR_NONE) {
        CHECK(count == batch->record_count);
        /* What is whole in detail is whole by its lengths. */
        if (record_batch_codec(batch) == COMPRESSION_NONE)
            CHECK(record_batch_check_structure(batch) == ERR_NONE);
    }
    record_iterator_done(&iterator);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct bytes rest = bytes_of(data, size);
    struct record_batch batch;
    enum error error;

    while (record_batch_decode(rest, &batch) == ERR_NONE) {
        (void)record_batch_crc_is_valid(&batch);
        error = record_batch_check_structure(&batch);
        CHECK(error == ERR_NONE || error == ERR_INVALID_RECORD);
        (void)record_batch_last_sequence(&batch);
        walk_records(&batch);
        rest = bytes_of(rest.data + batch.whole.size, rest.size - batch.whole.size);
    }
    return 0;
}

/* What a producer may send. The first byte chooses the topic's settings, and whether the CRC is
 * made to fit, so that what lies behind it is reached. */
#include <stdlib.h>

#include "broker/log/append_check.h"
#include "client/wire/big_endian.h"
#include "client/wire/crc32c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct log_config config_of(uint8_t choice) {
    struct log_config config = log_config_default;

    config.max_message_bytes = 100000;
    config.log_append_time = choice & 1;
    config.compact = choice & 2;
    config.validate_compressed_records = choice & 4;
    if (choice & 8) {
        config.keep_producer_compression = false;
        config.compression = (enum compression)((choice >> 5) % 5);
    }
    if (choice & 16)
        config.timestamp_before_max_ms = 1000;
    return config;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct log_append_result result = {.log_append_time = -1};
    struct append_checked checked;
    struct log_config config;
    struct arena arena;
    uint8_t *records;
    enum error error;

    if (size < 1 || size > 65536)
        return 0;
    config = config_of(data[0]);
    records = malloc(size);
    CHECK(records != NULL);
    memcpy(records, data + 1, size - 1);
    if (size - 1 > 61 && big_endian_load_u32(records + 8) == size - 1 - 12)
        big_endian_store_u32(records + 17, crc32c(0, records + 21, size - 1 - 21));
    arena_init(&arena, 1 << 20);
    error = append_check(records, size - 1, &config, LOG_APPEND_CLIENT, 1700000000000, &arena,
                         &checked, &result);
    if (error == ERR_NONE) {
        CHECK(checked.size <= (size_t)config.max_message_bytes);
        CHECK(record_batch_crc_is_valid(&checked.batch));
        CHECK(checked.batch.last_offset_delta == checked.batch.record_count - 1);
    } else {
        CHECK(checked.rebuilt == NULL);
    }
    free(checked.rebuilt);
    arena_done(&arena);
    free(records);
    return 0;
}

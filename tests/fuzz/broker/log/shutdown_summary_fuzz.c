/* What a clean stop tells: any text, with its right checksum behind it or without, is refused or
 * gives logs that can be written again. */
#include <stdio.h>
#include <stdlib.h>

#include "broker/log/shutdown_summary.h"
#include "client/wire/crc32c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse(struct bytes text) {
    struct shutdown_summary summary;
    struct shutdown_summary again;
    struct arena arena;
    char *written;
    size_t size;

    arena_init(&arena, 1 << 22);
    if (shutdown_summary_parse(text, &arena, &summary) == ERR_NONE) {
        for (size_t i = 0; i < summary.count; i++) {
            const struct summarised_log *log = &summary.logs[i];
            CHECK(log->first_base_offset <= log->start_offset);
            CHECK(log->start_offset <= log->end_offset);
            CHECK(shutdown_summary_find(&summary, log->topic, log->partition) == log);
        }
        CHECK(shutdown_summary_encode(&summary, &written, &size) == ERR_NONE);
        CHECK(shutdown_summary_parse(bytes_of(written, size), &arena, &again) == ERR_NONE);
        CHECK(again.count == summary.count);
        free(written);
    }
    arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = malloc(size + 16);

    CHECK(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    parse(bytes_of(text, size));
    size += (size_t)snprintf(text + size, 16, "%u\n", crc32c(0, text, size));
    parse(bytes_of(text, size));
    free(text);
    return 0;
}

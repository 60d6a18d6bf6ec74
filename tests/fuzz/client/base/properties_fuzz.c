/* Any bytes: parsed or refused within bounds; what was parsed survives writing and reading. */
#include <stdlib.h>

#include "client/base/properties.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_back(const struct properties *written) {
    struct properties read;
    struct properties_failure failure;
    char *text = NULL;
    size_t size = 0;

    if (properties_format(written, 0, &text, &size) != ERR_NONE || size > PROPERTIES_TEXT_SIZE_MAX)
        goto out;
    properties_init(&read);
    CHECK(properties_parse(&read, bytes_of(text, size), &failure) == ERR_NONE);
    CHECK(read.count == written->count);
    for (size_t i = 0; i < read.count; i++) {
        CHECK(strcmp(read.entries[i].key, written->entries[i].key) == 0);
        CHECK(strcmp(read.entries[i].value, written->entries[i].value) == 0);
    }
    properties_done(&read);
out:
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct properties properties;
    struct properties_failure failure = {0};
    enum error error;

    properties_init(&properties);
    error = properties_parse(&properties, bytes_of(data, size), &failure);
    CHECK(error == ERR_NONE || error == ERR_MALFORMED);
    if (error == ERR_MALFORMED)
        CHECK(failure.line > 0 && failure.text != NULL);
    else
        read_back(&properties);
    properties_done(&properties);
    return 0;
}

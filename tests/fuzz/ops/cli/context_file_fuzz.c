/* Reads the input as a file with contexts, for one that it names itself. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ops/cli/context_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool look(void *context, const char *key, const char *value) {
    (void)context;
    if (key[0] == '\0' || strchr(key, '=') != NULL || strchr(value, '\n') != NULL)
        abort();
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    size_t line_number;
    FILE *file = size == 0 ? NULL : fmemopen((void *)(uintptr_t)data, size, "r");

    if (file == NULL)
        return 0;
    (void)context_read(file, NULL, look, NULL, &line_number);
    fclose(file);
    return 0;
}

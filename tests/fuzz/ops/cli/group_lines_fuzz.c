/* Reads the input as a file of a group's lines. What is read lies in its bounds, each once. */
#include <stdlib.h>

#include "ops/cli/group_lines.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct group_lines lines = {0};
    size_t line_number;
    FILE *file = size == 0 ? NULL : fmemopen((void *)(uintptr_t)data, size, "r");

    if (file == NULL)
        return 0;
    (void)group_lines_read(&lines, file, &line_number); /* what was read before stays */
    fclose(file);
    for (size_t i = 0; i < lines.count; i++) {
        const struct barnabas_offset *line = &lines.items[i];

        if (line->topic[0] == '\0' || line->partition < 0 || line->offset < 0 ||
            group_lines_find(&lines, line->topic, line->partition) != line)
            abort();
    }
    group_lines_done(&lines);
    return 0;
}

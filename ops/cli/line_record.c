#include "ops/cli/line_record.h"

#include <string.h>

struct line_record line_record_split(const char *line, size_t size, const char *separator) {
    struct line_record record = {NULL, 0, line, size};
    size_t separator_size = separator == NULL ? 0 : strlen(separator);
    const char *found;

    if (size > 0 && line[size - 1] == '\n')
        record.value_size--;
    if (separator_size == 0)
        return record;
    found = memmem(line, record.value_size, separator, separator_size);
    if (found == NULL)
        return record;
    record.key = line;
    record.key_size = (size_t)(found - line);
    record.value = found + separator_size;
    record.value_size -= record.key_size + separator_size;
    return record;
}

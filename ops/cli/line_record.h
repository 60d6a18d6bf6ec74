/*
 * From a line of input to the key and value of a record.
 *
 * A line is what stands before a newline, or the rest of the input if it does not end in one:
 * any bytes, also none at all. The newline is not part of the record; a carriage return is.
 * With a key separator the key is what stands before its first occurrence; a line without one
 * has no key. Pure.
 */
#ifndef OPS_CLI_LINE_RECORD_H
#define OPS_CLI_LINE_RECORD_H

#include <stddef.h>

struct line_record {
    const char *key; /* NULL: none */
    size_t key_size;
    const char *value; /* never NULL */
    size_t value_size;
};

/* `line` with `size` bytes may end in a newline. `separator` NULL: no keys. All pointers point
 * into `line`. */
struct line_record line_record_split(const char *line, size_t size, const char *separator);

#endif

/*
 * How the generated printers show values, on one line: text in quotes with what is not printable
 * escaped, bytes and records by their size alone (they may be secrets, or large).
 *
 * Threads: as the FILE.
 */
#ifndef CLIENT_WIRE_PRINT_H
#define CLIENT_WIRE_PRINT_H

#include <stdio.h>

#include "client/base/bytes.h"
#include "client/base/uuid.h"
#include "client/wire/writer.h"

void wire_print_string(FILE *out, struct bytes value);
void wire_print_bytes(FILE *out, struct bytes value);
void wire_print_records(FILE *out, const struct wire_records *value);
void wire_print_uuid(FILE *out, const struct uuid *value);

/* " name=[", the spaces between elements, and "]"; " name=null" for a `count` of -1. */
void wire_print_array(FILE *out, const char *name, int32_t count);
void wire_print_separator(FILE *out, int32_t index);
void wire_print_array_end(FILE *out, int32_t count);

#endif

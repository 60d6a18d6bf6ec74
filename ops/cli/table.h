/*
 * A table for people: a header in capitals, text to the left, numbers to the right, columns as
 * wide as they must be, no boxes. Cells are copied.
 */
#ifndef OPS_CLI_TABLE_H
#define OPS_CLI_TABLE_H

#include <stdint.h>
#include <stdio.h>

struct table;

/* `header` names the columns, separated by blanks; a trailing '#' means numbers. NULL if memory
 * is out. */
struct table *table_new(const char *header);
void table_free(struct table *table); /* accepts NULL */

/* Cells from left to right, row by row. */
void table_text(struct table *table, const char *text);
void table_number(struct table *table, int64_t number);
void table_numbers(struct table *table, const int32_t *numbers, size_t count); /* "1,2,3" */

/* Rows that are not whole are left out. */
void table_print(const struct table *table, FILE *out);

#endif

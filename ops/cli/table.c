#include "ops/cli/table.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX 16

struct table {
    char *names[COLUMNS_MAX];
    bool numbers[COLUMNS_MAX];
    size_t widths[COLUMNS_MAX];
    size_t column_count;
    char **cells;
    size_t cell_count;
    size_t cell_capacity;
};

struct table *table_new(const char *header) {
    struct table *table = calloc(1, sizeof(*table));

    for (const char *at = header;
         table != NULL && *at != '\0' && table->column_count < COLUMNS_MAX;) {
        size_t size = strcspn(at, " ");
        size_t column = table->column_count++;

        table->numbers[column] = size > 0 && at[size - 1] == '#';
        table->widths[column] = size - table->numbers[column];
        table->names[column] = strndup(at, table->widths[column]);
        if (table->names[column] == NULL) {
            table_free(table);
            return NULL;
        }
        at += size;
        at += strspn(at, " ");
    }
    return table;
}

void table_free(struct table *table) {
    if (table == NULL)
        return;
    for (size_t i = 0; i < table->cell_count; i++)
        free(table->cells[i]);
    for (size_t i = 0; i < table->column_count; i++)
        free(table->names[i]);
    free(table->cells);
    free(table);
}

void table_text(struct table *table, const char *text) {
    size_t column = table->cell_count % table->column_count;
    size_t size = strlen(text);

    if (table->cell_count == table->cell_capacity) {
        size_t capacity = table->cell_capacity == 0 ? 64 : table->cell_capacity * 2;
        char **cells = reallocarray(table->cells, capacity, sizeof(char *));

        if (cells == NULL)
            return;
        table->cells = cells;
        table->cell_capacity = capacity;
    }
    table->cells[table->cell_count] = strdup(text);
    if (table->cells[table->cell_count] == NULL)
        return;
    table->cell_count++;
    if (size > table->widths[column])
        table->widths[column] = size;
}

void table_number(struct table *table, int64_t number) {
    char text[32];

    snprintf(text, sizeof(text), "%" PRId64, number);
    table_text(table, text);
}

void table_numbers(struct table *table, const int32_t *numbers, size_t count) {
    char text[512] = "";
    size_t used = 0;

    for (size_t i = 0; i < count && used < sizeof(text) - 16; i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%" PRId32, i == 0 ? "" : ",",
                                 numbers[i]);
    table_text(table, count == 0 ? "-" : text);
}

static void row_print(const struct table *table, FILE *out, char *const *cells) {
    for (size_t i = 0; i < table->column_count; i++) {
        bool last = i + 1 == table->column_count;

        if (table->numbers[i])
            fprintf(out, "%*s", (int)table->widths[i], cells[i]);
        else if (last)
            fprintf(out, "%s", cells[i]);
        else
            fprintf(out, "%-*s", (int)table->widths[i], cells[i]);
        fputs(last ? "\n" : "  ", out);
    }
}

void table_print(const struct table *table, FILE *out) {
    row_print(table, out, table->names);
    for (size_t i = 0; i + table->column_count <= table->cell_count; i += table->column_count)
        row_print(table, out, &table->cells[i]);
}

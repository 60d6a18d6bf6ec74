#include "ops/cli/json.h"

#include <stdio.h>

static bool was_printed;

bool json_was_printed(void) {
    return was_printed;
}

json_t *json_document(const char *kind) {
    return json_pack("{s:s, s:s}", "kind", kind, "apiVersion", "barnabas/v1");
}

json_t *json_numbers(const int32_t *numbers, size_t count) {
    json_t *array = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, json_integer(numbers[i]));
    return array;
}

enum exit_status json_finish(json_t *document) {
    int failed = document == NULL || json_dumpf(document, stdout, JSON_INDENT(2)) != 0;

    json_decref(document);
    was_printed = true;
    if (failed) {
        fprintf(stderr, "barnabas: the result cannot be printed\n");
        return EXIT_FAILED;
    }
    putchar('\n');
    return EXIT_OK;
}

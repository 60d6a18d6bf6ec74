#include "ops/cli/delete_file.h"

#include <jansson.h>

static bool complain(const char *path, const char *problem) {
    fprintf(stderr, "barnabas: records delete: %s: %s\n", path, problem);
    return false;
}

static bool is_whole(const json_t *number, int64_t min, int64_t max) {
    return json_is_integer(number) && json_integer_value(number) >= min &&
           json_integer_value(number) <= max;
}

static bool read_line(const char *path, const json_t *item, struct group_lines *lines) {
    const char *topic = json_string_value(json_object_get(item, "topic"));
    const json_t *partition = json_object_get(item, "partition");
    const json_t *offset = json_object_get(item, "offset");

    if (topic == NULL || topic[0] == '\0' || !is_whole(partition, 0, INT32_MAX) ||
        !is_whole(offset, -1, INT64_MAX))
        return complain(path, "each of \"partitions\" needs a \"topic\", a \"partition\" and an "
                              "\"offset\"");
    if (group_lines_find(lines, topic, (int32_t)json_integer_value(partition)) != NULL)
        return complain(path, "it names a partition twice");
    return group_lines_add(lines, topic, (int32_t)json_integer_value(partition),
                           json_integer_value(offset)) ||
           complain(path, "memory is out");
}

bool delete_file_read(const char *path, struct group_lines *lines) {
    json_error_t error;
    json_t *document = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    const json_t *partitions = json_object_get(document, "partitions");
    const json_t *version = json_object_get(document, "version");
    bool is_read = true;

    if (document == NULL) {
        fprintf(stderr, "barnabas: records delete: %s:%d: %s\n", path, error.line, error.text);
        return false;
    }
    if (!json_is_array(partitions) || (version != NULL && json_integer_value(version) != 1))
        is_read = complain(path, "\"partitions\" are needed, and \"version\" 1");
    for (size_t i = 0; is_read && i < json_array_size(partitions); i++)
        is_read = read_line(path, json_array_get(partitions, i), lines);
    json_decref(document);
    return is_read;
}

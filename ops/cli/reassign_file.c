#include "ops/cli/reassign_file.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool complain(const char *path, const char *problem) {
    fprintf(stderr, "barnabas: partition reassign: %s: %s\n", path, problem);
    return false;
}

static int compare(const void *left, const void *right) {
    const struct reassign_file_row *a = left, *b = right;
    int order = strcmp(a->topic, b->topic);

    return order != 0 ? order : (a->partition > b->partition) - (a->partition < b->partition);
}

static bool read_replicas(const json_t *replicas, struct broker_list *list) {
    size_t count = json_array_size(replicas);

    if (count == 0 || count > BROKER_LIST_MAX)
        return false;
    for (size_t i = 0; i < count; i++) {
        const json_t *id = json_array_get(replicas, i);

        if (!json_is_integer(id) || json_integer_value(id) < 0 ||
            json_integer_value(id) > INT32_MAX)
            return false;
        for (size_t j = 0; j < i; j++)
            if (list->ids[j] == (int32_t)json_integer_value(id))
                return false;
        list->ids[list->count++] = (int32_t)json_integer_value(id);
    }
    return true;
}

static bool names_directories(const json_t *log_dirs) {
    for (size_t i = 0; i < json_array_size(log_dirs); i++) {
        const char *path = json_string_value(json_array_get(log_dirs, i));
        if (path == NULL || strcmp(path, "any") != 0)
            return true;
    }
    return false;
}

static bool read_row(const char *path, const json_t *item, struct reassign_file_row *row) {
    const char *topic = json_string_value(json_object_get(item, "topic"));
    const json_t *partition = json_object_get(item, "partition");

    if (topic == NULL || strlen(topic) >= sizeof(row->topic) || !json_is_integer(partition) ||
        json_integer_value(partition) < 0 || json_integer_value(partition) > INT32_MAX)
        return complain(path, "each of \"partitions\" needs a \"topic\" and a \"partition\"");
    snprintf(row->topic, sizeof(row->topic), "%s", topic);
    row->partition = (int32_t)json_integer_value(partition);
    if (!read_replicas(json_object_get(item, "replicas"), &row->replicas))
        return complain(path, "\"replicas\" must be different brokers");
    if (names_directories(json_object_get(item, "log_dirs")))
        return complain(path, "it names directories; \"barnabas partition move-dir\" moves "
                              "replicas into them");
    return true;
}

static bool read_rows(const char *path, const json_t *document, struct reassign_file *file) {
    const json_t *version = json_object_get(document, "version");
    const json_t *partitions = json_object_get(document, "partitions");
    size_t count = json_array_size(partitions);

    if (json_integer_value(version) != 1 || !json_is_array(partitions))
        return complain(path, "it is no reassignment: \"version\" 1 and \"partitions\" are needed");
    if ((file->rows = calloc(count + 1, sizeof(*file->rows))) == NULL)
        return complain(path, "memory is out");
    for (size_t i = 0; i < count; i++)
        if (!read_row(path, json_array_get(partitions, i), &file->rows[file->count++]))
            return false;
    qsort(file->rows, file->count, sizeof(*file->rows), compare);
    for (size_t i = 1; i < file->count; i++)
        if (compare(&file->rows[i - 1], &file->rows[i]) == 0)
            return complain(path, "it names a partition twice");
    return true;
}

bool reassign_file_read(const char *path, struct reassign_file *file) {
    json_error_t error;
    json_t *document = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    bool is_read;

    *file = (struct reassign_file){0};
    if (document == NULL) {
        fprintf(stderr, "barnabas: partition reassign: %s:%d: %s\n", path, error.line, error.text);
        return false;
    }
    is_read = read_rows(path, document, file);
    json_decref(document);
    return is_read;
}

void reassign_file_free(struct reassign_file *file) {
    free(file->rows);
}

const struct reassign_file_row *reassign_file_find(const struct reassign_file *file,
                                                   const char *topic, int32_t partition) {
    struct reassign_file_row wanted = {.partition = partition};

    if (strlen(topic) >= sizeof(wanted.topic))
        return NULL;
    memcpy(wanted.topic, topic, strlen(topic) + 1);
    return bsearch(&wanted, file->rows, file->count, sizeof(*file->rows), compare);
}

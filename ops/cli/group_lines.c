#include "ops/cli/group_lines.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ops/cli/partition_name.h"

void group_lines_done(struct group_lines *lines) {
    for (size_t i = 0; i < lines->count; i++)
        free((char *)(uintptr_t)lines->items[i].topic);
    free(lines->items);
    memset(lines, 0, sizeof(*lines));
}

bool group_lines_add(struct group_lines *lines, const char *topic, int32_t partition,
                     int64_t offset) {
    char *name;

    if (lines->count == lines->capacity) {
        size_t capacity = lines->capacity * 2 + 16;
        struct barnabas_offset *items = reallocarray(lines->items, capacity, sizeof(*items));

        if (items == NULL)
            return false;
        lines->items = items;
        lines->capacity = capacity;
    }
    name = strdup(topic);
    if (name == NULL)
        return false;
    lines->items[lines->count++] = (struct barnabas_offset){
        .topic = name, .partition = partition, .offset = offset, .leader_epoch = -1};
    return true;
}

struct barnabas_offset *group_lines_find(const struct group_lines *lines, const char *topic,
                                         int32_t partition) {
    for (size_t i = 0; i < lines->count; i++)
        if (lines->items[i].partition == partition && strcmp(lines->items[i].topic, topic) == 0)
            return &lines->items[i];
    return NULL;
}

static int line_order(const void *left, const void *right) {
    const struct barnabas_offset *a = left;
    const struct barnabas_offset *b = right;
    int order = strcmp(a->topic, b->topic);

    return order != 0 ? order : (a->partition > b->partition) - (a->partition < b->partition);
}

void group_lines_sort(struct group_lines *lines) {
    if (lines->count > 0)
        qsort(lines->items, lines->count, sizeof(*lines->items), line_order);
}

static bool is_meant(const struct barnabas_offset *offset, const char *const *topics) {
    struct partition_name name;

    if (topics == NULL)
        return true;
    for (; *topics != NULL; topics++)
        if (partition_name_parse(*topics, &name) && strcmp(name.topic, offset->topic) == 0 &&
            (name.partition == PARTITION_ALL || name.partition == offset->partition))
            return true;
    return false;
}

bool group_lines_take(struct group_lines *lines, const struct barnabas_offsets *offsets,
                      const char *const *topics) {
    for (size_t i = 0; i < offsets->count; i++)
        if (is_meant(&offsets->items[i], topics) &&
            !group_lines_add(lines, offsets->items[i].topic, offsets->items[i].partition,
                             offsets->items[i].offset))
            return false;
    return true;
}

static bool take_number(const char *text, int64_t max, int64_t *number) {
    intmax_t value;
    char *end;

    if (text == NULL || *text < '0' || *text > '9')
        return false;
    errno = 0;
    value = strtoimax(text, &end, 10);
    *number = value;
    return errno == 0 && *end == '\0' && value <= max;
}

static bool read_line(struct group_lines *lines, char *text) {
    int64_t partition;
    int64_t offset;
    char *rest = text;
    char *topic = strsep(&rest, ",");

    return topic[0] != '\0' && take_number(strsep(&rest, ","), INT32_MAX, &partition) &&
           take_number(rest, INT64_MAX, &offset) &&
           group_lines_find(lines, topic, (int32_t)partition) == NULL &&
           group_lines_add(lines, topic, (int32_t)partition, offset);
}

bool group_lines_read(struct group_lines *lines, FILE *file, size_t *line_number) {
    char *text = NULL;
    size_t size = 0;
    bool fine = true;

    *line_number = 0;
    while (fine && getline(&text, &size, file) >= 0) {
        text[strcspn(text, "\r\n")] = '\0';
        (*line_number)++;
        if (text[0] != '\0' && text[0] != '#')
            fine = read_line(lines, text);
    }
    free(text);
    return fine;
}

int group_lines_locate(const struct group_lines *lines, struct barnabas_admin *admin, int64_t at,
                       int64_t timeout_ms, struct barnabas_offsets **found) {
    struct barnabas_offset_spec *specs = calloc(lines->count + 1, sizeof(*specs));
    int error;

    if (specs == NULL)
        return BARNABAS_OUT_OF_MEMORY;
    for (size_t i = 0; i < lines->count; i++)
        specs[i] =
            (struct barnabas_offset_spec){lines->items[i].topic, lines->items[i].partition, at};
    error = barnabas_admin_list_offsets(admin, specs, lines->count, timeout_ms, found);
    free(specs);
    return error;
}

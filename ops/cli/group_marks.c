#include "ops/cli/group_marks.h"

#include <stdlib.h>
#include <string.h>

#include "ops/cli/session.h"

static bool add_group(struct group_marks *marks, const char *group, const char *topic,
                      const struct barnabas_offsets *offsets) {
    struct group_mark *items =
        reallocarray(marks->items, marks->count + offsets->count + 1, sizeof(*items));

    if (items == NULL)
        return false;
    marks->items = items;
    for (size_t i = 0; i < offsets->count; i++) {
        const struct barnabas_offset *offset = &offsets->items[i];

        if (offset->error == BARNABAS_OK && offset->offset >= 0 &&
            (topic == NULL || strcmp(offset->topic, topic) == 0))
            items[marks->count++] =
                (struct group_mark){group, offset->topic, offset->partition, offset->offset};
    }
    return true;
}

enum exit_status group_marks_read(struct barnabas_admin *admin, const char *topic,
                                  int64_t timeout_ms, struct group_marks *marks) {
    int error;

    *marks = (struct group_marks){0};
    error = barnabas_admin_list_groups(admin, timeout_ms, &marks->groups);
    if (error != BARNABAS_OK)
        return session_fail("groups", error);
    marks->offsets = calloc(marks->groups->count + 1, sizeof(struct barnabas_offsets *));
    if (marks->offsets == NULL)
        return session_fail("groups", BARNABAS_OUT_OF_MEMORY);
    for (size_t i = 0; i < marks->groups->count; i++) {
        const char *group = marks->groups->items[i].group;

        error = barnabas_admin_group_offsets(admin, group, timeout_ms, &marks->offsets[i]);
        if (error == BARNABAS_OK && !add_group(marks, group, topic, marks->offsets[i]))
            error = BARNABAS_OUT_OF_MEMORY;
        if (error != BARNABAS_OK)
            return session_fail(group, error);
    }
    return EXIT_OK;
}

void group_marks_free(struct group_marks *marks) {
    for (size_t i = 0; marks->offsets != NULL && i < marks->groups->count; i++)
        barnabas_offsets_free(marks->offsets[i]);
    free(marks->offsets);
    free(marks->items);
    barnabas_groups_free(marks->groups);
}

int64_t group_marks_end(const struct group_marks *marks, const char *topic, int32_t partition) {
    int64_t end = -1;

    for (size_t i = 0; i < marks->count; i++)
        if (marks->items[i].partition == partition && marks->items[i].offset > end &&
            strcmp(marks->items[i].topic, topic) == 0)
            end = marks->items[i].offset;
    return end;
}

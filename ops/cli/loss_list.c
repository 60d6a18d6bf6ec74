#include "ops/cli/loss_list.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

static void free_item(struct group_loss *item) {
    free(item->group);
    free(item->topic);
}

void loss_list_done(struct loss_list *list) {
    for (size_t i = 0; i < list->count; i++)
        free_item(&list->items[i]);
    free(list->items);
    memset(list, 0, sizeof(*list));
}

static bool add(struct loss_list *list, struct group_loss loss) {
    if (list->count == list->capacity) {
        size_t capacity = list->capacity * 2 + 16;
        struct group_loss *items = reallocarray(list->items, capacity, sizeof(*items));

        if (items == NULL)
            return false;
        list->items = items;
        list->capacity = capacity;
    }
    loss.group = strdup(loss.group);
    loss.topic = strdup(loss.topic);
    if (loss.group == NULL || loss.topic == NULL) {
        free_item(&loss);
        return false;
    }
    list->items[list->count++] = loss;
    return true;
}

bool loss_list_add(struct loss_list *list, const char *value, size_t size) {
    json_t *object = value == NULL ? NULL : json_loadb(value, size, JSON_REJECT_DUPLICATES, NULL);
    json_int_t time_ms, first, last;
    const char *group, *topic;
    bool fine = true;
    int partition;

    if (object != NULL &&
        json_unpack(object, "{s:I, s:s, s:s, s:i, s:I, s:I}", "timeMs", &time_ms, "group", &group,
                    "topic", &topic, "partition", &partition, "firstLostOffset", &first,
                    "lastLostOffset", &last) == 0 &&
        partition >= 0 && first >= 0 && last >= first)
        fine = add(list, (struct group_loss){.time_ms = time_ms,
                                             .group = (char *)(uintptr_t)group,
                                             .topic = (char *)(uintptr_t)topic,
                                             .partition = partition,
                                             .first_offset = first,
                                             .last_offset = last});
    json_decref(object);
    return fine;
}

static int by_place(const struct group_loss *a, const struct group_loss *b) {
    int order = strcmp(a->group, b->group);

    if (order == 0)
        order = strcmp(a->topic, b->topic);
    return order != 0 ? order : (a->partition > b->partition) - (a->partition < b->partition);
}

static int by_place_and_offset(const void *left, const void *right) {
    const struct group_loss *a = left, *b = right;
    int order = by_place(a, b);

    return order != 0 ? order
                      : (a->first_offset > b->first_offset) - (a->first_offset < b->first_offset);
}

static int by_time(const void *left, const void *right) {
    const struct group_loss *a = left, *b = right;

    if (a->time_ms != b->time_ms)
        return a->time_ms > b->time_ms ? 1 : -1;
    return by_place_and_offset(a, b);
}

void loss_list_join(struct loss_list *list) {
    size_t kept = 0;

    if (list->count == 0)
        return;
    qsort(list->items, list->count, sizeof(*list->items), by_place_and_offset);
    for (size_t i = 1; i < list->count; i++) {
        struct group_loss *last = &list->items[kept];
        struct group_loss *item = &list->items[i];

        /* `last` is at least as far to the left; subtracted, because an offset may be the largest
         * there is. */
        if (by_place(last, item) != 0 || item->first_offset - 1 > last->last_offset) {
            list->items[++kept] = *item;
            continue;
        }
        if (item->last_offset > last->last_offset)
            last->last_offset = item->last_offset;
        if (item->time_ms < last->time_ms)
            last->time_ms = item->time_ms;
        free_item(item);
    }
    list->count = kept + 1;
    qsort(list->items, list->count, sizeof(*list->items), by_time);
}

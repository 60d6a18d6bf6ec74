#include "ops/cli/broker_list.h"

#include <inttypes.h>
#include <stdio.h>

static bool contains(const int32_t *ids, size_t count, int32_t id) {
    for (size_t i = 0; i < count; i++)
        if (ids[i] == id)
            return true;
    return false;
}

/* A number without a sign, up to a comma or the end. */
static bool parse_id(const char **at, int32_t *id) {
    int64_t number = 0;
    const char *digit = *at;

    for (; *digit >= '0' && *digit <= '9'; digit++) {
        number = number * 10 + (*digit - '0');
        if (number > INT32_MAX)
            return false;
    }
    if (digit == *at || (*digit != ',' && *digit != '\0'))
        return false;
    *at = digit;
    *id = (int32_t)number;
    return true;
}

bool broker_list_parse(const char *text, struct broker_list *list) {
    list->count = 0;
    for (;; text++) {
        int32_t id;

        if (list->count == BROKER_LIST_MAX || !parse_id(&text, &id) ||
            contains(list->ids, list->count, id))
            return false;
        list->ids[list->count++] = id;
        if (*text == '\0')
            return true;
    }
}

void broker_list_rotate(const struct broker_list *list, size_t first, int32_t *ids) {
    for (size_t i = 0; i < list->count; i++)
        ids[i] = list->ids[(first + i) % list->count];
}

bool broker_list_put_first(const int32_t *ids, size_t count, int32_t id, int32_t *ordered) {
    size_t at = 0;

    if (!contains(ids, count, id))
        return false;
    ordered[at++] = id;
    for (size_t i = 0; i < count; i++)
        if (ids[i] != id)
            ordered[at++] = ids[i];
    return true;
}

const char *broker_list_text(const int32_t *ids, size_t count, char *text, size_t size) {
    size_t at = 0;

    text[0] = '\0';
    for (size_t i = 0; i < count && at < size; i++)
        at += (size_t)snprintf(text + at, size - at, "%s%" PRId32, i == 0 ? "" : ",", ids[i]);
    return text;
}

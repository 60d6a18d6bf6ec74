#include "broker/log/unstable_transactions.h"

#include <stdlib.h>
#include <string.h>

void unstable_transactions_done(struct unstable_transactions *list) {
    free(list->all);
    *list = (struct unstable_transactions){0};
}

void unstable_transactions_clear(struct unstable_transactions *list) {
    list->count = 0;
    list->ended = 0;
}

enum error unstable_transactions_reserve(struct unstable_transactions *list, size_t count) {
    size_t capacity = list->capacity == 0 ? 4 : list->capacity;
    struct unstable_transaction *grown;

    if (list->count + count <= list->capacity)
        return ERR_NONE;
    while (capacity < list->count + count)
        capacity *= 2;
    if ((grown = realloc(list->all, capacity * sizeof(*grown))) == NULL)
        return ERR_OUT_OF_MEMORY;
    list->all = grown;
    list->capacity = capacity;
    return ERR_NONE;
}

static struct unstable_transaction *find_open(const struct unstable_transactions *list,
                                              int64_t producer_id) {
    for (size_t i = 0; i < list->count; i++) {
        if (list->all[i].producer_id == producer_id && list->all[i].marker_offset < 0)
            return &list->all[i];
    }
    return NULL;
}

void unstable_transactions_begin(struct unstable_transactions *list, int64_t producer_id,
                                 int64_t first_offset) {
    size_t at = list->count;

    CHECK(list->count < list->capacity);
    DCHECK(find_open(list, producer_id) == NULL);
    /* Nearly always the last; a snapshot tells of them in any order. */
    while (at > 0 && list->all[at - 1].first_offset > first_offset)
        at--;
    memmove(list->all + at + 1, list->all + at, (list->count - at) * sizeof(*list->all));
    list->all[at] = (struct unstable_transaction){producer_id, first_offset, -1};
    list->count++;
}

struct unstable_transaction unstable_transactions_end(struct unstable_transactions *list,
                                                      int64_t producer_id, int64_t marker_offset) {
    struct unstable_transaction *open = find_open(list, producer_id);

    CHECK(open != NULL);
    open->marker_offset = marker_offset;
    list->ended++;
    return *open;
}

void unstable_transactions_forget_replicated(struct unstable_transactions *list,
                                             int64_t high_watermark) {
    size_t kept = 0;

    if (list->ended == 0)
        return;
    for (size_t i = 0; i < list->count; i++) {
        const struct unstable_transaction *one = &list->all[i];
        if (one->marker_offset >= 0 && one->marker_offset < high_watermark)
            list->ended--;
        else
            list->all[kept++] = *one;
    }
    list->count = kept;
}

int64_t unstable_transactions_first_offset(const struct unstable_transactions *list) {
    return list->count == 0 ? NO_UNSTABLE_OFFSET : list->all[0].first_offset;
}

const struct unstable_transaction *
unstable_transactions_first_open(const struct unstable_transactions *list) {
    for (size_t i = 0; i < list->count; i++) {
        if (list->all[i].marker_offset < 0)
            return &list->all[i];
    }
    return NULL;
}

#include "client/base/repeated.h"

#include <stdlib.h>

struct place {
    struct bytes name;
    size_t index;
};

static int compare_places(const void *a, const void *b) {
    const struct place *x = a;
    const struct place *y = b;
    size_t common = x->name.size < y->name.size ? x->name.size : y->name.size;
    int order = common == 0 ? 0 : memcmp(x->name.data, y->name.data, common);

    return order != 0 ? order : (x->name.size > y->name.size) - (x->name.size < y->name.size);
}

bool *repeated_names(struct arena *arena, const struct bytes *names, size_t count) {
    struct place *places = arena_alloc(arena, count, sizeof(*places));
    bool *flags = arena_alloc(arena, count, sizeof(*flags));

    if (places == NULL || flags == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++)
        places[i] = (struct place){names[i], i};
    qsort(places, count, sizeof(*places), compare_places);
    for (size_t i = 1; i < count; i++) {
        if (compare_places(&places[i - 1], &places[i]) == 0)
            flags[places[i - 1].index] = flags[places[i].index] = true;
    }
    return flags;
}

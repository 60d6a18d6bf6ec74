#include "broker/metrics/client_census.h"

#include <stdlib.h>
#include <string.h>

#include "client/base/check.h"
#include "client/base/sync.h"

/* Behind the sorts that are told apart: those which found no room. */
#define SORT_OTHER CLIENT_SORTS_MAX

struct client_census {
    struct mutex lock;
    struct client_sort sorts[CLIENT_SORTS_MAX + 1]; /* lock; 0 connections: the place is free */
};

static void set_text(char *text, struct bytes value) {
    size_t size = value.size < CLIENT_TEXT_BYTES_MAX ? value.size : CLIENT_TEXT_BYTES_MAX;

    if (size > 0)
        memcpy(text, value.data, size);
    text[size] = '\0';
}

struct client_census *client_census_new(void) {
    struct client_census *census = calloc(1, sizeof(*census));

    if (census == NULL)
        return NULL;
    mutex_init(&census->lock);
    set_text(census->sorts[SORT_OTHER].name, bytes_of_text("other"));
    return census;
}

void client_census_free(struct client_census *census) {
    if (census == NULL)
        return;
    mutex_done(&census->lock);
    free(census);
}

/* lock */
static size_t find(const struct client_census *census, const struct client_sort *sought) {
    size_t free_place = SORT_OTHER;

    for (size_t i = 0; i < CLIENT_SORTS_MAX; i++) {
        const struct client_sort *sort = &census->sorts[i];
        if (sort->connections == 0)
            free_place = i;
        else if (strcmp(sort->name, sought->name) == 0 &&
                 strcmp(sort->version, sought->version) == 0)
            return i;
    }
    return free_place;
}

size_t client_census_join(struct client_census *census, struct bytes name, struct bytes version) {
    struct client_sort sought = {.connections = 0};
    size_t sort;

    set_text(sought.name, name);
    set_text(sought.version, version);
    mutex_lock(&census->lock);
    sort = find(census, &sought);
    if (sort != SORT_OTHER && census->sorts[sort].connections == 0)
        census->sorts[sort] = sought;
    census->sorts[sort].connections++;
    mutex_unlock(&census->lock);
    return sort;
}

void client_census_leave(struct client_census *census, size_t sort) {
    mutex_lock(&census->lock);
    CHECK(census->sorts[sort].connections > 0);
    census->sorts[sort].connections--;
    mutex_unlock(&census->lock);
}

size_t client_census_read(struct client_census *census, struct client_sort *sorts) {
    size_t count = 0;

    mutex_lock(&census->lock);
    for (size_t i = 0; i <= SORT_OTHER; i++) {
        if (census->sorts[i].connections > 0)
            sorts[count++] = census->sorts[i];
    }
    mutex_unlock(&census->lock);
    return count;
}

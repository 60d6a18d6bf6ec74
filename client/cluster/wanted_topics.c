#include "client/cluster/wanted_topics.h"

#include <stdlib.h>
#include <string.h>

void wanted_topics_init(struct wanted_topics *wanted) {
    memset(wanted, 0, sizeof(*wanted));
    TAILQ_INIT(&wanted->list);
}

static void drop(struct wanted_topics *wanted, struct wanted_topic *topic) {
    TAILQ_REMOVE(&wanted->list, topic, next);
    wanted->count--;
    free(topic->name);
    free(topic);
}

void wanted_topics_done(struct wanted_topics *wanted) {
    struct wanted_topic *topic;

    while ((topic = TAILQ_FIRST(&wanted->list)) != NULL)
        drop(wanted, topic);
}

static struct wanted_topic *find(struct wanted_topics *wanted, const char *name) {
    struct wanted_topic *topic;

    TAILQ_FOREACH (topic, &wanted->list, next)
        if (strcmp(topic->name, name) == 0)
            return topic;
    return NULL;
}

enum error wanted_topics_add(struct wanted_topics *wanted, const char *name, bool *is_new) {
    struct wanted_topic *topic = find(wanted, name);

    *is_new = topic == NULL;
    if (topic != NULL)
        return ERR_NONE;
    topic = malloc(sizeof(*topic));
    if (topic == NULL)
        return ERR_OUT_OF_MEMORY;
    topic->name = strdup(name);
    if (topic->name == NULL) {
        free(topic);
        return ERR_OUT_OF_MEMORY;
    }
    TAILQ_INSERT_TAIL(&wanted->list, topic, next);
    wanted->count++;
    return ERR_NONE;
}

void wanted_topics_remove(struct wanted_topics *wanted, const char *name) {
    struct wanted_topic *topic = find(wanted, name);

    if (topic != NULL)
        drop(wanted, topic);
}

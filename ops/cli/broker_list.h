/* "1,2,3": brokers, as operators write them. */
#ifndef OPS_CLI_BROKER_LIST_H
#define OPS_CLI_BROKER_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BROKER_LIST_MAX 64

struct broker_list {
    int32_t ids[BROKER_LIST_MAX];
    size_t count; /* at least one; none twice */
};

/* False if it is no such list. */
bool broker_list_parse(const char *text, struct broker_list *list);

/* The same brokers, beginning with the one at `first` modulo their number. */
void broker_list_rotate(const struct broker_list *list, size_t first, int32_t *ids);

/* `id` first, the others in their order. False if it is not among them. */
bool broker_list_put_first(const int32_t *ids, size_t count, int32_t id, int32_t *ordered);

/* "1,2,3"; cut off if there is no room. */
const char *broker_list_text(const int32_t *ids, size_t count, char *text, size_t size);

#endif

/*
 * What groups lost to retention, read from the topic of losses (broker/lag/loss_topic.h): its
 * records taken apart, and ranges that overlap made one, because a loss may have been told twice.
 */
#ifndef OPS_CLI_LOSS_LIST_H
#define OPS_CLI_LOSS_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct group_loss {
    int64_t time_ms; /* when it was first told */
    char *group;     /* owned, as the topic */
    char *topic;
    int32_t partition;
    int64_t first_offset;
    int64_t last_offset; /* inclusive */
};

struct loss_list {
    struct group_loss *items;
    size_t count;
    size_t capacity;
};

void loss_list_done(struct loss_list *list);

/* One record's value. Nothing happens if it is not of the form that brokers write. False if memory
 * is out. */
bool loss_list_add(struct loss_list *list, const char *value, size_t size);

/* Joins what overlaps or touches, and orders by time. */
void loss_list_join(struct loss_list *list);

#endif

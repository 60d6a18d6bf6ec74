/*
 * Lines of a group's book, partition and offset, that commands gather, show and change.
 *
 *   topic,partition,offset      one line of a file, as Kafka's tool writes and reads it; blank
 * lines and those that begin with # are passed over
 */
#ifndef OPS_CLI_GROUP_LINES_H
#define OPS_CLI_GROUP_LINES_H

#include <barnabas/barnabas.h>
#include <stdio.h>

struct group_lines {
    struct barnabas_offset *items; /* topics are ours */
    size_t count;
    size_t capacity;
};

void group_lines_done(struct group_lines *lines);

/* False if memory is out. */
bool group_lines_add(struct group_lines *lines, const char *topic, int32_t partition,
                     int64_t offset);

struct barnabas_offset *group_lines_find(const struct group_lines *lines, const char *topic,
                                         int32_t partition);
void group_lines_sort(struct group_lines *lines);

/* Adds what was committed; with `topics` (ended by NULL) only of those, each TOPIC or
 * TOPIC:PARTITION. False if memory is out. */
bool group_lines_take(struct group_lines *lines, const struct barnabas_offsets *offsets,
                      const char *const *topics);

/* Reads a file to its end. False, with the number of the line, if one makes no sense or memory is
 * out. */
bool group_lines_read(struct group_lines *lines, FILE *file, size_t *line_number);

/* Where the log of each line is at `at` (groups.h); the caller frees `*found`, whose items are in
 * the order of the lines. */
int group_lines_locate(const struct group_lines *lines, struct barnabas_admin *admin, int64_t at,
                       int64_t timeout_ms, struct barnabas_offsets **found);

#endif

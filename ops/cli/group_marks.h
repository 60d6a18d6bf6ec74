/* What consumer groups have committed for a topic: who would miss it, and a proof of how far its
 * partitions once reached. */
#ifndef OPS_CLI_GROUP_MARKS_H
#define OPS_CLI_GROUP_MARKS_H

#include <barnabas/barnabas.h>

#include "ops/cli/exit_status.h"

struct group_mark {
    const char *group;
    const char *topic;
    int32_t partition;
    int64_t offset;
};

struct group_marks {
    struct barnabas_groups *groups;
    struct barnabas_offsets **offsets; /* of each group; what the marks point to */
    struct group_mark *items;          /* group by group, in the order of their names */
    size_t count;
};

/* Asks for every group. `topic` NULL: of all topics. After a complaint a status other than OK; to
 * be freed in any case. */
enum exit_status group_marks_read(struct barnabas_admin *admin, const char *topic,
                                  int64_t timeout_ms, struct group_marks *marks);
void group_marks_free(struct group_marks *marks);

/* The furthest that is committed; -1: nothing is. */
int64_t group_marks_end(const struct group_marks *marks, const char *topic, int32_t partition);

#endif

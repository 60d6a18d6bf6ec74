/*
 * How far a group is behind, by partition: asked of the cluster with what any client may ask, so
 * that it works with every broker of Kafka's protocol.
 *
 *   committed and end offsets   OffsetFetch, ListOffsets
 *   first unread record's age   that record is read (Fetch)
 *   rates                       a second look, some seconds later
 *   retention                   the topic's settings; of its size, DescribeLogDirs
 */
#ifndef OPS_CLI_LAG_ROWS_H
#define OPS_CLI_LAG_ROWS_H

#include <barnabas/barnabas.h>

#include "ops/cli/command.h"
#include "ops/cli/group_lines.h"
#include "ops/cli/lag_outlook.h"

struct lag_row {
    const char *topic; /* of the lines */
    int32_t partition;
    int64_t committed; /* BARNABAS_OFFSET_NONE: nothing */
    int64_t end;
    int end_error;
    struct lag_facts facts;
};

struct lag_rows {
    struct group_lines lines;
    struct lag_row *items;
    size_t count;
};

void lag_rows_done(struct lag_rows *rows);

/* What the consumer's configuration needs. False after a complaint. */
bool lag_rows_prepare(const struct invocation *invocation, struct barnabas_config *config);

/* What the group has committed, and beside that what its members read; in order. `config` is for
 * the consumer that looks at single records. With `rate_seconds` above 0 it takes so much longer.
 * Gives an error of the library; what is not known of a row stays unknown. */
int lag_rows_read(struct lag_rows *rows, struct barnabas_admin *admin,
                  struct barnabas_config *config, const struct barnabas_group *group,
                  int64_t rate_seconds, int64_t timeout_ms);

#endif

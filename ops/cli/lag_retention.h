/* What retention lets stay of what a group has not read: the topics' settings, and of partitions
 * that are bounded in size how large a record is there. */
#ifndef OPS_CLI_LAG_RETENTION_H
#define OPS_CLI_LAG_RETENTION_H

#include "ops/cli/lag_rows.h"

/* Fills in the retention of all rows and, where it matters, the size of a record: that of the
 * largest replica, as brokers tell it (DescribeLogDirs), by the offsets in the log. What cannot be
 * found stays unknown. */
void lag_retention_read(struct lag_rows *rows, struct barnabas_admin *admin, int64_t timeout_ms);

#endif

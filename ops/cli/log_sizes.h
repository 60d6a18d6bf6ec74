/* How much each replica takes on disk, as its broker says. */
#ifndef OPS_CLI_LOG_SIZES_H
#define OPS_CLI_LOG_SIZES_H

#include <barnabas/barnabas.h>

#include "ops/cli/exit_status.h"

struct log_size {
    const char *topic;
    int32_t partition;
    int32_t broker_id;
    int64_t size;
};

struct log_sizes {
    struct barnabas_log_dirs **answers; /* what the rows point to */
    size_t answer_count;
    struct log_size *rows; /* by topic, partition, broker */
    size_t count;
};

/* Asks every broker. An error of the library; nothing is said. To be freed in any case. */
int log_sizes_ask(struct barnabas_admin *admin, const struct barnabas_cluster *cluster,
                  int64_t timeout_ms, struct log_sizes *sizes);
/* The same. After a complaint a status other than OK; to be freed in any case. */
enum exit_status log_sizes_read(struct barnabas_admin *admin,
                                const struct barnabas_cluster *cluster, int64_t timeout_ms,
                                struct log_sizes *sizes);
void log_sizes_free(struct log_sizes *sizes);

/* Of all replicas of the partition together, or of the largest of them. */
int64_t log_sizes_sum(const struct log_sizes *sizes, const char *topic, int32_t partition);
int64_t log_sizes_largest(const struct log_sizes *sizes, const char *topic, int32_t partition);
/* Of one replica; 0 if it is not there. */
int64_t log_sizes_of(const struct log_sizes *sizes, const char *topic, int32_t partition,
                     int32_t broker_id);

/* "1.5 GB"; gives `text`. */
const char *log_size_text(int64_t size, char *text, size_t text_size);

#endif

#include "broker/replica/partition_internal.h"

enum error partition_begin_compaction(struct partition *partition, struct log_compaction **begun) {
    enum error error = ERR_NONE;

    mutex_lock(&partition->append_lock);
    *begun = NULL;
    /* What is being copied stays as it is, as in Kafka: the exchange would have to wait. */
    if (!partition_is_moving(partition))
        error = log_compaction_begin(partition->log, clock_wall_ms(partition->environment->clock),
                                     begun);
    mutex_unlock(&partition->append_lock);
    return error;
}

static void lock(void *context) NO_THREAD_ANALYSIS {
    mutex_lock(&((struct partition *)context)->append_lock);
}

static void unlock(void *context) NO_THREAD_ANALYSIS {
    mutex_unlock(&((struct partition *)context)->append_lock);
}

enum error partition_compact(struct partition *partition, struct log_compaction *compaction,
                             const struct compaction_means *means,
                             struct compaction_result *result) {
    const struct compaction_lock append_lock = {lock, unlock, partition};

    return log_compaction_run(compaction, means, &append_lock, result);
}

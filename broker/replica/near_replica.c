#include "broker/replica/near_replica.h"

#define LEADER 0

static bool is_better(const struct near_replica *a, const struct near_replica *b) {
    if (a->log_end_offset != b->log_end_offset)
        return a->log_end_offset > b->log_end_offset;
    if (a->caught_up_ms != b->caught_up_ms)
        return a->caught_up_ms > b->caught_up_ms;
    return a->broker_id > b->broker_id;
}

int32_t near_replica_choose(const struct near_replica *replicas, int32_t count, struct bytes rack) {
    int32_t best = LEADER;

    if (rack.size == 0)
        return LEADER;
    for (int32_t i = 0; i < count; i++) {
        if (replicas[i].rack == NULL || !bytes_equal_text(rack, replicas[i].rack))
            continue;
        if (i == LEADER)
            return LEADER;
        if (best == LEADER || is_better(&replicas[i], &replicas[best]))
            best = i;
    }
    return best;
}

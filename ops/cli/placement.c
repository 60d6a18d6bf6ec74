#include "ops/cli/placement.h"

#include <string.h>

/* A place whose replica is yet to be chosen. */
#define NOBODY (-1)

static struct placement_broker *find(struct placement_broker *brokers, size_t count, int32_t id) {
    for (size_t i = 0; i < count; i++)
        if (brokers[i].id == id)
            return &brokers[i];
    return NULL;
}

static bool contains(const int32_t *ids, size_t count, int32_t id) {
    for (size_t i = 0; i < count; i++)
        if (ids[i] == id)
            return true;
    return false;
}

/* A broker that is not live cannot be relied on, but is not emptied without being asked to. */
static bool leaves(struct placement_broker *brokers, size_t count, int32_t id) {
    const struct placement_broker *broker = find(brokers, count, id);

    return broker != NULL && broker->leaves;
}

static bool rack_is_used(struct placement_broker *brokers, size_t count, const char *rack,
                         const int32_t *ids, size_t id_count) {
    for (size_t i = 0; i < id_count && rack[0] != '\0'; i++) {
        const struct placement_broker *broker = find(brokers, count, ids[i]);
        if (broker != NULL && strcmp(broker->rack, rack) == 0)
            return true;
    }
    return false;
}

static struct placement_broker *choose(struct placement_broker *brokers, size_t count,
                                       const int32_t *ids, size_t id_count) {
    struct placement_broker *best = NULL;
    bool best_shares = false;

    for (size_t i = 0; i < count; i++) {
        struct placement_broker *broker = &brokers[i];
        bool shares;

        if (broker->leaves || contains(ids, id_count, broker->id))
            continue;
        shares = rack_is_used(brokers, count, broker->rack, ids, id_count);
        if (best == NULL || (best_shares && !shares) ||
            (best_shares == shares && broker->replica_count < best->replica_count)) {
            best = broker;
            best_shares = shares;
        }
    }
    return best;
}

/* Places without a replica first; then from the end, where no preferred leader is. */
static size_t shorten(int32_t *then, size_t count, size_t wanted) {
    for (size_t i = count; i-- > 0 && count > wanted;)
        if (then[i] == NOBODY)
            memmove(&then[i], &then[i + 1], (--count - i) * sizeof(*then));
    return count > wanted ? wanted : count;
}

static size_t available(const struct placement_broker *brokers, size_t count, const int32_t *ids,
                        size_t id_count) {
    size_t found = 0;

    for (size_t i = 0; i < count; i++)
        found += !brokers[i].leaves && !contains(ids, id_count, brokers[i].id);
    return found;
}

bool placement_fit(struct placement_broker *brokers, size_t broker_count, const int32_t *now,
                   size_t now_count, size_t wanted, int32_t *then) {
    size_t count = now_count;
    size_t open = 0;

    for (size_t i = 0; i < now_count; i++)
        then[i] = leaves(brokers, broker_count, now[i]) ? NOBODY : now[i];
    count = shorten(then, count, wanted);
    while (count < wanted)
        then[count++] = NOBODY;
    for (size_t i = 0; i < count; i++)
        open += then[i] == NOBODY;
    if (open > available(brokers, broker_count, then, count))
        return false;
    for (size_t i = 0; i < count; i++) {
        struct placement_broker *chosen;

        if (then[i] != NOBODY)
            continue;
        chosen = choose(brokers, broker_count, then, count);
        chosen->replica_count++;
        then[i] = chosen->id;
    }
    for (size_t i = 0; i < now_count; i++) {
        struct placement_broker *broker = find(brokers, broker_count, now[i]);
        if (broker != NULL && !contains(then, count, now[i]) && broker->replica_count > 0)
            broker->replica_count--;
    }
    return true;
}

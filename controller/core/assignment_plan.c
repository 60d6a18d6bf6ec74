#include "controller/core/assignment_plan.h"

#include <stdlib.h>

#include "client/base/check.h"
#include "controller/core/allocate.h"

/* The brokers in the order of the round. */
struct round {
    const struct assignment_broker *brokers;
    size_t count;
    size_t rack_count; /* 0: racks do not matter */
};

static size_t follower_place(size_t first, uint64_t shift, uint64_t j, size_t count) {
    return (first + 1 + (shift + j) % (count - 1)) % count;
}

static void place_anywhere(const struct round *round, size_t first, uint64_t shift, size_t factor,
                           int32_t *replicas) {
    for (size_t j = 0; j + 1 < factor; j++)
        replicas[j + 1] = round->brokers[follower_place(first, shift, j, round->count)].id;
}

static bool rack_is_used(const struct round *round, struct bytes rack, const int32_t *replicas,
                         size_t replica_count) {
    for (size_t i = 0; i < replica_count; i++)
        for (size_t b = 0; b < round->count; b++)
            if (round->brokers[b].id == replicas[i] && bytes_equal(round->brokers[b].rack, rack))
                return true;
    return false;
}

static bool broker_is_used(int32_t id, const int32_t *replicas, size_t replica_count) {
    for (size_t i = 0; i < replica_count; i++)
        if (replicas[i] == id)
            return true;
    return false;
}

static void place_by_rack(const struct round *round, size_t first, uint64_t shift, size_t factor,
                          int32_t *replicas) {
    size_t used_racks = 1;
    uint64_t k = 0;

    for (size_t placed = 1; placed < factor; k++) {
        const struct assignment_broker *candidate =
            &round->brokers[follower_place(first, shift * round->rack_count, k, round->count)];
        bool rack_used = rack_is_used(round, candidate->rack, replicas, placed);

        if (rack_used && used_racks < round->rack_count)
            continue;
        if (broker_is_used(candidate->id, replicas, placed))
            continue;
        used_racks += rack_used ? 0 : 1;
        replicas[placed++] = candidate->id;
    }
}

static int compare_racks(struct bytes a, struct bytes b) {
    int order = memcmp(a.data, b.data, a.size < b.size ? a.size : b.size);

    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

static int compare_by_rack_and_id(const void *left, const void *right) {
    const struct assignment_broker *a = left, *b = right;
    int order = compare_racks(a->rack, b->rack);

    return order != 0 ? order : (a->id > b->id) - (a->id < b->id);
}

/* Takes one broker of each rack in turn, racks in order, until all are taken. */
static size_t alternate_racks(const struct assignment_broker *brokers, size_t count,
                              struct assignment_broker *arranged) {
    struct assignment_broker *sorted = controller_allocate(count, sizeof(*sorted));
    size_t rack_count = 0, taken = 0;

    memcpy(sorted, brokers, count * sizeof(*sorted));
    qsort(sorted, count, sizeof(*sorted), compare_by_rack_and_id);
    for (size_t turn = 0; taken < count; turn++) {
        size_t in_rack = 0;
        for (size_t i = 0; i < count; i++) {
            in_rack = i > 0 && bytes_equal(sorted[i].rack, sorted[i - 1].rack) ? in_rack + 1 : 0;
            if (in_rack == turn)
                arranged[taken++] = sorted[i];
        }
        if (turn == 0)
            rack_count = taken;
    }
    free(sorted);
    return rack_count;
}

void controller_assignment_plan(const struct assignment_request *request, int32_t *replicas) {
    struct assignment_broker *arranged =
        controller_allocate(request->broker_count, sizeof(*arranged));
    struct round round = {.brokers = request->brokers, .count = request->broker_count};
    size_t factor = (size_t)request->replication_factor;
    bool racks = true;
    uint64_t start, shift;

    CHECK(request->replication_factor >= 1 && factor <= request->broker_count);
    for (size_t i = 0; i < round.count; i++)
        racks = racks && !bytes_is_null(request->brokers[i].rack);
    if (racks) {
        round.rack_count = alternate_racks(request->brokers, round.count, arranged);
        round.brokers = arranged;
    }
    start = request->start % round.count;
    shift = request->shift % round.count;
    for (int32_t i = 0; i < request->partition_count; i++) {
        uint64_t partition = (uint64_t)request->partition_first + (uint64_t)i;
        size_t first = (size_t)((partition + start) % round.count);
        int32_t *row = replicas + (size_t)i * factor;

        if (partition > 0 && partition % round.count == 0)
            shift++;
        row[0] = round.brokers[first].id;
        if (racks)
            place_by_rack(&round, first, shift, factor, row);
        else
            place_anywhere(&round, first, shift, factor, row);
    }
    free(arranged);
}

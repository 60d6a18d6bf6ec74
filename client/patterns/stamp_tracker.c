#include "client/patterns/stamp_tracker.h"

#include <stdlib.h>
#include <string.h>

void stamp_tracker_init(struct stamp_tracker *tracker, uint64_t next) {
    *tracker = (struct stamp_tracker){.next = next};
}

void stamp_tracker_done(struct stamp_tracker *tracker) {
    free(tracker->gaps);
    tracker->gaps = NULL;
}

/* Room for one more gap. */
static enum error gaps_reserve(struct stamp_tracker *tracker) {
    size_t capacity = tracker->gap_capacity == 0 ? 8 : tracker->gap_capacity * 2;
    struct stamp_gap *gaps;

    if (tracker->gap_count < tracker->gap_capacity)
        return ERR_NONE;
    gaps = reallocarray(tracker->gaps, capacity, sizeof(*gaps));
    if (gaps == NULL)
        return ERR_OUT_OF_MEMORY;
    tracker->gaps = gaps;
    tracker->gap_capacity = capacity;
    return ERR_NONE;
}

static void gaps_insert(struct stamp_tracker *tracker, size_t index, struct stamp_gap gap) {
    memmove(&tracker->gaps[index + 1], &tracker->gaps[index],
            (tracker->gap_count - index) * sizeof(gap));
    tracker->gaps[index] = gap;
    tracker->gap_count++;
}

static void gaps_remove(struct stamp_tracker *tracker, size_t index) {
    tracker->gap_count--;
    memmove(&tracker->gaps[index], &tracker->gaps[index + 1],
            (tracker->gap_count - index) * sizeof(struct stamp_gap));
}

static void forget_oldest(struct stamp_tracker *tracker) {
    if (tracker->gap_count > STAMP_GAPS_MAX)
        gaps_remove(tracker, 0);
}

/* The first gap that does not end before the sequence. */
static size_t gap_at(const struct stamp_tracker *tracker, uint64_t sequence) {
    size_t low = 0;
    size_t high = tracker->gap_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (tracker->gaps[middle].end <= sequence)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Takes the sequence out of its gap; there is room for one more. */
static void fill(struct stamp_tracker *tracker, size_t index, uint64_t sequence) {
    struct stamp_gap *gap = &tracker->gaps[index];
    struct stamp_gap behind = {sequence + 1, gap->end};

    gap->end = sequence;
    if (behind.first < behind.end)
        gaps_insert(tracker, index + 1, behind);
    if (tracker->gaps[index].first == tracker->gaps[index].end)
        gaps_remove(tracker, index);
    forget_oldest(tracker);
}

enum error stamp_tracker_take(struct stamp_tracker *tracker, uint64_t sequence,
                              enum barnabas_stamp_verdict *verdict) {
    enum error error = gaps_reserve(tracker);
    size_t index;

    if (error != ERR_NONE)
        return error;
    if (sequence >= tracker->next) {
        *verdict = sequence == tracker->next ? BARNABAS_STAMP_NEXT : BARNABAS_STAMP_GAP;
        if (sequence > tracker->next) {
            tracker->missing += sequence - tracker->next;
            gaps_insert(tracker, tracker->gap_count, (struct stamp_gap){tracker->next, sequence});
            forget_oldest(tracker);
        }
        tracker->received++;
        tracker->next = sequence + 1;
        return ERR_NONE;
    }
    index = gap_at(tracker, sequence);
    if (index < tracker->gap_count && tracker->gaps[index].first <= sequence) {
        fill(tracker, index, sequence);
        tracker->missing--;
        tracker->received++;
        tracker->reordered++;
        *verdict = BARNABAS_STAMP_LATE;
    } else {
        tracker->duplicated++;
        *verdict = BARNABAS_STAMP_DUPLICATE;
    }
    return ERR_NONE;
}

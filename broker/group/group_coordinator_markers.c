/*
 * Markers: a transaction's end makes its pending offsets count, or forgets them.
 *
 * A marker is written by whoever serves WriteTxnMarkers, not through the journal, and perhaps while
 * the partition is being loaded. INVARIANT: each marker is applied once, behind all records that
 * lie before it and before all that lie behind it: by the loading if it lies below the end that the
 * loading has, else when it is told of, but not before the loading is over.
 *
 * Source: Apache Kafka 3.9, GroupMetadataManager.scheduleHandleTxnCompletion, which waits for the
 * loading by running on the thread that loads.
 */
#include <stdlib.h>

#include "broker/group/group_coordinator_internal.h"

void group_entry_list_pending(struct group_entry *entry) {
    if (entry->is_listed)
        return;
    LIST_INSERT_HEAD(&entry->coordinator->with_pending, entry, with_pending);
    entry->is_listed = true;
}

void group_entry_unlist_pending(struct group_entry *entry) {
    if (!entry->is_listed)
        return;
    LIST_REMOVE(entry, with_pending);
    entry->is_listed = false;
}

void group_coordinator_apply_marker(struct group_coordinator *coordinator,
                                    const struct group_marker *marker) {
    struct group_entry *entry = LIST_FIRST(&coordinator->with_pending);

    while (entry != NULL) {
        struct group_entry *next = LIST_NEXT(entry, with_pending);
        if (entry->partition == marker->partition)
            group_offsets_end_transaction(entry->offsets, marker->producer_id, marker->is_commit);
        if (!group_offsets_has_pending(entry->offsets))
            group_entry_unlist_pending(entry);
        entry = next;
    }
}

static void keep(struct group_coordinator *coordinator, const struct group_marker *marker) {
    struct kept_marker *kept = malloc(sizeof(*kept));

    CHECK(kept != NULL);
    kept->marker = *marker;
    STAILQ_INSERT_TAIL(&coordinator->kept_markers, kept, link);
}

void group_coordinator_end_transaction(struct group_coordinator *coordinator,
                                       const struct group_marker *marker) {
    enum journal_state state = journal_state(coordinator->journal, marker->partition);

    /* Whoever leads it next begins by reading it. */
    if (state == JOURNAL_NOT_LED ||
        marker->offset < journal_loaded_end(coordinator->journal, marker->partition))
        return;
    if (state == JOURNAL_LOADING)
        keep(coordinator, marker);
    else
        group_coordinator_apply_marker(coordinator, marker);
}

/* Takes those of the partition off the list, and applies them if so wanted. */
static void take_kept(struct group_coordinator *coordinator, int32_t partition, bool is_wanted) {
    struct kept_marker *kept = STAILQ_FIRST(&coordinator->kept_markers);

    while (kept != NULL) {
        struct kept_marker *next = STAILQ_NEXT(kept, link);
        if (kept->marker.partition == partition) {
            STAILQ_REMOVE(&coordinator->kept_markers, kept, kept_marker, link);
            if (is_wanted)
                group_coordinator_apply_marker(coordinator, &kept->marker);
            free(kept);
        }
        kept = next;
    }
}

void group_coordinator_apply_kept_markers(struct group_coordinator *coordinator,
                                          int32_t partition) {
    take_kept(coordinator, partition, true);
}

void group_coordinator_drop_kept_markers(struct group_coordinator *coordinator, int32_t partition) {
    take_kept(coordinator, partition, false);
}

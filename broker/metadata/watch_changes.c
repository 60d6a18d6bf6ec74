#include <stdlib.h>

#include "broker/metadata/metadata_decode.h"
#include "broker/metadata/metadata_watcher_internal.h"
#include "client/base/logger.h"
#include "zk-schema/change_znode.h"

uint32_t watcher_next_change(const struct zk_stat *stat) {
    /* cversion counts creations and deletions. */
    return ((uint32_t)stat->cversion + (uint32_t)stat->child_count) / 2;
}

static void reload(struct metadata_watcher *watcher, const char *reason) {
    LOG_WARN("metadata_reloaded", "reason=\"%s\" next_change=%u", reason, watcher->next_change);
    watcher_load(watcher);
}

static void finish_delta(struct metadata_watcher *watcher) {
    watcher->is_listing_changes = false;
    if (watcher->delta_failed)
        reload(watcher, "an entry of the change log was gone or unreadable");
    else if (watcher->list_changes_again)
        watcher_list_changes(watcher);
}

/* INVARIANT: a builder never outlives the callback that made it (but for a load's, which reads
 * everything anew when anything moves): what is published meanwhile must not be undone. */
static void apply_entry(struct metadata_watcher *watcher, const struct change_znode *change,
                        struct metadata_written written, uint32_t sequence) {
    struct metadata_builder *builder = watcher_builder_on_current(watcher);
    bool keeps_gone = false;

    for (int32_t i = 0; i < change->deletion_count; i++)
        keeps_gone = keeps_gone || change->deletions[i].is_by_others;
    metadata_put_change(builder, written, change);
    watcher->next_change = sequence + 1;
    watcher_publish_entry(watcher, builder, keeps_gone);
}

static void on_entry(void *context, const struct zk_result *result) {
    struct watcher_read *read = context;
    struct metadata_watcher *watcher = watcher_of_read(read, result->error);
    struct change_znode change;
    struct znode_error problem;

    if (watcher == NULL)
        return;
    if (result->error != ERR_NONE) {
        watcher->delta_failed = true; /* purged before it was read: a gap */
    } else if (change_znode_decode(read->path.text, result->data, &watcher->arena, &change,
                                   &problem) != ERR_NONE) {
        LOG_ERROR("znode_invalid", "reason=%s", LOG_QUOTED_TEXT(problem.text));
        watcher->delta_failed = true;
    } else if (!watcher->delta_failed) {
        const struct metadata_written written = {result->stat.czxid, result->stat.ctime_ms};

        apply_entry(watcher, &change, written, read->sequence);
    }
    arena_reset(&watcher->arena);
    free(read);
    if (--watcher->delta_outstanding == 0)
        finish_delta(watcher);
}

static int compare_sequences(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static void read_entries(struct metadata_watcher *watcher, const uint32_t *sequences,
                         size_t count) {
    watcher->delta_failed = false;
    watcher->delta_outstanding = count;
    for (size_t i = 0; i < count; i++) {
        struct znode_path path = path_of_change(sequences[i]);
        struct watcher_read *read = watcher_read_new(watcher, path, "");
        read->sequence = sequences[i];
        zk_get(watcher->config.zk, path.text, false, on_entry, read);
    }
}

static void on_changes(void *context, const struct zk_result *result) {
    struct watcher_read *read = context;
    struct metadata_watcher *watcher = watcher_of_read(read, result->error);
    uint32_t *sequences;
    uint32_t next;
    size_t count = 0;

    if (watcher == NULL)
        return;
    free(read);
    if (watcher->is_loading)
        return;
    if (result->error != ERR_NONE) {
        LOG_ERROR("change_log_unreadable", "path=%s error=%s", PATH_CHANGES,
                  error_name(result->error));
        watcher->is_listing_changes = false;
        return;
    }
    next = watcher_next_change(&result->stat);
    sequences = calloc(result->child_count + 1, sizeof(*sequences));
    CHECK(sequences != NULL);
    for (size_t i = 0; i < result->child_count; i++) {
        uint32_t sequence;
        if (path_sequence(result->children[i], &sequence) && sequence >= watcher->next_change)
            sequences[count++] = sequence;
    }
    qsort(sequences, count, sizeof(*sequences), compare_sequences);
    if (next != watcher->next_change && (uint64_t)next - watcher->next_change != count) {
        reload(watcher, "a gap in the change log");
    } else if (count > 0) {
        read_entries(watcher, sequences, count);
    } else {
        finish_delta(watcher);
    }
    free(sequences);
}

/* One listing at a time; what happens meanwhile asks for another one. */
void watcher_list_changes(struct metadata_watcher *watcher) {
    struct znode_path path = {PATH_CHANGES};

    if (watcher->is_listing_changes) {
        watcher->list_changes_again = true;
        return;
    }
    watcher->is_listing_changes = true;
    watcher->list_changes_again = false;
    watcher->delta_failed = false;
    zk_children(watcher->config.zk, PATH_CHANGES, true, on_changes,
                watcher_read_new(watcher, path, ""));
}

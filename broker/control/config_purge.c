#include "broker/control/config_purge.h"

#include <stdlib.h>

#include "client/base/check.h"
#include "zk-schema/paths.h"
#include "zk-schema/zk.h"

#define AGE_MS_MAX      (15 * 60 * 1000)
#define INTERVAL_MS     (60 * 1000)
#define ENTRIES_AT_ONCE 1000

struct entry {
    struct config_purge *purge;
    struct znode_path path;
};

static void on_removed(void *context, const struct zk_result *result) {
    (void)context;
    (void)result; /* somebody else was faster, or the next run does it */
}

static void on_entry(void *context, const struct zk_result *result) {
    struct entry *entry = context;

    if (result->error == ERR_NONE && result->stat.ctime_ms < entry->purge->now_ms - AGE_MS_MAX)
        zk_remove(entry->purge->zk, entry->path.text, ZK_ANY_VERSION, on_removed, NULL);
    free(entry);
}

static int compare_sequences(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static void look_at(struct config_purge *purge, uint32_t sequence) {
    struct entry *entry = calloc(1, sizeof(*entry));

    CHECK(entry != NULL);
    entry->purge = purge;
    entry->path = path_of_config_change(sequence);
    zk_exists(purge->zk, entry->path.text, false, on_entry, entry);
}

/* The oldest ones, by their numbers. */
static void on_list(void *context, const struct zk_result *result) {
    struct config_purge *purge = context;
    uint32_t *sequences;
    size_t count = 0;

    if (result->error != ERR_NONE)
        return;
    sequences = calloc(result->child_count + 1, sizeof(*sequences));
    CHECK(sequences != NULL);
    for (size_t i = 0; i < result->child_count; i++)
        count += path_sequence(result->children[i], &sequences[count]) ? 1 : 0;
    qsort(sequences, count, sizeof(*sequences), compare_sequences);
    for (size_t i = 0; i < count && i < ENTRIES_AT_ONCE; i++)
        look_at(purge, sequences[i]);
    free(sequences);
}

void config_purge_on_change(struct config_purge *purge, int64_t wall_ms, int64_t monotonic_ms) {
    if (monotonic_ms < purge->next_ms)
        return;
    purge->next_ms = monotonic_ms + INTERVAL_MS;
    purge->now_ms = wall_ms;
    zk_children(purge->zk, PATH_CONFIG_CHANGES, false, on_list, purge);
}

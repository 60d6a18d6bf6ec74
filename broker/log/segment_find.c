/*
 * Finding a batch in a segment, by offset, time or position.
 */
#include "broker/log/segment_internal.h"

/* The greatest entry at or below `key`, from a consistent state of the index. */
static enum error find_entry(const struct segment_home *home, struct segment *segment,
                             struct index_file *index, int64_t key, bool *found,
                             struct index_entry *entry) {
    char path[SEGMENT_PATH_MAX];
    struct index_place place = segment_index_place(home, segment, index, path);
    struct index_view view;
    bool is_stale;
    enum error error;

    /* A second look is needed only if a truncation came between. */
    for (int attempt = 0; attempt < 3; attempt++) {
        mutex_lock(home->state_lock);
        view = index_file_view(index, key);
        mutex_unlock(home->state_lock);
        error = index_file_search(index, &place, &view, key, found, entry, &is_stale);
        if (error != ERR_NONE || !is_stale)
            return error;
    }
    *found = false; /* the index is only a hint: searching begins at the start of the file */
    return ERR_NONE;
}

/* The first batch from `from` on that ends at or behind `offset`. If what lies at `from` is not the
 * batch that the index says, `*index_lies` is set. */
static enum error scan(const struct segment_home *home, int fd, int64_t from, int64_t end,
                       int64_t offset, int64_t indexed_offset, struct stored_batch *batch,
                       bool *found, bool *index_lies) {
    struct batch_walk walk;
    enum error error;

    batch_walk_init(&walk, home->disk, fd, BATCH_WALK_HEADERS, from, end);
    error = batch_walk_next(&walk, batch, found);
    *index_lies = from > 0 && (!*found || batch->last_offset > indexed_offset);
    while (error == ERR_NONE && *found && !*index_lies && batch->last_offset < offset)
        error = batch_walk_next(&walk, batch, found);
    if (error == ERR_NONE && !*found && !*index_lies && walk.position < end)
        error = ERR_CORRUPT_MESSAGE;
    batch_walk_done(&walk);
    return error;
}

enum error segment_find(const struct segment_home *home, struct segment *segment, int64_t offset,
                        int64_t end, struct stored_batch *batch, bool *found) {
    struct index_entry entry = {-1, -1};
    struct open_file *file;
    bool index_lies = false;
    int64_t from = 0;
    bool has_entry;
    enum error error;

    *found = false;
    if (end == 0)
        return ERR_NONE;
    error = find_entry(home, segment, &segment->offset_index, offset - segment->base_offset,
                       &has_entry, &entry);
    if (error != ERR_NONE)
        return error;
    if (has_entry && entry.value > 0 && entry.value < end)
        from = entry.value;
    if ((error = segment_open_file(home, segment, DISK_OPEN_EXISTING, &file)) != ERR_NONE)
        return error;
    if (file == NULL)
        return ERR_NONE;
    error = scan(home, file->fd, from, end, offset, segment->base_offset + entry.key, batch, found,
                 &index_lies);
    /* The index is only a hint. */
    if (error == ERR_NONE && index_lies)
        error = scan(home, file->fd, 0, end, offset, -1, batch, found, &index_lies);
    open_file_unref(file);
    return error;
}

enum error segment_find_timestamp(const struct segment_home *home, struct segment *segment,
                                  int64_t timestamp, int64_t *offset) {
    struct index_entry entry;
    bool found;
    enum error error;

    /* All batches up to an entry stay at or below its timestamp: below the one sought. */
    error = find_entry(home, segment, &segment->time_index, timestamp - 1, &found, &entry);
    if (error == ERR_NONE)
        *offset = segment->base_offset + (found ? entry.value : 0);
    return error;
}

enum error segment_bound_offset(const struct segment_home *home, struct segment *segment,
                                int64_t position, int64_t *bound) {
    char path[SEGMENT_PATH_MAX];
    struct index_place place = segment_index_place(home, segment, &segment->offset_index, path);
    struct index_entry entry;
    bool is_stale;
    bool found;
    enum error error;

    *bound = INT64_MAX;
    error = index_file_find_above(&segment->offset_index, &place, INDEX_VALUE, position - 1, &found,
                                  &entry, &is_stale);
    /* The entry's batch begins behind them, and its key is its last offset. */
    if (error == ERR_NONE && found && !is_stale)
        *bound = segment->base_offset + entry.key;
    return error;
}

enum error segment_indexed_start(const struct segment_home *home, struct segment *segment,
                                 int64_t position, int64_t *start) {
    struct index_entry entry;
    int64_t behind; /* the last offset of a batch that begins behind `position` */
    bool found;
    enum error error = segment_bound_offset(home, segment, position + 1, &behind);

    *start = 0;
    if (error != ERR_NONE)
        return error;
    error = find_entry(home, segment, &segment->offset_index,
                       behind == INT64_MAX ? INT64_MAX : behind - 1 - segment->base_offset, &found,
                       &entry);
    if (error == ERR_NONE && found && entry.value <= position)
        *start = entry.value;
    return error;
}

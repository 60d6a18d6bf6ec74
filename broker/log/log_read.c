/*
 * Reading a log: from offset or time to a range of a file.
 *
 * A reader looks at the segment list under the state lock, takes a reference of one segment, and
 * does all I/O without a lock. At the tail, where consumers and followers are, the positions of
 * the newest batch ends answer without touching the disk.
 */
#include <stdlib.h>

#include "broker/log/disk.h"
#include "broker/log/log_internal.h"

#define PLAIN_BYTES_MAX ((size_t)128 << 20) /* bound of what one batch may decompress to */

/* What a reader takes from under the state lock. */
struct look {
    struct segment *segment; /* a reference; NULL: nothing to read */
    bool is_last;
    int64_t size;        /* of the segment now */
    int64_t next_offset; /* of the segment now */
    int64_t start;       /* position of `offset`, or -1: look it up */
    int64_t end;         /* position of `offset_limit`, or -1: look it up */
};

/* Position of the batch that begins at `offset`, if it is among the newest; else -1. */
static int64_t end_position(const struct log *log, int64_t offset) {
    const struct batch_ends *ends = log->ends;
    int64_t relative = offset - log_active_segment(log)->base_offset;
    uint32_t held;

    if (ends == NULL)
        return -1;
    held = ends->count < BATCH_ENDS ? ends->count : BATCH_ENDS;
    for (uint32_t i = 1; i <= held; i++) {
        uint32_t slot = (ends->count - i) % BATCH_ENDS;
        if (ends->ends[slot].next_offset == relative)
            return ends->ends[slot].position;
        if (ends->ends[slot].next_offset < relative)
            break;
    }
    return -1;
}

size_t log_segment_index_of(const struct log *log, int64_t offset) {
    size_t low = 0;
    size_t high = log->segment_count;

    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (log->segments[middle]->base_offset <= offset)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static void look_at(struct log *log, size_t index, struct look *look) {
    look->segment = log->segments[index];
    segment_ref(look->segment);
    look->is_last = index + 1 == log->segment_count;
    look->size = look->segment->size;
    look->next_offset =
        look->is_last ? look->segment->next_offset : log->segments[index + 1]->base_offset;
    look->start = -1;
    look->end = -1;
}

/* Errors: OFFSET_OUT_OF_RANGE. */
static enum error take_look(struct log *log, int64_t offset, int64_t offset_limit,
                            struct look *look) {
    enum error error = ERR_NONE;

    *look = (struct look){0};
    mutex_lock(&log->state_lock);
    if (offset < log_start_offset(log) || offset > log->end_offset) {
        error = ERR_OFFSET_OUT_OF_RANGE;
    } else if (offset < offset_limit && offset < log->end_offset && log->segment_count > 0) {
        look_at(log, log_segment_index_of(log, offset), look);
        /* Of older segments the batch is looked at: what was torn off a closed file is told, not
         * sent. The last one's end was, when it was opened. */
        if (look->is_last)
            look->start = offset == look->segment->base_offset ? 0 : end_position(log, offset);
        if (offset_limit >= look->next_offset)
            look->end = look->size;
        else if (look->is_last)
            look->end = end_position(log, offset_limit);
    }
    mutex_unlock(&log->state_lock);
    return error;
}

/* Goes on with the next segment, where the one before held nothing at or behind the offset. */
static bool look_further(struct log *log, struct look *look, int64_t offset_limit) {
    int64_t base_offset = look->segment->base_offset;
    bool found = false;

    segment_unref(look->segment, log->dir->cache);
    look->segment = NULL;
    mutex_lock(&log->state_lock);
    for (size_t i = 0; i < log->segment_count && !found; i++) {
        if (log->segments[i]->base_offset > base_offset &&
            log->segments[i]->base_offset < offset_limit) {
            look_at(log, i, look);
            look->start = 0;
            if (offset_limit >= look->next_offset)
                look->end = look->size;
            found = true;
        }
    }
    mutex_unlock(&log->state_lock);
    return found;
}

/* The size of the batch at `position`, so that the first one may come whole. */
static enum error batch_size_at(struct log *log, int fd, int64_t position, int64_t end,
                                size_t *size) {
    struct batch_walk walk;
    struct stored_batch batch;
    enum error error;
    bool found;

    batch_walk_init(&walk, log->dir->disk, fd, BATCH_WALK_HEADERS, position, end);
    error = batch_walk_next(&walk, &batch, &found);
    if (error == ERR_NONE)
        *size = found ? batch.size : 0;
    batch_walk_done(&walk);
    return error;
}

static enum error find_positions(struct log *log, struct look *look, int64_t offset,
                                 int64_t offset_limit) {
    struct stored_batch batch;
    enum error error;
    bool found;

    if (look->end < 0) {
        error = segment_find(&log->home, look->segment, offset_limit, look->size, &batch, &found);
        if (error != ERR_NONE)
            return error;
        look->end = found ? batch.position : look->size;
    }
    if (look->start < 0) {
        error = segment_find(&log->home, look->segment, offset, look->end, &batch, &found);
        if (error != ERR_NONE)
            return error;
        look->start = found ? batch.position : look->end;
    }
    return ERR_NONE;
}

/* How a reader wants it: see log_read and log_read_whole. */
struct wish {
    int64_t offset, offset_limit;
    size_t bytes_max;
    bool at_least_one_batch, whole;
};

/* Leaves out a batch that would not be whole. Only one that the index knows is looked at: others
 * are small. */
static enum error cut_before_batch(struct log *log, const struct look *look, int fd, size_t *size) {
    int64_t end = look->start + (int64_t)*size, start;
    size_t batch_size;
    enum error error = segment_indexed_start(&log->home, look->segment, end, &start);

    if (error != ERR_NONE || start <= look->start)
        return error;
    error = batch_size_at(log, fd, start, look->end, &batch_size);
    if (error == ERR_NONE && start + (int64_t)batch_size > end)
        *size = (size_t)(start - look->start);
    return error;
}

static enum error make_range(struct log *log, const struct look *look, const struct wish *wish,
                             struct file_range *range) {
    size_t size = (size_t)(look->end - look->start);
    struct open_file *file;
    enum error error;

    error = segment_open_file(&log->home, look->segment, DISK_OPEN_EXISTING, &file);
    if (error != ERR_NONE)
        return error;
    if (file == NULL)
        return ERR_DISK_CORRUPT;
    if (size > wish->bytes_max) {
        size_t first_size = 0;
        if (wish->at_least_one_batch)
            error = batch_size_at(log, file->fd, look->start, look->end, &first_size);
        size = first_size > wish->bytes_max ? first_size : wish->bytes_max;
        if (error == ERR_NONE && wish->whole && first_size < size)
            error = cut_before_batch(log, look, file->fd, &size);
    }
    if (error != ERR_NONE || size == 0) {
        open_file_unref(file);
        return error;
    }
    *range = (struct file_range){file->fd, look->start, size, &file->owner};
    return ERR_NONE;
}

static enum error read_once(struct log *log, const struct wish *wish, struct file_range *range) {
    struct look look;
    enum error error;

    *range = (struct file_range){.fd = -1};
    if ((error = take_look(log, wish->offset, wish->offset_limit, &look)) != ERR_NONE ||
        look.segment == NULL)
        return error;
    for (;;) {
        error = find_positions(log, &look, wish->offset, wish->offset_limit);
        if (error != ERR_NONE || look.start < look.end)
            break;
        if (look.is_last || !look_further(log, &look, wish->offset_limit))
            break;
    }
    if (error == ERR_NONE && look.segment != NULL && look.start < look.end)
        error = make_range(log, &look, wish, range);
    segment_unref(look.segment, log->dir->cache);
    return error;
}

uint32_t log_generation(struct log *log) {
    uint32_t generation;

    mutex_lock(&log->state_lock);
    generation = log->generation;
    mutex_unlock(&log->state_lock);
    return generation;
}

/* A truncation pulled the file away or put other bytes in its place, or old segments went: whatever
 * was read meanwhile says nothing, and has to be looked at again. */
static enum error after_change(enum error error) {
    bool may_be_due_to_it = error == ERR_DISK_CORRUPT || error == ERR_CORRUPT_MESSAGE ||
                            error == ERR_INVALID_RECORD || error == ERR_MALFORMED;

    return may_be_due_to_it ? ERR_NONE : error;
}

static enum error read_wish(struct log *log, const struct wish *wish, struct file_range *range) {
    bool is_at_end = wish->offset >= wish->offset_limit || wish->offset >= log_end_offset(log);
    enum error error = is_at_end ? log_check_usable(log) : log_open(log);

    while (error == ERR_NONE) {
        uint32_t generation = log_generation(log);
        error = read_once(log, wish, range);
        if (generation == log_generation(log))
            break;
        log_range_release(range);
        error = after_change(error);
    }
    return log_fail(log, error, "read");
}

enum error log_read(struct log *log, int64_t offset, int64_t offset_limit, size_t bytes_max,
                    bool at_least_one_batch, struct file_range *range) {
    const struct wish wish = {offset, offset_limit, bytes_max, at_least_one_batch, false};

    return read_wish(log, &wish, range);
}

enum error log_read_whole(struct log *log, int64_t offset, int64_t offset_limit, size_t bytes_max,
                          bool at_least_one_batch, struct file_range *range) {
    const struct wish wish = {offset, offset_limit, bytes_max, at_least_one_batch, true};

    return read_wish(log, &wish, range);
}

/* ---- ranges ---- */

void log_range_release(struct file_range *range) {
    if (range->owner != NULL)
        range->owner->unref(range->owner);
    *range = (struct file_range){.fd = -1};
}

enum error log_range_copy(struct log *log, const struct file_range *range, uint8_t *data,
                          size_t *size) {
    size_t got = 0;
    enum error error = ERR_NONE;

    if (range->size > 0)
        error = disk_read(log->dir->disk, range->fd, data, range->size, range->position, &got);
    if (error != ERR_NONE)
        return log_fail(log, error, "read");
    *size = got;
    return ERR_NONE;
}

/* ---- by time ---- */

/* The first record of the batch with a timestamp at or above `timestamp` from `start_offset` on. */
static enum error find_in_batch(const struct stored_batch *batch, int64_t timestamp,
                                int64_t start_offset, struct log_timestamp_offset *found) {
    struct record_iterator iterator;
    struct record_batch decoded;
    struct record record;
    enum error error;

    if ((error = record_batch_decode(batch->whole, &decoded)) != ERR_NONE ||
        (error = record_iterator_init(&iterator, &decoded, PLAIN_BYTES_MAX)) != ERR_NONE)
        return error;
    while (record_iterator_next(&iterator, &record, &error)) {
        if (record.timestamp >= timestamp && record.offset >= start_offset) {
            *found =
                (struct log_timestamp_offset){record.offset, record.timestamp, batch->leader_epoch};
            break;
        }
    }
    record_iterator_done(&iterator);
    return error;
}

/* A legacy message hides where its inner messages begin: behind the one before it. */
static void find_in_legacy(const struct stored_batch *batch, int64_t batch_start,
                           int64_t start_offset, struct log_timestamp_offset *found) {
    if (batch->last_offset < start_offset)
        return;
    *found = (struct log_timestamp_offset){batch_start > start_offset ? batch_start : start_offset,
                                           batch->max_timestamp, -1};
}

/* Reads one batch whole whose header a walk has found. */
static enum error read_whole(struct log *log, int fd, const struct stored_batch *header,
                             uint8_t **data, struct stored_batch *batch) {
    uint8_t *read = malloc(header->size);
    enum error error;
    size_t got;

    if (read == NULL)
        return ERR_OUT_OF_MEMORY;
    error = disk_read(log->dir->disk, fd, read, header->size, header->position, &got);
    if (error == ERR_NONE && got < header->size)
        error = ERR_DISK_CORRUPT;
    if (error != ERR_NONE) {
        free(read);
        return error;
    }
    *batch = *header;
    batch->whole = bytes_of(read, got);
    *data = read;
    return ERR_NONE;
}

static enum error examine(struct log *log, int fd, const struct stored_batch *header,
                          int64_t batch_start, int64_t timestamp, int64_t start_offset,
                          struct log_timestamp_offset *found) {
    struct stored_batch batch;
    enum error error;
    uint8_t *data;

    if (header->magic < 2) {
        find_in_legacy(header, batch_start, start_offset, found);
        return ERR_NONE;
    }
    if ((error = read_whole(log, fd, header, &data, &batch)) != ERR_NONE)
        return error;
    error = find_in_batch(&batch, timestamp, start_offset, found);
    free(data);
    return error;
}

/* The first record in [position, end) of the segment that reaches `timestamp`. */
static enum error scan_for_timestamp(struct log *log, int fd, int64_t position, int64_t end,
                                     int64_t timestamp, int64_t start_offset,
                                     struct log_timestamp_offset *found) {
    int64_t batch_start = start_offset;
    struct stored_batch batch;
    struct batch_walk walk;
    enum error error;
    bool more;

    batch_walk_init(&walk, log->dir->disk, fd, BATCH_WALK_HEADERS, position, end);
    while ((error = batch_walk_next(&walk, &batch, &more)) == ERR_NONE && more &&
           found->offset < 0) {
        if (batch.max_timestamp >= timestamp)
            error = examine(log, fd, &batch, batch_start, timestamp, start_offset, found);
        if (error != ERR_NONE)
            break;
        batch_start = batch.last_offset + 1;
    }
    batch_walk_done(&walk);
    return error;
}

static enum error search_segment(struct log *log, const struct look *look, int64_t timestamp,
                                 struct log_timestamp_offset *found) {
    int64_t start_offset = log_start_offset(log);
    struct stored_batch batch;
    struct open_file *file;
    int64_t from;
    enum error error;
    bool has_batch;

    error = segment_find_timestamp(&log->home, look->segment, timestamp, &from);
    if (error != ERR_NONE)
        return error;
    if (from < start_offset)
        from = start_offset;
    error = segment_find(&log->home, look->segment, from, look->size, &batch, &has_batch);
    if (error != ERR_NONE || !has_batch)
        return error;
    error = segment_open_file(&log->home, look->segment, DISK_OPEN_EXISTING, &file);
    if (error != ERR_NONE)
        return error;
    if (file == NULL)
        return ERR_DISK_CORRUPT;
    error = scan_for_timestamp(log, file->fd, batch.position, look->size, timestamp, start_offset,
                               found);
    open_file_unref(file);
    return error;
}

/* The first segment from `index` on that reaches `timestamp`; false if none does. */
static bool look_for_timestamp(struct log *log, size_t *index, int64_t timestamp,
                               struct look *look) {
    bool found = false;

    mutex_lock(&log->state_lock);
    for (; *index < log->segment_count && !found; ++*index) {
        if (log->segments[*index]->max_timestamp >= timestamp && log->segments[*index]->size > 0) {
            look_at(log, *index, look);
            found = true;
        }
    }
    mutex_unlock(&log->state_lock);
    return found;
}

static enum error find_timestamp_once(struct log *log, int64_t timestamp,
                                      struct log_timestamp_offset *result) {
    struct log_timestamp_offset found = {-1, -1, -1};
    enum error error = ERR_NONE;
    struct look look;
    size_t index = 0;

    while (error == ERR_NONE && found.offset < 0 &&
           look_for_timestamp(log, &index, timestamp, &look)) {
        error = search_segment(log, &look, timestamp, &found);
        segment_unref(look.segment, log->dir->cache);
    }
    *result = found;
    return error;
}

enum error log_offset_for_timestamp(struct log *log, int64_t timestamp, int64_t offset_limit,
                                    struct log_timestamp_offset *result) {
    struct log_timestamp_offset found = {-1, -1, -1};
    enum error error = log_open(log);

    while (error == ERR_NONE) {
        uint32_t generation = log_generation(log);
        error = find_timestamp_once(log, timestamp, &found);
        if (generation == log_generation(log))
            break;
        error = after_change(error);
    }
    if ((error = log_fail(log, error, "search by time")) != ERR_NONE)
        return error;
    *result = found.offset < offset_limit ? found : (struct log_timestamp_offset){-1, -1, -1};
    return ERR_NONE;
}

enum error log_offset_of_max_timestamp(struct log *log, int64_t offset_limit,
                                       struct log_timestamp_offset *found) {
    int64_t timestamp = RECORD_NO_TIMESTAMP;
    enum error error = log_open(log);

    if (error != ERR_NONE)
        return error;
    mutex_lock(&log->state_lock);
    for (size_t i = 0; i < log->segment_count; i++) {
        if (log->segments[i]->max_timestamp > timestamp)
            timestamp = log->segments[i]->max_timestamp;
    }
    mutex_unlock(&log->state_lock);
    if (timestamp == RECORD_NO_TIMESTAMP) {
        *found = (struct log_timestamp_offset){-1, -1, -1};
        return ERR_NONE;
    }
    return log_offset_for_timestamp(log, timestamp, offset_limit, found);
}

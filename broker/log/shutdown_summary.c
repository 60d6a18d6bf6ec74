#include "broker/log/shutdown_summary.h"

#include <stdio.h>
#include <stdlib.h>

#include "broker/log/checkpoint_file.h"
#include "client/wire/crc32c.h"

#define LINE_SIZE_MIN   36  /* one letter, the id, and one digit for each number */
#define LINE_SIZE_MAX   512 /* without the topic and the epochs */
#define EPOCH_SIZE_MAX  32
#define HEADER_SIZE_MAX 128
#define CRC_SIZE_MAX    16

/* ---- writing ---- */

static int write_log(const struct summarised_log *log, char *text, size_t capacity) {
    char id[UUID_TEXT_SIZE + 1];
    int size;

    uuid_to_text(&log->topic_id, id);
    size = snprintf(text, capacity, "%.*s %d %s %llu %lld %lld %lld %lld %zu",
                    BYTES_FORMAT(log->topic), log->partition, id,
                    (unsigned long long)log->folder_inode, (long long)log->first_base_offset,
                    (long long)log->start_offset, (long long)log->end_offset, (long long)log->size,
                    log->epoch_count);
    for (size_t i = 0; i < log->epoch_count; i++)
        size += snprintf(text + size, capacity - (size_t)size, " %d %lld",
                         log->epochs[i].leader_epoch, (long long)log->epochs[i].start_offset);
    text[size++] = '\n';
    return size;
}

enum error shutdown_summary_encode(const struct shutdown_summary *summary, char **text,
                                   size_t *size) {
    size_t capacity = HEADER_SIZE_MAX + CRC_SIZE_MAX;
    char *written;
    size_t end;

    for (size_t i = 0; i < summary->count; i++)
        capacity += summary->logs[i].topic.size + LINE_SIZE_MAX +
                    summary->logs[i].epoch_count * EPOCH_SIZE_MAX;
    if ((written = malloc(capacity)) == NULL)
        return ERR_OUT_OF_MEMORY;
    end = (size_t)snprintf(written, capacity, "0\n%llu %lld\n%zu\n",
                           (unsigned long long)summary->marker.inode,
                           (long long)summary->marker.changed_ns, summary->count);
    for (size_t i = 0; i < summary->count; i++)
        end += (size_t)write_log(&summary->logs[i], written + end, capacity - end);
    end += (size_t)snprintf(written + end, capacity - end, "%u\n", crc32c(0, written, end));
    CHECK(end < capacity);
    *text = written;
    *size = end;
    return ERR_NONE;
}

/* ---- reading ---- */

static bool take_word(struct bytes *text, struct bytes *word) {
    const uint8_t *space = memchr(text->data, ' ', text->size);
    size_t size;

    if (space == NULL)
        return false;
    size = (size_t)(space - text->data);
    *word = bytes_of(text->data, size);
    text->data += size + 1;
    text->size -= size + 1;
    return size > 0 && memchr(word->data, '\n', size) == NULL &&
           memchr(word->data, '\0', size) == NULL;
}

static bool take_offset(struct bytes *text, int64_t min, int64_t *offset) {
    return checkpoint_take_number(text, min, INT64_MAX, ' ', offset);
}

/* "n e o e o\n", whose last number ends the line. */
static enum error take_epochs(struct bytes *text, struct arena *arena, struct summarised_log *log) {
    struct epoch_start before = {-1, -1};
    int64_t count;

    if (checkpoint_take_number(text, 0, 0, '\n', &count)) {
        log->epoch_count = 0;
        return ERR_NONE;
    }
    if (!checkpoint_take_number(text, 1, SHUTDOWN_SUMMARY_EPOCHS_MAX, ' ', &count))
        return ERR_DISK_CORRUPT;
    log->epoch_count = (size_t)count;
    log->epochs = arena_alloc(arena, log->epoch_count, sizeof(*log->epochs));
    if (log->epochs == NULL)
        return ERR_OUT_OF_MEMORY;
    for (size_t i = 0; i < log->epoch_count; i++) {
        char end = i + 1 == log->epoch_count ? '\n' : ' ';
        int64_t epoch;
        int64_t start;
        if (!checkpoint_take_number(text, before.leader_epoch + 1LL, INT32_MAX, ' ', &epoch) ||
            !checkpoint_take_number(text, before.start_offset + 1, INT64_MAX - 1, end, &start))
            return ERR_DISK_CORRUPT;
        before = log->epochs[i] = (struct epoch_start){(int32_t)epoch, start};
    }
    return ERR_NONE;
}

static enum error take_log(struct bytes *text, struct arena *arena, struct summarised_log *log) {
    int64_t partition;
    int64_t inode;
    struct bytes id;

    *log = (struct summarised_log){0};
    if (!take_word(text, &log->topic) ||
        !checkpoint_take_number(text, 0, INT32_MAX, ' ', &partition) || !take_word(text, &id) ||
        uuid_from_text(id, &log->topic_id) != ERR_NONE || !take_offset(text, 0, &inode) ||
        !take_offset(text, 0, &log->first_base_offset) ||
        !take_offset(text, log->first_base_offset, &log->start_offset) ||
        !take_offset(text, log->start_offset, &log->end_offset) ||
        !take_offset(text, 0, &log->size))
        return ERR_DISK_CORRUPT;
    log->partition = (int32_t)partition;
    log->folder_inode = (uint64_t)inode;
    return take_epochs(text, arena, log);
}

static int by_partition(const void *a, const void *b) {
    const struct summarised_log *left = a;
    const struct summarised_log *right = b;
    size_t common = left->topic.size < right->topic.size ? left->topic.size : right->topic.size;
    int order = memcmp(left->topic.data, right->topic.data, common);

    if (order != 0)
        return order;
    if (left->topic.size != right->topic.size)
        return left->topic.size < right->topic.size ? -1 : 1;
    return (left->partition > right->partition) - (left->partition < right->partition);
}

/* Takes the checksum off the end; false if it is not that of what stands before. */
static bool take_checksum(struct bytes *text) {
    size_t line = text->size;
    struct bytes last;
    int64_t crc;

    if (text->size < 2 || text->data[text->size - 1] != '\n')
        return false;
    for (line--; line > 0 && text->data[line - 1] != '\n';)
        line--;
    last = bytes_of(text->data + line, text->size - line);
    text->size = line;
    return checkpoint_take_number(&last, 0, UINT32_MAX, '\n', &crc) && last.size == 0 &&
           crc32c(0, text->data, text->size) == (uint32_t)crc;
}

static bool take_header(struct bytes *text, struct marker_identity *marker, int64_t *count) {
    int64_t version;
    int64_t inode;

    if (!checkpoint_take_number(text, 0, 0, '\n', &version) ||
        !checkpoint_take_number(text, 0, INT64_MAX, ' ', &inode) ||
        !checkpoint_take_number(text, 0, INT64_MAX, '\n', &marker->changed_ns) ||
        !checkpoint_take_number(text, 0, INT32_MAX, '\n', count))
        return false;
    marker->inode = (uint64_t)inode;
    return true;
}

enum error shutdown_summary_parse(struct bytes text, struct arena *arena,
                                  struct shutdown_summary *summary) {
    struct shutdown_summary parsed = {0};
    enum error error;
    int64_t count;

    if (!take_checksum(&text) || !take_header(&text, &parsed.marker, &count) ||
        (uint64_t)count > text.size / LINE_SIZE_MIN + 1)
        return ERR_DISK_CORRUPT;
    parsed.count = (size_t)count;
    if ((parsed.logs = arena_alloc(arena, parsed.count + 1, sizeof(*parsed.logs))) == NULL)
        return ERR_OUT_OF_MEMORY;
    for (size_t i = 0; i < parsed.count; i++)
        if ((error = take_log(&text, arena, &parsed.logs[i])) != ERR_NONE)
            return error;
    if (text.size > 0)
        return ERR_DISK_CORRUPT;
    if (parsed.count > 0)
        qsort(parsed.logs, parsed.count, sizeof(*parsed.logs), by_partition);
    for (size_t i = 1; i < parsed.count; i++)
        if (by_partition(&parsed.logs[i - 1], &parsed.logs[i]) == 0)
            return ERR_DISK_CORRUPT;
    *summary = parsed;
    return ERR_NONE;
}

const struct summarised_log *shutdown_summary_find(const struct shutdown_summary *summary,
                                                   struct bytes topic, int32_t partition) {
    const struct summarised_log key = {.topic = topic, .partition = partition};

    return summary->count == 0
               ? NULL
               : bsearch(&key, summary->logs, summary->count, sizeof(*summary->logs), by_partition);
}

#include "broker/log/checkpoint_file.h"

#include <stdlib.h>

#include "broker/log/disk.h"

#define TOPIC_SIZE_MAX  249
#define ENTRY_SIZE_MIN  6 /* "t 0 0\n" */
#define ENTRY_SIZE_MAX  (TOPIC_SIZE_MAX + 1 + 10 + 1 + 19 + 1)
#define HEADER_SIZE_MAX 32

static void skip(struct bytes *text, size_t size) {
    text->data += size;
    text->size -= size;
}

bool checkpoint_take_number(struct bytes *text, int64_t min, int64_t max, char end,
                            int64_t *number) {
    bool negative = text->size > 0 && text->data[0] == '-';
    size_t at = negative ? 1 : 0;
    size_t digits = at;
    int64_t value = 0;

    for (; at < text->size && text->data[at] >= '0' && text->data[at] <= '9'; at++) {
        int digit = text->data[at] - '0';
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, digit, &value))
            return false;
    }
    if (at == digits || at == text->size || text->data[at] != (uint8_t)end)
        return false;
    /* The value was built as a negative number, which has room for the smallest one too. */
    if (!negative && (value == INT64_MIN || (value = -value) < 0))
        return false;
    if (value < min || value > max)
        return false;
    skip(text, at + 1);
    *number = value;
    return true;
}

bool checkpoint_take_header(struct bytes *text, int64_t *count) {
    int64_t version;

    return checkpoint_take_number(text, 0, 0, '\n', &version) &&
           checkpoint_take_number(text, 0, INT32_MAX, '\n', count);
}

static bool take_topic(struct bytes *text, struct bytes *topic) {
    const uint8_t *space = memchr(text->data, ' ', text->size);
    size_t size;

    if (space == NULL)
        return false;
    size = (size_t)(space - text->data);
    if (size == 0 || size > TOPIC_SIZE_MAX || memchr(text->data, '\n', size) != NULL)
        return false;
    *topic = bytes_of(text->data, size);
    skip(text, size + 1);
    return true;
}

enum error offset_checkpoint_parse(struct bytes text, struct arena *arena,
                                   struct offset_checkpoint **entries, size_t *count) {
    struct offset_checkpoint *parsed;
    int64_t announced;

    if (text.size == 0) {
        *entries = NULL;
        *count = 0;
        return ERR_NONE;
    }
    if (!checkpoint_take_header(&text, &announced) ||
        (uint64_t)announced > text.size / ENTRY_SIZE_MIN)
        return ERR_DISK_CORRUPT;
    if ((parsed = arena_alloc(arena, (size_t)announced, sizeof(*parsed))) == NULL)
        return ERR_OUT_OF_MEMORY;
    for (int64_t i = 0; i < announced; i++) {
        struct bytes topic;
        int64_t partition;
        if (!take_topic(&text, &topic) ||
            !checkpoint_take_number(&text, 0, INT32_MAX, ' ', &partition) ||
            !checkpoint_take_number(&text, 0, INT64_MAX, '\n', &parsed[i].offset))
            return ERR_DISK_CORRUPT;
        parsed[i].partition = (int32_t)partition;
        parsed[i].line = (int32_t)i;
        parsed[i].topic = arena_copy(arena, topic);
        if (bytes_is_null(parsed[i].topic))
            return ERR_OUT_OF_MEMORY;
    }
    if (text.size > 0)
        return ERR_DISK_CORRUPT;
    *entries = parsed;
    *count = (size_t)announced;
    return ERR_NONE;
}

enum error offset_checkpoint_read(struct disk *disk, const char *path, struct arena *arena,
                                  struct offset_checkpoint **entries, size_t *count) {
    enum error error;
    char *data;
    size_t size;

    if ((error = disk_read_file(disk, path, CHECKPOINT_FILE_BYTES_MAX, &data, &size)) != ERR_NONE)
        return error;
    error = offset_checkpoint_parse(bytes_of(data, size), arena, entries, count);
    free(data);
    return error;
}

enum error offset_checkpoint_write(struct disk *disk, const char *path,
                                   const struct offset_checkpoint *entries, size_t count) {
    size_t capacity = HEADER_SIZE_MAX;
    enum error error;
    size_t size;
    char *text;

    for (size_t i = 0; i < count; i++)
        capacity += entries[i].topic.size + ENTRY_SIZE_MAX - TOPIC_SIZE_MAX;
    if ((text = malloc(capacity)) == NULL)
        return ERR_OUT_OF_MEMORY;
    size = (size_t)snprintf(text, capacity, "0\n%zu\n", count);
    for (size_t i = 0; i < count; i++) {
        CHECK(entries[i].offset >= 0 && entries[i].partition >= 0);
        size += (size_t)snprintf(text + size, capacity - size, "%.*s %d %lld\n",
                                 BYTES_FORMAT(entries[i].topic), entries[i].partition,
                                 (long long)entries[i].offset);
    }
    CHECK(size < capacity);
    error = disk_replace_file(disk, path, text, size, true);
    free(text);
    return error;
}

#include "broker/log/partition_metadata.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "broker/log/checkpoint_file.h"
#include "broker/log/disk.h"

#define FILE_NAME      "partition.metadata"
#define FILE_BYTES_MAX 4096

static bool take_text(struct bytes *text, const char *expected) {
    size_t size = strlen(expected);

    if (text->size < size || memcmp(text->data, expected, size) != 0)
        return false;
    text->data += size;
    text->size -= size;
    return true;
}

enum error partition_metadata_parse(struct bytes text, struct uuid *topic_id) {
    struct uuid parsed;
    int64_t version;

    while (text.size > 0 && (text.data[text.size - 1] == '\n' || text.data[text.size - 1] == '\r'))
        text.size--;
    if (!take_text(&text, "version: ") ||
        !checkpoint_take_number(&text, 0, INT32_MAX, '\n', &version) ||
        !take_text(&text, "topic_id: ") || uuid_from_text(text, &parsed) != ERR_NONE ||
        uuid_is_zero(&parsed))
        return ERR_DISK_CORRUPT;
    *topic_id = parsed;
    return ERR_NONE;
}

enum error partition_metadata_read(struct disk *disk, const char *dir, struct uuid *topic_id) {
    char path[PATH_MAX];
    enum error error;
    size_t size;
    char *data;

    CHECK(snprintf(path, sizeof(path), "%s/" FILE_NAME, dir) < PATH_MAX);
    if ((error = disk_read_file(disk, path, FILE_BYTES_MAX, &data, &size)) != ERR_NONE)
        return error;
    if (data == NULL)
        *topic_id = (struct uuid){{0}};
    else
        error = partition_metadata_parse(bytes_of(data, size), topic_id);
    free(data);
    return error;
}

enum error partition_metadata_write(struct disk *disk, const char *dir, const struct uuid *topic_id,
                                    bool durable) {
    char id[UUID_TEXT_SIZE + 1];
    char temporary[PATH_MAX];
    char path[PATH_MAX];
    enum error error;
    char text[64];
    int size;
    int fd;

    uuid_to_text(topic_id, id);
    size = snprintf(text, sizeof(text), "version: 0\ntopic_id: %s", id);
    CHECK(snprintf(path, sizeof(path), "%s/" FILE_NAME, dir) < PATH_MAX);
    CHECK(snprintf(temporary, sizeof(temporary), "%s/" FILE_NAME ".tmp", dir) < PATH_MAX);
    if ((error = disk_open(disk, temporary, DISK_OPEN_TRUNCATED, &fd)) != ERR_NONE)
        return error;
    if ((error = disk_write(disk, fd, text, (size_t)size, 0)) == ERR_NONE)
        error = disk_sync(disk, fd);
    close(fd);
    if (error == ERR_NONE)
        error = disk_rename(disk, temporary, path);
    if (error == ERR_NONE && durable)
        error = disk_sync_dir(disk, dir);
    return error;
}

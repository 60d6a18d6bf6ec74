#include "broker/log/meta_properties.h"

#include <limits.h>
#include <stdlib.h>

#include "broker/log/disk.h"

#define FILE_NAME "meta.properties"

static void file_path(const char *dir, char path[PATH_MAX]) {
    int size = snprintf(path, PATH_MAX, "%s/" FILE_NAME, dir);
    CHECK(size < PATH_MAX);
}

static bool parse_number(const char *text, int32_t *number) {
    char *end;
    long value;

    if (text[0] < '0' || text[0] > '9')
        return false;
    value = strtol(text, &end, 10);
    if (*end != '\0' || value > INT32_MAX)
        return false;
    *number = (int32_t)value;
    return true;
}

static enum error interpret(struct meta_properties *meta) {
    const char *version = properties_value(&meta->all, "version");
    const char *broker_id = properties_value(&meta->all, "broker.id");
    const char *cluster_id = properties_value(&meta->all, "cluster.id");

    if (version != NULL && strcmp(version, "0") != 0)
        return ERR_DISK_CORRUPT;
    if (broker_id != NULL && !parse_number(broker_id, &meta->broker_id))
        return ERR_DISK_CORRUPT;
    if (cluster_id != NULL) {
        if (strlen(cluster_id) >= sizeof(meta->cluster_id))
            return ERR_DISK_CORRUPT;
        memcpy(meta->cluster_id, cluster_id, strlen(cluster_id) + 1);
    }
    return ERR_NONE;
}

enum error meta_properties_read(struct disk *disk, const char *dir, struct meta_properties *meta) {
    struct properties_failure failure;
    char path[PATH_MAX];
    enum error error;
    char *data = NULL;
    size_t size;

    *meta = (struct meta_properties){.broker_id = -1};
    properties_init(&meta->all);
    file_path(dir, path);
    error = disk_read_file(disk, path, PROPERTIES_TEXT_SIZE_MAX, &data, &size);
    if (error != ERR_NONE || data == NULL)
        return error;
    meta->exists = true;
    error = properties_parse(&meta->all, bytes_of(data, size), &failure);
    if (error == ERR_NONE)
        error = interpret(meta);
    else if (error == ERR_MALFORMED)
        error = ERR_DISK_CORRUPT;
    free(data);
    return error;
}

void meta_properties_done(struct meta_properties *meta) {
    properties_done(&meta->all);
}

enum error meta_properties_write(struct disk *disk, const char *dir, struct meta_properties *meta,
                                 int32_t broker_id, const char *cluster_id, int64_t now_ms) {
    char path[PATH_MAX];
    char number[16];
    enum error error;
    char *text;
    size_t size;

    CHECK(strlen(cluster_id) < sizeof(meta->cluster_id));
    snprintf(number, sizeof(number), "%d", broker_id);
    if ((error = properties_set(&meta->all, "version", "0")) != ERR_NONE ||
        (error = properties_set(&meta->all, "broker.id", number)) != ERR_NONE ||
        (error = properties_set(&meta->all, "cluster.id", cluster_id)) != ERR_NONE ||
        (error = properties_format(&meta->all, now_ms, &text, &size)) != ERR_NONE)
        return error;
    file_path(dir, path);
    error = disk_replace_file(disk, path, text, size, true);
    free(text);
    if (error != ERR_NONE)
        return error;
    meta->exists = true;
    meta->broker_id = broker_id;
    memmove(meta->cluster_id, cluster_id, strlen(cluster_id) + 1);
    return ERR_NONE;
}

#include "zk-schema/paths.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "client/base/check.h"

const char *const startup_paths[] = {
    "/consumers",
    "/brokers",
    PATH_BROKER_IDS,
    PATH_TOPICS,
    "/config",
    PATH_CONFIG_CHANGES,
    "/admin",
    PATH_DELETE_TOPICS,
    PATH_BROKER_SEQUENCE,
    PATH_ISR_NOTIFICATION,
    PATH_PRODUCER_ID_BLOCK,
    PATH_LOG_DIR_NOTIFICATION,
    PATH_CONFIG_TOPICS,
    "/config/clients",
    "/config/users",
    PATH_CONFIG_BROKERS,
    "/config/ips",
    "/barnabas",
    PATH_CHANGES,
    PATH_REGISTRATIONS,
    PATH_UNCLEAN_RESTARTS,
    PATH_OFFLINE_REPLICAS,
};
const size_t startup_path_count = ARRAY_COUNT(startup_paths);

static struct znode_path make(const char *format, ...) PRINTF_LIKE(1, 2);

static struct znode_path make(const char *format, ...) {
    struct znode_path path;
    va_list arguments;
    int size;

    va_start(arguments, format);
    size = vsnprintf(path.text, sizeof(path.text), format, arguments);
    va_end(arguments);
    CHECK(size > 0 && (size_t)size < sizeof(path.text));
    return path;
}

struct znode_path path_of_broker(int32_t broker_id) {
    return make(PATH_BROKER_IDS "/%d", broker_id);
}

struct znode_path path_of_unclean_restart(int32_t broker_id) {
    return make(PATH_UNCLEAN_RESTARTS "/%d", broker_id);
}

struct znode_path path_of_offline_replicas(int32_t broker_id) {
    return make(PATH_OFFLINE_REPLICAS "/%d", broker_id);
}

struct znode_path path_of_topic(struct bytes topic) {
    return make(PATH_TOPICS "/%.*s", BYTES_FORMAT(topic));
}

struct znode_path path_of_partitions(struct bytes topic) {
    return make(PATH_TOPICS "/%.*s/partitions", BYTES_FORMAT(topic));
}

struct znode_path path_of_partition(struct bytes topic, int32_t partition) {
    return make(PATH_TOPICS "/%.*s/partitions/%d", BYTES_FORMAT(topic), partition);
}

struct znode_path path_of_partition_state(struct bytes topic, int32_t partition) {
    return make(PATH_TOPICS "/%.*s/partitions/%d/state", BYTES_FORMAT(topic), partition);
}

struct znode_path path_of_topic_config(struct bytes topic) {
    return make(PATH_CONFIG_TOPICS "/%.*s", BYTES_FORMAT(topic));
}

struct znode_path path_of_deleted_topic(struct bytes topic) {
    return make(PATH_DELETE_TOPICS "/%.*s", BYTES_FORMAT(topic));
}

struct znode_path path_of_change(uint32_t sequence) {
    return make(PATH_CHANGE_PREFIX "%010d", (int32_t)sequence);
}

struct znode_path path_of_config_change(uint32_t sequence) {
    return make(PATH_CONFIG_CHANGE_PREFIX "%010d", (int32_t)sequence);
}

struct znode_path path_of_child(const char *parent, const char *name) {
    return make("%s/%s", parent, name);
}

struct bytes path_name(const char *path) {
    const char *slash = strrchr(path, '/');

    return bytes_of_text(slash == NULL ? path : slash + 1);
}

static bool parse_number(const char *text, uint64_t max, uint64_t *number) {
    char *end;

    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    *number = strtoull(text, &end, 10);
    return errno == 0 && *end == '\0' && *number <= max;
}

bool path_broker_id(const char *name, int32_t *broker_id) {
    uint64_t number;

    if (!parse_number(name, INT32_MAX, &number))
        return false;
    *broker_id = (int32_t)number;
    return true;
}

bool path_sequence(const char *name, uint32_t *sequence) {
    const char *mark = strrchr(name, '_');
    uint64_t number;

    if (mark == NULL || !parse_number(mark + 1, UINT32_MAX, &number))
        return false;
    *sequence = (uint32_t)number;
    return true;
}

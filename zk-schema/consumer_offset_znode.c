#include "zk-schema/consumer_offset_znode.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_EXTRA sizeof("/consumers//offsets//-2147483648")

size_t consumer_offset_path_size(struct bytes group, struct bytes topic) {
    return group.size + topic.size + PATH_EXTRA;
}

static bool is_name(const char *name, size_t size) {
    if (size == 0 || (size == 1 && name[0] == '.') || (size == 2 && memcmp(name, "..", 2) == 0))
        return false;
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)name[i] < ' ' || name[i] == 0x7f)
            return false;
    return true;
}

bool consumer_offset_path(struct bytes group, struct bytes topic, int32_t partition, char *path,
                          size_t size) {
    int length = snprintf(path, size, "/consumers/%.*s/offsets/%.*s/%d", BYTES_FORMAT(group),
                          BYTES_FORMAT(topic), partition);
    size_t name_size;

    /* A zero in a name would have cut it. */
    if (length < 0 || (size_t)length >= size || memchr(group.data, '\0', group.size) != NULL ||
        memchr(topic.data, '\0', topic.size) != NULL)
        return false;
    for (const char *name = path + 1;; name += name_size + 1) {
        name_size = strcspn(name, "/");
        if (!is_name(name, name_size))
            return false;
        if (name[name_size] == '\0')
            return true;
    }
}

struct bytes consumer_offset_encode(int64_t offset, char *text) {
    int size = snprintf(text, CONSUMER_OFFSET_TEXT_SIZE, "%" PRId64, offset);

    return bytes_of((const uint8_t *)text, (size_t)size);
}

bool consumer_offset_decode(struct bytes data, int64_t *offset) {
    char text[CONSUMER_OFFSET_TEXT_SIZE];
    char *end;

    if (data.size == 0 || data.size >= sizeof(text))
        return false;
    memcpy(text, data.data, data.size);
    text[data.size] = '\0';
    if (strspn(text, "+-0123456789") != data.size)
        return false;
    errno = 0;
    *offset = strtoll(text, &end, 10);
    return errno == 0 && end == text + data.size;
}

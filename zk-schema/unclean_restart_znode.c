#include "zk-schema/unclean_restart_znode.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct bytes unclean_restart_znode_encode(int64_t since, struct arena *arena) {
    char text[24];

    if (since == 0)
        return BYTES_NULL;
    snprintf(text, sizeof(text), "%" PRId64, since);
    return arena_copy(arena, bytes_of_text(text));
}

enum error unclean_restart_znode_decode(const char *path, struct bytes data, int64_t czxid,
                                        int64_t *since, struct znode_error *error) {
    struct znode_reader reader;
    char text[24];
    char *end;
    long long number;

    znode_reader_init(&reader, path, NULL, error);
    if (data.size == 0) {
        *since = czxid;
        return znode_result(&reader);
    }
    if (data.size >= sizeof(text)) {
        znode_fail(&reader, NULL, "is no transaction id");
        return znode_result(&reader);
    }
    memcpy(text, data.data, data.size);
    text[data.size] = '\0';
    errno = 0;
    number = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || number <= 0)
        znode_fail(&reader, NULL, "is no transaction id");
    else
        *since = number;
    return znode_result(&reader);
}

#include "broker/log/compaction_aborts.h"

#include <stdlib.h>
#include <unistd.h>

#include "client/wire/big_endian.h"

#define ENTRY_BYTES ((size_t)34)
#define VERSION     0
#define BYTES_MAX   ((size_t)1 << 30)

void compaction_aborts_done(struct compaction_aborts *aborts) {
    free(aborts->aborts);
    *aborts = (struct compaction_aborts){0};
}

enum error compaction_aborts_add(struct compaction_aborts *aborts,
                                 const struct compaction_abort *abort) {
    if (aborts->count == aborts->capacity) {
        size_t capacity = aborts->capacity == 0 ? 8 : aborts->capacity * 2;
        struct compaction_abort *grown = realloc(aborts->aborts, capacity * sizeof(*grown));
        if (grown == NULL)
            return ERR_OUT_OF_MEMORY;
        aborts->aborts = grown;
        aborts->capacity = capacity;
    }
    aborts->aborts[aborts->count++] = *abort;
    return ERR_NONE;
}

static enum error add_encoded(struct compaction_aborts *aborts, const uint8_t *at) {
    struct compaction_abort abort = {
        .producer_id = (int64_t)big_endian_load_u64(at + 2),
        .first_offset = (int64_t)big_endian_load_u64(at + 10),
        .last_offset = (int64_t)big_endian_load_u64(at + 18),
        .last_stable_offset = (int64_t)big_endian_load_u64(at + 26),
    };

    if (big_endian_load_u16(at) != VERSION || abort.producer_id < 0 || abort.first_offset < 0 ||
        abort.last_offset < abort.first_offset)
        return ERR_DISK_CORRUPT;
    return compaction_aborts_add(aborts, &abort);
}

enum error compaction_aborts_read(struct compaction_aborts *aborts, struct disk *disk,
                                  const char *path) {
    enum error error;
    char *data;
    size_t size;

    if ((error = disk_read_file(disk, path, BYTES_MAX, &data, &size)) != ERR_NONE)
        return error;
    if (size % ENTRY_BYTES != 0)
        error = ERR_DISK_CORRUPT;
    for (size_t at = 0; at < size && error == ERR_NONE; at += ENTRY_BYTES)
        error = add_encoded(aborts, (const uint8_t *)data + at);
    free(data);
    return error;
}

enum error compaction_aborts_write(const struct compaction_aborts *aborts, struct disk *disk,
                                   const char *path) {
    uint8_t *data = malloc(aborts->count * ENTRY_BYTES + 1);
    enum error error;
    int fd;

    if (data == NULL)
        return ERR_OUT_OF_MEMORY;
    for (size_t i = 0; i < aborts->count; i++) {
        uint8_t *at = data + i * ENTRY_BYTES;
        big_endian_store_u16(at, VERSION);
        big_endian_store_u64(at + 2, (uint64_t)aborts->aborts[i].producer_id);
        big_endian_store_u64(at + 10, (uint64_t)aborts->aborts[i].first_offset);
        big_endian_store_u64(at + 18, (uint64_t)aborts->aborts[i].last_offset);
        big_endian_store_u64(at + 26, (uint64_t)aborts->aborts[i].last_stable_offset);
    }
    if ((error = disk_open(disk, path, DISK_OPEN_TRUNCATED, &fd)) == ERR_NONE) {
        error = disk_write(disk, fd, data, aborts->count * ENTRY_BYTES, 0);
        if (error == ERR_NONE)
            error = disk_sync(disk, fd);
        close(fd);
    }
    free(data);
    return error;
}

#include "broker/log/compaction_aborts.h"

#include <stdlib.h>
#include <unistd.h>

#define READ_AT_ONCE 64

void compaction_aborts_done(struct compaction_aborts *aborts) {
    free(aborts->aborts);
    *aborts = (struct compaction_aborts){0};
}

enum error compaction_aborts_add(struct compaction_aborts *aborts,
                                 const struct aborted_transaction *abort) {
    if (aborts->count == aborts->capacity) {
        size_t capacity = aborts->capacity == 0 ? 8 : aborts->capacity * 2;
        struct aborted_transaction *grown = realloc(aborts->aborts, capacity * sizeof(*grown));
        if (grown == NULL)
            return ERR_OUT_OF_MEMORY;
        aborts->aborts = grown;
        aborts->capacity = capacity;
    }
    aborts->aborts[aborts->count++] = *abort;
    return ERR_NONE;
}

enum error compaction_aborts_read(struct compaction_aborts *aborts, const struct segment_home *home,
                                  struct segment *segment) {
    struct aborted_transaction entries[READ_AT_ONCE];
    enum error error = ERR_NONE;
    uint32_t count;
    uint32_t got;

    mutex_lock(home->state_lock);
    count = segment->txn_index.count;
    mutex_unlock(home->state_lock);
    for (uint32_t at = 0; at < count && error == ERR_NONE; at += got) {
        uint32_t wanted = count - at < READ_AT_ONCE ? count - at : READ_AT_ONCE;
        error = segment_read_aborted(home, segment, at, entries, wanted, &got);
        if (error != ERR_NONE || got == 0)
            break;
        for (uint32_t i = 0; i < got && error == ERR_NONE; i++)
            error = compaction_aborts_add(aborts, &entries[i]);
    }
    return error;
}

enum error compaction_aborts_write(const struct compaction_aborts *aborts, struct disk *disk,
                                   const char *path) {
    uint8_t *data = malloc(aborts->count * TXN_INDEX_ENTRY_BYTES + 1);
    enum error error;
    int fd;

    if (data == NULL)
        return ERR_OUT_OF_MEMORY;
    for (size_t i = 0; i < aborts->count; i++)
        aborted_transaction_encode(&aborts->aborts[i], data + i * TXN_INDEX_ENTRY_BYTES);
    if ((error = disk_open(disk, path, DISK_OPEN_TRUNCATED, &fd)) == ERR_NONE) {
        error = disk_write(disk, fd, data, aborts->count * TXN_INDEX_ENTRY_BYTES, 0);
        if (error == ERR_NONE)
            error = disk_sync(disk, fd);
        close(fd);
    }
    free(data);
    return error;
}

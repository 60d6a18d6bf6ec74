/* A .txnindex with any content is refused, or its markers ascend and it can be searched and cut. */
#include <stdlib.h>
#include <unistd.h>

#include "broker/log/txn_index.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char path[] = "/tmp/barnabas-fuzz-txn-index-XXXXXX";
static struct file_cache *cache;
static struct mutex state_lock;

static void remove_file(void) {
    file_cache_free(cache);
    unlink(path);
}

static void set_up(void) {
    int fd;

    if (cache != NULL)
        return;
    CHECK((fd = mkstemp(path)) >= 0);
    close(fd);
    mutex_init(&state_lock);
    CHECK(file_cache_new(2, &cache) == ERR_NONE);
    CHECK(atexit(remove_file) == 0);
}

/* What a search finds splits the entries in two. */
static void search(struct txn_index *index, const struct index_place *place, int64_t offset) {
    struct aborted_transaction entry;
    uint32_t found;
    uint32_t got;

    CHECK(txn_index_find(index, place, index->count, offset, &found) == ERR_NONE);
    CHECK(found <= index->count);
    if (found > 0) {
        CHECK(txn_index_read(index, place, found - 1, &entry, 1, &got) == ERR_NONE && got == 1);
        CHECK(entry.last_offset < offset);
    }
    if (found < index->count) {
        CHECK(txn_index_read(index, place, found, &entry, 1, &got) == ERR_NONE && got == 1);
        CHECK(entry.last_offset >= offset);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct index_place place = {disk_system(), NULL, &state_lock, path};
    struct aborted_transaction next = {7, 0, INT64_MAX, INT64_MAX};
    struct txn_index index;
    FILE *file;

    set_up();
    place.cache = cache;
    CHECK((file = fopen(path, "wb")) != NULL);
    CHECK(size == 0 || fwrite(data, 1, size, file) == size);
    fclose(file);
    txn_index_init(&index);
    if (txn_index_load(&index, &place, (int64_t)size, 0) == ERR_NONE) {
        int64_t middle = index.last_offset / 2;
        search(&index, &place, middle);
        search(&index, &place, index.last_offset);
        CHECK(txn_index_truncate(&index, &place, middle) == ERR_NONE);
        CHECK(index.last_offset < middle || index.count == 0);
        if (index.last_offset < INT64_MAX)
            CHECK(txn_index_append(&index, &place, &next) == ERR_NONE);
        search(&index, &place, INT64_MAX);
    }
    txn_index_done(&index, cache);
    return 0;
}

/* A .index or .timeindex with any content: searching and cutting it stays within the file, and an
 * index that is made anew over it holds what was put in, nothing else. The first byte says which of
 * the two it is, and how much is put in. */
#include <stdlib.h>
#include <unistd.h>

#include "broker/log/disk.h"
#include "broker/log/index_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char path[] = "/tmp/barnabas-fuzz-index-XXXXXX";
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

static void search(struct index_file *index, const struct index_place *place, int64_t key) {
    struct index_view view = index_file_view(index, key);
    struct index_entry entry = {-1, -1};
    bool is_stale;
    bool found;

    CHECK(index_file_search(index, place, &view, key, &found, &entry, &is_stale) == ERR_NONE);
    CHECK(!is_stale && (!found || entry.key <= key));
    CHECK(index_file_find_above(index, place, INDEX_VALUE, key, &found, &entry, &is_stale) ==
          ERR_NONE);
    CHECK(!is_stale);
}

static void look(struct index_file *index, const struct index_place *place) {
    search(index, place, 0);
    search(index, place, index->last.key);
    search(index, place, INT32_MAX);
    CHECK(index_file_truncate(index, place, INDEX_KEY, index->last.key / 2) == ERR_NONE);
    search(index, place, INT64_MAX);
}

/* As recovery does it, over whatever the file holds. */
static void make_anew(struct index_file *index, const struct index_place *place, uint32_t count) {
    size_t entry_size = index_entry_bytes(index->kind);
    struct disk_stat stat;

    index_file_restart(index, place);
    for (uint32_t i = 0; i < count; i++) {
        CHECK(index_file_reserve(index, 1) == ERR_NONE);
        index_file_append(index, (struct index_entry){i + 1, (int32_t)(i * 2)});
        if (index->tail_count >= INDEX_TAIL_ENTRIES)
            CHECK(index_file_spill(index, place) == ERR_NONE);
    }
    CHECK(index_file_spill(index, place) == ERR_NONE);
    CHECK(index_file_settle(index, place) == ERR_NONE);
    CHECK(disk_stat(place->disk, place->path, &stat) == ERR_NONE);
    CHECK(stat.size == (int64_t)(count * entry_size));
    for (uint32_t i = 0; i < count; i++) {
        struct index_view view = index_file_view(index, i + 1);
        struct index_entry entry = {-1, -1};
        bool is_stale;
        bool found;
        CHECK(index_file_search(index, place, &view, i + 1, &found, &entry, &is_stale) == ERR_NONE);
        CHECK(found && !is_stale && entry.key == i + 1 && entry.value == (int32_t)(i * 2));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct index_place place = {disk_system(), NULL, &state_lock, path};
    struct index_file index;
    FILE *file;

    if (size < 1)
        return 0;
    set_up();
    place.cache = cache;
    CHECK((file = fopen(path, "wb")) != NULL);
    CHECK(size == 1 || fwrite(data + 1, 1, size - 1, file) == size - 1);
    fclose(file);
    index_file_init(&index, (data[0] & 1) != 0 ? INDEX_OF_TIMES : INDEX_OF_OFFSETS);
    if (index_file_load(&index, &place, (int64_t)size - 1) == ERR_NONE) {
        CHECK(index_file_count(&index) == (size - 1) / index_entry_bytes(index.kind));
        look(&index, &place);
    }
    make_anew(&index, &place, data[0] >> 1);
    index_file_done(&index, cache);
    return 0;
}

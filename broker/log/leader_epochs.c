#include "broker/log/leader_epochs.h"

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>

#include "broker/log/checkpoint_file.h"
#include "broker/log/disk.h"

#define FILE_NAME       "leader-epoch-checkpoint"
#define FILE_BYTES_MAX  (64 * 1024 * 1024)
#define LINE_SIZE_MIN   4 /* "0 0\n" */
#define LINE_SIZE_MAX   (10 + 1 + 19 + 1)
#define HEADER_SIZE_MAX 32

struct leader_epochs {
    struct disk *disk;
    const char *dir;             /* the caller's */
    struct epoch_start *entries; /* epochs and offsets strictly ascending */
    size_t count;
    size_t capacity;
    uint64_t file_hash;    /* of what the file holds; 0: unknown */
    bool file_is_stale;    /* it may hold something else than memory */
    bool file_is_durable;  /* what it holds was synced */
    bool file_has_entries; /* or may have */
};

static enum error reserve_one(struct leader_epochs *epochs) {
    size_t capacity = epochs->capacity == 0 ? 1 : epochs->capacity * 2;
    struct epoch_start *grown;

    if (epochs->count < epochs->capacity)
        return ERR_NONE;
    if ((grown = realloc(epochs->entries, capacity * sizeof(*grown))) == NULL)
        return ERR_OUT_OF_MEMORY;
    epochs->entries = grown;
    epochs->capacity = capacity;
    return ERR_NONE;
}

enum error leader_epochs_new(struct disk *disk, const char *dir, struct leader_epochs **created) {
    struct leader_epochs *epochs = calloc(1, sizeof(*epochs));

    if (epochs == NULL)
        return ERR_OUT_OF_MEMORY;
    epochs->disk = disk;
    epochs->dir = dir;
    epochs->file_is_stale = true;
    epochs->file_has_entries = true;
    *created = epochs;
    return ERR_NONE;
}

/* FNV-1a. */
static uint64_t hash_of(const char *text, size_t size) {
    uint64_t hash = 0xcbf29ce484222325u;

    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (uint8_t)text[i]) * 0x100000001b3u;
    return hash;
}

/* `*text` is from malloc. */
static enum error encode(const struct leader_epochs *epochs, char **text, size_t *size) {
    size_t capacity = HEADER_SIZE_MAX + epochs->count * LINE_SIZE_MAX;
    char *written = malloc(capacity);
    size_t used;

    if (written == NULL)
        return ERR_OUT_OF_MEMORY;
    used = (size_t)snprintf(written, capacity, "0\n%zu\n", epochs->count);
    for (size_t i = 0; i < epochs->count; i++)
        used += (size_t)snprintf(written + used, capacity - used, "%d %lld\n",
                                 epochs->entries[i].leader_epoch,
                                 (long long)epochs->entries[i].start_offset);
    CHECK(used < capacity);
    *text = written;
    *size = used;
    return ERR_NONE;
}

enum error leader_epochs_restore(struct disk *disk, const char *dir,
                                 const struct epoch_start *entries, size_t count,
                                 struct leader_epochs **restored) {
    struct leader_epochs *epochs = NULL;
    enum error error = leader_epochs_new(disk, dir, &epochs);
    char *text = NULL;
    size_t size;

    for (size_t i = 0; i < count && error == ERR_NONE; i++)
        error = leader_epochs_assign(epochs, entries[i].leader_epoch, entries[i].start_offset);
    if (error == ERR_NONE)
        error = encode(epochs, &text, &size);
    if (error != ERR_NONE) {
        leader_epochs_free(epochs);
        return error;
    }
    CHECK(epochs->count == count);
    epochs->file_is_stale = false;
    epochs->file_is_durable = true;
    epochs->file_hash = hash_of(text, size);
    free(text);
    epochs->file_has_entries = count > 0;
    *restored = epochs;
    return ERR_NONE;
}

void leader_epochs_free(struct leader_epochs *epochs) {
    if (epochs == NULL)
        return;
    free(epochs->entries);
    free(epochs);
}

void leader_epochs_set_dir(struct leader_epochs *epochs, const char *dir) {
    epochs->dir = dir;
}

static void file_path(const struct leader_epochs *epochs, char path[PATH_MAX]) {
    int size = snprintf(path, PATH_MAX, "%s/" FILE_NAME, epochs->dir);
    CHECK(size < PATH_MAX);
}

/* ---- reading ---- */

static enum error parse(struct leader_epochs *epochs, struct bytes text) {
    int64_t announced;

    if (text.size == 0)
        return ERR_NONE;
    if (!checkpoint_take_header(&text, &announced) ||
        (uint64_t)announced > text.size / LINE_SIZE_MIN)
        return ERR_DISK_CORRUPT;
    for (int64_t i = 0; i < announced; i++) {
        struct epoch_start last = leader_epochs_latest(epochs);
        int64_t leader_epoch;
        int64_t start_offset;
        enum error error;
        if (!checkpoint_take_number(&text, 0, INT32_MAX, ' ', &leader_epoch) ||
            !checkpoint_take_number(&text, 0, INT64_MAX, '\n', &start_offset) ||
            leader_epoch <= last.leader_epoch || start_offset <= last.start_offset)
            return ERR_DISK_CORRUPT;
        if ((error = reserve_one(epochs)) != ERR_NONE)
            return error;
        epochs->entries[epochs->count++] =
            (struct epoch_start){(int32_t)leader_epoch, start_offset};
    }
    return text.size == 0 ? ERR_NONE : ERR_DISK_CORRUPT;
}

enum error leader_epochs_open(struct disk *disk, const char *dir, struct leader_epochs **opened) {
    struct leader_epochs *epochs = NULL;
    char path[PATH_MAX];
    char *data = NULL;
    enum error error;
    size_t size;

    if ((error = leader_epochs_new(disk, dir, &epochs)) != ERR_NONE)
        goto out;
    file_path(epochs, path);
    if ((error = disk_read_file(disk, path, FILE_BYTES_MAX, &data, &size)) != ERR_NONE ||
        (error = parse(epochs, bytes_of(data, size))) != ERR_NONE)
        goto out;
    epochs->file_is_stale = false;
    epochs->file_is_durable = true;
    epochs->file_hash = hash_of(data, size);
    epochs->file_has_entries = epochs->count > 0;
    *opened = epochs;
    epochs = NULL;
out:
    free(data);
    leader_epochs_free(epochs);
    return error;
}

/* ---- writing ---- */

static enum error write_file(struct leader_epochs *epochs, bool durable) {
    char path[PATH_MAX];
    enum error error;
    char *text;
    size_t size;

    if (epochs->count == 0 && !epochs->file_has_entries) {
        /* No file says the same, and so does an empty one. */
        epochs->file_is_stale = false;
        return ERR_NONE;
    }
    if ((error = encode(epochs, &text, &size)) != ERR_NONE)
        return error;
    if (epochs->file_hash == hash_of(text, size) && (epochs->file_is_durable || !durable)) {
        /* Entries went and came back, as recovery does it. */
        epochs->file_is_stale = false;
        free(text);
        return ERR_NONE;
    }
    file_path(epochs, path);
    epochs->file_is_stale = true; /* until it is known to have succeeded */
    epochs->file_hash = 0;
    epochs->file_has_entries = epochs->file_has_entries || epochs->count > 0;
    error = disk_replace_file(epochs->disk, path, text, size, durable);
    if (error == ERR_NONE) {
        epochs->file_is_stale = false;
        epochs->file_is_durable = durable;
        epochs->file_hash = hash_of(text, size);
    }
    free(text);
    return error;
}

enum error leader_epochs_assign(struct leader_epochs *epochs, int32_t leader_epoch,
                                int64_t start_offset) {
    struct epoch_start latest = leader_epochs_latest(epochs);
    enum error error;

    CHECK(leader_epoch >= 0 && start_offset >= 0);
    if (latest.leader_epoch == leader_epoch && latest.start_offset <= start_offset)
        return ERR_NONE;
    if ((error = reserve_one(epochs)) != ERR_NONE)
        return error;
    while (epochs->count > 0 && (epochs->entries[epochs->count - 1].leader_epoch >= leader_epoch ||
                                 epochs->entries[epochs->count - 1].start_offset >= start_offset))
        epochs->count--;
    epochs->entries[epochs->count++] = (struct epoch_start){leader_epoch, start_offset};
    epochs->file_is_stale = true;
    return ERR_NONE;
}

enum error leader_epochs_catch_up(struct leader_epochs *epochs, bool *synced) {
    *synced = epochs->count != 1 || epochs->file_has_entries;
    return epochs->file_is_stale ? write_file(epochs, *synced) : ERR_NONE;
}

enum error leader_epochs_sync(struct leader_epochs *epochs) {
    if (!epochs->file_is_stale && epochs->file_is_durable)
        return ERR_NONE;
    return write_file(epochs, true);
}

void leader_epochs_distrust_file(struct leader_epochs *epochs) {
    epochs->file_is_stale = true;
    epochs->file_has_entries = true;
    epochs->file_hash = 0;
}

/* ---- truncating ---- */

void leader_epochs_truncate_from_end(struct leader_epochs *epochs, int64_t end_offset) {
    while (epochs->count > 0 && epochs->entries[epochs->count - 1].start_offset >= end_offset) {
        epochs->count--;
        epochs->file_is_stale = true;
    }
}

void leader_epochs_truncate_from_start(struct leader_epochs *epochs, int64_t start_offset) {
    size_t gone = 0;

    while (gone + 1 < epochs->count && epochs->entries[gone + 1].start_offset <= start_offset)
        gone++;
    if (gone > 0) {
        memmove(epochs->entries, epochs->entries + gone,
                (epochs->count - gone) * sizeof(epochs->entries[0]));
        epochs->count -= gone;
        epochs->file_is_stale = true;
    }
    if (epochs->count > 0 && epochs->entries[0].start_offset < start_offset) {
        epochs->entries[0].start_offset = start_offset;
        epochs->file_is_stale = true;
    }
}

void leader_epochs_clear(struct leader_epochs *epochs) {
    if (epochs->count > 0)
        epochs->file_is_stale = true;
    epochs->count = 0;
}

/* ---- asking ---- */

struct epoch_start leader_epochs_latest(const struct leader_epochs *epochs) {
    return epochs->count == 0 ? (struct epoch_start){-1, -1} : epochs->entries[epochs->count - 1];
}

struct epoch_start leader_epochs_earliest(const struct leader_epochs *epochs) {
    return epochs->count == 0 ? (struct epoch_start){-1, -1} : epochs->entries[0];
}

size_t leader_epochs_count(const struct leader_epochs *epochs) {
    return epochs->count;
}

struct epoch_start leader_epochs_get(const struct leader_epochs *epochs, size_t index) {
    CHECK(index < epochs->count);
    return epochs->entries[index];
}

struct epoch_end leader_epochs_end(const struct leader_epochs *epochs, int32_t leader_epoch,
                                   int64_t log_end_offset) {
    size_t after = epochs->count;

    if (leader_epoch < 0 || epochs->count == 0 ||
        leader_epoch > epochs->entries[epochs->count - 1].leader_epoch)
        return (struct epoch_end){-1, -1};
    while (after > 0 && epochs->entries[after - 1].leader_epoch > leader_epoch)
        after--;
    if (after == 0)
        return (struct epoch_end){leader_epoch, epochs->entries[0].start_offset};
    return (struct epoch_end){epochs->entries[after - 1].leader_epoch,
                              after == epochs->count ? log_end_offset
                                                     : epochs->entries[after].start_offset};
}

int32_t leader_epochs_at(const struct leader_epochs *epochs, int64_t offset) {
    for (size_t i = epochs->count; i > 0; i--) {
        if (epochs->entries[i - 1].start_offset <= offset)
            return epochs->entries[i - 1].leader_epoch;
    }
    return -1;
}

bool leader_epochs_are_equal(const struct leader_epochs *left, const struct leader_epochs *right) {
    size_t count = leader_epochs_count(left);

    if (leader_epochs_count(right) != count)
        return false;
    for (size_t i = 0; i < count; i++) {
        struct epoch_start a = leader_epochs_get(left, i);
        struct epoch_start b = leader_epochs_get(right, i);
        if (a.leader_epoch != b.leader_epoch || a.start_offset != b.start_offset)
            return false;
    }
    return true;
}

/*
 * A loss of power, for everything below one folder: what was not synced may be gone, there, or
 * torn.
 *
 * What a file held when it was synced last stays. What was written to it since may be missing, cut
 * anywhere, or zeros. Changes of a folder's entries since it was synced last are kept up to any one
 * of them, in order, as a journaling file system keeps them; of each folder for itself, since two
 * may lie on two disks.
 */
#ifndef TESTS_UNIT_BROKER_LOG_POWER_LOSS_H
#define TESTS_UNIT_BROKER_LOG_POWER_LOSS_H

#include "tests/unit/broker/log/log_fixture.h"

#include <inttypes.h>

#include "client/base/rng.h"

#define POWER_LISTINGS_MAX 512
#define POWER_FOLDERS_MAX  64
#define POWER_INODES_MAX   2048

struct power_entry {
    char name[80];
    ino_t inode;
    bool is_folder;
};

struct power_listing {
    struct power_entry *entries;
    size_t count;
};

struct power_folder {
    ino_t inode;
    struct power_listing listings[POWER_LISTINGS_MAX]; /* the first is surely there */
    size_t listing_count;
};

struct power_inode {
    ino_t inode;
    uint8_t *synced; /* NULL: never */
    size_t synced_size;
};

struct power {
    struct disk *disk;
    char root[128];
    char shadow[160]; /* every file that ever was, by its inode */
    struct mutex lock;
    int64_t left; /* lock; operations until the power goes; negative: it stays */
    bool is_gone; /* lock */
    struct rng rng;
    struct power_folder folders[POWER_FOLDERS_MAX]; /* lock */
    size_t folder_count;
    struct power_inode inodes[POWER_INODES_MAX]; /* lock */
    size_t inode_count;
};

static struct power power;

/* ---- what there is; all under the lock ---- */

static inline struct power_inode *power_inode_of(ino_t inode) {
    size_t i = 0;

    while (i < power.inode_count && power.inodes[i].inode != inode)
        i++;
    if (i == power.inode_count) {
        assert_true(i < POWER_INODES_MAX);
        power.inodes[power.inode_count++] = (struct power_inode){.inode = inode};
    }
    return &power.inodes[i];
}

static inline struct power_folder *power_folder_of(ino_t inode) {
    size_t i = 0;

    while (i < power.folder_count && power.folders[i].inode != inode)
        i++;
    if (i == power.folder_count) {
        assert_true(i < POWER_FOLDERS_MAX);
        power.folder_count++;
        power.folders[i].inode = inode;
    }
    return &power.folders[i];
}

static inline void power_list(const char *path, struct power_listing *listing) {
    DIR *dir = opendir(path);
    struct dirent *entry;
    char to[4096];

    assert_non_null(dir);
    *listing = (struct power_listing){malloc(256 * sizeof(struct power_entry)), 0};
    assert_non_null(listing->entries);
    while ((entry = readdir(dir)) != NULL) {
        struct power_entry *noted = &listing->entries[listing->count];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        assert_true(listing->count++ < 256 && strlen(entry->d_name) < sizeof(noted->name));
        memset(noted, 0, sizeof(*noted));
        memcpy(noted->name, entry->d_name, strlen(entry->d_name));
        noted->inode = entry->d_ino;
        noted->is_folder = entry->d_type == DT_DIR;
        if (noted->is_folder)
            continue;
        snprintf(to, sizeof(to), "%s/%" PRIu64, power.shadow, (uint64_t)entry->d_ino);
        (void)!link(path_in(path, entry->d_name), to); /* may be there already */
    }
    closedir(dir);
}

/* Notes the folder, and those in it, as they are now, if they have changed. */
static inline void power_note(const char *path) {
    struct power_folder *folder;
    struct power_listing now;
    struct power_listing *last;
    struct stat found;
    char child[4096];

    if (stat(path, &found) != 0)
        return;
    folder = power_folder_of(found.st_ino);
    power_list(path, &now);
    last = folder->listing_count == 0 ? NULL : &folder->listings[folder->listing_count - 1];
    if (last == NULL || now.count != last->count ||
        memcmp(now.entries, last->entries, now.count * sizeof(*now.entries)) != 0) {
        assert_true(folder->listing_count < POWER_LISTINGS_MAX);
        /* A new folder is surely empty, if it is there at all. */
        if (last == NULL && now.count > 0)
            folder->listings[folder->listing_count++] = (struct power_listing){NULL, 0};
        folder->listings[folder->listing_count++] = now;
    } else {
        free(now.entries);
        now = *last;
    }
    for (size_t i = 0; i < now.count; i++) {
        if (!now.entries[i].is_folder)
            continue;
        assert_true(snprintf(child, sizeof(child), "%s/%s", path, now.entries[i].name) <
                    (int)sizeof(child));
        power_note(child);
    }
}

static inline void power_note_folder_synced(const char *path) {
    struct power_folder *folder;
    struct stat found;

    power_note(power.root);
    if (stat(path, &found) != 0)
        return;
    folder = power_folder_of(found.st_ino);
    if (folder->listing_count == 0)
        return; /* outside of what is watched */
    for (size_t i = 0; i + 1 < folder->listing_count; i++)
        free(folder->listings[i].entries);
    folder->listings[0] = folder->listings[folder->listing_count - 1];
    folder->listing_count = 1;
}

static inline void power_note_file_synced(int fd) {
    struct power_inode *inode;
    struct stat found;

    assert_int_equal(fstat(fd, &found), 0);
    inode = power_inode_of(found.st_ino);
    free(inode->synced);
    inode->synced = malloc((size_t)found.st_size + 1);
    assert_non_null(inode->synced);
    inode->synced_size = (size_t)found.st_size;
    assert_int_equal(pread(fd, inode->synced, inode->synced_size, 0), found.st_size);
}

/* All that is there now. */
static inline void power_note_all_synced(void) {
    power_note(power.root);
    for (size_t i = 0; i < power.folder_count; i++) {
        struct power_folder *folder = &power.folders[i];
        if (folder->listing_count == 0)
            continue;
        for (size_t j = 0; j + 1 < folder->listing_count; j++)
            free(folder->listings[j].entries);
        folder->listings[0] = folder->listings[folder->listing_count - 1];
        folder->listing_count = 1;
        for (size_t j = 0; j < folder->listings[0].count; j++) {
            char path[4096];
            int fd;
            snprintf(path, sizeof(path), "%s/%" PRIu64, power.shadow,
                     (uint64_t)folder->listings[0].entries[j].inode);
            if (folder->listings[0].entries[j].is_folder)
                continue;
            fd = open(path, O_RDONLY);
            assert_true(fd >= 0);
            power_note_file_synced(fd);
            close(fd);
        }
    }
}

/* ---- between the log and the disk ---- */

static inline enum error power_before(struct disk *disk, enum disk_operation operation,
                                      const char *path, size_t *size) {
    enum error error = ERR_NONE;

    (void)disk;
    (void)path;
    mutex_lock(&power.lock);
    if (!power.is_gone && operation != DISK_READ && operation != DISK_STAT &&
        operation != DISK_LIST) {
        power_note(power.root);
        power.is_gone = power.left >= 0 && power.left-- == 0;
    }
    if (power.is_gone) {
        error = ERR_DISK_FAILED;
        *size /= 2;
    }
    mutex_unlock(&power.lock);
    return error;
}

static inline void power_synced(struct disk *disk, int fd, const char *path) {
    (void)disk;
    mutex_lock(&power.lock);
    if (fd >= 0)
        power_note_file_synced(fd);
    else if (path != NULL)
        power_note_folder_synced(path);
    else
        power_note_all_synced();
    mutex_unlock(&power.lock);
}

/* ---- for the test ---- */

/* From now on operations on what lies below `root` are counted; the power goes before the one with
 * the number `left`. `root`/../NAME-shadow must not exist. */
static inline void power_watch(struct disk *disk, const char *root, uint64_t seed, int64_t left) {
    memset(&power, 0, sizeof(power));
    power.disk = disk;
    power.left = left;
    mutex_init(&power.lock);
    rng_seed(&power.rng, seed);
    snprintf(power.root, sizeof(power.root), "%s", root);
    snprintf(power.shadow, sizeof(power.shadow), "%s-shadow", root);
    assert_int_equal(mkdir(power.shadow, 0755), 0);
    power_note(power.root);
    disk->before = power_before;
    disk->synced = power_synced;
}

/* All that is there now is on disk. */
static inline void power_sync_all(void) {
    mutex_lock(&power.lock);
    power_note_all_synced();
    mutex_unlock(&power.lock);
}

static inline bool power_is_gone(void) {
    bool is_gone;

    mutex_lock(&power.lock);
    is_gone = power.is_gone;
    mutex_unlock(&power.lock);
    return is_gone;
}

/* What a file holds afterwards. */
static inline void power_restore_file(const char *path, ino_t number) {
    const struct power_inode *inode = power_inode_of(number);
    size_t synced_size = inode->synced == NULL ? 0 : inode->synced_size;
    char from[4096];
    size_t size;
    char *data;

    snprintf(from, sizeof(from), "%s/%" PRIu64, power.shadow, (uint64_t)number);
    assert_int_equal(disk_read_file(disk_system(), from, 1 << 24, &data, &size), ERR_NONE);
    assert_non_null(data);
    if (size > synced_size) {
        size_t kept = synced_size + (size_t)rng_below(&power.rng, size - synced_size + 1);
        switch (rng_below(&power.rng, 4)) {
        case 0: /* all of it was written */
            break;
        case 1: /* cut */
            size = kept;
            break;
        case 2: /* the size was written, some of the bytes were not */
            memset(data + kept, 0, size - kept);
            break;
        default: /* nothing was */
            size = synced_size;
            break;
        }
        spit(path, data, size);
    } else if (inode->synced != NULL && rng_below(&power.rng, 2) == 0) {
        /* It was cut, and that is forgotten. */
        spit(path, inode->synced, synced_size);
    } else {
        spit(path, data, size);
    }
    free(data);
}

static inline void power_restore_folder(const char *path, ino_t number) {
    const struct power_folder *folder = power_folder_of(number);
    const struct power_listing *listing;
    char child[4096];

    assert_int_equal(mkdir(path, 0755), 0);
    if (folder->listing_count == 0)
        return;
    listing = &folder->listings[rng_below(&power.rng, folder->listing_count)];
    for (size_t i = 0; i < listing->count; i++) {
        assert_true(snprintf(child, sizeof(child), "%s/%s", path, listing->entries[i].name) <
                    (int)sizeof(child));
        if (listing->entries[i].is_folder)
            power_restore_folder(child, listing->entries[i].inode);
        else
            power_restore_file(child, listing->entries[i].inode);
    }
}

/* Nobody may use the files any more. All is afterwards as the machine finds it. */
static inline void power_return(void) {
    struct stat found;

    power_note(power.root);
    assert_int_equal(stat(power.root, &found), 0);
    remove_tree(power.root);
    power_restore_folder(power.root, found.st_ino);
    for (size_t i = 0; i < power.folder_count; i++)
        for (size_t j = 0; j < power.folders[i].listing_count; j++)
            free(power.folders[i].listings[j].entries);
    for (size_t i = 0; i < power.inode_count; i++)
        free(power.inodes[i].synced);
    remove_tree(power.shadow);
    mutex_done(&power.lock);
}

#endif

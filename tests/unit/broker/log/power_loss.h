/*
 * A loss of power, for a log of the fixture: what was not synced may be gone, there, or torn.
 *
 * What a file held when it was synced last stays. What was written to it since may be missing, cut
 * anywhere, or zeros. Changes of the folder since it was synced last are kept up to any one of
 * them, in order, as a journaling file system keeps them.
 */
#ifndef TESTS_UNIT_BROKER_LOG_POWER_LOSS_H
#define TESTS_UNIT_BROKER_LOG_POWER_LOSS_H

#include "tests/unit/broker/log/log_fixture.h"

#include <inttypes.h>

#include "client/base/rng.h"

#define POWER_FILES_MAX    250
#define POWER_LISTINGS_MAX 256
#define POWER_INODES_MAX   1024

struct power_listing {
    struct {
        char name[48];
        ino_t inode;
    } files[POWER_FILES_MAX];
    size_t count;
};

struct power_inode {
    ino_t inode;
    uint8_t *synced; /* NULL: never */
    size_t synced_size;
};

struct power {
    struct fixture *f;
    char shadow[128]; /* every file that ever was, by its inode */
    struct mutex lock;
    int64_t left; /* lock; operations until the power goes; negative: it stays */
    bool is_gone; /* lock */
    struct rng rng;
    struct power_listing listings[POWER_LISTINGS_MAX]; /* lock; the first is surely there */
    size_t listing_count;
    struct power_inode inodes[POWER_INODES_MAX]; /* lock */
    size_t inode_count;
};

static struct power power;

/* Under the lock. */
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

/* Under the lock. Notes the folder as it is now, if it has changed. */
static inline void power_note_listing(void) {
    struct power_listing *now = &power.listings[power.listing_count];
    DIR *dir = opendir(power.f->log_path);
    struct dirent *entry;
    char path[4096];

    assert_non_null(dir);
    assert_true(power.listing_count < POWER_LISTINGS_MAX);
    memset(now, 0, sizeof(*now));
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        assert_true(now->count < POWER_FILES_MAX);
        snprintf(now->files[now->count].name, sizeof(now->files[0].name), "%.47s", entry->d_name);
        now->files[now->count++].inode = entry->d_ino;
        snprintf(path, sizeof(path), "%s/%" PRIu64, power.shadow, (uint64_t)entry->d_ino);
        (void)!link(path_in(power.f->log_path, entry->d_name), path); /* may be there already */
    }
    closedir(dir);
    if (power.listing_count == 0 ||
        memcmp(now, &power.listings[power.listing_count - 1], sizeof(*now)) != 0)
        power.listing_count++;
}

static inline enum error power_before(struct disk *disk, enum disk_operation operation,
                                      const char *path, size_t *size) {
    enum error error = ERR_NONE;

    (void)disk;
    (void)path;
    mutex_lock(&power.lock);
    if (!power.is_gone && operation != DISK_READ && operation != DISK_STAT &&
        operation != DISK_LIST) {
        power_note_listing();
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
    struct power_inode *inode;
    struct stat found;

    (void)disk;
    mutex_lock(&power.lock);
    if (fd < 0 && strcmp(path, power.f->log_path) == 0) {
        power_note_listing();
        power.listings[0] = power.listings[power.listing_count - 1];
        power.listing_count = 1;
    } else if (fd >= 0) {
        assert_int_equal(fstat(fd, &found), 0);
        inode = power_inode_of(found.st_ino);
        free(inode->synced);
        inode->synced = malloc((size_t)found.st_size + 1);
        assert_non_null(inode->synced);
        inode->synced_size = (size_t)found.st_size;
        assert_int_equal(pread(fd, inode->synced, inode->synced_size, 0), found.st_size);
    }
    mutex_unlock(&power.lock);
}

/* From now on operations are counted; the power goes before the one with the number `left`. */
static inline void power_watch(struct fixture *f, uint64_t seed, int64_t left) {
    memset(&power, 0, sizeof(power));
    power.f = f;
    power.left = left;
    mutex_init(&power.lock);
    rng_seed(&power.rng, seed);
    snprintf(power.shadow, sizeof(power.shadow), "%s/shadow", f->root);
    assert_int_equal(mkdir(power.shadow, 0755), 0);
    power_note_listing();
    f->disk.disk.before = power_before;
    f->disk.disk.synced = power_synced;
}

/* What a file holds afterwards. */
static inline void power_restore(const char *name, ino_t number) {
    const struct power_inode *inode = power_inode_of(number);
    size_t synced_size = inode->synced == NULL ? 0 : inode->synced_size;
    char path[4096];
    size_t size;
    char *data;

    snprintf(path, sizeof(path), "%s/%" PRIu64, power.shadow, (uint64_t)number);
    assert_int_equal(disk_read_file(disk_system(), path, 1 << 24, &data, &size), ERR_NONE);
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
        spit(path_in(power.f->log_path, name), data, size);
    } else if (inode->synced != NULL && rng_below(&power.rng, 2) == 0) {
        /* It was cut, and that is forgotten. */
        spit(path_in(power.f->log_path, name), inode->synced, synced_size);
    } else {
        spit(path_in(power.f->log_path, name), data, size);
    }
    free(data);
}

/* The log must have been let go. The folder is afterwards as the machine finds it. */
static inline void power_return(void) {
    const struct power_listing *listing;

    power_note_listing();
    listing = &power.listings[rng_below(&power.rng, power.listing_count)];
    remove_tree(power.f->log_path);
    assert_int_equal(mkdir(power.f->log_path, 0755), 0);
    for (size_t i = 0; i < listing->count; i++)
        power_restore(listing->files[i].name, listing->files[i].inode);
    for (size_t i = 0; i < power.inode_count; i++)
        free(power.inodes[i].synced);
    remove_tree(power.shadow);
    mutex_done(&power.lock);
    faulty_disk_init(&power.f->disk);
    fixture_close_dir(power.f);
    fixture_open_dir(power.f);
}

#endif

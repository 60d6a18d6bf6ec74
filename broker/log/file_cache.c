#include "broker/log/file_cache.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "client/base/sync.h"

struct file_cache {
    struct mutex lock;
    size_t open_max;
    size_t count;                                  /* lock; files in `lru` */
    TAILQ_HEAD(cached_file_list, cached_file) lru; /* lock; most recently used first */
};

static void owner_ref(struct file_owner *owner) {
    open_file_ref((struct open_file *)owner);
}

static void owner_unref(struct file_owner *owner) {
    open_file_unref((struct open_file *)owner);
}

void open_file_ref(struct open_file *file) {
    (void)__atomic_add_fetch(&file->refs, 1, __ATOMIC_RELAXED);
}

void open_file_unref(struct open_file *file) {
    if (file == NULL || __atomic_sub_fetch(&file->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    close(file->fd);
    free(file);
}

enum error file_cache_new(size_t open_max, struct file_cache **created) {
    struct file_cache *cache = calloc(1, sizeof(*cache));

    if (cache == NULL)
        return ERR_OUT_OF_MEMORY;
    mutex_init(&cache->lock);
    cache->open_max = open_max > 0 ? open_max : 1;
    TAILQ_INIT(&cache->lru);
    *created = cache;
    return ERR_NONE;
}

void file_cache_free(struct file_cache *cache) {
    if (cache == NULL)
        return;
    CHECK(cache->count == 0);
    mutex_done(&cache->lock);
    free(cache);
}

struct open_file *file_cache_find(struct file_cache *cache, struct cached_file *file) {
    struct open_file *open;

    mutex_lock(&cache->lock);
    open = file->open;
    if (open != NULL) {
        open_file_ref(open);
        if (!open->is_pinned && TAILQ_FIRST(&cache->lru) != file) {
            TAILQ_REMOVE(&cache->lru, file, lru);
            TAILQ_INSERT_HEAD(&cache->lru, file, lru);
        }
    }
    mutex_unlock(&cache->lock);
    return open;
}

/* Under the lock: takes the file out and returns the cache's reference of it. */
static struct open_file *take_out(struct file_cache *cache, struct cached_file *file) {
    struct open_file *open = file->open;

    if (!open->is_pinned) {
        TAILQ_REMOVE(&cache->lru, file, lru);
        cache->count--;
    }
    file->open = NULL;
    return open;
}

static bool evict_one(struct file_cache *cache) {
    struct open_file *evicted = NULL;

    mutex_lock(&cache->lock);
    if (!TAILQ_EMPTY(&cache->lru))
        evicted = take_out(cache, TAILQ_LAST(&cache->lru, cached_file_list));
    mutex_unlock(&cache->lock);
    open_file_unref(evicted);
    return evicted != NULL;
}

/* Puts `open` in, unless another thread was faster, whose file is then used. */
static struct open_file *put_in(struct file_cache *cache, struct cached_file *file,
                                struct open_file *open) {
    struct open_file *surplus = NULL;
    struct open_file *used = open;

    mutex_lock(&cache->lock);
    if (file->open != NULL) {
        surplus = open;
        used = file->open;
    } else {
        file->open = open;
        TAILQ_INSERT_HEAD(&cache->lru, file, lru);
        cache->count++;
    }
    open_file_ref(used);
    if (cache->count > cache->open_max) {
        CHECK(surplus == NULL);
        surplus = take_out(cache, TAILQ_LAST(&cache->lru, cached_file_list));
    }
    mutex_unlock(&cache->lock);
    open_file_unref(surplus);
    return used;
}

enum error file_cache_open(struct file_cache *cache, struct cached_file *file, struct disk *disk,
                           const char *path, enum disk_open_mode mode, struct open_file **opened) {
    struct open_file *open;
    enum error error;
    int fd;

    while ((error = disk_open(disk, path, mode, &fd)) != ERR_NONE) {
        /* Out of descriptors: connections may have taken more than was reckoned with. */
        if ((disk_errno() != EMFILE && disk_errno() != ENFILE) || !evict_one(cache))
            return error;
    }
    if (fd < 0) {
        *opened = NULL;
        return ERR_NONE;
    }
    if ((open = malloc(sizeof(*open))) == NULL) {
        close(fd);
        return ERR_OUT_OF_MEMORY;
    }
    *open = (struct open_file){{owner_ref, owner_unref}, fd, 1, false};
    *opened = put_in(cache, file, open);
    return ERR_NONE;
}

enum error file_cache_pin(struct file_cache *cache, struct cached_file *file, struct disk *disk,
                          const char *path) {
    struct open_file *open = file_cache_find(cache, file);
    enum error error;

    if (open == NULL) {
        error = file_cache_open(cache, file, disk, path, DISK_OPEN_EXISTING, &open);
        if (error != ERR_NONE || open == NULL)
            return error;
    }
    mutex_lock(&cache->lock);
    if (file->open == NULL) {
        /* Evicted meanwhile: the cache gets this one instead. */
        open_file_ref(open);
        file->open = open;
    } else if (!file->open->is_pinned) {
        TAILQ_REMOVE(&cache->lru, file, lru);
        cache->count--;
    }
    file->open->is_pinned = true;
    mutex_unlock(&cache->lock);
    open_file_unref(open);
    return ERR_NONE;
}

void file_cache_forget(struct file_cache *cache, struct cached_file *file) {
    struct open_file *open = NULL;

    mutex_lock(&cache->lock);
    if (file->open != NULL)
        open = take_out(cache, file);
    mutex_unlock(&cache->lock);
    open_file_unref(open);
}

size_t file_cache_count(struct file_cache *cache) {
    size_t count;

    mutex_lock(&cache->lock);
    count = cache->count;
    mutex_unlock(&cache->lock);
    return count;
}

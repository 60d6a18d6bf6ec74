/*
 * Reading a segment whole after a crash, once: every batch is checked, and from the same bytes come
 * the indexes, the leader epochs, the producers and the transactions that were aborted.
 *
 * The system reads ahead by itself: told that a file is read in order it takes large pages, which
 * cost a tenth of those that are asked for range by range.
 *
 * Source: Apache Kafka 3.9, LogSegment.recover.
 */
#include <sys/mman.h>

#include <fcntl.h>
#include <unistd.h>

#include "broker/log/disk.h"
#include "broker/log/log_load_internal.h"

#define SURPLUS_BYTES_MAX ((int64_t)64 << 10) /* that a file may take more than it holds */
#define PIECE_BYTES       ((int64_t)16 << 20) /* dropped from the page cache at once */
#define PIECES_MAX        (INT32_MAX / PIECE_BYTES + 1) /* of a segment */

/* One batch goes into the index and what else is rebuilt. */
static enum error recover_batch(struct loading *loading, struct segment *segment,
                                const struct stored_batch *batch) {
    struct log *log = loading->log;
    enum error error = ERR_NONE;

    if (loading->follows_producers && (error = log_replay_batch(log, segment, batch)) != ERR_NONE)
        return error;
    mutex_lock(&log->state_lock);
    if ((error = index_file_reserve(&segment->offset_index, 1)) == ERR_NONE &&
        (error = index_file_reserve(&segment->time_index, 1)) == ERR_NONE)
        segment_publish(&log->home, segment, batch);
    mutex_unlock(&log->state_lock);
    if (error == ERR_NONE)
        error = segment_spill_indexes(&log->home, segment);
    if (error == ERR_NONE && batch->leader_epoch > leader_epochs_latest(log->epochs).leader_epoch)
        error = leader_epochs_assign(log->epochs, batch->leader_epoch, batch->base_offset);
    return error;
}

static void note_recovered(struct log *log, int64_t bytes) {
    atomic_fetch_add_explicit(&log->dir->recovered_bytes, bytes, memory_order_relaxed);
    if (log->dir->on_recovered != NULL)
        log->dir->on_recovered(log->dir);
}

/* What is read once here should not push out what consumers read. What was in memory before stays:
 * after a kill that is what was written last, which they read next, and most of it is still to be
 * written to the disk. */
struct drop_behind {
    int fd;
    int64_t position;
    bool was_cold[PIECES_MAX];
};

/* The middle of a piece decides: the first bytes of a file may have been asked for by the start. To
 * look by reading would leave pages there, around which the system reads ahead in small ones. */
static void drop_behind_init(struct drop_behind *drop, int fd, int64_t size) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    int64_t count = size / PIECE_BYTES;
    unsigned char is_there;
    uint8_t *mapped;

    *drop = (struct drop_behind){.fd = fd};
    if (count > PIECES_MAX)
        count = PIECES_MAX;
    if (count == 0)
        return;
    mapped = mmap(NULL, (size_t)(count * PIECE_BYTES), PROT_NONE, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED)
        return;
    for (int64_t i = 0; i < count; i++)
        drop->was_cold[i] =
            mincore(mapped + i * PIECE_BYTES + PIECE_BYTES / 2, page, &is_there) == 0 &&
            (is_there & 1) == 0;
    (void)munmap(mapped, (size_t)(count * PIECE_BYTES));
}

/* All before `position` has been used, which is one in a segment. */
static void drop_before(struct drop_behind *drop, struct log *log, int64_t position) {
    for (; position - drop->position >= PIECE_BYTES; drop->position += PIECE_BYTES) {
        if (drop->was_cold[drop->position / PIECE_BYTES])
            (void)posix_fadvise(drop->fd, drop->position, PIECE_BYTES, POSIX_FADV_DONTNEED);
        note_recovered(log, PIECE_BYTES);
    }
}

/* A batch that claims offsets of the next segment is bad as well: its base offset lies outside of
 * its checksum. */
static enum error recover_batches(struct loading *loading, struct segment *segment, int fd,
                                  int64_t size, int64_t next_base) {
    int64_t offset_max = next_base < 0 ? segment->base_offset + INT32_MAX : next_base - 1;
    int64_t expected = loading->expected_offset;
    struct stored_batch batch;
    struct drop_behind drop;
    struct batch_walk walk;
    enum error error;
    bool found;

    drop_behind_init(&drop, fd, size);
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    batch_walk_init(&walk, loading->log->dir->disk, fd, BATCH_WALK_WHOLE, 0, size);
    while ((error = batch_walk_next(&walk, &batch, &found)) == ERR_NONE && found) {
        if (batch.base_offset < expected || batch.last_offset > offset_max ||
            batch.last_offset - segment->base_offset > INT32_MAX ||
            batch.position > INT32_MAX - (int64_t)batch.size)
            break;
        if ((error = recover_batch(loading, segment, &batch)) != ERR_NONE)
            break;
        expected = batch.last_offset + 1;
        drop_before(&drop, loading->log, batch.position);
    }
    batch_walk_done(&walk);
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_NORMAL);
    note_recovered(loading->log, size - drop.position);
    return error;
}

/* Cuts what is behind the last good batch, and frees blocks that were reserved there. A file that
 * is as it should be is not touched: after a crash most of thousands of logs are. */
static enum error cut_file(struct loading *loading, struct segment *segment, int fd, int64_t size) {
    struct log *log = loading->log;
    char path[SEGMENT_PATH_MAX];
    struct disk_stat stat;
    enum error error;

    loading->cut_bytes += size - segment->size;
    loading->was_cut = segment->size < size;
    segment_path(&log->home, segment->base_offset, SEGMENT_SUFFIX_LOG, path);
    if ((error = disk_stat(log->dir->disk, path, &stat)) != ERR_NONE ||
        (!loading->was_cut && stat.allocated <= size + SURPLUS_BYTES_MAX))
        return error;
    return disk_truncate(log->dir->disk, fd, segment->size);
}

/* The active segment gets no index files from recovery: where it has none they are made when it is
 * rolled or closed, as in a life without a crash. Each file made is a wait for the journal. */
static enum error finish_recovered(struct loading *loading, struct segment *segment,
                                   const struct segment_sizes *sizes, bool is_last) {
    if (is_last && sizes->offset_index < 0 && sizes->time_index < 0 &&
        segment->offset_index.file_count == 0 && segment->time_index.file_count == 0)
        return ERR_NONE;
    return segment_finish(&loading->log->home, segment);
}

/* What lies before is replayed; from here on the batches tell of producers when they are read. */
static enum error follow_producers(struct loading *loading) {
    enum error error;

    if (loading->follows_producers)
        return ERR_NONE;
    loading->follows_producers = true;
    error = log_begin_producers(loading->log, loading->recovered_from, &loading->producers);
    return error == ERR_NONE ? log_replay_segments(loading->log) : error;
}

static enum error read_segment(struct loading *loading, struct segment *segment, int64_t size,
                               int64_t next_base) {
    struct open_file *file;
    enum error error = segment_open_file(&loading->log->home, segment, DISK_OPEN_EXISTING, &file);

    if (error != ERR_NONE)
        return error;
    if (file == NULL)
        return ERR_DISK_CORRUPT;
    error = recover_batches(loading, segment, file->fd, size, next_base);
    if (error == ERR_NONE)
        error = cut_file(loading, segment, file->fd, size);
    open_file_unref(file);
    segment->writeback_position = segment->size;
    return error;
}

enum error log_recover_segment(struct loading *loading, struct segment *segment,
                               const struct segment_sizes *sizes, int64_t next_base,
                               bool behind_point) {
    struct log *log = loading->log;
    enum error error;

    if (loading->recovered_from == INT64_MAX) {
        /* From here on the batches say which epochs there were: what the file says may be of
         * batches that are gone. */
        loading->recovered_from = segment->base_offset;
        if (!loading->options->was_clean)
            leader_epochs_truncate_from_end(log->epochs, segment->base_offset);
    }
    if (behind_point && (error = follow_producers(loading)) != ERR_NONE)
        return error;
    segment->has_file = true;
    if ((error = segment_reset_indexes(&log->home, segment, behind_point)) != ERR_NONE ||
        (error = read_segment(loading, segment, sizes->log, next_base)) != ERR_NONE)
        return error;
    return finish_recovered(loading, segment, sizes, next_base < 0);
}

/*
 * The leader epochs of a log that is opened: what the file says, within what there is of the log;
 * if the file can't be right, what the batches say.
 */
#include "broker/log/log_internal.h"
#include "client/base/logger.h"

static enum error epochs_from_batches(struct log *log, struct segment *segment) {
    struct stored_batch batch;
    struct batch_walk walk;
    struct open_file *file;
    enum error error;
    bool found;

    if (segment->size == 0)
        return ERR_NONE;
    if ((error = segment_open_file(&log->home, segment, DISK_OPEN_EXISTING, &file)) != ERR_NONE)
        return error;
    if (file == NULL)
        return ERR_DISK_CORRUPT;
    batch_walk_init(&walk, log->dir->disk, file->fd, BATCH_WALK_HEADERS, 0, segment->size);
    while ((error = batch_walk_next(&walk, &batch, &found)) == ERR_NONE && found) {
        if (batch.leader_epoch <= leader_epochs_latest(log->epochs).leader_epoch)
            continue;
        error = leader_epochs_assign(log->epochs, batch.leader_epoch, batch.base_offset);
        if (error != ERR_NONE)
            break;
    }
    batch_walk_done(&walk);
    open_file_unref(file);
    return error;
}

enum error log_open_epochs(struct log *log, bool *rebuild) {
    enum error error = leader_epochs_open(log->dir->disk, log->dir_name, &log->epochs);

    *rebuild = error == ERR_DISK_CORRUPT;
    if (error != ERR_DISK_CORRUPT)
        return error;
    LOG_ERROR("leader_epochs_corrupt", "topic=%.*s partition=%d action=rebuild_from_batches",
              BYTES_FORMAT(log->topic), log->partition);
    return leader_epochs_new(log->dir->disk, log->dir_name, &log->epochs);
}

enum error log_settle_epochs(struct log *log, bool rebuild, bool was_clean) {
    enum error error = ERR_NONE;

    for (size_t i = 0; i < log->segment_count && rebuild && error == ERR_NONE; i++)
        error = epochs_from_batches(log, log->segments[i]);
    if (error != ERR_NONE)
        return error;
    leader_epochs_truncate_from_end(log->epochs, log->end_offset);
    leader_epochs_truncate_from_start(log->epochs, log->start_offset);
    return rebuild || !was_clean ? leader_epochs_sync(log->epochs) : ERR_NONE;
}

#include "broker/log/log_move.h"

#include "broker/log/log_internal.h"

struct log_config log_config_of_future(const struct log_config *config) {
    struct log_config copied = *config;

    copied.flush_messages = INT64_MAX;
    copied.flush_ms = INT64_MAX;
    return copied;
}

bool log_is_quiet(struct log *log) {
    bool is_quiet;

    mutex_lock(&log->state_lock);
    is_quiet = !log->flush_is_running && !log->writeback_is_running;
    mutex_unlock(&log->state_lock);
    return is_quiet;
}

void log_close_files(struct log *log) {
    struct file_cache *cache = log->dir->cache;

    mutex_lock(&log->state_lock);
    for (size_t i = 0; i < log->segment_count; i++)
        segment_close_files(log->segments[i], cache);
    mutex_unlock(&log->state_lock);
}

enum error log_advance_end_offset(struct log *log, int64_t offset, int64_t now_ms) {
    enum error error = log_check_usable(log);

    if (error != ERR_NONE || offset <= log->end_offset)
        return error;
    if ((error = log_roll_to(log, offset, now_ms)) != ERR_NONE)
        return log_fail(log, error, "roll a segment");
    mutex_lock(&log->state_lock);
    offset_store(&log->end_offset, offset);
    mutex_unlock(&log->state_lock);
    return ERR_NONE;
}

enum error log_take_leader_epochs(struct log *log, const struct log *from) {
    size_t count = leader_epochs_count(from->epochs);
    enum error error = log_check_usable(log);

    if (error != ERR_NONE)
        return error;
    if (!leader_epochs_are_equal(log->epochs, from->epochs)) {
        leader_epochs_clear(log->epochs);
        for (size_t i = 0; i < count && error == ERR_NONE; i++) {
            struct epoch_start start = leader_epochs_get(from->epochs, i);
            error = leader_epochs_assign(log->epochs, start.leader_epoch, start.start_offset);
        }
    }
    if (error == ERR_NONE)
        error = leader_epochs_sync(log->epochs);
    return log_fail(log, error, "write leader-epoch-checkpoint");
}

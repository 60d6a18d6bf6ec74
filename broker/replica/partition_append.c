#include "broker/replica/partition_internal.h"
#include "broker/replica/truncation_plan.h"

#include "client/base/logger.h"

enum error partition_begin_verification(struct partition *partition, int64_t producer_id,
                                        int16_t producer_epoch, int32_t base_sequence,
                                        int64_t wall_ms, struct log_verification *begun) {
    enum error error = ERR_NOT_LEADER_OR_FOLLOWER;

    mutex_lock(&partition->append_lock);
    if (atomic_load(&partition->role) == ROLE_LEADER)
        error = log_begin_verification(partition->log, producer_id, producer_epoch, base_sequence,
                                       wall_ms, begun);
    mutex_unlock(&partition->append_lock);
    return error;
}

enum error partition_append_as_leader(struct partition *partition, uint8_t *records, size_t size,
                                      const struct partition_append *append,
                                      struct log_append_result *result, int32_t *leader_epoch) {
    const struct log_append_options options = {append->origin, append->must_be_verified,
                                               append->guard};
    struct waiter_list woken = TAILQ_HEAD_INITIALIZER(woken);
    enum error error = ERR_NONE;

    mutex_lock(&partition->append_lock);
    *leader_epoch = atomic_load(&partition->leader_epoch);
    if (atomic_load(&partition->role) != ROLE_LEADER ||
        (append->leader_epoch != ANY_LEADER_EPOCH && append->leader_epoch != *leader_epoch)) {
        error = ERR_NOT_LEADER_OR_FOLLOWER;
        goto out;
    }
    if (append->acks == -1) {
        struct partition_counts counts = partition_counts(partition);
        if (counts.isr < counts.min_isr) {
            error = ERR_NOT_ENOUGH_REPLICAS;
            goto out;
        }
    }
    error = log_append_as_leader(partition->log, records, size, *leader_epoch, append->wall_ms,
                                 &options, append->arena, result);
out:
    mutex_unlock(&partition->append_lock);
    if (error != ERR_NONE) {
        partition_tell_watchers(partition); /* the end may have moved before the disk failed */
        return error;
    }
    mutex_lock(&partition->lock);
    partition_fire_watches(partition, &woken);
    if (atomic_load(&partition->role) == ROLE_LEADER)
        (void)partition_advance_high_watermark(partition);
    partition_collect_waiters(partition, log_end_offset(partition->log), false, &woken);
    mutex_unlock(&partition->lock);
    partition_post_waiters(&woken);
    return ERR_NONE;
}

/* INVARIANT: a committed record is on as many disks as min.insync.replicas and flush.messages
 * promise: followers flush before they ask for more, and the leader before it acknowledges. */
enum error partition_commit_status(struct partition *partition, const struct commit *commit,
                                   struct waiter *waiter) {
    int32_t maximal[REPLICAS_MAX * 2];
    bool is_flushed = log_flushed_offset(partition->log) >= commit->flush_offset;
    enum error error = ERR_NONE;

    if (is_flushed && commit->required_offset < 0)
        return ERR_NONE;
    mutex_lock(&partition->lock);
    if (!partition_has_led_since(partition, commit->leader_epoch)) {
        error = ERR_NOT_LEADER_OR_FOLLOWER;
    } else if (!is_flushed) {
        waiter->kind = WAIT_FLUSHED;
        waiter->offset = commit->flush_offset;
        error = ERR_REQUEST_TIMED_OUT;
    } else if (atomic_load(&partition->high_watermark) < commit->required_offset) {
        waiter->kind = WAIT_HIGH_WATERMARK;
        waiter->offset = commit->required_offset;
        error = ERR_REQUEST_TIMED_OUT;
    } else if (partition_view(partition, maximal).maximal_isr_count < partition->min_isr) {
        error = ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND;
    }
    mutex_unlock(&partition->lock);
    return error;
}

/* Under append_lock: whether a fetcher of `leader_epoch` may still change this log. */
static bool follows(const struct partition *partition, int32_t leader_epoch) {
    return atomic_load(&partition->role) == ROLE_FOLLOWER &&
           atomic_load(&partition->leader_epoch) == leader_epoch;
}

/* Moves a follower's high watermark and wakes who reads from it. Under append_lock only. */
static void set_follower_high_watermark(struct partition *partition, int64_t high_watermark) {
    struct waiter_list woken = TAILQ_HEAD_INITIALIZER(woken);
    int64_t end = log_end_offset(partition->log);
    int64_t start = log_start_offset(partition->log);

    if (high_watermark > end)
        high_watermark = end;
    if (high_watermark < start)
        high_watermark = start;
    mutex_lock(&partition->lock);
    atomic_store(&partition->high_watermark, high_watermark);
    log_note_high_watermark(partition->log, high_watermark);
    partition_collect_waiters(partition, end, false, &woken);
    mutex_unlock(&partition->lock);
    partition_post_waiters(&woken);
}

enum error partition_append_as_follower(struct partition *partition, int32_t leader_epoch,
                                        int64_t fetch_offset, struct bytes records,
                                        int64_t leader_high_watermark,
                                        int64_t leader_log_start_offset) {
    struct log_append_result result = {.flush_offset = -1};
    enum error flush_error;
    enum error error = ERR_NONE;

    mutex_lock(&partition->append_lock);
    if (!follows(partition, leader_epoch))
        error = ERR_NOT_LEADER_OR_FOLLOWER;
    else if (log_end_offset(partition->log) != fetch_offset)
        error = ERR_OFFSET_OUT_OF_RANGE;
    else if (records.size > 0)
        error = log_append_as_follower(partition->log, records.data, records.size, leader_epoch,
                                       clock_wall_ms(partition->environment->clock), &result);
    if (error == ERR_NONE) {
        int64_t lag = leader_high_watermark - log_end_offset(partition->log);

        atomic_store(&partition->follower_lag, lag > 0 ? lag : 0);
        partition_count_traffic(partition, TRAFFIC_REPLICATION_BYTES_IN, records.size);
        if (partition_is_adding(partition, partition->environment->broker_id))
            partition_count_traffic(partition, TRAFFIC_REASSIGNMENT_BYTES_IN, records.size);
        set_follower_high_watermark(partition, leader_high_watermark);
        log_advance_start_offset(partition->log, leader_log_start_offset);
    }
    mutex_unlock(&partition->append_lock);
    /* The next fetch tells the leader that this is safe here, what came before an error too. */
    if (result.flush_offset >= 0 && (flush_error = log_flush(partition->log)) != ERR_NONE)
        error = flush_error;
    return error;
}

/* Under append_lock. */
static enum error truncate_to(struct partition *partition, int64_t offset) {
    int64_t high_watermark = atomic_load(&partition->high_watermark);
    enum error error;

    if (offset >= log_end_offset(partition->log))
        return log_truncate(partition->log, offset); /* epochs without records */
    if (offset < high_watermark)
        LOG_WARN("truncated_below_high_watermark",
                 "topic=%s partition=%d offset=%" PRId64 " high_watermark=%" PRId64
                 " reason=\"the leader does not have these records: an unclean election or a "
                 "leader that lost its disk\"",
                 partition->topic, partition->index, offset, high_watermark);
    LOG_INFO("log_truncated", "topic=%s partition=%d offset=%" PRId64 " log_end_offset=%" PRId64,
             partition->topic, partition->index, offset, log_end_offset(partition->log));
    error = log_truncate(partition->log, offset);
    partition_cut_future(partition);
    /* Also where the disk failed on the way: no high watermark lies behind the log end. */
    set_follower_high_watermark(partition, atomic_load(&partition->high_watermark));
    return error;
}

/* Under append_lock. INVARIANT: a follower that says it has everything up to its log end has all of
 * it: before it asks for more, it gives up what lies behind records that it may have lost. */
static enum error copy_from_hole(struct partition *partition) {
    int64_t hole = log_hole(partition->log);
    enum error error;

    LOG_WARN("log_hole_is_copied_again",
             "topic=%s partition=%d offset=%" PRId64 " log_end_offset=%" PRId64, partition->topic,
             partition->index, hole, log_end_offset(partition->log));
    error = log_truncate(partition->log, hole);
    partition_cut_future(partition);
    if (error == ERR_NONE)
        set_follower_high_watermark(partition, atomic_load(&partition->high_watermark));
    return error;
}

/* Under append_lock. */
static struct fetch_position position_of(const struct partition *partition) {
    return (struct fetch_position){log_end_offset(partition->log),
                                   log_latest_leader_epoch(partition->log),
                                   log_start_offset(partition->log)};
}

struct fetch_position partition_fetch_position(struct partition *partition) {
    struct fetch_position position;

    mutex_lock(&partition->append_lock);
    position = position_of(partition);
    mutex_unlock(&partition->append_lock);
    return position;
}

enum error partition_begin_following(struct partition *partition, int32_t leader_epoch,
                                     struct fetch_position *position) {
    enum error error = ERR_NOT_LEADER_OR_FOLLOWER;
    bool must_flush = false;

    mutex_lock(&partition->append_lock);
    if (follows(partition, leader_epoch)) {
        error = ERR_NONE;
        if (log_latest_leader_epoch(partition->log) < 0)
            error = truncate_to(partition, atomic_load(&partition->high_watermark));
        if (error == ERR_NONE && log_hole(partition->log) >= 0)
            error = copy_from_hole(partition);
        *position = position_of(partition);
        must_flush = log_get_config(partition->log)->flush_messages != INT64_MAX;
    }
    mutex_unlock(&partition->append_lock);
    /* The first fetch says that all of it is safe here, what this broker appended when it led
     * itself, too. */
    return error == ERR_NONE && must_flush ? log_flush(partition->log) : error;
}

enum error partition_truncate_by_epoch(struct partition *partition, int32_t leader_epoch,
                                       int32_t diverging_epoch, int64_t diverging_end_offset,
                                       bool *complete) {
    enum error error = ERR_NOT_LEADER_OR_FOLLOWER;

    mutex_lock(&partition->append_lock);
    if (follows(partition, leader_epoch)) {
        struct epoch_end own = log_epoch_end(partition->log, diverging_epoch);
        struct truncation_input input = {
            .leader_epoch = diverging_epoch,
            .leader_end_offset = diverging_end_offset,
            .own_epoch = own.leader_epoch,
            .own_end_offset = own.end_offset,
            .log_end_offset = log_end_offset(partition->log),
            .high_watermark = atomic_load(&partition->high_watermark),
        };
        struct truncation truncation = truncation_plan(&input);
        *complete = truncation.complete;
        error = truncate_to(partition, truncation.offset);
    }
    mutex_unlock(&partition->append_lock);
    return error;
}

enum error partition_recover_out_of_range(struct partition *partition, int32_t leader_epoch,
                                          int64_t leader_log_start_offset,
                                          int64_t leader_log_end_offset) {
    enum error error = ERR_NOT_LEADER_OR_FOLLOWER;

    mutex_lock(&partition->append_lock);
    if (follows(partition, leader_epoch)) {
        int64_t end = log_end_offset(partition->log);
        if (leader_log_end_offset < end) {
            error = truncate_to(partition, leader_log_end_offset);
        } else if (end < leader_log_start_offset) {
            LOG_WARN("follower_starts_anew",
                     "topic=%s partition=%d log_end_offset=%" PRId64
                     " leader_log_start_offset=%" PRId64,
                     partition->topic, partition->index, end, leader_log_start_offset);
            error = log_truncate_fully_and_start_at(partition->log, leader_log_start_offset);
            partition_cut_future(partition);
            set_follower_high_watermark(partition, error == ERR_NONE
                                                       ? leader_log_start_offset
                                                       : atomic_load(&partition->high_watermark));
        } else {
            log_advance_start_offset(partition->log, leader_log_start_offset);
            error = ERR_NONE;
        }
    }
    mutex_unlock(&partition->append_lock);
    return error;
}

#include "broker/log/producer_state.h"
#include "broker/metadata/metadata.h"
#include "broker/replica/near_replica.h"
#include "broker/replica/partition_internal.h"

static enum error check_epoch(const struct partition *partition, int32_t requested) {
    int32_t own = atomic_load(&partition->leader_epoch);

    if (requested == ANY_LEADER_EPOCH || requested == own)
        return ERR_NONE;
    return requested < own ? ERR_FENCED_LEADER_EPOCH : ERR_UNKNOWN_LEADER_EPOCH;
}

enum error partition_check_leader(struct partition *partition, int32_t current_leader_epoch) {
    enum partition_role role = atomic_load(&partition->role);
    enum error error;

    if (role == ROLE_NONE)
        return ERR_NOT_LEADER_OR_FOLLOWER;
    if ((error = check_epoch(partition, current_leader_epoch)) != ERR_NONE)
        return error;
    return role == ROLE_LEADER ? ERR_NONE : ERR_NOT_LEADER_OR_FOLLOWER;
}

bool partition_end_is_uncertain(const struct partition *partition) {
    struct partition *p = (struct partition *)(uintptr_t)partition;
    bool uncertain;

    mutex_lock(&p->lock);
    uncertain = atomic_load(&p->role) == ROLE_LEADER &&
                atomic_load(&p->high_watermark) < p->leader_epoch_start_offset;
    mutex_unlock(&p->lock);
    return uncertain;
}

/* A follower's fetch at an offset says that it has everything before it. */
static enum error follower_fetched(struct partition *partition, const struct partition_read *read) {
    const struct partition_environment *environment = partition->environment;
    struct waiter_list woken = TAILQ_HEAD_INITIALIZER(woken);
    struct replica_progress *replica = NULL;
    bool propose = false;

    mutex_lock(&partition->lock);
    for (int32_t i = 0; i < partition->follower_count; i++) {
        if (partition->followers[i].broker_id == read->replica_id)
            replica = &partition->followers[i];
    }
    /* The request's epoch was checked before the lock was taken: look again, since progress of
     * another epoch must not count (the follower may yet truncate). */
    if (replica != NULL && atomic_load(&partition->role) == ROLE_LEADER &&
        check_epoch(partition, read->current_leader_epoch) == ERR_NONE) {
        int64_t end = log_end_offset(partition->log);
        bool has_trimmed = replica->log_start_offset != read->follower_log_start_offset;
        replica_progress_on_epoch(replica, read->replica_epoch);
        replica_progress_on_fetch(replica, read->fetch_offset, read->follower_log_start_offset, end,
                                  partition_now_ms(partition));
        propose = partition_consider_joining(partition, replica);
        if (partition_advance_high_watermark(partition) || has_trimmed)
            partition_collect_waiters(partition, end, false, &woken);
    }
    mutex_unlock(&partition->lock);
    partition_post_waiters(&woken);
    if (propose)
        environment->propose_isr(environment->context, partition);
    if (replica != NULL)
        return ERR_NONE;
    /* As Kafka: with an epoch that is ours, we have not heard of the new replica yet, and it comes
     * again; without one, either may be behind. */
    return read->current_leader_epoch >= 0 ? ERR_UNKNOWN_LEADER_EPOCH : ERR_NOT_LEADER_OR_FOLLOWER;
}

/* Those of the followers that may be read, behind the leader; lock. */
static int32_t list_readable(const struct partition *partition, const struct metadata *metadata,
                             const char *listener, int64_t fetch_offset,
                             struct near_replica *replicas) {
    int32_t count = 1;

    for (int32_t i = 0; i < partition->follower_count; i++) {
        const struct replica_progress *follower = &partition->followers[i];
        const struct metadata_broker *broker = metadata_find_broker(metadata, follower->broker_id);

        if (broker == NULL || metadata_find_endpoint(broker, listener) == NULL ||
            !broker_ids_contain(partition->isr, partition->isr_count, follower->broker_id) ||
            follower->log_end_offset < fetch_offset || follower->log_start_offset > fetch_offset)
            continue;
        replicas[count++] = (struct near_replica){broker->id, broker->rack,
                                                  follower->log_end_offset, follower->caught_up_ms};
    }
    return count;
}

int32_t partition_choose_near(struct partition *partition, const struct metadata *metadata,
                              const char *listener, struct bytes rack, int64_t fetch_offset) {
    int32_t own_id = partition->environment->broker_id;
    const struct metadata_broker *own = metadata_find_broker(metadata, own_id);
    struct near_replica replicas[REPLICAS_MAX + 1];
    int32_t count = 1, chosen;

    replicas[0] = (struct near_replica){own_id, own == NULL ? NULL : own->rack, 0, 0};
    mutex_lock(&partition->lock);
    partition_note_rest(partition);
    if (atomic_load(&partition->role) == ROLE_LEADER)
        count = list_readable(partition, metadata, listener, fetch_offset, replicas);
    mutex_unlock(&partition->lock);
    chosen = near_replica_choose(replicas, count, rack);
    return chosen == 0 ? -1 : replicas[chosen].broker_id;
}

struct epoch_end partition_epoch_end(struct partition *partition, int32_t leader_epoch) {
    struct epoch_end end;

    mutex_lock(&partition->append_lock);
    end = log_epoch_end(partition->log, leader_epoch);
    mutex_unlock(&partition->append_lock);
    return end;
}

int32_t partition_leader_epoch_at(struct partition *partition, int64_t offset) {
    int32_t leader_epoch;

    mutex_lock(&partition->append_lock);
    leader_epoch = log_leader_epoch_at(partition->log, offset);
    mutex_unlock(&partition->append_lock);
    return leader_epoch;
}

enum error partition_list_producers(struct partition *partition, struct arena *arena,
                                    struct producer_view **views, size_t *count) {
    enum error error = ERR_NONE;

    mutex_lock(&partition->append_lock);
    *count = log_list_producers(partition->log, NULL, 0);
    *views = arena_alloc(arena, *count, sizeof(**views));
    if (*views == NULL)
        error = ERR_OUT_OF_MEMORY;
    else
        *count = log_list_producers(partition->log, *views, *count);
    mutex_unlock(&partition->append_lock);
    return error;
}

/* KIP-595: the leader tells a follower whose last epoch it does not share where to cut. */
static bool find_divergence(struct partition *partition, const struct partition_read *read,
                            struct partition_read_result *result, enum error *error) {
    struct epoch_end end;

    /* Its last record is of our own epoch, which ends at our log end: nothing to look up, and no
     * lock that appends hold. */
    if (read->last_fetched_epoch < 0 ||
        (read->last_fetched_epoch == atomic_load(&partition->leader_epoch) &&
         read->fetch_offset <= log_end_offset(partition->log)))
        return false;
    end = partition_epoch_end(partition, read->last_fetched_epoch);
    if (end.leader_epoch < 0 || end.end_offset < 0) {
        *error = ERR_OFFSET_OUT_OF_RANGE;
        return true;
    }
    if (end.leader_epoch >= read->last_fetched_epoch && end.end_offset >= read->fetch_offset)
        return false;
    result->diverged = true;
    result->diverging_epoch = end.leader_epoch;
    result->diverging_end_offset = end.end_offset;
    return true;
}

int64_t partition_visible_end(struct partition *partition, enum read_isolation isolation) {
    switch (isolation) {
    case READ_LOG_END:
        return log_end_offset(partition->log);
    case READ_COMMITTED:
        return partition_last_stable_offset(partition);
    case READ_UNCOMMITTED:
        break;
    }
    return atomic_load(&partition->high_watermark);
}

static enum error read_from(struct log *log, const struct partition_read *read, int64_t end,
                            struct partition_read_result *result) {
    enum error error;

    if (read->isolation == READ_LOG_END)
        return log_read_whole(log, read->fetch_offset, end, read->bytes_max,
                              read->at_least_one_batch, &result->records);
    error = log_read(log, read->fetch_offset, end, read->bytes_max, read->at_least_one_batch,
                     &result->records);
    if (error != ERR_NONE || read->isolation != READ_COMMITTED || result->records.size == 0)
        return error;
    error = log_aborted_transactions(log, read->fetch_offset, end, &result->records, read->arena,
                                     &result->aborted);
    if (error != ERR_NONE)
        log_range_release(&result->records);
    return error;
}

/* The log may be moved to another directory meanwhile, and the old one fail. */
static enum error read_records(struct partition *partition, const struct partition_read *read,
                               int64_t end, struct partition_read_result *result) {
    struct log *log;
    enum error error;

    do {
        log = partition->log;
        error = read_from(log, read, end, result);
    } while (error == ERR_KAFKA_STORAGE_ERROR && partition->log != log);
    return error;
}

static enum error read_in_role(struct partition *partition, const struct partition_read *read,
                               struct partition_read_result *result) {
    enum partition_role role = atomic_load(&partition->role);
    bool is_follower_fetch = read->replica_id >= 0;
    enum error error = ERR_NONE;
    int64_t end;

    *result = (struct partition_read_result){-1, -1, -1, .diverging_epoch = -1};
    if (role == ROLE_NONE)
        return ERR_NOT_LEADER_OR_FOLLOWER;
    if ((error = check_epoch(partition, read->current_leader_epoch)) != ERR_NONE)
        return error;
    if (role != ROLE_LEADER && (is_follower_fetch || read->leader_only))
        return ERR_NOT_LEADER_OR_FOLLOWER;
    if (find_divergence(partition, read, result, &error) && error != ERR_NONE)
        return error;
    end = log_end_offset(partition->log);
    if (!result->diverged &&
        (read->fetch_offset < log_start_offset(partition->log) || read->fetch_offset > end))
        return ERR_OFFSET_OUT_OF_RANGE;
    /* INVARIANT: a diverging follower's fetch offset says nothing about our log: it must not
     * count as progress, or the high watermark could pass records that it will cut. */
    if (is_follower_fetch && read->update_progress && !result->diverged &&
        (error = follower_fetched(partition, read)) != ERR_NONE)
        return error;
    result->high_watermark = atomic_load(&partition->high_watermark);
    result->last_stable_offset = partition_last_stable_offset(partition);
    result->log_start_offset = log_start_offset(partition->log);
    if (result->diverged)
        return ERR_NONE;
    end = partition_visible_end(partition, read->isolation);
    if (read->fetch_offset >= end || read->bytes_max == 0)
        return ERR_NONE;
    return read_records(partition, read, end, result);
}

/* A follower is told nothing unless this broker has led in that epoch all along: what was read
 * without a lock may be of a log that follows another leader by now, and was cut. */
static enum error check_still_leads(const struct partition *partition, int32_t leader_epoch,
                                    struct partition_read_result *result) {
    enum error error = atomic_load(&partition->role) != ROLE_LEADER
                           ? ERR_NOT_LEADER_OR_FOLLOWER
                           : check_epoch(partition, leader_epoch);

    if (error == ERR_NONE)
        return ERR_NONE;
    log_range_release(&result->records);
    *result = (struct partition_read_result){-1, -1, -1, .diverging_epoch = -1};
    return error;
}

enum error partition_read(struct partition *partition, const struct partition_read *read,
                          struct partition_read_result *result) {
    int32_t leader_epoch = atomic_load(&partition->leader_epoch);
    enum error error = read_in_role(partition, read, result);

    return error == ERR_NONE && read->replica_id >= 0
               ? check_still_leads(partition, leader_epoch, result)
               : error;
}

#include "broker/replica/partition_internal.h"

#include <stdlib.h>

#include "client/base/logger.h"

/*
 * ISR changes. The leader proposes, the controller decides (AlterPartition), one proposal at a
 * time. While one is pending the maximal ISR (committed and joining members) bounds the high
 * watermark, and no member that may yet be in the ISR is left out of it.
 */

static int64_t broker_epoch_of(const struct partition *partition, int32_t broker_id) {
    for (int32_t i = 0; i < partition->follower_count; i++)
        if (partition->followers[i].broker_id == broker_id)
            return partition->followers[i].broker_epoch;
    return BROKER_EPOCH_UNKNOWN; /* the leader itself, whose epoch the request carries */
}

void partition_set_isr(struct partition *partition, const int32_t *isr, int32_t isr_count) {
    CHECK(isr_count <= REPLICAS_MAX);
    if (isr_count > partition->isr_capacity) {
        free(partition->isr);
        partition->isr = malloc((size_t)isr_count * sizeof(*isr));
        CHECK(partition->isr != NULL);
        partition->isr_capacity = isr_count;
    }
    if (isr_count > 0)
        memcpy(partition->isr, isr, (size_t)isr_count * sizeof(*isr));
    partition->isr_count = isr_count;
}

size_t partition_follower_delays(struct partition *partition, struct follower_delay *delays) {
    const int64_t now_ms = partition_now_ms(partition);
    size_t count = 0;

    if (atomic_load(&partition->role) != ROLE_LEADER)
        return 0;
    mutex_lock(&partition->lock);
    partition_note_rest(partition);
    for (int32_t i = 0; i < partition->follower_count; i++)
        delays[count++] = (struct follower_delay){
            partition->followers[i].broker_id,
            replica_delay_ms(&partition->followers[i], log_end_offset(partition->log), now_ms)};
    mutex_unlock(&partition->lock);
    return count;
}

void partition_end_proposal(struct partition *partition) {
    free(partition->proposed);
    partition->proposed = NULL;
}

void partition_count_isr_change(const struct partition *partition, int32_t isr_count) {
    struct isr_counters *counters = partition->environment->isr_counters;

    if (counters == NULL)
        return;
    if (isr_count < partition->isr_count)
        counter_add(&counters->shrinks, 1);
    else if (isr_count > partition->isr_count)
        counter_add(&counters->expands, 1);
}

static void propose(struct partition *partition, const int32_t *isr, int32_t count) {
    struct proposed_isr *proposed = malloc(sizeof(*proposed));

    CHECK(proposed != NULL && partition->proposed == NULL && count > 0);
    for (int32_t i = 0; i < count; i++)
        proposed->epochs[i] = broker_epoch_of(partition, isr[i]);
    memcpy(proposed->isr, isr, (size_t)count * sizeof(*isr));
    proposed->count = count;
    partition->proposed = proposed;
}

bool partition_consider_joining(struct partition *partition,
                                const struct replica_progress *replica) {
    const struct partition_environment *environment = partition->environment;
    int32_t maximal[REPLICAS_MAX * 2];
    struct leader_view view = partition_view(partition, maximal);
    int32_t isr[REPLICAS_MAX];

    if (partition->proposed != NULL || !leader_view_may_join(&view, replica) ||
        !environment->is_broker_alive(environment->context, replica->broker_id))
        return false;
    memcpy(isr, partition->isr, (size_t)partition->isr_count * sizeof(*isr));
    isr[partition->isr_count] = replica->broker_id;
    propose(partition, isr, partition->isr_count + 1);
    return true;
}

void partition_check_lag(struct partition *partition) {
    const struct partition_environment *environment = partition->environment;
    int32_t maximal[REPLICAS_MAX * 2];
    int32_t lagging[REPLICAS_MAX];
    int32_t lagging_count = 0;

    mutex_lock(&partition->lock);
    partition_note_rest(partition);
    if (atomic_load(&partition->role) == ROLE_LEADER && partition->proposed == NULL) {
        struct leader_view view = partition_view(partition, maximal);
        lagging_count = leader_view_lagging(&view, lagging);
    }
    if (lagging_count > 0) {
        int32_t isr[REPLICAS_MAX];
        int32_t count = 0;
        for (int32_t i = 0; i < partition->isr_count; i++) {
            if (!broker_ids_contain(lagging, lagging_count, partition->isr[i]))
                isr[count++] = partition->isr[i];
        }
        propose(partition, isr, count);
    }
    mutex_unlock(&partition->lock);
    if (lagging_count > 0) {
        LOG_INFO("isr_shrink_proposed", "topic=%s partition=%d lagging=%d count=%d",
                 partition->topic, partition->index, lagging[0], lagging_count);
        environment->propose_isr(environment->context, partition);
    }
}

bool partition_isr_proposal(struct partition *partition, struct isr_proposal *proposal) {
    bool pending;

    mutex_lock(&partition->lock);
    pending = partition->proposed != NULL && atomic_load(&partition->role) == ROLE_LEADER;
    if (pending) {
        proposal->leader_epoch = atomic_load(&partition->leader_epoch);
        proposal->partition_epoch = partition->partition_epoch;
        /* A leader that serves has recovered whatever it could. */
        proposal->leader_recovery_state = 0;
        proposal->isr_count = partition->proposed->count;
        memcpy(proposal->isr, partition->proposed->isr,
               (size_t)proposal->isr_count * sizeof(*proposal->isr));
        memcpy(proposal->broker_epochs, partition->proposed->epochs,
               (size_t)proposal->isr_count * sizeof(*proposal->broker_epochs));
    }
    mutex_unlock(&partition->lock);
    return pending;
}

/* Under `lock`. */
static void adopt(struct partition *partition, const struct metadata_partition *state) {
    partition_count_isr_change(partition, state->isr_count);
    partition->partition_epoch = state->partition_epoch;
    partition->leader_recovery_state = state->leader_recovery_state;
    partition_set_isr(partition, state->isr, state->isr_count);
    partition_end_proposal(partition);
}

/* Those who were to join; under `lock`. */
static void refuse_joining(struct partition *partition) {
    for (int32_t i = 0; i < partition->follower_count; i++) {
        struct replica_progress *replica = &partition->followers[i];

        if (broker_ids_contain(partition->proposed->isr, partition->proposed->count,
                               replica->broker_id) &&
            !broker_ids_contain(partition->isr, partition->isr_count, replica->broker_id))
            replica_progress_on_refused(replica, partition_now_ms(partition));
    }
}

bool partition_isr_answer(struct partition *partition, const struct isr_proposal *proposal,
                          enum error error, const struct metadata_partition *state) {
    struct waiter_list woken = TAILQ_HEAD_INITIALIZER(woken);
    bool again = false;

    if (error != ERR_NONE && partition->environment->isr_counters != NULL)
        counter_add(&partition->environment->isr_counters->failed_updates, 1);
    mutex_lock(&partition->lock);
    partition_fire_watches(partition, &woken);
    /* The metadata may have brought a newer state meanwhile; then this answer is history. */
    if (partition->proposed != NULL && atomic_load(&partition->role) == ROLE_LEADER &&
        atomic_load(&partition->leader_epoch) == proposal->leader_epoch &&
        partition->partition_epoch == proposal->partition_epoch) {
        switch ((int)error) {
        case ERR_NONE:
            if (state->leader_epoch == proposal->leader_epoch &&
                state->partition_epoch >= partition->partition_epoch)
                adopt(partition, state);
            break;
        case ERR_INELIGIBLE_REPLICA:
        case ERR_OPERATION_NOT_ATTEMPTED:
            refuse_joining(partition);
            partition_end_proposal(partition);
            break;
        case ERR_FENCED_LEADER_EPOCH:
        case ERR_INVALID_UPDATE_VERSION:
        case ERR_INVALID_REQUEST:
        case ERR_NEW_LEADER_ELECTED:
            /* INVARIANT: the change may or may not have been applied, so the maximal ISR stays
             * in force until the metadata brings the state that is true. */
            break;
        case ERR_UNKNOWN_TOPIC_OR_PARTITION:
        case ERR_UNKNOWN_TOPIC_ID:
            /* The metadata will say that the topic is gone, unless the controller that is deleting
             * it lost its office before it could write so: then the next one knows it. */
        default:
            again = true;
            break;
        }
        if (partition_advance_high_watermark(partition))
            partition_collect_waiters(partition, log_end_offset(partition->log), false, &woken);
    }
    mutex_unlock(&partition->lock);
    partition_post_waiters(&woken);
    return again;
}

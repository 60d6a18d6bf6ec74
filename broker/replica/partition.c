#include "broker/replica/partition_internal.h"

#include <stdlib.h>

#include "broker/log/log_move.h"
#include "broker/log/retention.h"
#include "broker/replica/partition_move.h"
#include "client/base/logger.h"

/* The log's pool tells of every flush. */
static void on_flushed(struct log_listener *listener, struct log *log, int64_t flushed_offset) {
    struct partition *partition = CONTAINER_OF(listener, struct partition, flush_listener);
    struct waiter_list woken = TAILQ_HEAD_INITIALIZER(woken);

    (void)flushed_offset;
    mutex_lock(&partition->lock);
    partition_collect_waiters(partition, log_end_offset(log), false, &woken);
    mutex_unlock(&partition->lock);
    partition_post_waiters(&woken);
}

/* The log may get another partition's listener once this one is retired: never take that away. */
static void stop_listening(struct partition *partition) {
    if (partition->listens)
        log_set_listener(partition->log, NULL);
    partition->listens = false;
}

struct partition *partition_new(const struct partition_environment *environment, const char *topic,
                                int32_t index, const struct uuid *topic_id, struct log *log,
                                int64_t high_watermark) {
    size_t topic_size = strlen(topic) + 1;
    struct partition *partition = calloc(1, sizeof(*partition) + topic_size);

    CHECK(partition != NULL);
    partition->environment = environment;
    memcpy(partition->topic, topic, topic_size);
    partition->index = index;
    partition->topic_id = *topic_id;
    log_ref(log);
    atomic_init(&partition->log, log);
    SLIST_INIT(&partition->former_logs);
    atomic_init(&partition->references, 1);
    mutex_init(&partition->append_lock);
    mutex_init(&partition->move_lock);
    mutex_init(&partition->lock);
    atomic_init(&partition->role, ROLE_NONE);
    atomic_init(&partition->leader_epoch, -1);
    atomic_init(&partition->leads_since, -1);
    atomic_init(&partition->leader_id, METADATA_NO_BROKER);
    if (high_watermark < log_start_offset(log))
        high_watermark = log_start_offset(log);
    if (high_watermark > log_end_offset(log))
        high_watermark = log_end_offset(log);
    atomic_init(&partition->high_watermark, high_watermark);
    partition->partition_epoch = -1;
    TAILQ_INIT(&partition->waiters);
    LIST_INIT(&partition->watches);
    partition->flush_listener.on_flushed = on_flushed;
    partition->listens = true;
    log_set_listener(log, &partition->flush_listener);
    return partition;
}

void partition_set_traffic(struct partition *partition, struct traffic_meter *traffic) {
    CHECK(partition->traffic == NULL);
    traffic_meter_ref(traffic);
    partition->traffic = traffic;
}

void partition_count_traffic(struct partition *partition, enum traffic kind, uint64_t value) {
    if (partition->traffic != NULL)
        traffic_meter_add(partition->traffic, kind, value);
}

int64_t partition_follower_lag(const struct partition *partition) {
    return atomic_load(&partition->role) == ROLE_FOLLOWER ? atomic_load(&partition->follower_lag)
                                                          : 0;
}

void partition_ref(struct partition *partition) {
    atomic_fetch_add_explicit(&partition->references, 1, memory_order_relaxed);
}

static void forget_followers(struct partition *partition) {
    free(partition->followers);
    partition->followers = NULL;
    partition->follower_count = 0;
}

void partition_unref(struct partition *partition) {
    struct former_log *former;

    if (partition == NULL ||
        atomic_fetch_sub_explicit(&partition->references, 1, memory_order_acq_rel) != 1)
        return;
    CHECK(TAILQ_EMPTY(&partition->waiters) && LIST_EMPTY(&partition->watches));
    stop_listening(partition);
    log_unref(partition->log);
    log_unref(partition->future);
    while ((former = SLIST_FIRST(&partition->former_logs)) != NULL) {
        SLIST_REMOVE_HEAD(&partition->former_logs, next);
        log_unref(former->log);
        free(former);
    }
    traffic_meter_unref(partition->traffic);
    forget_followers(partition);
    free(partition->proposed);
    free(partition->isr);
    free(partition->adding);
    mutex_done(&partition->move_lock);
    mutex_done(&partition->lock);
    mutex_done(&partition->append_lock);
    free(partition);
}

const char *partition_topic(const struct partition *partition) {
    return partition->topic;
}

int32_t partition_index(const struct partition *partition) {
    return partition->index;
}

const struct uuid *partition_topic_id(const struct partition *partition) {
    return &partition->topic_id;
}

struct log *partition_log(const struct partition *partition) {
    return partition->log;
}

enum partition_role partition_role(const struct partition *partition) {
    return atomic_load(&partition->role);
}

int32_t partition_leader_id(const struct partition *partition) {
    return atomic_load(&partition->leader_id);
}

int32_t partition_leader_epoch(const struct partition *partition) {
    return atomic_load(&partition->leader_epoch);
}

bool partition_has_led_since(const struct partition *partition, int32_t leader_epoch) {
    return atomic_load(&partition->role) == ROLE_LEADER &&
           leader_epoch >= atomic_load(&partition->leads_since);
}

int64_t partition_high_watermark(const struct partition *partition) {
    return atomic_load(&partition->high_watermark);
}

int64_t partition_now_ms(const struct partition *partition) {
    return clock_monotonic_ms(partition->environment->clock);
}

/* ---- Waiters ---- */

/* Of the leader and its followers that live. Under `lock`. */
static int64_t low_watermark(const struct partition *partition) {
    const struct partition_environment *environment = partition->environment;
    int64_t lowest = log_start_offset(partition->log);

    for (int32_t i = 0; i < partition->follower_count; i++) {
        const struct replica_progress *follower = &partition->followers[i];
        if (follower->log_start_offset < lowest &&
            environment->is_broker_alive(environment->context, follower->broker_id))
            lowest = follower->log_start_offset;
    }
    return lowest;
}

int64_t partition_low_watermark(struct partition *partition) {
    int64_t lowest;

    mutex_lock(&partition->lock);
    lowest = low_watermark(partition);
    mutex_unlock(&partition->lock);
    return lowest;
}

int64_t partition_last_stable_offset(const struct partition *partition) {
    /* The high watermark first: what is unstable was noted before it passed there. */
    int64_t high_watermark = atomic_load(&partition->high_watermark);
    int64_t first_unstable = log_first_unstable_offset(partition->log);

    return first_unstable < high_watermark ? first_unstable : high_watermark;
}

static bool is_satisfied(const struct partition *partition, const struct waiter *waiter,
                         int64_t log_end_offset) {
    int64_t high_watermark = atomic_load(&partition->high_watermark);

    switch (waiter->kind) {
    case WAIT_HIGH_WATERMARK:
        return high_watermark >= waiter->offset;
    case WAIT_CONSUMER_DATA:
        return high_watermark > waiter->offset;
    case WAIT_COMMITTED_DATA:
        return partition_last_stable_offset(partition) > waiter->offset;
    case WAIT_FOLLOWER_DATA:
        return log_end_offset > waiter->offset;
    case WAIT_LOW_WATERMARK:
        return low_watermark(partition) >= waiter->offset;
    case WAIT_FLUSHED:
        return log_flushed_offset(partition->log) >= waiter->offset;
    }
    return true;
}

void partition_collect_waiters(struct partition *partition, int64_t log_end_offset, bool all,
                               struct waiter_list *woken) {
    struct waiter *waiter = TAILQ_FIRST(&partition->waiters);

    while (waiter != NULL) {
        struct waiter *next = TAILQ_NEXT(waiter, link);
        if (all || is_satisfied(partition, waiter, log_end_offset)) {
            TAILQ_REMOVE(&partition->waiters, waiter, link);
            waiter->listed = false;
            TAILQ_INSERT_TAIL(woken, waiter, link);
        }
        waiter = next;
    }
}

void partition_post_waiters(struct waiter_list *woken) {
    struct waiter *waiter = TAILQ_FIRST(woken);

    while (waiter != NULL) {
        /* Read first: once posted, the waiter may be gone. */
        struct waiter *next = TAILQ_NEXT(waiter, link);
        executor_post(waiter->executor, &waiter->task);
        waiter = next;
    }
}

bool partition_wait(struct partition *partition, struct waiter *waiter, int32_t leader_epoch) {
    bool listed = false;

    mutex_lock(&partition->lock);
    if (atomic_load(&partition->role) != ROLE_NONE &&
        (leader_epoch == ANY_LEADER_EPOCH || partition_has_led_since(partition, leader_epoch)) &&
        !is_satisfied(partition, waiter, log_end_offset(partition->log))) {
        TAILQ_INSERT_TAIL(&partition->waiters, waiter, link);
        waiter->listed = true;
        listed = true;
    }
    mutex_unlock(&partition->lock);
    return listed;
}

bool partition_stop_waiting(struct partition *partition, struct waiter *waiter) {
    bool was_listed;

    mutex_lock(&partition->lock);
    was_listed = waiter->listed;
    if (was_listed) {
        TAILQ_REMOVE(&partition->waiters, waiter, link);
        waiter->listed = false;
    }
    mutex_unlock(&partition->lock);
    return was_listed;
}

/* ---- Role ---- */

static void take_state(struct partition *partition, const struct metadata_partition *state,
                       int32_t min_isr) {
    CHECK(state->replica_count <= REPLICAS_MAX);
    partition->partition_epoch = state->partition_epoch;
    partition->leader_recovery_state = state->leader_recovery_state;
    partition->replica_count = state->replica_count;
    partition->min_isr = min_isr < state->replica_count ? min_isr : state->replica_count;
    partition_set_isr(partition, state->isr, state->isr_count);
    partition_end_proposal(partition);
}

static struct replica_progress *find_follower(struct partition *partition, int32_t broker_id) {
    for (int32_t i = 0; i < partition->follower_count; i++) {
        if (partition->followers[i].broker_id == broker_id)
            return &partition->followers[i];
    }
    return NULL;
}

/* Keeps what is known of replicas that stay, unless the epoch is new. */
static void take_followers(struct partition *partition, const struct metadata_partition *state,
                           bool new_epoch) {
    int32_t self = partition->environment->broker_id;
    bool is_replica = broker_ids_contain(state->replicas, state->replica_count, self);
    size_t capacity = (size_t)state->replica_count - (is_replica ? 1 : 0);
    struct replica_progress *next = capacity == 0 ? NULL : calloc(capacity, sizeof(*next));
    int32_t count = 0;
    int64_t now_ms = partition_now_ms(partition);

    CHECK(next != NULL || capacity == 0);
    for (int32_t i = 0; i < state->replica_count; i++) {
        int32_t id = state->replicas[i];
        const struct replica_progress *known = new_epoch ? NULL : find_follower(partition, id);
        if (id == self)
            continue;
        if (known != NULL)
            next[count++] = *known;
        else
            replica_progress_reset(&next[count++], id,
                                   broker_ids_contain(state->isr, state->isr_count, id), now_ms);
    }
    free(partition->followers);
    partition->followers = next;
    partition->follower_count = count;
}

static void become_leader(struct partition *partition, const struct metadata_partition *state,
                          bool new_epoch) {
    if (new_epoch) {
        partition->leader_epoch_start_offset = log_end_offset(partition->log);
        /* INVARIANT: the epoch is in the epoch file before any batch that carries it, so that a
         * follower can always be told where this leadership began. */
        if (log_assign_leader_epoch(partition->log, state->leader_epoch) != ERR_NONE)
            LOG_ERROR("leader_epoch_not_written",
                      "topic=%s partition=%d leader_epoch=%d action=\"check the disk\"",
                      partition->topic, partition->index, state->leader_epoch);
    }
    take_followers(partition, state, new_epoch);
}

static bool has_followers(struct partition *partition, const struct metadata_partition *state) {
    int32_t count = 0;

    for (int32_t i = 0; i < state->replica_count; i++) {
        if (state->replicas[i] == partition->environment->broker_id)
            continue;
        if (find_follower(partition, state->replicas[i]) == NULL)
            return false;
        count++;
    }
    return count == partition->follower_count;
}

/* The state is known, but its replicas may be others: the controller may have lost its office
 * before it could tell so by a new leader epoch. Nobody waits for a replica that is none any more.
 */
static void take_assignment(struct partition *partition, const struct metadata_partition *state,
                            struct waiter_list *woken) {
    if (!has_followers(partition, state)) {
        partition_fire_watches(partition, woken);
        take_followers(partition, state, false);
    }
    partition->replica_count = state->replica_count;
    if (partition_advance_high_watermark(partition))
        partition_collect_waiters(partition, log_end_offset(partition->log), false, woken);
}

bool partition_apply(struct partition *partition, const struct metadata_partition *state,
                     int32_t min_isr) {
    struct waiter_list woken = TAILQ_HEAD_INITIALIZER(woken);
    int32_t self = partition->environment->broker_id;
    enum partition_role role = state->leader == self ? ROLE_LEADER : ROLE_FOLLOWER;
    int32_t known_epoch;
    bool new_epoch;
    bool changed;

    mutex_lock(&partition->append_lock);
    mutex_lock(&partition->lock);
    partition_set_adding(partition, state->adding_replicas, state->adding_count);
    known_epoch = atomic_load(&partition->leader_epoch);
    new_epoch = state->leader_epoch > known_epoch || atomic_load(&partition->role) == ROLE_NONE;
    changed = new_epoch || (state->leader_epoch == known_epoch &&
                            state->partition_epoch > partition->partition_epoch);
    partition->min_isr = min_isr < state->replica_count ? min_isr : state->replica_count;
    if (changed) {
        partition_fire_watches(partition, &woken);
        if (!new_epoch && role == ROLE_LEADER)
            partition_count_isr_change(partition, state->isr_count);
        take_state(partition, state, min_isr);
        if (new_epoch)
            atomic_store(&partition->guard_offset, 0);
        if (role == ROLE_LEADER && atomic_load(&partition->role) != ROLE_LEADER)
            atomic_store(&partition->leads_since, state->leader_epoch);
        if (role == ROLE_LEADER)
            become_leader(partition, state, new_epoch);
        else
            forget_followers(partition);
        /* Before the role: readers take no lock, and shall not see a leader whose high watermark
         * is behind what its ISR has. */
        if (role == ROLE_LEADER)
            (void)partition_advance_high_watermark(partition);
        atomic_store(&partition->leader_epoch, state->leader_epoch);
        atomic_store(&partition->leader_id, state->leader);
        atomic_store(&partition->role, role);
        partition_collect_waiters(partition, log_end_offset(partition->log), new_epoch, &woken);
    } else if (role == ROLE_LEADER && state->leader_epoch == known_epoch) {
        take_assignment(partition, state, &woken);
    }
    mutex_unlock(&partition->lock);
    mutex_unlock(&partition->append_lock);
    partition_post_waiters(&woken);
    if (new_epoch)
        LOG_INFO(role == ROLE_LEADER ? "became_leader" : "became_follower",
                 "topic=%s partition=%d leader=%d leader_epoch=%d log_end_offset=%" PRId64
                 " high_watermark=%" PRId64,
                 partition->topic, partition->index, state->leader, state->leader_epoch,
                 log_end_offset(partition->log), partition_high_watermark(partition));
    return new_epoch;
}

void partition_set_log_config(struct partition *partition, const struct log_config *config) {
    mutex_lock(&partition->append_lock);
    log_set_config(partition->log, config);
    partition_set_future_config(partition, config);
    mutex_unlock(&partition->append_lock);
}

enum error partition_retire(struct partition *partition, struct log_manager *manager,
                            enum retired_log fate) {
    struct waiter_list woken = TAILQ_HEAD_INITIALIZER(woken);
    struct log *future;
    enum error error = ERR_NONE;

    mutex_lock(&partition->append_lock);
    partition->is_retired = true;
    future = partition_end_move(partition);
    mutex_lock(&partition->lock);
    atomic_store(&partition->role, ROLE_NONE);
    atomic_store(&partition->leader_id, METADATA_NO_BROKER);
    partition_end_proposal(partition);
    partition_fire_watches(partition, &woken);
    partition_collect_waiters(partition, 0, true, &woken);
    mutex_unlock(&partition->lock);
    stop_listening(partition);
    if (fate == RETIRED_LOG_DELETE)
        error = log_manager_delete(manager, partition->log);
    else if (fate == RETIRED_LOG_SET_ASIDE)
        error = log_manager_set_aside(manager, partition->log);
    mutex_unlock(&partition->append_lock);
    partition_post_waiters(&woken);
    /* A failure took the future log's directory offline, and its folder is a copy. */
    if (future != NULL && fate != RETIRED_LOG_KEEP)
        (void)!log_manager_drop_future(manager, future);
    log_unref(future);
    return error;
}

/* ---- High watermark ---- */

struct leader_view partition_view(const struct partition *partition, int32_t *maximal) {
    int32_t maximal_count = partition->isr_count;

    if (maximal_count > 0)
        memcpy(maximal, partition->isr, (size_t)maximal_count * sizeof(*maximal));
    for (int32_t i = 0; partition->proposed != NULL && i < partition->proposed->count; i++) {
        if (!broker_ids_contain(maximal, maximal_count, partition->proposed->isr[i]))
            maximal[maximal_count++] = partition->proposed->isr[i];
    }
    return (struct leader_view){
        .broker_id = partition->environment->broker_id,
        .log_end_offset = log_end_offset(partition->log),
        .high_watermark = atomic_load(&partition->high_watermark),
        .leader_epoch_start_offset = partition->leader_epoch_start_offset,
        .followers = partition->followers,
        .follower_count = partition->follower_count,
        .isr = partition->isr,
        .isr_count = partition->isr_count,
        .maximal_isr = maximal,
        .maximal_isr_count = maximal_count,
        .min_isr = partition->min_isr,
        .now_ms = partition_now_ms(partition),
        .lag_ms_max = partition->environment->replica_lag_ms_max,
    };
}

bool partition_advance_high_watermark(struct partition *partition) {
    const struct partition_environment *environment = partition->environment;
    int32_t maximal[REPLICAS_MAX * 2];
    struct leader_view view = partition_view(partition, maximal);
    int64_t next =
        leader_view_high_watermark(&view, environment->is_broker_alive, environment->context);

    CHECK(next >= view.high_watermark && next <= view.log_end_offset);
    if (next == view.high_watermark)
        return false;
    atomic_store(&partition->high_watermark, next);
    log_note_high_watermark(partition->log, next);
    return true;
}

struct partition_counts partition_counts(struct partition *partition) {
    struct partition_counts counts;

    mutex_lock(&partition->lock);
    counts = (struct partition_counts){partition->replica_count, partition->isr_count,
                                       partition->min_isr};
    mutex_unlock(&partition->lock);
    return counts;
}

void partition_set_guard_offset(struct partition *partition, int64_t offset) {
    if (atomic_load(&partition->role) == ROLE_LEADER)
        atomic_store(&partition->guard_offset, offset);
}

/* Under `append_lock`. */
static struct retention_guard present_guard(const struct partition *partition) {
    struct retention_guard guard = {0, partition->environment->guard_bytes_max};

    if (guard.bytes_max == 0)
        return guard;
    if (atomic_load(&partition->role) == ROLE_LEADER)
        guard.offset = atomic_load(&partition->guard_offset);
    else
        guard.bytes_max = INT64_MAX;
    return guard;
}

void partition_apply_retention(struct partition *partition) {
    struct retention_guard guard;
    int64_t start_before;
    bool has_moved;
    enum error error;

    mutex_lock(&partition->append_lock);
    guard = present_guard(partition);
    start_before = log_start_offset(partition->log);
    error = log_apply_retention(partition->log, clock_wall_ms(partition->environment->clock),
                                guard.bytes_max == 0 ? NULL : &guard);
    has_moved = log_start_offset(partition->log) != start_before;
    mutex_unlock(&partition->append_lock);
    if (has_moved)
        partition_tell_watchers(partition);
    /* A disk that fails has told of it already. */
    if (error == ERR_OUT_OF_MEMORY)
        LOG_WARN("retention_postponed", "topic=%s partition=%d error=%s", partition->topic,
                 partition->index, error_name(error));
}

void partition_expire_producers(struct partition *partition, int64_t expiration_ms) {
    mutex_lock(&partition->append_lock);
    log_expire_producers(partition->log, clock_wall_ms(partition->environment->clock),
                         expiration_ms);
    mutex_unlock(&partition->append_lock);
}

enum error partition_delete_records(struct partition *partition, int64_t offset,
                                    int64_t *required_offset, int32_t *leader_epoch) {
    enum error error = ERR_NONE;

    mutex_lock(&partition->append_lock);
    if (atomic_load(&partition->role) != ROLE_LEADER) {
        error = ERR_NOT_LEADER_OR_FOLLOWER;
    } else {
        int64_t high_watermark = atomic_load(&partition->high_watermark);
        *required_offset = offset == DELETE_ALL_RECORDS ? high_watermark : offset;
        *leader_epoch = atomic_load(&partition->leader_epoch);
        /* INVARIANT: only what is committed is deleted; the log start never passes the high
         * watermark. */
        if (*required_offset < 0 || *required_offset > high_watermark)
            error = ERR_OFFSET_OUT_OF_RANGE;
        else
            log_advance_start_offset(partition->log, *required_offset);
    }
    mutex_unlock(&partition->append_lock);
    if (error == ERR_NONE)
        partition_tell_watchers(partition);
    return error;
}

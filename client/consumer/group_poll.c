/*
 * The polling thread's part in a group: it paces rebalances, because the application must have
 * finished with what it was given before it is given up.
 */
#include <stdlib.h>

#include "client/base/clock.h"
#include "client/consumer/ask.h"
#include "client/consumer/consumer.h"

static int64_t now_ms(void) {
    return clock_monotonic_ms(clock_system());
}

void group_poll_begin(struct barnabas_consumer *consumer) {
    struct consumer_group *group = &consumer->group;
    bool was_asleep;

    if (!group->enabled)
        return;
    mutex_lock(&consumer->lock);
    was_asleep = group->membership.state == MEMBERSHIP_ASLEEP;
    group->polling = true;
    membership_poll_began(&group->membership);
    mutex_unlock(&consumer->lock);
    if (was_asleep)
        fetcher_wake(consumer);
}

/* The background thread looks at the deadline with every heartbeat, which is soon enough. */
void group_poll_end(struct barnabas_consumer *consumer) {
    struct consumer_group *group = &consumer->group;

    if (!group->enabled)
        return;
    mutex_lock(&consumer->lock);
    group->polling = false;
    membership_poll_ended(&group->membership, now_ms());
    mutex_unlock(&consumer->lock);
}

/* --- what there is to do ------------------------------------------------------------------ */

static bool owns_any(const struct barnabas_consumer *consumer) {
    const struct consumed_partition *partition;

    TAILQ_FOREACH (partition, &consumer->partitions, next)
        if (partition->owned)
            return true;
    return false;
}

enum poll_work { WORK_NONE, WORK_GIVE_UP, WORK_TAKE_OVER };

static enum poll_work work_to_do(const struct barnabas_consumer *consumer) {
    const struct consumer_group *group = &consumer->group;
    const struct membership *membership = &group->membership;

    if (membership->state == MEMBERSHIP_PREPARING && owns_any(consumer) &&
        (membership->lost || !group->cooperative))
        return WORK_GIVE_UP;
    if (membership->state == MEMBERSHIP_FAILED && membership->lost)
        return WORK_GIVE_UP;
    if (membership->state == MEMBERSHIP_ADOPTING && group->round.step == ADOPTION_READY)
        return WORK_TAKE_OVER;
    return WORK_NONE;
}

bool group_needs_poll(const struct barnabas_consumer *consumer) {
    const struct consumer_group *group = &consumer->group;

    return group->enabled &&
           (!TAILQ_EMPTY(&group->committed) || group->membership.state == MEMBERSHIP_FAILED ||
            work_to_do(consumer) != WORK_NONE);
}

void group_tell_committed(const struct barnabas_consumer *consumer,
                          const struct group_offsets *offsets, enum error error) {
    const struct consumer_interceptors *interceptors = &consumer->interceptors;

    for (size_t i = 0; i < interceptors->count; i++)
        if (interceptors->items[i].on_commit != NULL)
            interceptors->items[i].on_commit(interceptors->items[i].context, error, offsets->items,
                                             offsets->count);
    if (offsets->committed != NULL)
        offsets->committed(offsets->context, error, offsets->items, offsets->count);
}

void group_run_callbacks(struct barnabas_consumer *consumer) {
    struct consumer_group *group = &consumer->group;
    struct group_offsets *offsets;

    do {
        mutex_lock(&consumer->lock);
        offsets = TAILQ_FIRST(&group->committed);
        if (offsets != NULL)
            TAILQ_REMOVE(&group->committed, offsets, next);
        mutex_unlock(&consumer->lock);
        if (offsets != NULL)
            group_tell_committed(consumer, offsets, offsets->error);
        group_offsets_free(offsets);
    } while (offsets != NULL);
}

/* --- commits of what was polled ----------------------------------------------------------- */

/* Those of the group's partitions whose position is known; with `news_only`, what was committed
 * already is left out. NULL if memory is out. */
static struct group_offsets *polled_offsets(struct barnabas_consumer *consumer, bool news_only) {
    const struct consumed_partition *partition;
    struct group_offsets *offsets;
    struct barnabas_offset *items;
    size_t count = 0;

    mutex_lock(&consumer->lock);
    TAILQ_FOREACH (partition, &consumer->partitions, next)
        count++;
    items = calloc(count + 1, sizeof(*items));
    count = 0;
    TAILQ_FOREACH (partition, &consumer->partitions, next)
        if (items != NULL && partition->owned && partition->position >= 0 &&
            (!news_only || partition->position != partition->committed))
            items[count++] = (struct barnabas_offset){
                .topic = partition->topic->name,
                .partition = partition->index,
                .offset = partition->position,
                .leader_epoch = partition->position_epoch,
            };
    mutex_unlock(&consumer->lock);
    offsets = items == NULL ? NULL : group_offsets_new(consumer, items, count);
    free(items);
    return offsets;
}

struct group_offsets *group_offsets_polled(struct barnabas_consumer *consumer) {
    return polled_offsets(consumer, false);
}

/* Before partitions are given up. If it cannot be done, their messages come again, to others. */
static void commit_now(struct barnabas_consumer *consumer) {
    struct group_offsets *offsets;

    if (!consumer->settings->auto_commit)
        return;
    offsets = polled_offsets(consumer, true);
    if (offsets == NULL)
        return;
    if (offsets->count == 0)
        group_offsets_free(offsets);
    else
        (void)group_commit_wait(consumer, offsets,
                                handle_deadline(consumer->settings->request_timeout_ms));
}

static void commit_in_time(struct barnabas_consumer *consumer) {
    struct consumer_group *group = &consumer->group;
    const struct settings *s = consumer->settings;
    struct group_offsets *offsets;
    bool may;

    if (!s->auto_commit || now_ms() < group->auto_commit_at_ms)
        return;
    mutex_lock(&consumer->lock);
    may = membership_has_place(&group->membership) && !group->auto_committing;
    mutex_unlock(&consumer->lock);
    if (!may)
        return;
    group->auto_commit_at_ms = now_ms() + s->auto_commit_interval_ms;
    offsets = polled_offsets(consumer, true);
    if (offsets != NULL && offsets->count > 0) {
        offsets->automatic = true;
        offsets->deadline_ms = handle_deadline(s->request_timeout_ms);
        group_commit_add(consumer, offsets);
    } else {
        group_offsets_free(offsets);
    }
}

/* --- giving up ---------------------------------------------------------------------------- */

struct given {
    struct barnabas_topic_partition *items;
    size_t count;
};

/* The group's partitions; with `assignment`, those that it lacks. False if memory is out. */
static bool collect_owned(struct barnabas_consumer *consumer,
                          const struct partition_list *assignment, struct given *given)
    REQUIRES(consumer->lock) {
    const struct consumed_partition *partition;
    size_t count = 0;

    TAILQ_FOREACH (partition, &consumer->partitions, next)
        count++;
    given->count = 0;
    given->items = calloc(count + 1, sizeof(*given->items));
    if (given->items == NULL)
        return false;
    TAILQ_FOREACH (partition, &consumer->partitions, next)
        if (partition->owned &&
            (assignment == NULL ||
             !partition_list_has(assignment, bytes_of_text(partition->topic->name),
                                 partition->index)))
            given->items[given->count++] =
                (struct barnabas_topic_partition){partition->topic->name, partition->index};
    return true;
}

static void call_back(struct barnabas_consumer *consumer, enum barnabas_rebalance_kind kind,
                      const struct given *given) {
    const struct consumer_group *group = &consumer->group;

    if (group->rebalanced != NULL)
        group->rebalanced(group->rebalanced_context, consumer, kind, given->items, given->count);
}

static void unassign(struct barnabas_consumer *consumer, const struct given *given)
    REQUIRES(consumer->lock) {
    for (size_t i = 0; i < given->count; i++) {
        struct consumed_partition *partition =
            consumed_partition_find(consumer, given->items[i].topic, given->items[i].partition);

        if (partition != NULL && partition->owned)
            consumed_partition_unassign(partition);
    }
}

/* Commits, calls back and gives up. Frees the list. */
static void revoke(struct barnabas_consumer *consumer, enum barnabas_rebalance_kind kind,
                   struct given *given) {
    if (given->count > 0) {
        if (kind == BARNABAS_REBALANCE_REVOKED)
            commit_now(consumer);
        call_back(consumer, kind, given);
        mutex_lock(&consumer->lock);
        unassign(consumer, given);
        mutex_unlock(&consumer->lock);
    }
    free(given->items);
}

void group_give_up(struct barnabas_consumer *consumer, enum barnabas_rebalance_kind kind) {
    struct given given;
    bool collected;

    mutex_lock(&consumer->lock);
    collected = collect_owned(consumer, NULL, &given);
    mutex_unlock(&consumer->lock);
    if (collected)
        revoke(consumer, kind, &given);
}

static void prepare(struct barnabas_consumer *consumer) {
    struct membership *membership = &consumer->group.membership;
    bool lost;

    mutex_lock(&consumer->lock);
    lost = membership->lost;
    mutex_unlock(&consumer->lock);
    group_give_up(consumer, lost ? BARNABAS_REBALANCE_LOST : BARNABAS_REBALANCE_REVOKED);
    mutex_lock(&consumer->lock);
    if (membership->state == MEMBERSHIP_FAILED)
        membership->lost = false;
    else
        membership_prepared(membership);
    mutex_unlock(&consumer->lock);
    fetcher_wake(consumer);
}

/* --- taking over -------------------------------------------------------------------------- */

/* Begins to read where the group has come to; without a committed offset, as
 * auto.offset.reset says. */
static void begin_reading(struct barnabas_consumer *consumer, struct consumed_partition *partition,
                          const struct barnabas_offset *from) REQUIRES(consumer->lock) {
    static const enum barnabas_position_kind kinds[] = {
        [OFFSET_RESET_NONE] = BARNABAS_FROM_BEGINNING,
        [OFFSET_RESET_EARLIEST] = BARNABAS_FROM_BEGINNING,
        [OFFSET_RESET_LATEST] = BARNABAS_FROM_END,
    };
    enum offset_reset policy = consumer->settings->offset_reset;
    struct barnabas_position position = {BARNABAS_FROM_OFFSET, from->offset};
    enum error error = from->error;
    struct reader_outcome outcome = {0};

    if (from->offset < 0) {
        position = (struct barnabas_position){kinds[policy], 0};
        if (error == ERR_NONE && policy == OFFSET_RESET_NONE)
            error = ERR_OFFSET_OUT_OF_RANGE;
    }
    consumed_partition_assign(consumer, partition, position);
    partition->owned = true;
    partition->committed = from->offset;
    partition->position_epoch = from->leader_epoch;
    /* Whether the log still holds what was read is asked if the leader has changed since. */
    partition->reader.fetch_epoch = from->leader_epoch;
    partition->reader.leader_epoch = from->leader_epoch;
    if (error != ERR_NONE) {
        reader_fail(&partition->reader, error, &outcome);
        outcome_queue(consumer, partition, &outcome);
    }
}

/* False if memory is out: some partition is not taken over. */
static bool begin_added(struct barnabas_consumer *consumer, const struct group_offsets *added,
                        struct given *given) REQUIRES(consumer->lock) {
    given->count = 0;
    given->items = calloc(added->count + 1, sizeof(*given->items));
    if (given->items == NULL)
        return false;
    for (size_t i = 0; i < added->count; i++) {
        const struct barnabas_offset *item = &added->items[i];
        struct consumed_partition *partition;

        if (consumed_partition_get(consumer, item->topic, item->partition, &partition) != ERR_NONE)
            return false;
        begin_reading(consumer, partition, item);
        given->items[given->count++] =
            (struct barnabas_topic_partition){partition->topic->name, partition->index};
    }
    return true;
}

static void take_over(struct barnabas_consumer *consumer) {
    struct consumer_group *group = &consumer->group;
    struct given revoked;
    struct given added;
    bool again;

    mutex_lock(&consumer->lock);
    again = !collect_owned(consumer, &group->round.assignment.partitions, &revoked);
    mutex_unlock(&consumer->lock);
    again |= revoked.count > 0;
    revoke(consumer, BARNABAS_REBALANCE_REVOKED, &revoked);
    mutex_lock(&consumer->lock);
    again |= !begin_added(consumer, group->round.fetched, &added);
    mutex_unlock(&consumer->lock);
    fetcher_wake(consumer);
    call_back(consumer, BARNABAS_REBALANCE_ASSIGNED, &added);
    free(added.items);
    mutex_lock(&consumer->lock);
    group->round.step = ADOPTION_NONE;
    membership_adopted(&group->membership);
    /* What was given up is given to others only in the next generation. */
    if (again)
        membership_rejoin(&group->membership);
    mutex_unlock(&consumer->lock);
    group->auto_commit_at_ms = now_ms() + consumer->settings->auto_commit_interval_ms;
    fetcher_wake(consumer);
}

enum error group_poll(struct barnabas_consumer *consumer) {
    struct consumer_group *group = &consumer->group;
    enum poll_work work;
    enum error error;

    if (!group->enabled)
        return ERR_NONE;
    group_run_callbacks(consumer);
    do {
        mutex_lock(&consumer->lock);
        work = work_to_do(consumer);
        if (work == WORK_TAKE_OVER)
            group->round.step = ADOPTION_TAKEN;
        error = group->membership.state == MEMBERSHIP_FAILED ? group->membership.error : ERR_NONE;
        mutex_unlock(&consumer->lock);
        if (work == WORK_GIVE_UP)
            prepare(consumer);
        else if (work == WORK_TAKE_OVER)
            take_over(consumer);
    } while (work != WORK_NONE);
    commit_in_time(consumer);
    return error;
}

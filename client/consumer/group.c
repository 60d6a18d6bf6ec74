#include "client/consumer/group.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/consumer/consumer.h"

#define MEMORY_ARENA_BYTES ((size_t)256 << 20)

/* --- birth and death ---------------------------------------------------------------------- */

/* "range, cooperative-sticky" */
static enum error parse_assignors(struct consumer_group *group, const char *list, char *reason,
                                  size_t reason_size) {
    group->cooperative = true;
    while (*list != '\0') {
        size_t size = strcspn(list, ", ");
        const struct assignor *assignor = assignor_find(bytes_of(list, size));

        if (size > 0 && assignor == NULL) {
            snprintf(reason, reason_size,
                     "partition.assignment.strategy: '%.*s' is none of range, roundrobin, sticky, "
                     "cooperative-sticky",
                     (int)size, list);
            return ERR_CONFIG_INVALID;
        }
        if (size > 0) {
            for (size_t i = 0; i < group->assignor_count; i++)
                if (group->assignors[i] == assignor) {
                    snprintf(reason, reason_size, "partition.assignment.strategy: %s stands twice",
                             assignor->name);
                    return ERR_CONFIG_INVALID;
                }
            group->assignors[group->assignor_count++] = assignor;
            group->cooperative &= assignor->cooperative;
        }
        list += size;
        list += strspn(list, ", ");
    }
    if (group->assignor_count == 0) {
        snprintf(reason, reason_size, "partition.assignment.strategy is empty");
        return ERR_CONFIG_INVALID;
    }
    return ERR_NONE;
}

enum error group_init(struct barnabas_consumer *consumer, char *reason, size_t reason_size) {
    struct consumer_group *group = &consumer->group;
    const struct settings *s = consumer->settings;
    const struct membership_options options = {
        .is_static = s->group_instance_id[0] != '\0',
        .heartbeat_interval_ms = s->heartbeat_interval_ms,
        .poll_interval_ms_max = s->poll_interval_ms_max,
        .retry_ms = s->retry_backoff_ms,
    };

    group->enabled = s->group_id[0] != '\0';
    group->last_generation_id = GENERATION_NONE;
    for (size_t i = 0; i < consumer->interceptors.count; i++)
        group->commits_are_seen |= consumer->interceptors.items[i].on_commit != NULL;
    membership_init(&group->membership, &options);
    TAILQ_INIT(&group->commits);
    TAILQ_INIT(&group->committed);
    arena_init(&group->round.arena, MEMORY_ARENA_BYTES);
    arena_init(&group->memory, MEMORY_ARENA_BYTES);
    if (s->heartbeat_interval_ms >= s->session_timeout_ms) {
        snprintf(reason, reason_size, "heartbeat.interval.ms is not below session.timeout.ms");
        return ERR_CONFIG_INVALID;
    }
    return parse_assignors(group, s->assignors, reason, reason_size);
}

static void stop_fetching(struct group_round *round) {
    if (round->fetched != NULL)
        group_call_cancel(&round->fetched->call);
    group_offsets_free(round->fetched);
    round->fetched = NULL;
}

void group_shut(struct barnabas_consumer *consumer) {
    struct consumer_group *group = &consumer->group;

    group_cancel_requests(consumer);
    group_call_cancel(&group->leave);
    stop_fetching(&group->round);
    if (group->committing != NULL)
        group_call_cancel(&group->committing->call);
}

/* Nobody will know what became of it. */
static void call_off(const struct barnabas_consumer *consumer, struct group_offsets *offsets) {
    if (offsets != NULL)
        group_tell_committed(consumer, offsets, ERR_CANCELLED);
    group_offsets_free(offsets);
}

static void call_off_all(const struct barnabas_consumer *consumer,
                         struct group_offsets_list *list) {
    struct group_offsets *offsets;

    while ((offsets = TAILQ_FIRST(list)) != NULL) {
        TAILQ_REMOVE(list, offsets, next);
        call_off(consumer, offsets);
    }
}

static void forget_watched(struct consumer_group *group) {
    for (size_t i = 0; i < group->watched_count; i++)
        free(group->watched[i].name);
    free(group->watched);
    group->watched = NULL;
    group->watched_count = 0;
}

void group_done(struct barnabas_consumer *consumer) {
    struct consumer_group *group = &consumer->group;

    group_run_callbacks(consumer);
    call_off(consumer, group->committing);
    call_off_all(consumer, &group->commits);
    group_offsets_free(group->round.fetched);
    group_offsets_free(group->told);
    group_forget_topics(group);
    if (group->has_pattern)
        regfree(&group->pattern);
    forget_watched(group);
    arena_done(&group->round.arena);
    arena_done(&group->memory);
}

void group_forget_topics(struct consumer_group *group) {
    for (size_t i = 0; i < group->topic_count; i++)
        free(group->topics[i]);
    free(group->topics);
    group->topics = NULL;
    group->topic_count = 0;
}

/* --- what the member says of itself ------------------------------------------------------- */

static bool is_owned(const struct consumed_partition *partition,
                     const struct consumed_topic *topic) {
    return partition->owned && partition->topic == topic;
}

static enum error describe_owned(struct barnabas_consumer *consumer, struct arena *arena,
                                 struct partition_list *owned) REQUIRES(consumer->lock) {
    const struct consumed_partition *partition;
    const struct consumed_topic *topic;
    struct topic_partitions *topics;
    size_t count = 0;

    TAILQ_FOREACH (topic, &consumer->topics, next)
        count++;
    topics = arena_alloc(arena, count + 1, sizeof(*topics));
    if (topics == NULL)
        return ERR_OUT_OF_MEMORY;
    *owned = (struct partition_list){0, topics};
    TAILQ_FOREACH (topic, &consumer->topics, next) {
        struct topic_partitions *item = &topics[owned->count];
        int32_t *partitions;

        item->topic = bytes_of_text(topic->name);
        TAILQ_FOREACH (partition, &consumer->partitions, next)
            item->count += is_owned(partition, topic);
        if (item->count == 0)
            continue;
        partitions = arena_alloc(arena, (size_t)item->count, sizeof(*partitions));
        if (partitions == NULL)
            return ERR_OUT_OF_MEMORY;
        item->partitions = partitions;
        TAILQ_FOREACH (partition, &consumer->partitions, next)
            if (is_owned(partition, topic))
                *partitions++ = partition->index;
        owned->count++;
    }
    return ERR_NONE;
}

enum error group_describe(struct barnabas_consumer *consumer, struct arena *arena,
                          struct subscription *subscription) NO_THREAD_ANALYSIS {
    const struct consumer_group *group = &consumer->group;
    struct bytes *topics = arena_alloc(arena, group->topic_count + 1, sizeof(*topics));

    if (topics == NULL)
        return ERR_OUT_OF_MEMORY;
    for (size_t i = 0; i < group->topic_count; i++) {
        topics[i] = arena_copy(arena, bytes_of_text(group->topics[i]));
        if (bytes_is_null(topics[i]))
            return ERR_OUT_OF_MEMORY;
    }
    subscription->topics = topics;
    subscription->topic_count = (int32_t)group->topic_count;
    subscription->generation_id = group->membership.generation_id;
    return describe_owned(consumer, arena, &subscription->owned);
}

/* --- topics ------------------------------------------------------------------------------- */

struct matching {
    const struct consumer_group *group;
    bool exclude_internal;
    char **names;
    size_t count;
    size_t capacity;
    bool failed;
};

static bool pattern_matches(const regex_t *pattern, const char *name) {
    regmatch_t match;

    return regexec(pattern, name, 1, &match, 0) == 0 && match.rm_so == 0 &&
           name[match.rm_eo] == '\0';
}

static void match_topic(void *context, const struct view_topic *topic) {
    struct matching *matching = context;
    bool internal = strcmp(topic->name, "__consumer_offsets") == 0 ||
                    strcmp(topic->name, "__transaction_state") == 0;

    if (matching->failed || (internal && matching->exclude_internal) ||
        !pattern_matches(&matching->group->pattern, topic->name))
        return;
    if (matching->count == matching->capacity) {
        size_t capacity = matching->capacity * 2 + 8;
        char **names = reallocarray(matching->names, capacity, sizeof(*names));

        matching->failed = names == NULL;
        if (names == NULL)
            return;
        matching->names = names;
        matching->capacity = capacity;
    }
    matching->names[matching->count] = strdup(topic->name);
    matching->failed = matching->names[matching->count] == NULL;
    matching->count += !matching->failed;
}

static int text_order(const void *left, const void *right) {
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static bool same_topics(const struct consumer_group *group, const struct matching *matching) {
    if (group->topic_count != matching->count)
        return false;
    for (size_t i = 0; i < matching->count; i++)
        if (strcmp(group->topics[i], matching->names[i]) != 0)
            return false;
    return true;
}

/* What the pattern matches now. Other topics than before ask for a new generation. False while
 * nothing can be said. */
static bool update_matches(struct barnabas_consumer *consumer) REQUIRES(consumer->lock) {
    struct consumer_group *group = &consumer->group;
    struct matching matching = {.group = group,
                                .exclude_internal = consumer->settings->exclude_internal_topics};

    if (!cluster_knows_all_topics(consumer->handle.cluster))
        return false;
    view_each_topic(cluster_view(consumer->handle.cluster), match_topic, &matching);
    if (matching.count > 0)
        qsort(matching.names, matching.count, sizeof(*matching.names), text_order);
    if (!matching.failed && !same_topics(group, &matching)) {
        char **names = group->topics;
        size_t count = group->topic_count;

        group->topics = matching.names;
        group->topic_count = matching.count;
        matching.names = names;
        matching.count = count;
        membership_rejoin(&group->membership);
    }
    for (size_t i = 0; i < matching.count; i++)
        free(matching.names[i]);
    free(matching.names);
    return !matching.failed;
}

/* Whether the member knows what it wants. */
static bool update_topics(struct barnabas_consumer *consumer) {
    struct consumer_group *group = &consumer->group;
    bool has_pattern;
    bool known = true;

    mutex_lock(&consumer->lock);
    has_pattern = group->subscribed && group->has_pattern;
    mutex_unlock(&consumer->lock);
    cluster_want_all_topics(consumer->handle.cluster, has_pattern);
    if (!has_pattern)
        return true;
    mutex_lock(&consumer->lock);
    if (group->subscribed && group->has_pattern)
        known = update_matches(consumer);
    mutex_unlock(&consumer->lock);
    return known;
}

enum error group_watch(struct barnabas_consumer *consumer, const struct assignor_topic *topics,
                       size_t count) {
    struct consumer_group *group = &consumer->group;

    forget_watched(group);
    group->watched = calloc(count + 1, sizeof(*group->watched));
    if (group->watched == NULL)
        return ERR_OUT_OF_MEMORY;
    for (size_t i = 0; i < count; i++) {
        group->watched[i].name = strndup((const char *)topics[i].name.data, topics[i].name.size);
        group->watched[i].partition_count = topics[i].partition_count;
        if (group->watched[i].name == NULL)
            return ERR_OUT_OF_MEMORY;
        group->watched_count++;
    }
    return ERR_NONE;
}

/* Whether a topic has other partitions than the leader's assignment knew of. */
static bool watched_has_changed(const struct barnabas_consumer *consumer) {
    const struct consumer_group *group = &consumer->group;

    for (size_t i = 0; i < group->watched_count; i++) {
        const struct view_topic *seen =
            view_topic(cluster_view(consumer->handle.cluster), group->watched[i].name);

        if (seen != NULL && seen->partition_count != group->watched[i].partition_count &&
            (seen->error == ERR_NONE || seen->error == ERR_UNKNOWN_TOPIC_OR_PARTITION))
            return true;
    }
    return false;
}

/* --- the turn ----------------------------------------------------------------------------- */

static struct consumed_partition *owned_find(struct barnabas_consumer *consumer, struct bytes topic,
                                             int32_t index) REQUIRES(consumer->lock) {
    struct consumed_partition *partition;

    TAILQ_FOREACH (partition, &consumer->partitions, next)
        if (partition->owned && partition->index == index &&
            bytes_equal_text(topic, partition->topic->name))
            return partition;
    return NULL;
}

/* The partitions of the assignment that we do not have yet. NULL if memory is out. */
static struct group_offsets *added_partitions(struct barnabas_consumer *consumer)
    REQUIRES(consumer->lock) {
    const struct partition_list *list = &consumer->group.round.assignment.partitions;
    struct arena *arena = &consumer->group.round.arena;
    struct barnabas_offset *items;
    size_t count = 0;

    for (int32_t i = 0; i < list->count; i++)
        count += (size_t)list->topics[i].count;
    items = arena_alloc(arena, count + 1, sizeof(*items));
    if (items == NULL)
        return NULL;
    count = 0;
    for (int32_t i = 0; i < list->count; i++) {
        const char *name = (const char *)arena_copy(arena, list->topics[i].topic).data;

        for (int32_t j = 0; name != NULL && j < list->topics[i].count; j++)
            if (owned_find(consumer, list->topics[i].topic, list->topics[i].partitions[j]) == NULL)
                items[count++] = (struct barnabas_offset){
                    .topic = name, .partition = list->topics[i].partitions[j], .leader_epoch = -1};
    }
    return group_offsets_new(consumer, items, count);
}

static void fetched_done(struct group_call *call, enum error error) {
    struct barnabas_consumer *consumer = call->consumer;
    struct consumer_group *group = &consumer->group;

    mutex_lock(&consumer->lock);
    if (error == ERR_NONE) {
        group->round.step = ADOPTION_READY;
        condition_broadcast(&consumer->changed);
    } else {
        group->round.step = ADOPTION_NONE; /* and again */
        membership_on_refusal(&group->membership, error, group->membership.generation_id);
        if (group->membership.state == MEMBERSHIP_ADOPTING)
            membership_fail(&group->membership, error);
    }
    mutex_unlock(&consumer->lock);
    fetcher_wake(consumer);
}

/* A new assignment: what is new in it is read from where the group has come to. */
static void begin_adoption(struct barnabas_consumer *consumer) {
    struct consumer_group *group = &consumer->group;
    struct group_round *round = &group->round;

    stop_fetching(round);
    mutex_lock(&consumer->lock);
    round->fetched = added_partitions(consumer);
    if (round->fetched != NULL && round->fetched->count == 0) {
        round->step = ADOPTION_READY;
        condition_broadcast(&consumer->changed);
    } else if (round->fetched != NULL) {
        round->step = ADOPTION_FETCHING;
    }
    mutex_unlock(&consumer->lock);
    if (round->fetched == NULL || round->fetched->count == 0)
        return;
    round->fetched->call.done = fetched_done;
    round->fetched->deadline_ms = INT64_MAX;
    group_fetch_start(round->fetched);
}

static bool owns_nothing(const struct barnabas_consumer *consumer) {
    const struct consumed_partition *partition;

    TAILQ_FOREACH (partition, &consumer->partitions, next)
        if (partition->owned)
            return false;
    return true;
}

/* What there is to do, leaving out what needs nobody. */
static enum membership_need next_need(struct barnabas_consumer *consumer, int64_t now_ms,
                                      int64_t *at_ms) REQUIRES(consumer->lock) {
    struct consumer_group *group = &consumer->group;
    struct membership *membership = &group->membership;
    enum membership_need need = membership_next(membership, now_ms, at_ms);

    /* Who is taking over an assignment must have finished first. */
    if (need == MEMBERSHIP_NEEDS_PREPARATION && group->round.step != ADOPTION_TAKEN &&
        (owns_nothing(consumer) || (group->cooperative && !membership->lost))) {
        membership_prepared(membership);
        need = membership_next(membership, now_ms, at_ms);
    }
    if (need == MEMBERSHIP_NEEDS_PREPARATION ||
        (membership->state == MEMBERSHIP_FAILED && membership->lost))
        condition_broadcast(&consumer->changed);
    if (need == MEMBERSHIP_NEEDS_JOIN || need == MEMBERSHIP_NEEDS_LEAVE ||
        need == MEMBERSHIP_NEEDS_HEARTBEAT)
        membership_begin(membership, need);
    return need;
}

static void act(struct barnabas_consumer *consumer, enum membership_need need) {
    switch (need) {
    case MEMBERSHIP_NEEDS_JOIN:
        group_call_cancel(&consumer->group.join);
        group_call_cancel(&consumer->group.sync);
        forget_watched(&consumer->group);
        group_join(consumer);
        break;
    case MEMBERSHIP_NEEDS_SYNC:
        group_sync(consumer);
        break;
    case MEMBERSHIP_NEEDS_HEARTBEAT:
        group_heartbeat(consumer);
        break;
    case MEMBERSHIP_NEEDS_LEAVE:
        group_leave(consumer);
        break;
    case MEMBERSHIP_NEEDS_ADOPTION:
    case MEMBERSHIP_NEEDS_PREPARATION:
    case MEMBERSHIP_NEEDS_NOTHING:
        break;
    }
}

void group_run(struct barnabas_consumer *consumer, int64_t now_ms, int64_t *at_ms) {
    struct consumer_group *group = &consumer->group;
    enum membership_need need;
    bool changed;
    bool adopts;

    if (!group->enabled)
        return;
    group_commit_next(consumer);
    if (!update_topics(consumer))
        return;
    changed = watched_has_changed(consumer);
    if (changed)
        forget_watched(group);
    mutex_lock(&consumer->lock);
    if (changed)
        membership_rejoin(&group->membership);
    need = next_need(consumer, now_ms, at_ms);
    adopts = group->membership.state == MEMBERSHIP_ADOPTING && group->round.step == ADOPTION_NONE;
    mutex_unlock(&consumer->lock);
    act(consumer, need);
    if (adopts)
        begin_adoption(consumer);
}

/* The public functions of groups. */
#include <stdlib.h>
#include <string.h>

#include "client/base/clock.h"
#include "client/consumer/consumer.h"

#define TOPIC_NAME_MAX 249

/* --- subscribing -------------------------------------------------------------------------- */

static int text_order(const void *left, const void *right) {
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static void free_names(char **names, size_t count) {
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    free(names);
}

/* In order, each once. */
static enum error copy_names(const char *const *topics, size_t count, char ***copied,
                             size_t *copied_count) {
    char **names = calloc(count + 1, sizeof(*names));
    size_t used = 0;

    if (names == NULL)
        return ERR_OUT_OF_MEMORY;
    for (size_t i = 0; i < count; i++) {
        names[i] = strdup(topics[i]);
        if (names[i] == NULL) {
            free_names(names, i);
            return ERR_OUT_OF_MEMORY;
        }
    }
    qsort(names, count, sizeof(*names), text_order);
    for (size_t i = 0; i < count; i++)
        if (used > 0 && strcmp(names[used - 1], names[i]) == 0)
            free(names[i]);
        else
            names[used++] = names[i];
    *copied = names;
    *copied_count = used;
    return ERR_NONE;
}

/* `names` become the group's; a pattern is copied as it is. */
static void set_subscription(struct barnabas_consumer *consumer, char **names, size_t count,
                             const regex_t *pattern, barnabas_rebalanced *rebalanced,
                             void *context) {
    struct consumer_group *group = &consumer->group;

    mutex_lock(&consumer->lock);
    group_forget_topics(group);
    if (group->has_pattern)
        regfree(&group->pattern);
    group->has_pattern = pattern != NULL;
    if (pattern != NULL)
        group->pattern = *pattern;
    group->topics = names;
    group->topic_count = count;
    group->subscribed = true;
    group->rebalanced = rebalanced;
    group->rebalanced_context = context;
    membership_subscribe(&group->membership);
    if (!group->polling)
        membership_poll_ended(&group->membership, clock_monotonic_ms(clock_system()));
    mutex_unlock(&consumer->lock);
    fetcher_wake(consumer);
}

int barnabas_consumer_subscribe(struct barnabas_consumer *consumer, const char *const *topics,
                                size_t count, barnabas_rebalanced *rebalanced, void *context) {
    char **names;
    size_t name_count;
    enum error error;

    if (!consumer->group.enabled)
        return ERR_INVALID_GROUP_ID;
    for (size_t i = 0; i < count; i++)
        if (topics[i] == NULL || topics[i][0] == '\0' || strlen(topics[i]) > TOPIC_NAME_MAX)
            return ERR_INVALID_TOPIC_EXCEPTION;
    if ((error = copy_names(topics, count, &names, &name_count)) != ERR_NONE)
        return error;
    set_subscription(consumer, names, name_count, NULL, rebalanced, context);
    return ERR_NONE;
}

int barnabas_consumer_subscribe_pattern(struct barnabas_consumer *consumer, const char *pattern,
                                        barnabas_rebalanced *rebalanced, void *context,
                                        struct barnabas_reason *reason) {
    regex_t compiled;
    int failure;

    if (!consumer->group.enabled)
        return ERR_INVALID_GROUP_ID;
    failure = regcomp(&compiled, pattern, REG_EXTENDED);
    if (failure != 0) {
        char text[sizeof(reason->text)];

        regerror(failure, &compiled, text, sizeof(text));
        reason_set(reason, text);
        return failure == REG_ESPACE ? ERR_OUT_OF_MEMORY : ERR_INVALID_REGULAR_EXPRESSION;
    }
    set_subscription(consumer, NULL, 0, &compiled, rebalanced, context);
    return ERR_NONE;
}

int barnabas_consumer_unsubscribe(struct barnabas_consumer *consumer) {
    struct consumer_group *group = &consumer->group;
    bool subscribed;
    bool lost;

    mutex_lock(&consumer->lock);
    subscribed = group->subscribed;
    lost = group->membership.lost;
    mutex_unlock(&consumer->lock);
    if (!subscribed)
        return ERR_NONE;
    group_give_up(consumer, lost ? BARNABAS_REBALANCE_LOST : BARNABAS_REBALANCE_REVOKED);
    mutex_lock(&consumer->lock);
    group->subscribed = false;
    membership_unsubscribe(&group->membership);
    mutex_unlock(&consumer->lock);
    fetcher_wake(consumer);
    return ERR_NONE;
}

static bool has_unfinished(const struct consumer_group *group) {
    return group->membership.state == MEMBERSHIP_LEAVING || group->committing != NULL ||
           !TAILQ_EMPTY(&group->commits);
}

void group_close(struct barnabas_consumer *consumer) {
    struct consumer_group *group = &consumer->group;
    int64_t deadline_ms = handle_deadline(consumer->settings->request_timeout_ms);
    bool in_time = true;

    if (!group->enabled)
        return;
    (void)barnabas_consumer_unsubscribe(consumer); /* gives no error */
    mutex_lock(&consumer->lock);
    while (in_time && has_unfinished(group))
        in_time = condition_wait(&consumer->changed, &consumer->lock, deadline_ms);
    mutex_unlock(&consumer->lock);
    group_run_callbacks(consumer);
}

void barnabas_consumer_assignment(struct barnabas_consumer *consumer,
                                  struct barnabas_topic_partition *partitions, size_t capacity,
                                  size_t *count) {
    const struct consumed_partition *partition;
    size_t found = 0;

    mutex_lock(&consumer->lock);
    TAILQ_FOREACH (partition, &consumer->partitions, next) {
        if (!partition->owned)
            continue;
        if (found < capacity)
            partitions[found] =
                (struct barnabas_topic_partition){partition->topic->name, partition->index};
        found++;
    }
    mutex_unlock(&consumer->lock);
    *count = found;
}

/* --- the group's book --------------------------------------------------------------------- */

enum error group_commit_wait(struct barnabas_consumer *consumer, struct group_offsets *offsets,
                             int64_t deadline_ms) {
    struct consumer_group *group = &consumer->group;
    struct group_offsets *queued;
    bool in_time = true;
    enum error error;

    offsets->waited_for = true;
    offsets->deadline_ms = deadline_ms;
    group_commit_add(consumer, offsets);
    mutex_lock(&consumer->lock);
    while (in_time && !offsets->over)
        in_time = condition_wait(&consumer->changed, &consumer->lock, deadline_ms);
    TAILQ_FOREACH (queued, &group->commits, next)
        if (queued == offsets)
            break;
    if (queued != NULL) {
        TAILQ_REMOVE(&group->commits, offsets, next);
        offsets->over = true;
        offsets->error = ERR_REQUEST_TIMED_OUT;
    }
    /* One that was begun ends by itself when its time is up. */
    while (!offsets->over)
        (void)condition_wait(&consumer->changed, &consumer->lock, INT64_MAX);
    error = offsets->error;
    mutex_unlock(&consumer->lock);
    group_tell_committed(consumer, offsets, error);
    group_offsets_free(offsets);
    return error;
}

/* The lines to commit, or all that was polled. */
static enum error offsets_to_commit(struct barnabas_consumer *consumer,
                                    const struct barnabas_offset *items, size_t count,
                                    struct group_offsets **offsets) {
    if (!consumer->group.enabled)
        return ERR_INVALID_GROUP_ID;
    for (size_t i = 0; items != NULL && i < count; i++)
        if (items[i].topic == NULL || items[i].partition < 0 || items[i].offset < 0)
            return ERR_INVALID_REQUEST;
    *offsets =
        items == NULL ? group_offsets_polled(consumer) : group_offsets_new(consumer, items, count);
    return *offsets == NULL ? ERR_OUT_OF_MEMORY : ERR_NONE;
}

int barnabas_consumer_commit(struct barnabas_consumer *consumer,
                             const struct barnabas_offset *items, size_t count,
                             int64_t timeout_ms) {
    struct group_offsets *offsets;
    enum error error = offsets_to_commit(consumer, items, count, &offsets);

    if (error != ERR_NONE)
        return error;
    return group_commit_wait(consumer, offsets, handle_deadline(timeout_ms));
}

int barnabas_consumer_commit_async(struct barnabas_consumer *consumer,
                                   const struct barnabas_offset *items, size_t count,
                                   barnabas_committed *committed, void *context) {
    struct group_offsets *offsets;
    enum error error = offsets_to_commit(consumer, items, count, &offsets);

    if (error != ERR_NONE)
        return error;
    offsets->committed = committed;
    offsets->context = context;
    offsets->deadline_ms = handle_deadline(consumer->settings->request_timeout_ms);
    group_commit_add(consumer, offsets);
    return ERR_NONE;
}

static void asked_done(struct group_call *call, enum error error) {
    struct group_offsets *offsets = CONTAINER_OF(call, struct group_offsets, call);
    struct barnabas_consumer *consumer = call->consumer;

    mutex_lock(&consumer->lock);
    offsets->error = error;
    offsets->over = true;
    condition_broadcast(&consumer->changed);
    mutex_unlock(&consumer->lock);
}

static void ask_now(void *context) {
    group_fetch_start(context);
}

static void take_answers(struct barnabas_offset *items, size_t count,
                         const struct group_offsets *offsets) {
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < offsets->count; j++) {
            const struct barnabas_offset *found = &offsets->items[j];

            if (found->partition != items[i].partition || strcmp(found->topic, items[i].topic) != 0)
                continue;
            items[i].offset = found->offset;
            items[i].leader_epoch = found->leader_epoch;
            items[i].error = found->error;
            items[i].metadata = found->metadata;
        }
}

int barnabas_consumer_committed(struct barnabas_consumer *consumer, struct barnabas_offset *items,
                                size_t count, int64_t timeout_ms) {
    struct group_offsets *offsets;
    struct group_offsets *before;
    enum error error;

    if (!consumer->group.enabled)
        return ERR_INVALID_GROUP_ID;
    for (size_t i = 0; i < count; i++)
        if (items[i].topic == NULL || items[i].partition < 0)
            return ERR_INVALID_REQUEST;
    offsets = group_offsets_new(consumer, items, count);
    if (offsets == NULL)
        return ERR_OUT_OF_MEMORY;
    offsets->deadline_ms = handle_deadline(timeout_ms);
    offsets->call.done = asked_done;
    handle_run(&consumer->handle, ask_now, offsets);
    mutex_lock(&consumer->lock);
    while (!offsets->over) /* the call has a deadline */
        (void)condition_wait(&consumer->changed, &consumer->lock, INT64_MAX);
    error = offsets->error;
    mutex_unlock(&consumer->lock);
    if (error == ERR_NONE)
        take_answers(items, count, offsets);
    mutex_lock(&consumer->lock);
    before = consumer->group.told;
    consumer->group.told = offsets; /* the lines point into it */
    mutex_unlock(&consumer->lock);
    group_offsets_free(before);
    return error;
}

/* --- the place in the group ---------------------------------------------------------------- */

static char *append_text(char *at, const char *text, const char **copy) {
    size_t size = strlen(text) + 1;

    *copy = memcpy(at, text, size);
    return at + size;
}

static struct barnabas_group_metadata *group_metadata_new(const struct settings *s,
                                                          const struct membership *membership) {
    struct barnabas_group_metadata *metadata =
        calloc(1, sizeof(*metadata) + strlen(s->group_id) + strlen(membership->member_id) +
                      strlen(s->group_instance_id) + 3);
    char *at = (char *)(metadata + 1);

    if (metadata == NULL)
        return NULL;
    metadata->generation_id = membership->generation_id;
    at = append_text(at, s->group_id, &metadata->group_id);
    at = append_text(at, membership_has_place(membership) ? membership->member_id : "",
                     &metadata->member_id);
    if (s->group_instance_id[0] != '\0' && membership_has_place(membership))
        append_text(at, s->group_instance_id, &metadata->instance_id);
    return metadata;
}

int barnabas_consumer_group_metadata(struct barnabas_consumer *consumer,
                                     struct barnabas_group_metadata **metadata) {
    const struct consumer_group *group = &consumer->group;
    struct barnabas_group_metadata *found = NULL;
    bool may_tell;

    if (!group->enabled)
        return ERR_INVALID_GROUP_ID;
    mutex_lock(&consumer->lock);
    /* Without a generation a coordinator would take anything: of a member that has lost its place,
     * nothing must be taken. */
    may_tell =
        !group->subscribed || (membership_has_place(&group->membership) && !group->membership.lost);
    if (may_tell)
        found = group_metadata_new(consumer->settings, &group->membership);
    mutex_unlock(&consumer->lock);
    if (!may_tell)
        return ERR_ILLEGAL_GENERATION;
    if (found == NULL)
        return ERR_OUT_OF_MEMORY;
    *metadata = found;
    return ERR_NONE;
}

void barnabas_group_metadata_free(struct barnabas_group_metadata *metadata) {
    free(metadata);
}

int barnabas_consumer_seek(struct barnabas_consumer *consumer, const char *topic, int32_t index,
                           struct barnabas_position position) {
    struct consumed_partition *partition;
    enum error error = ERR_INVALID_REQUEST;

    if (topic == NULL || !consumed_position_is_plausible(position))
        return ERR_INVALID_REQUEST;
    mutex_lock(&consumer->lock);
    partition = consumed_partition_find(consumer, topic, index);
    if (partition != NULL && partition->reader.state != READER_IDLE) {
        bool paused = partition->reader.paused;

        consumed_partition_assign(consumer, partition, position);
        partition->reader.paused = paused;
        error = ERR_NONE;
    }
    mutex_unlock(&consumer->lock);
    fetcher_wake(consumer);
    return error;
}

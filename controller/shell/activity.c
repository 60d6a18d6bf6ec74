#include "controller/shell/activity.h"

#include "controller/shell/shell.h"

static int64_t now_ns(const struct controller_shell *shell) {
    return shell->config.clock->monotonic_ns(shell->config.clock);
}

enum controller_activity controller_activity_of_request(enum controller_event_kind request) {
    switch ((int)request) {
    case CONTROLLER_EVENT_CREATE_TOPICS:
    case CONTROLLER_EVENT_CREATE_PARTITIONS:
        return CONTROLLER_ACTIVITY_TOPIC_CHANGE;
    case CONTROLLER_EVENT_DELETE_TOPICS:
        return CONTROLLER_ACTIVITY_TOPIC_DELETION;
    case CONTROLLER_EVENT_ALTER_PARTITION:
        return CONTROLLER_ACTIVITY_ISR_CHANGE;
    case CONTROLLER_EVENT_ELECT_LEADERS:
        return CONTROLLER_ACTIVITY_MANUAL_BALANCE;
    case CONTROLLER_EVENT_CONTROLLED_SHUTDOWN:
        return CONTROLLER_ACTIVITY_CONTROLLED_SHUTDOWN;
    case CONTROLLER_EVENT_ALTER_REASSIGNMENTS:
        return CONTROLLER_ACTIVITY_REASSIGNMENT;
    default:
        return CONTROLLER_ACTIVITY_IDLE;
    }
}

void controller_activity_tell(struct controller_shell *shell, enum controller_activity activity,
                              int64_t since_ns) {
    if (since_ns != 0 && activity != CONTROLLER_ACTIVITY_IDLE && shell->config.on_done != NULL)
        shell->config.on_done(shell->config.context, activity, now_ns(shell) - since_ns);
}

void controller_activity_begin(struct controller_shell *shell, enum controller_activity activity) {
    struct activities *activities = &shell->activities;

    if (activity == CONTROLLER_ACTIVITY_IDLE || !controller_is_active(shell->core))
        return;
    if (activities->since_ns[activity] == 0)
        activities->since_ns[activity] = now_ns(shell);
    if (activity == CONTROLLER_ACTIVITY_BROKER_CHANGE ||
        activity == CONTROLLER_ACTIVITY_DIRECTORY_CHANGE)
        activities->brokers_are_read = false;
}

static void end(struct controller_shell *shell, enum controller_activity activity) {
    int64_t since_ns = shell->activities.since_ns[activity];

    shell->activities.since_ns[activity] = 0;
    controller_activity_tell(shell, activity, since_ns);
}

void controller_activity_on_event(struct controller_shell *shell,
                                  const struct controller_event *event) {
    struct activities *activities = &shell->activities;

    switch ((int)event->kind) {
    case CONTROLLER_EVENT_BROKERS_READ:
        activities->brokers_are_read = true;
        break;
    case CONTROLLER_EVENT_BALANCE_TIMER:
        controller_activity_begin(shell, CONTROLLER_ACTIVITY_AUTO_BALANCE);
        break;
    case CONTROLLER_EVENT_TOPIC_CONFIG_READ: /* which may be due to what is allowed to all */
        if (activities->since_ns[CONTROLLER_ACTIVITY_UNCLEAN_ELECTIONS] == 0 &&
            bytes_equal_text(event->topic_config_read.unclean_leader_election_enable, "true"))
            controller_activity_begin(shell, CONTROLLER_ACTIVITY_TOPIC_UNCLEAN_ELECTIONS);
        break;
    case CONTROLLER_EVENT_CONTROLLER_READ: /* whoever else is elected ends our attempt */
        if (event->controller_read.exists && !event->controller_read.ours)
            activities->since_ns[CONTROLLER_ACTIVITY_CONTROLLER_CHANGE] = 0;
        break;
    }
}

void controller_activity_on_attempt(struct controller_shell *shell) {
    shell->activities.since_ns[CONTROLLER_ACTIVITY_CONTROLLER_CHANGE] = now_ns(shell);
}

void controller_activity_on_term(struct controller_shell *shell, bool active) {
    if (active)
        end(shell, CONTROLLER_ACTIVITY_CONTROLLER_CHANGE);
    shell->activities = (struct activities){0};
}

/* What begins by itself and ends with what is written. */
static const enum controller_activity ends_with_writes[] = {
    CONTROLLER_ACTIVITY_BROKER_CHANGE,           CONTROLLER_ACTIVITY_AUTO_BALANCE,
    CONTROLLER_ACTIVITY_DIRECTORY_CHANGE,        CONTROLLER_ACTIVITY_UNCLEAN_ELECTIONS,
    CONTROLLER_ACTIVITY_TOPIC_UNCLEAN_ELECTIONS,
};

static bool has_operation(const struct controller_shell *shell, enum controller_effect_kind kind) {
    const struct operation *operation;

    TAILQ_FOREACH (operation, &shell->operations, entry)
        if (operation->kind == kind)
            return true;
    return false;
}

/* Whether there is nothing left to be read from which writes could follow. */
static bool is_read(const struct controller_shell *shell, enum controller_activity activity) {
    switch ((int)activity) {
    case CONTROLLER_ACTIVITY_BROKER_CHANGE:
    case CONTROLLER_ACTIVITY_DIRECTORY_CHANGE:
        return shell->activities.brokers_are_read;
    case CONTROLLER_ACTIVITY_UNCLEAN_ELECTIONS:
        return !has_operation(shell, CONTROLLER_EFFECT_READ_TOPIC_CONFIG);
    default:
        return true;
    }
}

/* Also what else is being written is waited for: it may have come first. */
void controller_activity_on_progress(struct controller_shell *shell) {
    bool any = false;

    for (size_t i = 0; i < ARRAY_COUNT(ends_with_writes); i++)
        any = any || shell->activities.since_ns[ends_with_writes[i]] != 0;
    if (!any || has_operation(shell, CONTROLLER_EFFECT_WRITE))
        return;
    for (size_t i = 0; i < ARRAY_COUNT(ends_with_writes); i++)
        if (is_read(shell, ends_with_writes[i]))
            end(shell, ends_with_writes[i]);
}

/* What began by itself, or else the oldest request. */
static enum controller_activity present(const struct controller_shell *shell,
                                        enum controller_activity oldest_request,
                                        size_t topics_to_delete) {
    for (int i = 0; i < CONTROLLER_ACTIVITIES; i++)
        if (shell->activities.since_ns[i] != 0)
            return (enum controller_activity)i;
    if (oldest_request != CONTROLLER_ACTIVITY_IDLE)
        return oldest_request;
    return topics_to_delete > 0 ? CONTROLLER_ACTIVITY_TOPIC_DELETION : CONTROLLER_ACTIVITY_IDLE;
}

void controller_activity_on_step(struct controller_shell *shell, int64_t begun_ns,
                                 enum controller_activity oldest_request) {
    struct controller_report report = {.step_ns = now_ns(shell) - begun_ns};

    if (shell->config.on_step == NULL)
        return;
    controller_count_deletions(shell->core, &report.topics_to_delete, &report.replicas_to_delete);
    report.activity = present(shell, oldest_request, report.topics_to_delete);
    shell->config.on_step(shell->config.context, &report);
}

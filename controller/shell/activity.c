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

static void begin(struct activities *activities, enum controller_activity activity, int64_t now) {
    if (activities->since_ns[activity] == 0)
        activities->since_ns[activity] = now;
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
    case CONTROLLER_EVENT_BROKERS_CHANGED:
        if (!controller_is_active(shell->core))
            return;
        begin(activities, CONTROLLER_ACTIVITY_BROKER_CHANGE, now_ns(shell));
        activities->brokers_are_read = false;
        break;
    case CONTROLLER_EVENT_BROKERS_READ:
        activities->brokers_are_read = true;
        break;
    case CONTROLLER_EVENT_BALANCE_TIMER:
        if (controller_is_active(shell->core))
            begin(activities, CONTROLLER_ACTIVITY_AUTO_BALANCE, now_ns(shell));
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

/* Also what else is being written is waited for: it may have come first. */
void controller_activity_on_progress(struct controller_shell *shell) {
    struct activities *activities = &shell->activities;
    struct operation *operation;

    if (activities->since_ns[CONTROLLER_ACTIVITY_BROKER_CHANGE] == 0 &&
        activities->since_ns[CONTROLLER_ACTIVITY_AUTO_BALANCE] == 0)
        return;
    TAILQ_FOREACH (operation, &shell->operations, entry)
        if (operation->kind == CONTROLLER_EFFECT_WRITE)
            return;
    if (activities->brokers_are_read)
        end(shell, CONTROLLER_ACTIVITY_BROKER_CHANGE);
    end(shell, CONTROLLER_ACTIVITY_AUTO_BALANCE);
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

#include "controller/shell/controller_shell.h"

#include <stdlib.h>

#include "client/base/logger.h"
#include "controller/shell/shell.h"
#include "zk-schema/paths.h"

#include <uthash.h>

/* Somebody who waits for the answer to a request. */
struct pending_request {
    uint64_t token;
    enum controller_event_kind kind;
    int64_t begun_ns; /* monotonic; 0: this broker was not the controller */
    union {
        controller_create_topics_done *create_topics;
        controller_create_partitions_done *create_partitions;
        controller_delete_topics_done *delete_topics;
        controller_alter_partition_done *alter_partition;
        controller_elect_leaders_done *elect_leaders;
        controller_allocate_producer_ids_done *allocate_producer_ids;
        controller_controlled_shutdown_done *controlled_shutdown;
        controller_alter_reassignments_done *alter_reassignments;
    } done;
    void *context;
    UT_hash_handle hh;
};

/* ---- Operations */

void *controller_operation_new(struct controller_shell *shell,
                               const struct controller_effect *effect, size_t size) {
    struct operation *operation = calloc(1, size);

    CHECK(operation != NULL);
    operation->shell = shell;
    operation->session = shell->session;
    operation->kind = effect->kind;
    operation->term = effect->term;
    operation->token = effect->token;
    arena_init(&operation->arena, SIZE_MAX);
    TAILQ_INSERT_TAIL(&shell->operations, operation, entry);
    return operation;
}

bool controller_operation_is_wanted(const struct operation *operation, enum error error) {
    return operation->shell != NULL && operation->session == operation->shell->session &&
           error != ERR_CANCELLED;
}

struct controller_event controller_operation_answer(const struct operation *operation,
                                                    enum controller_event_kind kind) {
    return (struct controller_event){
        .kind = kind,
        .term = operation->term,
        .token = operation->token,
    };
}

void controller_operation_free(struct operation *operation) {
    if (operation->shell != NULL) {
        TAILQ_REMOVE(&operation->shell->operations, operation, entry);
        controller_activity_on_progress(operation->shell);
    }
    arena_done(&operation->arena);
    free(operation);
}

void *controller_operation_allocate(struct operation *operation, size_t count, size_t size) {
    void *memory = arena_alloc(&operation->arena, count == 0 ? 1 : count, size);

    CHECK(memory != NULL);
    return memory;
}

const char *controller_operation_text(struct operation *operation, struct bytes text) {
    char *copy = controller_operation_allocate(operation, text.size + 1, 1);

    if (text.size > 0)
        memcpy(copy, text.data, text.size);
    return copy;
}

/* ---- The timer */

static int64_t earlier(int64_t a, int64_t b) {
    if (a == 0 || b == 0)
        return a + b;
    return a < b ? a : b;
}

/* The process's timer serves all of ours: it is armed for the next. */
static void arm(struct controller_shell *shell) {
    int64_t at = earlier(earlier(shell->core_timer_at_ms, shell->retry_timer_at_ms),
                         shell->balance_timer_at_ms);
    int64_t now = clock_monotonic_ms(shell->config.clock);

    if (at == 0)
        shell->config.timer->cancel(shell->config.timer);
    else
        shell->config.timer->arm(shell->config.timer, at > now ? at - now : 0);
}

/* Never 0, which means "not armed". */
static int64_t deadline(struct controller_shell *shell, int64_t delay_ms) {
    return clock_monotonic_ms(shell->config.clock) + delay_ms + 1;
}

void controller_shell_arm_retry(struct controller_shell *shell, int64_t delay_ms) {
    int64_t at = deadline(shell, delay_ms);

    if (shell->retry_timer_at_ms == 0 || at < shell->retry_timer_at_ms)
        shell->retry_timer_at_ms = at;
    arm(shell);
}

/* Whether it was armed for now or earlier; then it is not armed any more. */
static bool is_due(int64_t *at_ms, int64_t now) {
    bool due = *at_ms != 0 && *at_ms <= now;

    if (due)
        *at_ms = 0;
    return due;
}

static void timer_expired(void *context) {
    struct controller_shell *shell = context;
    int64_t now = clock_monotonic_ms(shell->config.clock) + 1;

    if (is_due(&shell->retry_timer_at_ms, now))
        controller_reads_retry(shell);
    if (is_due(&shell->core_timer_at_ms, now))
        controller_shell_step(shell, &(struct controller_event){.kind = CONTROLLER_EVENT_TIMER});
    if (is_due(&shell->balance_timer_at_ms, now))
        controller_shell_step(shell,
                              &(struct controller_event){.kind = CONTROLLER_EVENT_BALANCE_TIMER});
    arm(shell);
}

/* ---- Effects */

static void reply(struct controller_shell *shell, const struct controller_effect *effect) {
    struct pending_request *pending;
    struct pending_request taken;

    HASH_FIND(hh, shell->requests, &effect->token, sizeof(effect->token), pending);
    CHECK(pending != NULL);
    HASH_DEL(shell->requests, pending);
    taken = *pending;
    free(pending);
    controller_activity_tell(shell, controller_activity_of_request(taken.kind), taken.begun_ns);
    switch ((int)effect->reply.request) {
    case CONTROLLER_EVENT_CREATE_TOPICS:
        taken.done.create_topics(taken.context, effect->reply.create_topics);
        break;
    case CONTROLLER_EVENT_CREATE_PARTITIONS:
        taken.done.create_partitions(taken.context, effect->reply.create_partitions);
        break;
    case CONTROLLER_EVENT_DELETE_TOPICS:
        taken.done.delete_topics(taken.context, effect->reply.delete_topics);
        break;
    case CONTROLLER_EVENT_ALTER_PARTITION:
        taken.done.alter_partition(taken.context, effect->reply.alter_partition);
        break;
    case CONTROLLER_EVENT_ELECT_LEADERS:
        taken.done.elect_leaders(taken.context, effect->reply.elect_leaders);
        break;
    case CONTROLLER_EVENT_ALLOCATE_PRODUCER_IDS:
        taken.done.allocate_producer_ids(taken.context, effect->reply.allocate_producer_ids);
        break;
    case CONTROLLER_EVENT_CONTROLLED_SHUTDOWN:
        taken.done.controlled_shutdown(taken.context, effect->reply.controlled_shutdown);
        break;
    case CONTROLLER_EVENT_ALTER_REASSIGNMENTS:
        taken.done.alter_reassignments(taken.context, effect->reply.alter_reassignments);
        break;
    default:
        CHECK(!"a reply to what was no request");
    }
}

static void announce_term(struct controller_shell *shell, bool active, int32_t epoch) {
    controller_activity_on_term(shell, active);
    if (active) {
        LOG_INFO("controller_term_begun", "broker=%d controller_epoch=%d", shell->config.broker_id,
                 epoch);
        controller_write_feature(shell);
    } else {
        LOG_INFO("controller_term_ended", "broker=%d", shell->config.broker_id);
    }
    if (shell->config.on_term != NULL)
        shell->config.on_term(shell->config.context, active, epoch);
}

/* Effects that call the process back, which may ask for the next thing at once. */
static bool calls_back(const struct controller_effect *effect) {
    return effect->kind == CONTROLLER_EFFECT_REPLY ||
           effect->kind == CONTROLLER_EFFECT_TERM_BEGUN ||
           effect->kind == CONTROLLER_EFFECT_TERM_ENDED;
}

static void call_back(struct controller_shell *shell, const struct controller_effect *effect) {
    if (effect->kind == CONTROLLER_EFFECT_REPLY)
        reply(shell, effect);
    else
        announce_term(shell, effect->kind == CONTROLLER_EFFECT_TERM_BEGUN, effect->term_epoch);
}

static void carry_out(struct controller_shell *shell, const struct controller_effect *effect) {
    switch ((int)effect->kind) {
    case CONTROLLER_EFFECT_ELECT:
        controller_activity_on_attempt(shell);
        controller_write_elect(shell, effect);
        break;
    case CONTROLLER_EFFECT_RELINQUISH:
        controller_write_relinquish(shell, effect);
        break;
    case CONTROLLER_EFFECT_WRITE:
        controller_write_multi(shell, effect);
        break;
    case CONTROLLER_EFFECT_WRITE_PRODUCER_IDS:
        controller_write_producer_ids(shell, effect);
        break;
    case CONTROLLER_EFFECT_ARM_TIMER:
        shell->core_timer_at_ms = deadline(shell, effect->delay_ms);
        arm(shell);
        break;
    case CONTROLLER_EFFECT_ARM_BALANCE_TIMER:
        shell->balance_timer_at_ms = deadline(shell, effect->delay_ms);
        arm(shell);
        break;
    default:
        controller_reads_begin(shell, effect);
        break;
    }
}

void controller_shell_step(struct controller_shell *shell, const struct controller_event *event) {
    int64_t begun_ns = shell->config.clock->monotonic_ns(shell->config.clock);
    struct controller_effects effects;

    controller_activity_on_event(shell, event);
    controller_effects_init(&effects);
    controller_step(shell->core, event, &effects);
    for (size_t i = 0; i < effects.count; i++)
        if (!calls_back(&effects.items[i]))
            carry_out(shell, &effects.items[i]);
    /* A callback may step the core again. By then all that was to be sent is sent, so that
     * ZooKeeper gets everything in the order of decisions. */
    for (size_t i = 0; i < effects.count; i++)
        if (calls_back(&effects.items[i]))
            call_back(shell, &effects.items[i]);
    controller_effects_done(&effects);
    controller_activity_on_progress(shell);
    controller_activity_on_step(shell, begun_ns,
                                shell->requests == NULL
                                    ? CONTROLLER_ACTIVITY_IDLE
                                    : controller_activity_of_request(shell->requests->kind));
}

/* ---- What happens */

enum error controller_shell_new(const struct controller_shell_config *config,
                                struct controller_shell **created) {
    struct controller_shell *shell = calloc(1, sizeof(*shell));
    struct controller_config core = {
        .broker_id = config->broker_id,
        .rng_seed = config->rng_seed,
        .unclean_leader_election_enable = config->unclean_leader_election_enable,
        .delete_topic_enable = config->delete_topic_enable,
        .auto_leader_rebalance_enable = config->auto_leader_rebalance_enable,
        .leader_imbalance_check_interval_ms = config->leader_imbalance_check_interval_ms,
        .leader_imbalance_per_broker_percentage = config->leader_imbalance_per_broker_percentage,
        .changes_retained = config->changes_retained,
        .test_without_fence = config->test_without_fence,
        .test_without_registrations_check = config->test_without_registrations_check,
    };

    if (shell == NULL)
        return ERR_OUT_OF_MEMORY;
    shell->config = *config;
    shell->core = controller_new(&core);
    shell->reads = controller_reads_new(shell);
    TAILQ_INIT(&shell->operations);
    config->timer->expired = timer_expired;
    config->timer->context = shell;
    *created = shell;
    return ERR_NONE;
}

static void simple_event(struct controller_shell *shell, enum controller_event_kind kind) {
    controller_shell_step(shell, &(struct controller_event){.kind = kind});
}

static void session_over(struct controller_shell *shell) {
    shell->session++;
    controller_reads_drop(shell);
    simple_event(shell, CONTROLLER_EVENT_SESSION_OVER);
}

void controller_shell_free(struct controller_shell *shell) {
    struct operation *operation;

    if (shell == NULL)
        return;
    session_over(shell); /* answers all requests */
    shell->config.timer->cancel(shell->config.timer);
    while ((operation = TAILQ_FIRST(&shell->operations)) != NULL) {
        TAILQ_REMOVE(&shell->operations, operation, entry);
        operation->shell = NULL; /* its completion frees it */
    }
    controller_reads_free(shell->reads);
    controller_free(shell->core);
    free(shell);
}

void controller_shell_broker_registered(struct controller_shell *shell, int64_t broker_epoch) {
    LOG_DEBUG("controller_stands", "broker=%d broker_epoch=%" PRId64, shell->config.broker_id,
              broker_epoch);
    simple_event(shell, CONTROLLER_EVENT_BROKER_REGISTERED);
}

void controller_shell_on_session(struct controller_shell *shell, enum zk_session_state state) {
    switch (state) {
    case ZK_SESSION_NEW:
    case ZK_SESSION_DISCONNECTED:
        break;
    case ZK_SESSION_RECONNECTED:
        controller_reads_retry(shell);
        break;
    case ZK_SESSION_EXPIRED:
    case ZK_SESSION_AUTH_FAILED:
        session_over(shell);
        break;
    }
}

void controller_shell_on_watch(struct controller_shell *shell, enum zk_event_kind kind,
                               const char *path) {
    static const struct {
        const char *path;
        enum controller_event_kind event;
        enum controller_activity activity; /* that begins; IDLE: is not timed from here on */
    } watched[] = {
        {PATH_CONTROLLER, CONTROLLER_EVENT_CONTROLLER_CHANGED, CONTROLLER_ACTIVITY_IDLE},
        {PATH_BROKER_IDS, CONTROLLER_EVENT_BROKERS_CHANGED, CONTROLLER_ACTIVITY_BROKER_CHANGE},
        {PATH_LOG_DIR_NOTIFICATION, CONTROLLER_EVENT_BROKERS_CHANGED,
         CONTROLLER_ACTIVITY_DIRECTORY_CHANGE},
        {PATH_TOPICS, CONTROLLER_EVENT_TOPICS_CHANGED, CONTROLLER_ACTIVITY_IDLE},
        {PATH_DELETE_TOPICS, CONTROLLER_EVENT_DELETE_TOPICS_CHANGED, CONTROLLER_ACTIVITY_IDLE},
        {PATH_PREFERRED_ELECTION, CONTROLLER_EVENT_PREFERRED_ELECTION_CHANGED,
         CONTROLLER_ACTIVITY_IDLE},
        {PATH_REASSIGN_PARTITIONS, CONTROLLER_EVENT_REASSIGN_PARTITIONS_CHANGED,
         CONTROLLER_ACTIVITY_IDLE},
    };

    (void)kind; /* whatever happened to it, it is read again */
    for (size_t i = 0; i < ARRAY_COUNT(watched); i++) {
        if (strcmp(path, watched[i].path) != 0)
            continue;
        controller_activity_begin(shell, watched[i].activity);
        simple_event(shell, watched[i].event);
    }
}

void controller_shell_on_topic_config(struct controller_shell *shell, struct bytes topic) {
    controller_shell_step(shell, &(struct controller_event){
                                     .kind = CONTROLLER_EVENT_TOPIC_CONFIG_CHANGED, .name = topic});
}

void controller_shell_on_unclean_default(struct controller_shell *shell, bool allowed) {
    if (allowed && !shell->config.unclean_leader_election_enable)
        controller_activity_begin(shell, CONTROLLER_ACTIVITY_UNCLEAN_ELECTIONS);
    shell->config.unclean_leader_election_enable = allowed;
    controller_shell_step(
        shell, &(struct controller_event){.kind = CONTROLLER_EVENT_UNCLEAN_DEFAULT_CHANGED,
                                          .unclean_allowed = allowed});
}

bool controller_shell_is_active(const struct controller_shell *shell) {
    return controller_is_active(shell->core);
}

int32_t controller_shell_epoch(const struct controller_shell *shell) {
    return controller_epoch(shell->core);
}

/* ---- Requests */

static struct pending_request *pending_new(struct controller_shell *shell,
                                           enum controller_event_kind kind, void *context) {
    struct pending_request *pending = calloc(1, sizeof(*pending));

    CHECK(pending != NULL);
    pending->token = ++shell->last_token;
    pending->kind = kind;
    if (controller_is_active(shell->core))
        pending->begun_ns = shell->config.clock->monotonic_ns(shell->config.clock);
    pending->context = context;
    HASH_ADD(hh, shell->requests, token, sizeof(pending->token), pending);
    return pending;
}

/* Each request is an event with its own token, whose reply finds `done` again. */
#define REQUEST(field_, event_kind_)                                                 \
    struct pending_request *pending = pending_new(shell, event_kind_, context);      \
    pending->done.field_ = done;                                                     \
    controller_shell_step(shell, &(struct controller_event){.kind = (event_kind_),   \
                                                            .token = pending->token, \
                                                            .field_ = request})

void controller_shell_create_topics(struct controller_shell *shell,
                                    const struct controller_create_topics_request *request,
                                    controller_create_topics_done *done, void *context) {
    REQUEST(create_topics, CONTROLLER_EVENT_CREATE_TOPICS);
}

void controller_shell_create_partitions(struct controller_shell *shell,
                                        const struct controller_create_partitions_request *request,
                                        controller_create_partitions_done *done, void *context) {
    REQUEST(create_partitions, CONTROLLER_EVENT_CREATE_PARTITIONS);
}

void controller_shell_delete_topics(struct controller_shell *shell,
                                    const struct controller_delete_topics_request *request,
                                    controller_delete_topics_done *done, void *context) {
    REQUEST(delete_topics, CONTROLLER_EVENT_DELETE_TOPICS);
}

void controller_shell_alter_partition(struct controller_shell *shell,
                                      const struct controller_alter_partition_request *request,
                                      controller_alter_partition_done *done, void *context) {
    REQUEST(alter_partition, CONTROLLER_EVENT_ALTER_PARTITION);
}

void controller_shell_elect_leaders(struct controller_shell *shell,
                                    const struct controller_elect_leaders_request *request,
                                    controller_elect_leaders_done *done, void *context) {
    REQUEST(elect_leaders, CONTROLLER_EVENT_ELECT_LEADERS);
}

void controller_shell_allocate_producer_ids(
    struct controller_shell *shell, const struct controller_allocate_producer_ids_request *request,
    controller_allocate_producer_ids_done *done, void *context) {
    REQUEST(allocate_producer_ids, CONTROLLER_EVENT_ALLOCATE_PRODUCER_IDS);
}

void controller_shell_controlled_shutdown(
    struct controller_shell *shell, const struct controller_controlled_shutdown_request *request,
    controller_controlled_shutdown_done *done, void *context) {
    REQUEST(controlled_shutdown, CONTROLLER_EVENT_CONTROLLED_SHUTDOWN);
}

void controller_shell_alter_reassignments(
    struct controller_shell *shell, const struct controller_alter_reassignments_request *request,
    controller_alter_reassignments_done *done, void *context) {
    REQUEST(alter_reassignments, CONTROLLER_EVENT_ALTER_REASSIGNMENTS);
}

bool controller_shell_for_each_reassignment(const struct controller_shell *shell,
                                            controller_visit_reassignment *visit, void *context) {
    if (!controller_is_active(shell->core))
        return false;
    controller_for_each_reassignment(shell->core, visit, context);
    return true;
}

void controller_shell_listed_reassignments(struct controller_shell *shell, int64_t ns) {
    if (shell->config.on_done != NULL)
        shell->config.on_done(shell->config.context, CONTROLLER_ACTIVITY_LIST_REASSIGNMENTS, ns);
}

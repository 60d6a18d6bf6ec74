#include "client/cluster/call.h"

#include <stdlib.h>

#include "client/cluster/backoff.h"

/* The first pause when a coordinator is at work on the transaction before, as the Java client's. */
#define CONCURRENT_BACKOFF_MS 20

/* Outlives a cancelled call until the connection lets go of it. */
struct call_sent {
    struct cluster_call *call; /* NULL: cancelled */
};

static void call_try(struct cluster_call *call);

static void call_stop(struct cluster_call *call) {
    if (call->sent != NULL)
        call->sent->call = NULL;
    call->sent = NULL;
    cluster_unlisten(call->cluster, &call->listener);
    loop_timer_done(&call->timer);
}

static void call_finish(struct cluster_call *call, enum error error) {
    call_stop(call);
    call->finished(call, error);
}

/* What to say when the time is up: a lost request must not look like one never made. */
static enum error timeout_error(const struct cluster_call *call) {
    if (call->outcome_unknown)
        return ERR_CONNECTION_LOST;
    if (call->last_error == ERR_NONE && cluster_trouble(call->cluster) != ERR_NONE)
        return cluster_trouble(call->cluster);
    return call->last_error == ERR_NONE ? ERR_REQUEST_TIMED_OUT : call->last_error;
}

static bool is_for_coordinator(const struct cluster_call *call, enum coordinator_kind *kind) {
    *kind =
        call->target == CALL_TRANSACTION_COORDINATOR ? COORDINATOR_TRANSACTION : COORDINATOR_GROUP;
    return call->target == CALL_GROUP_COORDINATOR || call->target == CALL_TRANSACTION_COORDINATOR;
}

/* These come from the right coordinator, which is busy. */
static bool is_coordinators_own(enum error error) {
    return error == ERR_COORDINATOR_LOAD_IN_PROGRESS || error == ERR_CONCURRENT_TRANSACTIONS ||
           error == ERR_UNKNOWN_TOPIC_OR_PARTITION;
}

static void call_again(struct cluster_call *call, enum error error) {
    const struct settings *s = cluster_settings(call->cluster);
    int64_t now_ms = cluster_now_ms(call->cluster);
    int64_t first_ms = s->retry_backoff_ms;
    enum coordinator_kind kind;

    call->last_error = error;
    call->failures++;
    /* The markers of the transaction before are being written, which is soon over. */
    if (error == ERR_CONCURRENT_TRANSACTIONS && first_ms > CONCURRENT_BACKOFF_MS)
        first_ms = CONCURRENT_BACKOFF_MS;
    call->retry_at_ms = now_ms + backoff_ms(cluster_rng(call->cluster), first_ms,
                                            s->retry_backoff_ms_max, call->failures);
    cluster_log_write(call->cluster, BARNABAS_LOG_INFO, "request_retried", "api=%s error=%s",
                      call->api->name, error_name(error));
    if (!is_for_coordinator(call, &kind))
        cluster_refresh(call->cluster);
    else if (!is_coordinators_own(error))
        cluster_forget_coordinator(call->cluster, kind, call->key);
    call_try(call);
}

static void call_on_response(void *context, enum error error, int16_t version,
                             struct wire_reader *body) {
    struct call_sent *sent = context;
    struct cluster_call *call = sent->call;

    free(sent);
    if (call == NULL)
        return;
    call->sent = NULL;
    if (error == ERR_NONE) {
        error = call->answered(call, version, body);
    } else {
        /* The connection was closed because its broker left or moved. */
        if (error == ERR_CANCELLED)
            error = ERR_CONNECTION_LOST;
        call->outcome_unknown |= error == ERR_CONNECTION_LOST;
    }
    if (error != ERR_NONE && error_is_retriable(error))
        call_again(call, error);
    else
        call_finish(call, error);
}

static struct connection *call_connection(struct cluster_call *call, enum error *error) {
    int32_t id = call->target;
    enum coordinator_kind kind;

    if (is_for_coordinator(call, &kind))
        return cluster_coordinator_connection(call->cluster, kind, call->key, error);
    if (id == CALL_ANY_BROKER)
        return cluster_any_connection(call->cluster);
    if (id == CALL_CONTROLLER) {
        id = view_controller_id(cluster_view(call->cluster));
        if (id < 0) {
            cluster_refresh(call->cluster);
            return NULL;
        }
    }
    return cluster_connection(call->cluster, id);
}

static void call_send(struct cluster_call *call, struct connection *connection, int64_t left_ms) {
    int64_t timeout_ms = call->answer_within_ms > 0
                             ? call->answer_within_ms
                             : cluster_settings(call->cluster)->request_timeout_ms;
    struct call_sent *sent = malloc(sizeof(*sent));

    if (sent == NULL) {
        call_finish(call, ERR_OUT_OF_MEMORY);
        return;
    }
    sent->call = call;
    call->sent = sent;
    loop_timer_arm(&call->timer, left_ms);
    connection_send(connection, call->api, call->version_max, call->request,
                    left_ms < timeout_ms ? left_ms : timeout_ms, true, call_on_response, sent);
}

static void call_try(struct cluster_call *call) {
    int64_t now_ms = cluster_now_ms(call->cluster);
    int64_t left_ms = call->deadline_ms - now_ms;
    int64_t pause_ms = call->retry_at_ms - now_ms;
    struct connection *connection;
    enum error error = ERR_NONE;

    if (left_ms <= 0) {
        call->outcome_unknown |= call->sent != NULL;
        call_finish(call, timeout_error(call));
        return;
    }
    if (call->sent != NULL)
        return;
    if (pause_ms > 0) {
        loop_timer_arm(&call->timer, pause_ms < left_ms ? pause_ms : left_ms);
        return;
    }
    connection = call_connection(call, &error);
    if (error != ERR_NONE)
        call_finish(call, error);
    else if (connection != NULL)
        call_send(call, connection, left_ms);
    else
        loop_timer_arm(&call->timer, left_ms);
}

static void call_on_change(struct cluster_listener *listener) {
    call_try(CONTAINER_OF(listener, struct cluster_call, listener));
}

static void call_on_timer(struct loop_timer *timer) {
    call_try(CONTAINER_OF(timer, struct cluster_call, timer));
}

void cluster_call_start(struct cluster *cluster, struct cluster_call *call) {
    call->cluster = cluster;
    call->sent = NULL;
    call->last_error = ERR_NONE;
    call->failures = 0;
    call->retry_at_ms = 0;
    call->outcome_unknown = false;
    call->listener.changed = call_on_change;
    cluster_listen(cluster, &call->listener);
    loop_timer_init(&call->timer, cluster_loop(cluster), call_on_timer);
    call_try(call);
}

void cluster_call_cancel(struct cluster_call *call) {
    call_stop(call);
}

bool cluster_call_is_idle(const struct cluster_call *call) {
    return call->sent == NULL && !call->outcome_unknown;
}

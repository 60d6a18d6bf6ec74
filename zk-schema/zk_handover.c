#include <stdlib.h>

#include "zk-schema/zk_client_internal.h"

void zk_hand_over(struct zk_client *client, struct item *item) {
    bool was_empty;

    mutex_lock(&client->inbox_lock);
    if (client->closed) { /* a request made while others are cancelled: it will be, too */
        mutex_unlock(&client->inbox_lock);
        return;
    }
    was_empty = STAILQ_EMPTY(&client->inbox);
    STAILQ_INSERT_TAIL(&client->inbox, item, next);
    /* The task is on its way from the first item until the list is taken, so it is posted once. */
    if (was_empty && !client->closing)
        executor_post(client->config.executor, &client->drain->task);
    mutex_unlock(&client->inbox_lock);
}

static enum error error_of(int code) {
    switch (code) {
    case ZOK:
        return ERR_NONE;
    case ZNONODE:
        return ERR_ZK_NO_NODE;
    case ZNODEEXISTS:
        return ERR_ZK_NODE_EXISTS;
    case ZBADVERSION:
        return ERR_ZK_BAD_VERSION;
    case ZNOTEMPTY:
        return ERR_ZK_NOT_EMPTY;
    case ZNOCHILDRENFOREPHEMERALS:
        return ERR_ZK_NO_CHILDREN_FOR_EPHEMERALS;
    case ZNOAUTH:
        return ERR_ZK_NO_AUTH;
    case ZAUTHFAILED:
        return ERR_ZK_AUTH_FAILED;
    case ZINVALIDACL:
        return ERR_ZK_INVALID_ACL;
    case ZRUNTIMEINCONSISTENCY:
        return ERR_ZK_NOT_ATTEMPTED;
    case ZSESSIONEXPIRED:
    case ZINVALIDSTATE:
    case ZCLOSING: /* a handle is closed once its session is over; at our own close: CANCELLED */
        return ERR_ZK_SESSION_EXPIRED;
    case ZCONNECTIONLOSS:
    case ZOPERATIONTIMEOUT:
        return ERR_ZK_OUTCOME_UNKNOWN;
    case ZSYSTEMERROR:
    case ZMARSHALLINGERROR:
        return ERR_OUT_OF_MEMORY;
    default:
        return ERR_ZK_REFUSED;
    }
}

static struct zk_stat stat_of(const struct Stat *stat) {
    return (struct zk_stat){.czxid = stat->czxid,
                            .mzxid = stat->mzxid,
                            .ctime_ms = stat->ctime,
                            .mtime_ms = stat->mtime,
                            .ephemeral_owner = stat->ephemeralOwner,
                            .version = stat->version,
                            .cversion = stat->cversion,
                            .child_count = stat->numChildren};
}

void zk_complete(struct request *request, int code, const struct Stat *stat) {
    request->result.error = error_of(code);
    if (code == ZOK && stat != NULL)
        request->result.stat = stat_of(stat);
    zk_hand_over(request->client, &request->item);
}

char *zk_must_copy(const void *data, size_t size) {
    char *copy = malloc(size + 1);

    CHECK(copy != NULL);
    memcpy(copy, data, size);
    copy[size] = '\0';
    return copy;
}

void zk_on_data(int code, const char *value, int size, const struct Stat *stat, const void *data) {
    struct request *request = (struct request *)(uintptr_t)data;

    if (code == ZOK && value != NULL && size >= 0) {
        request->text = zk_must_copy(value, (size_t)size);
        request->result.data = bytes_of(request->text, (size_t)size);
    }
    zk_complete(request, code, stat);
}

void zk_on_stat(int code, const struct Stat *stat, const void *data) {
    zk_complete((struct request *)(uintptr_t)data, code, stat);
}

void zk_on_children(int code, const struct String_vector *names, const struct Stat *stat,
                    const void *data) {
    struct request *request = (struct request *)(uintptr_t)data;

    if (code == ZOK && names != NULL) {
        size_t count = (size_t)names->count;
        request->names = calloc(count + 1, sizeof(*request->names));
        CHECK(request->names != NULL);
        for (size_t i = 0; i < count; i++)
            request->names[i] = zk_must_copy(names->data[i], strlen(names->data[i]));
        request->result.children = (const char *const *)request->names;
        request->result.child_count = count;
    }
    zk_complete(request, code, stat);
}

void zk_on_string(int code, const char *value, const void *data) {
    struct request *request = (struct request *)(uintptr_t)data;

    if (code == ZOK && value != NULL) {
        request->text = zk_must_copy(value, strlen(value));
        request->result.created_path = request->text;
    }
    zk_complete(request, code, NULL);
}

void zk_on_void(int code, const void *data) {
    zk_complete((struct request *)(uintptr_t)data, code, NULL);
}

/* Whether the answer says anything about single operations: the one that failed has the code of
 * the whole, those before it 0, those behind it ZRUNTIMEINCONSISTENCY. If the connection or the
 * request as a whole failed, all have its code. */
static bool has_op_results(const struct request *request, int code) {
    return code == ZOK || request->op_count == 1
               ? error_of(code) != ERR_ZK_OUTCOME_UNKNOWN &&
                     error_of(code) != ERR_ZK_SESSION_EXPIRED
               : request->op_results[0].err != request->op_results[request->op_count - 1].err;
}

void zk_on_multi(int code, const void *data) {
    struct request *request = (struct request *)(uintptr_t)data;

    if (has_op_results(request, code)) {
        for (size_t i = 0; i < request->op_count; i++) {
            struct zk_op_result *result = &request->results[i];
            result->error = error_of(request->op_results[i].err);
            if (code == ZOK && request->ops[i].type == ZOO_SETDATA_OP)
                result->stat = stat_of(&request->op_stats[i]);
            if (code == ZOK && request->op_paths[i] != NULL)
                result->created_path = request->op_paths[i];
        }
        request->result.ops = request->results;
        request->result.op_count = request->op_count;
    }
    zk_complete(request, code, NULL);
}

void zk_hand_over_session_event(struct session *session, zhandle_t *handle, int state) {
    struct session_event *event = calloc(1, sizeof(*event));

    CHECK(event != NULL);
    event->item.kind = ITEM_SESSION_EVENT;
    event->session = session;
    event->handle = handle;
    event->state = state;
    event->time_ms = clock_monotonic_ms(session->client->config.clock);
    zk_hand_over(session->client, &event->item);
}

void zk_on_event(zhandle_t *handle, int type, int state, const char *path, void *context) {
    struct session *session = context;
    struct watch_event *event;
    enum zk_event_kind kind;

    if (type == ZOO_SESSION_EVENT) {
        zk_hand_over_session_event(session, handle, state);
        return;
    }
    if (type == ZOO_CREATED_EVENT)
        kind = ZK_EVENT_CREATED;
    else if (type == ZOO_DELETED_EVENT)
        kind = ZK_EVENT_DELETED;
    else if (type == ZOO_CHANGED_EVENT)
        kind = ZK_EVENT_DATA;
    else if (type == ZOO_CHILD_EVENT)
        kind = ZK_EVENT_CHILDREN;
    else
        return;
    event = calloc(1, sizeof(*event) + strlen(path) + 1);
    CHECK(event != NULL);
    event->item.kind = ITEM_WATCH_EVENT;
    event->session = session;
    event->kind = kind;
    memcpy(event->path, path, strlen(path));
    zk_hand_over(session->client, &event->item);
}

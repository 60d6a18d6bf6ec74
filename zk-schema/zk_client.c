#include "zk-schema/zk_client.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <time.h>

#define THREADED /* the library's synchronous calls, for the opener */
#include <zookeeper/zookeeper.h>

#include "client/base/logger.h"
#include "client/base/sync.h"

#define REOPEN_WAIT_MS         1000
#define SEQUENCE_SUFFIX_SIZE   16
#define CHROOT_CONNECT_WAIT_MS 30000
#define AUTH_WAIT_MS           10
#define CHROOT_SIZE_MAX        512
/* What an operation takes in a request beside path and data, at most: headers and an ACL. */
#define OPERATION_EXTRA_BYTES 128

/* Who asks again when its request is cancelled would do so for ever. */
#define CANCEL_ROUNDS_MAX 100

/* One try at a session: the one context of all its watches. Made and opened by the opener, freed
 * by the executor behind the last item that names it. */
struct session {
    struct zk_client *client;
    zhandle_t *opened; /* opener */
    zhandle_t *handle; /* executor; the same, NULL before it is connected and ready */
    bool is_ready;     /* executor: the credentials are with the library */
    bool is_announced; /* executor: NEW was told */
    bool is_over;      /* executor: the opener has been told to close it */
};

/* Beside the library's states: the handle is set up; the handle is closed, and the session goes. */
enum { STATE_READY = 100001, STATE_CLOSED };

enum item_kind { ITEM_COMPLETION, ITEM_SESSION_EVENT, ITEM_WATCH_EVENT };

/* What the library's threads hand over to the executor. */
struct item {
    enum item_kind kind;
    STAILQ_ENTRY(item) next;
};

STAILQ_HEAD(item_list, item);

/* A request under way, and then its result. */
struct request {
    struct item item;
    TAILQ_ENTRY(request) next_outstanding; /* executor */
    struct zk_client *client;
    struct session *session; /* whose handle it was given to; NULL: none */
    zk_completion *done;
    void *context;
    struct zk_result result;
    char *text;    /* owns result.data or created_path */
    char **names;  /* owns result.children */
    zoo_op_t *ops; /* a multi's; written by the library until the completion */
    zoo_op_result_t *op_results;
    struct Stat *op_stats;
    char **op_paths;
    struct zk_op_result *results;
    size_t op_count;
};

TAILQ_HEAD(request_list, request);

struct session_event {
    struct item item;
    struct session *session;
    zhandle_t *handle;
    int state; /* ZOO_..._STATE or STATE_... */
    int64_t time_ms;
};

struct watch_event {
    struct item item;
    struct session *session;
    enum zk_event_kind kind;
    char path[];
};

enum command { COMMAND_NONE, COMMAND_OPEN, COMMAND_STOP };

/* The task that empties the inbox; outlives the client if it is posted when that is closed. */
struct drain {
    struct task task;
    struct zk_client *client; /* NULL: closed */
};

struct zk_client {
    struct zk zk; /* first */
    struct zk_client_config config;
    char *connect;
    char *chroot; /* "" or "/path" */
    char *digest_auth;
    struct drain *drain;
    struct request_list outstanding; /* executor: all whose completion was not called */
    struct session *current;    /* executor: announced and not over; NULL while there is none */
    int64_t session_id;         /* executor: of `current`; 0: none */
    int32_t session_timeout_ms; /* executor */
    int64_t deadline_ms;        /* executor, see zk_client_session_deadline_ms */

    struct mutex inbox_lock;
    struct item_list inbox; /* inbox_lock */
    bool closing;           /* inbox_lock: nobody drains any more */
    bool closed;            /* inbox_lock: nobody looks at it any more */

    pthread_t opener;
    pthread_mutex_t command_lock;
    pthread_cond_t command_changed;
    enum command command;         /* command_lock */
    struct session *to_be_closed; /* command_lock */
    int64_t open_delay_ms;        /* command_lock */
};

/* ---- From the library's threads to the executor ---- */

static void hand_over(struct zk_client *client, struct item *item) {
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

static void complete(struct request *request, int code, const struct Stat *stat) {
    request->result.error = error_of(code);
    if (code == ZOK && stat != NULL)
        request->result.stat = stat_of(stat);
    hand_over(request->client, &request->item);
}

static char *must_copy(const void *data, size_t size) {
    char *copy = malloc(size + 1);

    CHECK(copy != NULL);
    memcpy(copy, data, size);
    copy[size] = '\0';
    return copy;
}

static void on_data(int code, const char *value, int size, const struct Stat *stat,
                    const void *data) {
    struct request *request = (struct request *)(uintptr_t)data;

    if (code == ZOK && value != NULL && size >= 0) {
        request->text = must_copy(value, (size_t)size);
        request->result.data = bytes_of(request->text, (size_t)size);
    }
    complete(request, code, stat);
}

static void on_stat(int code, const struct Stat *stat, const void *data) {
    complete((struct request *)(uintptr_t)data, code, stat);
}

static void on_children(int code, const struct String_vector *names, const struct Stat *stat,
                        const void *data) {
    struct request *request = (struct request *)(uintptr_t)data;

    if (code == ZOK && names != NULL) {
        size_t count = (size_t)names->count;
        request->names = calloc(count + 1, sizeof(*request->names));
        CHECK(request->names != NULL);
        for (size_t i = 0; i < count; i++)
            request->names[i] = must_copy(names->data[i], strlen(names->data[i]));
        request->result.children = (const char *const *)request->names;
        request->result.child_count = count;
    }
    complete(request, code, stat);
}

static void on_string(int code, const char *value, const void *data) {
    struct request *request = (struct request *)(uintptr_t)data;

    if (code == ZOK && value != NULL) {
        request->text = must_copy(value, strlen(value));
        request->result.created_path = request->text;
    }
    complete(request, code, NULL);
}

static void on_void(int code, const void *data) {
    complete((struct request *)(uintptr_t)data, code, NULL);
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

static void on_multi(int code, const void *data) {
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
    complete(request, code, NULL);
}

static void hand_over_session_event(struct session *session, zhandle_t *handle, int state) {
    struct session_event *event = calloc(1, sizeof(*event));

    CHECK(event != NULL);
    event->item.kind = ITEM_SESSION_EVENT;
    event->session = session;
    event->handle = handle;
    event->state = state;
    event->time_ms = clock_monotonic_ms(session->client->config.clock);
    hand_over(session->client, &event->item);
}

static void on_event(zhandle_t *handle, int type, int state, const char *path, void *context) {
    struct session *session = context;
    struct watch_event *event;
    enum zk_event_kind kind;

    if (type == ZOO_SESSION_EVENT) {
        hand_over_session_event(session, handle, state);
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
    hand_over(session->client, &event->item);
}

/* ---- On the executor ---- */

static void request_free(struct request *request) {
    for (size_t i = 0; request->names != NULL && request->names[i] != NULL; i++)
        free(request->names[i]);
    for (size_t i = 0; i < request->op_count; i++) {
        free((char *)(uintptr_t)(request->ops[i].type == ZOO_CHECK_OP
                                     ? request->ops[i].check_op.path
                                 : request->ops[i].type == ZOO_CREATE_OP
                                     ? request->ops[i].create_op.path
                                 : request->ops[i].type == ZOO_SETDATA_OP
                                     ? request->ops[i].set_op.path
                                     : request->ops[i].delete_op.path));
        if (request->ops[i].type == ZOO_CREATE_OP)
            free((char *)(uintptr_t)request->ops[i].create_op.data);
        if (request->ops[i].type == ZOO_SETDATA_OP)
            free((char *)(uintptr_t)request->ops[i].set_op.data);
        free(request->op_paths[i]);
    }
    free(request->names);
    free(request->text);
    free(request->ops);
    free(request->op_results);
    free(request->op_stats);
    free(request->op_paths);
    free(request->results);
    free(request);
}

static void deliver_completion(struct request *request) {
    TAILQ_REMOVE(&request->client->outstanding, request, next_outstanding);
    request->done(request->context, &request->result);
    request_free(request);
}

/* The library forgets a few completions when a handle is closed (its completion thread may end
 * before they are queued). What arrived has been delivered by now, so the rest is ours to answer:
 * all requests of the session, or of any (NULL). Answers may ask anew, but not of that session. */
static void answer_forgotten(struct zk_client *client, const struct session *session,
                             enum error error) {
    struct request_list forgotten = TAILQ_HEAD_INITIALIZER(forgotten);
    struct zk_result result = {.error = error};
    struct request *request;
    struct request *next;

    for (request = TAILQ_FIRST(&client->outstanding); request != NULL; request = next) {
        next = TAILQ_NEXT(request, next_outstanding);
        if (session == NULL || request->session == session) {
            TAILQ_REMOVE(&client->outstanding, request, next_outstanding);
            TAILQ_INSERT_TAIL(&forgotten, request, next_outstanding);
        }
    }
    while ((request = TAILQ_FIRST(&forgotten)) != NULL) {
        TAILQ_REMOVE(&forgotten, request, next_outstanding);
        request->done(request->context, &result);
        request_free(request);
    }
}

static void command(struct zk_client *client, enum command next, struct session *dead,
                    int64_t open_delay_ms) {
    CHECK(pthread_mutex_lock(&client->command_lock) == 0);
    client->command = next;
    client->open_delay_ms = open_delay_ms;
    if (dead != NULL)
        client->to_be_closed = dead;
    CHECK(pthread_cond_signal(&client->command_changed) == 0);
    CHECK(pthread_mutex_unlock(&client->command_lock) == 0);
}

static void tell(struct zk_client *client, enum zk_session_state state) {
    client->zk.listener->on_session(client->zk.listener, state);
}

static void replace_session(struct zk_client *client, struct session *dead,
                            enum zk_session_state told) {
    bool is_heard_of = dead->is_announced || told == ZK_SESSION_AUTH_FAILED;

    dead->is_over = true;
    client->current = NULL;
    client->session_id = 0;
    client->deadline_ms = INT64_MIN;
    if (is_heard_of)
        tell(client, told);
    command(client, COMMAND_OPEN, dead, told == ZK_SESSION_AUTH_FAILED ? REOPEN_WAIT_MS : 0);
}

/* NEW waits for STATE_READY, so that no request goes out before the credentials. */
static void deliver_connected(struct zk_client *client, struct session *session) {
    bool is_new = !session->is_announced;

    if (!session->is_ready || session->handle == NULL)
        return;
    session->is_announced = true;
    client->current = session;
    client->session_id = zoo_client_id(session->handle)->client_id;
    client->session_timeout_ms = zoo_recv_timeout(session->handle);
    client->deadline_ms = INT64_MAX;
    LOG_INFO("zookeeper_connected", "session=0x%llx new=%s timeout_ms=%d",
             (unsigned long long)client->session_id, is_new ? "yes" : "no",
             client->session_timeout_ms);
    tell(client, is_new ? ZK_SESSION_NEW : ZK_SESSION_RECONNECTED);
}

/* The server may have heard of us last two thirds of the timeout ago: the library drops a
 * connection that is silent for so long. */
static void deliver_disconnected(struct zk_client *client, int64_t time_ms) {
    if (client->deadline_ms != INT64_MAX)
        return;
    client->deadline_ms = time_ms + client->session_timeout_ms / 3;
    LOG_WARN("zookeeper_disconnected", "session=0x%llx action=\"the library is reconnecting\"",
             (unsigned long long)client->session_id);
    tell(client, ZK_SESSION_DISCONNECTED);
}

static void deliver_session_event(struct zk_client *client, const struct session_event *event) {
    struct session *session = event->session;

    if (event->state == STATE_CLOSED) {
        answer_forgotten(client, session, ERR_ZK_SESSION_EXPIRED);
        free(session);
    } else if (session->is_over) {
        return;
    } else if (event->state == STATE_READY) {
        session->is_ready = true;
        deliver_connected(client, session);
    } else if (event->state == ZOO_CONNECTED_STATE) {
        session->handle = event->handle;
        if (client->current != session || client->deadline_ms != INT64_MAX)
            deliver_connected(client, session);
    } else if (event->state == ZOO_EXPIRED_SESSION_STATE) {
        LOG_WARN("zookeeper_session_expired", "action=\"a new session is being opened\"");
        replace_session(client, session, ZK_SESSION_EXPIRED);
    } else if (event->state == ZOO_AUTH_FAILED_STATE) {
        LOG_ERROR("zookeeper_auth_failed",
                  "action=\"check the credentials; trying again in %d ms\"", REOPEN_WAIT_MS);
        replace_session(client, session, ZK_SESSION_AUTH_FAILED);
    } else if (client->current == session) {
        deliver_disconnected(client, event->time_ms);
    } else {
        session->handle = NULL; /* lost again before it was ready */
    }
}

static void deliver(struct zk_client *client, struct item *item) {
    switch (item->kind) {
    case ITEM_COMPLETION:
        deliver_completion((struct request *)item);
        return;
    case ITEM_SESSION_EVENT:
        deliver_session_event(client, (struct session_event *)item);
        break;
    case ITEM_WATCH_EVENT: {
        struct watch_event *event = (struct watch_event *)item;
        if (client->current == event->session)
            client->zk.listener->on_watch(client->zk.listener, event->kind, event->path);
        break;
    }
    }
    free(item);
}

static void run_drain(struct task *task) {
    struct drain *drain = CONTAINER_OF(task, struct drain, task);
    struct zk_client *client = drain->client;
    struct item_list items = STAILQ_HEAD_INITIALIZER(items);
    struct item *item;

    if (client == NULL) {
        free(drain);
        return;
    }
    mutex_lock(&client->inbox_lock);
    STAILQ_CONCAT(&items, &client->inbox);
    mutex_unlock(&client->inbox_lock);
    while ((item = STAILQ_FIRST(&items)) != NULL) {
        STAILQ_REMOVE_HEAD(&items, next);
        deliver(client, item);
    }
}

/* ---- Requests ---- */

static struct zk_client *client_of(struct zk *zk) {
    return (struct zk_client *)zk;
}

static struct request *request_new(struct zk *zk, zk_completion *done, void *context) {
    struct request *request = calloc(1, sizeof(*request));

    CHECK(request != NULL);
    request->item.kind = ITEM_COMPLETION;
    request->client = client_of(zk);
    request->done = done;
    request->context = context;
    request->session = request->client->current;
    TAILQ_INSERT_TAIL(&request->client->outstanding, request, next_outstanding);
    return request;
}

/* ZooKeeper closes a connection that brings a larger request, and all other requests under way
 * are lost with it; so it must not get there. */
static bool is_too_large(struct request *request, size_t size) {
    if (size <= REQUEST_BYTES_MAX)
        return false;
    LOG_ERROR("zookeeper_request_too_large", "bytes=%zu max=%d", size, REQUEST_BYTES_MAX);
    request->result.error = ERR_ZK_REFUSED;
    hand_over(request->client, &request->item);
    return true;
}

static size_t operation_size(const struct zk_client *client, const char *path, struct bytes data) {
    return strlen(client->chroot) + strlen(path) + data.size + OPERATION_EXTRA_BYTES;
}

/* The library does not call the completion of a request that it refuses at once. */
static void check_sent(struct request *request, int code) {
    if (code != ZOK)
        complete(request, code, NULL);
}

static zhandle_t *handle_of(struct zk *zk) {
    return client_of(zk)->current == NULL ? NULL : client_of(zk)->current->handle;
}

static watcher_fn watcher(bool watch) {
    return watch ? on_event : NULL;
}

static void client_get(struct zk *zk, const char *path, bool watch, zk_completion *done,
                       void *context) {
    struct request *request = request_new(zk, done, context);
    zhandle_t *handle = handle_of(zk);

    check_sent(request, handle == NULL ? ZINVALIDSTATE
                                       : zoo_awget(handle, path, watcher(watch),
                                                   client_of(zk)->current, on_data, request));
}

static void client_exists(struct zk *zk, const char *path, bool watch, zk_completion *done,
                          void *context) {
    struct request *request = request_new(zk, done, context);
    zhandle_t *handle = handle_of(zk);

    check_sent(request, handle == NULL ? ZINVALIDSTATE
                                       : zoo_awexists(handle, path, watcher(watch),
                                                      client_of(zk)->current, on_stat, request));
}

static void client_children(struct zk *zk, const char *path, bool watch, zk_completion *done,
                            void *context) {
    struct request *request = request_new(zk, done, context);
    zhandle_t *handle = handle_of(zk);

    check_sent(request, handle == NULL
                            ? ZINVALIDSTATE
                            : zoo_awget_children2(handle, path, watcher(watch),
                                                  client_of(zk)->current, on_children, request));
}

/* Kafka's rule: with zookeeper.set.acl the creator may do all, and everybody may read what holds
 * no secrets. */
static const struct ACL_vector *acl_for(const struct zk_client *client, const char *path) {
    enum { READ = 1, ALL = 31 }; /* ZOO_PERM_*, which are no constant expressions */
    static struct ACL creator_and_world[] = {{ALL, {(char *)"auth", (char *)""}},
                                             {READ, {(char *)"world", (char *)"anyone"}}};
    static const struct ACL_vector readable = {2, creator_and_world};
    static const char *const secret[] = {"/config/users", "/config/brokers",
                                         "/delegation_token/tokens"};

    if (!client->config.set_acl || strcmp(path, "/consumers") == 0)
        return &ZOO_OPEN_ACL_UNSAFE;
    for (size_t i = 0; i < ARRAY_COUNT(secret); i++) {
        if (strncmp(path, secret[i], strlen(secret[i])) == 0)
            return &ZOO_CREATOR_ALL_ACL;
    }
    return &readable;
}

static int library_flags(int flags) {
    return (flags & ZK_EPHEMERAL ? ZOO_EPHEMERAL : 0) | (flags & ZK_SEQUENTIAL ? ZOO_SEQUENCE : 0);
}

static int data_size(struct bytes data) {
    return bytes_is_null(data) ? -1 : (int)data.size;
}

static void client_create(struct zk *zk, const char *path, struct bytes data, int flags,
                          zk_completion *done, void *context) {
    struct request *request = request_new(zk, done, context);
    zhandle_t *handle = handle_of(zk);

    if (is_too_large(request, operation_size(client_of(zk), path, data)))
        return;
    check_sent(request, handle == NULL ? ZINVALIDSTATE
                                       : zoo_acreate(handle, path, (const char *)data.data,
                                                     data_size(data), acl_for(client_of(zk), path),
                                                     library_flags(flags), on_string, request));
}

static void client_set(struct zk *zk, const char *path, struct bytes data, int32_t version,
                       zk_completion *done, void *context) {
    struct request *request = request_new(zk, done, context);
    zhandle_t *handle = handle_of(zk);

    if (is_too_large(request, operation_size(client_of(zk), path, data)))
        return;
    check_sent(request, handle == NULL ? ZINVALIDSTATE
                                       : zoo_aset(handle, path, (const char *)data.data,
                                                  data_size(data), version, on_stat, request));
}

static void client_remove(struct zk *zk, const char *path, int32_t version, zk_completion *done,
                          void *context) {
    struct request *request = request_new(zk, done, context);
    zhandle_t *handle = handle_of(zk);

    check_sent(request, handle == NULL ? ZINVALIDSTATE
                                       : zoo_adelete(handle, path, version, on_void, request));
}

static void client_sync(struct zk *zk, const char *path, zk_completion *done, void *context) {
    struct request *request = request_new(zk, done, context);
    zhandle_t *handle = handle_of(zk);

    check_sent(request,
               handle == NULL ? ZINVALIDSTATE : zoo_async(handle, path, on_string, request));
}

static void prepare_op(struct request *request, size_t index, const struct zk_op *op) {
    const struct zk_client *client = request->client;
    zoo_op_t *prepared = &request->ops[index];
    char *path = must_copy(op->path, strlen(op->path));
    char *data = bytes_is_null(op->data) ? NULL : must_copy(op->data.data, op->data.size);

    switch (op->kind) {
    case ZK_OP_CHECK:
        free(data);
        zoo_check_op_init(prepared, path, op->version);
        break;
    case ZK_OP_CREATE: {
        size_t size = strlen(path) + SEQUENCE_SUFFIX_SIZE;
        request->op_paths[index] = calloc(1, size);
        CHECK(request->op_paths[index] != NULL);
        zoo_create_op_init(prepared, path, data, data_size(op->data), acl_for(client, path),
                           library_flags(op->flags), request->op_paths[index], (int)size);
        break;
    }
    case ZK_OP_SET:
        zoo_set_op_init(prepared, path, data, data_size(op->data), op->version,
                        &request->op_stats[index]);
        break;
    case ZK_OP_DELETE:
        free(data);
        zoo_delete_op_init(prepared, path, op->version);
        break;
    }
}

static void client_multi(struct zk *zk, const struct zk_op *ops, size_t op_count,
                         zk_completion *done, void *context) {
    struct request *request = request_new(zk, done, context);
    zhandle_t *handle = handle_of(zk);
    size_t size = 0;

    CHECK(op_count > 0);
    for (size_t i = 0; i < op_count; i++)
        size += operation_size(client_of(zk), ops[i].path, ops[i].data);
    if (is_too_large(request, size))
        return;
    request->ops = calloc(op_count, sizeof(*request->ops));
    request->op_results = calloc(op_count, sizeof(*request->op_results));
    request->op_stats = calloc(op_count, sizeof(*request->op_stats));
    request->op_paths = calloc(op_count, sizeof(*request->op_paths));
    request->results = calloc(op_count, sizeof(*request->results));
    CHECK(request->ops != NULL && request->op_results != NULL && request->op_stats != NULL &&
          request->op_paths != NULL && request->results != NULL);
    for (size_t i = 0; i < op_count; i++)
        prepare_op(request, i, &ops[i]);
    request->op_count = op_count;
    check_sent(request, handle == NULL ? ZINVALIDSTATE
                                       : zoo_amulti(handle, (int)op_count, request->ops,
                                                    request->op_results, on_multi, request));
}

static int64_t client_session_id(const struct zk *zk) {
    return ((const struct zk_client *)zk)->session_id;
}

static const struct zk_methods methods = {
    .get = client_get,
    .exists = client_exists,
    .children = client_children,
    .create = client_create,
    .set = client_set,
    .remove = client_remove,
    .multi = client_multi,
    .sync = client_sync,
    .session_id = client_session_id,
};

/* ---- The opener's thread ---- */

static void on_library_log(const char *message) {
    LOG_DEBUG("zookeeper_library", "message=%s", LOG_QUOTED_TEXT(message));
}

static void ignore_void(int code, const void *data) {
    (void)code;
    (void)data;
}

/* Waits up to `ms`, or until there is another command. Under command_lock. */
static void wait_for_command(struct zk_client *client, int64_t ms) {
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    (void)pthread_cond_timedwait(&client->command_changed, &client->command_lock, &until);
}

static bool is_stopping(struct zk_client *client) {
    bool stopping;

    CHECK(pthread_mutex_lock(&client->command_lock) == 0);
    stopping = client->command == COMMAND_STOP;
    CHECK(pthread_mutex_unlock(&client->command_lock) == 0);
    return stopping;
}

/* The library remembers the credentials for every connection of the handle, but refuses to take
 * them at moments when it is between two attempts to connect: try until it takes them. */
static void add_credentials(struct zk_client *client, zhandle_t *handle) {
    const char *auth = client->digest_auth;

    if (auth == NULL)
        return;
    while (zoo_add_auth(handle, "digest", auth, (int)strlen(auth), ignore_void, NULL) != ZOK &&
           !is_unrecoverable(handle) && !is_stopping(client)) {
        CHECK(pthread_mutex_lock(&client->command_lock) == 0);
        wait_for_command(client, AUTH_WAIT_MS);
        CHECK(pthread_mutex_unlock(&client->command_lock) == 0);
    }
}

static zhandle_t *open_handle(struct zk_client *client, const char *connect, watcher_fn on_change,
                              void *context) {
    zhandle_t *handle;

    zoo_set_debug_level(ZOO_LOG_LEVEL_WARN);
    handle = zookeeper_init2(connect, on_change, client->config.session_timeout_ms, NULL, context,
                             0, on_library_log);
    if (handle == NULL)
        return NULL;
    zoo_set_servers_resolution_delay(handle, -1);
    add_credentials(client, handle);
    return handle;
}

static void ignore_event(zhandle_t *handle, int type, int state, const char *path, void *context) {
    struct zk_client *client = context;

    (void)handle;
    (void)type;
    (void)state;
    (void)path;
    CHECK(pthread_mutex_lock(&client->command_lock) == 0);
    CHECK(pthread_cond_signal(&client->command_changed) == 0);
    CHECK(pthread_mutex_unlock(&client->command_lock) == 0);
}

/* Each part of the path, parents first; that it exists is as good. */
static bool create_parts(struct zk_client *client, zhandle_t *handle) {
    char path[CHROOT_SIZE_MAX + 1];
    size_t size = strlen(client->chroot);

    for (size_t i = 1; i <= size; i++) {
        int code;
        if (i < size && client->chroot[i] != '/')
            continue;
        snprintf(path, sizeof(path), "%.*s", (int)i, client->chroot);
        code = zoo_create(handle, path, NULL, -1, acl_for(client, path), 0, NULL, 0);
        if (code != ZOK && code != ZNODEEXISTS) {
            LOG_WARN("zookeeper_chroot_not_made", "path=%s reason=\"%s\"", path, zerror(code));
            return false;
        }
    }
    return true;
}

/* Below a chroot that does not exist every request would fail: it is made over a session of its
 * own that has none. */
static bool make_chroot(struct zk_client *client) {
    size_t host_size = strlen(client->connect) - strlen(client->chroot);
    char *hosts = must_copy(client->connect, host_size);
    zhandle_t *handle = open_handle(client, hosts, ignore_event, client);
    bool made = false;

    free(hosts);
    if (handle == NULL)
        return false;
    CHECK(pthread_mutex_lock(&client->command_lock) == 0);
    for (int64_t waited = 0;
         waited < CHROOT_CONNECT_WAIT_MS && zoo_state(handle) != ZOO_CONNECTED_STATE &&
         client->command != COMMAND_STOP;
         waited += 100)
        wait_for_command(client, 100);
    CHECK(pthread_mutex_unlock(&client->command_lock) == 0);
    if (zoo_state(handle) == ZOO_CONNECTED_STATE)
        made = create_parts(client, handle);
    zookeeper_close(handle);
    return made;
}

static void close_session(struct session *session) {
    if (session == NULL)
        return;
    zookeeper_close(session->opened);
    hand_over_session_event(session, NULL, STATE_CLOSED);
}

static struct session *open_session(struct zk_client *client, bool *chroot_made) {
    struct session *session;

    if (!*chroot_made)
        *chroot_made = make_chroot(client);
    if (!*chroot_made)
        return NULL;
    session = calloc(1, sizeof(*session));
    CHECK(session != NULL);
    session->client = client;
    session->opened = open_handle(client, client->connect, on_event, session);
    if (session->opened == NULL) {
        LOG_WARN("zookeeper_not_opened", "connect=%s reason=\"%s\" action=\"trying again\"",
                 LOG_QUOTED_TEXT(client->connect), strerror(errno));
        free(session);
        return NULL;
    }
    hand_over_session_event(session, NULL, STATE_READY);
    return session;
}

static void *run_opener(void *context) {
    struct zk_client *client = context;
    bool chroot_made = client->chroot[0] == '\0';
    struct session *live = NULL;

    CHECK(pthread_mutex_lock(&client->command_lock) == 0);
    while (client->command != COMMAND_STOP) {
        struct session *dead = client->to_be_closed;
        if (client->command == COMMAND_OPEN && client->open_delay_ms > 0) {
            int64_t delay_ms = client->open_delay_ms;
            client->open_delay_ms = 0;
            wait_for_command(client, delay_ms);
            continue;
        }
        if (client->command != COMMAND_OPEN) {
            CHECK(pthread_cond_wait(&client->command_changed, &client->command_lock) == 0);
            continue;
        }
        client->command = COMMAND_NONE;
        client->to_be_closed = NULL;
        CHECK(pthread_mutex_unlock(&client->command_lock) == 0);
        close_session(dead);
        live = open_session(client, &chroot_made);
        CHECK(pthread_mutex_lock(&client->command_lock) == 0);
        if (live == NULL && client->command == COMMAND_NONE) {
            wait_for_command(client, REOPEN_WAIT_MS);
            if (client->command == COMMAND_NONE)
                client->command = COMMAND_OPEN;
        }
    }
    CHECK(pthread_mutex_unlock(&client->command_lock) == 0);
    if (live != client->to_be_closed)
        close_session(client->to_be_closed);
    close_session(live);
    return NULL;
}

/* ---- Opening and closing ---- */

/* Of "host:port,host:port/a/b": "/a/b"; "" if there is none. */
static const char *chroot_of(const char *connect) {
    const char *chroot = strchr(connect, '/');

    return chroot == NULL || chroot[1] == '\0' ? "" : chroot;
}

static bool is_valid(const struct zk_client_config *config) {
    const char *chroot = chroot_of(config->connect);
    size_t size = strlen(chroot);

    if (config->connect[0] == '\0' || config->connect[0] == '/' || size > CHROOT_SIZE_MAX)
        return false;
    if (strstr(chroot, "//") != NULL || (size > 0 && chroot[size - 1] == '/'))
        return false;
    return !config->set_acl || config->digest_auth != NULL;
}

enum error zk_client_open(const struct zk_client_config *config, struct zk_client **opened) {
    struct zk_client *client;
    const char *chroot;

    if (!is_valid(config))
        return ERR_CONFIG_INVALID;
    client = calloc(1, sizeof(*client));
    if (client == NULL)
        return ERR_OUT_OF_MEMORY;
    client->zk.methods = &methods;
    client->zk.listener = config->listener;
    client->config = *config;
    client->connect = must_copy(config->connect, strlen(config->connect));
    chroot = chroot_of(client->connect);
    client->chroot = must_copy(chroot, strlen(chroot));
    client->deadline_ms = INT64_MIN;
    if (client->config.clock == NULL)
        client->config.clock = clock_system();
    if (config->digest_auth != NULL)
        client->digest_auth = must_copy(config->digest_auth, strlen(config->digest_auth));
    client->drain = calloc(1, sizeof(*client->drain));
    CHECK(client->drain != NULL);
    *client->drain = (struct drain){{.run = run_drain}, client};
    mutex_init(&client->inbox_lock);
    STAILQ_INIT(&client->inbox);
    TAILQ_INIT(&client->outstanding);
    CHECK(pthread_mutex_init(&client->command_lock, NULL) == 0);
    CHECK(pthread_cond_init(&client->command_changed, NULL) == 0);
    client->command = COMMAND_OPEN;
    CHECK(pthread_create(&client->opener, NULL, run_opener, client) == 0);
    *opened = client;
    return ERR_NONE;
}

/* All that is outstanding is cancelled, arrived or not; and what is asked meanwhile, too. */
static void cancel_all(struct zk_client *client) {
    for (int round = 0; !TAILQ_EMPTY(&client->outstanding); round++) {
        CHECK(round < CANCEL_ROUNDS_MAX);
        answer_forgotten(client, NULL, ERR_CANCELLED);
    }
}

/* Of requests the inbox has only pointers, which are gone. */
static void forget_inbox(struct zk_client *client) {
    struct item *item;
    struct item *next;

    for (item = STAILQ_FIRST(&client->inbox); item != NULL; item = next) {
        next = STAILQ_NEXT(item, next);
        if (item->kind == ITEM_SESSION_EVENT &&
            ((struct session_event *)item)->state == STATE_CLOSED)
            free(((struct session_event *)item)->session);
        if (item->kind != ITEM_COMPLETION)
            free(item);
    }
}

void zk_client_close(struct zk_client *client) {
    bool drain_is_posted;

    if (client == NULL)
        return;
    mutex_lock(&client->inbox_lock);
    client->closing = true;
    drain_is_posted = !STAILQ_EMPTY(&client->inbox);
    mutex_unlock(&client->inbox_lock);
    command(client, COMMAND_STOP, NULL, 0);
    CHECK(pthread_join(client->opener, NULL) == 0);
    client->current = NULL;
    client->session_id = 0;
    client->deadline_ms = INT64_MIN;
    mutex_lock(&client->inbox_lock);
    client->closed = true;
    mutex_unlock(&client->inbox_lock);
    forget_inbox(client);
    cancel_all(client);
    free(client->connect);
    free(client->chroot);
    free(client->digest_auth);
    CHECK(pthread_mutex_destroy(&client->command_lock) == 0);
    CHECK(pthread_cond_destroy(&client->command_changed) == 0);
    mutex_done(&client->inbox_lock);
    client->drain->client = NULL;
    if (!drain_is_posted)
        free(client->drain);
    free(client);
}

struct zk *zk_client_zk(struct zk_client *client) {
    return &client->zk;
}

int32_t zk_client_session_timeout_ms(const struct zk_client *client) {
    return client->session_timeout_ms;
}

int64_t zk_client_session_deadline_ms(const struct zk_client *client) {
    return client->deadline_ms;
}

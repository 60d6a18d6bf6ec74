#include <stdlib.h>

#include "zk-schema/zk_client_internal.h"

/* What an operation takes in a request beside path and data, at most: headers and an ACL. */
#define OPERATION_EXTRA_BYTES 128
#define SEQUENCE_SUFFIX_SIZE  16

void zk_request_free(struct request *request) {
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
    zk_hand_over(request->client, &request->item);
    return true;
}

static size_t operation_size(const struct zk_client *client, const char *path, struct bytes data) {
    return strlen(client->chroot) + strlen(path) + data.size + OPERATION_EXTRA_BYTES;
}

/* The library does not call the completion of a request that it refuses at once. */
static void check_sent(struct request *request, int code) {
    if (code != ZOK)
        zk_complete(request, code, NULL);
}

static zhandle_t *handle_of(struct zk *zk) {
    return client_of(zk)->current == NULL ? NULL : client_of(zk)->current->handle;
}

static watcher_fn watcher(bool watch) {
    return watch ? zk_on_event : NULL;
}

static void client_get(struct zk *zk, const char *path, bool watch, zk_completion *done,
                       void *context) {
    struct request *request = request_new(zk, done, context);
    zhandle_t *handle = handle_of(zk);

    check_sent(request, handle == NULL ? ZINVALIDSTATE
                                       : zoo_awget(handle, path, watcher(watch),
                                                   client_of(zk)->current, zk_on_data, request));
}

static void client_exists(struct zk *zk, const char *path, bool watch, zk_completion *done,
                          void *context) {
    struct request *request = request_new(zk, done, context);
    zhandle_t *handle = handle_of(zk);

    check_sent(request, handle == NULL ? ZINVALIDSTATE
                                       : zoo_awexists(handle, path, watcher(watch),
                                                      client_of(zk)->current, zk_on_stat, request));
}

static void client_children(struct zk *zk, const char *path, bool watch, zk_completion *done,
                            void *context) {
    struct request *request = request_new(zk, done, context);
    zhandle_t *handle = handle_of(zk);

    check_sent(request, handle == NULL
                            ? ZINVALIDSTATE
                            : zoo_awget_children2(handle, path, watcher(watch),
                                                  client_of(zk)->current, zk_on_children, request));
}

/* Kafka's rule: with zookeeper.set.acl the creator may do all, and everybody may read what holds
 * no secrets. */
const struct ACL_vector *zk_acl_for(const struct zk_client *client, const char *path) {
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
    check_sent(request, handle == NULL
                            ? ZINVALIDSTATE
                            : zoo_acreate(handle, path, (const char *)data.data, data_size(data),
                                          zk_acl_for(client_of(zk), path), library_flags(flags),
                                          zk_on_string, request));
}

static void client_set(struct zk *zk, const char *path, struct bytes data, int32_t version,
                       zk_completion *done, void *context) {
    struct request *request = request_new(zk, done, context);
    zhandle_t *handle = handle_of(zk);

    if (is_too_large(request, operation_size(client_of(zk), path, data)))
        return;
    check_sent(request, handle == NULL ? ZINVALIDSTATE
                                       : zoo_aset(handle, path, (const char *)data.data,
                                                  data_size(data), version, zk_on_stat, request));
}

static void client_remove(struct zk *zk, const char *path, int32_t version, zk_completion *done,
                          void *context) {
    struct request *request = request_new(zk, done, context);
    zhandle_t *handle = handle_of(zk);

    check_sent(request, handle == NULL ? ZINVALIDSTATE
                                       : zoo_adelete(handle, path, version, zk_on_void, request));
}

static void client_sync(struct zk *zk, const char *path, zk_completion *done, void *context) {
    struct request *request = request_new(zk, done, context);
    zhandle_t *handle = handle_of(zk);

    check_sent(request,
               handle == NULL ? ZINVALIDSTATE : zoo_async(handle, path, zk_on_string, request));
}

/* ---- Multis ---- */

/*
 * INVARIANT: no session is found to be over while the library takes a multi of it. zoo_amulti
 * (libzookeeper 3.8) asks for each operation whether it is, and from the first that it refuses on
 * it frees, for each, a path that it has not set: memory of ours, or twice its own.
 *
 * A session is found to be over only by the answer to a connection's first request. The I/O thread
 * leaves ZOO_CONNECTED_STATE, connects, logs that it has "initiated" the connection and waits for
 * this lock there, and only then reads that answer. Whoever holds the lock and sees the handle
 * connected has been faster than that line, so that the answer is not read before it lets go.
 */
static pthread_mutex_t multi_lock = PTHREAD_MUTEX_INITIALIZER;

void zk_wait_for_multi(void) {
    CHECK(pthread_mutex_lock(&multi_lock) == 0);
    CHECK(pthread_mutex_unlock(&multi_lock) == 0);
}

static bool give_if_connected(zhandle_t *handle, struct request *request, int *code) {
    bool is_connected;

    CHECK(pthread_mutex_lock(&multi_lock) == 0);
    is_connected = zoo_state(handle) == ZOO_CONNECTED_STATE;
    if (is_connected)
        *code = zoo_amulti(handle, (int)request->op_count, request->ops, request->op_results,
                           zk_on_multi, request);
    CHECK(pthread_mutex_unlock(&multi_lock) == 0);
    return is_connected;
}

/* Without a connection a read takes its place in the library's queue, and fails or goes through
 * like any other request. */
void zk_give_multi(struct request *request) {
    const struct session *current = request->client->current;
    zhandle_t *handle = current != request->session || current == NULL ? NULL : current->handle;
    int code = ZINVALIDSTATE;

    request->awaits_connection = false;
    if (handle != NULL && !give_if_connected(handle, request, &code)) {
        request->awaits_connection = true;
        code = zoo_aexists(handle, "/", 0, zk_on_stat, request);
    }
    check_sent(request, code);
}

static void prepare_op(struct request *request, size_t index, const struct zk_op *op) {
    const struct zk_client *client = request->client;
    zoo_op_t *prepared = &request->ops[index];
    char *path = zk_must_copy(op->path, strlen(op->path));
    char *data = bytes_is_null(op->data) ? NULL : zk_must_copy(op->data.data, op->data.size);

    switch (op->kind) {
    case ZK_OP_CHECK:
        free(data);
        zoo_check_op_init(prepared, path, op->version);
        break;
    case ZK_OP_CREATE: {
        size_t size = strlen(path) + SEQUENCE_SUFFIX_SIZE;
        request->op_paths[index] = calloc(1, size);
        CHECK(request->op_paths[index] != NULL);
        zoo_create_op_init(prepared, path, data, data_size(op->data), zk_acl_for(client, path),
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
    zk_give_multi(request);
}

static int64_t client_session_id(const struct zk *zk) {
    return ((const struct zk_client *)zk)->session_id;
}

const struct zk_methods zk_client_methods = {
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

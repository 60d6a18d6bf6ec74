#include "tests/simulation/model_zookeeper_internal.h"

#include "zk-schema/paths.h"

void *model_allocate(size_t size) {
    void *memory = calloc(1, size == 0 ? 1 : size);

    CHECK(memory != NULL);
    return memory;
}

struct session *model_zookeeper_find_session(struct model_zookeeper *zookeeper, int64_t id) {
    struct session *session;

    TAILQ_FOREACH (session, &zookeeper->sessions, entry)
        if (session->id == id)
            return session;
    return NULL;
}

bool model_zookeeper_session_lives(struct model_zookeeper *zookeeper, int64_t session_id) {
    struct session *session = model_zookeeper_find_session(zookeeper, session_id);

    return session != NULL && session->lives;
}

struct model_zookeeper *model_zookeeper_new(struct simulator *simulator, model_commit *commit,
                                            void *context) {
    struct model_zookeeper *zookeeper = model_allocate(sizeof(*zookeeper));

    zookeeper->simulator = simulator;
    zookeeper->tree = model_tree_new();
    zookeeper->commit = commit;
    zookeeper->context = context;
    TAILQ_INIT(&zookeeper->sessions);
    zookeeper->watches = model_watches_new();
    TAILQ_INIT(&zookeeper->clients);
    return zookeeper;
}

void model_zookeeper_free(struct model_zookeeper *zookeeper) {
    struct session *session;

    model_watches_free(zookeeper->watches);
    while ((session = TAILQ_FIRST(&zookeeper->sessions)) != NULL) {
        TAILQ_REMOVE(&zookeeper->sessions, session, entry);
        free(session);
    }
    model_tree_free(zookeeper->tree);
    free(zookeeper);
}

struct model_statistics model_zookeeper_statistics(const struct model_zookeeper *zookeeper) {
    struct model_statistics statistics = zookeeper->statistics;

    statistics.watches = model_watches_count(zookeeper->watches);
    return statistics;
}

/* ---- The server */

static void send_event(struct model_client *client, uint64_t request, const char *path,
                       enum zk_event_kind kind) {
    struct message *message;

    if (!model_client_must_hear(client))
        return;
    message = model_message_new(client);
    message->is_event = true;
    message->event_kind = kind;
    message->number = request;
    message->path = strdup(path);
    CHECK(message->path != NULL);
    TAILQ_INSERT_TAIL(&client->arriving, message, entry);
    if (client->connected)
        model_client_schedule_arrival(client, &client->last_back_ms, model_client_event_arrived);
}

static void fire(struct model_zookeeper *zookeeper, enum model_watch_kind kind, const char *path,
                 enum zk_event_kind event) {
    model_watches_fire(zookeeper->watches, kind, path, event, send_event);
}

static void fire_parent(struct model_zookeeper *zookeeper, const char *path) {
    struct znode_path parent;
    size_t size = (size_t)(strrchr(path, '/') - path);

    CHECK(size < sizeof(parent.text));
    memcpy(parent.text, path, size == 0 ? 1 : size);
    parent.text[size == 0 ? 1 : size] = '\0';
    fire(zookeeper, WATCH_CHILDREN, parent.text, ZK_EVENT_CHILDREN);
}

static void committed(struct model_zookeeper *zookeeper,
                      const struct model_transaction_result *result) {
    for (size_t i = 0; i < result->change_count; i++) {
        const struct model_change *change = &result->changes[i];
        switch (change->kind) {
        case ZK_OP_CREATE:
            fire(zookeeper, WATCH_DATA, change->path, ZK_EVENT_CREATED);
            fire_parent(zookeeper, change->path);
            break;
        case ZK_OP_SET:
            fire(zookeeper, WATCH_DATA, change->path, ZK_EVENT_DATA);
            break;
        case ZK_OP_DELETE:
            fire(zookeeper, WATCH_DATA, change->path, ZK_EVENT_DELETED);
            fire(zookeeper, WATCH_CHILDREN, change->path, ZK_EVENT_DELETED);
            fire_parent(zookeeper, change->path);
            break;
        case ZK_OP_CHECK:
            break;
        }
        simulator_trace(zookeeper->simulator, "zk %d %s %.*s", (int)change->kind, change->path,
                        BYTES_FORMAT(change->data));
        simulator_hash(zookeeper->simulator, change->data.data, change->data.size);
    }
    if (zookeeper->commit != NULL && result->change_count > 0)
        zookeeper->commit(zookeeper->context, result->changes, result->change_count);
}

static void transact(struct model_zookeeper *zookeeper, const struct zk_op *ops, size_t count,
                     int64_t session_id, struct model_transaction_result *result) {
    model_tree_apply(zookeeper->tree, ops, count, session_id,
                     zookeeper->simulator->clock.wall_ms(&zookeeper->simulator->clock), result);
    if (result->error == ERR_NONE)
        committed(zookeeper, result);
}

static void add_watch(struct message *message, enum model_watch_kind kind) {
    model_watches_add(message->client->zookeeper->watches, message->client, kind, message->path,
                      message->number);
}

struct bytes model_copy_data(struct bytes source) {
    uint8_t *copy;

    if (bytes_is_null(source))
        return BYTES_NULL;
    copy = model_allocate(source.size);
    if (source.size > 0)
        memcpy(copy, source.data, source.size);
    return bytes_of(copy, source.size);
}

static void read_children(struct message *message, struct model_node *node) {
    size_t count = (size_t)model_node_stat(node).child_count, i = 0;

    message->children = model_allocate(count * sizeof(*message->children));
    for (struct model_node *child = model_node_first_child(node); child != NULL;
         child = model_node_next_sibling(child)) {
        message->children[i] = strdup(strrchr(model_node_path(child), '/') + 1);
        CHECK(message->children[i++] != NULL);
    }
    message->result.children = (const char *const *)message->children;
    message->result.child_count = count;
}

static void execute_read(struct message *message) {
    struct model_node *node = model_tree_find(message->client->zookeeper->tree, message->path);

    if (node == NULL) {
        message->result.error = ERR_ZK_NO_NODE;
        if (message->watch && message->kind == REQUEST_EXISTS)
            add_watch(message, WATCH_DATA);
        return;
    }
    message->result.stat = model_node_stat(node);
    if (message->kind == REQUEST_GET)
        message->result.data = model_copy_data(model_node_data(node));
    if (message->kind == REQUEST_CHILDREN)
        read_children(message, node);
    if (message->watch)
        add_watch(message, message->kind == REQUEST_CHILDREN ? WATCH_CHILDREN : WATCH_DATA);
}

static void count_multi(struct message *message) {
    struct model_statistics *statistics = &message->client->zookeeper->statistics;
    size_t bytes = 0;

    for (size_t i = 0; i < message->op_count; i++)
        bytes += strlen(message->ops[i].path) + message->ops[i].data.size + 40;
    statistics->multis++;
    if (message->op_count > statistics->multi_ops_max)
        statistics->multi_ops_max = message->op_count;
    if (bytes > statistics->multi_bytes_max)
        statistics->multi_bytes_max = bytes;
}

static void execute_write(struct message *message) {
    struct model_transaction_result *transaction = &message->transaction;

    if (message->kind == REQUEST_MULTI)
        count_multi(message);
    transact(message->client->zookeeper, message->ops, message->op_count,
             message->client->session_id, transaction);
    message->result.error = transaction->error;
    if (message->kind == REQUEST_MULTI) {
        message->result.ops = transaction->results;
        message->result.op_count = message->op_count;
    } else {
        message->result.stat = transaction->results[0].stat;
        message->result.created_path = transaction->results[0].created_path;
    }
}

void model_message_execute(struct message *message) {
    message->executed = true;
    switch (message->kind) {
    case REQUEST_GET:
    case REQUEST_EXISTS:
    case REQUEST_CHILDREN:
        execute_read(message);
        break;
    case REQUEST_WRITE:
    case REQUEST_MULTI:
        execute_write(message);
        break;
    case REQUEST_SYNC:
        break;
    }
}

/* ---- From outside
 * --------------------------------------------------------------------------------- */

bool model_zookeeper_get(struct model_zookeeper *zookeeper, const char *path, struct bytes *data,
                         struct zk_stat *stat) {
    struct model_node *node = model_tree_find(zookeeper->tree, path);

    if (node == NULL)
        return false;
    if (data != NULL)
        *data = model_node_data(node);
    if (stat != NULL)
        *stat = model_node_stat(node);
    return true;
}

static enum error from_outside(struct model_zookeeper *zookeeper, const struct zk_op *op) {
    struct model_transaction_result result;
    enum error error;

    transact(zookeeper, op, 1, 0, &result);
    error = result.error;
    model_transaction_done(&result, 1);
    return error;
}

enum error model_zookeeper_create(struct model_zookeeper *zookeeper, const char *path,
                                  struct bytes data) {
    return from_outside(zookeeper,
                        &(struct zk_op){.kind = ZK_OP_CREATE, .path = path, .data = data});
}

enum error model_zookeeper_set(struct model_zookeeper *zookeeper, const char *path,
                               struct bytes data) {
    return from_outside(
        zookeeper,
        &(struct zk_op){.kind = ZK_OP_SET, .path = path, .data = data, .version = ZK_ANY_VERSION});
}

enum error model_zookeeper_remove(struct model_zookeeper *zookeeper, const char *path) {
    return from_outside(
        zookeeper, &(struct zk_op){.kind = ZK_OP_DELETE, .path = path, .version = ZK_ANY_VERSION});
}

void model_zookeeper_children(struct model_zookeeper *zookeeper, const char *path,
                              void (*each)(void *context, const char *name), void *context) {
    struct model_node *node = model_tree_find(zookeeper->tree, path);

    for (struct model_node *child = node == NULL ? NULL : model_node_first_child(node);
         child != NULL; child = model_node_next_sibling(child))
        each(context, strrchr(model_node_path(child), '/') + 1);
}

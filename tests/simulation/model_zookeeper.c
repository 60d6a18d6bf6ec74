#include "tests/simulation/model_zookeeper.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "tests/simulation/model_tree.h"
#include "tests/simulation/model_watches.h"
#include "zk-schema/paths.h"

enum request_kind {
    REQUEST_GET,
    REQUEST_EXISTS,
    REQUEST_CHILDREN,
    REQUEST_WRITE, /* create, set, remove: a transaction of one */
    REQUEST_MULTI,
    REQUEST_SYNC
};

/* What travels between a client and the server, in order. A request goes there and comes back as
 * its answer; a watch event only comes. */
struct message {
    struct model_client *client;
    uint64_t connection; /* of the client, when it was sent */
    uint64_t number;
    bool is_event;
    bool executed;
    /* request */
    enum request_kind kind;
    bool watch;
    char *path;
    struct zk_op *ops; /* copied */
    size_t op_count;
    zk_completion *done;
    void *context;
    /* answer */
    struct zk_result result;
    struct model_transaction_result transaction;
    char **children;
    /* event */
    enum zk_event_kind event_kind;
    TAILQ_ENTRY(message) entry;
};

TAILQ_HEAD(messages, message);

struct model_client {
    struct zk zk;
    struct model_zookeeper *zookeeper;
    char name[32];
    struct rng rng; /* the chance of its messages */
    bool stopped;
    bool connected;
    uint64_t connection; /* counts connections */
    int64_t session_id;
    struct messages sent;     /* requests that are not answered, in order */
    struct messages unsent;   /* made without a connection */
    struct messages arriving; /* events that are on their way */
    uint64_t last_number;
    uint64_t last_answered;
    int64_t last_there_ms, last_back_ms; /* messages do not overtake each other */
    int scheduled;                       /* events of the simulator that hold it */
    TAILQ_ENTRY(model_client) entry;
};

/* One message's arrival; of no account if the connection it came by is gone. */
struct arrival {
    struct model_client *client;
    uint64_t connection;
};

struct session {
    int64_t id;
    bool lives;
    TAILQ_ENTRY(session) entry;
};

struct model_zookeeper {
    struct simulator *simulator;
    struct model_tree *tree;
    model_commit *commit;
    void *context;
    int64_t last_session;
    TAILQ_HEAD(, session) sessions;
    struct model_watches *watches;
    TAILQ_HEAD(, model_client) clients; /* not stopped */
    struct model_statistics statistics;
};

static void *allocate(size_t size) {
    void *memory = calloc(1, size == 0 ? 1 : size);

    CHECK(memory != NULL);
    return memory;
}

static struct session *find_session(struct model_zookeeper *zookeeper, int64_t id) {
    struct session *session;

    TAILQ_FOREACH (session, &zookeeper->sessions, entry)
        if (session->id == id)
            return session;
    return NULL;
}

bool model_zookeeper_session_lives(struct model_zookeeper *zookeeper, int64_t session_id) {
    struct session *session = find_session(zookeeper, session_id);

    return session != NULL && session->lives;
}

struct model_zookeeper *model_zookeeper_new(struct simulator *simulator, model_commit *commit,
                                            void *context) {
    struct model_zookeeper *zookeeper = allocate(sizeof(*zookeeper));

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

/* ---- Messages */

static struct message *message_new(struct model_client *client) {
    struct message *message = allocate(sizeof(*message));

    message->client = client;
    message->connection = client->connection;
    message->number = ++client->last_number;
    return message;
}

static void message_free(struct message *message) {
    for (size_t i = 0; i < message->op_count; i++) {
        free((void *)(uintptr_t)message->ops[i].path);
        free((void *)(uintptr_t)message->ops[i].data.data);
    }
    free(message->ops);
    free(message->path);
    if (message->executed && message->transaction.results != NULL)
        model_transaction_done(&message->transaction, message->op_count);
    free((void *)(uintptr_t)message->result.data.data);
    for (size_t i = 0; i < message->result.child_count; i++)
        free(message->children[i]);
    free(message->children);
    free(message);
}

static void client_unref(struct model_client *client) {
    if (--client->scheduled == 0 && client->stopped)
        free(client);
}

/* When the next message of one direction arrives: not before the one before it. */
static int64_t next_arrival(struct model_client *client, int64_t *last_ms) {
    struct simulator *simulator = client->zookeeper->simulator;
    int64_t at_ms = simulator->now_ms + simulator_message_delay(simulator, &client->rng);

    *last_ms = at_ms > *last_ms ? at_ms : *last_ms;
    return *last_ms - simulator->now_ms;
}

static void schedule_arrival(struct model_client *client, int64_t *last_ms, simulated *arrived) {
    struct arrival *arrival = allocate(sizeof(*arrival));

    *arrival = (struct arrival){client, client->connection};
    client->scheduled++;
    simulator_schedule(client->zookeeper->simulator, next_arrival(client, last_ms), arrived,
                       arrival);
}

/* The client, which the caller unrefs; *current is whether its connection is still the same. */
static struct model_client *take_arrival(void *context, bool *current) {
    struct arrival *arrival = context;
    struct model_client *client = arrival->client;

    *current = !client->stopped && client->connected && arrival->connection == client->connection;
    free(arrival);
    return client;
}

/* ---- The server */

static bool must_hear(struct model_client *client) {
    return !client->stopped && model_zookeeper_session_lives(client->zookeeper, client->session_id);
}

static void event_arrived(void *context);

static void send_event(struct model_client *client, uint64_t request, const char *path,
                       enum zk_event_kind kind) {
    struct message *message;

    if (!must_hear(client))
        return;
    message = message_new(client);
    message->is_event = true;
    message->event_kind = kind;
    message->number = request;
    message->path = strdup(path);
    CHECK(message->path != NULL);
    TAILQ_INSERT_TAIL(&client->arriving, message, entry);
    if (client->connected)
        schedule_arrival(client, &client->last_back_ms, event_arrived);
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

static struct bytes copy_data(struct bytes source) {
    uint8_t *copy;

    if (bytes_is_null(source))
        return BYTES_NULL;
    copy = allocate(source.size);
    if (source.size > 0)
        memcpy(copy, source.data, source.size);
    return bytes_of(copy, source.size);
}

static void read_children(struct message *message, struct model_node *node) {
    size_t count = (size_t)model_node_stat(node).child_count, i = 0;

    message->children = allocate(count * sizeof(*message->children));
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
        message->result.data = copy_data(model_node_data(node));
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

static void execute(struct message *message) {
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

/* ---- The client
 * ---------------------------------------------------------------------------------- */

static void complete(struct message *message) {
    struct model_client *client = message->client;

    TAILQ_REMOVE(&client->sent, message, entry);
    client->last_answered = message->number;
    message->done(message->context, &message->result);
    message_free(message);
}

static void answer_arrived(void *context) {
    bool current;
    struct model_client *client = take_arrival(context, &current);

    if (current) {
        struct message *message = TAILQ_FIRST(&client->sent);
        CHECK(message != NULL && message->executed);
        complete(message);
    }
    client_unref(client);
}

static void request_arrived(void *context) {
    bool current;
    struct model_client *client = take_arrival(context, &current);
    struct message *message = NULL;

    if (current && must_hear(client))
        TAILQ_FOREACH (message, &client->sent, entry)
            if (!message->executed)
                break;
    if (message != NULL) {
        execute(message);
        schedule_arrival(client, &client->last_back_ms, answer_arrived);
    }
    client_unref(client);
}

static void event_arrived(void *context) {
    bool current;
    struct model_client *client = take_arrival(context, &current);

    if (current) {
        struct message *message = TAILQ_FIRST(&client->arriving);
        CHECK(message != NULL);
        TAILQ_REMOVE(&client->arriving, message, entry);
        client->zk.listener->on_watch(client->zk.listener, message->event_kind, message->path);
        message_free(message);
    }
    client_unref(client);
}

/* A request made without a connection fails some time later, never from within the call. */
static void unsent_failed(void *context) {
    struct model_client *client = context;
    struct message *message = TAILQ_FIRST(&client->unsent);

    if (!client->stopped) {
        TAILQ_REMOVE(&client->unsent, message, entry);
        message->result.error =
            client->session_id == 0 ? ERR_ZK_SESSION_EXPIRED : ERR_ZK_OUTCOME_UNKNOWN;
        message->done(message->context, &message->result);
        message_free(message);
    }
    client_unref(client);
}

static void send_request(struct model_client *client, struct message *message, zk_completion *done,
                         void *context) {
    CHECK(!client->stopped);
    message->done = done;
    message->context = context;
    if (client->connected) {
        TAILQ_INSERT_TAIL(&client->sent, message, entry);
        schedule_arrival(client, &client->last_there_ms, request_arrived);
    } else {
        TAILQ_INSERT_TAIL(&client->unsent, message, entry);
        client->scheduled++;
        simulator_schedule(client->zookeeper->simulator, 5, unsent_failed, client);
    }
}

static struct model_client *client_of(struct zk *zk) {
    return CONTAINER_OF(zk, struct model_client, zk);
}

static void send_read(struct zk *zk, enum request_kind kind, const char *path, bool watch,
                      zk_completion *done, void *context) {
    struct message *message = message_new(client_of(zk));

    message->kind = kind;
    message->watch = watch;
    message->path = strdup(path);
    CHECK(message->path != NULL);
    send_request(client_of(zk), message, done, context);
}

static void send_write(struct zk *zk, enum request_kind kind, const struct zk_op *ops,
                       size_t op_count, zk_completion *done, void *context) {
    struct message *message = message_new(client_of(zk));

    message->kind = kind;
    message->op_count = op_count;
    message->ops = allocate(op_count * sizeof(*ops));
    for (size_t i = 0; i < op_count; i++) {
        message->ops[i] = ops[i];
        message->ops[i].path = strdup(ops[i].path);
        CHECK(message->ops[i].path != NULL);
        message->ops[i].data = copy_data(ops[i].data);
    }
    send_request(client_of(zk), message, done, context);
}

static void model_get(struct zk *zk, const char *path, bool watch, zk_completion *done,
                      void *context) {
    send_read(zk, REQUEST_GET, path, watch, done, context);
}

static void model_exists(struct zk *zk, const char *path, bool watch, zk_completion *done,
                         void *context) {
    send_read(zk, REQUEST_EXISTS, path, watch, done, context);
}

static void model_children(struct zk *zk, const char *path, bool watch, zk_completion *done,
                           void *context) {
    send_read(zk, REQUEST_CHILDREN, path, watch, done, context);
}

static void model_sync(struct zk *zk, const char *path, zk_completion *done, void *context) {
    send_read(zk, REQUEST_SYNC, path, false, done, context);
}

static void model_create(struct zk *zk, const char *path, struct bytes data, int flags,
                         zk_completion *done, void *context) {
    struct zk_op op = {.kind = ZK_OP_CREATE, .path = path, .data = data, .flags = flags};

    send_write(zk, REQUEST_WRITE, &op, 1, done, context);
}

static void model_set(struct zk *zk, const char *path, struct bytes data, int32_t version,
                      zk_completion *done, void *context) {
    struct zk_op op = {.kind = ZK_OP_SET, .path = path, .data = data, .version = version};

    send_write(zk, REQUEST_WRITE, &op, 1, done, context);
}

static void model_remove(struct zk *zk, const char *path, int32_t version, zk_completion *done,
                         void *context) {
    struct zk_op op = {.kind = ZK_OP_DELETE, .path = path, .version = version};

    send_write(zk, REQUEST_WRITE, &op, 1, done, context);
}

static void model_multi(struct zk *zk, const struct zk_op *ops, size_t op_count,
                        zk_completion *done, void *context) {
    send_write(zk, REQUEST_MULTI, ops, op_count, done, context);
}

static int64_t model_session_id(const struct zk *zk) {
    return CONTAINER_OF(zk, const struct model_client, zk)->session_id;
}

static const struct zk_methods methods = {
    .get = model_get,
    .exists = model_exists,
    .children = model_children,
    .create = model_create,
    .set = model_set,
    .remove = model_remove,
    .multi = model_multi,
    .sync = model_sync,
    .session_id = model_session_id,
};

static void session_new(void *context) {
    struct model_client *client = context;

    if (!client->stopped) {
        struct model_zookeeper *zookeeper = client->zookeeper;
        struct session *session = allocate(sizeof(*session));

        session->id = client->session_id = ++zookeeper->last_session;
        session->lives = true;
        TAILQ_INSERT_TAIL(&zookeeper->sessions, session, entry);
        client->connected = true;
        client->connection++;
        simulator_trace(zookeeper->simulator, "%s session %" PRId64, client->name, session->id);
        client->zk.listener->on_session(client->zk.listener, ZK_SESSION_NEW);
    }
    client_unref(client);
}

struct model_client *model_client_new(struct model_zookeeper *zookeeper, const char *name,
                                      uint64_t number, struct zk_listener *listener) {
    struct model_client *client = allocate(sizeof(*client));

    client->zk.methods = &methods;
    client->zk.listener = listener;
    client->zookeeper = zookeeper;
    snprintf(client->name, sizeof(client->name), "%s", name);
    simulator_stream(zookeeper->simulator, name, number, &client->rng);
    TAILQ_INIT(&client->sent);
    TAILQ_INIT(&client->unsent);
    TAILQ_INIT(&client->arriving);
    TAILQ_INSERT_TAIL(&zookeeper->clients, client, entry);
    client->scheduled = 2; /* the owner holds it until it is stopped */
    simulator_schedule(zookeeper->simulator, 1, session_new, client);
    return client;
}

struct zk *model_client_zk(struct model_client *client) {
    return &client->zk;
}

/* ---- Faults
 * -------------------------------------------------------------------------------------- */

static void drop_watches(struct model_client *client, bool all) {
    model_watches_drop(client->zookeeper->watches, client, all ? 0 : client->last_answered);
}

/* Events of watches that the client never learned to have are lost; the others are told again
 * when it is back. */
static void drop_events(struct model_client *client, bool all) {
    struct message *message, *next;

    for (message = TAILQ_FIRST(&client->arriving); message != NULL; message = next) {
        next = TAILQ_NEXT(message, entry);
        if (!all && message->number <= client->last_answered)
            continue;
        TAILQ_REMOVE(&client->arriving, message, entry);
        message_free(message);
    }
}

/* Those on their way to the server: the first of them, as many as chance wants, still arrive. */
static void lose_connection(struct model_client *client) {
    struct message *message;

    TAILQ_FOREACH (message, &client->sent, entry) {
        if (message->executed || message->connection != client->connection)
            continue;
        if (simulator_chance(&client->rng, 3) || !must_hear(client))
            break;
        execute(message);
    }
    client->connected = false;
    drop_watches(client, false);
    drop_events(client, false);
}

static void fail_outstanding(struct model_client *client, enum error error) {
    struct messages failed = TAILQ_HEAD_INITIALIZER(failed);
    struct message *message;

    TAILQ_CONCAT(&failed, &client->sent, entry);
    while (!client->stopped && (message = TAILQ_FIRST(&failed)) != NULL) {
        struct zk_result result = {.error = error};
        TAILQ_REMOVE(&failed, message, entry);
        message->done(message->context, &result);
        message_free(message);
    }
    while ((message = TAILQ_FIRST(&failed)) != NULL) {
        TAILQ_REMOVE(&failed, message, entry);
        message_free(message);
    }
}

static void expired(struct model_client *client) {
    client->session_id = 0;
    client->connected = false;
    drop_watches(client, true);
    drop_events(client, true);
    simulator_trace(client->zookeeper->simulator, "%s expired", client->name);
    fail_outstanding(client, ERR_ZK_SESSION_EXPIRED);
    if (client->stopped)
        return;
    client->zk.listener->on_session(client->zk.listener, ZK_SESSION_EXPIRED);
    client->scheduled++;
    simulator_schedule(client->zookeeper->simulator, 10, session_new, client);
}

static void reconnected(void *context) {
    struct model_client *client = context;

    if (!client->stopped && !client->connected && client->session_id != 0) {
        if (!model_zookeeper_session_lives(client->zookeeper, client->session_id)) {
            expired(client);
        } else {
            struct message *message;

            client->connected = true;
            client->connection++;
            simulator_trace(client->zookeeper->simulator, "%s reconnected", client->name);
            client->zk.listener->on_session(client->zk.listener, ZK_SESSION_RECONNECTED);
            TAILQ_FOREACH (message, &client->arriving, entry)
                schedule_arrival(client, &client->last_back_ms, event_arrived);
        }
    }
    client_unref(client);
}

void model_client_disconnect(struct model_client *client, int64_t for_ms) {
    if (client->stopped || !client->connected)
        return;
    simulator_trace(client->zookeeper->simulator, "%s disconnected", client->name);
    lose_connection(client);
    fail_outstanding(client, ERR_ZK_OUTCOME_UNKNOWN);
    if (client->stopped)
        return;
    client->zk.listener->on_session(client->zk.listener, ZK_SESSION_DISCONNECTED);
    client->scheduled++;
    simulator_schedule(client->zookeeper->simulator, for_ms, reconnected, client);
}

int64_t model_client_stop(struct model_client *client) {
    int64_t session_id = client->session_id;
    struct message *message;

    simulator_trace(client->zookeeper->simulator, "%s stopped", client->name);
    if (client->connected)
        lose_connection(client);
    client->connected = false;
    drop_watches(client, true);
    drop_events(client, true);
    TAILQ_CONCAT(&client->sent, &client->unsent, entry);
    TAILQ_REMOVE(&client->zookeeper->clients, client, entry);
    while ((message = TAILQ_FIRST(&client->sent)) != NULL) {
        struct zk_result result = {.error = ERR_CANCELLED};
        TAILQ_REMOVE(&client->sent, message, entry);
        message->done(message->context, &result);
        message_free(message);
        TAILQ_CONCAT(&client->sent, &client->unsent, entry);
    }
    client->stopped = true;
    client_unref(client);
    return session_id;
}

static void expiry_heard(void *context) {
    struct model_client *client = context;

    if (!client->stopped && client->connected &&
        !model_zookeeper_session_lives(client->zookeeper, client->session_id))
        expired(client);
    client_unref(client);
}

static struct model_client *client_of_session(struct model_zookeeper *zookeeper, int64_t id) {
    struct model_client *client;

    TAILQ_FOREACH (client, &zookeeper->clients, entry)
        if (client->session_id == id)
            return client;
    return NULL;
}

void model_zookeeper_expire(struct model_zookeeper *zookeeper, int64_t session_id) {
    struct session *session = find_session(zookeeper, session_id);
    struct model_client *client = client_of_session(zookeeper, session_id);
    struct model_node *node;

    if (session == NULL || !session->lives)
        return;
    session->lives = false;
    simulator_trace(zookeeper->simulator, "session %" PRId64 " expires", session_id);
    while ((node = model_tree_ephemeral(zookeeper->tree, session_id)) != NULL)
        CHECK(model_zookeeper_remove(zookeeper, model_node_path(node)) == ERR_NONE);
    if (client != NULL && client->connected) {
        client->scheduled++;
        simulator_schedule(zookeeper->simulator, 1 + simulator_below(&client->rng, 100),
                           expiry_heard, client);
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

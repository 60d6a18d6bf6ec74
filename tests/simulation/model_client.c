#include "tests/simulation/model_zookeeper_internal.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- Messages */

struct message *model_message_new(struct model_client *client) {
    struct message *message = model_allocate(sizeof(*message));

    message->client = client;
    message->connection = client->connection;
    message->number = ++client->last_number;
    return message;
}

void model_message_free(struct message *message) {
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

void model_client_unref(struct model_client *client) {
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

void model_client_schedule_arrival(struct model_client *client, int64_t *last_ms,
                                   simulated *arrived) {
    struct arrival *arrival = model_allocate(sizeof(*arrival));

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

bool model_client_must_hear(struct model_client *client) {
    return !client->stopped && model_zookeeper_session_lives(client->zookeeper, client->session_id);
}

/* ---- The client
 * ---------------------------------------------------------------------------------- */

static void complete(struct message *message) {
    struct model_client *client = message->client;

    TAILQ_REMOVE(&client->sent, message, entry);
    client->last_answered = message->number;
    message->done(message->context, &message->result);
    model_message_free(message);
}

static void answer_arrived(void *context) {
    bool current;
    struct model_client *client = take_arrival(context, &current);

    if (current) {
        struct message *message = TAILQ_FIRST(&client->sent);
        CHECK(message != NULL && message->executed);
        complete(message);
    }
    model_client_unref(client);
}

static void request_arrived(void *context) {
    bool current;
    struct model_client *client = take_arrival(context, &current);
    struct message *message = NULL;

    if (current && model_client_must_hear(client))
        TAILQ_FOREACH (message, &client->sent, entry)
            if (!message->executed)
                break;
    if (message != NULL) {
        model_message_execute(message);
        model_client_schedule_arrival(client, &client->last_back_ms, answer_arrived);
    }
    model_client_unref(client);
}

void model_client_event_arrived(void *context) {
    bool current;
    struct model_client *client = take_arrival(context, &current);

    if (current) {
        struct message *message = TAILQ_FIRST(&client->arriving);
        CHECK(message != NULL);
        TAILQ_REMOVE(&client->arriving, message, entry);
        client->zk.listener->on_watch(client->zk.listener, message->event_kind, message->path);
        model_message_free(message);
    }
    model_client_unref(client);
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
        model_message_free(message);
    }
    model_client_unref(client);
}

static void send_request(struct model_client *client, struct message *message, zk_completion *done,
                         void *context) {
    CHECK(!client->stopped);
    message->done = done;
    message->context = context;
    if (client->connected) {
        TAILQ_INSERT_TAIL(&client->sent, message, entry);
        model_client_schedule_arrival(client, &client->last_there_ms, request_arrived);
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
    struct message *message = model_message_new(client_of(zk));

    message->kind = kind;
    message->watch = watch;
    message->path = strdup(path);
    CHECK(message->path != NULL);
    send_request(client_of(zk), message, done, context);
}

static void send_write(struct zk *zk, enum request_kind kind, const struct zk_op *ops,
                       size_t op_count, zk_completion *done, void *context) {
    struct message *message = model_message_new(client_of(zk));

    message->kind = kind;
    message->op_count = op_count;
    message->ops = model_allocate(op_count * sizeof(*ops));
    for (size_t i = 0; i < op_count; i++) {
        message->ops[i] = ops[i];
        message->ops[i].path = strdup(ops[i].path);
        CHECK(message->ops[i].path != NULL);
        message->ops[i].data = model_copy_data(ops[i].data);
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

void model_client_session_new(void *context) {
    struct model_client *client = context;

    if (!client->stopped) {
        struct model_zookeeper *zookeeper = client->zookeeper;
        struct session *session = model_allocate(sizeof(*session));

        session->id = client->session_id = ++zookeeper->last_session;
        session->lives = true;
        TAILQ_INSERT_TAIL(&zookeeper->sessions, session, entry);
        client->connected = true;
        client->connection++;
        simulator_trace(zookeeper->simulator, "%s session %" PRId64, client->name, session->id);
        client->zk.listener->on_session(client->zk.listener, ZK_SESSION_NEW);
    }
    model_client_unref(client);
}

struct model_client *model_client_new(struct model_zookeeper *zookeeper, const char *name,
                                      uint64_t number, struct zk_listener *listener) {
    struct model_client *client = model_allocate(sizeof(*client));

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
    simulator_schedule(zookeeper->simulator, 1, model_client_session_new, client);
    return client;
}

struct zk *model_client_zk(struct model_client *client) {
    return &client->zk;
}

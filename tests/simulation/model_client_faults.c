/*
 * What can happen to a client of the model ZooKeeper: its connection breaks, its session ends, it
 * stops without a word.
 */
#include "tests/simulation/model_zookeeper_internal.h"

#include <inttypes.h>

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
        model_message_free(message);
    }
}

/* Those on their way to the server: the first of them, as many as chance wants, still arrive. */
static void lose_connection(struct model_client *client) {
    struct message *message;

    TAILQ_FOREACH (message, &client->sent, entry) {
        if (message->executed || message->connection != client->connection)
            continue;
        if (simulator_chance(&client->rng, 3) || !model_client_must_hear(client))
            break;
        model_message_execute(message);
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
        model_message_free(message);
    }
    while ((message = TAILQ_FIRST(&failed)) != NULL) {
        TAILQ_REMOVE(&failed, message, entry);
        model_message_free(message);
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
    simulator_schedule(client->zookeeper->simulator, 10, model_client_session_new, client);
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
                model_client_schedule_arrival(client, &client->last_back_ms,
                                              model_client_event_arrived);
        }
    }
    model_client_unref(client);
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
        model_message_free(message);
        TAILQ_CONCAT(&client->sent, &client->unsent, entry);
    }
    client->stopped = true;
    model_client_unref(client);
    return session_id;
}

static void expiry_heard(void *context) {
    struct model_client *client = context;

    if (!client->stopped && client->connected &&
        !model_zookeeper_session_lives(client->zookeeper, client->session_id))
        expired(client);
    model_client_unref(client);
}

static struct model_client *client_of_session(struct model_zookeeper *zookeeper, int64_t id) {
    struct model_client *client;

    TAILQ_FOREACH (client, &zookeeper->clients, entry)
        if (client->session_id == id)
            return client;
    return NULL;
}

void model_zookeeper_expire(struct model_zookeeper *zookeeper, int64_t session_id) {
    struct session *session = model_zookeeper_find_session(zookeeper, session_id);
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

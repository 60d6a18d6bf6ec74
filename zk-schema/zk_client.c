#include <stdlib.h>

#include "zk-schema/zk_client_internal.h"

/* Who asks again when its request is cancelled would do so for ever. */
#define CANCEL_ROUNDS_MAX 100

/* ---- On the executor ---- */

static bool is_connected_by_now(const struct request *request) {
    return request->awaits_connection &&
           (request->result.error == ERR_NONE || request->result.error == ERR_ZK_NO_NODE);
}

static void deliver_completion(struct request *request) {
    if (is_connected_by_now(request)) {
        request->result = (struct zk_result){0};
        zk_give_multi(request);
        return;
    }
    TAILQ_REMOVE(&request->client->outstanding, request, next_outstanding);
    request->done(request->context, &request->result);
    zk_request_free(request);
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
        zk_request_free(request);
    }
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
    zk_command(client, COMMAND_OPEN, dead, told == ZK_SESSION_AUTH_FAILED ? REOPEN_WAIT_MS : 0);
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
    client->zk.methods = &zk_client_methods;
    client->zk.listener = config->listener;
    client->config = *config;
    client->connect = zk_must_copy(config->connect, strlen(config->connect));
    chroot = chroot_of(client->connect);
    client->chroot = zk_must_copy(chroot, strlen(chroot));
    client->deadline_ms = INT64_MIN;
    if (client->config.clock == NULL)
        client->config.clock = clock_system();
    if (config->digest_auth != NULL)
        client->digest_auth = zk_must_copy(config->digest_auth, strlen(config->digest_auth));
    client->drain = calloc(1, sizeof(*client->drain));
    CHECK(client->drain != NULL);
    *client->drain = (struct drain){{.run = run_drain}, client};
    mutex_init(&client->inbox_lock);
    STAILQ_INIT(&client->inbox);
    TAILQ_INIT(&client->outstanding);
    CHECK(pthread_mutex_init(&client->command_lock, NULL) == 0);
    CHECK(pthread_cond_init(&client->command_changed, NULL) == 0);
    client->command = COMMAND_OPEN;
    CHECK(pthread_create(&client->opener, NULL, zk_run_opener, client) == 0);
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
    zk_command(client, COMMAND_STOP, NULL, 0);
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

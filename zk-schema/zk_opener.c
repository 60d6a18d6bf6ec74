#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "zk-schema/zk_client_internal.h"

#define CHROOT_CONNECT_WAIT_MS 30000
#define AUTH_WAIT_MS           10
#define LAST_ANSWER_WAIT_MS    3000 /* as long as the library waits to send its last request */
#define STATE_POLL_MS          100

void zk_command(struct zk_client *client, enum command next, struct session *dead,
                int64_t open_delay_ms) {
    CHECK(pthread_mutex_lock(&client->command_lock) == 0);
    client->command = next;
    client->open_delay_ms = open_delay_ms;
    if (dead != NULL)
        client->to_be_closed = dead;
    CHECK(pthread_cond_signal(&client->command_changed) == 0);
    CHECK(pthread_mutex_unlock(&client->command_lock) == 0);
}

/* From the thread that the line is about. */
static void on_library_log(const char *message) {
    if (strstr(message, "nitiated connection to server") != NULL)
        zk_wait_for_multi();
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

    zoo_set_debug_level(ZOO_LOG_LEVEL_INFO); /* as on_library_log needs */
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
        code = zoo_create(handle, path, NULL, -1, zk_acl_for(client, path), 0, NULL, 0);
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
    char *hosts = zk_must_copy(client->connect, host_size);
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

static void on_last_answer(int code, const struct Stat *stat, const void *data) {
    struct zk_client *client = (struct zk_client *)(uintptr_t)data;

    (void)code;
    (void)stat;
    CHECK(pthread_mutex_lock(&client->command_lock) == 0);
    client->all_is_answered = true;
    CHECK(pthread_cond_signal(&client->command_changed) == 0);
    CHECK(pthread_mutex_unlock(&client->command_lock) == 0);
}

/* The library closes the socket right behind its last request. If answers to earlier ones are
 * unread then, the kernel resets the connection, the server may not see that last request, and the
 * session lasts on, with the nodes that should be gone with it, until it times out. So all is
 * answered before: a server answers in order, and nobody asks any more. */
static void wait_for_all_answers(struct zk_client *client, zhandle_t *handle) {
    int64_t until_ms = clock_monotonic_ms(clock_system()) + LAST_ANSWER_WAIT_MS;

    CHECK(pthread_mutex_lock(&client->command_lock) == 0);
    client->all_is_answered = false;
    CHECK(pthread_mutex_unlock(&client->command_lock) == 0);
    if (zoo_aexists(handle, "/", 0, on_last_answer, client) != ZOK)
        return;
    CHECK(pthread_mutex_lock(&client->command_lock) == 0);
    while (!client->all_is_answered && zoo_state(handle) == ZOO_CONNECTED_STATE) {
        int64_t left_ms = until_ms - clock_monotonic_ms(clock_system());
        if (left_ms <= 0)
            break;
        wait_for_command(client, left_ms < STATE_POLL_MS ? left_ms : STATE_POLL_MS);
    }
    CHECK(pthread_mutex_unlock(&client->command_lock) == 0);
}

static void close_session(struct session *session) {
    if (session == NULL)
        return;
    if (zoo_state(session->opened) == ZOO_CONNECTED_STATE)
        wait_for_all_answers(session->client, session->opened);
    zookeeper_close(session->opened);
    zk_hand_over_session_event(session, NULL, STATE_CLOSED);
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
    session->opened = open_handle(client, client->connect, zk_on_event, session);
    if (session->opened == NULL) {
        LOG_WARN("zookeeper_not_opened", "connect=%s reason=\"%s\" action=\"trying again\"",
                 LOG_QUOTED_TEXT(client->connect), strerror(errno));
        free(session);
        return NULL;
    }
    zk_hand_over_session_event(session, NULL, STATE_READY);
    return session;
}

void *zk_run_opener(void *context) {
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

/*
 * What the files of the ZooKeeper client share: zk_handover.c takes what the library's threads
 * bring, zk_opener.c has a thread that opens and closes sessions, zk_request.c asks, zk_client.c
 * lives on the executor.
 *
 * Fields say which thread they belong to: the opener's, the executor's, or whoever has a lock.
 */
#ifndef ZK_SCHEMA_ZK_CLIENT_INTERNAL_H
#define ZK_SCHEMA_ZK_CLIENT_INTERNAL_H

#include <sys/queue.h>

#ifndef THREADED
#define THREADED /* the library's synchronous calls, for the opener */
#endif
#include <zookeeper/zookeeper.h>

#include "client/base/logger.h"
#include "client/base/sync.h"
#include "zk-schema/zk_client.h"

#define REOPEN_WAIT_MS  1000
#define CHROOT_SIZE_MAX 512

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
    bool awaits_connection; /* executor: a multi that the library has not got yet */
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
    bool all_is_answered;         /* command_lock: see zk_opener.c */
};

/* ---- zk_handover.c: from the library's threads to the executor ---- */

/* Puts it into the inbox. Any thread. */
void zk_hand_over(struct zk_client *client, struct item *item);
void zk_hand_over_session_event(struct session *session, zhandle_t *handle, int state);
/* The request has its result: `code` is the library's. */
void zk_complete(struct request *request, int code, const struct Stat *stat);
/* The library's callbacks: all watches' and sessions'; and of requests, by what they answer. */
void zk_on_event(zhandle_t *handle, int type, int state, const char *path, void *session);
void zk_on_data(int code, const char *value, int size, const struct Stat *stat,
                const void *request);
void zk_on_stat(int code, const struct Stat *stat, const void *request);
void zk_on_children(int code, const struct String_vector *names, const struct Stat *stat,
                    const void *request);
void zk_on_string(int code, const char *value, const void *request);
void zk_on_void(int code, const void *request);
void zk_on_multi(int code, const void *request);
/* A copy from malloc that ends with NUL. */
char *zk_must_copy(const void *data, size_t size);

/* ---- zk_opener.c ---- */

/* The thread: sessions are opened and closed as `command` says, until it says stop. */
void *zk_run_opener(void *client);
/* Tells it. `dead`: to be closed before; NULL: none. */
void zk_command(struct zk_client *client, enum command next, struct session *dead,
                int64_t open_delay_ms);

/* ---- zk_request.c: on the executor ---- */

extern const struct zk_methods zk_client_methods;
/* Gives a prepared multi to the library, now or once its session is connected. */
void zk_give_multi(struct request *request);
/* Waits while the library is taking a multi. Its I/O thread, between a connection's being there
 * and the answer that may say that the session is over: see zk_request.c. */
void zk_wait_for_multi(void);
const struct ACL_vector *zk_acl_for(const struct zk_client *client, const char *path);
void zk_request_free(struct request *request);

#endif

/*
 * A ZooKeeper session, as a port: the real one over libzookeeper_mt (zk_client.h), or a model in
 * memory that a simulation drives (tests/simulation/).
 *
 * All calls are asynchronous and pipelined; each completion is called exactly once, on the
 * session's executor, never from within the call. Requests of one session take effect in the
 * order of the calls. Paths are absolute below the chroot.
 *
 * A completion with ZK_OUTCOME_UNKNOWN or ZK_SESSION_EXPIRED says that the request may or may
 * not have been applied: read back before deciding. Nothing is retried in here. Requests are for
 * the time between ZK_SESSION_NEW and ZK_SESSION_EXPIRED; outside of it they are answered with
 * ZK_SESSION_EXPIRED. All requests of a session are answered before the next ZK_SESSION_NEW.
 * CANCELLED means that the owner closes the session: ask nothing more.
 *
 * Watches are one-shot, as ZooKeeper's. There is one watch callback for the whole session: the
 * event names the path. An event is delivered before the completion of any read that shows the
 * change. After a new session all watches are gone: register and read again.
 *
 * Threads: calls and callbacks only on the executor's thread.
 * Ownership: arguments are copied during the call; results are valid during the callback.
 * Source: ZooKeeper 3.8 programmer's guide.
 */
#ifndef ZK_SCHEMA_ZK_H
#define ZK_SCHEMA_ZK_H

#include "client/base/bytes.h"
#include "client/base/error.h"

#define ZK_ANY_VERSION (-1)

struct zk_stat {
    int64_t czxid; /* of a broker's znode: its broker epoch */
    int64_t mzxid;
    int64_t ctime_ms;
    int64_t mtime_ms;
    int64_t ephemeral_owner; /* session id, 0 if persistent */
    int32_t version;         /* dataVersion */
    int32_t cversion;
    int32_t child_count;
};

enum zk_op_kind { ZK_OP_CHECK, ZK_OP_CREATE, ZK_OP_SET, ZK_OP_DELETE };

enum zk_create_flags { ZK_PERSISTENT = 0, ZK_EPHEMERAL = 1, ZK_SEQUENTIAL = 2 };

struct zk_op {
    enum zk_op_kind kind;
    const char *path;
    struct bytes data; /* CREATE, SET; null is written as null */
    int32_t version;   /* CHECK, SET, DELETE; ZK_ANY_VERSION for no check */
    int flags;         /* CREATE: zk_create_flags */
};

struct zk_op_result {
    enum error error;         /* ZK_NOT_ATTEMPTED behind the first that failed */
    struct zk_stat stat;      /* SET */
    const char *created_path; /* CREATE, with the sequence number if sequential */
};

struct zk_result {
    enum error error;            /* for a multi: that of the first operation that failed */
    struct zk_stat stat;         /* get, exists, set, children (of the parent) */
    struct bytes data;           /* get */
    const char *created_path;    /* create */
    const char *const *children; /* children: names, unsorted */
    size_t child_count;
    const struct zk_op_result *ops; /* multi; NULL if the multi as a whole failed */
    size_t op_count;
};

typedef void zk_completion(void *context, const struct zk_result *result);

enum zk_event_kind { ZK_EVENT_CREATED, ZK_EVENT_DELETED, ZK_EVENT_DATA, ZK_EVENT_CHILDREN };

enum zk_session_state {
    ZK_SESSION_NEW,          /* connected with a session that did not exist before */
    ZK_SESSION_RECONNECTED,  /* connected again, same session, watches restored */
    ZK_SESSION_DISCONNECTED, /* connection lost; the session may live on */
    ZK_SESSION_EXPIRED,      /* over: ephemerals and watches are gone; a NEW one will follow */
    ZK_SESSION_AUTH_FAILED   /* the credentials were refused; nothing will work */
};

struct zk_listener {
    void (*on_session)(struct zk_listener *listener, enum zk_session_state state);
    void (*on_watch)(struct zk_listener *listener, enum zk_event_kind kind, const char *path);
};

struct zk;

struct zk_methods {
    void (*get)(struct zk *zk, const char *path, bool watch, zk_completion *done, void *context);
    /* ZK_NO_NODE with a watch: the watch stands, and fires when the node is created. */
    void (*exists)(struct zk *zk, const char *path, bool watch, zk_completion *done, void *context);
    void (*children)(struct zk *zk, const char *path, bool watch, zk_completion *done,
                     void *context);
    void (*create)(struct zk *zk, const char *path, struct bytes data, int flags,
                   zk_completion *done, void *context);
    void (*set)(struct zk *zk, const char *path, struct bytes data, int32_t version,
                zk_completion *done, void *context);
    void (*remove)(struct zk *zk, const char *path, int32_t version, zk_completion *done,
                   void *context);
    void (*multi)(struct zk *zk, const struct zk_op *ops, size_t op_count, zk_completion *done,
                  void *context);
    /* Waits until this server has seen all that was committed before. */
    void (*sync)(struct zk *zk, const char *path, zk_completion *done, void *context);
    int64_t (*session_id)(const struct zk *zk); /* 0 while there is none */
};

struct zk {
    const struct zk_methods *methods;
    struct zk_listener *listener; /* set before the first call of anything */
};

static inline void zk_get(struct zk *zk, const char *path, bool watch, zk_completion *done,
                          void *context) {
    zk->methods->get(zk, path, watch, done, context);
}

static inline void zk_exists(struct zk *zk, const char *path, bool watch, zk_completion *done,
                             void *context) {
    zk->methods->exists(zk, path, watch, done, context);
}

static inline void zk_children(struct zk *zk, const char *path, bool watch, zk_completion *done,
                               void *context) {
    zk->methods->children(zk, path, watch, done, context);
}

static inline void zk_create(struct zk *zk, const char *path, struct bytes data, int flags,
                             zk_completion *done, void *context) {
    zk->methods->create(zk, path, data, flags, done, context);
}

static inline void zk_set(struct zk *zk, const char *path, struct bytes data, int32_t version,
                          zk_completion *done, void *context) {
    zk->methods->set(zk, path, data, version, done, context);
}

static inline void zk_remove(struct zk *zk, const char *path, int32_t version, zk_completion *done,
                             void *context) {
    zk->methods->remove(zk, path, version, done, context);
}

static inline void zk_multi(struct zk *zk, const struct zk_op *ops, size_t op_count,
                            zk_completion *done, void *context) {
    zk->methods->multi(zk, ops, op_count, done, context);
}

static inline void zk_sync(struct zk *zk, const char *path, zk_completion *done, void *context) {
    zk->methods->sync(zk, path, done, context);
}

static inline int64_t zk_session_id(const struct zk *zk) {
    return zk->methods->session_id(zk);
}

#endif

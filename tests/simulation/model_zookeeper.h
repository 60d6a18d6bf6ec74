/*
 * ZooKeeper in memory, in simulated time: the model form of the port zk-schema/zk.h.
 *
 * One tree with ZooKeeper's rules (versions, zxids, ephemeral and sequential znodes, multis that
 * are all or nothing, one-shot watches), and any number of clients with sessions. Requests and
 * answers of a client travel in order, each with a delay by chance; a watch event travels among
 * the answers, so it comes before any answer that shows the change.
 *
 * What can go wrong: a connection breaks (requests on their way are applied or not, by chance, and
 * complete with an unknown outcome; later requests complete so too until it is back), a session
 * expires (which the client hears of only when it is connected again), a process stops without a
 * word.
 *
 * Source: ZooKeeper 3.8 programmer's guide; what was measured with its C client.
 */
#ifndef TESTS_SIMULATION_MODEL_ZOOKEEPER_H
#define TESTS_SIMULATION_MODEL_ZOOKEEPER_H

#include "tests/simulation/simulator.h"
#include "zk-schema/zk.h"

struct model_zookeeper;
struct model_client;

/* One znode's change, told when its transaction is committed, in the order of the operations. */
struct model_change {
    enum zk_op_kind kind; /* CREATE, SET, DELETE */
    const char *path;
    struct bytes data; /* DELETE: what it held */
    struct zk_stat stat;
    int64_t session_id;
};

/* Called after each transaction; the tree is as it left it. */
typedef void model_commit(void *context, const struct model_change *changes, size_t count);

struct model_zookeeper *model_zookeeper_new(struct simulator *simulator, model_commit *commit,
                                            void *context);
void model_zookeeper_free(struct model_zookeeper *zookeeper); /* after its clients */

/* Opens a session; the listener hears of ZK_SESSION_NEW soon. Name and number say whose process,
 * and which of them, it is: its messages take times by their own chance. */
struct model_client *model_client_new(struct model_zookeeper *zookeeper, const char *name,
                                      uint64_t number, struct zk_listener *listener);
struct zk *model_client_zk(struct model_client *client);

/* The process dies: outstanding completions are called with CANCELLED (so that they can free what
 * they hold), and nothing afterwards. Its session goes on until it is expired. Returns the
 * session. */
int64_t model_client_stop(struct model_client *client);

/* Faults. */
void model_client_disconnect(struct model_client *client, int64_t for_ms);
void model_zookeeper_expire(struct model_zookeeper *zookeeper, int64_t session_id);
bool model_zookeeper_session_lives(struct model_zookeeper *zookeeper, int64_t session_id);

/* The tree, seen and changed from outside at once: an operator with a shell. */
bool model_zookeeper_get(struct model_zookeeper *zookeeper, const char *path, struct bytes *data,
                         struct zk_stat *stat);
enum error model_zookeeper_create(struct model_zookeeper *zookeeper, const char *path,
                                  struct bytes data);
enum error model_zookeeper_set(struct model_zookeeper *zookeeper, const char *path,
                               struct bytes data);
enum error model_zookeeper_remove(struct model_zookeeper *zookeeper, const char *path);
/* Calls `each` for the children of a node, in order of creation. */
void model_zookeeper_children(struct model_zookeeper *zookeeper, const char *path,
                              void (*each)(void *context, const char *name), void *context);

/* Biggest multi so far, and how many there were. */
struct model_statistics {
    uint64_t multis;
    size_t multi_ops_max;
    size_t multi_bytes_max;
    size_t watches; /* standing now */
};
struct model_statistics model_zookeeper_statistics(const struct model_zookeeper *zookeeper);

#endif

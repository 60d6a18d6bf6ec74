/*
 * The inside of the model ZooKeeper: for model_zookeeper.c (the server), model_client.c (requests,
 * answers and events on their way) and model_client_faults.c only.
 */
#ifndef TESTS_SIMULATION_MODEL_ZOOKEEPER_INTERNAL_H
#define TESTS_SIMULATION_MODEL_ZOOKEEPER_INTERNAL_H

#include <stdlib.h>
#include <sys/queue.h>

#include "tests/simulation/model_tree.h"
#include "tests/simulation/model_watches.h"
#include "tests/simulation/model_zookeeper.h"

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

/* model_zookeeper.c */
void *model_allocate(size_t size);
struct bytes model_copy_data(struct bytes source);
struct session *model_zookeeper_find_session(struct model_zookeeper *zookeeper, int64_t id);
/* The server carries out a request that has come. */
void model_message_execute(struct message *message);

/* model_client.c */
struct message *model_message_new(struct model_client *client);
void model_message_free(struct message *message);
void model_client_unref(struct model_client *client);
/* Whether it lives, and its session too. */
bool model_client_must_hear(struct model_client *client);
/* `arrived` is called when the next message of the direction of *last_ms is there. */
void model_client_schedule_arrival(struct model_client *client, int64_t *last_ms,
                                   simulated *arrived);
simulated model_client_event_arrived, model_client_session_new;

#endif

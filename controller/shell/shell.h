/*
 * The inside of the shell: what its files share. controller_shell.c feeds the core and hands out
 * its effects; read.c carries out those that read (what is read is in cluster_reads.c and
 * topic_reads.c), cluster_writes.c those that write.
 */
#ifndef CONTROLLER_SHELL_SHELL_H
#define CONTROLLER_SHELL_SHELL_H

#include <sys/queue.h>

#include "client/base/arena.h"
#include "controller/core/controller.h"
#include "controller/shell/activity.h"
#include "controller/shell/controller_shell.h"

/* One effect that ZooKeeper is working on. The core hears of it when it is finished; not at all
 * if the session it was begun in is over, or the shell is gone. */
struct operation {
    struct controller_shell *shell; /* NULL: the shell is gone */
    uint64_t session;               /* shell->session when it was begun */
    enum controller_effect_kind kind;
    uint64_t term;
    uint64_t token;
    struct arena arena;
    TAILQ_ENTRY(operation) entry;
};

TAILQ_HEAD(operations, operation);

struct pending_request;
struct reads_under_way;

struct controller_shell {
    struct controller_shell_config config;
    struct controller *core;
    uint64_t session; /* counts sessions, so that answers of an old one are told apart */
    struct operations operations;
    struct pending_request *requests; /* by token */
    uint64_t last_token;
    struct reads_under_way *reads;
    int64_t core_timer_at_ms;    /* monotonic; 0: not armed */
    int64_t retry_timer_at_ms;   /* monotonic; 0: not armed */
    int64_t balance_timer_at_ms; /* monotonic; 0: not armed */
    struct activities activities;
};

/* Steps the core and carries out what it says. */
void controller_shell_step(struct controller_shell *shell, const struct controller_event *event);

/* The first bytes of `size` bytes of memory are an operation, begun for this effect. */
void *controller_operation_new(struct controller_shell *shell,
                               const struct controller_effect *effect, size_t size);
/* Whether somebody still waits for its outcome; nobody does for a CANCELLED one, since the session
 * is being closed for good. */
bool controller_operation_is_wanted(const struct operation *operation, enum error error);
/* The answer to it, to be filled in. */
struct controller_event controller_operation_answer(const struct operation *operation,
                                                    enum controller_event_kind kind);
void controller_operation_free(struct operation *operation);
/* A null-terminated copy in its arena. */
const char *controller_operation_text(struct operation *operation, struct bytes text);
void *controller_operation_allocate(struct operation *operation, size_t count, size_t size);

/* Reads that found ZooKeeper away begin again after `delay_ms`, or when they would have earlier. */
void controller_shell_arm_retry(struct controller_shell *shell, int64_t delay_ms);

/* ---- read.c */
struct reads_under_way *controller_reads_new(struct controller_shell *shell);
void controller_reads_free(struct reads_under_way *reads); /* accepts NULL */
void controller_reads_begin(struct controller_shell *shell, const struct controller_effect *effect);
/* Begins those again that found ZooKeeper away. */
void controller_reads_retry(struct controller_shell *shell);
/* The session is over: nobody waits any more. */
void controller_reads_drop(struct controller_shell *shell);

/* ---- cluster_writes.c */
void controller_write_elect(struct controller_shell *shell, const struct controller_effect *effect);
void controller_write_relinquish(struct controller_shell *shell,
                                 const struct controller_effect *effect);
void controller_write_multi(struct controller_shell *shell, const struct controller_effect *effect);
/* Makes /feature, which Java brokers wait for, if it is missing. */
void controller_write_feature(struct controller_shell *shell);
void controller_write_producer_ids(struct controller_shell *shell,
                                   const struct controller_effect *effect);

#endif

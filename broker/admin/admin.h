/*
 * The broker's HTTP listener for operators and their machines: health, metrics, log levels. It is
 * not for clients, and asks nobody who he is; see barnabas.admin.listener.
 *
 * It listens before the broker has joined its cluster and until it has left, so that probes are
 * answered all the time; what it knows of the broker comes with admin_attach.
 *
 * Threads: one of its own answers. The functions below are for the thread that starts and stops the
 * broker; all accept NULL, which is a broker without the listener.
 */
#ifndef BROKER_ADMIN_ADMIN_H
#define BROKER_ADMIN_ADMIN_H

#include <stdint.h>

#include "client/base/check.h"
#include "client/base/error.h"

struct admin;
struct client_census;
struct config;
struct control;
struct executor;
struct group_census;
struct lag_report;
struct log_manager;
struct request_metrics;
struct server;

/* A thread that has to answer for the broker to be healthy, beside those of the server. */
struct admin_thread {
    const char *name;
    struct executor *executor;
};

#define ADMIN_THREADS_MAX 8

/* The parts of a broker that has joined its cluster. They live until admin_detach. */
struct admin_parts {
    int32_t broker_id;
    const char *cluster_id;
    const struct config *config;
    struct control *control;
    struct log_manager *logs;
    struct server *server;
    const struct group_census *groups;
    struct lag_report *lag; /* NULL: not looked at */
    struct request_metrics *metrics;
    struct client_census *clients;
    struct admin_thread threads[ADMIN_THREADS_MAX]; /* up to the first without a name */
};

/* Listens at `host` (numeric or a name) and `port` (0: the kernel picks one), and answers. Logs
 * where, or what failed. Errors: ADDRESS_UNAVAILABLE, OUT_OF_MEMORY. */
MUST_CHECK enum error admin_start(const char *host, uint16_t port, struct admin **started);

/* There are logs, which are about to be loaded. They live until admin_detach. */
void admin_attach_logs(struct admin *admin, struct log_manager *logs);

/* The broker serves from now on. The struct is copied. */
void admin_attach(struct admin *admin, const struct admin_parts *parts);

/* It serves still, but somebody wants it to stop: it is not ready any more. */
void admin_note_stopping(struct admin *admin);

/* Returns when nothing uses the parts any more. */
void admin_detach(struct admin *admin);

/* Ends the thread. */
void admin_stop(struct admin *admin);

#endif

/*
 * Brokers over the model ZooKeeper: each is a process with a session, a registration, a
 * controller's shell and a metadata cache, all real but the ZooKeeper below and the clock. A
 * checker watches every transaction.
 *
 * A stopped broker's session goes on until it is expired, as a killed process's.
 */
#ifndef TESTS_SIMULATION_SIMULATED_CLUSTER_H
#define TESTS_SIMULATION_SIMULATED_CLUSTER_H

#include "broker/metadata/metadata_watcher.h"
#include "controller/shell/controller_shell.h"
#include "tests/simulation/checker.h"
#include "tests/simulation/model_replicas.h"
#include "tests/simulation/model_zookeeper.h"

#define SIMULATED_BROKERS_MAX 8

struct broker_registration;

struct simulated_broker {
    struct simulated_cluster *cluster;
    int32_t id;
    const char *rack; /* NULL: none */
    bool exists;
    bool runs;
    struct model_client *client;
    struct zk_listener listener;
    struct broker_registration *registration;
    struct controller_shell *shell;
    struct metadata_cache metadata;
    struct metadata_watcher *watcher;
    bool follows_metadata; /* since its first registration */
    struct controller_timer timer;
    uint64_t timer_generation;
    bool registration_started;
    uint64_t starts;
    struct rng rng;       /* the chance of this process */
    int64_t broker_epoch; /* 0: not registered, as far as it knows */
    bool was_registered;  /* in this process */
    bool stopped_cleanly; /* the process before */
    bool restarted_uncleanly;
};

struct simulated_cluster {
    struct simulator simulator;
    struct model_zookeeper *zookeeper;
    struct checker *checker;
    struct simulated_broker brokers[SIMULATED_BROKERS_MAX + 1]; /* by id, from 1 */
    bool unclean_leader_election_enable;
    bool without_fence;
    bool without_registrations_check;
    bool resume_old_leaderships;     /* whatever was lost since */
    struct model_replicas *replicas; /* NULL: brokers hold no records */
    int64_t balance_interval_ms;     /* 0: leadership does not go back by itself */
    size_t changes_retained;         /* entries of the change log; 0: as many as is usual */
    uint64_t readers;                /* so far */
    bool is_over;                    /* nobody starts any more */
};

void simulated_cluster_init(struct simulated_cluster *cluster, uint64_t seed);
void simulated_cluster_done(struct simulated_cluster *cluster);

void simulated_broker_start(struct simulated_cluster *cluster, int32_t id, const char *rack);
/* Kills it; its session expires after `session_left_ms`. */
void simulated_broker_stop(struct simulated_cluster *cluster, int32_t id, int64_t session_left_ms);
/* Ends it with its logs closed. */
void simulated_broker_close(struct simulated_cluster *cluster, int32_t id, int64_t session_left_ms);

/* Somebody who comes now and reads all metadata. */
struct simulated_reader;
struct simulated_reader *simulated_reader_new(struct simulated_cluster *cluster);
void simulated_reader_free(struct simulated_reader *reader); /* accepts NULL */
bool simulated_reader_is_loaded(const struct simulated_reader *reader);
/* Every running broker's cache, which followed the change log, equals what the reader has read;
 * for a cluster at rest. */
void simulated_reader_compare(const struct simulated_reader *reader);

/* The broker that is active and has the newest epoch; NULL if none. */
struct simulated_broker *simulated_cluster_controller(struct simulated_cluster *cluster);

#endif

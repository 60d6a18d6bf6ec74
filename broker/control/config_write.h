/*
 * Changes what a topic or a broker has of its own settings, in ZooKeeper: reads them, asks what
 * they shall be, and writes that together with the notification that makes every broker read it.
 *
 * Both are one transaction, as is the check that there is a controller (Kafka writes them one
 * after the other; the znodes are the same). It carries the version that was read: if somebody
 * else wrote meanwhile, it is read and asked again. If ZooKeeper does not answer, it is read and
 * asked again too, until it answers or the write's time is up: a change that was made already is
 * made once more, which does no harm.
 *
 * Threads: the control thread. Source: Apache Kafka 3.9, AdminZkClient, KafkaZkClient.
 */
#ifndef BROKER_CONTROL_CONFIG_WRITE_H
#define BROKER_CONTROL_CONFIG_WRITE_H

#include <sys/queue.h>

#include "broker/config/topic_config.h"
#include "client/base/arena.h"
#include "client/base/check.h"
#include "zk-schema/paths.h"

struct zk;

struct config_write {
    /* Set by the owner. */
    char entity[ZNODE_PATH_SIZE - 16]; /* "topics/orders", "brokers/1", "brokers/<default>" */
    struct bytes topic;                /* of a topic: it must be there; else null */
    bool validate_only;
    /* What shall be there, from what is there; may be called more than once. `before` and
     * `arena` are valid until `done` returns. An error ends the write. */
    enum error (*decide)(struct config_write *write, const struct config_pair *before,
                         size_t before_count, struct arena *arena, struct config_pair **after,
                         size_t *after_count);
    /* Called once. Errors: those of `decide`; STALE_CONTROLLER_EPOCH (no controller is there),
     * REQUEST_TIMED_OUT (ZooKeeper does not answer: it may have been written or not),
     * UNKNOWN_TOPIC_OR_PARTITION, and ZooKeeper's. */
    void (*done)(struct config_write *write, enum error error);

    /* The module's own. */
    struct config_writes *writes;
    TAILQ_ENTRY(config_write) entry; /* of those that wait for ZooKeeper */
    int64_t deadline_ms;             /* monotonic */
    struct arena arena;
    int32_t controller_version;
    int32_t version; /* of the entity's znode; -1: there is none */
    int attempts;
    enum error read_error;
    struct config_pair *pairs;
    size_t pair_count;
};

TAILQ_HEAD(config_write_list, config_write);

/* All writes of this broker. */
struct config_writes {
    struct zk *zk;
    struct config_write_list waiting;
};

void config_writes_init(struct config_writes *writes, struct zk *zk);

/* `write` stays where it is until `done`. */
void config_writes_start(struct config_writes *writes, struct config_write *write, int64_t now_ms);

/* A few times a second: those that wait try again. */
void config_writes_on_time(struct config_writes *writes, int64_t now_ms);

/* The session will be closed: those that wait end, CANCELLED. */
void config_writes_cancel(struct config_writes *writes);

#endif

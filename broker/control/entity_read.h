/*
 * Reads the settings of entities (users, clients, addresses) from ZooKeeper: of some, or of all of
 * a kind. Brokers do not keep them; an operator asks now and then.
 *
 * Threads: the control thread. Source: Apache Kafka 3.9, AdminZkClient.
 */
#ifndef BROKER_CONTROL_ENTITY_READ_H
#define BROKER_CONTROL_ENTITY_READ_H

#include <sys/queue.h>

#include "broker/config/topic_config.h"
#include "client/base/arena.h"
#include "client/base/check.h"

struct zk;
struct entity_step;

/* An entity that has settings. */
struct entity_settings {
    const char *entity; /* below /config: "users/alice/clients/<default>" */
    struct config_pair *pairs;
    size_t pair_count;
    STAILQ_ENTRY(entity_settings) entry;
};

struct entity_read {
    struct arena *arena; /* the control thread's until `done`; what is found lives in it */
    STAILQ_HEAD(, entity_settings) found;
    size_t found_count;
    /* Called once. Errors: OUT_OF_MEMORY (past the arena's bound), REQUEST_TIMED_OUT (ZooKeeper
     * does not answer), and ZooKeeper's. */
    void (*done)(struct entity_read *read, enum error error);

    /* The module's own. */
    struct zk *zk;
    STAILQ_HEAD(, entity_step) steps; /* not begun */
    size_t outstanding;
    enum error error;
};

void entity_read_init(struct entity_read *read, struct arena *arena,
                      void (*done)(struct entity_read *read, enum error error));

/* What shall be read; before it is started. That which is not there has no settings.
 * `entity`: one. `folder`: all that are in it, like "users"; with `below`, like "clients", those
 * that each of them has below that. */
void entity_read_add(struct entity_read *read, const char *entity);
void entity_read_add_all(struct entity_read *read, const char *folder, const char *below);

/* `read` stays where it is until `done`, which may be called from within if there is nothing to do.
 */
void entity_read_start(struct entity_read *read, struct zk *zk);

#endif

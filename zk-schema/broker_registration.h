/*
 * Keeps this broker's znode /brokers/ids/N standing: registers in every new session, and tells its
 * own leftovers from another broker with the same id.
 *
 *   the znode exists, owned by          then
 *   this session                        our own first try succeeded: registered
 *   a former session of this process    left over from an expired session: deleted, tried again
 *   anybody else                        a broker with our id, or our former process, whose session
 *                                       will end: waits for the deletion
 *
 * A foreign znode is never deleted: it may be a live broker's. How long to wait for its deletion is
 * the owner's to decide (about a session timeout): is_waiting tells, and closing gives up.
 *
 * Threads: the session's executor. Source: Kafka 3.9, KafkaZkClient.registerBroker,
 * CheckedEphemeral.
 */
#ifndef ZK_SCHEMA_BROKER_REGISTRATION_H
#define ZK_SCHEMA_BROKER_REGISTRATION_H

#include "client/base/check.h"
#include "zk-schema/zk.h"

struct broker_registration;

struct broker_registration_config {
    struct zk *zk;
    int32_t broker_id;
    struct bytes data; /* the znode's content; copied */
    /* The znode stands in the present session, with this czxid. */
    void (*on_registered)(void *context, int64_t broker_epoch);
    void *context;
};

MUST_CHECK enum error broker_registration_new(const struct broker_registration_config *config,
                                              struct broker_registration **created);
void broker_registration_free(struct broker_registration *registration); /* accepts NULL */

/* Begins to register in the present session. */
void broker_registration_start(struct broker_registration *registration);

/* To be told of every event of the session once started. */
void broker_registration_on_session(struct broker_registration *registration,
                                    enum zk_session_state state);
void broker_registration_on_watch(struct broker_registration *registration,
                                  enum zk_event_kind kind, const char *path);

/* Another session owns the znode, and we wait for it to go. */
bool broker_registration_is_waiting(const struct broker_registration *registration);
bool broker_registration_is_registered(const struct broker_registration *registration);

#endif

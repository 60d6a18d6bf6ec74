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
 * A foreign znode is never deleted: it may be a live broker's. A session of a dead process ends
 * within its timeout; if the znode outlives that, the id is taken and we are refused.
 *
 * Each registration also counts up /barnabas/registrations. The first one of a process that started
 * on logs that may have lost records writes /barnabas/unclean_restarts/N as well, whose mzxid then
 * says: states that are older counted on records that this broker may not have any more. That stays
 * true however often the broker starts again, cleanly or not, so nobody deletes it.
 *
 * A state machine: the owner forwards the events of the session, and the time.
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
    /* This process started on logs that may have lost records. */
    bool restarted_uncleanly;
    /* The znode stands, with this czxid. Once per session. */
    void (*on_registered)(void *context, int64_t broker_epoch);
    /* It cannot be had, and nothing more is tried: DUPLICATE_BROKER_REGISTRATION (another broker
     * has the id), or what ZooKeeper says (ZK_NO_AUTH, ZK_INVALID_ACL, ZK_NO_NODE if the startup
     * paths are missing...). It has been logged. May be NULL. */
    void (*on_refused)(void *context, enum error error);
    void *context;
};

MUST_CHECK enum error broker_registration_new(const struct broker_registration_config *config,
                                              struct broker_registration **created);
/* After the session is closed: until then its completions come back here. Accepts NULL. */
void broker_registration_free(struct broker_registration *registration);

/* Begins to register in the present session. */
void broker_registration_start(struct broker_registration *registration);

/* To be told of every event of the session once started. */
void broker_registration_on_session(struct broker_registration *registration,
                                    enum zk_session_state state);
void broker_registration_on_watch(struct broker_registration *registration, enum zk_event_kind kind,
                                  const char *path);

/* To be called a few times per second while is_waiting: refuses once another session has owned the
 * znode for one and a half of `session_timeout_ms` (what the server granted; it looks for dead
 * sessions once per tick, of which a timeout holds at least two). `now_ms` is monotonic. */
void broker_registration_on_time(struct broker_registration *registration, int64_t now_ms,
                                 int32_t session_timeout_ms);

/* Another session owns the znode, and we wait for it to go. */
bool broker_registration_is_waiting(const struct broker_registration *registration);
bool broker_registration_is_registered(const struct broker_registration *registration);

/* Once registered: the registration (its zxid) before which this broker's logs may have lost
 * records, of this process or an earlier one; 0: never. */
int64_t broker_registration_unclean_since(const struct broker_registration *registration);

#endif

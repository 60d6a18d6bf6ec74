/*
 * Consumer: reads partitions that the caller names, from where it says; or, as a member of a
 * group, those that the group gives it, from where the group has come to.
 *
 * What is delivered. The records of a partition come in the order of their offsets, each once per
 * assignment, without gaps other than those the log has (compaction, markers of transactions,
 * retention). Where the log has been cut below the position (leader failed over after losing
 * data) or deleted beyond it, reading goes on as auto.offset.reset says, and an event tells.
 * With isolation.level=read_committed, records of aborted transactions are left out, and those
 * of open ones wait.
 *
 * Racks. With client.rack set, the leader may send us to a replica in that rack, which is read then
 * instead (brokers need a replica.selector.class for it). One that fails, lags behind our position
 * or has left is given up for the leader, which is asked anew every metadata.max.age.ms besides.
 *
 * Groups. With group.id set, barnabas_consumer_subscribe makes the consumer a member: partitions
 * of the topics are shared out among all members, each to exactly one of them at a time, and
 * shared out anew when members come or go, or topics grow. The group's position in a partition is
 * what its members committed; a partition without one begins as auto.offset.reset says. What was
 * delivered but not committed when a member dies is delivered again, to another: commit after
 * your work is done and it happens at least once, commit before and it happens at most once.
 * With enable.auto.commit=true (default), the messages of a poll are committed during a later
 * poll, and before their partition is given up: so finish with what a poll returned before you
 * poll again. A member must poll at least every max.poll.interval.ms, or it loses its place.
 * With a cooperative assignor, reading goes on through a rebalance in all partitions that stay.
 *
 * Memory. The background thread reads ahead, up to fetch.max.bytes. What barnabas_consumer_poll
 * returns points into the handle and is valid until the next poll or close.
 *
 * Threads. One thread polls, subscribes and closes; the other functions may be called by any
 * thread at any time. Callbacks of rebalances and commits run inside barnabas_consumer_poll,
 * unsubscribe and close, on their thread; they may call anything but those three and subscribe.
 */
#ifndef BARNABAS_CONSUMER_H
#define BARNABAS_CONSUMER_H

#include <barnabas/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct barnabas_consumer;

enum barnabas_position_kind {
    BARNABAS_FROM_BEGINNING,
    BARNABAS_FROM_END,    /* only what is written from now on */
    BARNABAS_FROM_OFFSET, /* value: the offset of the first record wanted */
    BARNABAS_FROM_TIME    /* value: a timestamp; the first record not older, or the end */
};

struct barnabas_position {
    enum barnabas_position_kind kind;
    int64_t value;
};

enum barnabas_timestamp_type { BARNABAS_CREATE_TIME, BARNABAS_LOG_APPEND_TIME };

struct barnabas_message {
    const char *topic;
    int32_t partition;
    int32_t leader_epoch; /* -1: unknown */
    int64_t offset;
    int64_t timestamp; /* -1: none */
    enum barnabas_timestamp_type timestamp_type;
    const void *key; /* NULL: null */
    size_t key_size;
    const void *value; /* NULL: null */
    size_t value_size;
    const struct barnabas_header *headers;
    size_t header_count;
};

enum barnabas_event_kind {
    /* The position is the end that readers may see; given again after more has been read.
     * Only with enable.partition.eof=true. */
    BARNABAS_END_REACHED,
    /* The position was moved to `offset` because it was out of range or the log was cut. */
    BARNABAS_POSITION_RESET,
    /* Reading of the partition has stopped: assign it again or give it up. */
    BARNABAS_PARTITION_FAILED
};

struct barnabas_event {
    enum barnabas_event_kind kind;
    const char *topic;
    int32_t partition;
    int64_t offset; /* the next one to be read */
    int error;      /* why */
};

/* Events hold for their partition behind the messages of the same poll. */
struct barnabas_polled {
    const struct barnabas_message *messages;
    size_t message_count;
    const struct barnabas_event *events;
    size_t event_count;
};

/* Starts the background thread and returns at once. Errors: CONFIG_INVALID (with the reason),
 * OUT_OF_MEMORY. */
BARNABAS_API int barnabas_consumer_open(const struct barnabas_config *config,
                                        struct barnabas_consumer **opened,
                                        struct barnabas_reason *reason);

/* Begins or begins anew to read the partition at `position`; what was read ahead from another
 * place is dropped. Errors: INVALID_TOPIC, INVALID_REQUEST, OUT_OF_MEMORY. That the partition
 * does not exist comes as an event. */
BARNABAS_API int barnabas_consumer_assign(struct barnabas_consumer *consumer, const char *topic,
                                          int32_t partition, struct barnabas_position position);

/* Stops reading the partition. INVALID_REQUEST if it is not assigned, as below. */
BARNABAS_API int barnabas_consumer_unassign(struct barnabas_consumer *consumer, const char *topic,
                                            int32_t partition);

/* A paused partition keeps its position and is not delivered until resumed. */
BARNABAS_API int barnabas_consumer_pause(struct barnabas_consumer *consumer, const char *topic,
                                         int32_t partition);
BARNABAS_API int barnabas_consumer_resume(struct barnabas_consumer *consumer, const char *topic,
                                          int32_t partition);

/* Goes on at another place; a paused partition stays paused. In a group, what is committed next
 * counts from there. INVALID_REQUEST if it is not assigned. */
BARNABAS_API int barnabas_consumer_seek(struct barnabas_consumer *consumer, const char *topic,
                                        int32_t partition, struct barnabas_position position);

enum barnabas_rebalance_kind {
    /* These are ours from now on, beside what we had. Seek now to read from another place than
     * the committed one. Called for every generation, also if there is nothing new. */
    BARNABAS_REBALANCE_ASSIGNED,
    /* These will go to others: finish, commit. Nothing of them is delivered afterwards. */
    BARNABAS_REBALANCE_REVOKED,
    /* These may be others' already, because we were silent for too long: a commit would be
     * refused. */
    BARNABAS_REBALANCE_LOST
};

/* The partitions are valid during the call. */
typedef void barnabas_rebalanced(void *context, struct barnabas_consumer *consumer,
                                 enum barnabas_rebalance_kind kind,
                                 const struct barnabas_topic_partition *partitions, size_t count);

/* Joins the group of group.id, or changes what it wants there. `rebalanced` may be NULL. Joining
 * needs polls. Partitions that were assigned by hand stay so, besides.
 * Errors: INVALID_TOPIC, INVALID_GROUP_ID (group.id is not set), OUT_OF_MEMORY. */
BARNABAS_API int barnabas_consumer_subscribe(struct barnabas_consumer *consumer,
                                             const char *const *topics, size_t count,
                                             barnabas_rebalanced *rebalanced, void *context);

/* The same for all topics whose whole name matches, those to come too. `pattern` is a POSIX
 * extended regular expression. INVALID_REGULAR_EXPRESSION, with the reason. */
BARNABAS_API int barnabas_consumer_subscribe_pattern(struct barnabas_consumer *consumer,
                                                     const char *pattern,
                                                     barnabas_rebalanced *rebalanced, void *context,
                                                     struct barnabas_reason *reason);

/* Commits (if enable.auto.commit), gives up what the group gave, and leaves it; a static member
 * (group.instance.id) does not leave, so that it finds its place when it comes back. */
BARNABAS_API int barnabas_consumer_unsubscribe(struct barnabas_consumer *consumer);

/* What the group has given us. Fills in up to `capacity`; `*count` is how many there are. Names
 * are valid until close. */
BARNABAS_API void barnabas_consumer_assignment(struct barnabas_consumer *consumer,
                                               struct barnabas_topic_partition *partitions,
                                               size_t capacity, size_t *count);

/* Commits, and waits until the coordinator has it on its replicas. `offsets` NULL: behind all that
 * was polled, of all partitions of the group. Otherwise these lines; their `error` is not read.
 * Commits are made in the order in which they are given.
 * Errors: REBALANCE_IN_PROGRESS (poll, then try again), UNKNOWN_MEMBER_ID, ILLEGAL_GENERATION and
 * FENCED_INSTANCE_ID (the partitions are not ours any more, nothing was committed),
 * INVALID_GROUP_ID, OFFSET_METADATA_TOO_LARGE, REQUEST_TIMED_OUT and CONNECTION_LOST (it may have
 * been committed), and those of single partitions, the first of them. */
BARNABAS_API int barnabas_consumer_commit(struct barnabas_consumer *consumer,
                                          const struct barnabas_offset *offsets, size_t count,
                                          int64_t timeout_ms);

/* `error` as that of barnabas_consumer_commit; `offsets` are valid during the call. */
typedef void barnabas_committed(void *context, int error, const struct barnabas_offset *offsets,
                                size_t count);

/* The same without waiting; it is given up after request.timeout.ms. `committed` may be NULL. If
 * this fails there is no callback; without a further poll it comes with the close. */
BARNABAS_API int barnabas_consumer_commit_async(struct barnabas_consumer *consumer,
                                                const struct barnabas_offset *offsets, size_t count,
                                                barnabas_committed *committed, void *context);

/* Reads what the group has committed: fills in offset, leader_epoch, metadata and error of each
 * line; the metadata, "" if there is none, is valid until the next call of this function, by
 * whichever thread, or close. While a transaction that commits offsets of these partitions is
 * being ended, this waits for its end. Errors: as above. */
BARNABAS_API int barnabas_consumer_committed(struct barnabas_consumer *consumer,
                                             struct barnabas_offset *offsets, size_t count,
                                             int64_t timeout_ms);

/* What barnabas_producer_send_offsets needs to know of us: take it after the poll whose messages
 * were worked on, in the polling thread. The caller frees it.
 * Errors: INVALID_GROUP_ID (group.id is not set), ILLEGAL_GENERATION (subscribed, but without a
 * place in the group by now: what was polled may be worked on by others; poll), OUT_OF_MEMORY. */
BARNABAS_API int barnabas_consumer_group_metadata(struct barnabas_consumer *consumer,
                                                  struct barnabas_group_metadata **metadata);
BARNABAS_API void
barnabas_group_metadata_free(struct barnabas_group_metadata *metadata); /* accepts NULL */

/* Waits up to `timeout_ms` (-1: for ever) for messages or events; there are none if none came in
 * time.
 * At most max.poll.records messages at once. Errors: OUT_OF_MEMORY, CANCELLED (woken up), and those
 * with which a group refuses a member for good (FENCED_INSTANCE_ID, GROUP_AUTHORIZATION_FAILED,
 * INCONSISTENT_GROUP_PROTOCOL, GROUP_MAX_SIZE_REACHED, INVALID_SESSION_TIMEOUT): every poll
 * returns them until the next subscription. */
BARNABAS_API int barnabas_consumer_poll(struct barnabas_consumer *consumer, int64_t timeout_ms,
                                        struct barnabas_polled *polled);

/* Makes the poll that waits, or the next one, return CANCELLED. */
BARNABAS_API void barnabas_consumer_wake_up(struct barnabas_consumer *consumer);

/* What is known of a partition; -1 where nothing is yet. */
struct barnabas_progress {
    int64_t position;           /* offset behind the last message that was polled */
    int64_t log_start_offset;   /* as the last fetch said */
    int64_t high_watermark;     /* likewise */
    int64_t last_stable_offset; /* likewise */
};
BARNABAS_API int barnabas_consumer_progress(struct barnabas_consumer *consumer, const char *topic,
                                            int32_t partition, struct barnabas_progress *progress);

/* What a consumer has done since it was opened. */
struct barnabas_consumer_statistics {
    uint64_t messages;      /* that polls returned */
    uint64_t fetched_bytes; /* of batches, compressed */
    size_t buffered_bytes;  /* read ahead, now */
};
BARNABAS_API void barnabas_consumer_statistics(struct barnabas_consumer *consumer,
                                               struct barnabas_consumer_statistics *statistics);

/* The topic's partitions as last heard, asking a broker if need be. Errors: those of the
 * topic, CONNECTION_FAILED or another reason why no broker could be asked, REQUEST_TIMED_OUT. */
BARNABAS_API int barnabas_consumer_partition_count(struct barnabas_consumer *consumer,
                                                   const char *topic, int64_t timeout_ms,
                                                   int32_t *count);

/* Commits (if enable.auto.commit) and leaves the group as barnabas_consumer_unsubscribe does, for
 * up to request.timeout.ms; ends the thread and frees the handle and all that was polled. */
BARNABAS_API void barnabas_consumer_close(struct barnabas_consumer *consumer); /* accepts NULL */

#ifdef __cplusplus
}
#endif

#endif

/*
 * The questions that the consumer's background thread asks brokers, each about many partitions:
 * offsets (ListOffsets), epochs (OffsetForLeaderEpoch), records (Fetch). One file each; here is
 * what they share.
 *
 * Threads: the background thread's.
 */
#ifndef CLIENT_CONSUMER_ASK_H
#define CLIENT_CONSUMER_ASK_H

#include "client/consumer/consumer.h"

struct ask_call;

/* A kind of question. */
struct ask_kind {
    /* Sends the call's question; `arena` holds the request while it is encoded. On an error nothing
     * was sent. */
    enum error (*send)(struct ask_call *call, struct arena *arena);
    /* Gives each partition its part of the answer. An error stands for all that got none. */
    enum error (*answer)(struct ask_call *call, int16_t version, struct wire_reader *body,
                         struct arena *arena);
    /* Tells a reader that its part is an error. Under the lock. */
    void (*fail)(struct reader *reader, enum error error, enum offset_reset policy,
                 int64_t retry_at_ms, struct reader_outcome *outcome);
};

extern const struct ask_kind ask_offsets;
extern const struct ask_kind ask_epochs;
extern const struct ask_kind ask_records;

/* One partition of a question, as it was when it was asked. */
struct asked_partition {
    struct consumed_partition *partition;
    uint64_t generation;
    struct uuid topic_id;
    int32_t leader_epoch; /* as the view said */
    /* Of the reader. */
    int64_t timestamp;
    int64_t fetch_offset;
    int32_t fetch_epoch;
    bool answered;
};

/* One question to one broker, from being filled until it is answered. */
struct ask_call {
    struct barnabas_consumer *consumer;
    TAILQ_ENTRY(ask_call) next;
    const struct ask_kind *kind;
    int32_t broker_id;
    struct connection *connection; /* valid until it is sent */
    size_t count;
    size_t capacity;
    struct asked_partition *items; /* when it is sent, those of a topic stand together */
};

/* Sends a request whose answer goes to the call's kind (fetcher.c). */
void ask_send(struct ask_call *call, const struct wire_api *api, int16_t version_max,
              const void *message);

/* Ends a call: what has no answer yet gets the error. Frees it (fetcher.c). */
void ask_end(struct ask_call *call, enum error error);

/* Whether the item has the same topic as the one before it. */
bool ask_same_topic(const struct ask_call *call, size_t index);

/* The item that waits for this part of the answer; by id unless `topic_id` is NULL. NULL if there
 * is none. */
struct asked_partition *ask_find(struct ask_call *call, struct bytes topic,
                                 const struct uuid *topic_id, int32_t index);

/* Under the lock: whether the question is still asked. */
bool ask_is_current(const struct asked_partition *item);

/* The part of one partition is an error. */
void ask_fail(struct ask_call *call, struct asked_partition *item, enum error error);

/* Logs, and asks for metadata, as the outcome says. Not under the lock. */
void ask_act_on(struct barnabas_consumer *consumer, const struct asked_partition *item,
                enum error error, const struct reader_outcome *outcome);

/* --- what the polling thread gets -------------------------------------------------------- */

/* NULL if memory is out. The records are copied; the aborted transactions are for the caller to
 * fill in. */
struct fetched_entry *entry_new(struct barnabas_consumer *consumer,
                                struct consumed_partition *partition, int64_t from_offset,
                                struct bytes records, size_t aborted_count);

/* Attaches what the outcome says. */
void entry_tell(struct fetched_entry *entry, const struct reader_outcome *outcome);

/* Hands it to the polling thread, or frees it if there is nothing in it. */
void entry_queue(struct barnabas_consumer *consumer, struct fetched_entry *entry)
    REQUIRES(consumer->lock);

/* An outcome without records. If memory is out the event is lost, but not the state. */
void outcome_queue(struct barnabas_consumer *consumer, struct consumed_partition *partition,
                   const struct reader_outcome *outcome) REQUIRES(consumer->lock);

#endif

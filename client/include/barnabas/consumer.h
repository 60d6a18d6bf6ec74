/*
 * Consumer: reads partitions that the caller names, from where it says.
 *
 * What is delivered. The records of a partition come in the order of their offsets, each once per
 * assignment, without gaps other than those the log has (compaction, markers of transactions,
 * retention). Where the log has been cut below the position (leader failed over after losing
 * data) or deleted beyond it, reading goes on as auto.offset.reset says, and an event tells.
 * With isolation.level=read_committed, records of aborted transactions are left out, and those
 * of open ones wait.
 *
 * Memory. The background thread reads ahead, up to fetch.max.bytes. What barnabas_consumer_poll
 * returns points into the handle and is valid until the next poll or close.
 *
 * Threads. One thread polls; the other functions may be called by any thread at any time. There
 * are no callbacks but the logger's.
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

/* Waits up to `timeout_ms` (-1: for ever) for messages or events; there are none if none came in
 * time.
 * At most max.poll.records messages at once. Errors: OUT_OF_MEMORY, CANCELLED (woken up). */
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

/* The topic's partitions as last heard, asking a broker if need be. Errors: those of the
 * topic, CONNECTION_FAILED or another reason why no broker could be asked, REQUEST_TIMED_OUT. */
BARNABAS_API int barnabas_consumer_partition_count(struct barnabas_consumer *consumer,
                                                   const char *topic, int64_t timeout_ms,
                                                   int32_t *count);

/* Ends the thread and frees the handle and all that was polled. */
BARNABAS_API void barnabas_consumer_close(struct barnabas_consumer *consumer); /* accepts NULL */

#ifdef __cplusplus
}
#endif

#endif

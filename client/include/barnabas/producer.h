/*
 * Producer: sends records to topics and reports, for each, where it was stored or why not.
 *
 * What a report means. Every record accepted by barnabas_producer_send gets exactly one report.
 * - No error, acks=all (default): the record is in the log of every in-sync replica. With
 *   acks=1: in the leader's log, and it is lost if the leader dies now. With acks=0: handed to
 *   the kernel, nothing more is known, and there is no offset.
 * - With an error: the record may be in the log or not. CONNECTION_LOST and REQUEST_TIMED_OUT
 *   say that this could not be found out in time; other errors are the broker's refusal.
 * Nothing is reported later than delivery.timeout.ms plus request.timeout.ms after sending.
 *
 * Order and duplicates. Records sent to one partition by one thread are stored in that order,
 * and with enable.idempotence=true (default) each is stored at most once, whatever is retried;
 * when one fails for good, those behind it are stored without it. Without idempotence a retry
 * can store a record twice, and behind later ones unless max.in.flight.requests.per.connection=1.
 * Nothing is promised across partitions.
 *
 * Transactions: transactions.h. With transactional.id set, records can be sent in one only.
 *
 * Memory. Key, value and headers are copied by barnabas_producer_send. At most buffer.memory
 * bytes wait for their report; beyond that, sending blocks for up to max.block.ms.
 *
 * Threads. All functions may be called by any thread at any time, barnabas_producer_close once,
 * last. Callbacks run on the handle's background thread, one at a time, and for one partition in
 * the order of the log; they may call barnabas_producer_send (which then fails instead of
 * blocking), must not wait, and must not call flush or close. With delivery.reports=poll they run
 * inside barnabas_producer_poll instead, on the caller's thread.
 */
#ifndef BARNABAS_PRODUCER_H
#define BARNABAS_PRODUCER_H

#include <barnabas/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct barnabas_producer;

#define BARNABAS_PARTITION_ANY  (-1)
#define BARNABAS_TIMESTAMP_NOW  (-1)
#define BARNABAS_OFFSET_UNKNOWN (-1)

struct barnabas_record {
    const char *topic;
    int32_t partition; /* ANY: by the key's hash as the Java client does it; without a key, a
                        * random partition that changes with every full batch */
    const void *key;   /* NULL: null */
    size_t key_size;
    const void *value; /* NULL: null, which deletes the key in a compacted topic */
    size_t value_size;
    int64_t timestamp; /* NOW: when it is sent */
    const struct barnabas_header *headers;
    size_t header_count;
};

struct barnabas_delivery {
    int error;
    const char *topic;
    int32_t partition; /* ANY if it failed before one was chosen */
    int64_t offset;    /* UNKNOWN on error, with acks=0, and for some retried records */
    int64_t timestamp; /* as stored */
};

/* `delivery` is valid during the call; `context` is the one given with the record. */
typedef void barnabas_delivered(void *context, const struct barnabas_delivery *delivery);

/* Starts the background thread and returns at once; connections are made when there is something
 * to send. Errors: CONFIG_INVALID (with the reason), OUT_OF_MEMORY. */
BARNABAS_API int barnabas_producer_open(const struct barnabas_config *config,
                                        struct barnabas_producer **opened,
                                        struct barnabas_reason *reason);

/* Accepts a record; `delivered` may be NULL. If this fails there is no report.
 * Errors: OUT_OF_MEMORY (buffer.memory full for max.block.ms), MESSAGE_TOO_LARGE (above
 * max.request.size), INVALID_TOPIC, INVALID_REQUEST (negative partition or timestamp),
 * UNKNOWN_TOPIC_OR_PARTITION (the topic has no such partition, nor gets it within five seconds, or
 * max.block.ms if that is less), CANCELLED (closing); of a transactional producer also
 * CALL_OUT_OF_TURN (no transaction is open) and why the transaction cannot go on. */
BARNABAS_API int barnabas_producer_send(struct barnabas_producer *producer,
                                        const struct barnabas_record *record,
                                        barnabas_delivered *delivered, void *context);

/* Sends what waits without lingering, and waits until nothing is without its report, also of
 * records that other threads add meanwhile. REQUEST_TIMED_OUT after `timeout_ms` (-1: never). */
BARNABAS_API int barnabas_producer_flush(struct barnabas_producer *producer, int64_t timeout_ms);

/* With delivery.reports=poll: waits up to `timeout_ms` for reports and runs their callbacks.
 * Returns how many it ran. */
BARNABAS_API size_t barnabas_producer_poll(struct barnabas_producer *producer, int64_t timeout_ms);

/* The number of records that wait for their report. */
BARNABAS_API size_t barnabas_producer_outstanding(struct barnabas_producer *producer);

/* What a producer has done since it was opened. */
struct barnabas_producer_statistics {
    uint64_t accepted;     /* records */
    uint64_t delivered;    /* records reported without an error */
    uint64_t failed;       /* records reported with one */
    uint64_t batches;      /* sent for the first time */
    uint64_t retries;      /* batches sent again */
    uint64_t stored_bytes; /* of batches that were delivered, compressed */
    size_t outstanding;    /* records without a report, now */
    size_t buffered_bytes; /* of buffer.memory, now */
};
BARNABAS_API void barnabas_producer_statistics(struct barnabas_producer *producer,
                                               struct barnabas_producer_statistics *statistics);

/* The topic's partitions as last heard, asking a broker if need be. Errors: those of the
 * topic, CONNECTION_FAILED or another reason why no broker could be asked, REQUEST_TIMED_OUT. */
BARNABAS_API int barnabas_producer_partition_count(struct barnabas_producer *producer,
                                                   const char *topic, int64_t timeout_ms,
                                                   int32_t *count);

/* Flushes for up to `timeout_ms`, reports what is left as CANCELLED (its callbacks have run when
 * this returns, in poll mode on this thread), ends the thread and frees the handle. */
BARNABAS_API void barnabas_producer_close(struct barnabas_producer *producer, int64_t timeout_ms);

#ifdef __cplusplus
}
#endif

#endif

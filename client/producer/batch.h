/*
 * Records on their way to one partition, and who wants to hear of each.
 *
 * A batch is filled (OPEN), closed to more records (CLOSED), sent (IN_FLIGHT), perhaps sent again
 * (RETRY), and then gone. Its bytes are finished, and compressed, when it is first sent.
 *
 * Threads: the producer's lock guards the list a batch is on, its state and an open batch's
 * content. From CLOSED on the content belongs to the sending thread.
 */
#ifndef CLIENT_PRODUCER_BATCH_H
#define CLIENT_PRODUCER_BATCH_H

#include <barnabas/producer.h>
#include <sys/queue.h>

#include "client/base/check.h"
#include "client/base/error.h"
#include "client/cluster/interceptors.h"
#include "client/wire/record_batch.h"

enum batch_state { BATCH_OPEN, BATCH_CLOSED, BATCH_IN_FLIGHT, BATCH_RETRY };

/* Who hears of a record, and what only its sender knows. */
struct report {
    barnabas_delivered *delivered; /* may be NULL */
    void *context;
    int64_t timestamp;
};

struct batch {
    TAILQ_ENTRY(batch) next; /* a partition's queue, or a list of the finished */
    enum batch_state state;
    int64_t created_ms;
    int64_t retry_at_ms; /* in RETRY: not before */
    int64_t sends;
    size_t charged_bytes; /* of buffer.memory */
    /* Set when it is first sent, if the producer is idempotent; -1: none. */
    int64_t producer_id;
    int16_t producer_epoch;
    int32_t base_sequence;
    int32_t record_count;
    struct report *reports; /* one per record */
    size_t report_capacity;
    struct record_batch_builder *builder; /* NULL once finished */
    uint8_t *bytes;                       /* NULL until finished */
    size_t size;
    /* How it ended, for the reports. */
    const char *topic; /* lives as long as the producer */
    int32_t partition;
    enum error error;
    int64_t base_offset;        /* -1: unknown */
    int64_t log_append_time_ms; /* -1: the records keep their own */
};

TAILQ_HEAD(batch_list, batch);

MUST_CHECK enum error batch_new(enum compression codec, bool transactional, const char *topic,
                                int32_t partition, int64_t now_ms, struct batch **created);
void batch_free(struct batch *batch); /* accepts NULL */

/* Carries the report of one record that failed before it came into a batch; NULL if memory is
 * out. */
MUST_CHECK struct batch *batch_of_failed(const char *topic, int32_t partition, enum error error,
                                         size_t charged_bytes, struct report report);

/* OUT_OF_MEMORY: nothing was added. */
MUST_CHECK enum error batch_add(struct batch *batch, int64_t timestamp, struct bytes key,
                                struct bytes value, const struct record_header *headers,
                                int32_t header_count, struct report report);

/* Uncompressed, with the header. */
size_t batch_bytes(const struct batch *batch);

/* Makes the bytes if there are none yet, and stamps the producer's fields into them. */
MUST_CHECK enum error batch_finish(struct batch *batch);

/* Runs the callbacks of all its records, in order, interceptors before the record's own. */
void batch_report(const struct batch *batch, const struct producer_interceptors *interceptors);

#endif

/*
 * What goes in and out of a topic, or of all topics: Kafka's BrokerTopicMetrics.
 *
 * A topic's meter counts for all topics too, so that the broker's totals do not fall when a topic
 * goes. A meter costs memory only for the threads that count with it.
 *
 * Threads: any counts, any reads.
 * Ownership: by references; that of a topic holds one of its parent.
 */
#ifndef BROKER_METRICS_TRAFFIC_METER_H
#define BROKER_METRICS_TRAFFIC_METER_H

#include <stdint.h>

/* kind, the name in Kafka without its "PerSec" and in lower case, whether it is told per topic
 * (Kafka has it for all topics only otherwise), help */
#define TRAFFIC_LIST(X)                                                                          \
    X(MESSAGES_IN, "messagesin", true, "Records that producers sent.")                           \
    X(BYTES_IN, "bytesin", true, "Bytes of records that producers sent.")                        \
    X(BYTES_OUT, "bytesout", true, "Bytes of records that consumers fetched.")                   \
    X(BYTES_REJECTED, "bytesrejected", true, "Bytes of batches that were larger than allowed.")  \
    X(PRODUCE_REQUESTS, "totalproducerequests", true, "Batches that producers sent.")            \
    X(FETCH_REQUESTS, "totalfetchrequests", true, "Partitions that fetches looked at.")          \
    X(FAILED_PRODUCE_REQUESTS, "failedproducerequests", true, "Batches that were not appended.") \
    X(FAILED_FETCH_REQUESTS, "failedfetchrequests", true, "Partitions that could not be read.")  \
    X(REPLICATION_BYTES_IN, "replicationbytesin", false, "Bytes that came from leaders.")        \
    X(REPLICATION_BYTES_OUT, "replicationbytesout", false, "Bytes that followers fetched.")      \
    X(REASSIGNMENT_BYTES_IN, "reassignmentbytesin", false,                                       \
      "Bytes that came from leaders for replicas that a reassignment adds here.")                \
    X(REASSIGNMENT_BYTES_OUT, "reassignmentbytesout", false,                                     \
      "Bytes that followers fetched which a reassignment adds.")                                 \
    X(INVALID_CRC, "invalidmessagecrcrecords", false, "Batches whose CRC did not fit.")          \
    X(INVALID_MAGIC, "invalidmagicnumberrecords", false, "Batches of an unknown format.")        \
    X(INVALID_OFFSET, "invalidoffsetorsequencerecords", false,                                   \
      "Batches whose offsets or sequence made no sense.")                                        \
    X(NO_KEY, "nokeycompactedtopicrecords", false,                                               \
      "Records without a key that producers sent to compacted topics.")

enum traffic {
#define TRAFFIC_KIND(kind, ...) TRAFFIC_##kind,
    TRAFFIC_LIST(TRAFFIC_KIND)
#undef TRAFFIC_KIND
        TRAFFIC_COUNT
};

struct traffic_meter;

/* `parent` is that of all topics, or NULL. NULL if there is no memory. */
struct traffic_meter *traffic_meter_new(struct traffic_meter *parent);
void traffic_meter_ref(struct traffic_meter *meter);
void traffic_meter_unref(struct traffic_meter *meter); /* accepts NULL */

void traffic_meter_add(struct traffic_meter *meter, enum traffic kind, uint64_t value);

struct traffic_totals {
    uint64_t of[TRAFFIC_COUNT];
};
void traffic_meter_read(const struct traffic_meter *meter, struct traffic_totals *totals);

#endif

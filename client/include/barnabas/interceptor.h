/*
 * Interceptors: code that sees every record that a producer sends and every message that a consumer
 * returns, without those who send and poll knowing of it: stamps, traces, counts, filters.
 *
 * They are added to a configuration before a handle is opened with it, and called in the order in
 * which they were added. The structs are copied; what `context` points at belongs to the caller and
 * must outlive the handles. One context may serve several handles if it guards itself.
 */
#ifndef BARNABAS_INTERCEPTOR_H
#define BARNABAS_INTERCEPTOR_H

#include <barnabas/consumer.h>
#include <barnabas/producer.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A record that has been given to a producer and is not in its queue yet. */
struct barnabas_outgoing;

/* The record, with its partition chosen. All but the topic may be changed, in place; another key
 * changes nothing about the partition. What it is made to point at must live until the next
 * on_send. Valid during on_send. */
BARNABAS_API struct barnabas_record *barnabas_outgoing_record(struct barnabas_outgoing *outgoing);

/* Adds a header behind the others; key and value are copied. OUT_OF_MEMORY: nothing was added. */
BARNABAS_API int barnabas_outgoing_add_header(struct barnabas_outgoing *outgoing, const char *key,
                                              const void *value, size_t value_size);

/*
 * on_send runs inside barnabas_producer_send, on its thread, for one record of the handle at a
 * time: the records of a partition pass it in the order in which they will be stored. It must not
 * wait and must not use the producer. Since the partition has to be known, sending waits for the
 * topic's metadata first, up to max.block.ms, and then fails with the reason why there is none; on
 * the background thread it fails at once.
 *
 * on_ack runs once for each on_send, right before the record's own callback and where that runs
 * (producer.h), or inside barnabas_producer_send if the record was not accepted after all.
 *
 * Either may be NULL.
 */
struct barnabas_producer_interceptor {
    void (*on_send)(void *context, struct barnabas_outgoing *outgoing);
    void (*on_ack)(void *context, const struct barnabas_delivery *delivery);
    void *context;
};

/*
 * on_consume runs inside barnabas_consumer_poll, on its thread, before that returns. It may change
 * messages and leave some out: those that are to be returned are moved to the front, in any order
 * that the caller can live with, and their number is returned. What is left out counts as polled:
 * it is committed with the rest. If nothing is left, the poll goes on waiting. It must not call
 * functions of the consumer that poll, subscribe or close.
 *
 * on_commit runs once for each commit of offsets that has come to its end, whoever asked for it:
 * the application or enable.auto.commit. `error` and `offsets`, which are valid during the call,
 * are as in barnabas_committed. It runs before the commit's own callback and where that runs, or
 * inside barnabas_consumer_commit; so it must guard itself if several threads commit. It must not
 * call functions of the consumer that poll, subscribe, commit or close. What a transaction commits
 * (barnabas_producer_send_offsets) is not seen here.
 *
 * Either may be NULL.
 */
struct barnabas_consumer_interceptor {
    size_t (*on_consume)(void *context, struct barnabas_message *messages, size_t count);
    void (*on_commit)(void *context, int error, const struct barnabas_offset *offsets,
                      size_t count);
    void *context;
};

/* At most so many of each kind: INVALID_REQUEST beyond. */
#define BARNABAS_INTERCEPTORS_MAX 8

BARNABAS_API int
barnabas_config_add_producer_interceptor(struct barnabas_config *config,
                                         const struct barnabas_producer_interceptor *interceptor);
BARNABAS_API int
barnabas_config_add_consumer_interceptor(struct barnabas_config *config,
                                         const struct barnabas_consumer_interceptor *interceptor);

#ifdef __cplusplus
}
#endif

#endif

/*
 * Retry topics: a message whose work fails is put aside, is tried again after a pause that grows
 * with each failure, and in the end lands in a dead-letter topic. Nothing behind it waits for it.
 *
 * For a topic "orders" with three delays there are the topics orders.retry-1, -2 and -3 and
 * orders.dead-letter, which must exist (barnabas_retry_topic names them). All members of the group
 * read all but the last. A message that fails in orders goes to orders.retry-1, and is tried again
 * delays_ms[0] after that; if it fails there, to orders.retry-2, and so on. It keeps its key, value
 * and headers, and gets the header barnabas-retry: "ATTEMPTS TOPIC PARTITION OFFSET", the number of
 * failures and where it was first. A partition of a retry topic is paused until its first message
 * is due, so nothing is lost in memory and nobody sleeps.
 *
 * What is promised. Each message of the topic is handled at least once, and until it is done or
 * the delays are used up: a copy is stored by all in-sync replicas before the original is
 * committed. After a crash a message may be handled again, and be in a retry topic twice.
 * Messages of one partition are first handled in their order; a retry comes behind them.
 *
 * Threads: one at a time. The handler runs inside barnabas_retry_run, on its thread.
 */
#ifndef BARNABAS_RETRY_H
#define BARNABAS_RETRY_H

#include <barnabas/consumer.h>
#include <barnabas/producer.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BARNABAS_RETRY_HEADER     "barnabas-retry"
#define BARNABAS_RETRY_DELAYS_MAX 16

struct barnabas_retry;

struct barnabas_retry_options {
    const char *topic;
    size_t delay_count; /* up to BARNABAS_RETRY_DELAYS_MAX; 0: the first failure is the last */
    int64_t delays_ms[BARNABAS_RETRY_DELAYS_MAX];
};

/* The name of retry topic `level` (1 for the first), or of the dead-letter topic (0). False if it
 * would be longer than a topic's name may be. */
BARNABAS_API bool barnabas_retry_topic(const char *topic, size_t level, char name[250]);

/* How often a message has failed before, and where it was first. */
struct barnabas_attempt {
    uint32_t failures;
    const char *topic;
    int32_t partition;
    int64_t offset;
};

enum barnabas_handled {
    BARNABAS_HANDLED,
    BARNABAS_HANDLE_AGAIN,  /* later */
    BARNABAS_HANDLE_GIVE_UP /* to the dead-letter topic at once */
};

/* Both are valid during the call. */
typedef enum barnabas_handled barnabas_handler(void *context,
                                               const struct barnabas_message *message,
                                               const struct barnabas_attempt *attempt);

/* group.id must be set; enable.auto.commit, acks, transactional.id and delivery.reports do not
 * matter. Opens a consumer and a producer.
 * Errors: CONFIG_INVALID, INVALID_TOPIC, INVALID_GROUP_ID, INVALID_REQUEST (options),
 * OUT_OF_MEMORY. */
BARNABAS_API int barnabas_retry_open(const struct barnabas_config *config,
                                     const struct barnabas_retry_options *options,
                                     barnabas_handler *handler, void *context,
                                     struct barnabas_retry **opened,
                                     struct barnabas_reason *reason);

/* Handles what there is, for `timeout_ms`. Errors: those of barnabas_consumer_poll and of
 * deliveries (of a copy that could not be stored): then the message is handled again by the next
 * run. */
BARNABAS_API int barnabas_retry_run(struct barnabas_retry *retry, int64_t timeout_ms);

BARNABAS_API void barnabas_retry_close(struct barnabas_retry *retry); /* accepts NULL */

#ifdef __cplusplus
}
#endif

#endif

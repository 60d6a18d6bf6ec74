/*
 * Inside of the public producer: what the threads that send and the background thread share.
 *
 * A record goes, on its sender's thread, through the topic's partitioner into the open batch of
 * its partition (or waits until the topic is known). The background thread takes batches that are
 * due, several partitions of one leader to a request, finishes (compresses) and sends them, and
 * by the answers moves them back or out (partition_queue.h has the rules). What is out is
 * reported.
 *
 * Threads: `lock` guards everything marked so; no callback runs, and nothing is compressed or
 * sent, under it. The rest belongs to the background thread, or is fixed.
 */
#ifndef CLIENT_PRODUCER_PRODUCER_H
#define CLIENT_PRODUCER_PRODUCER_H

#include <barnabas/producer.h>
#include <stdatomic.h>

#include "client/base/sync.h"
#include "client/cluster/call.h"
#include "client/cluster/handle.h"
#include "client/cluster/interceptors.h"
#include "client/producer/topic_queue.h"
#include "client/producer/transactor.h"
#include "client/wire/message/init_producer_id.h"

TAILQ_HEAD(active_list, partition_queue);
TAILQ_HEAD(topic_list, topic_queue);

/* Produce requests under way to one broker. */
struct produce_load {
    int32_t broker_id;
    int32_t in_flight;
};

enum identity { IDENTITY_NONE, IDENTITY_ASKED, IDENTITY_KNOWN };

struct barnabas_producer {
    struct handle handle;
    const struct settings *settings; /* the handle's; fixed */
    struct send_policy policy;       /* fixed, but for `idempotent`: lock */

    struct producer_interceptors interceptors; /* fixed */
    struct mutex intercepting; /* held through on_send until the record is queued; before `lock` */

    struct mutex lock;
    struct condition changed;     /* records were reported, or topics became known */
    struct topic_queue *topics;   /* lock; by name */
    struct topic_list topic_list; /* lock; the same, in the order of their first use */
    struct active_list active;    /* lock; queues that are not empty */
    struct rng rng;               /* lock */
    size_t buffered_bytes;        /* lock; charged to records without a report */
    size_t outstanding;           /* lock; records without a report */
    struct barnabas_producer_statistics statistics; /* lock; but for what is now */
    int32_t flushing;                               /* lock; flushes under way: nothing lingers */
    enum error trouble;                             /* lock; as cluster_trouble */
    bool refresh_wanted;        /* lock; somebody names a partition that is not known */
    bool closing;               /* lock; nothing is accepted any more */
    struct batch_list finished; /* lock; in poll mode: waiting for barnabas_producer_poll */

    struct transactor transactor; /* used if the policy is transactional */

    /* The background thread's, in sender.c. */
    struct task run;
    atomic_bool run_posted;
    struct loop_timer timer;
    struct cluster_listener listener;
    struct produce_load *loads;
    size_t load_count;
    enum identity identity;
    struct cluster_call identity_call;
    struct init_producer_id_request identity_request;
    int64_t producer_id;
    int16_t producer_epoch;
    bool view_changed;                   /* since the topics were last compared with it */
    struct partition_queue **candidates; /* scratch of a round */
    size_t candidate_capacity;
};

/* Sets up the background thread's part, before it runs. */
void sender_init(struct barnabas_producer *producer);

/* Takes it down, on the background thread: what is unreported moves to `finished`, CANCELLED. */
void sender_shut(struct barnabas_producer *producer);
void sender_done(struct barnabas_producer *producer);

/* Makes the background thread look at the queues soon. Any thread. */
void sender_wake(struct barnabas_producer *producer);

/* The background thread's: a produce request to the broker has been answered. */
void sender_request_over(struct barnabas_producer *producer, int32_t broker_id);

/* The background thread's: something has left the queue. */
void sender_deactivate_if_empty(struct barnabas_producer *producer, struct partition_queue *queue)
    REQUIRES(producer->lock);

/* The background thread's: moves what is not in flight out of the queues, failed, into `out`; with
 * `unsent_only`, what was sent before stays. */
void sender_drop(struct barnabas_producer *producer, enum error error, bool unsent_only,
                 struct batch_list *out) REQUIRES(producer->lock);

/* Waits for a change; in poll mode callbacks that are due run instead. False when it is too
 * late. */
bool producer_wait(struct barnabas_producer *producer, int64_t deadline_ms)
    REQUIRES(producer->lock);

/* Runs the callbacks that are due, in poll mode. */
void producer_run_callbacks(struct barnabas_producer *producer) REQUIRES(producer->lock);

/* Puts a record into its partition's queue. The topic's partitions are known. */
MUST_CHECK enum error producer_enqueue(struct barnabas_producer *producer,
                                       struct topic_queue *topic, const struct new_record *record,
                                       int64_t now_ms, bool *wake) REQUIRES(producer->lock);

/* Reports batches that have left their queues, on this thread or by way of `finished`, and frees
 * them. */
void producer_report(struct barnabas_producer *producer, struct batch_list *batches)
    EXCLUDES(producer->lock);

#endif

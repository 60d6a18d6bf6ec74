/*
 * Inside of the public consumer: what the thread that polls and the background thread share.
 *
 * The background thread asks for offsets, checks positions against new leaders, and fetches, one
 * fetch under way per broker, as reader.h says for each partition. What comes is copied out of
 * the connection's buffer and queued; polling takes it from there, checks, decompresses, and
 * hands out views.
 *
 * Threads: `lock` guards what is marked so; nothing is parsed, copied or sent under it. Partitions
 * live until the consumer is closed, also when they are no longer assigned.
 */
#ifndef CLIENT_CONSUMER_CONSUMER_H
#define CLIENT_CONSUMER_CONSUMER_H

#include <barnabas/consumer.h>
#include <stdatomic.h>
#include <sys/queue.h>

#include "client/base/arena.h"
#include "client/base/sync.h"
#include "client/cluster/handle.h"
#include "client/cluster/interceptors.h"
#include "client/consumer/block_pool.h"
#include "client/consumer/fetched.h"
#include "client/consumer/group.h"
#include "client/consumer/reader.h"

struct consumed_topic {
    TAILQ_ENTRY(consumed_topic) next;
    char *name;              /* fixed */
    bool wanted;             /* the background thread's: the cluster was told */
    enum error error;        /* lock; as the view says */
    int32_t partition_count; /* lock; 0: not known yet */
};

struct consumed_partition {
    TAILQ_ENTRY(consumed_partition) next;
    struct consumed_topic *topic; /* fixed */
    int32_t index;                /* fixed */
    struct reader reader;         /* lock */
    size_t buffered_bytes;        /* lock; queued under the current generation */
    int64_t position;             /* lock; what is polled next; -1: not known yet */
    int32_t position_epoch;       /* lock; leader epoch of what was polled last; -1: unknown */
    bool owned;                   /* lock; the group gave it */
    int64_t committed;            /* lock; the last position committed here; -1: none */
    uint64_t told_in_poll;        /* the polling thread's: the last poll that gave an event of it */
    /* The background thread's: a replica near us, to which the leader has sent us. */
    int32_t near_replica_id; /* -1: none */
    int32_t near_known_id;   /* the same, as of the last look at it */
    int64_t near_until_ms;   /* monotonic; then the leader is asked again whether it still is */
};

/* Something for the polling thread: records, an event, or records and what holds behind them. */
struct fetched_entry {
    STAILQ_ENTRY(fetched_entry) next;
    struct consumed_partition *partition;
    uint64_t generation;
    int64_t from_offset;
    bool has_event;
    struct barnabas_event event;
    size_t block_bytes; /* of this block of memory */
    size_t aborted_count;
    struct aborted_transaction *aborted; /* in this block of memory */
    size_t size;
    uint8_t *records; /* in this block of memory */
};

STAILQ_HEAD(fetched_list, fetched_entry);
TAILQ_HEAD(consumed_topic_list, consumed_topic);
TAILQ_HEAD(consumed_partition_list, consumed_partition);

/* What the polling thread has handed out or is in the middle of; all its own. */
struct delivery {
    uint64_t poll;                 /* counts polls, from 1 */
    struct fetched_entry *current; /* being walked; NULL: none */
    struct fetched_walk walk;
    int32_t walked_epoch; /* leader epoch of the last message walked in it; -1: none yet */
    struct fetched_list handed_out; /* entries whose records are in use */
    uint8_t **plain;                /* decompressed batches in use */
    size_t plain_count;
    size_t plain_capacity;
    struct arena headers;
    struct barnabas_message *messages; /* room for max.poll.records */
    size_t message_count;
    struct barnabas_event *events;
    size_t event_count;
    size_t event_capacity;
};

/* A fetch under way to a broker, so that there is only one. */
struct fetch_load {
    int32_t broker_id;
    bool fetching;
};

struct barnabas_consumer {
    struct handle handle;
    const struct settings *settings;           /* the handle's; fixed */
    struct consumer_interceptors interceptors; /* fixed */

    struct block_pool blocks; /* for entries */

    struct mutex lock;
    struct condition changed;          /* there is something to poll, or topics became known */
    struct consumed_topic_list topics; /* lock */
    struct consumed_partition_list partitions; /* lock */
    struct fetched_list ready;                 /* lock */
    size_t buffered_bytes;                     /* lock; of all in `ready` */
    uint64_t polled_messages;                  /* lock */
    uint64_t fetched_bytes;                    /* lock */
    bool woken_up;                             /* lock */
    enum error trouble;                        /* lock; as cluster_trouble */

    struct delivery delivery; /* the polling thread's */
    struct consumer_group group;

    /* The background thread's, in fetcher.c. */
    struct task run;
    atomic_bool run_posted;
    struct loop_timer timer;
    struct cluster_listener listener;
    struct fetch_load *loads;
    size_t load_count;
};

/* Sets up the background thread's part before it runs, takes it down on it, and after it. */
void fetcher_init(struct barnabas_consumer *consumer);
void fetcher_shut(struct barnabas_consumer *consumer);
void fetcher_done(struct barnabas_consumer *consumer);

/* A partition by name; the second makes it if need be. NULL, or OUT_OF_MEMORY. */
struct consumed_partition *consumed_partition_find(struct barnabas_consumer *consumer,
                                                   const char *topic, int32_t index)
    REQUIRES(consumer->lock);
MUST_CHECK enum error consumed_partition_get(struct barnabas_consumer *consumer, const char *name,
                                             int32_t index, struct consumed_partition **found)
    REQUIRES(consumer->lock);

/* Whether a caller may name it. */
bool consumed_position_is_plausible(struct barnabas_position position);

/* Begins and ends reading it. */
void consumed_partition_assign(struct barnabas_consumer *consumer,
                               struct consumed_partition *partition,
                               struct barnabas_position position) REQUIRES(consumer->lock);
void consumed_partition_unassign(struct consumed_partition *partition);

/* Its memory may be used again. Any thread, also under the lock. Accepts NULL. */
void fetched_entry_free(struct barnabas_consumer *consumer, struct fetched_entry *entry);

/* Makes the background thread look at the partitions soon. Any thread. */
void fetcher_wake(struct barnabas_consumer *consumer);

/* What a poll does once there is something, or nothing came in time (delivery.c). */
MUST_CHECK enum error delivery_init(struct delivery *delivery, const struct settings *settings);
void delivery_done(struct barnabas_consumer *consumer);
void delivery_release(struct barnabas_consumer *consumer); /* what the last poll handed out */
MUST_CHECK enum error delivery_collect(struct barnabas_consumer *consumer) EXCLUDES(consumer->lock);

/* Whether a poll would find something. */
bool delivery_is_ready(const struct barnabas_consumer *consumer) REQUIRES(consumer->lock);

#endif

#include "broker/replica/replica_fetcher.h"

#include <stdlib.h>

#include "broker/replica/replica_fetcher_internal.h"

#define ARENA_BYTES_MAX ((size_t)256 << 20)

/* ---- Following and not following ---- */

static struct partition_key key_of(const struct partition *partition) {
    struct partition_key key;

    memset(&key, 0, sizeof(key)); /* keys are compared as bytes */
    key.topic_id = *partition_topic_id(partition);
    key.index = partition_index(partition);
    return key;
}

struct follow_task {
    struct task task;
    struct fetcher *fetcher;
    struct partition *partition; /* a reference */
    int32_t leader_id;           /* METADATA_NO_BROKER: stop */
    int32_t leader_epoch;
};

static void drop(struct fetcher *fetcher, struct followed *followed) {
    followed_leave_session(followed);
    followed->link->partition_count--;
    HASH_DEL(fetcher->followed, followed);
    partition_unref(followed->partition);
    free(followed);
}

static void take_up(struct fetcher *fetcher, struct follow_task *follow) {
    struct followed *followed = calloc(1, sizeof(*followed));
    enum error error;

    CHECK(followed != NULL);
    followed->key = key_of(follow->partition);
    followed->partition = follow->partition;
    partition_ref(followed->partition);
    followed->leader_epoch = follow->leader_epoch;
    followed->link = link_find_or_make(fetcher, follow->leader_id);
    followed->link->partition_count++;
    HASH_ADD(hh, fetcher->followed, key, sizeof(followed->key), followed);
    error =
        partition_begin_following(followed->partition, followed->leader_epoch, &followed->position);
    followed_handle_own_error(followed, error);
    if (followed->link->connection == NULL) {
        link_connect(followed->link);
    } else {
        link_hasten(followed->link);
        link_send(followed->link);
    }
}

static void run_follow(struct task *task) {
    struct follow_task *follow = CONTAINER_OF(task, struct follow_task, task);
    struct fetcher *fetcher = follow->fetcher;
    struct partition_key key = key_of(follow->partition);
    struct followed *known = followed_find(fetcher, &key.topic_id, key.index);

    if (known != NULL)
        drop(fetcher, known);
    if (follow->leader_id != METADATA_NO_BROKER)
        take_up(fetcher, follow);
    partition_unref(follow->partition);
    free(follow);
}

static void post_follow(struct replica_fetchers *fetchers, struct partition *partition,
                        int32_t leader_id, int32_t leader_epoch) {
    struct follow_task *follow = calloc(1, sizeof(*follow));
    uint32_t hash = (uint32_t)partition_index(partition);

    CHECK(follow != NULL);
    for (const char *c = partition_topic(partition); *c != '\0'; c++)
        hash = hash * 31 + (unsigned char)*c;
    partition_ref(partition);
    *follow = (struct follow_task){
        .task = {.run = run_follow},
        .fetcher = &fetchers->threads[hash % (uint32_t)fetchers->thread_count],
        .partition = partition,
        .leader_id = leader_id,
        .leader_epoch = leader_epoch,
    };
    executor_post(loop_executor(follow->fetcher->loop), &follow->task);
}

void replica_fetchers_follow(void *context, struct partition *partition, int32_t leader_id,
                             int32_t leader_epoch) {
    post_follow(context, partition, leader_id, leader_epoch);
}

void replica_fetchers_unfollow(void *context, struct partition *partition) {
    post_follow(context, partition, METADATA_NO_BROKER, -1);
}

/* ---- Threads ---- */

static void fetcher_done(struct fetcher *fetcher) {
    struct followed *followed;
    struct followed *next;
    struct link *link;
    struct link *next_link;

    HASH_ITER (hh, fetcher->followed, followed, next)
        drop(fetcher, followed);
    HASH_ITER (hh, fetcher->links, link, next_link)
        link_free(link);
    arena_done(&fetcher->arena);
    loop_free(fetcher->loop);
}

enum error replica_fetchers_start(const struct replica_fetchers_config *config,
                                  struct replica_fetchers **started) {
    struct replica_fetchers *fetchers = calloc(1, sizeof(*fetchers));
    enum error error = ERR_OUT_OF_MEMORY;

    if (fetchers == NULL)
        return error;
    fetchers->config = *config;
    fetchers->threads = calloc((size_t)config->thread_count, sizeof(*fetchers->threads));
    if (fetchers->threads == NULL)
        goto out;
    for (int32_t i = 0; i < config->thread_count; i++) {
        struct fetcher *fetcher = &fetchers->threads[i];
        char name[24];
        fetcher->fetchers = fetchers;
        arena_init(&fetcher->arena, ARENA_BYTES_MAX);
        snprintf(name, sizeof(name), "fetcher-%d", i);
        if ((error = loop_new(&fetcher->loop)) != ERR_NONE)
            goto out;
        fetchers->thread_count++;
        if ((error = loop_start(fetcher->loop, name)) != ERR_NONE)
            goto out;
    }
    *started = fetchers;
    return ERR_NONE;
out:
    replica_fetchers_stop(fetchers);
    return error;
}

void replica_fetchers_stop(struct replica_fetchers *fetchers) {
    if (fetchers == NULL)
        return;
    for (int32_t i = 0; i < fetchers->thread_count; i++) {
        loop_stop(fetchers->threads[i].loop);
        loop_join(fetchers->threads[i].loop);
        fetcher_done(&fetchers->threads[i]);
    }
    free(fetchers->threads);
    free(fetchers);
}

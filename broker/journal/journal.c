#include <stdlib.h>

#include "broker/journal/coordinator_key.h"
#include "broker/journal/journal_internal.h"
#include "broker/metadata/metadata_cache.h"
#include "client/base/logger.h"

#define ARENA_BYTES_MAX ((size_t)1 << 20)

/* ---- Leadership ---- */

static void lose(struct journal *journal, int32_t index) {
    struct journal_partition *own = &journal->partitions[index];

    if (own->state == JOURNAL_NOT_LED)
        return;
    if (own->load != NULL)
        journal_load_drop(own->load);
    own->load = NULL;
    own->state = JOURNAL_NOT_LED;
    partition_unref(own->partition);
    own->partition = NULL;
    LOG_INFO("coordinator_resigned", "topic=%s partition=%d leader_epoch=%d", journal->config.topic,
             index, own->leader_epoch);
    journal->config.owner.on_lost(journal->config.owner.context, index);
}

static void take(struct journal *journal, int32_t index, struct partition *partition,
                 int32_t leader_epoch) {
    struct journal_partition *own = &journal->partitions[index];

    partition_ref(partition);
    own->partition = partition;
    own->leader_epoch = leader_epoch;
    own->state = JOURNAL_LOADING;
    journal->config.owner.on_loading(journal->config.owner.context, index);
    journal_load_begin(journal, index);
}

static void look_at(struct journal *journal, int32_t index) {
    struct journal_partition *own = &journal->partitions[index];
    struct partition *partition =
        replica_manager_find(journal->config.replicas, bytes_of_text(journal->config.topic), index);
    /* The epoch first: if both change meanwhile, this epoch is an old one, and appends fail. */
    int32_t leader_epoch = partition == NULL ? -1 : partition_leader_epoch(partition);
    bool leads = partition != NULL && partition_role(partition) == ROLE_LEADER;

    if (own->state != JOURNAL_NOT_LED &&
        (!leads || partition != own->partition || leader_epoch != own->leader_epoch))
        lose(journal, index);
    if (leads && own->state == JOURNAL_NOT_LED)
        take(journal, index, partition, leader_epoch);
    partition_unref(partition);
}

static void grow(struct journal *journal, int32_t count) {
    struct journal_partition *grown =
        realloc(journal->partitions, (size_t)count * sizeof(*journal->partitions));

    CHECK(grown != NULL);
    journal->partitions = grown;
    for (int32_t i = journal->partition_count; i < count; i++)
        grown[i] = (struct journal_partition){.state = JOURNAL_NOT_LED};
    journal->partition_count = count;
}

static void look(struct task *task) {
    struct journal *journal = CONTAINER_OF(task, struct journal, look);
    const struct metadata *metadata;
    const struct metadata_topic *topic;
    int32_t count;

    /* Before anything is looked at: what changes from now on posts the task anew. */
    atomic_store(&journal->is_look_posted, false);
    if (journal->is_stopped)
        return;
    metadata = metadata_cache_get(journal->config.metadata);
    topic = metadata_find_topic(metadata, bytes_of_text(journal->config.topic));
    count = topic == NULL ? 0 : topic->partition_count;
    if (count > journal->partition_count)
        grow(journal, count);
    journal->config.owner.on_metadata(journal->config.owner.context, metadata);
    for (int32_t i = 0; i < journal->partition_count; i++) {
        if (i < count)
            look_at(journal, i);
        else
            lose(journal, i);
    }
    if (count < journal->partition_count)
        journal->partition_count = count;
    metadata_unref(metadata);
}

void journal_metadata_changed(struct journal *journal) {
    if (!atomic_exchange(&journal->is_look_posted, true))
        executor_post(loop_executor(journal->config.loop), &journal->look);
}

/* ---- The journal ---- */

struct journal *journal_new(const struct journal_config *config) {
    struct journal *journal = calloc(1, sizeof(*journal));

    CHECK(journal != NULL);
    journal->config = *config;
    journal->look.run = look;
    arena_init(&journal->arena, ARENA_BYTES_MAX);
    return journal;
}

void journal_stop(struct journal *journal) {
    journal->is_stopped = true;
    for (int32_t i = 0; i < journal->partition_count; i++)
        lose(journal, i);
}

void journal_free(struct journal *journal) {
    if (journal == NULL)
        return;
    CHECK(journal->appends == 0);
    for (int32_t i = 0; i < journal->partition_count; i++)
        CHECK(journal->partitions[i].state == JOURNAL_NOT_LED);
    arena_done(&journal->arena);
    free(journal->partitions);
    free(journal);
}

int32_t journal_partition_count(const struct journal *journal) {
    return journal->partition_count;
}

enum journal_state journal_state(const struct journal *journal, int32_t partition) {
    return partition < 0 || partition >= journal->partition_count
               ? JOURNAL_NOT_LED
               : journal->partitions[partition].state;
}

int64_t journal_loaded_end(const struct journal *journal, int32_t partition) {
    CHECK(journal_state(journal, partition) != JOURNAL_NOT_LED);
    return journal->partitions[partition].loaded_end;
}

int32_t journal_partition_of(const struct journal *journal, struct bytes key) {
    int32_t count = journal_partition_count(journal);

    return count == 0 ? -1 : coordinator_partition(key, count);
}

enum error journal_check(const struct journal *journal, struct bytes key) {
    switch (journal_state(journal, journal_partition_of(journal, key))) {
    case JOURNAL_NOT_LED:
        return ERR_NOT_COORDINATOR;
    case JOURNAL_LOADING:
        return ERR_COORDINATOR_LOAD_IN_PROGRESS;
    case JOURNAL_READY:
        break;
    }
    return ERR_NONE;
}

int32_t journal_leader_epoch(const struct journal *journal, int32_t partition) {
    CHECK(partition >= 0 && partition < journal->partition_count);
    return journal->partitions[partition].leader_epoch;
}

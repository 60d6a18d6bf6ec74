#include "broker/control/isr_changes.h"

#include <stdlib.h>

#include "client/base/arena.h"
#include "client/base/logger.h"
#include "client/wire/message/alter_partition.h"

#define VERSION_MAX     3
#define RETRY_MS        50
#define TIMEOUT_MS      30000
#define BATCH_MAX       5000
#define ARENA_BYTES_MAX ((size_t)64 << 20)

struct proposal {
    struct partition *partition; /* a reference */
    struct isr_proposal isr;
    TAILQ_ENTRY(proposal) link;
};

TAILQ_HEAD(proposal_list, proposal);

struct isr_changes {
    struct controller_channel *channel;
    int32_t broker_id;
    int64_t broker_epoch;
    struct proposal_list waiting;
    struct proposal_list sent; /* in the request under way */
    bool is_under_way;
    struct loop_timer retry;
    struct arena arena; /* the request under way */
    struct alter_partition_request request;
};

static void send_waiting(struct isr_changes *changes);

static void drop(struct proposal *proposal) {
    partition_unref(proposal->partition);
    free(proposal);
}

static void send_again_later(struct isr_changes *changes) {
    loop_timer_arm(&changes->retry, RETRY_MS);
}

static const struct alter_partition_response_topics_partitions *
find_answer(const struct alter_partition_response *response, const struct proposal *proposal) {
    for (int32_t i = 0; i < response->topics_count; i++) {
        const struct alter_partition_response_topics *topic = &response->topics[i];
        if (!uuid_equal(&topic->topic_id, partition_topic_id(proposal->partition)))
            continue;
        for (int32_t j = 0; j < topic->partitions_count; j++) {
            if (topic->partitions[j].partition_index == partition_index(proposal->partition))
                return &topic->partitions[j];
        }
    }
    return NULL;
}

static void answer(struct isr_changes *changes, struct proposal *proposal,
                   const struct alter_partition_response *response) {
    const struct alter_partition_response_topics_partitions *found =
        find_answer(response, proposal);
    enum error error = found == NULL ? ERR_UNKNOWN_SERVER_ERROR : (enum error)found->error_code;
    struct metadata_partition state = {0};

    if (error == ERR_NONE) {
        state.index = found->partition_index;
        state.leader = found->leader_id;
        state.leader_epoch = found->leader_epoch;
        state.isr = found->isr;
        state.isr_count = found->isr_count;
        state.leader_recovery_state = found->leader_recovery_state;
        state.partition_epoch = found->partition_epoch;
        LOG_INFO("isr_changed", "topic=%s partition=%d isr_count=%d partition_epoch=%d",
                 partition_topic(proposal->partition), state.index, state.isr_count,
                 state.partition_epoch);
    } else {
        LOG_INFO("isr_change_refused", "topic=%s partition=%d error=%s",
                 partition_topic(proposal->partition), partition_index(proposal->partition),
                 error_name(error));
    }
    if (partition_isr_answer(proposal->partition, &proposal->isr, error,
                             error == ERR_NONE ? &state : NULL)) {
        TAILQ_INSERT_TAIL(&changes->waiting, proposal, link);
        send_again_later(changes);
    } else {
        drop(proposal);
    }
}

static void on_answer(void *context, enum error error, const void *message) {
    struct isr_changes *changes = context;
    const struct alter_partition_response *response = message;
    struct proposal *proposal;

    changes->is_under_way = false;
    if (error == ERR_NONE)
        error = (enum error)response->error_code;
    while ((proposal = TAILQ_FIRST(&changes->sent)) != NULL) {
        TAILQ_REMOVE(&changes->sent, proposal, link);
        if (error == ERR_NONE)
            answer(changes, proposal, response);
        else
            TAILQ_INSERT_TAIL(&changes->waiting, proposal, link);
    }
    arena_reset(&changes->arena);
    if (error == ERR_CANCELLED)
        return;
    if (error != ERR_NONE) {
        LOG_DEBUG("isr_changes_not_taken", "error=%s", error_name(error));
        send_again_later(changes);
    } else {
        send_waiting(changes);
    }
}

static void fill(struct isr_changes *changes, struct alter_partition_request_topics *topic,
                 const struct proposal *proposal) {
    struct alter_partition_request_topics_partitions *partition =
        arena_alloc(&changes->arena, 1, sizeof(*partition));
    struct alter_partition_request_topics_partitions_new_isr_with_epochs *isr =
        arena_alloc(&changes->arena, (size_t)proposal->isr.isr_count, sizeof(*isr));

    CHECK(partition != NULL && isr != NULL);
    for (int32_t i = 0; i < proposal->isr.isr_count; i++) {
        isr[i].broker_id = proposal->isr.isr[i];
        isr[i].broker_epoch = proposal->isr.broker_epochs[i];
    }
    partition->partition_index = partition_index(proposal->partition);
    partition->leader_epoch = proposal->isr.leader_epoch;
    partition->partition_epoch = proposal->isr.partition_epoch;
    partition->leader_recovery_state = proposal->isr.leader_recovery_state;
    partition->new_isr_with_epochs = isr;
    partition->new_isr_with_epochs_count = proposal->isr.isr_count;
    topic->topic_id = *partition_topic_id(proposal->partition);
    topic->partitions = partition;
    topic->partitions_count = 1;
}

static void send_waiting(struct isr_changes *changes) {
    struct proposal *proposal;
    int32_t count = 0;

    if (changes->is_under_way || TAILQ_EMPTY(&changes->waiting))
        return;
    alter_partition_request_init(&changes->request);
    changes->request.broker_id = changes->broker_id;
    changes->request.broker_epoch = changes->broker_epoch;
    changes->request.topics =
        arena_alloc(&changes->arena, BATCH_MAX, sizeof(*changes->request.topics));
    CHECK(changes->request.topics != NULL);
    while (count < BATCH_MAX && (proposal = TAILQ_FIRST(&changes->waiting)) != NULL) {
        TAILQ_REMOVE(&changes->waiting, proposal, link);
        if (!partition_isr_proposal(proposal->partition, &proposal->isr)) {
            drop(proposal); /* the metadata brought another state meanwhile */
            continue;
        }
        fill(changes, &changes->request.topics[count++], proposal);
        TAILQ_INSERT_TAIL(&changes->sent, proposal, link);
    }
    changes->request.topics_count = count;
    if (count == 0) {
        arena_reset(&changes->arena);
        return;
    }
    changes->is_under_way = true;
    controller_channel_call(changes->channel, &alter_partition_api, VERSION_MAX, &changes->request,
                            TIMEOUT_MS, on_answer, changes);
}

static void on_retry(struct loop_timer *timer) {
    send_waiting(CONTAINER_OF(timer, struct isr_changes, retry));
}

static void add(struct isr_changes *changes, struct partition *partition) {
    struct proposal *proposal = calloc(1, sizeof(*proposal));

    CHECK(proposal != NULL);
    proposal->partition = partition;
    TAILQ_INSERT_TAIL(&changes->waiting, proposal, link);
    send_waiting(changes);
}

struct isr_task {
    struct task task;
    struct isr_changes *changes;
    struct partition *partition; /* a reference */
};

static void run_isr_task(struct task *task) {
    struct isr_task *proposed = CONTAINER_OF(task, struct isr_task, task);

    add(proposed->changes, proposed->partition);
    free(proposed);
}

void isr_changes_add_soon(struct isr_changes *changes, struct executor *executor,
                          struct partition *partition) {
    struct isr_task *proposed = calloc(1, sizeof(*proposed));

    CHECK(proposed != NULL);
    partition_ref(partition);
    *proposed = (struct isr_task){{.run = run_isr_task}, changes, partition};
    executor_post(executor, &proposed->task);
}

void isr_changes_set_broker_epoch(struct isr_changes *changes, int64_t broker_epoch) {
    changes->broker_epoch = broker_epoch;
}

enum error isr_changes_new(struct loop *loop, struct controller_channel *channel, int32_t broker_id,
                           struct isr_changes **created) {
    struct isr_changes *changes = calloc(1, sizeof(*changes));

    if (changes == NULL)
        return ERR_OUT_OF_MEMORY;
    changes->channel = channel;
    changes->broker_id = broker_id;
    changes->broker_epoch = -1;
    TAILQ_INIT(&changes->waiting);
    TAILQ_INIT(&changes->sent);
    loop_timer_init(&changes->retry, loop, on_retry);
    arena_init(&changes->arena, ARENA_BYTES_MAX);
    *created = changes;
    return ERR_NONE;
}

void isr_changes_free(struct isr_changes *changes) {
    struct proposal *proposal;

    if (changes == NULL)
        return;
    TAILQ_CONCAT(&changes->waiting, &changes->sent, link);
    while ((proposal = TAILQ_FIRST(&changes->waiting)) != NULL) {
        TAILQ_REMOVE(&changes->waiting, proposal, link);
        drop(proposal);
    }
    loop_timer_done(&changes->retry);
    arena_done(&changes->arena);
    free(changes);
}

#include <stdlib.h>

#include "broker/journal/journal_internal.h"

/* An append under way: it waits until it is committed, or for too long. It is over when no task
 * of its waiter is on its way. */
struct append {
    struct journal *journal;
    struct partition *partition; /* a reference, or NULL: refused */
    struct commit commit;
    struct waiter waiter;
    struct loop_timer deadline;
    bool is_timed_out;
    enum error error;
    int64_t base_offset;
    journal_appended *done;
    void *context;
    struct task first_look; /* posted at once: `done` is never called inside journal_append */
};

static void finish(struct append *append, enum error error) {
    journal_appended *done = append->done;
    void *context = append->context;
    int64_t base_offset = error == ERR_NONE ? append->base_offset : -1;

    loop_timer_done(&append->deadline);
    partition_unref(append->partition);
    append->journal->appends--;
    free(append);
    done(context, error, base_offset);
}

/* With a new leader epoch the journal is loaded anew, and finds there what is committed by then. */
static void wait_or_finish(struct append *append) {
    enum error error;

    do {
        if (partition_leader_epoch(append->partition) != append->commit.leader_epoch) {
            finish(append, ERR_NOT_LEADER_OR_FOLLOWER);
            return;
        }
        error = partition_commit_status(append->partition, &append->commit, &append->waiter);
        if (error != ERR_REQUEST_TIMED_OUT || append->is_timed_out) {
            finish(append, error);
            return;
        }
    } while (!partition_wait(append->partition, &append->waiter, append->commit.leader_epoch));
}

static void on_woken(struct task *task) {
    struct append *append = CONTAINER_OF(task, struct append, waiter.task);

    wait_or_finish(append);
}

static void on_deadline(struct loop_timer *timer) {
    struct append *append = CONTAINER_OF(timer, struct append, deadline);

    append->is_timed_out = true;
    /* If it is not listed any more, its task is on its way. */
    if (partition_stop_waiting(append->partition, &append->waiter))
        wait_or_finish(append);
}

static void on_refused(struct task *task) {
    struct append *append = CONTAINER_OF(task, struct append, first_look);

    finish(append, append->error);
}

/* Even what is committed at once, on a single replica, is told later. */
static void on_first_look(struct task *task) {
    struct append *append = CONTAINER_OF(task, struct append, first_look);

    loop_timer_arm(&append->deadline, append->journal->config.append_timeout_ms);
    wait_or_finish(append);
}

static enum error append_now(struct append *append, int32_t leader_epoch,
                             const struct journal_batch *batch) {
    struct journal *journal = append->journal;
    const struct partition_append options = {
        .acks = -1,
        .wall_ms = clock_wall_ms(journal->config.clock),
        .arena = &journal->arena,
        .origin = LOG_APPEND_COORDINATOR,
        .leader_epoch = leader_epoch,
        .must_be_verified = batch->must_be_verified,
        .guard = batch->guard,
    };
    struct log_append_result result;
    enum error error = partition_append_as_leader(append->partition, batch->data, batch->size,
                                                  &options, &result, &append->commit.leader_epoch);

    arena_reset(&journal->arena);
    if (error != ERR_NONE)
        return error;
    append->base_offset = result.base_offset;
    append->commit.required_offset = result.last_offset + 1;
    append->commit.flush_offset = result.flush_offset;
    return ERR_NONE;
}

bool journal_append(struct journal *journal, int32_t partition, const struct journal_batch *batch,
                    journal_appended *done, void *context) {
    struct append *append = calloc(1, sizeof(*append));
    struct executor *executor = loop_executor(journal->config.loop);
    bool is_appended;

    CHECK(append != NULL);
    append->journal = journal;
    append->done = done;
    append->context = context;
    append->waiter.executor = executor;
    append->waiter.task.run = on_woken;
    loop_timer_init(&append->deadline, journal->config.loop, on_deadline);
    journal->appends++;
    append->error = ERR_NOT_LEADER_OR_FOLLOWER;
    if (journal_state(journal, partition) == JOURNAL_READY) {
        append->partition = journal->partitions[partition].partition;
        partition_ref(append->partition);
        append->error = append_now(append, journal->partitions[partition].leader_epoch, batch);
    }
    is_appended = append->error == ERR_NONE;
    append->first_look.run = is_appended ? on_first_look : on_refused;
    executor_post(executor, &append->first_look);
    return is_appended;
}

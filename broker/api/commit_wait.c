#include "broker/api/commit_wait.h"

static void end_if_decided(struct commit_wait *wait) {
    if (wait->undecided == 0 && wait->on_the_way == 0)
        wait->on_over(wait);
}

static void wait_or_decide(struct commit_item *item) {
    struct commit_wait *wait = item->wait;
    enum error error;

    do {
        error = partition_commit_status(item->partition, &item->commit, &item->waiter);
        if (error != ERR_REQUEST_TIMED_OUT || wait->is_timed_out) {
            wait->undecided--;
            wait->on_item(item, error);
            return;
        }
        item->is_listed = partition_wait(item->partition, &item->waiter, item->commit.leader_epoch);
    } while (!item->is_listed);
    wait->on_the_way++;
}

static void on_woken(struct task *task) {
    struct commit_item *item = CONTAINER_OF(task, struct commit_item, waiter.task);
    struct commit_wait *wait = item->wait;

    item->is_listed = false;
    wait->on_the_way--;
    wait_or_decide(item);
    end_if_decided(wait);
}

static void on_deadline(struct request *request) {
    struct commit_wait *wait = request->user;
    struct commit_item *item;

    wait->is_timed_out = true;
    SLIST_FOREACH (item, &wait->items, link) {
        /* One that is not listed any more is decided when its task arrives. */
        if (item->is_listed && partition_stop_waiting(item->partition, &item->waiter)) {
            item->is_listed = false;
            wait->on_the_way--;
            wait_or_decide(item);
        }
    }
    end_if_decided(wait);
}

void commit_wait_add(struct commit_wait *wait, struct commit_item *item) {
    item->wait = wait;
    item->waiter.executor = wait->request->executor;
    item->waiter.task.run = on_woken;
    SLIST_INSERT_HEAD(&wait->items, item, link);
    wait->undecided++;
}

void commit_wait_begin(struct commit_wait *wait, int64_t timeout_ms) {
    struct commit_item *item;

    SLIST_FOREACH (item, &wait->items, link)
        wait_or_decide(item);
    if (wait->on_the_way > 0) {
        wait->request->user = wait;
        request_set_deadline(wait->request, timeout_ms > 0 ? timeout_ms : 0, on_deadline);
    }
    end_if_decided(wait);
}

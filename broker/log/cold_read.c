#include "broker/log/cold_read.h"

#include <sys/uio.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "client/base/check.h"

#define BLOCK_BYTES 65536
/* The kernel cuts off what is asked for at once beyond what it takes for a good size for the
 * device, and says nothing; that is never less than this. */
#define ASK_BYTES ((off_t)128 << 10)

struct cold_read_plan cold_read_decide(bool first_is_cold, bool rest_is_cold, bool next_is_cold,
                                       size_t ahead_max) {
    struct cold_read_plan plan = {.is_cold = first_is_cold || rest_is_cold};

    /* A sequential reader begins where his last range ended, which is in memory since then. */
    if (!first_is_cold && (rest_is_cold || next_is_cold))
        plan.ahead = ahead_max;
    return plan;
}

/* Behind the end of the file nothing is cold. */
static bool is_cold_at(int fd, int64_t position) {
    char byte;
    struct iovec vector = {&byte, 1};

    return preadv2(fd, &vector, 1, position, RWF_NOWAIT) < 0 && errno == EAGAIN;
}

/* What was asked for piece by piece may have come in another order: each is looked at. The last
 * first: where one is cold the kernel begins to read it, and all the more if what lies right before
 * it is there. */
static bool is_cold_between(int fd, int64_t position, int64_t end) {
    for (end--; end > position; end -= ASK_BYTES) {
        if (is_cold_at(fd, end))
            return true;
    }
    return false;
}

struct cold_read_plan cold_read_plan(const struct file_range *range, size_t ahead_max) {
    int64_t end = range->position + (int64_t)range->size;
    bool first_is_cold, rest_is_cold, next_is_cold;

    if (range->size == 0)
        return (struct cold_read_plan){0};
    first_is_cold = is_cold_at(range->fd, range->position);
    rest_is_cold = !first_is_cold && is_cold_between(range->fd, range->position, end);
    /* Half way, so that the disk has the other half to read when this is found. */
    next_is_cold = !first_is_cold && !rest_is_cold && ahead_max > 0 &&
                   is_cold_at(range->fd, end + (int64_t)(ahead_max / 2));
    return cold_read_decide(first_is_cold, rest_is_cold, next_is_cold, ahead_max);
}

static void ask_for(int fd, int64_t position, int64_t end) {
    for (; position < end; position += ASK_BYTES) {
        off_t left = end - position;
        (void)posix_fadvise(fd, position, left < ASK_BYTES ? left : ASK_BYTES, POSIX_FADV_WILLNEED);
    }
}

/* Reading is the only way to wait for it. */
static void wait_for(const struct file_range *range) {
    uint8_t block[BLOCK_BYTES];
    size_t done = 0;

    while (done < range->size) {
        size_t size = range->size - done < sizeof(block) ? range->size - done : sizeof(block);
        ssize_t got = pread(range->fd, block, size, range->position + (int64_t)done);
        if (got <= 0)
            return;
        done += (size_t)got;
    }
}

void cold_read_run(const struct file_range *range, const struct cold_read_plan *plan) {
    int64_t end = range->position + (int64_t)range->size;

    if (plan->is_cold)
        ask_for(range->fd, range->position, end);
    ask_for(range->fd, end, end + (int64_t)plan->ahead);
    if (plan->is_cold)
        wait_for(range);
}

struct ahead {
    struct task task;
    struct file_range range; /* a reference; of what lies ahead */
};

static void run_ahead(struct task *task) {
    struct ahead *ahead = CONTAINER_OF(task, struct ahead, task);
    struct file_range *range = &ahead->range;

    ask_for(range->fd, range->position, range->position + (int64_t)range->size);
    range->owner->unref(range->owner);
    free(ahead);
}

void cold_read_ahead_later(struct executor *pool, const struct file_range *range, size_t ahead) {
    struct ahead *later = malloc(sizeof(*later));

    if (later == NULL)
        return;
    later->task.run = run_ahead;
    later->range =
        (struct file_range){range->fd, range->position + (int64_t)range->size, ahead, range->owner};
    range->owner->ref(range->owner);
    executor_post(pool, &later->task);
}

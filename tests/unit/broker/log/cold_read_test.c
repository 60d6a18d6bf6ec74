/*
 * What is asked of the disk before a range is sent, and how much more. What lies in the page cache
 * is asked of the kernel: some file systems keep everything there, and then nothing is cold.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "broker/log/cold_read.h"

#define KIB   ((size_t)1024)
#define MIB   (1024 * KIB)
#define AHEAD (4 * MIB)

static void only_who_reads_in_order_is_read_ahead_of(void **state) {
    static const struct {
        const char *label;
        bool first_is_cold, rest_is_cold, next_is_cold;
        bool is_cold, is_ahead;
    } cases[] = {
        {"in memory, and what follows, too", false, false, false, false, false},
        {"in memory, but what follows is not", false, false, true, false, true},
        {"goes on where memory ends", false, true, true, true, true},
        {"goes on where memory ends, before a part that is there", false, true, false, true, true},
        {"begins in the middle of what is cold", true, true, true, true, false},
        {"begins before a part that is there", true, false, false, true, false},
        {"begins before a part that is there, and what follows is not", true, false, true, true,
         false},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct cold_read_plan plan = cold_read_decide(cases[i].first_is_cold, cases[i].rest_is_cold,
                                                      cases[i].next_is_cold, AHEAD);
        if (plan.is_cold != cases[i].is_cold || plan.ahead != (cases[i].is_ahead ? AHEAD : 0))
            fail_msg("%s: cold %d, ahead %zu", cases[i].label, plan.is_cold, plan.ahead);
        plan = cold_read_decide(cases[i].first_is_cold, cases[i].rest_is_cold,
                                cases[i].next_is_cold, 0);
        assert_int_equal(plan.ahead, 0);
    }
}

/* ---- with a file ---- */

struct counted {
    struct file_owner owner; /* first */
    int refs;
};

static void count_ref(struct file_owner *owner) {
    ((struct counted *)owner)->refs++;
}

static void count_unref(struct file_owner *owner) {
    ((struct counted *)owner)->refs--;
}

struct file {
    struct counted counted;
    size_t size;
    int fd;
    uint8_t *map; /* never read: only to ask what is in memory */
};

static void file_init(struct file *file, size_t size) {
    char path[] = "cold_read.XXXXXX";
    char block[64 * KIB];

    *file = (struct file){.counted.owner = {count_ref, count_unref}, .size = size};
    memset(block, 'x', sizeof(block));
    file->fd = mkstemp(path);
    assert_true(file->fd >= 0);
    assert_int_equal(unlink(path), 0);
    for (size_t done = 0; done < size; done += sizeof(block))
        assert_int_equal(pwrite(file->fd, block, sizeof(block), (off_t)done), sizeof(block));
    file->map = mmap(NULL, size, PROT_READ, MAP_SHARED, file->fd, 0);
    assert_true(file->map != MAP_FAILED);
}

static void file_done(struct file *file) {
    assert_int_equal(file->counted.refs, 0);
    assert_int_equal(munmap(file->map, file->size), 0);
    close(file->fd);
}

static void drop_from_memory(struct file *file) {
    assert_int_equal(fdatasync(file->fd), 0);
    assert_int_equal(posix_fadvise(file->fd, 0, 0, POSIX_FADV_DONTNEED), 0);
}

static struct file_range range_of(struct file *file, size_t position, size_t size) {
    return (struct file_range){file->fd, (int64_t)position, size, &file->counted.owner};
}

/* Pages of [position, end) that are in memory, not only on their way. */
static size_t pages_in_memory(const struct file *file, size_t position, size_t end) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE), count = (end - position + page - 1) / page;
    unsigned char *resident = malloc(count);
    size_t found = 0;

    assert_non_null(resident);
    assert_int_equal(mincore(file->map + position, end - position, resident), 0);
    for (size_t i = 0; i < count; i++)
        found += resident[i] & 1;
    free(resident);
    return found;
}

static size_t pages_of(size_t size) {
    return size / (size_t)sysconf(_SC_PAGESIZE);
}

/* What was asked for comes, but nobody says when. */
static void wait_until_in_memory(const struct file *file, size_t position, size_t size) {
    while (pages_in_memory(file, position, position + size) < pages_of(size))
        usleep(100);
}

static void what_was_just_written_is_sent_at_once(void **state) {
    struct file_range range, empty = {.fd = -1};
    struct cold_read_plan plan;
    struct file file;
    (void)state;

    file_init(&file, 2 * MIB);
    range = range_of(&file, MIB, MIB);
    plan = cold_read_plan(&range, AHEAD);
    assert_false(plan.is_cold);
    assert_int_equal(plan.ahead, 0);
    range = range_of(&file, 0, MIB);
    plan = cold_read_plan(&range, MIB);
    assert_false(plan.is_cold);
    assert_int_equal(plan.ahead, 0);
    plan = cold_read_plan(&empty, AHEAD);
    assert_false(plan.is_cold);
    assert_int_equal(plan.ahead, 0);
    file_done(&file);
}

/* Reads as a reader does whose ranges overlap a little, since batches are cut at their ends. */
static void a_reader_in_order_finds_most_in_memory_and_not_more_than_the_bound(void **state) {
    struct file file;
    (void)state;

    file_init(&file, 16 * MIB);
    drop_from_memory(&file);
    for (size_t i = 0; i < 8; i++) {
        struct file_range range = range_of(&file, i * MIB, MIB + KIB);
        size_t end = i * MIB + MIB + KIB;
        bool first_is_there = pages_in_memory(&file, i * MIB, i * MIB + 1) > 0;
        size_t there = pages_in_memory(&file, 0, file.size);
        struct cold_read_plan plan = cold_read_plan(&range, AHEAD);
        /* Only the start is read without having been looked for ahead. */
        if (!first_is_there)
            assert_true(plan.is_cold && plan.ahead == 0);
        cold_read_run(&range, &plan);
        assert_true(pages_in_memory(&file, i * MIB, end) >= pages_of(MIB));
        assert_true(plan.ahead == 0 || plan.ahead == AHEAD);
        wait_until_in_memory(&file, (i + 1) * MIB, plan.ahead);
        /* Looking may read a page or two. */
        assert_true(pages_in_memory(&file, 0, file.size) <=
                    there + pages_of(MIB + AHEAD) + pages_of(64 * KIB));
    }
    file_done(&file);
}

static void a_reader_who_jumps_reads_what_he_asked_for(void **state) {
    static const size_t positions[] = {9 * MIB, 2 * MIB, 13 * MIB, 5 * MIB};
    struct file file;
    (void)state;

    file_init(&file, 16 * MIB);
    drop_from_memory(&file);
    for (size_t i = 0; i < sizeof(positions) / sizeof(positions[0]); i++) {
        struct file_range range = range_of(&file, positions[i], MIB);
        size_t there = pages_in_memory(&file, 0, file.size);
        struct cold_read_plan plan = cold_read_plan(&range, AHEAD);
        assert_int_equal(plan.ahead, 0);
        cold_read_run(&range, &plan);
        assert_int_equal(pages_in_memory(&file, positions[i], positions[i] + MIB), pages_of(MIB));
        assert_true(pages_in_memory(&file, 0, file.size) <= there + pages_of(MIB + 64 * KIB));
    }
    file_done(&file);
}

/* ---- later ---- */

struct queue {
    struct executor executor; /* first */
    struct task *task;
};

static void queue_post(struct executor *executor, struct task *task) {
    assert_null(((struct queue *)executor)->task);
    ((struct queue *)executor)->task = task;
}

static void what_lies_ahead_is_asked_for_later_while_the_file_is_held(void **state) {
    struct queue queue = {.executor.post = queue_post};
    struct file_range range;
    struct file file;
    (void)state;

    file_init(&file, 8 * MIB);
    drop_from_memory(&file);
    range = range_of(&file, MIB, MIB);
    cold_read_ahead_later(&queue.executor, &range, MIB);
    assert_int_equal(file.counted.refs, 1);
    queue.task->run(queue.task);
    assert_int_equal(file.counted.refs, 0);
    wait_until_in_memory(&file, 2 * MIB, MIB);
    file_done(&file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_who_reads_in_order_is_read_ahead_of),
        cmocka_unit_test(what_was_just_written_is_sent_at_once),
        cmocka_unit_test(a_reader_in_order_finds_most_in_memory_and_not_more_than_the_bound),
        cmocka_unit_test(a_reader_who_jumps_reads_what_he_asked_for),
        cmocka_unit_test(what_lies_ahead_is_asked_for_later_while_the_file_is_held),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

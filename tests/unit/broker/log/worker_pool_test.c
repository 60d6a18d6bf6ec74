/* Tasks run once each, on other threads, and are waited for. */
#include "tests/unit/broker/log/log_fixture.h"

#include "broker/log/worker_pool.h"

#define TASKS 500

struct counted {
    struct task task;
    int *runs; /* atomic */
    struct worker_pool *pool;
    int again; /* posts itself as often */
};

static void run(struct task *task) {
    struct counted *counted = (struct counted *)task;

    (void)__atomic_add_fetch(counted->runs, 1, __ATOMIC_RELAXED);
    if (counted->again > 0) {
        counted->again--;
        executor_post(worker_pool_executor(counted->pool), task);
    }
}

static void every_task_runs_and_may_post_itself_again(void **state) {
    static struct counted tasks[TASKS];
    struct worker_pool *pool;
    int runs = 0;
    (void)state;

    assert_int_equal(worker_pool_new(3, "test", &pool), ERR_NONE);
    worker_pool_drain(pool);
    for (int i = 0; i < TASKS; i++) {
        tasks[i] = (struct counted){{.run = run}, &runs, pool, i % 4};
        worker_pool_post(pool, &tasks[i].task);
    }
    worker_pool_drain(pool);
    assert_int_equal(__atomic_load_n(&runs, __ATOMIC_RELAXED), TASKS + TASKS / 4 * 6);
    for (int i = 0; i < TASKS; i++)
        worker_pool_post(pool, &tasks[i].task);
    worker_pool_free(pool);
    assert_int_equal(runs, 2 * TASKS + TASKS / 4 * 6);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_task_runs_and_may_post_itself_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

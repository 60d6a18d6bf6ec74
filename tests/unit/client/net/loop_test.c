/* The loop keeps the order of tasks, loses none under concurrent posting, and stops cleanly. */
#include "client/net/loop.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "client/base/clock.h"

#define POSTER_COUNT     4
#define TASKS_PER_POSTER 5000

static struct loop *loop_create(void) {
    struct loop *loop = NULL;

    assert_int_equal(loop_new(&loop), ERR_NONE);
    return loop;
}

/* A task that notes its label, and may do more. */
struct note {
    struct task task;
    struct loop *loop;
    char label;
    struct note *then; /* posted when this one runs */
    bool stop;
};

static char notes[64];
static size_t note_count;

static void note_run(struct task *task) {
    struct note *note = CONTAINER_OF(task, struct note, task);

    assert_true(loop_is_current(note->loop));
    assert_true(note_count < sizeof(notes) - 1);
    notes[note_count++] = note->label;
    notes[note_count] = '\0';
    if (note->then != NULL)
        executor_post(loop_executor(note->loop), &note->then->task);
    if (note->stop)
        loop_stop(note->loop);
}

static void note_init(struct note *note, struct loop *loop, char label) {
    *note = (struct note){.task.run = note_run, .loop = loop, .label = label};
}

static int notes_clear(void **state) {
    (void)state;
    note_count = 0;
    notes[0] = '\0';
    return 0;
}

static void tasks_run_in_the_order_of_posting(void **state) {
    struct loop *loop = loop_create();
    struct note a, b, c;

    (void)state;
    note_init(&a, loop, 'a');
    note_init(&b, loop, 'b');
    note_init(&c, loop, 'c');
    c.stop = true;
    executor_post(loop_executor(loop), &a.task);
    executor_post(loop_executor(loop), &b.task);
    executor_post(loop_executor(loop), &c.task);
    assert_false(loop_is_current(loop));
    loop_run(loop);
    assert_false(loop_is_current(loop));
    assert_string_equal(notes, "abc");
    loop_free(loop);
}

static void a_task_posted_by_a_task_runs_behind_those_already_there(void **state) {
    struct loop *loop = loop_create();
    struct note a, b, c;

    (void)state;
    note_init(&a, loop, 'a');
    note_init(&b, loop, 'b');
    note_init(&c, loop, 'c');
    a.then = &c;
    c.stop = true;
    executor_post(loop_executor(loop), &a.task);
    executor_post(loop_executor(loop), &b.task);
    loop_run(loop);
    assert_string_equal(notes, "abc");
    loop_free(loop);
}

static void tasks_posted_before_the_stop_are_run(void **state) {
    struct loop *loop = loop_create();
    struct note a, b, c;

    (void)state;
    note_init(&a, loop, 'a');
    note_init(&b, loop, 'b');
    note_init(&c, loop, 'c');
    a.stop = true;
    a.then = &c;
    executor_post(loop_executor(loop), &a.task);
    executor_post(loop_executor(loop), &b.task);
    loop_run(loop);
    assert_string_equal(notes, "abc");
    loop_free(loop);
}

static void a_stop_before_the_start_is_not_lost(void **state) {
    struct loop *loop = loop_create();

    (void)state;
    loop_stop(loop);
    assert_int_equal(loop_start(loop, "stopped"), ERR_NONE);
    loop_join(loop);
    loop_free(loop);
}

static void a_loop_that_never_ran_drops_its_tasks(void **state) {
    struct loop *loop = loop_create();
    struct note a;

    (void)state;
    note_init(&a, loop, 'a');
    executor_post(loop_executor(loop), &a.task);
    loop_free(loop);
    assert_string_equal(notes, "");
}

/* Each poster posts its tasks in order; the loop checks that order and counts them. */
struct poster {
    pthread_t thread;
    struct loop *loop;
    struct numbered *tasks;
    int next; /* the loop's thread */
    atomic_int *left;
};

struct numbered {
    struct task task;
    struct poster *poster;
    int number;
};

static void numbered_run(struct task *task) {
    struct numbered *numbered = CONTAINER_OF(task, struct numbered, task);
    struct poster *poster = numbered->poster;

    assert_int_equal(numbered->number, poster->next);
    poster->next++;
    if (atomic_fetch_sub(poster->left, 1) == 1)
        loop_stop(poster->loop);
}

static void *poster_run(void *context) {
    struct poster *poster = context;

    for (int i = 0; i < TASKS_PER_POSTER; i++) {
        poster->tasks[i] = (struct numbered){{.run = numbered_run}, poster, i};
        executor_post(loop_executor(poster->loop), &poster->tasks[i].task);
    }
    return NULL;
}

static void posting_from_many_threads_loses_nothing_and_keeps_each_order(void **state) {
    struct loop *loop = loop_create();
    struct poster posters[POSTER_COUNT];
    atomic_int left = POSTER_COUNT * TASKS_PER_POSTER;

    (void)state;
    assert_int_equal(loop_start(loop, "posted-to"), ERR_NONE);
    for (int i = 0; i < POSTER_COUNT; i++) {
        posters[i] = (struct poster){
            .loop = loop,
            .tasks = calloc(TASKS_PER_POSTER, sizeof(struct numbered)),
            .left = &left,
        };
        assert_non_null(posters[i].tasks);
    }
    for (int i = 0; i < POSTER_COUNT; i++)
        assert_int_equal(pthread_create(&posters[i].thread, NULL, poster_run, &posters[i]), 0);
    for (int i = 0; i < POSTER_COUNT; i++)
        assert_int_equal(pthread_join(posters[i].thread, NULL), 0);
    loop_join(loop);
    assert_int_equal(atomic_load(&left), 0);
    for (int i = 0; i < POSTER_COUNT; i++)
        free(posters[i].tasks);
    loop_free(loop);
}

/* Two loops send one task back and forth: every wake-up must arrive. */
struct ball {
    struct task task;
    struct loop *loops[2];
    int throws_left;
};

static void ball_run(struct task *task) {
    struct ball *ball = CONTAINER_OF(task, struct ball, task);
    int here = loop_is_current(ball->loops[0]) ? 0 : 1;

    if (ball->throws_left-- > 0) {
        executor_post(loop_executor(ball->loops[1 - here]), task);
        return;
    }
    loop_stop(ball->loops[0]);
    loop_stop(ball->loops[1]);
}

static void two_loops_wake_each_other_every_time(void **state) {
    struct ball ball = {.task.run = ball_run, .throws_left = 2000};

    (void)state;
    for (int i = 0; i < 2; i++) {
        ball.loops[i] = loop_create();
        assert_int_equal(loop_start(ball.loops[i], i == 0 ? "left" : "right"), ERR_NONE);
    }
    executor_post(loop_executor(ball.loops[0]), &ball.task);
    for (int i = 0; i < 2; i++)
        loop_join(ball.loops[i]);
    assert_int_equal(ball.throws_left, -1);
    for (int i = 0; i < 2; i++)
        loop_free(ball.loops[i]);
}

struct bell {
    struct loop_timer timer;
    char label;
    struct bell *moves; /* armed again, far away, when this one rings */
    struct bell *cancels;
    bool stop;
};

static void bell_ring(struct loop_timer *timer) {
    struct bell *bell = CONTAINER_OF(timer, struct bell, timer);

    notes[note_count++] = bell->label;
    notes[note_count] = '\0';
    if (bell->moves != NULL)
        loop_timer_arm(&bell->moves->timer, 30);
    if (bell->cancels != NULL)
        loop_timer_cancel(&bell->cancels->timer);
    if (bell->stop)
        loop_stop(timer->loop);
}

static void timers_expire_in_order_can_be_moved_and_cancelled(void **state) {
    struct loop *loop = loop_create();
    struct bell bells[5];
    int64_t begin = clock_monotonic_ms(clock_system());

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(bells); i++) {
        bells[i] = (struct bell){.label = (char)('a' + i)};
        loop_timer_init(&bells[i].timer, loop, bell_ring);
    }
    loop_timer_cancel(&bells[0].timer); /* never armed: nothing happens */
    loop_timer_arm(&bells[2].timer, 20);
    loop_timer_arm(&bells[1].timer, 10);
    loop_timer_arm(&bells[0].timer, 0);
    loop_timer_arm(&bells[3].timer, 15);
    loop_timer_arm(&bells[4].timer, 15);
    bells[1].moves = &bells[3]; /* due at 15, now at 40 */
    bells[1].cancels = &bells[4];
    bells[3].stop = true;
    loop_run(loop);
    assert_string_equal(notes, "abcd");
    assert_true(clock_monotonic_ms(clock_system()) - begin >= 30);
    for (size_t i = 0; i < ARRAY_COUNT(bells); i++)
        loop_timer_done(&bells[i].timer);
    loop_free(loop);
}

/* A callback that takes long, and then arms a timer that must count from then on. */
static struct loop_timer late_timer;
static int64_t late_armed_ms;

static void late_ring(struct loop_timer *timer) {
    assert_true(clock_monotonic_ms(clock_system()) - late_armed_ms >= 30);
    loop_stop(timer->loop);
}

static void busy_ring(struct loop_timer *timer) {
    int64_t begin_ms = clock_monotonic_ms(clock_system());

    (void)timer;
    while (clock_monotonic_ms(clock_system()) - begin_ms < 40)
        continue;
    late_armed_ms = clock_monotonic_ms(clock_system());
    loop_timer_arm(&late_timer, 30);
}

static void a_timer_armed_late_in_a_long_turn_is_not_early(void **state) {
    struct loop *loop = loop_create();
    struct loop_timer busy_timer;

    (void)state;
    loop_timer_init(&late_timer, loop, late_ring);
    loop_timer_init(&busy_timer, loop, busy_ring);
    loop_timer_arm(&busy_timer, 0);
    loop_run(loop);
    loop_timer_done(&busy_timer);
    loop_timer_done(&late_timer);
    loop_free(loop);
}

static void timers_far_in_the_future_and_in_the_past_are_accepted(void **state) {
    struct loop *loop = loop_create();
    struct bell far = {.label = 'f'}, past = {.label = 'p', .stop = true};

    (void)state;
    loop_timer_init(&far.timer, loop, bell_ring);
    loop_timer_init(&past.timer, loop, bell_ring);
    loop_timer_arm(&far.timer, INT64_MAX);
    loop_timer_arm(&past.timer, INT64_MIN);
    loop_run(loop);
    assert_string_equal(notes, "p");
    loop_timer_done(&far.timer);
    loop_timer_done(&past.timer);
    loop_free(loop);
}

/* A task that always posts itself again must not keep timers and sockets from their turn. */
static void self_post(struct task *task) {
    struct note *note = CONTAINER_OF(task, struct note, task);

    if (!note->stop)
        executor_post(loop_executor(note->loop), task);
}

static struct note *spinner;

static void spinner_stop(struct loop_timer *timer) {
    spinner->stop = true;
    loop_stop(timer->loop);
}

static void tasks_that_post_themselves_do_not_starve_timers(void **state) {
    struct loop *loop = loop_create();
    struct note self = {.task.run = self_post, .loop = loop};
    struct loop_timer timer;

    (void)state;
    spinner = &self;
    loop_timer_init(&timer, loop, spinner_stop);
    loop_timer_arm(&timer, 5);
    executor_post(loop_executor(loop), &self.task);
    loop_run(loop);
    assert_true(self.stop);
    loop_timer_done(&timer);
    loop_free(loop);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(tasks_run_in_the_order_of_posting, notes_clear),
        cmocka_unit_test_setup(a_task_posted_by_a_task_runs_behind_those_already_there,
                               notes_clear),
        cmocka_unit_test_setup(tasks_posted_before_the_stop_are_run, notes_clear),
        cmocka_unit_test(a_stop_before_the_start_is_not_lost),
        cmocka_unit_test_setup(a_loop_that_never_ran_drops_its_tasks, notes_clear),
        cmocka_unit_test(posting_from_many_threads_loses_nothing_and_keeps_each_order),
        cmocka_unit_test(two_loops_wake_each_other_every_time),
        cmocka_unit_test_setup(timers_expire_in_order_can_be_moved_and_cancelled, notes_clear),
        cmocka_unit_test(a_timer_armed_late_in_a_long_turn_is_not_early),
        cmocka_unit_test_setup(timers_far_in_the_future_and_in_the_past_are_accepted, notes_clear),
        cmocka_unit_test(tasks_that_post_themselves_do_not_starve_timers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

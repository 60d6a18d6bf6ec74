/* How much is read from one connection, by what running it took lately. */
#include "broker/server/read_turn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define READ_BYTES ((size_t)100 << 10)

/* `bytes` in reads of READ_BYTES, each taking `ns`. */
static void read_all(struct read_turn *turn, size_t bytes, int64_t ns) {
    for (size_t done = 0; done < bytes; done += READ_BYTES)
        read_turn_note(turn, READ_BYTES, ns);
}

static void a_turn_is_what_lately_took_its_time(void **state) {
    struct read_turn turn;

    (void)state;
    read_turn_init(&turn);
    assert_int_equal(turn.size, READ_TURN_BYTES_MAX);
    read_all(&turn, 8 << 20, READ_TURN_NS / 5); /* so that five reads are a turn */
    assert_in_range(turn.size, 5 * READ_BYTES - 1024, 5 * READ_BYTES);
    read_all(&turn, 64 << 20, READ_TURN_NS / 2);
    assert_in_range(turn.size, 2 * READ_BYTES - 1024, 2 * READ_BYTES + 1024);
}

static void a_turn_has_its_bounds(void **state) {
    struct read_turn turn;

    (void)state;
    read_turn_init(&turn);
    read_all(&turn, 8 << 20, 1000 * READ_TURN_NS);
    assert_int_equal(turn.size, READ_TURN_BYTES_MIN);
    read_all(&turn, 256 << 20, 0); /* what was slow is forgotten */
    assert_int_equal(turn.size, READ_TURN_BYTES_MAX);
    read_turn_note(&turn, SIZE_MAX / 2, INT64_MAX); /* about a byte per ns */
    assert_in_range(turn.size, READ_TURN_NS - 1024, READ_TURN_NS + 1024);
}

/* The system lets 2 MB pass at once, and then holds for 10 ms: between two of its pauses, too, a
 * turn is what it takes on average. */
static void pauses_count_for_the_turns_between_them(void **state) {
    struct read_turn turn;

    (void)state;
    read_turn_init(&turn);
    for (int pause = 0; pause < 10; pause++) {
        read_all(&turn, 2 << 20, 50000);
        read_turn_note(&turn, READ_BYTES, 10000000);
        if (pause > 0)
            assert_int_equal(turn.size, READ_TURN_BYTES_MIN);
    }
    read_all(&turn, 1 << 20, 50000);
    assert_int_equal(turn.size, READ_TURN_BYTES_MIN);
}

static void small_reads_say_nothing(void **state) {
    struct read_turn turn;

    (void)state;
    read_turn_init(&turn);
    for (int i = 0; i < 100000; i++)
        read_turn_note(&turn, 200, 5000);
    assert_int_equal(turn.size, READ_TURN_BYTES_MAX);
    read_turn_note(&turn, READ_BYTES, -1); /* a clock that went back */
    assert_int_equal(turn.size, READ_TURN_BYTES_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_turn_is_what_lately_took_its_time),
        cmocka_unit_test(a_turn_has_its_bounds),
        cmocka_unit_test(pauses_count_for_the_turns_between_them),
        cmocka_unit_test(small_reads_say_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

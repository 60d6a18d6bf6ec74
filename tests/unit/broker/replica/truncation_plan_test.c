/* Where a follower cuts its log, case by case. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/replica/truncation_plan.h"
#include "client/base/check.h"

static void the_follower_cuts_where_the_logs_part(void **state) {
    static const struct {
        const char *what;
        struct truncation_input input; /* leader: epoch, end; own: epoch, end; log end, HW */
        struct truncation expected;
    } cases[] = {
        {"the leader knows nothing of the epoch", {3, -1, 3, 80, 100, 60}, {60, true}},
        {"the leader has no epoch so old", {-1, 40, 3, 80, 100, 60}, {40, true}},
        {"and it is longer", {-1, 400, 3, 80, 100, 60}, {100, true}},
        {"we have no epoch so old", {2, 40, -1, -1, 100, 60}, {40, true}},
        {"and the leader's is longer", {2, 400, -1, -1, 100, 60}, {100, true}},
        {"same epoch, the leader is shorter", {3, 90, 3, 100, 100, 60}, {90, true}},
        {"same epoch, we are shorter", {3, 100, 3, 90, 90, 60}, {90, true}},
        {"same epoch, same end", {3, 100, 3, 100, 100, 60}, {100, true}},
        {"its epoch went on elsewhere here", {3, 90, 3, 95, 120, 60}, {90, true}},
        {"we lack the leader's epoch", {4, 90, 3, 70, 100, 60}, {70, false}},
        {"and our end is beyond the log", {4, 90, 3, 170, 100, 60}, {100, false}},
        {"below the high watermark, if the logs part there", {3, 50, 3, 100, 100, 60}, {50, true}},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct truncation plan = truncation_plan(&cases[i].input);
        if (plan.offset != cases[i].expected.offset || plan.complete != cases[i].expected.complete)
            fail_msg("%s: cuts at %lld, %s", cases[i].what, (long long)plan.offset,
                     plan.complete ? "complete" : "not complete");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_follower_cuts_where_the_logs_part),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

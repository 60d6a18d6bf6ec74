/* Proves that what recovery will read is the recovery point's segment and what follows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/log/recovery_size.h"
#include "client/base/check.h"

static void only_what_lies_behind_the_recovery_point_counts(void **state) {
    static const struct {
        const char *label;
        int64_t recovery_point, bytes;
    } cases[] = {
        {"none", 0, 111},
        {"within the first", 99, 111},
        {"at the border", 100, 110},
        {"in the last", 250, 100},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct recovery_size sizes = {.recovery_point = cases[i].recovery_point};

        recovery_size_add_file(&sizes, "00000000000000000200.log", 100);
        recovery_size_add_file(&sizes, "00000000000000000000.log", 1);
        recovery_size_add_file(&sizes, "00000000000000000000.index", 4711);
        recovery_size_add_file(&sizes, "00000000000000000100.log.deleted", 4711);
        recovery_size_add_file(&sizes, "leader-epoch-checkpoint", 4711);
        recovery_size_add_file(&sizes, "1.log", 4711);
        recovery_size_add_file(&sizes, "00000000000000000100.log", 10);
        if (recovery_size_bytes(&sizes) != cases[i].bytes)
            fail_msg("%s: %d", cases[i].label, (int)recovery_size_bytes(&sizes));
        recovery_size_done(&sizes);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_lies_behind_the_recovery_point_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

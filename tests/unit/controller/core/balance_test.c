/* Proves when a broker gets back what it should lead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "controller/core/balance.h"

static const struct {
    const char *label;
    size_t preferred, led_by_others;
    int32_t percentage;
    bool due;
} cases[] = {
    {"nothing is preferred here", 0, 0, 10, false},
    {"all is as it should be", 10, 0, 10, false},
    {"the limit itself is allowed", 10, 1, 10, false},
    {"one more is not", 10, 2, 10, true},
    {"a single partition", 1, 1, 10, true},
    {"no imbalance is allowed", 100, 1, 0, true},
    {"any is allowed", 4, 4, 100, false},
};

static void test_a_broker_gets_back_what_others_lead_beyond_the_percentage(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        print_message("%s\n", cases[i].label);
        assert_int_equal(controller_balance_is_due(cases[i].preferred, cases[i].led_by_others,
                                                   cases[i].percentage),
                         cases[i].due);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_broker_gets_back_what_others_lead_beyond_the_percentage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

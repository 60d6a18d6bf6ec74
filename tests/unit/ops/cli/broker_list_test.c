#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "ops/cli/broker_list.h"

static void lists_of_brokers_are_read(void **state) {
    static const struct {
        const char *text, *again; /* NULL: it is none */
    } cases[] = {
        {"1", "1"},
        {"3,1,2", "3,1,2"},
        {"0,2147483647", "0,2147483647"},
        {"", NULL},
        {",", NULL},
        {"1,", NULL},
        {",1", NULL},
        {"1,1", NULL},
        {"1, 2", NULL},
        {"-1", NULL},
        {"one", NULL},
        {"2147483648", NULL},
        {"99999999999999999999", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct broker_list list;
        char text[64];

        assert_int_equal(broker_list_parse(cases[i].text, &list), cases[i].again != NULL);
        if (cases[i].again != NULL)
            assert_string_equal(broker_list_text(list.ids, list.count, text, sizeof(text)),
                                cases[i].again);
    }
}

static void a_list_longer_than_its_room_is_refused(void **state) {
    struct broker_list list;
    char text[8 * (BROKER_LIST_MAX + 1)] = "0";
    size_t at = 1;

    (void)state;
    for (int i = 1; i < BROKER_LIST_MAX; i++)
        at += (size_t)snprintf(text + at, sizeof(text) - at, ",%d", i);
    assert_true(broker_list_parse(text, &list));
    snprintf(text + at, sizeof(text) - at, ",1000");
    assert_false(broker_list_parse(text, &list));
}

static void brokers_are_put_into_another_order(void **state) {
    struct broker_list list;
    int32_t ids[BROKER_LIST_MAX];
    char text[64];

    (void)state;
    assert_true(broker_list_parse("4,5,6", &list));
    broker_list_rotate(&list, 4, ids);
    assert_string_equal(broker_list_text(ids, 3, text, sizeof(text)), "5,6,4");
    assert_true(broker_list_put_first(list.ids, 3, 6, ids));
    assert_string_equal(broker_list_text(ids, 3, text, sizeof(text)), "6,4,5");
    assert_false(broker_list_put_first(list.ids, 3, 7, ids));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_of_brokers_are_read),
        cmocka_unit_test(a_list_longer_than_its_room_is_refused),
        cmocka_unit_test(brokers_are_put_into_another_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Bootstrap lists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "client/cluster/endpoint.h"

static void lists_are_taken_apart(void **state) {
    static const struct {
        const char *text;
        size_t count;
        struct endpoint endpoints[3];
    } cases[] = {
        {"a:1", 1, {{"a", 1}}},
        {"a", 1, {{"a", 9092}}},
        {" a:1 , b:65535,", 2, {{"a", 1}, {"b", 65535}}},
        {"[::1]:7", 1, {{"::1", 7}}},
        {"[fe80::1%eth0]", 1, {{"fe80::1%eth0", 9092}}},
        {",,a,,b,c:3", 3, {{"a", 9092}, {"b", 9092}, {"c", 3}}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct endpoint *endpoints;
        char reason[128] = "";
        size_t count;

        assert_int_equal(endpoints_parse(cases[i].text, &endpoints, &count, reason, sizeof(reason)),
                         ERR_NONE);
        assert_int_equal(count, cases[i].count);
        for (size_t j = 0; j < count; j++) {
            assert_string_equal(endpoints[j].host, cases[i].endpoints[j].host);
            assert_int_equal(endpoints[j].port, cases[i].endpoints[j].port);
        }
        free(endpoints);
    }
}

static void what_is_no_endpoint_is_named(void **state) {
    static const struct {
        const char *text;
        const char *reason;
    } cases[] = {
        {"", "no broker is named"},
        {" , ", "no broker is named"},
        {"a:", "\"a:\" is not host:port"},
        {"a:0", "\"a:0\" is not host:port"},
        {"a:65536", "\"a:65536\" is not host:port"},
        {"a:1x", "\"a:1x\" is not host:port"},
        {":1", "\":1\" is not host:port"},
        {"ok,[::1", "\"[::1\" is not host:port"},
        {"[::1]7", "\"[::1]7\" is not host:port"},
        {"::1", "\"::1\" is not host:port"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct endpoint *endpoints = NULL;
        char reason[128] = "";
        size_t count;

        assert_int_equal(endpoints_parse(cases[i].text, &endpoints, &count, reason, sizeof(reason)),
                         ERR_CONFIG_INVALID);
        assert_string_equal(reason, cases[i].reason);
        assert_null(endpoints);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_are_taken_apart),
        cmocka_unit_test(what_is_no_endpoint_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

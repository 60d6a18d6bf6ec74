/* Proves how changes of settings are read from a command line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ops/cli/command_table.h"
#include "ops/cli/setting_flags.h"

static void take(char **arguments, int count, const char *expected) {
    struct invocation invocation;
    struct setting_changes changes;
    char problem[256], text[256];

    assert_true(invocation_parse(&invocation, count, arguments, problem, sizeof(problem)));
    if (setting_changes_take(&invocation, &changes)) {
        setting_changes_print(&changes, text, sizeof(text));
        if (expected == NULL)
            fail_msg("%s was taken", text);
        else
            assert_string_equal(text, expected);
    } else {
        assert_null(expected);
    }
    setting_changes_done(&changes);
}

#define TAKE(expected, ...)                                                       \
    take((char *[]){"barnabas", "config", "alter", "brokers", __VA_ARGS__, NULL}, \
         (int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)) + 4, expected)

static void changes_are_read_from_flags(void **state) {
    (void)state;
    TAKE("", "--dry-run");
    TAKE("set a=1", "--config", "a=1");
    TAKE("set a=1", "-c", "a=1");
    TAKE("set a=", "--config", "a=");
    TAKE("set a=b=c", "--config", "a=b=c");
    TAKE("set a=1, set b=2, delete c, append d=x,y, subtract e=z", "--subtract", "e=z", "--config",
         "a=1", "--append", "d=x,y", "--delete-config", "c", "--config", "b=2");
}

static void what_is_no_change_is_refused(void **state) {
    (void)state;
    TAKE(NULL, "--config", "a");
    TAKE(NULL, "--config", "=1");
    TAKE(NULL, "--config", "");
    TAKE(NULL, "--append", "a");
    TAKE(NULL, "--delete-config", "a=1");
    TAKE(NULL, "--delete-config", "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_are_read_from_flags),
        cmocka_unit_test(what_is_no_change_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

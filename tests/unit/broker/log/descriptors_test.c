/* The kernel's table of descriptors does not grow while the broker serves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "broker/log/descriptors.h"

/* What the kernel says of this process; Linux, proc(5). */
static size_t table_length(void) {
    FILE *status = fopen("/proc/self/status", "r");
    size_t length = 0;
    char line[256];

    assert_non_null(status);
    while (fgets(line, sizeof(line), status) != NULL)
        (void)sscanf(line, "FDSize: %zu", &length);
    fclose(status);
    return length;
}

static void the_table_is_as_long_as_the_limit_allows(void **state) {
    struct rlimit limit;
    int lowest;
    (void)state;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_true(limit.rlim_max > 512);
    limit.rlim_cur = 256;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(descriptors_limit(), 256);
    lowest = dup(STDOUT_FILENO);
    assert_true(lowest >= 0);
    close(lowest);
    descriptors_prepare();
    assert_int_equal(descriptors_limit(), limit.rlim_max);
    assert_true(table_length() >=
                (limit.rlim_max < DESCRIPTORS_PREPARED ? limit.rlim_max : DESCRIPTORS_PREPARED));
    /* Nothing stays open. */
    assert_int_equal(dup(STDOUT_FILENO), lowest);
    close(lowest);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_as_long_as_the_limit_allows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Proves that connections are counted by their software, and that sorts are bounded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "broker/metrics/client_census.h"

static struct client_sort sorts[CLIENT_SORTS_MAX + 1];

static size_t join(struct client_census *census, const char *name, const char *version) {
    return client_census_join(census, bytes_of_text(name), bytes_of_text(version));
}

static int64_t connections(struct client_census *census, const char *name, const char *version) {
    size_t count = client_census_read(census, sorts);

    for (size_t i = 0; i < count; i++) {
        if (strcmp(sorts[i].name, name) == 0 && strcmp(sorts[i].version, version) == 0)
            return sorts[i].connections;
    }
    return 0;
}

static void connections_are_counted_by_name_and_version(void **state) {
    struct client_census *census = client_census_new();
    size_t first = join(census, "librdkafka", "2.0");
    size_t second = join(census, "librdkafka", "2.1");

    (void)state;
    assert_int_equal(join(census, "librdkafka", "2.0"), first);
    assert_int_equal(connections(census, "librdkafka", "2.0"), 2);
    assert_int_equal(connections(census, "librdkafka", "2.1"), 1);
    client_census_leave(census, second);
    assert_int_equal(client_census_read(census, sorts), 1);
    client_census_free(census);
}

static void sorts_are_bounded_and_make_room_for_each_other(void **state) {
    struct client_census *census = client_census_new();
    size_t places[CLIENT_SORTS_MAX];
    size_t odd;
    char version[16];

    (void)state;
    for (int i = 0; i < CLIENT_SORTS_MAX; i++) {
        snprintf(version, sizeof(version), "%d", i);
        places[i] = join(census, "many", version);
    }
    odd = join(census, "late", "1");
    assert_int_equal(join(census, "later", "1"), odd);
    assert_int_equal(connections(census, "other", ""), 2);
    assert_int_equal(connections(census, "many", "0"), 1);
    client_census_leave(census, places[7]);
    (void)join(census, "last", "1");
    assert_int_equal(connections(census, "last", "1"), 1);
    client_census_leave(census, odd);
    assert_int_equal(connections(census, "other", ""), 1);
    client_census_free(census);
}

static void long_texts_are_cut(void **state) {
    struct client_census *census = client_census_new();
    char name[200], cut[CLIENT_TEXT_BYTES_MAX + 1] = "";

    (void)state;
    memset(name, 'x', sizeof(name));
    memset(cut, 'x', CLIENT_TEXT_BYTES_MAX);
    (void)client_census_join(census, bytes_of(name, sizeof(name)), BYTES_NULL);
    assert_int_equal(connections(census, cut, ""), 1);
    client_census_free(census);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connections_are_counted_by_name_and_version),
        cmocka_unit_test(sorts_are_bounded_and_make_room_for_each_other),
        cmocka_unit_test(long_texts_are_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

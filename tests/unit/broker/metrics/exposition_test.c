/* Proves that what is written is Prometheus' text format, to the byte. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "broker/metrics/exposition.h"

static void assert_text(struct exposition *out, const char *expected) {
    char *text = strndup(out->data, out->size);

    assert_string_equal(text, expected);
    free(text);
    exposition_done(out);
}

static void a_family_has_a_head_and_its_samples(void **unused) {
    struct exposition out;

    (void)unused;
    exposition_init(&out);
    exposition_family(&out, "bytes_total", METRIC_COUNTER, "Bytes.");
    exposition_integer(&out, "", NO_LABELS, 7);
    exposition_integer(&out, "", LABELS({"topic", "orders"}, {"partition", "3"}), -1);
    exposition_single(&out, "connections", METRIC_GAUGE, "Open.", 2);
    assert_text(&out, "# HELP bytes_total Bytes.\n"
                      "# TYPE bytes_total counter\n"
                      "bytes_total 7\n"
                      "bytes_total{topic=\"orders\",partition=\"3\"} -1\n"
                      "# HELP connections Open.\n"
                      "# TYPE connections gauge\n"
                      "connections 2\n");
}

static void a_summary_has_quantiles_a_count_and_a_sum(void **unused) {
    struct exposition out;

    (void)unused;
    exposition_init(&out);
    exposition_family(&out, "total", METRIC_SUMMARY, "Ms.");
    exposition_number(&out, "", LABELS({"quantile", "0.99"}), 1.5);
    exposition_integer(&out, "_count", NO_LABELS, 3);
    exposition_number(&out, "_sum", NO_LABELS, 4.25);
    assert_text(&out, "# HELP total Ms.\n# TYPE total summary\n"
                      "total{quantile=\"0.99\"} 1.5\ntotal_count 3\ntotal_sum 4.25\n");
}

static void numbers_that_are_none_have_names(void **unused) {
    struct exposition out;

    (void)unused;
    exposition_init(&out);
    exposition_family(&out, "x", METRIC_GAUGE, "X.");
    exposition_number(&out, "", NO_LABELS, NAN);
    exposition_number(&out, "", NO_LABELS, INFINITY);
    exposition_number(&out, "", NO_LABELS, -INFINITY);
    exposition_number(&out, "", NO_LABELS, 1e300);
    exposition_number(&out, "", NO_LABELS, 0.1);
    exposition_integer(&out, "", NO_LABELS, INT64_MIN);
    assert_text(&out, "# HELP x X.\n# TYPE x gauge\n"
                      "x NaN\nx +Inf\nx -Inf\nx 1e+300\nx 0.1\nx -9223372036854775808\n");
}

static void labels_are_escaped_and_may_be_left_out(void **unused) {
    struct exposition out;

    (void)unused;
    exposition_init(&out);
    exposition_family(&out, "x", METRIC_GAUGE, "X.");
    exposition_integer(&out, "", LABELS({"a", "q\"b\\n\nz"}), 1);
    exposition_integer(&out, "", LABELS({"a", NULL}, {"b", ""}), 2);
    exposition_integer(&out, "", LABELS({"a", NULL}), 3);
    exposition_integer(&out, "", LABELS({"a", "\xc3\xa4\xff"}), 4);
    assert_text(&out, "# HELP x X.\n# TYPE x gauge\n"
                      "x{a=\"q\\\"b\\\\n\\nz\"} 1\nx{b=\"\"} 2\nx 3\nx{a=\"???\"} 4\n");
}

static void it_grows_with_what_is_written(void **unused) {
    struct exposition out;

    (void)unused;
    exposition_init(&out);
    exposition_family(&out, "x", METRIC_GAUGE, "X.");
    for (int i = 0; i < 100000; i++)
        exposition_integer(&out, "", NO_LABELS, i);
    assert_int_equal(out.size, 27 + 10 * 4 + 90 * 5 + 900 * 6 + 9000 * 7 + 90000 * 8);
    assert_memory_equal(out.data + out.size - 8, "x 99999\n", 8);
    exposition_done(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_family_has_a_head_and_its_samples),
        cmocka_unit_test(a_summary_has_quantiles_a_count_and_a_sum),
        cmocka_unit_test(numbers_that_are_none_have_names),
        cmocka_unit_test(labels_are_escaped_and_may_be_left_out),
        cmocka_unit_test(it_grows_with_what_is_written),
    };

    return cmocka_run_group_tests_name("exposition", tests, NULL, NULL);
}

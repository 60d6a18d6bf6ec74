/* Which messages count as seen before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <barnabas/deduplication.h>

static struct barnabas_deduplicator *with(size_t ids_max, size_t bytes_max, const char *header) {
    const struct barnabas_deduplicator_options options = {header, ids_max, bytes_max};
    struct barnabas_deduplicator *deduplicator;

    assert_int_equal(barnabas_deduplicator_new(&options, &deduplicator), BARNABAS_OK);
    return deduplicator;
}

/* A string of ids, one letter each: those that are let through. */
static void take_letters(struct barnabas_deduplicator *deduplicator, const char *ids,
                         const char *passed) {
    char let[64] = "";
    size_t count = 0;

    for (; *ids != '\0'; ids++) {
        struct barnabas_message message = {.key = ids, .key_size = 1};
        bool is_new;

        assert_int_equal(barnabas_deduplicator_take(deduplicator, &message, &is_new), BARNABAS_OK);
        if (is_new)
            let[count++] = *ids;
    }
    assert_string_equal(let, passed);
}

static void ids_pass_once_while_they_are_remembered(void **state) {
    static const struct {
        const char *label;
        size_t ids_max;
        const char *ids;
        const char *passed;
    } cases[] = {
        {"all different", 3, "abc", "abc"},
        {"one twice", 3, "aab", "ab"},
        {"the oldest is forgotten", 3, "abcda", "abcda"},
        {"the oldest, not the others", 3, "abcdbcd", "abcd"},
        {"seen again is young again", 3, "abcadb", "abcdb"},
        {"room for one", 1, "aaabba", "aba"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct barnabas_deduplicator *deduplicator = with(cases[i].ids_max, 0, NULL);

        print_message("%s\n", cases[i].label);
        take_letters(deduplicator, cases[i].ids, cases[i].passed);
        assert_true(barnabas_deduplicator_count(deduplicator) <= cases[i].ids_max);
        assert_int_equal(barnabas_deduplicator_copies(deduplicator),
                         strlen(cases[i].ids) - strlen(cases[i].passed));
        barnabas_deduplicator_free(deduplicator);
    }
}

static void bytes_are_bounded(void **state) {
    struct barnabas_deduplicator *deduplicator = with(1000, 4000, NULL);
    char id[5000] = "";
    bool is_new;

    (void)state;
    for (int i = 0; i < 100; i++) {
        memcpy(id, &i, sizeof(i));
        assert_int_equal(barnabas_deduplicator_take_id(deduplicator, id, 500, &is_new),
                         BARNABAS_OK);
        assert_true(is_new);
    }
    assert_true(barnabas_deduplicator_count(deduplicator) <= 8);
    assert_true(barnabas_deduplicator_count(deduplicator) >= 5);
    assert_int_equal(barnabas_deduplicator_take_id(deduplicator, id, sizeof(id), &is_new),
                     BARNABAS_OUT_OF_MEMORY);
    assert_true(is_new);
    barnabas_deduplicator_free(deduplicator);
}

static void the_id_may_be_a_header_and_may_be_missing(void **state) {
    struct barnabas_deduplicator *deduplicator = with(10, 0, "id");
    const struct barnabas_header headers[] = {{"other", 5, "1", 1}, {"id", 2, "7", 1}};
    const struct barnabas_message with_id = {.headers = headers, .header_count = 2};
    const struct barnabas_message without = {
        .key = "7", .key_size = 1, .headers = headers, .header_count = 1};
    struct barnabas_message all[] = {with_id, without, with_id, without};
    struct barnabas_consumer_interceptor once = barnabas_deduplicator_interceptor(deduplicator);
    bool is_new;

    (void)state;
    assert_int_equal(once.on_consume(once.context, all, 4), 3);
    assert_int_equal(all[0].header_count, 2);
    assert_int_equal(all[1].header_count, 1);
    assert_int_equal(all[2].header_count, 1);
    barnabas_deduplicator_forget(deduplicator, &with_id);
    barnabas_deduplicator_forget(deduplicator, &without);
    assert_int_equal(barnabas_deduplicator_take(deduplicator, &with_id, &is_new), BARNABAS_OK);
    assert_true(is_new);
    barnabas_deduplicator_free(deduplicator);
}

static void a_store_for_nothing_is_refused(void **state) {
    const struct barnabas_deduplicator_options options = {NULL, 0, 0};
    struct barnabas_deduplicator *deduplicator;

    (void)state;
    assert_int_equal(barnabas_deduplicator_new(&options, &deduplicator), BARNABAS_INVALID_REQUEST);
    barnabas_deduplicator_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_pass_once_while_they_are_remembered),
        cmocka_unit_test(bytes_are_bounded),
        cmocka_unit_test(the_id_may_be_a_header_and_may_be_missing),
        cmocka_unit_test(a_store_for_nothing_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Proves that texts are read and written as java.util.Properties does; the expected pairs of
 * the table were taken from it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "client/base/properties.h"

/* Pairs as "key|value;key|value;" in order of first appearance. */
static void describe(const struct properties *properties, char *to, size_t size) {
    size_t at = 0;

    to[0] = '\0';
    for (size_t i = 0; i < properties->count; i++)
        at += (size_t)snprintf(to + at, size - at, "%s|%s;", properties->entries[i].key,
                               properties->entries[i].value);
    assert_true(at < size);
}

static void texts_are_read_as_java_reads_them(void **state) {
    static const struct {
        const char *label, *text, *pairs;
    } cases[] = {
        {"empty text", "", ""},
        {"equals sign", "a=1\n", "a|1;"},
        {"colon", "a:1", "a|1;"},
        {"blank", "a 1\n", "a|1;"},
        {"blanks around the separator", "  a \t=\f 1 \n", "a|1 ;"},
        {"only the first separator counts", "a = = b\nc::d\n", "a|= b;c|:d;"},
        {"key without value", "a\nb=\n", "a|;b|;"},
        {"value without key", "=x\n", "|x;"},
        {"comments", "# a=1\n  ! b=2\nc=3 # no comment\n", "c|3 # no comment;"},
        {"a comment does not continue", "#x\\\na=1\n", "a|1;"},
        {"line ends", "a=1\rb=2\r\nc=3\n\n\r\n", "a|1;b|2;c|3;"},
        {"continuation", "a=1,\\\n   2,\\\r\n\t3\n", "a|1,2,3;"},
        {"two backslashes do not continue", "a=1\\\\\nb=2\n", "a|1\\;b|2;"},
        {"an empty line ends a continuation", "a=1\\\n\nb=2", "a|1;b|2;"},
        {"backslash at the end of the text", "a=1\\", "a|1;"},
        {"a continued line may look like a comment", "a=1\\\n#2\n", "a|1#2;"},
        {"nothing continued by a comment", "\\\n#2\nb=1\n", "b|1;"},
        {"escapes", "a=\\t\\n\\r\\f\\q\\\\\\=\n", "a|\t\n\r\fq\\=;"},
        {"escaped separators in a key", "a\\=b\\:c\\ d=1\n", "a=b:c d|1;"},
        {"unicode", "a=\\u00e4\\u20AC\n", "a|\xc3\xa4\xe2\x82\xac;"},
        {"surrogate pair", "a=\\uD83D\\uDE00\n", "a|\xf0\x9f\x98\x80;"},
        {"bytes are ISO-8859-1", "a=\xe4\n", "a|\xc3\xa4;"},
        {"the last one wins", "a=1\nb=2\na=3\n", "a|3;b|2;"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct properties properties;
        struct properties_failure failure;
        char pairs[256];

        properties_init(&properties);
        assert_int_equal(properties_parse(&properties, bytes_of_text(cases[i].text), &failure),
                         ERR_NONE);
        describe(&properties, pairs, sizeof(pairs));
        if (strcmp(pairs, cases[i].pairs) != 0)
            fail_msg("%s: got %s, expected %s", cases[i].label, pairs, cases[i].pairs);
        properties_done(&properties);
    }
}

static void a_refused_text_is_named_by_line_and_reason(void **state) {
    static const struct {
        struct bytes text;
        int line;
        const char *problem;
    } cases[] = {
#define TEXT(literal) {(const uint8_t *)(literal), sizeof(literal) - 1}
        {TEXT("a=1\n\nb=\\u12\n"), 3, "\\u must be followed by four hexadecimal digits"},
        {TEXT("a=\\u12g4\n"), 1, "\\u must be followed by four hexadecimal digits"},
        {TEXT("a=\\u0000\n"), 1, "the character zero is not allowed"},
        {TEXT("a=1\n\0\0\0\0"), 2, "the character zero is not allowed"},
        {TEXT("a=x\\\n  \\\0"), 1, "the character zero is not allowed"},
        {TEXT("a=\\uD83D\n"), 1, "half of a surrogate pair"},
        {TEXT("a=\\uDE00\\uD83D\n"), 1, "half of a surrogate pair"},
#undef TEXT
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct properties properties;
        struct properties_failure failure = {0};

        properties_init(&properties);
        assert_int_equal(properties_parse(&properties, cases[i].text, &failure), ERR_MALFORMED);
        assert_int_equal(failure.line, cases[i].line);
        assert_string_equal(failure.text, cases[i].problem);
        properties_done(&properties);
    }
}

static void a_pair_knows_its_line_and_the_line_that_it_replaced(void **state) {
    struct properties properties;
    struct properties_failure failure;
    const struct property *property;

    (void)state;
    properties_init(&properties);
    assert_int_equal(
        properties_parse(&properties, bytes_of_text("# x\na=1\nb=\\\n2\nc=3\na=4\n"), &failure),
        ERR_NONE);
    property = properties_find(&properties, "a");
    assert_non_null(property);
    assert_string_equal(property->value, "4");
    assert_int_equal(property->line, 6);
    assert_int_equal(property->line_before, 2);
    assert_int_equal(properties_find(&properties, "b")->line, 3);
    assert_int_equal(properties_find(&properties, "b")->line_before, 0);
    assert_int_equal(properties_find(&properties, "c")->line, 5);
    assert_null(properties_find(&properties, "d"));
    assert_null(properties_value(&properties, "d"));
    assert_int_equal(properties_set(&properties, "c", "9"), ERR_NONE);
    assert_string_equal(properties_value(&properties, "c"), "9");
    assert_int_equal(properties_find(&properties, "c")->line, 0);
    properties_done(&properties);
}

static void sizes_are_bounded(void **state) {
    size_t size = PROPERTIES_TEXT_SIZE_MAX + 1;
    char *text = malloc(size);
    struct properties properties;
    struct properties_failure failure;
    size_t at = 0;

    (void)state;
    assert_non_null(text);
    memset(text, 'a', size);
    properties_init(&properties);
    assert_int_equal(properties_parse(&properties, bytes_of(text, size), &failure), ERR_MALFORMED);
    assert_string_equal(failure.text, "the text is larger than 1 MiB");
    assert_int_equal(properties_parse(&properties, bytes_of(text, size - 1), &failure), ERR_NONE);
    for (size_t i = 0; i < size - 1; i += 2)
        memcpy(text + i, "a\n", 2);
    assert_int_equal(properties_parse(&properties, bytes_of(text, size - 1), &failure), ERR_NONE);
    assert_int_equal(properties.count, 2);
    properties_done(&properties);

    for (int i = 0; i <= PROPERTIES_COUNT_MAX; i++)
        at += (size_t)snprintf(text + at, size - at, "k%d\n", i);
    properties_init(&properties);
    assert_int_equal(properties_parse(&properties, bytes_of(text, at), &failure), ERR_MALFORMED);
    assert_string_equal(failure.text, "more than 4096 keys");
    assert_int_equal(failure.line, PROPERTIES_COUNT_MAX + 1);
    assert_int_equal(properties_set(&properties, "k1", "x"), ERR_NONE);
    assert_int_equal(properties_set(&properties, "new", "x"), ERR_OUT_OF_MEMORY);
    properties_done(&properties);
    free(text);
}

static void meta_properties_are_written_as_java_writes_them(void **state) {
    struct properties properties;
    char *text = NULL;
    size_t size = 0;

    (void)state;
    properties_init(&properties);
    assert_int_equal(properties_set(&properties, "version", "0"), ERR_NONE);
    assert_int_equal(properties_set(&properties, "broker.id", "1001"), ERR_NONE);
    assert_int_equal(properties_set(&properties, "cluster.id", "-xY_4pH0QTaFEg12rG7zJw"), ERR_NONE);
    assert_int_equal(properties_format(&properties, 1795213631123, &text, &size), ERR_NONE);
    assert_string_equal(text, "#\n#Fri Nov 20 22:27:11 UTC 2026\nversion=0\nbroker.id=1001\n"
                              "cluster.id=-xY_4pH0QTaFEg12rG7zJw\n");
    assert_int_equal(size, strlen(text));
    free(text);
    properties_done(&properties);
}

static void what_is_written_is_read_back(void **state) {
    static const char *const pairs[][2] = {
        {"plain", "value"},
        {"a b=c:d#e!f\\", "  two leading blanks = : # ! \\ "},
        {"", ""},
        {"\t\n\r\f", "\t\n\r\f\x01\x7f"},
        {"\xc3\xa4", "\xe2\x82\xac \xf0\x9f\x98\x80"},
    };
    struct properties written, read;
    struct properties_failure failure;
    char *text = NULL;
    size_t size = 0;

    (void)state;
    properties_init(&written);
    properties_init(&read);
    for (size_t i = 0; i < ARRAY_COUNT(pairs); i++)
        assert_int_equal(properties_set(&written, pairs[i][0], pairs[i][1]), ERR_NONE);
    assert_int_equal(properties_format(&written, 0, &text, &size), ERR_NONE);
    assert_non_null(strstr(text,
                           "\na\\ b\\=c\\:d\\#e\\!f\\\\=\\  two leading blanks \\= \\: \\# \\! "
                           "\\\\ \n"));
    assert_non_null(strstr(text, "\n\\u00E4=\\u20AC \\uD83D\\uDE00\n"));
    assert_int_equal(properties_parse(&read, bytes_of(text, size), &failure), ERR_NONE);
    assert_int_equal(read.count, written.count);
    for (size_t i = 0; i < read.count; i++) {
        assert_string_equal(read.entries[i].key, pairs[i][0]);
        assert_string_equal(read.entries[i].value, pairs[i][1]);
    }
    free(text);
    properties_done(&read);
    properties_done(&written);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_read_as_java_reads_them),
        cmocka_unit_test(a_refused_text_is_named_by_line_and_reason),
        cmocka_unit_test(a_pair_knows_its_line_and_the_line_that_it_replaced),
        cmocka_unit_test(sizes_are_bounded),
        cmocka_unit_test(meta_properties_are_written_as_java_writes_them),
        cmocka_unit_test(what_is_written_is_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

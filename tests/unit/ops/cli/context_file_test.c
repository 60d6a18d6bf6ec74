/* The file with contexts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ops/cli/context_file.h"

static bool note(void *context, const char *key, const char *value) {
    char *text = context;
    size_t used = strlen(text);

    snprintf(text + used, 512 - used, "%s=%s;", key, value);
    return strcmp(key, "refused") != 0;
}

static enum context_found read_text(const char *text, const char *name, char settings[512],
                                    size_t *line) {
    FILE *file = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
    enum context_found found;

    assert_non_null(file);
    settings[0] = '\0';
    found = context_read(file, name, note, settings, line);
    fclose(file);
    return found;
}

#define TWO                                                           \
    "# clusters\ncontext = test\n\n[test]\nbootstrap.servers = a:1\n" \
    "[ production ]\n  bootstrap.servers=b:1,b:2\nclient.id = x y \n"

static void a_context_is_the_one_asked_for_or_the_one_that_the_file_names(void **state) {
    static const struct {
        const char *text, *name;
        enum context_found found;
        const char *settings;
    } cases[] = {
        {TWO, NULL, CONTEXT_FOUND, "bootstrap.servers=a:1;"},
        {TWO, "test", CONTEXT_FOUND, "bootstrap.servers=a:1;"},
        {TWO, "production", CONTEXT_FOUND, "bootstrap.servers=b:1,b:2;client.id=x y;"},
        {TWO, "other", CONTEXT_MISSING, ""},
        {"context = gone\n", NULL, CONTEXT_MISSING, ""},
        {"[test]\na=b\n", NULL, CONTEXT_FOUND, ""},
        {" ", NULL, CONTEXT_FOUND, ""},
        {"[test]\na=b=c", "test", CONTEXT_FOUND, "a=b=c;"},
    };
    char settings[512];
    size_t line;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(read_text(cases[i].text, cases[i].name, settings, &line), cases[i].found);
        assert_string_equal(settings, cases[i].settings);
    }
}

static void a_line_that_makes_no_sense_is_named(void **state) {
    static const struct {
        const char *text;
        size_t line;
    } cases[] = {
        {"[test]\nnonsense\n", 2}, {"[test\na=b", 1},  {"[]\n", 1},
        {"server = a\n", 1},       {"[test]\n= b", 2}, {"[test]\na=b\nrefused=1", 3},
    };
    char settings[512];
    size_t line;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(read_text(cases[i].text, "test", settings, &line), CONTEXT_BROKEN);
        assert_int_equal(line, cases[i].line);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_context_is_the_one_asked_for_or_the_one_that_the_file_names),
        cmocka_unit_test(a_line_that_makes_no_sense_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

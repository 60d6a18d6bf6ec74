/* Command lines taken apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ops/cli/command.h"

static struct invocation invocation;
static char problem[512];

/* The words of the line are separated by blanks. */
static bool parse(const char *line) {
    static char words[512];
    static char *argv[64];
    int argc = 0;

    snprintf(words, sizeof(words), "barnabas %s", line);
    for (char *word = words, *next; word != NULL && *word != '\0'; word = next) {
        next = strchr(word, ' ');
        if (next != NULL)
            *next++ = '\0';
        argv[argc++] = word;
    }
    argv[argc] = NULL;
    problem[0] = '\0';
    return invocation_parse(&invocation, argc, argv, problem, sizeof(problem));
}

static void commands_are_found_by_their_words(void **state) {
    static const struct {
        const char *line;
        const char *group;
        const char *verb;
        size_t operand_count;
    } cases[] = {
        {"topic list", "topic", "list", 0},
        {"topic create orders", "topic", "create", 1},
        {"topic create -P 3 orders -c a=b --config c=d", "topic", "create", 1},
        {"topic describe a b c", "topic", "describe", 3},
        {"produce orders", "produce", NULL, 1},
        {"produce orders file -k :", "produce", NULL, 2},
        {"-b h:1 consume -e orders -v", "consume", NULL, 1},
        {"topic delete -y -- -odd", "topic", "delete", 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_true(parse(cases[i].line));
        assert_string_equal(invocation.command->group, cases[i].group);
        if (cases[i].verb == NULL)
            assert_null(invocation.command->verb);
        else
            assert_string_equal(invocation.command->verb, cases[i].verb);
        assert_int_equal(invocation.operand_count, cases[i].operand_count);
        assert_false(invocation.help);
    }
}

static void flags_are_taken_before_between_and_behind(void **state) {
    (void)state;
    assert_true(parse("-b one topic -v create --bootstrap=two orders -P7 -c a=b -cc=d -X k=v"));
    assert_string_equal(invocation_value(&invocation, "bootstrap", NULL), "two");
    assert_true(invocation_has(&invocation, "verbose"));
    assert_false(invocation_has(&invocation, "yes"));
    assert_string_equal(invocation_value(&invocation, "partitions", NULL), "7");
    assert_string_equal(invocation_value_at(&invocation, "config", 0), "a=b");
    assert_string_equal(invocation_value_at(&invocation, "config", 1), "c=d");
    assert_null(invocation_value_at(&invocation, "config", 2));
    assert_string_equal(invocation_value(&invocation, "set", NULL), "k=v");
    assert_string_equal(invocation_value(&invocation, "replication-factor", "x"), "x");
    assert_string_equal(invocation.operands[0], "orders");
}

static void what_makes_no_sense_is_named(void **state) {
    static const struct {
        const char *line;
        const char *problem;
    } cases[] = {
        {"frobnicate", "unknown command \"frobnicate\"; see barnabas help"},
        {"topic", "topic what? One of: create, list, describe, alter, delete, tail"},
        {"topic -v", "topic what? One of: create, list, describe, alter, delete, tail"},
        {"topic paint x",
         "unknown command \"topic paint\"; there are: create, list, describe, alter, delete, tail"},
        {"topic create", "needs NAME"},
        {"topic create a b", "does not know what to do with \"b\""},
        {"topic create a -P", "-P needs a value"},
        {"topic create a --partitions", "--partitions needs a value"},
        {"topic create a -Q", "unknown flag -Q"},
        {"topic create a --quick", "unknown flag --quick"},
        {"--quick topic create a", "unknown flag --quick"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_false(parse(cases[i].line));
        assert_string_equal(problem, cases[i].problem);
    }
}

static void help_needs_no_operands(void **state) {
    (void)state;
    assert_true(parse(""));
    assert_true(invocation.help);
    assert_null(invocation.command);
    assert_true(parse("--help"));
    assert_true(invocation.help);
    assert_true(parse("topic create --help"));
    assert_true(invocation.help);
    assert_string_equal(invocation.command->verb, "create");
}

static void numbers_are_whole_and_within_bounds(void **state) {
    static const struct {
        const char *line;
        bool fine;
        int64_t number;
    } cases[] = {
        {"topic list", true, 9},
        {"topic list --timeout 5", true, 5},
        {"topic list --timeout 0", false, 9},
        {"topic list --timeout 5s", false, 9},
        {"topic list --timeout 101", false, 9},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t number;

        assert_true(parse(cases[i].line));
        assert_int_equal(invocation_number(&invocation, "timeout", 1, 100, 9, &number),
                         cases[i].fine);
        assert_int_equal(number, cases[i].number);
    }
}

static void every_row_is_whole_and_its_flags_are_unique(void **state) {
    (void)state;
    for (size_t i = 0; i < command_count; i++) {
        const struct command *command = commands[i];

        assert_non_null(command->group);
        assert_non_null(command->operands);
        assert_non_null(command->meaning);
        assert_non_null(command->run);
        for (size_t j = 0; j < command->flag_count; j++)
            for (size_t k = 0; k < global_flag_count + j; k++) {
                const struct flag *other = k < global_flag_count
                                               ? &global_flags[k]
                                               : &command->flags[k - global_flag_count];

                assert_string_not_equal(command->flags[j].name, other->name);
                if (other->letter != 0)
                    assert_int_not_equal(command->flags[j].letter, other->letter);
            }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_are_found_by_their_words),
        cmocka_unit_test(flags_are_taken_before_between_and_behind),
        cmocka_unit_test(what_makes_no_sense_is_named),
        cmocka_unit_test(help_needs_no_operands),
        cmocka_unit_test(numbers_are_whole_and_within_bounds),
        cmocka_unit_test(every_row_is_whole_and_its_flags_are_unique),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

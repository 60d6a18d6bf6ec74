/* Proves what becomes of settings under AlterConfigs and IncrementalAlterConfigs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/config/config_change.h"

#define MAX 8

/* "key=value key=value" */
static size_t parse_pairs(const char *text, char *room, struct config_pair *pairs) {
    size_t count = 0;
    char *rest = room;
    char *word;

    memcpy(room, text, strlen(text) + 1);
    while ((word = strsep(&rest, " ")) != NULL) {
        char *equals = strchr(word, '=');
        if (equals == NULL)
            continue;
        *equals = '\0';
        pairs[count++] = (struct config_pair){bytes_of_text(word), bytes_of_text(equals + 1)};
    }
    return count;
}

static void print_pairs(const struct config_pair *pairs, size_t count, char *text, size_t size) {
    size_t at = 0;

    text[0] = '\0';
    for (size_t i = 0; i < count; i++)
        at += (size_t)snprintf(text + at, size - at, "%s%.*s=%.*s", i == 0 ? "" : " ",
                               BYTES_FORMAT(pairs[i].key), BYTES_FORMAT(pairs[i].value));
}

static const struct {
    const char *label, *before;
    struct {
        const char *key;
        enum config_operation operation;
        const char *value;
    } changes[2];
    bool is_topic;
    enum error error;
    const char *after;
} applied[] = {
    {"a new one comes behind", "a=1", {{"b", CONFIG_SET, "2"}}, true, ERR_NONE, "a=1 b=2"},
    {"a known one stays in its place",
     "a=1 b=2",
     {{"a", CONFIG_SET, "3"}},
     true,
     ERR_NONE,
     "a=3 b=2"},
    {"one goes", "a=1 b=2", {{"a", CONFIG_DELETE, NULL}}, true, ERR_NONE, "b=2"},
    {"the value of one that goes does not count",
     "a=1",
     {{"a", CONFIG_DELETE, "1"}},
     true,
     ERR_NONE,
     ""},
    {"one that is not set cannot go", "a=1", {{"b", CONFIG_DELETE, NULL}}, true, ERR_NONE, "a=1"},
    {"a list that is not set begins with the default",
     "",
     {{"cleanup.policy", CONFIG_APPEND, "compact"}},
     true,
     ERR_NONE,
     "cleanup.policy=delete,compact"},
    {"an item is added once",
     "cleanup.policy=compact",
     {{"cleanup.policy", CONFIG_APPEND, "compact,delete"}},
     true,
     ERR_NONE,
     "cleanup.policy=compact,delete"},
    {"an item is taken out",
     "cleanup.policy=compact,delete",
     {{"cleanup.policy", CONFIG_SUBTRACT, "compact"}},
     true,
     ERR_NONE,
     "cleanup.policy=delete"},
    {"the last item leaves an empty list",
     "cleanup.policy=compact",
     {{"cleanup.policy", CONFIG_SUBTRACT, "compact"}},
     true,
     ERR_NONE,
     "cleanup.policy="},
    {"a list that is empty by default",
     "",
     {{"leader.replication.throttled.replicas", CONFIG_APPEND, "0:1"}},
     true,
     ERR_NONE,
     "leader.replication.throttled.replicas=0:1"},
    {"a broker's list",
     "",
     {{"log.cleanup.policy", CONFIG_APPEND, "compact"}},
     false,
     ERR_NONE,
     "log.cleanup.policy=delete,compact"},
    {"no list", "", {{"retention.ms", CONFIG_APPEND, "1"}}, true, ERR_INVALID_CONFIG, NULL},
    {"an unknown list", "", {{"x", CONFIG_SUBTRACT, "1"}}, true, ERR_INVALID_CONFIG, NULL},
    {"a topic's list of a broker",
     "",
     {{"cleanup.policy", CONFIG_APPEND, "compact"}},
     false,
     ERR_INVALID_CONFIG,
     NULL},
    {"two changes",
     "a=1 b=2",
     {{"c", CONFIG_SET, "3"}, {"b", CONFIG_DELETE, NULL}},
     true,
     ERR_NONE,
     "a=1 c=3"},
};

static void changes_give_the_settings_asked_for(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(applied); i++) {
        struct config_pair before[MAX], *after;
        struct config_change changes[2];
        char room[256], text[256], message[CONFIG_MESSAGE_SIZE] = "";
        size_t before_count = parse_pairs(applied[i].before, room, before);
        size_t count = 0, after_count;
        struct arena arena;
        enum error error;

        arena_init(&arena, 1 << 20);
        for (; count < 2 && applied[i].changes[count].key != NULL; count++)
            changes[count] = (struct config_change){bytes_of_text(applied[i].changes[count].key),
                                                    bytes_of_text(applied[i].changes[count].value),
                                                    applied[i].changes[count].operation};
        error = config_changes_apply(before, before_count, changes, count, applied[i].is_topic,
                                     &arena, &after, &after_count, message);
        if (error != applied[i].error)
            fail_msg("%s: %s", applied[i].label, error_name(error));
        if (error == ERR_NONE) {
            print_pairs(after, after_count, text, sizeof(text));
            if (strcmp(text, applied[i].after) != 0)
                fail_msg("%s: %s", applied[i].label, text);
        } else {
            assert_true(message[0] != '\0');
        }
        arena_done(&arena);
    }
}

static void changes_that_make_no_sense_are_refused(void **state) {
    static const struct {
        const char *label;
        struct {
            const char *key;
            int operation;
            const char *value;
        } changes[3];
        enum error error;
    } cases[] = {
        {"none", {{NULL, 0, NULL}}, ERR_NONE},
        {"different keys", {{"b", 0, "1"}, {"a", 1, NULL}, {"c", 2, "1"}}, ERR_NONE},
        {"a key that begins another", {{"ab", 0, "1"}, {"a", 0, "1"}}, ERR_NONE},
        {"a key twice", {{"b", 0, "1"}, {"a", 0, "1"}, {"b", 1, NULL}}, ERR_INVALID_REQUEST},
        {"no value to set", {{"a", 0, NULL}}, ERR_INVALID_REQUEST},
        {"no value to add", {{"a", 2, NULL}}, ERR_INVALID_REQUEST},
        {"no value to take out", {{"a", 3, NULL}}, ERR_INVALID_REQUEST},
        {"an unknown operation", {{"a", 4, "1"}}, ERR_INVALID_REQUEST},
        {"a negative operation", {{"a", -1, "1"}}, ERR_INVALID_REQUEST},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct config_change changes[3];
        char message[CONFIG_MESSAGE_SIZE];
        struct arena arena;
        size_t count = 0;
        enum error error;

        arena_init(&arena, 1 << 20);
        for (; count < 3 && cases[i].changes[count].key != NULL; count++)
            changes[count] =
                (struct config_change){bytes_of_text(cases[i].changes[count].key),
                                       bytes_of_text(cases[i].changes[count].value),
                                       (enum config_operation)cases[i].changes[count].operation};
        error = config_changes_check(changes, count, &arena, message);
        if (error != cases[i].error)
            fail_msg("%s: %s", cases[i].label, error_name(error));
        arena_done(&arena);
    }
}

static void sets_of_settings_are_equal_in_any_order(void **state) {
    static const struct {
        const char *a, *b;
        bool equal;
    } cases[] = {
        {"", "", true},
        {"a=1", "a=1", true},
        {"a=1 b=2", "b=2 a=1", true},
        {"a=1", "a=2", false},
        {"a=1", "a=1 b=2", false},
        {"a=1 b=2", "a=1", false},
        {"a=1 b=2", "a=1 c=2", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct config_pair a[MAX], b[MAX];
        char room_a[64], room_b[64];
        size_t a_count = parse_pairs(cases[i].a, room_a, a);
        size_t b_count = parse_pairs(cases[i].b, room_b, b);

        assert_int_equal(config_pairs_equal(a, a_count, b, b_count), cases[i].equal);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_give_the_settings_asked_for),
        cmocka_unit_test(changes_that_make_no_sense_are_refused),
        cmocka_unit_test(sets_of_settings_are_equal_in_any_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Whom a quota is for: names in paths, there and back, and filters. */
#include "broker/api/quota_entity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MEMORY_MAX (1 << 20)

static struct arena arena;

static int set_up(void **state) {
    (void)state;
    arena_init(&arena, MEMORY_MAX);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    arena_done(&arena);
    return 0;
}

/* NULL: there is no such part; "": its default. */
static struct quota_entity entity_of(const char *user, const char *client, const char *ip) {
    const char *names[QUOTA_PART_COUNT] = {user, client, ip};
    struct quota_entity entity = {0};

    for (int part = 0; part < QUOTA_PART_COUNT; part++) {
        entity.parts[part].is_set = names[part] != NULL;
        if (names[part] != NULL && *names[part] != '\0')
            entity.parts[part].name = bytes_of_text(names[part]);
    }
    return entity;
}

static void paths_are_kafkas_there_and_back(void **state) {
    static const struct {
        const char *user, *client, *ip, *path;
    } cases[] = {
        {"alice", NULL, NULL, "users/alice"},
        {"", NULL, NULL, "users/<default>"},
        {"", "", NULL, "users/<default>/clients/<default>"},
        {"u 1*", "c/1", NULL, "users/u%201%2A/clients/c%2F1"},
        {NULL, "a+b=c@d~e_f-g.h", NULL, "clients/a%2Bb%3Dc%40d%7Ee_f-g.h"},
        {"<default>", NULL, NULL, "users/%3Cdefault%3E"},
        {NULL, NULL, "::1", "ips/%3A%3A1"},
        {"\xc3\xa4%", NULL, NULL, "users/%C3%A4%25"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct quota_entity entity = entity_of(cases[i].user, cases[i].client, cases[i].ip);
        struct quota_entity read;
        assert_string_equal(quota_entity_path(&entity, &arena), cases[i].path);
        assert_true(quota_entity_of_path(cases[i].path, &arena, &read));
        for (int part = 0; part < QUOTA_PART_COUNT; part++) {
            assert_int_equal(read.parts[part].is_set, entity.parts[part].is_set);
            assert_int_equal(bytes_is_null(read.parts[part].name),
                             bytes_is_null(entity.parts[part].name));
            assert_true(bytes_equal(read.parts[part].name, entity.parts[part].name));
        }
    }
}

/* Others write there, too. */
static void other_paths_are_no_entities(void **state) {
    static const char *const paths[] = {"topics/orders",   "users",    "users/a/topics/b",
                                        "users/a/users/b", "usersx/a", "clients"};
    struct quota_entity read;

    (void)state;
    for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
        assert_false(quota_entity_of_path(paths[i], &arena, &read));
    assert_true(quota_entity_of_path("users/50%", &arena, &read)); /* a broken code stays */
    assert_true(bytes_equal_text(read.parts[QUOTA_USER].name, "50%"));
    assert_true(quota_entity_of_path("users/a+b%zz%4", &arena, &read));
    assert_true(bytes_equal_text(read.parts[QUOTA_USER].name, "a b%zz%4"));
}

static void combinations_are_checked(void **state) {
    char message[QUOTA_MESSAGE_SIZE];
    struct quota_entity entity = entity_of("a", "", NULL);

    (void)state;
    assert_int_equal(quota_entity_check(&entity, message), ERR_NONE);
    entity = entity_of(NULL, NULL, "");
    assert_int_equal(quota_entity_check(&entity, message), ERR_NONE);
    entity = entity_of(NULL, "c", "127.0.0.1");
    assert_int_equal(quota_entity_check(&entity, message), ERR_INVALID_REQUEST);
    entity = entity_of(NULL, NULL, NULL);
    assert_int_equal(quota_entity_check(&entity, message), ERR_INVALID_REQUEST);
    assert_string_equal(message, "Invalid empty client quota entity");
    entity = entity_of("a", NULL, NULL);
    entity.parts[QUOTA_USER].name = bytes_of("", 0);
    assert_int_equal(quota_entity_check(&entity, message), ERR_INVALID_REQUEST);
    assert_string_equal(message, "Empty user not supported");
}

static void filters_choose(void **state) {
    struct quota_entity user = entity_of("a", NULL, NULL);
    struct quota_entity both = entity_of("a", "", NULL);
    struct quota_filter filter = {0};

    (void)state;
    assert_true(quota_filter_matches(&filter, &user));
    filter.is_strict = true;
    assert_false(quota_filter_matches(&filter, &user));
    filter.parts[QUOTA_USER].is_set = true;
    filter.parts[QUOTA_USER].match = QUOTA_MATCH_ANY;
    assert_true(quota_filter_matches(&filter, &user));
    assert_false(quota_filter_matches(&filter, &both));
    filter.is_strict = false;
    assert_true(quota_filter_matches(&filter, &both));
    filter.parts[QUOTA_USER].match = QUOTA_MATCH_DEFAULT;
    assert_false(quota_filter_matches(&filter, &user));
    filter.parts[QUOTA_USER].match = QUOTA_MATCH_NAME;
    filter.parts[QUOTA_USER].name = bytes_of_text("a");
    assert_true(quota_filter_matches(&filter, &user));
    filter.parts[QUOTA_CLIENT].is_set = true;
    filter.parts[QUOTA_CLIENT].match = QUOTA_MATCH_DEFAULT;
    assert_false(quota_filter_matches(&filter, &user));
    assert_true(quota_filter_matches(&filter, &both));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(paths_are_kafkas_there_and_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(other_paths_are_no_entities, set_up, tear_down),
        cmocka_unit_test(combinations_are_checked),
        cmocka_unit_test(filters_choose),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

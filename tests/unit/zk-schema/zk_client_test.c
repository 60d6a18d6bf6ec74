/* What zk_client refuses before it talks to anybody. tests/integration/zk has the rest. */
#include "zk-schema/zk_client.h"

#include "tests/unit/zk-schema/znode_cases.h"
#include "zk-schema/broker_registration.h"

static void bad_settings_are_refused(void **state) {
    static const struct {
        const char *connect;
        const char *digest_auth;
        bool set_acl;
    } cases[] = {
        {"", NULL, false},
        {"/kafka", NULL, false},
        {"host:2181/kafka/", NULL, false},
        {"host:2181/a//b", NULL, false},
        {"host:2181", NULL, true}, /* an ACL for nobody */
    };

    (void)state;
    (void)arena;
    (void)problem;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct zk_client_config config = {
            .connect = cases[i].connect,
            .session_timeout_ms = 6000,
            .digest_auth = cases[i].digest_auth,
            .set_acl = cases[i].set_acl,
        };
        struct zk_client *client = NULL;
        assert_int_equal(zk_client_open(&config, &client), ERR_CONFIG_INVALID);
        assert_null(client);
    }
}

static void closing_nothing_is_allowed(void **state) {
    (void)state;
    zk_client_close(NULL);
    broker_registration_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_settings_are_refused),
        cmocka_unit_test(closing_nothing_is_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

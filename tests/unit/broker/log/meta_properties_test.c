/* Which broker and cluster a data directory belongs to. */
#include "tests/unit/broker/log/log_fixture.h"

#include "broker/log/meta_properties.h"

static void read_text(struct fixture *f, const char *text, struct meta_properties *meta,
                      enum error expected) {
    spit(path_in(f->root, "meta.properties"), text, strlen(text));
    if (meta_properties_read(&f->disk.disk, f->root, meta) != expected)
        fail_msg("%s", text);
}

static void kafkas_file_is_understood(void **state) {
    struct meta_properties meta;
    struct fixture f;
    (void)state;

    fixture_init(&f);
    read_text(&f, "#\n#Mon\ncluster.id=abc\nbroker.id=12\nversion=0\n", &meta, ERR_NONE);
    assert_true(meta.exists);
    assert_int_equal(meta.broker_id, 12);
    assert_string_equal(meta.cluster_id, "abc");
    meta_properties_done(&meta);
    read_text(&f, "broker.id=0\n", &meta, ERR_NONE);
    assert_int_equal(meta.broker_id, 0);
    assert_string_equal(meta.cluster_id, "");
    meta_properties_done(&meta);
    fixture_done(&f);
}

#define LONG_ID "01234567890123456789012345678901234567890123456789012345678901234567890123456789"

static void other_files_are_corrupt(void **state) {
    static const char *const texts[] = {"version=1\nnode.id=1\ncluster.id=x\n",
                                        "version=x\n",
                                        "broker.id=-1\n",
                                        "broker.id=1x\n",
                                        "broker.id=99999999999\n",
                                        "a=\\u12\n",
                                        "cluster.id=" LONG_ID "\n"};
    struct meta_properties meta;
    struct fixture f;
    (void)state;

    fixture_init(&f);
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        read_text(&f, texts[i], &meta, ERR_DISK_CORRUPT);
        meta_properties_done(&meta);
    }
    fixture_done(&f);
}

static void ids_are_written_and_foreign_keys_kept(void **state) {
    struct meta_properties meta;
    struct fixture f;
    (void)state;

    fixture_init(&f);
    assert_int_equal(meta_properties_read(&f.disk.disk, f.root, &meta), ERR_NONE);
    assert_false(meta.exists);
    assert_int_equal(meta.broker_id, -1);
    meta_properties_done(&meta);
    read_text(&f, "directory.id=xyz\n", &meta, ERR_NONE);
    assert_int_equal(meta_properties_write(&f.disk.disk, f.root, &meta, 7, "cluster", 0), ERR_NONE);
    meta_properties_done(&meta);
    assert_int_equal(meta_properties_read(&f.disk.disk, f.root, &meta), ERR_NONE);
    assert_int_equal(meta.broker_id, 7);
    assert_string_equal(meta.cluster_id, "cluster");
    assert_string_equal(properties_value(&meta.all, "directory.id"), "xyz");
    assert_string_equal(properties_value(&meta.all, "version"), "0");
    meta_properties_done(&meta);
    fixture_done(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kafkas_file_is_understood),
        cmocka_unit_test(other_files_are_corrupt),
        cmocka_unit_test(ids_are_written_and_foreign_keys_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

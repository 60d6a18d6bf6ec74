/* The records of __consumer_offsets, byte by byte, as Kafka writes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "broker/group/group_record.h"

#define BYTES(literal) \
    { (const uint8_t *)(literal), sizeof(literal) - 1 }
#define TEXT(literal) \
    { (const uint8_t *)(literal), sizeof(literal) - 1 }

#define I64_1234  "\0\0\0\0\0\0\4\322"
#define I64_TIME  "\0\0\1\213\317\345\150\0" /* 1700000000000 */
#define I64_LATER "\0\0\1\213\317\345\150\1"
#define TIME      1700000000000

static void assert_bytes(struct bytes is, struct bytes expected) {
    assert_int_equal(is.size, expected.size);
    assert_memory_equal(is.data, expected.data, expected.size);
}

static void assert_text(struct bytes is, struct bytes expected) {
    assert_int_equal(bytes_is_null(is), bytes_is_null(expected));
    assert_true(bytes_equal(is, expected));
}

/* ---- Keys ---- */

struct key_vector {
    struct bytes bytes;
    struct group_record_key key;
    bool is_written;
};

static const struct key_vector keys[] = {
    {BYTES("\0\1"
           "\0\10my-group"
           "\0\6orders"
           "\0\0\0\5"),
     {GROUP_RECORD_OFFSET, TEXT("my-group"), TEXT("orders"), 5},
     true},
    {BYTES("\0\0"
           "\0\10my-group"
           "\0\6orders"
           "\0\0\0\5"),
     {GROUP_RECORD_OFFSET, TEXT("my-group"), TEXT("orders"), 5},
     false},
    {BYTES("\0\1"
           "\0\0"
           "\0\1t"
           "\0\0\0\0"),
     {GROUP_RECORD_OFFSET, TEXT(""), TEXT("t"), 0},
     true},
    {BYTES("\0\2"
           "\0\10my-group"),
     {.type = GROUP_RECORD_GROUP, .group_id = TEXT("my-group")},
     true},
};

static void keys_are_read_and_written(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(keys); i++) {
        struct group_record_key key;
        struct wire_writer writer;
        assert_int_equal(group_record_key_decode(keys[i].bytes, &key), ERR_NONE);
        assert_int_equal(key.type, keys[i].key.type);
        assert_text(key.group_id, keys[i].key.group_id);
        assert_text(key.topic, keys[i].key.topic);
        assert_int_equal(key.partition, keys[i].key.partition);
        if (!keys[i].is_written)
            continue;
        wire_writer_init(&writer, 1000);
        group_record_key_encode(&writer, &keys[i].key);
        assert_int_equal(writer.error, ERR_NONE);
        assert_bytes(bytes_of(writer.data, writer.size), keys[i].bytes);
        wire_writer_done(&writer);
    }
}

static void keys_of_newer_groups_are_known_to_be_unknown(void **state) {
    static const struct bytes unknown[] = {
        BYTES("\0\3\0\1g"),     BYTES("\0\5\0\1g\0\1m"), BYTES("\0\10\0\1g\0\1m"),
        BYTES("\0\20whatever"), BYTES("\377\377"),       BYTES("\177\377"),
    };
    struct group_record_key key;
    (void)state;

    for (size_t i = 0; i < ARRAY_COUNT(unknown); i++) {
        assert_int_equal(group_record_key_decode(unknown[i], &key), ERR_NONE);
        assert_int_equal(key.type, GROUP_RECORD_UNKNOWN);
    }
    assert_int_not_equal(group_record_key_decode(BYTES_NULL, &key), ERR_NONE);
}

/* ---- Offsets ---- */

struct offset_vector {
    struct bytes bytes;
    struct offset_record record;
    bool is_written;
};

static const struct offset_vector offsets[] = {
    {BYTES("\0\0" I64_1234 "\0\2md" I64_TIME), {1234, -1, TEXT("md"), TIME, -1}, false},
    {BYTES("\0\1" I64_1234 "\0\2md" I64_TIME I64_LATER),
     {1234, -1, TEXT("md"), TIME, TIME + 1},
     true},
    {BYTES("\0\1" I64_1234 "\0\2md" I64_TIME "\377\377\377\377\377\377\377\377"),
     {1234, -1, TEXT("md"), TIME, -1},
     false},
    {BYTES("\0\2" I64_1234 "\0\2md" I64_TIME), {1234, -1, TEXT("md"), TIME, -1}, false},
    {BYTES("\0\3" I64_1234 "\0\0\0\7"
           "\0\0" I64_TIME),
     {1234, 7, TEXT(""), TIME, -1},
     true},
    {BYTES("\0\3" I64_1234 "\377\377\377\377"
           "\0\2md" I64_TIME),
     {1234, -1, TEXT("md"), TIME, -1},
     true},
    {BYTES("\0\4" I64_1234 "\0\0\0\7"
           "\3md" I64_TIME "\0"),
     {1234, 7, TEXT("md"), TIME, -1},
     false},
    /* A tagged field that is not known is skipped. */
    {BYTES("\0\4" I64_1234 "\0\0\0\7"
           "\3md" I64_TIME "\1\0\2xy"),
     {1234, 7, TEXT("md"), TIME, -1},
     false},
};

static void offsets_are_read_in_all_versions_and_written_in_two(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(offsets); i++) {
        struct offset_record record;
        struct wire_writer writer;
        assert_int_equal(offset_record_decode(offsets[i].bytes, &record), ERR_NONE);
        assert_true(record.offset == offsets[i].record.offset);
        assert_int_equal(record.leader_epoch, offsets[i].record.leader_epoch);
        assert_text(record.metadata, offsets[i].record.metadata);
        assert_true(record.commit_ms == offsets[i].record.commit_ms);
        assert_true(record.expire_ms == offsets[i].record.expire_ms);
        if (!offsets[i].is_written)
            continue;
        wire_writer_init(&writer, 1000);
        offset_record_encode(&writer, &offsets[i].record);
        assert_int_equal(writer.error, ERR_NONE);
        assert_bytes(bytes_of(writer.data, writer.size), offsets[i].bytes);
        wire_writer_done(&writer);
    }
}

/* ---- Groups ---- */

#define SUBSCRIPTION "\0\0\0\3abc"
#define ASSIGNMENT   "\0\0\0\2xy"
#define TIMEOUTS   \
    "\0\4\223\340" \
    "\0\0\257\310" /* 300000, 45000 */

struct group_vector {
    struct bytes bytes;
    struct group_record record;
    struct group_record_member member;
    bool is_written;
};

#define MEMBER(instance, rebalance_ms)                                                            \
    {                                                                                             \
        TEXT("c1-a"), instance, TEXT("c1"), TEXT("/127.0.0.1"), rebalance_ms, 45000, TEXT("abc"), \
            TEXT("xy")                                                                            \
    }

static const struct group_vector groups[] = {
    {BYTES("\0\0"
           "\0\10consumer"
           "\0\0\0\5"
           "\0\5range"
           "\0\4c1-a"
           "\0\0\0\1"
           "\0\4c1-a"
           "\0\2c1"
           "\0\12/127.0.0.1"
           "\0\0\257\310" SUBSCRIPTION ASSIGNMENT),
     {TEXT("consumer"), 5, TEXT("range"), TEXT("c1-a"), -1, NULL, 1},
     MEMBER(BYTES_NULL, 45000),
     false},
    {BYTES("\0\1"
           "\0\10consumer"
           "\0\0\0\5"
           "\0\5range"
           "\0\4c1-a"
           "\0\0\0\1"
           "\0\4c1-a"
           "\0\2c1"
           "\0\12/127.0.0.1" TIMEOUTS SUBSCRIPTION ASSIGNMENT),
     {TEXT("consumer"), 5, TEXT("range"), TEXT("c1-a"), -1, NULL, 1},
     MEMBER(BYTES_NULL, 300000),
     false},
    {BYTES("\0\2"
           "\0\10consumer"
           "\0\0\0\5"
           "\0\5range"
           "\0\4c1-a" I64_TIME "\0\0\0\1"
           "\0\4c1-a"
           "\0\2c1"
           "\0\12/127.0.0.1" TIMEOUTS SUBSCRIPTION ASSIGNMENT),
     {TEXT("consumer"), 5, TEXT("range"), TEXT("c1-a"), TIME, NULL, 1},
     MEMBER(BYTES_NULL, 300000),
     false},
    {BYTES("\0\3"
           "\0\10consumer"
           "\0\0\0\5"
           "\0\5range"
           "\0\4c1-a" I64_TIME "\0\0\0\1"
           "\0\4c1-a"
           "\377\377"
           "\0\2c1"
           "\0\12/127.0.0.1" TIMEOUTS SUBSCRIPTION ASSIGNMENT),
     {TEXT("consumer"), 5, TEXT("range"), TEXT("c1-a"), TIME, NULL, 1},
     MEMBER(BYTES_NULL, 300000),
     true},
    {BYTES("\0\3"
           "\0\10consumer"
           "\0\0\0\5"
           "\0\5range"
           "\0\4c1-a" I64_TIME "\0\0\0\1"
           "\0\4c1-a"
           "\0\2i1"
           "\0\2c1"
           "\0\12/127.0.0.1" TIMEOUTS SUBSCRIPTION ASSIGNMENT),
     {TEXT("consumer"), 5, TEXT("range"), TEXT("c1-a"), TIME, NULL, 1},
     MEMBER(TEXT("i1"), 300000),
     true},
    {BYTES("\0\3"
           "\0\10consumer"
           "\0\0\0\6"
           "\377\377"
           "\377\377" I64_TIME "\0\0\0\0"),
     {TEXT("consumer"), 6, BYTES_NULL, BYTES_NULL, TIME, NULL, 0},
     {.id = BYTES_NULL},
     true},
    {BYTES("\0\3"
           "\0\0"
           "\0\0\0\0"
           "\377\377"
           "\377\377"
           "\377\377\377\377\377\377\377\377"
           "\0\0\0\0"),
     {TEXT(""), 0, BYTES_NULL, BYTES_NULL, -1, NULL, 0},
     {.id = BYTES_NULL},
     true},
    {BYTES("\0\4"
           "\11consumer"
           "\0\0\0\5"
           "\6range"
           "\5c1-a" I64_TIME "\2"
           "\5c1-a"
           "\3i1"
           "\3c1"
           "\13/127.0.0.1" TIMEOUTS "\4abc"
           "\3xy"
           "\0"
           "\0"),
     {TEXT("consumer"), 5, TEXT("range"), TEXT("c1-a"), TIME, NULL, 1},
     MEMBER(TEXT("i1"), 300000),
     false},
    {BYTES("\0\4"
           "\11consumer"
           "\0\0\0\6"
           "\0"
           "\0" I64_TIME "\1"
           "\0"),
     {TEXT("consumer"), 6, BYTES_NULL, BYTES_NULL, TIME, NULL, 0},
     {.id = BYTES_NULL},
     false},
};

static void assert_member(const struct group_record_member *is,
                          const struct group_record_member *expected) {
    assert_text(is->id, expected->id);
    assert_text(is->instance_id, expected->instance_id);
    assert_text(is->client_id, expected->client_id);
    assert_text(is->client_host, expected->client_host);
    assert_int_equal(is->rebalance_timeout_ms, expected->rebalance_timeout_ms);
    assert_int_equal(is->session_timeout_ms, expected->session_timeout_ms);
    assert_text(is->subscription, expected->subscription);
    assert_text(is->assignment, expected->assignment);
}

static void assert_written(const struct group_vector *vector) {
    struct group_record_member member = vector->member;
    struct group_record record = vector->record;
    struct wire_writer writer;

    record.members = &member;
    wire_writer_init(&writer, 1000);
    group_record_encode(&writer, &record);
    assert_int_equal(writer.error, ERR_NONE);
    assert_bytes(bytes_of(writer.data, writer.size), vector->bytes);
    wire_writer_done(&writer);
}

static void groups_are_read_in_all_versions_and_written_in_one(void **state) {
    struct arena arena;
    (void)state;

    arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < ARRAY_COUNT(groups); i++) {
        const struct group_vector *vector = &groups[i];
        struct group_record record;
        assert_int_equal(group_record_decode(vector->bytes, &arena, &record), ERR_NONE);
        assert_text(record.protocol_type, vector->record.protocol_type);
        assert_int_equal(record.generation, vector->record.generation);
        assert_text(record.protocol, vector->record.protocol);
        assert_text(record.leader, vector->record.leader);
        assert_true(record.state_ms == vector->record.state_ms);
        assert_int_equal(record.member_count, vector->record.member_count);
        if (record.member_count > 0)
            assert_member(&record.members[0], &vector->member);
        if (vector->is_written)
            assert_written(vector);
        arena_reset(&arena);
    }
    arena_done(&arena);
}

/* ---- Not to be believed ---- */

static enum error decode_key(struct bytes bytes, struct arena *arena) {
    struct group_record_key key;

    (void)arena;
    return group_record_key_decode(bytes, &key);
}

static enum error decode_offset(struct bytes bytes, struct arena *arena) {
    struct offset_record record;

    (void)arena;
    return offset_record_decode(bytes, &record);
}

static enum error decode_group(struct bytes bytes, struct arena *arena) {
    struct group_record record;

    return group_record_decode(bytes, arena, &record);
}

static void assert_refused_when_cut(enum error (*decode)(struct bytes, struct arena *),
                                    struct bytes whole) {
    struct arena arena;

    arena_init(&arena, 1 << 20);
    for (size_t size = 0; size < whole.size; size++) {
        uint8_t *copy = malloc(size == 0 ? 1 : size); /* asan sees a read past it */
        memcpy(copy, whole.data, size);
        assert_int_equal(decode(bytes_of(copy, size), &arena), ERR_MALFORMED);
        free(copy);
        arena_reset(&arena);
    }
    arena_done(&arena);
}

static void what_is_cut_short_is_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(keys); i++)
        assert_refused_when_cut(decode_key, keys[i].bytes);
    for (size_t i = 0; i < ARRAY_COUNT(offsets); i++)
        assert_refused_when_cut(decode_offset, offsets[i].bytes);
    for (size_t i = 0; i < ARRAY_COUNT(groups); i++)
        assert_refused_when_cut(decode_group, groups[i].bytes);
}

static void versions_that_are_not_known_are_refused(void **state) {
    static const struct bytes values[] = {BYTES("\0\5\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
                                          BYTES("\377\377\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0")};
    struct arena arena;
    (void)state;

    arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < ARRAY_COUNT(values); i++) {
        assert_int_equal(decode_offset(values[i], &arena), ERR_UNSUPPORTED_VERSION);
        assert_int_equal(decode_group(values[i], &arena), ERR_UNSUPPORTED_VERSION);
    }
    arena_done(&arena);
}

static void a_count_that_cannot_be_takes_no_memory(void **state) {
    static const struct bytes groups_with[] = {
        BYTES("\0\3\0\0\0\0\0\0\377\377\377\377" I64_TIME "\177\377\377\377"),
        BYTES("\0\3\0\0\0\0\0\0\377\377\377\377" I64_TIME "\377\377\377\376"),
        BYTES("\0\4\1\0\0\0\0\0\0" I64_TIME "\377\377\377\377\7"),
    };
    struct arena arena;
    (void)state;

    arena_init(&arena, 1024);
    for (size_t i = 0; i < ARRAY_COUNT(groups_with); i++)
        assert_int_equal(decode_group(groups_with[i], &arena), ERR_MALFORMED);
    arena_done(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_read_and_written),
        cmocka_unit_test(keys_of_newer_groups_are_known_to_be_unknown),
        cmocka_unit_test(offsets_are_read_in_all_versions_and_written_in_two),
        cmocka_unit_test(groups_are_read_in_all_versions_and_written_in_one),
        cmocka_unit_test(what_is_cut_short_is_refused),
        cmocka_unit_test(versions_that_are_not_known_are_refused),
        cmocka_unit_test(a_count_that_cannot_be_takes_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

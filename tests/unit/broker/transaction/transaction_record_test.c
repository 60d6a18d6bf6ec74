/* The bytes of __transaction_state are Kafka's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/transaction/transaction_record.h"
#include "tests/unit/client/wire/hex.h"

static struct transaction_partition partitions[] = {{{(const uint8_t *)"a", 1}, 0},
                                                    {{(const uint8_t *)"orders", 6}, 1},
                                                    {{(const uint8_t *)"orders", 6}, 3}};

static void check_encoded(const struct transaction_values *values, const char *expected) {
    struct hex hex = hex_of(expected);
    struct transaction_values decoded;
    struct wire_writer writer;

    wire_writer_init(&writer, 1 << 16);
    transaction_value_encode(&writer, values);
    assert_int_equal(writer.error, ERR_NONE);
    assert_int_equal(writer.size, hex.size);
    assert_memory_equal(writer.data, hex.data, hex.size);
    assert_int_equal(transaction_value_decode(hex_bytes(&hex), &decoded), ERR_NONE);
    assert_int_equal(decoded.producer_id, values->producer_id);
    assert_int_equal(decoded.producer_epoch, values->producer_epoch);
    assert_int_equal(decoded.timeout_ms, values->timeout_ms);
    assert_int_equal(decoded.state, values->state);
    assert_int_equal(decoded.update_ms, values->update_ms);
    assert_int_equal(decoded.start_ms, values->start_ms);
    assert_int_equal(decoded.partition_count, values->partition_count);
    for (int32_t i = 0; i < decoded.partition_count; i++) {
        assert_true(bytes_equal(decoded.partitions[i].topic, values->partitions[i].topic));
        assert_int_equal(decoded.partitions[i].index, values->partitions[i].index);
    }
    transaction_values_done(&decoded);
    wire_writer_done(&writer);
}

static void values_have_kafkas_bytes(void **state) {
    struct transaction_values values = {
        .producer_id = 1000,
        .producer_epoch = 2,
        .timeout_ms = 60000,
        .state = TRANSACTION_EMPTY,
        .update_ms = 1700000000000,
        .start_ms = NO_TRANSACTION_START,
    };
    (void)state;

    check_encoded(&values, "0000 00000000000003e8 0002 0000ea60 00 ffffffff"
                           "0000018bcfe56800 ffffffffffffffff");
    values.state = TRANSACTION_COMPLETE_ABORT;
    values.start_ms = 1700000000001;
    check_encoded(&values, "0000 00000000000003e8 0002 0000ea60 05 00000000"
                           "0000018bcfe56800 0000018bcfe56801");
    values.state = TRANSACTION_ONGOING;
    values.partitions = partitions;
    values.partition_count = 3;
    check_encoded(&values, "0000 00000000000003e8 0002 0000ea60 01 00000002"
                           "0001 'a' 00000001 00000000"
                           "0006 'orders' 00000002 00000001 00000003"
                           "0000018bcfe56800 0000018bcfe56801");
}

static void a_newer_form_is_read_too(void **state) {
    struct hex hex = hex_of("0001 00000000000003e8 0002 0000ea60 01"
                            "02 07 'orders' 03 00000003 00000001 00"
                            "0000018bcfe56800 0000018bcfe56801"
                            "02 00 08 00000000000003e7 02 01 01");
    struct transaction_values values;
    (void)state;

    assert_int_equal(transaction_value_decode(hex_bytes(&hex), &values), ERR_NONE);
    assert_int_equal(values.partition_count, 2);
    assert_int_equal(values.partitions[0].index, 1); /* ascending */
    assert_int_equal(values.partitions[1].index, 3);
    transaction_values_done(&values);
}

static void keys_and_what_is_no_record(void **state) {
    struct hex unknown = hex_of("0007 0002 'id'");
    struct hex dead = hex_of("0000 00000000000003e8 0002 0000ea60 06 00000000"
                             "0000018bcfe56800 0000018bcfe56801");
    struct transaction_values values;
    struct wire_writer writer;
    struct bytes id;
    (void)state;

    wire_writer_init(&writer, 1 << 10);
    transaction_key_encode(&writer, bytes_of_text("id"));
    assert_int_equal(writer.size, 6);
    assert_int_equal(transaction_key_decode(bytes_of(writer.data, writer.size), &id), ERR_NONE);
    assert_true(bytes_equal_text(id, "id"));
    wire_writer_done(&writer);
    assert_int_equal(transaction_key_decode(hex_bytes(&unknown), &id), ERR_UNSUPPORTED_VERSION);
    assert_int_equal(transaction_value_decode(hex_bytes(&dead), &values), ERR_MALFORMED);
    for (size_t size = 0; size < dead.size; size++)
        assert_int_not_equal(transaction_value_decode(bytes_of(dead.data, size), &values),
                             ERR_NONE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_have_kafkas_bytes),
        cmocka_unit_test(a_newer_form_is_read_too),
        cmocka_unit_test(keys_and_what_is_no_record),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

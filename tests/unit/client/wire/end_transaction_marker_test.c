/* The bytes of a marker are Kafka's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/wire/end_transaction_marker.h"
#include "client/wire/record_batch.h"
#include "tests/unit/client/wire/hex.h"

static void a_commit_marker_has_kafkas_bytes(void **state) {
    struct hex expected =
        hex_of("0000000000000007 00000042 00000003 02 b47b205d 0030 00000000 0000018bcfe56800"
               "0000018bcfe56800 00000000000003e8 0002 ffffffff 00000001"
               "20 00 00 00 08 0000 0001 0c 0000 00000004 00");
    struct end_transaction_marker marker = {
        .producer_id = 1000,
        .producer_epoch = 2,
        .coordinator_epoch = 4,
        .is_commit = true,
        .timestamp = 1700000000000,
    };
    uint8_t batch[END_TRANSACTION_MARKER_BYTES];
    (void)state;

    end_transaction_marker_encode(&marker, batch);
    record_batch_stamp_base_offset(batch, 7);
    record_batch_stamp_leader_epoch(batch, 3);
    assert_int_equal(sizeof(batch), expected.size);
    assert_memory_equal(batch, expected.data, sizeof(batch));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_commit_marker_has_kafkas_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

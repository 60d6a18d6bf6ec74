/* A record of __transaction_state with any content is refused, or says the same once more. */
#include "broker/transaction/transaction_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(const struct transaction_values *values) {
    struct transaction_values again;
    struct wire_writer writer;

    wire_writer_init(&writer, 1 << 20);
    transaction_value_encode(&writer, values);
    if (writer.error == ERR_NONE) {
        CHECK(transaction_value_decode(bytes_of(writer.data, writer.size), &again) == ERR_NONE);
        CHECK(again.producer_id == values->producer_id && again.state == values->state);
        CHECK(again.partition_count == values->partition_count);
        transaction_values_done(&again);
    }
    wire_writer_done(&writer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct transaction_values values;
    struct bytes id;

    (void)!transaction_key_decode(bytes_of(data, size), &id);
    if (transaction_value_decode(bytes_of(data, size), &values) != ERR_NONE)
        return 0;
    if (values.state != TRANSACTION_EMPTY || values.partition_count == 0)
        check_again(&values);
    transaction_values_done(&values);
    return 0;
}

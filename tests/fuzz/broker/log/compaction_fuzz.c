/* Compaction of any bytes that lie in a segment: what stays is whole batches, and no more records
 * than there were. Checksums are not asked for: they would hide what lies behind them. */
#include <stdlib.h>

#include "broker/log/compaction_filter.h"
#include "broker/log/compaction_transactions.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW_MS 1700000000000

static void check_output(const struct compaction_output *output) {
    struct bytes rest = bytes_of(output->data, output->size);
    struct stored_batch batch;
    uint32_t count = 0;

    for (; rest.size > 0; count++) {
        CHECK(stored_batch_decode(rest, &batch) == ERR_NONE);
        CHECK(batch.size <= rest.size);
        rest = bytes_of(rest.data + batch.size, rest.size - batch.size);
    }
    CHECK(count == output->batch_count);
    CHECK(output->records_kept <= output->records_read || output->batch_count == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const uint64_t secret[2] = {1, 2};
    struct compaction_transactions *transactions;
    struct compaction_output output = {0};
    struct compaction_rules rules = {
        .latest_offset = INT64_MAX, .now_ms = NOW_MS, .delete_retention_ms = 1};
    struct bytes rest = bytes_of(data, size);
    struct key_offsets *newest;
    struct stored_batch batch;

    CHECK(key_offsets_new(16, 1, secret, &newest) == ERR_NONE);
    CHECK(compaction_transactions_new(NULL, 0, &transactions) == ERR_NONE);
    CHECK(key_offsets_put(newest, bytes_of_text("key"), 1));
    rules.newest = newest;
    while (stored_batch_decode(rest, &batch) == ERR_NONE && batch.size <= rest.size) {
        const struct aborted_transaction *abort;
        struct compaction_batch one = {.batch = &batch};
        batch.whole = bytes_of(rest.data, batch.size);
        one.is_discarded = compaction_transactions_discard(transactions, &batch, &abort);
        one.is_last_of_producer = batch.magic == 2 && size % 2 == 0;
        if (compaction_filter(&rules, &one, &output) != ERR_NONE)
            break;
        rest = bytes_of(rest.data + batch.size, rest.size - batch.size);
    }
    check_output(&output);
    compaction_output_done(&output);
    compaction_transactions_free(transactions);
    key_offsets_free(newest);
    return 0;
}

/*
 * Walks the input as what a broker sent for one partition. The first byte picks whether aborted
 * records are left out and where reading begins; CRCs are not required, so that changed batches
 * get further than their header.
 */
#include <stdlib.h>

#include "client/consumer/fetched.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct aborted_transaction aborted[] = {{7, 0}, {8, 3}};
    struct fetched_options options = {.batch_bytes_max = (size_t)1 << 20};
    struct fetched_summary summary;
    struct fetched_walk walk;
    struct record_batch batch;
    struct record record;
    enum fetched_step step;
    int64_t position;
    enum error error;

    if (size == 0)
        return 0;
    options.committed_only = (data[0] & 1) != 0;
    position = data[0] >> 1;
    error = fetched_summarise(bytes_of(data + 1, size - 1), &summary);
    if (error == ERR_NONE)
        CHECK(summary.size <= size - 1 && summary.next_offset >= -1);
    fetched_walk_init(&walk, &options, bytes_of(data + 1, size - 1), position, aborted,
                      ARRAY_COUNT(aborted));
    do {
        uint8_t *plain = NULL;

        step = fetched_walk_next(&walk, &record, &batch, &plain, &error);
        if (step == FETCHED_RECORD)
            CHECK(record.offset >= position);
        CHECK((step == FETCHED_ERROR) == (error != ERR_NONE));
        CHECK(fetched_walk_position(&walk) >= position);
        position = fetched_walk_position(&walk);
        free(plain);
    } while (step == FETCHED_RECORD || step == FETCHED_BATCH);
    fetched_walk_done(&walk);
    return 0;
}

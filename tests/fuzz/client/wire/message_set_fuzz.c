/*
 * Walks the input as a message set, entry by entry, and the records of each. The CRC of outer
 * entries is computed but not required, so that changed ones get further.
 */
#include "client/wire/message_set.h"

#define PLAIN_BYTES_MAX ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk_records(const struct message_set_entry *entry) {
    struct message_set_iterator iterator;
    struct record record;
    int count = 0;

    if (message_set_iterator_init(&iterator, entry, PLAIN_BYTES_MAX) != ERR_NONE)
        return;
    while (message_set_iterator_next(&iterator, &record)) {
        CHECK(record.header_count == 0);
        count++;
    }
    CHECK(count > 0);
    message_set_iterator_done(&iterator);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct bytes rest = bytes_of(data, size);
    struct message_set_entry entry;

    while (message_set_entry_decode(rest, &entry) == ERR_NONE) {
        (void)message_set_entry_crc_is_valid(&entry);
        walk_records(&entry);
        rest = bytes_of(rest.data + entry.whole.size, rest.size - entry.whole.size);
    }
    return 0;
}

/* What a log may hold, converted for old consumers. The first byte chooses the magic and the offset
 * from which on records are wanted. */
#include "broker/log/down_conversion.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What comes out is whole entries, none above the wanted magic. */
static void check_set(const struct message_set_builder *set, int8_t magic) {
    struct bytes rest = bytes_of(set->data, set->size);

    while (rest.size > 0) {
        struct message_set_entry entry;
        CHECK(message_set_entry_decode(rest, &entry) == ERR_NONE);
        CHECK(entry.magic <= magic);
        rest = bytes_of(rest.data + entry.whole.size, rest.size - entry.whole.size);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct down_conversion conversion;

    if (size < 1 || size > 65536)
        return 0;
    conversion = (struct down_conversion){
        .stored = bytes_of(data + 1, size - 1),
        .magic = data[0] & 1,
        .first_offset = data[0] >> 1,
        .plain_bytes_max = 1 << 20,
    };
    if (down_convert(&conversion) == ERR_NONE)
        check_set(&conversion.set, conversion.magic);
    message_set_builder_done(&conversion.set);
    return 0;
}

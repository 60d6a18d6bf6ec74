/*
 * Keys and values of __consumer_offsets. The first byte chooses which; what is accepted is encoded
 * and decoded again, and must be accepted and encode to the same bytes.
 */
#include "broker/group/group_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ARENA_BYTES_MAX ((size_t)1 << 20)

/* Encodes what was decoded from `data`; false if it was not accepted. */
typedef bool recode(struct bytes data, struct wire_writer *writer);

static bool recode_key(struct bytes data, struct wire_writer *writer) {
    struct group_record_key key;

    if (group_record_key_decode(data, &key) != ERR_NONE || key.type == GROUP_RECORD_UNKNOWN)
        return false;
    group_record_key_encode(writer, &key);
    return true;
}

static bool recode_offset(struct bytes data, struct wire_writer *writer) {
    struct offset_record record;

    if (offset_record_decode(data, &record) != ERR_NONE)
        return false;
    offset_record_encode(writer, &record);
    return true;
}

static bool recode_group(struct bytes data, struct wire_writer *writer) {
    struct group_record record;
    struct arena arena;
    bool is_accepted;

    arena_init(&arena, ARENA_BYTES_MAX);
    is_accepted = group_record_decode(data, &arena, &record) == ERR_NONE;
    if (is_accepted)
        group_record_encode(writer, &record);
    arena_done(&arena);
    return is_accepted;
}

static recode *const recoders[] = {recode_key, recode_offset, recode_group};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct wire_writer once, twice;
    recode *run;

    if (size == 0)
        return 0;
    run = recoders[data[0] % ARRAY_COUNT(recoders)];
    wire_writer_init(&once, SIZE_MAX);
    wire_writer_init(&twice, SIZE_MAX);
    /* A string of the flexible versions may be longer than what is written holds. */
    if (run(bytes_of(data + 1, size - 1), &once) && once.error == ERR_NONE) {
        CHECK(run(bytes_of(once.data, once.size), &twice));
        CHECK(once.size == twice.size && memcmp(once.data, twice.data, once.size) == 0);
    }
    wire_writer_done(&once);
    wire_writer_done(&twice);
    return 0;
}

#include "client/wire/message_set.h"

#include <stdlib.h>
#include <zlib.h>

#include "client/wire/big_endian.h"
#include "client/wire/compression_codec.h"

enum {
    AT_OFFSET = 0,
    AT_CRC = 12,
    AT_MAGIC = 16, /* the CRC begins here */
    AT_ATTRIBUTES = 17,
    AT_TIMESTAMP = 18, /* magic 1 */
    AT_KEY_MAGIC_0 = 18,
    AT_KEY_MAGIC_1 = 26
};

#define LENGTH_BYTES 4

/* Takes a length and as many bytes off the front of `*from`. Java takes any negative length for
 * null; only -1 is written. */
static bool take_nullable(struct bytes *from, struct bytes *taken) {
    int32_t size;

    if (from->size < LENGTH_BYTES)
        return false;
    size = (int32_t)big_endian_load_u32(from->data);
    *from = bytes_of(from->data + LENGTH_BYTES, from->size - LENGTH_BYTES);
    if (size < 0) {
        *taken = BYTES_NULL;
        return true;
    }
    if ((size_t)size > from->size)
        return false;
    *taken = bytes_of(from->data, (size_t)size);
    *from = bytes_of(from->data + size, from->size - (size_t)size);
    return true;
}

enum error message_set_entry_decode(struct bytes data, struct message_set_entry *entry) {
    const uint8_t *at = data.data;
    struct message_set_entry decoded;
    struct bytes rest;
    size_t size;
    size_t at_key;
    enum error error;

    if ((error = record_batch_total_size(data, &size)) != ERR_NONE)
        return error;
    if (size > data.size)
        return ERR_CORRUPT_MESSAGE;
    if (at[AT_MAGIC] == 2)
        return ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT;
    if (at[AT_MAGIC] > 2)
        return ERR_CORRUPT_MESSAGE;
    at_key = at[AT_MAGIC] == 0 ? AT_KEY_MAGIC_0 : AT_KEY_MAGIC_1;
    if (size < at_key)
        return ERR_CORRUPT_MESSAGE;
    decoded = (struct message_set_entry){
        .offset = (int64_t)big_endian_load_u64(at + AT_OFFSET),
        .crc = big_endian_load_u32(at + AT_CRC),
        .magic = (int8_t)at[AT_MAGIC],
        .attributes = (int8_t)at[AT_ATTRIBUTES],
        .timestamp = at[AT_MAGIC] == 0 ? RECORD_NO_TIMESTAMP
                                       : (int64_t)big_endian_load_u64(at + AT_TIMESTAMP),
        .whole = bytes_of(at, size),
    };
    rest = bytes_of(at + at_key, size - at_key);
    if (!take_nullable(&rest, &decoded.key) || !take_nullable(&rest, &decoded.value) ||
        rest.size != 0)
        return ERR_CORRUPT_MESSAGE;
    *entry = decoded;
    return ERR_NONE;
}

bool message_set_entry_crc_is_valid(const struct message_set_entry *entry) {
    return crc32_z(0, entry->whole.data + AT_MAGIC, entry->whole.size - AT_MAGIC) == entry->crc;
}

static enum error decompress(const struct message_set_entry *wrapper, size_t plain_bytes_max,
                             uint8_t **plain, size_t *plain_size) {
    enum compression codec = message_set_entry_codec(wrapper);

    if (codec == COMPRESSION_LZ4 && wrapper->magic == 0)
        return compression_decompress_lz4_magic_0(wrapper->value, plain_bytes_max, plain,
                                                  plain_size);
    if (codec > COMPRESSION_LZ4)
        return ERR_MALFORMED;
    return compression_decompress(codec, wrapper->value, plain_bytes_max, plain, plain_size);
}

/* Checks every entry of `set` and finds the offset that is stored in the last one. */
static enum error check_inner(struct bytes set, int64_t *last_offset) {
    struct message_set_entry entry;
    enum error error;

    if (set.size == 0)
        return ERR_INVALID_RECORD;
    while (set.size > 0) {
        if ((error = message_set_entry_decode(set, &entry)) != ERR_NONE)
            return ERR_CORRUPT_MESSAGE;
        if (!message_set_entry_crc_is_valid(&entry))
            return ERR_CORRUPT_MESSAGE;
        if (message_set_entry_codec(&entry) != COMPRESSION_NONE)
            return ERR_INVALID_RECORD;
        set = bytes_of(set.data + entry.whole.size, set.size - entry.whole.size);
    }
    *last_offset = entry.offset;
    return ERR_NONE;
}

/* Offsets in a wrapper of magic 0 are absolute. In one of magic 1 they count from its first
 * record, while the wrapper has the offset of its last: brokers assign it without recompressing.
 * A wrapper at 0 comes from a producer, and its records count from 0. */
static int64_t base_offset_of(const struct message_set_entry *wrapper, int64_t last_offset) {
    if (wrapper->magic == 0 || wrapper->offset == 0)
        return 0;
    return (int64_t)((uint64_t)wrapper->offset - (uint64_t)last_offset);
}

enum error message_set_iterator_init(struct message_set_iterator *iterator,
                                     const struct message_set_entry *entry,
                                     size_t plain_bytes_max) {
    uint8_t *plain = NULL;
    size_t plain_size;
    int64_t last_offset;
    enum error error;

    if (message_set_entry_codec(entry) == COMPRESSION_NONE) {
        *iterator = (struct message_set_iterator){.outer = *entry, .rest = entry->whole};
        return ERR_NONE;
    }
    if (bytes_is_null(entry->value))
        return ERR_INVALID_RECORD;
    if ((error = decompress(entry, plain_bytes_max, &plain, &plain_size)) != ERR_NONE)
        return error == ERR_OUT_OF_MEMORY ? error : ERR_CORRUPT_MESSAGE;
    if ((error = check_inner(bytes_of(plain, plain_size), &last_offset)) != ERR_NONE)
        goto out;
    *iterator = (struct message_set_iterator){.outer = *entry,
                                              .rest = bytes_of(plain, plain_size),
                                              .base_offset = base_offset_of(entry, last_offset),
                                              .plain = plain};
    plain = NULL; /* handed over */
out:
    free(plain);
    return error;
}

bool message_set_iterator_next(struct message_set_iterator *iterator, struct record *record) {
    const struct message_set_entry *outer = &iterator->outer;
    struct message_set_entry entry;
    bool has_wrapper_time = iterator->plain != NULL && outer->magic == 1 &&
                            (outer->attributes & MESSAGE_SET_LOG_APPEND_TIME) != 0;

    if (iterator->rest.size == 0)
        return false;
    CHECK(message_set_entry_decode(iterator->rest, &entry) == ERR_NONE); /* as before */
    iterator->rest =
        bytes_of(iterator->rest.data + entry.whole.size, iterator->rest.size - entry.whole.size);
    *record = (struct record){
        .offset = (int64_t)((uint64_t)iterator->base_offset + (uint64_t)entry.offset),
        .timestamp = entry.magic == 1 && has_wrapper_time ? outer->timestamp : entry.timestamp,
        .key = entry.key,
        .value = entry.value,
        .headers = bytes_of_text(""),
    };
    return true;
}

void message_set_iterator_done(struct message_set_iterator *iterator) {
    free(iterator->plain);
    *iterator = (struct message_set_iterator){0};
}

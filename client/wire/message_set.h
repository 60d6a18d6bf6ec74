/* clang-format off */
/*
 * Message sets of magic 0 and 1, as old clients send them and old segments hold them: entries one
 * behind the other, without a frame. Logs are written in magic 2 only; these are read, and written
 * for clients that know nothing newer (message_set_builder.h).
 *
 *    0 offset i64 | 12 crc u32 (CRC-32 of 16...) | 18 timestamp i64, magic 1 only
 *    8 size i32   | 16 magic i8 | 17 attributes  |    key: i32 length, bytes | value: the same
 *
 * A compressed entry is a wrapper: its key is null and its value is a message set, compressed.
 * Wrappers are one level deep. The first 17 bytes serve to walk any magic: record_batch_total_size
 * and the magic at 16.
 * Threads: one at a time. Source: Kafka 3.9, LegacyRecord, AbstractLegacyRecordBatch.
 */
/* clang-format on */
#ifndef CLIENT_WIRE_MESSAGE_SET_H
#define CLIENT_WIRE_MESSAGE_SET_H

#include "client/wire/record_batch.h"

enum message_set_attributes {
    MESSAGE_SET_CODEC_MASK = 0x07,
    MESSAGE_SET_LOG_APPEND_TIME = 0x08 /* magic 1 only */
};

struct message_set_entry {
    int64_t offset; /* of a wrapper: that of its last record, or 0 if not assigned yet */
    uint32_t crc;
    int8_t magic;
    int8_t attributes;
    int64_t timestamp;  /* -1 with magic 0 */
    struct bytes key;   /* may be null */
    struct bytes value; /* may be null */
    struct bytes whole;
};

static inline enum compression message_set_entry_codec(const struct message_set_entry *entry) {
    return (enum compression)(entry->attributes & MESSAGE_SET_CODEC_MASK);
}

/* Decodes the first entry in `data`, which must hold it whole. CORRUPT_MESSAGE: too short, lengths
 * that do not fill the entry exactly, unknown magic. UNSUPPORTED_FOR_MESSAGE_FORMAT: magic 2.
 * The CRC is not checked. */
MUST_CHECK enum error message_set_entry_decode(struct bytes data, struct message_set_entry *entry);

/* True if the stored CRC is that of the bytes. */
bool message_set_entry_crc_is_valid(const struct message_set_entry *entry);

/* Walks the records of one entry: itself, or those that it wraps. */
struct message_set_iterator {
    struct message_set_entry outer;
    struct bytes rest;   /* entries that are known to be good */
    int64_t base_offset; /* what is added to the offsets within */
    uint8_t *plain;      /* decompressed entries, or NULL */
};

/* Decompresses, and checks all inner entries and their CRCs. The entry's bytes must outlive the
 * iterator; `plain_bytes_max` bounds decompression.
 * CORRUPT_MESSAGE: a codec that magic 0 and 1 don't have, data that is not what the codec writes,
 * an inner entry that is not whole or has a wrong CRC. INVALID_RECORD: a wrapper without a value
 * or with no entries in it, or one in a wrapper. OUT_OF_MEMORY. */
MUST_CHECK enum error message_set_iterator_init(struct message_set_iterator *iterator,
                                                const struct message_set_entry *entry,
                                                size_t plain_bytes_max);
/* False at the end. Records have no headers and no offset_delta (0). */
bool message_set_iterator_next(struct message_set_iterator *iterator, struct record *record);
void message_set_iterator_done(struct message_set_iterator *iterator);

#endif

/*
 * Writes message sets of magic 0 and 1 (message_set.h), for clients that cannot read batches of
 * magic 2.
 *
 * Threads: one at a time. Source: Kafka 3.9, MemoryRecordsBuilder, LegacyRecord.
 */
#ifndef CLIENT_WIRE_MESSAGE_SET_BUILDER_H
#define CLIENT_WIRE_MESSAGE_SET_BUILDER_H

#include "client/wire/message_set.h"

/* Entries one behind the other. Start from {0}; `data` is from malloc. */
struct message_set_builder {
    uint8_t *data;
    size_t size;
    size_t capacity;
};

void message_set_builder_done(struct message_set_builder *builder);

/* Appends an entry: `entry`'s offset, magic, attributes, timestamp (magic 1), key and value; its
 * CRC and lengths are computed. OUT_OF_MEMORY (also past 1 GiB): nothing was added. */
MUST_CHECK enum error message_set_builder_add(struct message_set_builder *builder,
                                              const struct message_set_entry *entry);

/* Appends bytes that are whole entries already. OUT_OF_MEMORY as above. */
MUST_CHECK enum error message_set_builder_add_raw(struct message_set_builder *builder,
                                                  struct bytes entries);

/* Appends a wrapper around `inner`. `wrapper` gives offset (of the last record within), magic,
 * attributes (with the codec) and timestamp. OUT_OF_MEMORY as above. */
MUST_CHECK enum error message_set_builder_add_wrapper(struct message_set_builder *builder,
                                                      const struct message_set_entry *wrapper,
                                                      struct bytes inner);

#endif

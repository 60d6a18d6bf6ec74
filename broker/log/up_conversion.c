#include "broker/log/up_conversion.h"

#include <stdlib.h>

#define AT_MAGIC 16

bool up_conversion_applies(struct bytes records) {
    return records.size >= RECORD_BATCH_PREFIX_BYTES && records.data[AT_MAGIC] < 2;
}

static enum error refuse(struct up_conversion *conversion, enum error error, const char *message) {
    conversion->message = message;
    return error;
}

/* Takes a whole entry off the front of `*rest`; false at the end, `*error` tells of which kind. */
static bool take_entry(struct up_conversion *conversion, struct bytes *rest,
                       struct message_set_entry *entry, enum error *error) {
    size_t size;

    *error = ERR_NONE;
    if (rest->size < RECORD_BATCH_PREFIX_BYTES)
        return false;
    if (record_batch_total_size(*rest, &size) != ERR_NONE)
        *error = refuse(conversion, ERR_CORRUPT_MESSAGE, "the size of a message is too small");
    else if (size > rest->size)
        return false;
    else if (message_set_entry_decode(*rest, entry) != ERR_NONE)
        *error = refuse(conversion, ERR_CORRUPT_MESSAGE, "a message is malformed");
    if (*error != ERR_NONE)
        return false;
    *rest = bytes_of(rest->data + size, rest->size - size);
    return true;
}

/* The entries as they came, before anything of them is opened. */
static enum error check_entries(struct up_conversion *conversion) {
    struct bytes rest = conversion->set;
    struct message_set_entry entry;
    size_t count = 0;
    enum error error;

    while (take_entry(conversion, &rest, &entry, &error)) {
        if (entry.whole.size > conversion->message_bytes_max)
            return refuse(conversion, ERR_MESSAGE_TOO_LARGE, "larger than max.message.bytes");
        if (!message_set_entry_crc_is_valid(&entry))
            return refuse(conversion, ERR_CORRUPT_MESSAGE, "the CRC does not fit");
        if (entry.magic == 1 && (entry.attributes & MESSAGE_SET_LOG_APPEND_TIME) != 0)
            return refuse(conversion, ERR_INVALID_TIMESTAMP, "producers may not set LogAppendTime");
        if (message_set_entry_codec(&entry) > COMPRESSION_LZ4)
            return refuse(conversion, ERR_INVALID_RECORD, "unknown compression");
        if (message_set_entry_codec(&entry) != COMPRESSION_NONE)
            conversion->codec = message_set_entry_codec(&entry);
        count++;
    }
    if (error != ERR_NONE)
        return error;
    if (count == 0)
        return refuse(conversion, ERR_INVALID_RECORD, "no whole message");
    if (count > 1 && conversion->codec != COMPRESSION_NONE)
        return refuse(conversion, ERR_INVALID_RECORD, "more than one compressed message");
    if (conversion->set.size - rest.size > conversion->set_bytes_max)
        return refuse(conversion, ERR_RECORD_LIST_TOO_LARGE, "larger than segment.bytes");
    return ERR_NONE;
}

static enum error add_records(struct up_conversion *conversion,
                              struct record_batch_builder *builder,
                              const struct message_set_entry *entry) {
    struct message_set_iterator records;
    struct record record;
    enum error error;

    error = message_set_iterator_init(&records, entry, conversion->plain_bytes_max);
    if (error != ERR_NONE)
        return refuse(conversion, error, "a compressed message is malformed");
    while (error == ERR_NONE && message_set_iterator_next(&records, &record))
        error =
            record_batch_builder_add(builder, record.timestamp, record.key, record.value, NULL, 0);
    message_set_iterator_done(&records);
    return error;
}

enum error up_convert(struct up_conversion *conversion) {
    struct bytes rest = conversion->set;
    struct record_batch_builder *builder;
    struct message_set_entry entry;
    enum error error;
    enum error end;

    conversion->codec = COMPRESSION_NONE;
    conversion->message = NULL;
    if ((error = check_entries(conversion)) != ERR_NONE ||
        (error = record_batch_builder_new(&record_batch_options_default, &builder)) != ERR_NONE)
        return error;
    while (error == ERR_NONE && take_entry(conversion, &rest, &entry, &end))
        error = add_records(conversion, builder, &entry);
    if (error == ERR_NONE)
        error = record_batch_builder_finish(builder, &conversion->batch, &conversion->batch_size);
    record_batch_builder_free(builder);
    return error;
}

#include "broker/group/consumer_subscription.h"

#include "client/wire/reader.h"

#define TOPIC_BYTES_MIN 2

bool consumer_subscription_has(struct bytes subscription, struct bytes topic, bool *is_known) {
    struct wire_reader reader;
    bool has = false;
    int32_t count;

    wire_reader_init(&reader, subscription);
    if (wire_read_i16(&reader) < 0)
        wire_fail(&reader, ERR_UNSUPPORTED_VERSION);
    count = wire_read_array_count(&reader, false, false, TOPIC_BYTES_MIN);
    for (int32_t i = 0; i < count && reader.error == ERR_NONE; i++)
        has = bytes_equal(wire_read_string(&reader, false, false), topic) || has;
    *is_known = reader.error == ERR_NONE;
    return has || !*is_known;
}

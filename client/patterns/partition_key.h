/* Topic and partition as one key of a hash table: fixed size, zero behind the name. */
#ifndef CLIENT_PATTERNS_PARTITION_KEY_H
#define CLIENT_PATTERNS_PARTITION_KEY_H

#include <stdint.h>
#include <string.h>

#define PARTITION_KEY_TOPIC_MAX 249 /* Kafka's */

struct partition_key {
    int32_t partition;
    char topic[PARTITION_KEY_TOPIC_MAX + 3];
};

static inline struct partition_key partition_key_of(const char *topic, int32_t partition) {
    struct partition_key key;

    memset(&key, 0, sizeof(key)); /* the padding, too */
    key.partition = partition;
    memcpy(key.topic, topic, strnlen(topic, PARTITION_KEY_TOPIC_MAX));
    return key;
}

#endif

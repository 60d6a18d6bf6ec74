#include "broker/journal/coordinator_key.h"

#define REPLACEMENT_CHARACTER 0xFFFDu

/* Takes one code point off `text`, which is not empty. What is not UTF-8 counts byte for byte as a
 * replacement character, as in Java. */
static uint32_t next_code_point(struct bytes *text) {
    static const uint32_t smallest[] = {0, 0x80, 0x800, 0x10000};
    uint8_t first = text->data[0];
    size_t more = first < 0x80 ? 0 : first < 0xE0 ? 1 : first < 0xF0 ? 2 : 3;
    uint32_t code = more == 0 ? first : first & (0x3Fu >> more);
    bool valid = (first < 0x80 || (first >= 0xC2 && first < 0xF5)) && more < text->size;

    for (size_t i = 1; valid && i <= more; i++) {
        valid = (text->data[i] & 0xC0) == 0x80;
        code = code << 6 | (text->data[i] & 0x3Fu);
    }
    if (!valid || code < smallest[more] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) {
        code = REPLACEMENT_CHARACTER;
        more = 0;
    }
    text->data += more + 1;
    text->size -= more + 1;
    return code;
}

/* String.hashCode: over UTF-16 code units, wrapping. */
static uint32_t java_hash(struct bytes text) {
    uint32_t hash = 0;

    while (text.size > 0) {
        uint32_t code = next_code_point(&text);
        if (code >= 0x10000) {
            hash = 31 * hash + (0xD800u + ((code - 0x10000) >> 10));
            code = 0xDC00u + ((code - 0x10000) & 0x3FF);
        }
        hash = 31 * hash + code;
    }
    return hash;
}

/* Kafka's Utils.abs, where the smallest integer becomes 0. */
int32_t coordinator_partition(struct bytes key, int32_t partition_count) {
    uint32_t hash = java_hash(key);

    if (hash == 0x80000000u)
        hash = 0;
    else if (hash > 0x80000000u)
        hash = 0u - hash;
    return (int32_t)(hash % (uint32_t)partition_count);
}

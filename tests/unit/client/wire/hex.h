/*
 * Bytes written as hexadecimal digits, for byte vectors in tests. Blanks and '|' only separate;
 * text in quotes stands for itself: "0004 'abcd' | 00".
 */
#ifndef TESTS_UNIT_CLIENT_WIRE_HEX_H
#define TESTS_UNIT_CLIENT_WIRE_HEX_H

#include "client/base/bytes.h"
#include "client/base/check.h"

#define HEX_BYTES_MAX 1024

struct hex {
    uint8_t data[HEX_BYTES_MAX];
    size_t size;
};

static inline uint8_t hex_digit(char c) {
    CHECK((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'));
    return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static inline void hex_parse(struct hex *hex, const char *text) {
    hex->size = 0;
    while (*text != '\0') {
        CHECK(hex->size < sizeof(hex->data));
        if (*text == ' ' || *text == '|') {
            text++;
        } else if (*text == '\'') {
            for (text++; *text != '\''; text++) {
                CHECK(*text != '\0' && hex->size < sizeof(hex->data));
                hex->data[hex->size++] = (uint8_t)*text;
            }
            text++;
        } else {
            hex->data[hex->size++] = (uint8_t)(hex_digit(text[0]) << 4 | hex_digit(text[1]));
            text += 2;
        }
    }
}

/* For initialisers. */
static inline struct hex hex_of(const char *text) {
    struct hex hex;

    hex_parse(&hex, text);
    return hex;
}

static inline struct bytes hex_bytes(const struct hex *hex) {
    return bytes_of(hex->data, hex->size);
}

#endif

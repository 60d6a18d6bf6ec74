#include "ops/output/json_bytes.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static char *base64(const uint8_t *data, size_t size) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *text = malloc((size + 2) / 3 * 4 + 1);
    char *to = text;

    for (size_t i = 0; text != NULL && i < size; i += 3) {
        size_t left = size - i;
        uint32_t group = (uint32_t)data[i] << 16 | (left > 1 ? (uint32_t)data[i + 1] << 8 : 0) |
                         (left > 2 ? data[i + 2] : 0);

        *to++ = digits[group >> 18];
        *to++ = digits[group >> 12 & 63];
        *to++ = left > 1 ? digits[group >> 6 & 63] : '=';
        *to++ = left > 2 ? digits[group & 63] : '=';
    }
    if (text != NULL)
        *to = '\0';
    return text;
}

void json_set_bytes(json_t *object, const char *name, const void *data, size_t size) {
    char other_name[64];
    json_t *text;
    char *encoded;

    if (data == NULL) {
        json_object_set_new(object, name, json_null());
        return;
    }
    text = json_stringn(data, size);
    if (text != NULL) {
        json_object_set_new(object, name, text);
        return;
    }
    encoded = base64(data, size);
    snprintf(other_name, sizeof(other_name), "%sBase64", name);
    if (encoded != NULL)
        json_object_set_new(object, other_name, json_string(encoded));
    free(encoded);
}

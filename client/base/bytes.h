/*
 * A view of bytes or of a string that somebody else owns.
 *
 * `data == NULL` means null, which the protocol tells from empty. A view of a string carries no
 * terminating zero. Valid as long as its owner says; a decoded message's views live as long as
 * the request buffer and arena they were decoded from.
 */
#ifndef CLIENT_BASE_BYTES_H
#define CLIENT_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
    const uint8_t *data;
    size_t size;
};

#define BYTES_NULL ((struct bytes){NULL, 0})

static inline struct bytes bytes_of(const void *data, size_t size) {
    return (struct bytes){(const uint8_t *)data, size};
}

/* A view of a C string without its zero; NULL gives null. */
static inline struct bytes bytes_of_text(const char *text) {
    return text == NULL ? BYTES_NULL : bytes_of(text, strlen(text));
}

static inline bool bytes_is_null(struct bytes b) {
    return b.data == NULL;
}

/* Null equals only null. */
static inline bool bytes_equal(struct bytes a, struct bytes b) {
    if (a.data == NULL || b.data == NULL)
        return a.data == b.data;
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline bool bytes_equal_text(struct bytes a, const char *text) {
    return bytes_equal(a, bytes_of_text(text));
}

/* For printf's "%.*s". */
#define BYTES_FORMAT(b) (int)(b).size, (b).data == NULL ? "" : (const char *)(b).data

#endif

/*
 * The offsets of one partition that are being worked on: up to where all work has ended, whatever
 * the order in which it ends. Pure.
 */
#ifndef CLIENT_PATTERNS_OFFSET_BOOK_H
#define CLIENT_PATTERNS_OFFSET_BOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/base/check.h"
#include "client/base/error.h"

struct offset_line {
    int64_t offset;
    bool ended;
};

/* Lines are ascending; the first, if there is one, has not ended. */
struct offset_book {
    struct offset_line *lines; /* a ring */
    size_t capacity;           /* a power of two, or 0 */
    size_t first;
    size_t count;
    int64_t next; /* behind the last that was begun; -1: none was */
};

void offset_book_init(struct offset_book *book);
void offset_book_done(struct offset_book *book);

/* Larger than all before. OUT_OF_MEMORY: it was not begun. */
MUST_CHECK enum error offset_book_begin(struct offset_book *book, int64_t offset);

/* One that was begun and has not ended. */
void offset_book_end(struct offset_book *book, int64_t offset);

/* The first offset whose work has not ended, or the one behind all; -1 if none was begun. */
int64_t offset_book_committable(const struct offset_book *book);

static inline bool offset_book_is_idle(const struct offset_book *book) {
    return book->count == 0;
}

#endif

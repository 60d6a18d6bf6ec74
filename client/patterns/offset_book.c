#include "client/patterns/offset_book.h"

#include <stdlib.h>

#define CAPACITY_FIRST 64

void offset_book_init(struct offset_book *book) {
    *book = (struct offset_book){.next = -1};
}

void offset_book_done(struct offset_book *book) {
    free(book->lines);
    offset_book_init(book);
}

static struct offset_line *line_at(const struct offset_book *book, size_t index) {
    return &book->lines[(book->first + index) & (book->capacity - 1)];
}

static enum error grow(struct offset_book *book) {
    size_t capacity = book->capacity == 0 ? CAPACITY_FIRST : book->capacity * 2;
    struct offset_line *lines = calloc(capacity, sizeof(*lines));

    if (lines == NULL)
        return ERR_OUT_OF_MEMORY;
    for (size_t i = 0; i < book->count; i++)
        lines[i] = *line_at(book, i);
    free(book->lines);
    book->lines = lines;
    book->capacity = capacity;
    book->first = 0;
    return ERR_NONE;
}

enum error offset_book_begin(struct offset_book *book, int64_t offset) {
    enum error error;

    CHECK(offset >= book->next);
    if (book->count == book->capacity && (error = grow(book)) != ERR_NONE)
        return error;
    *line_at(book, book->count++) = (struct offset_line){offset, false};
    book->next = offset + 1;
    return ERR_NONE;
}

void offset_book_end(struct offset_book *book, int64_t offset) {
    size_t low = 0;
    size_t high = book->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (line_at(book, middle)->offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    CHECK(low < book->count && line_at(book, low)->offset == offset);
    CHECK(!line_at(book, low)->ended);
    line_at(book, low)->ended = true;
    while (book->count > 0 && line_at(book, 0)->ended) {
        book->first = (book->first + 1) & (book->capacity - 1);
        book->count--;
    }
}

int64_t offset_book_committable(const struct offset_book *book) {
    return book->count > 0 ? line_at(book, 0)->offset : book->next;
}

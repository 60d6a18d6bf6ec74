/*
 * A line that tells how far long work has come, on standard error, written over and over, a few
 * times a second. Only on a terminal: in files and pipes it says nothing.
 */
#ifndef OPS_OUTPUT_PROGRESS_H
#define OPS_OUTPUT_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    bool shown; /* there is a terminal */
    int64_t next_ms;
};

void progress_begin(struct progress *progress);

/* `total` 0: not known; then there is a count and no bar. `note` is printed behind it. */
void progress_tell(struct progress *progress, uint64_t done, uint64_t total, const char *note);

/* Takes the line away for now, so that another can be printed. */
void progress_clear(struct progress *progress);

/* Takes it away for good. */
void progress_end(struct progress *progress);

/* The bar by itself: "[####      ]", `width` characters between the brackets. Pure. `text` has room
 * for width + 3. */
void progress_bar(char *text, unsigned width, uint64_t done, uint64_t total);

#endif

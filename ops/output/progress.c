#include "ops/output/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BAR_WIDTH   30
#define INTERVAL_MS 200

static int64_t now_ms(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void progress_begin(struct progress *progress) {
    const char *terminal = getenv("TERM");

    progress->shown = isatty(STDERR_FILENO) && (terminal == NULL || strcmp(terminal, "dumb") != 0);
    progress->next_ms = 0;
}

void progress_bar(char *text, unsigned width, uint64_t done, uint64_t total) {
    unsigned filled = width;

    if (done < total)
        filled = (unsigned)((double)done / (double)total * width);
    text[0] = '[';
    memset(text + 1, '#', filled);
    memset(text + 1 + filled, ' ', width - filled);
    text[width + 1] = ']';
    text[width + 2] = '\0';
}

void progress_tell(struct progress *progress, uint64_t done, uint64_t total, const char *note) {
    char bar[BAR_WIDTH + 3];

    if (!progress->shown || now_ms() < progress->next_ms)
        return;
    progress->next_ms = now_ms() + INTERVAL_MS;
    if (total == 0) {
        fprintf(stderr, "\r\033[K%" PRIu64 "  %s", done, note);
    } else {
        progress_bar(bar, BAR_WIDTH, done, total);
        fprintf(stderr, "\r\033[K%s %3.0f %%  %s", bar,
                done < total ? (double)done / (double)total * 100 : 100.0, note);
    }
    fflush(stderr);
}

void progress_clear(struct progress *progress) {
    if (progress->shown && progress->next_ms != 0)
        fprintf(stderr, "\r\033[K");
    progress->next_ms = 0;
}

void progress_end(struct progress *progress) {
    progress_clear(progress);
    progress->shown = false;
}

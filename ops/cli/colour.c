#include "ops/cli/colour.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_wanted(FILE *out) {
    const char *none = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");

    return (none == NULL || none[0] == '\0') && terminal != NULL && strcmp(terminal, "dumb") != 0 &&
           isatty(fileno(out));
}

void colour_print(FILE *out, enum colour colour, const char *text) {
    if (is_wanted(out))
        fprintf(out, "\033[%dm%s\033[0m", (int)colour, text);
    else
        fputs(text, out);
}

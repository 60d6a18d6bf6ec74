/*
 * Colour for the word that matters, where somebody looks: on a terminal, unless NO_COLOR is set
 * (https://no-color.org) or TERM is "dumb". In files and pipes there is only the word.
 */
#ifndef OPS_CLI_COLOUR_H
#define OPS_CLI_COLOUR_H

#include <stdio.h>

enum colour { COLOUR_RED = 31, COLOUR_GREEN = 32 };

void colour_print(FILE *out, enum colour colour, const char *text);

#endif

/*
 * The commands, and a command line taken apart.
 *
 * Every command is one row: its words, its flags and what it does. The parser, the help and later
 * the completion and man pages are made from the rows. A new command is a new file that exports
 * its row, and a line in command_table.c.
 *
 *   barnabas [global flags] WORD [WORD] [flags] [operands]
 *
 * Global flags may stand anywhere; "--" ends the flags.
 */
#ifndef OPS_CLI_COMMAND_H
#define OPS_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "ops/cli/exit_status.h"

struct flag {
    char letter;          /* 0: none */
    const char *name;     /* without the dashes */
    const char *argument; /* what the help calls it; NULL: it takes none */
    const char *meaning;
};

struct invocation;

struct command {
    const char *group;    /* the first word */
    const char *verb;     /* the second; NULL: there is none */
    const char *operands; /* for the help */
    int operand_count_min;
    int operand_count_max;
    const char *meaning; /* one line */
    const char *details; /* more for the command's own help; may be NULL */
    const struct flag *flags;
    size_t flag_count;
    const char *result_kind; /* of what it reports (report.h); NULL: it prints its own */
    enum exit_status (*run)(const struct invocation *invocation);
};

/* One flag as it was given. */
struct given_flag {
    const struct flag *flag;
    const char *value; /* "" for flags without argument */
};

#define INVOCATION_FLAGS_MAX 256

struct invocation {
    const struct command *command; /* NULL: only global flags, or help was asked for */
    const char *group;             /* the first word; NULL if there is none */
    struct given_flag given[INVOCATION_FLAGS_MAX];
    size_t given_count;
    const char *const *operands;
    size_t operand_count;
    bool help;
};

extern const struct flag global_flags[];
extern const size_t global_flag_count;

extern const struct command *const commands[];
extern const size_t command_count;

/* Takes a command line apart; `argv` is put into another order and must outlive the invocation.
 * False if it makes no sense; then `problem` says why. Not for several threads (getopt). */
bool invocation_parse(struct invocation *invocation, int argc, char **argv, char *problem,
                      size_t problem_size);

/* The last value given for the flag, or `otherwise`. */
const char *invocation_value(const struct invocation *invocation, const char *name,
                             const char *otherwise);
bool invocation_has(const struct invocation *invocation, const char *name);

/* The `index`-th value given for the flag; NULL past the last. */
const char *invocation_value_at(const struct invocation *invocation, const char *name,
                                size_t index);

/* A whole number in [min, max]; a complaint goes to standard error. */
bool invocation_number(const struct invocation *invocation, const char *name, int64_t min,
                       int64_t max, int64_t otherwise, int64_t *number);

/* By its words; `verb` is NULL for a command of one word. NULL if there is none. */
const struct command *command_find(const char *group, const char *verb);
bool command_group_exists(const char *group);

/* One command with its flags; or the commands that begin with a word, or all of them. */
void help_print(FILE *out, const struct command *command, const char *group);

#endif

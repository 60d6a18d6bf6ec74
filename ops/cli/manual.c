/*
 * manual: the manual pages of all commands, made from their rows, and of the client's settings,
 * from the library's table: so they cannot fall behind. In mdoc, which groff and mandoc read.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <barnabas/base.h>

#include "ops/cli/command.h"
#include "ops/cli/command_table.h"

#define PAGE_DATE "November 29, 2026"

/* --- text -------------------------------------------------------------------------------- */

static bool sentence_ends(const char *text, size_t size) {
    return size > 2 && strchr(".:?", text[0]) != NULL && text[1] == ' ' && text[2] >= 'A' &&
           text[2] <= 'Z';
}

/* Without the meaning that characters have for roff. What is filled begins a line with each
 * sentence, so that roff knows where they end. */
static void print_text(FILE *out, const char *text, size_t size, bool filled) {
    bool line_begins = true;

    for (size_t i = 0; i < size; i++) {
        if (line_begins && (text[i] == '.' || text[i] == '\''))
            fputs("\\&", out);
        if (text[i] == '\\')
            fputs("\\e", out);
        else if (text[i] == '-')
            fputs("\\-", out);
        else
            putc(text[i], out);
        if (filled && sentence_ends(text + i, size - i)) {
            putc('\n', out);
            i++; /* the blank */
        }
        line_begins = text[i] == '\n';
    }
}

/* Ends its line. */
static void print_line(FILE *out, const char *text) {
    print_text(out, text, strlen(text), true);
    putc('\n', out);
}

/* The details of a command: an empty line ends a paragraph, an indented line stays as it is. */
static void print_details(FILE *out, const char *details) {
    bool literal = false;
    bool parted = false;

    while (*details != '\0') {
        size_t size = strcspn(details, "\n");
        bool indented = size > 0 && details[0] == ' ';

        if (indented != literal && size > 0) {
            fputs(indented ? ".Bd -literal\n" : ".Ed\n", out);
            literal = indented;
        }
        if (size > 0) {
            if (parted && !literal)
                fputs(".Pp\n", out);
            print_text(out, details, size, !literal);
            putc('\n', out);
        }
        parted = size == 0;
        details += size + (details[size] == '\n');
    }
    if (literal)
        fputs(".Ed\n", out);
}

static void print_flags(FILE *out, const struct flag *flags, size_t count) {
    fputs(".Bl -tag -width Ds\n", out);
    for (size_t i = 0; i < count; i++) {
        fputs(".It ", out);
        if (flags[i].letter != 0)
            fprintf(out, "Fl %c , ", flags[i].letter);
        fprintf(out, "Fl \\-%s", flags[i].name);
        if (flags[i].argument != NULL)
            fprintf(out, " Ar %s", flags[i].argument);
        putc('\n', out);
        print_line(out, flags[i].meaning);
    }
    fputs(".El\n", out);
}

static void print_statuses(FILE *out) {
    fputs(".Sh EXIT STATUS\n.Bl -tag -width Ds\n", out);
    for (size_t i = 0; i < exit_status_row_count; i++) {
        fprintf(out, ".It %d\n", exit_status_rows[i].status);
        print_line(out, exit_status_rows[i].meaning);
    }
    fputs(".El\n", out);
}

/* --- pages ------------------------------------------------------------------------------- */

static void page_name(const struct command *command, char *name, size_t size) {
    snprintf(name, size, "barnabas-%s%s%s", command->group, command->verb == NULL ? "" : "-",
             command->verb == NULL ? "" : command->verb);
}

static void print_head(FILE *out, const char *title, int section, const char *name,
                       const char *meaning) {
    fprintf(out, ".Dd %s\n.Dt %s %d\n.Os Barnabas %s\n.Sh NAME\n.Nm %s\n.Nd ", PAGE_DATE, title,
            section, barnabas_version(), name);
    print_line(out, meaning);
}

static void print_command(FILE *out, const struct command *command) {
    char name[128];

    page_name(command, name, sizeof(name));
    print_head(out, name, 1, name, command->meaning);
    fprintf(out, ".Sh SYNOPSIS\n.Nm barnabas\n.Cm %s\n", command->group);
    if (command->verb != NULL)
        fprintf(out, ".Cm %s\n", command->verb);
    if (command->flag_count > 0)
        fputs(".Op Ar flags\n", out);
    if (command->operands[0] != '\0')
        fprintf(out, ".Ar %s\n", command->operands);
    fputs(".Sh DESCRIPTION\n", out);
    print_line(out, command->meaning);
    if (command->details != NULL)
        print_details(out, command->details);
    if (command->flag_count > 0) {
        fputs(".Pp\nThe flags are:\n", out);
        print_flags(out, command->flags, command->flag_count);
    }
    fputs(".Pp\nFlags of all commands, and the meaning of the exit status:\n.Xr barnabas 1 .\n"
          ".Sh SEE ALSO\n.Xr barnabas 1 ,\n.Xr barnabas-config 5\n",
          out);
}

static void print_overview(FILE *out) {
    char name[128];

    print_head(out, "BARNABAS", 1, "barnabas", "works with a cluster that speaks Kafka's protocol");
    fputs(".Sh SYNOPSIS\n.Nm\n.Op Ar global flags\n.Ar command\n.Op Ar flags\n.Op Ar operands\n"
          ".Sh DESCRIPTION\nThe commands, each with a page of its own:\n.Bl -tag -width Ds\n",
          out);
    for (size_t i = 0; i < command_count; i++) {
        page_name(commands[i], name, sizeof(name));
        fprintf(out, ".It Xr %s 1\n", name);
        print_line(out, commands[i]->meaning);
    }
    fputs(".El\n.Pp\nGlobal flags may stand anywhere:\n", out);
    print_flags(out, global_flags, global_flag_count);
    fputs(".Sh ENVIRONMENT\n.Bl -tag -width Ds\n"
          ".It Ev BARNABAS_BOOTSTRAP\nbrokers to ask first, where no flag names them\n"
          ".It Ev BARNABAS_CONFIG\nthe file with contexts\n"
          ".It Ev NO_COLOR\nif it is set, nothing is coloured, on terminals neither\n.El\n"
          ".Sh FILES\n.Bl -tag -width Ds\n.It Pa ~/.config/barnabas/config\ncontexts: sections, "
          "each named after a cluster, with settings of\n.Xr barnabas-config 5\n.El\n",
          out);
    print_statuses(out);
    fputs(".Sh SEE ALSO\n.Xr barnabas-config 5\n", out);
}

static void print_settings(FILE *out) {
    struct barnabas_config_key key;

    print_head(out, "BARNABAS-CONFIG", 5, "barnabas-config",
               "settings of clients of libbarnabas, also for barnabas -X");
    fputs(".Sh DESCRIPTION\nNames, values and defaults are those of Kafka's clients where these "
          "have the setting.\n.Bl -tag -width Ds\n",
          out);
    for (size_t i = 0; barnabas_config_describe(i, &key); i++) {
        fprintf(out, ".It Va %s\n", key.key);
        print_line(out, key.meaning);
        if (strcmp(key.kind, "number") == 0)
            fprintf(out, "A number from %" PRId64 " to %" PRId64 ".\n", key.min, key.max);
        else if (key.choices[0] != '\0')
            fprintf(out, "One of %s.\n", key.choices);
        if (key.default_value[0] != '\0')
            fprintf(out, "Default: %s.\n", key.default_value);
    }
    fputs(".El\n.Sh SEE ALSO\n.Xr barnabas 1\n", out);
}

/* --- files ------------------------------------------------------------------------------- */

static FILE *page_open(const char *folder, const char *name, int section) {
    char path[4096];
    FILE *out;

    snprintf(path, sizeof(path), "%s/%s.%d", folder, name, section);
    out = fopen(path, "we");
    if (out == NULL)
        fprintf(stderr, "barnabas: %s: %s\n", path, strerror(errno));
    return out;
}

static bool page_close(FILE *out) {
    bool failed = ferror(out) != 0;

    if (fclose(out) == 0 && !failed)
        return true;
    fprintf(stderr, "barnabas: a page cannot be written: %s\n", strerror(errno));
    return false;
}

static enum exit_status run_manual(const struct invocation *invocation) {
    const char *folder = invocation->operands[0];
    FILE *out = page_open(folder, "barnabas", 1);
    char name[128];

    if (out == NULL)
        return EXIT_FAILED;
    print_overview(out);
    if (!page_close(out) || (out = page_open(folder, "barnabas-config", 5)) == NULL)
        return EXIT_FAILED;
    print_settings(out);
    if (!page_close(out))
        return EXIT_FAILED;
    for (size_t i = 0; i < command_count; i++) {
        page_name(commands[i], name, sizeof(name));
        if ((out = page_open(folder, name, 1)) == NULL)
            return EXIT_FAILED;
        print_command(out, commands[i]);
        if (!page_close(out))
            return EXIT_FAILED;
    }
    return EXIT_OK;
}

const struct command command_manual = {
    .group = "manual",
    .operands = "FOLDER",
    .operand_count_min = 1,
    .operand_count_max = 1,
    .meaning = "write the manual pages of all commands into a folder",
    .run = run_manual,
};

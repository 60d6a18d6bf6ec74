#include "ops/cli/command.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* getopt_long's values for flags: beyond any letter. */
#define FLAG_VALUE_FIRST 1000
#define FLAG_COUNT_MAX   64

#define NAME_WIDTH 34 /* of the column of commands */

const struct flag global_flags[] = {
    {'b', "bootstrap", "HOST:PORT,...",
     "brokers to ask first; else BARNABAS_BOOTSTRAP, the context's, 127.0.0.1:9092"},
    {0, "context", "NAME", "a cluster of the file with contexts (~/.config/barnabas/config)"},
    {'X', "set", "KEY=VALUE", "any client setting, by Kafka's name; may be repeated"},
    {'o', "output", "table|json", "how results are printed"},
    {0, "timeout", "SECONDS", "how long to wait for the cluster (30)"},
    {'v', "verbose", NULL, "tell on standard error what the client does"},
    {'y', "yes", NULL, "do not ask before something is changed"},
    {'h', "help", NULL, "what the command does and takes"},
};
const size_t global_flag_count = sizeof(global_flags) / sizeof(global_flags[0]);

/* The flags that hold at a place of the command line, as getopt_long wants them. */
struct flag_set {
    const struct flag *flags[FLAG_COUNT_MAX];
    size_t count;
    struct option options[FLAG_COUNT_MAX + 1];
    char letters[2 * FLAG_COUNT_MAX + 3];
};

static void flag_set_add(struct flag_set *set, const struct flag *flags, size_t count) {
    for (size_t i = 0; i < count && set->count < FLAG_COUNT_MAX; i++) {
        size_t end = strlen(set->letters);

        set->options[set->count] = (struct option){
            .name = flags[i].name,
            .has_arg = flags[i].argument == NULL ? no_argument : required_argument,
            .val = FLAG_VALUE_FIRST + (int)set->count,
        };
        if (flags[i].letter != 0)
            snprintf(set->letters + end, sizeof(set->letters) - end, "%c%s", flags[i].letter,
                     flags[i].argument == NULL ? "" : ":");
        set->flags[set->count++] = &flags[i];
    }
}

static const struct flag *flag_set_find(const struct flag_set *set, int value) {
    if (value >= FLAG_VALUE_FIRST)
        return set->flags[value - FLAG_VALUE_FIRST];
    for (size_t i = 0; i < set->count; i++)
        if (set->flags[i]->letter == value)
            return set->flags[i];
    return NULL;
}

/* Takes the flags from argv[1] on; optind is left at the first operand. */
static bool flags_parse(struct invocation *invocation, const struct flag_set *set, int argc,
                        char **argv, char *problem, size_t problem_size) {
    int value;

    opterr = 0;
    optind = 0; /* GNU: start anew */
    while ((value = getopt_long(argc, argv, set->letters, set->options, NULL)) != -1) {
        const struct flag *flag;

        if (value == '?' || value == ':') {
            if (value == ':')
                snprintf(problem, problem_size, "%s needs a value", argv[optind - 1]);
            else if (optopt > 0 && optopt < FLAG_VALUE_FIRST)
                snprintf(problem, problem_size, "unknown flag -%c", optopt);
            else
                snprintf(problem, problem_size, "unknown flag %s", argv[optind - 1]);
            return false;
        }
        flag = flag_set_find(set, value);
        if (invocation->given_count == INVOCATION_FLAGS_MAX) {
            snprintf(problem, problem_size, "too many flags");
            return false;
        }
        invocation->given[invocation->given_count++] =
            (struct given_flag){flag, flag->argument == NULL ? "" : optarg};
    }
    return true;
}

const struct command *command_find(const char *group, const char *verb) {
    for (size_t i = 0; i < command_count; i++) {
        const struct command *command = commands[i];

        if (strcmp(command->group, group) != 0 || (command->verb == NULL) != (verb == NULL))
            continue;
        if (verb == NULL || strcmp(command->verb, verb) == 0)
            return command;
    }
    return NULL;
}

bool command_group_exists(const char *group) {
    for (size_t i = 0; i < command_count; i++)
        if (strcmp(commands[i]->group, group) == 0)
            return true;
    return false;
}

static void verbs_of(const char *group, char *text, size_t size) {
    size_t used = 0;

    text[0] = '\0';
    for (size_t i = 0; i < command_count && used < size; i++)
        if (strcmp(commands[i]->group, group) == 0)
            used += (size_t)snprintf(text + used, size - used, "%s%s", used == 0 ? "" : ", ",
                                     commands[i]->verb);
}

static bool operands_check(const struct invocation *invocation, char *problem,
                           size_t problem_size) {
    const struct command *command = invocation->command;

    if (invocation->operand_count < (size_t)command->operand_count_min) {
        snprintf(problem, problem_size, "needs %s", command->operands);
        return false;
    }
    if (invocation->operand_count > (size_t)command->operand_count_max) {
        snprintf(problem, problem_size, "does not know what to do with \"%s\"",
                 invocation->operands[command->operand_count_max]);
        return false;
    }
    return true;
}

/* Takes the flags in front of the next word, and moves to that. */
static bool word_next(struct invocation *invocation, int *argc, char ***argv, char *problem,
                      size_t problem_size) {
    struct flag_set flags = {.letters = "+:"}; /* stops at the first word */

    flag_set_add(&flags, global_flags, global_flag_count);
    if (!flags_parse(invocation, &flags, *argc, *argv, problem, problem_size))
        return false;
    *argc -= optind;
    *argv += optind;
    return true;
}

/* The second word of a command whose first is `group`. */
static bool verb_choose(struct invocation *invocation, const char *group, const char *verb,
                        char *problem, size_t problem_size) {
    char verbs[256];

    verbs_of(group, verbs, sizeof(verbs));
    if (verb == NULL) {
        snprintf(problem, problem_size, "%s what? One of: %s", group, verbs);
        return false;
    }
    invocation->command = command_find(group, verb);
    if (invocation->command != NULL)
        return true;
    snprintf(problem, problem_size, "unknown command \"%s %s\"; there are: %s", group, verb, verbs);
    return false;
}

bool invocation_parse(struct invocation *invocation, int argc, char **argv, char *problem,
                      size_t problem_size) {
    struct flag_set flags = {.letters = ":"};
    const char *group;

    memset(invocation, 0, sizeof(*invocation));
    if (!word_next(invocation, &argc, &argv, problem, problem_size))
        return false;
    invocation->help = invocation_has(invocation, "help") || argc == 0;
    if (argc == 0)
        return true;
    group = argv[0];
    invocation->group = group;
    invocation->command = command_find(group, NULL);
    if (invocation->command == NULL && !command_group_exists(group)) {
        snprintf(problem, problem_size, "unknown command \"%s\"; see barnabas help", group);
        return false;
    }
    if (invocation->command == NULL && !word_next(invocation, &argc, &argv, problem, problem_size))
        return false;
    invocation->help = invocation_has(invocation, "help");
    if (invocation->command == NULL && argc == 0 && invocation->help)
        return true;
    if (invocation->command == NULL &&
        !verb_choose(invocation, group, argv[0], problem, problem_size))
        return false;
    flag_set_add(&flags, global_flags, global_flag_count);
    flag_set_add(&flags, invocation->command->flags, invocation->command->flag_count);
    /* The last word stands where getopt expects the program's name. */
    if (!flags_parse(invocation, &flags, argc, argv, problem, problem_size))
        return false;
    invocation->operands = (const char *const *)(argv + optind);
    invocation->operand_count = (size_t)(argc - optind);
    invocation->help = invocation_has(invocation, "help");
    return invocation->help || operands_check(invocation, problem, problem_size);
}

const char *invocation_value_at(const struct invocation *invocation, const char *name,
                                size_t index) {
    for (size_t i = 0; i < invocation->given_count; i++)
        if (strcmp(invocation->given[i].flag->name, name) == 0 && index-- == 0)
            return invocation->given[i].value;
    return NULL;
}

const char *invocation_value(const struct invocation *invocation, const char *name,
                             const char *otherwise) {
    for (size_t i = invocation->given_count; i > 0; i--)
        if (strcmp(invocation->given[i - 1].flag->name, name) == 0)
            return invocation->given[i - 1].value;
    return otherwise;
}

bool invocation_has(const struct invocation *invocation, const char *name) {
    return invocation_value(invocation, name, NULL) != NULL;
}

bool invocation_number(const struct invocation *invocation, const char *name, int64_t min,
                       int64_t max, int64_t otherwise, int64_t *number) {
    const char *text = invocation_value(invocation, name, NULL);
    intmax_t value;
    char *end;

    *number = otherwise;
    if (text == NULL)
        return true;
    errno = 0;
    value = strtoimax(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < min || value > max) {
        fprintf(stderr, "barnabas: --%s %s: not a number from %" PRId64 " to %" PRId64 "\n", name,
                text, min, max);
        return false;
    }
    *number = value;
    return true;
}

static void flags_print(FILE *out, const struct flag *flags, size_t count) {
    for (size_t i = 0; i < count; i++) {
        char left[64];

        snprintf(left, sizeof(left), "%c%c%s--%s%s%s", flags[i].letter == 0 ? ' ' : '-',
                 flags[i].letter == 0 ? ' ' : flags[i].letter, flags[i].letter == 0 ? "  " : ", ",
                 flags[i].name, flags[i].argument == NULL ? "" : " ",
                 flags[i].argument == NULL ? "" : flags[i].argument);
        fprintf(out, "  %-34s %s\n", left, flags[i].meaning);
    }
}

static void command_name(const struct command *command, char *text, size_t size) {
    snprintf(text, size, "%s%s%s%s%s", command->group, command->verb == NULL ? "" : " ",
             command->verb == NULL ? "" : command->verb, command->operands[0] == '\0' ? "" : " ",
             command->operands);
}

/* A name that does not fit into its column has a line of its own. */
static void row_print(FILE *out, const struct command *command) {
    char name[128];

    command_name(command, name, sizeof(name));
    if (strlen(name) > NAME_WIDTH)
        fprintf(out, "  %s\n  %-*s %s\n", name, NAME_WIDTH, "", command->meaning);
    else
        fprintf(out, "  %-*s %s\n", NAME_WIDTH, name, command->meaning);
}

static void command_print(FILE *out, const struct command *command) {
    char name[128];

    command_name(command, name, sizeof(name));
    fprintf(out, "usage: barnabas %s\n\n%s\n", name, command->meaning);
    if (command->details != NULL)
        fprintf(out, "%s", command->details);
    if (command->flag_count > 0) {
        fprintf(out, "\nflags:\n");
        flags_print(out, command->flags, command->flag_count);
    }
}

void help_print(FILE *out, const struct command *command, const char *group) {
    if (command != NULL) {
        command_print(out, command);
    } else {
        fprintf(out, "usage: barnabas [global flags] %s [flags] [operands]\n\ncommands:\n",
                group == NULL ? "COMMAND" : group);
        for (size_t i = 0; i < command_count; i++)
            if (group == NULL || strcmp(commands[i]->group, group) == 0)
                row_print(out, commands[i]);
        fprintf(out, "\n--help behind a command tells more of it.\n");
    }
    fprintf(out, "\nglobal flags:\n");
    flags_print(out, global_flags, global_flag_count);
    if (command != NULL || group != NULL)
        return;
    fprintf(out, "\nexit status:\n");
    for (size_t i = 0; i < exit_status_row_count; i++)
        fprintf(out, "  %d  %s\n", exit_status_rows[i].status, exit_status_rows[i].meaning);
}

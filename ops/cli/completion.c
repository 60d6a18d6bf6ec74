/*
 * completion: a script for bash or zsh that completes commands and flags, made from the table of
 * commands, so that it knows what this build knows. Names of topics and groups are asked of the
 * cluster while completing, for at most two seconds.
 */
#include <string.h>

#include "ops/cli/command.h"
#include "ops/cli/command_table.h"

static bool is_first_of_group(size_t index) {
    for (size_t i = 0; i < index; i++)
        if (strcmp(commands[i]->group, commands[index]->group) == 0)
            return false;
    return true;
}

static void print_flags(const struct flag *flags, size_t count) {
    for (size_t i = 0; i < count; i++) {
        printf(" --%s", flags[i].name);
        if (flags[i].letter != 0)
            printf(" -%c", flags[i].letter);
    }
}

/* Flags that take a value, after which no command's word comes. */
static void print_valued(const struct flag *flags, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (flags[i].argument == NULL)
            continue;
        printf("|--%s", flags[i].name);
        if (flags[i].letter != 0)
            printf("|-%c", flags[i].letter);
    }
}

/* What operands are names of, so that the cluster can be asked. */
static const char *operand_kind(const struct command *command) {
    if (strcmp(command->group, "group") == 0 && command->operand_count_max > 0)
        return "group";
    if (strncmp(command->operands, "TOPIC", 5) == 0 ||
        strncmp(command->operands, "[TOPIC", 6) == 0 ||
        (strcmp(command->group, "topic") == 0 && command->operand_count_max > 0 &&
         strcmp(command->verb, "create") != 0))
        return "topic";
    return "";
}

static void print_groups(void) {
    for (size_t i = 0; i < command_count; i++)
        if (is_first_of_group(i))
            printf(" %s", commands[i]->group);
}

static void print_verbs(void) {
    for (size_t i = 0; i < command_count; i++) {
        if (!is_first_of_group(i) || commands[i]->verb == NULL)
            continue;
        printf("    %s) words=\"", commands[i]->group);
        for (size_t j = i; j < command_count; j++)
            if (strcmp(commands[j]->group, commands[i]->group) == 0)
                printf(" %s", commands[j]->verb);
        printf("\" ;;\n");
    }
}

static void print_commands(void) {
    for (size_t i = 0; i < command_count; i++) {
        const struct command *command = commands[i];

        printf("    \"%s%s%s\") flags=\"", command->group, command->verb == NULL ? "" : " ",
               command->verb == NULL ? "" : command->verb);
        print_flags(command->flags, command->flag_count);
        printf("\"; kind=\"%s\" ;;\n", operand_kind(command));
    }
}

/* Works in zsh as well, through its bashcompinit. */
static void print_script(void) {
    printf("__barnabas_complete() {\n"
           "  local cur=\"${COMP_WORDS[COMP_CWORD]}\" group= verb= flags= kind= words= i skip=\n"
           "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
           "    if [ -n \"$skip\" ]; then skip=; continue; fi\n"
           "    case \"${COMP_WORDS[i]}\" in\n"
           "    ''");
    print_valued(global_flags, global_flag_count);
    for (size_t i = 0; i < command_count; i++)
        print_valued(commands[i]->flags, commands[i]->flag_count);
    printf(") skip=1 ;;\n"
           "    -*) ;;\n"
           "    *) if [ -z \"$group\" ]; then group=\"${COMP_WORDS[i]}\"\n"
           "       elif [ -z \"$verb\" ]; then verb=\"${COMP_WORDS[i]}\"; fi ;;\n"
           "    esac\n"
           "  done\n"
           "  case \"$group\" in\n"
           "    '') words=\"");
    print_groups();
    printf("\" ;;\n");
    print_verbs();
    printf("    *) verb= ;;\n"
           "  esac\n"
           "  case \"$group${verb:+ $verb}\" in\n");
    print_commands();
    printf("  esac\n"
           "  if [[ \"$cur\" == -* ]]; then words=\"$flags");
    print_flags(global_flags, global_flag_count);
    printf("\"\n"
           "  elif [ -n \"$kind\" ]; then\n"
           "    words=\"$(barnabas --timeout 2 \"$kind\" list 2>/dev/null | "
           "awk 'NR > 1 { print $1 }')\"\n"
           "  elif [ -n \"$verb\" ]; then words=\n"
           "  fi\n"
           "  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
           "}\n");
}

static enum exit_status run_completion(const struct invocation *invocation) {
    const char *shell = invocation->operands[0];
    bool zsh = strcmp(shell, "zsh") == 0;
    bool function = strcmp(shell, "zsh-function") == 0; /* a file for zsh's fpath */

    if (!zsh && !function && strcmp(shell, "bash") != 0) {
        fprintf(stderr, "barnabas: completion: none of bash, zsh, zsh-function: %s\n", shell);
        return EXIT_USAGE;
    }
    if (zsh)
        printf("autoload -Uz compinit bashcompinit && compinit && bashcompinit\n");
    if (function)
        printf("#compdef barnabas\nautoload -Uz bashcompinit && bashcompinit\n");
    print_script();
    /* What bashcompinit's own `complete` would bind to the command. */
    printf(function ? "_bash_complete -o default -F __barnabas_complete\n"
                    : "complete -o default -F __barnabas_complete barnabas\n");
    return EXIT_OK;
}

const struct command command_completion = {
    .group = "completion",
    .operands = "bash|zsh|zsh-function",
    .operand_count_min = 1,
    .operand_count_max = 1,
    .meaning = "print a script that completes commands in a shell",
    .details = "\nIn bash: source <(barnabas completion bash)\n",
    .run = run_completion,
};

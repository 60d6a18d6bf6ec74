/* help, version */
#include <barnabas/base.h>

#include "ops/cli/command.h"
#include "ops/cli/command_table.h"
#include "ops/cli/report.h"

static enum exit_status run_help(const struct invocation *invocation) {
    const char *group = invocation->operand_count > 0 ? invocation->operands[0] : NULL;
    const char *verb = invocation->operand_count > 1 ? invocation->operands[1] : NULL;
    const struct command *command = group == NULL ? NULL : command_find(group, verb);

    if (group != NULL && command == NULL && (verb != NULL || !command_group_exists(group))) {
        fprintf(stderr, "barnabas: there is no command \"%s%s%s\"; see barnabas help\n", group,
                verb == NULL ? "" : " ", verb == NULL ? "" : verb);
        return EXIT_USAGE;
    }
    help_print(stdout, command, group);
    return EXIT_OK;
}

static enum exit_status run_version(const struct invocation *invocation) {
    (void)invocation;
    report_tell(json_pack("{s:s}", "version", barnabas_version()), "barnabas %s",
                barnabas_version());
    return EXIT_OK;
}

const struct command command_help = {
    .group = "help",
    .operands = "[COMMAND]",
    .operand_count_max = 2,
    .meaning = "this list, or what one command does and takes",
    .run = run_help,
};

const struct command command_version = {
    .group = "version",
    .operands = "",
    .meaning = "which release this is",
    .result_kind = "Version",
    .run = run_version,
};

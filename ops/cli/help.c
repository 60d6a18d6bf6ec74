/* help, version */
#include <barnabas/base.h>

#include "ops/cli/command.h"
#include "ops/cli/command_table.h"
#include "ops/cli/report.h"

static enum exit_status run_help(const struct invocation *invocation) {
    (void)invocation;
    help_print(stdout, NULL);
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
    .operands = "",
    .meaning = "this list",
    .run = run_help,
};

const struct command command_version = {
    .group = "version",
    .operands = "",
    .meaning = "which release this is",
    .result_kind = "Version",
    .run = run_version,
};

#include <stdio.h>
#include <string.h>

#include "ops/cli/command.h"
#include "ops/cli/log.h"
#include "ops/cli/report.h"
#include "ops/cli/session.h"

static enum exit_status run(const struct invocation *invocation) {
    bool json;

    if (!session_json(invocation, &json))
        return EXIT_USAGE;
    if (invocation->command->result_kind != NULL)
        report_begin(invocation->command->result_kind, json);
    return report_end(invocation->command->run(invocation));
}

int main(int argc, char **argv) {
    static struct invocation invocation;
    enum exit_status status;
    char problem[512];

    if (argc > 1 && strcmp(argv[1], "log") == 0)
        return log_run(argc - 1, argv + 1);
    if (argc == 2 && strcmp(argv[1], "--version") == 0)
        argv[1] = "version";
    if (!invocation_parse(&invocation, argc, argv, problem, sizeof(problem))) {
        fprintf(stderr, "barnabas: ");
        if (invocation.command != NULL)
            fprintf(stderr, "%s%s%s: ", invocation.command->group,
                    invocation.command->verb == NULL ? "" : " ",
                    invocation.command->verb == NULL ? "" : invocation.command->verb);
        fprintf(stderr, "%s\n", problem);
        return EXIT_USAGE;
    }
    if (invocation.help) {
        help_print(stdout, invocation.command, invocation.group);
        return EXIT_OK;
    }
    status = run(&invocation);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "barnabas: standard output cannot be written\n");
        return EXIT_FAILED;
    }
    return (int)status;
}

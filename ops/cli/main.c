#include <stdio.h>
#include <string.h>

#include "ops/cli/command.h"
#include "ops/cli/log.h"

int main(int argc, char **argv) {
    static struct invocation invocation;
    enum exit_status status;
    char problem[512];

    if (argc > 1 && strcmp(argv[1], "log") == 0)
        return log_run(argc - 1, argv + 1);
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
        help_print(stdout, invocation.command);
        return EXIT_OK;
    }
    status = invocation.command->run(&invocation);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "barnabas: standard output cannot be written\n");
        return EXIT_FAILED;
    }
    return (int)status;
}

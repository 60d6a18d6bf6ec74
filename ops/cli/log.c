/* log: it needs what lies on disk, which this command does not know; a program beside it does. */
#include "ops/cli/log.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ops/cli/command.h"
#include "ops/cli/command_table.h"

#define PROGRAM "barnabas-log"

/* The folder of this program, with its last slash; empty if it is not to be found out. */
static void own_folder(char folder[PATH_MAX]) {
    ssize_t size = readlink("/proc/self/exe", folder, PATH_MAX - sizeof(PROGRAM));

    while (size > 0 && folder[size - 1] != '/')
        size--;
    folder[size > 0 ? size : 0] = '\0';
}

int log_run(int argc, char **argv) {
    char path[PATH_MAX];

    (void)argc;
    own_folder(path);
    memcpy(path + strlen(path), PROGRAM, sizeof(PROGRAM));
    execv(path, argv);
    execvp(PROGRAM, argv);
    fprintf(stderr, "barnabas: " PROGRAM " cannot be run: %s\n", strerror(errno));
    return EXIT_FAILED;
}

static enum exit_status run_log(const struct invocation *invocation) {
    (void)invocation;
    fprintf(stderr, "barnabas: log stands before all flags; see barnabas log --help\n");
    return EXIT_USAGE;
}

const struct command command_log = {
    .group = "log",
    .operands = "dump|verify|repair ...",
    .operand_count_max = INT_MAX,
    .meaning = "what lies in data directories, without a broker; see barnabas log --help",
    .details =
        "\n"
        "  barnabas log dump [--records] [--print-data-log] [--output table|json] FILE...\n"
        "  barnabas log verify [--output table|json] DIRECTORY...\n"
        "  barnabas log repair [--yes] [--output table|json] FOLDER...\n"
        "\n"
        "dump prints what .log, .index, .timeindex, .txnindex and .snapshot files hold. verify\n"
        "checks every file of data directories, or of folders of partitions, and changes none; it\n"
        "ends with 7 if anything is wrong. repair cuts off what is damaged, with all that comes\n"
        "behind it, and makes indexes, epochs and snapshots anew; without --yes it only tells.\n"
        "A data directory that a broker uses is refused.\n",
    .run = run_log,
};

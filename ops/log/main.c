/*
 * barnabas-log: looks into data directories that no broker uses, and mends them. `barnabas log`
 * runs it.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/log/disk.h"
#include "broker/log/log_repair.h"
#include "broker/log/log_verify.h"
#include "client/base/logger.h"
#include "ops/log/dump.h"
#include "ops/log/mending.h"
#include "ops/log/verification.h"

/* As those of the command `barnabas`. */
enum status {
    STATUS_OK = 0,
    STATUS_FAILED = 1,
    STATUS_USAGE = 2,
    STATUS_REFUSED = 4,
    STATUS_UNHEALTHY = 7
};

static const char usage[] =
    "barnabas log dump [--records] [--print-data-log] [--output table|json] FILE...\n"
    "    what .log, .index, .timeindex, .txnindex and .snapshot files hold, as kafka-dump-log\n"
    "    prints it; --records: every record, --print-data-log: with key and value\n"
    "barnabas log verify [--output table|json] DIRECTORY...\n"
    "    checks every file of data directories, or of folders of partitions, and changes none;\n"
    "    status 7 if anything is wrong\n"
    "barnabas log repair [--yes] [--output table|json] FOLDER...\n"
    "    mends folders of partitions: cuts what is damaged, with all that comes behind it, and\n"
    "    makes indexes, epochs and snapshots anew. What is cut off is lost, unless another "
    "replica\n"
    "    has it. Without --yes it only tells what is damaged\n"
    "\n"
    "verify and repair refuse a data directory that a broker uses.\n";

/* ---- dump ---- */

static enum status run_dump(struct dump *dump, char *const *files, bool is_json) {
    enum status status = STATUS_OK;

    dump->printer = is_json ? &dump_json : &dump_text;
    dump->printer->begin(dump);
    for (; *files != NULL; files++) {
        enum error error = dump_file(dump, *files);
        if (error == ERR_NONE)
            continue;
        fprintf(stderr, "barnabas log: %s: %s\n", *files,
                error == ERR_INVALID_REQUEST ? "no file that can be dumped, by its suffix"
                : error == ERR_DISK_FAILED   ? strerror(errno)
                                             : error_text(error));
        status = error == ERR_DISK_CORRUPT ? STATUS_UNHEALTHY : STATUS_FAILED;
    }
    dump->printer->end(dump, (int)status);
    return status;
}

/* ---- the directory's lock ---- */

/* Whoever uses a data directory locks its file .lock. Returns its descriptor, -1 if there is none,
 * -2 if another has it. */
static int lock_directory(const char *path) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char file[PATH_MAX];
    int fd;

    snprintf(file, sizeof(file), "%s/.lock", path);
    if ((fd = open(file, O_RDWR | O_CLOEXEC)) < 0)
        return -1;
    if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
        return fd;
    close(fd);
    return -2;
}

/* The directory itself, and the one it lies in: of which a data directory is one. */
static bool lock_both(const char *path, int locks[2]) {
    char parent[PATH_MAX];

    snprintf(parent, sizeof(parent), "%s/..", path);
    locks[0] = lock_directory(path);
    locks[1] = locks[0] == -2 ? -1 : lock_directory(parent);
    return locks[0] != -2 && locks[1] != -2;
}

static void unlock_both(const int locks[2]) {
    for (int i = 0; i < 2; i++) {
        if (locks[i] >= 0)
            close(locks[i]);
    }
}

/* ---- verify ---- */

static enum status verify_one(struct log_verify *verify, const char *path) {
    enum status status = STATUS_OK;
    int locks[2];
    enum error error;

    if (!lock_both(path, locks)) {
        fprintf(stderr, "barnabas log: %s: in use by a broker: stop it first\n", path);
        status = STATUS_REFUSED;
    } else if (access(path, R_OK) != 0) {
        fprintf(stderr, "barnabas log: %s: %s\n", path, strerror(errno));
        status = STATUS_FAILED;
    } else if ((error = log_verify_path(verify, path)) != ERR_NONE) {
        fprintf(stderr, "barnabas log: %s: %s\n", path, error_text(error));
        status = STATUS_FAILED;
    }
    unlock_both(locks);
    return status;
}

static enum status run_verify(char *const *paths, bool is_json) {
    struct verification verification;
    enum status status = STATUS_OK;

    verification_begin(&verification, is_json);
    for (; *paths != NULL && status == STATUS_OK; paths++)
        status = verify_one(&verification.verify, *paths);
    if (status == STATUS_OK && verification.verify.findings > 0)
        status = STATUS_UNHEALTHY;
    verification_end(&verification, (int)status);
    return status;
}

/* ---- repair ---- */

static enum status run_repair(char *const *paths, bool is_json) {
    struct mending mending;
    enum status status = STATUS_OK;
    int locks[2];

    mending_begin(&mending, is_json);
    for (; *paths != NULL && status == STATUS_OK; paths++) {
        if (!lock_both(*paths, locks)) {
            mending_refuse(&mending, *paths, "in use by a broker: stop it first");
            status = STATUS_REFUSED;
        } else if (!mending_repair(&mending, *paths)) {
            status = STATUS_FAILED;
        }
        unlock_both(locks);
    }
    mending_end(&mending, (int)status);
    return status;
}

/* ---- the command line ---- */

int main(int argc, char **argv) {
    static const struct option options[] = {
        {"records", no_argument, NULL, 'r'},
        {"deep-iteration", no_argument, NULL, 'r'},
        {"print-data-log", no_argument, NULL, 'p'},
        {"yes", no_argument, NULL, 'y'},
        {"help", no_argument, NULL, 'h'},
        {"output", required_argument, NULL, 'o'},
        {0},
    };
    struct dump dump = {.out = stdout};
    enum status status = STATUS_USAGE;
    bool is_json = false;
    bool yes = false;
    int option;

    logger_set_level(LOG_LEVEL_WARN);
    while ((option = getopt_long(argc, argv, "yho:", options, NULL)) != -1) {
        dump.records = dump.records || option == 'r' || option == 'p';
        dump.contents = dump.contents || option == 'p';
        yes = yes || option == 'y';
        is_json = is_json || (option == 'o' && strcmp(optarg, "json") == 0);
        if (option == 'h' || option == '?' ||
            (option == 'o' && strcmp(optarg, "json") != 0 && strcmp(optarg, "table") != 0)) {
            fputs(usage, option == 'h' ? stdout : stderr);
            return option == 'h' ? STATUS_OK : STATUS_USAGE;
        }
    }
    if (argc - optind >= 2 && strcmp(argv[optind], "dump") == 0)
        status = run_dump(&dump, argv + optind + 1, is_json);
    else if (argc - optind >= 2 &&
             (strcmp(argv[optind], "verify") == 0 || (strcmp(argv[optind], "repair") == 0 && !yes)))
        status = run_verify(argv + optind + 1, is_json);
    else if (argc - optind >= 2 && strcmp(argv[optind], "repair") == 0)
        status = run_repair(argv + optind + 1, is_json);
    else
        fputs(usage, stderr);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "barnabas log: standard output cannot be written\n");
        return STATUS_FAILED;
    }
    return (int)status;
}

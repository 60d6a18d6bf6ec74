/* partition move-dir */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ops/cli/command_table.h"
#include "ops/cli/log_sizes.h"
#include "ops/cli/partition_name.h"
#include "ops/cli/reassign_progress.h"
#include "ops/cli/report.h"
#include "ops/cli/session.h"
#include "ops/cli/table.h"
#include "ops/output/progress.h"

#define WHAT            "partition move-dir"
#define RATE            "replica.alter.log.dirs.io.max.bytes.per.second"
#define TEXT_SIZE       512
#define LOOK_EVERY_MS   1000
#define WAIT_MS_DEFAULT 3600000

static const struct flag move_flags[] = {
    {0, "broker", "ID", "the broker whose replicas move"},
    {0, "to", "PATH", "the directory, as the broker's log.dirs has it"},
    {0, "cancel", NULL, "the replicas stay where they are"},
    {0, "throttle", "BYTES", "let the broker copy no faster than so many bytes per second"},
    {0, "wait", NULL, "tell of the progress, and return when the replicas have moved"},
    {'n', "dry-run", NULL, "only show what would be changed"},
};

static enum exit_status usage(const char *problem) {
    fprintf(stderr, "barnabas: " WHAT ": %s\n", problem);
    return EXIT_USAGE;
}

static const struct barnabas_replica_log *find_replica(const struct barnabas_log_dir *dir,
                                                       const char *topic, int32_t partition,
                                                       bool is_future) {
    for (size_t i = 0; i < dir->replica_count; i++) {
        const struct barnabas_replica_log *log = &dir->replicas[i];
        if (log->is_future == is_future && log->partition == partition &&
            strcmp(log->topic, topic) == 0)
            return log;
    }
    return NULL;
}

/* The replica itself, wherever it is; `*dir` is where. */
static const struct barnabas_replica_log *find_current(const struct barnabas_log_dirs *dirs,
                                                       const char *topic, int32_t partition,
                                                       const struct barnabas_log_dir **dir) {
    for (size_t i = 0; i < dirs->count; i++) {
        const struct barnabas_replica_log *log =
            find_replica(&dirs->items[i], topic, partition, false);
        if (log != NULL) {
            *dir = &dirs->items[i];
            return log;
        }
    }
    return NULL;
}

/* ---- What is under way ---- */

static void add_row(struct table *table, int32_t broker_id, const struct barnabas_replica_log *log,
                    const char *from, const char *to, int64_t left) {
    char text[TEXT_SIZE];

    report_add(json_pack("{s:s, s:i, s:i, s:s?, s:s, s:I}", "topic", log->topic, "partitionIndex",
                         log->partition, "brokerId", broker_id, "from", from, "to", to, "bytesLeft",
                         (json_int_t)left));
    table_text(table, log->topic);
    table_number(table, log->partition);
    table_number(table, broker_id);
    table_text(table, from == NULL ? "-" : from);
    table_text(table, to);
    table_text(table, log_size_text(left, text, sizeof(text)));
}

static void add_rows(struct table *table, int32_t broker_id, const struct barnabas_log_dirs *dirs) {

    for (size_t d = 0; d < dirs->count; d++)
        for (size_t i = 0; i < dirs->items[d].replica_count; i++) {
            const struct barnabas_replica_log *log = &dirs->items[d].replicas[i];
            const struct barnabas_log_dir *from = NULL;
            const struct barnabas_replica_log *current;

            if (!log->is_future)
                continue;
            current = find_current(dirs, log->topic, log->partition, &from);
            add_row(table, broker_id, log, from == NULL ? NULL : from->path, dirs->items[d].path,
                    current == NULL || current->size < log->size ? 0 : current->size - log->size);
        }
}

static enum exit_status list(struct barnabas_admin *admin, int64_t timeout_ms) {
    struct table *table = table_new("TOPIC PARTITION# BROKER# FROM TO LEFT");
    struct barnabas_cluster *cluster = NULL;
    int error = table == NULL ? BARNABAS_OUT_OF_MEMORY
                              : barnabas_admin_describe_cluster(admin, timeout_ms, &cluster);
    enum exit_status status = EXIT_OK;

    for (size_t b = 0; error == BARNABAS_OK && b < cluster->broker_count; b++) {
        struct barnabas_log_dirs *dirs = NULL;
        error = barnabas_admin_describe_log_dirs(admin, cluster->brokers[b].id, timeout_ms, &dirs);
        if (error == BARNABAS_OK)
            add_rows(table, cluster->brokers[b].id, dirs);
        barnabas_log_dirs_free(dirs);
    }
    if (error != BARNABAS_OK)
        status = session_fail(WHAT, error);
    else if (!report_is_json())
        table_print(table, stdout);
    barnabas_cluster_free(cluster);
    table_free(table);
    return status;
}

/* ---- What is wanted ---- */

struct moves {
    struct barnabas_log_dirs *dirs; /* as they were; names and paths are theirs */
    struct barnabas_replica_place *places;
    size_t count;
    int64_t bytes;
};

static void moves_free(struct moves *moves) {
    barnabas_log_dirs_free(moves->dirs);
    free(moves->places);
}

static bool is_meant(const struct partition_name *name, const struct barnabas_replica_log *log) {
    return !log->is_future && strcmp(log->topic, name->topic) == 0 &&
           (name->partition == PARTITION_ALL || name->partition == log->partition);
}

static bool is_moving(const struct barnabas_log_dirs *dirs,
                      const struct barnabas_replica_log *log) {
    for (size_t i = 0; i < dirs->count; i++)
        if (find_replica(&dirs->items[i], log->topic, log->partition, true) != NULL)
            return true;
    return false;
}

/* The replicas of the name that are not at `to`; with NULL those that move, and where they are. */
static enum exit_status moves_make(struct moves *moves, const struct partition_name *name,
                                   const char *to) {
    size_t room = 1, found = 0;

    for (size_t d = 0; d < moves->dirs->count; d++)
        room += moves->dirs->items[d].replica_count;
    if ((moves->places = calloc(room, sizeof(*moves->places))) == NULL)
        return session_fail(WHAT, BARNABAS_OUT_OF_MEMORY);
    for (size_t d = 0; d < moves->dirs->count; d++) {
        const struct barnabas_log_dir *dir = &moves->dirs->items[d];
        for (size_t i = 0; i < dir->replica_count; i++) {
            const struct barnabas_replica_log *log = &dir->replicas[i];
            if (!is_meant(name, log))
                continue;
            found++;
            if (to == NULL ? !is_moving(moves->dirs, log) : strcmp(dir->path, to) == 0)
                continue;
            moves->places[moves->count++] = (struct barnabas_replica_place){
                log->topic, log->partition, to == NULL ? dir->path : to};
            moves->bytes += log->size;
        }
    }
    if (found > 0)
        return EXIT_OK;
    fprintf(stderr, "barnabas: " WHAT ": %s: the broker has no replica of it\n", name->topic);
    return EXIT_FAILED;
}

static void moves_print(const struct moves *moves) {
    char text[TEXT_SIZE];

    for (size_t i = 0; i < moves->count; i++) {
        const struct barnabas_replica_place *place = &moves->places[i];
        const struct barnabas_log_dir *from = NULL;
        const struct barnabas_replica_log *log =
            find_current(moves->dirs, place->topic, place->partition, &from);

        json_t *item = json_pack("{s:s, s:i, s:s, s:s, s:I}", "topic", place->topic,
                                 "partitionIndex", place->partition, "from", from->path, "to",
                                 place->path, "bytes", (json_int_t)log->size);

        if (strcmp(from->path, place->path) == 0)
            report_tell(item, "%s:%" PRId32 " stays in %s", place->topic, place->partition,
                        place->path);
        else
            report_tell(item, "%s:%" PRId32 " %s -> %s, %s", place->topic, place->partition,
                        from->path, place->path, log_size_text(log->size, text, sizeof(text)));
    }
}

/* ---- Waiting ---- */

static int64_t now_ms(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* How many have not arrived, and what is copied. */
static size_t look(const struct moves *moves, const struct barnabas_log_dirs *dirs,
                   struct reassign_progress *progress) {
    int64_t copied = 0, total = 0;
    size_t left = 0;

    for (size_t i = 0; i < moves->count; i++) {
        const struct barnabas_replica_place *place = &moves->places[i];
        const struct barnabas_log_dir *dir = NULL;
        const struct barnabas_replica_log *log =
            find_current(dirs, place->topic, place->partition, &dir);
        int64_t size = log == NULL ? 0 : log->size;
        bool is_there = dir != NULL && strcmp(dir->path, place->path) == 0;

        total += size;
        copied += is_there ? size : 0;
        left += is_there ? 0 : 1;
        for (size_t d = 0; d < dirs->count && !is_there; d++) {
            const struct barnabas_replica_log *future =
                find_replica(&dirs->items[d], place->topic, place->partition, true);
            if (future != NULL)
                copied += future->size < size ? future->size : size;
        }
    }
    reassign_progress_note(progress, now_ms(), copied, total);
    return left;
}

static void tell_progress(struct progress *bar, const struct reassign_progress *progress,
                          size_t left, size_t count) {
    char text[TEXT_SIZE];

    reassign_progress_text(progress, text, sizeof(text));
    if (bar->shown && left > 0) {
        progress_tell(bar, (uint64_t)progress->copied_bytes, (uint64_t)progress->total_bytes, text);
        return;
    }
    progress_clear(bar);
    report_tell(NULL, "%zu of %zu replicas under way: %s", left, count, text);
}

static enum exit_status wait_for_end(struct barnabas_admin *admin, int32_t broker_id,
                                     const struct moves *moves, int64_t timeout_ms,
                                     int64_t wait_ms) {
    const struct timespec pause = {LOOK_EVERY_MS / 1000, 0};
    struct reassign_progress progress = {.count = 0};
    int64_t deadline_ms = now_ms() + wait_ms;
    struct progress bar;

    progress_begin(&bar);
    while (now_ms() < deadline_ms) {
        struct barnabas_log_dirs *dirs = NULL;
        int error = barnabas_admin_describe_log_dirs(admin, broker_id, timeout_ms, &dirs);
        size_t left = error == BARNABAS_OK ? look(moves, dirs, &progress) : 0;

        barnabas_log_dirs_free(dirs);
        if (error != BARNABAS_OK) {
            progress_end(&bar);
            return session_fail(WHAT, error);
        }
        tell_progress(&bar, &progress, left, moves->count);
        if (left == 0)
            return EXIT_OK;
        nanosleep(&pause, NULL);
    }
    progress_end(&bar);
    fprintf(stderr, "barnabas: " WHAT ": still under way\n");
    return EXIT_TIMED_OUT;
}

/* ---- Changing ---- */

/* 0: none any more. */
static enum exit_status set_throttle(struct barnabas_admin *admin, int32_t broker_id, int64_t rate,
                                     int64_t timeout_ms) {
    struct barnabas_outcomes *outcomes = NULL;
    char name[16], value[32];
    const struct barnabas_setting_change change = {
        RATE, rate > 0 ? BARNABAS_SETTING_SET : BARNABAS_SETTING_DELETE, rate > 0 ? value : NULL};
    enum exit_status status;
    int error;

    snprintf(name, sizeof(name), "%" PRId32, broker_id);
    snprintf(value, sizeof(value), "%" PRId64, rate);
    error = barnabas_admin_alter_settings(admin, BARNABAS_RESOURCE_BROKER, name, &change, 1, false,
                                          timeout_ms, &outcomes);
    status = error == BARNABAS_OK ? session_outcomes(WHAT " --throttle", outcomes)
                                  : session_fail(WHAT " --throttle", error);
    barnabas_outcomes_free(outcomes);
    return status;
}

static enum exit_status begin(struct barnabas_admin *admin, int32_t broker_id,
                              const struct moves *moves, int64_t timeout_ms) {
    struct barnabas_outcomes *outcomes = NULL;
    int error = barnabas_admin_move_replicas(admin, broker_id, moves->places, moves->count,
                                             timeout_ms, &outcomes);
    enum exit_status status =
        error == BARNABAS_OK ? session_outcomes(WHAT, outcomes) : session_fail(WHAT, error);

    barnabas_outcomes_free(outcomes);
    return status;
}

static enum exit_status carry_out(const struct invocation *invocation, struct barnabas_admin *admin,
                                  int32_t broker_id, const struct moves *moves,
                                  int64_t timeout_ms) {
    bool waits = invocation_has(invocation, "wait") && !invocation_has(invocation, "cancel");
    enum exit_status status = EXIT_OK;
    int64_t rate, wait_ms;

    if (!invocation_number(invocation, "throttle", 1, INT64_MAX - 1, 0, &rate) ||
        !session_timeout_ms(invocation, WAIT_MS_DEFAULT, &wait_ms))
        return EXIT_USAGE;
    if (rate > 0)
        status = set_throttle(admin, broker_id, rate, timeout_ms);
    if (status == EXIT_OK)
        status = begin(admin, broker_id, moves, timeout_ms);
    if (status == EXIT_OK && waits)
        status = wait_for_end(admin, broker_id, moves, timeout_ms, wait_ms);
    else if (status == EXIT_OK && rate > 0)
        report_tell(NULL, "the throttle stays: " RATE " of broker %" PRId32, broker_id);
    if (status == EXIT_OK && waits && rate > 0)
        status = set_throttle(admin, broker_id, 0, timeout_ms);
    return status;
}

static enum exit_status change(const struct invocation *invocation, struct barnabas_admin *admin,
                               const struct partition_name *name, int32_t broker_id,
                               int64_t timeout_ms) {
    struct moves moves = {0};
    int error = barnabas_admin_describe_log_dirs(admin, broker_id, timeout_ms, &moves.dirs);
    enum exit_status status =
        error == BARNABAS_OK ? moves_make(&moves, name, invocation_value(invocation, "to", NULL))
                             : session_fail(WHAT, error);
    char question[TEXT_SIZE], text[64];

    if (status == EXIT_OK)
        moves_print(&moves);
    if (status == EXIT_OK && moves.count == 0)
        report_tell(NULL, "nothing to change");
    if (status == EXIT_OK && moves.count > 0 && !invocation_has(invocation, "dry-run")) {
        snprintf(question, sizeof(question), "%zu replicas of broker %" PRId32 ", %s.", moves.count,
                 broker_id, log_size_text(moves.bytes, text, sizeof(text)));
        status = session_confirm(invocation, question, NULL);
        if (status == EXIT_OK)
            status = carry_out(invocation, admin, broker_id, &moves, timeout_ms);
    }
    moves_free(&moves);
    return status;
}

static enum exit_status run_move_dir(const struct invocation *invocation) {
    bool has_to = invocation_has(invocation, "to");
    struct partition_name name;
    struct barnabas_admin *admin;
    enum exit_status status;
    int64_t broker_id, timeout_ms;

    if (!invocation_number(invocation, "broker", 0, INT32_MAX, -1, &broker_id))
        return EXIT_USAGE;
    if (invocation->operand_count == 0 && (has_to || broker_id >= 0))
        return usage("which partitions?");
    if (invocation->operand_count > 0 && !partition_name_parse(invocation->operands[0], &name))
        return usage("the operand is no TOPIC or TOPIC:PARTITION");
    if (invocation->operand_count > 0 && broker_id < 0)
        return usage("needs --broker");
    if (invocation->operand_count > 0 && has_to == invocation_has(invocation, "cancel"))
        return usage("needs --to or --cancel");
    if ((status = session_admin(invocation, &admin, &timeout_ms)) != EXIT_OK)
        return status;
    status = invocation->operand_count == 0
                 ? list(admin, timeout_ms)
                 : change(invocation, admin, &name, (int32_t)broker_id, timeout_ms);
    barnabas_admin_close(admin);
    return status;
}

const struct command command_partition_move_dir = {
    .group = "partition",
    .verb = "move-dir",
    .operands = "[TOPIC[:PARTITION]]",
    .operand_count_max = 1,
    .meaning = "move replicas between the directories of a broker, or see what is under way",
    .details =
        "Without operands it lists what is under way in the cluster, and what is LEFT to be\n"
        "copied. The replicas serve meanwhile. --throttle is the broker's setting\n" RATE
        ";\nit is removed when --wait returns.",
    .flags = move_flags,
    .flag_count = sizeof(move_flags) / sizeof(move_flags[0]),
    .result_kind = "ReplicaMove",
    .run = run_move_dir,
};

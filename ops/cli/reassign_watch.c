#include "ops/cli/reassign_watch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ops/cli/json.h"
#include "ops/cli/reassign_progress.h"
#include "ops/cli/report.h"
#include "ops/cli/session.h"
#include "ops/cli/table.h"
#include "ops/output/progress.h"

#define TEXT_SIZE     512
#define LOOK_EVERY_MS 250
#define TELL_EVERY_MS 1000

static int64_t now_ms(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool has(const int32_t *ids, size_t count, int32_t id) {
    for (size_t i = 0; i < count; i++)
        if (ids[i] == id)
            return true;
    return false;
}

static const struct barnabas_reassignment *find(const struct barnabas_reassignments *list,
                                                const char *topic, int32_t partition) {
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i].partition == partition && strcmp(list->items[i].topic, topic) == 0)
            return &list->items[i];
    return NULL;
}

static const char *ids_or_dash(const int32_t *ids, size_t count, char *text, size_t size) {
    return count == 0 ? "-" : broker_list_text(ids, count, text, size);
}

/* ---- How much there is ---- */

struct work {
    int64_t copied_bytes, total_bytes;
};

/* What new replicas have of one partition: as much as the largest, when they are in sync. */
static void add_work(struct work *work, const struct log_sizes *sizes, const char *topic,
                     int32_t partition, const int32_t *adding, size_t count, bool is_over) {
    int64_t size = log_sizes_largest(sizes, topic, partition);

    for (size_t i = 0; i < count; i++) {
        int64_t copied = log_sizes_of(sizes, topic, partition, adding[i]);

        work->total_bytes += size;
        work->copied_bytes += is_over || copied > size ? size : copied;
    }
}

static struct work work_of(const struct reassign_plan *plan,
                           const struct barnabas_reassignments *list,
                           const struct log_sizes *sizes) {
    struct work work = {0};

    for (size_t i = 0; i < plan->count; i++) {
        const struct barnabas_new_replicas *wanted = &plan->wanted[i];
        const struct barnabas_partition_info *before = plan->rows[i].now;
        bool is_over = find(list, wanted->topic, wanted->partition) == NULL;

        for (size_t r = 0; r < wanted->replica_count; r++)
            if (!has(before->replicas, before->replica_count, wanted->replicas[r]))
                add_work(&work, sizes, wanted->topic, wanted->partition, &wanted->replicas[r], 1,
                         is_over);
    }
    return work;
}

/* ---- What is under way ---- */

static void add_items(const struct barnabas_reassignments *list, const struct log_sizes *sizes) {
    for (size_t i = 0; i < list->count; i++) {
        const struct barnabas_reassignment *item = &list->items[i];
        struct work work = {0};

        add_work(&work, sizes, item->topic, item->partition, item->adding, item->adding_count,
                 false);
        report_add(json_pack("{s:s, s:i, s:o, s:o, s:o, s:I}", "topic", item->topic,
                             "partitionIndex", item->partition, "replicaNodes",
                             json_numbers(item->replicas, item->replica_count), "addingReplicas",
                             json_numbers(item->adding, item->adding_count), "removingReplicas",
                             json_numbers(item->removing, item->removing_count), "bytesLeft",
                             (json_int_t)(work.total_bytes - work.copied_bytes)));
    }
}

static enum exit_status print_list(const struct barnabas_reassignments *list,
                                   const struct log_sizes *sizes) {
    struct table *table = table_new("TOPIC PARTITION# REPLICAS ADDING REMOVING LEFT");
    char text[TEXT_SIZE];

    if (table == NULL)
        return session_fail("partition reassign", BARNABAS_OUT_OF_MEMORY);
    for (size_t i = 0; i < list->count; i++) {
        const struct barnabas_reassignment *item = &list->items[i];
        struct work work = {0};

        add_work(&work, sizes, item->topic, item->partition, item->adding, item->adding_count,
                 false);
        table_text(table, item->topic);
        table_number(table, item->partition);
        table_text(table,
                   broker_list_text(item->replicas, item->replica_count, text, sizeof(text)));
        table_text(table, ids_or_dash(item->adding, item->adding_count, text, sizeof(text)));
        table_text(table, ids_or_dash(item->removing, item->removing_count, text, sizeof(text)));
        table_text(table, log_size_text(work.total_bytes - work.copied_bytes, text, sizeof(text)));
    }
    table_print(table, stdout);
    table_free(table);
    return EXIT_OK;
}

enum exit_status reassign_list(struct barnabas_admin *admin, int64_t timeout_ms) {
    struct barnabas_reassignments *list = NULL;
    struct barnabas_cluster *cluster = NULL;
    struct log_sizes sizes = {0};
    enum exit_status status = EXIT_OK;
    int error = barnabas_admin_list_reassignments(admin, timeout_ms, &list);

    if (error == BARNABAS_OK && list->count > 0)
        error = barnabas_admin_describe_cluster(admin, timeout_ms, &cluster);
    if (error != BARNABAS_OK)
        status = session_fail("partition reassign", error);
    /* A broker that does not answer has moved nothing, as far as anybody knows. */
    if (status == EXIT_OK && cluster != NULL)
        (void)log_sizes_ask(admin, cluster, timeout_ms, &sizes);
    if (status == EXIT_OK && report_is_json())
        add_items(list, &sizes);
    else if (status == EXIT_OK)
        status = print_list(list, &sizes);
    log_sizes_free(&sizes);
    barnabas_cluster_free(cluster);
    barnabas_reassignments_free(list);
    return status;
}

/* ---- Waiting ---- */

struct watch {
    struct barnabas_admin *admin;
    const struct reassign_plan *plan;
    int64_t timeout_ms;
    size_t count_before;
    int64_t told_ms;
    struct reassign_progress progress;
    struct progress bar; /* instead of lines, on a terminal */
};

static size_t count_of(const struct barnabas_reassignments *list,
                       const struct reassign_plan *plan) {
    size_t count = 0;

    for (size_t i = 0; i < plan->count; i++)
        count += find(list, plan->wanted[i].topic, plan->wanted[i].partition) != NULL;
    return count;
}

static void tell(struct watch *watch, const struct barnabas_reassignments *list, size_t count) {
    struct log_sizes sizes = {0};
    char text[TEXT_SIZE];
    struct work work;

    /* Without an answer of a broker there is no true number. */
    if (log_sizes_ask(watch->admin, watch->plan->cluster, watch->timeout_ms, &sizes) ==
        BARNABAS_OK) {
        work = work_of(watch->plan, list, &sizes);
        reassign_progress_note(&watch->progress, now_ms(), work.copied_bytes, work.total_bytes);
        reassign_progress_text(&watch->progress, text, sizeof(text));
        if (watch->bar.shown)
            progress_tell(&watch->bar, (uint64_t)work.copied_bytes, (uint64_t)work.total_bytes,
                          text);
        else
            report_tell(NULL, "%zu of %zu partitions under way: %s", count, watch->plan->count,
                        text);
    }
    log_sizes_free(&sizes);
    watch->told_ms = now_ms();
}

/* How many are under way. */
static enum exit_status look(struct watch *watch, size_t *count) {
    struct barnabas_reassignments *list = NULL;
    int error = barnabas_admin_list_reassignments(watch->admin, watch->timeout_ms, &list);

    if (error != BARNABAS_OK)
        return session_fail("partition reassign", error);
    *count = count_of(list, watch->plan);
    if (*count != watch->count_before) {
        progress_clear(&watch->bar);
        report_tell(NULL, "%zu of %zu partitions under way", *count, watch->plan->count);
    }
    if (*count > 0 && now_ms() - watch->told_ms >= TELL_EVERY_MS &&
        watch->plan->wanted[0].replicas != NULL)
        tell(watch, list, *count);
    watch->count_before = *count;
    barnabas_reassignments_free(list);
    return EXIT_OK;
}

static enum exit_status watch_on(struct watch *watch, int64_t wait_ms) {
    const struct timespec pause = {0, LOOK_EVERY_MS * 1000000L};
    int64_t deadline_ms = now_ms() + wait_ms;

    while (now_ms() < deadline_ms) {
        size_t count = 0;
        enum exit_status status = look(watch, &count);

        if (status != EXIT_OK || count == 0)
            return status;
        nanosleep(&pause, NULL);
    }
    return EXIT_TIMED_OUT;
}

enum exit_status reassign_wait(struct barnabas_admin *admin, const struct reassign_plan *plan,
                               int64_t timeout_ms, int64_t wait_ms) {
    struct watch watch = {
        .admin = admin, .plan = plan, .timeout_ms = timeout_ms, .count_before = SIZE_MAX};
    enum exit_status status;

    progress_begin(&watch.bar);
    status = watch_on(&watch, wait_ms);
    progress_end(&watch.bar);
    if (status == EXIT_TIMED_OUT)
        fprintf(stderr, "barnabas: partition reassign: still under way\n");
    return status;
}

/* ---- Verifying ---- */

static bool is_as_wanted(const struct barnabas_partition_info *now,
                         const struct barnabas_new_replicas *wanted) {
    return now->replica_count == wanted->replica_count &&
           memcmp(now->replicas, wanted->replicas, now->replica_count * sizeof(*now->replicas)) ==
               0;
}

static bool verify_row(const struct reassign_plan *plan, size_t row,
                       const struct barnabas_reassignments *list) {
    const struct barnabas_new_replicas *wanted = &plan->wanted[row];
    const struct barnabas_partition_info *now = plan->rows[row].now;
    bool is_under_way = find(list, wanted->topic, wanted->partition) != NULL;
    bool is_done = !is_under_way && is_as_wanted(now, wanted);
    json_t *item = reassign_row_json(wanted, now);
    char text[TEXT_SIZE];

    json_object_set_new(item, "state",
                        json_string(is_under_way ? "under way"
                                    : is_done    ? "done"
                                                 : "not done"));
    if (is_under_way || is_done)
        report_tell(item, "%s:%" PRId32 " is %s", wanted->topic, wanted->partition,
                    is_done ? "done" : "under way");
    else
        report_tell(
            item, "%s:%" PRId32 " is not as wanted, and nothing is under way: its replicas are %s",
            wanted->topic, wanted->partition,
            broker_list_text(now->replicas, now->replica_count, text, sizeof(text)));
    return is_done;
}

enum exit_status reassign_verify(struct barnabas_admin *admin, const struct reassign_plan *plan,
                                 int64_t timeout_ms, bool *is_done) {
    struct barnabas_reassignments *list = NULL;
    int error = barnabas_admin_list_reassignments(admin, timeout_ms, &list);

    if (error != BARNABAS_OK)
        return session_fail("partition reassign", error);
    *is_done = true;
    for (size_t i = 0; i < plan->count; i++)
        *is_done = verify_row(plan, i, list) && *is_done;
    barnabas_reassignments_free(list);
    return EXIT_OK;
}

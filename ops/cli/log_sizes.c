#include "ops/cli/log_sizes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ops/cli/session.h"

static int compare(const void *left, const void *right) {
    const struct log_size *a = left, *b = right;
    int order = strcmp(a->topic, b->topic);

    if (order != 0)
        return order;
    if (a->partition != b->partition)
        return a->partition < b->partition ? -1 : 1;
    return (a->broker_id > b->broker_id) - (a->broker_id < b->broker_id);
}

static bool add_broker(struct log_sizes *sizes, int32_t broker_id,
                       const struct barnabas_log_dirs *dirs) {
    size_t count = sizes->count;
    struct log_size *rows;

    for (size_t i = 0; i < dirs->count; i++)
        count += dirs->items[i].replica_count;
    rows = reallocarray(sizes->rows, count + 1, sizeof(*rows));
    if (rows == NULL)
        return false;
    sizes->rows = rows;
    for (size_t i = 0; i < dirs->count; i++)
        for (size_t j = 0; j < dirs->items[i].replica_count; j++) {
            const struct barnabas_replica_log *log = &dirs->items[i].replicas[j];

            if (!log->is_future)
                rows[sizes->count++] =
                    (struct log_size){log->topic, log->partition, broker_id, log->size};
        }
    return true;
}

int log_sizes_ask(struct barnabas_admin *admin, const struct barnabas_cluster *cluster,
                  int64_t timeout_ms, struct log_sizes *sizes) {
    *sizes = (struct log_sizes){0};
    sizes->answers = calloc(cluster->broker_count + 1, sizeof(struct barnabas_log_dirs *));
    if (sizes->answers == NULL)
        return BARNABAS_OUT_OF_MEMORY;
    for (size_t i = 0; i < cluster->broker_count; i++) {
        struct barnabas_log_dirs **answer = &sizes->answers[sizes->answer_count];
        int error =
            barnabas_admin_describe_log_dirs(admin, cluster->brokers[i].id, timeout_ms, answer);

        if (error == BARNABAS_OK) {
            sizes->answer_count++;
            if (!add_broker(sizes, cluster->brokers[i].id, *answer))
                error = BARNABAS_OUT_OF_MEMORY;
        }
        if (error != BARNABAS_OK)
            return error;
    }
    if (sizes->count > 0)
        qsort(sizes->rows, sizes->count, sizeof(*sizes->rows), compare);
    return BARNABAS_OK;
}

enum exit_status log_sizes_read(struct barnabas_admin *admin,
                                const struct barnabas_cluster *cluster, int64_t timeout_ms,
                                struct log_sizes *sizes) {
    int error = log_sizes_ask(admin, cluster, timeout_ms, sizes);

    return error == BARNABAS_OK ? EXIT_OK : session_fail("log directories", error);
}

void log_sizes_free(struct log_sizes *sizes) {
    for (size_t i = 0; i < sizes->answer_count; i++)
        barnabas_log_dirs_free(sizes->answers[i]);
    free(sizes->answers);
    free(sizes->rows);
}

/* The first row that is not before this partition's. */
static size_t find(const struct log_sizes *sizes, const char *topic, int32_t partition) {
    const struct log_size wanted = {topic, partition, INT32_MIN, 0};
    size_t low = 0, high = sizes->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (compare(&sizes->rows[middle], &wanted) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_of(const struct log_sizes *sizes, size_t row, const char *topic, int32_t partition) {
    return row < sizes->count && sizes->rows[row].partition == partition &&
           strcmp(sizes->rows[row].topic, topic) == 0;
}

int64_t log_sizes_sum(const struct log_sizes *sizes, const char *topic, int32_t partition) {
    int64_t sum = 0;

    for (size_t i = find(sizes, topic, partition); is_of(sizes, i, topic, partition); i++)
        sum += sizes->rows[i].size;
    return sum;
}

int64_t log_sizes_largest(const struct log_sizes *sizes, const char *topic, int32_t partition) {
    int64_t largest = 0;

    for (size_t i = find(sizes, topic, partition); is_of(sizes, i, topic, partition); i++)
        if (sizes->rows[i].size > largest)
            largest = sizes->rows[i].size;
    return largest;
}

int64_t log_sizes_of(const struct log_sizes *sizes, const char *topic, int32_t partition,
                     int32_t broker_id) {
    for (size_t i = find(sizes, topic, partition); is_of(sizes, i, topic, partition); i++)
        if (sizes->rows[i].broker_id == broker_id)
            return sizes->rows[i].size;
    return 0;
}

const char *log_size_text(int64_t size, char *text, size_t text_size) {
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
    double value = (double)size;
    size_t unit = 0;

    while (value >= 1000 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        value /= 1000;
        unit++;
    }
    if (unit == 0)
        snprintf(text, text_size, "%" PRId64 " B", size);
    else
        snprintf(text, text_size, "%.1f %s", value, units[unit]);
    return text;
}

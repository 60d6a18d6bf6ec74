#include "ops/cli/lag_retention.h"

#include <stdlib.h>
#include <string.h>

#include "ops/cli/log_sizes.h"

/* --- Settings ------------------------------------------------------------------------------ */

static const char *value_of(const struct barnabas_settings *settings, const char *key) {
    for (size_t i = 0; i < settings->count; i++)
        if (strcmp(settings->items[i].key, key) == 0 && settings->items[i].value != NULL)
            return settings->items[i].value;
    return "";
}

static int64_t number_of(const struct barnabas_settings *settings, const char *key) {
    const char *value = value_of(settings, key);

    return value[0] == '\0' ? -1 : strtoll(value, NULL, 10);
}

static void read_settings(struct lag_row *row, struct barnabas_admin *admin, int64_t timeout_ms) {
    struct barnabas_settings *settings = NULL;

    if (barnabas_admin_describe_settings(admin, BARNABAS_RESOURCE_TOPIC, row->topic, timeout_ms,
                                         &settings) == BARNABAS_OK &&
        settings->error == BARNABAS_OK &&
        strstr(value_of(settings, "cleanup.policy"), "delete") != NULL) {
        row->facts.retention_ms = number_of(settings, "retention.ms");
        row->facts.retention_bytes = number_of(settings, "retention.bytes");
    }
    barnabas_settings_free(settings);
}

/* --- Sizes --------------------------------------------------------------------------------- */

static bool is_size_wanted(const struct lag_row *row) {
    return row->facts.lag > 0 && row->facts.retention_bytes >= 0;
}

static void take_sizes(struct lag_rows *rows, const struct log_sizes *sizes,
                       const struct barnabas_offsets *starts) {
    for (size_t i = 0; i < rows->count; i++) {
        struct lag_row *row = &rows->items[i];
        int64_t records = row->end - starts->items[i].offset;

        if (starts->items[i].error == BARNABAS_OK && records > 0)
            row->facts.record_bytes =
                (double)log_sizes_largest(sizes, row->topic, row->partition) / (double)records;
    }
}

static void read_sizes(struct lag_rows *rows, struct barnabas_admin *admin, int64_t timeout_ms) {
    struct barnabas_cluster *cluster = NULL;
    struct barnabas_offsets *starts = NULL;
    struct log_sizes sizes = {0};

    if (group_lines_locate(&rows->lines, admin, BARNABAS_OFFSET_SPEC_EARLIEST, timeout_ms,
                           &starts) == BARNABAS_OK &&
        barnabas_admin_describe_cluster(admin, timeout_ms, &cluster) == BARNABAS_OK &&
        log_sizes_ask(admin, cluster, timeout_ms, &sizes) == BARNABAS_OK)
        take_sizes(rows, &sizes, starts);
    log_sizes_free(&sizes);
    barnabas_cluster_free(cluster);
    barnabas_offsets_free(starts);
}

/* --- Both ---------------------------------------------------------------------------------- */

void lag_retention_read(struct lag_rows *rows, struct barnabas_admin *admin, int64_t timeout_ms) {
    bool is_any_wanted = false;

    /* Rows of one topic stand together. */
    for (size_t i = 0; i < rows->count; i++) {
        struct lag_row *row = &rows->items[i];

        if (i > 0 && strcmp(row->topic, row[-1].topic) == 0) {
            row->facts.retention_ms = row[-1].facts.retention_ms;
            row->facts.retention_bytes = row[-1].facts.retention_bytes;
        } else {
            read_settings(row, admin, timeout_ms);
        }
        is_any_wanted |= is_size_wanted(row);
    }
    if (is_any_wanted)
        read_sizes(rows, admin, timeout_ms);
}

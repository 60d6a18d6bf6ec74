/* Data directories, and each partition's log. */
#include "broker/admin/collect.h"

#include <stdio.h>

#include "broker/admin/cluster_tally.h"
#include "broker/config/config.h"
#include "broker/config/live_config.h"
#include "broker/control/control.h"
#include "broker/log/log.h"
#include "broker/log/log_compaction.h"
#include "broker/log/log_manager.h"
#include "broker/metadata/metadata_cache.h"
#include "broker/replica/replica_manager.h"
#include "client/base/clock.h"

static void collect_recovery(struct exposition *out, struct log_manager *logs) {
    struct log_manager_dir_info info;

    exposition_family(
        out, "barnabas_recovery_bytes_total", METRIC_GAUGE,
        "What there was to read at this start, after a crash, as far as it is known.");
    for (size_t i = 0; log_manager_dir_info(logs, i, &info); i++)
        exposition_integer(out, "", LABELS({"dir", info.path}), info.recovery_bytes);
    exposition_family(out, "barnabas_recovery_bytes_done", METRIC_GAUGE, "What of it was read.");
    for (size_t i = 0; log_manager_dir_info(logs, i, &info); i++)
        exposition_integer(out, "", LABELS({"dir", info.path}), info.recovered_bytes);
}

void collect_log_dirs(struct exposition *out, const struct admin_view *view) {
    struct log_manager *logs = view->logs;
    struct log_manager_dir_info info;
    int64_t offline = 0;

    collect_recovery(out, logs);

    exposition_family(out, "barnabas_dir_free_bytes", METRIC_GAUGE,
                      "What may still be written to a data directory.");
    for (size_t i = 0; log_manager_dir_info(logs, i, &info); i++) {
        offline += info.is_offline;
        if (!info.is_offline)
            exposition_integer(out, "", LABELS({"dir", info.path}), info.usable_bytes);
    }
    exposition_family(out, "barnabas_dir_bytes", METRIC_GAUGE,
                      "The size of a data directory's file system.");
    for (size_t i = 0; log_manager_dir_info(logs, i, &info); i++) {
        if (!info.is_offline)
            exposition_integer(out, "", LABELS({"dir", info.path}), info.total_bytes);
    }
    exposition_family(out, "barnabas_dir_state", METRIC_GAUGE,
                      "1 if a data directory is in use, 0 if it failed.");
    for (size_t i = 0; log_manager_dir_info(logs, i, &info); i++)
        exposition_integer(out, "", LABELS({"dir", info.path}), !info.is_offline);
    exposition_family(out, "barnabas_dir_logs", METRIC_GAUGE, "Replicas in a data directory.");
    for (size_t i = 0; log_manager_dir_info(logs, i, &info); i++)
        exposition_integer(out, "", LABELS({"dir", info.path}), (int64_t)info.log_count);
    exposition_single(out, "kafka_log_logmanager_offlinelogdirectorycount", METRIC_GAUGE,
                      "Data directories that failed.", offline);
}

void collect_flushes(struct exposition *out, const struct admin_view *view) {
    struct histogram_snapshot now = {0};
    struct histogram_snapshot difference;

    recent_read_flushes(view->parts.logs, &now);
    histogram_snapshot_since(&now, &view->recent.flushes_before, &difference);
    exposition_family(out, "kafka_log_logflushstats_logflushrateandtimems", METRIC_SUMMARY,
                      "How long putting a log on its disk took, in ms.");
    collect_quantiles(out, NULL, &difference, &now);
    exposition_family(out, "barnabas_flush_seconds", METRIC_HISTOGRAM, "The same.");
    collect_buckets(out, "dir", NULL, &now);
}

/* ---- Compaction ---- */

#define CLEANER         "kafka_log_logcleaner_"
#define CLEANER_MANAGER "kafka_log_logcleanermanager_"

struct failed_in {
    const struct log_dir *dir;
    int64_t count;
};

static void count_failed(void *context, struct partition *partition) {
    const struct log *log = partition_log(partition);
    struct failed_in *failed = context;

    failed->count += log_directory(log) == failed->dir && log_compaction_has_failed(log);
}

static void collect_failed(struct exposition *out, const struct admin_view *view) {
    struct log_manager_dir_info info;

    exposition_family(out, CLEANER_MANAGER "uncleanable_partitions_count", METRIC_GAUGE,
                      "Replicas that are not compacted any more because that failed.");
    for (size_t i = 0; log_manager_dir_info(view->parts.logs, i, &info); i++) {
        struct failed_in failed = {.dir = info.dir};

        replica_manager_for_each(control_replicas(view->parts.control), count_failed, &failed);
        exposition_integer(out, "", LABELS({"logDirectory", info.path}), failed.count);
    }
}

void collect_compaction(struct exposition *out, const struct admin_view *view) {
    const struct cleaner_counters *counters =
        replica_manager_cleaner_counters(control_replicas(view->parts.control));
    int64_t looked_ms = atomic_load(&counters->looked_ms);

    collect_failed(out, view);
    exposition_family(out, CLEANER_MANAGER "max_dirty_percent", METRIC_GAUGE,
                      "How much of the dirtiest log is yet to be compacted, in percent.");
    exposition_number(out, "", NO_LABELS, (double)atomic_load(&counters->dirty_permille) / 10);
    exposition_family(out, CLEANER_MANAGER "time_since_last_run_ms", METRIC_GAUGE,
                      "Since dirty logs were last looked for.");
    if (looked_ms > 0)
        exposition_integer(out, "", NO_LABELS, clock_monotonic_ms(clock_system()) - looked_ms);
    exposition_family(out, CLEANER "max_clean_time_secs", METRIC_GAUGE,
                      "How long the last compaction of a log took.");
    exposition_number(out, "", NO_LABELS, (double)atomic_load(&counters->duration_ms) / 1000);
    exposition_family(out, CLEANER "cleaner_recopy_percent", METRIC_GAUGE,
                      "How much of what it read it kept, in percent.");
    exposition_number(out, "", NO_LABELS, (double)atomic_load(&counters->kept_permille) / 10);
    exposition_single(out, "barnabas_compactions_total", METRIC_COUNTER, "Logs compacted.",
                      (int64_t)atomic_load(&counters->passes));
}

/* ---- Per partition ---- */

struct row {
    char topic[256];
    char index[16];
    bool is_leader;
    int64_t size, segments, start, end, high_watermark, last_stable, lag;
    bool is_known;           /* to the metadata; then this: */
    int32_t partition_count; /* of the topic */
    int32_t leader;
    int32_t preferred;
    struct partition_standing standing;
};

struct rows {
    struct row *rows;
    size_t count;
    size_t capacity;
    const char *topic; /* the only one wanted; NULL: all */
    const struct metadata *metadata;
    int32_t min_isr;
};

static void fill_standing(struct row *row, const struct rows *rows, int32_t index) {
    const struct metadata_topic *topic =
        metadata_find_topic(rows->metadata, bytes_of_text(row->topic));

    row->is_known = topic != NULL && index < topic->partition_count;
    if (!row->is_known)
        return;
    row->partition_count = topic->partition_count;
    row->leader = topic->partitions[index].leader;
    row->preferred = topic->partitions[index].replica_count > 0
                         ? topic->partitions[index].replicas[0]
                         : METADATA_NO_BROKER;
    row->standing = partition_standing(rows->metadata, topic, index, rows->min_isr);
}

static void add_row(void *context, struct partition *partition) {
    struct rows *rows = context;
    const struct log *log = partition_log(partition);
    struct row *row;

    if (rows->topic != NULL && strcmp(rows->topic, partition_topic(partition)) != 0)
        return;
    if (rows->count == rows->capacity) {
        rows->capacity = rows->capacity == 0 ? 64 : rows->capacity * 2;
        rows->rows = realloc(rows->rows, rows->capacity * sizeof(*rows->rows));
        CHECK(rows->rows != NULL);
    }
    row = &rows->rows[rows->count++];
    *row = (struct row){
        .is_leader = partition_role(partition) == ROLE_LEADER,
        .size = log_size(log),
        .segments = (int64_t)log_segment_count(log),
        .start = log_start_offset(log),
        .end = log_end_offset(log),
        .last_stable = partition_last_stable_offset(partition),
        .high_watermark = partition_high_watermark(partition),
        .lag = partition_follower_lag(partition),
    };
    snprintf(row->topic, sizeof(row->topic), "%s", partition_topic(partition));
    snprintf(row->index, sizeof(row->index), "%d", partition_index(partition));
    fill_standing(row, rows, partition_index(partition));
}

static int compare_rows(const void *a, const void *b) {
    const struct row *x = a, *y = b;
    int order = strcmp(x->topic, y->topic);

    return order != 0 ? order : (int)(strtol(x->index, NULL, 10) - strtol(y->index, NULL, 10));
}

/* Who tells of a partition: every replica of its log, its leader of what it is to the cluster, its
 * followers of how far behind they are. */
enum teller { EVERY_REPLICA, LEADER, FOLLOWER };

struct column {
    const char *name;
    const char *help;
    enum teller teller;
    int64_t (*value)(const struct row *row);
};

static int64_t size_of(const struct row *row) {
    return row->size;
}
static int64_t segments_of(const struct row *row) {
    return row->segments;
}
static int64_t start_of(const struct row *row) {
    return row->start;
}
static int64_t end_of(const struct row *row) {
    return row->end;
}
static int64_t high_watermark_of(const struct row *row) {
    return row->high_watermark;
}
static int64_t last_stable_offset_lag_of(const struct row *row) {
    return row->high_watermark > row->last_stable ? row->high_watermark - row->last_stable : 0;
}
static int64_t lag_of(const struct row *row) {
    return row->lag;
}
static int64_t replicas_of(const struct row *row) {
    return row->standing.replica_count;
}
static int64_t isr_of(const struct row *row) {
    return row->standing.isr_count;
}
static int64_t is_under_replicated(const struct row *row) {
    return row->standing.isr_count < row->standing.replica_count;
}
static int64_t is_under_min_isr(const struct row *row) {
    return row->standing.isr_count < row->standing.min_isr;
}
static int64_t is_at_min_isr(const struct row *row) {
    return row->standing.isr_count == row->standing.min_isr;
}
static int64_t is_led_by_preferred(const struct row *row) {
    return row->leader == row->preferred;
}
static int64_t leader_of(const struct row *row) {
    return row->leader;
}

static const struct column columns[] = {
    {"kafka_log_log_size", "Bytes of a replica's log.", EVERY_REPLICA, size_of},
    {"kafka_log_log_numlogsegments", "Its segments.", EVERY_REPLICA, segments_of},
    {"kafka_log_log_logstartoffset", "Its first offset.", EVERY_REPLICA, start_of},
    {"kafka_log_log_logendoffset", "The offset that its next record gets.", EVERY_REPLICA, end_of},
    {"kafka_server_fetcherlagmetrics_consumerlag",
     "How many records below the leader's high watermark a follower lacks.", FOLLOWER, lag_of},
    {"kafka_cluster_partition_replicascount", "Replicas of a partition; by its leader.", LEADER,
     replicas_of},
    {"kafka_cluster_partition_insyncreplicascount", "Those in sync; by its leader.", LEADER,
     isr_of},
    {"kafka_cluster_partition_underreplicated", "1 if some are not; by its leader.", LEADER,
     is_under_replicated},
    {"kafka_cluster_partition_underminisr",
     "1 if fewer are in sync than min.insync.replicas; by its leader.", LEADER, is_under_min_isr},
    {"kafka_cluster_partition_atminisr", "1 if just as many are in sync; by its leader.", LEADER,
     is_at_min_isr},
    {"kafka_cluster_partition_laststableoffsetlag",
     "Records that readers of committed ones cannot see for an open transaction; by its leader.",
     LEADER, last_stable_offset_lag_of},
    {"kafka_topic_partition_current_offset", "What consumers see ends here; by its leader.", LEADER,
     high_watermark_of},
    {"kafka_topic_partition_oldest_offset", "Its first offset; by its leader.", LEADER, start_of},
    {"kafka_topic_partition_leader", "The id of the leader; by the leader.", LEADER, leader_of},
    {"kafka_topic_partition_in_sync_replica", "Replicas in sync; by its leader.", LEADER, isr_of},
    {"kafka_topic_partition_leader_is_preferred", "1 if it is the first of the replicas; by it.",
     LEADER, is_led_by_preferred},
    {"kafka_topic_partition_under_replicated_partition",
     "1 if a replica is not in sync; by its leader.", LEADER, is_under_replicated},
    {"kafka_topic_partition_replicas", "Replicas; by its leader.", LEADER, replicas_of},
};

static bool tells(enum teller teller, const struct row *row) {
    switch (teller) {
    case EVERY_REPLICA:
        return true;
    case LEADER:
        return row->is_leader && row->is_known;
    case FOLLOWER:
        return !row->is_leader;
    }
    return false;
}

static void write_column(struct exposition *out, const struct rows *rows,
                         const struct column *column) {
    exposition_family(out, column->name, METRIC_GAUGE, column->help);
    for (size_t i = 0; i < rows->count; i++) {
        const struct row *row = &rows->rows[i];
        if (!tells(column->teller, row))
            continue;
        exposition_integer(out, "",
                           LABELS({"clientId", column->teller == FOLLOWER ? "Replica" : NULL},
                                  {"topic", row->topic}, {"partition", row->index}),
                           column->value(row));
    }
}

/* One broker tells of each topic, so that sums are right. */
static void write_partition_counts(struct exposition *out, const struct rows *rows) {
    exposition_family(out, "kafka_topic_partitions", METRIC_GAUGE,
                      "Partitions of a topic; by the leader of partition 0.");
    for (size_t i = 0; i < rows->count; i++) {
        const struct row *row = &rows->rows[i];
        if (tells(LEADER, row) && strcmp(row->index, "0") == 0)
            exposition_integer(out, "", LABELS({"topic", row->topic}), row->partition_count);
    }
}

void collect_partitions(struct exposition *out, const struct admin_view *view, const char *topic) {
    struct control *control = view->parts.control;
    const struct config *config = live_config_get(control_live_config(control));
    const struct metadata *metadata = metadata_cache_get(control_metadata(control));
    struct rows rows = {
        .topic = topic, .metadata = metadata, .min_isr = config->min_insync_replicas};

    replica_manager_for_each(control_replicas(control), add_row, &rows);
    if (rows.count > 0)
        qsort(rows.rows, rows.count, sizeof(*rows.rows), compare_rows);
    for (size_t i = 0; i < ARRAY_COUNT(columns); i++)
        write_column(out, &rows, &columns[i]);
    write_partition_counts(out, &rows);
    free(rows.rows);
    metadata_unref(metadata);
    live_config_release(config);
}

/* What producers, consumers and replicas move, in all and per topic; and what replicas do. */
#include "broker/admin/collect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/config/config.h"
#include "broker/control/control.h"
#include "broker/log/log.h"
#include "broker/log/log_manager.h"
#include "broker/metadata/metadata_cache.h"
#include "broker/replica/replica_manager.h"
#include "client/base/clock.h"

#define TOPICS   "kafka_server_brokertopicmetrics_"
#define REPLICAS "kafka_server_replicamanager_"

/* After the longest time that a transaction may take, its coordinator has five minutes to end it.
 * Source: Apache Kafka 3.9, ProducerStateManager.LATE_TRANSACTION_BUFFER_MS. */
#define LATE_BUFFER_MS (5 * 60 * 1000)

static const struct {
    const char *name;
    const char *help;
    bool is_per_topic;
} kinds[] = {
#define TRAFFIC_ROW(kind, name, is_per_topic, help) \
    [TRAFFIC_##kind] = {TOPICS name "_total", help, is_per_topic},
    TRAFFIC_LIST(TRAFFIC_ROW)
#undef TRAFFIC_ROW
};

struct topic_row {
    char name[256];
    struct traffic_totals totals;
};

struct topic_rows {
    struct topic_row *rows;
    size_t count;
    size_t capacity;
};

static void add_topic(void *context, const char *topic, const struct traffic_meter *traffic) {
    static const struct traffic_totals nothing;
    struct topic_rows *rows = context;
    struct topic_row *row;

    if (rows->count == rows->capacity) {
        rows->capacity = rows->capacity == 0 ? 64 : rows->capacity * 2;
        rows->rows = realloc(rows->rows, rows->capacity * sizeof(*rows->rows));
        CHECK(rows->rows != NULL);
    }
    row = &rows->rows[rows->count];
    traffic_meter_read(traffic, &row->totals);
    /* As in Kafka, a topic is there once something has come. */
    if (memcmp(&row->totals, &nothing, sizeof(nothing)) == 0)
        return;
    strncpy(row->name, topic, sizeof(row->name) - 1);
    row->name[sizeof(row->name) - 1] = '\0';
    rows->count++;
}

static int compare_rows(const void *a, const void *b) {
    return strcmp(((const struct topic_row *)a)->name, ((const struct topic_row *)b)->name);
}

void collect_traffic(struct exposition *out, const struct admin_view *view) {
    struct replica_manager *replicas = control_replicas(view->parts.control);
    struct topic_rows topics = {0};
    struct traffic_totals all;

    traffic_meter_read(replica_manager_traffic(replicas), &all);
    replica_manager_for_each_topic(replicas, add_topic, &topics);
    if (topics.count > 0)
        qsort(topics.rows, topics.count, sizeof(*topics.rows), compare_rows);
    for (size_t kind = 0; kind < TRAFFIC_COUNT; kind++) {
        exposition_family(out, kinds[kind].name, METRIC_COUNTER, kinds[kind].help);
        exposition_integer(out, "", NO_LABELS, (int64_t)all.of[kind]);
        for (size_t i = 0; kinds[kind].is_per_topic && i < topics.count; i++)
            exposition_integer(out, "", LABELS({"topic", topics.rows[i].name}),
                               (int64_t)topics.rows[i].totals.of[kind]);
    }
    free(topics.rows);
}

/* ---- Replicas ---- */

struct follower_row {
    int32_t id;
    int64_t delay_ms_max;
};

struct replica_sums {
    int64_t lag_max;
    int64_t producers;
    int64_t late_transactions; /* partitions led here with one */
    int64_t late_before_ms;    /* wall clock */
    struct follower_row *followers;
    size_t follower_count;
};

/* Brokers are few. */
static void add_delay(struct replica_sums *sums, const struct follower_delay *delay) {
    struct follower_row *row = sums->followers;

    while (row < sums->followers + sums->follower_count && row->id != delay->broker_id)
        row++;
    if (row == sums->followers + sums->follower_count) {
        sums->followers =
            realloc(sums->followers, (sums->follower_count + 1) * sizeof(*sums->followers));
        CHECK(sums->followers != NULL);
        row = &sums->followers[sums->follower_count++];
        *row = (struct follower_row){delay->broker_id, 0};
    }
    if (delay->ms > row->delay_ms_max)
        row->delay_ms_max = delay->ms;
}

static void add_replica(void *context, struct partition *partition) {
    struct replica_sums *sums = context;
    struct follower_delay delays[REPLICAS_MAX];
    const struct log *log = partition_log(partition);
    const int64_t oldest_ms = log_oldest_transaction_ms(log);
    int64_t lag = partition_follower_lag(partition);
    size_t count = partition_follower_delays(partition, delays);

    if (lag > sums->lag_max)
        sums->lag_max = lag;
    sums->producers += (int64_t)log_producer_count(log);
    if (partition_role(partition) == ROLE_LEADER && oldest_ms > 0 &&
        oldest_ms < sums->late_before_ms)
        sums->late_transactions++;
    for (size_t i = 0; i < count; i++)
        add_delay(sums, &delays[i]);
}

static void write_delays(struct exposition *out, struct replica_sums *sums) {
    char id[16];

    exposition_family(out, "barnabas_replication_delay_seconds", METRIC_GAUGE,
                      "How long a follower of a partition led here has not had all that its "
                      "leader has: of the follower's partitions, the longest.");
    for (size_t i = 0; i < sums->follower_count; i++) {
        snprintf(id, sizeof(id), "%d", sums->followers[i].id);
        exposition_number(out, "", LABELS({"follower", id}),
                          (double)sums->followers[i].delay_ms_max / 1000);
    }
    free(sums->followers);
}

static bool has_failed_directory(struct log_manager *logs) {
    struct log_manager_dir_info info;

    for (size_t i = 0; log_manager_dir_info(logs, i, &info); i++)
        if (info.is_offline)
            return true;
    return false;
}

static void count_offline(void *context, const struct metadata_topic *topic, int32_t partition) {
    (void)topic;
    (void)partition;
    ++*(int64_t *)context;
}

void collect_replicas(struct exposition *out, const struct admin_view *view) {
    struct replica_manager *replicas = control_replicas(view->parts.control);
    const struct isr_counters *counters = replica_manager_isr_counters(replicas);
    const struct metadata *metadata;
    struct replica_sums sums = {.late_before_ms = clock_wall_ms(clock_system()) -
                                                  view->parts.config->transaction_max_timeout_ms -
                                                  LATE_BUFFER_MS};
    int64_t offline = 0;

    exposition_single(out, REPLICAS "isrshrinks_total", METRIC_COUNTER,
                      "Replicas that fell out of the ISR of a partition led here.",
                      (int64_t)counter_read(&counters->shrinks));
    exposition_single(out, REPLICAS "isrexpands_total", METRIC_COUNTER,
                      "Replicas that came back into the ISR of a partition led here.",
                      (int64_t)counter_read(&counters->expands));
    exposition_single(out, REPLICAS "failedisrupdates_total", METRIC_COUNTER,
                      "Changes of an ISR that the controller did not make.",
                      (int64_t)counter_read(&counters->failed_updates));
    replica_manager_for_each(replicas, add_replica, &sums);
    if (has_failed_directory(view->parts.logs)) {
        metadata = metadata_cache_get(control_metadata(view->parts.control));
        replica_manager_for_each_offline(replicas, metadata, count_offline, &offline);
        metadata_unref(metadata);
    }
    exposition_single(out, REPLICAS "offlinereplicacount", METRIC_GAUGE,
                      "Replicas of this broker in data directories that failed.", offline);
    exposition_single(out, REPLICAS "produceridcount", METRIC_GAUGE,
                      "Producers whose sequence numbers are known, summed over replicas.",
                      sums.producers);
    exposition_single(out, REPLICAS "partitionswithlatetransactionscount", METRIC_GAUGE,
                      "Partitions led here with a transaction that should have been ended: nobody "
                      "wrote to it for transaction.max.timeout.ms and five minutes.",
                      sums.late_transactions);
    write_delays(out, &sums);
    exposition_family(out, "kafka_server_replicafetchermanager_maxlag", METRIC_GAUGE,
                      "The most records that a replica here lacks of its leader's.");
    exposition_integer(out, "", LABELS({"clientId", "Replica"}), sums.lag_max);
}

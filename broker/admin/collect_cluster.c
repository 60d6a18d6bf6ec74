/* What the metadata says of partitions, and what this broker is to the cluster. */
#include "broker/admin/collect.h"

#include <stdio.h>

#include "broker/admin/cluster_tally.h"
#include "broker/admin/stop_check.h"
#include "broker/config/config.h"
#include "broker/config/live_config.h"
#include "broker/control/control.h"
#include "broker/control/control_status.h"
#include "broker/control/zk_meter.h"
#include "broker/metadata/metadata_cache.h"
#include "client/base/clock.h"

#define REPLICA_MANAGER "kafka_server_replicamanager_"

static void gauge(struct exposition *out, const char *name, const char *help, int64_t value) {
    exposition_single(out, name, METRIC_GAUGE, help, value);
}

static void collect_own(struct exposition *out, const struct cluster_tally *tally) {
    gauge(out, REPLICA_MANAGER "partitioncount", "Replicas on this broker.", tally->hosted);
    gauge(out, REPLICA_MANAGER "leadercount", "Partitions that this broker leads.", tally->led);
    gauge(out, REPLICA_MANAGER "underreplicatedpartitions",
          "Partitions led here of which a replica is not in sync.", tally->under_replicated);
    gauge(out, REPLICA_MANAGER "underminisrpartitioncount",
          "Partitions led here of which fewer replicas are in sync than min.insync.replicas.",
          tally->under_min_isr);
    gauge(out, REPLICA_MANAGER "atminisrpartitioncount",
          "Partitions led here of which just min.insync.replicas replicas are in sync.",
          tally->at_min_isr);
    gauge(out, REPLICA_MANAGER "reassigningpartitions",
          "Partitions led here that are being reassigned.", tally->reassigning);
}

/* kafka_exporter's name. */
static void collect_address(struct exposition *out, const struct metadata *metadata,
                            int32_t broker_id) {
    const struct metadata_broker *broker = metadata_find_broker(metadata, broker_id);
    char id[16], address[300];

    exposition_family(out, "kafka_broker_info", METRIC_GAUGE,
                      "This broker and its first listener's address; always 1.");
    if (broker == NULL || broker->endpoint_count == 0)
        return;
    snprintf(id, sizeof(id), "%d", broker_id);
    snprintf(address, sizeof(address), "%s:%d", broker->endpoints[0].host,
             (int)broker->endpoints[0].port);
    exposition_integer(out, "", LABELS({"id", id}, {"address", address}), 1);
}

void collect_cluster(struct exposition *out, const struct admin_view *view) {
    struct control *control = view->parts.control;
    const struct config *config = live_config_get(control_live_config(control));
    const struct metadata *metadata = metadata_cache_get(control_metadata(control));
    const struct cluster_tally tally =
        cluster_tally(metadata, view->parts.broker_id, config->min_insync_replicas);

    const struct stop_question question = {.broker_id = view->parts.broker_id,
                                           .min_isr = config->min_insync_replicas};

    collect_own(out, &tally);
    collect_controller(out, &tally, control_status(control));
    gauge(out, "barnabas_stop_ok", "1 if this broker may stop without harm to a partition.",
          stop_check(metadata, &question, NULL, NULL).obstacle_count == 0);
    gauge(out, "kafka_brokers", "Brokers that this broker knows of.", tally.brokers);
    collect_address(out, metadata, view->parts.broker_id);
    metadata_unref(metadata);
    live_config_release(config);
}

#define SESSION "kafka_server_sessionexpirelistener_"

static void collect_zk_latency(struct exposition *out, const struct admin_view *view) {
    struct histogram_snapshot now = {0};
    struct histogram_snapshot difference;

    histogram_snapshot_add(&now, &control_zk_meter(view->parts.control)->latency);
    histogram_snapshot_since(&now, &view->recent.zk_before, &difference);
    exposition_family(out, "kafka_server_zookeeperclientmetrics_zookeeperrequestlatencyms",
                      METRIC_SUMMARY, "How long ZooKeeper took to answer, in ms.");
    collect_quantiles(out, NULL, &difference, &now);
}

static void collect_zk_session(struct exposition *out, const struct admin_view *view) {
    const struct zk_meter *meter = control_zk_meter(view->parts.control);
    const int64_t began_ms = atomic_load(&control_status(view->parts.control)->session_began_ms);

    exposition_family(out, "barnabas_zk_session_seconds", METRIC_GAUGE,
                      "How old the session with ZooKeeper is; no sample: there is none.");
    if (began_ms != 0)
        exposition_number(out, "", NO_LABELS,
                          (double)(clock_monotonic_ms(clock_system()) - began_ms) / 1000);
    gauge(out, "barnabas_zk_watches", "Watches that the session holds.",
          (int64_t)counter_read(&meter->watches.count));
    exposition_family(out, "barnabas_zk_bytes_total", METRIC_COUNTER,
                      "Bytes of znodes that were read, with names of children, and written.");
    exposition_integer(out, "", LABELS({"direction", "read"}),
                       (int64_t)counter_read(&meter->bytes_read));
    exposition_integer(out, "", LABELS({"direction", "written"}),
                       (int64_t)counter_read(&meter->bytes_written));
    exposition_family(out, "barnabas_zk_multi_size", METRIC_SUMMARY,
                      "Operations of a transaction at ZooKeeper.");
    exposition_integer(out, "_sum", NO_LABELS, (int64_t)counter_read(&meter->multi_ops));
    exposition_integer(out, "_count", NO_LABELS, (int64_t)counter_read(&meter->multis));
}

void collect_zookeeper(struct exposition *out, const struct admin_view *view) {
    const struct control_status *status = control_status(view->parts.control);
    const struct {
        const char *name;
        const char *help;
        const _Atomic uint64_t *counter;
    } counters[] = {
        {SESSION "zookeeperdisconnects_total", "Lost connections to ZooKeeper.",
         &status->disconnections},
        {SESSION "zookeeperexpires_total", "Sessions that ended at ZooKeeper.",
         &status->expirations},
        {SESSION "zookeeperauthfailures_total", "Times that ZooKeeper refused our credentials.",
         &status->authentication_failures},
    };

    collect_zk_latency(out, view);
    collect_zk_session(out, view);
    gauge(out, "barnabas_zk_connected", "1 if there is a connection to ZooKeeper.",
          atomic_load(&status->is_connected));
    for (size_t i = 0; i < ARRAY_COUNT(counters); i++)
        exposition_single(out, counters[i].name, METRIC_COUNTER, counters[i].help,
                          (int64_t)counter_read(counters[i].counter));
    exposition_single(
        out, SESSION "zookeepersyncconnects_total", METRIC_COUNTER,
        "Connections to ZooKeeper, of a new session or of one that lived on.",
        (int64_t)(counter_read(&status->sessions_began) + counter_read(&status->reconnections)));
}

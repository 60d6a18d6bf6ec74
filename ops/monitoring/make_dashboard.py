#!/usr/bin/env python3
"""Makes dashboard.json, Grafana's dashboard of a cluster, from the table below.

    ops/monitoring/make_dashboard.py            # prints it
    ops/monitoring/make_dashboard.py --write    # writes it beside this file

A test asks a live cluster for every query, and compares dashboard.json with what this prints.
"""
import json
import pathlib
import sys

WIDTH, HEIGHT, COLUMNS = 8, 7, 3

TOPICS = "kafka_server_brokertopicmetrics_"
REPLICAS = "kafka_server_replicamanager_"
CONTROLLER = "kafka_controller_kafkacontroller_"
REQUESTS = "kafka_network_requestmetrics_"
GROUPS = "kafka_coordinator_group_groupmetadatamanager_"


def rate(metric, labels="", by="instance"):
    inside = 'job="$job"' + (f", {labels}" if labels else "")
    return f"sum by ({by}) (rate({metric}{{{inside}}}[$__rate_interval]))"


def of(metric, labels=""):
    return f'{metric}{{job="$job"' + (f", {labels}" if labels else "") + "}"


def of_groups(metric):
    return f'{metric}{{job=~"$job.*"}}'  # they have a page of their own, and may have a job


def quantile(metric, request):
    labels = f'request="{request}", quantile="0.99"'
    return f"max by (instance) ({of(REQUESTS + metric, labels)})"


# Row: title, [panel: title, kind, unit, [query: legend, expression]]
ROWS = [
    ("What needs a look", [
        ("Brokers that answer", "stat", "short", [("brokers", f"sum({of('up')})")]),
        ("Controllers (1)", "stat", "short",
         [("controllers", f"sum({of(CONTROLLER + 'activecontrollercount')})")]),
        ("Partitions without a leader", "stat", "short",
         [("partitions", f"sum({of(CONTROLLER + 'offlinepartitionscount')})")]),
        ("Under-replicated partitions", "stat", "short",
         [("partitions", f"sum({of(REPLICAS + 'underreplicatedpartitions')})")]),
        ("Partitions under min.insync.replicas", "stat", "short",
         [("partitions", f"sum({of(REPLICAS + 'underminisrpartitioncount')})")]),
        ("Brokers that may stop", "stat", "short", [("brokers", f"sum({of('barnabas_stop_ok')})")]),
    ]),
    ("Traffic", [
        ("Bytes in", "timeseries", "Bps",
         [("{{instance}}", rate(TOPICS + "bytesin_total", 'topic=""'))]),
        ("Bytes out", "timeseries", "Bps",
         [("{{instance}}", rate(TOPICS + "bytesout_total", 'topic=""'))]),
        ("Records in", "timeseries", "cps",
         [("{{instance}}", rate(TOPICS + "messagesin_total", 'topic=""'))]),
        ("Bytes in, by topic", "timeseries", "Bps",
         [("{{topic}}", "topk(10, " + rate(TOPICS + "bytesin_total", 'topic!=""', "topic") + ")")]),
        ("Bytes out, by topic", "timeseries", "Bps",
         [("{{topic}}", "topk(10, " + rate(TOPICS + "bytesout_total", 'topic!=""', "topic") + ")")]),
        ("Replication", "timeseries", "Bps",
         [("{{instance}} in", rate(TOPICS + "replicationbytesin_total")),
          ("{{instance}} out", rate(TOPICS + "replicationbytesout_total"))]),
    ]),
    ("Requests", [
        ("Requests", "timeseries", "reqps",
         [("{{request}}", rate(REQUESTS + "requests_total", by="request"))]),
        ("Errors", "timeseries", "reqps",
         [("{{request}} {{error}}", rate(REQUESTS + "errors_total", by="request, error"))]),
        ("Requests that wait", "timeseries", "short",
         [("{{request}}", f"sum by (request) ({of('barnabas_waiters')})")]),
        ("Produce, 99 %", "timeseries", "ms",
         [("{{instance}}", quantile("totaltimems", "Produce"))]),
        ("Produce, 99 % of the waiting for replicas", "timeseries", "ms",
         [("{{instance}}", quantile("remotetimems", "Produce"))]),
        ("FetchConsumer, 99 % without the waiting for data", "timeseries", "ms",
         [("{{instance}} running", quantile("localtimems", "FetchConsumer")),
          ("{{instance}} sending", quantile("responsesendtimems", "FetchConsumer"))]),
    ]),
    ("Replicas", [
        ("Leaders", "timeseries", "short", [("{{instance}}", of(REPLICAS + "leadercount"))]),
        ("Replicas", "timeseries", "short", [("{{instance}}", of(REPLICAS + "partitioncount"))]),
        ("Largest lag of a follower", "timeseries", "short",
         [("{{instance}}", of("kafka_server_replicafetchermanager_maxlag"))]),
        ("ISR changes", "timeseries", "cps",
         [("{{instance}} shrinks", rate(REPLICAS + "isrshrinks_total")),
          ("{{instance}} expands", rate(REPLICAS + "isrexpands_total"))]),
        ("Reassignments under way", "timeseries", "short",
         [("{{instance}}", of(REPLICAS + "reassigningpartitions"))]),
        ("Leader elections", "timeseries", "cps",
         [("{{instance}}", rate("barnabas_leader_elections_total")),
          ("{{instance}} unclean",
           rate("kafka_controller_controllerstats_uncleanleaderelections_total"))]),
        ("Led by another than the preferred replica", "timeseries", "short",
         [("partitions", f"sum({of(CONTROLLER + 'preferredreplicaimbalancecount')})")]),
    ]),
    ("Groups", [
        ("Lag", "timeseries", "short",
         [("{{consumergroup}} {{topic}}",
           f"topk(10, sum by (consumergroup, topic) ({of_groups('kafka_consumergroup_lag')}))")]),
        ("Groups, by state", "timeseries", "short",
         [(state, f"sum({of(GROUPS + 'numgroups' + state)})")
          for state in ("stable", "empty", "preparingrebalance", "completingrebalance")]),
        ("Rebalances, by reason", "timeseries", "cps",
         [("{{group}} {{reason}}", "topk(10, sum by (group, reason) (rate("
           + of_groups("barnabas_group_rebalances_total") + "[$__rate_interval])))")]),
    ]),
    ("Machine", [
        ("CPU", "timeseries", "percentunit", [("{{instance}}", rate("process_cpu_seconds_total"))]),
        ("Busiest network thread", "timeseries", "percentunit",
         [("{{instance}}", "max by (instance) (rate("
           + of("barnabas_reactor_busy_seconds_total") + "[$__rate_interval]))")]),
        ("Slowest thread to answer", "timeseries", "s",
         [("{{instance}}", f"max by (instance) ({of('barnabas_thread_delay_seconds')})")]),
        ("Memory", "timeseries", "bytes", [("{{instance}}", of("process_resident_memory_bytes"))]),
        ("Free disk", "timeseries", "percentunit",
         [("{{instance}} {{dir}}",
           f"{of('barnabas_dir_free_bytes')} / {of('barnabas_dir_bytes')}")]),
        ("Flushes to disk, 99 %", "timeseries", "ms",
         [("{{instance}}",
           of("kafka_log_logflushstats_logflushrateandtimems", 'quantile="0.99"'))]),
        ("Connections", "timeseries", "short",
         [("{{instance}}",
           f"sum by (instance) ({of('kafka_server_socket_server_metrics_connection_count')})")]),
        ("ZooKeeper, 99 % of the answers", "timeseries", "ms",
         [("{{instance}}",
           of("kafka_server_zookeeperclientmetrics_zookeeperrequestlatencyms",
              'quantile="0.99"'))]),
        ("ZooKeeper", "timeseries", "short",
         [("{{instance}} connected", of("barnabas_zk_connected")),
          ("{{instance}} lost connections",
           rate("kafka_server_sessionexpirelistener_zookeeperdisconnects_total"))]),
    ]),
]

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}


def make_panel(number, place, panel):
    title, kind, unit, queries = panel
    return {
        "id": number, "title": title, "type": kind, "datasource": DATASOURCE, "gridPos": place,
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "targets": [{"refId": chr(ord("A") + i), "expr": expression, "legendFormat": legend,
                     "datasource": DATASOURCE}
                    for i, (legend, expression) in enumerate(queries)],
    }


def make_panels():
    panels, y = [], 0
    for title, row in ROWS:
        panels.append({"id": len(panels) + 1, "title": title, "type": "row", "collapsed": False,
                       "panels": [], "gridPos": {"x": 0, "y": y, "w": WIDTH * COLUMNS, "h": 1}})
        y += 1
        for i, panel in enumerate(row):
            place = {"x": i % COLUMNS * WIDTH, "y": y + i // COLUMNS * HEIGHT,
                     "w": WIDTH, "h": HEIGHT}
            panels.append(make_panel(len(panels) + 1, place, panel))
        y += -(-len(row) // COLUMNS) * HEIGHT
    return panels


def make_dashboard():
    return {
        "title": "Barnabas", "uid": "barnabas", "schemaVersion": 39, "version": 1,
        "editable": True, "refresh": "10s", "time": {"from": "now-1h", "to": "now"},
        "tags": ["barnabas", "kafka"],
        "templating": {"list": [
            {"name": "datasource", "type": "datasource", "query": "prometheus"},
            {"name": "job", "type": "query", "datasource": DATASOURCE, "refresh": 2,
             "query": "label_values(barnabas_build_info, job)"},
        ]},
        "panels": make_panels(),
    }


def main():
    text = json.dumps(make_dashboard(), indent=1) + "\n"
    if sys.argv[1:] == ["--write"]:
        (pathlib.Path(__file__).parent / "dashboard.json").write_text(text)
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()

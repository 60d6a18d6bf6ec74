#!/usr/bin/env python3
"""barnabasd beside the ideal server, in one run: the same load, by turns, on the same disk.

    tests/bench/run_benchmarks.py [--build build/release] [--scenario B1]... [--repetitions 3]
                                  [--json FILE] [--folder FOLDER]

Prints per scenario the median of ours and of the ideal, their ratio, and its range over the
repetitions. What the scenarios are and how to read the columns: tests/bench/README.md.
"""
import argparse
import contextlib
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
LOAD_SECONDS_MAX = 180
MEGABYTE = 1000 * 1000


class Server:
    """Where a load goes, and whose CPU time it is to be charged with."""

    def __init__(self, name, address, pids, make_topic=None):
        self.name = name
        self.address = address
        self.pids = pids
        self.make_topic = make_topic or (lambda topic: address)


class Scenario:
    def __init__(self, name, what, load, metrics, brokers=1, fill=None):
        """`load`, `fill`: mode and arguments of the load generator. `metrics`: names of METRICS.
        With several brokers each has a replica: so much more work than the ideal server's."""
        self.name = name
        self.what = what
        self.load = load
        self.metrics = metrics
        self.brokers = brokers
        self.fill = fill


def arguments(**values):
    return [word for key, value in values.items()
            for word in ("--" + key.replace("_", "-"), str(value))]


# Of one load's result: what is compared, its unit, whether more is better.
METRICS = {
    "rate": ("MB/s", True, lambda r: r["bytes"] / r["seconds"] / MEGABYTE),
    "requests": ("k/s", True, lambda r: r["requests"] / r["seconds"] / 1000),
    "cpu": ("s/GB", False, lambda r: r["server_cpu_seconds"] / (r["bytes"] / 1e9)),
    "cpu/request": ("us", False, lambda r: r["server_cpu_seconds"] / r["requests"] * 1e6),
    "p50": ("us", False, lambda r: r["p50_us"]),
    "p99": ("us", False, lambda r: r["p99_us"]),
    "p99.9": ("us", False, lambda r: r["p999_us"]),
    "memory": ("MB", False, lambda r: r["server_resident_kib"] / 1000),
}

SCENARIOS = [
    Scenario("B1", "produce, batches of 1000 x 100 B",
             ("produce", arguments(bytes=500 * MEGABYTE)), ("rate", "cpu", "memory")),
    Scenario("B3", "produce, batches of 150 x 100 B",
             ("produce", arguments(batch_records=150, bytes=300 * MEGABYTE)),
             ("rate", "cpu", "memory")),
    Scenario("B4a", "produce, one record, 16 connections x 5",
             ("produce", arguments(batch_records=1, connections=16, bytes=25 * MEGABYTE)),
             ("requests", "cpu/request", "p99")),
    Scenario("B4b", "produce, one record, 64 connections x 1",
             ("produce", arguments(batch_records=1, connections=64, depth=1,
                                   bytes=20 * MEGABYTE)),
             ("requests", "cpu/request", "p99")),
    Scenario("B5", "produce, acks=all, 3 replicas, 1000 x 100 B",
             ("produce", arguments(acks=-1, bytes=250 * MEGABYTE)),
             ("rate", "cpu", "memory"), brokers=3),
    Scenario("B8", "consume, 1 MiB at a time",
             ("fetch", arguments(bytes=400 * MEGABYTE)), ("rate", "cpu"),
             fill=("produce", arguments(record_bytes=1024, batch_records=100,
                                        bytes=400 * MEGABYTE))),
    Scenario("B11a", "end to end at 1,000 records/s", ("latency", arguments(rate=1000, seconds=4)),
             ("p50", "p99", "p99.9")),
    Scenario("B11b", "end to end at 10,000 records/s",
             ("latency", arguments(rate=10000, seconds=4)), ("p50", "p99", "p99.9")),
    Scenario("B11c", "end to end at 50,000 records/s",
             ("latency", arguments(rate=50000, seconds=4)), ("p50", "p99", "p99.9")),
]


def run_load(build, server, topic, load):
    mode, words = load
    address = server.make_topic(topic)
    command = [build / "tests/bench/load_generator", mode, "--address", address, "--topic", topic,
               *words]
    for pid in server.pids:
        command += ["--server", str(pid)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=LOAD_SECONDS_MAX,
                         check=False)
    if ran.returncode != 0:
        raise RuntimeError(f"{server.name}, topic {topic}: {ran.stderr.strip()}")
    return json.loads(ran.stdout)


@contextlib.contextmanager
def ideal_server(build, folder, free_port):
    port = free_port()
    folder.mkdir()
    process = subprocess.Popen([build / "tests/bench/ideal_server", str(folder), str(port)])
    try:
        yield Server("ideal", f"127.0.0.1:{port}", [process.pid])
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder)


@contextlib.contextmanager
def cluster(broker_cluster, folder, brokers):
    tempfile.tempdir = str(folder)  # logs lie on the disk that was asked for
    settings = {"num.network.threads": 1, "min.insync.replicas": min(brokers, 2)}
    with broker_cluster.BrokerCluster(brokers, settings=settings) as running:
        def make_topic(topic):
            known = running.partitions(topic)
            if not known:
                running.create_topic(topic, 1, brokers)
                running.wait_until_in_sync(topic)
                known = running.partitions(topic)
            return running.address(known[0]["leader"])
        yield Server("barnabas", running.address(1),
                     [broker.process.pid for broker in running.brokers.values()], make_topic)


def measure(build, scenario, servers, repetitions):
    """One result per server and repetition; who begins changes with every repetition. A first one
    is not counted: a virtual machine's first writes may meet memory that is there already, and
    later ones not."""
    results = {server.name: [] for server in servers}
    for repetition in range(repetitions + 1):
        for server in servers if repetition % 2 == 0 else reversed(servers):
            topic = f"{scenario.name}-{repetition}"
            if scenario.fill:
                run_load(build, server, topic, scenario.fill)
            results[server.name].append(run_load(build, server, topic, scenario.load))
    return {name: all_of_it[1:] for name, all_of_it in results.items()}


def compare(scenario, results):
    """Per metric: the medians, and the ratios of the pairs: 1 is as good as the ideal, less is
    worse."""
    rows = []
    for name in scenario.metrics:
        unit, more_is_better, value = METRICS[name]
        ours = [value(result) for result in results["barnabas"]]
        ideal = [value(result) for result in for_replicas(results["ideal"], scenario.brokers)]
        ratios = sorted((a / b if more_is_better else b / a) if a and b else 1.0
                        for a, b in zip(ours, ideal))
        rows.append({"metric": name, "unit": unit, "barnabas": statistics.median(ours),
                     "ideal": statistics.median(ideal),
                     "share": statistics.median(ratios), "least": ratios[0], "most": ratios[-1]})
    return rows


def for_replicas(results, replicas):
    """The ideal for several replicas: its work once for each, one behind the other."""
    return [{**result, "seconds": result["seconds"] * replicas,
             "server_cpu_seconds": result["server_cpu_seconds"] * replicas} for result in results]


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def print_rows(scenario, rows):
    for index, row in enumerate(rows):
        what = f"{scenario.name}  {scenario.what}" if index == 0 else ""
        print(f"{what:<52} {row['metric']:<12} {row['unit']:<5} {number(row['barnabas']):>9} "
              f"{number(row['ideal']):>9} {row['share']:>6.0%}  {row['least']:.0%}-{row['most']:.0%}",
              flush=True)


def machine():
    model = next((line.split(":")[1].strip()
                  for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.machine())
    memory_kib = int(pathlib.Path("/proc/meminfo").read_text().split()[1])
    return (f"{os.cpu_count()} x {model}, {memory_kib / 1e6:.0f} GB, Linux {platform.release()}, "
            f"load {os.getloadavg()[0]:.1f} at the start")


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--build", type=pathlib.Path, default=HERE.parents[1] / "build/release")
    parser.add_argument("--scenario", action="append", help="by its name; a part of it will do")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--folder", type=pathlib.Path,
                        help="where data is written meanwhile; default: in the build folder")
    return parser.parse_args()


def main():
    options = parse()
    options.build = options.build.resolve()
    os.environ["BARNABAS_BUILD"] = str(options.build)
    sys.path.insert(0, str(HERE.parent / "integration"))
    import broker_cluster  # noqa: it looks at the environment when it is loaded
    chosen = [scenario for scenario in SCENARIOS
              if not options.scenario
              or any(scenario.name.startswith(name) for name in options.scenario)]
    report = {"machine": machine(), "scenarios": []}
    print(report["machine"])
    print(f"{'':<52} {'metric':<12} {'unit':<5} {'barnabas':>9} {'ideal':>9} {'share':>6}  range")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="bench-", dir=options.folder or options.build))
    try:
        for scenario in chosen:
            with ideal_server(options.build, folder / "ideal", broker_cluster.free_port) as ideal, \
                    cluster(broker_cluster, folder, scenario.brokers) as ours:
                results = measure(options.build, scenario, [ideal, ours], options.repetitions)
            rows = compare(scenario, results)
            print_rows(scenario, rows)
            report["scenarios"].append({"name": scenario.name, "what": scenario.what,
                                        "metrics": rows, "results": results})
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()

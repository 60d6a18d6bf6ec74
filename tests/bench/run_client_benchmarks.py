#!/usr/bin/env python3
"""libbarnabas beside librdkafka: the same loads, by turns, against the same three brokers.

    tests/bench/run_client_benchmarks.py [--build build/release] [--scenario C1]...
                                         [--repetitions 5] [--json FILE] [--folder FOLDER]

Ours is `barnabas bench`; theirs is rdkafka_load, which is built where Debian's librdkafka-dev is
installed. What the rows mean: tests/bench/README.md.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
LOAD_SECONDS_MAX = 300
PARTITIONS = 6

# name, what, mode, records, bytes, rate, settings of both
THROUGHPUT = {"linger.ms": 5, "batch.size": 100000, "enable.idempotence": "true"}
CONSUME = {"check.crcs": "true"}
LATENCY = {"linger.ms": 0, "enable.idempotence": "true"}
SCENARIOS = [
    ("C1", "produce, 100 B", "produce", 2000000, 100, 0, THROUGHPUT),
    ("C2", "produce, 1 KiB", "produce", 400000, 1024, 0, THROUGHPUT),
    ("C3", "consume, 100 B", "consume", 2000000, 100, 0, CONSUME),
    ("C4", "consume, 1 KiB", "consume", 400000, 1024, 0, CONSUME),
    ("C5", "produce at 1,000/s", "produce", 4000, 100, 1000, LATENCY),
    ("C6", "produce at 10,000/s", "produce", 40000, 100, 10000, LATENCY),
    ("C7", "end to end at 1,000/s", "end-to-end", 4000, 100, 1000, LATENCY),
    ("C8", "end to end at 10,000/s", "end-to-end", 40000, 100, 10000, LATENCY),
]

# Of one result: unit, whether more is better, how it is computed.
RATES = {
    "rate": ("MB/s", True, lambda r: r["bytes"] / r["seconds"] / 1e6),
    "cpu": ("s/GB", False, lambda r: r["cpuSeconds"] / (r["bytes"] / 1e9)),
}
LATENCIES = {
    "p50": ("us", False, lambda r: r["latencyMs"]["p50"] * 1000),
    "p99": ("us", False, lambda r: r["latencyMs"]["p99"] * 1000),
    "cpu": ("us/record", False, lambda r: r["cpuSeconds"] / r["records"] * 1e6),
}


def run(command):
    ran = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                         timeout=LOAD_SECONDS_MAX, check=False)
    if ran.returncode != 0:
        raise RuntimeError(f"{command}: {ran.stderr.strip()}")
    return json.loads(ran.stdout)


def ours(build, bootstrap, topic, scenario):
    _, _, mode, records, size, rate, settings = scenario
    command = [build / "ops/cli/barnabas", "-b", bootstrap, "--output", "json", "bench", mode,
               topic, "--records", records]
    if mode != "consume":
        command += ["--size", size, "--rate", rate]
    for key, value in settings.items():
        command += ["-X", f"{key}={value}"]
    return run(command)["items"][0]


def theirs(build, bootstrap, topic, scenario):
    _, _, mode, records, size, rate, settings = scenario
    return run([build / "tests/bench/rdkafka_load", mode, bootstrap, topic, records, size, rate,
                *(f"{key}={value}" for key, value in settings.items())])


def begin_partitions(cluster, topic):
    """A record in each: until the followers of a new topic fetch, the first records wait for them,
    and that is no client's doing."""
    for partition in range(PARTITIONS):
        cluster.barnabas("produce", topic, "-", "-p", str(partition), stdin=b"first\n")


def measure(build, cluster, scenario, repetitions):
    """One result per client and repetition; who begins changes. The first round is not counted."""
    name, _, mode, records, size, _, _ = scenario
    results = {"ours": [], "theirs": []}
    clients = [("ours", ours), ("theirs", theirs)]
    filled = f"{name}-filled"
    if mode == "consume":
        cluster.create_topic(filled, PARTITIONS, 3)
        ours(build, cluster.bootstrap, filled,
             (name, "", "produce", records + records // 10, size, 0, THROUGHPUT))
    for repetition in range(repetitions + 1):
        for client, load in clients if repetition % 2 == 0 else reversed(clients):
            topic = filled
            if mode != "consume":
                topic = f"{name}-{repetition}-{client}"
                cluster.create_topic(topic, PARTITIONS, 3)
                cluster.wait_until_in_sync(topic)
                begin_partitions(cluster, topic)
            results[client].append(load(build, cluster.bootstrap, topic, scenario))
    return {client: all_of_it[1:] for client, all_of_it in results.items()}


def rows(scenario, results):
    for name, (unit, more, of) in (LATENCIES if scenario[5] else RATES).items():
        mine = [of(result) for result in results["ours"]]
        other = [of(result) for result in results["theirs"]]
        ratios = sorted(a / b if more else b / a for a, b in zip(mine, other))
        yield {"scenario": scenario[0], "what": scenario[1], "metric": name, "unit": unit,
               "barnabas": statistics.median(mine), "librdkafka": statistics.median(other),
               "share": statistics.median(ratios), "range": [ratios[0], ratios[-1]]}


def print_row(row):
    low, high = row["range"]
    print(f"{row['scenario']:3} {row['what']:24} {row['metric']:5} {row['barnabas']:11.2f} "
          f"{row['librdkafka']:11.2f} {row['unit']:10} {row['share'] * 100:6.0f} % "
          f"({low * 100:.0f}-{high * 100:.0f})", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", type=pathlib.Path, default=HERE.parent.parent / "build/release")
    parser.add_argument("--scenario", action="append")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--folder", type=pathlib.Path)
    options = parser.parse_args()
    build = options.build.resolve()
    if not (build / "tests/bench/rdkafka_load").exists():
        sys.exit("rdkafka_load is not built: install librdkafka-dev, and build again")
    os.environ["BARNABAS_BUILD"] = str(build)
    sys.path.insert(0, str(HERE.parent / "integration"))
    import broker_cluster
    tempfile.tempdir = str(options.folder or build)
    everything = []
    print(f"{'':28} {'':5} {'barnabas':>11} {'librdkafka':>11} {'':10} {'share':>8} range")
    settings = {"num.network.threads": 1, "min.insync.replicas": 2}
    with broker_cluster.BrokerCluster(3, settings=settings) as cluster:
        for scenario in SCENARIOS:
            if options.scenario and scenario[0] not in options.scenario:
                continue
            results = measure(build, cluster, scenario, options.repetitions)
            for row in rows(scenario, results):
                print_row(row)
                everything.append({**row, "results": results})
    if options.json:
        options.json.write_text(json.dumps(everything, indent=1))


if __name__ == "__main__":
    main()

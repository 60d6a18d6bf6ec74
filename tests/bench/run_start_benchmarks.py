#!/usr/bin/env python3
"""What brokers cost that have nothing to do, and how soon they are there: beside Apache Kafka, if it
is given.

    tests/bench/run_start_benchmarks.py [--partitions 0 1000]
        [--repetitions 3] [--recover-gigabytes 2] [--idle-seconds 10] [--kafka FOLDER]
        [--json FILE] [--folder FOLDER]

FOLDER, BARNABAS_BUILD: as run_benchmarks.py's. The rows: README.md.
"""
import argparse
import json
import os
import pathlib
import shutil
import socket
import statistics
import struct
import subprocess
import tempfile
import time

import bench_servers
from bench_servers import BUILD
from comparison import number

TOPIC = "started"
START_SECONDS = 300
POLL_SECONDS = 0.005
METADATA_1 = struct.Struct(">hhih4s")
# Of one replica: error, partition, leader, count of replicas, replica, count of ISR, member.
PARTITION = struct.Struct(">hiiiiii")


def leaders(address, topic):
    """How many partitions of a topic with one replica have a leader, as the broker tells; 0 if it
    tells nothing."""
    request = METADATA_1.pack(3, 1, 1, 4, b"load") + struct.pack(">ih", 1, len(topic)) + topic.encode()
    host, port = address.split(":")
    try:
        with socket.create_connection((host, int(port)), timeout=5) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            answer = connection.makefile("rb")
            body = answer.read(struct.unpack(">i", answer.read(4))[0])
    except (OSError, struct.error):
        return 0
    name_ends = body.rfind(topic.encode()) + len(topic)
    count = struct.unpack_from(">i", body, name_ends + 1)[0]
    states = body[name_ends + 5:]
    if count * PARTITION.size != len(states):
        return 0  # not all of them have their one replica in sync
    return sum(error == 0 and leader >= 0 for error, _, leader, *_ in PARTITION.iter_unpack(states))


def seconds_until(condition):
    begun = time.monotonic()
    while not condition():
        if time.monotonic() - begun > START_SECONDS:
            raise RuntimeError(f"not within {START_SECONDS} s")
        time.sleep(POLL_SECONDS)
    return time.monotonic() - begun


def is_up(broker, partitions):
    if partitions:
        return leaders(broker.address, TOPIC) == partitions
    try:
        with socket.create_connection(("127.0.0.1", broker.port), timeout=5):
            return True
    except OSError:
        return False


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mb(pid):
    rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(rollup.split("\nPss:")[1].split()[0]) / 1000


class Measured:
    """Rows of one kind of broker: {(what, unit): [value, ...]}."""

    def __init__(self):
        self.values = {}

    def add(self, what, unit, value):
        self.values.setdefault((what, unit), []).append(value)


def start_and_idle(cluster, measured, partitions, options):
    """B14, B19, B20: a clean start, and what it costs to be there."""
    broker = cluster.brokers[1]
    what = f"{partitions:,} partitions"
    if partitions:
        bench_servers.create_topic(cluster, TOPIC, partitions)
        seconds_until(lambda: is_up(broker, partitions))
    for _ in range(options.repetitions):
        cluster.stop(1)
        cluster.start_broker(1)
        measured.add(f"B14 start, {what}", "s", seconds_until(lambda: is_up(broker, partitions)))
    time.sleep(options.idle_seconds / 2)  # what follows a start is over
    before = cpu_seconds(broker.process.pid)
    time.sleep(options.idle_seconds)
    spent = cpu_seconds(broker.process.pid) - before
    measured.add(f"B20 CPU when idle, {what}", "%", spent / options.idle_seconds * 100)
    measured.add(f"B19 memory, {what}", "MB", memory_mb(broker.process.pid))


def recovery(cluster, measured, options):
    """B15: a broker that was killed right after it wrote much."""
    broker = cluster.brokers[1]
    partitions = 4
    bench_servers.create_topic(cluster, TOPIC, partitions)
    seconds_until(lambda: is_up(broker, partitions))

    def produce(size):
        return subprocess.run(
            [BUILD / "tests/bench/load_generator", "produce", "--address", broker.address,
             "--topic", TOPIC, "--partitions", str(partitions), "--batch-records", "1000",
             "--bytes", str(size)], capture_output=True, check=False).returncode == 0
    if not produce(int(options.recover_gigabytes * 1e9)):
        raise RuntimeError("the broker did not take the records")
    cluster.kill(1)
    # Kafka refuses to start while its former session lasts.
    seconds_until(lambda: "/brokers/ids/1" not in cluster.zookeeper.words("dump"))
    cluster.start_broker(1)
    measured.add(f"B15 start after kill -9, {options.recover_gigabytes:g} GB in {partitions} logs",
                 "s", seconds_until(lambda: is_up(broker, partitions) and produce(partitions)))


def measure(make_cluster, options):
    measured = Measured()
    for partitions in options.partitions:
        with make_cluster() as cluster:
            start_and_idle(cluster, measured, partitions, options)
    if options.recover_gigabytes:
        with make_cluster() as cluster:
            recovery(cluster, measured, options)
    return measured.values


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--partitions", type=int, nargs="+", default=[0, 1000])
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--recover-gigabytes", type=float, default=2)
    parser.add_argument("--idle-seconds", type=float, default=10)
    parser.add_argument("--kafka", type=pathlib.Path, metavar="FOLDER")
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--folder", type=pathlib.Path)
    return parser.parse_args()


def print_table(results):
    print(f"{'':<52} {'unit':<4}" + "".join(f" {name:>10}" for name in results)
          + (" better than kafka" if "kafka" in results else ""))
    for row in results["barnabas"]:
        medians = [statistics.median(results[name][row]) for name in results]
        ratio = f" {medians[1] / medians[0]:>16.3g}x" if len(medians) > 1 and medians[0] else ""
        print(f"{row[0]:<52} {row[1]:<4}" + "".join(f" {number(value):>10}" for value in medians)
              + ratio)


def main():
    options = parse()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="bench-", dir=options.folder or BUILD))
    tempfile.tempdir = str(folder)
    results = {}
    try:
        results["barnabas"] = measure(lambda: bench_servers.barnabas_cluster(1), options)
        if options.kafka:
            results["kafka"] = measure(lambda: bench_servers.kafka_cluster(1, options.kafka), options)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print_table(results)
    if options.json:
        options.json.write_text(json.dumps(
            {name: {f"{what} ({unit})": values for (what, unit), values in of_one.items()}
             for name, of_one in results.items()}, indent=1) + "\n")


if __name__ == "__main__":
    main()

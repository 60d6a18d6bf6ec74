#!/usr/bin/env python3
"""Moving data under load: whether the throttle holds, the progress is true, and cancelling restores.

    tests/bench/run_reassignment.py [--gigabytes 1] [--rate BYTES] [--load BYTES] [--folder FOLDER]
                                    [--json FILE]

Three brokers. A topic lies on the first; `barnabas partition reassign` moves it to the second with a
throttle (by default a minute's worth per gigabyte), while records are produced at --load bytes per
second with acks=all to another topic of three replicas. What the command tells is compared with what
lies on disk. Then a second move is taken back when a quarter is copied. At last the replicas move to
another directory of their broker (`barnabas partition move-dir`), throttled, too.
BARNABAS_BUILD names another build than build/release.
"""
import argparse
import json
import pathlib
import re
import statistics
import subprocess
import tempfile
import threading
import time

from bench_servers import BUILD, BrokerCluster, wait_until

COMMAND = str(BUILD / "ops" / "cli" / "barnabas")
PARTITIONS = 8
RECORD_BYTES = 10000
LOAD_RECORD_BYTES = 1000
UNITS = {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}
TOLD = re.compile(r"under way: ([\d.]+) (\w+) of ([\d.]+) (\w+) copied, [\d.]+ \w+ left, "
                  r"([\d.]+) (\w+)/s, (.*)$")


def seconds_of(text):
    """Of "1 min 20 s to go"; None if nobody knows."""
    parts = re.findall(r"(\d+) (d|h|min|s)\b", text)
    return sum(int(number) * {"d": 86400, "h": 3600, "min": 60, "s": 1}[unit]
               for number, unit in parts) if parts else None


class Watched:
    """A command whose lines are kept with the time and what lies on disk then."""

    def __init__(self, cluster, words, on_disk):
        self.begun = time.monotonic()
        self.process = subprocess.Popen([COMMAND, "-b", cluster.bootstrap, "--yes", *words],
                                        stdout=subprocess.PIPE, text=True)
        self.on_disk = on_disk
        self.looks = []  # (seconds, copied as told, on disk, rate as told, seconds left as told)
        self.thread = threading.Thread(target=self._read)
        self.thread.start()

    def _read(self):
        for line in self.process.stdout:
            told = TOLD.search(line)
            if told:
                self.looks.append((time.monotonic() - self.begun,
                                   float(told[1]) * UNITS[told[2]], self.on_disk(),
                                   float(told[5]) * UNITS[told[6]], seconds_of(told[7])))

    def wait(self):
        status = self.process.wait()
        self.thread.join()
        if status != 0:
            raise RuntimeError(f"{self.process.args}: status {status}")
        return time.monotonic() - self.begun


def log_bytes(folders, topic):
    """Of the .log files; folders that are being deleted do not count."""
    total = 0
    for folder in folders:
        for path in pathlib.Path(folder).glob(f"{topic}-*/*.log"):
            try:
                total += 0 if path.parent.name.endswith("-delete") else path.stat().st_size
            except FileNotFoundError:
                continue
    return total


class Load:
    """acks=all at a steady rate; for each run its latencies."""

    def __init__(self, cluster, bytes_per_second):
        self.words = ["bench", "produce", "load", "--rate",
                      str(max(1, bytes_per_second // LOAD_RECORD_BYTES)),
                      "--size", str(LOAD_RECORD_BYTES), "-X", "acks=all", "-X", "linger.ms=5"]
        self.cluster = cluster
        self.rate = max(1, bytes_per_second // LOAD_RECORD_BYTES)

    def run(self, seconds):
        told = json.loads(self.cluster.barnabas("--output", "json", *self.words, "--records",
                                                str(int(self.rate * seconds)), timeout=1200))
        return told["items"][0] if "items" in told else told

    def during(self, event):
        """Runs of five seconds until the event; their 99th percentiles."""
        results = []

        def work():
            while not event.is_set():
                results.append(self.run(5))
        thread = threading.Thread(target=work)
        thread.start()
        return thread, results


def p99(results):
    return statistics.median(result["latencyMs"]["p99"] for result in results)


def describe_move(name, watched, took, size, rate, report):
    """How true it was: of each look what was told against the disk, and at half time the estimate."""
    off = [abs(copied - disk) / size for _, copied, disk, _, _ in watched.looks]
    half = [(seconds, left) for seconds, _, _, _, left in watched.looks
            if took * 0.3 < seconds < took * 0.7 and left is not None]
    estimate = statistics.median(left / (took - seconds) for seconds, left in half) if half else None
    report[name] = {"bytes": size, "seconds": took, "rate": size / took,
                    "of_throttle": size / took / rate, "looks": len(watched.looks),
                    "told_off_max": max(off, default=None), "estimate_of_true": estimate}
    print(f"{name}: {size / 1e9:.2f} GB in {took:.1f} s, {size / took / 1e6:.1f} MB/s, "
          f"{100 * size / took / rate:.1f} % of the throttle; told against the disk: off by at most "
          f"{100 * max(off, default=0):.1f} % of all; time left as told, of the true one: "
          f"{100 * estimate if estimate else 0:.0f} %", flush=True)


def fill(cluster, size):
    cluster.barnabas("topic", "create", "moved", "--partitions", str(PARTITIONS),
                     "--replication-factor", "1")
    cluster.barnabas("partition", "reassign", "moved", "--to", "1", "--wait")
    begun = time.monotonic()
    cluster.barnabas("bench", "produce", "moved", "--records", str(size // RECORD_BYTES), "--size",
                     str(RECORD_BYTES), "-X", "batch.size=1000000", "-X", "linger.ms=20",
                     timeout=1200)
    print(f"filled in {time.monotonic() - begun:.0f} s", flush=True)


def folders_of(cluster, broker_id):
    return cluster.brokers[broker_id].settings["log.dirs"].split(",")


def move_to_other_broker(cluster, arguments, load, report):
    size = log_bytes(folders_of(cluster, 1), "moved")
    over = threading.Event()
    thread, results = load.during(over)
    watched = Watched(cluster, ["partition", "reassign", "moved", "--to", "2", "--wait",
                                "--throttle", str(arguments.rate)],
                      lambda: log_bytes(folders_of(cluster, 2), "moved"))
    took = watched.wait()
    over.set()
    thread.join()
    describe_move("reassign", watched, took, size, arguments.rate, report)
    report["reassign"]["load_p99_ms"] = p99(results)
    print(f"99 % of the load's records meanwhile within {p99(results):.1f} ms", flush=True)


def take_back(cluster, arguments, report):
    size = log_bytes(folders_of(cluster, 2), "moved")
    words = ("partition", "reassign", "moved")
    before = cluster.partitions("moved")
    cluster.barnabas(*words, "--to", "3", "--throttle", str(4 * arguments.rate))
    wait_until(lambda: log_bytes(folders_of(cluster, 3), "moved") > size / 4, 600,
               "a quarter is copied")
    begun = time.monotonic()
    cluster.barnabas(*words, "--cancel")
    wait_until(lambda: log_bytes(folders_of(cluster, 3), "moved") == 0, 60, "nothing is left of it")
    took = time.monotonic() - begun
    after = cluster.partitions("moved")
    restored = all(before[index]["replicas"] == told["replicas"] == told["isr"]
                   for index, told in after.items())
    throttled = "throttled" in cluster.barnabas("config", "describe", "topic", "moved").decode()
    same = log_bytes(folders_of(cluster, 2), "moved") == size
    report["cancel"] = {"seconds": took, "replicas_restored": restored,
                        "throttle_removed": not throttled, "data_untouched": same}
    print(f"cancelled within {took:.1f} s: {report['cancel']}", flush=True)


def move_to_other_directory(cluster, arguments, report):
    source, target = folders_of(cluster, 2)
    size, before = log_bytes([source], "moved"), log_bytes([target], "moved")
    watched = Watched(cluster, ["partition", "move-dir", "moved", "--broker", "2", "--to", target,
                                "--wait", "--throttle", str(arguments.rate)],
                      lambda: log_bytes([target], "moved") - before)
    took = watched.wait()
    describe_move("move-dir", watched, took, size, arguments.rate, report)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--gigabytes", type=float, default=1)
    parser.add_argument("--rate", type=int, help="bytes per second")
    parser.add_argument("--load", type=int, default=2000000, help="bytes per second")
    parser.add_argument("--folder", help="where the brokers' data lies")
    parser.add_argument("--json", help="where the numbers go")
    arguments = parser.parse_args()
    size = int(arguments.gigabytes * 1e9)
    arguments.rate = arguments.rate or size // 60
    if arguments.folder:
        tempfile.tempdir = arguments.folder
    report = {}
    with BrokerCluster(3, settings={"log.segment.delete.delay.ms": 1000},
                       directories=2) as cluster:
        cluster.create_topic("load", 6, 3, min_insync_replicas=2)
        cluster.wait_until_in_sync("load")
        fill(cluster, size)
        load = Load(cluster, arguments.load)
        report["load_p99_ms"] = p99([load.run(5)])
        print(f"99 % of the load's records within {report['load_p99_ms']:.1f} ms before", flush=True)
        move_to_other_broker(cluster, arguments, load, report)
        take_back(cluster, arguments, report)
        move_to_other_directory(cluster, arguments, report)
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()

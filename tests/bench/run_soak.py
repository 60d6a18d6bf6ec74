#!/usr/bin/env python3
"""Three brokers under mixed load with faults, for as long as one likes: does anything grow, slow down
or get lost?

    tests/bench/run_soak.py [--minutes 60] [--megabytes-per-second 20] [--json FILE]
                            [--folder FOLDER]

A bulk topic is written at a steady rate, read by groups as it comes and now and then from its
beginning, and deleted by retention; another measures the time from a record's due time to its
consumer; a third is written with acks=all by producers that note what was acknowledged. The time is cut
into windows of half a minute: after a quiet one comes one with a fault. Prints a line per window, and
at the end how the quiet ones of the last third compare with those of the first. Exits with 1 if
something acknowledged is missing or out of order.
"""
import argparse
import itertools
import json
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import tempfile
import time
import unittest

import bench_servers
from bench_servers import BUILD
from broker_cluster import COMMAND
from comparison import number
from steady_load import SteadyLoad

WINDOW_SECONDS = 30
PARTITIONS = 3
GROUPS = 3
RECORD_BYTES = 1000
PAUSE_SECONDS = 2
SETTINGS = {"log.segment.bytes": 32 << 20, "log.retention.check.interval.ms": 5000,
            "zookeeper.session.timeout.ms": 4000, "min.insync.replicas": 2}
BULK = {"retention.bytes": 256 << 20}


def kill(cluster, broker):
    cluster.kill(broker)
    cluster.start_broker(broker)


def restart(cluster, broker):
    cluster.stop(broker)
    cluster.start_broker(broker)


def pause(cluster, broker):
    cluster.brokers[broker].signal(signal.SIGSTOP)
    time.sleep(PAUSE_SECONDS)
    cluster.brokers[broker].signal(signal.SIGCONT)


def restart_zookeeper(cluster, _):
    cluster.zookeeper.restart()


FAULTS = {"kill -9": kill, "restart": restart, "pause": pause, "zookeeper": restart_zookeeper}


class Soak:
    def __init__(self, cluster, options):
        self.cluster = cluster
        self.options = options
        self.windows = []
        self.readers = []

    def command(self, *words):
        return subprocess.Popen([COMMAND, "-b", self.cluster.bootstrap, "-o", "json", *words],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def start_readers(self):
        for group in range(GROUPS):
            self.readers.append(subprocess.Popen(
                [COMMAND, "-b", self.cluster.bootstrap, "consume", "bulk", "--group", f"soak-{group}"],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

    def stop_readers(self):
        for reader in self.readers:
            reader.kill()
            reader.wait()

    def window(self, fault, broker):
        """Loads of one window, and the fault a third into it."""
        rate = self.options.megabytes_per_second * 1000000 // RECORD_BYTES
        bulk = self.command("bench", "produce", "bulk", "--duration", str(WINDOW_SECONDS), "--rate",
                            str(rate), "--size", str(RECORD_BYTES))
        timed = self.command("bench", "end-to-end", "timed", "--duration", str(WINDOW_SECONDS),
                             "--rate", "500")
        time.sleep(WINDOW_SECONDS / 3)
        if fault:
            FAULTS[fault](self.cluster, broker)
        time.sleep(WINDOW_SECONDS / 3)
        from_disk = self.command("bench", "consume", "bulk")
        return self.told(fault or "", bulk, timed, from_disk)

    def told(self, fault, bulk, timed, from_disk):
        results = []
        for process in (bulk, timed, from_disk):
            out, errors = process.communicate(timeout=10 * WINDOW_SECONDS)
            if process.returncode not in (0, 1):
                raise RuntimeError(f"{' '.join(process.args)}: {process.returncode}: {errors}")
            results.append(json.loads(out)["items"][0] if out else {"failed": errors.strip()})
        self.cluster.wait_until_whole()
        pids = [broker.process.pid for broker in self.cluster.brokers.values()]
        return {"fault": fault, "bulk": results[0], "timed": results[1], "from disk": results[2],
                "memory": max(broker.resident_kib() for broker in self.cluster.brokers.values()) / 1000,
                "files": max(len(os.listdir(f"/proc/{pid}/fd")) for pid in pids)}

    def run(self):
        faults = itertools.cycle(FAULTS)
        brokers = itertools.cycle(self.cluster.brokers)
        print(f"{'minute':>6} {'fault':<10} {'p50 ms':>8} {'p99 ms':>8} {'max ms':>8} {'MB/s':>7} "
              f"{'not sent':>8} {'read MB/s':>9} {'memory MB':>9} {'files':>6} {'acknowledged':>12}")
        with SteadyLoad(self.cluster, "checked", PARTITIONS) as checked:
            self.start_readers()
            try:
                end = time.monotonic() + self.options.minutes * 60
                begun = time.monotonic()
                while time.monotonic() < end:
                    fault = next(faults) if len(self.windows) % 2 else None
                    self.windows.append(self.window(fault, next(brokers)))
                    self.print_window((time.monotonic() - begun) / 60, sum(checked.count().values()))
            finally:
                self.stop_readers()
        if checked.problems:
            raise AssertionError(f"producers gave up: {checked.problems[:5]}")
        checked.check_nothing_is_lost(unittest.TestCase())
        print(f"{sum(checked.count().values()):,} records were acknowledged with acks=all: "
              "each is there, in order")

    def print_window(self, minute, acknowledged):
        window = self.windows[-1]
        latency, bulk, read = (window["timed"].get("latencyMs", {}), window["bulk"],
                               window["from disk"])

        def rate(result):
            return number(result["bytes"] / 1e6 / result["seconds"]) if "bytes" in result else "-"
        print(f"{minute:>6.1f} {window['fault']:<10} {number(latency.get('p50')):>8} "
              f"{number(latency.get('p99')):>8} {number(latency.get('max')):>8} {rate(bulk):>7} "
              f"{bulk['failed']:>8} {rate(read):>9} {number(window['memory']):>9} "
              f"{window['files']:>6} {acknowledged:>12,}", flush=True)

    def print_drift(self):
        quiet = [window for window in self.windows if not window["fault"]]
        third = len(quiet) // 3
        if third == 0:
            return
        values = {"p50 ms": lambda window: window["timed"]["latencyMs"]["p50"],
                  "p99 ms": lambda window: window["timed"]["latencyMs"]["p99"],
                  "memory MB": lambda window: window["memory"],
                  "files": lambda window: window["files"]}
        for name, value in values.items():
            first = statistics.median(map(value, quiet[:third]))
            last = statistics.median(map(value, quiet[-third:]))
            print(f"{name:<10} first third {number(first):>8}, last third {number(last):>8}: "
                  f"{last / first - 1:+.0%}")


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--megabytes-per-second", type=int, default=20)
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--folder", type=pathlib.Path)
    return parser.parse_args()


def main():
    options = parse()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="soak-", dir=options.folder or BUILD))
    tempfile.tempdir = str(folder)
    try:
        with bench_servers.barnabas_cluster(3, SETTINGS) as cluster:
            for topic, configs in (("checked", {}), ("timed", BULK), ("bulk", BULK)):
                bench_servers.create_topic(cluster, topic, PARTITIONS, configs)
                cluster.wait_until_in_sync(topic)
            soak = Soak(cluster, options)
            soak.run()
            soak.print_drift()
            if options.json:
                options.json.write_text(json.dumps(soak.windows, indent=1) + "\n")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""One broker that gets more than it can do, second by second. Numbers, no verdict.

    tests/bench/run_overload.py [--gigabytes 6] [--connections 5000] [--stuck 100] [--part O2]...
                                [--kafka FOLDER] [--folder FOLDER] [--json FILE]

Retention keeps 1 GB of each topic, so that segments of 64 MiB come and go all the time.

  O1  50 MB/s, a compacted topic, and every second a topic of 100 partitions is made and the one of
      before deleted: latency of another topic at 1,000 records/s, second by second: flushing, rolling,
      retention, compaction and changes of the metadata must not show
  O2  as much as eight producers can send: rate, memory and that latency, second by second
  O3  producers with one record each over thousands of connections: rate, memory of each, and what the
      connection got that got least
  O4  consumers that ask for a backlog and do not read: memory, and the rate of a producer meanwhile
"""
import argparse
import contextlib
import json
import pathlib
import socket
import struct
import subprocess
import tempfile
import time

import bench_servers
from bench_servers import BUILD

TOPIC = {"segment.bytes": 64 << 20, "retention.bytes": 1 << 30}
COMPACTED = {"cleanup.policy": "compact", "segment.bytes": 16 << 20, "segment.ms": 2000,
             "min.cleanable.dirty.ratio": 0.01}
SETTINGS = {"log.retention.check.interval.ms": 5000, "log.cleaner.backoff.ms": 1000}
STEADY_SECONDS, STEADY_MEGABYTES = 30, 50


class Bench:
    def __init__(self, cluster, options):
        self.cluster = cluster
        self.options = options
        self.broker = cluster.running.brokers[1]
        self.addresses = {}

    def topic(self, name, configs=None):
        self.addresses[name] = self.cluster.make_topic(name, 1, configs or TOPIC)
        return name

    def load(self, mode, topic, **values):
        words = [word for key, value in values.items()
                 for word in ("--" + key.replace("_", "-"), str(value))]
        return subprocess.Popen([BUILD / "tests/bench/load_generator", mode, "--address",
                                 self.addresses[topic], "--topic", topic, "--server",
                                 str(self.broker.process.pid), *words],
                                stdout=subprocess.PIPE, text=True)

    @staticmethod
    def result(process):
        out, _ = process.communicate()
        if process.returncode != 0:
            raise RuntimeError(f"{process.args} failed")
        return json.loads(out)

    def run_load(self, *what, **values):
        return self.result(self.load(*what, **values))

    def appended(self):
        """Bytes that the process has written to files."""
        text = pathlib.Path(f"/proc/{self.broker.process.pid}/io").read_text()
        return int(text.split("wchar: ")[1].split()[0])

    def by_the_second(self, name, is_over, each=lambda second: None):
        """A line per second, while loads run: what is appended, memory, the latency of `name`; returns
        them. `each` is called at the begin of every second, and does not wait."""
        print(f"{'s':>4} {'MB/s':>7} {'memory MB':>9} {'p50 us':>9} {'p99 us':>9} {'p99.9 us':>9}")
        seconds, before, begun = [], self.appended(), time.monotonic()
        while not is_over():
            each(len(seconds))
            latency = self.run_load("latency", name, rate=1000, seconds=1)
            now, ended = self.appended(), time.monotonic()
            second = {"megabytes": (now - before) / (ended - begun) / 1e6,
                      "memory_megabytes": self.broker.resident_kib() / 1000,
                      **{key: latency[key] for key in ("p50_us", "p99_us", "p999_us")}}
            seconds.append(second)
            print(f"{len(seconds):>4} {second['megabytes']:>7.0f} {second['memory_megabytes']:>9.1f} "
                  f"{second['p50_us']:>9.0f} {second['p99_us']:>9.0f} {second['p999_us']:>9.0f}",
                  flush=True)
            before, begun = now, ended
        return seconds

    # ---- parts: each prints what it measures, and returns it for the JSON file ----

    def steady(self):
        """O1"""
        for name in ("steady", "timed"):
            self.topic(name)
        self.topic("compacted", COMPACTED)
        words = ["--size", "1000", "--duration", str(STEADY_SECONDS)]
        loads = [subprocess.Popen([bench_servers.BUILD / "ops/cli/barnabas", "-b",
                                   self.broker.address, "bench", "produce", topic, *words,
                                   "--rate", str(rate)],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                 for topic, rate in (("steady", STEADY_MEGABYTES * 1000), ("compacted", 2000))]
        commands = []

        def change(second):
            commands.append(self.command("topic", "create", f"made-{second}", "--partitions", "100"))
            if second > 0:
                commands.append(self.command("topic", "delete", f"made-{second - 1}", "--yes"))
        seconds = self.by_the_second("timed", lambda: all(load.poll() is not None for load in loads),
                                     change)
        failed = sum(command.wait() != 0 for command in commands)
        print(f"{len(commands)} topics were made or deleted meanwhile, {failed} were not")
        return {"seconds": seconds, "topic_changes": len(commands), "of_these_failed": failed}

    def command(self, *words):
        return subprocess.Popen([bench_servers.BUILD / "ops/cli/barnabas", "-b", self.broker.address,
                                 *words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL)

    def flood(self):
        """O2"""
        self.topic("flood")
        self.topic("beside")
        load = self.load("produce", "flood", connections=8,
                         bytes=int(self.options.gigabytes * 1e9))
        seconds = self.by_the_second("beside", lambda: load.poll() is not None)
        result = self.result(load)
        print(f"{result['bytes'] / result['seconds'] / 1e6:.0f} MB/s in all; the connection that "
              f"got least got {result['least_share']:.0%} of the mean")
        return {"seconds": seconds, "load": result}

    def crowd(self):
        """O3"""
        self.topic("crowd")
        before = self.broker.resident_kib()
        result = self.run_load("produce", "crowd", connections=self.options.connections, depth=1,
                               batch_records=1, bytes=self.options.connections * 100 * 200)
        each = (result["server_resident_kib"] - before) * 1024 / self.options.connections
        print(f"{self.options.connections} connections: "
              f"{result['requests'] / result['seconds']:.0f} requests/s, p50 "
              f"{result['p50_us'] / 1000:.1f} ms, p99 {result['p99_us'] / 1000:.1f} ms; "
              f"{each:.0f} B of memory each; the one that got least got "
              f"{result['least_share']:.0%} of the mean")
        return {"load": result, "bytes_per_connection": each}

    def slow_readers(self):
        """O4"""
        topic = self.topic("backlog", {"segment.bytes": 64 << 20})
        self.topic("meanwhile")
        self.run_load("produce", topic, bytes=int(1e9))
        alone = self.run_load("produce", "meanwhile", bytes=int(5e8))
        before = self.broker.resident_kib()
        with contextlib.ExitStack() as stack:
            for _ in range(self.options.stuck):
                ask_and_do_not_read(stack, self.addresses[topic], topic)
            time.sleep(1)
            result = self.run_load("produce", "meanwhile", bytes=int(5e8))
            each = (self.broker.resident_kib() - before) / self.options.stuck
            print(f"{self.options.stuck} consumers asked for 50 MB each and read nothing: "
                  f"{each:.1f} KiB of memory each; a producer's "
                  f"{alone['bytes'] / alone['seconds'] / 1e6:.0f} MB/s "
                  f"became {result['bytes'] / result['seconds'] / 1e6:.0f}")
        return {"load_alone": alone, "load": result, "kibibytes_per_consumer": each}


def ask_and_do_not_read(stack, address, topic):
    host, port = address.rsplit(":", 1)
    connection = stack.enter_context(socket.create_connection((host, int(port))))
    name = topic.encode()
    body = (struct.pack(">hhih", 1, 4, 1, -1) + struct.pack(">iiiib", -1, 500, 1, 50 << 20, 0)
            + struct.pack(">ih", 1, len(name)) + name + struct.pack(">iiqi", 1, 0, 0, 50 << 20))
    connection.sendall(struct.pack(">i", len(body)) + body)


PARTS = {"O1": Bench.steady, "O2": Bench.flood, "O3": Bench.crowd, "O4": Bench.slow_readers}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--gigabytes", type=float, default=6)
    parser.add_argument("--connections", type=int, default=5000)
    parser.add_argument("--stuck", type=int, default=100)
    parser.add_argument("--part", action="append", choices=list(PARTS))
    parser.add_argument("--kafka", type=pathlib.Path, metavar="FOLDER")
    parser.add_argument("--folder", type=pathlib.Path)
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    tempfile.tempdir = str(options.folder or BUILD)
    with (bench_servers.kafka_cluster(1, options.kafka, SETTINGS) if options.kafka
          else bench_servers.barnabas_cluster(1, SETTINGS)) as running:
        bench = Bench(bench_servers.Cluster("measured", running), options)
        measured = {}
        for name in options.part or PARTS:
            print(name, flush=True)
            measured[name] = PARTS[name](bench)
    if options.json:
        options.json.write_text(json.dumps(measured, indent=1) + "\n")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Records of 100 bytes, 64 at a time over 16 connections (B24): into a topic, and with XADD into a
stream of Redis, by turns, at about the same durability.

    tests/bench/run_redis_benchmarks.py [--repetitions 3] [--folder FOLDER] [--json FILE]

`redis-server` and `redis-benchmark` (Debian's redis-server, redis-tools) are found by the PATH. The
servers run on one processor and the loads on the other. Prints numbers: medians and their range.
"""
import argparse
import contextlib
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import time

import bench_servers
from bench_servers import BUILD, LOAD_CPU, SERVER_CPU
from broker_cluster import free_port
from run_benchmarks import result_of, run_load

CONNECTIONS, AT_ONCE, RECORD_BYTES = 16, 64, 100
STREAM_LENGTH_MAX = 100000
# What is compared: settings of the topic, of Redis, records of one load.
DURABILITIES = {
    "in memory, written by and by": ({}, ["--appendonly", "no"], 2_000_000),
    "a log, fsync by and by": ({}, ["--appendonly", "yes", "--appendfsync", "everysec"], 2_000_000),
    "fsync before the answer": ({"flush.messages": 1},
                                ["--appendonly", "yes", "--appendfsync", "always"], 500_000),
}


@contextlib.contextmanager
def redis(folder, settings):
    port = free_port()
    folder.mkdir(parents=True)
    process = subprocess.Popen(["redis-server", "--port", str(port), "--dir", str(folder), "--save", "",
                                *settings], stdout=subprocess.DEVNULL,
                               preexec_fn=lambda: os.sched_setaffinity(0, {SERVER_CPU}))
    try:
        yield process, port
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder)


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def redis_load(process, port, records):
    """Thousands of records per second, and the server's microseconds for each."""
    before, begun = cpu_seconds(process.pid), time.monotonic()
    subprocess.run(["redis-benchmark", "-p", str(port), "-c", str(CONNECTIONS), "-P", str(AT_ONCE),
                    "-n", str(records), "-q", "XADD", "stream", "MAXLEN", "~",
                    str(STREAM_LENGTH_MAX), "*", "v", "x" * RECORD_BYTES],
                   stdout=subprocess.DEVNULL, check=True,
                   preexec_fn=lambda: os.sched_setaffinity(0, {LOAD_CPU}))
    seconds = time.monotonic() - begun
    return records / seconds / 1000, (cpu_seconds(process.pid) - before) / records * 1e6


def our_load(server, topic, configs, records):
    load = ("produce", ["--batch-records", str(AT_ONCE), "--connections", str(CONNECTIONS),
                        "--depth", "1", "--record-bytes", str(RECORD_BYTES),
                        "--bytes", str(records * RECORD_BYTES)])
    address = server.make_topic(topic, 1, configs)
    result = result_of(run_load(server, topic, address, load, True), server, topic)
    server.remove_topic(topic)
    done = result["requests"] * AT_ONCE
    return done / result["seconds"] / 1000, result["server_cpu_seconds"] / done * 1e6


def shown(values, digits):
    return (f"{statistics.median(values):.{digits}f} "
            f"({min(values):.{digits}f}-{max(values):.{digits}f})")


def measure(options, server, folder, name):
    configs, settings, records = DURABILITIES[name]
    ours, theirs = [], []
    with redis(folder / "redis", settings) as (process, port):
        time.sleep(1)
        for repetition in range(options.repetitions + 1):
            ours.append(our_load(server, f"b24-{repetition}", configs, records))
            theirs.append(redis_load(process, port, records))
    ours, theirs = ours[1:], theirs[1:]  # the first of each warms up
    ratios = [mine[0] / other[0] for mine, other in zip(ours, theirs)]
    print(f"{name:30} {shown([rate for rate, _ in ours], 0):>22} "
          f"{shown([rate for rate, _ in theirs], 0):>18} {shown(ratios, 1):>16} "
          f"{shown([cpu for _, cpu in ours], 2):>18} {shown([cpu for _, cpu in theirs], 2):>18}",
          flush=True)
    return {"ours": ours, "redis": theirs}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--folder", type=pathlib.Path)
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="redis-", dir=options.folder or BUILD))
    tempfile.tempdir = str(folder)
    print(f"{'':30} {'ours, k/s':>22} {'redis, k/s':>18} {'times':>16} {'ours, us each':>18} "
          f"{'redis, us each':>18}")
    try:
        with bench_servers.barnabas(1) as server:
            server.pin()
            measured = {name: measure(options, server, folder, name) for name in DURABILITIES}
        if options.json:
            options.json.write_text(json.dumps(measured, indent=1) + "\n")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()

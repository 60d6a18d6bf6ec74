#!/usr/bin/python3
"""How long one broker takes to start, and what idle partitions cost. Numbers, no verdict.

    tests/bench/run_partitions_benchmarks.py [--build build/release] [--partitions 10000]
                                        [--gigabytes 1] [--folder FOLDER] [--json FILE]

  S0  many partitions are made, a thousand at a time, until the broker leads them; what it takes of a
      processor when nothing is asked of it
  S1  the same with a few records each, after a clean stop: until its process answers an
      ApiVersions request, and until it leads all of them; with what the page cache still holds, and
      with a cache that was dropped (needs root)
  S2  the same partitions after kill -9, with what the page cache holds and without
  S3  a few partitions with many records, after kill -9 before anything was checkpointed: recovery
      reads all of it, with one and with two recovery threads
Beside each: resident memory and open files half a second after it leads all.

The folder should lie on the disk that is meant, not on tmpfs; one ZooKeeper stays up all the time.
"""
import argparse
import os
import pathlib
import re
import socket
import struct
import sys
import tempfile
import time

from measured_rows import MeasuredRows

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration"))

RECORD_BYTES = 1000
START_SECONDS = 300
SETTLE_SECONDS = 3
IDLE_SECONDS = 10
measured = MeasuredRows(50)


def drop_caches():
    """True if the kernel let go of what it had read of files and folders."""
    os.sync()
    try:
        pathlib.Path("/proc/sys/vm/drop_caches").write_text("3")
        return True
    except OSError:
        return False


def answers(port):
    """ApiVersions, version 0."""
    request = struct.pack(">hhih", 18, 0, 1, -1)
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.settimeout(START_SECONDS)
            connection.sendall(struct.pack(">i", len(request)) + request)
            return len(connection.recv(8)) > 0
    except OSError:
        return False


def led_partitions(broker):
    try:
        status, page = broker.http("/metrics")
    except (OSError, TypeError):
        return 0
    found = re.search(r"^kafka_server_replicamanager_leadercount(?:\{[^}]*\})? (\S+)", page, re.M)
    return float(found.group(1)) if status == 200 and found else 0


class Started:
    def __init__(self, cluster, partitions):
        broker = cluster.brokers[1]
        already = len(broker.output())
        begun = time.monotonic()
        cluster.start_broker(1)
        while not answers(broker.port):
            assert broker.is_running(), broker.output()[-3000:]
            time.sleep(0.005)
        self.answered = time.monotonic() - begun
        while led_partitions(broker) < partitions:
            time.sleep(0.02)
        self.led = time.monotonic() - begun
        time.sleep(0.5)
        self.resident_kib = broker.resident_kib()
        self.files = len(os.listdir(f"/proc/{broker.process.pid}/fd"))
        loaded = re.findall(r" logs_loaded .*duration_ms=(\d+)", broker.output()[already:])
        self.load_ms = int(loaded[-1]) if loaded else -1

    def __str__(self):
        return (f"answers {self.answered:.2f} s (logs {self.load_ms / 1000:.2f} s), "
                f"leads all {self.led:.2f} s, {self.resident_kib / 1024:.0f} MiB, "
                f"{self.files} files")


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def all_opened(output):
    """Whether the logs that the last start left unopened are open."""
    return output.rfind(" logs_opened ") > output.rfind(" logs_loaded ")


def idle_share(cluster):
    """Of one processor, after what was begun before has settled."""
    pid = cluster.brokers[1].process.pid
    while not all_opened(cluster.brokers[1].output()):
        time.sleep(0.1)
    time.sleep(SETTLE_SECONDS)
    before = cpu_seconds(pid)
    time.sleep(IDLE_SECONDS)
    return f"{(cpu_seconds(pid) - before) / IDLE_SECONDS:.1%}"


def stop(cluster, what):
    begun = time.monotonic()
    cluster.stop(1)
    measured.print("S1", f"{what}, clean stop takes", f"{time.monotonic() - begun:.1f} s")


def kill(cluster):
    """As it counts: until its session has ended, a broker that comes back has to wait for that."""
    cluster.kill(1)
    while "/brokers/ids/1" in cluster.zookeeper.words("dump"):
        time.sleep(0.05)


def produce(cluster, topic, count):
    """Records without key, which the command spreads over all partitions."""
    line = b"x" * (RECORD_BYTES - 1) + b"\n"
    with tempfile.NamedTemporaryFile() as file:
        for _ in range(count):
            file.write(line)
        file.flush()
        cluster.barnabas("produce", topic, file.name, timeout=START_SECONDS * 4)


def many_partitions(broker_cluster, settings, partitions):
    with broker_cluster.BrokerCluster(1, settings=settings) as cluster:
        begun = time.monotonic()
        for first in range(0, partitions, 1000):
            cluster.create_topic(f"many-{first}", min(1000, partitions - first), 1)
        while led_partitions(cluster.brokers[1]) < partitions:
            time.sleep(0.02)
        measured.print("S0", f"{partitions} partitions are made", f"{time.monotonic() - begun:.1f} s, "
                       f"{cluster.brokers[1].resident_kib() / 1024:.0f} MiB, {idle_share(cluster)} idle")
        for first in range(0, partitions, 1000):
            produce_everywhere(cluster, f"many-{first}", min(1000, partitions - first))
        stop(cluster, f"{partitions} partitions with new records")
        measured.print("S1", f"{partitions} partitions, clean stop", Started(cluster, partitions))
        measured.print("S1", f"{partitions} partitions, all opened",
                       f"{idle_share(cluster)} idle, {cluster.brokers[1].resident_kib() / 1024:.0f} MiB")
        stop(cluster, f"{partitions} partitions without")
        if drop_caches():
            measured.print("S1", f"{partitions} partitions, clean stop, cold cache",
                           Started(cluster, partitions))
            cluster.stop(1)
            Started(cluster, partitions)
        else:
            Started(cluster, partitions)
        for drops in (False, True):
            kill(cluster)
            cold = drops and drop_caches()
            measured.print("S2", f"{partitions} partitions, kill -9{', cold cache' if cold else ''}",
                           Started(cluster, partitions))
        measured.print("S2", f"{partitions} partitions, settled",
                       f"{idle_share(cluster)} idle, {cluster.brokers[1].resident_kib() / 1024:.0f} MiB")


def produce_everywhere(cluster, topic, partitions):
    """Some records into each partition of the topic."""
    with tempfile.NamedTemporaryFile("w") as file:
        for i in range(partitions * 8):
            file.write(f"{i}\tvalue of {i}\n")
        file.flush()
        cluster.barnabas("produce", topic, file.name, "--key-separator", "\t",
                         timeout=START_SECONDS)


def much_data(broker_cluster, settings, gigabytes):
    settings = {**settings, "log.flush.offset.checkpoint.interval.ms": 10 ** 9}
    with broker_cluster.BrokerCluster(1, settings=settings) as cluster:
        cluster.create_topic("large", 8, 1)
        for _ in range(gigabytes):
            produce(cluster, "large", 10 ** 9 // RECORD_BYTES)
        for threads in (1, 2):
            kill(cluster)
            cold = drop_caches()
            cluster.brokers[1].settings["num.recovery.threads.per.data.dir"] = threads
            started = Started(cluster, 8)
            measured.print("S3", f"{gigabytes} GB to recover, {threads} threads"
                           f"{', cold cache' if cold else ''}",
                           f"{started}; {gigabytes * 1e3 / started.load_ms * 1e3:.0f} MB/s")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--partitions", type=int, default=10000)
    parser.add_argument("--gigabytes", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1,
                        help="num.recovery.threads.per.data.dir")
    parser.add_argument("--folder", default=None)
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    folder = pathlib.Path(options.folder or pathlib.Path(options.build) / "bench-start")
    folder.mkdir(parents=True, exist_ok=True)
    tempfile.tempdir = str(folder.resolve())
    os.environ["BARNABAS_BUILD"] = options.build
    import broker_cluster  # reads BARNABAS_BUILD
    broker_cluster.START_SECONDS = broker_cluster.STOP_SECONDS = START_SECONDS
    settings = {"num.recovery.threads.per.data.dir": options.threads,
                "barnabas.admin.listener": "127.0.0.1:0", "log.retention.check.interval.ms": 10 ** 9}
    if options.partitions > 0:
        many_partitions(broker_cluster, settings, options.partitions)
    if options.gigabytes > 0:
        much_data(broker_cluster, settings, options.gigabytes)
    measured.write(options.json)


if __name__ == "__main__":
    main()

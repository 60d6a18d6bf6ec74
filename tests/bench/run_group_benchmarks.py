#!/usr/bin/python3
"""What consumer groups cost, and how long consumers wait for them. Numbers, no verdict.

    tests/bench/run_group_benchmarks.py [--build build/release] [--groups 1000] [--commits 100000]
                                        [--json FILE]

  G1  groups of five members, a connection each, that send a heartbeat every three seconds: the
      broker's share of one processor, and its memory
  G2  among them, a group at a time whose members all join anew: from the first JoinGroup to the
      last answer to a SyncGroup
  G3  a group of many commits: from the start of the coordinator's load to its end
  G4  a second consumer joins: the longest time that each partition is not consumed by anybody, with
      an eager and with a cooperative assignor (kcat)
"""
import argparse
import collections
import os
import pathlib
import random
import re
import statistics
import subprocess
import sys
import threading
import time

from measured_rows import MeasuredRows

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration"))

MEMBERS_PER_GROUP = 5
BEAT_SECONDS = 3
MEASURED_SECONDS = 12
REBALANCES = 100
PARTITIONS_OF_COMMITS = 1000
PARTITIONS_OF_GAP = 20
GAP_RATE = 500
measured = MeasuredRows(58)


def spread(values, unit, scale=1):
    values = sorted(value * scale for value in values)
    return (f"{statistics.median(values):.1f} {unit} (99 %: {values[int(len(values) * 0.99) - 1]:.1f}, "
            f"most: {values[-1]:.1f})")


def cpu_seconds(broker):
    fields = pathlib.Path(f"/proc/{broker.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# ---- G1, G2 ----

class Beating:
    """All members send a heartbeat by turns, each every BEAT_SECONDS; a member that waits for
    something else is left out."""

    def __init__(self, crowd, members):
        self.crowd, self.members = crowd, members
        self.next, self.begun, self.turns = 0, time.monotonic(), 0

    def step(self):
        due = int((time.monotonic() - self.begun) * len(self.members) / BEAT_SECONDS)
        while self.turns < due:
            member = self.members[self.next]
            if member.beats and member.outstanding == 0:
                member.beat()
            self.next = (self.next + 1) % len(self.members)
            self.turns += 1
        self.crowd.turn(0.001)


def rebalance(beating, group):
    """Seconds; the members ask one right after another, once none of them waits for an answer."""
    for member in group:
        member.beats = False
    while any(member.outstanding for member in group):
        beating.step()
    begun = time.monotonic()
    for member in group:
        member.join()
    while any(member.synced_at is None for member in group):
        beating.step()
    took = time.monotonic() - begun
    for member in group:
        member.beats = True
    return took


def heartbeats(cluster, group_count):
    from group_crowd import Crowd, Member
    broker = cluster.brokers[1]
    crowd = Crowd()
    groups = [[Member(crowd, broker.address, f"group-{number}") for _ in range(MEMBERS_PER_GROUP)]
              for number in range(group_count)]
    begun = time.monotonic()
    for group in groups:
        for member in group:
            member.join()
        crowd.turn(0)
    members = [member for group in groups for member in group]
    crowd.run_until(lambda: all(member.synced_at for member in members), 120)
    measured.print("G1", f"{group_count} new groups of {MEMBERS_PER_GROUP}: until all have assignments",
                   f"{time.monotonic() - begun:.1f} s")
    beating = Beating(crowd, members)
    for phase in ("settle", "measure"):
        crowd.beats, cpu, begun = 0, cpu_seconds(broker), time.monotonic()
        while time.monotonic() - begun < (BEAT_SECONDS if phase == "settle" else MEASURED_SECONDS):
            beating.step()
    seconds = time.monotonic() - begun
    used = cpu_seconds(broker) - cpu
    measured.print("G1", "heartbeats a second, answered", f"{crowd.beats / seconds:.0f}")
    measured.print("G1", "CPU share of the broker, of one processor", f"{100 * used / seconds:.1f} %")
    measured.print("G1", "CPU per heartbeat", f"{1e6 * used / crowd.beats:.1f} us")
    measured.print("G1", "memory of the broker", f"{broker.resident_kib() / 1000:.0f} MB")
    took = [rebalance(beating, group)
            for group in random.Random(1).sample(groups, min(REBALANCES, len(groups)))]
    measured.print("G2", "a rebalance of five members, all at once", spread(took, "ms", 1000))
    crowd.close()


# ---- G3 ----

def load_time(cluster, commits):
    import socket

    from broker_cluster import wait_until
    from group_crowd import NO_ERROR, ask, commit
    broker = cluster.brokers[1]
    cluster.barnabas("topic", "create", "commits", "--partitions", str(PARTITIONS_OF_COMMITS))
    host, port = broker.address.split(":")
    with socket.create_connection((host, int(port))) as connection:
        begun = time.monotonic()
        for number in range(commits // PARTITIONS_OF_COMMITS):
            answer = ask(connection, commit("many-commits", "commits", [
                (partition, number) for partition in range(PARTITIONS_OF_COMMITS)]))
            answer.at += 4
            answer.text()
            answer.at += 8
            if answer.number("h") != NO_ERROR:
                raise RuntimeError("a commit is refused")
        seconds = time.monotonic() - begun
    measured.print("G3", f"{commits} commits, {PARTITIONS_OF_COMMITS} a request: commits a second",
                   f"{commits / seconds:.0f}")
    seen = len(broker.output())
    cluster.kill(1)
    cluster.start_broker(1)
    cluster.wait_until_whole()
    loaded = r"coordinator_loaded .*records=(\d+) duration_ms=(\d+)"

    def largest():
        found = [tuple(map(int, match)) for match in re.findall(loaded, broker.output()[seen:])]
        return max(found, default=None)

    records, took_ms = wait_until(lambda: (largest() or (0, 0))[0] >= commits and largest(), 60,
                                  "the group is loaded")
    measured.print("G3", f"the coordinator's load of {records} records", f"{took_ms} ms")


# ---- G4 ----

class Consuming:
    """A kcat in a group, and when what came."""

    def __init__(self, bootstrap, group, topic, assignor, times):
        self.process = subprocess.Popen(
            ["kcat", "-b", bootstrap, "-G", group, "-u", "-q", "-f", "%p\n",
             "-X", f"partition.assignment.strategy={assignor}", "-X", "auto.offset.reset=earliest",
             "-X", "fetch.wait.max.ms=10", "-X", "heartbeat.interval.ms=500", topic],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.seen = set()
        threading.Thread(target=self._read, args=(times,), daemon=True).start()

    def _read(self, times):
        for line in self.process.stdout:
            if line.strip().isdigit():
                self.seen.add(int(line))
                times[int(line)].append(time.monotonic())

    def stop(self):
        self.process.terminate()
        self.process.wait()


def produce_until(bootstrap, topic, stopping):
    from kafka import KafkaProducer
    producer = KafkaProducer(bootstrap_servers=bootstrap.split(","))
    partition = 0
    while not stopping.is_set():
        for _ in range(GAP_RATE // 100):
            producer.send(topic, b"x", partition=partition)
            partition = (partition + 1) % PARTITIONS_OF_GAP
        time.sleep(0.01)
    producer.close()


def gap(cluster, assignor):
    """The longest pause of each partition while a second member joins a group of one."""
    from broker_cluster import wait_until
    topic, group = f"gap-{assignor}", f"gap-{assignor}"
    cluster.barnabas("topic", "create", topic, "--partitions", str(PARTITIONS_OF_GAP))
    stopping = threading.Event()
    producing = threading.Thread(target=produce_until,
                                 args=(cluster.bootstrap, topic, stopping))
    producing.start()
    times = collections.defaultdict(list)
    first = Consuming(cluster.bootstrap, group, topic, assignor, times)
    second = None
    try:
        wait_until(lambda: len(first.seen) == PARTITIONS_OF_GAP, 30, "the first consumes all")
        time.sleep(2)   # what is behind by then would look like a gap
        begun = time.monotonic()
        second = Consuming(cluster.bootstrap, group, topic, assignor, times)
        wait_until(lambda: len(second.seen) == PARTITIONS_OF_GAP // 2, 30, "the second has half")
        time.sleep(2)
        gaps = []
        for partition in range(PARTITIONS_OF_GAP):
            after = [at for at in times[partition] if at > begun - 0.5]
            gaps.append(max(b - a for a, b in zip(after, after[1:])))
        measured.print("G4", f"{assignor}: longest pause, partitions that stay", spread(
                 [gaps[partition] for partition in set(range(PARTITIONS_OF_GAP)) - second.seen], "ms",
                 1000))
        measured.print("G4", f"{assignor}: longest pause, partitions that move", spread(
                 [gaps[partition] for partition in second.seen], "ms", 1000))
    finally:
        stopping.set()
        producing.join()
        first.stop()
        if second is not None:
            second.stop()


def make_internal_topic(cluster):
    """It comes into being when a coordinator is looked for; a commit waits until it is led."""
    from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition
    cluster.barnabas("topic", "create", "any", "--partitions", "1")
    consumer = KafkaConsumer(bootstrap_servers=cluster.bootstrap.split(","), group_id="any",
                             enable_auto_commit=False)
    consumer.assign([TopicPartition("any", 0)])
    consumer.commit({TopicPartition("any", 0): OffsetAndMetadata(0, "")})
    consumer.close(autocommit=False)
    cluster.wait_until_in_sync("__consumer_offsets")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--groups", type=int, default=1000)
    parser.add_argument("--commits", type=int, default=100000)
    parser.add_argument("--json", type=pathlib.Path)
    asked = parser.parse_args()
    os.environ["BARNABAS_BUILD"] = asked.build
    from broker_cluster import BrokerCluster
    with BrokerCluster(1, settings={"offsets.topic.num.partitions": 5}) as cluster:
        make_internal_topic(cluster)
        heartbeats(cluster, asked.groups)
        load_time(cluster, asked.commits)
        for assignor in ("range", "cooperative-sticky"):
            gap(cluster, assignor)
    measured.write(asked.json)


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""What happens to a cluster of many partitions when brokers come and go. Numbers, no verdict.

    tests/bench/run_cluster_benchmarks.py [--partitions 10000] [--topics 10] [--kafka FOLDER]
                                          [--json FILE]

With FOLDER (as run_benchmarks.py's) the cluster is Apache Kafka's. BARNABAS_BUILD: as there.

Three brokers, each partition on all of them:

  C1  topics are made: until every broker knows a leader of every partition, and until every replica
      is in sync; watches, memory and the share of a processor that an idle broker takes then, and
      how long metadata takes
  C2  a broker is killed that is not the controller: from the end of its session until each partition
      that it led is answered for by another
  C3  the controller is killed: the same, and until the next one has made a topic
  C4  a broker that was killed is started: until it is in every ISR again
  C5  ZooKeeper is killed and started: until all brokers are registered and a topic can be made
  C6  a broker is stopped as by an operator (SIGTERM): until it has ended; and for how long some of
      the partitions that it led are not acknowledged anything
"""
import argparse
import os
import pathlib
import random
import socket
import struct
import threading
import time

from kazoo.client import KazooClient

import bench_servers
from measured_rows import MeasuredRows
from produce_gaps import ProduceGaps, read_partitions, text

SESSION_MS = 6000
IDLE_SECONDS = 10
PATIENCE_SECONDS = 300
METADATA_REQUESTS = 50
GAPS = 50  # partitions whose gap is measured
measured = MeasuredRows(66)


class Asker:
    """One connection to one broker; None where it does not answer."""

    def __init__(self, broker):
        self.broker, self.socket = broker, None

    def close(self):
        if self.socket is not None:
            self.socket.close()
        self.socket = None

    def ask(self, api, version, body):
        request = struct.pack(">hhi", api, version, 1) + text("bench") + body
        try:
            if self.socket is None:
                self.socket = socket.create_connection(("127.0.0.1", self.broker.port), 5)
            self.socket.sendall(struct.pack(">i", len(request)) + request)
            return self._receive(struct.unpack(">i", self._receive(4))[0])[4:]
        except OSError:
            self.close()
            return None

    def _receive(self, size):
        parts = []
        while size > 0:
            part = self.socket.recv(min(size, 1 << 20))
            if not part:
                raise OSError("closed")
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def metadata(self):
        """{(topic, partition): (leader, replicas, isr)} and the controller's id."""
        answer = self.ask(3, 1, struct.pack(">i", -1))
        return ({}, -1) if answer is None else read_metadata(answer)

    def answers_for(self, topics):
        """Those of {topic: [partition, ...]} that it answers for as their leader."""
        body = struct.pack(">ii", -1, len(topics))
        for topic, partitions in topics.items():
            body += text(topic) + struct.pack(">i", len(partitions))
            body += b"".join(struct.pack(">iq", partition, -1) for partition in partitions)
        answer = self.ask(2, 1, body)
        return set() if answer is None else read_partitions(answer)


def read_metadata(answer):
    at = 4
    for _ in range(struct.unpack_from(">i", answer)[0]):
        at += 4
        at += 2 + struct.unpack_from(">h", answer, at)[0] + 4
        rack = struct.unpack_from(">h", answer, at)[0]
        at += 2 + max(rack, 0)
    controller, topics = struct.unpack_from(">ii", answer, at)
    at += 8
    found = {}
    for _ in range(topics):
        size = struct.unpack_from(">h", answer, at + 2)[0]
        name = answer[at + 4:at + 4 + size].decode()
        at += 4 + size + 1
        partitions = struct.unpack_from(">i", answer, at)[0]
        at += 4
        for _ in range(partitions):
            index, leader, replicas = struct.unpack_from(">iii", answer, at + 2)
            at += 14 + 4 * replicas
            isr = struct.unpack_from(">i", answer, at)[0]
            found[name, index] = (leader, replicas,
                                  set(struct.unpack_from(f">{isr}i", answer, at + 4)))
            at += 4 + 4 * isr
    return found, controller


class Moments:
    """When nodes of ZooKeeper went and came."""

    def __init__(self, connect, paths):
        self.lock, self.events = threading.Lock(), []
        self.client = KazooClient(connect, timeout=60)
        self.client.start()
        for path in paths:
            self.client.DataWatch(path, self._note(path))

    def _note(self, path):
        def note(data, _):
            with self.lock:
                self.events.append((time.monotonic(), path, data))
        return note

    def after(self, since, path, exists):
        """The first moment after `since`; waits for it."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            with self.lock:
                for moment, of, data in self.events:
                    if moment > since and of == path and (data is not None) == exists:
                        return moment
            time.sleep(0.002)
        raise RuntimeError(f"{path}: nothing happened")

    def close(self):
        self.client.stop()
        self.client.close()


class Bench:
    def __init__(self, cluster, options):
        self.cluster, self.options = cluster, options
        self.topics = [f"many-{number}" for number in range(options.topics)]
        self.each = options.partitions // options.topics
        self.askers = {broker_id: Asker(broker) for broker_id, broker in cluster.brokers.items()}

    def until(self, what, condition):
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            if time.monotonic() > deadline:
                raise RuntimeError(f"not within {PATIENCE_SECONDS} s: {what}")
            time.sleep(0.02)
        return time.monotonic()

    def ours(self, broker_id):
        told, _ = self.askers[broker_id].metadata()
        return {key: value for key, value in told.items() if key[0].startswith("many-")}

    def is_led(self, broker_id):
        told = self.ours(broker_id)
        return (len(told) == self.each * len(self.topics) and
                all(leader >= 0 for leader, _, _ in told.values()))

    def is_whole(self, broker_id):
        told = self.ours(broker_id)
        return (len(told) == self.each * len(self.topics) and
                all(len(isr) == replicas for _, replicas, isr in told.values()))

    def running(self):
        return [broker_id for broker_id, broker in self.cluster.brokers.items()
                if broker.is_running()]

    def cpu_seconds(self, broker_id):
        process = self.cluster.brokers[broker_id].process.pid
        fields = pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    # ---- C1 ----

    def create(self):
        watches = int(self.cluster.zookeeper.monitor()["zk_watch_count"])
        begun = time.monotonic()
        for topic in self.topics:
            bench_servers.create_topic(self.cluster, topic, self.each)
        answered = time.monotonic()
        led = [self.until("all are led", lambda b=b: self.is_led(b)) for b in self.running()]
        whole = [self.until("all are in sync", lambda b=b: self.is_whole(b))
                 for b in self.running()]
        measured.print("C1", f"{self.options.partitions} partitions are made, CreateTopics answered",
                       f"{answered - begun:.2f} s")
        measured.print("C1", "every broker knows a leader of each", f"{max(led) - begun:.2f} s")
        measured.print("C1", "every replica is in sync", f"{max(whole) - begun:.2f} s")
        more = int(self.cluster.zookeeper.monitor()["zk_watch_count"])
        measured.print("C1", "watches of all brokers, before and after", f"{watches}, {more}")
        self.idle("C1")

    def idle(self, name):
        time.sleep(2)
        before = {b: self.cpu_seconds(b) for b in self.running()}
        time.sleep(IDLE_SECONDS)
        shares = [(self.cpu_seconds(b) - before[b]) / IDLE_SECONDS for b in self.running()]
        measured.print(name, "idle: each broker's share of one processor",
                       ", ".join(f"{share:.1%}" for share in shares))
        measured.print(name, "memory of each broker",
                       ", ".join(f"{self.cluster.brokers[b].resident_kib() / 1024:.0f} MiB"
                                 for b in self.running()))
        self.metadata_latency(name)

    def metadata_latency(self, name):
        """Of all topics, and of one; it says nothing of what reading the answer takes a client."""
        asker = self.askers[self.running()[0]]
        for what, topics in (("all topics", None), ("one topic", [self.topics[0]])):
            body = struct.pack(">i", -1 if topics is None else len(topics))
            body += b"".join(text(topic) for topic in topics or [])
            times, size = [], 0
            for _ in range(METADATA_REQUESTS):
                begun = time.monotonic()
                size = len(asker.ask(3, 1, body))
                times.append(time.monotonic() - begun)
            times.sort()
            measured.print(name, f"metadata of {what}, {size:,} bytes: median, slowest",
                           f"{times[len(times) // 2] * 1e3:.2f} ms, {times[-1] * 1e3:.2f} ms")

    # ---- C2, C3 ----

    def led_by(self, broker_id):
        topics = {}
        for (topic, partition), (leader, _, _) in self.ours(self.running()[0]).items():
            if leader == broker_id:
                topics.setdefault(topic, []).append(partition)
        return topics

    def until_served(self, topics):
        wanted = sum(len(partitions) for partitions in topics.values())
        others = [self.askers[broker_id] for broker_id in self.running()]
        return self.until("all are served", lambda: sum(
            len(asker.answers_for(topics)) for asker in others) >= wanted)

    def kill(self, name, victim):
        topics = self.led_by(victim)
        path = f"/brokers/ids/{victim}"
        moments = Moments(self.cluster.zookeeper.connect, [path, "/controller"])
        was_controller = self.cluster.controller() == victim
        killed = time.monotonic()
        self.cluster.kill(victim)
        self.askers[victim].close()
        gone = moments.after(killed, path, False)
        served = self.until_served(topics)
        count = sum(len(partitions) for partitions in topics.values())
        measured.print(name, f"{count} partitions are served again, after the end of the session",
                       f"{served - gone:.2f} s")
        if was_controller:
            elected = moments.after(gone - 1, "/controller", True)
            measured.print(name, "the same, after the next controller's election",
                           f"{served - elected:.2f} s (elected after {elected - gone:.2f} s)")
            self.until_created(name, elected)
        moments.close()

    def until_created(self, name, since):
        self.until("a topic is made", lambda: b"created" in self.cluster.barnabas(
            "--timeout", "5", "topic", "create", f"after-{name}", "--partitions", "1",
            "--replication-factor", "2", check=False))
        measured.print(name, "a topic is made, after that", f"{time.monotonic() - since:.2f} s")

    # ---- C4, C5 ----

    def restart(self, name, victim):
        begun = time.monotonic()
        self.cluster.start_broker(victim)
        known = self.until("it answers", lambda: self.askers[victim].ask(18, 0, b"") is not None)
        other = next(broker_id for broker_id in self.running() if broker_id != victim)
        whole = self.until("it is in sync", lambda: self.is_whole(other))
        measured.print(name, "a broker that was killed starts: it accepts clients",
                       f"{known - begun:.2f} s")
        measured.print(name, "it is in every ISR", f"{whole - begun:.2f} s")

    def restart_zookeeper(self, name):
        before = {b: self.ours(b) for b in self.running()}
        self.cluster.zookeeper.restart(kill=True)
        back = time.monotonic()
        self.until_created(name, back)
        self.cluster.wait_until_whole()
        measured.print(name, "all brokers are registered, after ZooKeeper answers",
                       f"{time.monotonic() - back:.2f} s")
        after = {b: self.ours(b) for b in self.running()}
        kept = sum(after[b][key][0] == value[0] for b in self.running()
                   for key, value in before[b].items())
        measured.print(name, "leaders that stayed",
                       f"{kept} of {sum(len(told) for told in before.values())}")
        self.idle(name)

    # ---- C6 ----

    def stop(self, name, victim):
        self.cluster.barnabas("--timeout", str(PATIENCE_SECONDS), "leader", "elect",
                              "--preferred", timeout=PATIENCE_SECONDS)
        share = len(self.topics) * (self.each // len(self.running()))  # or some more
        self.until("it leads its share", lambda: sum(map(len, self.led_by(victim).values())) >= share)
        led = [(topic, index) for topic, all_ in self.led_by(victim).items() for index in all_]
        some = {}
        for topic, index in random.Random(0).sample(sorted(led), min(GAPS, len(led))):
            some.setdefault(topic, []).append(index)
        askers = {broker_id: Asker(self.cluster.brokers[broker_id]) for broker_id in self.running()}
        with ProduceGaps({broker_id: asker.ask for broker_id, asker in askers.items()}, victim,
                         some) as gaps:
            begun = time.monotonic()
            status = self.cluster.stop(victim)
            ended = time.monotonic()
        for asker in (*askers.values(), self.askers[victim]):
            asker.close()
        seconds = gaps.seconds
        measured.print(name, f"a broker that leads {len(led)} is stopped: it has ended",
                       f"{ended - begun:.2f} s (status {status})")
        measured.print(name, f"{len(seconds)} of these, not acknowledged: median, 99 %, longest",
                       ", ".join(f"{seconds[at] * 1e3:.0f} ms" for at in (
                           len(seconds) // 2, len(seconds) * 99 // 100, -1)))

    def run(self):
        self.create()
        controller = self.cluster.controller()
        victim = next(broker_id for broker_id in self.running() if broker_id != controller)
        self.kill("C2", victim)
        self.restart("C4", victim)
        controller = self.cluster.controller()
        self.kill("C3", controller)
        self.restart("C4", controller)
        self.restart_zookeeper("C5")
        controller = self.cluster.controller()
        self.stop("C6", next(broker_id for broker_id in self.running() if broker_id != controller))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--partitions", type=int, default=10000)
    parser.add_argument("--topics", type=int, default=10)
    parser.add_argument("--kafka", type=pathlib.Path, metavar="FOLDER")
    parser.add_argument("--keep", action="store_true", help="the cluster's folder stays")
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    settings = {"zookeeper.session.timeout.ms": SESSION_MS, "min.insync.replicas": 1,
                "auto.leader.rebalance.enable": "false"}
    more = {"zookeeper": {"heap_mb": 512}, "keep": options.keep}
    with (bench_servers.kafka_cluster(3, options.kafka, settings, **more) if options.kafka
          else bench_servers.barnabas_cluster(3, settings, **more)) as cluster:
        Bench(cluster, options).run()
        if options.keep:
            print(cluster.folder)
    measured.write(options.json)


if __name__ == "__main__":
    main()

"""What every client must be able to do, whichever it is. An adapter tells how one does it:

    brokers(bootstrap)                                  the ids of the brokers it learns of
    produce(bootstrap, topic, partition, lines, acks, compression)
    consume(bootstrap, topic, partition, start)         the lines from there to the end; `start` is
                                                        "beginning", an offset, or ("time", ms)
    follow(bootstrap, topic, partition)                 the first line that comes after its start

Lines are text without newlines.
"""
import itertools
import threading
import time

from broker_cluster import BrokerCluster

ACKS = ("0", "1", "all")
COMPRESSIONS = ("none", "gzip", "snappy", "lz4", "zstd")
PARTITIONS = 3
FOLLOW_SECONDS = 60


class ClientMatrix:
    """Mixed into a unittest.TestCase with `adapter`."""

    adapter = None
    compressions = COMPRESSIONS

    @classmethod
    def setUpClass(cls):
        cls.cluster = BrokerCluster(3)
        cls.enterClassContext(cls.cluster)

    def produce(self, topic, partition, lines, acks="all", compression="none"):
        self.adapter.produce(self.cluster.bootstrap, topic, partition, lines, acks, compression)

    def consume(self, topic, partition, start="beginning"):
        return self.adapter.consume(self.cluster.bootstrap, topic, partition, start)

    def test_every_broker_tells_of_all_brokers(self):
        for broker in self.cluster.brokers.values():
            self.assertEqual(set(self.adapter.brokers(broker.address)), {1, 2, 3})

    def test_what_is_produced_is_consumed_with_all_acks_and_compressions(self):
        self.cluster.create_topic("matrix", PARTITIONS)
        sent = {partition: [] for partition in range(PARTITIONS)}
        for acks, compression in itertools.product(ACKS, self.compressions):
            for partition in range(PARTITIONS):
                lines = [f"{acks} {compression} {partition} {number} " + "x" * (number % 50)
                         for number in range(100)]
                self.produce("matrix", partition, lines, acks, compression)
                sent[partition] += lines
        for partition in range(PARTITIONS):
            # acks=0 is answered before it is read: wait for what was sent last.
            deadline = time.monotonic() + 30
            received = self.consume("matrix", partition)
            while len(received) < len(sent[partition]) and time.monotonic() < deadline:
                received = self.consume("matrix", partition)
            self.assertEqual(sorted(received), sorted(sent[partition]))

    def test_consumption_begins_at_an_offset(self):
        self.cluster.create_topic("offsets")
        lines = [f"line {number}" for number in range(50)]
        self.produce("offsets", 0, lines)
        self.assertEqual(self.consume("offsets", 0), lines)
        self.assertEqual(self.consume("offsets", 0, 17), lines[17:])
        self.assertEqual(self.consume("offsets", 0, 49), lines[49:])

    def test_consumption_begins_at_a_time(self):
        self.cluster.create_topic("times")
        self.produce("times", 0, ["early"] * 10)
        border = time.time_ns() // 1000000 + 1
        while time.time_ns() // 1000000 <= border:
            time.sleep(0.001)
        self.produce("times", 0, ["late"] * 5)
        self.assertEqual(self.consume("times", 0, ("time", border)), ["late"] * 5)

    def test_consumption_begins_at_the_end(self):
        self.cluster.create_topic("ends")
        self.produce("ends", 0, ["before"] * 10)
        received = []
        follower = threading.Thread(
            target=lambda: received.append(
                self.adapter.follow(self.cluster.bootstrap, "ends", 0)))
        follower.start()
        deadline = time.monotonic() + FOLLOW_SECONDS
        while follower.is_alive() and time.monotonic() < deadline:
            self.produce("ends", 0, ["after"])
        follower.join(1)
        self.assertEqual(received, ["after"])

    def test_large_and_empty_values_come_back(self):
        self.cluster.create_topic("sizes")
        lines = ["y" * 900000, "z"]
        if getattr(self.adapter, "sends_empty_values", True):
            lines = ["", lines[0], "", lines[1]]
        self.produce("sizes", 0, lines)
        self.assertEqual(self.consume("sizes", 0), lines)

    def test_an_unknown_topic_is_created_by_asking_for_it(self):
        self.produce("automatic", 0, ["hello"])
        self.assertEqual(self.consume("automatic", 0), ["hello"])

"""All brokers are restarted in turn, and leadership goes back to them, under a load of acks=all with
confluent-kafka (librdkafka), unmodified: no error reaches the application, nothing is lost, and it
is told how long each partition was not acknowledged anything, move by move."""
import collections
import statistics
import threading
import time
import unittest

from confluent_kafka import Consumer, Producer, TopicPartition, OFFSET_BEGINNING

from broker_cluster import BrokerCluster, wait_until

PARTITIONS = 12
# A client that found a broker dead asks it again only after a while, by default up to ten seconds.
# Leadership that returns earlier would wait for that, so it returns later.
RECONNECT_SECONDS = 0.5
PAUSE_SECONDS = 0.01  # between two records of a partition
TIMEOUT_SECONDS = 60
STALL_SECONDS_MAX = 2  # what is aimed at is a tenth of it, on a machine without other work


class Load:
    """A record per partition and pause, each once; when it was acknowledged, and what failed."""

    def __init__(self, bootstrap, topic):
        self.topic = topic
        self.producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "linger.ms": 0,
                                  "reconnect.backoff.max.ms": int(RECONNECT_SECONDS * 1000),
                                  "on_delivery": self._note})
        self.errors, self.sent = [], 0
        self.acknowledged = collections.defaultdict(list)  # by partition: (when, number)
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _note(self, error, message):
        if error is not None:
            self.errors.append(str(error))
        else:
            self.acknowledged[message.partition()].append((time.monotonic(),
                                                           int(message.value())))

    def _run(self):
        due = time.monotonic()
        while not self.stopping.is_set():
            for partition in range(PARTITIONS):
                self.producer.produce(self.topic, str(self.sent).encode(), partition=partition)
            self.sent += 1
            due += PAUSE_SECONDS
            while not self.stopping.is_set() and (left := due - time.monotonic()) > 0:
                self.producer.poll(left)

    def wait_for_more(self, records=50):
        before = {p: len(self.acknowledged[p]) for p in range(PARTITIONS)}
        wait_until(lambda: all(len(self.acknowledged[p]) >= before[p] + records for p in before),
                   TIMEOUT_SECONDS, "records are acknowledged in every partition")

    def finish(self):
        self.stopping.set()
        self.thread.join()
        return self.producer.flush(TIMEOUT_SECONDS)

    def stalls(self, since, until):
        """By partition: the longest time without an acknowledgement."""
        found = {}
        for partition, notes in self.acknowledged.items():
            moments = [since] + [at for at, _ in notes if since < at < until] + [until]
            found[partition] = max(b - a for a, b in zip(moments, moments[1:]))
        return found


class RollingRestartTest(unittest.TestCase):
    def setUp(self):
        self.cluster = BrokerCluster(3, settings={"min.insync.replicas": 2,
                                                  "auto.leader.rebalance.enable": "false"})
        self.enterContext(self.cluster)

    def led_by(self, broker_id):
        return {p for p, told in self.cluster.partitions("orders").items()
                if told["leader"] == broker_id}

    def moved(self, what, load, partitions, since):
        """What the move meant to the partitions that moved; the longest stall."""
        stalls = load.stalls(since, time.monotonic())
        moved = [stalls[p] * 1000 for p in partitions]
        print(f"{what}: {len(moved)} partitions, longest without an acknowledgement, each: median "
              f"{statistics.median(moved):.0f} ms, most {max(moved):.0f} ms", flush=True)
        return max(moved) / 1000

    def restart(self, load, victim):
        longest = []
        led = self.led_by(victim)
        since = time.monotonic()
        self.assertEqual(self.cluster.stop(victim), 0)
        load.wait_for_more()
        longest.append(self.moved(f"broker {victim} stops", load, led, since))
        self.cluster.start_broker(victim)
        self.cluster.wait_until_whole()
        self.cluster.wait_until_in_sync("orders")
        time.sleep(RECONNECT_SECONDS * 1.5)  # its jitter is a fifth
        since = time.monotonic()
        self.cluster.barnabas("leader", "elect", "--preferred", "orders")
        wait_until(lambda: self.led_by(victim) == led, TIMEOUT_SECONDS, f"{victim} leads again")
        load.wait_for_more()
        longest.append(self.moved(f"broker {victim} leads again", load, led, since))
        return longest

    def check_nothing_is_lost(self, load):
        consumer = Consumer({"bootstrap.servers": self.cluster.bootstrap, "group.id": "reader",
                             "enable.auto.commit": False, "enable.partition.eof": True})
        for partition in range(PARTITIONS):
            consumer.assign([TopicPartition("orders", partition, OFFSET_BEGINNING)])
            found = set()
            deadline = time.monotonic() + TIMEOUT_SECONDS
            while time.monotonic() < deadline:
                message = consumer.poll(1)
                if message is not None and message.error():  # the end
                    break
                if message is not None:
                    found.add(int(message.value()))
            self.assertEqual({number for _, number in load.acknowledged[partition]} - found, set(),
                             f"lost of partition {partition}")
        consumer.close()

    def test_an_application_does_not_notice_a_rolling_restart(self):
        self.cluster.create_topic("orders", PARTITIONS)
        self.cluster.wait_until_known("orders")
        load = Load(self.cluster.bootstrap, "orders")
        longest = []
        try:
            load.wait_for_more(200)
            since = time.monotonic()
            load.wait_for_more(200)
            self.moved("nothing moves", load, range(PARTITIONS), since)
            # The controller last, so that each of them is asked by somebody.
            controller = wait_until(self.cluster.controller, 30, "the controller is known")
            for victim in sorted(self.cluster.brokers, key=lambda broker: broker == controller):
                longest += self.restart(load, victim)
        finally:
            left = load.finish()
        self.assertEqual((load.errors, left), ([], 0))
        self.check_nothing_is_lost(load)
        print(f"{load.sent * PARTITIONS} records; longest of all moves "
              f"{max(longest) * 1000:.0f} ms")
        self.assertLess(max(longest), STALL_SECONDS_MAX)


if __name__ == "__main__":
    unittest.main()

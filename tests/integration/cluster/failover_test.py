"""Nothing acknowledged is lost: a producer with acks=all goes on while brokers are killed with
SIGKILL and restarted, the leader of the partition each time, and the controller among them."""
import threading
import time
import unittest

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from broker_cluster import BrokerCluster, wait_until

KILLS = 5
TOPIC = "orders"


class Load(threading.Thread):
    """Sends numbered records one after another; notes which were acknowledged, and when."""

    def __init__(self, bootstrap):
        super().__init__(daemon=True)
        self.producer = KafkaProducer(
            bootstrap_servers=bootstrap, acks="all", retries=1_000_000, linger_ms=5,
            max_in_flight_requests_per_connection=1, request_timeout_ms=5000,
            retry_backoff_ms=50, metadata_max_age_ms=1000, reconnect_backoff_ms=20,
            reconnect_backoff_max_ms=100)
        self.acknowledged = []
        self.failed = []
        self.longest_silence = 0.0
        self.last = time.monotonic()
        self.stopping = threading.Event()

    def note(self, number):
        now = time.monotonic()
        self.longest_silence = max(self.longest_silence, now - self.last)
        self.last = now
        self.acknowledged.append(number)

    def run(self):
        number = 0
        while not self.stopping.wait(0.002):
            future = self.producer.send(TOPIC, b"%d" % number, partition=0)
            future.add_callback(lambda _, sent=number: self.note(sent))
            future.add_errback(lambda error, sent=number: self.failed.append((sent, error)))
            number += 1
        self.producer.flush(60)

    def finish(self):
        self.stopping.set()
        self.join()
        self.producer.close()


def consume_all(bootstrap):
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, consumer_timeout_ms=5000,
                             enable_auto_commit=False)
    partition = TopicPartition(TOPIC, 0)
    consumer.assign([partition])
    consumer.seek_to_beginning(partition)
    end = consumer.end_offsets([partition])[partition]
    received = []
    while consumer.position(partition) < end:
        for records in consumer.poll(1000).values():
            received += [int(record.value) for record in records]
    consumer.close()
    return received


class FailoverTest(unittest.TestCase):
    def in_sync(self, cluster):
        """The leader, and how many are in sync."""
        described = cluster.barnabas("topic", "describe", TOPIC).decode()
        row = described.splitlines()[1].split()
        return int(row[2]), len(row[5].split(","))

    def test_acknowledged_records_survive_the_kill_of_every_leader(self):
        with BrokerCluster(3, settings={"min.insync.replicas": 2}) as cluster:
            cluster.barnabas("topic", "create", TOPIC, "--partitions", "1",
                             "--replication-factor", "3")
            load = Load(cluster.bootstrap)
            load.start()
            for _ in range(KILLS):
                wait_until(lambda: self.in_sync(cluster)[1] == 3, 60, "three replicas in sync")
                before = len(load.acknowledged)
                wait_until(lambda seen=before: len(load.acknowledged) > seen + 100, 60,
                           "records are acknowledged")
                leader, _ = self.in_sync(cluster)
                cluster.kill(leader)
                before = len(load.acknowledged)
                wait_until(lambda seen=before: len(load.acknowledged) > seen + 100, 60,
                           "records are acknowledged by the next leader")
                cluster.start_broker(leader)
            load.finish()
            received = consume_all(cluster.bootstrap)
            print(f"acknowledged {len(load.acknowledged)} received {len(received)} "
                  f"failed {len(load.failed)} longest silence {load.longest_silence:.1f} s")
            missing = set(load.acknowledged) - set(received)
            self.assertEqual(missing, set())
            first = list(dict.fromkeys(received))
            self.assertEqual(first, sorted(first))
            self.assertLess(load.longest_silence, 60)


if __name__ == "__main__":
    unittest.main()
